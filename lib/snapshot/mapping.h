/* SPDX-License-Identifier: MIT */
/*
 * Putting an image into memory by mapping it. The old pages are moved away and the new
 * ones mapped in their place, which can be undone. Contents to be verified are first
 * made elsewhere and then moved into place. Freeing the old pages takes as long as
 * copying some of them, so it is left for later.
 */
#ifndef SFPM_SNAPSHOT_MAPPING_H
#define SFPM_SNAPSHOT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

#include "image/extent_map.h"
#include "track/dirty.h"

typedef struct sfpm_mapping {
    bool wanted;          /* false: the region is not mapped */
    uint8_t *base;        /* of the region */
    size_t size;          /* of the whole pages that are mapped */
    sfpm_places_t places; /* of the contents in the image */
    uint8_t *staged;      /* where the new pages were made; NULL: in their place */
    uint8_t *parked;      /* the old pages, once they were moved away */
    uint8_t *tail;        /* contents behind the last whole page */
    size_t tail_size;
    sfpm_piece_t *pieces; /* by position; they cover it all */
    size_t num_pieces;
    size_t max_pieces;
    size_t moved;        /* pieces of the staged ones that are in place */
    sfpm_piece_t *reads; /* what was read, and does not show the image */
    size_t num_reads;
    size_t max_reads;
    bool replaced; /* the contents are in place */
} sfpm_mapping_t;

/* Finds how to make the first `size` bytes of an image's region, for the memory at
 * `base`. Where they cannot be mapped, mapping->wanted is false and the answer true. To
 * be freed also on failure. */
bool sfpm_mapping_plan(sfpm_mapping_t *mapping, const sfpm_image_t *image, size_t index,
                       void *base, size_t size);

/* Makes them aside, and compares them with the image's checksums. */
bool sfpm_mapping_verify(sfpm_mapping_t *mapping, const sfpm_image_t *image,
                         size_t index);

/* Exchanges the pages. On failure memory is as it was; *possible becomes false when the
 * system cannot move the old pages as a whole. */
bool sfpm_mapping_replace(sfpm_mapping_t *mapping, const sfpm_image_t *image,
                          bool *possible);

/* Takes that back. */
void sfpm_mapping_undo(sfpm_mapping_t *mapping);

/* Frees all but the parked pages. */
void sfpm_mapping_free(sfpm_mapping_t *mapping);

#endif
