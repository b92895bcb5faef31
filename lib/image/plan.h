/* SPDX-License-Identifier: MIT */
/*
 * A commit is written in two passes. Planning finds which pages are new and where
 * they will lie, and so the leaves; writing hashes what was not hashed yet and
 * streams it out. Memory is thus read once when nothing is there to compare with.
 */
#ifndef SFPM_IMAGE_PLAN_H
#define SFPM_IMAGE_PLAN_H

#include "image/edit.h"

/* New pages of one chunk. */
typedef struct sfpm_planned_chunk {
    const uint8_t *bytes; /* the chunk's new contents; NULL: nothing new */
    uint8_t *owned;       /* the same when the plan allocated them */
    uint16_t pages;       /* bit per new page that is stored whole */
    uint16_t pieces;      /* bit per new page of which only the start is stored */
    bool unhashed;        /* its checksum is still to be computed */
} sfpm_planned_chunk_t;

typedef struct sfpm_planned_leaf {
    size_t region; /* place in the edit */
    size_t which;  /* leaf of that region */
    uint64_t size; /* bytes of the region that it covers */
    sfpm_leaf_t leaf;
    size_t max_extents;
    sfpm_planned_chunk_t chunks[SFPM_LEAF_CHUNKS];
} sfpm_planned_leaf_t;

typedef struct sfpm_plan {
    sfpm_edit_t *edit;
    uint64_t data_offset; /* in the file: where the first new page goes */
    uint64_t num_pages;   /* new pages stored whole */
    uint64_t pieces_size; /* bytes of all pieces */
    sfpm_planned_leaf_t **leaves;
    size_t num_leaves;
    size_t max_leaves;
    uint64_t zero_chunk_sum;
} sfpm_plan_t;

/* Extents of pieces hold offsets from the first piece until that place is known. */
#define SFPM_EXTENT_UNPLACED (UINT32_C(1) << 31)

/* Plans the commit when the output stands at `offset`. */
bool sfpm_plan_make(sfpm_plan_t *plan, sfpm_edit_t *edit, uint64_t offset);
void sfpm_plan_free(sfpm_plan_t *plan);

/* How many bytes of a page are stored: up to its last byte that is not zero. */
size_t sfpm_used_length(const uint8_t *page, size_t size);

#endif
