/* SPDX-License-Identifier: MIT */
/*
 * Parses numbers and sizes (K, M, G, T) with overflow checks, in one place for the
 * options and edits of all tools.
 */
#include "common/number.h"

#include <string.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

bool number_parse(const char *text, size_t length, uint64_t *value)
{
    unsigned base = 10;
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        length -= 2;
    }
    if (length == 0)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)digit_value(text[i]);
        if (digit >= base || sum > (UINT64_MAX - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

bool number_parse_size(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    if (!number_parse(text, unit != NULL ? length - 1 : length, value))
        return false;
    if (*value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    return true;
}
