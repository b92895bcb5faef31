/* SPDX-License-Identifier: MIT */
/*
 * Waits for peers that do not read or write at the moment. The C library's streams lose
 * what a non-blocking descriptor refuses, so stdout and stderr get writers of their own.
 */
#include "common/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_MS = 200 /* between two looks at whether to stop */ };
#define BUFFER ((size_t)64 << 10)
/* What a pipe takes at once when it takes anything. */
#ifndef PIPE_BUF
#define PIPE_BUF 512
#endif

static struct {
    int fd; /* -1: none */
    bool (*stop)(void);
    char *bytes;
    size_t size;
} kept = {.fd = -1};

static void (*when_failed)(void);

void stream_keep(int fd, bool (*stop)(void))
{
    kept.fd = fd;
    kept.stop = stop;
}

const void *stream_kept(size_t *size)
{
    *size = kept.size;
    return kept.bytes;
}

static bool is_refused(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

ssize_t stream_read(int fd, void *to, size_t size)
{
    struct pollfd input = {.fd = fd, .events = POLLIN};
    for (;;) {
        ssize_t got = read(fd, to, size);
        if (got >= 0 || (errno != EINTR && !is_refused()))
            return got;
        if (is_refused())
            (void)poll(&input, 1, -1);
    }
}

static bool stops(void)
{
    return kept.stop && kept.stop();
}

static bool keep(const char *bytes, size_t size)
{
    char *larger = realloc(kept.bytes, kept.size + size);
    if (!larger)
        return false;
    memcpy(larger + kept.size, bytes, size);
    kept.bytes = larger;
    kept.size += size;
    return true;
}

/* Whether the descriptor takes something now; false when the tool is to stop before. */
static bool wait_to_write(int fd)
{
    struct pollfd output = {.fd = fd, .events = POLLOUT};
    for (;;) {
        bool last = stops();
        int ready = poll(&output, 1, last ? 0 : (int)POLL_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
        if (last)
            return false;
    }
}

/* Without a stop, a write to a blocking descriptor waits by itself. With one, only as
 * much is written as is taken at once. */
static size_t next_piece(int fd, size_t left)
{
    struct stat info;
    bool whole = !kept.stop || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode));
    return whole || left < PIPE_BUF ? left : PIPE_BUF;
}

/* Writes all, and returns how much it was: less after an error, or when the tool stops.
 */
static size_t write_out(int fd, const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        if (kept.stop && !wait_to_write(fd))
            break;
        ssize_t n = write(fd, bytes + done, next_piece(fd, size - done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || (errno != EINTR && (!is_refused() || !wait_to_write(fd))))
            break;
    }
    return done;
}

/* The rest of a message is dropped when the tool stops, that of other output is kept. */
static ssize_t stream_write(int fd, const char *bytes, size_t size)
{
    size_t done = kept.size > 0 && fd == kept.fd ? 0 : write_out(fd, bytes, size);
    if (done == size)
        return (ssize_t)size;
    if (stops() && (fd != kept.fd || keep(bytes + done, size - done)))
        return (ssize_t)size;
    if (fd == STDOUT_FILENO && when_failed)
        when_failed();
    return 0;
}

#if defined(__GLIBC__)
static ssize_t write_cookie(void *cookie, const char *bytes, size_t size)
{
    return stream_write(*(int *)cookie, bytes, size);
}

static FILE *open_stream(int fd, FILE *usual)
{
    static int numbers[] = {0, 1, 2};
    FILE *file =
        fopencookie(&numbers[fd], "w", (cookie_io_functions_t){.write = write_cookie});
    return file ? file : usual;
}

void stream_start(void (*failed)(void))
{
    static char lines[2][BUFFER];
    when_failed = failed;
    stdout = open_stream(STDOUT_FILENO, stdout);
    stderr = open_stream(STDERR_FILENO, stderr);
    setvbuf(stdout, lines[0], isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFFER);
    setvbuf(stderr, lines[1], _IOLBF, BUFFER);
}
#else
void stream_start(void (*failed)(void))
{
    static char lines[BUFFER];
    when_failed = failed;
    (void)stream_write;
    setvbuf(stderr, lines, _IOLBF, sizeof lines);
}
#endif
