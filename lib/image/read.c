/* SPDX-License-Identifier: MIT */
/* Region contents: from leaves and extents to verified bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "codec/compress.h"
#include "image/image.h"

enum { STORED_MAX = SFPM_CHUNK + SFPM_BOX_EXTRA, CACHE_LINE = 64 };

void sfpm_reader_init(sfpm_reader_t *reader, const sfpm_image_t *image)
{
    *reader = (sfpm_reader_t){.image = image};
    reader->opener.keys = &image->keys;
    reader->opener.input = image->input;
}

void sfpm_reader_free(sfpm_reader_t *reader)
{
    if (reader->base)
        sfpm_reader_free(reader->base);
    free(reader->base);
    sfpm_opener_free(&reader->opener);
    sfpm_leaf_free(&reader->leaf);
    free(reader->window);
    free(reader->chunk);
    free(reader->stored);
    *reader = (sfpm_reader_t){0};
}

static bool need_memory(uint8_t **memory, size_t size)
{
    if (!*memory)
        *memory = sfpm_new_block(size);
    return *memory != NULL;
}

/* ---- extents ---- */

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
    if (extent->kind != SFPM_EXTENT_PAGES && extent->kind != SFPM_EXTENT_BASE)
        return true; /* never larger than a chunk, or one page */
    uint32_t from = extent->first > first ? extent->first : first;
    uint32_t to = end < first + count ? end : first + count;
    if (extent->kind == SFPM_EXTENT_PAGES) {
        extent->offset += (uint64_t)(from - extent->first) * SFPM_PAGE;
        extent->length = (to - from) * SFPM_PAGE;
    }
    extent->first = (uint16_t)from;
    extent->pages = (uint16_t)(to - from);
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

/* ---- chunks ---- */

static bool read_packed(sfpm_reader_t *reader, const sfpm_extent_t *extent, size_t size,
                        uint8_t *to)
{
    size_t length = extent->length;
    if (!need_memory(&reader->stored, STORED_MAX + CACHE_LINE))
        return false;
    /* As it lies in the file, for sfpm_new_block()'s reason. */
    uint8_t *stored = reader->stored + extent->offset % CACHE_LINE;
    if (!sfpm_input_read(reader->image->input, extent->offset, stored, length))
        return false;
    if (reader->image->keys.sealed &&
        !sfpm_box_open(&reader->opener, SFPM_BOX_CHUNK, extent->offset, stored, length,
                       stored, &length))
        return false;
    if (extent->codec != SFPM_CODEC_NONE)
        return sfpm_codec_available(extent->codec) &&
               sfpm_decompress(extent->codec, stored, length, to, size);
    if (length != size)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, extent->offset,
                            "the chunk at offset %llu has %zu bytes, not %zu",
                            (unsigned long long)extent->offset, length, size);
    sfpm_copy_contents(to, stored, size);
    return true;
}

/* Copies a run of pages from the base image; a page there may be cut short by the
 * region's end only where it is here. */
static bool read_from_base(sfpm_reader_t *reader, const sfpm_region_t *region,
                           const sfpm_extent_t *extent, uint64_t position, size_t size,
                           uint8_t *to)
{
    const sfpm_region_t *base = sfpm_reader_base_region(reader, region);
    size_t start = (size_t)(extent->first % SFPM_CHUNK_PAGES) * SFPM_PAGE;
    size_t end = start + (size_t)extent->pages * SFPM_PAGE;
    end = end < size ? end : size;
    if (!base)
        return false;
    if (!sfpm_in_range(position, end, base->size))
        return sfpm_fail(SFPM_ERR_CORRUPT, "region '%s' is smaller in the base image",
                         region->name);
    return sfpm_region_read(reader->base, base, position + start, to + start,
                            end - start);
}

static bool read_extent(sfpm_reader_t *reader, const sfpm_region_t *region,
                        const sfpm_extent_t *extent, uint64_t position, size_t size,
                        uint8_t *to)
{
    size_t start = (size_t)(extent->first % SFPM_CHUNK_PAGES) * SFPM_PAGE;
    if (extent->kind == SFPM_EXTENT_CHUNK)
        return read_packed(reader, extent, size, to);
    if (extent->kind == SFPM_EXTENT_BASE)
        return read_from_base(reader, region, extent, position, size, to);
    if (reader->image->keys.sealed)
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, extent->offset,
            "the bytes at offset %llu are not encrypted, unlike the rest of the image",
            (unsigned long long)extent->offset);
    return sfpm_input_read(reader->image->input, extent->offset, to + start,
                           extent->length);
}

/* Where the bytes that an extent stands for end within their chunk. */
static size_t filled_to(const sfpm_extent_t *extent, size_t size)
{
    size_t start = (size_t)(extent->first % SFPM_CHUNK_PAGES) * SFPM_PAGE;
    size_t end =
        start + (extent->kind == SFPM_EXTENT_PIECE ? extent->length
                                                   : (size_t)extent->pages * SFPM_PAGE);
    return end < size ? end : size;
}

static bool assemble(sfpm_reader_t *reader, const sfpm_region_t *region,
                     const sfpm_extent_t *cuts, size_t n, uint64_t position, size_t size,
                     uint8_t *to)
{
    size_t filled = 0;
    for (size_t i = 0; i < n; i++) {
        size_t start = (size_t)(cuts[i].first % SFPM_CHUNK_PAGES) * SFPM_PAGE;
        memset(to + filled, 0, start - filled);
        if (!read_extent(reader, region, &cuts[i], position, size, to))
            return sfpm_fail_prefix("region '%s'", region->name);
        filled = filled_to(&cuts[i], size);
    }
    memset(to + filled, 0, size - filled);
    return true;
}

/* Whether a chunk without extents has the sum of zeros: known, not computed, so that
 * large empty regions cost little, even in hostile images. */
static bool has_zero_sum(sfpm_reader_t *reader, uint64_t sum, size_t size)
{
    static const uint8_t zeros[SFPM_CHUNK];
    if (size < SFPM_CHUNK)
        return sum == sfpm_checksum(zeros, size, 0);
    if (reader->zero_sum == 0)
        reader->zero_sum = sfpm_checksum(zeros, size, 0);
    return sum == reader->zero_sum;
}

bool sfpm_chunk_read(sfpm_reader_t *reader, const sfpm_region_t *region,
                     uint64_t position, uint8_t *to)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    const sfpm_leaf_t *leaf =
        sfpm_reader_leaf(reader, region, (size_t)(position / SFPM_LEAF_BYTES));
    if (!leaf)
        return false;
    uint32_t chunk = (uint32_t)(position % SFPM_LEAF_BYTES >> SFPM_CHUNK_SHIFT);
    size_t size = sfpm_span(region->size, position, SFPM_CHUNK);
    size_t n = sfpm_chunk_extents(leaf, chunk, cuts);
    if (!assemble(reader, region, cuts, n, position, size, to))
        return false;
    if (n == 0 ? has_zero_sum(reader, leaf->sums[chunk], size)
               : sfpm_checksum(to, size, 0) == leaf->sums[chunk])
        return true;
    uint64_t place = n > 0 ? cuts[0].offset : 0;
    return sfpm_fail_at(SFPM_ERR_CHECKSUM, place,
                        "region '%s' is damaged at %llu (checksum mismatch, stored at "
                        "offset %llu)",
                        region->name, (unsigned long long)position,
                        (unsigned long long)place);
}

bool sfpm_region_read(sfpm_reader_t *reader, const sfpm_region_t *region, uint64_t offset,
                      uint8_t *to, uint64_t size)
{
    /* The system would copy to such a place as slowly as memcpy() does. */
    bool odd = (uintptr_t)to % CACHE_LINE != 0;
    if (size > 0 && !need_memory(&reader->chunk, SFPM_CHUNK))
        return false;
    while (size > 0) {
        uint64_t position = offset & ~(uint64_t)(SFPM_CHUNK - 1);
        size_t span = sfpm_span(region->size, position, SFPM_CHUNK);
        size_t skip = (size_t)(offset - position);
        size_t now = span - skip < size ? span - skip : (size_t)size;
        uint8_t *whole = to && !odd && now == span ? to : reader->chunk;
        if (!sfpm_chunk_read(reader, region, position, whole))
            return false;
        if (to && whole == reader->chunk)
            sfpm_copy_contents(to, reader->chunk + skip, now);
        sfpm_meter_add(reader->meter, now);
        to = to ? to + now : NULL;
        offset += now;
        size -= now;
    }
    return true;
}
