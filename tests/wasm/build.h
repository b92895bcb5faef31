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

#endif
