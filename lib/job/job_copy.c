/* SPDX-License-Identifier: MIT */
/*
 * Taking a copy of what a background save writes: if the changes of a region are known,
 * the pages that changed, otherwise all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/hooks.h"
#include "snapshot/tracking.h"
#include "job/job.h"

enum { PAGE = SFPM_PAGE, FEW_PAGES = 64, MAX_ROUNDS = 8 };

/* So much of regions whose changes are not known is copied in well under a millisecond,
 * and so much in all not later than a large process is forked. */
#define LITTLE ((size_t)2 << 20)
#define MUCH   ((size_t)32 << 20)

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

/* Of 64 pages those that are to be copied and were not yet. */
static uint64_t wanted_pages(const sfpm_shadow_t *shadow, size_t word)
{
    size_t left = num_pages(shadow) - word * 64;
    uint64_t all = left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
    return (shadow->known ? shadow->included[word] : all) & ~shadow->have[word];
}

/* Copies, or lists, these of 64 pages, run by run. */
static bool copy_word(sfpm_shadow_t *shadow, size_t word, uint64_t wanted, list_t *list)
{
    for (size_t page = 0, end; wanted && page < 64; page = end + 1) {
        for (end = page; end < 64 && wanted >> end & 1;)
            end++;
        if (end > page && !copy_pages(shadow, word * 64 + page, word * 64 + end, list))
            return false;
    }
    shadow->have[word] |= wanted;
    return true;
}

/* Copies, or lists, all pages that are wanted and not there yet. */
static bool copy_wanted(sfpm_shadow_t *shadow, list_t *list)
{
    for (size_t word = 0; word * 64 < num_pages(shadow); word++)
        if (!copy_word(shadow, word, wanted_pages(shadow, word), list))
            return false;
    return true;
}

static size_t count_wanted(const sfpm_shadow_t *shadow)
{
    size_t count = 0;
    for (size_t word = 0; word * 64 < num_pages(shadow); word++)
        for (uint64_t bits = wanted_pages(shadow, word); bits; bits &= bits - 1)
            count++;
    return count;
}

/* Whether so little is to be copied that it is best done at once. */
static bool is_little(const sfpm_job_t *job)
{
    size_t unknown = 0, all = 0;
    for (size_t i = 0; i < job->count; i++) {
        const sfpm_shadow_t *shadow = &job->shadows[i];
        size_t size = shadow->copy ? count_wanted(shadow) * PAGE : 0;
        all += size;
        unknown += shadow->known ? 0 : size;
    }
    return unknown <= LITTLE && all <= MUCH;
}

/* All regions, or those alone in which changes are found while they are copied. */
static bool copy_regions(sfpm_job_t *job, bool watched, list_t *list)
{
    for (size_t i = 0; i < job->count; i++) {
        sfpm_shadow_t *shadow = &job->shadows[i];
        if (shadow->copy && (shadow->watched || !watched) && !copy_wanted(shadow, list))
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
           (copying != SFPM_COPYING_AT_ONCE && !is_little(job));
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
    /* Regions that may move are looked at once they are known to be where they say. */
    const uint32_t later = SFPM_REGION_VOLATILE | SFPM_REGION_DYNAMIC;
    if (rounds &&
        (!sfpm_snapshot_check_mapped(job->snapshot, later) || !copy_in_rounds(job)))
        return false;
    bool ok = stop(job);
    if (ok) {
        ok = copy_stopped(job);
        go(job);
    }
    return ok;
}
