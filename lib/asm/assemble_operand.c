/* SPDX-License-Identifier: MIT */
/* The assembler: tokens, values, types and the operands of instructions. */
#include <string.h>

#include "base/bytes.h"
#include "asm/assemble_parts.h"
#include "base/float_text.h"

/* ---- Tokens ----------------------------------------------------------------- */

bool sfpm_token_is(const sfpm_token_t *token, const char *text)
{
    return token->kind == SFPM_TOKEN_NAME && token->length == strlen(text) &&
           memcmp(token->text, text, token->length) == 0;
}

bool sfpm_token_is_none(const sfpm_token_t *token)
{
    return token->length == 1 && token->text[0] == '_';
}

void sfpm_asm_skip_line(sfpm_assembler_t *a)
{
    while (!sfpm_asm_at_end(a))
        sfpm_asm_next(a);
}

void sfpm_asm_expected(sfpm_assembler_t *a, const char *wanted)
{
    char quote[SFPM_QUOTE];
    const sfpm_token_t *token = &a->token;
    if (token->kind == SFPM_TOKEN_BAD)
        sfpm_faults_add(a->faults, token->line, token->column, "'%s': %s",
                        sfpm_quote(token, quote), token->problem);
    else if (sfpm_asm_at_end(a))
        sfpm_faults_add(a->faults, token->line, token->column, "%s expected", wanted);
    else
        sfpm_faults_add(a->faults, token->line, token->column, "%s expected, not '%s'",
                        wanted, sfpm_quote(token, quote));
    sfpm_asm_skip_line(a);
}

bool sfpm_asm_take_comma(sfpm_assembler_t *a)
{
    if (a->token.kind != SFPM_TOKEN_COMMA)
        return false;
    do
        sfpm_asm_next(a);
    while (a->token.kind == SFPM_TOKEN_LINE);
    return true;
}

void sfpm_asm_need_version2(sfpm_assembler_t *a, const sfpm_token_t *token)
{
    sfpm_asm_need_version(a, 2, token);
}

void sfpm_asm_need_version(sfpm_assembler_t *a, uint8_t version,
                           const sfpm_token_t *token)
{
    if (version > 1 && a->version2.length == 0)
        a->version2 = *token;
    if (version > 2 && a->version3.length == 0)
        a->version3 = *token;
}

uint8_t *sfpm_asm_keep(sfpm_assembler_t *a, const void *bytes, size_t size)
{
    sfpm_block_t *block = sfpm_new_array(sizeof *block + size, 1);
    if (!block)
        return NULL;
    if (size > 0)
        memcpy(block->bytes, bytes, size);
    block->next = a->blocks;
    a->blocks = block;
    return block->bytes;
}

/* ---- Values ----------------------------------------------------------------- */

bool sfpm_asm_take_number(sfpm_assembler_t *a, uint64_t most, uint64_t *value)
{
    const sfpm_token_t *token = &a->token;
    if (token->kind != SFPM_TOKEN_NUMBER) {
        sfpm_asm_expected(a, "a number");
        return false;
    }
    if (token->value > most || token->negative)
        sfpm_faults_add(a->faults, token->line, token->column,
                        "number out of range (0 to %llu)", (unsigned long long)most);
    *value = token->value <= most ? token->value : 0;
    sfpm_asm_next(a);
    return true;
}

/* Both signed and unsigned numbers of that many bits. */
static bool take_integer(sfpm_assembler_t *a, unsigned bits, uint64_t *value)
{
    const sfpm_token_t *token = &a->token;
    const uint64_t mask = UINT64_MAX >> (64 - bits);
    if (token->kind != SFPM_TOKEN_NUMBER) {
        sfpm_asm_expected(a, "a number");
        return false;
    }
    uint64_t magnitude = token->negative ? 0 - token->value : token->value;
    if (magnitude > (token->negative ? mask / 2 + 1 : mask))
        sfpm_faults_add(a->faults, token->line, token->column,
                        "number out of range (-%llu to %llu)",
                        (unsigned long long)(mask / 2 + 1), (unsigned long long)mask);
    *value = token->value & mask;
    sfpm_asm_next(a);
    return true;
}

static bool take_float(sfpm_assembler_t *a, int bytes, uint64_t *value)
{
    char quote[SFPM_QUOTE];
    const sfpm_token_t *token = &a->token;
    if (!token->is_float) {
        sfpm_asm_expected(a, "a number");
        return false;
    }
    const char *problem = sfpm_float_parse(token->text, token->length, bytes, value);
    if (problem)
        sfpm_faults_add(a->faults, token->line, token->column, "'%s': %s",
                        sfpm_quote(token, quote), problem);
    sfpm_asm_next(a);
    return true;
}

bool sfpm_asm_take_value(sfpm_assembler_t *a, uint8_t type, uint64_t *value)
{
    switch (type) {
    case SFPM_TYPE_F32:
        return take_float(a, 4, value);
    case SFPM_TYPE_F64:
        return take_float(a, 8, value);
    case SFPM_TYPE_I32:
        return take_integer(a, 32, value);
    default:
        return take_integer(a, 64, value);
    }
}

bool sfpm_asm_take_reference(sfpm_assembler_t *a, uint8_t type, sfpm_buffer_t *buffer,
                             size_t at)
{
    const sfpm_token_t token = a->token;
    bool is_function = type == SFPM_TYPE_FUNCREF;
    uint64_t value = SFPM_NULL_REFERENCE;
    if (token.kind == SFPM_TOKEN_NAME && sfpm_token_is_none(&token)) {
        sfpm_asm_next(a);
    } else if (!is_function) {
        sfpm_asm_take_number(a, UINT64_MAX, &value);
    } else if (token.kind != SFPM_TOKEN_NAME && token.kind != SFPM_TOKEN_NUMBER) {
        sfpm_asm_expected(a, "a function");
    } else {
        sfpm_asm_next(a);
        sfpm_put_u64(buffer->data + at, 0);
        return sfpm_names_refer_at(&a->names, SFPM_OPERAND_FUNCTION, buffer, at, &token);
    }
    sfpm_put_u64(buffer->data + at, value);
    return true;
}

/* ---- Types ------------------------------------------------------------------ */

uint8_t sfpm_asm_type(const sfpm_token_t *token)
{
#define TYPE_NAMED(number, name, letter, text)                                           \
    if (sfpm_token_is(token, text))                                                      \
        return number;
    SFPM_TYPES(TYPE_NAMED)
#undef TYPE_NAMED
    return 0;
}

bool sfpm_asm_take_types(sfpm_assembler_t *a, sfpm_buffer_t *types)
{
    size_t from = types->size;
    for (; a->token.kind == SFPM_TOKEN_NAME; sfpm_asm_next(a)) {
        char quote[SFPM_QUOTE];
        uint8_t type = sfpm_asm_type(&a->token);
        if (type != SFPM_TYPE_I64)
            sfpm_asm_need_version(a, sfpm_is_reference(type) ? 3 : 2, &a->token);
        if (!type)
            sfpm_faults_add(a->faults, a->token.line, a->token.column,
                            "unknown type '%s'", sfpm_quote(&a->token, quote));
        else if (types->size - from == SFPM_MAX_HEIGHT)
            sfpm_faults_add(a->faults, a->token.line, a->token.column,
                            "more than %u values", SFPM_MAX_HEIGHT);
        else if (!sfpm_buffer_add(types, &type, 1))
            return false;
    }
    return true;
}

static bool take_type_number(sfpm_assembler_t *a, uint32_t *type)
{
    const sfpm_token_t token = a->token;
    uint64_t number = 0;
    sfpm_asm_need_version2(a, &token);
    sfpm_asm_take_number(a, UINT32_MAX, &number);
    *type = (uint32_t)number;
    if (number < (a->known ? a->known->num_types : a->types.count))
        return true;
    *type = SFPM_NO_TYPE;
    sfpm_faults_add(a->faults, token.line, token.column, ".type %llu is not defined yet",
                    (unsigned long long)number);
    return true;
}

/* Instructions alone cannot add a type. */
static bool find_type(sfpm_assembler_t *a, const sfpm_function_type_t *wanted,
                      uint32_t *type)
{
    const sfpm_function_type_t *found = sfpm_type_like(a->known, wanted);
    *type = found ? found->like : SFPM_NO_TYPE;
    a->unknown_type = a->unknown_type || !found;
    return true;
}

bool sfpm_asm_take_signature(sfpm_assembler_t *a, bool numbered, uint32_t *type)
{
    static const uint8_t none[1] = {0};
    sfpm_buffer_t *types = &a->scratch;
    sfpm_function_type_t found;
    const sfpm_token_t at = a->token;
    if (numbered && a->token.kind == SFPM_TOKEN_NUMBER)
        return take_type_number(a, type);
    types->size = 0;
    if (!sfpm_asm_take_types(a, types))
        return false;
    found.params = (uint16_t)types->size;
    if (a->token.kind == SFPM_TOKEN_ARROW) {
        sfpm_asm_next(a);
        if (!sfpm_asm_take_types(a, types))
            return false;
    }
    found.results = (uint16_t)(types->size - found.params);
    if (found.params > SFPM_MAX_VALUES || found.results > SFPM_MAX_VALUES)
        a->many = a->many.length ? a->many : at;
    found.types = types->size > 0 ? types->data : none;
    return a->known ? find_type(a, &found, type)
                    : sfpm_types_add(a, &found, !numbered, type);
}

/* ---- Operands --------------------------------------------------------------- */

static bool add_number(sfpm_assembler_t *a, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    sfpm_put_u64(bytes, value);
    return sfpm_buffer_add(a->code, bytes, width);
}

/* Names stand for their numbers, which are known at the end. */
static bool take_named(sfpm_assembler_t *a, sfpm_operand_t operand)
{
    const sfpm_token_t token = a->token;
    uint64_t value = 0;
    if (token.kind == SFPM_TOKEN_NAME) {
        sfpm_asm_next(a);
        return sfpm_names_refer(&a->names, operand, a->code, &token) &&
               add_number(a, 0, 4);
    }
    if (token.kind != SFPM_TOKEN_NUMBER)
        sfpm_asm_expected(a, "a name or a number");
    else
        sfpm_asm_take_number(a, UINT32_MAX, &value);
    return add_number(a, value, 4);
}

static bool take_targets(sfpm_assembler_t *a)
{
    size_t at = a->code->size;
    uint32_t count = 0;
    if (!add_number(a, 0, 4))
        return false;
    do {
        if (!take_named(a, SFPM_OPERAND_TARGET))
            return false;
        count++;
    } while (sfpm_asm_take_comma(a));
    sfpm_put_u32(a->code->data + at, count - 1);
    return true;
}

static bool take_type_operand(sfpm_assembler_t *a)
{
    uint32_t type = 0;
    return sfpm_asm_take_signature(a, true, &type) && add_number(a, type, 4);
}

static bool take_unsigned(sfpm_assembler_t *a, size_t width)
{
    uint64_t value = 0;
    sfpm_asm_take_number(a, ((uint64_t)1 << 8 * width) - 1, &value);
    return add_number(a, value, width);
}

static bool take_unwind(sfpm_assembler_t *a)
{
    uint64_t keep = 0;
    uint64_t drop = 0;
    if (sfpm_asm_take_number(a, UINT16_MAX, &keep))
        sfpm_asm_take_number(a, UINT16_MAX, &drop);
    return add_number(a, keep | drop << 16, 4);
}

static bool take_constant(sfpm_assembler_t *a, uint8_t type, size_t width)
{
    uint64_t value = 0;
    sfpm_asm_take_value(a, type, &value);
    return add_number(a, value, width);
}

/* Two numbers; of table.call, a table and a type. */
static bool take_two(sfpm_assembler_t *a, bool has_type)
{
    uint64_t table = 0;
    if (!sfpm_asm_take_number(a, UINT32_MAX, &table))
        return add_number(a, 0, 8);
    if (!add_number(a, table, 4))
        return false;
    return has_type ? take_type_operand(a) : take_unsigned(a, 4);
}

static bool take_reference_type(sfpm_assembler_t *a)
{
    uint8_t type = sfpm_asm_type(&a->token);
    if (sfpm_is_reference(type))
        sfpm_asm_next(a);
    else
        sfpm_asm_expected(a, "funcref or externref");
    return add_number(a, type, 1);
}

bool sfpm_asm_take_operand(sfpm_assembler_t *a, const sfpm_opcode_info_t *info)
{
    sfpm_operand_t operand = (sfpm_operand_t)info->operand;
    switch (operand) {
    case SFPM_OPERAND_NONE:
        return true;
    case SFPM_OPERAND_I32:
        return take_constant(a, SFPM_TYPE_I32, 4);
    case SFPM_OPERAND_I64:
        return take_constant(a, SFPM_TYPE_I64, 8);
    case SFPM_OPERAND_F32:
        return take_constant(a, SFPM_TYPE_F32, 4);
    case SFPM_OPERAND_F64:
        return take_constant(a, SFPM_TYPE_F64, 8);
    case SFPM_OPERAND_TARGET:
    case SFPM_OPERAND_FUNCTION:
    case SFPM_OPERAND_GLOBAL:
        return take_named(a, operand);
    case SFPM_OPERAND_TARGETS:
        return take_targets(a);
    case SFPM_OPERAND_TYPE:
        return take_type_operand(a);
    case SFPM_OPERAND_OFFSET:
        return sfpm_asm_at_end(a) ? add_number(a, 0, 4) : take_unsigned(a, 4);
    case SFPM_OPERAND_UNWIND:
        return take_unwind(a);
    case SFPM_OPERAND_REFERENCE:
        return take_reference_type(a);
    case SFPM_OPERAND_TABLES:
    case SFPM_OPERAND_INIT:
        return take_two(a, false);
    case SFPM_OPERAND_INDIRECT:
        return take_two(a, true);
    case SFPM_OPERAND_U8:
    case SFPM_OPERAND_LOCAL:
    case SFPM_OPERAND_SEGMENT:
    case SFPM_OPERAND_TABLE:
    case SFPM_OPERAND_ELEMENTS:
        return take_unsigned(a, info->width);
    }
    return true;
}
