/* SPDX-License-Identifier: MIT */
/* What is done with open files and directories of the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wasi/host_directory.h"
#include "wasi/wasi.h"

#define SECOND UINT64_C(1000000000)

#if defined(__APPLE__)
#define TIME_OF(status, which) ((status)->st_##which##timespec)
#else
#define TIME_OF(status, which) ((status)->st_##which##tim)
#endif

static sfpm_wasi_errno_t last_error(bool ok)
{
    return ok ? WASI_SUCCESS : sfpm_wasi_errno(errno);
}

/* ---- Facts ---------------------------------------------------------------------------- */

static uint8_t type_of(mode_t mode)
{
    if (S_ISREG(mode))
        return WASI_TYPE_REGULAR;
    if (S_ISDIR(mode))
        return WASI_TYPE_DIRECTORY;
    if (S_ISLNK(mode))
        return WASI_TYPE_LINK;
    return WASI_TYPE_UNKNOWN;
}

static uint64_t nanoseconds(struct timespec time)
{
    return time.tv_sec < 0 ? 0
                           : (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void sfpm_host_stat(const struct stat *status, sfpm_wasi_stat_t *stat)
{
    *stat = (sfpm_wasi_stat_t){.device = (uint64_t)status->st_dev,
                               .inode = (uint64_t)status->st_ino,
                               .links = (uint64_t)status->st_nlink,
                               .size = (uint64_t)status->st_size,
                               .accessed = nanoseconds(TIME_OF(status, a)),
                               .modified = nanoseconds(TIME_OF(status, m)),
                               .changed = nanoseconds(TIME_OF(status, c)),
                               .type = type_of(status->st_mode)};
}

static struct timespec time_to_set(uint16_t which, uint16_t given, uint16_t now,
                                   uint64_t time)
{
    struct timespec to = {.tv_nsec = UTIME_OMIT};
    if (which & now)
        to.tv_nsec = UTIME_NOW;
    if (which & given)
        to = (struct timespec){.tv_sec = (time_t)(time / SECOND),
                               .tv_nsec = (long)(time % SECOND)};
    return to;
}

void sfpm_host_times(const sfpm_wasi_times_t *times, struct timespec both[2])
{
    both[0] =
        time_to_set(times->which, WASI_SET_ATIM, WASI_SET_ATIM_NOW, times->accessed);
    both[1] =
        time_to_set(times->which, WASI_SET_MTIM, WASI_SET_MTIM_NOW, times->modified);
}

sfpm_wasi_errno_t sfpm_host_fstat(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  sfpm_wasi_stat_t *stat)
{
    struct stat status;
    (void)files;
    if (fstat((int)handle, &status) != 0)
        return sfpm_wasi_errno(errno);
    sfpm_host_stat(&status, stat);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_host_set_times(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                      const sfpm_wasi_times_t *times)
{
    struct timespec both[2];
    (void)files;
    sfpm_host_times(times, both);
    return last_error(futimens((int)handle, both) == 0);
}

/* ---- Contents -------------------------------------------------------------------------- */

void sfpm_host_close(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle)
{
    (void)files;
    close((int)handle);
}

/* What is transferred at once, at most. */
static size_t at_once(size_t size)
{
    return size < INT_MAX / 2 ? size : INT_MAX / 2;
}

sfpm_wasi_errno_t sfpm_host_read(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 void *bytes, size_t size, uint64_t at, size_t *count)
{
    ssize_t got;
    (void)files;
    do
        got = pread((int)handle, bytes, at_once(size), (off_t)at);
    while (got < 0 && errno == EINTR);
    *count = got > 0 ? (size_t)got : 0;
    return last_error(got >= 0);
}

sfpm_wasi_errno_t sfpm_host_write(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  const void *bytes, size_t size, uint64_t at,
                                  size_t *count)
{
    ssize_t done;
    (void)files;
    do
        done = pwrite((int)handle, bytes, at_once(size), (off_t)at);
    while (done < 0 && errno == EINTR);
    *count = done > 0 ? (size_t)done : 0;
    return last_error(done >= 0);
}

sfpm_wasi_errno_t sfpm_host_append(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                   const void *bytes, size_t size, size_t *count,
                                   uint64_t *end)
{
    ssize_t done;
    (void)files;
    do
        done = write((int)handle, bytes, at_once(size));
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return sfpm_wasi_errno(errno);
    off_t at = lseek((int)handle, 0, SEEK_CUR);
    *count = (size_t)done;
    *end = at > 0 ? (uint64_t)at : 0;
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_host_set_size(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     uint64_t size)
{
    (void)files;
    return last_error(ftruncate((int)handle, (off_t)size) == 0);
}

sfpm_wasi_errno_t sfpm_host_allocate(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     uint64_t offset, uint64_t length)
{
    (void)files;
    int error;
    do
        error = posix_fallocate((int)handle, (off_t)offset, (off_t)length);
    while (error == EINTR);
    return sfpm_wasi_errno(error == EINVAL || error == EOPNOTSUPP ? ENOTSUP : error);
}

sfpm_wasi_errno_t sfpm_host_sync(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 bool data_only)
{
    (void)files;
    return last_error((data_only ? fdatasync((int)handle) : fsync((int)handle)) == 0);
}

/* Whether a file is synced at each write is fixed when it is opened. */
sfpm_wasi_errno_t sfpm_host_set_flags(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                      uint16_t old, uint16_t flags)
{
    const uint16_t synced = WASI_DSYNC | WASI_RSYNC | WASI_SYNC;
    (void)files;
    if ((old & synced) != (flags & synced))
        return WASI_ENOTSUP;
    int now = fcntl((int)handle, F_GETFL);
    if (now < 0)
        return sfpm_wasi_errno(errno);
    now = flags & WASI_APPEND ? now | O_APPEND : now & ~O_APPEND;
    return last_error(fcntl((int)handle, F_SETFL, now) == 0);
}

/* ---- Entries of directories --------------------------------------------------------------- */

typedef struct names {
    char **list;
    size_t count;
    size_t capacity;
} names_t;

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static bool add_name(names_t *names, const char *name)
{
    void *list = names->list;
    if (!sfpm_grow_array(&list, &names->capacity, names->count + 1, sizeof *names->list))
        return false;
    names->list = list;
    names->list[names->count] = sfpm_copy_string(name);
    return names->list[names->count++] != NULL;
}

/* All but the two that every directory has, by name: in the same order everywhere. */
static sfpm_wasi_errno_t read_names(DIR *stream, names_t *names)
{
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !add_name(names, entry->d_name))
            return WASI_ENOMEM;
        errno = 0;
    }
    if (errno != 0)
        return sfpm_wasi_errno(errno);
    if (names->count > 0)
        qsort(names->list, names->count, sizeof *names->list, compare);
    return WASI_SUCCESS;
}

/* One that was removed meanwhile is left out. */
static sfpm_wasi_errno_t add_entry(int directory, const char *name,
                                   sfpm_buffer_t *listing)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? WASI_SUCCESS : sfpm_wasi_errno(errno);
    bool added = sfpm_listing_add(listing, (uint64_t)status.st_ino,
                                  type_of(status.st_mode), name, strlen(name));
    return added ? WASI_SUCCESS : WASI_ENOMEM;
}

/* ".." is the directory itself: what it lies in is not shown. */
static sfpm_wasi_errno_t add_entries(int directory, const names_t *names,
                                     sfpm_buffer_t *listing)
{
    struct stat status;
    if (fstat(directory, &status) != 0)
        return sfpm_wasi_errno(errno);
    uint64_t inode = (uint64_t)status.st_ino;
    if (!sfpm_listing_add(listing, inode, WASI_TYPE_DIRECTORY, ".", 1) ||
        !sfpm_listing_add(listing, inode, WASI_TYPE_DIRECTORY, "..", 2))
        return WASI_ENOMEM;
    sfpm_wasi_errno_t error = WASI_SUCCESS;
    for (size_t i = 0; error == WASI_SUCCESS && i < names->count; i++)
        error = add_entry(directory, names->list[i], listing);
    return error;
}

sfpm_wasi_errno_t sfpm_host_list(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 sfpm_buffer_t *listing)
{
    names_t names = {.count = 0};
    (void)files;
    int fd = openat((int)handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        sfpm_wasi_errno_t error = sfpm_wasi_errno(errno);
        if (fd >= 0)
            close(fd);
        return error;
    }
    sfpm_wasi_errno_t error = read_names(stream, &names);
    if (error == WASI_SUCCESS)
        error = add_entries((int)handle, &names, listing);
    for (size_t i = 0; i < names.count; i++)
        free(names.list[i]);
    free(names.list);
    closedir(stream);
    return error;
}
