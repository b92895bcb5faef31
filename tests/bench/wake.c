/* SPDX-License-Identifier: MIT */
/* A program that has 1 GiB of state, reads or writes one page in a hundred, and ends. */
#include <stdio.h>
#include <string.h>

#include <sfpm/sfpm.h>

int main(int count, char *words[])
{
    const size_t size = (size_t)1 << 30, page = 4096;
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .mode = SFPM_RESTORE_LAZY_UNVERIFIED};
    const sfpm_region_options_t how = {
        .struct_size = sizeof how, .flags = SFPM_REGION_PORTABLE, .remappable = true};
    volatile unsigned char *memory = sfpm_alloc_region(size);
    const sfpm_memory_region_t region = {(void *)(uintptr_t)memory, size, "memory",
                                         false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (count != 3 || !memory || !snapshot ||
        !sfpm_snapshot_add_region_with(snapshot, &region, &how) ||
        !sfpm_snapshot_restore_with(snapshot, words[1], &options)) {
        fprintf(stderr, "wake: %s\n", sfpm_last_error());
        return 1;
    }
    bool writes = strcmp(words[2], "write") == 0;
    uint64_t random = 1;
    unsigned sum = 0;
    for (size_t i = 0; i < size / page / 100; i++) {
        random = random * 1103515245 + 12345;
        volatile unsigned char *at = memory + (random >> 16) % (size / page) * page;
        if (writes)
            *at = 1;
        else
            sum += *at;
    }
    return !writes && sum == 0;
}
