/* SPDX-License-Identifier: MIT */
/*
 * Opens a file, a pipe or memory as an input and reads from any offset of it; a pipe is
 * stored in memory or in a temporary file first.
 */
#include "io/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/maps.h"
#include "base/memory.h"
#include "base/page.h"
#include "io/file.h"
#include "io/pipe_buffer.h"
#include "io/temporary.h"

struct sfpm_input {
    char *name;
    const uint8_t *bytes; /* the contents, when they are in memory */
    sfpm_space_t taken;   /* what `bytes` points to, when it is ours */
    int fd;               /* the file, when they are not; else -1 */
    bool owns_fd;
    bool opened; /* on a descriptor, of … */
    struct stat file;
    uint64_t start; /* where in the file the input begins */
    uint64_t size;
};

static sfpm_input_t *new_input(const char *name)
{
    sfpm_input_t *input = SFPM_NEW(sfpm_input_t);
    if (!input)
        return NULL;
    input->fd = -1;
    input->name = sfpm_copy_string(name);
    if (!input->name) {
        free(input);
        return NULL;
    }
    return input;
}

void sfpm_input_close(sfpm_input_t *input)
{
    if (!input)
        return;
    if (input->owns_fd)
        sfpm_file_close(input->fd);
    sfpm_space_free(&input->taken);
    free(input->name);
    free(input);
}

static void set_size(sfpm_input_t *input, const struct stat *info)
{
    uint64_t end = (uint64_t)info->st_size;
    input->size = end > input->start ? end - input->start : 0;
}

static uint64_t default_memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t half = SIZE_MAX / 4;
    if (pages > 0)
        half = (uint64_t)pages * sfpm_system_page() / 2;
    return half < SIZE_MAX / 4 ? half : SIZE_MAX / 4;
}

/* Reads until the end or until memory is used up; *more tells which. */
static bool take_into_memory(sfpm_input_t *input, int fd, uint64_t limit, bool *more)
{
    sfpm_space_t *taken = &input->taken;
    sfpm_file_widen_pipe(fd);
    for (*more = true; taken->size < limit && sfpm_space_grow(taken, limit);) {
        size_t room = taken->capacity - taken->size;
        size_t got;
        if (limit - taken->size < room)
            room = (size_t)(limit - taken->size);
        int error = sfpm_file_read(fd, taken->data + taken->size, room, &got);
        if (error)
            return sfpm_fail_errno(error, "%s: cannot read", input->name);
        taken->size += got;
        if (got == 0) {
            *more = false;
            break;
        }
    }
    return true;
}

/* A file without a name in TMPDIR becomes the input's. */
static bool open_spill(sfpm_input_t *input)
{
    const char *where = getenv("TMPDIR");
    char name[SFPM_TEMPORARY_MAX];
    int directory;
    if (!where || !*where)
        where = "/tmp";
    int error = sfpm_file_open(AT_FDCWD, where, O_RDONLY | O_DIRECTORY, &directory);
    if (!error) {
        error = sfpm_temporary_create(directory, "input", 0600, name, &input->fd);
        input->owns_fd = error == 0;
        if (!error && unlinkat(directory, name, 0) != 0)
            error = errno;
        sfpm_file_close(directory);
    }
    return error == 0 || sfpm_fail_errno(error,
                                         "%s: larger than memory, and cannot create a "
                                         "temporary file in %s (set TMPDIR)",
                                         input->name, where);
}

static bool spill(sfpm_input_t *input, const void *bytes, size_t size)
{
    size_t done;
    int error = sfpm_file_write(input->fd, bytes, size, &done);
    input->size += done;
    return error == 0 ||
           sfpm_fail_errno(error, "%s: cannot store it in a temporary file (set TMPDIR)",
                           input->name);
}

/* Moves what was taken so far to a temporary file, and the rest after it. */
static bool take_into_file(sfpm_input_t *input, int fd)
{
    uint8_t piece[16 << 10];
    size_t got;
    if (!open_spill(input) || !spill(input, input->taken.data, input->taken.size))
        return false;
    sfpm_space_free(&input->taken);
    do {
        int error = sfpm_file_read(fd, piece, sizeof piece, &got);
        if (error)
            return sfpm_fail_errno(error, "%s: cannot read", input->name);
        if (!spill(input, piece, got))
            return false;
    } while (got > 0);
    return true;
}

static bool take(sfpm_input_t *input, int fd, uint64_t limit)
{
    bool more;
    if (!take_into_memory(input, fd, limit ? limit : default_memory_limit(), &more))
        return false;
    if (more)
        return take_into_file(input, fd);
    input->size = input->taken.size;
    input->bytes = input->taken.data;
    return true;
}

/* Decides how the contents of a descriptor are reached. */
static bool attach(sfpm_input_t *input, int fd, uint64_t limit, bool *in_place)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sfpm_fail_errno(errno, "%s", input->name);
    if (S_ISDIR(info.st_mode))
        return sfpm_fail_errno(EISDIR, "%s", input->name);
    input->file = info;
    input->opened = true;
    *in_place = S_ISREG(info.st_mode);
    if (!*in_place)
        return take(input, fd, limit);
    off_t start = lseek(fd, 0, SEEK_CUR);
    input->start = start > 0 ? (uint64_t)start : 0;
    input->fd = fd;
    set_size(input, &info);
    return true;
}

static bool is_regular(int fd, const char *name)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sfpm_fail_errno(errno, "%s", name);
    return S_ISREG(info.st_mode) ||
           sfpm_fail(SFPM_ERR_ARGUMENT, "%s: not a regular file", name);
}

static sfpm_input_t *open_path(const char *path, bool plain)
{
    int fd = -1;
    bool in_place = false;
    sfpm_input_t *input = new_input(path);
    if (!input)
        return NULL;
    /* Without O_NONBLOCK opening a FIFO would wait for its writer. */
    int flags = plain ? O_RDONLY | O_NOFOLLOW | O_NONBLOCK : O_RDONLY;
    int error = sfpm_file_open(AT_FDCWD, path, flags, &fd);
    bool ok = error ? sfpm_fail_errno(error, "%s", path)
                    : (!plain || is_regular(fd, path)) && attach(input, fd, 0, &in_place);
    if (ok && in_place)
        input->owns_fd = true;
    else if (fd >= 0)
        sfpm_file_close(fd);
    if (ok)
        return input;
    sfpm_input_close(input);
    return NULL;
}

sfpm_input_t *sfpm_input_open(const char *path)
{
    return open_path(path, false);
}

sfpm_input_t *sfpm_input_open_plain(const char *path)
{
    return open_path(path, true);
}

sfpm_input_t *sfpm_input_open_fd(int fd, const char *name)
{
    return sfpm_input_open_fd_within(fd, name, 0);
}

sfpm_input_t *sfpm_input_open_fd_within(int fd, const char *name, uint64_t memory_limit)
{
    bool in_place;
    sfpm_input_t *input = new_input(name);
    if (input && attach(input, fd, memory_limit, &in_place))
        return input;
    sfpm_input_close(input);
    return NULL;
}

sfpm_input_t *sfpm_input_open_memory(const void *bytes, size_t size, const char *name)
{
    sfpm_input_t *input = new_input(name);
    if (!input)
        return NULL;
    input->bytes = bytes;
    input->size = size;
    return input;
}

uint64_t sfpm_input_size(const sfpm_input_t *input)
{
    return input->size;
}

const char *sfpm_input_name(const sfpm_input_t *input)
{
    return input->name;
}

bool sfpm_input_pages(const sfpm_input_t *input, sfpm_pages_t *pages)
{
    *pages = (sfpm_pages_t){input->bytes, input->fd, input->start};
    return input->fd >= 0 || input->taken.mapped;
}

const struct stat *sfpm_input_file(const sfpm_input_t *input)
{
    return input->opened ? &input->file : NULL;
}

static bool read_file(const sfpm_input_t *input, uint64_t offset, uint8_t *to,
                      size_t size)
{
    while (size > 0) {
        size_t piece = size < SFPM_TRANSFER_MAX ? size : SFPM_TRANSFER_MAX;
        ssize_t got = pread(input->fd, to, piece, (off_t)(input->start + offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sfpm_fail_errno(errno, "%s: cannot read at offset %llu", input->name,
                                   (unsigned long long)offset);
        if (got == 0)
            return sfpm_fail_at(
                SFPM_ERR_TRUNCATED, offset,
                "%s: was truncated while it was read: it now ends at offset %llu",
                input->name, (unsigned long long)offset);
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

bool sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to, size_t size)
{
    if (!sfpm_in_range(offset, size, input->size))
        return sfpm_fail_at(SFPM_ERR_TRUNCATED, offset,
                            "%s: truncated: expected %zu bytes at offset %llu, but it "
                            "ends at offset %llu",
                            input->name, size, (unsigned long long)offset,
                            (unsigned long long)input->size);
    if (input->fd >= 0)
        return read_file(input, offset, to, size);
    if (size > 0)
        sfpm_copy_contents(to, input->bytes + offset, size);
    return true;
}

bool sfpm_input_is_mappable(const sfpm_input_t *input, size_t unit)
{
    return SFPM_LINUX_PATHS && input->fd >= 0 && sfpm_system_page() <= unit &&
           input->start % unit == 0;
}

bool sfpm_input_map(const sfpm_input_t *input, uint64_t offset, void *to, size_t size)
{
    if (!sfpm_in_range(offset, size, input->size))
        return sfpm_fail_at(SFPM_ERR_TRUNCATED, offset,
                            "%s: truncated: it ends at "
                            "offset %llu",
                            input->name, (unsigned long long)input->size);
    void *got =
        mmap(to, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             input->fd, (off_t)(input->start + offset));
    return got != MAP_FAILED ||
           sfpm_fail_errno(errno, "%s: cannot map into memory", input->name);
}

bool sfpm_input_refresh(sfpm_input_t *input)
{
    struct stat info;
    if (input->fd < 0)
        return true;
    if (fstat(input->fd, &info) != 0)
        return sfpm_fail_errno(errno, "%s", input->name);
    set_size(input, &info);
    return true;
}
