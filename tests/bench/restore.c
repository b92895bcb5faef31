/* SPDX-License-Identifier: MIT */
/* Restores of 1 GiB, against memcpy of the same bytes. */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>

#include <sfpm/snapshot.h>

static double restore(intptr_t unused)
{
    (void)unused;
    const char *path = bench_big_image();
    uint8_t *memory = path ? bench_memory(BENCH_GIB, BENCH_RANDOM) : NULL;
    if (!memory)
        return -1;
    const sfpm_memory_region_t region = {memory, BENCH_GIB, "memory", false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    double took = -1;
    if (snapshot &&
        sfpm_snapshot_add_region_flags(snapshot, &region, SFPM_REGION_PORTABLE)) {
        double began = bench_now();
        if (sfpm_snapshot_restore(path, snapshot))
            took = bench_now() - began;
    }
    if (took < 0)
        bench_fail_sfpm("restore");
    sfpm_snapshot_destroy(snapshot);
    return took;
}

/* Into memory that is resident, as the restored region is. */
static double copy(intptr_t unused)
{
    (void)unused;
    static uint8_t *target;
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    if (!memory)
        return -1;
    if (!target) {
        target = mmap(NULL, BENCH_GIB, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (target == MAP_FAILED)
            return bench_fail("no memory for a copy");
        memset(target, 1, BENCH_GIB);
    }
    double began = bench_now();
    memcpy(target, memory, BENCH_GIB);
    double took = bench_now() - began;
    return target[BENCH_GIB - 1] == memory[BENCH_GIB - 1] ? took : bench_fail("no copy");
}

const bench_row_t bench_restore_rows[] = {
    {"eager restore of 1 GiB into a resident region", "memcpy", 1.9, 5, restore, copy, 0,
     NULL},
    {0},
};
