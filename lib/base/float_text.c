/* SPDX-License-Identifier: MIT */
/*
 * Parses and formats floating-point numbers: strtod() and printf() depend on the locale,
 * and neither knows the payloads of NaNs.
 */
#include "base/float_text.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/float_env.h"

/* Where the parts of a number lie among its bits. */
static uint64_t fraction_mask(int bytes)
{
    return bytes == 4 ? 0x7FFFFF : 0xFFFFFFFFFFFFF;
}

static uint64_t infinity(int bytes)
{
    return bytes == 4 ? 0x7F800000 : 0x7FF0000000000000;
}

static uint64_t sign_bit(int bytes)
{
    return (uint64_t)1 << (8 * bytes - 1);
}

/* The bit that marks a quiet NaN. */
static uint64_t quiet_bit(int bytes)
{
    return (fraction_mask(bytes) + 1) / 2;
}

/* ---- Syntax ----------------------------------------------------------------- */

static bool is_digit(char c, bool hexadecimal)
{
    return (c >= '0' && c <= '9') ||
           (hexadecimal && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

static size_t count_digits(const char *at, const char *end, bool hexadecimal)
{
    const char *from = at;
    while (at < end && is_digit(*at, hexadecimal))
        at++;
    return (size_t)(at - from);
}

static bool has_prefix(const char *at, const char *end)
{
    return end - at >= 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
}

/* The whole of [at, end) is digits with a point among them and an exponent after. */
static bool is_plain(const char *at, const char *end)
{
    bool hexadecimal = has_prefix(at, end);
    at += hexadecimal ? 2 : 0;
    size_t digits = count_digits(at, end, hexadecimal);
    at += digits;
    if (at < end && *at == '.') {
        size_t more = count_digits(++at, end, hexadecimal);
        at += more;
        digits += more;
    }
    if (digits == 0)
        return false;
    if (at < end && (*at | 0x20) == (hexadecimal ? 'p' : 'e')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = count_digits(at, end, false);
        at += digits;
    }
    return at == end && digits > 0;
}

static bool is_word(const char *at, const char *end, const char *word)
{
    return (size_t)(end - at) == strlen(word) && memcmp(at, word, strlen(word)) == 0;
}

/* `nan:0x` and digits. */
static bool has_payload(const char *at, const char *end)
{
    return end - at > 6 && memcmp(at, "nan:", 4) == 0 && has_prefix(at + 4, end) &&
           count_digits(at + 6, end, true) == (size_t)(end - at - 6);
}

static const char *skip_sign(const char *at, const char *end)
{
    return at + (at < end && (*at == '-' || *at == '+'));
}

bool sfpm_is_float(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = skip_sign(text, end);
    return is_word(at, end, "inf") || is_word(at, end, "nan") || has_payload(at, end) ||
           is_plain(at, end);
}

/* ---- Parsing ---------------------------------------------------------------- */

/* The settings of the thread: its locale, in which the point may be a comma, and its
 * floating-point environment. */
typedef struct thread_state {
    locale_t plain;
    locale_t locale;
    sfpm_float_env_t floats;
} thread_state_t;

static void enter(thread_state_t *before)
{
    before->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    before->locale = uselocale(before->plain);
    sfpm_float_env_enter(&before->floats);
}

static void leave(const thread_state_t *before)
{
    sfpm_float_env_leave(&before->floats);
    uselocale(before->locale);
    if (before->plain)
        freelocale(before->plain);
}

/* Rounds once, to the requested width. Between enter() and leave(), and never moved out
 * of there. */
static SFPM_NOINLINE uint64_t convert(const char *text, int bytes)
{
    float narrow;
    double wide;
    uint32_t bits32;
    uint64_t bits;
    if (bytes == 4) {
        narrow = strtof(text, NULL);
        memcpy(&bits32, &narrow, sizeof bits32);
        return bits32;
    }
    wide = strtod(text, NULL);
    memcpy(&bits, &wide, sizeof bits);
    return bits;
}

static const char *parse_payload(const char *at, const char *end, int bytes,
                                 uint64_t *bits)
{
    uint64_t value = 0;
    for (; at < end && value <= fraction_mask(bytes); at++) {
        char c = *at;
        value = value * 16 + (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *bits |= infinity(bytes) | value;
    return value == 0 || value > fraction_mask(bytes) ? "no NaN has these bits" : NULL;
}

const char *sfpm_float_parse(const char *text, size_t length, int bytes, uint64_t *bits)
{
    char copy[1200]; /* no double needs more than 770 digits */
    thread_state_t before;
    const char *end = text + length;
    const char *at = skip_sign(text, end);
    *bits = length > 0 && text[0] == '-' ? sign_bit(bytes) : 0;
    if (!sfpm_is_float(text, length))
        return "not a number";
    if (is_word(at, end, "inf"))
        *bits |= infinity(bytes);
    else if (is_word(at, end, "nan"))
        *bits |= infinity(bytes) | quiet_bit(bytes);
    else if (*at == 'n')
        return parse_payload(at + 6, end, bytes, bits);
    else if (length >= sizeof copy)
        return "the number has too many digits";
    else {
        memcpy(copy, text, length);
        copy[length] = '\0';
        enter(&before);
        *bits = convert(copy, bytes);
        leave(&before);
        if ((*bits & infinity(bytes)) == infinity(bytes))
            return "the number is too large";
    }
    return NULL;
}

/* ---- Formatting ------------------------------------------------------------- */

static double value_of(uint64_t bits, int bytes)
{
    uint32_t bits32 = (uint32_t)bits;
    float narrow;
    double wide;
    if (bytes == 4) {
        memcpy(&narrow, &bits32, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

/* Like convert(). */
static SFPM_NOINLINE void format_finite(uint64_t bits, int bytes, char *text)
{
    double value = value_of(bits, bytes);
    uint64_t back = ~bits;
    if (value == trunc(value) && fabs(value) < 1e7)
        snprintf(text, SFPM_FLOAT_TEXT, "%.0f", value);
    else
        for (int digits = 1; back != bits && digits <= 17; digits++) {
            snprintf(text, SFPM_FLOAT_TEXT, "%.*g", digits, value);
            back = convert(text, bytes);
        }
}

void sfpm_float_format(uint64_t bits, int bytes, char *text)
{
    const char *sign = bits & sign_bit(bytes) ? "-" : "";
    uint64_t fraction = bits & fraction_mask(bytes);
    thread_state_t before;
    if ((bits & infinity(bytes)) != infinity(bytes)) {
        enter(&before);
        format_finite(bits, bytes, text);
        leave(&before);
    } else if (fraction == 0) {
        snprintf(text, SFPM_FLOAT_TEXT, "%sinf", sign);
    } else if (fraction == quiet_bit(bytes)) {
        snprintf(text, SFPM_FLOAT_TEXT, "%snan", sign);
    } else {
        snprintf(text, SFPM_FLOAT_TEXT, "%snan:0x%" PRIX64, sign, fraction);
    }
}
