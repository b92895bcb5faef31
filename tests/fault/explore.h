/* SPDX-License-Identifier: MIT */
/* Everything that can be done with an image that somebody else has made. */
#ifndef SFPM_TESTS_EXPLORE_H
#define SFPM_TESTS_EXPLORE_H

#include "use.h"

/* Checks it, reads its commits and regions and, when told to, adds a commit to a copy.
 * Returns what is wrong with how the library behaves, NULL when nothing is; *sound
 * receives whether the checker accepted the image. */
const char *explore(const reader_t *reader, sfpm_image_t *image, bool edit, bool *sound);

#endif
