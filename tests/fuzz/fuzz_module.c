/* SPDX-License-Identifier: MIT */
/*
 * WebAssembly modules: what the loader accepts, the verifier accepts, and it runs to the
 * same state in both engines.
 */
#include <stdio.h>
#include <string.h>

#include "engines.h"
#include "fuzz.h"
#include "vm/machine.h"

enum { MOST_MEMORY = 1 << 22, MOST_LINES = 200 };

/* Enters each exported function that has no parameters, and the start function. */
static void run_all(sfpm_vm_t *vm, sfpm_vm_t *other)
{
    sfpm_vm_link_t link;
    run_both(vm, other, MOST_MEMORY);
    for (uint32_t i = 0; sfpm_vm_exported(vm, i, &link, sizeof link); i++) {
        if (!sfpm_vm_enter(vm, link.name, NULL, 0))
            continue;
        sfpm_vm_enter(other, link.name, NULL, 0);
        run_both(vm, other, MOST_MEMORY);
    }
}

/* Looks up lines, and the places of some. */
static void look_up_lines(const sfpm_vm_t *vm, uint64_t code_size)
{
    char place[64];
    uint32_t line;
    uint64_t offset;
    for (uint64_t at = 0; at < code_size && at < MOST_LINES; at++) {
        const char *file = sfpm_vm_source(vm, at, &line);
        if (!file)
            continue;
        snprintf(place, sizeof place, "@%s:%u", file, (unsigned)line);
        if (strlen(place) + 1 < sizeof place &&
            !sfpm_vm_resolve(vm, place, &offset, NULL))
            broken_promise("a line that code comes from is no place");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    sfpm_vm_info_t info;
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_t *other = sfpm_vm_create();
    if (vm && other && sfpm_vm_load_code(vm, bytes, size)) {
        sfpm_vm_info(vm, &info, sizeof info);
        sfpm_vm_disassemble(vm, 0, UINT64_MAX, write_nowhere, NULL);
        look_up_lines(vm, info.code_size);
        if (info.memory <= MOST_MEMORY && sfpm_vm_load_code(other, bytes, size))
            run_all(vm, other);
    } else if (size >= 4 && memcmp(bytes, "\0asm", 4) == 0 &&
               sfpm_last_status() == SFPM_ERR_BYTECODE &&
               strncmp(sfpm_last_error(), "code[", 5) == 0) {
        broken_promise("the loader accepted what the verifier does not");
    }
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(other);
    return 0;
}
