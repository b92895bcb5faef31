/* SPDX-License-Identifier: MIT */
/* What the checker of whole images keeps while it walks. */
#ifndef SFPM_IMAGE_CHECK_H
#define SFPM_IMAGE_CHECK_H

#include "base/error.h"
#include "image/image.h"

/* A list of byte ranges of the file. */
typedef struct sfpm_range {
    uint64_t offset;
    uint64_t length;
} sfpm_range_t;

typedef struct sfpm_ranges {
    sfpm_range_t *items;
    size_t count;
    size_t capacity;
} sfpm_ranges_t;

bool sfpm_ranges_add(sfpm_ranges_t *ranges, uint64_t offset, uint64_t length);
void sfpm_ranges_free(sfpm_ranges_t *ranges);
/* How many bytes they are, each counted once. Sorts them. */
uint64_t sfpm_ranges_total(sfpm_ranges_t *ranges);
/* Whether `used` covers every byte of `data`, and nothing else. Sorts both. */
bool sfpm_ranges_cover(sfpm_ranges_t *data, sfpm_ranges_t *used);
/* Whether each of `used` lies within one of `data`. Sorts both. */
bool sfpm_ranges_hold(sfpm_ranges_t *data, sfpm_ranges_t *used);

/* A set of 64-bit keys (already mixed), by open addressing. */
typedef struct sfpm_seen {
    uint64_t *slots;
    size_t capacity;
    size_t count;
} sfpm_seen_t;

/* Adds a key; true when it was there. Without memory it forgets: false. */
bool sfpm_seen_add(sfpm_seen_t *seen, uint64_t key);
void sfpm_seen_free(sfpm_seen_t *seen);

typedef struct sfpm_check {
    sfpm_image_t *image;
    sfpm_fault_callback_t callback;
    void *context;
    bool failed;
    bool stop;
    sfpm_error_state_t first;
    sfpm_reader_t reader;
    uint8_t *scratch;     /* a chunk */
    sfpm_ranges_t data;   /* payloads of DATA records without a sum */
    sfpm_ranges_t used;   /* what extents of pages and pieces name */
    sfpm_ranges_t packed; /* payloads of DATA records with a sum */
    sfpm_ranges_t chunks; /* what extents of chunks name */
    sfpm_meter_t meter;
    sfpm_seen_t seen; /* leaves and chunks checked already */
} sfpm_check_t;

/* Reports the thread's last error as a fault; false when checking should stop. */
bool sfpm_check_fault(sfpm_check_t *check);

#endif
