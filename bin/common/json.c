/* SPDX-License-Identifier: MIT */
/*
 * Prints JSON values, so that large integers and hostile text are written the same way
 * by every tool.
 */
#include "common/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/facts.h"

/* Larger integers are strings: many readers keep numbers in doubles. */
#define EXACT_MAX ((uint64_t)1 << 53)

void json_u64(uint64_t value)
{
    const char *quote = value > EXACT_MAX ? "\"" : "";
    printf("%s%" PRIu64 "%s", quote, value, quote);
}

void json_i64(int64_t value)
{
    bool large = value > (int64_t)EXACT_MAX || value < -(int64_t)EXACT_MAX;
    const char *quote = large ? "\"" : "";
    printf("%s%" PRId64 "%s", quote, value, quote);
}

void json_value(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text)
        escape_json(stdout, text);
    else if (*end == '\0' && strcmp(text, "-0") != 0)
        json_i64(value);
    else
        fputs(text, stdout);
}

void json_digest(const uint8_t *digest, bool known)
{
    char text[FACT_DIGEST];
    if (known)
        printf("\"%s\"", fact_digest(digest, text));
    else
        fputs("null", stdout);
}

void json_member(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    escape_json(stdout, text);
}

void json_flags(uint32_t flags)
{
    const char *flag;
    putchar('[');
    for (unsigned f = 0; (flag = fact_flag(flags, f)) != NULL; f++)
        printf("%s\"%s\"", f > 0 ? "," : "", flag);
    putchar(']');
}
