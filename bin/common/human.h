/* SPDX-License-Identifier: MIT */
/* Sizes, times and durations as people read them. */
#ifndef SFPM_BIN_HUMAN_H
#define SFPM_BIN_HUMAN_H

#include <stdint.h>

enum { HUMAN_TEXT = 40 }; /* room for each of the texts */

/* "512 bytes", "4.1 KiB", "37 MiB". Returns `text`. */
const char *human_size(uint64_t bytes, char text[HUMAN_TEXT]);

/* How long before `now` that was, both in seconds since 1970, in git's words: "5 minutes
 * ago", "1 year, 2 months ago", "in the future". Returns `text`. */
const char *human_age(int64_t seconds, int64_t now, char text[HUMAN_TEXT]);

/* A duration: "4 s", "3 min 20 s", "2 h 5 min". Returns `text`. */
const char *human_duration(uint64_t seconds, char text[HUMAN_TEXT]);

#endif
