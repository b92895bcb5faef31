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

/* Which chunk of its leaf begins at a place of a region. */
static uint32_t chunk_number(uint64_t position)
{
    return (uint32_t)(position % SFPM_LEAF_BYTES >> SFPM_CHUNK_SHIFT);
}

/* A chunk that is put together, from as many images as hold pages of it. */
typedef struct chunk {
    uint64_t position; /* in its region */
    size_t size;
    uint8_t *to;
    bool zeroed; /* `to` holds zeros */
} chunk_t;

/* The bytes of `count` pages of the chunk from `first` on. */
static size_t pages_size(const chunk_t *chunk, uint32_t first, uint32_t count)
{
    return sfpm_span(chunk->size, (size_t)first * SFPM_PAGE, (size_t)count * SFPM_PAGE);
}

/* `count` bits from `first` on: pages of a chunk. */
static uint32_t page_bits(uint32_t first, uint32_t count)
{
    return ((UINT32_C(1) << count) - 1) << first;
}

/* Cuts the first run off the pages; there must be one. */
static void next_run(uint32_t *pages, uint32_t *first, uint32_t *count)
{
    for (*first = 0; !(*pages >> *first & 1); ++*first)
        ;
    for (*count = 1; *pages >> *first >> *count & 1; ++*count)
        ;
    *pages &= ~page_bits(*first, *count);
}

static void zero_pages(const chunk_t *chunk, uint32_t pages)
{
    uint32_t first, count;
    while (pages != 0) {
        next_run(&pages, &first, &count);
        memset(chunk->to + (size_t)first * SFPM_PAGE, 0, pages_size(chunk, first, count));
    }
}

/* The pages of a packed chunk. That of a base image may have another size, and other
 * pages that are not wanted. */
static bool fill_from_packed(sfpm_reader_t *reader, const sfpm_region_t *region,
                             const sfpm_extent_t *extent, const chunk_t *chunk,
                             uint32_t pages)
{
    size_t size = sfpm_span(region->size, chunk->position, SFPM_CHUNK);
    uint32_t first, count;
    if (size == chunk->size && pages == page_bits(0, extent->pages))
        return read_packed(reader, extent, size, chunk->to);
    if (!need_memory(&reader->chunk, SFPM_CHUNK) ||
        !read_packed(reader, extent, size, reader->chunk))
        return false;
    while (pages != 0) {
        next_run(&pages, &first, &count);
        size_t at = (size_t)first * SFPM_PAGE;
        memcpy(chunk->to + at, reader->chunk + at, pages_size(chunk, first, count));
    }
    return true;
}

/* The stored start of a page, and zeros. */
static bool fill_piece(const sfpm_reader_t *reader, const sfpm_extent_t *extent,
                       const chunk_t *chunk)
{
    uint32_t first = extent->first % SFPM_CHUNK_PAGES;
    uint8_t *to = chunk->to + (size_t)first * SFPM_PAGE;
    size_t room = pages_size(chunk, first, 1);
    size_t stored = extent->length < room ? extent->length : room;
    if (!sfpm_input_read(reader->image->input, extent->offset, to, stored))
        return false;
    memset(to + stored, 0, room - stored);
    return true;
}

static bool fill_pages(const sfpm_reader_t *reader, const sfpm_extent_t *extent,
                       const chunk_t *chunk, uint32_t pages)
{
    uint32_t first, count;
    while (pages != 0) {
        next_run(&pages, &first, &count);
        uint32_t behind = first - extent->first % SFPM_CHUNK_PAGES;
        if (!sfpm_input_read(
                reader->image->input, extent->offset + (uint64_t)behind * SFPM_PAGE,
                chunk->to + (size_t)first * SFPM_PAGE, pages_size(chunk, first, count)))
            return false;
    }
    return true;
}

/* Reads the pages that are wanted of an extent that has them itself. */
static bool fill_from_extent(sfpm_reader_t *reader, const sfpm_region_t *region,
                             const sfpm_extent_t *extent, const chunk_t *chunk,
                             uint32_t pages)
{
    if (extent->kind == SFPM_EXTENT_CHUNK)
        return fill_from_packed(reader, region, extent, chunk, pages);
    if (reader->image->keys.sealed)
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, extent->offset,
            "the bytes at offset %llu are not encrypted, unlike the rest of the image",
            (unsigned long long)extent->offset);
    return extent->kind == SFPM_EXTENT_PIECE ? fill_piece(reader, extent, chunk)
                                             : fill_pages(reader, extent, chunk, pages);
}

/* Whether the base image's region reaches to the end of these pages of it. */
static bool base_reaches(sfpm_reader_t *reader, const sfpm_region_t *region,
                         const sfpm_extent_t *extent, const chunk_t *chunk)
{
    const sfpm_region_t *base = sfpm_reader_base_region(reader, region);
    uint32_t first = extent->first % SFPM_CHUNK_PAGES;
    return base && (sfpm_in_range(chunk->position,
                                  (size_t)first * SFPM_PAGE +
                                      pages_size(chunk, first, extent->pages),
                                  base->size) ||
                    sfpm_fail(SFPM_ERR_CORRUPT,
                              "region '%s' is smaller in the base image", region->name));
}

/* Fills those of the pages that the extents of one image hold, and zeroes those that none
 * of them names. *wanted, the pages to fill, receives those that the base image holds. */
static bool fill_level(sfpm_reader_t *reader, const sfpm_region_t *region,
                       const sfpm_extent_t *cuts, size_t n, const chunk_t *chunk,
                       uint32_t *wanted)
{
    uint32_t zero = *wanted, below = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t pages =
            page_bits(cuts[i].first % SFPM_CHUNK_PAGES, cuts[i].pages) & *wanted;
        bool in_base = cuts[i].kind == SFPM_EXTENT_BASE;
        zero &= ~pages;
        below |= in_base ? pages : 0;
        if (pages != 0 &&
            !(in_base ? base_reaches(reader, region, &cuts[i], chunk)
                      : fill_from_extent(reader, region, &cuts[i], chunk, pages)))
            return sfpm_fail_in_region(region->name);
    }
    if (!chunk->zeroed)
        zero_pages(chunk, zero);
    *wanted = below;
    return true;
}

static bool find_extents(sfpm_reader_t *reader, const sfpm_region_t *region,
                         uint64_t position, sfpm_extent_t cuts[SFPM_CHUNK_PAGES],
                         size_t *n)
{
    const sfpm_leaf_t *leaf =
        sfpm_reader_leaf(reader, region, (size_t)(position / SFPM_LEAF_BYTES));
    if (leaf)
        *n = sfpm_chunk_extents(leaf, chunk_number(position), cuts);
    return leaf != NULL;
}

/* Puts a chunk together. Of the base images below, each page is read only in the one that
 * holds it, and what they say of the others does not matter: what is put together is
 * verified as a whole. So each level costs a look at its leaf. */
static bool assemble(sfpm_reader_t *reader, const sfpm_region_t *region,
                     const chunk_t *chunk, sfpm_extent_t cuts[SFPM_CHUNK_PAGES], size_t n)
{
    const sfpm_image_t *top = reader->image;
    uint32_t wanted = page_bits(0, (uint32_t)((chunk->size + SFPM_PAGE - 1) / SFPM_PAGE));
    bool ok = fill_level(reader, region, cuts, n, chunk, &wanted);
    while (ok && wanted != 0) {
        region = sfpm_reader_base_region(reader, region);
        reader = reader->base;
        ok = find_extents(reader, region, chunk->position, cuts, &n) &&
             fill_level(reader, region, cuts, n, chunk, &wanted);
    }
    return ok || (reader->image != top && sfpm_image_fail_named(reader->image));
}

/* Whether a chunk without extents has the sum of zeros: known, not computed, so that
 * large empty regions cost little, even in hostile images. */
static bool has_zero_sum(sfpm_reader_t *reader, uint64_t sum, size_t size)
{
    return sum ==
           (size < SFPM_CHUNK ? sfpm_zero_sum(size) : sfpm_reader_zero_sum(reader));
}

/* Reads a chunk into memory; *sound is set if its checksum is the one in the leaf. */
static bool read_chunk(sfpm_reader_t *reader, const sfpm_region_t *region,
                       uint64_t position, uint8_t *to, bool *sound)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    const chunk_t chunk = {position, sfpm_span(region->size, position, SFPM_CHUNK), to,
                           reader->into_zeros && to != reader->chunk};
    size_t n;
    if (!find_extents(reader, region, position, cuts, &n))
        return false;
    uint64_t sum = reader->leaf.sums[chunk_number(position)];
    if (!assemble(reader, region, &chunk, cuts, n))
        return false;
    *sound = n == 0 ? has_zero_sum(reader, sum, chunk.size)
                    : sum == sfpm_checksum(to, chunk.size, 0);
    return true;
}

/* Where the first stored part of a chunk lies, or 0; *base receives the region that holds
 * others of its pages, or NULL. */
static uint64_t stored_at(sfpm_reader_t *reader, const sfpm_region_t *region,
                          uint64_t position, const sfpm_region_t **base)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    uint64_t place = 0;
    size_t n = 0;
    *base = NULL;
    if (!find_extents(reader, region, position, cuts, &n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (cuts[i].kind == SFPM_EXTENT_BASE)
            *base = sfpm_reader_base_region(reader, region);
        else if (place == 0)
            place = cuts[i].offset;
    }
    return place;
}

static bool is_damaged(sfpm_reader_t *reader, const sfpm_region_t *region,
                       uint64_t position)
{
    bool sound;
    return need_memory(&reader->chunk, SFPM_CHUNK) &&
           read_chunk(reader, region, position, reader->chunk, &sound) && !sound;
}

/* Tells where a chunk is damaged: in the lowest of the images in which it is. */
static bool fail_damaged(sfpm_reader_t *reader, const sfpm_region_t *region,
                         uint64_t position)
{
    const sfpm_image_t *top = reader->image;
    const sfpm_region_t *base;
    uint64_t place = stored_at(reader, region, position, &base);
    while (base && position < base->size && is_damaged(reader->base, base, position)) {
        reader = reader->base;
        region = base;
        place = stored_at(reader, region, position, &base);
    }
    sfpm_fail_at(SFPM_ERR_CHECKSUM, place,
                 "region '%s' is damaged at %llu (checksum mismatch, stored at offset "
                 "%llu)",
                 region->name, (unsigned long long)position, (unsigned long long)place);
    return reader->image != top && sfpm_image_fail_named(reader->image);
}

bool sfpm_chunk_read(sfpm_reader_t *reader, const sfpm_region_t *region,
                     uint64_t position, uint8_t *to)
{
    bool sound;
    return read_chunk(reader, region, position, to, &sound) &&
           (sound || fail_damaged(reader, region, position));
}

bool sfpm_region_zeros(sfpm_reader_t *reader, const sfpm_region_t *region,
                       uint64_t offset, uint64_t *count)
{
    uint64_t start = offset - offset % SFPM_LEAF_BYTES;
    size_t size = sfpm_span(region->size, start, SFPM_LEAF_BYTES);
    size_t which = (size_t)(offset / SFPM_LEAF_BYTES);
    *count = start + size - offset;
    if (sfpm_reader_leaf_is_zero(reader, region, which))
        return true;
    const sfpm_leaf_t *leaf = sfpm_reader_leaf(reader, region, which);
    *count = 0;
    if (!leaf || leaf->num_extents > 0)
        return leaf != NULL;
    for (uint32_t i = 0; i < leaf->num_chunks; i++)
        if (!has_zero_sum(reader, leaf->sums[i],
                          sfpm_span(size, (uint64_t)i * SFPM_CHUNK, SFPM_CHUNK)))
            return true; /* reading that chunk tells what is wrong */
    *count = start + size - offset;
    return true;
}

/* Reads to the end of a chunk, or of a leaf without contents; *now receives how much. */
static bool read_part(sfpm_reader_t *reader, const sfpm_region_t *region, uint64_t offset,
                      uint8_t *to, uint64_t size, uint64_t *now)
{
    /* The system would copy to such a place as slowly as memcpy() does. */
    bool odd = (uintptr_t)to % CACHE_LINE != 0;
    uint64_t position = offset & ~(uint64_t)(SFPM_CHUNK - 1);
    size_t span = sfpm_span(region->size, position, SFPM_CHUNK);
    size_t skip = (size_t)(offset - position);
    if (!sfpm_region_zeros(reader, region, offset, now))
        return false;
    if (*now > 0) {
        *now = *now < size ? *now : size;
        if (to && !reader->into_zeros)
            memset(to, 0, (size_t)*now);
        return true;
    }
    *now = span - skip < size ? span - skip : size;
    uint8_t *whole = to && !odd && *now == span ? to : reader->chunk;
    if (!sfpm_chunk_read(reader, region, position, whole))
        return false;
    if (to && whole == reader->chunk)
        sfpm_copy_contents(to, reader->chunk + skip, (size_t)*now);
    return true;
}

bool sfpm_region_read(sfpm_reader_t *reader, const sfpm_region_t *region, uint64_t offset,
                      uint8_t *to, uint64_t size)
{
    uint64_t now;
    if (size > 0 && !need_memory(&reader->chunk, SFPM_CHUNK))
        return false;
    while (size > 0) {
        if (!read_part(reader, region, offset, to, size, &now))
            return false;
        sfpm_meter_add(reader->meter, now);
        to = to ? to + now : NULL;
        offset += now;
        size -= now;
    }
    return true;
}
