/* SPDX-License-Identifier: MIT */
/*
 * Chooses for each range of memory a method of finding changed pages, and keeps what is
 * known up to date after each save, commit and restore.
 */
#include "track/dirty.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* By sfpm_tracking_t; NULL: not on this system. */
static const sfpm_dirty_method_t *const methods[] = {
#if SFPM_LINUX_PATHS
    [SFPM_TRACKING_PROTECT] = &sfpm_dirty_protect,
    [SFPM_TRACKING_PAGEMAP] = &sfpm_dirty_pagemap,
#endif
    [SFPM_TRACKING_HASH] = &sfpm_dirty_hash,
    [SFPM_TRACKING_GIVEN] = &sfpm_dirty_given,
};
static const sfpm_dirty_method_t *method_of(const sfpm_watched_t *watched)
{
    return methods[watched->method];
}

/* ---- Pages ----------------------------------------------------------------- */

size_t sfpm_dirty_pages(const sfpm_watched_t *watched)
{
    return (watched->size + SFPM_PAGE - 1) / SFPM_PAGE;
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
    for (size_t page = from / SFPM_PAGE; page * SFPM_PAGE < to; page++)
        watched->changed[page / 64] |= UINT64_C(1) << page % 64;
}

/* ---- Watching one range ---------------------------------------------------- */

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
    if (watched->changed && methods[method] && methods[method]->arm(tracker, watched))
        return true;
    watched->method = SFPM_TRACKING_NONE;
    return false;
}

/* Begins with what is at `memory` now. */
static void start(sfpm_tracked_t memory, sfpm_watched_t *watched)
{
    forget(memory.tracker, watched);
    watched->base = memory.base;
    watched->size = memory.size;
    watched->changed = SFPM_NEW_N(uint64_t, num_words(watched));
}

/* ---- The tracker ----------------------------------------------------------- */

static void close_all(sfpm_tracker_t *tracker)
{
    for (size_t i = 0; i < tracker->count; i++)
        forget(tracker, &tracker->ranges[i]);
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
    free(tracker->ranges);
    free(tracker);
}

/* Descriptors that a child inherits tell of its parent's pages. */
static bool is_ours(sfpm_tracker_t *tracker)
{
    pid_t here = getpid();
    if (tracker->owner != 0 && tracker->owner != here) {
        for (size_t i = 0; i < tracker->count; i++)
            tracker->ranges[i].method = SFPM_TRACKING_NONE;
        close_all(tracker);
    }
    bool ours = tracker->owner == here;
    tracker->owner = here;
    return ours;
}

static bool has_room(sfpm_tracker_t *tracker, size_t count)
{
    void *ranges = tracker->ranges;
    size_t room = tracker->count;
    sfpm_error_state_t before;
    if (count <= tracker->count)
        return true;
    sfpm_error_save(&before);
    if (!sfpm_grow_array(&ranges, &room, count, sizeof *tracker->ranges)) {
        sfpm_error_restore(&before);
        return false;
    }
    tracker->ranges = ranges;
    for (; tracker->count < room; tracker->count++)
        tracker->ranges[tracker->count] = (sfpm_watched_t){.method = SFPM_TRACKING_NONE};
    return true;
}

void sfpm_tracker_forget(sfpm_tracker_t *tracker)
{
    is_ours(tracker);
    close_all(tracker);
}

void sfpm_tracker_collect(sfpm_tracker_t *tracker)
{
    sfpm_error_state_t before;
    if (!is_ours(tracker))
        return;
    sfpm_error_save(&before);
    for (size_t i = 0; i < tracker->count; i++) {
        sfpm_watched_t *watched = &tracker->ranges[i];
        if (watched->method != SFPM_TRACKING_NONE &&
            !method_of(watched)->collect(tracker, watched))
            forget(tracker, watched);
    }
    sfpm_error_restore(&before);
}

sfpm_watched_t *sfpm_dirty_entry(sfpm_tracked_t memory)
{
    is_ours(memory.tracker);
    return has_room(memory.tracker, memory.index + 1)
               ? &memory.tracker->ranges[memory.index]
               : NULL;
}

/* ---- Events ---------------------------------------------------------------- */

void sfpm_dirty_watch(sfpm_tracked_t memory, sfpm_tracking_t wanted)
{
    sfpm_watched_t *watched = sfpm_dirty_entry(memory);
    sfpm_error_state_t before;
    if (!watched)
        return;
    sfpm_error_save(&before);
    start(memory, watched);
    if (wanted != SFPM_TRACKING_AUTO)
        try_method(memory.tracker, watched, wanted);
    else if (!try_method(memory.tracker, watched, SFPM_TRACKING_PROTECT))
        try_method(memory.tracker, watched, SFPM_TRACKING_HASH);
    if (watched->method == SFPM_TRACKING_NONE)
        forget(memory.tracker, watched);
    sfpm_error_restore(&before);
}

void sfpm_dirty_forget(sfpm_tracked_t memory)
{
    is_ours(memory.tracker);
    if (memory.index < memory.tracker->count)
        forget(memory.tracker, &memory.tracker->ranges[memory.index]);
}

static bool keep_pieces(sfpm_watched_t *watched, const sfpm_shown_t *shown)
{
    watched->inode = shown->inode;
    watched->pieces =
        sfpm_copy_bytes(shown->pieces, shown->num_pieces * sizeof *shown->pieces);
    watched->num_pieces = shown->num_pieces;
    return watched->pieces != NULL;
}

/* Pages that were read look like written ones, and stay so. So does what is no whole page
 * and was not mapped. */
static void mark_deviating(sfpm_watched_t *watched, const sfpm_shown_t *shown)
{
    uintptr_t base = (uintptr_t)watched->base;
    for (size_t i = 0; i < shown->num_reads; i++) {
        uintptr_t from = base + shown->reads[i].position;
        sfpm_dirty_mark(watched, from, from + shown->reads[i].size);
    }
    sfpm_dirty_mark(watched, base + shown->size, base + watched->size);
}

void sfpm_dirty_watch_shown(sfpm_tracked_t memory, const sfpm_shown_t *shown)
{
    sfpm_watched_t *watched = sfpm_dirty_entry(memory);
    sfpm_error_state_t before;
    if (!watched)
        return;
    sfpm_error_save(&before);
    start(memory, watched);
    if (keep_pieces(watched, shown) &&
        try_method(memory.tracker, watched, SFPM_TRACKING_PAGEMAP)) {
        mark_deviating(watched, shown);
        watched->deviating =
            sfpm_copy_bytes(watched->changed, num_words(watched) * sizeof(uint64_t));
    }
    watched->pristine = watched->deviating != NULL;
    if (watched->method == SFPM_TRACKING_NONE)
        forget(memory.tracker, watched);
    sfpm_error_restore(&before);
}

const uint64_t *sfpm_dirty_changed(sfpm_tracked_t memory)
{
    if (memory.index >= memory.tracker->count)
        return NULL;
    const sfpm_watched_t *watched = &memory.tracker->ranges[memory.index];
    bool same = watched->base == memory.base && watched->size == memory.size;
    return same && watched->method != SFPM_TRACKING_NONE ? watched->changed : NULL;
}

bool sfpm_dirty_accumulates(sfpm_tracked_t memory)
{
    return sfpm_dirty_changed(memory) &&
           method_of(&memory.tracker->ranges[memory.index])->accumulates;
}

void sfpm_dirty_reverted(sfpm_tracked_t memory)
{
    sfpm_watched_t *watched = sfpm_dirty_entry(memory);
    if (!watched)
        return;
    size_t size = num_words(watched) * sizeof(uint64_t);
    if (watched->method != SFPM_TRACKING_PAGEMAP &&
        !method_of(watched)->collect(memory.tracker, watched))
        forget(memory.tracker, watched);
    else if (watched->pristine)
        memcpy(watched->changed, watched->deviating, size);
    else if (!method_of(watched)->accumulates)
        memset(watched->changed, 0, size);
}

void sfpm_dirty_committed(sfpm_tracked_t memory, bool watch, sfpm_tracking_t wanted)
{
    sfpm_watched_t *watched = sfpm_dirty_entry(memory);
    if (!watched)
        return;
    watched->pristine = false;
    if (!sfpm_dirty_changed(memory)) {
        if (watch)
            sfpm_dirty_watch(memory, wanted);
    } else if (!method_of(watched)->accumulates) {
        memset(watched->changed, 0, num_words(watched) * sizeof(uint64_t));
    }
}
