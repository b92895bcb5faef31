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
