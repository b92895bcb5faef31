/* SPDX-License-Identifier: MIT */
/* Encodes small WebAssembly modules for tests. */
#include "build.h"

#include <stdlib.h>
#include <string.h>

#include "bytecode/instruction.h"

static void put(sfpm_buffer_t *buffer, const void *bytes, size_t size)
{
    if (!sfpm_buffer_add(buffer, bytes, size))
        abort();
}

static void put_byte(sfpm_buffer_t *buffer, uint8_t byte)
{
    put(buffer, &byte, 1);
}

void wasm_u32(sfpm_buffer_t *buffer, uint32_t value)
{
    for (; value > 0x7F; value >>= 7)
        put_byte(buffer, (uint8_t)(value | 0x80));
    put_byte(buffer, (uint8_t)value);
}

void wasm_begin(sfpm_buffer_t *module)
{
    module->size = 0;
    put(module, "\0asm\1\0\0", 8);
}

void wasm_section(sfpm_buffer_t *module, uint8_t number, const void *bytes, size_t size)
{
    put_byte(module, number);
    wasm_u32(module, (uint32_t)size);
    put(module, bytes, size);
}

static void put_types(sfpm_buffer_t *buffer, const char *letters)
{
    wasm_u32(buffer, (uint32_t)strlen(letters));
    for (; *letters; letters++)
        put_byte(buffer, sfpm_type_of_letter(*letters));
}

static void add_types(sfpm_buffer_t *module, const char *params, const char *results)
{
    static const uint8_t first[] = {4,    0x60, 0,    0,    0x60, 1,    0x7F, 1,   0x7F,
                                    0x60, 2,    0x7F, 0x7F, 2,    0x7F, 0x7F, 0x60};
    sfpm_buffer_t types = {0};
    put(&types, first, sizeof first);
    put_types(&types, params);
    put_types(&types, results);
    wasm_section(module, 1, types.data, types.size);
    sfpm_buffer_free(&types);
}

static void add_code(sfpm_buffer_t *module, const void *code, size_t size)
{
    static const uint8_t plus_one[] = {7, 0, 0x20, 0, 0x41, 1, 0x6A, 0x0B};
    sfpm_buffer_t section = {0};
    put_byte(&section, 2);
    wasm_u32(&section, (uint32_t)size);
    put(&section, code, size);
    put(&section, plus_one, sizeof plus_one);
    wasm_section(module, 10, section.data, section.size);
    sfpm_buffer_free(&section);
}

void wasm_function(sfpm_buffer_t *module, const char *params, const char *results,
                   const void *code, size_t size)
{
    wasm_begin(module);
    add_types(module, params, results);
    WASM_SECTION(module, 3, 2, 3, 1);
    WASM_SECTION(module, 4, 1, 0x70, 0, 4);
    WASM_SECTION(module, 5, 1, 1, 1, 3);
    WASM_SECTION(module, 6, 2, 0x7F, 1, 0x41, 5, 0x0B, 0x7E, 0, 0x42, 9, 0x0B);
    WASM_SECTION(module, 7, 3, 1, 'f', 0, 0, 6, 'm', 'e', 'm', 'o', 'r', 'y', 2, 0, 1,
                 'g', 3, 0);
    WASM_SECTION(module, 9, 1, 0, 0x41, 1, 0x0B, 2, 0, 1);
    WASM_SECTION(module, 12, 2);
    add_code(module, code, size);
    WASM_SECTION(module, 11, 2, 0, 0x41, 16, 0x0B, 4, 'a', 'b', 'c', 'd', 1, 4, 'w', 'x',
                 'y', 'z');
    WASM_SECTION(module, 0, 4, 'n', 'a', 'm', 'e', 1, 7, 1, 0, 4, 'b', 'l', 'u', 'r');
}

/* ---- Lines ------------------------------------------------------------------- */

static void put_u32(sfpm_buffer_t *buffer, uint32_t value)
{
    if (!sfpm_buffer_add_u32(buffer, value))
        abort();
}

void wasm_custom(sfpm_buffer_t *module, const char *name, const void *bytes, size_t size)
{
    sfpm_buffer_t section = {0};
    wasm_u32(&section, (uint32_t)strlen(name));
    put(&section, name, strlen(name));
    put(&section, bytes, size);
    wasm_section(module, 0, section.data, section.size);
    sfpm_buffer_free(&section);
}

/* Paths lie in .debug_str and .debug_line_str, with digests beside those of files. */
static void put_tables_5(sfpm_buffer_t *header)
{
    static const uint8_t directories[] = {1, 1, 0x1F, 2, 0, 0, 0, 0, 5, 0, 0, 0};
    static const uint8_t formats[] = {3, 1, 0x0E, 2, 0x0B, 5, 0x1E, 3};
    static const uint8_t digest[16] = {1, 2, 3};
    static const uint8_t files[][2] = {{1, 0}, {1, 0}, {5, 1}};
    put(header, directories, sizeof directories);
    put(header, formats, sizeof formats);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put_u32(header, files[i][0]);
        put_byte(header, files[i][1]);
        put(header, digest, sizeof digest);
    }
}

static void add_line_table(sfpm_buffer_t *module, unsigned version, const void *program,
                           size_t size)
{
    static const uint8_t machine[] = {1, (uint8_t)-5, 14, 13};
    static const uint8_t operands[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    static const char files[] = "inc\0\0a.c\0\0\0\0b.h\0\1\0\0";
    sfpm_buffer_t unit = {0}, header = {0};
    put_byte(&header, 1); /* length of an instruction */
    if (version > 3)
        put_byte(&header, 1);
    put(&header, machine, sizeof machine);
    put(&header, operands, sizeof operands);
    if (version < 5)
        put(&header, files, sizeof files);
    else
        put_tables_5(&header);
    uint32_t before = version < 5 ? 2 : 4;
    put_u32(&unit, (uint32_t)(before + 4 + header.size + size));
    put(&unit, (const uint8_t[]){(uint8_t)version, 0, 4, 0}, before);
    put_u32(&unit, (uint32_t)header.size);
    put(&unit, header.data, header.size);
    put(&unit, program, size);
    wasm_custom(module, ".debug_line", unit.data, unit.size);
    sfpm_buffer_free(&unit);
    sfpm_buffer_free(&header);
}

void wasm_lined(sfpm_buffer_t *module, unsigned version, const void *program, size_t size)
{
    static const char directories[] = "/tmp\0inc";
    static const char strings[] = "\0a.c\0b.h";
    wasm_begin(module);
    WASM_SECTION(module, 1, 1, 0x60, 0, 0);
    WASM_SECTION(module, 3, 3, 0, 0, 0);
    WASM_SECTION(module, 7, 1, 1, 'f', 0, 0);
#define BODY 8, 0, 0x41, 1, 0x1A, 0x41, 2, 0x1A, 0x0B
    WASM_SECTION(module, 10, 3, BODY, BODY, BODY);
#undef BODY
    if (version == 5) {
        wasm_custom(module, ".debug_line_str", directories, sizeof directories);
        wasm_custom(module, ".debug_str", strings, sizeof strings);
    }
    add_line_table(module, version, program, size);
}

/* Also: sequences out of order, of functions that the linker dropped, and without an end;
 * code of no line. */
const uint8_t wasm_line_program[] = {
    0,  5,  2, 12,   0,    0,    0, /* address 12 */
    3,  9,  1,                      /* line 10 */
    61,                             /* 3 bytes and 1 line on */
    2,  1,  3, 117,  1,             /* a byte on, line 0 */
    2,  1,  4, 2,    3,    3,    1, /* a byte on, file 2, line 3 */
    2,  2,  0, 1,    1,             /* the end at 19 */
    0,  5,  2, 2,    0,    0,    0, /* address 2 */
    3,  4,  1,                      /* line 5 */
    9,  4,  0, 3,    1,    1,       /* 4 bytes on, line 6 */
    2,  4,  0, 1,    1,             /* the end at 10 */
    0,  5,  2, 0,    0,    0,    0, /* address 0 */
    3,  29, 1, 2,    5,    1,    2,    15, 0, 1, 1,
    0,  5,  2, 0xFF, 0xFF, 0xFF, 0xFF,              /* no address */
    1,  0,  1, 1,    0,    5,    2,    20, 0, 0, 0, /* address 20 */
    3,  39, 1,
};
const size_t wasm_line_program_size = sizeof wasm_line_program;
