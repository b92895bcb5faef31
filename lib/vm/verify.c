/* SPDX-License-Identifier: MIT */
#include "vm/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vm/instruction.h"

/* One function under proof. `pending` holds offsets whose shape is known and whose
 * instruction has not been followed yet: each offset is put there at most once. */
typedef struct sfpm_proof {
    const sfpm_program_t *program;
    sfpm_facts_t *facts;
    const sfpm_function_t *function;
    uint32_t *pending;
    size_t num_pending;
    size_t capacity;
    uint32_t max_height;
    uint32_t offset; /* the instruction being looked at */
    sfpm_instruction_t instruction;
    uint32_t shape; /* of the stack, as far as the instruction was followed */
} sfpm_proof_t;

/* ---- First pass: instructions and their operands -------------------------- */

static bool check_number(const sfpm_proof_t *proof, const char *what, uint32_t count,
                         const char *whose)
{
    unsigned long long number = proof->instruction.operand;
    return number < count ||
           sfpm_fail_code(proof->program, proof->offset, "no %s %llu: the %s has %u",
                          what, number, whose, count);
}

static bool check_memory(const sfpm_proof_t *proof)
{
    return proof->program->max_pages != SFPM_NO_MEMORY ||
           sfpm_fail_code(proof->program, proof->offset, "%s: the program has no memory",
                          proof->instruction.info->mnemonic);
}

static bool check_unwind(const sfpm_proof_t *proof)
{
    uint64_t operand = proof->instruction.operand;
    return (sfpm_unwind_keep(operand) <= SFPM_MAX_VALUES &&
            sfpm_unwind_drop(operand) <= SFPM_MAX_VALUES) ||
           sfpm_fail_code(proof->program, proof->offset, "unwind of more than %u values",
                          SFPM_MAX_VALUES);
}

static bool check_operand(const sfpm_proof_t *proof)
{
    const sfpm_program_t *program = proof->program;
    uint32_t locals = (uint32_t)proof->function->params + proof->function->locals;
    switch ((sfpm_operand_t)proof->instruction.info->operand) {
    case SFPM_OPERAND_LOCAL:
        return check_number(proof, "local", locals, "function");
    case SFPM_OPERAND_GLOBAL:
        return check_number(proof, "global", program->num_globals, "program");
    case SFPM_OPERAND_FUNCTION:
        return check_number(proof, "function", program->num_functions, "program");
    case SFPM_OPERAND_TYPE:
        return check_number(proof, "type", program->num_types, "program");
    case SFPM_OPERAND_SEGMENT:
        return check_number(proof, "data segment", program->num_segments, "program");
    case SFPM_OPERAND_UNWIND:
        return check_unwind(proof);
    case SFPM_OPERAND_OFFSET:
        return check_memory(proof);
    case SFPM_OPERAND_NONE:
    case SFPM_OPERAND_U8:
    case SFPM_OPERAND_I32:
    case SFPM_OPERAND_I64:
    case SFPM_OPERAND_F32:
    case SFPM_OPERAND_F64:
    case SFPM_OPERAND_TARGET: /* checked when all instructions are known */
    case SFPM_OPERAND_TARGETS:
        break;
    }
    return true;
}

/* What an instruction needs besides its operand. */
static bool check_need(const sfpm_proof_t *proof)
{
    switch (proof->instruction.info->opcode) {
    case SFPM_OP_MEMORY_SIZE:
    case SFPM_OP_MEMORY_GROW:
    case SFPM_OP_MEMORY_COPY:
    case SFPM_OP_MEMORY_FILL:
    case SFPM_OP_MEMORY_INIT:
        return check_memory(proof);
    case SFPM_OP_GLOBAL_SET:
        return proof->program->globals[proof->instruction.operand].is_mutable ||
               sfpm_fail_code(proof->program, proof->offset, "global %llu is constant",
                              (unsigned long long)proof->instruction.operand);
    default:
        return true;
    }
}

static bool check_instruction(sfpm_proof_t *proof)
{
    const sfpm_program_t *program = proof->program;
    uint32_t offset = proof->offset;
    const sfpm_opcode_info_t *info;
    if (!sfpm_instruction_read(program->code, proof->function->end, offset,
                               &proof->instruction)) {
        info = proof->instruction.info;
        if (!info)
            return sfpm_fail_code(program, offset, "unknown opcode 0x%02X",
                                  program->code[offset]);
        return sfpm_fail_code(program, offset, "%s is cut off by the end of the function",
                              info->mnemonic);
    }
    info = proof->instruction.info;
    if (program->original && info->opcode > SFPM_OP_NOP)
        return sfpm_fail_code(program, offset,
                              "unknown opcode 0x%02X: the original machine has 0 to 6",
                              info->opcode);
    if (program->version == 1 && !sfpm_is_version1(info->opcode))
        return sfpm_fail_code(program, offset,
                              "unknown opcode 0x%02X: %s is not in bytecode version 1",
                              info->opcode, info->mnemonic);
    proof->facts->shape[offset] = SFPM_UNREACHED;
    return check_operand(proof) && check_need(proof);
}

static bool check_instructions(sfpm_proof_t *proof)
{
    const sfpm_function_t *function = proof->function;
    for (proof->offset = function->entry; proof->offset < function->end;
         proof->offset += proof->instruction.length)
        if (!check_instruction(proof))
            return false;
    return true;
}

static bool check_target(sfpm_proof_t *proof, uint32_t target)
{
    const sfpm_function_t *function = proof->function;
    if (target < function->entry || target >= function->end)
        return sfpm_fail_code(proof->program, proof->offset,
                              "jump to %u, out of the function", target);
    proof->facts->targets[target / 8] |= (uint8_t)(1 << target % 8);
    return proof->facts->shape[target] != SFPM_NO_INSTRUCTION ||
           sfpm_fail_code(proof->program, proof->offset,
                          "jump to %u, into the middle of an instruction", target);
}

/* Of all jumps, also of those that nothing leads to. */
static bool check_targets(sfpm_proof_t *proof)
{
    const uint8_t *code = proof->program->code;
    const sfpm_function_t *function = proof->function;
    for (proof->offset = function->entry; proof->offset < function->end;
         proof->offset += proof->instruction.length) {
        sfpm_instruction_read(code, function->end, proof->offset, &proof->instruction);
        uint32_t count = sfpm_num_targets(&proof->instruction);
        for (uint32_t i = 0; i < count; i++)
            if (!check_target(proof,
                              sfpm_target(code, proof->offset, &proof->instruction, i)))
                return false;
    }
    return true;
}

/* ---- Second pass: the stack ------------------------------------------------- */

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

static bool pop_all(sfpm_proof_t *proof, const uint8_t *types, uint32_t count)
{
    while (count > 0)
        if (!pop(proof, types[--count]))
            return false;
    return true;
}

static bool push_all(sfpm_proof_t *proof, const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!push(proof, types[i]))
            return false;
    return true;
}

/* All values of version 1 are i64, the results of comparisons, too. */
static uint8_t type_of(const sfpm_proof_t *proof, char letter)
{
    return proof->program->version == 1 ? SFPM_TYPE_I64 : sfpm_type_of_letter(letter);
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
    if (!need(proof, keep + drop))
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
    const char *colon = strchr(signature, ':');
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

/* The stack has the present shape when `to` is reached. */
static bool reach(sfpm_proof_t *proof, uint32_t to)
{
    uint32_t *known = &proof->facts->shape[to];
    void *pending = proof->pending;
    if (*known != SFPM_UNREACHED)
        return *known == proof->shape || fail_merge(proof, to);
    if (!sfpm_grow_array(&pending, &proof->capacity, proof->num_pending + 1,
                         sizeof *proof->pending))
        return false;
    proof->pending = pending;
    proof->pending[proof->num_pending++] = to;
    *known = proof->shape;
    return true;
}

static bool reach_targets(sfpm_proof_t *proof)
{
    const uint8_t *code = proof->program->code;
    uint32_t count = sfpm_num_targets(&proof->instruction);
    for (uint32_t i = 0; i < count; i++)
        if (!reach(proof, sfpm_target(code, proof->offset, &proof->instruction, i)))
            return false;
    return true;
}

static bool reach_next(sfpm_proof_t *proof)
{
    uint32_t to = proof->offset + proof->instruction.length;
    if (to == proof->function->end)
        return sfpm_fail_code(proof->program, proof->offset,
                              "code runs off the end of the function");
    return reach(proof, to);
}

static bool follow(sfpm_proof_t *proof)
{
    sfpm_instruction_read(proof->program->code, proof->function->end, proof->offset,
                          &proof->instruction);
    proof->shape = proof->facts->shape[proof->offset];
    if (!follow_stack(proof) || !reach_targets(proof))
        return false;
    bool stops = proof->instruction.info->flow == SFPM_FLOW_STOP ||
                 proof->instruction.info->flow == SFPM_FLOW_JUMP;
    return stops || reach_next(proof);
}

static bool check_stack(sfpm_proof_t *proof, uint32_t index)
{
    proof->max_height = 0;
    proof->offset = proof->function->entry;
    proof->shape = SFPM_EMPTY_SHAPE;
    if (!reach(proof, proof->offset))
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
        if (!check_instructions(proof) || !check_targets(proof) || !check_stack(proof, i))
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
                       .max_stack = SFPM_NEW_N(uint16_t, program->num_functions)};
    bool holds = facts->shape && facts->targets && facts->max_stack &&
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
    *facts = (sfpm_facts_t){0};
}
