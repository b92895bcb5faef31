/* SPDX-License-Identifier: MIT */
/* Files inside the image as a place for files: what a program does with them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wasi/memfs.h"

static sfpm_memfs_inode_t *inode_of(sfpm_memfs_t *memfs, sfpm_wasi_handle_t handle)
{
    return &memfs->inodes[handle];
}

/* ---- Facts --------------------------------------------------------------------------- */

static void fill_stat(const sfpm_memfs_t *memfs, uint32_t number, sfpm_wasi_stat_t *stat)
{
    const sfpm_memfs_inode_t *inode = &memfs->inodes[number];
    bool directory = inode->type == WASI_TYPE_DIRECTORY;
    *stat = (sfpm_wasi_stat_t){.device = 1,
                               .inode = number,
                               .links = inode->links,
                               .size = inode->size,
                               .accessed = inode->accessed,
                               .modified = inode->modified,
                               .changed = inode->changed,
                               .type = inode->type};
    if (directory && (inode->links > 0 || number == SFPM_MEMFS_ROOT))
        stat->links = 2 + (uint64_t)inode->directories;
}

static sfpm_wasi_errno_t memfs_stat(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                    sfpm_wasi_stat_t *stat)
{
    fill_stat((sfpm_memfs_t *)files, (uint32_t)handle, stat);
    return WASI_SUCCESS;
}

/* What a path leads to, which must exist. */
static sfpm_wasi_errno_t find(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                              const char *path, bool follow, uint32_t *number)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk(memfs, (uint32_t)directory, path, follow, &place);
    if (error == WASI_SUCCESS && place.inode == 0)
        error = WASI_ENOENT;
    if (error == WASI_SUCCESS && place.slash &&
        memfs->inodes[place.inode].type != WASI_TYPE_DIRECTORY)
        error = WASI_ENOTDIR;
    *number = place.inode;
    return error;
}

static sfpm_wasi_errno_t memfs_stat_path(sfpm_filesystem_t *files,
                                         sfpm_wasi_handle_t directory, const char *path,
                                         bool follow, sfpm_wasi_stat_t *stat)
{
    uint32_t number;
    sfpm_wasi_errno_t error = find(files, directory, path, follow, &number);
    if (error == WASI_SUCCESS)
        fill_stat((sfpm_memfs_t *)files, number, stat);
    return error;
}

static sfpm_wasi_errno_t memfs_set_times(sfpm_filesystem_t *files,
                                         sfpm_wasi_handle_t handle,
                                         const sfpm_wasi_times_t *times)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_inode_t *inode = inode_of(memfs, handle);
    uint64_t now = sfpm_memfs_now(memfs);
    if (times->which & WASI_SET_ATIM)
        inode->accessed = times->accessed;
    if (times->which & WASI_SET_ATIM_NOW)
        inode->accessed = now;
    if (times->which & WASI_SET_MTIM)
        inode->modified = times->modified;
    if (times->which & WASI_SET_MTIM_NOW)
        inode->modified = now;
    inode->changed = now;
    memfs->recorded = false;
    return WASI_SUCCESS;
}

static sfpm_wasi_errno_t memfs_set_path_times(sfpm_filesystem_t *files,
                                              sfpm_wasi_handle_t directory,
                                              const char *path, bool follow,
                                              const sfpm_wasi_times_t *times)
{
    uint32_t number;
    sfpm_wasi_errno_t error = find(files, directory, path, follow, &number);
    return error == WASI_SUCCESS ? memfs_set_times(files, number, times) : error;
}

/* ---- Opening ---------------------------------------------------------------------------- */

/* As open(2) has it, for what is there. */
static sfpm_wasi_errno_t check_open(const sfpm_memfs_inode_t *inode,
                                    const sfpm_memfs_place_t *place,
                                    const sfpm_wasi_how_t *how)
{
    bool wants_directory = (how->open & WASI_IS_DIRECTORY) != 0;
    if ((how->open & WASI_CREATE) && (how->open & WASI_EXCLUSIVE))
        return WASI_EEXIST;
    if (inode->type == WASI_TYPE_LINK)
        return wants_directory ? WASI_ENOTDIR : WASI_ELOOP;
    if (inode->type != WASI_TYPE_DIRECTORY)
        return wants_directory || place->slash ? WASI_ENOTDIR : WASI_SUCCESS;
    bool changes = (how->open & (WASI_CREATE | WASI_TRUNCATE)) != 0 ||
                   (how->writes && !wants_directory);
    return changes ? WASI_EISDIR : WASI_SUCCESS;
}

static sfpm_wasi_errno_t open_place(sfpm_memfs_t *memfs, sfpm_memfs_place_t *place,
                                    const sfpm_wasi_how_t *how)
{
    bool create = (how->open & WASI_CREATE) != 0;
    if (place->inode == 0)
        return create ? sfpm_memfs_create_file(memfs, place, &place->inode) : WASI_ENOENT;
    sfpm_memfs_inode_t *inode = &memfs->inodes[place->inode];
    sfpm_wasi_errno_t error = check_open(inode, place, how);
    if (error == WASI_SUCCESS && (how->open & WASI_TRUNCATE)) {
        error = sfpm_memfs_resize(memfs, inode, 0);
        sfpm_memfs_touch(inode, sfpm_memfs_now(memfs));
    }
    return error;
}

static sfpm_wasi_errno_t memfs_open(sfpm_filesystem_t *files,
                                    sfpm_wasi_handle_t directory, const char *path,
                                    const sfpm_wasi_how_t *how,
                                    sfpm_wasi_handle_t *handle, sfpm_wasi_stat_t *stat)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    const uint16_t exclusive = WASI_CREATE | WASI_EXCLUSIVE;
    bool follow = how->follow && (how->open & exclusive) != exclusive;
    if ((how->open & WASI_CREATE) && (how->open & WASI_IS_DIRECTORY))
        return WASI_EINVAL;
    if (*path == '\0')
        return WASI_ENOENT;
    sfpm_wasi_errno_t error =
        (how->open & WASI_CREATE ? sfpm_memfs_walk_new : sfpm_memfs_walk)(
            memfs, (uint32_t)directory, path, follow, &place);
    if (error == WASI_SUCCESS)
        error = open_place(memfs, &place, how);
    if (error != WASI_SUCCESS)
        return error;
    memfs->inodes[place.inode].opens++;
    *handle = place.inode;
    fill_stat(memfs, place.inode, stat);
    return WASI_SUCCESS;
}

static sfpm_wasi_errno_t memfs_open_inode(sfpm_filesystem_t *files, uint64_t number,
                                          sfpm_wasi_handle_t *handle,
                                          sfpm_wasi_stat_t *stat)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    if (number == 0 || number > memfs->last_inode ||
        memfs->inodes[number].type == WASI_TYPE_UNKNOWN)
        return WASI_ENOENT;
    memfs->inodes[number].opens++;
    *handle = (sfpm_wasi_handle_t)number;
    fill_stat(memfs, (uint32_t)number, stat);
    return WASI_SUCCESS;
}

static void memfs_close(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    inode_of(memfs, handle)->opens--;
    sfpm_memfs_drop_inode(memfs, (uint32_t)handle);
}

/* ---- Contents ---------------------------------------------------------------------------- */

static sfpm_wasi_errno_t memfs_read(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                    void *bytes, size_t size, uint64_t at, size_t *count)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    *count = sfpm_memfs_read_file(memfs, inode_of(memfs, handle), bytes, size, at);
    return WASI_SUCCESS;
}

static sfpm_wasi_errno_t memfs_write(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     const void *bytes, size_t size, uint64_t at,
                                     size_t *count)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_inode_t *inode = inode_of(memfs, handle);
    sfpm_wasi_errno_t error =
        sfpm_memfs_write_file(memfs, inode, bytes, size, at, count);
    if (*count > 0)
        sfpm_memfs_touch(inode, sfpm_memfs_now(memfs));
    return error;
}

static sfpm_wasi_errno_t memfs_append(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                      const void *bytes, size_t size, size_t *count,
                                      uint64_t *end)
{
    sfpm_memfs_inode_t *inode = inode_of((sfpm_memfs_t *)files, handle);
    sfpm_wasi_errno_t error =
        memfs_write(files, handle, bytes, size, inode->size, count);
    *end = inode->size;
    return error;
}

static sfpm_wasi_errno_t memfs_set_size(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t handle, uint64_t size)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_inode_t *inode = inode_of(memfs, handle);
    sfpm_wasi_errno_t error = sfpm_memfs_resize(memfs, inode, size);
    if (error == WASI_SUCCESS)
        sfpm_memfs_touch(inode, sfpm_memfs_now(memfs));
    return error;
}

static sfpm_wasi_errno_t memfs_allocate(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t handle, uint64_t offset,
                                        uint64_t length)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_inode_t *inode = inode_of(memfs, handle);
    sfpm_wasi_errno_t error = sfpm_memfs_fill(memfs, inode, offset, length);
    if (error == WASI_SUCCESS)
        sfpm_memfs_touch(inode, sfpm_memfs_now(memfs));
    return error;
}

/* Whether each write is synced is fixed when a file is opened. */
static sfpm_wasi_errno_t memfs_set_flags(sfpm_filesystem_t *files,
                                         sfpm_wasi_handle_t handle, uint16_t old,
                                         uint16_t flags)
{
    const uint16_t synced = WASI_DSYNC | WASI_RSYNC | WASI_SYNC;
    (void)files, (void)handle;
    return (old & synced) == (flags & synced) ? WASI_SUCCESS : WASI_ENOTSUP;
}

/* A commit makes them durable. */
static sfpm_wasi_errno_t memfs_sync(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                    bool data_only)
{
    (void)files, (void)handle, (void)data_only;
    return WASI_SUCCESS;
}

/* ---- Directories and links ------------------------------------------------------------------ */

static sfpm_wasi_errno_t memfs_list(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                    sfpm_buffer_t *listing)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    size_t count;
    if (inode_of(memfs, handle)->type != WASI_TYPE_DIRECTORY)
        return WASI_ENOTDIR;
    uint32_t *sorted = sfpm_memfs_sorted(memfs, (uint32_t)handle, &count);
    uint64_t number = (uint64_t)handle;
    bool ok = sorted && sfpm_listing_add(listing, number, WASI_TYPE_DIRECTORY, ".", 1) &&
              sfpm_listing_add(listing, number, WASI_TYPE_DIRECTORY, "..", 2);
    for (size_t i = 0; ok && i < count; i++) {
        const sfpm_memfs_entry_t *entry = &memfs->entries[sorted[i]];
        ok = sfpm_listing_add(listing, entry->inode, memfs->inodes[entry->inode].type,
                              entry->name, strlen(entry->name));
    }
    free(sorted);
    return ok ? WASI_SUCCESS : WASI_ENOMEM;
}

static sfpm_wasi_errno_t memfs_read_link(sfpm_filesystem_t *files,
                                         sfpm_wasi_handle_t directory, const char *path,
                                         void *target, size_t room, size_t *length)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk(memfs, (uint32_t)directory, path, false, &place);
    if (error != WASI_SUCCESS)
        return error;
    if (place.inode == 0)
        return WASI_ENOENT;
    const char *whole = memfs->inodes[place.inode].target;
    if (!whole)
        return WASI_EINVAL;
    *length = strlen(whole) < room ? strlen(whole) : room;
    memcpy(target, whole, *length);
    return WASI_SUCCESS;
}

/* ---- Their state, which is in the image --------------------------------------------------- */

static sfpm_wasi_errno_t memfs_identify(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t handle, const char *path,
                                        sfpm_facts_t *facts)
{
    (void)files, (void)path;
    *facts = (sfpm_facts_t){.kind = SFPM_FACTS_OTHER, .inode = (uint64_t)handle};
    return WASI_SUCCESS;
}

static bool memfs_confirm(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                          const char *path, const sfpm_facts_t *facts, bool grown,
                          char *why, size_t room)
{
    (void)files, (void)handle, (void)path, (void)facts, (void)grown, (void)why,
        (void)room;
    return true;
}

static void memfs_free(sfpm_filesystem_t *files)
{
    sfpm_memfs_destroy((sfpm_memfs_t *)files);
}

const sfpm_filesystem_operations_t sfpm_memfs_operations = {
    .open = memfs_open,
    .open_inode = memfs_open_inode,
    .close = memfs_close,
    .read = memfs_read,
    .write = memfs_write,
    .append = memfs_append,
    .stat = memfs_stat,
    .set_size = memfs_set_size,
    .set_times = memfs_set_times,
    .set_flags = memfs_set_flags,
    .sync = memfs_sync,
    .allocate = memfs_allocate,
    .list = memfs_list,
    .stat_path = memfs_stat_path,
    .set_path_times = memfs_set_path_times,
    .make_directory = sfpm_memfs_make_directory,
    .remove_directory = sfpm_memfs_remove_directory,
    .unlink = sfpm_memfs_unlink,
    .rename = sfpm_memfs_rename,
    .link = sfpm_memfs_link,
    .symlink = sfpm_memfs_symlink,
    .read_link = memfs_read_link,
    .identify = memfs_identify,
    .confirm = memfs_confirm,
    .free = memfs_free,
};
