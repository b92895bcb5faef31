/* SPDX-License-Identifier: MIT */
/*
 * The instruction table, generated from the list in <sfpm/opcode.h>, and decoding of one
 * instruction with checks that its bytes lie inside the code.
 */
#include "bytecode/instruction.h"

#include <string.h>

#include "base/checked.h"

enum { SFPM_LONGEST_LIKE = 32 }; /* of mnemonics that are compared */

enum {
#define OPERAND_WIDTH(name, width, meaning) WIDTH_##name = width,
    SFPM_OPERANDS(OPERAND_WIDTH)
#undef OPERAND_WIDTH
};

#define MASK(width) ((width) == 0 ? 0 : UINT64_MAX >> (64 - 8 * (width)) % 64)

/* The instructions of version 1. */
#define BETWEEN(number, first, last) ((number) >= (first) && (number) <= (last))
#define IS_VERSION1(number)                                                              \
    ((number) <= 0x0A || BETWEEN(number, 0x0C, 0x0D) || BETWEEN(number, 0x0F, 0x10) ||   \
     BETWEEN(number, 0x1A, 0x1B) || BETWEEN(number, 0x20, 0x24) || (number) == 0x42 ||   \
     BETWEEN(number, 0x50, 0x5A) || BETWEEN(number, 0x79, 0x8A))

/* What version 3 added to version 2. */
#define IS_VERSION3(number)                                                              \
    ((number) == 0x16 || BETWEEN(number, 0x25, 0x26) || BETWEEN(number, 0xD0, 0xD2) ||   \
     BETWEEN(number, 0xEC, 0xF1))

const sfpm_opcode_info_t sfpm_opcodes[256] = {
#define OPCODE_INFO(number, name, mnemonic, operand, signature, flow, meaning)           \
    [number] = {mnemonic,                                                                \
                signature,                                                               \
                number,                                                                  \
                SFPM_OPERAND_##operand,                                                  \
                WIDTH_##operand,                                                         \
                SFPM_FLOW_##flow,                                                        \
                SFPM_OPERAND_##operand != SFPM_OPERAND_TARGETS,                          \
                (uint8_t)(2 - IS_VERSION1(number) + IS_VERSION3(number)),                                                    \
                MASK(WIDTH_##operand)},
    SFPM_OPCODES(OPCODE_INFO)
#undef OPCODE_INFO
};

const sfpm_opcode_info_t *sfpm_opcode_named(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof sfpm_opcodes / sizeof sfpm_opcodes[0]; i++) {
        const char *mnemonic = sfpm_opcodes[i].mnemonic;
        if (mnemonic && strlen(mnemonic) == length && memcmp(mnemonic, text, length) == 0)
            return &sfpm_opcodes[i];
    }
    return NULL;
}

/* How many characters must be replaced, inserted or removed to get from one text to the
 * other (Wagner and Fischer, The String-to-String Correction Problem, 1974). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[SFPM_LONGEST_LIKE + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[b_length];
}

const sfpm_opcode_info_t *sfpm_opcode_like(const char *text, size_t length)
{
    const sfpm_opcode_info_t *nearest = NULL;
    size_t least = 1; /* this many letters differ: another word */
    if (length > 3)
        least++;
    if (length > 5)
        least++;
    if (length > SFPM_LONGEST_LIKE)
        return NULL;
    for (size_t i = 0; i < sizeof sfpm_opcodes / sizeof sfpm_opcodes[0]; i++) {
        const char *mnemonic = sfpm_opcodes[i].mnemonic;
        if (!mnemonic || strlen(mnemonic) > SFPM_LONGEST_LIKE)
            continue;
        size_t far = distance(text, length, mnemonic, strlen(mnemonic));
        if (far < least) {
            nearest = &sfpm_opcodes[i];
            least = far;
        }
    }
    return nearest;
}

static uint64_t read_operand(const uint8_t *bytes, uint8_t width)
{
    uint64_t value = 0;
    for (uint8_t i = 0; i < width; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

bool sfpm_instruction_read_any(const uint8_t *code, size_t size, size_t offset,
                               sfpm_instruction_t *instruction)
{
    const sfpm_opcode_info_t *info = sfpm_opcode_info(code[offset]);
    *instruction = (sfpm_instruction_t){.info = info};
    if (!info)
        return false;
    instruction->length = 1u + info->width;
    if (!sfpm_in_range(offset, instruction->length, size))
        return false;
    instruction->operand = read_operand(code + offset + 1, info->width);
    if (info->operand != SFPM_OPERAND_TARGETS)
        return true;
    uint64_t targets = (instruction->operand + 1) * 4;
    if (!sfpm_in_range(offset + instruction->length, targets, size))
        return false;
    instruction->length += (uint32_t)targets;
    return true;
}

uint8_t sfpm_type_of_letter(char wanted)
{
    switch (wanted) {
#define TYPE_OF_LETTER(number, name, letter, text)                                       \
    case letter:                                                                         \
        return number;
        SFPM_TYPES(TYPE_OF_LETTER)
#undef TYPE_OF_LETTER
    }
    return 0;
}

const char *sfpm_type_name(uint8_t type)
{
    switch (type) {
#define TYPE_NAME(number, name, letter, text)                                            \
    case number:                                                                         \
        return text;
        SFPM_TYPES(TYPE_NAME)
#undef TYPE_NAME
    }
    return NULL;
}

const char *sfpm_trap_text(uint32_t trap)
{
    static const char *const texts[] = {
#define TRAP_TEXT(number, name, text) [number] = text,
        SFPM_TRAPS(TRAP_TEXT)
#undef TRAP_TEXT
    };
    return trap < sizeof texts / sizeof texts[0] ? texts[trap] : NULL;
}
