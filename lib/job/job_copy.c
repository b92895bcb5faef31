/* SPDX-License-Identifier: MIT */
/*
 * Taking a copy of what a background save writes. Of regions of which is known what
 * changed, whole chunks are copied in which something did, because their checksums are
 * needed; of others all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/hooks.h"
#include "snapshot/tracking.h"
#include "job/job.h"

enum { PAGE = SFPM_PAGE, CHUNK_PAGES = 16, FEW_PAGES = 64, MAX_ROUNDS = 8 };

/* So much is copied in well under a millisecond. */
#define LITTLE ((size_t)2 << 20)

static bool is_set(const uint64_t *bits, size_t page)
{
    return bits[page / 64] >> page % 64 & 1;
}

static size_t num_pages(const sfpm_shadow_t *shadow)
{
    return (shadow->size + PAGE - 1) / PAGE;
}

/* Writers may run: what they write while it is copied is copied again. */
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"))) static void
copy_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
    const volatile uint8_t *source = from;
    for (size_t i = 0; i < size; i++)
        to[i] = source[i];
}
#else
static void copy_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
}
#endif

/* ---- What is to be copied -------------------------------------------------- */

typedef struct list {
    sfpm_stretch_t *stretches; /* NULL: copied at once */
    size_t count;
    size_t capacity;
} list_t;

static bool copy_pages(const sfpm_shadow_t *shadow, size_t from, size_t to, list_t *list)
{
    size_t start = from * PAGE;
    size_t end = to * PAGE < shadow->size ? to * PAGE : shadow->size;
    if (!list) {
        copy_bytes(shadow->copy + start, shadow->base + start, end - start);
        return true;
    }
    void *stretches = list->stretches;
    bool ok = sfpm_grow_array(&stretches, &list->capacity, list->count + 1,
                              sizeof *list->stretches);
    list->stretches = stretches;
    sfpm_stretch_t *last = list->count ? &list->stretches[list->count - 1] : NULL;
    if (last && last->to + last->size == shadow->copy + start &&
        last->from + last->size == shadow->base + start)
        last->size += end - start;
    else if (ok)
        list->stretches[list->count++] =
            (sfpm_stretch_t){shadow->copy + start, shadow->base + start, end - start};
    return ok;
}

/* Whether a chunk is to be copied of which nothing was yet. Its bits lie in one word;
 * this is asked of every chunk while writers are stopped. */
static bool is_wanted(const sfpm_shadow_t *shadow, size_t chunk, size_t end)
{
    uint64_t mask = ((UINT64_C(1) << (end - chunk)) - 1) << chunk % 64;
    return !(shadow->have[chunk / 64] & mask) &&
           (!shadow->known || (shadow->included[chunk / 64] & mask));
}

/* Copies, or lists, all chunks that are wanted and not there yet. */
static bool copy_chunks(sfpm_shadow_t *shadow, list_t *list)
{
    size_t pages = num_pages(shadow);
    for (size_t chunk = 0; chunk < pages; chunk += CHUNK_PAGES) {
        size_t end = chunk + CHUNK_PAGES < pages ? chunk + CHUNK_PAGES : pages;
        if (!is_wanted(shadow, chunk, end))
            continue;
        if (!copy_pages(shadow, chunk, end, list))
            return false;
        for (size_t page = chunk; page < end; page++)
            shadow->have[page / 64] |= UINT64_C(1) << page % 64;
    }
    return true;
}

static size_t size_of_chunks(const sfpm_shadow_t *shadow)
{
    size_t pages = num_pages(shadow), size = 0;
    for (size_t chunk = 0; chunk < pages; chunk += CHUNK_PAGES) {
        size_t end = chunk + CHUNK_PAGES < pages ? chunk + CHUNK_PAGES : pages;
        size += is_wanted(shadow, chunk, end) ? (end - chunk) * PAGE : 0;
    }
    return size;
}

static size_t size_to_copy(const sfpm_job_t *job)
{
    size_t size = 0;
    for (size_t i = 0; i < job->count; i++)
        if (job->shadows[i].copy)
            size += size_of_chunks(&job->shadows[i]);
    return size;
}

/* All regions, or those alone in which changes are found while they are copied. */
static bool copy_regions(sfpm_job_t *job, bool watched, list_t *list)
{
    for (size_t i = 0; i < job->count; i++) {
        sfpm_shadow_t *shadow = &job->shadows[i];
        if (shadow->copy && (shadow->watched || !watched) && !copy_chunks(shadow, list))
            return false;
    }
    return true;
}

/* ---- Rounds ---------------------------------------------------------------- */

/* Takes over what changed since the last time, and copies again what was copied before;
 * returns how many pages changed. */
static size_t take_changes(sfpm_job_t *job)
{
    size_t count = 0;
    sfpm_tracker_collect(job->snapshot->tracker);
    for (size_t i = 0; i < job->count; i++) {
        sfpm_shadow_t *shadow = &job->shadows[i];
        if (!shadow->copy) /* volatile, or nothing is copied of it yet */
            continue;
        uint64_t *changed = sfpm_dirty_take(sfpm_snapshot_tracked(job->snapshot, i));
        shadow->watched = shadow->watched && changed;
        shadow->known = shadow->known && changed;
        if (!changed) /* what was copied may be out of date */
            memset(shadow->have, 0, (num_pages(shadow) + 63) / 64 * sizeof(uint64_t));
        for (size_t page = 0; changed && page < num_pages(shadow); page++) {
            if (changed[page / 64] == 0) {
                page |= 63;
                continue;
            }
            if (!is_set(changed, page))
                continue;
            count++;
            shadow->included[page / 64] |= UINT64_C(1) << page % 64;
            if (is_set(shadow->have, page))
                copy_pages(shadow, page, page + 1, NULL);
        }
        if (changed)
            sfpm_dirty_taken(sfpm_snapshot_tracked(job->snapshot, i));
    }
    return count;
}

static bool is_any_watched(const sfpm_job_t *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->shadows[i].watched)
            return true;
    return false;
}

/* Copies while writers run, as long as that brings the end nearer. */
static bool copy_in_rounds(sfpm_job_t *job)
{
    if (!sfpm_shadows_watch(job))
        return false;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        size_t changed = take_changes(job);
        if (!is_any_watched(job) || !sfpm_job_goes_on(job))
            break;
        copy_regions(job, true, NULL);
        if (round > 0 && changed <= FEW_PAGES)
            break;
    }
    return sfpm_job_goes_on(job);
}

/* ---- While writers are stopped --------------------------------------------- */

static bool stop(sfpm_job_t *job)
{
    sfpm_error_state_t before;
    const sfpm_error_state_t none = {.offset = SFPM_NO_OFFSET};
    if (!job->options.stop)
        return true;
    sfpm_error_save(&before);
    sfpm_error_restore(&none);
    /* As in a hook before the save, regions may move. */
    job->snapshot->callbacks->preparing = true;
    bool stopped = job->options.stop(job->options.context);
    job->snapshot->callbacks->preparing = false;
    if (stopped) {
        sfpm_error_restore(&before);
        return true;
    }
    sfpm_error_save(&before);
    return before.status != SFPM_OK
               ? false
               : sfpm_fail(SFPM_ERR_REFUSED,
                           "the program's writers could not be stopped");
}

static void go(const sfpm_job_t *job)
{
    if (job->options.go)
        job->options.go(job->options.context);
}

/* Of what is not known to be unchanged, all must be copied, unless it was. */
static bool is_best_by_child(const sfpm_job_t *job)
{
    sfpm_copying_t copying = job->options.copying;
    return copying == SFPM_COPYING_CHILD ||
           (copying != SFPM_COPYING_AT_ONCE && size_to_copy(job) > LITTLE);
}

static bool copy_stopped(sfpm_job_t *job)
{
    if (!sfpm_hooks_before_save(job->snapshot))
        return false;
    job->hooked = true;
    if (!sfpm_shadows_freeze(job) || !sfpm_resources_freeze(job->snapshot, job->frozen))
        return false;
    take_changes(job);
    if (!is_best_by_child(job))
        return copy_regions(job, false, NULL);
    list_t list = {0};
    bool ok = copy_regions(job, false, &list) &&
              sfpm_child_start(&job->child, list.stretches, list.count);
    free(list.stretches);
    return ok;
}

bool sfpm_job_copy(sfpm_job_t *job)
{
    bool rounds = job->options.stop && (job->options.copying == SFPM_COPYING_AUTO ||
                                        job->options.copying == SFPM_COPYING_ROUNDS);
    if (rounds && (!sfpm_snapshot_check_mapped(job->snapshot, SFPM_REGION_VOLATILE) ||
                   !copy_in_rounds(job)))
        return false;
    bool ok = stop(job);
    if (ok) {
        ok = copy_stopped(job);
        go(job);
    }
    return ok;
}
