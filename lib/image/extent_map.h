/* SPDX-License-Identifier: MIT */
/* Where the contents of a region lie in its image, for mapping them instead of
 * reading them. */
#ifndef SFPM_IMAGE_EXTENT_MAP_H
#define SFPM_IMAGE_EXTENT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

/* Bytes of a region that lie together in the file. Between two runs all is zero. */
typedef struct sfpm_run {
    uint64_t position; /* in the region, at a page */
    uint64_t size;     /* whole pages; less than a page when only its start is stored */
    uint64_t offset;   /* in the image */
} sfpm_run_t;

typedef struct sfpm_places {
    sfpm_run_t *runs; /* by position */
    size_t count;
    size_t capacity;
} sfpm_places_t;

/* Finds the runs of the first `size` bytes of a region. *mappable becomes false, and
 * there are none, when some of them are compressed, encrypted, in a base image or not in
 * a file. Must be freed even on failure. */
bool sfpm_places_find(const sfpm_image_t *image, size_t index, uint64_t size,
                      sfpm_places_t *places, bool *mappable);
void sfpm_places_free(sfpm_places_t *places);

/* The number by which the system knows the image's file; false when it is in none. */
bool sfpm_places_inode(const sfpm_image_t *image, uint64_t *inode);

/* Maps whole pages of the image, private to this process and writable, over memory of
 * the caller. */
bool sfpm_places_map(const sfpm_image_t *image, uint64_t offset, void *to, size_t size);

/* Reads bytes of the image as they lie there, unverified. */
bool sfpm_places_read(const sfpm_image_t *image, uint64_t offset, void *to, size_t size);

/* Whether memory holds the first `size` bytes of a region, as far as whole chunks go:
 * compares checksums. */
bool sfpm_places_verify(const sfpm_image_t *image, size_t index, const uint8_t *bytes,
                        size_t size);

#endif
