/* SPDX-License-Identifier: MIT */
/*
 * Opens, reads, writes, syncs and closes descriptors, with retries after interruptions
 * and short transfers, and splices where Linux can.
 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h> /* renameat() */
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if SFPM_LINUX_PATHS
#include <sys/syscall.h>
#endif

static int open_mode(int directory, const char *path, int flags, mode_t mode, int *fd)
{
    do
        *fd = openat(directory, path, flags | O_CLOEXEC | O_NOCTTY, mode);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

int sfpm_file_open(int directory, const char *path, int flags, int *fd)
{
    return open_mode(directory, path, flags, 0, fd);
}

int sfpm_file_create(int directory, const char *path, mode_t mode, int *fd)
{
    return open_mode(directory, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode, fd);
}

/* Linux, not on all file systems. */
static int rename_new(int directory, const char *from, const char *to)
{
#if SFPM_LINUX_PATHS && defined(SYS_renameat2)
    enum { NO_REPLACE = 1 };
    return syscall(SYS_renameat2, directory, from, directory, to, NO_REPLACE) != 0 ? errno
                                                                                   : 0;
#else
    (void)directory, (void)from, (void)to;
    return ENOSYS;
#endif
}

int sfpm_file_name_new(int directory, const char *from, const char *to)
{
    struct stat info;
    int error = rename_new(directory, from, to);
    if (error == 0 || error == EEXIST)
        return error;
    if (linkat(directory, from, directory, to, 0) == 0) {
        /* It has its name, so this cannot fail any more: at worst it has two. */
        (void)unlinkat(directory, from, 0);
        return 0;
    }
    /* Any other error occurs again here, unless it was that links are not supported. */
    if (errno == EEXIST)
        return EEXIST;
    if (fstatat(directory, to, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    return renameat(directory, from, directory, to) != 0 ? errno : 0;
}

/* Whether a failed transfer is to be tried again, after waiting if need be. */
static bool again(int fd, short event)
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return false;
    struct pollfd wait = {.fd = fd, .events = event};
    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

int sfpm_file_read(int fd, void *to, size_t size, size_t *got)
{
    ssize_t n;
    do
        n = read(fd, to, size < SFPM_TRANSFER_MAX ? size : SFPM_TRANSFER_MAX);
    while (n < 0 && again(fd, POLLIN));
    *got = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

int sfpm_file_write(int fd, const void *bytes, size_t size, size_t *done)
{
    const char *from = bytes;
    *done = 0;
    while (*done < size) {
        size_t left = size - *done;
        ssize_t n =
            write(fd, from + *done, left < SFPM_TRANSFER_MAX ? left : SFPM_TRANSFER_MAX);
        if (n > 0)
            *done += (size_t)n;
        else if (n == 0)
            return EIO;
        else if (!again(fd, POLLOUT))
            return errno;
    }
    return 0;
}

void sfpm_file_widen_pipe(int fd)
{
#if SFPM_LINUX_PATHS
    /* What any user may have. */
    (void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
#else
    (void)fd;
#endif
}

#if SFPM_LINUX_PATHS
/* The result of one transfer without a copy: 0 and nothing done where that is not
 * supported. */
static int transferred(ssize_t n, size_t *done)
{
    *done = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EINVAL || errno == ENOSYS || errno == EPERM ? 0 : errno;
}

int sfpm_file_splice(int from, uint64_t offset, int pipe, size_t size, size_t *done)
{
    loff_t at = (loff_t)offset;
    ssize_t n;
    do
        n = splice(from, &at, pipe, NULL, size, 0);
    while (n < 0 && again(pipe, POLLOUT));
    return transferred(n, done);
}

int sfpm_file_lend(int pipe, const uint8_t *bytes, size_t size, size_t *done)
{
    struct iovec piece = {.iov_len = size};
    ssize_t n;
    memcpy(&piece.iov_base, &bytes, sizeof bytes); /* read only */
    do
        n = vmsplice(pipe, &piece, 1, 0);
    while (n < 0 && again(pipe, POLLOUT));
    return transferred(n, done);
}
#else
int sfpm_file_splice(int from, uint64_t offset, int pipe, size_t size, size_t *done)
{
    (void)from, (void)offset, (void)pipe, (void)size;
    *done = 0;
    return 0;
}

int sfpm_file_lend(int pipe, const uint8_t *bytes, size_t size, size_t *done)
{
    (void)pipe, (void)bytes, (void)size;
    *done = 0;
    return 0;
}
#endif

static int sync_once(int fd, bool metadata)
{
#ifdef F_FULLFSYNC
    /* fsync() alone leaves the bytes in the drive's cache there. */
    if (fcntl(fd, F_FULLFSYNC) == 0)
        return 0;
#endif
    return metadata ? fsync(fd) : fdatasync(fd);
}

int sfpm_file_sync(int fd, bool metadata)
{
    int result;
    do
        result = sync_once(fd, metadata);
    while (result != 0 && errno == EINTR);
    return result != 0 ? errno : 0;
}

int sfpm_file_sync_directory(int fd)
{
    int error = sfpm_file_sync(fd, true);
    /* File systems that do not support this report so; nothing more can be done then. */
    return error == EINVAL || error == ENOTSUP || error == ENOSYS ? 0 : error;
}

int sfpm_file_truncate(int fd, uint64_t size)
{
    int result;
    do
        result = ftruncate(fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result != 0 ? errno : 0;
}

int sfpm_file_close(int fd)
{
    return close(fd) != 0 && errno != EINTR && errno != EINPROGRESS ? errno : 0;
}
