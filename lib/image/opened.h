/* SPDX-License-Identifier: MIT */
/* What other parts of the library need of an opened image, in addition to <sfpm/image.h>.
 */
#ifndef SFPM_IMAGE_OPENED_H
#define SFPM_IMAGE_OPENED_H

#include <sfpm/image.h>

/* The file that an image was opened from by its path; NULL: there is none. */
const char *sfpm_image_path(const sfpm_image_t *image);

/* Reads and verifies a whole region of the commit shown without keeping it. */
bool sfpm_image_check_region(const sfpm_image_t *image, size_t index);

#endif
