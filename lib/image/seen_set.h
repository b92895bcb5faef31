/* SPDX-License-Identifier: MIT */
/* The keys that were already seen. */
#ifndef SFPM_IMAGE_SEEN_SET_H
#define SFPM_IMAGE_SEEN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of 64-bit keys (already mixed), by open addressing. */
typedef struct sfpm_seen {
    uint64_t *slots;
    size_t capacity;
    size_t count;
} sfpm_seen_t;

/* Adds a key; true when it was there. Without memory it forgets: false. */
bool sfpm_seen_add(sfpm_seen_t *seen, uint64_t key);
void sfpm_seen_free(sfpm_seen_t *seen);

#endif
