/* SPDX-License-Identifier: MIT */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "image/format.h"
#include "image/v1.h"

uint64_t mutant_random(mutant_t *mutant, uint64_t below)
{
    uint64_t z = mutant->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below ? z % below : z;
}

/* Records lie at multiples of 8, so that none is missed behind dead bytes. */
static void find_places(mutant_t *mutant)
{
    size_t at = SFPM_HEADER_SIZE;
    while (at + SFPM_RECORD_SIZE <= mutant->size && mutant->num_places < MUTANT_RECORDS) {
        sfpm_record_t record;
        uint64_t end;
        if (!sfpm_record_decode(mutant->bytes + at, at, &record) ||
            !sfpm_record_end(&record, at, &end) || end > mutant->size) {
            at += SFPM_RECORD_ALIGN;
            continue;
        }
        mutant->places[mutant->num_places++] = (place_t){
            record.type, at, at + SFPM_RECORD_SIZE + record.lead, (size_t)record.length};
        at = (size_t)end;
    }
}

bool mutant_start(mutant_t *mutant, const uint8_t *bytes, size_t size, uint64_t seed)
{
    *mutant = (mutant_t){.size = size, .random = seed};
    mutant->bytes = malloc(size + MUTANT_SLACK);
    if (!mutant->bytes)
        return false;
    memcpy(mutant->bytes, bytes, size);
    find_places(mutant);
    return true;
}

void mutant_end(mutant_t *mutant)
{
    free(mutant->bytes);
    *mutant = (mutant_t){0};
}

/* ---- changes ---- */

/* A number at which readers may stumble; `old` is what stands there. */
static uint64_t interesting(mutant_t *mutant, uint64_t old)
{
    static const uint64_t limits[] = {
        0,          1,          2,          8,         32,         64,        256,
        4095,       4096,       4097,       65535,     65536,      1 << 24,   INT32_MAX,
        UINT32_MAX, 1ULL << 32, 1ULL << 47, INT64_MAX, 1ULL << 63, UINT64_MAX};
    uint64_t place = mutant->size;
    if (mutant->num_places > 0)
        place = mutant->places[mutant_random(mutant, mutant->num_places)].offset;
    switch (mutant_random(mutant, 8)) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return old + (UINT64_C(1) << mutant_random(mutant, 64));
    case 3:
        return place + mutant_random(mutant, 5) * 32 - 64;
    case 4:
        return mutant->size + mutant_random(mutant, 17) - 8;
    case 5:
        return mutant_random(mutant, 0);
    default:
        return limits[mutant_random(mutant, sizeof limits / sizeof *limits)];
    }
}

/* Overwrites a number of 1, 2, 4 or 8 bytes somewhere in a range of the file. */
static void change_number(mutant_t *mutant, size_t offset, size_t length)
{
    size_t width = (size_t)1 << (3 - mutant_random(mutant, 8) % 4);
    while (width > length)
        width /= 2;
    if (width == 0)
        return;
    size_t unit = width > 4 ? 4 : width; /* texts shift what follows them */
    size_t at = offset + mutant_random(mutant, (length - width) / unit + 1) * unit;
    uint8_t old[8] = {0}, new[8];
    memcpy(old, mutant->bytes + at, width);
    sfpm_put_u64(new, interesting(mutant, sfpm_get_u64(old)));
    memcpy(mutant->bytes + at, new, width);
}

/* Copies one range of a payload over another: extents and regions twice, swapped
 * order, numbers in place of others. */
static void change_copy(mutant_t *mutant, const place_t *place)
{
    static const size_t units[] = {4, 8, SFPM_EXTENT_SIZE, SFPM_LEAF_REF_SIZE, 80};
    size_t unit = units[mutant_random(mutant, sizeof units / sizeof *units)];
    if (place->length < unit)
        return;
    size_t room = (place->length - unit) / 4 + 1;
    size_t from = mutant_random(mutant, room) * 4, to = mutant_random(mutant, room) * 4;
    memmove(mutant->bytes + place->payload + to, mutant->bytes + place->payload + from,
            unit);
}

/* Makes the last index longer or shorter; its trailer follows it at once. */
static void change_length(mutant_t *mutant)
{
    size_t n = mutant->num_places;
    if (n < 2 || mutant->places[n - 1].type != SFPM_RECORD_TRAILER ||
        mutant->places[n - 2].type != SFPM_RECORD_INDEX)
        return;
    place_t *index = &mutant->places[n - 2], *trailer = &mutant->places[n - 1];
    size_t at = mutant_random(mutant, index->length + 1) & ~(size_t)3;
    size_t count = (mutant_random(mutant, 16) + 1) * 8;
    bool longer = mutant_random(mutant, 2);
    if (!longer && index->length - at < count)
        return;
    size_t length = longer ? index->length + count : index->length - count;
    size_t tail = mutant->size - (index->payload + at);
    uint8_t *here = mutant->bytes + index->payload + at;
    /* Eight at a time, so that padding stays what it is. */
    if (longer)
        memmove(here + count, here, tail);
    else
        memmove(here, here + count, tail - count);
    mutant->size += length - index->length;
    trailer->offset += length - index->length;
    trailer->payload += length - index->length;
    index->length = length;
    sfpm_put_u64(mutant->bytes + index->offset + 8, length);
    sfpm_put_u64(mutant->bytes + trailer->payload + 16, trailer->offset);
}

static void change_once(mutant_t *mutant)
{
    size_t which = mutant_random(mutant, mutant->num_places + 1);
    if (which == mutant->num_places) {
        change_number(mutant, 8, 48); /* the header */
        return;
    }
    const place_t *place = &mutant->places[which];
    uint64_t how = mutant_random(mutant, 16);
    if (how == 0)
        change_number(mutant, place->offset, SFPM_RECORD_SIZE - 8);
    else if (how <= 2)
        change_copy(mutant, place);
    else if (how == 3)
        change_length(mutant);
    else
        change_number(mutant, place->payload, place->length);
}

/* ---- making checksums right ---- */

/* Now and then a checksum is left as it is. */
static bool spared(mutant_t *mutant)
{
    return mutant_random(mutant, 64) == 0;
}

/* The sums of chunks whose extents can be followed. */
static void seal_chunk(mutant_t *mutant, uint8_t *leaf, size_t chunk, size_t size)
{
    static uint8_t bytes[SFPM_CHUNK];
    size_t extents = sfpm_get_u32(leaf + 4);
    const uint8_t *extent = leaf + 8 + (size_t)sfpm_get_u32(leaf) * 8;
    bool any = false;
    for (size_t i = 0; i < extents; i++, extent += SFPM_EXTENT_SIZE) {
        uint64_t offset = sfpm_get_u64(extent), length = sfpm_get_u32(extent + 8);
        uint64_t page = sfpm_get_u16(extent + 12);
        if (page / SFPM_CHUNK_PAGES != chunk ||
            !sfpm_in_range(offset, length, mutant->size))
            continue;
        size_t start = (size_t)(page % SFPM_CHUNK_PAGES) * SFPM_PAGE;
        size_t room = SFPM_CHUNK - start;
        if (!any)
            memset(bytes, 0, sizeof bytes);
        memcpy(bytes + start, mutant->bytes + offset, length < room ? length : room);
        any = true;
    }
    if (any)
        sfpm_put_u64(leaf + 8 + chunk * 8, sfpm_checksum(bytes, size, 0));
}

static bool leaf_is_sane(const uint8_t *leaf, size_t length)
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

/* One entry of a region's leaf table; `size` bytes of the region lie in the leaf. */
static void seal_leaf_ref(mutant_t *mutant, uint8_t *ref, size_t size)
{
    const place_t *place = leaf_at(mutant, sfpm_get_u64(ref));
    if (!place)
        return;
    uint8_t *leaf = mutant->bytes + place->payload;
    if (!leaf_is_sane(leaf, place->length))
        return;
    size_t chunks = sfpm_get_u32(leaf);
    for (size_t i = 0; i < chunks; i++)
        seal_chunk(mutant, leaf, i,
                   sfpm_span(size, (uint64_t)i * SFPM_CHUNK, SFPM_CHUNK));
    uint8_t *record = mutant->bytes + place->offset;
    sfpm_put_u64(record + 16, sfpm_checksum(leaf, place->length, 0));
    sfpm_put_u64(record + 24, sfpm_checksum(record, 24, place->offset));
    if (!spared(mutant))
        memcpy(ref + 8, record + 16, 8);
    if (!spared(mutant))
        sfpm_digest(leaf + 8, chunks * 8, ref + 16);
}

/* A text of the index; where it ends, or `end` when it does not fit. */
static uint8_t *skip_text(uint8_t *at, uint8_t *end)
{
    if (end - at < 4 || sfpm_get_u32(at) > (size_t)(end - at) - 4)
        return end;
    return at + 4 + sfpm_get_u32(at);
}

static uint8_t *seal_region(mutant_t *mutant, uint8_t *at, uint8_t *end)
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
        seal_leaf_ref(mutant, at, sfpm_span(size, i * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES));
        good = sfpm_buffer_add(&digests, at + 16, SFPM_DIGEST_SIZE);
    }
    if (good && !spared(mutant))
        sfpm_digest(digests.data, digests.size, fixed + 24);
    sfpm_buffer_free(&digests);
    return at;
}

static void seal_index(mutant_t *mutant, const place_t *place)
{
    uint8_t *at = mutant->bytes + place->payload, *end = at + place->length;
    if (place->length < SFPM_INDEX_FIXED)
        return;
    uint32_t attributes = sfpm_get_u32(at + 48), regions = sfpm_get_u32(at + 52);
    at += SFPM_INDEX_FIXED;
    for (uint64_t i = 0; at < end && i < SFPM_NUM_TEXTS + 2 * (uint64_t)attributes; i++)
        at = skip_text(at, end);
    for (uint32_t i = 0; at < end && i < regions; i++)
        at = seal_region(mutant, at, end);
}

static void seal_record(mutant_t *mutant, const place_t *place)
{
    uint8_t *record = mutant->bytes + place->offset;
    if (place->type != SFPM_RECORD_DATA && !spared(mutant))
        sfpm_put_u64(record + 16,
                     sfpm_checksum(mutant->bytes + place->payload, place->length, 0));
    if (!spared(mutant))
        sfpm_put_u64(record + 24, sfpm_checksum(record, 24, place->offset));
}

static void seal_dead(mutant_t *mutant, const place_t *place)
{
    uint8_t *dead = mutant->bytes + place->payload;
    uint64_t begin = sfpm_get_u64(dead), length = sfpm_get_u64(dead + 8);
    if (sfpm_in_range(begin, length, mutant->size) && !spared(mutant))
        sfpm_put_u64(dead + 16, sfpm_checksum(mutant->bytes + begin, (size_t)length, 0));
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

void mutant_seal(mutant_t *mutant)
{
    const place_t *index = NULL, *before = NULL;
    sfpm_put_u64(mutant->bytes + 56, sfpm_checksum(mutant->bytes, 56, 0));
    for (size_t i = 0; i < mutant->num_places; i++) {
        const place_t *place = &mutant->places[i];
        if (place->type == SFPM_RECORD_INDEX)
            seal_index(mutant, index = place);
        else if (place->type == SFPM_RECORD_DEAD)
            seal_dead(mutant, place);
        else if (place->type == SFPM_RECORD_TRAILER)
            seal_trailer(mutant, place, index, before);
        seal_record(mutant, place);
        if (place->type == SFPM_RECORD_TRAILER)
            before = place;
    }
}

void mutant_change(mutant_t *mutant)
{
    if (mutant->size >= 4 && sfpm_get_u32(mutant->bytes) == SFPM_V1_MAGIC) {
        for (uint64_t n = mutant_random(mutant, 3) + 1; n > 0; n--)
            change_number(mutant, 4, mutant->size - 4);
        return;
    }
    for (uint64_t n = mutant_random(mutant, 3) + 1; n > 0; n--)
        change_once(mutant);
    mutant_seal(mutant);
}
