/* SPDX-License-Identifier: MIT */
/* Files inside the image: where paths lead, by the rules of beneath.c. */
#include <stdlib.h>
#include <string.h>

#include "wasi/memfs.h"
#include "wasi/rest.h"

enum { MAX_DEPTH = 1024 };

/* Where a path has led so far. */
typedef struct walk {
    const sfpm_memfs_t *memfs;
    uint32_t here; /* a directory */
    size_t depth;  /* of it */
    sfpm_wasi_rest_t rest;
    bool creates; /* a file: nothing with a slash behind it */
} walk_t;

static sfpm_wasi_errno_t expand(walk_t *walk, const char *target)
{
    return sfpm_rest_expand(&walk->rest, target, strlen(target));
}

static sfpm_wasi_errno_t step_back(walk_t *walk)
{
    uint32_t parent = walk->memfs->inodes[walk->here].parent;
    if (walk->depth == 0)
        return WASI_ENOTCAPABLE;
    walk->depth--;
    walk->here = parent;
    return WASI_SUCCESS;
}

static void look_up(const walk_t *walk, sfpm_memfs_place_t *place)
{
    place->entry = sfpm_memfs_find(walk->memfs, walk->here, place->name, place->length);
    place->inode = place->entry ? walk->memfs->entries[place->entry].inode : 0;
}

/* Goes into a directory, or along a link. */
static sfpm_wasi_errno_t step_into(walk_t *walk, const sfpm_memfs_place_t *place)
{
    const sfpm_memfs_inode_t *inode = &walk->memfs->inodes[place->inode];
    if (place->inode == 0)
        return WASI_ENOENT;
    if (inode->type == WASI_TYPE_LINK)
        return expand(walk, inode->target);
    if (inode->type != WASI_TYPE_DIRECTORY)
        return WASI_ENOTDIR;
    if (walk->depth == MAX_DEPTH)
        return WASI_ENAMETOOLONG;
    walk->depth++;
    walk->here = place->inode;
    return WASI_SUCCESS;
}

/* Walks to the directory of the last name. */
static sfpm_wasi_errno_t go(walk_t *walk, bool follow, sfpm_memfs_place_t *place)
{
    sfpm_wasi_errno_t error = WASI_SUCCESS;
    bool ended = false; /* a directory was meant, whatever else follows */
    while (error == WASI_SUCCESS) {
        place->length = sfpm_rest_next(&walk->rest, place->name, SFPM_MEMFS_MAX_NAME,
                                       &place->slash);
        if (place->length > SFPM_MEMFS_MAX_NAME)
            return WASI_ENAMETOOLONG;
        place->slash = place->slash || ended;
        if (place->length == 0) {
            strcpy(place->name, ".");
            place->entry = 0;
            place->inode = walk->here;
            return WASI_SUCCESS;
        }
        if (strcmp(place->name, ".") == 0)
            continue;
        if (strcmp(place->name, "..") == 0) {
            error = step_back(walk);
            continue;
        }
        look_up(walk, place);
        if (!sfpm_rest_is_last(&walk->rest)) {
            error = step_into(walk, place);
            continue;
        }
        if (place->slash && walk->creates)
            return WASI_EISDIR;
        const sfpm_memfs_inode_t *inode = &walk->memfs->inodes[place->inode];
        if (!(follow || place->slash) || place->inode == 0 ||
            inode->type != WASI_TYPE_LINK)
            return WASI_SUCCESS;
        ended = place->slash;
        error = expand(walk, inode->target);
    }
    return error;
}

static sfpm_wasi_errno_t walk_path(const sfpm_memfs_t *memfs, uint32_t directory,
                                   const char *path, bool follow, bool creates,
                                   sfpm_memfs_place_t *place)
{
    walk_t walk = {.memfs = memfs, .here = directory, .creates = creates};
    *place = (sfpm_memfs_place_t){.inode = 0};
    sfpm_wasi_errno_t error = sfpm_rest_begin(&walk.rest, path);
    if (error == WASI_SUCCESS)
        error = go(&walk, follow, place);
    place->directory = walk.here;
    place->depth = walk.depth;
    free(walk.rest.text);
    return error;
}

sfpm_wasi_errno_t sfpm_memfs_walk(const sfpm_memfs_t *memfs, uint32_t directory,
                                  const char *path, bool follow,
                                  sfpm_memfs_place_t *place)
{
    return walk_path(memfs, directory, path, follow, false, place);
}

sfpm_wasi_errno_t sfpm_memfs_walk_new(const sfpm_memfs_t *memfs, uint32_t directory,
                                      const char *path, bool follow,
                                      sfpm_memfs_place_t *place)
{
    sfpm_wasi_errno_t error = walk_path(memfs, directory, path, follow, false, place);
    return error == WASI_ENOTCAPABLE
               ? error
               : walk_path(memfs, directory, path, follow, true, place);
}

sfpm_wasi_errno_t sfpm_memfs_walk_entry(const sfpm_memfs_t *memfs, uint32_t directory,
                                        const char *path, sfpm_memfs_place_t *place)
{
    bool slash;
    char *copy = sfpm_rest_trimmed(path, &slash);
    *place = (sfpm_memfs_place_t){.inode = 0};
    if (!copy)
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = sfpm_memfs_walk(memfs, directory, copy, false, place);
    place->slash = slash;
    free(copy);
    return error;
}
