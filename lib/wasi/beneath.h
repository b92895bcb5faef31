/* SPDX-License-Identifier: MIT */
/*
 * Finding files of the host beneath an open directory: whatever paths and links say, and
 * whatever other processes rename meanwhile, nothing outside it is opened.
 */
#ifndef SFPM_WASI_BENEATH_H
#define SFPM_WASI_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wasi/abi.h"

/* Where a path leads: a name in an open directory. The name is never a link that is to be
 * followed. "." means the directory itself. */
typedef struct sfpm_beneath {
    int directory; /* to be closed */
    bool owned;    /* by the place, rather than being the root */
    bool slash;    /* the path ended with one: it means a directory */
    char *name;
    size_t depth;  /* of the directory below the root */
} sfpm_beneath_t;

/* Follows a path; a link at its end only with `follow`, or before a slash. */
sfpm_wasi_errno_t sfpm_beneath_find(int root, const char *path, bool follow,
                                    sfpm_beneath_t *place);
void sfpm_beneath_free(sfpm_beneath_t *place);

/* Opens a path with flags of open(2). `by_hand` says, and keeps, whether the kernel lacks
 * openat2(2). */
sfpm_wasi_errno_t sfpm_beneath_open(int root, const char *path, bool follow, int flags,
                                    mode_t mode, bool *by_hand, int *fd);

/* Whether the target of a link that lies so deep stays beneath the root. */
bool sfpm_beneath_stays(const char *target, size_t length, size_t depth);

#endif
