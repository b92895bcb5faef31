/* SPDX-License-Identifier: MIT */
/* Finds changed pages by their checksums, which works everywhere, for any memory. */
#include "base/memory.h"
#include "codec/checksum.h"
#include "track/dirty.h"

static uint64_t hash_page(const sfpm_watched_t *watched, size_t page)
{
    size_t at = page * SFPM_PAGE;
    size_t rest = watched->size - at;
    return sfpm_checksum(watched->base + at,
                         rest < SFPM_PAGE ? rest : SFPM_PAGE, 0);
}

static bool arm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    size_t pages = sfpm_dirty_pages(watched);
    watched->hashes = SFPM_NEW_N(uint64_t, pages);
    for (size_t i = 0; watched->hashes && i < pages; i++)
        watched->hashes[i] = hash_page(watched, i);
    return watched->hashes != NULL;
}

static bool collect(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    size_t pages = sfpm_dirty_pages(watched);
    for (size_t i = 0; i < pages; i++) {
        uint64_t now = hash_page(watched, i);
        if (now == watched->hashes[i])
            continue;
        watched->hashes[i] = now;
        watched->changed[i / 64] |= UINT64_C(1) << i % 64;
    }
    return true;
}

static void disarm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    (void)watched;
}

const sfpm_dirty_method_t sfpm_dirty_hash = {
    .arm = arm, .collect = collect, .disarm = disarm};
