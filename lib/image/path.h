/* SPDX-License-Identifier: MIT */
/* What other parts ask of an opened image: where it came from, and whether a region of it
 * is sound. */
#ifndef SFPM_IMAGE_PATH_H
#define SFPM_IMAGE_PATH_H

#include <sfpm/image.h>

/* The file that an image was opened from by its path; NULL: there is none. */
const char *sfpm_image_path(const sfpm_image_t *image);

/* Reads and verifies a whole region of the commit shown without keeping it. */
bool sfpm_image_check_region(const sfpm_image_t *image, size_t index);

#endif
