/* SPDX-License-Identifier: MIT */
/* Sequences of instructions that one cell executes. */
#include "engine/fast_lookahead.h"

/* ---- Loops and calls: additions to a local -------------------------------------- */

/* What a sum adds to a local. */
typedef struct sfpm_sum {
    uint8_t opcode; /* I64_ADD or I32_ADD */
    int32_t local;
    bool is_constant;
    int32_t step; /* the constant, or the slot of a local */
} sfpm_sum_t;

static bool fits_32_bits(uint64_t value)
{
    return value + 0x80000000u <= UINT32_MAX;
}

/* The opcodes of the original mean i64, too. */
static uint8_t modern(uint8_t opcode)
{
    switch (opcode) {
    case SFPM_OP_ADD:
        return SFPM_OP_I64_ADD;
    case SFPM_OP_SUB:
        return SFPM_OP_I64_SUB;
    case SFPM_OP_MUL:
        return SFPM_OP_I64_MUL;
    default:
        return opcode;
    }
}

/* Constants of i32 are zero-extended; adding them as signed ones comes to the same. */
static bool read_constant(uint8_t opcode, uint64_t value, int32_t *number)
{
    if (opcode == SFPM_OP_I32_ADD)
        value = (uint64_t)(int64_t)sfpm_to_i32((uint32_t)value);
    *number = sfpm_to_i32((uint32_t)value);
    return fits_32_bits(value);
}

static bool is_sum(uint8_t opcode, sfpm_operand_value_t a, sfpm_operand_value_t b,
                   sfpm_sum_t *sum)
{
    bool subtracts = false;
    sum->opcode = modern(opcode);
    if (sum->opcode == SFPM_OP_I64_SUB || sum->opcode == SFPM_OP_I32_SUB) {
        subtracts = true;
        sum->opcode = sum->opcode == SFPM_OP_I64_SUB ? SFPM_OP_I64_ADD : SFPM_OP_I32_ADD;
    } else if (a.home == SFPM_IN_CELL) {
        sfpm_operand_value_t other = a;
        a = b;
        b = other;
    }
    if ((sum->opcode != SFPM_OP_I64_ADD && sum->opcode != SFPM_OP_I32_ADD) ||
        a.home != SFPM_IN_LOCAL)
        return false;
    sum->local = (int32_t)a.value;
    sum->is_constant = b.home == SFPM_IN_CELL;
    sum->step = (int32_t)b.value;
    if (sum->is_constant)
        return read_constant(sum->opcode, subtracts ? -b.value : b.value, &sum->step);
    return b.home == SFPM_IN_LOCAL && !subtracts;
}

/* The handlers of a loop's end, FAST_NUM_HANDLERS when there are none. */
static unsigned loop_handler(uint8_t add, uint8_t compare)
{
#define LOOP(first, second)                                                              \
    if (add == SFPM_OP_##first && compare == SFPM_OP_##second)                           \
        return FAST_##first##_##second##_CC;
#include "engine/fast_loops.inc"
    return FAST_NUM_HANDLERS;
}

/* What the sum is compared with, and where to jump when it holds. */
typedef struct sfpm_bound {
    bool is_constant;
    int32_t bound;
    uint8_t compare;
    uint32_t target;
} sfpm_bound_t;

static bool read_branch(sfpm_translation_t *t, bool opposite, sfpm_bound_t *bound)
{
    sfpm_instruction_t next;
    if (!read_one(t, &next))
        return false;
    if (next.info->opcode == SFPM_OP_BR_UNLESS)
        opposite = !opposite;
    else if (next.info->opcode != SFPM_OP_BR_IF)
        return false;
    if (opposite)
        bound->compare = sfpm_fast_opposite(bound->compare);
    bound->target = (uint32_t)next.operand;
    return true;
}

/* A jump on the sum itself: whether it is zero. */
static bool read_zero_test(sfpm_translation_t *t, const sfpm_sum_t *sum,
                           sfpm_bound_t *bound)
{
    sfpm_instruction_t next;
    bool wide = sum->opcode == SFPM_OP_I64_ADD;
    bool is_zero = sfpm_fast_read_next(t, &next) &&
                   next.info->opcode == (wide ? SFPM_OP_I64_EQZ : SFPM_OP_I32_EQZ);
    if (is_zero)
        sfpm_fast_join(t, &next);
    *bound = (sfpm_bound_t){.is_constant = true,
                            .compare = wide ? SFPM_OP_I64_NE : SFPM_OP_I32_NE};
    return read_branch(t, is_zero, bound);
}

static bool read_comparison(sfpm_translation_t *t, const sfpm_sum_t *sum,
                            sfpm_bound_t *bound)
{
    sfpm_instruction_t next;
    if (!read_one(t, &next))
        return false;
    *bound = (sfpm_bound_t){.is_constant = next.info->opcode != SFPM_OP_LOCAL_GET};
    switch ((sfpm_opcode_t)next.info->opcode) {
    case SFPM_OP_PUSH:
    case SFPM_OP_I32_CONST:
    case SFPM_OP_I64_CONST:
        if (!read_constant(sum->opcode, next.operand, &bound->bound))
            return false;
        break;
    case SFPM_OP_LOCAL_GET:
        bound->bound = sfpm_fast_local_slot(next.operand);
        if (bound->bound == sum->local)
            return false;
        break;
    default:
        return false;
    }
    if (!read_one(t, &next))
        return false;
    bound->compare = next.info->opcode;
    return read_branch(t, false, bound);
}

/* The sum goes back to its local and is compared. */
static bool read_loop(sfpm_translation_t *t, const sfpm_sum_t *sum, sfpm_bound_t *bound)
{
    sfpm_instruction_t next;
    if (!read_one(t, &next) || sfpm_fast_local_slot(next.operand) != sum->local)
        return false;
    if (next.info->opcode == SFPM_OP_LOCAL_SET) {
        if (!read_opcode(t, SFPM_OP_LOCAL_GET, &next) ||
            sfpm_fast_local_slot(next.operand) != sum->local)
            return false;
    } else if (next.info->opcode != SFPM_OP_LOCAL_TEE) {
        return false;
    }
    sfpm_ahead_t ahead = look_ahead(t);
    if (read_zero_test(t, sum, bound))
        return true;
    go_back(&ahead);
    return read_comparison(t, sum, bound);
}

/* Puts what lies below two operands into slots: a cell that may be given back after it
 * has changed an accumulator goes back to a state that does not need it. */
static void flush_below(sfpm_translation_t *t, sfpm_operand_value_t a,
                        sfpm_operand_value_t b)
{
    sfpm_fast_flush(t);
    sfpm_fast_push(t, a.home, a.value);
    sfpm_fast_push(t, b.home, b.value);
    sfpm_fast_mark_point(t);
    sfpm_fast_pop(t);
    sfpm_fast_pop(t);
}

static bool fuse_loop(sfpm_translation_t *t, sfpm_operand_value_t a,
                      sfpm_operand_value_t b, const sfpm_sum_t *sum)
{
    sfpm_bound_t bound;
    sfpm_ahead_t ahead = look_ahead(t);
    unsigned handler = FAST_NUM_HANDLERS;
    if (read_loop(t, sum, &bound))
        handler = loop_handler(sum->opcode, bound.compare);
    if (handler == FAST_NUM_HANDLERS)
        return go_back(&ahead);
    flush_below(t, a, b);
    sfpm_fast_assign(t, sum->local);
    handler += 2u * !sum->is_constant + !bound.is_constant;
    sfpm_cell_t *cell = sfpm_fast_emit(t, handler);
    cell->x = sum->local;
    cell->y = sum->step;
    cell->z = bound.bound;
    sfpm_fast_set(t, SFPM_IN_ACC, sum->local);
    sfpm_fast_jump_to(t, bound.target);
    return true;
}

/* The sum is the last argument of a call. */
static bool fuse_call(sfpm_translation_t *t, sfpm_operand_value_t a,
                      sfpm_operand_value_t b, const sfpm_sum_t *sum)
{
    sfpm_instruction_t next;
    sfpm_ahead_t ahead = look_ahead(t);
    if (!sum->is_constant || !read_opcode(t, SFPM_OP_CALL, &next) ||
        sfpm_is_import(t->program, (uint32_t)next.operand) ||
        t->program->functions[next.operand].params == 0)
        return go_back(&ahead);
    flush_below(t, a, b);
    sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_LINK_SECOND);
    cell->x = sum->local;
    cell->to = sfpm_fast_operand_slot(t, t->window.height);
    cell->value = (uint64_t)(int64_t)sum->step;
    t->window.height++;
    bool wide = sum->opcode == SFPM_OP_I64_ADD;
    sfpm_fast_end_call(t, sfpm_fast_emit(t, FAST_SLOW),
                       wide ? FAST_I64_ADD_CALL : FAST_I32_ADD_CALL,
                       (uint32_t)next.operand);
    return true;
}

/* ---- Two operations --------------------------------------------------------------- */

static unsigned pair_handler(uint8_t outer, uint8_t inner)
{
#define PAIR(first, second)                                                              \
    if (outer == SFPM_OP_##first && inner == SFPM_OP_##second)                           \
        return FAST_##first##_##second##_SS;
#include "engine/fast_pairs.inc"
    return FAST_NUM_HANDLERS;
}

/* Forms of pairs, in the order of their handlers; then those that store. */
enum { PAIR_SS, PAIR_AS, PAIR_SA, PAIR_AA, PAIR_STORE };

/* The other operand of the outer operation: below, or a local that is read first. */
static bool read_outer(sfpm_translation_t *t, uint8_t inner, unsigned *handler,
                       sfpm_operand_value_t *other)
{
    sfpm_instruction_t next;
    if (!read_one(t, &next))
        return false;
    *other = (sfpm_operand_value_t){SFPM_IN_SLOT, 0};
    if (next.info->opcode == SFPM_OP_LOCAL_GET) {
        *other = (sfpm_operand_value_t){SFPM_IN_LOCAL,
                                        (uint64_t)sfpm_fast_local_slot(next.operand)};
        if (!read_one(t, &next) ||
            sfpm_fast_exchanged(next.info->opcode) != next.info->opcode)
            return false;
    }
    *handler = pair_handler(modern(next.info->opcode), inner);
    return *handler != FAST_NUM_HANDLERS;
}

/* An operation with a constant, whose result is an operand of another operation. */
static bool fuse_pair(sfpm_translation_t *t, sfpm_operand_value_t a,
                      sfpm_operand_value_t b)
{
    sfpm_operand_value_t other;
    unsigned handler;
    uint32_t height = t->window.height;
    uint8_t inner = modern(t->instruction.info->opcode);
    sfpm_ahead_t ahead = look_ahead(t);
    if (a.home == SFPM_IN_CELL || b.home != SFPM_IN_CELL || !fits_32_bits(b.value) ||
        !read_outer(t, inner, &handler, &other))
        return go_back(&ahead);
    if (other.home != SFPM_IN_LOCAL)
        other = sfpm_fast_pop(t);
    bool a_in = sfpm_fast_is_in(t, a, SFPM_IN_ACC);
    bool other_in = sfpm_fast_is_in(t, other, SFPM_IN_ACC);
    int32_t y = a_in ? 0 : sfpm_fast_to_slot(t, a, height);
    int32_t x = other_in ? 0 : sfpm_fast_to_slot(t, other, t->window.height);
    handler += (a_in ? PAIR_SA : PAIR_SS) + (unsigned)other_in;
    sfpm_cell_t *cell = sfpm_fast_emit_result(t, handler, PAIR_STORE, SFPM_IN_ACC);
    cell->x = x;
    cell->y = y;
    cell->z = sfpm_to_i32((uint32_t)b.value);
    return true;
}

/* ---- Returns -------------------------------------------------------------------------
 */

static unsigned return_handler(uint8_t opcode)
{
    switch (modern(opcode)) {
    case SFPM_OP_I32_ADD:
        return FAST_I32_ADD_RETURN_SS;
    case SFPM_OP_I64_ADD:
        return FAST_I64_ADD_RETURN_SS;
    case SFPM_OP_I32_MUL:
        return FAST_I32_MUL_RETURN_SS;
    case SFPM_OP_I64_MUL:
        return FAST_I64_MUL_RETURN_SS;
    default:
        return FAST_NUM_HANDLERS;
    }
}

/* The function's only result is a sum or product. */
static bool fuse_return(sfpm_translation_t *t, sfpm_operand_value_t a,
                        sfpm_operand_value_t b)
{
    sfpm_instruction_t next;
    sfpm_operands_t operands = {.opcode = t->instruction.info->opcode};
    unsigned handler = return_handler(operands.opcode);
    sfpm_ahead_t ahead = look_ahead(t);
    if (handler == FAST_NUM_HANDLERS || t->function->results != 1 ||
        t->function->may_be_outermost || !read_opcode(t, SFPM_OP_RETURN, &next))
        return go_back(&ahead);
    sfpm_fast_choose_form(t, a, b, &operands);
    sfpm_cell_t *cell = sfpm_fast_emit(t, handler + (unsigned)operands.form);
    sfpm_fast_fill_operands(cell, &operands);
    sfpm_fast_end_return(t, cell);
    t->falls = false;
    return true;
}

bool sfpm_fast_fuse(sfpm_translation_t *t, sfpm_operand_value_t a, sfpm_operand_value_t b)
{
    sfpm_sum_t sum;
    if (is_sum(t->instruction.info->opcode, a, b, &sum) &&
        (fuse_loop(t, a, b, &sum) || fuse_call(t, a, b, &sum)))
        return true;
    return fuse_pair(t, a, b) || sfpm_fast_fuse_real(t, a, b) ||
           sfpm_fast_fuse_address(t, a, b) || fuse_return(t, a, b);
}
