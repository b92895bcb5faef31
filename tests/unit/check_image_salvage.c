/* SPDX-License-Identifier: MIT */
/* What is intact in a damaged image comes back; what is lost is listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_forge.h"

enum { SIZE = 20000, COMMITS = 3 };

static char from[] = "/tmp/sfpm-salvage-a-XXXXXX", to[] = "/tmp/sfpm-salvage-b-XXXXXX";
static uint8_t steady[SIZE], moving[COMMITS][SIZE];

typedef struct heard {
    unsigned regions, lost_regions, commits, lost_commits;
    char last[256];
} heard_t;

static void hear(void *context, uint64_t commit, const char *region, bool recovered,
                 const char *text)
{
    heard_t *heard = context;
    (void)commit;
    heard->regions += region != NULL;
    heard->lost_regions += region && !recovered;
    heard->commits += region == NULL;
    heard->lost_commits += !region && !recovered;
    if (!recovered)
        snprintf(heard->last, sizeof heard->last, "%s", text);
}

/* Three commits of two regions, of which one changes whole each time. */
static void make_image(void)
{
    close(mkstemp(from));
    close(mkstemp(to));
    for (size_t i = 0; i < SIZE; i++) {
        steady[i] = (uint8_t)next_number();
        for (int c = 0; c < COMMITS; c++)
            moving[c][i] = (uint8_t)next_number();
    }
    for (int c = 0; c < COMMITS; c++) {
        sfpm_image_t *image = c ? sfpm_image_open(from, NULL) : NULL;
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ptr_nonnull(edit);
        ck_assert_ok(sfpm_edit_set_region(edit, "steady", 0, steady, SIZE, 0));
        ck_assert_ok(sfpm_edit_set_region(edit, "moving", 0, moving[c], SIZE, 0));
        ck_assert_ok(c ? sfpm_edit_append(edit, NULL) : sfpm_edit_save(edit, from, NULL));
        sfpm_edit_destroy(edit);
        sfpm_image_close(image);
    }
}

static void clean_up(void)
{
    unlink(from);
    unlink(to);
}

/* Flips one bit of the first place at which the file holds these bytes. */
static void damage(const void *bytes, size_t size)
{
    static uint8_t file[400000];
    FILE *stream = fopen(from, "r+b");
    size_t length = fread(file, 1, sizeof file, stream), at = 0;
    while (at + size <= length && memcmp(file + at, bytes, size) != 0)
        at++;
    ck_assert_uint_le(at + size, length);
    file[at] ^= 4;
    ck_assert_int_eq(fseek(stream, (long)at, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(file + at, 1, 1, stream), 1);
    ck_assert_int_eq(fclose(stream), 0);
}

/* The salvaged image holds good commits; the last one has these regions. */
static sfpm_image_t *open_salvaged(uint64_t commits, size_t regions)
{
    sfpm_image_t *image = sfpm_image_open(to, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    ck_assert_uint_eq(sfpm_image_info(image)->commits, commits);
    ck_assert_uint_eq(sfpm_image_num_regions(image), regions);
    return image;
}

static void expect_region(sfpm_image_t *image, const char *name, const uint8_t *bytes)
{
    uint8_t read[SIZE];
    size_t index;
    ck_assert_ok(sfpm_image_find_region(image, name, &index));
    ck_assert_ok(sfpm_image_read(image, index, 0, read, SIZE));
    ck_assert_mem_eq(read, bytes, SIZE);
}

static void salvage(heard_t *heard)
{
    *heard = (heard_t){0};
    ck_assert_ok(sfpm_image_salvage(from, to, NULL, NULL, hear, heard));
}

START_TEST(a_good_image_is_salvaged_whole)
{
    heard_t heard;
    make_image();
    salvage(&heard);
    ck_assert_uint_eq(heard.commits, COMMITS);
    ck_assert_uint_eq(heard.lost_commits + heard.lost_regions, 0);
    sfpm_image_t *image = open_salvaged(COMMITS, 2);
    for (int c = 0; c < COMMITS; c++) {
        ck_assert_ok(sfpm_image_select(image, c + 1));
        expect_region(image, "steady", steady);
        expect_region(image, "moving", moving[c]);
    }
    sfpm_image_close(image);
    clean_up();
}
END_TEST

START_TEST(a_damaged_region_is_lost_where_it_was_and_only_there)
{
    heard_t heard;
    const char *key, *value;
    make_image();
    damage(moving[COMMITS - 1] + 5000, 100);
    salvage(&heard);
    ck_assert_uint_eq(heard.lost_regions, 1);
    ck_assert_ptr_nonnull(strstr(heard.last, "moving"));
    sfpm_image_t *image = open_salvaged(COMMITS, 1);
    expect_region(image, "steady", steady);
    ck_assert_ok(sfpm_image_attribute(image, 0, &key, &value));
    ck_assert_str_eq(key, "salvaged.commit");
    ck_assert_str_eq(value, "3");
    ck_assert_ok(sfpm_image_select(image, -1));
    expect_region(image, "moving", moving[COMMITS - 2]);
    sfpm_image_close(image);
    clean_up();
}
END_TEST

START_TEST(damaged_header_and_index_cost_no_more_than_they_must)
{
    heard_t heard;
    make_image();
    damage("INDX", 4);
    damage(SFPM_MAGIC, SFPM_MAGIC_SIZE);
    ck_assert_ptr_null(sfpm_image_open(from, NULL));
    salvage(&heard);
    ck_assert_uint_eq(heard.lost_commits, 2); /* the header is told of as one */
    sfpm_image_t *image = open_salvaged(COMMITS - 1, 2);
    expect_region(image, "steady", steady);
    expect_region(image, "moving", moving[COMMITS - 1]);
    sfpm_image_close(image);
    clean_up();
}
END_TEST

START_TEST(where_nothing_is_intact_nothing_is_written)
{
    heard_t heard = {0};
    make_image();
    for (int c = 0; c < COMMITS; c++)
        damage("TRLR", 4);
    unlink(to);
    ck_assert(!sfpm_image_salvage(from, to, NULL, NULL, hear, &heard));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_TRUNCATED);
    ck_assert_int_ne(access(to, F_OK), 0);
    ck_assert(!sfpm_image_salvage(from, from, NULL, NULL, NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    clean_up();
}
END_TEST

/* Behind a torn tail the records are walked from the front; damage on that way must
 * not make an older commit the last one. The control has the tail alone. */
START_TEST(damage_and_a_torn_tail_hide_no_commit_silently)
{
    make_image();
    FILE *stream = fopen(from, "ab");
    ck_assert_uint_eq(fwrite(steady, 1, 100, stream), 100);
    ck_assert_int_eq(fclose(stream), 0);
    sfpm_image_t *image = sfpm_image_open(from, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, COMMITS);
    ck_assert_uint_eq(sfpm_image_info(image)->torn, 100);
    sfpm_image_close(image);
    damage("INDX", 4);
    ck_assert_ptr_null(sfpm_image_open(from, NULL));
    expect_fault(SFPM_ERR_CORRUPT, "cannot be reached");
    clean_up();
}
END_TEST

/* The damaged file stays, whatever name is given for the new one. */
START_TEST(a_damaged_image_does_not_replace_itself)
{
    char dotted[80], around[80];
    struct stat before, after;
    make_image();
    damage("INDX", 4);
    snprintf(dotted, sizeof dotted, "/tmp/./%s", from + strlen("/tmp/"));
    snprintf(around, sizeof around, "/tmp/..%s", from);
    const char *const names[] = {from, dotted, around, to, to};
    ck_assert_int_eq(stat(from, &before), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        note_input("case", i);
        unlink(to);
        ck_assert_int_eq(i == 3 ? symlink(from, to) : link(from, to), 0);
        ck_assert(!sfpm_image_salvage(from, names[i], NULL, NULL, NULL, NULL));
        expect_fault(SFPM_ERR_ARGUMENT, "is the damaged image itself");
        ck_assert_int_eq(stat(from, &after), 0);
        ck_assert(before.st_ino == after.st_ino && before.st_size == after.st_size);
    }
    clean_up();
}
END_TEST

int main(void)
{
    const TTest *core[] = {a_good_image_is_salvaged_whole, NULL};
    const TTest *limits[] = {a_damaged_region_is_lost_where_it_was_and_only_there,
                             damaged_header_and_index_cost_no_more_than_they_must,
                             where_nothing_is_intact_nothing_is_written,
                             damage_and_a_torn_tail_hide_no_commit_silently,
                             a_damaged_image_does_not_replace_itself, NULL};
    return run_cases("image_salvage", core, limits, enter_directory, leave_directory);
}
