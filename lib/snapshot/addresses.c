/* SPDX-License-Identifier: MIT */
/*
 * Finds words in registered memory that look like addresses of mapped memory: a
 * debugging aid, since an address means nothing in another process.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/maps.h"
#include "base/memory.h"
#include "snapshot/hooks.h"

/* Addresses from `start` up to, not including, `end`. */
typedef struct range {
    uintptr_t start;
    uintptr_t end;
    char *name;
} range_t;

typedef struct ranges {
    range_t *list;
    size_t count;
    size_t capacity;
} ranges_t;

static bool add_range(ranges_t *ranges, uintptr_t start, uintptr_t end, const char *name)
{
    void *array = ranges->list;
    if (!sfpm_grow_array(&array, &ranges->capacity, ranges->count + 1,
                         sizeof *ranges->list))
        return false;
    ranges->list = array;
    char *copy = sfpm_copy_string(name);
    if (!copy)
        return false;
    ranges->list[ranges->count++] = (range_t){start, end, copy};
    return true;
}

static void free_ranges(ranges_t *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        free(ranges->list[i].name);
    free(ranges->list);
}

static int compare_ranges(const void *left, const void *right)
{
    const range_t *a = left;
    const range_t *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

/* Mappings without any permission only keep addresses free; nothing lies there. */
static bool read_mappings(ranges_t *ranges)
{
    bool ok = true;
    sfpm_maps_t maps;
    sfpm_maps_entry_t entry;
    sfpm_maps_open(&maps, false);
    while (ok && sfpm_maps_next(&maps, &entry))
        ok = strncmp(entry.permissions, "---", 3) == 0 ||
             add_range(ranges, entry.start, entry.end,
                       *entry.name ? entry.name : "[anonymous]");
    if (ok && maps.error)
        ok = sfpm_fail_errno(maps.error, "/proc/self/maps");
    sfpm_maps_close(&maps);
    return ok;
}

/* The range that holds an address, NULL when none does. Registered regions may
 * overlap: the one that starts last is found. */
static const range_t *find_range(const ranges_t *ranges, uintptr_t address)
{
    size_t low = 0;
    size_t high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < ranges->list[low - 1].end ? &ranges->list[low - 1] : NULL;
}

/* Returns false when the callback wants no more. */
static bool search_region(const sfpm_registered_t *region, const ranges_t *registered,
                          const ranges_t *mapped, sfpm_address_callback_t callback,
                          void *context)
{
    const unsigned char *bytes = region->base;
    size_t offset = (size_t)(-(uintptr_t)region->base % sizeof(uintptr_t));
    for (; offset <= region->size && region->size - offset >= sizeof(uintptr_t);
         offset += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, bytes + offset, sizeof word);
        const range_t *target = find_range(registered, word);
        if (!target)
            target = find_range(mapped, word);
        if (!target)
            continue;
        const sfpm_address_hint_t hint = {.region = region->name,
                                          .offset = offset,
                                          .value = word,
                                          .target = target->name};
        if (!callback(context, &hint))
            return false;
    }
    return true;
}

static bool add_registered(ranges_t *ranges, const sfpm_snapshot_t *snapshot)
{
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        uintptr_t start = (uintptr_t)region->base;
        if (!region->name)
            continue; /* it was removed */
        if (!add_range(ranges, start, start + region->size, region->name))
            return false;
    }
    if (ranges->count > 0)
        qsort(ranges->list, ranges->count, sizeof *ranges->list, compare_ranges);
    return true;
}

bool sfpm_snapshot_find_addresses(const sfpm_snapshot_t *snapshot,
                                  sfpm_address_callback_t callback, void *context)
{
    ranges_t registered = {0};
    ranges_t mapped = {0};
    if (!snapshot || !callback)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "callback" : "snapshot");
    bool ok = add_registered(&registered, snapshot) && read_mappings(&mapped);
    bool more = ok;
    sfpm_regions_expose(snapshot);
    for (size_t i = 0; more && i < snapshot->num_regions; i++)
        more = !snapshot->regions[i].name ||
               search_region(&snapshot->regions[i], &registered, &mapped, callback,
                             context);
    sfpm_regions_cover(snapshot);
    free_ranges(&registered);
    free_ranges(&mapped);
    return ok;
}
