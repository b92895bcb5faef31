/* SPDX-License-Identifier: MIT */
/* Directories of the host as a place for files: what is done with paths. */
#include "wasi/host_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "wasi/rest.h"
#include "wasi/wasi.h"

static sfpm_wasi_errno_t last_error(bool ok)
{
    return ok ? WASI_SUCCESS : sfpm_wasi_errno(errno);
}

/* ---- Facts ---------------------------------------------------------------------------- */

/* A link at the end of the place was not to be followed. */
static bool stat_place(const sfpm_beneath_t *place, struct stat *status)
{
    return fstatat(place->directory, place->name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

static sfpm_wasi_errno_t find_status(int root, const char *path, bool follow,
                                     struct stat *status)
{
    sfpm_beneath_t place;
    sfpm_wasi_errno_t error = sfpm_beneath_find(root, path, follow, &place);
    if (error == WASI_SUCCESS)
        error = last_error(stat_place(&place, status));
    if (error == WASI_SUCCESS && place.slash && !S_ISDIR(status->st_mode))
        error = WASI_ENOTDIR;
    sfpm_beneath_free(&place);
    return error;
}

bool sfpm_host_is_at(sfpm_filesystem_t *files, const char *path,
                     const struct stat *status)
{
    struct stat found;
    return find_status((int)files->root, path, true, &found) == WASI_SUCCESS &&
           found.st_dev == status->st_dev && found.st_ino == status->st_ino;
}

static sfpm_wasi_errno_t host_stat_path(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t directory, const char *path,
                                        bool follow, sfpm_wasi_stat_t *stat)
{
    struct stat status;
    (void)files;
    sfpm_wasi_errno_t error = find_status((int)directory, path, follow, &status);
    if (error == WASI_SUCCESS)
        sfpm_host_stat(&status, stat);
    return error;
}

static sfpm_wasi_errno_t host_set_path_times(sfpm_filesystem_t *files,
                                             sfpm_wasi_handle_t directory,
                                             const char *path, bool follow,
                                             const sfpm_wasi_times_t *times)
{
    sfpm_beneath_t place;
    struct timespec both[2];
    (void)files;
    sfpm_host_times(times, both);
    sfpm_wasi_errno_t error = sfpm_beneath_find((int)directory, path, follow, &place);
    if (error == WASI_SUCCESS)
        error = last_error(
            utimensat(place.directory, place.name, both, AT_SYMLINK_NOFOLLOW) == 0);
    sfpm_beneath_free(&place);
    return error;
}

/* ---- Opening -------------------------------------------------------------------------- */

static bool is_allowed(const struct stat *status)
{
    return S_ISREG(status->st_mode) || S_ISDIR(status->st_mode);
}

static int open_flags(const sfpm_wasi_how_t *how)
{
    int flags = how->writes ? O_WRONLY : O_RDONLY;
    if (how->writes && how->reads)
        flags = O_RDWR;
    if (how->open & WASI_IS_DIRECTORY)
        flags = O_RDONLY | O_DIRECTORY;
    if (how->open & WASI_CREATE)
        flags |= O_CREAT;
    if (how->open & WASI_EXCLUSIVE)
        flags |= O_EXCL;
    if (how->open & WASI_TRUNCATE)
        flags |= O_TRUNC;
    if (how->flags & WASI_APPEND)
        flags |= O_APPEND;
    if (how->flags & WASI_DSYNC)
        flags |= O_DSYNC;
    if (how->flags & (WASI_SYNC | WASI_RSYNC))
        flags |= O_SYNC;
    return flags;
}

/* Devices, pipes and sockets are not opened: that alone can have effects. */
static sfpm_wasi_errno_t host_open(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                                   const char *path, const sfpm_wasi_how_t *how,
                                   sfpm_wasi_handle_t *handle, sfpm_wasi_stat_t *stat)
{
    sfpm_host_directory_t *host = (sfpm_host_directory_t *)files;
    struct stat status;
    int fd;
    if ((how->open & WASI_CREATE) && (how->open & WASI_IS_DIRECTORY))
        return WASI_EINVAL;
    sfpm_wasi_errno_t error = find_status((int)directory, path, how->follow, &status);
    if (error == WASI_SUCCESS && !is_allowed(&status) && !S_ISLNK(status.st_mode))
        return WASI_EACCES;
    if (error == WASI_ENOTCAPABLE)
        return error;
    error = sfpm_beneath_open((int)directory, path, how->follow, open_flags(how), 0666,
                              &host->by_hand, &fd);
    if (error != WASI_SUCCESS)
        return error;
    error = last_error(fstat(fd, &status) == 0);
    if (error == WASI_SUCCESS && !is_allowed(&status))
        error = WASI_EACCES;
    if (error != WASI_SUCCESS) {
        close(fd);
        return error;
    }
    *handle = fd;
    sfpm_host_stat(&status, stat);
    return WASI_SUCCESS;
}

/* ---- Making and removing ---------------------------------------------------------------- */

/* A slash behind the name of what is to be made or removed makes no link be followed. */
static sfpm_wasi_errno_t find_entry(int root, const char *path, sfpm_beneath_t *place)
{
    bool slash;
    char *copy = sfpm_rest_trimmed(path, &slash);
    *place = (sfpm_beneath_t){.directory = -1};
    if (!copy)
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = sfpm_beneath_find(root, copy, false, place);
    if (error == WASI_SUCCESS)
        place->slash = slash;
    free(copy);
    return error;
}

static sfpm_wasi_errno_t host_make_directory(sfpm_filesystem_t *files,
                                             sfpm_wasi_handle_t directory,
                                             const char *path)
{
    sfpm_beneath_t place;
    (void)files;
    sfpm_wasi_errno_t error = find_entry((int)directory, path, &place);
    if (error == WASI_SUCCESS)
        error = last_error(mkdirat(place.directory, place.name, 0777) == 0);
    sfpm_beneath_free(&place);
    return error;
}

static sfpm_wasi_errno_t host_remove_directory(sfpm_filesystem_t *files,
                                               sfpm_wasi_handle_t directory,
                                               const char *path)
{
    sfpm_beneath_t place;
    (void)files;
    sfpm_wasi_errno_t error = find_entry((int)directory, path, &place);
    if (error == WASI_SUCCESS && unlinkat(place.directory, place.name, AT_REMOVEDIR) != 0)
        error = errno == EEXIST ? WASI_ENOTEMPTY : sfpm_wasi_errno(errno);
    sfpm_beneath_free(&place);
    return error;
}

/* unlink() of a directory has several errors, of which EISDIR says why. */
static sfpm_wasi_errno_t host_unlink(sfpm_filesystem_t *files,
                                     sfpm_wasi_handle_t directory, const char *path)
{
    sfpm_beneath_t place;
    struct stat status;
    (void)files;
    sfpm_wasi_errno_t error = find_entry((int)directory, path, &place);
    if (error == WASI_SUCCESS)
        error = last_error(stat_place(&place, &status));
    if (error == WASI_SUCCESS && S_ISDIR(status.st_mode))
        error = WASI_EISDIR;
    else if (error == WASI_SUCCESS && place.slash)
        error = WASI_ENOTDIR;
    if (error == WASI_SUCCESS)
        error = last_error(unlinkat(place.directory, place.name, 0) == 0);
    sfpm_beneath_free(&place);
    return error;
}

/* ---- Links and names --------------------------------------------------------------------- */

/* A link must not come to lie where it leads out. Directories with links in them are not
 * looked through: such links are not followed. */
static sfpm_wasi_errno_t check_link(const sfpm_beneath_t *from, const sfpm_beneath_t *to)
{
    char target[SFPM_WASI_MAX_PATH];
    ssize_t length = readlinkat(from->directory, from->name, target, sizeof target);
    return length < 0 || sfpm_beneath_stays(target, (size_t)length, to->depth)
               ? WASI_SUCCESS
               : WASI_ENOTCAPABLE;
}

/* What a path with a slash behind it means: a directory, or nothing. */
static sfpm_wasi_errno_t check_slash(const sfpm_beneath_t *place, sfpm_wasi_errno_t absent)
{
    struct stat status;
    if (!place->slash)
        return WASI_SUCCESS;
    if (!stat_place(place, &status))
        return errno == ENOENT ? absent : sfpm_wasi_errno(errno);
    return S_ISDIR(status.st_mode) ? WASI_SUCCESS : WASI_ENOTDIR;
}

/* Two places and what is to be done with them. */
static sfpm_wasi_errno_t with_places(sfpm_wasi_handle_t from, const char *old,
                                     sfpm_wasi_handle_t to, const char *path,
                                     sfpm_wasi_errno_t (*act)(const sfpm_beneath_t *from,
                                                              const sfpm_beneath_t *to))
{
    sfpm_beneath_t source, target = {.directory = -1};
    sfpm_wasi_errno_t error = find_entry((int)from, old, &source);
    if (error == WASI_SUCCESS)
        error = find_entry((int)to, path, &target);
    if (error == WASI_SUCCESS)
        error = check_link(&source, &target);
    if (error == WASI_SUCCESS)
        error = act(&source, &target);
    sfpm_beneath_free(&source);
    sfpm_beneath_free(&target);
    return error;
}

static sfpm_wasi_errno_t rename_places(const sfpm_beneath_t *from,
                                       const sfpm_beneath_t *to)
{
    struct stat status;
    sfpm_wasi_errno_t error = check_slash(from, WASI_ENOENT);
    if (error == WASI_SUCCESS && to->slash && stat_place(from, &status) &&
        !S_ISDIR(status.st_mode))
        error = WASI_ENOTDIR;
    if (error == WASI_SUCCESS)
        error = check_slash(to, WASI_SUCCESS);
    return error == WASI_SUCCESS
               ? last_error(
                     renameat(from->directory, from->name, to->directory, to->name) == 0)
               : error;
}

static sfpm_wasi_errno_t link_places(const sfpm_beneath_t *from, const sfpm_beneath_t *to)
{
    sfpm_wasi_errno_t error = check_slash(from, WASI_ENOENT);
    if (error == WASI_SUCCESS)
        error = check_slash(to, WASI_ENOENT);
    return error == WASI_SUCCESS
               ? last_error(linkat(from->directory, from->name, to->directory, to->name,
                                   0) == 0)
               : error;
}

static sfpm_wasi_errno_t host_rename(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                     const char *old, sfpm_wasi_handle_t to,
                                     const char *path)
{
    (void)files;
    return with_places(from, old, to, path, rename_places);
}

static sfpm_wasi_errno_t host_link(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                   const char *old, sfpm_wasi_handle_t to,
                                   const char *path)
{
    (void)files;
    return with_places(from, old, to, path, link_places);
}

static sfpm_wasi_errno_t host_symlink(sfpm_filesystem_t *files, const char *target,
                                      sfpm_wasi_handle_t directory, const char *path)
{
    sfpm_beneath_t place;
    (void)files;
    sfpm_wasi_errno_t error = find_entry((int)directory, path, &place);
    if (error == WASI_SUCCESS && !sfpm_beneath_stays(target, strlen(target), place.depth))
        error = WASI_ENOTCAPABLE;
    if (error == WASI_SUCCESS)
        error = check_slash(&place, WASI_ENOENT);
    if (error == WASI_SUCCESS)
        error = last_error(symlinkat(target, place.directory, place.name) == 0);
    sfpm_beneath_free(&place);
    return error;
}

static sfpm_wasi_errno_t host_read_link(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t directory, const char *path,
                                        void *target, size_t room, size_t *length)
{
    sfpm_beneath_t place;
    char whole[SFPM_WASI_MAX_PATH];
    ssize_t size = -1;
    (void)files;
    sfpm_wasi_errno_t error = sfpm_beneath_find((int)directory, path, false, &place);
    if (error == WASI_SUCCESS) {
        size = readlinkat(place.directory, place.name, whole, sizeof whole);
        error = last_error(size >= 0);
    }
    if (error == WASI_SUCCESS) {
        *length = (size_t)size < room ? (size_t)size : room;
        memcpy(target, whole, *length);
    }
    sfpm_beneath_free(&place);
    return error;
}

/* ---- The table ---------------------------------------------------------------------------- */

static void host_free(sfpm_filesystem_t *files)
{
    close((int)files->root);
    free(files);
}

static const sfpm_filesystem_operations_t host_operations = {
    .open = host_open,
    .close = sfpm_host_close,
    .read = sfpm_host_read,
    .write = sfpm_host_write,
    .append = sfpm_host_append,
    .stat = sfpm_host_fstat,
    .set_size = sfpm_host_set_size,
    .set_times = sfpm_host_set_times,
    .set_flags = sfpm_host_set_flags,
    .sync = sfpm_host_sync,
    .allocate = sfpm_host_allocate,
    .list = sfpm_host_list,
    .stat_path = host_stat_path,
    .set_path_times = host_set_path_times,
    .make_directory = host_make_directory,
    .remove_directory = host_remove_directory,
    .unlink = host_unlink,
    .rename = host_rename,
    .link = host_link,
    .symlink = host_symlink,
    .read_link = host_read_link,
    .identify = sfpm_host_identify,
    .confirm = sfpm_host_confirm,
    .free = host_free,
};

sfpm_filesystem_t *sfpm_host_directory_open(const char *path)
{
    sfpm_host_directory_t *host = SFPM_NEW(sfpm_host_directory_t);
    if (!host)
        return NULL;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        sfpm_fail_errno(errno, "directory '%.200s' cannot be opened", path);
        free(host);
        return NULL;
    }
    host->base = (sfpm_filesystem_t){.operations = &host_operations, .root = fd};
    return &host->base;
}
