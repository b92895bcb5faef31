/* SPDX-License-Identifier: MIT */
/*
 * Converts the values of an edit between text and bytes, for each type and in both byte
 * orders.
 */
#include "patch/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/error.h>
#include <sfpm/number.h>

static const value_type_t types[] = {
#define TYPE_ENTRY(name, kind, width) {#name, VALUE_##kind, width},
    VALUE_TYPES(TYPE_ENTRY)
#undef TYPE_ENTRY
};

const value_type_t *value_type(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0)
            return &types[i];
    return NULL;
}

/* Stores the low `width` bytes of a value. */
static void store(uint64_t value, size_t width, bool big_endian, uint8_t *to)
{
    for (size_t i = 0; i < width; i++)
        to[big_endian ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static uint64_t fetch(const uint8_t *from, size_t width, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)from[big_endian ? width - 1 - i : i] << 8 * i;
    return value;
}

static bool parse_numbers(const value_type_t *type, const char *text, bool big_endian,
                          uint8_t *bytes, size_t *size, char *reason)
{
    for (*size = 0;; *size += type->width) {
        size_t length = strcspn(text, ",");
        uint64_t bits = 0;
        if (!sfpm_parse_number(text, length, type->name, &bits)) {
            snprintf(reason, VALUE_REASON, "%s", sfpm_last_error());
            return false;
        }
        store(bits, type->width, big_endian, bytes + *size);
        if (text[length] == '\0') {
            *size += type->width;
            return true;
        }
        text += length + 1;
    }
}

/* Pairs of digits; they may be separated by commas. */
static bool parse_hex(const char *text, uint8_t *bytes, size_t *size, char *reason)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    *size = 0;
    while (*text != '\0') {
        const char *high = strchr(digits, text[0]);
        const char *low = text[1] != '\0' ? strchr(digits, text[1]) : NULL;
        if (!high || !low) {
            snprintf(reason, VALUE_REASON, "'%.40s' is not a pair of hexadecimal digits",
                     text);
            return false;
        }
        bytes[(*size)++] = (uint8_t)((high - digits) % 16 * 16 + (low - digits) % 16);
        text += 2;
        if (text[0] == ',' && text[1] != '\0')
            text++;
    }
    return true;
}

bool value_parse(const value_type_t *type, const char *text, bool big_endian,
                 uint8_t **bytes, size_t *size, char *reason)
{
    size_t length = strlen(text);
    /* A value takes a character or more. */
    *bytes = malloc((length + 1) * (type->width != 0 ? type->width : 1));
    if (!*bytes) {
        snprintf(reason, VALUE_REASON, "out of memory");
        return false;
    }
    if (length == 0) {
        snprintf(reason, VALUE_REASON, "no value was given");
        return false;
    }
    if (type->kind == VALUE_HEX)
        return parse_hex(text, *bytes, size, reason);
    if (type->kind != VALUE_STR)
        return parse_numbers(type, text, big_endian, *bytes, size, reason);
    memcpy(*bytes, text, length);
    *size = length;
    return true;
}

static void format_bytes(const value_type_t *type, const uint8_t *bytes, size_t size,
                         char *text)
{
    const char *code = type->kind == VALUE_STR ? "\\x%02x" : "%02x";
    char *end = text;
    size_t i;
    for (i = 0; i < size && end - text < VALUE_TEXT - 16; i++) {
        bool plain = type->kind == VALUE_STR && bytes[i] >= 0x20 && bytes[i] < 0x7F;
        end += sprintf(end, plain ? "%c" : code, bytes[i]);
    }
    strcpy(end, i < size ? "..." : "");
}

void value_format(const value_type_t *type, const uint8_t *bytes, size_t size,
                  bool big_endian, char *text)
{
    if (type->width == 0) {
        format_bytes(type, bytes, size, text);
        return;
    }
    uint64_t bits = fetch(bytes, type->width, big_endian);
    unsigned unused = (unsigned)(64 - 8 * type->width);
    if (type->kind == VALUE_UNSIGNED) {
        snprintf(text, VALUE_TEXT, "%" PRIu64, bits);
    } else if (type->kind == VALUE_SIGNED) {
        bool negative = (bits << unused) >> 63 != 0;
        uint64_t magnitude = negative ? (0 - bits) & UINT64_MAX >> unused : bits;
        snprintf(text, VALUE_TEXT, "%s%" PRIu64, negative ? "-" : "", magnitude);
    } else if (type->width == 4) {
        float narrow;
        uint32_t bits32 = (uint32_t)bits;
        memcpy(&narrow, &bits32, sizeof narrow);
        snprintf(text, VALUE_TEXT, "%.9g", (double)narrow);
    } else {
        double value;
        memcpy(&value, &bits, sizeof value);
        snprintf(text, VALUE_TEXT, "%.17g", value);
    }
}
