/* SPDX-License-Identifier: MIT */
/* The leaves of regions, verified. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "image/image.h"

enum {
    LEAF_MAX =
        8 + SFPM_LEAF_CHUNKS * 8 + SFPM_LEAF_PAGES * SFPM_EXTENT_SIZE + SFPM_BOX_EXTRA,
    LEAF_NEAR = 4096, /* a leaf with few extents takes half of that */
    WINDOW = 65536
};

const sfpm_region_t *sfpm_reader_base_region(sfpm_reader_t *reader,
                                             const sfpm_region_t *region)
{
    const sfpm_image_t *base = reader->image->base;
    if (!base || region->base == 0 || region->base > base->index.num_regions) {
        sfpm_fail(SFPM_ERR_CORRUPT,
                  "region '%s' is missing from the base image that it refers to",
                  region->name);
        return NULL;
    }
    if (!reader->base) {
        reader->base = SFPM_NEW(sfpm_reader_t);
        if (!reader->base)
            return NULL;
        sfpm_reader_init(reader->base, base);
    }
    return &base->index.regions[region->base - 1];
}

static bool load_base_leaf(sfpm_reader_t *reader, const sfpm_region_t *region,
                           size_t which, uint64_t size, sfpm_leaf_t *leaf)
{
    const sfpm_region_t *base = sfpm_reader_base_region(reader, region);
    if (!base)
        return false;
    if (which >= base->num_leaves ||
        sfpm_span(base->size, (uint64_t)which * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES) != size)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region '%s' has a different size in the base image",
                         region->name);
    const sfpm_leaf_t *old = sfpm_reader_leaf(reader->base, base, which);
    if (!old)
        return false;
    *leaf =
        (sfpm_leaf_t){.num_chunks = old->num_chunks, .num_extents = old->num_extents > 0};
    leaf->sums = sfpm_copy_bytes(old->sums, old->num_chunks * sizeof *old->sums);
    leaf->extents = SFPM_NEW(sfpm_extent_t);
    if (!leaf->sums || !leaf->extents) {
        sfpm_leaf_free(leaf);
        return false;
    }
    leaf->extents[0].kind = SFPM_EXTENT_BASE;
    leaf->extents[0].pages = (uint16_t)((size + SFPM_PAGE - 1) / SFPM_PAGE);
    return true;
}

uint64_t sfpm_zero_sum(size_t size)
{
    static const uint8_t zeros[SFPM_CHUNK];
    return sfpm_checksum(zeros, size, 0);
}

uint64_t sfpm_reader_zero_sum(sfpm_reader_t *reader)
{
    if (reader->zero_sum == 0)
        reader->zero_sum = sfpm_zero_sum(SFPM_CHUNK);
    return reader->zero_sum;
}

bool sfpm_leaf_zero(uint64_t size, uint64_t chunk_sum, sfpm_leaf_t *leaf)
{
    *leaf = (sfpm_leaf_t){.num_chunks = (uint32_t)((size + SFPM_CHUNK - 1) / SFPM_CHUNK)};
    leaf->sums = SFPM_NEW_N(uint64_t, leaf->num_chunks);
    leaf->extents = SFPM_NEW_N(sfpm_extent_t, 0);
    if (!leaf->sums || !leaf->extents) {
        sfpm_leaf_free(leaf);
        return false;
    }
    for (uint32_t i = 0; i < leaf->num_chunks; i++) {
        size_t span = sfpm_span(size, (uint64_t)i * SFPM_CHUNK, SFPM_CHUNK);
        leaf->sums[i] = span == SFPM_CHUNK ? chunk_sum : sfpm_zero_sum(span);
    }
    return true;
}

bool sfpm_reader_leaf_is_zero(sfpm_reader_t *reader, const sfpm_region_t *region,
                              size_t which)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    uint64_t start = (uint64_t)which * SFPM_LEAF_BYTES;
    sfpm_leaf_t leaf;
    if (ref->offset != SFPM_LEAF_ZERO || region->size - start < SFPM_LEAF_BYTES)
        return false;
    if (!reader->zero_digest_known) {
        if (!sfpm_leaf_zero(SFPM_LEAF_BYTES, sfpm_reader_zero_sum(reader), &leaf))
            return false;
        sfpm_leaf_digest(leaf.sums, leaf.num_chunks, reader->zero_digest);
        sfpm_leaf_free(&leaf);
        reader->zero_digest_known = true;
    }
    return memcmp(ref->digest, reader->zero_digest, SFPM_DIGEST_SIZE) == 0;
}

/* ---- stored leaves ---- */

/* How many bytes to read at once from leaf `which` on. A caller that reads leaves in
 * order gets all of those that are stored close together, as a commit writes them. */
static size_t bytes_ahead(const sfpm_reader_t *reader, const sfpm_region_t *region,
                          size_t which)
{
    uint64_t first = region->leaves[which].offset, last = first;
    if (which == 0 || which != reader->next_leaf)
        return LEAF_NEAR;
    for (size_t i = which + 1; i < region->num_leaves; i++) {
        uint64_t next = region->leaves[i].offset;
        if (next == SFPM_LEAF_ZERO || next == SFPM_LEAF_BASE)
            continue;
        if (next <= last || next - last > LEAF_NEAR || next - first > WINDOW - LEAF_NEAR)
            break;
        last = next;
    }
    return (size_t)(last - first) + LEAF_NEAR;
}

static bool fill_window(sfpm_reader_t *reader, uint64_t offset, size_t size)
{
    uint8_t *window = reader->window;
    reader->window_size = 0;
    if (size > reader->window_room) {
        free(window);
        reader->window_room = 0;
        reader->window = window = sfpm_new_block(size > WINDOW ? size : WINDOW);
        if (!window)
            return false;
        reader->window_room = size > WINDOW ? size : WINDOW;
    }
    if (!sfpm_input_read(reader->image->input, offset, window, size))
        return false;
    reader->window_offset = offset;
    reader->window_size = size;
    return true;
}

static bool is_in_window(const sfpm_reader_t *reader, uint64_t offset, size_t size)
{
    return offset >= reader->window_offset &&
           sfpm_in_range(offset - reader->window_offset, size, reader->window_size);
}

/* `size` bytes of the file that belong to a leaf; they live until the next call. */
static uint8_t *window_at(sfpm_reader_t *reader, const sfpm_region_t *region,
                          size_t which, uint64_t offset, size_t size)
{
    if (!is_in_window(reader, offset, size)) {
        uint64_t end = sfpm_input_size(reader->image->input);
        size_t ahead = bytes_ahead(reader, region, which);
        if (offset < end && ahead > end - offset)
            ahead = (size_t)(end - offset);
        /* Bytes ahead may be unreadable and not be needed. */
        if (!(ahead > size && fill_window(reader, offset, ahead)) &&
            !fill_window(reader, offset, size))
            return NULL;
    }
    return reader->window + (offset - reader->window_offset);
}

/* The payload of the record of a stored leaf, verified; it lives until the next call. */
static const uint8_t *leaf_payload(sfpm_reader_t *reader, const sfpm_region_t *region,
                                   size_t which, size_t *length)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    const sfpm_input_t *input = reader->image->input;
    sfpm_record_t record;
    uint8_t *bytes = window_at(reader, region, which, ref->offset, SFPM_RECORD_SIZE);
    if (!bytes || !sfpm_record_decode(bytes, ref->offset, &record) ||
        !sfpm_record_check(input, ref->offset, &record, SFPM_RECORD_LEAF, LEAF_MAX))
        return NULL;
    *length = (size_t)record.length;
    bytes = window_at(reader, region, which, ref->offset + SFPM_RECORD_SIZE, *length);
    if (!bytes || !sfpm_record_check_sum(ref->offset, &record, bytes))
        return NULL;
    if (record.sum != ref->sum) {
        sfpm_fail_at(SFPM_ERR_CORRUPT, ref->offset,
                     "the leaf at offset %llu does not match the index",
                     (unsigned long long)ref->offset);
        return NULL;
    }
    if (!reader->image->keys.sealed)
        return bytes;
    /* Decrypted in place: the window no longer holds what the file does. */
    reader->window_size = 0;
    return sfpm_box_open(&reader->opener, SFPM_BOX_LEAF, ref->offset + SFPM_RECORD_SIZE,
                         bytes, *length, bytes, length)
               ? bytes
               : NULL;
}

/* Leaves are large compared with what is needed of them: `sums` says whether the sums are
 * needed. */
static bool load_stored_leaf(sfpm_reader_t *reader, const sfpm_region_t *region,
                             size_t which, bool sums, sfpm_leaf_t *leaf)
{
    uint64_t offset = region->leaves[which].offset;
    size_t size =
        sfpm_span(region->size, (uint64_t)which * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES);
    size_t length;
    const uint8_t *payload = leaf_payload(reader, region, which, &length);
    reader->next_leaf = which + 1;
    return payload && (sums ? sfpm_leaf_decode : sfpm_leaf_decode_extents)(
                          payload, length, size, offset, leaf);
}

/* ---- any leaf ---- */

static bool load_contents(sfpm_reader_t *reader, const sfpm_region_t *region,
                          size_t which, sfpm_leaf_t *leaf)
{
    uint64_t offset = region->leaves[which].offset;
    size_t size =
        sfpm_span(region->size, (uint64_t)which * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES);
    if (offset == SFPM_LEAF_ZERO)
        return sfpm_leaf_zero(size, sfpm_reader_zero_sum(reader), leaf);
    if (offset == SFPM_LEAF_BASE)
        return load_base_leaf(reader, region, which, size, leaf);
    return load_stored_leaf(reader, region, which, true, leaf);
}

static bool load_leaf(sfpm_reader_t *reader, const sfpm_region_t *region, size_t which,
                      sfpm_leaf_t *leaf)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    uint8_t digest[SFPM_DIGEST_SIZE];
    if (!load_contents(reader, region, which, leaf))
        return sfpm_fail_in_region(region->name);
    sfpm_leaf_digest(leaf->sums, leaf->num_chunks, digest);
    if (memcmp(digest, ref->digest, SFPM_DIGEST_SIZE) == 0)
        return true;
    sfpm_leaf_free(leaf);
    return sfpm_fail_at(
        SFPM_ERR_CORRUPT, ref->offset,
        "region '%s': the digest of the leaf at offset %llu does not match the index",
        region->name, (unsigned long long)ref->offset);
}

const sfpm_leaf_t *sfpm_reader_leaf(sfpm_reader_t *reader, const sfpm_region_t *region,
                                    size_t which)
{
    if (reader->leaf_region == region && reader->leaf_which == which)
        return &reader->leaf;
    sfpm_leaf_free(&reader->leaf);
    reader->leaf_region = NULL;
    if (!load_leaf(reader, region, which, &reader->leaf))
        return NULL;
    reader->leaf_region = region;
    reader->leaf_which = which;
    return &reader->leaf;
}

const sfpm_leaf_t *sfpm_reader_extents(sfpm_reader_t *reader, const sfpm_region_t *region,
                                       size_t which)
{
    sfpm_leaf_free(&reader->leaf);
    reader->leaf_region = NULL;
    if (load_stored_leaf(reader, region, which, false, &reader->leaf))
        return &reader->leaf;
    sfpm_fail_in_region(region->name);
    return NULL;
}
