/* SPDX-License-Identifier: MIT */
/* Reads numbers, names and lists of a WebAssembly module. */
#include "wasm/reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "bytecode/regions.h"

/* ---- Messages --------------------------------------------------------------- */

enum { SHOWN_NAME = 60, PLACE = 128 };

/* The name of a function as far as it can be shown: " (blur)", "" without one. */
static void show_name(const sfpm_wasm_name_t *name, char *text)
{
    size_t length = name->length < SHOWN_NAME ? name->length : SHOWN_NAME;
    text[0] = '\0';
    if (!name->bytes || length == 0)
        return;
    *text++ = ' ';
    *text++ = '(';
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = name->bytes[i];
        *text++ = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    snprintf(text, 5, "%s)", length < name->length ? "..." : "");
}

/* "function 12 (blur) at 0x1f3" */
static void show_place(const sfpm_wasm_reader_t *reader, uint64_t offset, char *text)
{
    char name[SHOWN_NAME + 8];
    show_name(&reader->name, name);
    if (reader->function != SFPM_NO_FUNCTION)
        snprintf(text, PLACE, "function %u%s at 0x%llx", (unsigned)reader->function, name,
                 (unsigned long long)offset);
    else
        snprintf(text, PLACE, "%s at 0x%llx", reader->what, (unsigned long long)offset);
}

bool (sfpm_wasm_fail)(const sfpm_wasm_reader_t *reader, sfpm_status_t status,
                    uint64_t offset, const char *format, ...)
{
    char place[PLACE], text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    show_place(reader, offset, place);
    return sfpm_fail_at(status, offset, "%s%s%s", place, ": ", text); /* no subject */
}

bool (sfpm_wasm_lacks)(const sfpm_wasm_reader_t *reader, uint64_t offset,
                     const char *feature)
{
    char place[PLACE];
    show_place(reader, offset, place);
    return sfpm_fail_at(SFPM_ERR_UNSUPPORTED, offset, "%s needs %s", place, feature);
}

static bool fail_here(const sfpm_wasm_reader_t *reader, const char *text)
{
    return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, sfpm_wasm_offset(reader), "%s", text);
}

/* ---- Numbers ---------------------------------------------------------------- */

static const char ends_early[] = "unexpected end";

bool sfpm_wasm_byte(sfpm_wasm_reader_t *reader, uint8_t *byte)
{
    if (reader->at == reader->end)
        return fail_here(reader, ends_early);
    *byte = *reader->at++;
    return true;
}

/* Whether the last of the bytes that a number of so many bits may have is in order: what
 * is beyond the bits must be zeros, or copies of the sign. */
static bool is_last_byte(uint8_t byte, unsigned used, bool is_signed)
{
    uint8_t beyond = (uint8_t)(0x7F << used) & 0x7F;
    if ((byte & beyond) == 0)
        return !is_signed || (byte >> (used - 1) & 1) == 0;
    return is_signed && (byte & beyond) == beyond && (byte >> (used - 1) & 1) == 1;
}

static bool take_leb(sfpm_wasm_reader_t *reader, unsigned bits, bool is_signed,
                     uint64_t *value)
{
    uint64_t sum = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = 0;
        if (!sfpm_wasm_byte(reader, &byte))
            return false;
        sum |= (uint64_t)(byte & 0x7F) << shift;
        bool last = shift + 7 >= bits;
        if (last && byte > 0x7F)
            return fail_here(reader, "the representation of an integer is too long");
        if (last && !is_last_byte(byte, bits - shift, is_signed))
            return fail_here(reader, "an integer is too large");
        if (byte > 0x7F)
            continue;
        if (is_signed && (byte & 0x40) && shift + 7 < 64)
            sum |= UINT64_MAX << (shift + 7);
        *value = sum;
        return true;
    }
}

bool sfpm_wasm_u32_long(sfpm_wasm_reader_t *reader, uint32_t *value)
{
    uint64_t wide;
    if (!take_leb(reader, 32, false, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool sfpm_wasm_signed(sfpm_wasm_reader_t *reader, unsigned bits, uint64_t *value)
{
    return take_leb(reader, bits, true, value);
}

/* ---- Bytes, names, lists ---------------------------------------------------- */

bool sfpm_wasm_skip(sfpm_wasm_reader_t *reader, size_t size, const uint8_t **bytes)
{
    if (size > (size_t)(reader->end - reader->at))
        return fail_here(reader, ends_early);
    *bytes = reader->at;
    reader->at += size;
    return true;
}

bool sfpm_wasm_count(sfpm_wasm_reader_t *reader, uint32_t *count)
{
    if (!sfpm_wasm_u32(reader, count))
        return false;
    return *count <= (size_t)(reader->end - reader->at) || fail_here(reader, ends_early);
}

/* The bytes of a character in UTF-8, 0 when it is not one. The Unicode Standard, table
 * 3-7. */
static size_t character_length(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    uint8_t low = 0x80, high = 0xBF;
    size_t length = 2;
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first >= 0xF0)
        length = 4;
    else if (first >= 0xE0)
        length = 3;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (left < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xBF)
            return 0;
    return length;
}

bool sfpm_wasm_take_name(sfpm_wasm_reader_t *reader, sfpm_wasm_name_t *name)
{
    uint32_t length;
    if (!sfpm_wasm_u32(reader, &length) || !sfpm_wasm_skip(reader, length, &name->bytes))
        return false;
    name->length = length;
    for (size_t at = 0, step; at < length; at += step) {
        step = character_length(name->bytes + at, length - at);
        if (step == 0)
            return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT,
                                  (uint64_t)(name->bytes + at - reader->module),
                                  "a name is not UTF-8");
    }
    return true;
}

bool sfpm_wasm_at_end(const sfpm_wasm_reader_t *reader)
{
    return reader->at == reader->end ||
           fail_here(reader, "more bytes than its contents take");
}
