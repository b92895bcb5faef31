/* SPDX-License-Identifier: MIT */
/* An opened image, as the files of this directory share it. */
#ifndef SFPM_IMAGE_IMAGE_H
#define SFPM_IMAGE_IMAGE_H

#include "image/format.h"
#include "image/log.h"
#include "io/input.h"

struct sfpm_image {
    sfpm_input_t *input;
    char *path; /* NULL unless opened by path */
    uint64_t max_memory;
    sfpm_header_t header;
    sfpm_image_info_t info;
    sfpm_trailer_t last;  /* of the file */
    sfpm_trailer_t shown; /* of the commit shown */
    sfpm_index_t index;   /* of the commit shown */
    sfpm_commit_info_t commit;
    sfpm_region_info_t *regions;
    char *warning;        /* NULL when there is nothing to remark */
    uint64_t *v1_offsets; /* version 1: where each region's bytes lie */
};

/* Opens an image in an input, which becomes its own, also on failure. `path` is
 * where commits may be appended, NULL for nowhere; `options` NULL or complete. */
sfpm_image_t *sfpm_image_open_input(sfpm_input_t *input, const char *path,
                                    const sfpm_image_options_t *options);

/* Reads everything again from the file, for after an append; shows the last
 * commit. On failure the image is as it was. */
bool sfpm_image_reload(sfpm_image_t *image);

/* Finds the trailer of a commit by its number. */
bool sfpm_image_find_trailer(const sfpm_image_t *image, uint64_t number,
                             sfpm_trailer_t *trailer);

/* The version 1 reader: fills header-like facts, the index and v1_offsets. */
bool sfpm_v1_recognise(const uint8_t *bytes, size_t size);
bool sfpm_v1_decode(const sfpm_input_t *input, uint64_t max_memory, sfpm_index_t *index,
                    uint64_t **offsets);

/* ---- reading regions (read.c) ---- */

/* Loads leaf number `which` of a region. A leaf that is all zero has correct
 * chunk sums and no extents. */
bool sfpm_leaf_load(const sfpm_input_t *input, const sfpm_region_t *region, size_t which,
                    sfpm_leaf_t *leaf);

/* A leaf over `size` zero bytes: sums, but no extents. */
bool sfpm_leaf_zero(uint64_t size, sfpm_leaf_t *leaf);

/* Cuts an extent down to `count` pages from `first` on; false when none is left. */
bool sfpm_extent_cut(sfpm_extent_t *extent, uint32_t first, uint32_t count);

/* The stored parts of one chunk, in order; returns how many they are. */
size_t sfpm_chunk_extents(const sfpm_leaf_t *leaf, uint32_t chunk,
                          sfpm_extent_t cuts[SFPM_CHUNK_PAGES]);

/* Assembles chunk `chunk` of a leaf, `size` bytes, and verifies it. `name` and
 * `position` (of the chunk in the region) are for messages. */
bool sfpm_chunk_read(const sfpm_input_t *input, const sfpm_leaf_t *leaf, uint32_t chunk,
                     size_t size, const sfpm_region_t *region, uint64_t position,
                     uint8_t *to);

/* Reads a range of a region; verified. `to` NULL only verifies. */
bool sfpm_region_read(const sfpm_input_t *input, const sfpm_region_t *region,
                      uint64_t offset, uint8_t *to, uint64_t size);

#endif
