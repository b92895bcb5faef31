/* SPDX-License-Identifier: MIT */
/* Files inside the image for those who have the image, not the program. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wasi/memfs.h"

/* ---- Paths --------------------------------------------------------------------------- */

/* The path in the directory; NULL, with the error set, when it lies elsewhere. */
static const char *inner_path(const sfpm_memfs_t *memfs, const char *path)
{
    size_t length = memfs ? strlen(memfs->guest) : 0;
    if (!memfs || !path) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no files or no path were given");
        return NULL;
    }
    while (length > 1 && memfs->guest[length - 1] == '/')
        length--;
    if (strncmp(path, memfs->guest, length) == 0 &&
        (path[length] == '/' || path[length] == '\0' || memfs->guest[length - 1] == '/'))
        path += length;
    else if (*path == '/') {
        sfpm_fail(SFPM_ERR_ARGUMENT, "path '%.200s' does not lie in '%.200s', the "
                                     "directory of the files in the image",
                  path, memfs->guest);
        return NULL;
    }
    path += strspn(path, "/");
    return *path ? path : ".";
}

static bool fail(sfpm_wasi_errno_t error, const char *path)
{
    if (error == WASI_SUCCESS)
        return true;
    if (error == WASI_ENOENT)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no file '%.200s' in the image", path);
    if (error == WASI_ENOSPC)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "there is no room for file '%.200s' in the image", path);
    if (error == WASI_ENOMEM)
        return sfpm_fail_memory(0);
    if (error == WASI_ENOTDIR || error == WASI_EISDIR || error == WASI_EEXIST)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "in the image, '%.200s' or what leads there is of another kind",
                         path);
    if (error == WASI_ENOTCAPABLE)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "path '%.200s' leads out of the files in the image", path);
    return sfpm_fail(SFPM_ERR_ARGUMENT, "path '%.200s' cannot be used in an image", path);
}

/* ---- Looking ---------------------------------------------------------------------------- */

typedef struct walk {
    const sfpm_memfs_t *memfs;
    sfpm_memfs_callback_t callback;
    void *context;
    bool stopped;
    sfpm_buffer_t path; /* of what is visited, with the terminator */
} walk_t;

static void report(walk_t *walk, uint32_t number)
{
    const sfpm_memfs_inode_t *inode = &walk->memfs->inodes[number];
    const sfpm_memfs_info_t info = {.path = (const char *)walk->path.data,
                                    .type = (sfpm_memfs_type_t)inode->type,
                                    .inode = number,
                                    .links = inode->links,
                                    .size = inode->size,
                                    .modified = inode->modified,
                                    .accessed = inode->accessed,
                                    .target = inode->target};
    walk->stopped = !walk->callback(walk->context, &info);
}

/* Adds a name to the path. */
static bool descend(walk_t *walk, const char *name)
{
    sfpm_buffer_t *path = &walk->path;
    if (strcmp((const char *)path->data, ".") == 0)
        path->size = 0;
    else
        path->data[path->size - 1] = '/';
    return sfpm_buffer_add(path, name, strlen(name) + 1);
}

/* A directory that is being gone through. */
typedef struct level {
    uint32_t *sorted;
    size_t count;
    size_t next;
    size_t length; /* of its path */
} level_t;

typedef struct levels {
    level_t *list;
    size_t count;
    size_t capacity;
} levels_t;

static bool push(const walk_t *walk, levels_t *levels, uint32_t directory)
{
    void *list = levels->list;
    if (!sfpm_grow_array(&list, &levels->capacity, levels->count + 1,
                         sizeof *levels->list))
        return false;
    levels->list = list;
    level_t *level = &levels->list[levels->count];
    *level = (level_t){.length = walk->path.size};
    level->sorted = sfpm_memfs_sorted(walk->memfs, directory, &level->count);
    if (level->sorted)
        levels->count++;
    return level->sorted != NULL;
}

/* Back to the path of the innermost directory. */
static void ascend(walk_t *walk, const level_t *level, bool is_root)
{
    walk->path.size = is_root ? 2 : level->length;
    if (is_root)
        memcpy(walk->path.data, ".", 2);
    walk->path.data[walk->path.size - 1] = '\0';
}

static bool visit(walk_t *walk, levels_t *levels, uint32_t number)
{
    report(walk, number);
    return walk->stopped || walk->memfs->inodes[number].type != WASI_TYPE_DIRECTORY ||
           push(walk, levels, number);
}

/* Without recursion: directories may be nested deeply. */
static bool walk_tree(walk_t *walk, uint32_t number)
{
    levels_t levels = {.count = 0};
    bool from_root = strcmp((const char *)walk->path.data, ".") == 0;
    bool ok = visit(walk, &levels, number);
    while (ok && !walk->stopped && levels.count > 0) {
        level_t *level = &levels.list[levels.count - 1];
        ascend(walk, level, from_root && levels.count == 1);
        if (level->next == level->count) {
            free(level->sorted);
            levels.count--;
            continue;
        }
        const sfpm_memfs_entry_t *entry =
            &walk->memfs->entries[level->sorted[level->next++]];
        ok = descend(walk, entry->name) && visit(walk, &levels, entry->inode);
    }
    while (levels.count > 0)
        free(levels.list[--levels.count].sorted);
    free(levels.list);
    return ok;
}

bool sfpm_memfs_walk_files(const sfpm_memfs_t *memfs, const char *path,
                           sfpm_memfs_callback_t callback, void *context)
{
    sfpm_memfs_place_t place;
    const char *inner = inner_path(memfs, path);
    if (!inner)
        return false;
    if (!callback)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no callback was given");
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk(memfs, SFPM_MEMFS_ROOT, inner, false, &place);
    if (error == WASI_SUCCESS && place.inode == 0)
        error = WASI_ENOENT;
    if (!fail(error, path))
        return false;
    walk_t walk = {.memfs = memfs, .callback = callback, .context = context};
    bool ok = sfpm_buffer_add(&walk.path, inner, strlen(inner) + 1) &&
              walk_tree(&walk, place.inode);
    sfpm_buffer_free(&walk.path);
    return ok;
}

/* The regular file that a path leads to, through links, too. */
static sfpm_wasi_errno_t find_file(const sfpm_memfs_t *memfs, const char *inner,
                                   uint32_t *inode)
{
    sfpm_memfs_place_t place;
    sfpm_wasi_errno_t error =
        sfpm_memfs_walk(memfs, SFPM_MEMFS_ROOT, inner, true, &place);
    if (error != WASI_SUCCESS)
        return error;
    *inode = place.inode;
    if (place.inode == 0)
        return WASI_ENOENT;
    return memfs->inodes[place.inode].type == WASI_TYPE_REGULAR ? WASI_SUCCESS
                                                                : WASI_EISDIR;
}

bool sfpm_memfs_read(const sfpm_memfs_t *memfs, const char *path, uint64_t offset,
                     void *to, size_t size, size_t *count)
{
    uint32_t inode = 0;
    const char *inner = inner_path(memfs, path);
    if (!inner)
        return false;
    if (!to || !count)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place for the bytes was given");
    sfpm_wasi_errno_t error = find_file(memfs, inner, &inode);
    if (error == WASI_SUCCESS)
        *count = sfpm_memfs_read_file(memfs, &memfs->inodes[inode], to, size,
                                      offset);
    return fail(error, path);
}

/* ---- Adding ------------------------------------------------------------------------------ */

/* The directories that lead to a file. */
static sfpm_wasi_errno_t make_way(sfpm_memfs_t *memfs, const char *path)
{
    char *way = sfpm_copy_string(path);
    sfpm_wasi_errno_t error = way ? WASI_SUCCESS : WASI_ENOMEM;
    for (char *at = way; error == WASI_SUCCESS && (at = strchr(at, '/')); at++) {
        *at = '\0';
        error = sfpm_memfs_make_directory(&memfs->base, SFPM_MEMFS_ROOT, way);
        if (error == WASI_EEXIST)
            error = WASI_SUCCESS;
        *at = '/';
    }
    free(way);
    return error;
}

static sfpm_wasi_errno_t add_directory(sfpm_memfs_t *memfs, const char *path)
{
    sfpm_wasi_stat_t stat;
    sfpm_wasi_errno_t error =
        sfpm_memfs_make_directory(&memfs->base, SFPM_MEMFS_ROOT, path);
    if (error != WASI_EEXIST)
        return error;
    error = memfs->base.operations->stat_path(&memfs->base, SFPM_MEMFS_ROOT, path, true,
                                              &stat);
    return error == WASI_SUCCESS && stat.type != WASI_TYPE_DIRECTORY ? WASI_EEXIST
                                                                     : error;
}

static sfpm_wasi_errno_t add_file(sfpm_memfs_t *memfs, const char *path)
{
    const sfpm_filesystem_operations_t *operations = memfs->base.operations;
    const sfpm_wasi_how_t how = {.open = WASI_CREATE | WASI_TRUNCATE, .writes = true};
    sfpm_wasi_handle_t handle;
    sfpm_wasi_stat_t stat;
    sfpm_wasi_errno_t error = operations->open(&memfs->base, SFPM_MEMFS_ROOT, path, &how,
                                               &handle, &stat);
    if (error == WASI_SUCCESS)
        operations->close(&memfs->base, handle);
    return error;
}

/* All times are that of the modification: the same files give the same image. */
static void set_times(sfpm_memfs_t *memfs, const char *path, uint64_t modified)
{
    sfpm_memfs_place_t place;
    if (sfpm_memfs_walk(memfs, SFPM_MEMFS_ROOT, path, false, &place) != WASI_SUCCESS ||
        place.inode == 0)
        return;
    sfpm_memfs_inode_t *inode = &memfs->inodes[place.inode];
    sfpm_memfs_inode_t *directory = &memfs->inodes[place.directory];
    inode->accessed = inode->modified = inode->changed = modified;
    directory->accessed = directory->modified = directory->changed = modified;
    memfs->recorded = false;
}

bool sfpm_memfs_add(sfpm_memfs_t *memfs, const sfpm_memfs_info_t *info)
{
    const char *path = info ? inner_path(memfs, info->path) : NULL;
    if (!info)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no facts were given");
    if (!path)
        return false;
    sfpm_wasi_errno_t error = make_way(memfs, path);
    if (error == WASI_SUCCESS && info->type == SFPM_MEMFS_DIRECTORY)
        error = add_directory(memfs, path);
    else if (error == WASI_SUCCESS && info->type == SFPM_MEMFS_LINK)
        error = sfpm_memfs_symlink(&memfs->base, info->target ? info->target : "",
                                   SFPM_MEMFS_ROOT, path);
    else if (error == WASI_SUCCESS)
        error = add_file(memfs, path);
    if (error == WASI_SUCCESS)
        set_times(memfs, path, info->modified);
    return fail(error, info->path);
}

bool sfpm_memfs_write(sfpm_memfs_t *memfs, const char *path, uint64_t offset,
                      const void *bytes, size_t size)
{
    uint32_t inode = 0;
    const char *inner = inner_path(memfs, path);
    size_t count = 0;
    if (!inner)
        return false;
    sfpm_wasi_errno_t error = find_file(memfs, inner, &inode);
    if (error == WASI_SUCCESS)
        error = sfpm_memfs_write_file(memfs, &memfs->inodes[inode], bytes, size,
                                      offset, &count);
    if (error == WASI_SUCCESS && count < size)
        error = WASI_ENOSPC;
    return fail(error, path);
}
