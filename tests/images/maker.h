/* SPDX-License-Identifier: MIT */
/* How samples are made: commit by commit, in a file of a temporary directory. */
#ifndef SFPM_TESTS_MAKER_H
#define SFPM_TESTS_MAKER_H

#include <sfpm/image.h>

#include "samples.h"

/* A sample in the making: its file, and what the next commit shall hold. */
typedef struct maker {
    sample_t *sample;
    sample_state_t now;
    const char *compression; /* of all commits, or NULL */
    bool sealed;             /* encrypted with sample_key */
    char directory[40];
    char path[60];
    char base_path[60]; /* of a delta; "" otherwise */
} maker_t;

/* Ends the program with status 99 unless `good`. */
void need(bool good, const maker_t *maker, const char *what);

/* The region of that name in the next commit, made or resized. */
sample_region_t *region(maker_t *maker, const char *name, size_t size);
/* `count` bytes at `offset`, none of them zero, different for each `kind`. */
void fill(sample_region_t *to, size_t offset, size_t count, unsigned kind);
void free_state(sample_state_t *state);
size_t file_size(const maker_t *maker);

/* Writes the next commit; `prepare`, when given, adds texts to it. */
void commit_with(maker_t *maker, void (*prepare)(sfpm_edit_t *));
void commit(maker_t *maker);
/* Goes back; `state` is the number of the commit whose state that must be. */
void undo(maker_t *maker, size_t state);
/* A commit that was interrupted: its last `missing` bytes never reached the file. */
void interrupted_commit(maker_t *maker, size_t missing);
/* What was committed so far becomes the base image of what comes. */
void begin_delta(maker_t *maker);

/* Takes a file away: its bytes are the caller's, free(). */
uint8_t *take_file(const maker_t *maker, const char *path, size_t *size);
void put_file(const maker_t *maker, const uint8_t *bytes, size_t size);
/* Encrypts an image again under salts that are the same each time. */
void fix_salts(maker_t *maker, uint8_t *bytes, size_t size);

#endif
