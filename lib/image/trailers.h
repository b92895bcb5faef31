/* SPDX-License-Identifier: MIT */
/* Lists of commits, by their trailers: those of a whole file, or as many as are wanted. */
#ifndef SFPM_IMAGE_TRAILERS_H
#define SFPM_IMAGE_TRAILERS_H

#include "image/log.h"

/* All zero is an empty list. */
typedef struct sfpm_trailers {
    sfpm_trailer_t *list;
    size_t count;
    size_t capacity;
} sfpm_trailers_t;

bool sfpm_trailers_add(sfpm_trailers_t *trailers, const sfpm_trailer_t *trailer);
void sfpm_trailers_free(sfpm_trailers_t *trailers);

/* Follows the chain back from the last trailer of the list, and adds each that it meets,
 * up to that of commit `number`, or to the oldest one. */
bool sfpm_trailers_extend(sfpm_trailers_t *trailers, const sfpm_input_t *input,
                          uint64_t number);

/* The commits of a file that were met, so that the chain is followed once only. */
typedef struct sfpm_history {
    sfpm_trailers_t older; /* newest first, from the commit that was last at first */
    sfpm_trailers_t newer; /* those after it, oldest first */
} sfpm_history_t;

/* Notes that `last` is now the last commit of the file. */
bool sfpm_history_grow(sfpm_history_t *history, const sfpm_trailer_t *last);

/* The trailer of a commit, at least the oldest and at most the last one; it lives until
 * the next call. NULL on failure. */
const sfpm_trailer_t *sfpm_history_find(sfpm_history_t *history,
                                        const sfpm_input_t *input, uint64_t number);
void sfpm_history_free(sfpm_history_t *history);

#endif
