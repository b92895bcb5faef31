/* SPDX-License-Identifier: MIT */
/* Where a cell finds its operands and leaves its result. */
#include "engine/fast_rules.h"

/* ---- Where results go -------------------------------------------------------- */

/* When the result, of a cell that is about to be made, goes to a local: which. */
static bool takes_result(sfpm_translation_t *t, int32_t *slot, bool *stays)
{
    sfpm_instruction_t next;
    if (!sfpm_fast_read_next(t, &next) || (next.info->opcode != SFPM_OP_LOCAL_SET &&
                                           next.info->opcode != SFPM_OP_LOCAL_TEE))
        return false;
    sfpm_fast_join(t, &next);
    *slot = sfpm_fast_local_slot(next.operand);
    *stays = next.info->opcode == SFPM_OP_LOCAL_TEE;
    sfpm_fast_assign(t, *slot);
    return true;
}

/* Makes the cell of an operation whose result is in accumulator `home`, or the one
 * `store` numbers further on that puts it into a local too. */
sfpm_cell_t *sfpm_fast_emit_result(sfpm_translation_t *t, unsigned handler,
                                   unsigned store, sfpm_home_t home)
{
    int32_t slot = SFPM_NO_LOCAL;
    bool stays = true;
    sfpm_fast_make_room(t);
    sfpm_fast_spill(t, home);
    bool stored = takes_result(t, &slot, &stays);
    sfpm_cell_t *cell = sfpm_fast_emit(t, stored ? handler + store : handler);
    cell->to = slot;
    sfpm_fast_set(t, home, slot);
    if (stays)
        sfpm_fast_push(t, home, 0);
    return cell;
}

/* ---- Binary operations -------------------------------------------------------- */

static void swap_operands(sfpm_operands_t *operands, sfpm_operand_value_t *a,
                          sfpm_operand_value_t *b)
{
    sfpm_operand_value_t other = *a;
    *a = *b;
    *b = other;
    operands->opcode = sfpm_fast_exchanged(operands->opcode);
}

/* Finds the form for two popped operands; `height` is below them. */
void sfpm_fast_choose_form(sfpm_translation_t *t, sfpm_operand_value_t a,
                           sfpm_operand_value_t b, sfpm_operands_t *operands)
{
    sfpm_home_t from = (sfpm_home_t)sfpm_fast_rule(operands->opcode)->from;
    uint32_t height_a = t->window.height, height_b = height_a + 1;
    if (a.home == SFPM_IN_CELL && b.home != SFPM_IN_CELL &&
        sfpm_fast_exchanged(operands->opcode) != SFPM_FAST_NO_OPCODE) {
        swap_operands(operands, &a, &b);
        height_a++;
        height_b--;
    }
    bool a_in = sfpm_fast_is_in(t, a, from);
    if (b.home == SFPM_IN_CELL) {
        operands->form = a_in ? SFPM_FORM_AC : SFPM_FORM_SC;
        operands->value = b.value;
    } else if (sfpm_fast_is_in(t, b, from) && !(a_in && b.home == SFPM_IN_LOCAL)) {
        operands->form = SFPM_FORM_SA;
    } else {
        operands->form = a_in ? SFPM_FORM_AS : SFPM_FORM_SS;
        operands->y = sfpm_fast_to_slot(t, b, height_b);
    }
    if (operands->form != SFPM_FORM_AS && operands->form != SFPM_FORM_AC)
        operands->x = sfpm_fast_to_slot(t, a, height_a);
}

void sfpm_fast_fill_operands(sfpm_cell_t *cell, const sfpm_operands_t *operands)
{
    cell->x = operands->x;
    if (operands->form == SFPM_FORM_SC || operands->form == SFPM_FORM_AC)
        cell->value = operands->value;
    else
        cell->y = operands->y;
}

/* The handler of a comparison that jumps. */
unsigned sfpm_fast_jump_handler(const sfpm_operands_t *operands, bool unless)
{
    const sfpm_rule_t *rule = sfpm_fast_rule(operands->opcode);
    if (rule->from == SFPM_IN_FACC)
        return rule->first + (unsigned)operands->form +
               (unless ? SFPM_FORM_UNLESS : SFPM_FORM_JUMP);
    if (unless)
        rule = sfpm_fast_rule(sfpm_fast_opposite(operands->opcode));
    return rule->first + SFPM_FORM_JUMP + (unsigned)operands->form;
}

/* ---- Calls -------------------------------------------------------------------- */

void sfpm_fast_end_return(sfpm_translation_t *t, sfpm_cell_t *cell)
{
    cell->to = sfpm_fast_local_slot((uint64_t)t->function->params + t->function->locals);
    cell->cost = (int32_t)(t->instructions - (t->index + t->count));
}

void sfpm_fast_return_value(sfpm_translation_t *t, sfpm_operand_value_t value)
{
    bool real = t->function->result_types[0] == SFPM_TYPE_F64;
    unsigned handler = real ? FAST_RETURN_FS : FAST_RETURN_S;
    int32_t slot = 0;
    if (sfpm_fast_is_in(t, value, real ? SFPM_IN_FACC : SFPM_IN_ACC))
        handler = FAST_RETURN;
    else if (value.home == SFPM_IN_CELL)
        handler = real ? FAST_RETURN_FC : FAST_RETURN_C;
    else
        slot = sfpm_fast_to_slot(t, value, t->window.height);
    sfpm_cell_t *cell = sfpm_fast_emit(t, handler);
    cell->x = slot;
    if (value.home == SFPM_IN_CELL)
        cell->value = value.value;
    sfpm_fast_end_return(t, cell);
}

void sfpm_fast_begin_call(sfpm_translation_t *t, sfpm_cell_t *cell, uint32_t params)
{
    t->window.height -= params;
    cell->to = sfpm_fast_operand_slot(t, t->window.height);
    cell->x = (int32_t)t->next;
    cell->jump = (int32_t)(t->instructions - (t->index + t->count));
}

void sfpm_fast_push_results(sfpm_translation_t *t, uint32_t results, const uint8_t *types)
{
    sfpm_fast_forget(t);
    sfpm_fast_add_label(t, t->next, t->index + t->count);
    if (results == 1)
        sfpm_fast_push(t, types[0] == SFPM_TYPE_F64 ? SFPM_IN_FACC : SFPM_IN_ACC, 0);
    else
        t->window.height += results;
}

void sfpm_fast_end_call(sfpm_translation_t *t, sfpm_cell_t *cell, unsigned handler,
                        uint32_t callee)
{
    const sfpm_function_t *function = &t->program->functions[callee];
    cell->value = callee | (uint64_t)handler << 32;
    sfpm_fast_begin_call(t, cell, function->params);
    sfpm_fast_push_results(t, function->results, function->result_types);
}
