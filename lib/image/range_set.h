/* SPDX-License-Identifier: MIT */
/* Sets of byte ranges of a file. */
#ifndef SFPM_IMAGE_RANGE_SET_H
#define SFPM_IMAGE_RANGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
