/* SPDX-License-Identifier: MIT */
/*
 * What the list in sfpm/opcode.h says, as a table, and the one function that
 * takes an instruction's bytes apart.
 */
#ifndef SFPM_VM_INSTRUCTION_H
#define SFPM_VM_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/opcode.h>

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
    const char *meaning;
    uint8_t opcode;
    uint8_t operand; /* sfpm_operand_t */
    uint8_t width;   /* of the operand in bytes */
    uint8_t flow;    /* sfpm_flow_t */
} sfpm_opcode_info_t;

/* NULL for a number that is no instruction. */
const sfpm_opcode_info_t *sfpm_opcode_info(uint8_t opcode);

/* NULL when no mnemonic is spelt so. */
const sfpm_opcode_info_t *sfpm_opcode_named(const char *text, size_t length);

typedef struct sfpm_instruction {
    const sfpm_opcode_info_t *info; /* NULL: unknown opcode */
    uint32_t length;                /* opcode and operand, bytes */
    uint64_t operand;
} sfpm_instruction_t;

/* Reads the instruction at code[offset], offset < size. False when the opcode is
 * unknown (`info` is NULL) or the operand reaches beyond the end. */
bool sfpm_instruction_read(const uint8_t *code, size_t size, size_t offset,
                           sfpm_instruction_t *instruction);

/* What a trap is called, NULL for a number that is none. */
const char *sfpm_trap_text(uint32_t trap);

#endif
