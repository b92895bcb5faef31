/* SPDX-License-Identifier: MIT */
/*
 * Which pages of ranges of memory may have changed since a commit was restored or made.
 * Each method answers that for one range at a time; a range without one is compared with
 * the image. A tracker watches several ranges, which are known by their index.
 */
#ifndef SFPM_TRACK_DIRTY_H
#define SFPM_TRACK_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sfpm/snapshot.h>

#include "base/page.h"

/* Smaller memory is compared with the image faster than it is watched. */
#define SFPM_DIRTY_WORTH_WATCHING ((size_t)1 << 20)

/* A part of memory that the system knows as one mapping. */
typedef struct sfpm_piece {
    size_t position; /* in the range */
    size_t size;
    bool of_file; /* shows the image where it was not written to */
} sfpm_piece_t;

/* A range that is watched. */
typedef struct sfpm_watched {
    sfpm_tracking_t method; /* NONE: it is not */
    uint8_t *base;
    size_t size;
    uint64_t *changed;    /* a bit for each page of the range, counted from its base */
    uint64_t *hashes;     /* HASH: of each page when last looked at */
    sfpm_piece_t *pieces; /* PAGEMAP: what shows the image, and what does not */
    size_t num_pieces;
    uint64_t *deviating; /* … pages that were read and do not show the image */
    bool pristine;       /* … there was no commit since */
    uint64_t inode;      /* … of the image */
} sfpm_watched_t;

typedef struct sfpm_tracker {
    sfpm_tracking_t wanted;
    pid_t owner;             /* the process whose pages are watched; 0: none yet */
    int faults;              /* userfaultfd; -1: not open */
    int pagemap;             /* /proc/self/pagemap; -1: not open */
    bool no_faults;          /* the system has no use for write protection */
    bool written_or_absent;  /* a scan for written pages finds those given back, too */
    sfpm_watched_t *ranges;
    size_t count;
} sfpm_tracker_t;

/* A range of memory, and the tracker that knows it by an index. */
typedef struct sfpm_tracked {
    sfpm_tracker_t *tracker;
    size_t index;
    void *base;
    size_t size;
} sfpm_tracked_t;

/* How memory was made from an image by mapping. */
typedef struct sfpm_shown {
    const sfpm_piece_t *pieces; /* by position; they cover the whole pages */
    size_t num_pieces;
    const sfpm_piece_t *reads; /* what was read, and does not show the image */
    size_t num_reads;
    size_t size;    /* of the whole pages */
    uint64_t inode; /* of the image */
} sfpm_shown_t;

/* One way to find changed pages. */
typedef struct sfpm_dirty_method {
    /* Begins to watch a range, from now on; false when it cannot. */
    bool (*arm)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    /* Adds the pages changed since the last time to watched->changed, and goes on
     * watching; false when that is not known. */
    bool (*collect)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    void (*disarm)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    bool accumulates; /* what changed once may be anything for ever */
} sfpm_dirty_method_t;

#if SFPM_LINUX_PATHS
extern const sfpm_dirty_method_t sfpm_dirty_protect; /* dirty_protect.c */
extern const sfpm_dirty_method_t sfpm_dirty_pagemap; /* dirty_pagemap.c */
#endif
extern const sfpm_dirty_method_t sfpm_dirty_hash;    /* dirty_hash.c */
extern const sfpm_dirty_method_t sfpm_dirty_given;   /* dirty_job.c */

/* Changed pages were given by the caller. */
#define SFPM_TRACKING_GIVEN ((sfpm_tracking_t)(SFPM_TRACKING_HASH + 1))

/* ---- for the methods ---- */

size_t sfpm_dirty_pages(const sfpm_watched_t *watched);

/* Marks what lies between two addresses, cut down to the range. */
void sfpm_dirty_mark(sfpm_watched_t *watched, uintptr_t from, uintptr_t to);

/* Memory that is to be of one kind. */
typedef struct sfpm_span {
    uintptr_t from;
    uintptr_t to;
    uint64_t inode; /* of the file that it shows; 0: anonymous */
} sfpm_span_t;

/* Whether all spans, in order of address, lie in private mappings of their kind. They are
 * not what they were afterwards. */
bool sfpm_dirty_are_private(sfpm_span_t *spans, size_t count);

/* Which pages a scan finds: all bits of `mask`, after those of `inverted` are turned
 * over, and one of `any` if there are any. */
typedef struct sfpm_page_query {
    uint64_t mask;
    uint64_t inverted;
    uint64_t any;
    uint64_t flags; /* SFPM_SCAN_… */
} sfpm_page_query_t;

/* Categories of pages and flags of a scan, with the numbers of Linux. */
#define SFPM_PAGE_WRITTEN (UINT64_C(1) << 1)
#define SFPM_PAGE_FILE    (UINT64_C(1) << 2)
#define SFPM_PAGE_PRESENT (UINT64_C(1) << 3)
#define SFPM_PAGE_SWAPPED (UINT64_C(1) << 4)
#define SFPM_SCAN_PROTECT (UINT64_C(1) << 0) /* write-protect again what is found */
#define SFPM_SCAN_ASYNC   (UINT64_C(1) << 1) /* fail where nothing is protected */

/* Marks the pages of [from, to) that the query finds. */
bool sfpm_dirty_scan(sfpm_tracker_t *tracker, sfpm_watched_t *watched, uintptr_t from,
                     uintptr_t to, const sfpm_page_query_t *query);

/* ---- for saving and restoring ---- */

sfpm_tracker_t *sfpm_tracker_create(void);
void sfpm_tracker_free(sfpm_tracker_t *tracker);

/* Nothing is watched any more. */
void sfpm_tracker_forget(sfpm_tracker_t *tracker);

/* Finds what changed; before memory is read for a commit. */
void sfpm_tracker_collect(sfpm_tracker_t *tracker);

/* The entry of a range, made when there is none; NULL without memory. In a child of the
 * process that watched, nothing is watched. */
sfpm_watched_t *sfpm_dirty_entry(sfpm_tracked_t memory);

/* Watches the range by a method, by the best one for AUTO, from now on; where that cannot
 * be, it is compared. */
void sfpm_dirty_watch(sfpm_tracked_t memory, sfpm_tracking_t wanted);

/* The same for memory that shows an image: its page tables tell what was written to. */
void sfpm_dirty_watch_shown(sfpm_tracked_t memory, const sfpm_shown_t *shown);

/* The range moved, or what it holds is unknown: it is not watched any more. */
void sfpm_dirty_forget(sfpm_tracked_t memory);

/* The pages that changed, a bit each; NULL: not known. */
const uint64_t *sfpm_dirty_changed(sfpm_tracked_t memory);

/* Whether these are all pages that changed since a restore, whatever was committed. */
bool sfpm_dirty_accumulates(sfpm_tracked_t memory);

/* What changed was replaced by what was before: as if it had never changed. */
void sfpm_dirty_reverted(sfpm_tracked_t memory);

/* What was collected is in a commit; with `watch` the range is watched from now on as
 * `wanted` says, if it is not already. */
void sfpm_dirty_committed(sfpm_tracked_t memory, bool watch, sfpm_tracking_t wanted);

/* ---- for saving in the background ---- */

/* Before a job: *known says whether what changed since the last commit is, *watched
 * whether changes are found in a moment from now on; with `begin` watching is begun where
 * it is possible. */
void sfpm_dirty_begin_job(sfpm_tracked_t memory, bool begin, bool *known, bool *watched);

/* What was collected, to be taken over; NULL: it is not known. Then forgets it. */
uint64_t *sfpm_dirty_take(sfpm_tracked_t memory);
void sfpm_dirty_taken(sfpm_tracked_t memory);

/* After a job: what it took over counts again if it failed. */
void sfpm_dirty_end_job(sfpm_tracked_t memory, bool saved, bool known,
                        const uint64_t *taken);

/* Makes the tracker take these pages of the range for the changed ones. */
bool sfpm_dirty_give(sfpm_tracked_t memory, const uint64_t *changed);

#endif
