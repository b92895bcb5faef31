/* SPDX-License-Identifier: MIT */
/* What the suites of the snapshot layer share: memory that is filled, images of version
 * 1, and a log that is kept. */
#ifndef SFPM_TESTS_SNAPSHOT_COMMON_H
#define SFPM_TESTS_SNAPSHOT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/sfpm.h>

#include "common.h"

/* Whether the file holds these bytes somewhere. */
bool file_contains(const char *path, const void *bytes, size_t size);

/* Fills memory with bytes that differ from one seed to another. */
void fill(void *memory, size_t size, unsigned seed);

/* Registers a region, which must work. */
void add(sfpm_snapshot_t *snapshot, const char *name, void *base, size_t size);
void add_flags(sfpm_snapshot_t *snapshot, const char *name, void *base, size_t size,
               uint32_t flags);

/* A snapshot of one region, to be destroyed. */
sfpm_snapshot_t *snapshot_of(const char *name, void *base, size_t size);

/* Writes an image of the original layout with these regions. */
void write_version_1(const char *path, const char *description,
                     const sfpm_memory_region_t *regions, size_t count);

/* The log's lines, one after the other, each with a newline. */
typedef struct log_text {
    char text[8192];
    size_t warnings;
} log_text_t;

void keep_log(void *context, sfpm_log_level_t level, const char *text);

/* Asserts that the call fails with the status, and that the message holds the
 * text. */
#define ck_assert_fails(call, wanted, part)                                              \
    do {                                                                                 \
        ck_assert(!(call));                                                              \
        ck_assert_msg(sfpm_last_status() == (wanted), "status %d: %s",                   \
                      (int)sfpm_last_status(), sfpm_last_error());                       \
        ck_assert_msg(strstr(sfpm_last_error(), part) != NULL, "no '%s' in: %s", part,   \
                      sfpm_last_error());                                                \
    } while (0)

#endif
