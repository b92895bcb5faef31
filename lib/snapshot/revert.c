/* SPDX-License-Identifier: MIT */
/*
 * Going back to the last commit by replacing only what changed since. Pages of a mapping
 * that shows that commit are given back to the system, which shows the image again;
 * others are read, verified, before anything is replaced.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "snapshot/tracking.h"
#include "snapshot/restore.h"

/* Pages of a region that follow each other and go the same way. */
typedef struct run {
    size_t from; /* in the region, bytes */
    size_t to;
    bool drop;
} run_t;

static const sfpm_watched_t *watched_of(const sfpm_restoring_t *restoring,
                                        size_t registered)
{
    return &restoring->snapshot->tracker->ranges[registered];
}

static bool is_set(const uint64_t *bits, size_t page)
{
    return bits[page / 64] >> page % 64 & 1;
}

/* Whether giving the page back brings the commit's contents. */
static bool can_drop(const sfpm_watched_t *watched, size_t page, size_t *piece)
{
    size_t at = page * SFPM_PAGE;
    if (!watched->pristine || is_set(watched->deviating, page))
        return false;
    while (*piece < watched->num_pieces &&
           at >= watched->pieces[*piece].position + watched->pieces[*piece].size)
        ++*piece;
    return *piece < watched->num_pieces && watched->pieces[*piece].of_file;
}

/* The next run at or behind run->to; false when there is none. */
static bool next_run(const sfpm_watched_t *watched, run_t *run, size_t *piece)
{
    size_t pages = sfpm_dirty_pages(watched);
    size_t page = (run->to + SFPM_PAGE - 1) / SFPM_PAGE;
    while (page < pages && !is_set(watched->changed, page))
        page++;
    if (page >= pages)
        return false;
    run->from = page * SFPM_PAGE;
    run->drop = can_drop(watched, page, piece);
    do
        page++;
    while (page < pages && is_set(watched->changed, page) &&
           can_drop(watched, page, piece) == run->drop);
    run->to = page * SFPM_PAGE;
    if (run->to > watched->size)
        run->to = watched->size;
    return true;
}

static size_t size_to_read(const sfpm_watched_t *watched)
{
    run_t run = {0};
    size_t piece = 0, size = 0;
    while (next_run(watched, &run, &piece))
        size += run.drop ? 0 : run.to - run.from;
    return size;
}

static bool read_changed(sfpm_restoring_t *restoring, size_t registered)
{
    const sfpm_watched_t *watched = watched_of(restoring, registered);
    size_t stored = sfpm_restoring_source(restoring, registered)->stored;
    run_t run = {0};
    size_t piece = 0;
    bool ok = true;
    uint8_t *to = sfpm_new_array(size_to_read(watched), 1);
    restoring->fresh[registered] = to;
    while (to && ok && next_run(watched, &run, &piece)) {
        if (run.drop)
            continue;
        ok = sfpm_image_read(restoring->image, stored, run.from, to, run.to - run.from);
        to += run.to - run.from;
    }
    return to && ok;
}

bool sfpm_revert_prepare(sfpm_restoring_t *restoring)
{
    size_t count = restoring->pairing.num_registered;
    if (!restoring->reverting)
        return true;
    sfpm_tracker_collect(restoring->snapshot->tracker);
    restoring->fresh = SFPM_NEW_N(uint8_t *, count);
    for (size_t i = 0; restoring->fresh && i < count; i++)
        if (sfpm_restoring_has_source(restoring, i) &&
            sfpm_dirty_changed(sfpm_snapshot_tracked(restoring->snapshot, i)) &&
            !sfpm_restoring_source(restoring, i)->made &&
            sfpm_restoring_source(restoring, i)->size ==
                restoring->snapshot->regions[i].size &&
            !read_changed(restoring, i))
            return false;
    return restoring->fresh != NULL;
}

bool sfpm_revert_is_partial(const sfpm_restoring_t *restoring, size_t registered)
{
    return restoring->fresh && restoring->fresh[registered];
}

void sfpm_revert_replace(sfpm_restoring_t *restoring, size_t registered)
{
    const sfpm_watched_t *watched = watched_of(restoring, registered);
    const uint8_t *from = restoring->fresh[registered];
    run_t run = {0};
    size_t piece = 0;
    while (next_run(watched, &run, &piece)) {
        if (run.drop) {
            madvise(watched->base + run.from, run.to - run.from, MADV_DONTNEED);
            continue;
        }
        memcpy(watched->base + run.from, from, run.to - run.from);
        from += run.to - run.from;
    }
}

void sfpm_revert_free(sfpm_restoring_t *restoring)
{
    for (size_t i = 0; restoring->fresh && i < restoring->pairing.num_registered; i++)
        free(restoring->fresh[i]);
    free(restoring->fresh);
    restoring->fresh = NULL;
}
