/* SPDX-License-Identifier: MIT */
/*
 * The state that a restore puts into memory: the regions of an image, or what
 * migrations made of them.
 */
#ifndef SFPM_SNAPSHOT_STATE_H
#define SFPM_SNAPSHOT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

typedef struct sfpm_restore_source {
    const char *name; /* the image's, or owned_name */
    char *owned_name;
    uint64_t size;
    uint32_t flags; /* SFPM_REGION_… */
    uint8_t *bytes; /* contents, owned; NULL: they are in the image */
    size_t loaded;  /* how many bytes of contents there are */
    size_t stored;  /* index in the image */
    bool made;      /* by this process, in a migration */
} sfpm_restore_source_t;

typedef struct sfpm_restore_state {
    const sfpm_image_t *image;
    sfpm_restore_source_t *sources;
    size_t count;
    size_t capacity;
} sfpm_restore_state_t;

/* The regions that the image shows. To be freed also on failure. */
bool sfpm_state_of_image(sfpm_restore_state_t *state, const sfpm_image_t *image);
void sfpm_state_free(sfpm_restore_state_t *state);

/* Reads the first `size` bytes of a source into memory, verified, unless they are
 * there already. */
bool sfpm_state_load(sfpm_restore_state_t *state, size_t index, size_t size);

#endif
