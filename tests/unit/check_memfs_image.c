/* SPDX-License-Identifier: MIT */
/* Files inside the image: what is in its regions, what is refused there, and that neither
 * long directories nor large files make them slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sfpm/vm.h>

#include "base/bytes.h"
#include "common.h"
#include "wasi/memfs.h"

static sfpm_memfs_t *new_files(uint64_t max_size)
{
    sfpm_memfs_t *memfs = sfpm_memfs_create(NULL, "/data", max_size);
    ck_assert_ptr_nonnull(memfs);
    return memfs;
}

static void put(sfpm_memfs_t *memfs, const char *path, const void *bytes, size_t size)
{
    const sfpm_memfs_info_t info = {
        .path = path, .type = SFPM_MEMFS_FILE, .modified = 1000000007};
    ck_assert_ok(sfpm_memfs_add(memfs, &info));
    ck_assert_ok(sfpm_memfs_write(memfs, path, 0, bytes, size));
}

static void save(sfpm_memfs_t *memfs, const char *file)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(edit && sfpm_memfs_fill_edit(memfs, edit) &&
                 sfpm_edit_save(edit, file, NULL));
    sfpm_edit_destroy(edit);
}

/* ---- Through an image ------------------------------------------------------------------ */

static bool collect(void *context, const sfpm_memfs_info_t *info)
{
    char line[200];
    snprintf(line, sizeof line, "%s %d %llu %s\n", info->path, (int)info->type,
             (unsigned long long)info->size, info->target ? info->target : "-");
    strcat(context, line);
    return true;
}

START_TEST(files_are_listed_and_read_from_an_image)
{
    char list[1000] = "", text[10];
    size_t count;
    const sfpm_memfs_info_t directory = {.path = "/data/b/empty",
                                         .type = SFPM_MEMFS_DIRECTORY};
    const sfpm_memfs_info_t link = {
        .path = "c", .type = SFPM_MEMFS_LINK, .target = "b/file"};
    sfpm_memfs_t *memfs = new_files(0);
    put(memfs, "/data/b/file", "contents", 8);
    put(memfs, "a", "", 0);
    ck_assert_ok(sfpm_memfs_add(memfs, &directory));
    ck_assert_ok(sfpm_memfs_add(memfs, &link));
    save(memfs, "files.img");
    sfpm_memfs_destroy(memfs);
    sfpm_image_t *image = sfpm_image_open("files.img", NULL);
    memfs = sfpm_memfs_create(image, NULL, 0);
    ck_assert_msg(memfs != NULL, "%s", sfpm_last_error());
    ck_assert_str_eq(sfpm_memfs_guest(memfs), "/data");
    ck_assert_ok(sfpm_memfs_walk_files(memfs, ".", collect, list));
    ck_assert_str_eq(list, ". 3 0 -\na 4 0 -\nb 3 0 -\nb/empty 3 0 -\nb/file 4 8 -\n"
                           "c 7 6 b/file\n");
    ck_assert_ok(sfpm_memfs_read(memfs, "c", 2, text, sizeof text, &count));
    ck_assert_uint_eq(count, 6);
    ck_assert_mem_eq(text, "ntents", 6);
    ck_assert(!sfpm_memfs_read(memfs, "none", 0, text, sizeof text, &count));
    expect_fault(SFPM_ERR_ARGUMENT, "no file 'none'");
    ck_assert(!sfpm_memfs_read(memfs, "/other/a", 0, text, sizeof text, &count));
    expect_fault(SFPM_ERR_ARGUMENT, "does not lie in '/data'");
    ck_assert(!sfpm_memfs_read(memfs, "../a", 0, text, sizeof text, &count));
    expect_fault(SFPM_ERR_ARGUMENT, "leads out");
    sfpm_memfs_destroy(memfs);
    sfpm_image_close(image);
}
END_TEST

/* The same on every machine: a vector of the smallest tree with a file. */
START_TEST(the_layout_is_that_of_the_manual)
{
    sfpm_memfs_t *memfs = new_files(0);
    put(memfs, "f", "xyz", 3);
    ck_assert(sfpm_memfs_encode(memfs));
    const uint8_t *at = memfs->record.data;
    ck_assert_uint_eq(memfs->record.size, 24 + 5 + 2 * 48 + 12 + 12 + 1);
    ck_assert_uint_eq(sfpm_get_u32(at), 1);
    ck_assert_uint_eq(sfpm_get_u32(at + 4), 5);
    ck_assert_uint_eq(sfpm_get_u32(at + 8), 2);
    ck_assert_uint_eq(sfpm_get_u32(at + 12), 1);
    ck_assert_uint_eq(sfpm_get_u64(at + 16), memfs->record.size);
    ck_assert_mem_eq(at + 24, "/data", 5);
    at += 29 + 48;
    ck_assert_uint_eq(sfpm_get_u32(at), 2);
    ck_assert_uint_eq(sfpm_get_u32(at + 4), 4);
    ck_assert_uint_eq(sfpm_get_u64(at + 8), 3);
    ck_assert_uint_eq(sfpm_get_u64(at + 24), 1000000007);
    ck_assert_uint_eq(sfpm_get_u32(at + 40), 1);
    at += 48;
    ck_assert_uint_eq(sfpm_get_u32(at), 0);
    ck_assert_uint_eq(sfpm_get_u32(at + 4), 0);
    ck_assert_uint_eq(sfpm_get_u32(at + 8), 1);
    at += 12;
    ck_assert_uint_eq(sfpm_get_u32(at), 1);
    ck_assert_uint_eq(sfpm_get_u32(at + 4), 2);
    ck_assert_uint_eq(sfpm_get_u32(at + 8), 1);
    ck_assert_uint_eq(at[12], 'f');
    sfpm_memfs_destroy(memfs);
}
END_TEST

static uint64_t size_of(const char *file)
{
    struct stat facts;
    ck_assert_int_eq(stat(file, &facts), 0);
    return (uint64_t)facts.st_size;
}

static void append(sfpm_memfs_t *memfs, sfpm_image_t *image)
{
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_ok(edit && sfpm_memfs_fill_edit(memfs, edit) &&
                 sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
}

START_TEST(one_changed_page_makes_a_small_commit)
{
    enum { SIZE = 20 << 20 };
    uint8_t *bytes = malloc(SIZE);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)next_number();
    sfpm_memfs_t *memfs = new_files(0);
    put(memfs, "large", bytes, SIZE);
    save(memfs, "files.img");
    sfpm_image_t *image = sfpm_image_open("files.img", NULL);
    for (int i = 0; i < 3; i++) {
        uint64_t before = size_of("files.img");
        ck_assert_ok(sfpm_memfs_write(memfs, "large", 5000000 + 100 * (uint64_t)i, "page",
                                      4));
        /* Only these pages are known to have changed; others are not looked at. */
        ck_assert(sfpm_image_shows(image, &memfs->commit));
        append(memfs, image);
        ck_assert_uint_lt(size_of("files.img") - before, 40000);
    }
    sfpm_memfs_destroy(memfs);
    memfs = sfpm_memfs_create(image, NULL, 0);
    size_t count;
    memcpy(bytes + 5000000, "page", 4);
    memcpy(bytes + 5000100, "page", 4);
    memcpy(bytes + 5000200, "page", 4);
    uint8_t *again = malloc(SIZE);
    ck_assert_ptr_nonnull(again);
    ck_assert_ok(memfs && sfpm_memfs_read(memfs, "large", 0, again, SIZE, &count));
    ck_assert_uint_eq(count, SIZE);
    ck_assert_mem_eq(again, bytes, SIZE);
    sfpm_memfs_destroy(memfs);
    sfpm_image_close(image);
    free(again);
    free(bytes);
}
END_TEST

/* ---- Limits ---------------------------------------------------------------------------- */

START_TEST(what_is_full_can_be_emptied_and_filled_again)
{
    enum { BLOCKS = 40, BLOCK = SFPM_MEMFS_BLOCK };
    static uint8_t bytes[(BLOCKS + 1) * BLOCK];
    memset(bytes, 7, sizeof bytes);
    sfpm_memfs_t *memfs = new_files(BLOCKS * BLOCK);
    for (int i = 0; i < 5; i++) {
        put(memfs, "small", bytes, BLOCK);
        put(memfs, "large", bytes, (BLOCKS - 1) * BLOCK);
        ck_assert(!sfpm_memfs_write(memfs, "large", (BLOCKS - 1) * BLOCK, bytes, 1));
        expect_fault(SFPM_ERR_LIMIT, "no room");
        sfpm_wasi_handle_t root = SFPM_MEMFS_ROOT;
        ck_assert_uint_eq(sfpm_memfs_unlink(&memfs->base, root, "small"), WASI_SUCCESS);
        ck_assert_ok(sfpm_memfs_write(memfs, "large", (BLOCKS - 1) * BLOCK, bytes, 1));
        ck_assert(memfs->blocks.data[0] == 7 && memfs->blocks.data[1] == 0);
        ck_assert_uint_eq(sfpm_memfs_unlink(&memfs->base, root, "large"), WASI_SUCCESS);
        ck_assert_uint_eq(sfpm_memfs_end_of_blocks(memfs), 0);
        ck_assert(sfpm_is_zero(memfs->blocks.data, BLOCKS * BLOCK));
    }
    sfpm_memfs_destroy(memfs);
}
END_TEST

/* The processor time of a test has a limit; it would need hours. */
START_TEST(long_directories_are_quick)
{
    enum { FILES = 100000 };
    char name[30];
    uint32_t number;
    sfpm_memfs_place_t place;
    sfpm_memfs_t *memfs = new_files(0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file%d", i);
        ck_assert_uint_eq(
            sfpm_memfs_walk(memfs, SFPM_MEMFS_ROOT, name, false, &place), WASI_SUCCESS);
        ck_assert_uint_eq(sfpm_memfs_create_file(memfs, &place, &number), WASI_SUCCESS);
    }
    save(memfs, "files.img");
    sfpm_image_t *image = sfpm_image_open("files.img", NULL);
    sfpm_memfs_t *again = sfpm_memfs_create(image, NULL, 0);
    ck_assert_msg(again != NULL, "%s", sfpm_last_error());
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file%d", i * 7 % FILES);
        ck_assert_uint_eq(sfpm_memfs_unlink(&again->base, SFPM_MEMFS_ROOT, name),
                          WASI_SUCCESS);
    }
    ck_assert_uint_eq(again->num_inodes, 1);
    sfpm_memfs_destroy(again);
    sfpm_memfs_destroy(memfs);
    sfpm_image_close(image);
}
END_TEST

/* ---- Hostile regions --------------------------------------------------------------------- */

/* A tree to spoil: directory 2 holds directory 3 and file 4; 5 is a file in the root. */
static sfpm_memfs_t *sample(void)
{
    static const uint8_t bytes[5000] = {1, 2, 3};
    const sfpm_memfs_info_t directory = {.path = "d/e", .type = SFPM_MEMFS_DIRECTORY};
    sfpm_memfs_t *memfs = new_files(0);
    ck_assert_ok(sfpm_memfs_add(memfs, &directory));
    put(memfs, "d/f", bytes, sizeof bytes);
    put(memfs, "g", bytes, 10);
    ck_assert(sfpm_memfs_encode(memfs));
    return memfs;
}

enum { FIRST = 24 + 5, RUNS = FIRST + 5 * 48, NAMES = RUNS + 2 * 12 };

/* Where in the region what is put, and what is said of it. */
typedef struct spoiled {
    size_t at;
    uint32_t value;
    const char *part;
} spoiled_t;

static const spoiled_t spoiled[] = {
    {0, 2, "layout 2"},
    {4, 0, "a text is empty"},
    {8, 0, "no root"},
    {8, 1000001, "too many"},
    {8, 6, "unknown kind"},
    {12, 3, "more follows"},
    {12, 0xFFFFFFFF, "too many"},
    {16, 1, "its size"},
    {FIRST, 6, "not in order"},
    {FIRST + 4, 4, "not the directory"},
    {FIRST + 48, 1, "not in order"},
    {FIRST + 48 + 4, 9, "unknown kind"},
    {FIRST + 48 + 8, 1, "a size"},
    {FIRST + 3 * 48 + 12, 0x101, "a size"},
    {FIRST + 48 + 44, 1, "unknown kind"},
    {FIRST + 3 * 48 + 40, 2, "blocks of a file"},
    {RUNS, 1, "lie outside"},
    {RUNS + 4, 9, "lie outside"},
    {RUNS + 8, 0, "lie outside"},
    {RUNS + 12 + 4, 1, "the same block"},
    {NAMES, 5, "lies in no directory"},
    {NAMES + 4, 1, "leads to nothing"},
    {NAMES + 4, 77, "leads to nothing"},
    {NAMES + 4, 3, "two names"},
    {NAMES + 8, 0, "a text is empty"},
    {NAMES + 12, '/' | 1 << 8, "none of a file"},
};

static sfpm_memfs_t *decode(const uint8_t *bytes, size_t size, const sfpm_memfs_t *from)
{
    uint64_t blocks = (uint64_t)sfpm_memfs_end_of_blocks(from) * SFPM_MEMFS_BLOCK;
    sfpm_memfs_t *memfs = new_files(0);
    ck_assert(sfpm_memfs_clear(memfs, false) &&
              sfpm_memfs_reserve_blocks(memfs, blocks / SFPM_MEMFS_BLOCK));
    memcpy(memfs->blocks.data, from->blocks.data, (size_t)blocks);
    if (sfpm_memfs_decode(memfs, bytes, size, blocks))
        return memfs;
    sfpm_memfs_destroy(memfs);
    return NULL;
}

START_TEST(hostile_regions_are_refused)
{
    sfpm_memfs_t *memfs = sample();
    size_t size = memfs->record.size;
    uint8_t *bytes = malloc(size + 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        note_input("place", i);
        memcpy(bytes, memfs->record.data, size);
        sfpm_put_u32(bytes + spoiled[i].at, spoiled[i].value);
        ck_assert_ptr_null(decode(bytes, size, memfs));
        ck_assert_int_ne(sfpm_last_status(), SFPM_OK);
        ck_assert_msg(strstr(sfpm_last_error(), spoiled[i].part) != NULL, "place %zu: %s",
                      i, sfpm_last_error());
    }
    for (size_t i = 0; i < size; i++) {
        memcpy(bytes, memfs->record.data, size);
        ck_assert_ptr_null(decode(bytes, i, memfs));
    }
    free(bytes);
    sfpm_memfs_destroy(memfs);
}
END_TEST

START_TEST(directories_that_lie_in_each_other_are_refused)
{
    sfpm_memfs_t *memfs = sample();
    /* The names are: d in 1, g in 1, e in 2, f in 2. Directory 2 comes to lie in 3. */
    uint8_t *names = memfs->record.data + NAMES;
    enum { ONE = 13 };
    memmove(names, names + ONE, 3 * ONE);
    sfpm_put_u32(names + 3 * ONE, 3);
    sfpm_put_u32(names + 3 * ONE + 4, 2);
    sfpm_put_u32(names + 3 * ONE + 8, 1);
    names[3 * ONE + 12] = 'd';
    ck_assert_ptr_null(decode(memfs->record.data, memfs->record.size, memfs));
    expect_fault(SFPM_ERR_CORRUPT, "lies in itself");
    sfpm_memfs_destroy(memfs);
}
END_TEST

START_TEST(contents_where_none_can_be_are_refused)
{
    sfpm_memfs_t *memfs = sample();
    memfs->blocks.data[SFPM_MEMFS_BLOCK + 4000] = 1;
    ck_assert_ptr_null(decode(memfs->record.data, memfs->record.size, memfs));
    expect_fault(SFPM_ERR_CORRUPT, "behind the end");
    sfpm_memfs_destroy(memfs);

    memfs = sample();
    ck_assert_uint_eq(sfpm_memfs_unlink(&memfs->base, SFPM_MEMFS_ROOT, "d/f"),
                      WASI_SUCCESS);
    ck_assert(sfpm_memfs_encode(memfs));
    memfs->blocks.data[SFPM_MEMFS_BLOCK] = 1;
    ck_assert_ptr_null(decode(memfs->record.data, memfs->record.size, memfs));
    expect_fault(SFPM_ERR_CORRUPT, "a free block");
    sfpm_memfs_destroy(memfs);
}
END_TEST

/* Whatever a changed byte makes of the region: it is refused, or it is what it says. */
START_TEST(accepted_regions_are_canonical)
{
    sfpm_memfs_t *memfs = sample();
    size_t size = memfs->record.size;
    for (int i = 0; i < 20000; i++) {
        uint8_t *bytes = sfpm_copy_bytes(memfs->record.data, size);
        ck_assert_ptr_nonnull(bytes);
        bytes[random_below(size)] ^= (uint8_t)(1u << random_below(8));
        sfpm_memfs_t *again = decode(bytes, size, memfs);
        if (again) {
            again->recorded = false;
            ck_assert(sfpm_memfs_encode(again));
            ck_assert_uint_eq(again->record.size, size);
            ck_assert_mem_eq(again->record.data, bytes, size);
            sfpm_memfs_drop_orphans(again);
        }
        sfpm_memfs_destroy(again);
        free(bytes);
    }
    sfpm_memfs_destroy(memfs);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        files_are_listed_and_read_from_an_image,
        the_layout_is_that_of_the_manual,
        one_changed_page_makes_a_small_commit,
        NULL,
    };
    const test_t limits[] = {
        what_is_full_can_be_emptied_and_filled_again,
        long_directories_are_quick,
        hostile_regions_are_refused,
        directories_that_lie_in_each_other_are_refused,
        contents_where_none_can_be_are_refused,
        accepted_regions_are_canonical,
        NULL,
    };
    return run_cases("memfs_image", core, limits, enter_directory, leave_directory);
}
