/* SPDX-License-Identifier: MIT */
/* Where an opened image came from, for those who write the next commit there. */
#ifndef SFPM_IMAGE_PATH_H
#define SFPM_IMAGE_PATH_H

#include <sfpm/image.h>

/* The file that an image was opened from by its path; NULL: there is none. */
const char *sfpm_image_path(const sfpm_image_t *image);

#endif
