/* SPDX-License-Identifier: MIT */
/*
 * Writes an output front to back, collects small writes, and finishes it by sync and
 * rename, by sync, or by flushing, as its kind needs.
 */
#include "io/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/page.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/lock.h"
#include "io/place.h"

#define GATHER      ((size_t)256 << 10) /* small pieces are gathered up to this */
#define PAGE        ((size_t)SFPM_PAGE)
#define DIRECT      ((size_t)128 << 10) /* from here on copying costs more than a call */
#define RESERVE_MIN ((uint64_t)1 << 20) /* below, reserving costs more than it saves */
#define BEHIND_MIN  ((uint64_t)4 << 20) /* what the disk is given at a time */
#define HOLE_MIN    ((uint64_t)1 << 20) /* zeros that a new file need not hold */

enum kind { NEW_FILE, APPEND, STREAM };

struct sfpm_output {
    enum kind kind;
    char *name;
    int fd; /* where bytes go; NEW_FILE: the same as file.fd */
    bool owns_fd;
    sfpm_atomic_t file; /* NEW_FILE */
    sfpm_place_t place; /* APPEND: where the file is */
    struct stat info;   /* what APPEND has locked, or what STREAM writes to */
    uint64_t written;   /* the position after what was handed to the system, */
    uint64_t behind;    /* and after what the disk was told to begin with */
    bool unsynced;      /* APPEND: nothing is synced */
    bool dirty;         /* APPEND: written or reserved since the last sync */
    uint64_t reserved;  /* up to where space was taken; 0: none was */
    uint64_t hole_end;  /* where the last hole that was left ends; 0: none was */
    uint8_t *gathered;  /* allocated on first use; filled from where, within a page,
                           `written` is */
    size_t used;
    bool failed; /* every later call fails with this error: */
    sfpm_error_state_t error;
};

static sfpm_output_t *new_output(enum kind kind, const char *name)
{
    sfpm_output_t *output = SFPM_NEW(sfpm_output_t);
    if (!output)
        return NULL;
    output->kind = kind;
    output->fd = -1;
    output->file = SFPM_NO_ATOMIC;
    output->place = SFPM_NO_PLACE;
    output->name = sfpm_copy_string(name);
    if (output->name)
        return output;
    free(output);
    return NULL;
}

static void destroy(sfpm_output_t *output)
{
    if (output->owns_fd && output->fd >= 0)
        sfpm_file_close(output->fd);
    sfpm_atomic_end(&output->file);
    sfpm_place_close(&output->place);
    free(output->gathered);
    free(output->name);
    free(output);
}

/* Remembers the error just set: whatever comes later fails for the same reason. */
static bool failed(sfpm_output_t *output)
{
    output->failed = true;
    sfpm_error_save(&output->error);
    return false;
}

static bool fail_replaced(const char *path)
{
    return sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: was replaced by another process just now: try again", path);
}

/* Readers look for the last commit at the end, so nothing may follow a stream: neither
 * the old bytes of a device, which keeps its size, nor those of a file. */
static bool nothing_follows(const sfpm_output_t *output)
{
    const struct stat *info = &output->info;
    if (S_ISBLK(info->st_mode))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: is a block device, where old data would follow the image: "
                         "write to a file",
                         output->name);
    if (!S_ISREG(info->st_mode) || (fcntl(output->fd, F_GETFL) & O_APPEND))
        return true;
    off_t at = lseek(output->fd, 0, SEEK_CUR);
    return at < 0 || at >= info->st_size ||
           sfpm_fail(
               SFPM_ERR_ARGUMENT,
               "%s: holds old data (%lld B) that would follow the image: empty it first",
               output->name, (long long)(info->st_size - at));
}

static bool open_stream(sfpm_output_t *output, int fd)
{
    output->kind = STREAM;
    output->fd = fd;
    /* An invalid descriptor fails when it is written to. */
    return fstat(fd, &output->info) != 0 || nothing_follows(output);
}

static bool open_device(sfpm_output_t *output)
{
    int fd;
    int error = sfpm_file_open(AT_FDCWD, output->name, O_WRONLY, &fd);
    if (error)
        return sfpm_fail_errno(error, "%s: cannot open for writing", output->name);
    output->owns_fd = true;
    return open_stream(output, fd) &&
           (!S_ISREG(output->info.st_mode) || fail_replaced(output->name));
}

/* The number in a name of an open descriptor, else -1. To open such a name again would
 * start a regular file from its beginning, and sockets cannot be opened. */
static int named_descriptor(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (int i = 0; i < 3; i++)
        if (strcmp(path, names[i]) == 0)
            return i;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(folders[i]);
        const char *digits = path + length;
        if (strncmp(path, folders[i], length) == 0 && *digits && strlen(digits) <= 9 &&
            strspn(digits, "0123456789") == strlen(digits))
            return atoi(digits);
    }
    return -1;
}

static bool open_descriptor(sfpm_output_t *output, int named)
{
    int fd = fcntl(named, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return sfpm_fail_errno(errno, "%s", output->name);
    output->owns_fd = true;
    return open_stream(output, fd);
}

static bool open_created(sfpm_output_t *output, const sfpm_output_options_t *options)
{
    struct stat info;
    int named = named_descriptor(output->name);
    if (named >= 0)
        return open_descriptor(output, named);
    bool exists = stat(output->name, &info) == 0;
    if (!exists && errno != ENOENT)
        return sfpm_fail_errno(errno, "%s", output->name);
    if (exists && S_ISDIR(info.st_mode))
        return sfpm_fail_errno(EISDIR, "%s", output->name);
    if (exists && !S_ISREG(info.st_mode))
        return open_device(output);
    if (exists && options && options->only_new)
        return sfpm_fail(SFPM_ERR_CHANGED, "%s: was just created by another process",
                         output->name);
    if (!sfpm_atomic_begin(&output->file, output->name, exists, options))
        return false;
    if (exists && !sfpm_same_file(&info, &output->file.old))
        return fail_replaced(output->name);
    output->fd = output->file.fd;
    return true;
}

sfpm_output_t *sfpm_output_create(const char *path, const sfpm_output_options_t *options)
{
    sfpm_output_t *output = new_output(NEW_FILE, path);
    if (!output || open_created(output, options))
        return output;
    destroy(output);
    return NULL;
}

static bool open_appended(sfpm_output_t *output, const sfpm_output_options_t *options)
{
    const char *path = output->name;
    struct stat info;
    bool held = options && options->held;
    if (!held && stat(path, &info) != 0)
        return sfpm_fail_errno(errno, "%s", path);
    if (!held && !S_ISREG(info.st_mode))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: is not a regular file: cannot be appended to", path);
    if (!sfpm_place_open(&output->place, path) ||
        !sfpm_lock_open(&output->place, O_RDWR, path, options, &output->fd,
                        &output->info))
        return false;
    output->owns_fd = true;
    if (!held && !sfpm_same_file(&info, &output->info))
        return fail_replaced(path);
    if (output->info.st_nlink > 1 && !(options && options->ignore_hard_links))
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "%s: has %lu names (hard links), which would all change: write to "
            "another file, or force it",
            path, (unsigned long)output->info.st_nlink);
    if (lseek(output->fd, output->info.st_size, SEEK_SET) < 0)
        return sfpm_fail_errno(errno, "%s", path);
    output->written = output->behind = (uint64_t)output->info.st_size;
    output->unsynced = options && options->unsynced;
    return true;
}

sfpm_output_t *sfpm_output_append(const char *path, const sfpm_output_options_t *options)
{
    sfpm_output_t *output = new_output(APPEND, path);
    if (!output || open_appended(output, options))
        return output;
    destroy(output);
    return NULL;
}

sfpm_output_t *sfpm_output_stream(int fd, const char *name)
{
    sfpm_output_t *output = new_output(STREAM, name);
    if (!output || open_stream(output, fd))
        return output;
    destroy(output);
    return NULL;
}

int sfpm_output_hold(sfpm_output_t *output)
{
    int fd = fcntl(output->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        sfpm_fail_errno(errno, "%s", output->name);
    return fd;
}

const struct stat *sfpm_output_file(const sfpm_output_t *output)
{
    return S_ISREG(output->info.st_mode) ? &output->info : NULL;
}

uint64_t sfpm_output_offset(const sfpm_output_t *output)
{
    return output->written + output->used;
}

/* Lets the disk begin with what was written while more is prepared, so that the sync at
 * the end takes less time. A hint: that sync reports errors. */
static void write_behind(sfpm_output_t *output)
{
#if SFPM_LINUX_PATHS
    uint64_t size = output->written - output->behind;
    if (output->kind == STREAM || output->unsynced || size < BEHIND_MIN)
        return;
    (void)sync_file_range(output->fd, (off_t)output->behind, (off_t)size,
                          SYNC_FILE_RANGE_WRITE);
    output->behind = output->written;
#else
    (void)output;
#endif
}

bool sfpm_output_passed(sfpm_output_t *output, size_t size, int error)
{
    output->dirty = true;
    output->written += size;
    write_behind(output);
    if (error == 0)
        return true;
    sfpm_fail_errno(error, "%s: cannot write at offset %llu", output->name,
                    (unsigned long long)output->written);
    return failed(output);
}

/* Hands bytes to the system. */
static bool put(sfpm_output_t *output, const void *bytes, size_t size)
{
    size_t done;
    int error = sfpm_file_write(output->fd, bytes, size, &done);
    return sfpm_output_passed(output, done, error);
}

/* Whether the output still works; if not, the thread's error says why not. */
static bool usable(const sfpm_output_t *output)
{
    if (output->failed)
        sfpm_error_restore(&output->error);
    return !output->failed;
}

/* The first of the gathered bytes: what fills a page of the file fills one of memory. */
static uint8_t *gathered(const sfpm_output_t *output)
{
    return output->gathered + output->written % PAGE;
}

static bool flush(sfpm_output_t *output)
{
    size_t used = output->used;
    output->used = 0;
    return used == 0 || put(output, gathered(output), used);
}

/* Room for `size` bytes, at most GATHER, among the gathered; NULL on failure. */
static uint8_t *gather(sfpm_output_t *output, size_t size)
{
    if (!output->gathered && !(output->gathered = sfpm_new_block(GATHER + PAGE))) {
        failed(output);
        return NULL;
    }
    if (size > GATHER - output->used && !flush(output))
        return NULL;
    uint8_t *to = gathered(output) + output->used;
    output->used += size;
    return to;
}

bool sfpm_output_write(sfpm_output_t *output, const void *bytes, size_t size)
{
    if (!usable(output))
        return false;
    if (size >= DIRECT)
        return flush(output) && put(output, bytes, size);
    uint8_t *to = size ? gather(output, size) : NULL;
    if (to)
        sfpm_copy_contents(to, bytes, size);
    return to || size == 0;
}

/* Passes over bytes of a new file, which then reads as zeros there. */
static bool leave_hole(sfpm_output_t *output, uint64_t count)
{
    uint64_t end;
    int error = EFBIG;
    if (!flush(output))
        return false;
    if (sfpm_add_u64(output->written, count, &end) && end <= INT64_MAX)
        error = lseek(output->fd, (off_t)end, SEEK_SET) < 0 ? errno : 0;
    if (error) {
        sfpm_fail_errno(error, "%s: cannot write at offset %llu", output->name,
                        (unsigned long long)output->written);
        return failed(output);
    }
    output->written = output->behind = output->hole_end = end;
    return true;
}

bool sfpm_output_zeros(sfpm_output_t *output, uint64_t count)
{
    if (!usable(output))
        return false;
    if (output->kind == NEW_FILE && count >= HOLE_MIN)
        return leave_hole(output, count);
    while (count > 0) {
        size_t piece = count < GATHER ? (size_t)count : GATHER;
        uint8_t *to = gather(output, piece);
        if (!to)
            return false;
        memset(to, 0, piece);
        count -= piece;
    }
    return true;
}

int sfpm_output_pipe(sfpm_output_t *output)
{
    struct stat info;
    return usable(output) && output->kind == STREAM && fstat(output->fd, &info) == 0 &&
                   S_ISFIFO(info.st_mode) && flush(output)
               ? output->fd
               : -1;
}

/* Space is taken beyond the end, so that the size is never more than what was written.
 * Only a lack of space matters: other errors occur again when writing. */
static int reserve_space(int fd, uint64_t offset, uint64_t size)
{
#if SFPM_LINUX_PATHS
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) != 0)
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? errno : 0;
#else
    (void)fd, (void)offset, (void)size;
#endif
    return 0;
}

bool sfpm_output_reserve(sfpm_output_t *output, uint64_t size)
{
    uint64_t end = 0;
    if (!usable(output))
        return false;
    if (output->kind == STREAM || size < RESERVE_MIN)
        return true;
    int error = EFBIG;
    if (sfpm_add_u64(sfpm_output_offset(output), size, &end) && end <= INT64_MAX)
        error = reserve_space(output->fd, sfpm_output_offset(output), size);
    if (end > output->reserved)
        output->reserved = end;
    output->dirty = true;
    if (error == 0)
        return true;
    sfpm_fail_errno(error, "%s: no space for %llu more bytes", output->name,
                    (unsigned long long)size);
    return failed(output);
}

bool sfpm_output_sync(sfpm_output_t *output)
{
    if (!usable(output) || !flush(output))
        return false;
    if (output->kind != APPEND || output->unsynced || !output->dirty)
        return true;
    int error = sfpm_file_sync(output->fd, false);
    if (error) {
        sfpm_fail_errno(error, "%s: cannot sync", output->name);
        return failed(output);
    }
    output->dirty = false;
    return true;
}

/* Gives back space that was reserved and not used, or sets the size of a file that ends
 * with a hole. Setting the size costs an extra write at the next sync, even if it does
 * not change. */
static bool trim(sfpm_output_t *output)
{
    bool hole = output->hole_end > 0 && output->hole_end == output->written;
    int error = hole || output->reserved > output->written
                    ? sfpm_file_truncate(output->fd, output->written)
                    : 0;
    return error == 0 || sfpm_fail_errno(error, "%s: cannot set its size", output->name);
}

/* Bytes appended to a file that has lost its name would be lost with it. */
static bool still_in_place(const sfpm_output_t *output)
{
    struct stat now;
    int error = sfpm_place_look(&output->place, &now);
    if (error && error != ENOENT)
        return sfpm_fail_errno(error, "%s", output->name);
    if (!error && sfpm_same_file(&output->info, &now))
        return true;
    return sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: was removed or replaced by another process meanwhile",
                     output->name);
}

static bool complete(sfpm_output_t *output)
{
    if (!usable(output) || !flush(output) || !trim(output))
        return false;
    if (output->kind == NEW_FILE)
        return sfpm_atomic_commit(&output->file, output->name);
    if (output->kind == APPEND)
        return still_in_place(output) && sfpm_output_sync(output);
    if (!output->owns_fd)
        return true;
    int error = sfpm_file_close(output->fd);
    output->fd = -1;
    return error == 0 || sfpm_fail_errno(error, "%s: cannot write", output->name);
}

bool sfpm_output_finish(sfpm_output_t *output)
{
    if (!complete(output)) {
        sfpm_output_discard(output);
        return false;
    }
    destroy(output);
    return true;
}

void sfpm_output_discard(sfpm_output_t *output)
{
    if (!output)
        return;
    /* A size cut back is not synced: readers pass over a torn end anyway. */
    uint64_t size = (uint64_t)output->info.st_size;
    if (output->kind == APPEND && (output->reserved > 0 || output->written > size))
        (void)sfpm_file_truncate(output->fd, size);
    destroy(output);
}
