/* SPDX-License-Identifier: MIT */
/*
 * Reads the page tables to find memory that holds nothing. An absent page certainly
 * reads as zeros only in private anonymous memory that nobody fills on demand. The list
 * of mappings, which is read once an absent page was found, shows which memory that is.
 */
#include "commit/absent.h"

#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "base/error.h"
#include "base/maps.h"
#include "base/memory.h"
#include "base/page.h"

/* The pages that meet a leaf of the smallest pages. */
enum { ENTRIES_MAX = SFPM_LEAF_PAGES + 1 };

static bool add_area(sfpm_presence_t *presence, const sfpm_area_t *area)
{
    size_t count = presence->num_areas;
    if (count > 0 && presence->areas[count - 1].to == area->from) {
        presence->areas[count - 1].to = area->to;
        return true;
    }
    void *areas = presence->areas;
    bool ok = sfpm_grow_array(&areas, &presence->max_areas, count + 1, sizeof *area);
    presence->areas = areas;
    if (ok)
        presence->areas[presence->num_areas++] = *area;
    return ok;
}

static bool is_anonymous(const sfpm_maps_entry_t *entry)
{
    const char *name = entry->name;
    return entry->permissions[0] == 'r' && entry->permissions[3] == 'p' &&
           entry->inode == 0 &&
           (!*name || strncmp(name, "[heap]", 6) == 0 || strncmp(name, "[anon:", 6) == 0);
}

/* Whether the flags of a mapping say that a page which is absent is filled by a program
 * (um), by a device (io, pf), or is huge (ht). */
static bool is_plain(const char *flags)
{
    static const char *const others[] = {" um", " io", " pf", " ht"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strstr(flags, others[i]))
            return false;
    return true;
}

/* That memory is short must not stand in the way of saving. */
static bool list_areas(sfpm_presence_t *presence)
{
    sfpm_error_state_t error;
    sfpm_maps_t maps;
    sfpm_maps_entry_t entry;
    bool ok = true;
    sfpm_error_save(&error);
    sfpm_maps_open(&maps, true);
    while (ok && sfpm_maps_next(&maps, &entry))
        if (is_anonymous(&entry) && is_plain(entry.flags))
            ok = add_area(presence, &(sfpm_area_t){entry.start, entry.end});
    if (!ok)
        sfpm_error_restore(&error);
    sfpm_maps_close(&maps);
    presence->listed = true;
    return ok && maps.error == 0;
}

/* Whether one area holds all of it. */
static bool is_listed(const sfpm_presence_t *presence, uintptr_t from, uintptr_t to)
{
    size_t low = 0, high = presence->num_areas;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (presence->areas[middle].to <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < presence->num_areas && presence->areas[low].from <= from &&
           to <= presence->areas[low].to;
}

/* Bit 63: present; 62: swapped out, or otherwise not what it seems. */
static bool all_absent(const uint64_t *entries, size_t count)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= entries[i];
    return any >> 62 == 0;
}

size_t sfpm_absent_chunks(sfpm_presence_t *presence, const uint8_t *memory, size_t size,
                          bool absent[SFPM_LEAF_CHUNKS])
{
    uint64_t entries[ENTRIES_MAX];
    uintptr_t page = sfpm_system_page(), start = (uintptr_t)memory & ~(page - 1);
    size_t count = ((uintptr_t)memory + size - start + page - 1) / page, found = 0;
    memset(absent, 0, SFPM_LEAF_CHUNKS * sizeof *absent);
    if (presence->unknown || size == 0 || count > ENTRIES_MAX)
        return 0;
    presence->unknown =
        sfpm_pagemap_read(&presence->pagemap, start, entries, count) != count;
    for (size_t at = 0, i = 0; !presence->unknown && at < size; at += SFPM_CHUNK, i++) {
        uintptr_t from = (uintptr_t)memory + at;
        uintptr_t to = from + sfpm_span(size, at, SFPM_CHUNK);
        size_t first = (from - start) / page;
        if (!all_absent(entries + first, (to - start + page - 1) / page - first))
            continue;
        if (!presence->listed)
            presence->unknown = !list_areas(presence);
        absent[i] = is_listed(presence, from, to);
        found += absent[i];
    }
    return presence->unknown ? 0 : found;
}

void sfpm_presence_free(sfpm_presence_t *presence)
{
    if (presence->pagemap >= 0)
        close(presence->pagemap);
    free(presence->areas);
    *presence = SFPM_NO_PRESENCE;
}
