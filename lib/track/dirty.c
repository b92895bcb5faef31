/* SPDX-License-Identifier: MIT */
/*
 * Chooses for each region a method of finding changed pages, and keeps what is known up
 * to date after each save, commit and restore.
 */
#include "track/dirty.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "image/extent_map.h"
#include "snapshot/restore.h"

/* Smaller regions are compared with the image faster than they are watched. */
#define WORTH_WATCHING (1U << 20)

static const sfpm_dirty_method_t *const methods[] = {
    [SFPM_TRACKING_PROTECT] = &sfpm_dirty_protect,
    [SFPM_TRACKING_PAGEMAP] = &sfpm_dirty_pagemap,
    [SFPM_TRACKING_HASH] = &sfpm_dirty_hash,
    [SFPM_TRACKING_GIVEN] = &sfpm_dirty_given,
};
enum { NUM_METHODS = sizeof methods / sizeof methods[0] };

static const sfpm_dirty_method_t *method_of(const sfpm_watched_t *watched)
{
    return methods[watched->method];
}

/* ---- Pages ----------------------------------------------------------------- */

size_t sfpm_dirty_pages(const sfpm_watched_t *watched)
{
    return (watched->size + SFPM_DIRTY_PAGE - 1) / SFPM_DIRTY_PAGE;
}

static size_t num_words(const sfpm_watched_t *watched)
{
    return (sfpm_dirty_pages(watched) + 63) / 64;
}

void sfpm_dirty_mark(sfpm_watched_t *watched, uintptr_t from, uintptr_t to)
{
    uintptr_t base = (uintptr_t)watched->base;
    from = from > base ? from - base : 0;
    to = to > base ? to - base : 0;
    if (to > watched->size)
        to = watched->size;
    for (size_t page = from / SFPM_DIRTY_PAGE; page * SFPM_DIRTY_PAGE < to; page++)
        watched->changed[page / 64] |= UINT64_C(1) << page % 64;
}

/* ---- Watching a region ----------------------------------------------------- */

static void forget(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    if (watched->method != SFPM_TRACKING_NONE)
        method_of(watched)->disarm(tracker, watched);
    free(watched->changed);
    free(watched->hashes);
    free(watched->pieces);
    free(watched->deviating);
    *watched = (sfpm_watched_t){.method = SFPM_TRACKING_NONE};
}

static bool try_method(sfpm_tracker_t *tracker, sfpm_watched_t *watched,
                       sfpm_tracking_t method)
{
    watched->method = method;
    if (watched->changed && method_of(watched)->arm(tracker, watched))
        return true;
    watched->method = SFPM_TRACKING_NONE;
    return false;
}

/* Watches a region by the method asked for, or by the best one there is. That it cannot
 * be watched is no failure: it is compared then. */
void sfpm_dirty_watch(sfpm_tracker_t *tracker, const sfpm_registered_t *region,
                      sfpm_watched_t *watched, sfpm_tracking_t wanted)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    forget(tracker, watched);
    watched->base = region->base;
    watched->size = region->size;
    watched->changed = SFPM_NEW_N(uint64_t, num_words(watched));
    if (wanted != SFPM_TRACKING_AUTO)
        try_method(tracker, watched, wanted);
    else if (!try_method(tracker, watched, SFPM_TRACKING_PROTECT))
        try_method(tracker, watched, SFPM_TRACKING_HASH);
    if (watched->method == SFPM_TRACKING_NONE)
        forget(tracker, watched);
    sfpm_error_restore(&before);
}

/* ---- The tracker ----------------------------------------------------------- */

static void close_all(sfpm_tracker_t *tracker)
{
    for (size_t i = 0; i < tracker->count; i++)
        forget(tracker, &tracker->regions[i]);
    if (tracker->faults >= 0)
        close(tracker->faults);
    if (tracker->pagemap >= 0)
        close(tracker->pagemap);
    tracker->faults = tracker->pagemap = -1;
    tracker->owner = 0;
}

sfpm_tracker_t *sfpm_tracker_create(void)
{
    sfpm_tracker_t *tracker = SFPM_NEW(sfpm_tracker_t);
    if (tracker)
        tracker->faults = tracker->pagemap = -1;
    return tracker;
}

void sfpm_tracker_free(sfpm_tracker_t *tracker)
{
    if (!tracker)
        return;
    close_all(tracker);
    free(tracker->regions);
    free(tracker);
}

/* Descriptors that a child inherits tell of its parent's pages. */
static bool is_ours(sfpm_tracker_t *tracker)
{
    pid_t here = getpid();
    if (tracker->owner != 0 && tracker->owner != here) {
        for (size_t i = 0; i < tracker->count; i++)
            tracker->regions[i].method = SFPM_TRACKING_NONE;
        close_all(tracker);
    }
    bool ours = tracker->owner == here;
    tracker->owner = here;
    return ours;
}

static bool has_room(sfpm_tracker_t *tracker, size_t count)
{
    void *regions = tracker->regions;
    size_t room = tracker->count;
    sfpm_error_state_t before;
    if (count <= tracker->count)
        return true;
    sfpm_error_save(&before);
    if (!sfpm_grow_array(&regions, &room, count, sizeof *tracker->regions)) {
        sfpm_error_restore(&before);
        return false;
    }
    tracker->regions = regions;
    for (; tracker->count < room; tracker->count++)
        tracker->regions[tracker->count] = (sfpm_watched_t){.method = SFPM_TRACKING_NONE};
    return true;
}

sfpm_watched_t *sfpm_dirty_entry(const sfpm_snapshot_t *snapshot, size_t registered)
{
    sfpm_tracker_t *tracker = snapshot->tracker;
    is_ours(tracker);
    return has_room(tracker, snapshot->num_regions) ? &tracker->regions[registered]
                                                    : NULL;
}

void sfpm_dirty_forget(const sfpm_snapshot_t *snapshot, size_t registered)
{
    sfpm_tracker_t *tracker = snapshot->tracker;
    is_ours(tracker);
    if (registered < tracker->count)
        forget(tracker, &tracker->regions[registered]);
}

void sfpm_dirty_forget_all(const sfpm_snapshot_t *snapshot)
{
    is_ours(snapshot->tracker);
    close_all(snapshot->tracker);
}

static bool is_watchable(const sfpm_registered_t *region)
{
    return !(region->flags & SFPM_REGION_VOLATILE);
}

/* ---- Events ---------------------------------------------------------------- */

static bool keep_pieces(sfpm_watched_t *watched, const sfpm_mapping_t *mapping,
                        const sfpm_image_t *image)
{
    if (!sfpm_places_inode(image, &watched->inode))
        return false;
    watched->pieces =
        sfpm_copy_bytes(mapping->pieces, mapping->num_pieces * sizeof *mapping->pieces);
    watched->num_pieces = mapping->num_pieces;
    return watched->pieces != NULL;
}

/* Pages that were read look like written ones, and stay so. So does what is no whole page
 * and was not mapped. */
static void mark_deviating(sfpm_watched_t *watched, const sfpm_mapping_t *mapping)
{
    uintptr_t base = (uintptr_t)watched->base;
    for (size_t i = 0; i < mapping->num_reads; i++) {
        uintptr_t from = base + mapping->reads[i].position;
        sfpm_dirty_mark(watched, from, from + mapping->reads[i].size);
    }
    sfpm_dirty_mark(watched, base + mapping->size, base + watched->size);
}

/* What was mapped tells itself which pages were written to. */
static void watch_mapped(sfpm_tracker_t *tracker, const sfpm_registered_t *region,
                         sfpm_watched_t *watched, const sfpm_mapping_t *mapping,
                         const sfpm_image_t *image)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    forget(tracker, watched);
    watched->base = region->base;
    watched->size = region->size;
    watched->changed = SFPM_NEW_N(uint64_t, num_words(watched));
    if (keep_pieces(watched, mapping, image) &&
        try_method(tracker, watched, SFPM_TRACKING_PAGEMAP)) {
        mark_deviating(watched, mapping);
        watched->deviating =
            sfpm_copy_bytes(watched->changed, num_words(watched) * sizeof(uint64_t));
    }
    watched->pristine = watched->deviating != NULL;
    if (watched->method == SFPM_TRACKING_NONE)
        forget(tracker, watched);
    sfpm_error_restore(&before);
}

/* What changed was replaced by what was before: as if it had never changed. */
static void watch_reverted(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    size_t size = num_words(watched) * sizeof(uint64_t);
    if (watched->method != SFPM_TRACKING_PAGEMAP &&
        !method_of(watched)->collect(tracker, watched))
        forget(tracker, watched);
    else if (watched->pristine)
        memcpy(watched->changed, watched->deviating, size);
    else if (!method_of(watched)->accumulates)
        memset(watched->changed, 0, size);
}

void sfpm_dirty_restored(const sfpm_snapshot_t *snapshot,
                         const struct sfpm_restoring *restoring)
{
    const sfpm_mapping_t *mappings = restoring->mappings;
    const sfpm_image_t *image = restoring->image;
    sfpm_tracker_t *tracker = snapshot->tracker;
    sfpm_tracking_t wanted = tracker->wanted;
    is_ours(tracker);
    if (!has_room(tracker, snapshot->num_regions)) {
        close_all(tracker);
        return;
    }
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        sfpm_watched_t *watched = &tracker->regions[i];
        bool mapped = mappings && mappings[i].wanted;
        if (sfpm_revert_is_partial(restoring, i))
            watch_reverted(tracker, watched);
        else if (wanted == SFPM_TRACKING_NONE || !is_watchable(region) || region->placed)
            forget(tracker, watched);
        else if (mapped &&
                 (wanted == SFPM_TRACKING_AUTO || wanted == SFPM_TRACKING_PAGEMAP))
            watch_mapped(tracker, region, watched, &mappings[i], image);
        else if (wanted != SFPM_TRACKING_AUTO || watched->method == SFPM_TRACKING_PROTECT)
            sfpm_dirty_watch(tracker, region, watched, wanted);
        else
            forget(tracker, watched);
    }
}

void sfpm_dirty_collect(const sfpm_snapshot_t *snapshot)
{
    sfpm_tracker_t *tracker = snapshot->tracker;
    sfpm_error_state_t before;
    if (!is_ours(tracker))
        return;
    sfpm_error_save(&before);
    for (size_t i = 0; i < tracker->count; i++) {
        sfpm_watched_t *watched = &tracker->regions[i];
        if (watched->method != SFPM_TRACKING_NONE &&
            !method_of(watched)->collect(tracker, watched))
            forget(tracker, watched);
    }
    sfpm_error_restore(&before);
}

const uint64_t *sfpm_dirty_changed(const sfpm_snapshot_t *snapshot, size_t registered)
{
    const sfpm_tracker_t *tracker = snapshot->tracker;
    const sfpm_registered_t *region = &snapshot->regions[registered];
    if (registered >= tracker->count)
        return NULL;
    const sfpm_watched_t *watched = &tracker->regions[registered];
    bool same = watched->base == region->base && watched->size == region->size;
    return same && watched->method != SFPM_TRACKING_NONE ? watched->changed : NULL;
}

bool sfpm_dirty_accumulates(const sfpm_snapshot_t *snapshot, size_t registered)
{
    return sfpm_dirty_changed(snapshot, registered) &&
           method_of(&snapshot->tracker->regions[registered])->accumulates;
}

void sfpm_dirty_committed(const sfpm_snapshot_t *snapshot, bool again)
{
    sfpm_tracker_t *tracker = snapshot->tracker;
    is_ours(tracker);
    if (!has_room(tracker, snapshot->num_regions)) {
        close_all(tracker);
        return;
    }
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        sfpm_watched_t *watched = &tracker->regions[i];
        watched->pristine = false;
        if (sfpm_dirty_changed(snapshot, i)) {
            if (!method_of(watched)->accumulates)
                memset(watched->changed, 0, num_words(watched) * sizeof(uint64_t));
        } else if (is_watchable(region) && tracker->wanted != SFPM_TRACKING_NONE &&
                   tracker->wanted != SFPM_TRACKING_PAGEMAP &&
                   (tracker->wanted != SFPM_TRACKING_AUTO ||
                    (again && region->size >= WORTH_WATCHING))) {
            sfpm_dirty_watch(tracker, region, watched, tracker->wanted);
        }
    }
}

/* ---- The public face ------------------------------------------------------- */

bool sfpm_snapshot_set_tracking(sfpm_snapshot_t *snapshot, sfpm_tracking_t method)
{
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    if ((unsigned)method > SFPM_TRACKING_HASH)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "unknown tracking method %u",
                         (unsigned)method);
    sfpm_dirty_forget_all(snapshot);
    snapshot->tracker->wanted = method;
    return true;
}

sfpm_tracking_t sfpm_snapshot_tracking(const sfpm_snapshot_t *snapshot, size_t region)
{
    if (!snapshot || region >= snapshot->num_regions ||
        region >= snapshot->tracker->count)
        return SFPM_TRACKING_NONE;
    return snapshot->tracker->regions[region].method;
}
