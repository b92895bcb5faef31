/* SPDX-License-Identifier: MIT */
/*
 * Fills memory that holds zeros without touching what stays zero, so that the empty part
 * of a large region takes no memory.
 */
#ifndef SFPM_COMMIT_SPARSE_H
#define SFPM_COMMIT_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

/* sfpm_image_read() into zeros. As there, the contents mean nothing after a failure. */
bool sfpm_sparse_read(const sfpm_image_t *image, size_t index, uint64_t offset,
                      void *zeros, size_t size);

/* memcpy() into zeros; pages of `from` that were never touched stay so. */
void sfpm_sparse_copy(uint8_t *zeros, const uint8_t *from, size_t size);

#endif
