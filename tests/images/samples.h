/* SPDX-License-Identifier: MIT */
/*
 * Small images of all kinds, made on demand and always the same to the byte. The
 * README beside this file says what each of them is. With a good one comes what
 * its commits hold, as its maker knows it, so that readers can be held to it.
 */
#ifndef SFPM_TESTS_SAMPLES_H
#define SFPM_TESTS_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>

enum { SAMPLE_REGIONS = 12, SAMPLE_COMMITS = 12 };

typedef struct sample_region {
    char name[16];
    uint8_t *bytes;
    size_t size;
} sample_region_t;

/* What one commit holds, and where it ends in the file. */
typedef struct sample_state {
    size_t end;
    size_t num_regions;
    sample_region_t regions[SAMPLE_REGIONS];
} sample_state_t;

typedef struct sample {
    const char *name;       /* good-…, bad-… or unsupported-… */
    sfpm_status_t expected; /* of opening or checking it; SFPM_OK when good */
    bool version1;
    uint8_t *bytes;
    size_t size;
    uint8_t *base; /* of a delta: its base image; NULL otherwise */
    size_t base_size;
    size_t num_states; /* of good ones: commit N is states[N - 1] */
    sample_state_t states[SAMPLE_COMMITS];
} sample_t;

/* What opens the sealed ones. */
extern const uint8_t sample_key[32];

/* Where the base image of the delta made last lies; NULL when that was no delta. */
extern const char *sample_base;
/* Puts other bytes there. */
void sample_put_base(const uint8_t *bytes, size_t size);

size_t num_samples(void);

/* Makes a sample in a temporary directory. A failure ends the program with status
 * 99, as a broken test does. */
void sample_make(size_t which, sample_t *sample);
void sample_free(sample_t *sample);

#endif
