/* SPDX-License-Identifier: MIT */
/*
 * Reads the page tables to find memory that holds nothing. That an absent page reads as
 * zeros is certain only for private anonymous memory which nobody fills on demand: the
 * list of mappings tells, and is read when something is absent at all.
 */
#include "commit/absent.h"

#include <stdlib.h>
#include <string.h>

#if SFPM_LINUX_PATHS
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/page.h"

/* The pages that meet a leaf of the smallest pages. */
enum { ENTRIES_MAX = SFPM_LEAF_PAGES + 1 };

static bool add_area(sfpm_presence_t *presence, const sfpm_area_t *area)
{
    sfpm_area_t *last = presence->areas + presence->num_areas - 1;
    if (presence->num_areas > 0 && last->to == area->from) {
        last->to = area->to;
        return true;
    }
    void *areas = presence->areas;
    bool ok = sfpm_grow_array(&areas, &presence->max_areas, presence->num_areas + 1,
                              sizeof *area);
    presence->areas = areas;
    if (ok)
        presence->areas[presence->num_areas++] = *area;
    return ok;
}

/* "start-end perms offset device inode path": whether the line begins a mapping, and
 * whether that is readable, private and anonymous. */
static bool begins_mapping(const char *line, sfpm_area_t *area, bool *anonymous)
{
    char *at;
    area->from = (uintptr_t)strtoumax(line, &at, 16);
    if (at == line || *at != '-')
        return false;
    area->to = (uintptr_t)strtoumax(at + 1, &at, 16);
    if (strnlen(at, 6) < 6 || at[0] != ' ' || at[5] != ' ')
        return false;
    const char *device = strchr(at + 6, ' ');
    const char *inode = device ? strchr(device + 1, ' ') : NULL;
    *anonymous = at[1] == 'r' && at[4] == 'p' && inode && strtoumax(inode, &at, 10) == 0;
    at += *anonymous ? strspn(at, " ") : 0;
    *anonymous = *anonymous && (*at == '\n' || strncmp(at, "[heap]", 6) == 0 ||
                                strncmp(at, "[anon:", 6) == 0);
    return true;
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

/* Takes one line: the first of a mapping, or one of those that tell more of it. */
static bool take_line(sfpm_presence_t *presence, const char *line, sfpm_area_t *area,
                      bool *anonymous)
{
    static const char key[] = "VmFlags:";
    sfpm_area_t begun;
    bool candidate;
    if (begins_mapping(line, &begun, &candidate)) {
        *area = begun;
        *anonymous = candidate;
    } else if (*anonymous && strncmp(line, key, sizeof key - 1) == 0 && is_plain(line)) {
        return add_area(presence, area);
    }
    return true;
}

/* That memory is short must not stand in the way of saving. */
static bool list_areas(sfpm_presence_t *presence)
{
    char line[1024];
    sfpm_error_state_t error;
    sfpm_area_t area = {0, 0};
    bool ok = true, anonymous = false, begins = true;
    FILE *file = fopen("/proc/self/smaps", "re");
    sfpm_error_save(&error);
    for (; file && ok && fgets(line, sizeof line, file); begins = strchr(line, '\n'))
        ok = !begins || take_line(presence, line, &area, &anonymous);
    if (file)
        fclose(file);
    if (!ok)
        sfpm_error_restore(&error);
    presence->listed = true;
    return file && ok;
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

/* The entries of the pages from an address on. */
static bool read_entries(sfpm_presence_t *presence, uintptr_t from, uint64_t *entries,
                         size_t count)
{
    if (presence->pagemap < 0)
        presence->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t offset = (off_t)(from / sfpm_system_page() * sizeof *entries);
    size_t size = count * sizeof *entries;
    return presence->pagemap >= 0 &&
           pread(presence->pagemap, entries, size, offset) == (ssize_t)size;
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
    presence->unknown = !read_entries(presence, start, entries, count);
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

#else

size_t sfpm_absent_chunks(sfpm_presence_t *presence, const uint8_t *memory, size_t size,
                          bool absent[SFPM_LEAF_CHUNKS])
{
    (void)presence;
    (void)memory;
    (void)size;
    memset(absent, 0, SFPM_LEAF_CHUNKS * sizeof *absent);
    return 0;
}

void sfpm_presence_free(sfpm_presence_t *presence)
{
    *presence = SFPM_NO_PRESENCE;
}

#endif
