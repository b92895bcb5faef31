/* SPDX-License-Identifier: MIT */
/*
 * A file that appears whole or not at all: written under a temporary name
 * beside its place, then renamed.
 */
#ifndef SFPM_IO_ATOMIC_H
#define SFPM_IO_ATOMIC_H

#include <stdbool.h>
#include <sys/stat.h>

#include "io/output.h"
#include "io/place.h"
#include "io/temporary.h"

typedef struct sfpm_atomic {
    sfpm_place_t place;
    int fd;          /* the new file, or -1 */
    int lock_fd;     /* keeps the new file locked once fd is closed, or -1 */
    int old_fd;      /* the file to be replaced, locked, or -1 */
    struct stat old; /* what it was, when there is one */
    char temporary[SFPM_TEMPORARY_MAX]; /* "" when there is none */
    sfpm_output_temporary_t tell;       /* receives that name, or NULL */
    void *context;
} sfpm_atomic_t;

#define SFPM_NO_ATOMIC                                                                   \
    ((sfpm_atomic_t){.place = {.directory = -1}, .fd = -1, .lock_fd = -1, .old_fd = -1})

/* Starts a new file for `path`, which leads to a regular file if `replaces`, else
 * to nothing. On failure nothing is left behind. */
bool sfpm_atomic_begin(sfpm_atomic_t *file, const char *path, bool replaces,
                       const sfpm_output_options_t *options);

/* Syncs the new file and gives it its name. sfpm_atomic_end() does the rest, even after a
 * failure. */
bool sfpm_atomic_commit(sfpm_atomic_t *file, const char *path);

/* Closes everything; a file that did not get its name is removed. */
void sfpm_atomic_end(sfpm_atomic_t *file);

#endif
