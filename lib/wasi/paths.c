/* SPDX-License-Identifier: MIT */
/* The functions that take paths: opening, making, renaming and removing files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wasi/wasi.h"

sfpm_wasi_errno_t sfpm_wasi_find_path(const sfpm_wasi_call_t *call, unsigned descriptor,
                                      unsigned index, uint64_t rights,
                                      sfpm_wasi_descriptor_t **directory, char **path)
{
    *path = NULL;
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, descriptor, 0, directory);
    if (error == WASI_SUCCESS && (*directory)->kind != SFPM_WASI_DIRECTORY)
        error = WASI_ENOTDIR;
    if (error == WASI_SUCCESS)
        error = sfpm_wasi_find(call, descriptor, rights, directory);
    return error == WASI_SUCCESS ? sfpm_wasi_path(call, index, path) : error;
}

/* ---- Names in a mount ----------------------------------------------------------------- */

static bool is_root(const char *path)
{
    return strcmp(path, ".") == 0;
}

/* The path in the mount, without what changes nothing; NULL when it is too long. */
static char *join(const sfpm_wasi_descriptor_t *directory, const char *path)
{
    size_t length = is_root(directory->path) ? 0 : strlen(directory->path);
    char *joined = SFPM_NEW_N(char, length + strlen(path) + 3);
    if (!joined)
        return NULL;
    memcpy(joined, directory->path, length);
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (size > 0 && !(size == 1 && *at == '.')) {
            if (length > 0)
                joined[length++] = '/';
            memcpy(joined + length, at, size);
            length += size;
        }
        at += size;
        at += strspn(at, "/");
    }
    if (length == 0)
        joined[length++] = '.';
    joined[length] = '\0';
    if (length <= SFPM_WASI_MAX_PATH)
        return joined;
    free(joined);
    return NULL;
}

bool sfpm_wasi_is_plain(const char *path)
{
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (size == 0 || (size == 1 && *at == '.' && !is_root(path)))
            return false;
        at += size;
        if (*at == '/' && *++at == '\0')
            return false;
    }
    return true;
}

/* ---- Opening -------------------------------------------------------------------------- */

/* The rights that a way of opening needs. */
static uint64_t needed_rights(uint16_t open)
{
    uint64_t rights = WASI_PATH_OPEN;
    if (open & WASI_CREATE)
        rights |= WASI_PATH_CREATE_FILE;
    if (open & WASI_TRUNCATE)
        rights |= WASI_PATH_FILESTAT_SET_SIZE;
    return rights;
}

/* Understands the parameters. */
static sfpm_wasi_errno_t take_how(const sfpm_wasi_call_t *call, sfpm_wasi_how_t *how,
                                  sfpm_wasi_descriptor_t *made)
{
    uint32_t open = sfpm_wasi_u32(call, 4), flags = sfpm_wasi_u32(call, 7);
    if ((open & ~(uint32_t)WASI_OPEN_FLAGS) != 0 || (flags & ~(uint32_t)WASI_FLAGS) != 0)
        return WASI_EINVAL;
    made->rights = sfpm_wasi_u64(call, 5) & WASI_ALL_RIGHTS;
    made->inheriting = sfpm_wasi_u64(call, 6) & WASI_ALL_RIGHTS;
    made->flags = (uint16_t)flags;
    *how = (sfpm_wasi_how_t){.open = (uint16_t)open,
                             .flags = (uint16_t)flags,
                             .follow = (sfpm_wasi_u32(call, 1) & WASI_FOLLOW) != 0,
                             .reads = (made->rights & WASI_FD_READ) != 0,
                             .writes = (made->rights & WASI_NEEDS_WRITING) != 0};
    if (open & WASI_TRUNCATE)
        how->writes = true;
    return WASI_SUCCESS;
}

/* Opens, once it is known that this may be done. */
static sfpm_wasi_errno_t open_path(sfpm_wasi_call_t *call, const char *path,
                                   const sfpm_wasi_how_t *how,
                                   sfpm_wasi_descriptor_t *made, uint8_t *result)
{
    uint32_t number;
    sfpm_wasi_stat_t stat;
    const sfpm_wasi_descriptor_t *directory =
        &call->wasi->descriptors[sfpm_wasi_u32(call, 0)];
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
    made->source = directory->source;
    made->path = join(directory, path);
    if (!made->path)
        return WASI_ENAMETOOLONG;
    sfpm_wasi_errno_t error = files->operations->open(
        files, directory->handle, path, how, &made->handle, &stat);
    if (error != WASI_SUCCESS)
        return error;
    bool is_directory = stat.type == WASI_TYPE_DIRECTORY;
    made->kind = is_directory ? SFPM_WASI_DIRECTORY : SFPM_WASI_FILE;
    made->rights &= is_directory ? WASI_DIRECTORY_RIGHTS : WASI_FILE_RIGHTS;
    made->inheriting = is_directory ? made->inheriting : 0;
    made->overwritten = (how->open & WASI_TRUNCATE) != 0;
    error = is_directory && how->writes ? WASI_EISDIR
                                        : sfpm_wasi_put(call->wasi, made, &number);
    if (error == WASI_SUCCESS)
        sfpm_put_u32(result, number);
    else
        files->operations->close(files, made->handle);
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_path_open(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory, made = {.handle = -1};
    sfpm_wasi_how_t how;
    char *path;
    uint8_t *result = sfpm_wasi_room(call, 8, 4);
    sfpm_wasi_errno_t error = sfpm_wasi_find_path(
        call, 0, 2, needed_rights((uint16_t)sfpm_wasi_u32(call, 4)), &directory, &path);
    if (error == WASI_SUCCESS && !result)
        error = WASI_EFAULT;
    if (error == WASI_SUCCESS)
        error = take_how(call, &how, &made);
    if (error == WASI_SUCCESS &&
        ((made.rights | made.inheriting) & ~directory->inheriting) != 0)
        error = WASI_ENOTCAPABLE;
    if (error == WASI_SUCCESS)
        error = open_path(call, path, &how, &made, result);
    if (error != WASI_SUCCESS)
        free(made.path);
    free(path);
    return error;
}

/* ---- One path ------------------------------------------------------------------------- */

/* What is done with one path and nothing else. */
typedef enum path_operation { MAKE_DIRECTORY, REMOVE_DIRECTORY, UNLINK } path_operation_t;

static sfpm_wasi_errno_t with_path(sfpm_wasi_call_t *call, uint64_t right,
                                   path_operation_t operation)
{
    sfpm_wasi_descriptor_t *directory;
    char *path;
    sfpm_wasi_errno_t error = sfpm_wasi_find_path(call, 0, 1, right, &directory, &path);
    if (error == WASI_SUCCESS) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
        const sfpm_filesystem_operations_t *operations = files->operations;
        if (operation == MAKE_DIRECTORY)
            error = operations->make_directory(files, directory->handle, path);
        else if (operation == REMOVE_DIRECTORY)
            error = operations->remove_directory(files, directory->handle, path);
        else
            error = operations->unlink(files, directory->handle, path);
    }
    free(path);
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_path_create_directory(sfpm_wasi_call_t *call)
{
    return with_path(call, WASI_PATH_CREATE_DIRECTORY, MAKE_DIRECTORY);
}

sfpm_wasi_errno_t sfpm_wasi_path_remove_directory(sfpm_wasi_call_t *call)
{
    return with_path(call, WASI_PATH_REMOVE_DIRECTORY, REMOVE_DIRECTORY);
}

sfpm_wasi_errno_t sfpm_wasi_path_unlink_file(sfpm_wasi_call_t *call)
{
    return with_path(call, WASI_PATH_UNLINK_FILE, UNLINK);
}

sfpm_wasi_errno_t sfpm_wasi_path_readlink(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory;
    char *path;
    size_t length;
    uint32_t room = sfpm_wasi_u32(call, 4);
    void *target = sfpm_wasi_room(call, 3, room);
    uint8_t *used = sfpm_wasi_room(call, 5, 4);
    sfpm_wasi_errno_t error =
        sfpm_wasi_find_path(call, 0, 1, WASI_PATH_READLINK, &directory, &path);
    if (error == WASI_SUCCESS && (!target || !used))
        error = WASI_EFAULT;
    if (error == WASI_SUCCESS) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
        error = files->operations->read_link(files, directory->handle, path, target, room,
                                             &length);
    }
    if (error == WASI_SUCCESS)
        sfpm_put_u32(used, (uint32_t)length);
    free(path);
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_path_symlink(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory;
    char *target, *path = NULL;
    sfpm_wasi_errno_t error = sfpm_wasi_path(call, 0, &target);
    if (error == WASI_SUCCESS)
        error = sfpm_wasi_find_path(call, 2, 3, WASI_PATH_SYMLINK, &directory, &path);
    if (error == WASI_SUCCESS) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
        error = files->operations->symlink(files, target, directory->handle, path);
    }
    free(target);
    free(path);
    return error;
}

/* ---- Two paths ------------------------------------------------------------------------ */

typedef struct paths {
    sfpm_wasi_descriptor_t *from, *to;
    char *old, *path;
    sfpm_filesystem_t *files;
} paths_t;

/* The source is a descriptor and a path, and so is the destination. */
static sfpm_wasi_errno_t find_paths(const sfpm_wasi_call_t *call, unsigned from,
                                    unsigned old, uint64_t source, unsigned to,
                                    uint64_t target, paths_t *paths)
{
    *paths = (paths_t){.old = NULL};
    sfpm_wasi_errno_t error =
        sfpm_wasi_find_path(call, from, old, source, &paths->from, &paths->old);
    if (error == WASI_SUCCESS)
        error =
            sfpm_wasi_find_path(call, to, to + 1, target, &paths->to, &paths->path);
    if (error != WASI_SUCCESS)
        return error;
    paths->files = sfpm_wasi_files(call->wasi, paths->from);
    return paths->from->source == paths->to->source ? WASI_SUCCESS : WASI_EXDEV;
}

static void free_paths(paths_t *paths)
{
    free(paths->old);
    free(paths->path);
}

sfpm_wasi_errno_t sfpm_wasi_path_link(sfpm_wasi_call_t *call)
{
    paths_t paths;
    sfpm_wasi_errno_t error =
        find_paths(call, 0, 2, WASI_PATH_LINK_SOURCE, 4, WASI_PATH_LINK_TARGET, &paths);
    if (error == WASI_SUCCESS && (sfpm_wasi_u32(call, 1) & WASI_FOLLOW) != 0)
        error = WASI_EINVAL;
    if (error == WASI_SUCCESS)
        error = paths.files->operations->link(paths.files, paths.from->handle, paths.old,
                                              paths.to->handle, paths.path);
    free_paths(&paths);
    return error;
}

/* An open file keeps its place in a directory that is renamed, or its own name. */
static void rename_open(sfpm_wasi_descriptor_t *open, const char *old, const char *now)
{
    size_t length = strlen(old);
    if (strncmp(open->path, old, length) != 0 ||
        (open->path[length] != '\0' && open->path[length] != '/'))
        return;
    size_t size = strlen(now) + strlen(open->path + length) + 1;
    char *path = SFPM_NEW_N(char, size);
    if (!path)
        return; /* it is noticed when the state is saved */
    snprintf(path, size, "%s%s", now, open->path + length);
    free(open->path);
    open->path = path;
}

static void rename_descriptors(sfpm_wasi_t *wasi, const paths_t *paths)
{
    char *old = join(paths->from, paths->old), *now = join(paths->to, paths->path);
    for (uint32_t i = 0; old && now && i < wasi->num_descriptors; i++) {
        sfpm_wasi_descriptor_t *open = &wasi->descriptors[i];
        if ((open->kind == SFPM_WASI_FILE || open->kind == SFPM_WASI_DIRECTORY) &&
            open->source == paths->from->source)
            rename_open(open, old, now);
    }
    free(old);
    free(now);
}

sfpm_wasi_errno_t sfpm_wasi_path_rename(sfpm_wasi_call_t *call)
{
    paths_t paths;
    sfpm_wasi_errno_t error = find_paths(call, 0, 1, WASI_PATH_RENAME_SOURCE, 3,
                                         WASI_PATH_RENAME_TARGET, &paths);
    if (error == WASI_SUCCESS)
        error =
            paths.files->operations->rename(paths.files, paths.from->handle, paths.old,
                                            paths.to->handle, paths.path);
    if (error == WASI_SUCCESS)
        rename_descriptors(call->wasi, &paths);
    free_paths(&paths);
    return error;
}
