/* SPDX-License-Identifier: MIT */
/* Makes the nonce of each encrypted part, and what is authenticated with it. */
#include "image/nonce.h"

#include <string.h>

#include "base/bytes.h"

void sfpm_box_nonce(const sfpm_keys_t *keys, const uint8_t *prefix, uint32_t kind,
                 uint64_t offset, uint8_t bound[SFPM_BOUND_SIZE],
                 uint8_t nonce[SFPM_NONCE_SIZE])
{
    memcpy(bound, keys->header, SFPM_HEADER_SIZE);
    memcpy(bound + SFPM_HEADER_SIZE, prefix, SFPM_BOX_PREFIX);
    sfpm_put_u64(bound + SFPM_HEADER_SIZE + SFPM_BOX_PREFIX, offset);
    memcpy(nonce, prefix + 8, 8);
    sfpm_put_u32(nonce + 8, kind);
}
