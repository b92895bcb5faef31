/* SPDX-License-Identifier: MIT */
/* WebAssembly modules to the regions of a program; sfpm-wasm(7) says which. */
#ifndef SFPM_WASM_LOAD_H
#define SFPM_WASM_LOAD_H

#include "bytecode/regions.h"

/* Whether bytes begin as modules and components do. No code that the verifier accepts
 * begins so. */
bool sfpm_wasm_is_module(const void *bytes, size_t size);

/* What the host gives at load. */
typedef struct sfpm_wasm_host {
    /* The first value of an imported global, as a slot. `*value` is zero or null, and
     * stays so when the host does not know the global. */
    bool (*global)(void *context, const char *module, const char *field, uint8_t type,
                   uint64_t *value);
    void *context;
} sfpm_wasm_host_t;

/* Validates a module and makes the regions code, functions, globals, table and symbols.
 * Fails with SFPM_ERR_CORRUPT when it is malformed, SFPM_ERR_BYTECODE when it is
 * invalid, SFPM_ERR_UNSUPPORTED when it needs what there is not, and SFPM_ERR_LIMIT when
 * it has more of something than the machine can have. */
bool sfpm_wasm_load(sfpm_regions_t *regions, const uint8_t *bytes, size_t size,
                    const sfpm_wasm_host_t *host);

#endif
