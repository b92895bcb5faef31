/* SPDX-License-Identifier: MIT */
/*
 * Finds changed pages in the page tables. A private mapping of an image shows the file
 * until a page is written to: the changed pages are those that are present or swapped
 * out and do not belong to the file. Nothing has to be armed for that.
 */
#include "track/dirty.h"

#if SFPM_LINUX_PATHS
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/maps.h"
#include "base/memory.h"
#include "base/page.h"

/* As in <linux/fs.h> since Linux 6.7. */
typedef struct page_range {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
} page_range_t;

typedef struct scan {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
} scan_t;
#define SCAN_REQUEST _IOWR('f', 16, scan_t)

enum { NUM_RANGES = 1024, NUM_ENTRIES = 8192 };

bool sfpm_dirty_scan(sfpm_tracker_t *tracker, sfpm_watched_t *watched, uintptr_t from,
                     uintptr_t to, const sfpm_page_query_t *query)
{
    /* Zeroed, since valgrind does not know that the kernel fills it. */
    page_range_t ranges[NUM_RANGES] = {{0, 0, 0}};
    if (!sfpm_pagemap_open(&tracker->pagemap))
        return false;
    while (from < to) {
        scan_t scan = {.size = sizeof scan,
                       .flags = query->flags,
                       .start = from,
                       .end = to,
                       .vec = (uintptr_t)ranges,
                       .vec_len = NUM_RANGES,
                       .category_inverted = query->inverted,
                       .category_mask = query->mask,
                       .category_anyof_mask = query->any,
                       .return_mask = query->mask | query->any};
        int count = ioctl(tracker->pagemap, SCAN_REQUEST, &scan);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || scan.walk_end <= from)
            return false;
        for (int i = 0; i < count; i++)
            sfpm_dirty_mark(watched, (uintptr_t)ranges[i].start,
                            (uintptr_t)ranges[i].end);
        from = (uintptr_t)scan.walk_end;
    }
    return true;
}

/* The same question for kernels without the scan: present (bit 63) or swapped (62), and
 * not of a file (61). */
static bool read_entries(sfpm_tracker_t *tracker, sfpm_watched_t *watched, uintptr_t from,
                         uintptr_t to, bool of_file)
{
    uint64_t entries[NUM_ENTRIES];
    uintptr_t page = sfpm_system_page();
    while (from < to) {
        size_t left = (to - from + page - 1) / page;
        size_t wanted = left < NUM_ENTRIES ? left : NUM_ENTRIES;
        size_t count = sfpm_pagemap_read(&tracker->pagemap, from, entries, wanted);
        if (count == 0)
            return false;
        for (size_t i = 0; i < count; i++)
            if (entries[i] >> 62 && !(of_file && entries[i] >> 61 & 1))
                sfpm_dirty_mark(watched, from + i * page, from + (i + 1) * page);
        from += count * page;
    }
    return true;
}

/* ---- Mappings -------------------------------------------------------------- */

/* Passes over what a mapping covers of the spans that are left; false when it is none
 * that they may lie in. */
static bool cover(const sfpm_maps_entry_t *entry, sfpm_span_t **span, size_t *left)
{
    while (*left > 0 && (*span)->from < entry->end) {
        if (entry->start > (*span)->from || !sfpm_maps_is_private(entry) ||
            entry->inode != (*span)->inode)
            return false;
        (*span)->from = entry->end < (*span)->to ? entry->end : (*span)->to;
        if ((*span)->from < (*span)->to)
            break;
        ++*span;
        --*left;
    }
    return true;
}

bool sfpm_dirty_are_private(sfpm_span_t *spans, size_t count)
{
    sfpm_maps_t maps;
    sfpm_maps_entry_t entry;
    bool ok = true;
    sfpm_maps_open(&maps, false);
    while (ok && count > 0 && sfpm_maps_next(&maps, &entry))
        ok = cover(&entry, &spans, &count);
    sfpm_maps_close(&maps);
    return ok && count == 0;
}

/* ---- The method ------------------------------------------------------------ */

static bool collect_piece(sfpm_tracker_t *tracker, sfpm_watched_t *watched,
                          const sfpm_piece_t *piece)
{
    const sfpm_page_query_t query = {.mask = piece->of_file ? SFPM_PAGE_FILE : 0,
                                     .inverted = piece->of_file ? SFPM_PAGE_FILE : 0,
                                     .any = SFPM_PAGE_PRESENT | SFPM_PAGE_SWAPPED};
    uintptr_t from = (uintptr_t)watched->base + piece->position;
    uintptr_t to = from + piece->size;
    return sfpm_dirty_scan(tracker, watched, from, to, &query) ||
           read_entries(tracker, watched, from, to, piece->of_file);
}

/* Whether the image still lies where it was mapped: a program may map other things over
 * its own memory. */
static bool is_in_place(const sfpm_watched_t *watched)
{
    sfpm_span_t *spans = SFPM_NEW_N(sfpm_span_t, watched->num_pieces);
    for (size_t i = 0; spans && i < watched->num_pieces; i++) {
        const sfpm_piece_t *piece = &watched->pieces[i];
        uintptr_t from = (uintptr_t)watched->base + piece->position;
        spans[i] =
            (sfpm_span_t){from, from + piece->size, piece->of_file ? watched->inode : 0};
    }
    bool ok = spans && sfpm_dirty_are_private(spans, watched->num_pieces);
    free(spans);
    return ok;
}

static bool collect_all(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    for (size_t i = 0; i < watched->num_pieces; i++)
        if (!collect_piece(tracker, watched, &watched->pieces[i]))
            return false;
    return true;
}

static bool arm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    return watched->pieces != NULL;
}

static bool collect(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    return is_in_place(watched) && collect_all(tracker, watched);
}

static void disarm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    (void)watched;
}

/* What was written to once and committed reverts to the restored contents, not to the
 * committed ones, when the program gives the page back. */
const sfpm_dirty_method_t sfpm_dirty_pagemap = {
    .arm = arm, .collect = collect, .disarm = disarm, .accumulates = true};

#endif
