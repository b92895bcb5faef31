/* SPDX-License-Identifier: MIT */
/* The verifier's first pass: instructions and their operands. */
#include "bytecode/verifier.h"

static bool check_index(const sfpm_verifier_t *v, const char *what, uint64_t number,
                        uint32_t count, const char *whose)
{
    return number < count ||
           sfpm_fail_code(v->program, v->offset, "no %s %llu: the %s has %u", what,
                          (unsigned long long)number, whose, count);
}

static bool check_number(const sfpm_verifier_t *v, const char *what, uint32_t count,
                         const char *whose)
{
    return check_index(v, what, v->instruction.operand, count, whose);
}

static bool check_has_memory(const sfpm_verifier_t *v)
{
    return v->program->max_pages != SFPM_NO_MEMORY ||
           sfpm_fail_code(v->program, v->offset, "%s: the program has no memory",
                          v->instruction.info->mnemonic);
}

static bool check_unwind(const sfpm_verifier_t *v)
{
    uint64_t operand = v->instruction.operand;
    return (sfpm_unwind_keep(operand) <= SFPM_MAX_VALUES &&
            sfpm_unwind_drop(operand) <= SFPM_MAX_VALUES) ||
           sfpm_fail_code(v->program, v->offset, "unwind of more than %u values",
                          SFPM_MAX_VALUES);
}

static bool check_tables(const sfpm_verifier_t *v, uint32_t first, uint32_t second)
{
    return check_index(v, "table", first, v->program->num_tables, "program") &&
           check_index(v, "table", second, v->program->num_tables, "program");
}

static bool check_operand(const sfpm_verifier_t *v)
{
    const sfpm_program_t *program = v->program;
    uint32_t locals = (uint32_t)v->function->params + v->function->locals;
    uint32_t first = sfpm_first_number(v->instruction.operand);
    uint32_t second = sfpm_second_number(v->instruction.operand);
    switch ((sfpm_operand_t)v->instruction.info->operand) {
    case SFPM_OPERAND_LOCAL:
        return check_number(v, "local", locals, "function");
    case SFPM_OPERAND_GLOBAL:
        return check_number(v, "global", program->num_globals, "program");
    case SFPM_OPERAND_FUNCTION:
        return check_number(v, "function", program->num_functions, "program");
    case SFPM_OPERAND_TYPE:
        return check_number(v, "type", program->num_types, "program");
    case SFPM_OPERAND_SEGMENT:
        return check_number(v, "data segment", program->num_segments, "program");
    case SFPM_OPERAND_UNWIND:
        return check_unwind(v);
    case SFPM_OPERAND_OFFSET:
        return check_has_memory(v);
    case SFPM_OPERAND_REFERENCE:
        return sfpm_is_reference((uint8_t)first) ||
               sfpm_fail_code(program, v->offset, "0x%02X is not a type of references",
                              first);
    case SFPM_OPERAND_TABLE:
        return check_tables(v, first, first);
    case SFPM_OPERAND_TABLES:
        return check_tables(v, first, second);
    case SFPM_OPERAND_ELEMENTS:
        return check_number(v, "element segment", program->num_element_segments,
                            "program");
    case SFPM_OPERAND_INIT:
        return check_tables(v, first, first) &&
               check_index(v, "element segment", second, program->num_element_segments,
                           "program");
    case SFPM_OPERAND_INDIRECT:
        return check_tables(v, first, first) &&
               check_index(v, "type", second, program->num_types, "program");
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

/* The types of what goes from one place into a table. */
static bool check_same_types(const sfpm_verifier_t *v, uint8_t to, uint8_t from)
{
    return to == from || sfpm_fail_code(v->program, v->offset, "%s of %s from %s",
                                        v->instruction.info->mnemonic,
                                        sfpm_type_name(to), sfpm_type_name(from));
}

/* Version 2 always has a table, perhaps without elements. */
static bool check_calls_through(const sfpm_verifier_t *v, uint32_t table)
{
    const sfpm_program_t *program = v->program;
    if (program->version < 3)
        return true;
    return check_tables(v, table, table) &&
           (program->tables[table].type == SFPM_TYPE_FUNCREF ||
            sfpm_fail_code(program, v->offset, "%s: table %u has no functions",
                           v->instruction.info->mnemonic, table));
}

/* What an instruction needs apart from its operand. */
static bool check_need(const sfpm_verifier_t *v)
{
    const sfpm_program_t *program = v->program;
    uint32_t first = sfpm_first_number(v->instruction.operand);
    uint32_t second = sfpm_second_number(v->instruction.operand);
    switch (v->instruction.info->opcode) {
    case SFPM_OP_CALL_INDIRECT:
        return check_calls_through(v, 0);
    case SFPM_OP_TABLE_CALL:
        return check_calls_through(v, first);
    case SFPM_OP_TABLE_COPY:
        return check_same_types(v, program->tables[first].type,
                                program->tables[second].type);
    case SFPM_OP_TABLE_INIT:
        return check_same_types(v, program->tables[first].type,
                                program->element_segments[second].type);
    case SFPM_OP_MEMORY_SIZE:
    case SFPM_OP_MEMORY_GROW:
    case SFPM_OP_MEMORY_COPY:
    case SFPM_OP_MEMORY_FILL:
    case SFPM_OP_MEMORY_INIT:
        return check_has_memory(v);
    case SFPM_OP_GLOBAL_SET:
        return program->globals[v->instruction.operand].is_mutable ||
               sfpm_fail_code(program, v->offset, "global %llu is constant",
                              (unsigned long long)v->instruction.operand);
    default:
        return true;
    }
}

static bool check_instruction(sfpm_verifier_t *v)
{
    const sfpm_program_t *program = v->program;
    uint32_t offset = v->offset;
    const sfpm_opcode_info_t *info;
    if (!sfpm_read_instruction(v)) {
        info = v->instruction.info;
        if (!info)
            return sfpm_fail_code(program, offset, "unknown opcode 0x%02X",
                                  program->code[offset]);
        return sfpm_fail_code(program, offset, "%s is cut off by the end of the function",
                              info->mnemonic);
    }
    info = v->instruction.info;
    if (program->original && info->opcode > SFPM_OP_NOP)
        return sfpm_fail_code(program, offset,
                              "unknown opcode 0x%02X: the original machine has 0 to 6",
                              info->opcode);
    if (info->version > program->version)
        return sfpm_fail_code(program, offset,
                              "unknown opcode 0x%02X: %s is not in bytecode version %u",
                              info->opcode, info->mnemonic, program->version);
    v->proof->shape[offset] = SFPM_UNREACHED;
    return check_operand(v) && check_need(v);
}

static bool check_instructions(sfpm_verifier_t *v, uint32_t *count)
{
    const sfpm_function_t *function = v->function;
    for (v->offset = function->entry; v->offset < function->end;
         v->offset += v->instruction.length, (*count)++)
        if (!check_instruction(v) ||
            (sfpm_num_targets(&v->instruction) > 0 && !sfpm_keep_pending(v, v->offset)))
            return false;
    return true;
}

static bool check_target(sfpm_verifier_t *v, uint32_t target)
{
    const sfpm_function_t *function = v->function;
    if (target < function->entry || target >= function->end)
        return sfpm_fail_code(v->program, v->offset, "jump to %u, outside the function",
                              target);
    v->proof->targets[target / 8] |= (uint8_t)(1 << target % 8);
    return v->proof->shape[target] != SFPM_NO_INSTRUCTION ||
           sfpm_fail_code(v->program, v->offset,
                          "jump to %u, into the middle of an instruction", target);
}

/* Of all jumps, also of those that nothing leads to. */
static bool check_targets(sfpm_verifier_t *v)
{
    const uint8_t *code = v->program->code;
    for (size_t jump = 0; jump < v->num_pending; jump++) {
        v->offset = v->pending[jump];
        sfpm_read_instruction(v);
        uint32_t count = sfpm_num_targets(&v->instruction);
        for (uint32_t i = 0; i < count; i++)
            if (!check_target(v, sfpm_target(code, v->offset, &v->instruction, i)))
                return false;
    }
    v->num_pending = 0;
    return true;
}

bool sfpm_check_code(sfpm_verifier_t *v, uint32_t *count)
{
    return check_instructions(v, count) && check_targets(v);
}
