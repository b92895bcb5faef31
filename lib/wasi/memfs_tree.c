/* SPDX-License-Identifier: MIT */
/* Files inside the image: inodes, and the names that lead to them. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "bytecode/regions.h"
#include "wasi/memfs.h"

uint64_t sfpm_memfs_now(const sfpm_memfs_t *memfs)
{
    struct timespec now;
    if (memfs->clock)
        return memfs->clock(memfs->clock_context);
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0
               ? 0
               : (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void sfpm_memfs_touch(sfpm_memfs_inode_t *inode, uint64_t now)
{
    inode->modified = inode->changed = now;
}

bool sfpm_memfs_has_room(const sfpm_memfs_t *memfs, uint64_t more)
{
    return more <= SFPM_MEMFS_INODES_MAX_SIZE - memfs->record_size;
}

/* ---- Inodes ------------------------------------------------------------------------- */

bool sfpm_memfs_reserve_inode(sfpm_memfs_t *memfs, uint32_t number)
{
    void *inodes = memfs->inodes;
    size_t old = memfs->max_inodes;
    if (number < old)
        return true;
    if (!sfpm_grow_array(&inodes, &memfs->max_inodes, (size_t)number + 1,
                         sizeof *memfs->inodes))
        return false;
    memfs->inodes = inodes;
    memset(memfs->inodes + old, 0, (memfs->max_inodes - old) * sizeof *memfs->inodes);
    return true;
}

sfpm_wasi_errno_t sfpm_memfs_new_inode(sfpm_memfs_t *memfs, uint8_t type, uint64_t now,
                                       uint32_t *number)
{
    uint32_t index;
    if (!sfpm_memfs_has_room(memfs, SFPM_MEMFS_INODE) ||
        !sfpm_number_take(&memfs->inode_map, SFPM_MEMFS_MAX_INODES, &index))
        return WASI_ENOSPC;
    *number = index + 1;
    if (!sfpm_memfs_reserve_inode(memfs, *number)) {
        sfpm_number_release(&memfs->inode_map, index);
        return WASI_ENOMEM;
    }
    memfs->inodes[*number] = (sfpm_memfs_inode_t){
        .type = type, .accessed = now, .modified = now, .changed = now};
    memfs->num_inodes++;
    if (*number > memfs->last_inode)
        memfs->last_inode = *number;
    memfs->record_size += SFPM_MEMFS_INODE;
    memfs->recorded = false;
    return WASI_SUCCESS;
}

void sfpm_memfs_drop_inode(sfpm_memfs_t *memfs, uint32_t number)
{
    sfpm_memfs_inode_t *inode = &memfs->inodes[number];
    if (inode->links > 0 || inode->opens > 0 || number == SFPM_MEMFS_ROOT)
        return;
    sfpm_memfs_cut(memfs, inode, 0);
    memfs->record_size -= SFPM_MEMFS_INODE;
    if (inode->target)
        memfs->record_size -= strlen(inode->target);
    free(inode->runs);
    free(inode->target);
    *inode = (sfpm_memfs_inode_t){.type = WASI_TYPE_UNKNOWN};
    sfpm_number_release(&memfs->inode_map, number - 1);
    memfs->num_inodes--;
    memfs->recorded = false;
}

void sfpm_memfs_drop_orphans(sfpm_memfs_t *memfs)
{
    for (uint32_t i = SFPM_MEMFS_ROOT + 1; i <= memfs->last_inode; i++)
        if (memfs->inodes[i].type != WASI_TYPE_UNKNOWN)
            sfpm_memfs_drop_inode(memfs, i);
}

/* ---- Entries -------------------------------------------------------------------------- */

/* FNV-1a: of directory and name. */
static size_t place_of(const sfpm_memfs_t *memfs, uint32_t directory, const char *name,
                       size_t length)
{
    uint64_t hash = (UINT64_C(0xCBF29CE484222325) ^ directory) * UINT64_C(0x100000001B3);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001B3);
    return (size_t)(hash ^ hash >> 32) & (memfs->table_size - 1);
}

static size_t place_of_entry(const sfpm_memfs_t *memfs, const sfpm_memfs_entry_t *entry)
{
    return place_of(memfs, entry->directory, entry->name, strlen(entry->name));
}

uint32_t sfpm_memfs_find(const sfpm_memfs_t *memfs, uint32_t directory, const char *name,
                         size_t length)
{
    if (memfs->table_size == 0)
        return 0;
    uint32_t at = memfs->table[place_of(memfs, directory, name, length)];
    for (; at != 0; at = memfs->entries[at].chain) {
        const sfpm_memfs_entry_t *entry = &memfs->entries[at];
        if (entry->directory == directory && strlen(entry->name) == length &&
            memcmp(entry->name, name, length) == 0)
            break;
    }
    return at;
}

/* A table with twice the places. */
static bool grow_table(sfpm_memfs_t *memfs)
{
    size_t size = memfs->table_size ? 2 * memfs->table_size : 64;
    uint32_t *table = SFPM_NEW_N(uint32_t, size);
    if (!table)
        return false;
    free(memfs->table);
    memfs->table = table;
    memfs->table_size = size;
    for (uint32_t i = 1; i <= memfs->last_entry; i++) {
        sfpm_memfs_entry_t *entry = &memfs->entries[i];
        if (!entry->name)
            continue;
        uint32_t *place = &table[place_of_entry(memfs, entry)];
        entry->chain = *place;
        *place = i;
    }
    return true;
}

/* A number for an entry; 0 without memory. */
static uint32_t new_entry(sfpm_memfs_t *memfs)
{
    void *entries = memfs->entries;
    uint32_t number = memfs->free_entry;
    if (memfs->num_entries >= memfs->table_size && !grow_table(memfs))
        return 0;
    if (number != 0) {
        memfs->free_entry = memfs->entries[number].chain;
        return number;
    }
    number = memfs->last_entry + 1;
    if (!sfpm_grow_array(&entries, &memfs->max_entries, (size_t)number + 1,
                         sizeof *memfs->entries))
        return 0;
    memfs->entries = entries;
    memfs->last_entry = number;
    return number;
}

/* Puts an entry into the list of its directory, whose parent or links it changes. */
static void attach(sfpm_memfs_t *memfs, uint32_t number)
{
    sfpm_memfs_entry_t *entry = &memfs->entries[number];
    sfpm_memfs_inode_t *directory = &memfs->inodes[entry->directory];
    sfpm_memfs_inode_t *inode = &memfs->inodes[entry->inode];
    uint32_t *place = &memfs->table[place_of_entry(memfs, entry)];
    entry->chain = *place;
    *place = number;
    entry->previous = 0;
    entry->next = directory->entries;
    if (entry->next != 0)
        memfs->entries[entry->next].previous = number;
    directory->entries = number;
    inode->links++;
    if (inode->type == WASI_TYPE_DIRECTORY) {
        inode->parent = entry->directory;
        directory->directories++;
    }
    memfs->num_entries++;
}

sfpm_wasi_errno_t sfpm_memfs_add_entry(sfpm_memfs_t *memfs, uint32_t directory,
                                       const char *name, size_t length, uint32_t inode)
{
    if (!sfpm_memfs_has_room(memfs, SFPM_MEMFS_ENTRY + length))
        return WASI_ENOSPC;
    char *copy = SFPM_NEW_N(char, length + 1);
    uint32_t number = copy ? new_entry(memfs) : 0;
    if (number == 0) {
        free(copy);
        return WASI_ENOMEM;
    }
    memcpy(copy, name, length);
    memfs->entries[number] =
        (sfpm_memfs_entry_t){.directory = directory, .inode = inode, .name = copy};
    attach(memfs, number);
    memfs->record_size += SFPM_MEMFS_ENTRY + length;
    memfs->recorded = false;
    return WASI_SUCCESS;
}

void sfpm_memfs_remove_entry(sfpm_memfs_t *memfs, uint32_t number)
{
    sfpm_memfs_entry_t *entry = &memfs->entries[number];
    sfpm_memfs_inode_t *directory = &memfs->inodes[entry->directory];
    sfpm_memfs_inode_t *inode = &memfs->inodes[entry->inode];
    uint32_t *place = &memfs->table[place_of_entry(memfs, entry)];
    while (*place != number)
        place = &memfs->entries[*place].chain;
    *place = entry->chain;
    if (entry->previous != 0)
        memfs->entries[entry->previous].next = entry->next;
    else
        directory->entries = entry->next;
    if (entry->next != 0)
        memfs->entries[entry->next].previous = entry->previous;
    inode->links--;
    if (inode->type == WASI_TYPE_DIRECTORY) {
        inode->parent = 0;
        directory->directories--;
    }
    memfs->record_size -= SFPM_MEMFS_ENTRY + strlen(entry->name);
    free(entry->name);
    *entry = (sfpm_memfs_entry_t){.chain = memfs->free_entry};
    memfs->free_entry = number;
    memfs->num_entries--;
    memfs->recorded = false;
}

/* ---- Order ---------------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    uint32_t entry;
} named_t;

static int compare(const void *one, const void *other)
{
    return strcmp(((const named_t *)one)->name, ((const named_t *)other)->name);
}

uint32_t *sfpm_memfs_sorted(const sfpm_memfs_t *memfs, uint32_t directory, size_t *count)
{
    uint32_t first = memfs->inodes[directory].entries;
    size_t wanted = 0;
    *count = 0;
    for (uint32_t at = first; at != 0; at = memfs->entries[at].next)
        wanted++;
    named_t *names = SFPM_NEW_N(named_t, wanted);
    uint32_t *list = SFPM_NEW_N(uint32_t, wanted);
    if (names && list) {
        for (uint32_t at = first; at != 0; at = memfs->entries[at].next)
            names[(*count)++] = (named_t){memfs->entries[at].name, at};
        qsort(names, wanted, sizeof *names, compare);
        for (size_t i = 0; i < wanted; i++)
            list[i] = names[i].entry;
    } else {
        free(list);
        list = NULL;
    }
    free(names);
    return list;
}

/* ---- Emptying --------------------------------------------------------------------------- */

bool sfpm_memfs_clear(sfpm_memfs_t *memfs, bool root)
{
    uint32_t number;
    for (uint32_t i = 1; i <= memfs->last_entry; i++)
        free(memfs->entries[i].name);
    for (uint32_t i = 1; i <= memfs->last_inode; i++) {
        free(memfs->inodes[i].runs);
        free(memfs->inodes[i].target);
    }
    free(memfs->entries);
    free(memfs->inodes);
    free(memfs->table);
    free(memfs->inode_map.words);
    free(memfs->block_map.words);
    free(memfs->changed);
    sfpm_buffer_free(&memfs->record);
    sfpm_memory_free(&memfs->blocks);
    *memfs = (sfpm_memfs_t){.base = memfs->base,
                            .guest = memfs->guest,
                            .max_size = memfs->max_size,
                            .clock = memfs->clock,
                            .clock_context = memfs->clock_context,
                            .record_size = SFPM_MEMFS_HEADER + strlen(memfs->guest)};
    return !root || sfpm_memfs_new_inode(memfs, WASI_TYPE_DIRECTORY, 0, &number) ==
                       WASI_SUCCESS;
}
