/* SPDX-License-Identifier: MIT */
/*
 * The table of instructions, made from the list in sfpm/opcode.h, and the function that
 * decodes one instruction.
 */
#ifndef SFPM_BYTECODE_INSTRUCTION_H
#define SFPM_BYTECODE_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/opcode.h>

#include "base/bytes.h"

typedef enum sfpm_operand {
#define SFPM_OPERAND_ENUM(name, width, meaning) SFPM_OPERAND_##name,
    SFPM_OPERANDS(SFPM_OPERAND_ENUM)
#undef SFPM_OPERAND_ENUM
} sfpm_operand_t;

typedef enum sfpm_flow {
    SFPM_FLOW_NEXT,
    SFPM_FLOW_JUMP,
    SFPM_FLOW_BRANCH,
    SFPM_FLOW_STOP
} sfpm_flow_t;

typedef struct sfpm_opcode_info {
    const char *mnemonic; /* NULL: no such opcode */
    const char *signature;
    uint8_t opcode;
    uint8_t operand; /* sfpm_operand_t */
    uint8_t width;   /* of the operand in bytes */
    uint8_t flow;    /* sfpm_flow_t */
    bool is_plain;   /* an instruction that is as long as any other of its opcode */
    uint8_t version; /* the first of bytecode that has the instruction */
    uint64_t mask; /* of the operand in the eight bytes behind the opcode */
} sfpm_opcode_info_t;

/* By opcode. The mnemonic is NULL for numbers that are not instructions. */
extern const sfpm_opcode_info_t sfpm_opcodes[256];

/* NULL for a number that is not an instruction. */
static inline const sfpm_opcode_info_t *sfpm_opcode_info(uint8_t opcode)
{
    return sfpm_opcodes[opcode].mnemonic ? &sfpm_opcodes[opcode] : NULL;
}

/* NULL when no mnemonic is spelt so. */
const sfpm_opcode_info_t *sfpm_opcode_named(const char *text, size_t length);

/* The instruction whose mnemonic is most like the text; NULL when none is near. */
const sfpm_opcode_info_t *sfpm_opcode_like(const char *text, size_t length);

/* A br_table up to its first target: the opcode and the count. */
enum { SFPM_BR_TABLE_HEADER = 5 };

typedef struct sfpm_instruction {
    const sfpm_opcode_info_t *info; /* NULL: unknown opcode */
    uint32_t length;                /* opcode and operand, bytes */
    uint64_t operand;               /* of br_table: how many targets but the last */
} sfpm_instruction_t;

/* The type that a letter of a signature means, 0 when it means several. */
uint8_t sfpm_type_of_letter(char letter);

/* Whether values of the type are references. */
static inline bool sfpm_is_reference(uint8_t type)
{
    return type == SFPM_TYPE_FUNCREF || type == SFPM_TYPE_EXTERNREF;
}

/* "i32", NULL for a number that is no type. */
const char *sfpm_type_name(uint8_t type);

/* sfpm_instruction_read() where one load is not enough: near the end, for br_table, and
 * for unknown opcodes. */
bool sfpm_instruction_read_any(const uint8_t *code, size_t size, size_t offset,
                               sfpm_instruction_t *instruction);

/* Reads the instruction at code[offset], offset < size. False when the opcode is
 * unknown (`info` is NULL) or the operand reaches beyond the end. */
static inline bool sfpm_instruction_read(const uint8_t *code, size_t size, size_t offset,
                                         sfpm_instruction_t *instruction)
{
    const sfpm_opcode_info_t *info = &sfpm_opcodes[code[offset]];
    if (!info->is_plain || size - offset <= sizeof(uint64_t))
        return sfpm_instruction_read_any(code, size, offset, instruction);
    *instruction =
        (sfpm_instruction_t){.info = info,
                             .length = 1u + info->width,
                             .operand = sfpm_get_u64(code + offset + 1) & info->mask};
    return true;
}

/* What is done with each in turn: the target of a jump. */
static inline uint32_t sfpm_num_targets(const sfpm_instruction_t *instruction)
{
    switch ((sfpm_operand_t)instruction->info->operand) {
    case SFPM_OPERAND_TARGET:
        return 1;
    case SFPM_OPERAND_TARGETS:
        return (uint32_t)instruction->operand + 1;
    default:
        return 0;
    }
}

/* Target number `index` of the jump at code[offset]. */
static inline uint32_t sfpm_target(const uint8_t *code, uint32_t offset,
                                   const sfpm_instruction_t *instruction, uint32_t index)
{
    if (instruction->info->operand == SFPM_OPERAND_TARGET)
        return (uint32_t)instruction->operand;
    return sfpm_get_u32(code + offset + SFPM_BR_TABLE_HEADER + (size_t)index * 4);
}

/* The operand of unwind. */
static inline uint32_t sfpm_unwind_keep(uint64_t operand)
{
    return operand & 0xFFFF;
}

static inline uint32_t sfpm_unwind_drop(uint64_t operand)
{
    return (uint32_t)(operand >> 16);
}

/* The two halves of an operand of eight bytes: tables' numbers come first. */
static inline uint32_t sfpm_first_number(uint64_t operand)
{
    return (uint32_t)operand;
}

static inline uint32_t sfpm_second_number(uint64_t operand)
{
    return (uint32_t)(operand >> 32);
}

/* The first version of bytecode that has the instruction. */
static inline uint8_t sfpm_opcode_version(uint8_t opcode)
{
    return sfpm_opcodes[opcode].version;
}

static inline bool sfpm_is_version1(uint8_t opcode)
{
    return sfpm_opcode_version(opcode) == 1;
}

/* Whether an instruction calls a function: then a frame returns to its end. */
static inline bool sfpm_is_call(uint8_t opcode)
{
    return opcode == SFPM_OP_CALL || opcode == SFPM_OP_CALL_INDIRECT ||
           opcode == SFPM_OP_TABLE_CALL;
}

/* The text of a trap; NULL for a number that is not a trap. */
const char *sfpm_trap_text(uint32_t trap);

#endif
