/* SPDX-License-Identifier: MIT */
/*
 * Files inside the image do what a directory of the host does: the same random calls are
 * made on both, and their results are compared. Now and then the files go to an image and
 * come back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "common.h"
#include "wasi/memfs.h"

enum { HANDLES = 8, MAX_SIZE = 40000, BUFFER = 9000 };

/* Both places, and what is open there. */
typedef struct both {
    sfpm_filesystem_t *host;
    sfpm_filesystem_t *memfs;
    sfpm_wasi_handle_t host_open[HANDLES];
    sfpm_wasi_handle_t memfs_open[HANDLES];
    bool writes[HANDLES];
    bool directory[HANDLES];
} both_t;

static both_t both;

static void begin(void)
{
    enter_directory();
    ck_assert_int_eq(mkdir("root", 0777), 0);
    both = (both_t){.host = sfpm_host_directory_open("root")};
    both.memfs = (sfpm_filesystem_t *)sfpm_memfs_create(NULL, "/", 0);
    ck_assert_ptr_nonnull(both.host);
    ck_assert_ptr_nonnull(both.memfs);
    for (int i = 0; i < HANDLES; i++)
        both.host_open[i] = both.memfs_open[i] = -1;
}

static void close_one(int which)
{
    if (both.host_open[which] < 0)
        return;
    both.host->operations->close(both.host, both.host_open[which]);
    both.memfs->operations->close(both.memfs, both.memfs_open[which]);
    both.host_open[which] = both.memfs_open[which] = -1;
}

static void end(void)
{
    for (int i = 0; i < HANDLES; i++)
        close_one(i);
    both.host->operations->free(both.host);
    both.memfs->operations->free(both.memfs);
    leave_directory();
}

/* ---- Comparing ------------------------------------------------------------------------- */

static void compare_stat(const sfpm_wasi_stat_t *host, const sfpm_wasi_stat_t *memfs)
{
    ck_assert_uint_eq(host->type, memfs->type);
    if (host->type == WASI_TYPE_DIRECTORY)
        return; /* file systems count them differently */
    ck_assert_uint_eq(host->size, memfs->size);
    ck_assert_uint_eq(host->links, memfs->links);
}

static void compare_contents(sfpm_wasi_handle_t host, sfpm_wasi_handle_t memfs,
                             uint64_t at, size_t size)
{
    static uint8_t one[MAX_SIZE + BUFFER], other[MAX_SIZE + BUFFER];
    size_t got, other_got;
    ck_assert_uint_eq(both.host->operations->read(both.host, host, one, size, at, &got),
                      WASI_SUCCESS);
    ck_assert_uint_eq(
        both.memfs->operations->read(both.memfs, memfs, other, size, at, &other_got),
        WASI_SUCCESS);
    ck_assert_uint_eq(got, other_got);
    ck_assert_mem_eq(one, other, got);
}

static void compare_link(sfpm_wasi_handle_t host, sfpm_wasi_handle_t memfs,
                         const char *name)
{
    char one[200], other[200];
    size_t length, other_length;
    ck_assert_uint_eq(both.host->operations->read_link(both.host, host, name, one,
                                                       sizeof one, &length),
                      WASI_SUCCESS);
    ck_assert_uint_eq(both.memfs->operations->read_link(both.memfs, memfs, name, other,
                                                        sizeof other, &other_length),
                      WASI_SUCCESS);
    ck_assert_uint_eq(length, other_length);
    ck_assert_mem_eq(one, other, length);
}

static void compare_directories(sfpm_wasi_handle_t host, sfpm_wasi_handle_t memfs);

static void compare_entry(sfpm_wasi_handle_t host, sfpm_wasi_handle_t memfs,
                          const char *name, uint8_t type)
{
    const sfpm_wasi_how_t how = {.reads = true};
    sfpm_wasi_handle_t one, other;
    sfpm_wasi_stat_t stat, other_stat;
    if (type == WASI_TYPE_LINK) {
        compare_link(host, memfs, name);
        return;
    }
    ck_assert_uint_eq(
        both.host->operations->open(both.host, host, name, &how, &one, &stat),
        WASI_SUCCESS);
    ck_assert_uint_eq(
        both.memfs->operations->open(both.memfs, memfs, name, &how, &other, &other_stat),
        WASI_SUCCESS);
    compare_stat(&stat, &other_stat);
    if (type == WASI_TYPE_DIRECTORY)
        compare_directories(one, other);
    else
        compare_contents(one, other, 0, MAX_SIZE + BUFFER);
    both.host->operations->close(both.host, one);
    both.memfs->operations->close(both.memfs, other);
}

/* All that is in two directories. */
static void compare_directories(sfpm_wasi_handle_t host, sfpm_wasi_handle_t memfs)
{
    sfpm_buffer_t one = {0}, other = {0};
    ck_assert_uint_eq(both.host->operations->list(both.host, host, &one), WASI_SUCCESS);
    ck_assert_uint_eq(both.memfs->operations->list(both.memfs, memfs, &other),
                      WASI_SUCCESS);
    ck_assert_uint_eq(one.size, other.size);
    for (size_t at = 0; at < one.size;) {
        char name[300] = {0};
        size_t length = sfpm_get_u16(one.data + at + 9);
        uint8_t type = one.data[at + 8];
        ck_assert_mem_eq(one.data + at + 8, other.data + at + 8, 3 + length);
        memcpy(name, one.data + at + SFPM_LISTING_HEADER, length);
        at += SFPM_LISTING_HEADER + length;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            compare_entry(host, memfs, name, type);
    }
    sfpm_buffer_free(&one);
    sfpm_buffer_free(&other);
}

/* ---- Random calls ------------------------------------------------------------------------ */

static const char *random_path(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", ".", "..", "long name"};
    static char paths[2][100];
    static int which;
    char *path = paths[which = !which];
    uint64_t names_in_path = 1 + random_below(4);
    *path = '\0';
    while (names_in_path-- > 0) {
        strcat(path, names[random_below(random_below(4) ? 4 : 8)]);
        if (names_in_path > 0 || random_below(10) == 0)
            strcat(path, random_below(15) ? "/" : "//");
    }
    return path;
}

static int random_handle(bool directory)
{
    for (int i = 0; i < 2 * HANDLES; i++) {
        int which = (int)random_below(HANDLES);
        if (both.host_open[which] >= 0 && both.directory[which] == directory)
            return which;
    }
    return -1;
}

/* A directory that is open, mostly the root. */
static void random_directory(sfpm_wasi_handle_t *host, sfpm_wasi_handle_t *memfs)
{
    int which = random_below(3) ? -1 : random_handle(true);
    *host = which < 0 ? both.host->root : both.host_open[which];
    *memfs = which < 0 ? both.memfs->root : both.memfs_open[which];
}

static void try_open(void)
{
    int which = (int)random_below(HANDLES);
    const char *path = random_path();
    sfpm_wasi_handle_t host, memfs;
    sfpm_wasi_stat_t stat, other;
    sfpm_wasi_how_t how = {.open = (uint16_t)random_below(16),
                           .follow = random_below(4) != 0,
                           .reads = true,
                           .writes = random_below(4) != 0};
    if (random_below(2) == 0)
        how.open &= WASI_CREATE;
    if (random_below(4) == 0) /* directories, too, are to be open */
        how = (sfpm_wasi_how_t){.open = WASI_IS_DIRECTORY, .reads = true};
    how.writes = how.writes || (how.open & WASI_TRUNCATE);
    how.flags = how.writes && random_below(4) == 0 ? WASI_APPEND : 0;
    close_one(which);
    random_directory(&host, &memfs);
    sfpm_wasi_errno_t error = both.host->operations->open(
        both.host, host, path, &how, &both.host_open[which], &stat);
    sfpm_wasi_errno_t got = both.memfs->operations->open(
        both.memfs, memfs, path, &how, &both.memfs_open[which], &other);
    ck_assert_msg(error == got, "open '%s' (open %d, follow %d, writes %d): %d, not %d",
                  path, how.open, how.follow, how.writes, got, error);
    if (error != WASI_SUCCESS) {
        both.host_open[which] = both.memfs_open[which] = -1;
        return;
    }
    compare_stat(&stat, &other);
    both.directory[which] = stat.type == WASI_TYPE_DIRECTORY;
    both.writes[which] = how.writes && !(how.flags & WASI_APPEND);
}

static void try_write(void)
{
    static uint8_t bytes[BUFFER];
    int which = random_handle(false);
    size_t size = random_below(BUFFER), count, other;
    uint64_t at = random_below(MAX_SIZE - BUFFER);
    if (which < 0 || !both.writes[which])
        return;
    memset(bytes, (int)random_below(256), size);
    ck_assert_uint_eq(both.host->operations->write(both.host, both.host_open[which],
                                                   bytes, size, at, &count),
                      WASI_SUCCESS);
    ck_assert_uint_eq(both.memfs->operations->write(both.memfs, both.memfs_open[which],
                                                    bytes, size, at, &other),
                      WASI_SUCCESS);
    ck_assert_uint_eq(count, other);
}

static void try_resize(void)
{
    int which = random_handle(false);
    uint64_t size = random_below(MAX_SIZE), length = 1 + random_below(BUFFER);
    if (which < 0 || !both.writes[which])
        return;
    if (random_below(3) == 0) {
        size = random_below(MAX_SIZE - BUFFER);
        sfpm_wasi_errno_t error = both.host->operations->allocate(
            both.host, both.host_open[which], size, length);
        if (error == WASI_ENOTSUP)
            return;
        ck_assert_uint_eq(both.memfs->operations->allocate(
                              both.memfs, both.memfs_open[which], size, length),
                          error);
        return;
    }
    ck_assert_uint_eq(
        both.host->operations->set_size(both.host, both.host_open[which], size),
        both.memfs->operations->set_size(both.memfs, both.memfs_open[which], size));
}

static void try_read(void)
{
    int which = random_handle(false);
    sfpm_wasi_stat_t stat, other;
    if (which < 0)
        return;
    both.host->operations->stat(both.host, both.host_open[which], &stat);
    both.memfs->operations->stat(both.memfs, both.memfs_open[which], &other);
    compare_stat(&stat, &other);
    if (!both.writes[which] || random_below(2))
        compare_contents(both.host_open[which], both.memfs_open[which],
                         random_below(MAX_SIZE), random_below(BUFFER));
}

#define CALL(files, operation, ...) ((files)->operations->operation((files), __VA_ARGS__))

/* What is done with one path. */
static void try_path(void)
{
    const char *path = random_path();
    sfpm_wasi_handle_t host, memfs;
    sfpm_wasi_errno_t error, got;
    sfpm_wasi_stat_t stat, other;
    bool follow = random_below(2) == 0;
    uint64_t kind = random_below(5);
    random_directory(&host, &memfs);
    if (kind == 0) {
        error = CALL(both.host, stat_path, host, path, follow, &stat);
        got = CALL(both.memfs, stat_path, memfs, path, follow, &other);
        if (error == WASI_SUCCESS && got == error)
            compare_stat(&stat, &other);
    } else if (kind == 1) {
        error = CALL(both.host, unlink, host, path);
        got = CALL(both.memfs, unlink, memfs, path);
    } else if (kind == 2) {
        error = CALL(both.host, remove_directory, host, path);
        got = CALL(both.memfs, remove_directory, memfs, path);
    } else {
        error = CALL(both.host, make_directory, host, path);
        got = CALL(both.memfs, make_directory, memfs, path);
    }
    ck_assert_msg(error == got, "call %d of '%s': %d, not %d", (int)kind, path, got,
                  error);
}

/* What is done with two. */
static void try_paths(void)
{
    const char *old = random_path(), *path = random_path();
    sfpm_wasi_handle_t host, memfs, host_to, memfs_to;
    sfpm_wasi_errno_t error, got;
    uint64_t kind = random_below(3);
    random_directory(&host, &memfs);
    random_directory(&host_to, &memfs_to);
    if (kind == 0) {
        error = CALL(both.host, rename, host, old, host_to, path);
        got = CALL(both.memfs, rename, memfs, old, memfs_to, path);
    } else if (kind == 1) {
        error = CALL(both.host, link, host, old, host_to, path);
        got = CALL(both.memfs, link, memfs, old, memfs_to, path);
    } else {
        error = CALL(both.host, symlink, old, host_to, path);
        got = CALL(both.memfs, symlink, old, memfs_to, path);
    }
    ck_assert_msg(error == got, "call %d of '%s' and '%s': %d, not %d", (int)kind, old,
                  path, got, error);
}

/* To an image and back: what is open, too. */
static void move_through_image(void)
{
    sfpm_memfs_t *memfs = (sfpm_memfs_t *)both.memfs;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(edit && sfpm_memfs_fill_edit(memfs, edit) &&
                 sfpm_edit_save(edit, "files.img", NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_t *image = sfpm_image_open("files.img", NULL);
    sfpm_memfs_t *again = image ? sfpm_memfs_create(image, NULL, 0) : NULL;
    if (!again)
        ck_abort_msg("%s", sfpm_last_error());
    again->recorded = false;
    ck_assert(sfpm_memfs_encode(again));
    ck_assert_uint_eq(again->record.size, memfs->record.size);
    ck_assert_mem_eq(again->record.data, memfs->record.data, memfs->record.size);
    for (int i = 0; i < HANDLES; i++) {
        sfpm_wasi_stat_t stat;
        if (both.memfs_open[i] >= 0)
            ck_assert_uint_eq(CALL(&again->base, open_inode, (uint64_t)both.memfs_open[i],
                                   &both.memfs_open[i], &stat),
                              WASI_SUCCESS);
    }
    sfpm_memfs_drop_orphans(again);
    sfpm_memfs_destroy(memfs);
    both.memfs = &again->base;
    sfpm_image_close(image);
}

START_TEST(random_calls_do_what_a_directory_does)
{
    enum { CALLS = 3000 };
    random_start((uint64_t)_i);
    for (int i = 0; i < CALLS; i++) {
        uint64_t kind = random_below(10);
        if (kind < 3)
            try_open();
        else if (kind < 4)
            try_write();
        else if (kind < 5)
            try_resize();
        else if (kind < 6)
            try_read();
        else if (kind < 8)
            try_path();
        else
            try_paths();
        if (i % 500 == 499) {
            compare_directories(both.host->root, both.memfs->root);
            move_through_image();
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memfs");
    TCase *tests = add_case(suite, "core", begin, end);
    tcase_add_loop_test(tests, random_calls_do_what_a_directory_does, 0, 20);
    return run_all(suite);
}
