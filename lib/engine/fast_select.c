/* SPDX-License-Identifier: MIT */
/* Which cells an instruction becomes. */
#include "engine/fast_rules.h"

static bool next_is(const sfpm_translation_t *t, sfpm_opcode_t opcode,
                    sfpm_instruction_t *next)
{
    return sfpm_fast_read_next(t, next) && next->info->opcode == opcode;
}

/* ---- Binary operations -------------------------------------------------------- */

/* A comparison and the jump that follows it. */
static bool compare_and_jump(sfpm_translation_t *t, sfpm_operand_value_t a,
                             sfpm_operand_value_t b)
{
    sfpm_instruction_t next;
    sfpm_operands_t operands = {.opcode = t->instruction.info->opcode};
    bool unless = next_is(t, SFPM_OP_BR_UNLESS, &next);
    if (!unless && !next_is(t, SFPM_OP_BR_IF, &next))
        return false;
    sfpm_fast_join(t, &next);
    sfpm_fast_choose_form(t, a, b, &operands);
    sfpm_fast_flush(t);
    sfpm_fast_fill_operands(sfpm_fast_emit(t, sfpm_fast_jump_handler(&operands, unless)),
                            &operands);
    sfpm_fast_jump_to(t, (uint32_t)next.operand);
    return true;
}

static void select_binary(sfpm_translation_t *t, const sfpm_rule_t *rule)
{
    sfpm_operand_value_t b = sfpm_fast_pop(t);
    sfpm_operand_value_t a = sfpm_fast_pop(t);
    sfpm_operands_t operands = {.opcode = t->instruction.info->opcode};
    if (sfpm_fast_fuse(t, a, b) ||
        (rule->kind == SFPM_RULE_COMPARE && compare_and_jump(t, a, b)))
        return;
    sfpm_fast_choose_form(t, a, b, &operands);
    rule = sfpm_fast_rule(operands.opcode);
    sfpm_fast_fill_operands(sfpm_fast_emit_result(t,
                                                  rule->first + (unsigned)operands.form,
                                                  SFPM_FORM_STORE, (sfpm_home_t)rule->to),
                            &operands);
}

/* ---- Unary operations and memory ---------------------------------------------- */

/* A jump on whether the top of the stack is zero. */
static void jump_on(sfpm_translation_t *t, bool unless, uint32_t target)
{
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    bool in_acc = sfpm_fast_is_in(t, value, SFPM_IN_ACC);
    int32_t slot = in_acc ? 0 : sfpm_fast_to_slot(t, value, t->window.height);
    sfpm_fast_flush(t);
    unsigned in_slot = unless ? FAST_JUMP_UNLESS_S : FAST_JUMP_IF_S;
    unsigned in_a = unless ? FAST_JUMP_UNLESS_A : FAST_JUMP_IF_A;
    sfpm_fast_emit(t, in_acc ? in_a : in_slot)->x = slot;
    sfpm_fast_jump_to(t, target);
}

/* eqz and the jump that follows it. */
static bool zero_and_jump(sfpm_translation_t *t)
{
    sfpm_instruction_t next;
    bool unless = next_is(t, SFPM_OP_BR_UNLESS, &next);
    if (!unless && !next_is(t, SFPM_OP_BR_IF, &next))
        return false;
    sfpm_fast_join(t, &next);
    jump_on(t, !unless, (uint32_t)next.operand);
    return true;
}

static void select_unary(sfpm_translation_t *t, const sfpm_rule_t *rule)
{
    uint8_t opcode = t->instruction.info->opcode;
    if ((opcode == SFPM_OP_I32_EQZ || opcode == SFPM_OP_I64_EQZ) && zero_and_jump(t))
        return;
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    bool in = sfpm_fast_is_in(t, value, (sfpm_home_t)rule->from);
    int32_t slot = in ? 0 : sfpm_fast_to_slot(t, value, t->window.height);
    unsigned form = in ? SFPM_UNARY_A : SFPM_UNARY_S;
    sfpm_fast_emit_result(t, rule->first + form, SFPM_UNARY_STORE, (sfpm_home_t)rule->to)
        ->x = slot;
}

static void select_load(sfpm_translation_t *t, const sfpm_rule_t *rule)
{
    sfpm_operand_value_t address = sfpm_fast_pop(t);
    uint32_t offset = (uint32_t)t->instruction.operand;
    if (sfpm_fast_fuse_load(t, address))
        return;
    bool in = sfpm_fast_is_in(t, address, SFPM_IN_ACC);
    int32_t slot = in ? 0 : sfpm_fast_to_slot(t, address, t->window.height);
    sfpm_cell_t *cell =
        sfpm_fast_emit_result(t, rule->first + (in ? SFPM_LOAD_A + 0u : SFPM_LOAD_S),
                              SFPM_LOAD_STORE, (sfpm_home_t)rule->to);
    cell->x = slot;
    cell->jump = (int32_t)offset;
}

static void select_store(sfpm_translation_t *t, const sfpm_rule_t *rule)
{
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    sfpm_operand_value_t address = sfpm_fast_pop(t);
    uint32_t height = t->window.height;
    bool in = sfpm_fast_is_in(t, address, SFPM_IN_ACC);
    int32_t x = 0, y = 0;
    unsigned form = SFPM_STORE_SS;
    if (address.home == SFPM_IN_LOCAL && value.home == SFPM_IN_ACC)
        in = false;
    if (value.home == SFPM_IN_CELL)
        form = in ? SFPM_STORE_AC : SFPM_STORE_SC;
    else if (sfpm_fast_is_in(t, value, (sfpm_home_t)rule->from) &&
             !(in && rule->from == SFPM_IN_ACC))
        form = in ? SFPM_STORE_AF : SFPM_STORE_SA;
    else if (in)
        form = SFPM_STORE_AS;
    if (form == SFPM_STORE_SS || form == SFPM_STORE_AS)
        y = sfpm_fast_to_slot(t, value, height + 1);
    if (form == SFPM_STORE_SS || form == SFPM_STORE_SC || form == SFPM_STORE_SA)
        x = sfpm_fast_to_slot(t, address, height);
    sfpm_cell_t *cell = sfpm_fast_emit(t, rule->first + form);
    cell->x = x;
    cell->jump = (int32_t)(uint32_t)t->instruction.operand;
    if (value.home == SFPM_IN_CELL)
        cell->value = value.value;
    else
        cell->y = y;
}

/* ---- Values ------------------------------------------------------------------- */

static void select_local_set(sfpm_translation_t *t, bool stays)
{
    int32_t slot = sfpm_fast_local_slot(t->instruction.operand);
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    int32_t from = sfpm_fast_operand_slot(t, t->window.height);
    sfpm_fast_assign(t, slot);
    sfpm_cell_t *cell = &t->last;
    switch (value.home) {
    case SFPM_IN_SLOT:
    case SFPM_IN_LOCAL:
        cell = sfpm_fast_emit(t, FAST_MOVE);
        cell->x = value.home == SFPM_IN_LOCAL ? (int32_t)value.value : from;
        break;
    case SFPM_IN_CELL:
        cell = sfpm_fast_emit(t, FAST_CONST);
        cell->value = value.value;
        break;
    case SFPM_IN_ACC:
    case SFPM_IN_FACC:
        cell = sfpm_fast_emit(t, value.home == SFPM_IN_ACC ? FAST_PUT_A : FAST_PUT_F);
        sfpm_fast_set(t, value.home, slot);
        break;
    }
    cell->to = slot;
    if (stays && value.home == SFPM_IN_CELL)
        sfpm_fast_push(t, SFPM_IN_CELL, value.value);
    else if (stays)
        sfpm_fast_push(t, SFPM_IN_LOCAL, (uint64_t)slot);
}

/* One that is in an accumulator goes into its slot and stays there, too. */
static void select_dup(sfpm_translation_t *t)
{
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    int32_t slot = sfpm_fast_to_slot(t, value, t->window.height);
    switch (value.home) {
    case SFPM_IN_LOCAL:
    case SFPM_IN_CELL:
        sfpm_fast_push(t, value.home, value.value);
        sfpm_fast_push(t, value.home, value.value);
        return;
    case SFPM_IN_ACC:
    case SFPM_IN_FACC:
        sfpm_fast_push(t, SFPM_IN_SLOT, 0);
        sfpm_fast_push(t, value.home, 0);
        return;
    case SFPM_IN_SLOT:
        break;
    }
    sfpm_fast_push(t, SFPM_IN_SLOT, 0);
    sfpm_fast_emit_result(t, FAST_GET, (unsigned)FAST_GET_STORE - FAST_GET, SFPM_IN_ACC)
        ->x = slot;
}

static void select_value(sfpm_translation_t *t)
{
    sfpm_operand_value_t condition = sfpm_fast_pop(t);
    sfpm_operand_value_t b = sfpm_fast_pop(t);
    sfpm_operand_value_t a = sfpm_fast_pop(t);
    uint32_t height = t->window.height;
    bool in = sfpm_fast_is_in(t, condition, SFPM_IN_ACC);
    int32_t x = sfpm_fast_to_slot(t, a, height);
    int32_t y = sfpm_fast_to_slot(t, b, height + 1);
    int32_t z = in ? 0 : sfpm_fast_to_slot(t, condition, height + 2);
    sfpm_cell_t *cell =
        sfpm_fast_emit_result(t, in ? FAST_SELECT_A : FAST_SELECT_S,
                              (unsigned)FAST_SELECT_STORE_A - FAST_SELECT_A, SFPM_IN_ACC);
    cell->x = x;
    cell->y = y;
    cell->z = z;
}

static void select_global_get(sfpm_translation_t *t)
{
    uint64_t offset = t->instruction.operand * SFPM_GLOBAL_SIZE;
    sfpm_fast_emit_result(t, FAST_GLOBAL_GET,
                          (unsigned)FAST_GLOBAL_GET_STORE - FAST_GLOBAL_GET, SFPM_IN_ACC)
        ->value = offset;
}

static void select_global_set(sfpm_translation_t *t)
{
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    bool in = sfpm_fast_is_in(t, value, SFPM_IN_ACC);
    int32_t x = in ? 0 : sfpm_fast_to_slot(t, value, t->window.height);
    sfpm_cell_t *cell = sfpm_fast_emit(t, in ? FAST_GLOBAL_SET_A : FAST_GLOBAL_SET_S);
    cell->x = x;
    cell->value = t->instruction.operand * SFPM_GLOBAL_SIZE;
}

/* ---- Control ------------------------------------------------------------------ */

/* Tier 0 executes it, with all operands where it expects them. */
static void leave_to_tier0(sfpm_translation_t *t)
{
    sfpm_fast_flush(t);
    sfpm_fast_mark_point(t);
    sfpm_fast_emit(t, FAST_STEP)->x = (int32_t)t->offset;
    sfpm_fast_forget(t);
    t->window.height = sfpm_height_at(t->proof, t->next);
}

/* Execution ends here, or tier 0 finds out why not. */
static void end_slowly(sfpm_translation_t *t)
{
    sfpm_fast_emit(t, FAST_SLOW);
    t->falls = false;
}

static void select_return(sfpm_translation_t *t)
{
    uint32_t results = t->function->results;
    if (t->function->may_be_outermost)
        sfpm_fast_emit(t, FAST_OUTERMOST);
    if (results == 1) {
        sfpm_fast_return_value(t, sfpm_fast_pop(t));
    } else {
        sfpm_fast_flush(t);
        sfpm_cell_t *cell = sfpm_fast_emit(t, results ? FAST_RETURN_MANY : FAST_RETURN);
        cell->x = sfpm_fast_operand_slot(t, t->window.height - results);
        cell->y = (int32_t)(results * SFPM_SLOT_SIZE);
        sfpm_fast_end_return(t, cell);
    }
    t->falls = false;
}

static void select_call(sfpm_translation_t *t)
{
    uint32_t callee = (uint32_t)t->instruction.operand;
    if (sfpm_is_import(t->program, callee)) {
        leave_to_tier0(t);
        return;
    }
    sfpm_fast_flush(t);
    sfpm_fast_mark_point(t);
    sfpm_fast_end_call(t, sfpm_fast_emit(t, FAST_LINK), FAST_CALL, callee);
}

static void select_call_indirect(sfpm_translation_t *t, uint32_t table, uint32_t number)
{
    const sfpm_function_type_t *type = &t->program->types[number];
    sfpm_fast_flush(t);
    sfpm_fast_mark_point(t);
    int32_t element = sfpm_fast_operand_slot(t, --t->window.height);
    bool is_longer = t->instruction.info->opcode == SFPM_OP_TABLE_CALL;
    sfpm_cell_t *cell =
        sfpm_fast_emit(t, is_longer ? FAST_TABLE_CALL : FAST_CALL_INDIRECT);
    cell->cost = element;
    cell->y = (int32_t)type->like;
    cell->z = (int32_t)table;
    sfpm_fast_begin_call(t, cell, type->params);
    sfpm_fast_push_results(t, type->results, type->types + type->params);
}

static void select_jump(sfpm_translation_t *t)
{
    sfpm_fast_flush(t);
    sfpm_fast_mark_point(t);
    sfpm_fast_emit(t, FAST_JUMP);
    sfpm_fast_jump_to(t, (uint32_t)t->instruction.operand);
    t->falls = false;
}

/* A cell that finds the right one among the jumps that follow it. */
static void select_jump_table(sfpm_translation_t *t)
{
    const uint8_t *code = t->program->code;
    sfpm_operand_value_t value = sfpm_fast_pop(t);
    int32_t slot = sfpm_fast_to_slot(t, value, t->window.height);
    sfpm_fast_flush(t);
    sfpm_fast_push(t, SFPM_IN_SLOT, 0);
    if (value.home == SFPM_IN_LOCAL)
        t->window.values[0] = value;
    sfpm_fast_mark_point(t);
    sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_JUMP_TABLE);
    cell->x = slot;
    cell->value = t->instruction.operand;
    for (uint32_t i = 0; i < sfpm_num_targets(&t->instruction); i++) {
        sfpm_fast_emit(t, FAST_JUMP);
        sfpm_fast_jump_to(t, sfpm_target(code, t->offset, &t->instruction, i));
    }
    t->falls = false;
}

enum { FEW = 4 };

/* Values that are in no slot of their own need not be moved. */
static void select_unwind(sfpm_translation_t *t)
{
    uint32_t keep = sfpm_unwind_keep(t->instruction.operand);
    uint32_t drop = sfpm_unwind_drop(t->instruction.operand);
    sfpm_operand_value_t kept[FEW];
    if (keep > FEW) {
        leave_to_tier0(t);
        return;
    }
    for (uint32_t i = 0; i < keep; i++)
        kept[i] = sfpm_fast_pop(t);
    uint32_t height = t->window.height;
    for (uint32_t i = 0; i < drop; i++)
        sfpm_fast_pop(t);
    for (uint32_t i = keep; i-- > 0; height++) {
        int32_t to = sfpm_fast_operand_slot(t, t->window.height);
        if (kept[i].home == SFPM_IN_SLOT && drop > 0) {
            sfpm_cell_t *cell = sfpm_fast_emit(t, FAST_MOVE);
            cell->to = to;
            cell->x = sfpm_fast_operand_slot(t, height);
        }
        sfpm_fast_push(t, kept[i].home, kept[i].value);
    }
}

/* Instructions that move values about. Whether it is one. */
static bool select_move(sfpm_translation_t *t)
{
    uint64_t operand = t->instruction.operand;
    switch ((sfpm_opcode_t)t->instruction.info->opcode) {
    case SFPM_OP_PUSH:
    case SFPM_OP_I32_CONST:
    case SFPM_OP_I64_CONST:
    case SFPM_OP_F32_CONST:
    case SFPM_OP_F64_CONST:
    case SFPM_OP_REF_FUNC:
        sfpm_fast_push(t, SFPM_IN_CELL, operand);
        return true;
    case SFPM_OP_REF_NULL:
        sfpm_fast_push(t, SFPM_IN_CELL, SFPM_NULL_REFERENCE);
        return true;
    case SFPM_OP_LOCAL_GET:
        sfpm_fast_push(t, SFPM_IN_LOCAL, (uint64_t)sfpm_fast_local_slot(operand));
        return true;
    case SFPM_OP_LOCAL_SET:
        select_local_set(t, false);
        return true;
    case SFPM_OP_LOCAL_TEE:
        select_local_set(t, true);
        return true;
    case SFPM_OP_GLOBAL_GET:
        select_global_get(t);
        return true;
    case SFPM_OP_GLOBAL_SET:
        select_global_set(t);
        return true;
    case SFPM_OP_NOP:
        return true;
    case SFPM_OP_DROP:
        sfpm_fast_pop(t);
        return true;
    case SFPM_OP_DUP:
        select_dup(t);
        return true;
    case SFPM_OP_SELECT:
        select_value(t);
        return true;
    case SFPM_OP_UNWIND:
        select_unwind(t);
        return true;
    default:
        return false;
    }
}

static void select_control(sfpm_translation_t *t)
{
    uint64_t operand = t->instruction.operand;
    switch ((sfpm_opcode_t)t->instruction.info->opcode) {
    case SFPM_OP_BR:
        select_jump(t);
        return;
    case SFPM_OP_BR_IF:
        jump_on(t, false, (uint32_t)operand);
        return;
    case SFPM_OP_BR_UNLESS:
        jump_on(t, true, (uint32_t)operand);
        return;
    case SFPM_OP_BR_TABLE:
        select_jump_table(t);
        return;
    case SFPM_OP_CALL:
        select_call(t);
        return;
    case SFPM_OP_CALL_INDIRECT:
        select_call_indirect(t, 0, (uint32_t)operand);
        return;
    case SFPM_OP_TABLE_CALL:
        select_call_indirect(t, sfpm_first_number(operand),
                             sfpm_second_number(operand));
        return;
    case SFPM_OP_RETURN:
        select_return(t);
        return;
    case SFPM_OP_HALT:
    case SFPM_OP_UNREACHABLE:
        end_slowly(t);
        return;
    default:
        leave_to_tier0(t);
        return;
    }
}

void sfpm_fast_select(sfpm_translation_t *t)
{
    const sfpm_rule_t *rule = sfpm_fast_rule(t->instruction.info->opcode);
    switch ((sfpm_rule_kind_t)rule->kind) {
    case SFPM_RULE_BINARY:
    case SFPM_RULE_COMPARE:
        select_binary(t, rule);
        return;
    case SFPM_RULE_UNARY:
        select_unary(t, rule);
        return;
    case SFPM_RULE_LOAD:
        select_load(t, rule);
        return;
    case SFPM_RULE_STORE:
        select_store(t, rule);
        return;
    case SFPM_RULE_NONE:
        if (!select_move(t))
            select_control(t);
        return;
    }
}
