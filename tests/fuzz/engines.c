/* SPDX-License-Identifier: MIT */
/* What the fuzz targets of programs share. */
#include "engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine.h"

bool write_nowhere(void *context, const void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

void broken_promise(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    abort();
}

static void run(sfpm_vm_t *vm, sfpm_vm_engine_t engine, uint64_t max_memory)
{
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = 2000,
                                           .output = write_nowhere,
                                           .max_stack = 1 << 14,
                                           .max_memory = max_memory,
                                           .engine = engine};
    if (!sfpm_vm_run(vm, &options) &&
        (sfpm_last_status() == SFPM_ERR_INTERNAL ||
         (vm->verified && sfpm_last_status() == SFPM_ERR_BYTECODE)))
        broken_promise("verified, but it could not run");
}

static void compare(sfpm_vm_t *one, sfpm_vm_t *other)
{
    sfpm_vm_region_t a = {0}, b = {0};
    size_t count = sfpm_vm_num_regions(one);
    if (count != sfpm_vm_num_regions(other))
        broken_promise("the engines left other regions");
    for (size_t i = 0; i < count; i++)
        if (!sfpm_vm_region(one, i, &a, sizeof a) ||
            !sfpm_vm_region(other, i, &b, sizeof b) || a.size != b.size ||
            memcmp(a.bytes, b.bytes, a.size) != 0)
            broken_promise(a.name);
}

void run_both(sfpm_vm_t *fast, sfpm_vm_t *simple, uint64_t max_memory)
{
    run(fast, SFPM_VM_ENGINE_FAST, max_memory);
    run(simple, SFPM_VM_ENGINE_SIMPLE, max_memory);
    compare(fast, simple);
}
