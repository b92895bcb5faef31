/* SPDX-License-Identifier: MIT */
/*
 * What binds a commit of a sealed image to the one before it in the file: a reserved
 * attribute, which only the stored index has. Commits of two forks that one key opens
 * thus cannot be mixed, and earlier commits not be taken away, unnoticed.
 */
#ifndef SFPM_IMAGE_BINDING_H
#define SFPM_IMAGE_BINDING_H

#include "io/input.h"
#include "format/format.h"

#define SFPM_BINDING_KEY "sfpm.previous"

enum { SFPM_BINDING_TEXT = 2 * SFPM_DIGEST_SIZE + 1 };

/* The value for the commit after that of `previous`; NULL: for the oldest commit. */
void sfpm_binding_text(const sfpm_trailer_t *previous, char text[SFPM_BINDING_TEXT]);

/* Takes the attribute out of an index just read, and sets `bound` if it was there. False,
 * with the error set, if it contradicts the log. */
bool sfpm_binding_take(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                       sfpm_index_t *index);

#endif
