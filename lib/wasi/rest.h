/* SPDX-License-Identifier: MIT */
/* What is left of a path while it is followed name by name, links included. */
#ifndef SFPM_WASI_REST_H
#define SFPM_WASI_REST_H

#include <stdbool.h>
#include <stddef.h>

#include "wasi/abi.h"

typedef struct sfpm_wasi_rest {
    char *text; /* owned */
    size_t at;  /* in it */
    int links;  /* followed so far */
} sfpm_wasi_rest_t;

/* A path that is not absolute; end with free(rest->text), also after a failure. */
sfpm_wasi_errno_t sfpm_rest_begin(sfpm_wasi_rest_t *rest, const char *path);

/* Takes the next name, and gives its length, 0 at the end. A name of more than `most`
 * bytes is not copied. `slash`: one is behind it. */
size_t sfpm_rest_next(sfpm_wasi_rest_t *rest, char *name, size_t most, bool *slash);

/* Whether the name taken is the last one. */
bool sfpm_rest_is_last(const sfpm_wasi_rest_t *rest);

/* Puts the target of a link in the place of its name, which was taken; slashes behind the
 * last name are dropped. */
sfpm_wasi_errno_t sfpm_rest_expand(sfpm_wasi_rest_t *rest, const char *target,
                                   size_t length);

/* A copy of a path without the slashes at its end, to be freed; NULL when there is no
 * memory. `slash`: there were some. */
char *sfpm_rest_trimmed(const char *path, bool *slash);

#endif
