/* SPDX-License-Identifier: MIT */
/* Facts about open descriptors, and changing them. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wasi/wasi.h"

/* ---- Facts about descriptors --------------------------------------------------------- */

static uint8_t type_of(const sfpm_wasi_t *wasi, const sfpm_wasi_descriptor_t *descriptor)
{
    switch (descriptor->kind) {
    case SFPM_WASI_FILE:
        return WASI_TYPE_REGULAR;
    case SFPM_WASI_DIRECTORY:
        return WASI_TYPE_DIRECTORY;
    default:
        return wasi->options.terminals >> descriptor->source & 1 ? WASI_TYPE_CHARACTER
                                                                 : WASI_TYPE_UNKNOWN;
    }
}

sfpm_wasi_errno_t sfpm_wasi_fd_fdstat_get(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    enum { SIZE = 24 };
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &descriptor);
    uint8_t *to = sfpm_wasi_room(call, 1, SIZE);
    if (error != WASI_SUCCESS)
        return error;
    if (!to)
        return WASI_EFAULT;
    memset(to, 0, SIZE);
    to[0] = type_of(call->wasi, descriptor);
    sfpm_put_u16(to + 2, descriptor->flags);
    sfpm_put_u64(to + 8, descriptor->rights);
    sfpm_put_u64(to + 16, descriptor->inheriting);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_fdstat_set_flags(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint16_t flags = (uint16_t)sfpm_wasi_u32(call, 1);
    sfpm_wasi_errno_t error =
        sfpm_wasi_find(call, 0, WASI_FD_FDSTAT_SET_FLAGS, &descriptor);
    if (error == WASI_SUCCESS && (flags & ~WASI_FLAGS) != 0)
        error = WASI_EINVAL;
    if (error == WASI_SUCCESS && descriptor->kind != SFPM_WASI_STREAM) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
        error = files->operations->set_flags(files, descriptor->handle,
                                             descriptor->flags, flags);
    }
    if (error == WASI_SUCCESS)
        descriptor->flags = flags;
    return error;
}

/* Rights only shrink. */
sfpm_wasi_errno_t sfpm_wasi_fd_fdstat_set_rights(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint64_t rights = sfpm_wasi_u64(call, 1), inheriting = sfpm_wasi_u64(call, 2);
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &descriptor);
    if (error != WASI_SUCCESS)
        return error;
    if ((rights & ~descriptor->rights) != 0 ||
        (inheriting & ~descriptor->inheriting) != 0)
        return WASI_ENOTCAPABLE;
    descriptor->rights = rights;
    descriptor->inheriting = inheriting;
    return WASI_SUCCESS;
}

/* ---- Directories that are found open -------------------------------------------------- */

static sfpm_wasi_errno_t find_preopened(const sfpm_wasi_call_t *call, const char **name)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &descriptor);
    if (error != WASI_SUCCESS)
        return error;
    if (!descriptor->preopened)
        return WASI_EBADF;
    *name = call->wasi->mounts[descriptor->source].guest;
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_prestat_get(sfpm_wasi_call_t *call)
{
    const char *name;
    sfpm_wasi_errno_t error = find_preopened(call, &name);
    uint8_t *to = sfpm_wasi_room(call, 1, 8);
    if (error != WASI_SUCCESS)
        return error;
    if (!to)
        return WASI_EFAULT;
    sfpm_put_u32(to, 0); /* a directory */
    sfpm_put_u32(to + 4, (uint32_t)strlen(name));
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_prestat_dir_name(sfpm_wasi_call_t *call)
{
    const char *name;
    uint32_t room = sfpm_wasi_u32(call, 2);
    uint8_t *to = sfpm_wasi_room(call, 1, room);
    sfpm_wasi_errno_t error = find_preopened(call, &name);
    if (error != WASI_SUCCESS)
        return error;
    if (!to)
        return WASI_EFAULT;
    if (strlen(name) > room)
        return WASI_ENAMETOOLONG;
    memcpy(to, name, strlen(name));
    return WASI_SUCCESS;
}

/* ---- Facts about files ---------------------------------------------------------------- */

enum { STAT_SIZE = 64, UNSTABLE_STAT_SIZE = 56 };

/* Room for the facts about a file, whose layout is another in wasi_unstable. */
static uint8_t *stat_room(const sfpm_wasi_call_t *call, unsigned index)
{
    return sfpm_wasi_room(call, index, call->unstable ? UNSTABLE_STAT_SIZE : STAT_SIZE);
}

static void put_stat(const sfpm_wasi_call_t *call, uint8_t *to,
                     const sfpm_wasi_stat_t *stat)
{
    memset(to, 0, call->unstable ? UNSTABLE_STAT_SIZE : STAT_SIZE);
    sfpm_put_u64(to, stat->device);
    sfpm_put_u64(to + 8, stat->inode);
    to[16] = stat->type;
    if (call->unstable)
        sfpm_put_u32(to + 20, (uint32_t)stat->links);
    else
        sfpm_put_u64(to + 24, stat->links);
    to += call->unstable ? 24 : 32;
    sfpm_put_u64(to, stat->size);
    sfpm_put_u64(to + 8, stat->accessed);
    sfpm_put_u64(to + 16, stat->modified);
    sfpm_put_u64(to + 24, stat->changed);
}

sfpm_wasi_errno_t sfpm_wasi_fd_filestat_get(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_stat_t stat = {.links = 1};
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, WASI_FD_FILESTAT_GET, &descriptor);
    uint8_t *to = stat_room(call, 1);
    if (error != WASI_SUCCESS)
        return error;
    if (!to)
        return WASI_EFAULT;
    if (descriptor->kind == SFPM_WASI_STREAM) {
        stat.type = type_of(call->wasi, descriptor);
        stat.inode = descriptor->source;
    } else {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
        error = files->operations->stat(files, descriptor->handle, &stat);
    }
    if (error == WASI_SUCCESS)
        put_stat(call, to, &stat);
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_path_filestat_get(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory;
    sfpm_wasi_stat_t stat;
    char *path;
    sfpm_wasi_errno_t error =
        sfpm_wasi_find_path(call, 0, 2, WASI_PATH_FILESTAT_GET, &directory, &path);
    uint8_t *to = stat_room(call, 4);
    if (error == WASI_SUCCESS && !to)
        error = WASI_EFAULT;
    if (error == WASI_SUCCESS) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
        bool follow = (sfpm_wasi_u32(call, 1) & WASI_FOLLOW) != 0;
        error = files->operations->stat_path(files, directory->handle, path, follow,
                                             &stat);
    }
    if (error == WASI_SUCCESS)
        put_stat(call, to, &stat);
    free(path);
    return error;
}

/* The times in parameters `index`, `index` + 1 and `index` + 2. */
static sfpm_wasi_errno_t take_times(const sfpm_wasi_call_t *call, unsigned index,
                                    sfpm_wasi_times_t *times)
{
    uint32_t which = sfpm_wasi_u32(call, index + 2);
    *times = (sfpm_wasi_times_t){.which = (uint16_t)which,
                                 .accessed = sfpm_wasi_u64(call, index),
                                 .modified = sfpm_wasi_u64(call, index + 1)};
    uint32_t both_accessed = WASI_SET_ATIM | WASI_SET_ATIM_NOW;
    uint32_t both_modified = WASI_SET_MTIM | WASI_SET_MTIM_NOW;
    bool contradicts = (which & both_accessed) == both_accessed ||
                       (which & both_modified) == both_modified;
    return contradicts || (which & ~(uint32_t)WASI_SET_TIMES) != 0 ? WASI_EINVAL
                                                                   : WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_filestat_set_times(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_times_t times;
    sfpm_wasi_errno_t error =
        sfpm_wasi_find(call, 0, WASI_FD_FILESTAT_SET_TIMES, &descriptor);
    if (error == WASI_SUCCESS)
        error = take_times(call, 1, &times);
    if (error != WASI_SUCCESS)
        return error;
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
    return files->operations->set_times(files, descriptor->handle, &times);
}

sfpm_wasi_errno_t sfpm_wasi_path_filestat_set_times(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory;
    sfpm_wasi_times_t times;
    char *path;
    sfpm_wasi_errno_t error =
        sfpm_wasi_find_path(call, 0, 2, WASI_PATH_FILESTAT_SET_TIMES, &directory, &path);
    if (error == WASI_SUCCESS)
        error = take_times(call, 4, &times);
    if (error == WASI_SUCCESS) {
        sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
        bool follow = (sfpm_wasi_u32(call, 1) & WASI_FOLLOW) != 0;
        error = files->operations->set_path_times(files, directory->handle, path, follow,
                                                  &times);
    }
    free(path);
    return error;
}
