/* SPDX-License-Identifier: MIT */
/*
 * Which memory holds nothing: pages that were never written to, or were given back. They
 * read as zeros, but reading them would make them present, with page tables to match.
 */
#ifndef SFPM_COMMIT_ABSENT_H
#define SFPM_COMMIT_ABSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/format.h"

/* Less memory is read faster than its page tables. */
#define SFPM_PRESENCE_WORTH ((size_t)1 << 20)

/* A part of the address space. */
typedef struct sfpm_area {
    uintptr_t from;
    uintptr_t to;
} sfpm_area_t;

/* What is known of this process; start with SFPM_NO_PRESENCE. */
typedef struct sfpm_presence {
    int pagemap;        /* /proc/self/pagemap; -1: not open */
    bool unknown;       /* the system does not tell */
    bool listed;        /* `areas` is complete */
    sfpm_area_t *areas; /* where an absent page reads as zeros, in order of address */
    size_t num_areas;
    size_t max_areas;
} sfpm_presence_t;

#define SFPM_NO_PRESENCE ((sfpm_presence_t){.pagemap = -1})

/* Finds the chunks of at most a leaf of memory that are absent; the others may be.
 * Returns their number. The memory must not be remapped during the call. */
size_t sfpm_absent_chunks(sfpm_presence_t *presence, const uint8_t *memory, size_t size,
                          bool absent[SFPM_LEAF_CHUNKS]);

void sfpm_presence_free(sfpm_presence_t *presence);

#endif
