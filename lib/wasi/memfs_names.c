/* SPDX-License-Identifier: MIT */
/* Files inside the image: making, renaming and removing. */
#include <stdlib.h>
#include <string.h>

#include "wasi/beneath.h"
#include "wasi/memfs.h"

static bool is_directory(const sfpm_memfs_t *memfs, uint32_t inode)
{
    return memfs->inodes[inode].type == WASI_TYPE_DIRECTORY;
}

static bool is_itself(const sfpm_memfs_place_t *place)
{
    return strcmp(place->name, ".") == 0;
}

/* Whether something can be made in the directory: it was not removed. */
static bool is_alive(const sfpm_memfs_t *memfs, uint32_t directory)
{
    return directory == SFPM_MEMFS_ROOT || memfs->inodes[directory].links > 0;
}

/* Puts a name into a directory. */
static sfpm_wasi_errno_t put_name(sfpm_memfs_t *memfs, const sfpm_memfs_place_t *place,
                                  uint32_t inode, uint64_t now)
{
    if (!is_alive(memfs, place->directory))
        return WASI_ENOENT;
    sfpm_wasi_errno_t error = sfpm_memfs_add_entry(memfs, place->directory, place->name,
                                                   place->length, inode);
    if (error == WASI_SUCCESS) {
        sfpm_memfs_touch(&memfs->inodes[place->directory], now);
        memfs->inodes[inode].changed = now;
    }
    return error;
}

static void take_name(sfpm_memfs_t *memfs, const sfpm_memfs_place_t *place, uint64_t now)
{
    sfpm_memfs_touch(&memfs->inodes[place->directory], now);
    memfs->inodes[place->inode].changed = now;
    sfpm_memfs_remove_entry(memfs, place->entry);
}

static sfpm_wasi_errno_t make(sfpm_memfs_t *memfs, const sfpm_memfs_place_t *place,
                              uint8_t type, const char *target, uint32_t *number)
{
    uint64_t now = sfpm_memfs_now(memfs), length = target ? strlen(target) : 0;
    if (!sfpm_memfs_has_room(memfs, SFPM_MEMFS_INODE + SFPM_MEMFS_ENTRY + place->length +
                                        length))
        return WASI_ENOSPC;
    char *copy = target ? sfpm_copy_string(target) : NULL;
    if (target && !copy)
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = sfpm_memfs_new_inode(memfs, type, now, number);
    if (error == WASI_SUCCESS) {
        memfs->inodes[*number].target = copy;
        memfs->inodes[*number].size = length;
        memfs->record_size += length;
        error = put_name(memfs, place, *number, now);
        if (error != WASI_SUCCESS)
            sfpm_memfs_drop_inode(memfs, *number);
    } else {
        free(copy);
    }
    return error;
}

sfpm_wasi_errno_t sfpm_memfs_create_file(sfpm_memfs_t *memfs,
                                         const sfpm_memfs_place_t *place,
                                         uint32_t *number)
{
    return make(memfs, place, WASI_TYPE_REGULAR, NULL, number);
}

sfpm_wasi_errno_t sfpm_memfs_make_directory(sfpm_filesystem_t *files,
                                            sfpm_wasi_handle_t directory,
                                            const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    uint32_t number;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk_entry(memfs, (uint32_t)directory, path, &place);
    if (error == WASI_SUCCESS && place.inode != 0)
        error = WASI_EEXIST;
    return error == WASI_SUCCESS ? make(memfs, &place, WASI_TYPE_DIRECTORY, NULL, &number)
                                 : error;
}

/* What a path with a slash behind it means: a directory, or nothing. */
static sfpm_wasi_errno_t check_slash(const sfpm_memfs_t *memfs,
                                     const sfpm_memfs_place_t *place,
                                     sfpm_wasi_errno_t absent)
{
    if (!place->slash)
        return WASI_SUCCESS;
    if (place->inode == 0)
        return absent;
    return is_directory(memfs, place->inode) ? WASI_SUCCESS : WASI_ENOTDIR;
}

sfpm_wasi_errno_t sfpm_memfs_symlink(sfpm_filesystem_t *files, const char *target,
                                     sfpm_wasi_handle_t directory, const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    uint32_t number;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk_entry(memfs, (uint32_t)directory, path, &place);
    if (error == WASI_SUCCESS && !sfpm_beneath_stays(target, strlen(target), place.depth))
        error = WASI_ENOTCAPABLE;
    if (error == WASI_SUCCESS)
        error = check_slash(memfs, &place, WASI_ENOENT);
    if (error == WASI_SUCCESS && *target == '\0')
        error = WASI_ENOENT;
    if (error == WASI_SUCCESS && strlen(target) > SFPM_WASI_MAX_PATH)
        error = WASI_ENAMETOOLONG;
    if (error == WASI_SUCCESS && place.inode != 0)
        error = WASI_EEXIST;
    return error == WASI_SUCCESS ? make(memfs, &place, WASI_TYPE_LINK, target, &number)
                                 : error;
}

/* ---- Removing ------------------------------------------------------------------------- */

static void remove_name(sfpm_memfs_t *memfs, const sfpm_memfs_place_t *place)
{
    take_name(memfs, place, sfpm_memfs_now(memfs));
    sfpm_memfs_drop_inode(memfs, place->inode);
}

sfpm_wasi_errno_t sfpm_memfs_remove_directory(sfpm_filesystem_t *files,
                                              sfpm_wasi_handle_t directory,
                                              const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk_entry(memfs, (uint32_t)directory, path, &place);
    if (error != WASI_SUCCESS)
        return error;
    if (is_itself(&place))
        return WASI_EINVAL;
    if (place.inode == 0)
        return WASI_ENOENT;
    if (!is_directory(memfs, place.inode))
        return WASI_ENOTDIR;
    if (memfs->inodes[place.inode].entries != 0)
        return WASI_ENOTEMPTY;
    remove_name(memfs, &place);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_memfs_unlink(sfpm_filesystem_t *files,
                                    sfpm_wasi_handle_t directory, const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t place;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk_entry(memfs, (uint32_t)directory, path, &place);
    if (error != WASI_SUCCESS)
        return error;
    if (place.inode == 0)
        return WASI_ENOENT;
    if (is_directory(memfs, place.inode))
        return WASI_EISDIR;
    if (place.slash)
        return WASI_ENOTDIR;
    remove_name(memfs, &place);
    return WASI_SUCCESS;
}

/* ---- Two places ------------------------------------------------------------------------ */

static sfpm_wasi_errno_t find_places(const sfpm_memfs_t *memfs, sfpm_wasi_handle_t from,
                                     const char *old, sfpm_wasi_handle_t to,
                                     const char *path, sfpm_memfs_place_t *source,
                                     sfpm_memfs_place_t *target)
{
    sfpm_wasi_errno_t error = sfpm_memfs_walk_entry(memfs, (uint32_t)from, old, source);
    if (error == WASI_SUCCESS)
        error = sfpm_memfs_walk_entry(memfs, (uint32_t)to, path, target);
    if (error != WASI_SUCCESS || source->inode == 0)
        return error;
    const char *link = memfs->inodes[source->inode].target;
    return !link || sfpm_beneath_stays(link, strlen(link), target->depth)
               ? WASI_SUCCESS
               : WASI_ENOTCAPABLE;
}

sfpm_wasi_errno_t sfpm_memfs_link(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                  const char *old, sfpm_wasi_handle_t to,
                                  const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t source, target;
    sfpm_wasi_errno_t error = find_places(memfs, from, old, to, path, &source, &target);
    if (error == WASI_SUCCESS)
        error = check_slash(memfs, &source, WASI_ENOENT);
    if (error == WASI_SUCCESS)
        error = check_slash(memfs, &target, WASI_ENOENT);
    if (error != WASI_SUCCESS)
        return error;
    if (source.inode == 0)
        return WASI_ENOENT;
    if (target.inode != 0)
        return WASI_EEXIST;
    if (is_directory(memfs, source.inode))
        return WASI_EPERM;
    return put_name(memfs, &target, source.inode, sfpm_memfs_now(memfs));
}

/* Whether a directory is another one, or lies in it. */
static bool is_in(const sfpm_memfs_t *memfs, uint32_t directory, uint32_t other)
{
    while (directory != 0 && directory != other)
        directory = memfs->inodes[directory].parent;
    return directory == other;
}

/* As rename(2) has it. */
static sfpm_wasi_errno_t check_rename(const sfpm_memfs_t *memfs,
                                      const sfpm_memfs_place_t *source,
                                      const sfpm_memfs_place_t *target)
{
    if (is_itself(source) || is_itself(target))
        return WASI_EBUSY;
    if (source->inode == 0)
        return WASI_ENOENT;
    bool directory = is_directory(memfs, source->inode);
    if (directory && is_in(memfs, target->directory, source->inode))
        return WASI_EINVAL;
    if (target->inode == 0)
        return is_alive(memfs, target->directory) ? WASI_SUCCESS : WASI_ENOENT;
    if (source->inode == target->inode)
        return WASI_SUCCESS;
    if (is_in(memfs, source->directory, target->inode))
        return WASI_ENOTEMPTY;
    if (directory != is_directory(memfs, target->inode))
        return directory ? WASI_ENOTDIR : WASI_EISDIR;
    return directory && memfs->inodes[target->inode].entries != 0 ? WASI_ENOTEMPTY
                                                                   : WASI_SUCCESS;
}

/* The new name is there before the old one and what it replaces are gone: nothing is lost
 * when there is no room for it. */
static sfpm_wasi_errno_t rename_places(sfpm_memfs_t *memfs, sfpm_memfs_place_t *source,
                                       const sfpm_memfs_place_t *target)
{
    uint64_t now = sfpm_memfs_now(memfs);
    sfpm_wasi_errno_t error = put_name(memfs, target, source->inode, now);
    if (error != WASI_SUCCESS)
        return error;
    uint32_t parent = memfs->inodes[source->inode].parent;
    take_name(memfs, source, now);
    memfs->inodes[source->inode].parent = parent;
    if (target->inode != 0) {
        take_name(memfs, target, now);
        sfpm_memfs_drop_inode(memfs, target->inode);
    }
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_memfs_rename(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                    const char *old, sfpm_wasi_handle_t to,
                                    const char *path)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)files;
    sfpm_memfs_place_t source, target;
    sfpm_wasi_errno_t error = find_places(memfs, from, old, to, path, &source, &target);
    if (error == WASI_SUCCESS)
        error = check_slash(memfs, &source, WASI_ENOENT);
    if (error == WASI_SUCCESS && target.slash && source.inode != 0 &&
        !is_directory(memfs, source.inode))
        error = WASI_ENOTDIR;
    if (error == WASI_SUCCESS)
        error = check_slash(memfs, &target, WASI_SUCCESS);
    if (error == WASI_SUCCESS)
        error = check_rename(memfs, &source, &target);
    if (error == WASI_SUCCESS && source.inode != target.inode)
        error = rename_places(memfs, &source, &target);
    return error;
}
