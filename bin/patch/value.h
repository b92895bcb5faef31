/* SPDX-License-Identifier: MIT */
/* The values of an edit, /TYPE=VALUE[,VALUE...], to and from bytes. */
#ifndef SFPM_BIN_PATCH_VALUE_H
#define SFPM_BIN_PATCH_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types: X(name, kind, bytes of one value). HEX and STR values are one piece of any
 * length. */
#define VALUE_TYPES(X)                                                                   \
    X(u8, UNSIGNED, 1)                                                                   \
    X(i8, SIGNED, 1)                                                                     \
    X(u16, UNSIGNED, 2)                                                                  \
    X(i16, SIGNED, 2)                                                                    \
    X(u32, UNSIGNED, 4)                                                                  \
    X(i32, SIGNED, 4)                                                                    \
    X(u64, UNSIGNED, 8)                                                                  \
    X(i64, SIGNED, 8)                                                                    \
    X(f32, FLOAT, 4)                                                                     \
    X(f64, FLOAT, 8)                                                                     \
    X(hex, HEX, 0)                                                                       \
    X(str, STR, 0)

typedef enum value_kind {
    VALUE_UNSIGNED,
    VALUE_SIGNED,
    VALUE_FLOAT,
    VALUE_HEX,
    VALUE_STR
} value_kind_t;

typedef struct value_type {
    const char *name;
    value_kind_t kind;
    size_t width; /* 0: any */
} value_type_t;

enum {
    VALUE_TEXT = 96, /* room for one value as text */
    VALUE_REASON = 160
};

/* The type of that name, of `length` characters; NULL when there is none. */
const value_type_t *value_type(const char *name, size_t length);

/* Reads a list of values.
 * bytes:  receives them, allocated, in the byte order wanted; size: their number
 * reason: receives what is wrong, VALUE_REASON characters
 * Returns false then. */
bool value_parse(const value_type_t *type, const char *text, bool big_endian,
                 uint8_t **bytes, size_t *size, char *reason);

/* Writes one value; of `hex` and `str`, `size` bytes, cut to fit. */
void value_format(const value_type_t *type, const uint8_t *bytes, size_t size,
                  bool big_endian, char *text);

#endif
