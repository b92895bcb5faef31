/* SPDX-License-Identifier: MIT */
/* --add: copies files of the host into the files inside an image. */
#ifndef SFPM_BIN_ADDING_H
#define SFPM_BIN_ADDING_H

#include <stdbool.h>

#include <sfpm/memfs.h>

/* Adds what HOST[::GUEST] names: a file, or a directory and all that it holds; false after
 * printing why not. */
bool adding_copy(sfpm_memfs_t *memfs, const char *text);

#endif
