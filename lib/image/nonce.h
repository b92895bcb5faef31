/* SPDX-License-Identifier: MIT */
/* The nonce of an encrypted part. */
#ifndef SFPM_IMAGE_NONCE_H
#define SFPM_IMAGE_NONCE_H

#include "image/seal.h"

/* What is authenticated with a part: the header, the part's prefix, its offset. */
enum { SFPM_BOUND_SIZE = SFPM_HEADER_SIZE + SFPM_BOX_PREFIX + 8 };

/* The nonce is the counter in the part's prefix and its kind: no two parts of a commit,
 * which has a key of its own, have the same. */
void sfpm_box_nonce(const sfpm_keys_t *keys, const uint8_t *prefix, uint32_t kind,
                    uint64_t offset, uint8_t bound[SFPM_BOUND_SIZE],
                    uint8_t nonce[SFPM_NONCE_SIZE]);

#endif
