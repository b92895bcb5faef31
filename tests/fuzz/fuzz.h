/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share. */
#ifndef SFPM_TESTS_FUZZ_H
#define SFPM_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

#include "../fault/mutate.h"

/* Called by libFuzzer, or by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);

/* Opens, checks and reads an image; now and then adds a commit to it. Ends the program
 * where the library breaks a promise. */
void fuzz_image(const uint8_t *bytes, size_t size);

/* Changes an image and makes its checksums right; or, seldom, does not. `change` does
 * something to the mutant, whose boxes are open. */
size_t fuzz_mutate(uint8_t *bytes, size_t size, size_t room, unsigned seed,
                   void (*change)(mutant_t *mutant));

/* Lets the fuzzer change the contents of one record. */
void fuzz_change_record(mutant_t *mutant);

/* What each commit of a delta says of its base image becomes true of `base`. */
void fuzz_rebase(uint8_t *delta, size_t size, const sfpm_image_t *base);

/* Lets the fuzzer change one stored chunk, compressed or not. */
void fuzz_change_chunk(mutant_t *mutant);

#endif
