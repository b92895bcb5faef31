/* SPDX-License-Identifier: MIT */
/*
 * Decodes a leaf, the second level of the index, and checks that its extents cover each
 * chunk once and lie in the file before the leaf.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "format/format.h"

size_t sfpm_span(uint64_t size, uint64_t start, size_t unit)
{
    uint64_t rest = size > start ? size - start : 0;
    return rest < unit ? (size_t)rest : unit;
}

void sfpm_leaf_free(sfpm_leaf_t *leaf)
{
    free(leaf->sums);
    free(leaf->extents);
    *leaf = (sfpm_leaf_t){0};
}

static void get_extent(const uint8_t *from, sfpm_extent_t *extent)
{
    extent->offset = sfpm_get_u64(from);
    extent->length = sfpm_get_u32(from + 8);
    extent->first = sfpm_get_u16(from + 12);
    extent->pages = sfpm_get_u16(from + 14);
    extent->kind = sfpm_get_u32(from + 16);
    extent->codec = sfpm_get_u32(from + 20);
}

/* A stored chunk covers just that chunk, and is never larger than storing it plain
 * would make it. */
static bool chunk_makes_sense(const sfpm_extent_t *extent, uint64_t start, uint64_t size)
{
    size_t span = sfpm_span(size, start, SFPM_CHUNK);
    return extent->first % SFPM_CHUNK_PAGES == 0 && extent->length > 0 &&
           extent->pages == (span + SFPM_PAGE - 1) / SFPM_PAGE &&
           extent->length <= span + SFPM_BOX_EXTRA;
}

/* Whether an extent is valid by itself, in a leaf over `size` bytes of the region and
 * stored in a file before `limit`: only bytes written before the leaf. */
static bool extent_makes_sense(const sfpm_extent_t *extent, uint64_t size, uint64_t limit)
{
    uint64_t start = (uint64_t)extent->first * SFPM_PAGE;
    uint64_t pages = (size + SFPM_PAGE - 1) / SFPM_PAGE;
    if (extent->pages == 0 || (uint64_t)extent->first + extent->pages > pages ||
        (extent->kind != SFPM_EXTENT_CHUNK && extent->codec != 0))
        return false;
    if (extent->kind == SFPM_EXTENT_BASE)
        return extent->offset == 0 && extent->length == 0;
    if (extent->offset < SFPM_HEADER_SIZE ||
        !sfpm_in_range(extent->offset, extent->length, limit))
        return false;
    if (extent->kind == SFPM_EXTENT_CHUNK)
        return chunk_makes_sense(extent, start, size);
    if (extent->length > size - start)
        return false;
    if (extent->kind == SFPM_EXTENT_PAGES)
        return extent->offset % SFPM_PAGE == 0 &&
               extent->length == (uint32_t)extent->pages * SFPM_PAGE;
    return extent->kind == SFPM_EXTENT_PIECE && extent->pages == 1 &&
           extent->length > 0 && extent->length < SFPM_PAGE;
}

static bool get_extents(const uint8_t *from, uint64_t size, uint64_t offset,
                        sfpm_leaf_t *leaf)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < leaf->num_extents; i++, from += SFPM_EXTENT_SIZE) {
        sfpm_extent_t *extent = &leaf->extents[i];
        get_extent(from, extent);
        if (extent->first < next || !extent_makes_sense(extent, size, offset))
            return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                                "extent %lu of the leaf at offset %llu is invalid",
                                (unsigned long)i, (unsigned long long)offset);
        next = (uint32_t)extent->first + extent->pages;
    }
    return true;
}

bool sfpm_leaf_decode_extents(const uint8_t *bytes, size_t length, uint64_t size,
                              uint64_t offset, sfpm_leaf_t *leaf)
{
    *leaf = (sfpm_leaf_t){0};
    uint64_t chunks = (size + SFPM_CHUNK - 1) / SFPM_CHUNK;
    if (length < 8 || sfpm_get_u32(bytes) != chunks ||
        sfpm_get_u32(bytes + 4) > SFPM_LEAF_PAGES ||
        length != 8 + chunks * 8 + (uint64_t)sfpm_get_u32(bytes + 4) * SFPM_EXTENT_SIZE)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                            "the leaf at offset %llu has invalid counts",
                            (unsigned long long)offset);
    leaf->num_chunks = (uint32_t)chunks;
    leaf->num_extents = sfpm_get_u32(bytes + 4);
    leaf->extents = SFPM_NEW_N(sfpm_extent_t, leaf->num_extents);
    if (leaf->extents &&
        get_extents(bytes + 8 + (size_t)leaf->num_chunks * 8, size, offset, leaf))
        return true;
    sfpm_leaf_free(leaf);
    return false;
}

bool sfpm_leaf_decode(const uint8_t *bytes, size_t length, uint64_t size, uint64_t offset,
                      sfpm_leaf_t *leaf)
{
    if (!sfpm_leaf_decode_extents(bytes, length, size, offset, leaf))
        return false;
    leaf->sums = SFPM_NEW_N(uint64_t, leaf->num_chunks);
    if (!leaf->sums) {
        sfpm_leaf_free(leaf);
        return false;
    }
    for (uint32_t i = 0; i < leaf->num_chunks; i++)
        leaf->sums[i] = sfpm_get_u64(bytes + 8 + (size_t)i * 8);
    return true;
}
