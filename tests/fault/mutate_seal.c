/* SPDX-License-Identifier: MIT */
/* Makes checksums and digests right, from the inside out: chunks, leaves, indices,
 * trailers. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "codec/compress.h"
#include "format/format.h"
#include "image/seal.h"
#include "mutate.h"

/* Now and then a checksum is left as it is. */
static bool spared(mutant_t *mutant)
{
    return !mutant->exact && mutant_random(mutant, 64) == 0;
}

/* ---- chunks and leaves ---- */

/* A packed chunk's contents; false when they cannot be had. */
static bool unpack(const mutant_t *mutant, const uint8_t *extent, uint8_t *to,
                   size_t size)
{
    uint64_t offset = sfpm_get_u64(extent), length = sfpm_get_u32(extent + 8);
    uint32_t codec = sfpm_get_u32(extent + 20);
    if (mutant->num_boxes > 0) {
        if (length < SFPM_BOX_EXTRA)
            return false;
        offset += SFPM_BOX_PREFIX;
        length -= SFPM_BOX_EXTRA;
    }
    if (!sfpm_in_range(offset, length, mutant->size))
        return false;
    if (codec != SFPM_CODEC_NONE)
        return sfpm_codec_available(codec) &&
               sfpm_decompress(codec, mutant->bytes + offset, (size_t)length, to, size);
    memcpy(to, mutant->bytes + offset, length < size ? (size_t)length : size);
    return length == size;
}

/* Lays what an extent stands for into its chunk; false when that is not in this file. */
static bool lay(const mutant_t *mutant, const uint8_t *extent, uint8_t *chunk,
                size_t size)
{
    uint64_t offset = sfpm_get_u64(extent), length = sfpm_get_u32(extent + 8);
    uint32_t kind = sfpm_get_u32(extent + 16);
    if (kind == SFPM_EXTENT_CHUNK)
        return unpack(mutant, extent, chunk, size);
    if (kind == SFPM_EXTENT_BASE || !sfpm_in_range(offset, length, mutant->size))
        return false;
    size_t start = (size_t)(sfpm_get_u16(extent + 12) % SFPM_CHUNK_PAGES) * SFPM_PAGE;
    size_t room = SFPM_CHUNK - start;
    memcpy(chunk + start, mutant->bytes + offset, length < room ? length : room);
    return true;
}

/* The sums of chunks whose extents can be followed. */
static void seal_chunk(mutant_t *mutant, uint8_t *leaf, size_t chunk, size_t size)
{
    static uint8_t bytes[SFPM_CHUNK];
    size_t extents = sfpm_get_u32(leaf + 4);
    const uint8_t *extent = leaf + 8 + (size_t)sfpm_get_u32(leaf) * 8;
    bool any = false, all = true;
    for (size_t i = 0; i < extents; i++, extent += SFPM_EXTENT_SIZE) {
        if (sfpm_get_u16(extent + 12) / SFPM_CHUNK_PAGES != (int)chunk)
            continue;
        if (!any)
            memset(bytes, 0, sizeof bytes);
        any = true;
        all = lay(mutant, extent, bytes, size) && all;
    }
    if (any && all)
        sfpm_put_u64(leaf + 8 + chunk * 8, sfpm_checksum(bytes, size, 0));
}

bool mutant_leaf_is_sane(const uint8_t *leaf, size_t length)
{
    return length >= 8 && sfpm_get_u32(leaf) <= SFPM_LEAF_CHUNKS &&
           sfpm_get_u32(leaf + 4) <= SFPM_LEAF_PAGES &&
           length >= 8 + sfpm_get_u32(leaf) * 8 +
                         (size_t)sfpm_get_u32(leaf + 4) * SFPM_EXTENT_SIZE;
}

static const place_t *leaf_at(const mutant_t *mutant, uint64_t offset)
{
    for (size_t i = 0; i < mutant->num_places; i++)
        if (mutant->places[i].offset == offset &&
            mutant->places[i].type == SFPM_RECORD_LEAF)
            return &mutant->places[i];
    return NULL;
}

/* ---- what an index says of leaves ---- */

/* Two passes: the leaves' contents before boxes are made of them, then the sums of what
 * is stored. */
typedef void (*ref_pass_t)(mutant_t *mutant, const place_t *place, uint8_t *ref,
                           size_t size);

/* One entry of a region's leaf table; `size` bytes of the region lie in the leaf. */
static void seal_leaf(mutant_t *mutant, const place_t *place, uint8_t *ref, size_t size)
{
    size_t length;
    uint8_t *leaf = mutant_contents(mutant, place, &length);
    if (!mutant_leaf_is_sane(leaf, length))
        return;
    size_t chunks = sfpm_get_u32(leaf);
    for (size_t i = 0; i < chunks; i++)
        seal_chunk(mutant, leaf, i,
                   sfpm_span(size, (uint64_t)i * SFPM_CHUNK, SFPM_CHUNK));
    if (!spared(mutant))
        sfpm_digest(leaf + 8, chunks * 8, ref + 16);
}

static void seal_ref(mutant_t *mutant, const place_t *place, uint8_t *ref, size_t size)
{
    (void)size;
    if (!spared(mutant))
        memcpy(ref + 8, mutant->bytes + place->offset + 16, 8);
}

/* A text of the index; where it ends, or `end` when it does not fit. */
static uint8_t *skip_text(uint8_t *at, uint8_t *end)
{
    if (end - at < 4 || sfpm_get_u32(at) > (size_t)(end - at) - 4)
        return end;
    return at + 4 + sfpm_get_u32(at);
}

static uint8_t *seal_region(mutant_t *mutant, uint8_t *at, uint8_t *end, ref_pass_t pass)
{
    enum { FIXED = 40 };
    at = skip_text(at, end);
    if (end - at < FIXED)
        return end;
    uint8_t *fixed = at;
    uint64_t size = sfpm_get_u64(fixed), leaves = sfpm_num_leaves(size);
    at += FIXED;
    if (leaves > (size_t)(end - at) / SFPM_LEAF_REF_SIZE)
        return end;
    sfpm_buffer_t digests = {0};
    bool good = sfpm_buffer_add_u64(&digests, size);
    for (uint64_t i = 0; good && i < leaves; i++, at += SFPM_LEAF_REF_SIZE) {
        const place_t *place = leaf_at(mutant, sfpm_get_u64(at));
        if (place)
            pass(mutant, place, at,
                 sfpm_span(size, i * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES));
        good = sfpm_buffer_add(&digests, at + 16, SFPM_DIGEST_SIZE);
    }
    if (good && !spared(mutant))
        sfpm_digest(digests.data, digests.size, fixed + 24);
    sfpm_buffer_free(&digests);
    return at;
}

static void seal_indices(mutant_t *mutant, ref_pass_t pass)
{
    for (size_t n = 0; n < mutant->num_places; n++) {
        size_t length;
        if (mutant->places[n].type != SFPM_RECORD_INDEX)
            continue;
        uint8_t *at = mutant_contents(mutant, &mutant->places[n], &length);
        uint8_t *end = at + length;
        if (length < SFPM_INDEX_FIXED)
            continue;
        uint32_t attributes = sfpm_get_u32(at + 48), regions = sfpm_get_u32(at + 52);
        at += SFPM_INDEX_FIXED;
        for (uint64_t i = 0; at < end && i < SFPM_NUM_TEXTS + 2 * (uint64_t)attributes;
             i++)
            at = skip_text(at, end);
        for (uint32_t i = 0; at < end && i < regions; i++)
            at = seal_region(mutant, at, end, pass);
    }
}

/* ---- records ---- */

static void seal_record(mutant_t *mutant, const place_t *place)
{
    uint8_t *record = mutant->bytes + place->offset;
    bool summed = place->type != SFPM_RECORD_DATA || sfpm_get_u64(record + 16) != 0;
    if (summed && !spared(mutant))
        sfpm_put_u64(record + 16,
                     sfpm_checksum(mutant->bytes + place->payload, place->length, 0));
    if (!spared(mutant))
        sfpm_put_u64(record + 24, sfpm_checksum(record, 24, place->offset));
}

static void seal_dead(mutant_t *mutant, const place_t *place, const place_t *before)
{
    uint8_t *dead = mutant->bytes + place->payload;
    uint64_t begin = sfpm_get_u64(dead), length = sfpm_get_u64(dead + 8);
    if (sfpm_in_range(begin, length, mutant->size) && !spared(mutant))
        sfpm_put_u64(dead + 16, sfpm_checksum(mutant->bytes + begin, (size_t)length, 0));
    if (before && !spared(mutant))
        memcpy(dead + 24, mutant->bytes + before->offset + 16, 8);
}

/* The trailer of the commit whose index is at `index`; `before` is the one before. */
static void seal_trailer(mutant_t *mutant, const place_t *place, const place_t *index,
                         const place_t *before)
{
    uint8_t *trailer = mutant->bytes + place->payload;
    uint8_t digest[SFPM_DIGEST_SIZE];
    if (index) {
        sfpm_digest(mutant->bytes + index->payload, index->length, digest);
        if (!spared(mutant))
            memcpy(trailer + 64, digest, SFPM_DIGEST_SIZE);
    }
    if (spared(mutant))
        return;
    memcpy(trailer, before ? mutant->bytes + before->payload : trailer + 64,
           SFPM_DIGEST_SIZE);
    if (before)
        memcpy(trailer + 48, mutant->bytes + before->offset + 16, 8);
}

static bool comes_first(const place_t *place)
{
    return place->type == SFPM_RECORD_LEAF || place->type == SFPM_RECORD_DATA;
}

void mutant_seal(mutant_t *mutant)
{
    const place_t *index = NULL, *before = NULL;
    sfpm_put_u64(mutant->bytes + 56, sfpm_checksum(mutant->bytes, 56, 0));
    seal_indices(mutant, seal_leaf);
    mutant_make_boxes(mutant, SFPM_BOX_CHUNK);
    mutant_make_boxes(mutant, SFPM_BOX_LEAF);
    for (size_t i = 0; i < mutant->num_places; i++)
        if (comes_first(&mutant->places[i]))
            seal_record(mutant, &mutant->places[i]);
    seal_indices(mutant, seal_ref);
    mutant_make_boxes(mutant, SFPM_BOX_INDEX);
    mutant->num_boxes = 0;
    for (size_t i = 0; i < mutant->num_places; i++) {
        const place_t *place = &mutant->places[i];
        if (comes_first(place))
            continue;
        if (place->type == SFPM_RECORD_INDEX)
            index = place;
        else if (place->type == SFPM_RECORD_DEAD)
            seal_dead(mutant, place, before);
        else if (place->type == SFPM_RECORD_TRAILER)
            seal_trailer(mutant, place, index, before);
        seal_record(mutant, place);
        if (place->type == SFPM_RECORD_TRAILER)
            before = place;
    }
}
