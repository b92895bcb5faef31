/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: transfers that move less than they were asked for. SFPM_SHORT=N makes
 * the N-th of the process move one byte; SFPM_SHORT=0 halves each. If the N-th came, the
 * file that SFPM_SHORT_CAME names is created.
 */

/* With it, what is defined here would be inline functions of <unistd.h>. */
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED ssize_t read(int fd, void *to, size_t size);
EXPORTED ssize_t pread(int fd, void *to, size_t size, off_t offset);
EXPORTED ssize_t pread64(int fd, void *to, size_t size, off64_t offset);
EXPORTED ssize_t write(int fd, const void *from, size_t size);
EXPORTED ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t size,
                        unsigned flags);
EXPORTED ssize_t vmsplice(int fd, const struct iovec *pieces, size_t count,
                          unsigned flags);

static void came(void)
{
    const char *name = getenv("SFPM_SHORT_CAME");
    int fd = name ? open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
}

/* How much of `size` to transfer. */
static size_t less(size_t size)
{
    static atomic_ulong calls;
    const char *value = getenv("SFPM_SHORT");
    if (!value || size < 2)
        return size;
    unsigned long which = strtoul(value, NULL, 10);
    if (which == 0)
        return size / 2;
    if (atomic_fetch_add(&calls, 1) + 1 != which)
        return size;
    came();
    return 1;
}

/* The function of that name behind ours. */
static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

ssize_t read(int fd, void *to, size_t size)
{
    ssize_t (*function)(int, void *, size_t);
    *(void **)&function = next("read");
    return function(fd, to, less(size));
}

ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
    ssize_t (*function)(int, void *, size_t, off_t);
    *(void **)&function = next("pread");
    return function(fd, to, less(size), offset);
}

ssize_t pread64(int fd, void *to, size_t size, off64_t offset)
{
    ssize_t (*function)(int, void *, size_t, off64_t);
    *(void **)&function = next("pread64");
    return function(fd, to, less(size), offset);
}

ssize_t write(int fd, const void *from, size_t size)
{
    ssize_t (*function)(int, const void *, size_t);
    *(void **)&function = next("write");
    return function(fd, from, less(size));
}

ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t size,
               unsigned flags)
{
    ssize_t (*function)(int, off64_t *, int, off64_t *, size_t, unsigned);
    *(void **)&function = next("splice");
    return function(in, in_at, out, out_at, less(size), flags);
}

ssize_t vmsplice(int fd, const struct iovec *pieces, size_t count, unsigned flags)
{
    ssize_t (*function)(int, const struct iovec *, size_t, unsigned);
    *(void **)&function = next("vmsplice");
    struct iovec piece = *pieces;
    if (count != 1)
        return function(fd, pieces, count, flags);
    piece.iov_len = less(piece.iov_len);
    return function(fd, &piece, 1, flags);
}
