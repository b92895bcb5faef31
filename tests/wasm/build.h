/* SPDX-License-Identifier: MIT */
/* Encodes small WebAssembly modules for tests. */
#ifndef SFPM_TESTS_WASM_BUILD_H
#define SFPM_TESTS_WASM_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* A number in LEB128. */
void wasm_u32(sfpm_buffer_t *buffer, uint32_t value);

/* The header of a module. */
void wasm_begin(sfpm_buffer_t *module);
void wasm_section(sfpm_buffer_t *module, uint8_t number, const void *bytes, size_t size);

/* A section of these bytes. */
#define WASM_SECTION(module, number, ...)                                                \
    wasm_section(module, number, (const uint8_t[]){__VA_ARGS__},                         \
                 sizeof((const uint8_t[]){__VA_ARGS__}))

/*
 * A module around one function, which is exported as `f` and named `blur`. `params` and
 * `results` are letters of sfpm/opcode.h; the code includes the locals and the last
 * `end`. What there is besides: types     0: none, 1: i32 -> i32, 2: i32 i32 -> i32 i32,
 * 3: that of the function memory    1 page, at most 3, exported as `memory` globals   0:
 * i32, mutable, 5, exported as `g`; 1: i64, 9 table     4 elements: none, the function,
 * function 1 (the number plus 1), none data      0: active, "abcd" at 16; 1: passive,
 * "wxyz"
 */
void wasm_function(sfpm_buffer_t *module, const char *params, const char *results,
                   const void *code, size_t size);

#define WASM_FUNCTION(module, params, results, ...)                                      \
    wasm_function(module, params, results, (const uint8_t[]){__VA_ARGS__},               \
                  sizeof((const uint8_t[]){__VA_ARGS__}))

/* A custom section. */
void wasm_custom(sfpm_buffer_t *module, const char *name, const void *bytes, size_t size);

/*
 * Three functions without parameters, each `const drop const drop end`, with a line table
 * of that version of DWARF. They begin at 2, 11 and 20 in the code section, which ends at
 * 28; their instructions follow after 1, 3, 4, 6 and 7 bytes. As bytecode they begin at 0,
 * 13 and 26. The files are 1: a.c, 2: inc/b.h; the program begins its rows at address 0,
 * file 1, line 1, with line base -5, line range 14 and opcode base 13.
 */
void wasm_lined(sfpm_buffer_t *module, unsigned version, const void *program,
                size_t size);

/* A program for it: a.c:5 from 0 to 5, a.c:6 to 12, a.c:10 to 18, a.c:11 to 23, inc/b.h:3
 * to 25, and nothing for the third function. */
extern const uint8_t wasm_line_program[];
extern const size_t wasm_line_program_size;

#endif
