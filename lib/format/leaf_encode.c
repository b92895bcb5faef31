/* SPDX-License-Identifier: MIT */
/*
 * Encodes a leaf, the second level of the index, and computes a region's digest from the
 * checksums in its leaves.
 */
#include "base/bytes.h"
#include "format/format.h"

static void put_extent(uint8_t *to, const sfpm_extent_t *extent)
{
    sfpm_put_u64(to, extent->offset);
    sfpm_put_u32(to + 8, extent->length);
    sfpm_put_u16(to + 12, extent->first);
    sfpm_put_u16(to + 14, extent->pages);
    sfpm_put_u32(to + 16, extent->kind);
    sfpm_put_u32(to + 20, extent->codec);
}

bool sfpm_leaf_encode(const sfpm_leaf_t *leaf, sfpm_buffer_t *bytes)
{
    size_t size =
        8 + (size_t)leaf->num_chunks * 8 + (size_t)leaf->num_extents * SFPM_EXTENT_SIZE;
    uint8_t *to = sfpm_buffer_extend(bytes, size);
    if (!to)
        return false;
    sfpm_put_u32(to, leaf->num_chunks);
    sfpm_put_u32(to + 4, leaf->num_extents);
    to += 8;
    for (uint32_t i = 0; i < leaf->num_chunks; i++, to += 8)
        sfpm_put_u64(to, leaf->sums[i]);
    for (uint32_t i = 0; i < leaf->num_extents; i++, to += SFPM_EXTENT_SIZE)
        put_extent(to, &leaf->extents[i]);
    return true;
}

bool sfpm_leaf_digest(const uint64_t *sums, size_t count,
                      uint8_t digest[SFPM_DIGEST_SIZE])
{
    uint8_t bytes[SFPM_LEAF_CHUNKS * 8];
    for (size_t i = 0; i < count && i < SFPM_LEAF_CHUNKS; i++)
        sfpm_put_u64(bytes + i * 8, sums[i]);
    sfpm_digest(bytes, count * 8, digest);
    return true;
}
