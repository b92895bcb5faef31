/* SPDX-License-Identifier: MIT */
/* Restores of 1 GiB, against memcpy of the same bytes. */
#include "snapshot/snapshot.h"
#include "bench.h"

#include <sfpm/snapshot.h>

static double restore(intptr_t size)
{
    const char *path = bench_big_image();
    uint8_t *memory = path ? bench_memory(BENCH_GIB, BENCH_RANDOM) : NULL;
    if (!memory)
        return -1;
    const sfpm_memory_region_t region = {memory, (size_t)size, "memory", false};
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

const bench_row_t bench_restore_rows[] = {
    {"eager restore of 1 GiB into a resident region", "memcpy", 1.9, 5, restore,
     bench_copy, BENCH_GIB, NULL},
    {0},
};
