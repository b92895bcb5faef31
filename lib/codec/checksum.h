/* SPDX-License-Identifier: MIT */
/*
 * The checksums of the format: XXH3 with 64 and 128 bits. They find accidents;
 * they do not authenticate.
 */
#ifndef SFPM_CODEC_CHECKSUM_H
#define SFPM_CODEC_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define SFPM_DIGEST_SIZE 16

/* XXH3-64 with a seed; seed 0 is plain XXH3-64. */
uint64_t sfpm_checksum(const void *bytes, size_t size, uint64_t seed);

/* XXH3-128 in its canonical (big-endian) byte order, as xxh128sum prints it. */
void sfpm_digest(const void *bytes, size_t size, uint8_t digest[SFPM_DIGEST_SIZE]);

/* XXH3-64 over bytes that come in pieces. */
typedef struct sfpm_running_checksum sfpm_running_checksum_t;
sfpm_running_checksum_t *sfpm_running_checksum_create(void);
void sfpm_running_checksum_add(sfpm_running_checksum_t *sum, const void *bytes,
                               size_t size);
uint64_t sfpm_running_checksum_value(const sfpm_running_checksum_t *sum);
void sfpm_running_checksum_destroy(sfpm_running_checksum_t *sum);

#endif
