/* SPDX-License-Identifier: MIT */
/*
 * Images made by hand, record by record with right checksums, so that readers meet
 * contents which no writer leaves.
 */
#ifndef SFPM_TESTS_IMAGE_FORGE_H
#define SFPM_TESTS_IMAGE_FORGE_H

#include "base/error.h"
#include "common.h"
#include "image/image.h"

typedef struct forge {
    sfpm_buffer_t bytes;
    sfpm_trailer_t last; /* .offset 0: no commit yet */
    uint64_t begin;      /* of the commit in the making */
    uint64_t start;      /* of its first record */
} forge_t;

/* An image of a header and nothing else. */
void forge_start(forge_t *forge);
/* The same with incompatible features. */
void forge_start_with(forge_t *forge, uint64_t incompatible);
void forge_end(forge_t *forge);

/* Appends a record, padded; returns where it begins. */
uint64_t forge_record(forge_t *forge, uint32_t type, const void *payload, size_t length);
/* Appends bytes as they are. */
void forge_bytes(forge_t *forge, const void *bytes, size_t size);
/* Covers what follows the last trailer with a DEAD record. */
void forge_dead(forge_t *forge);
/* What the next commit's index and trailer should say; both may be changed. */
void forge_index(const forge_t *forge, sfpm_index_t *index);
sfpm_trailer_t forge_trailer(const forge_t *forge);
/* Appends index and trailer; both are filled in where they depend on places. */
void forge_finish(forge_t *forge, sfpm_index_t *index, sfpm_trailer_t *trailer);
/* A commit without regions. */
void forge_commit(forge_t *forge);
/* Opens what there is; NULL with the error set when that fails. */
sfpm_image_t *forge_open(const forge_t *forge, char *path);

#endif
