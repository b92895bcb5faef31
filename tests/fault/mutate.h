/* SPDX-License-Identifier: MIT */
/*
 * Changes what an image says and makes its checksums and digests right again, so
 * that readers meet contents which no accident produces and no writer writes.
 */
#ifndef SFPM_TESTS_MUTATE_H
#define SFPM_TESTS_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MUTANT_RECORDS = 128, MUTANT_SLACK = 4096 };

/* A record of the image, as it was before anything was changed. */
typedef struct place {
    uint32_t type;
    size_t offset;  /* of the record */
    size_t payload; /* of its payload */
    size_t length;  /* of that */
} place_t;

typedef struct mutant {
    uint8_t *bytes; /* owned; room for MUTANT_SLACK more */
    size_t size;
    size_t num_places;
    place_t places[MUTANT_RECORDS];
    uint64_t random; /* state of the generator */
} mutant_t;

/* Copies an image; false without memory. The same seed gives the same mutant. */
bool mutant_start(mutant_t *mutant, const uint8_t *bytes, size_t size, uint64_t seed);
void mutant_end(mutant_t *mutant);

/* One to three changes; then all checksums, but now and then one, are made right. */
void mutant_change(mutant_t *mutant);

/* Only the second half of that. */
void mutant_seal(mutant_t *mutant);

uint64_t mutant_random(mutant_t *mutant, uint64_t below);

#endif
