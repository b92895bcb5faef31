/* SPDX-License-Identifier: MIT */
/* The verifier, and its second pass: the stack before each instruction. */
#include "bytecode/verifier.h"

#include <stdlib.h>

static const sfpm_shape_t *top(const sfpm_verifier_t *v)
{
    return &v->proof->shapes.list[v->shape];
}

/* The instruction takes `count` values and the stack has fewer? */
static bool need(const sfpm_verifier_t *v, uint32_t count)
{
    return top(v)->height >= count ||
           sfpm_fail_code(v->program, v->offset,
                          "stack underflow: %s takes %u value%s, the stack has %u",
                          v->instruction.info->mnemonic, count, count == 1 ? "" : "s",
                          top(v)->height);
}

static bool pop(sfpm_verifier_t *v, uint8_t type)
{
    const sfpm_shape_t *shape = top(v);
    if (shape->type != type)
        return sfpm_fail_code(v->program, v->offset,
                              "%s takes %s, value %u of the stack is %s",
                              v->instruction.info->mnemonic, sfpm_type_name(type),
                              shape->height - 1u, sfpm_type_name(shape->type));
    v->shape = shape->below;
    return true;
}

static uint8_t pop_any(sfpm_verifier_t *v)
{
    const sfpm_shape_t *shape = top(v);
    v->shape = shape->below;
    return shape->type;
}

static bool push(sfpm_verifier_t *v, uint8_t type)
{
    if (top(v)->height == SFPM_MAX_HEIGHT)
        return sfpm_fail_code(v->program, v->offset, "more than %u values on the stack",
                              SFPM_MAX_HEIGHT);
    if (!sfpm_shape_push(&v->proof->shapes, &v->shape, type))
        return false;
    if (top(v)->height > v->max_height)
        v->max_height = top(v)->height;
    return true;
}

/* Instructions of a few bytes may move many values. */
static bool count_moved(sfpm_verifier_t *v, uint32_t count)
{
    v->proof->moved += count;
    return v->proof->moved <= SFPM_MAX_MOVED ||
           sfpm_fail(SFPM_ERR_LIMIT,
                     "calls, returns and unwinds of the program move more than %u values "
                     "in all",
                     SFPM_MAX_MOVED);
}

static bool pop_all(sfpm_verifier_t *v, const uint8_t *types, uint32_t count)
{
    if (!count_moved(v, count))
        return false;
    while (count > 0)
        if (!pop(v, types[--count]))
            return false;
    return true;
}

static bool push_all(sfpm_verifier_t *v, const uint8_t *types, uint32_t count)
{
    if (!count_moved(v, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!push(v, types[i]))
            return false;
    return true;
}

/* All values of version 1 are i64, the results of comparisons, too. */
static uint8_t type_of(const sfpm_verifier_t *v, char letter)
{
    static const uint8_t types[] = {
#define TYPE_OF_LETTER(number, name, letter, text) [letter] = number,
        SFPM_TYPES(TYPE_OF_LETTER)
#undef TYPE_OF_LETTER
    };
    return v->program->version == 1 ? SFPM_TYPE_I64 : types[(uint8_t)letter];
}

/* A condition is an integer of either width. */
static bool pop_condition(sfpm_verifier_t *v)
{
    return pop(v, top(v)->type == SFPM_TYPE_I64 ? SFPM_TYPE_I64 : SFPM_TYPE_I32);
}

static bool follow_call(sfpm_verifier_t *v)
{
    const sfpm_function_t *callee = &v->program->functions[v->instruction.operand];
    return need(v, callee->params) && pop_all(v, callee->param_types, callee->params) &&
           push_all(v, callee->result_types, callee->results);
}

/* Through a table, a function of type number `number`. */
static bool follow_call_indirect(sfpm_verifier_t *v, uint32_t number)
{
    const sfpm_function_type_t *type = &v->program->types[number];
    return need(v, type->params + 1u) && pop(v, SFPM_TYPE_I32) &&
           pop_all(v, type->types, type->params) &&
           push_all(v, type->types + type->params, type->results);
}

static bool follow_unwind(sfpm_verifier_t *v)
{
    uint8_t kept[SFPM_MAX_VALUES];
    uint32_t keep = sfpm_unwind_keep(v->instruction.operand);
    uint32_t drop = sfpm_unwind_drop(v->instruction.operand);
    if (!need(v, keep + drop) || !count_moved(v, keep))
        return false;
    for (uint32_t i = keep; i > 0; i--)
        kept[i - 1] = pop_any(v);
    v->shape = sfpm_shape_below(&v->proof->shapes, v->shape, drop);
    return push_all(v, kept, keep);
}

static bool follow_select(sfpm_verifier_t *v)
{
    if (!need(v, 3) || !pop_condition(v))
        return false;
    uint8_t type = pop_any(v);
    return pop(v, type) && push(v, type);
}

static bool follow_dup(sfpm_verifier_t *v)
{
    return need(v, 1) && push(v, top(v)->type);
}

static bool follow_return(sfpm_verifier_t *v)
{
    const sfpm_function_t *function = v->function;
    return need(v, function->results) &&
           pop_all(v, function->result_types, function->results);
}

/* An instruction whose signature says all. */
static bool follow_signature(sfpm_verifier_t *v)
{
    const char *signature = v->instruction.info->signature;
    const char *colon = signature;
    while (*colon != ':')
        colon++;
    if (!need(v, (uint32_t)(colon - signature)))
        return false;
    for (const char *c = colon; c > signature; c--)
        if (c[-1] == 'c' ? !pop_condition(v) : !pop(v, type_of(v, c[-1])))
            return false;
    for (const char *c = colon + 1; *c; c++)
        if (!push(v, type_of(v, *c)))
            return false;
    return true;
}

static bool pop_variable(sfpm_verifier_t *v, uint8_t type)
{
    return need(v, 1) && pop(v, type);
}

/* table.get, table.set, table.grow, table.fill: with a reference of the table's type. */
static bool follow_table(sfpm_verifier_t *v, uint8_t opcode)
{
    uint8_t type = v->program->tables[v->instruction.operand].type;
    switch (opcode) {
    case SFPM_OP_TABLE_GET:
        return need(v, 1) && pop(v, SFPM_TYPE_I32) && push(v, type);
    case SFPM_OP_TABLE_SET:
        return need(v, 2) && pop(v, type) && pop(v, SFPM_TYPE_I32);
    case SFPM_OP_TABLE_GROW:
        return need(v, 2) && pop(v, SFPM_TYPE_I32) && pop(v, type) &&
               push(v, SFPM_TYPE_I32);
    default:
        return need(v, 3) && pop(v, SFPM_TYPE_I32) && pop(v, type) &&
               pop(v, SFPM_TYPE_I32);
    }
}

/* ref.is_null takes either type of references. */
static bool follow_is_null(sfpm_verifier_t *v)
{
    uint8_t type = top(v)->type;
    return need(v, 1) && pop(v, sfpm_is_reference(type) ? type : SFPM_TYPE_FUNCREF) &&
           push(v, SFPM_TYPE_I32);
}

/* What the instruction takes off the stack and puts there. */
static bool follow_stack(sfpm_verifier_t *v)
{
    const sfpm_program_t *program = v->program;
    uint32_t operand = (uint32_t)v->instruction.operand;
    switch (v->instruction.info->opcode) {
    case SFPM_OP_CALL:
        return follow_call(v);
    case SFPM_OP_CALL_INDIRECT:
        return follow_call_indirect(v, operand);
    case SFPM_OP_TABLE_CALL:
        return follow_call_indirect(v, sfpm_second_number(v->instruction.operand));
    case SFPM_OP_TABLE_GET:
    case SFPM_OP_TABLE_SET:
    case SFPM_OP_TABLE_GROW:
    case SFPM_OP_TABLE_FILL:
        return follow_table(v, v->instruction.info->opcode);
    case SFPM_OP_REF_NULL:
        return push(v, (uint8_t)operand);
    case SFPM_OP_REF_IS_NULL:
        return follow_is_null(v);
    case SFPM_OP_RETURN:
        return follow_return(v);
    case SFPM_OP_UNWIND:
        return follow_unwind(v);
    case SFPM_OP_DUP:
        return follow_dup(v);
    case SFPM_OP_DROP:
        return need(v, 1) && pop_any(v) != 0;
    case SFPM_OP_SELECT:
        return follow_select(v);
    case SFPM_OP_LOCAL_GET:
        return push(v, sfpm_local_type(v->function, operand));
    case SFPM_OP_LOCAL_SET:
        return pop_variable(v, sfpm_local_type(v->function, operand));
    case SFPM_OP_LOCAL_TEE:
        return pop_variable(v, sfpm_local_type(v->function, operand)) &&
               push(v, sfpm_local_type(v->function, operand));
    case SFPM_OP_GLOBAL_GET:
        return push(v, program->globals[operand].type);
    case SFPM_OP_GLOBAL_SET:
        return pop_variable(v, program->globals[operand].type);
    default:
        return follow_signature(v);
    }
}

/* Two paths bring different stacks to `to`. */
static bool fail_merge(const sfpm_verifier_t *v, uint32_t to)
{
    const sfpm_shape_t *list = v->proof->shapes.list;
    const sfpm_shape_t *here = top(v);
    const sfpm_shape_t *there = &list[v->proof->shape[to]];
    if (here->height != there->height)
        return sfpm_fail_code(v->program, v->offset,
                              "code[%u] is reached with %u values on the stack here, "
                              "with %u elsewhere",
                              to, here->height, there->height);
    while (here->type == there->type) {
        here = &list[here->below];
        there = &list[there->below];
    }
    return sfpm_fail_code(v->program, v->offset,
                          "code[%u] is reached with %s as value %u of the stack here, "
                          "with %s elsewhere",
                          to, sfpm_type_name(here->type), here->height - 1u,
                          sfpm_type_name(there->type));
}

/* The stack has the present shape when `to` is reached, for the first time if it
 * `is_new`. */
static bool arrive(const sfpm_verifier_t *v, uint32_t to, bool *is_new)
{
    uint32_t *known = &v->proof->shape[to];
    *is_new = *known == SFPM_UNREACHED;
    if (!*is_new)
        return *known == v->shape || fail_merge(v, to);
    *known = v->shape;
    return true;
}

static bool reach_targets(sfpm_verifier_t *v)
{
    const uint8_t *code = v->program->code;
    uint32_t count = sfpm_num_targets(&v->instruction);
    for (uint32_t i = 0; i < count; i++) {
        bool is_new;
        uint32_t target = sfpm_target(code, v->offset, &v->instruction, i);
        if (!arrive(v, target, &is_new) || (is_new && !sfpm_keep_pending(v, target)))
            return false;
    }
    return true;
}

static bool reach_next(sfpm_verifier_t *v, bool *is_new)
{
    uint8_t flow = v->instruction.info->flow;
    *is_new = false;
    if (flow == SFPM_FLOW_STOP || flow == SFPM_FLOW_JUMP)
        return true;
    uint32_t to = v->offset + v->instruction.length;
    if (to == v->function->end)
        return sfpm_fail_code(v->program, v->offset,
                              "code runs off the end of the function");
    return arrive(v, to, is_new);
}

/* Follows instructions from one that is known on, to where nothing new comes next. */
static bool follow(sfpm_verifier_t *v)
{
    for (bool goes_on = true; goes_on;) {
        sfpm_read_instruction(v);
        v->shape = v->proof->shape[v->offset];
        if (!follow_stack(v) || !reach_targets(v) || !reach_next(v, &goes_on))
            return false;
        if (goes_on)
            v->offset += v->instruction.length;
    }
    return true;
}

static bool check_stack(sfpm_verifier_t *v)
{
    uint32_t entry = v->function->entry;
    v->proof->shape[entry] = SFPM_EMPTY_SHAPE;
    if (!sfpm_keep_pending(v, entry))
        return false;
    while (v->num_pending > 0) {
        v->offset = v->pending[--v->num_pending];
        if (!follow(v))
            return false;
    }
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

/* Nothing is known any more about a function whose proof failed. */
static void forget(sfpm_verifier_t *v)
{
    const sfpm_function_t *function = v->function;
    for (uint32_t i = function->entry; i < function->end; i++) {
        v->proof->shape[i] = SFPM_NO_INSTRUCTION;
        v->proof->targets[i / 8] &= (uint8_t)~(1u << i % 8);
    }
    v->proof->fault = v->offset;
    v->num_pending = 0;
}

static bool prove(sfpm_verifier_t *v, uint32_t index)
{
    uint32_t count = 0;
    uint64_t moved = v->proof->moved;
    v->function = &v->program->functions[index];
    v->max_height = 0;
    if (!sfpm_check_code(v, &count) || !check_stack(v)) {
        v->proof->moved = moved;
        forget(v);
        return false;
    }
    v->proof->max_stack[index] = (uint16_t)v->max_height;
    v->proof->count[index] = count;
    return true;
}

/* From one function on to before another. */
static bool prove_all(const sfpm_program_t *program, sfpm_proof_t *proof, uint32_t from,
                      uint32_t to)
{
    sfpm_verifier_t v = {.program = program, .proof = proof};
    bool holds = true;
    for (; holds && from < to; from++)
        holds = sfpm_is_proved(proof, from) || prove(&v, from);
    free(v.pending);
    return holds;
}

bool sfpm_prove_function(const sfpm_program_t *program, sfpm_proof_t *proof,
                         uint32_t function)
{
    return sfpm_is_proved(proof, function) ||
           prove_all(program, proof, function, function + 1);
}

bool sfpm_verify_program(const sfpm_program_t *program, sfpm_proof_t *proof)
{
    return prove_all(program, proof, program->num_imports, program->num_functions);
}

static bool check_start(const sfpm_program_t *program)
{
    const sfpm_function_t *start = &program->functions[program->start];
    char name[SFPM_PLACE_TEXT];
    return start->params == 0 ||
           sfpm_fail_code(program, start->entry,
                          "%s has parameters, so the program cannot start there",
                          sfpm_function_name(program, program->start, name));
}

bool sfpm_proof_begin(const sfpm_program_t *program, sfpm_proof_t *proof)
{
    *proof =
        (sfpm_proof_t){.shape = SFPM_NEW_N(uint32_t, program->code_size),
                       .targets = SFPM_NEW_N(uint8_t, (size_t)program->code_size / 8 + 1),
                       .max_stack = SFPM_NEW_N(uint16_t, program->num_functions),
                       .count = SFPM_NEW_N(uint32_t, program->num_functions),
                       .fault = SFPM_NO_CODE};
    if (proof->shape && proof->targets && proof->max_stack && proof->count &&
        sfpm_shapes_start(&proof->shapes) && check_start(program))
        return true;
    sfpm_proof_free(proof);
    proof->fault = program->functions[program->start].entry;
    return false;
}

void sfpm_proof_free(sfpm_proof_t *proof)
{
    sfpm_shapes_free(&proof->shapes);
    free(proof->shape);
    free(proof->targets);
    free(proof->max_stack);
    free(proof->count);
    *proof = (sfpm_proof_t){.fault = proof->fault};
}
