/* SPDX-License-Identifier: MIT */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "format/format.h"
#include "format/v1.h"

uint64_t mutant_random(mutant_t *mutant, uint64_t below)
{
    uint64_t z = mutant->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below ? z % below : z;
}

/* Whether the payload is all there: an interrupted write leaves records that end in
 * bytes of others. */
static bool is_whole(const mutant_t *mutant, size_t at, const sfpm_record_t *record)
{
    return record->sum == 0 ||
           record->sum ==
               sfpm_checksum(mutant->bytes + at + SFPM_RECORD_SIZE + record->lead,
                             (size_t)record->length, 0);
}

/* Records lie at multiples of 8, so that none is missed behind dead bytes. */
static void find_places(mutant_t *mutant)
{
    size_t at = SFPM_HEADER_SIZE;
    while (at + SFPM_RECORD_SIZE <= mutant->size && mutant->num_places < MUTANT_RECORDS) {
        sfpm_record_t record;
        uint64_t end;
        if (!sfpm_record_decode(mutant->bytes + at, at, &record) ||
            !sfpm_record_end(&record, at, &end) || end > mutant->size ||
            !is_whole(mutant, at, &record)) {
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
    mutant_open(mutant);
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
    size_t unit = units[mutant_random(mutant, sizeof units / sizeof *units)], length;
    uint8_t *bytes = mutant_contents(mutant, place, &length);
    if (length < unit)
        return;
    size_t room = (length - unit) / 4 + 1;
    size_t from = mutant_random(mutant, room) * 4, to = mutant_random(mutant, room) * 4;
    memmove(bytes + to, bytes + from, unit);
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

static void change_contents(mutant_t *mutant, const place_t *place)
{
    size_t length;
    const uint8_t *contents = mutant_contents(mutant, place, &length);
    change_number(mutant, (size_t)(contents - mutant->bytes), length);
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
        change_contents(mutant, place);
}

void mutant_change_some(mutant_t *mutant)
{
    bool version1 = mutant->size >= 4 && sfpm_get_u32(mutant->bytes) == SFPM_V1_MAGIC;
    for (uint64_t n = mutant_random(mutant, 3) + 1; n > 0; n--) {
        if (version1)
            change_number(mutant, 4, mutant->size - 4);
        else
            change_once(mutant);
    }
}

void mutant_change(mutant_t *mutant)
{
    mutant_change_some(mutant);
    if (mutant->size >= 4 && sfpm_get_u32(mutant->bytes) != SFPM_V1_MAGIC)
        mutant_seal(mutant);
}
