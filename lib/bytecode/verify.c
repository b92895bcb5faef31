/* SPDX-License-Identifier: MIT */
/* The verifier, and its second pass: the stack before each instruction. */
#include "bytecode/verify_proof.h"

#include <stdlib.h>

static const sfpm_shape_t *top(const sfpm_proof_t *proof)
{
    return &proof->facts->shapes.list[proof->shape];
}

/* The instruction takes `count` values and the stack has fewer? */
static bool need(const sfpm_proof_t *proof, uint32_t count)
{
    return top(proof)->height >= count ||
           sfpm_fail_code(proof->program, proof->offset,
                          "stack underflow: %s takes %u value%s, the stack has %u",
                          proof->instruction.info->mnemonic, count, count == 1 ? "" : "s",
                          top(proof)->height);
}

static bool pop(sfpm_proof_t *proof, uint8_t type)
{
    const sfpm_shape_t *shape = top(proof);
    if (shape->type != type)
        return sfpm_fail_code(proof->program, proof->offset,
                              "%s takes %s, value %u of the stack is %s",
                              proof->instruction.info->mnemonic, sfpm_type_name(type),
                              shape->height - 1u, sfpm_type_name(shape->type));
    proof->shape = shape->below;
    return true;
}

static uint8_t pop_any(sfpm_proof_t *proof)
{
    const sfpm_shape_t *shape = top(proof);
    proof->shape = shape->below;
    return shape->type;
}

static bool push(sfpm_proof_t *proof, uint8_t type)
{
    if (top(proof)->height == SFPM_MAX_HEIGHT)
        return sfpm_fail_code(proof->program, proof->offset,
                              "more than %u values on the stack", SFPM_MAX_HEIGHT);
    if (!sfpm_shape_push(&proof->facts->shapes, &proof->shape, type))
        return false;
    if (top(proof)->height > proof->max_height)
        proof->max_height = top(proof)->height;
    return true;
}

/* Instructions of a few bytes may move many values. */
static bool count_moved(sfpm_proof_t *proof, uint32_t count)
{
    proof->moved += count;
    return proof->moved <= SFPM_MAX_MOVED ||
           sfpm_fail(SFPM_ERR_LIMIT,
                     "calls, returns and unwinds of the program take and give more than "
                     "%u values",
                     SFPM_MAX_MOVED);
}

static bool pop_all(sfpm_proof_t *proof, const uint8_t *types, uint32_t count)
{
    if (!count_moved(proof, count))
        return false;
    while (count > 0)
        if (!pop(proof, types[--count]))
            return false;
    return true;
}

static bool push_all(sfpm_proof_t *proof, const uint8_t *types, uint32_t count)
{
    if (!count_moved(proof, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!push(proof, types[i]))
            return false;
    return true;
}

/* All values of version 1 are i64, the results of comparisons, too. */
static uint8_t type_of(const sfpm_proof_t *proof, char letter)
{
    static const uint8_t types[] = {
#define TYPE_OF_LETTER(number, name, letter, text) [letter] = number,
        SFPM_TYPES(TYPE_OF_LETTER)
#undef TYPE_OF_LETTER
    };
    return proof->program->version == 1 ? SFPM_TYPE_I64 : types[(uint8_t)letter];
}

/* A condition is an integer of either width. */
static bool pop_condition(sfpm_proof_t *proof)
{
    return pop(proof, top(proof)->type == SFPM_TYPE_I64 ? SFPM_TYPE_I64 : SFPM_TYPE_I32);
}

static bool follow_call(sfpm_proof_t *proof)
{
    const sfpm_function_t *callee =
        &proof->program->functions[proof->instruction.operand];
    return need(proof, callee->params) &&
           pop_all(proof, callee->param_types, callee->params) &&
           push_all(proof, callee->result_types, callee->results);
}

static bool follow_call_indirect(sfpm_proof_t *proof)
{
    const sfpm_function_type_t *type = &proof->program->types[proof->instruction.operand];
    return need(proof, type->params + 1u) && pop(proof, SFPM_TYPE_I32) &&
           pop_all(proof, type->types, type->params) &&
           push_all(proof, type->types + type->params, type->results);
}

static bool follow_unwind(sfpm_proof_t *proof)
{
    uint8_t kept[SFPM_MAX_VALUES];
    uint32_t keep = sfpm_unwind_keep(proof->instruction.operand);
    uint32_t drop = sfpm_unwind_drop(proof->instruction.operand);
    if (!need(proof, keep + drop) || !count_moved(proof, keep))
        return false;
    for (uint32_t i = keep; i > 0; i--)
        kept[i - 1] = pop_any(proof);
    proof->shape = sfpm_shape_below(&proof->facts->shapes, proof->shape, drop);
    return push_all(proof, kept, keep);
}

static bool follow_select(sfpm_proof_t *proof)
{
    if (!need(proof, 3) || !pop_condition(proof))
        return false;
    uint8_t type = pop_any(proof);
    return pop(proof, type) && push(proof, type);
}

static bool follow_dup(sfpm_proof_t *proof)
{
    return need(proof, 1) && push(proof, top(proof)->type);
}

static bool follow_return(sfpm_proof_t *proof)
{
    const sfpm_function_t *function = proof->function;
    return need(proof, function->results) &&
           pop_all(proof, function->result_types, function->results);
}

/* An instruction whose signature says all. */
static bool follow_signature(sfpm_proof_t *proof)
{
    const char *signature = proof->instruction.info->signature;
    const char *colon = signature;
    while (*colon != ':')
        colon++;
    if (!need(proof, (uint32_t)(colon - signature)))
        return false;
    for (const char *c = colon; c > signature; c--)
        if (c[-1] == 'c' ? !pop_condition(proof) : !pop(proof, type_of(proof, c[-1])))
            return false;
    for (const char *c = colon + 1; *c; c++)
        if (!push(proof, type_of(proof, *c)))
            return false;
    return true;
}

static bool take_variable(sfpm_proof_t *proof, uint8_t type)
{
    return need(proof, 1) && pop(proof, type);
}

/* What the instruction takes off the stack and puts there. */
static bool follow_stack(sfpm_proof_t *proof)
{
    const sfpm_program_t *program = proof->program;
    uint32_t operand = (uint32_t)proof->instruction.operand;
    switch (proof->instruction.info->opcode) {
    case SFPM_OP_CALL:
        return follow_call(proof);
    case SFPM_OP_CALL_INDIRECT:
        return follow_call_indirect(proof);
    case SFPM_OP_RETURN:
        return follow_return(proof);
    case SFPM_OP_UNWIND:
        return follow_unwind(proof);
    case SFPM_OP_DUP:
        return follow_dup(proof);
    case SFPM_OP_DROP:
        return need(proof, 1) && pop_any(proof) != 0;
    case SFPM_OP_SELECT:
        return follow_select(proof);
    case SFPM_OP_LOCAL_GET:
        return push(proof, sfpm_local_type(proof->function, operand));
    case SFPM_OP_LOCAL_SET:
        return take_variable(proof, sfpm_local_type(proof->function, operand));
    case SFPM_OP_LOCAL_TEE:
        return take_variable(proof, sfpm_local_type(proof->function, operand)) &&
               push(proof, sfpm_local_type(proof->function, operand));
    case SFPM_OP_GLOBAL_GET:
        return push(proof, program->globals[operand].type);
    case SFPM_OP_GLOBAL_SET:
        return take_variable(proof, program->globals[operand].type);
    default:
        return follow_signature(proof);
    }
}

/* Two paths bring different stacks to `to`. */
static bool fail_merge(const sfpm_proof_t *proof, uint32_t to)
{
    const sfpm_shape_t *list = proof->facts->shapes.list;
    const sfpm_shape_t *here = top(proof);
    const sfpm_shape_t *there = &list[proof->facts->shape[to]];
    if (here->height != there->height)
        return sfpm_fail_code(proof->program, proof->offset,
                              "code[%u] is reached with %u values on the stack here, "
                              "with %u elsewhere",
                              to, here->height, there->height);
    while (here->type == there->type) {
        here = &list[here->below];
        there = &list[there->below];
    }
    return sfpm_fail_code(proof->program, proof->offset,
                          "code[%u] is reached with %s as value %u of the stack here, "
                          "with %s elsewhere",
                          to, sfpm_type_name(here->type), here->height - 1u,
                          sfpm_type_name(there->type));
}

/* The stack has the present shape when `to` is reached, for the first time if it
 * `is_new`. */
static bool arrive(const sfpm_proof_t *proof, uint32_t to, bool *is_new)
{
    uint32_t *known = &proof->facts->shape[to];
    *is_new = *known == SFPM_UNREACHED;
    if (!*is_new)
        return *known == proof->shape || fail_merge(proof, to);
    *known = proof->shape;
    return true;
}

static bool reach_targets(sfpm_proof_t *proof)
{
    const uint8_t *code = proof->program->code;
    uint32_t count = sfpm_num_targets(&proof->instruction);
    for (uint32_t i = 0; i < count; i++) {
        bool is_new;
        uint32_t target = sfpm_target(code, proof->offset, &proof->instruction, i);
        if (!arrive(proof, target, &is_new) ||
            (is_new && !sfpm_keep_pending(proof, target)))
            return false;
    }
    return true;
}

static bool reach_next(sfpm_proof_t *proof, bool *is_new)
{
    uint8_t flow = proof->instruction.info->flow;
    *is_new = false;
    if (flow == SFPM_FLOW_STOP || flow == SFPM_FLOW_JUMP)
        return true;
    uint32_t to = proof->offset + proof->instruction.length;
    if (to == proof->function->end)
        return sfpm_fail_code(proof->program, proof->offset,
                              "code runs off the end of the function");
    return arrive(proof, to, is_new);
}

/* Follows instructions from one that is known on, to where nothing new comes next. */
static bool follow(sfpm_proof_t *proof)
{
    for (bool goes_on = true; goes_on;) {
        sfpm_read_instruction(proof);
        proof->shape = proof->facts->shape[proof->offset];
        if (!follow_stack(proof) || !reach_targets(proof) || !reach_next(proof, &goes_on))
            return false;
        if (goes_on)
            proof->offset += proof->instruction.length;
    }
    return true;
}

static bool check_stack(sfpm_proof_t *proof, uint32_t index)
{
    uint32_t entry = proof->function->entry;
    proof->max_height = 0;
    proof->facts->shape[entry] = SFPM_EMPTY_SHAPE;
    if (!sfpm_keep_pending(proof, entry))
        return false;
    while (proof->num_pending > 0) {
        proof->offset = proof->pending[--proof->num_pending];
        if (!follow(proof))
            return false;
    }
    proof->facts->max_stack[index] = (uint16_t)proof->max_height;
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

static bool check_start(const sfpm_program_t *program)
{
    const sfpm_function_t *start = &program->functions[program->start];
    char name[SFPM_PLACE_TEXT];
    return start->params == 0 ||
           sfpm_fail_code(program, start->entry,
                          "%s, where the program starts, has parameters",
                          sfpm_function_name(program, program->start, name));
}

static bool check_functions(sfpm_proof_t *proof)
{
    const sfpm_program_t *program = proof->program;
    for (uint32_t i = program->num_imports; i < program->num_functions; i++) {
        proof->function = &program->functions[i];
        if (!sfpm_check_code(proof, i) || !check_stack(proof, i))
            return false;
    }
    proof->offset = program->functions[program->start].entry;
    return check_start(program);
}

bool sfpm_verify_program(const sfpm_program_t *program, sfpm_facts_t *facts)
{
    sfpm_proof_t proof = {.program = program, .facts = facts};
    *facts =
        (sfpm_facts_t){.shape = SFPM_NEW_N(uint32_t, program->code_size),
                       .targets = SFPM_NEW_N(uint8_t, (size_t)program->code_size / 8 + 1),
                       .max_stack = SFPM_NEW_N(uint16_t, program->num_functions),
                       .count = SFPM_NEW_N(uint32_t, program->num_functions)};
    bool holds = facts->shape && facts->targets && facts->max_stack && facts->count &&
                 sfpm_shapes_start(&facts->shapes) && check_functions(&proof);
    free(proof.pending);
    if (!holds) {
        sfpm_facts_free(facts);
        facts->fault = proof.offset;
    }
    return holds;
}

void sfpm_facts_free(sfpm_facts_t *facts)
{
    sfpm_shapes_free(&facts->shapes);
    free(facts->shape);
    free(facts->targets);
    free(facts->max_stack);
    free(facts->count);
    *facts = (sfpm_facts_t){0};
}
