/* SPDX-License-Identifier: MIT */
/*
 * What a fault test does with an image that may be damaged: opens it from memory,
 * uses all of it, and holds what comes out against what the sample's maker knows.
 */
#ifndef SFPM_TESTS_USE_H
#define SFPM_TESTS_USE_H

#include <sfpm/image.h>

#include "../images/samples.h"

/* How an image is opened and checked; controls put something worse here. */
typedef struct reader {
    sfpm_image_t *(*open)(const uint8_t *bytes, size_t size);
    bool (*check)(sfpm_image_t *image);
} reader_t;

extern const reader_t honest_reader;

sfpm_image_t *open_bytes(const uint8_t *bytes, size_t size);
bool check_fully(sfpm_image_t *image);

/* Whether a status is one that a damaged or hostile image may be refused with. */
bool refusal(sfpm_status_t status);

enum outcome { AS_WRITTEN, REFUSED, WRONG };

/* Reads every region of the commit shown: all as the state says, or refused with a
 * sensible status; anything else is WRONG. */
enum outcome use_all(sfpm_image_t *image, const sample_state_t *state);

/* Room for so many bytes, kept for the next time: a test that reads a million
 * regions should not spend its time on getting memory from the system. */
uint8_t *room(size_t size);

#endif
