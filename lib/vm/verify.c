/* SPDX-License-Identifier: MIT */
#include "vm/verify.h"

#include <stdlib.h>

#include "base/checked.h"
#include "vm/instruction.h"

/* One function under proof. `pending` holds offsets whose height is known and whose
 * instruction has not been followed yet: each offset is put there at most once. */
typedef struct sfpm_proof {
    const sfpm_program_t *program;
    sfpm_facts_t *facts;
    const sfpm_function_t *function;
    uint32_t *pending;
    size_t num_pending;
    size_t capacity;
    uint32_t max_height;
} sfpm_proof_t;

static bool fail_at(sfpm_proof_t *proof, uint32_t offset)
{
    proof->facts->fault = offset;
    return false;
}

/* ---- First pass: instructions and their operands -------------------------- */

static bool check_operand(const sfpm_proof_t *proof, uint32_t offset,
                          const sfpm_instruction_t *instruction)
{
    const sfpm_program_t *program = proof->program;
    uint32_t locals = (uint32_t)proof->function->params + proof->function->locals;
    uint64_t operand = instruction->operand;
    unsigned long long shown = operand;
    switch ((sfpm_operand_t)instruction->info->operand) {
    case SFPM_OPERAND_LOCAL:
        return operand < locals ||
               sfpm_fail_code(program, offset, "no local %llu: the function has %u",
                              shown, locals);
    case SFPM_OPERAND_GLOBAL:
        return operand < program->num_globals ||
               sfpm_fail_code(program, offset, "no global %llu: the program has %u",
                              shown, program->num_globals);
    case SFPM_OPERAND_FUNCTION:
        return operand < program->num_functions ||
               sfpm_fail_code(program, offset, "no function %llu: the program has %u",
                              shown, program->num_functions);
    case SFPM_OPERAND_NONE:
    case SFPM_OPERAND_U8:
    case SFPM_OPERAND_I64:
    case SFPM_OPERAND_TARGET: /* checked when all instructions are known */
        break;
    }
    return true;
}

static bool check_instruction(sfpm_proof_t *proof, uint32_t offset, uint32_t *length)
{
    const sfpm_program_t *program = proof->program;
    sfpm_instruction_t instruction;
    if (!sfpm_instruction_read(program->code, proof->function->end, offset,
                               &instruction)) {
        if (!instruction.info)
            return sfpm_fail_code(program, offset, "unknown opcode 0x%02X",
                                  program->code[offset]);
        return sfpm_fail_code(program, offset, "%s is cut off by the end of the function",
                              instruction.info->mnemonic);
    }
    if (program->original && instruction.info->opcode > SFPM_OP_NOP)
        return sfpm_fail_code(program, offset,
                              "unknown opcode 0x%02X: the original machine has 0 to 6",
                              instruction.info->opcode);
    *length = instruction.length;
    proof->facts->height[offset] = SFPM_UNREACHED;
    return check_operand(proof, offset, &instruction);
}

static bool check_instructions(sfpm_proof_t *proof)
{
    uint32_t length = 0;
    for (uint32_t at = proof->function->entry; at < proof->function->end; at += length)
        if (!check_instruction(proof, at, &length))
            return fail_at(proof, at);
    return true;
}

static bool check_target(const sfpm_proof_t *proof, uint32_t offset, uint64_t target)
{
    const sfpm_function_t *function = proof->function;
    if (target < function->entry || target >= function->end)
        return sfpm_fail_code(proof->program, offset, "jump to %llu, out of the function",
                              (unsigned long long)target);
    return proof->facts->height[target] != SFPM_NO_INSTRUCTION ||
           sfpm_fail_code(proof->program, offset,
                          "jump to %llu, into the middle of an instruction",
                          (unsigned long long)target);
}

/* Of all jumps, also of those that nothing leads to. */
static bool check_targets(sfpm_proof_t *proof)
{
    const sfpm_function_t *function = proof->function;
    sfpm_instruction_t instruction;
    for (uint32_t at = function->entry; at < function->end; at += instruction.length) {
        sfpm_instruction_read(proof->program->code, function->end, at, &instruction);
        if (instruction.info->operand == SFPM_OPERAND_TARGET &&
            !check_target(proof, at, instruction.operand))
            return fail_at(proof, at);
    }
    return true;
}

/* ---- Second pass: the heights of the stack --------------------------------- */

/* Number of types before the colon of a signature, or after it. */
static uint32_t count_types(const char *signature, bool pushed)
{
    uint32_t count = 0;
    for (; *signature != ':'; signature++)
        count += !pushed;
    for (signature++; pushed && *signature; signature++)
        count++;
    return count;
}

/* How many values the instruction takes and gives. */
static void stack_effect(const sfpm_proof_t *proof, const sfpm_instruction_t *instruction,
                         uint32_t *pops, uint32_t *pushes)
{
    const char *signature = instruction->info->signature;
    if (instruction->info->opcode == SFPM_OP_CALL) {
        const sfpm_function_t *callee = &proof->program->functions[instruction->operand];
        *pops = callee->params;
        *pushes = callee->results;
    } else if (instruction->info->opcode == SFPM_OP_RETURN) {
        *pops = proof->function->results;
        *pushes = 0;
    } else {
        *pops = count_types(signature, false);
        *pushes = count_types(signature, true);
    }
}

/* The stack has `height` operands when `to` is reached from `from`. */
static bool reach(sfpm_proof_t *proof, uint32_t from, uint64_t to, uint32_t height)
{
    uint16_t *known = &proof->facts->height[to];
    if (*known != SFPM_UNREACHED)
        return *known == height ||
               sfpm_fail_code(proof->program, from,
                              "code[%llu] is reached with %u values on the stack here, "
                              "with %u elsewhere",
                              (unsigned long long)to, height, *known);
    void *pending = proof->pending;
    if (!sfpm_grow_array(&pending, &proof->capacity, proof->num_pending + 1,
                         sizeof *proof->pending))
        return false;
    proof->pending = pending;
    proof->pending[proof->num_pending++] = (uint32_t)to;
    *known = (uint16_t)height;
    return true;
}

static bool reach_next(sfpm_proof_t *proof, uint32_t from, uint32_t to, uint32_t height)
{
    if (to == proof->function->end)
        return sfpm_fail_code(proof->program, from,
                              "code runs off the end of the function");
    return reach(proof, from, to, height);
}

static bool follow(sfpm_proof_t *proof, uint32_t offset)
{
    const sfpm_program_t *program = proof->program;
    uint32_t height = proof->facts->height[offset];
    uint32_t pops, pushes;
    sfpm_instruction_t instruction;
    sfpm_instruction_read(program->code, proof->function->end, offset, &instruction);
    const sfpm_opcode_info_t *info = instruction.info;
    stack_effect(proof, &instruction, &pops, &pushes);
    if (height < pops)
        return sfpm_fail_code(program, offset,
                              "stack underflow: %s takes %u value%s, the stack has %u",
                              info->mnemonic, pops, pops == 1 ? "" : "s", height);
    height = height - pops + pushes;
    if (height > SFPM_MAX_HEIGHT)
        return sfpm_fail_code(program, offset, "more than %u values on the stack",
                              SFPM_MAX_HEIGHT);
    if (height > proof->max_height)
        proof->max_height = height;
    switch ((sfpm_flow_t)info->flow) {
    case SFPM_FLOW_STOP:
        return true;
    case SFPM_FLOW_JUMP:
        return reach(proof, offset, instruction.operand, height);
    case SFPM_FLOW_BRANCH:
        return reach(proof, offset, instruction.operand, height) &&
               reach_next(proof, offset, offset + instruction.length, height);
    case SFPM_FLOW_NEXT:
        break;
    }
    return reach_next(proof, offset, offset + instruction.length, height);
}

static bool check_heights(sfpm_proof_t *proof, uint32_t index)
{
    proof->max_height = 0;
    if (!reach(proof, proof->function->entry, proof->function->entry, 0))
        return false;
    while (proof->num_pending > 0) {
        uint32_t offset = proof->pending[--proof->num_pending];
        if (!follow(proof, offset))
            return fail_at(proof, offset);
    }
    proof->facts->max_stack[index] = (uint16_t)proof->max_height;
    return true;
}

static bool check_start(const sfpm_program_t *program)
{
    const sfpm_function_t *start = &program->functions[program->start];
    char name[SFPM_PLACE_TEXT];
    return start->params == 0 ||
           sfpm_fail_code(program, start->entry,
                          "%s, where the program starts, has parameters",
                          sfpm_function_name(program, program->start, name));
}

bool sfpm_verify_program(const sfpm_program_t *program, sfpm_facts_t *facts)
{
    sfpm_proof_t proof = {.program = program, .facts = facts};
    bool holds = false;
    *facts = (sfpm_facts_t){.height = SFPM_NEW_N(uint16_t, program->code_size),
                            .max_stack = SFPM_NEW_N(uint16_t, program->num_functions)};
    if (!facts->height || !facts->max_stack)
        goto out;
    for (uint32_t i = 0; i < program->code_size; i++)
        facts->height[i] = SFPM_NO_INSTRUCTION;
    for (uint32_t i = 0; i < program->num_functions; i++) {
        proof.function = &program->functions[i];
        if (!check_instructions(&proof) || !check_targets(&proof) ||
            !check_heights(&proof, i))
            goto out;
    }
    holds = check_start(program);
out:
    free(proof.pending);
    if (!holds) {
        uint32_t fault = facts->fault;
        sfpm_facts_free(facts);
        facts->fault = fault;
    }
    return holds;
}

void sfpm_facts_free(sfpm_facts_t *facts)
{
    free(facts->height);
    free(facts->max_stack);
    *facts = (sfpm_facts_t){0};
}
