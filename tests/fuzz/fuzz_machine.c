/* SPDX-License-Identifier: MIT */
/*
 * Loads, verifies and runs a machine of any regions: code, tables, a suspended state. The
 * input is, for each region in their order, a u16 of its size and its bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "vm/regions.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);

/* What the first inputs are made of; the second needs bytecode version 2. */
static const uint8_t loop[] = {0x00, 9,    0x0A, 0x04, 0x1A, 0x00, 1,   0x02,
                               0x0A, 0x0D, 2,    0,    0,    0,    0x05};
static const uint8_t reals[] = {0x43, 0,    0, 0x80, 0x3F, 0xBB, 0x0A, 0xA2, 0x9F,
                                0xAA, 0x41, 7, 0,    0,    0,    0xB7, 0xA3, 0x05};

typedef struct part {
    const uint8_t *bytes;
    size_t size;
} part_t;

/* Takes the input apart; what does not reach is empty. */
static void split(const uint8_t *bytes, size_t size, part_t *parts)
{
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        size_t length = size >= 2 ? sfpm_get_u16(bytes) : 0;
        size_t header = size >= 2 ? 2 : size;
        length = length < size - header ? length : size - header;
        parts[id] = (part_t){bytes + header, length};
        bytes += header + length;
        size -= header + length;
    }
}

static bool give_part(void *context, const char *name, const void **bytes, size_t *size)
{
    const part_t *parts = context;
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        if (strcmp(name, sfpm_region_names[id]) == 0 && parts[id].size > 0) {
            *bytes = parts[id].bytes;
            *size = parts[id].size;
        }
    return true;
}

static bool write_nowhere(void *context, const void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

static void run(sfpm_vm_t *vm)
{
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = 2000,
                                           .max_stack = 1 << 14,
                                           .max_memory = 1 << 20};
    sfpm_vm_disassemble(vm, 0, UINT64_MAX, write_nowhere, NULL);
    if (!sfpm_vm_verify(vm) || sfpm_vm_run(vm, &options))
        return;
    if (sfpm_last_status() == SFPM_ERR_INTERNAL ||
        sfpm_last_status() == SFPM_ERR_BYTECODE) {
        fprintf(stderr, "verified, but: %s\n", sfpm_last_error());
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    part_t parts[SFPM_NUM_REGIONS];
    sfpm_vm_t *vm = sfpm_vm_create();
    split(bytes, size, parts);
    if (vm && sfpm_vm_load(vm, give_part, parts))
        run(vm);
    sfpm_vm_destroy(vm);
    return 0;
}

/* The regions of a machine that stands somewhere in one of the programs. */
static size_t make_input(uint8_t *bytes, size_t room, unsigned seed)
{
    size_t used = 0;
    sfpm_vm_region_t region = {0};
    sfpm_vm_t *vm = sfpm_vm_create();
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = seed / 2 % 20 + 1};
    if (!vm ||
        !(seed % 2 ? sfpm_vm_load_code(vm, loop, sizeof loop)
                   : sfpm_vm_load_code(vm, reals, sizeof reals)) ||
        !sfpm_vm_run(vm, &options))
        abort();
    for (int id = 0, next = 0; id < SFPM_NUM_REGIONS; id++) {
        bool there = sfpm_vm_region(vm, (size_t)next, &region, sizeof region) &&
                     strcmp(region.name, sfpm_region_names[id]) == 0;
        size_t size = there ? region.size : 0;
        next += there;
        if (used + 2 + size > room)
            break;
        sfpm_put_u16(bytes + used, (uint16_t)size);
        if (size > 0)
            memcpy(bytes + used + 2, region.bytes, size);
        used += 2 + size;
    }
    sfpm_vm_destroy(vm);
    return used;
}

/* Changes one region and leaves the others where they are. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    part_t parts[SFPM_NUM_REGIONS];
    uint8_t saved[4096];
    if (size < 2 * SFPM_NUM_REGIONS || seed % 1000 == 0)
        return make_input(bytes, room, seed / 1000);
    split(bytes, size, parts);
    const part_t *part = &parts[seed % SFPM_NUM_REGIONS];
    size_t start = (size_t)(part->bytes - bytes);
    size_t rest = size - start - part->size;
    if (start < 2 || rest > sizeof saved || start + part->size + rest > room)
        return LLVMFuzzerMutate(bytes, size, room);
    memcpy(saved, part->bytes + part->size, rest);
    size_t most = room - start - rest < UINT16_MAX ? room - start - rest : UINT16_MAX;
    size_t changed = LLVMFuzzerMutate(bytes + start, part->size, most);
    sfpm_put_u16(bytes + start - 2, (uint16_t)changed);
    memcpy(bytes + start + changed, saved, rest);
    return start + changed + rest;
}
