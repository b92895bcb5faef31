/* SPDX-License-Identifier: MIT */
/* The verifier's first pass: instructions and their operands. */
#include "bytecode/verify_proof.h"

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
    if (!sfpm_read_instruction(proof)) {
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

static bool check_instructions(sfpm_proof_t *proof, uint32_t index)
{
    const sfpm_function_t *function = proof->function;
    uint32_t count = 0;
    for (proof->offset = function->entry; proof->offset < function->end;
         proof->offset += proof->instruction.length, count++)
        if (!check_instruction(proof) || (sfpm_num_targets(&proof->instruction) > 0 &&
                                          !sfpm_keep_pending(proof, proof->offset)))
            return false;
    proof->facts->count[index] = count;
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
    for (size_t jump = 0; jump < proof->num_pending; jump++) {
        proof->offset = proof->pending[jump];
        sfpm_read_instruction(proof);
        uint32_t count = sfpm_num_targets(&proof->instruction);
        for (uint32_t i = 0; i < count; i++)
            if (!check_target(proof,
                              sfpm_target(code, proof->offset, &proof->instruction, i)))
                return false;
    }
    proof->num_pending = 0;
    return true;
}

bool sfpm_check_code(sfpm_proof_t *proof, uint32_t index)
{
    return check_instructions(proof, index) && check_targets(proof);
}
