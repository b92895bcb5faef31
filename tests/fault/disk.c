/* SPDX-License-Identifier: MIT */
/*
 * A disk that remembers: a file system with one file, `disk`, for a loop device. Every
 * write and every flush that the file system above it makes goes into a log, from which
 * the disk can be made as a power failure at any time would have left it.
 *
 *   disk serve FILE LOG DIRECTORY  serves FILE as DIRECTORY/disk until that is unmounted
 *   disk count LOG                 prints how many writes and flushes there are so far
 *   disk crash LOG N KIND SEED FILE
 *       changes FILE, a copy of the disk as it was first, by the first N entries. What a
 *       flush followed is there. The other writes are all there (KIND is prefix), or some
 *       of them (subset), or some blocks of 4096 bytes (block) or sectors of 512 bytes
 *       (sector) of each.
 *
 * Exit status 0, or 1 with a message, or 77 where there are no such file systems.
 */
#include <stdio.h>

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/fuse.h>)
#define HAVE_FUSE_HEADER
#endif
#endif

#ifndef HAVE_FUSE_HEADER
int main(void)
{
    fputs("disk: not on this system\n", stderr);
    return 77;
}
#else
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_MAX = 128 << 10, ROOT = 1, DISK = 2, BLOCK = 4096, SECTOR = 512 };

typedef struct entry {
    uint64_t offset;
    uint64_t size; /* of the bytes that follow in the log; 0: a flush */
} entry_t;

static int failed(const char *what)
{
    fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* ---- the server ---- */

typedef struct server {
    int fuse, disk, log;
    struct stat info; /* of the disk */
} server_t;

static void answer(const server_t *server, uint64_t unique, int error, const void *bytes,
                   size_t size)
{
    static char reply[sizeof(struct fuse_out_header) + WRITE_MAX];
    struct fuse_out_header header = {(uint32_t)(sizeof header + size), -error, unique};
    memcpy(reply, &header, sizeof header);
    if (size > 0)
        memcpy(reply + sizeof header, bytes, size);
    /* It fails if the request was interrupted: then nobody waits for it. */
    if (write(server->fuse, reply, header.len) < 0)
        return;
}

static struct fuse_attr attributes(const server_t *server, uint64_t node)
{
    bool root = node == ROOT;
    return (struct fuse_attr){.ino = node,
                              .size = root ? 0 : (uint64_t)server->info.st_size,
                              .mode = root ? S_IFDIR | 0700 : S_IFREG | 0600,
                              .nlink = 1,
                              .blksize = BLOCK};
}

/* What is in the log is complete whenever somebody looks: one write for each entry. */
static bool record(const server_t *server, uint64_t offset, const void *bytes,
                   uint64_t size)
{
    static char both[sizeof(entry_t) + WRITE_MAX];
    entry_t entry = {offset, size};
    memcpy(both, &entry, sizeof entry);
    if (size > 0)
        memcpy(both + sizeof entry, bytes, size);
    return write(server->log, both, sizeof entry + size) ==
           (ssize_t)(sizeof entry + size);
}

static void serve_init(const server_t *server, uint64_t unique, const void *bytes)
{
    const struct fuse_init_in *in = bytes;
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = in->max_readahead,
                                .flags = in->flags & FUSE_BIG_WRITES,
                                .max_write = WRITE_MAX};
    answer(server, unique, 0, &out, sizeof out);
}

static void serve_lookup(const server_t *server, uint64_t unique, const char *name)
{
    struct fuse_entry_out out = {.nodeid = DISK, .attr = attributes(server, DISK)};
    bool found = strcmp(name, "disk") == 0;
    answer(server, unique, found ? 0 : ENOENT, &out, found ? sizeof out : 0);
}

static void serve_read(const server_t *server, uint64_t unique, const void *bytes)
{
    static char data[WRITE_MAX];
    const struct fuse_read_in *in = bytes;
    size_t size = in->size < WRITE_MAX ? in->size : WRITE_MAX;
    ssize_t got = pread(server->disk, data, size, (off_t)in->offset);
    answer(server, unique, got < 0 ? errno : 0, data, got < 0 ? 0 : (size_t)got);
}

static void serve_write(const server_t *server, uint64_t unique, const void *bytes)
{
    const struct fuse_write_in *in = bytes;
    struct fuse_write_out out = {.size = in->size};
    bool done =
        in->size <= WRITE_MAX && record(server, in->offset, in + 1, in->size) &&
        pwrite(server->disk, in + 1, in->size, (off_t)in->offset) == (ssize_t)in->size;
    answer(server, unique, done ? 0 : EIO, &out, done ? sizeof out : 0);
}

static void serve_request(const server_t *server, const struct fuse_in_header *request)
{
    const void *in = request + 1;
    struct fuse_attr_out attr = {.attr = attributes(server, request->nodeid)};
    struct fuse_open_out open = {0};
    struct fuse_statfs_out space = {.st = {.bsize = BLOCK, .namelen = 255}};
    switch (request->opcode) {
    case FUSE_INIT:
        serve_init(server, request->unique, in);
        break;
    case FUSE_LOOKUP:
        serve_lookup(server, request->unique, in);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        answer(server, request->unique, 0, &attr, sizeof attr);
        break;
    case FUSE_OPEN:
        answer(server, request->unique, 0, &open, sizeof open);
        break;
    case FUSE_STATFS:
        answer(server, request->unique, 0, &space, sizeof space);
        break;
    case FUSE_READ:
        serve_read(server, request->unique, in);
        break;
    case FUSE_WRITE:
        serve_write(server, request->unique, in);
        break;
    case FUSE_FSYNC:
        answer(server, request->unique, record(server, 0, NULL, 0) ? 0 : EIO, NULL, 0);
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
        answer(server, request->unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(server, request->unique, ENOSYS, NULL, 0);
    }
}

/* One request after the other, so that the log has them in the order in which they were
 * answered. */
static int serve_all(const server_t *server)
{
    static _Alignas(8) char request[WRITE_MAX + BLOCK];
    for (;;) {
        ssize_t got = read(server->fuse, request, sizeof request);
        if (got >= (ssize_t)sizeof(struct fuse_in_header))
            serve_request(server, (const struct fuse_in_header *)request);
        else if (got < 0 && errno == ENODEV)
            return EXIT_SUCCESS;
        else if (got < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
            return failed("/dev/fuse");
    }
}

static int serve(const char *disk, const char *log, const char *directory)
{
    char options[128];
    server_t server = {
        .fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC),
        .disk = open(disk, O_RDWR | O_CLOEXEC),
        .log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)};
    if (server.fuse < 0)
        return failed("/dev/fuse") ? 77 : 0;
    if (server.disk < 0 || server.log < 0 || fstat(server.disk, &server.info) != 0)
        return failed(disk);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0",
             server.fuse);
    if (mount("disk", directory, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        return failed(directory) ? 77 : 0;
    switch (fork()) {
    case -1:
        return failed("fork");
    case 0:
        /* Whoever waits for the end of our output does not wait for the server. */
        if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
            !freopen("/dev/null", "w", stderr))
            return EXIT_FAILURE;
        return serve_all(&server);
    default:
        return EXIT_SUCCESS;
    }
}

/* ---- the log ---- */

/* The next entry and its bytes; false at the end. */
static bool next_entry(FILE *log, entry_t *entry, char bytes[WRITE_MAX])
{
    return fread(entry, sizeof *entry, 1, log) == 1 && entry->size <= WRITE_MAX &&
           fread(bytes, 1, entry->size, log) == entry->size;
}

static char bytes[WRITE_MAX];

/* How many of the first `limit` entries there are; *flushed: how many of these come
 * before the last flush. */
static unsigned long count_entries(FILE *log, unsigned long limit, unsigned long *flushed)
{
    entry_t entry;
    unsigned long count = 0;
    *flushed = 0;
    while (count < limit && next_entry(log, &entry, bytes)) {
        count++;
        if (entry.size == 0)
            *flushed = count;
    }
    return count;
}

static uint32_t random_bits(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Writes an entry whole, or each of its units with a probability of one in two. */
static bool apply(int fd, const entry_t *entry, uint64_t unit, uint64_t *random)
{
    uint64_t size;
    for (uint64_t at = 0; at < entry->size; at += size) {
        size = unit - (entry->offset + at) % unit;
        if (size > entry->size - at)
            size = entry->size - at;
        if (random && random_bits(random) & 1)
            continue;
        if (pwrite(fd, bytes + at, size, (off_t)(entry->offset + at)) != (ssize_t)size)
            return false;
    }
    return true;
}

/* The unit that is written or lost as a whole; 0 for an unknown kind. */
static uint64_t unit_of(const char *kind)
{
    if (strcmp(kind, "sector") == 0)
        return SECTOR;
    if (strcmp(kind, "block") == 0)
        return BLOCK;
    return strcmp(kind, "subset") == 0 || strcmp(kind, "prefix") == 0 ? UINT64_MAX : 0;
}

static int crash(FILE *log, unsigned long limit, const char *kind, uint64_t seed,
                 const char *file)
{
    entry_t entry;
    unsigned long flushed, count = count_entries(log, limit, &flushed);
    uint64_t unit = unit_of(kind);
    bool whole = strcmp(kind, "prefix") == 0;
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && unit != 0;
    rewind(log);
    for (unsigned long i = 0; done && i < count && next_entry(log, &entry, bytes); i++)
        done = apply(fd, &entry, unit, whole || i < flushed ? NULL : &seed);
    return done && close(fd) == 0 ? EXIT_SUCCESS : failed(file);
}

int main(int argc, char **argv)
{
    unsigned long flushed;
    if (argc == 5 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argv[3], argv[4]);
    FILE *log = argc > 2 ? fopen(argv[2], "rb") : NULL;
    if (log && argc == 3 && strcmp(argv[1], "count") == 0)
        return printf("%lu\n", count_entries(log, ~0UL, &flushed)) < 0;
    if (log && argc == 7 && strcmp(argv[1], "crash") == 0)
        return crash(log, strtoul(argv[3], NULL, 10), argv[4],
                     strtoull(argv[5], NULL, 10) * 0x9e3779b97f4a7c15U, argv[6]);
    fputs("usage: disk serve FILE LOG DIRECTORY, disk count LOG, or\n"
          "disk crash LOG N KIND SEED FILE\n",
          stderr);
    return 2;
}
#endif
