/* SPDX-License-Identifier: MIT */
/*
 * Reads the bytes of a WebAssembly module from front to back: numbers in LEB128, names
 * and lists. Messages name the section or function and the place in the file.
 */
#ifndef SFPM_WASM_READER_H
#define SFPM_WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A name in the module: bytes in UTF-8, not terminated. */
typedef struct sfpm_wasm_name {
    const uint8_t *bytes; /* NULL: there is none */
    uint32_t length;
} sfpm_wasm_name_t;

/* What is left of a section or a function's body. */
typedef struct sfpm_wasm_reader {
    const uint8_t *module; /* where offsets in the file count from */
    const uint8_t *at;
    const uint8_t *end;
    const char *what;      /* "code section", for messages */
    uint32_t function;     /* whose body it is, or SFPM_NO_FUNCTION */
    sfpm_wasm_name_t name; /* of that function */
} sfpm_wasm_reader_t;

/* The place in the file of what comes next. */
static inline uint64_t sfpm_wasm_offset(const sfpm_wasm_reader_t *reader)
{
    return (uint64_t)(reader->at - reader->module);
}

/* Records `code section at 0x1f3: …` or `function 12 (blur) at 0x1f3: …` with that
 * status. Always false. */
bool sfpm_wasm_fail(const sfpm_wasm_reader_t *reader, sfpm_status_t status,
                    uint64_t offset, const char *format, ...) SFPM_PRINTF(4, 5);

/* Records `function 12 (blur) at 0x1f3 needs …`. Always false. */
bool sfpm_wasm_lacks(const sfpm_wasm_reader_t *reader, uint64_t offset,
                     const char *feature);

/* Each takes what comes next; false, with the error set, when it is not there or is
 * malformed. */
bool sfpm_wasm_byte(sfpm_wasm_reader_t *reader, uint8_t *byte);
bool sfpm_wasm_u32_long(sfpm_wasm_reader_t *reader, uint32_t *value);
bool sfpm_wasm_signed(sfpm_wasm_reader_t *reader, unsigned bits, uint64_t *value);
bool sfpm_wasm_skip(sfpm_wasm_reader_t *reader, size_t size, const uint8_t **bytes);
bool sfpm_wasm_take_name(sfpm_wasm_reader_t *reader, sfpm_wasm_name_t *name);

/* An unsigned number of up to 32 bits, padded or not. */
static inline bool sfpm_wasm_u32(sfpm_wasm_reader_t *reader, uint32_t *value)
{
    if (reader->at == reader->end || *reader->at > 0x7F)
        return sfpm_wasm_u32_long(reader, value);
    *value = *reader->at++;
    return true;
}

/* The number of entries that follow, of at least one byte each. */
bool sfpm_wasm_count(sfpm_wasm_reader_t *reader, uint32_t *count);

/* Fails unless everything was taken. */
bool sfpm_wasm_at_end(const sfpm_wasm_reader_t *reader);

#endif
