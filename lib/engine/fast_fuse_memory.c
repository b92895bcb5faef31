/* SPDX-License-Identifier: MIT */
/* Sequences of instructions on f64 and memory that one cell executes. */
#include "engine/fast_lookahead.h"

/* ---- f64 -------------------------------------------------------------------------- */

/* Whether what is computed is stored next, at an address in a slot, which is on top now;
 * then both are taken. */
static bool takes_store(sfpm_translation_t *t, int32_t *address, int32_t *offset)
{
    sfpm_instruction_t next;
    if (!sfpm_fast_read_next(t, &next) || next.info->opcode != SFPM_OP_F64_STORE ||
        !is_in_slot(sfpm_fast_peek(t, 0)))
        return false;
    sfpm_fast_join(t, &next);
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    *address = sfpm_fast_to_slot(t, value, t->window.height);
    *offset = (int32_t)(uint32_t)next.operand;
    return true;
}

/* The cell of a product in a sum, which goes to memory or an accumulator. */
static sfpm_cell_t *emit_product(sfpm_translation_t *t, bool adds, unsigned form)
{
    int32_t address, offset;
    unsigned first = adds ? FAST_PRODUCT_ADD_A : FAST_PRODUCT_SUB_A;
    if (!takes_store(t, &address, &offset))
        return sfpm_fast_emit_result(
            t, first + form, (unsigned)FAST_PRODUCT_ADD_STORE_A - FAST_PRODUCT_ADD_A,
            SFPM_IN_FACC);
    first = adds ? FAST_PRODUCT_ADD_MEMORY_A : FAST_PRODUCT_SUB_MEMORY_A;
    sfpm_cell_t *cell = sfpm_fast_emit(t, first + form);
    cell->to = address;
    cell->jump = offset;
    return cell;
}

/* A product that is added to the operand below it, or taken from it. */
static bool fuse_product(sfpm_translation_t *t, sfpm_operand_value_t a,
                         sfpm_operand_value_t b)
{
    sfpm_instruction_t next;
    sfpm_ahead_t ahead = look_ahead(t);
    uint32_t height = t->window.height;
    if (t->instruction.info->opcode != SFPM_OP_F64_MUL || !is_in_slot(a) ||
        !is_in_slot(b) || !read_one(t, &next) ||
        (next.info->opcode != SFPM_OP_F64_ADD && next.info->opcode != SFPM_OP_F64_SUB))
        return go_back(&ahead);
    int32_t x = sfpm_fast_to_slot(t, a, height);
    int32_t y = sfpm_fast_to_slot(t, b, height + 1);
    sfpm_operand_value_t other = sfpm_fast_pop(t);
    bool in = sfpm_fast_is_in(t, other, SFPM_IN_FACC);
    int32_t z = in ? 0 : sfpm_fast_to_slot(t, other, t->window.height);
    sfpm_cell_t *cell = emit_product(t, next.info->opcode == SFPM_OP_F64_ADD, in ? 0 : 1);
    cell->x = x;
    cell->y = y;
    cell->z = z;
    return true;
}

static unsigned memory_handler(uint8_t opcode)
{
    switch (opcode) {
    case SFPM_OP_F64_ADD:
        return FAST_F64_ADD_MEMORY_SS;
    case SFPM_OP_F64_SUB:
        return FAST_F64_SUB_MEMORY_SS;
    case SFPM_OP_F64_MUL:
        return FAST_F64_MUL_MEMORY_SS;
    default:
        return FAST_NUM_HANDLERS;
    }
}

/* The result goes to memory. */
static bool fuse_store(sfpm_translation_t *t, sfpm_operand_value_t a,
                       sfpm_operand_value_t b)
{
    sfpm_instruction_t next;
    int32_t address = 0, offset = 0;
    sfpm_operands_t operands = {.opcode = t->instruction.info->opcode};
    unsigned handler = memory_handler(operands.opcode);
    if (handler == FAST_NUM_HANDLERS || !sfpm_fast_read_next(t, &next) ||
        next.info->opcode != SFPM_OP_F64_STORE || !is_in_slot(sfpm_fast_peek(t, 0)))
        return false;
    sfpm_fast_choose_form(t, a, b, &operands);
    takes_store(t, &address, &offset);
    sfpm_cell_t *cell = sfpm_fast_emit(t, handler + (unsigned)operands.form);
    sfpm_fast_fill_operands(cell, &operands);
    cell->to = address;
    cell->jump = offset;
    return true;
}

bool sfpm_fast_fuse_real(sfpm_translation_t *t, sfpm_operand_value_t a,
                         sfpm_operand_value_t b)
{
    return fuse_product(t, a, b) || fuse_store(t, a, b);
}

/* ---- Loads --------------------------------------------------------------------------
 */

/* The sum of two values in slots is an address. */
bool sfpm_fast_fuse_address(sfpm_translation_t *t, sfpm_operand_value_t a,
                            sfpm_operand_value_t b)
{
    sfpm_instruction_t next;
    sfpm_ahead_t ahead = look_ahead(t);
    uint32_t height = t->window.height;
    if (t->instruction.info->opcode != SFPM_OP_I32_ADD || !is_in_slot(a) ||
        !is_in_slot(b) || !read_one(t, &next) ||
        sfpm_fast_rule(next.info->opcode)->kind != SFPM_RULE_LOAD)
        return go_back(&ahead);
    const sfpm_rule_t *rule = sfpm_fast_rule(next.info->opcode);
    int32_t x = sfpm_fast_to_slot(t, a, height);
    int32_t y = sfpm_fast_to_slot(t, b, height + 1);
    sfpm_cell_t *cell = sfpm_fast_emit_result(t, rule->first + SFPM_LOAD_SS,
                                              SFPM_LOAD_STORE, (sfpm_home_t)rule->to);
    cell->x = x;
    cell->y = y;
    cell->jump = (int32_t)(uint32_t)next.operand;
    return true;
}

static unsigned load_handler(uint8_t operation, uint8_t load)
{
#define WITH_LOAD(first, second)                                                         \
    if (operation == SFPM_OP_##first && load == SFPM_OP_##second)                        \
        return FAST_##first##_##second##_S;
#include "engine/fast_loads.inc"
    return FAST_NUM_HANDLERS;
}

/* Forms of operations with loads, in the order of their handlers. */
enum { WITH_S, WITH_A, WITH_STORE, WITH_BOTH = 4 };

/* The product of two values loaded is added to the operand below. */
static bool fuse_dot(sfpm_translation_t *t, sfpm_cell_t **cell)
{
    sfpm_instruction_t next;
    if (!sfpm_fast_read_next(t, &next) || next.info->opcode != SFPM_OP_F64_ADD)
        return false;
    sfpm_fast_join(t, &next);
    sfpm_operand_value_t other = sfpm_fast_pop(t);
    bool in = sfpm_fast_is_in(t, other, SFPM_IN_FACC);
    int32_t z = in ? 0 : sfpm_fast_to_slot(t, other, t->window.height);
    *cell = sfpm_fast_emit_result(t, in ? FAST_DOT_A : FAST_DOT_S,
                                  (unsigned)FAST_DOT_STORE_A - FAST_DOT_A, SFPM_IN_FACC);
    (*cell)->z = z;
    return true;
}

/* Both operands of an operation are loaded, the second one from a local's address. */
static bool fuse_both(sfpm_translation_t *t, int32_t x, uint32_t offset)
{
    sfpm_instruction_t local, load, operation;
    sfpm_cell_t *cell;
    sfpm_ahead_t ahead = look_ahead(t);
    unsigned handler = FAST_NUM_HANDLERS;
    if (read_opcode(t, SFPM_OP_LOCAL_GET, &local) &&
        read_opcode(t, (sfpm_opcode_t)t->instruction.info->opcode, &load) &&
        read_one(t, &operation))
        handler = load_handler(operation.info->opcode, load.info->opcode);
    if (handler == FAST_NUM_HANDLERS)
        return go_back(&ahead);
    if (operation.info->opcode != SFPM_OP_F64_MUL || !fuse_dot(t, &cell))
        cell = sfpm_fast_emit_result(
            t, handler + WITH_BOTH, 1,
            (sfpm_home_t)sfpm_fast_rule(operation.info->opcode)->to);
    cell->x = x;
    cell->y = sfpm_fast_local_slot(local.operand);
    cell->jump = (int32_t)offset;
    cell->cost = (int32_t)(uint32_t)load.operand;
    return true;
}

/* What is loaded is the second operand of an operation, or the first one and the second
 * one is loaded, too. */
bool sfpm_fast_fuse_load(sfpm_translation_t *t, sfpm_operand_value_t address)
{
    sfpm_instruction_t next;
    unsigned handler = FAST_NUM_HANDLERS;
    uint32_t height = t->window.height;
    sfpm_ahead_t ahead = look_ahead(t);
    if (is_in_slot(address) && fuse_both(t, sfpm_fast_to_slot(t, address, height),
                                         (uint32_t)t->instruction.operand))
        return true;
    if (is_in_slot(address) && read_one(t, &next))
        handler = load_handler(next.info->opcode, t->instruction.info->opcode);
    if (handler == FAST_NUM_HANDLERS)
        return go_back(&ahead);
    const sfpm_rule_t *rule = sfpm_fast_rule(next.info->opcode);
    int32_t x = sfpm_fast_to_slot(t, address, height);
    sfpm_operand_value_t other = sfpm_fast_pop(t);
    bool in = sfpm_fast_is_in(t, other, (sfpm_home_t)rule->from);
    int32_t y = in ? 0 : sfpm_fast_to_slot(t, other, t->window.height);
    sfpm_cell_t *cell = sfpm_fast_emit_result(t, handler + (in ? WITH_A : WITH_S),
                                              WITH_STORE, (sfpm_home_t)rule->to);
    cell->x = x;
    cell->y = y;
    cell->jump = (int32_t)(uint32_t)t->instruction.operand;
    return true;
}
