/* SPDX-License-Identifier: MIT */
/*
 * Which pages of the registered memory may have changed since the commit that the
 * snapshot last restored or made. Each method answers that for one region at a time; a
 * region without one is compared with the image.
 */
#ifndef SFPM_TRACK_DIRTY_H
#define SFPM_TRACK_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "snapshot/mapping.h"
#include "snapshot/snapshot.h"

enum { SFPM_DIRTY_PAGE = 4096 };

/* A region that is watched. */
typedef struct sfpm_watched {
    sfpm_tracking_t method; /* NONE: it is not */
    uint8_t *base;
    size_t size;
    uint64_t *changed;    /* a bit for each page of the region, counted from its base */
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
    sfpm_watched_t *regions; /* one for each registered region that there was */
    size_t count;
} sfpm_tracker_t;

/* One way to find changed pages. */
typedef struct sfpm_dirty_method {
    /* Begins to watch a region, from now on; false when it cannot. */
    bool (*arm)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    /* Adds the pages changed since the last time to watched->changed, and goes on
     * watching; false when that is not known. */
    bool (*collect)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    void (*disarm)(sfpm_tracker_t *tracker, sfpm_watched_t *watched);
    bool accumulates; /* what changed once may be anything for ever */
} sfpm_dirty_method_t;

extern const sfpm_dirty_method_t sfpm_dirty_protect; /* dirty_protect.c */
extern const sfpm_dirty_method_t sfpm_dirty_pagemap; /* dirty_pagemap.c */
extern const sfpm_dirty_method_t sfpm_dirty_hash;    /* dirty_hash.c */
extern const sfpm_dirty_method_t sfpm_dirty_given;   /* dirty_job.c */

/* Changed pages were given by the caller. */
#define SFPM_TRACKING_GIVEN ((sfpm_tracking_t)(SFPM_TRACKING_HASH + 1))

/* ---- for the methods ---- */

size_t sfpm_dirty_pages(const sfpm_watched_t *watched);

/* Marks what lies between two addresses, cut down to the region. */
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

/* Watches a region by a method, by the best one for AUTO; or compares it. */
void sfpm_dirty_watch(sfpm_tracker_t *tracker, const sfpm_registered_t *region,
                      sfpm_watched_t *watched, sfpm_tracking_t wanted);

/* The entry of a region, made when there is none; NULL without memory, or in a child of
 * the process that watched. */
sfpm_watched_t *sfpm_dirty_entry(const sfpm_snapshot_t *snapshot, size_t registered);

/* ---- for saving and restoring ---- */

sfpm_tracker_t *sfpm_tracker_create(void);
void sfpm_tracker_free(sfpm_tracker_t *tracker);

/* A region moved, or what it holds is unknown: it is not watched any more. */
void sfpm_dirty_forget(const sfpm_snapshot_t *snapshot, size_t registered);
void sfpm_dirty_forget_all(const sfpm_snapshot_t *snapshot);

/* Memory is what a commit holds, by a restore: watches what can be watched for nothing
 * and what is to be watched always. */
struct sfpm_restoring;
void sfpm_dirty_restored(const sfpm_snapshot_t *snapshot,
                         const struct sfpm_restoring *restoring);

/* Finds what changed; before memory is read for a commit. */
void sfpm_dirty_collect(const sfpm_snapshot_t *snapshot);

/* The pages that changed, a bit each; NULL: not known. */
const uint64_t *sfpm_dirty_changed(const sfpm_snapshot_t *snapshot, size_t registered);

/* Whether these are all pages that changed since a restore, whatever was committed. */
bool sfpm_dirty_accumulates(const sfpm_snapshot_t *snapshot, size_t registered);

/* What was collected is in a commit. `again`: there will be more commits. */
void sfpm_dirty_committed(const sfpm_snapshot_t *snapshot, bool again);

/* ---- for saving in the background ---- */

/* Before a job: *known tells whether what changed since the last commit is, *watched
 * whether changes are found in a moment from now on; with `begin` watching is begun where
 * it is possible. */
void sfpm_dirty_begin_job(const sfpm_snapshot_t *snapshot, size_t registered, bool begin,
                          bool *known, bool *watched);

/* What was collected, to be taken over; NULL: it is not known. Then forgets it. */
uint64_t *sfpm_dirty_take(const sfpm_snapshot_t *snapshot, size_t registered);
void sfpm_dirty_taken(const sfpm_snapshot_t *snapshot, size_t registered);

/* After a job: what it took over counts again if it failed. */
void sfpm_dirty_end_job(const sfpm_snapshot_t *snapshot, size_t registered, bool saved,
                        bool known, const uint64_t *taken);

/* Makes a snapshot take these pages of a region for the changed ones. */
bool sfpm_dirty_give(const sfpm_snapshot_t *snapshot, size_t registered,
                     const uint64_t *changed);

#endif
