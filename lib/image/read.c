/* SPDX-License-Identifier: MIT */
/* Region contents: from leaves and extents to verified bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "image/image.h"

enum { LEAF_MAX = 8 + SFPM_LEAF_CHUNKS * 8 + SFPM_LEAF_PAGES * SFPM_EXTENT_SIZE };

bool sfpm_leaf_zero(uint64_t size, sfpm_leaf_t *leaf)
{
    static const uint8_t zeros[SFPM_CHUNK];
    *leaf = (sfpm_leaf_t){.num_chunks = (uint32_t)((size + SFPM_CHUNK - 1) / SFPM_CHUNK)};
    leaf->sums = SFPM_NEW_N(uint64_t, leaf->num_chunks);
    leaf->extents = SFPM_NEW_N(sfpm_extent_t, 0);
    if (!leaf->sums || !leaf->extents) {
        sfpm_leaf_free(leaf);
        return false;
    }
    uint64_t full = size >= SFPM_CHUNK ? sfpm_checksum(zeros, SFPM_CHUNK, 0) : 0;
    for (uint32_t i = 0; i < leaf->num_chunks; i++) {
        size_t span = sfpm_span(size, (uint64_t)i * SFPM_CHUNK, SFPM_CHUNK);
        leaf->sums[i] = span == SFPM_CHUNK ? full : sfpm_checksum(zeros, span, 0);
    }
    return true;
}

static bool load_stored(const sfpm_input_t *input, const sfpm_leaf_ref_t *ref,
                        uint64_t size, sfpm_leaf_t *leaf)
{
    sfpm_record_t record;
    uint8_t *payload;
    if (!sfpm_record_load(input, ref->offset, SFPM_RECORD_LEAF, LEAF_MAX, &record,
                          &payload))
        return false;
    bool good = record.sum == ref->sum;
    if (!good)
        sfpm_fail_at(SFPM_ERR_CORRUPT, ref->offset,
                     "the leaf at offset %llu is not the one that the index names",
                     (unsigned long long)ref->offset);
    good =
        good && sfpm_leaf_decode(payload, (size_t)record.length, size, ref->offset, leaf);
    free(payload);
    return good;
}

bool sfpm_leaf_load(const sfpm_input_t *input, const sfpm_region_t *region, size_t which,
                    sfpm_leaf_t *leaf)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    size_t size =
        sfpm_span(region->size, (uint64_t)which * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES);
    uint8_t digest[SFPM_DIGEST_SIZE];
    bool good =
        ref->offset ? load_stored(input, ref, size, leaf) : sfpm_leaf_zero(size, leaf);
    if (!good)
        return sfpm_fail_prefix("region '%s'", region->name);
    sfpm_leaf_digest(leaf->sums, leaf->num_chunks, digest);
    if (memcmp(digest, ref->digest, SFPM_DIGEST_SIZE) == 0)
        return true;
    sfpm_leaf_free(leaf);
    return sfpm_fail_at(
        SFPM_ERR_CORRUPT, ref->offset,
        "region '%s': the leaf at offset %llu has another digest than the "
        "index says",
        region->name, (unsigned long long)ref->offset);
}

/* Index of the first extent that ends behind page `page`. */
static uint32_t first_extent(const sfpm_leaf_t *leaf, uint32_t page)
{
    uint32_t low = 0, high = leaf->num_extents;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const sfpm_extent_t *extent = &leaf->extents[middle];
        if ((uint32_t)extent->first + extent->pages <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sfpm_extent_cut(sfpm_extent_t *extent, uint32_t first, uint32_t count)
{
    uint32_t end = (uint32_t)extent->first + extent->pages;
    if (end <= first || extent->first >= first + count)
        return false;
    if (extent->kind != SFPM_EXTENT_PAGES)
        return true; /* a piece is one page */
    uint32_t from = extent->first > first ? extent->first : first;
    uint32_t to = end < first + count ? end : first + count;
    extent->offset += (uint64_t)(from - extent->first) * SFPM_PAGE;
    extent->first = (uint16_t)from;
    extent->pages = (uint16_t)(to - from);
    extent->length = (to - from) * SFPM_PAGE;
    return true;
}

size_t sfpm_chunk_extents(const sfpm_leaf_t *leaf, uint32_t chunk,
                          sfpm_extent_t cuts[SFPM_CHUNK_PAGES])
{
    uint32_t page = chunk * SFPM_CHUNK_PAGES;
    size_t n = 0;
    for (uint32_t i = first_extent(leaf, page); i < leaf->num_extents; i++) {
        /* Sixteen pieces fill `cuts`; the extent behind them has no place in it. */
        sfpm_extent_t cut = leaf->extents[i];
        if (!sfpm_extent_cut(&cut, page, SFPM_CHUNK_PAGES))
            break;
        cuts[n++] = cut;
    }
    return n;
}

bool sfpm_chunk_read(const sfpm_input_t *input, const sfpm_leaf_t *leaf, uint32_t chunk,
                     size_t size, const sfpm_region_t *region, uint64_t position,
                     uint8_t *to)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    size_t n = sfpm_chunk_extents(leaf, chunk, cuts);
    size_t filled = 0;
    for (size_t i = 0; i < n; i++) {
        size_t start = (size_t)(cuts[i].first - chunk * SFPM_CHUNK_PAGES) * SFPM_PAGE;
        memset(to + filled, 0, start - filled);
        if (!sfpm_input_read(input, cuts[i].offset, to + start, cuts[i].length))
            return sfpm_fail_prefix("region '%s'", region->name);
        filled = start + cuts[i].length;
    }
    memset(to + filled, 0, size - filled);
    if (sfpm_checksum(to, size, 0) == leaf->sums[chunk])
        return true;
    uint64_t place = n > 0 ? cuts[0].offset : SFPM_NO_OFFSET;
    return sfpm_fail_at(SFPM_ERR_CHECKSUM, place,
                        "region '%s' is damaged at %llu (checksum mismatch, stored at "
                        "offset %llu)",
                        region->name, (unsigned long long)position,
                        (unsigned long long)(n > 0 ? place : 0));
}

/* The part of a region's range that falls into one leaf; all of it in chunks. */
static bool read_in_leaf(const sfpm_input_t *input, const sfpm_region_t *region,
                         size_t which, uint64_t offset, uint8_t *to, size_t size,
                         uint8_t *scratch)
{
    sfpm_leaf_t leaf;
    uint64_t base = (uint64_t)which * SFPM_LEAF_BYTES;
    if (!sfpm_leaf_load(input, region, which, &leaf))
        return false;
    bool good = true;
    while (good && size > 0) {
        uint64_t position = offset & ~(uint64_t)(SFPM_CHUNK - 1);
        uint32_t chunk = (uint32_t)((position - base) >> SFPM_CHUNK_SHIFT);
        size_t span = sfpm_span(region->size, position, SFPM_CHUNK);
        size_t skip = (size_t)(offset - position);
        size_t now = span - skip < size ? span - skip : size;
        uint8_t *whole = to && now == span ? to : scratch;
        good = sfpm_chunk_read(input, &leaf, chunk, span, region, position, whole);
        if (good && to && whole == scratch)
            memcpy(to, scratch + skip, now);
        to = to ? to + now : NULL;
        offset += now;
        size -= now;
    }
    sfpm_leaf_free(&leaf);
    return good;
}

bool sfpm_region_read(const sfpm_input_t *input, const sfpm_region_t *region,
                      uint64_t offset, uint8_t *to, uint64_t size)
{
    uint8_t *scratch = SFPM_NEW_N(uint8_t, SFPM_CHUNK);
    bool good = scratch != NULL;
    while (good && size > 0) {
        size_t which = (size_t)(offset / SFPM_LEAF_BYTES);
        size_t room = SFPM_LEAF_BYTES - (size_t)(offset % SFPM_LEAF_BYTES);
        size_t now = size < room ? (size_t)size : room;
        good = read_in_leaf(input, region, which, offset, to, now, scratch);
        to = to ? to + now : NULL;
        offset += now;
        size -= now;
    }
    free(scratch);
    return good;
}
