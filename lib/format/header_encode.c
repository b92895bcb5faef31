/* SPDX-License-Identifier: MIT */
/* Encodes the header of an image. */
#include <string.h>

#include "base/bytes.h"
#include "format/format.h"

void sfpm_header_encode(const sfpm_header_t *header, uint8_t bytes[SFPM_HEADER_SIZE])
{
    memset(bytes, 0, SFPM_HEADER_SIZE);
    memcpy(bytes, SFPM_MAGIC, SFPM_MAGIC_SIZE);
    sfpm_put_u32(bytes + 8, SFPM_FORMAT_VERSION);
    sfpm_put_u32(bytes + 12, SFPM_HEADER_SIZE);
    sfpm_put_u64(bytes + 16, header->compatible);
    sfpm_put_u64(bytes + 24, header->incompatible);
    bytes[32] = SFPM_PAGE_SHIFT;
    bytes[33] = SFPM_CHUNK_SHIFT;
    bytes[34] = SFPM_LEAF_SHIFT;
    sfpm_put_u64(bytes + 56, sfpm_checksum(bytes, 56, 0));
}
