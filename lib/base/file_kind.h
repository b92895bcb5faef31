/* SPDX-License-Identifier: MIT */
/*
 * Recognises the kind of a file that was given by mistake, so that messages can name it.
 */
#ifndef SFPM_BASE_FILE_KIND_H
#define SFPM_BASE_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names the kind of a file by its first bytes, such as "gzip data"; 64 of them are enough.
 * Gives NULL if they are of no kind known here. */
const char *sfpm_file_kind(const uint8_t *bytes, size_t size);

/* Whether the first bytes of a file are text, in ASCII or UTF-8. */
bool sfpm_is_text(const uint8_t *bytes, size_t size);

#endif
