/* SPDX-License-Identifier: MIT */
/*
 * Finds the word that the user may have meant. For the umbrella command sfpm, which does
 * not link the library.
 */
#ifndef SFPM_BIN_SUGGEST_H
#define SFPM_BIN_SUGGEST_H

#include <stddef.h>

enum { SUGGEST_MAX = 40 }; /* longer words are not understood */

/* The search for the word that is nearest to what was written. All zero but `word`. */
typedef struct suggestion {
    const char *word;    /* as the user wrote it */
    const char *nearest; /* of the words looked at, or NULL if none is near */
    size_t distance;     /* from `word` to `nearest` */
} suggestion_t;

/* Looks at one more word, which outlives the suggestion. One that begins with what was
 * written is near; so is one that differs from it in a third of its letters at most. */
void suggest(suggestion_t *suggestion, const char *candidate);

#endif
