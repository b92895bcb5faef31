/* SPDX-License-Identifier: MIT */
/* Reads integers and numbers of each type from text, and the time of commits from the
 * environment. */
#include "base/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/float_text.h"

const char sfpm_not_a_number[] = "not a number";

void sfpm_hex(char *text, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
}

unsigned sfpm_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 16;
}

const char *sfpm_parse_digits(const char *text, size_t length, uint64_t *value)
{
    bool hexadecimal =
        length >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t base = hexadecimal ? 16 : 10;
    size_t start = hexadecimal ? 2 : 0;
    uint64_t sum = 0;
    for (size_t i = start; i < length; i++) {
        uint64_t digit = sfpm_digit_value(text[i]);
        if (digit >= base)
            return sfpm_not_a_number;
        if (sum > (UINT64_MAX - digit) / base)
            return "the number does not fit in 64 bits";
        sum = sum * base + digit;
    }
    *value = sum;
    return length > start ? NULL : "digits expected";
}

/* ---- Typed numbers ---------------------------------------------------------- */

typedef enum kind { UNSIGNED, SIGNED, FLOAT } kind_t;

typedef struct number_type {
    const char *name;
    kind_t kind;
    unsigned bits;
} number_type_t;

static const number_type_t types[] = {
    {"u8", UNSIGNED, 8},   {"i8", SIGNED, 8},     {"u16", UNSIGNED, 16},
    {"i16", SIGNED, 16},   {"u32", UNSIGNED, 32}, {"i32", SIGNED, 32},
    {"u64", UNSIGNED, 64}, {"i64", SIGNED, 64},   {"f32", FLOAT, 32},
    {"f64", FLOAT, 64},
};

static const number_type_t *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

/* How much of a text a message quotes. */
static int quoted(size_t length)
{
    return (int)(length < 40 ? length : 40);
}

static bool parse_integer(const number_type_t *type, const char *text, size_t length,
                          uint64_t *bits)
{
    bool is_signed = type->kind == SIGNED;
    bool sign = is_signed && length > 0 && (text[0] == '-' || text[0] == '+');
    bool negative = sign && text[0] == '-';
    uint64_t most = UINT64_MAX >> (64 - type->bits + is_signed);
    uint64_t value = 0;
    if (!sfpm_parse_digits(text + sign, length - sign, &value) &&
        value <= most + negative) {
        *bits = negative ? 0 - value : value;
        return true;
    }
    if (is_signed)
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "'%.*s' is not an %s (-%" PRIu64 " to %" PRIu64 ")",
                         quoted(length), text, type->name, most + 1, most);
    return sfpm_fail(SFPM_ERR_SYNTAX, "'%.*s' is not a %s (0 to %" PRIu64 ")",
                     quoted(length), text, type->name, most);
}

static bool parse_float(const number_type_t *type, const char *text, size_t length,
                        uint64_t *bits)
{
    uint64_t value = 0;
    const char *problem = sfpm_float_parse(text, length, (int)type->bits / 8, &value);
    if (problem)
        return sfpm_fail(SFPM_ERR_SYNTAX, "'%.*s' is not an %s: %s", quoted(length), text,
                         type->name, problem);
    *bits = value;
    return true;
}

bool sfpm_parse_number(const char *text, size_t length, const char *name, uint64_t *bits)
{
    const number_type_t *type = name ? find_type(name) : NULL;
    if (!text || !bits || !type)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no text, no place for the number or no known type was given");
    return type->kind == FLOAT ? parse_float(type, text, length, bits)
                               : parse_integer(type, text, length, bits);
}

/* ---- The time of commits ------------------------------------------------------ */

static bool is_decimal(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

bool sfpm_commit_time(int64_t *seconds, uint32_t *nanoseconds)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    struct timespec now = {0};
    uint64_t given = 0;
    if (!seconds || !nanoseconds)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place for the time was given");
    if (!epoch || !*epoch) {
        clock_gettime(CLOCK_REALTIME, &now);
        *seconds = now.tv_sec;
        *nanoseconds = (uint32_t)now.tv_nsec;
        return true;
    }
    if (!is_decimal(epoch) || sfpm_parse_digits(epoch, strlen(epoch), &given) ||
        given > INT64_MAX)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "SOURCE_DATE_EPOCH: '%.100s' is not a number of seconds", epoch);
    *seconds = (int64_t)given;
    *nanoseconds = 0;
    return true;
}
