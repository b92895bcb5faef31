/* SPDX-License-Identifier: MIT */
/*
 * Parses numbers and sizes (K, M, G, T) with overflow checks, in one place for the
 * options and edits of all tools.
 */
#include "common/number.h"

#include <string.h>

#include <sfpm/number.h>

bool number_parse(const char *text, size_t length, uint64_t *value)
{
    return sfpm_parse_number(text, length, "u64", value);
}

bool number_parse_size(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (!number_parse(text, unit ? length - 1 : length, value))
        return false;
    if (*value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    return true;
}
