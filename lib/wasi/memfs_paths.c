/* SPDX-License-Identifier: MIT */
/* Files inside the image: where paths lead, by the rules of beneath.c. */
#include <stdlib.h>
#include <string.h>

#include "wasi/beneath.h"
#include "wasi/memfs.h"

enum { MAX_LINKS = 40, MAX_DEPTH = 1024, MAX_REST = 1 << 16 };

/* What is left of a path. */
typedef struct walk {
    const sfpm_memfs_t *memfs;
    uint32_t here; /* a directory */
    size_t depth;  /* of it */
    char *rest;    /* owned */
    size_t at;     /* in it */
    int links;
    bool creates; /* a file: nothing with a slash behind it */
} walk_t;

/* Puts the target of a link in the place of its name. */
static sfpm_wasi_errno_t expand(walk_t *walk, const char *target, const char *rest)
{
    size_t length = strlen(target), after = strlen(rest);
    if (target[0] == '/')
        return WASI_ENOTCAPABLE;
    if (++walk->links > MAX_LINKS)
        return WASI_ELOOP;
    if (after > MAX_REST)
        return WASI_ENAMETOOLONG;
    char *joined = SFPM_NEW_N(char, length + after + 1);
    if (!joined)
        return WASI_ENOMEM;
    memcpy(joined, target, length);
    memcpy(joined + length, rest, after + 1);
    free(walk->rest);
    walk->rest = joined;
    walk->at = 0;
    return WASI_SUCCESS;
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

/* Takes the next name: false when it is too long. */
static bool next_name(walk_t *walk, sfpm_memfs_place_t *place)
{
    walk->at += strspn(walk->rest + walk->at, "/");
    const char *from = walk->rest + walk->at;
    place->length = strcspn(from, "/");
    walk->at += place->length;
    place->slash = walk->rest[walk->at] == '/';
    if (place->length > SFPM_MEMFS_MAX_NAME)
        return false;
    memcpy(place->name, from, place->length);
    place->name[place->length] = '\0';
    return true;
}

static bool is_last(const walk_t *walk)
{
    const char *rest = walk->rest + walk->at;
    return rest[strspn(rest, "/")] == '\0';
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
        return expand(walk, inode->target, walk->rest + walk->at);
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
        if (!next_name(walk, place))
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
        if (!is_last(walk)) {
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
        error = expand(walk, inode->target, "");
    }
    return error;
}

static sfpm_wasi_errno_t walk_path(const sfpm_memfs_t *memfs, uint32_t directory,
                                   const char *path, bool follow, bool creates,
                                   sfpm_memfs_place_t *place)
{
    walk_t walk = {.memfs = memfs, .here = directory, .creates = creates};
    *place = (sfpm_memfs_place_t){.inode = 0};
    if (*path == '/')
        return WASI_ENOTCAPABLE;
    walk.rest = sfpm_copy_string(path);
    if (!walk.rest)
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = go(&walk, follow, place);
    place->directory = walk.here;
    place->depth = walk.depth;
    free(walk.rest);
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
    size_t length = strlen(path);
    char *copy = sfpm_copy_string(path);
    *place = (sfpm_memfs_place_t){.inode = 0};
    if (!copy)
        return WASI_ENOMEM;
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    sfpm_wasi_errno_t error = sfpm_memfs_walk(memfs, directory, copy, false, place);
    place->slash = path[length] == '/';
    free(copy);
    return error;
}
