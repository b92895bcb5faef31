/* SPDX-License-Identifier: MIT */
/* Reads /proc/self/maps, smaps and pagemap. */
#include "base/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/page.h"

void sfpm_maps_open(sfpm_maps_t *maps, bool with_flags)
{
    *maps = (sfpm_maps_t){.with_flags = with_flags};
#if defined(__linux__)
    maps->file = fopen(with_flags ? "/proc/self/smaps" : "/proc/self/maps", "re");
    maps->error = maps->file ? 0 : errno;
#endif
}

static bool read_line(sfpm_maps_t *maps, char **line, size_t *size)
{
    if (!maps->file)
        return false;
    errno = 0;
    if (getline(line, size, maps->file) > 0)
        return true;
    maps->error = feof(maps->file) ? 0 : errno;
    return false;
}

/* "start-end perms offset device inode   name". Apart by hand, since there may be
 * hundreds of lines, at each commit. */
static bool parse(char *line, sfpm_maps_entry_t *entry)
{
    char *at;
    entry->start = (uintptr_t)strtoumax(line, &at, 16);
    if (at == line || *at != '-')
        return false;
    entry->end = (uintptr_t)strtoumax(at + 1, &at, 16);
    if (strnlen(at, 6) < 6 || at[0] != ' ' || at[5] != ' ')
        return false;
    memcpy(entry->permissions, at + 1, 4);
    entry->permissions[4] = '\0';
    const char *device = strchr(at + 6, ' ');
    const char *inode = device ? strchr(device + 1, ' ') : NULL;
    entry->inode = inode ? strtoumax(inode, &at, 10) : 0;
    at += strspn(at, " ");
    at[strcspn(at, "\n")] = '\0';
    entry->name = at;
    entry->flags = NULL;
    return inode != NULL;
}

/* The flags are on the last of the lines that tell more of a mapping. */
static bool read_flags(sfpm_maps_t *maps, sfpm_maps_entry_t *entry)
{
    static const char key[] = "VmFlags:";
    while (read_line(maps, &maps->flags, &maps->flags_size))
        if (strncmp(maps->flags, key, sizeof key - 1) == 0) {
            entry->flags = maps->flags + sizeof key - 1;
            return true;
        }
    return false;
}

bool sfpm_maps_next(sfpm_maps_t *maps, sfpm_maps_entry_t *entry)
{
    if (!read_line(maps, &maps->line, &maps->line_size))
        return false;
    if (!parse(maps->line, entry)) {
        maps->error = EBADMSG;
        return false;
    }
    return !maps->with_flags || read_flags(maps, entry);
}

void sfpm_maps_close(sfpm_maps_t *maps)
{
    free(maps->line);
    free(maps->flags);
    if (maps->file)
        fclose(maps->file);
    maps->file = NULL;
    maps->line = maps->flags = NULL;
}

bool sfpm_maps_is_private(const sfpm_maps_entry_t *entry)
{
    return entry->permissions[3] == 'p';
}

bool sfpm_memory_is_shared(const void *base, size_t size)
{
    uintptr_t from = (uintptr_t)base, to = from + size;
    sfpm_maps_t maps;
    sfpm_maps_entry_t entry;
    bool shared = false;
    sfpm_maps_open(&maps, false);
    while (!shared && sfpm_maps_next(&maps, &entry) && entry.start < to)
        shared = entry.end > from && !sfpm_maps_is_private(&entry);
    sfpm_maps_close(&maps);
    return shared;
}

bool sfpm_pagemap_open(int *pagemap)
{
    if (SFPM_LINUX_PATHS && *pagemap < 0)
        *pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    return *pagemap >= 0;
}

size_t sfpm_pagemap_read(int *pagemap, uintptr_t from, uint64_t *entries, size_t count)
{
    off_t offset = (off_t)(from / sfpm_system_page() * sizeof *entries);
    if (!sfpm_pagemap_open(pagemap))
        return 0;
    ssize_t got = pread(*pagemap, entries, count * sizeof *entries, offset);
    return got < 0 ? 0 : (size_t)got / sizeof *entries;
}
