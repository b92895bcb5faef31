/* SPDX-License-Identifier: MIT */
/*
 * A commit is written in two passes. Planning finds which pages are new and where
 * they will lie, and so the leaves; writing hashes what was not hashed yet and
 * streams it out. Memory is thus read once when nothing is there to compare with.
 *
 * New contents are stored in one of two ways: plain, by pages and pieces, or packed,
 * by whole chunks that are compressed or sealed. A commit uses one of them.
 */
#ifndef SFPM_COMMIT_PLAN_H
#define SFPM_COMMIT_PLAN_H

#include "commit/absent.h"
#include "commit/edit.h"

/* New contents of one chunk. */
typedef struct sfpm_planned_chunk {
    const uint8_t *bytes; /* the contents, when they are in memory */
    uint8_t *owned;       /* what the plan had to keep itself: a packed chunk, or the new
                             pages alone, one behind the other */
    uint16_t pages;       /* bit per new page that is stored whole */
    uint16_t pieces;      /* bit per new page of which only the start is stored */
    bool packed;          /* stored as a chunk */
    bool twin;            /* stored where the region before has the same chunk */
    bool reload;          /* the contents are to be read from the starting image */
    bool unhashed;        /* the checksum is still to be computed */
} sfpm_planned_chunk_t;

typedef struct sfpm_planned_leaf {
    size_t region; /* place in the edit */
    size_t which;  /* leaf of that region */
    uint64_t size; /* bytes of the region that it covers */
    const struct sfpm_planned_leaf *twin; /* the same of the region before; NULL: none */
    sfpm_leaf_t leaf;
    size_t max_extents;
    sfpm_planned_chunk_t chunks[SFPM_LEAF_CHUNKS];
} sfpm_planned_leaf_t;

/* A place of a leaf that another place has as well. */
typedef struct sfpm_shared_leaf {
    size_t region;
    size_t which;
    size_t first_region;
    size_t first_which;
} sfpm_shared_leaf_t;

typedef struct sfpm_plan {
    sfpm_edit_t *edit;
    bool packed;
    uint64_t data_offset; /* in the file: where the first new page goes */
    uint64_t num_pages;   /* new pages stored whole */
    uint64_t pieces_size; /* bytes of all pieces */
    sfpm_planned_leaf_t **leaves;
    size_t num_leaves;
    size_t max_leaves;
    size_t first_leaf; /* of the region that is planned */
    size_t twin_leaf;  /* of the region before: those up to here were passed */
    void *stored; /* share.c: leaves of the image that is rewritten */
    sfpm_shared_leaf_t *shared;
    size_t num_shared;
    size_t max_shared;
    uint64_t zero_chunk_sum;
    uint8_t *scratch;                   /* a chunk: contents before */
    uint8_t *contents;                  /* a chunk: contents now */
    const sfpm_planned_chunk_t *loaded; /* whose they are, once writing has begun */
    sfpm_reader_t reader;               /* for contents */
    sfpm_reader_t before;               /* for what stood there before */
    sfpm_sealer_t sealer;
    sfpm_presence_t presence;
    bool absent[SFPM_LEAF_CHUNKS]; /* of the memory of the leaf that is planned */
} sfpm_plan_t;

/* Marks extents whose place is not known yet. Those of pieces hold offsets from the
 * first piece meanwhile. */
#define SFPM_EXTENT_UNPLACED (UINT32_C(1) << 31)

/* Plans the commit when the output stands at `offset`. */
bool sfpm_plan_make(sfpm_plan_t *plan, sfpm_edit_t *edit, uint64_t offset);
void sfpm_plan_free(sfpm_plan_t *plan);

/* Whether a leaf of the image that is rewritten was planned already at another place,
 * which it then shares; false without memory. */
bool sfpm_plan_share(sfpm_plan_t *plan, size_t region, size_t which, bool *shared);
/* Once all leaves are written: gives those that share one its place. */
void sfpm_plan_place_shared(sfpm_plan_t *plan);
void sfpm_plan_forget_shared(sfpm_plan_t *plan);

/* Packs and writes all packed chunks, and places their extents. */
bool sfpm_plan_write_packed(sfpm_plan_t *plan, sfpm_output_t *output);

/* The contents of a planned chunk: in memory, or read into plan->contents. */
const uint8_t *sfpm_plan_contents(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                                  uint32_t chunk);

/* The same of one new page of a chunk that is stored by pages. */
const uint8_t *sfpm_plan_page(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                              uint32_t page);

/* The bytes of a chunk of a planned leaf. */
size_t sfpm_plan_span(const sfpm_planned_leaf_t *planned, uint32_t chunk);

bool sfpm_write_record_start(sfpm_output_t *output, uint32_t type, uint32_t lead,
                             uint64_t length, uint64_t sum);
bool sfpm_write_record_end(sfpm_output_t *output);

/* How many bytes of a page are stored: up to its last byte that is not zero. */
size_t sfpm_used_length(const uint8_t *page, size_t size);

#endif
