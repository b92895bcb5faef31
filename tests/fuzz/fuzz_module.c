/* SPDX-License-Identifier: MIT */
/*
 * WebAssembly modules: what the loader accepts, the verifier accepts, and it runs to the
 * same state in both engines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine.h"
#include "fuzz.h"

enum { MOST_MEMORY = 1 << 22 };

static bool write_nowhere(void *context, const void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    abort();
}

static void run(sfpm_vm_t *vm, sfpm_vm_engine_t engine)
{
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = 2000,
                                           .output = write_nowhere,
                                           .max_stack = 1 << 14,
                                           .max_memory = MOST_MEMORY,
                                           .engine = engine};
    if (!sfpm_vm_run(vm, &options) && (sfpm_last_status() == SFPM_ERR_INTERNAL ||
                                       sfpm_last_status() == SFPM_ERR_BYTECODE))
        fail("an accepted module could not run");
}

static void compare(sfpm_vm_t *one, sfpm_vm_t *other)
{
    sfpm_vm_region_t a = {0}, b = {0};
    size_t count = sfpm_vm_num_regions(one);
    if (count != sfpm_vm_num_regions(other))
        fail("the engines left other regions");
    for (size_t i = 0; i < count; i++)
        if (!sfpm_vm_region(one, i, &a, sizeof a) ||
            !sfpm_vm_region(other, i, &b, sizeof b) || a.size != b.size ||
            memcmp(a.bytes, b.bytes, a.size) != 0)
            fail(a.name);
}

/* Enters each exported function that has no parameters, and the start function. */
static void run_all(sfpm_vm_t *vm, sfpm_vm_t *other)
{
    sfpm_vm_link_t link;
    run(vm, SFPM_VM_ENGINE_FAST);
    run(other, SFPM_VM_ENGINE_SIMPLE);
    compare(vm, other);
    for (uint32_t i = 0; sfpm_vm_exported(vm, i, &link, sizeof link); i++) {
        if (!sfpm_vm_enter(vm, link.name, NULL, 0))
            continue;
        sfpm_vm_enter(other, link.name, NULL, 0);
        run(vm, SFPM_VM_ENGINE_FAST);
        run(other, SFPM_VM_ENGINE_SIMPLE);
        compare(vm, other);
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
        if (info.memory <= MOST_MEMORY && sfpm_vm_load_code(other, bytes, size))
            run_all(vm, other);
    } else if (size >= 4 && memcmp(bytes, "\0asm", 4) == 0 &&
               sfpm_last_status() == SFPM_ERR_BYTECODE &&
               strncmp(sfpm_last_error(), "code[", 5) == 0) {
        fail("the loader accepted what the verifier does not");
    }
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(other);
    return 0;
}
