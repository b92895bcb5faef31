/* SPDX-License-Identifier: MIT */
/* Counts how often it was run: the smallest use of libsfpm. */
#include <stdio.h>
#include <sfpm/sfpm.h>

static int count;

static bool run_once(sfpm_snapshot_t *snapshot, const char *file)
{
    sfpm_memory_region_t region = {&count, sizeof count, "count", false};
    if (!sfpm_snapshot_add_region(snapshot, &region))
        return false;
    if (!sfpm_snapshot_restore(file, snapshot) &&
        sfpm_last_status() != SFPM_ERR_NOT_FOUND)
        return false;
    printf("Run %d\n", ++count);
    return sfpm_snapshot_save(snapshot, file);
}

int main(void)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    bool ok = snapshot && run_once(snapshot, "counter.img");
    if (!ok)
        fprintf(stderr, "counter: %s\n", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    return ok ? 0 : 1;
}
