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

enum { MUTANT_RECORDS = 128, MUTANT_BOXES = 256, MUTANT_SLACK = 4096 };

/* A record of the image, as it was before anything was changed. */
typedef struct place {
    uint32_t type;
    size_t offset;  /* of the record */
    size_t payload; /* of its payload */
    size_t length;  /* of that */
} place_t;

/* An encrypted part of the image that is open: its contents lie behind its two
 * numbers, and where its tag belongs means nothing. */
typedef struct box {
    uint32_t kind; /* SFPM_BOX_… */
    size_t offset;
    size_t length;
} box_t;

typedef struct mutant {
    uint8_t *bytes; /* owned; room for MUTANT_SLACK more */
    size_t size;
    size_t num_places;
    place_t places[MUTANT_RECORDS];
    size_t num_boxes; /* of images that sample_key opens */
    box_t boxes[MUTANT_BOXES];
    bool exact;      /* sealing leaves no checksum as it was */
    uint64_t random; /* state of the generator */
} mutant_t;

/* Copies an image; false without memory. The same seed gives the same mutant. */
bool mutant_start(mutant_t *mutant, const uint8_t *bytes, size_t size, uint64_t seed);
void mutant_end(mutant_t *mutant);

/* One to three changes; then all checksums, but now and then one, are made right. */
void mutant_change(mutant_t *mutant);

/* Only the first half of that. */
void mutant_change_some(mutant_t *mutant);

/* Only the second half of that. To be done once: what was open is closed then. */
void mutant_seal(mutant_t *mutant);

/* The contents of a leaf or an index, wherever they lie in its payload. */
uint8_t *mutant_contents(const mutant_t *mutant, const place_t *place, size_t *length);

uint64_t mutant_random(mutant_t *mutant, uint64_t below);

/* ---- what the files that make a mutant share ---- */

/* Opens all boxes; makes those of one kind again. */
void mutant_open(mutant_t *mutant);
void mutant_make_boxes(mutant_t *mutant, uint32_t kind);
/* Whether a leaf's contents may be walked. */
bool mutant_leaf_is_sane(const uint8_t *leaf, size_t length);

#endif
