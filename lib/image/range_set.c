/* SPDX-License-Identifier: MIT */
/* Byte ranges of a file, compared as sets: do records hold all that extents name, and
 * nothing else? */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "image/range_set.h"

bool sfpm_ranges_add(sfpm_ranges_t *ranges, uint64_t offset, uint64_t length)
{
    void *items = ranges->items;
    if (length == 0)
        return true;
    bool ok = sfpm_grow_array(&items, &ranges->capacity, ranges->count + 1,
                              sizeof(sfpm_range_t));
    ranges->items = items;
    if (ok)
        ranges->items[ranges->count++] = (sfpm_range_t){offset, length};
    return ok;
}

void sfpm_ranges_free(sfpm_ranges_t *ranges)
{
    free(ranges->items);
    *ranges = (sfpm_ranges_t){0};
}

static int by_offset(const void *a, const void *b)
{
    const sfpm_range_t *left = a, *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Sorts, and joins what overlaps or touches. */
static void normalise(sfpm_ranges_t *ranges)
{
    size_t kept = 0;
    if (ranges->count == 0)
        return;
    qsort(ranges->items, ranges->count, sizeof(sfpm_range_t), by_offset);
    for (size_t i = 1; i < ranges->count; i++) {
        sfpm_range_t *last = &ranges->items[kept], *now = &ranges->items[i];
        uint64_t end = last->offset + last->length;
        if (now->offset > end)
            ranges->items[++kept] = *now;
        else if (now->offset + now->length > end)
            last->length = now->offset + now->length - last->offset;
    }
    ranges->count = kept + 1;
}

uint64_t sfpm_ranges_total(sfpm_ranges_t *ranges)
{
    uint64_t total = 0;
    normalise(ranges);
    for (size_t i = 0; i < ranges->count; i++)
        total += ranges->items[i].length;
    return total;
}

bool sfpm_ranges_cover(sfpm_ranges_t *data, sfpm_ranges_t *used)
{
    normalise(data);
    normalise(used);
    size_t at = 0;
    for (size_t i = 0; i < data->count; i++, at++) {
        uint64_t offset = data->items[i].offset;
        if (at >= used->count || used->items[at].offset > offset ||
            used->items[at].offset + used->items[at].length <
                offset + data->items[i].length)
            return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                                "some of the %llu data bytes at offset %llu belong to no "
                                "region",
                                (unsigned long long)data->items[i].length,
                                (unsigned long long)offset);
        if (used->items[at].offset != offset ||
            used->items[at].length != data->items[i].length)
            return sfpm_fail_at(
                SFPM_ERR_CORRUPT, used->items[at].offset,
                "region contents at offset %llu lie outside of data records",
                (unsigned long long)used->items[at].offset);
    }
    return at == used->count ||
           sfpm_fail_at(SFPM_ERR_CORRUPT, used->items[at].offset,
                        "region contents at offset %llu lie outside of data records",
                        (unsigned long long)used->items[at].offset);
}

bool sfpm_ranges_hold(sfpm_ranges_t *data, sfpm_ranges_t *used)
{
    normalise(data);
    normalise(used);
    size_t at = 0;
    for (size_t i = 0; i < used->count; i++) {
        const sfpm_range_t *now = &used->items[i];
        while (at < data->count &&
               data->items[at].offset + data->items[at].length <= now->offset)
            at++;
        if (at == data->count || data->items[at].offset > now->offset ||
            data->items[at].offset + data->items[at].length < now->offset + now->length)
            return sfpm_fail_at(SFPM_ERR_CORRUPT, now->offset,
                                "the chunk at offset %llu lies outside of data records",
                                (unsigned long long)now->offset);
    }
    return true;
}
