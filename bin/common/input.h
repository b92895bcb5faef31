/* SPDX-License-Identifier: MIT */
/* Files of text that a tool reads whole: programs and edits. */
#ifndef SFPM_BIN_INPUT_H
#define SFPM_BIN_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a whole file; a zero byte is added after it.
 * path:  NULL for standard input
 * limit: bytes it may have
 * text:  receives it; the caller frees it
 * Returns false after printing why not. */
bool input_read(const char *path, size_t limit, char **text, size_t *size);

#endif
