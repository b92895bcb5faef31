/* SPDX-License-Identifier: MIT */
/* A commit in the making, as the files of this directory share it. */
#ifndef SFPM_IMAGE_EDIT_H
#define SFPM_IMAGE_EDIT_H

#include "image/image.h"
#include "io/output.h"

/* Bytes that replace those of an inherited region. */
typedef struct sfpm_change {
    uint64_t offset; /* in the region */
    size_t size;
    uint8_t *bytes; /* owned */
} sfpm_change_t;

/* Where the contents of one region of the next commit come from. */
typedef struct sfpm_source {
    const sfpm_region_t *old; /* in the starting image, NULL for a new one */
    size_t old_index;
    bool from_memory;       /* all of it from `memory` (NULL when volatile) … */
    const uint8_t *memory;  /* borrowed */
    uint8_t *owned;         /* … or from here, when the edit had to load it */
    sfpm_change_t *changes; /* … otherwise inherited, with these on top */
    size_t num_changes;
    size_t max_changes;
} sfpm_source_t;

struct sfpm_edit {
    sfpm_image_t *image; /* NULL for a new image */
    uint32_t format;
    bool undo;
    sfpm_index_t index;     /* the next commit's; leaves are filled in when written */
    sfpm_source_t *sources; /* one for each of index.regions */
    size_t max_regions;     /* room in both arrays */
    bool written;           /* as the commit index.number of the image … */
    uint8_t id[SFPM_DIGEST_SIZE];     /* … with this id … */
    uint8_t digest[SFPM_DIGEST_SIZE]; /* … and this state */
};

/* Reads a region of the next commit by its place in edit->index. */
bool sfpm_source_read(const sfpm_edit_t *edit, size_t which, uint64_t offset, uint8_t *to,
                      size_t size);
/* Lays the changes over `size` bytes at `offset`; tells whether any touched them. */
bool sfpm_source_overlay(const sfpm_source_t *source, uint64_t offset, uint8_t *to,
                         size_t size);

/* The time of a commit: SOURCE_DATE_EPOCH, or now. */
void sfpm_commit_time(int64_t *seconds, uint32_t *nanoseconds);

/* Writes the edit as the next commit at the output's end, trailer and syncs
 * included; the bytes before it are already there. `last` is the trailer of the
 * commit before, NULL for the first. */
bool sfpm_commit_write(sfpm_edit_t *edit, const sfpm_trailer_t *last,
                       sfpm_output_t *output);

/* Writes a whole file of the original layout. */
bool sfpm_v1_encode(sfpm_edit_t *edit, sfpm_output_t *output);

#endif
