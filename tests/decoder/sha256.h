/* SPDX-License-Identifier: MIT */
/* SHA-256: sums of contents that have nothing to do with the library's own. */
#ifndef SFPM_TESTS_SHA256_H
#define SFPM_TESTS_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
} sha256_t;

void sha256_start(sha256_t *sum);
void sha256_add(sha256_t *sum, const uint8_t *bytes, size_t size);
void sha256_end(sha256_t *sum, uint8_t result[32]);

#endif
