/* SPDX-License-Identifier: MIT */
/*
 * Loads, verifies and runs a machine of any regions, code and tables and suspended state,
 * in both engines, which must come to the same state; one that does not hold as far as it
 * does. The input is, for each region in
 * their order, a u16 of its size and its bytes; memory goes on with zeros to whole pages.
 */
#include <string.h>

#include "base/bytes.h"
#include "bytecode/regions.h"
#include "engines.h"
#include "fuzz.h"
#include "vm/machine.h"

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
    static uint8_t pages[SFPM_PAGE_SIZE]; /* of the memory */
    const part_t *parts = context;
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        if (strcmp(name, sfpm_region_names[id]) == 0 && parts[id].size > 0) {
            *bytes = parts[id].bytes;
            *size = parts[id].size;
        }
    if (*bytes && strcmp(name, sfpm_region_names[SFPM_MEMORY]) == 0) {
        memset(pages, 0, sizeof pages);
        memcpy(pages, *bytes, *size);
        *bytes = pages;
        *size = SFPM_PAGE_SIZE;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    part_t parts[SFPM_NUM_REGIONS];
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_t *other = sfpm_vm_create();
    split(bytes, size, parts);
    if (vm && other && sfpm_vm_load(vm, give_part, parts)) {
        sfpm_vm_disassemble(vm, 0, UINT64_MAX, write_nowhere, NULL);
        sfpm_vm_verify(vm);
        if (sfpm_vm_load(other, give_part, parts))
            run_both(vm, other, 1 << 20);
    }
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(other);
    return 0;
}

/* Changes one region and leaves the others where they are. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    part_t parts[SFPM_NUM_REGIONS];
    static uint8_t saved[1 << 17];
    if (size < 2 * SFPM_NUM_REGIONS)
        return LLVMFuzzerMutate(bytes, size, room);
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
