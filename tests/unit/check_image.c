/* SPDX-License-Identifier: MIT */
/* The image format end to end: what is written is what is read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "common.h"
#include "format/format.h"

static const char path[] = "a.img", other[] = "b.img";

/* Pages that are zero, short, or full, in turns chosen at random. */
static void fill(uint8_t *bytes, size_t size)
{
    memset(bytes, 0, size);
    for (size_t at = 0; at < size; at += SFPM_PAGE) {
        size_t span = size - at < SFPM_PAGE ? size - at : SFPM_PAGE;
        size_t used = next_number() % 3 == 0 ? span : next_number() % 3 * 100 % span;
        for (size_t i = 0; i < used; i++)
            bytes[at + i] = (uint8_t)next_number();
    }
}

static void save(const uint8_t *bytes, size_t size)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ptr_nonnull(edit);
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, bytes, size, 0));
    ck_assert_ok(sfpm_edit_set_description(edit, "a test"));
    ck_assert_ok(sfpm_edit_set_attribute(edit, "b", "2"));
    ck_assert_ok(sfpm_edit_set_attribute(edit, "a", "1"));
    ck_assert_ok(sfpm_edit_set_attribute(edit, "b", "3"));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
}

static void expect_contents(sfpm_image_t *image, const uint8_t *bytes, size_t size)
{
    uint8_t *read = malloc(size + 1);
    ck_assert_ptr_nonnull(read);
    ck_assert_uint_eq(sfpm_image_region(image, 0)->size, size);
    ck_assert_ok(sfpm_image_read(image, 0, 0, read, size));
    ck_assert(size == 0 || memcmp(read, bytes, size) == 0);
    for (int i = 0; i < 20 && size > 0; i++) {
        size_t offset = next_number() % size,
               length = next_number() % (size - offset) + 1;
        ck_assert_ok(sfpm_image_read(image, 0, offset, read, length));
        ck_assert_int_eq(memcmp(read, bytes + offset, length), 0);
    }
    free(read);
}

static const size_t sizes[] = {
    0, 1, 100, 4095, 4096, 4097, 65535, 65536, 200000, 16 << 20, (16 << 20) + 5000};

START_TEST(what_is_saved_is_read)
{
    size_t size = sizes[_i];
    uint8_t *bytes = malloc(size + 1);
    const char *key, *value;
    fill(bytes, size);
    save(bytes, size);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_str_eq(sfpm_image_commit_info(image)->description, "a test");
    ck_assert_uint_eq(sfpm_image_commit_info(image)->num_attributes, 2);
    ck_assert_ok(sfpm_image_attribute(image, 1, &key, &value));
    ck_assert_str_eq(key, "b");
    ck_assert_str_eq(value, "3");
    expect_contents(image, bytes, size);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    free(bytes);
}
END_TEST

/* Every page a piece of its own: as many extents in a chunk as there can be, with
 * the next chunk's behind them. */
START_TEST(chunks_full_of_pieces_are_read)
{
    enum { SIZE = 3 * SFPM_CHUNK };
    static uint8_t bytes[SIZE];
    for (size_t at = 0; at < SIZE; at += SFPM_PAGE)
        bytes[at] = (uint8_t)(1 + at / SFPM_PAGE);
    save(bytes, SIZE);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    expect_contents(image, bytes, SIZE);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

/* Changes a few places, appends, and keeps what each commit should hold. */
START_TEST(every_commit_keeps_its_state)
{
    enum { COMMITS = 12, MOST = 300000 };
    static uint8_t states[COMMITS][MOST];
    size_t lengths[COMMITS];
    lengths[0] = 150000;
    fill(states[0], lengths[0]);
    save(states[0], lengths[0]);
    for (int i = 1; i < COMMITS; i++) {
        note_input("commit", (uint64_t)i);
        sfpm_image_t *image = sfpm_image_open(path, NULL);
        ck_assert_msg(image != NULL, "%s", sfpm_last_error());
        sfpm_edit_t *edit = sfpm_edit_create(image);
        memcpy(states[i], states[i - 1], MOST);
        lengths[i] = lengths[i - 1];
        if (i % 3 == 0) {
            lengths[i] = next_number() % MOST + 1;
            fill(states[i] + lengths[i] / 2, lengths[i] - lengths[i] / 2);
            ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, states[i], lengths[i], 0));
        } else {
            for (int k = 0; k < i; k++) {
                size_t offset = next_number() % lengths[i];
                uint8_t byte = (uint8_t)(next_number() % 3);
                states[i][offset] = byte;
                ck_assert_ok(sfpm_edit_write(edit, 0, offset, &byte, 1));
            }
        }
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        ck_assert_uint_eq(sfpm_image_info(image)->commits, (unsigned)i + 1);
        sfpm_edit_destroy(edit);
        expect_contents(image, states[i], lengths[i]);
        sfpm_image_close(image);
    }
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    for (int i = 0; i < COMMITS; i++) {
        ck_assert_ok(sfpm_image_select(image, i + 1));
        expect_contents(image, states[i], lengths[i]);
    }
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    ck_assert(!sfpm_image_select(image, COMMITS + 1));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NO_COMMIT);
    sfpm_image_close(image);
}
END_TEST

/* Changes that ascend, for a while or to the end, and changes that overlap: what is
 * read before the edit is written, and after it, is what each left. */
START_TEST(changes_in_any_order_are_read)
{
    enum { LENGTH = 3 * SFPM_CHUNK, CHANGES = 60 };
    static uint8_t state[LENGTH], read[LENGTH], bytes[5000];
    for (int round = 0; round < 12; round++) {
        note_input("round", (uint64_t)round);
        fill(state, LENGTH);
        save(state, LENGTH);
        sfpm_image_t *image = sfpm_image_open(path, NULL);
        sfpm_edit_t *edit = sfpm_edit_create(image);
        uint64_t at = 0;
        for (int i = 0; i < CHANGES; i++) {
            note_input("change", (uint64_t)i);
            size_t size = next_number() % (i % 7 == 0 ? sizeof bytes : 40);
            if (i >= round * 6)
                at = next_number() % (LENGTH - sizeof bytes);
            for (size_t k = 0; k < size; k++)
                state[at + k] = bytes[k] = (uint8_t)next_number();
            ck_assert_ok(sfpm_edit_write(edit, 0, at, bytes, size));
            uint64_t from = next_number() % (LENGTH - 3000);
            ck_assert_ok(sfpm_edit_read(edit, 0, from, read, 3000));
            ck_assert_mem_eq(read, state + from, 3000);
            at += size + next_number() % 3 * 500;
        }
        ck_assert_ok(sfpm_edit_read(edit, 0, 0, read, LENGTH));
        ck_assert_mem_eq(read, state, LENGTH);
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
        expect_contents(image, state, LENGTH);
        sfpm_image_close(image);
    }
}
END_TEST

/* Changes that overlap, in any order: the later one wins, when read back from the
 * edit, and in the commit. */
START_TEST(later_changes_win)
{
    enum { SIZE = 200000, CHANGES = 400 };
    static uint8_t wanted[SIZE], read[SIZE], bytes[3000];
    fill(wanted, SIZE);
    save(wanted, SIZE);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    for (int i = 0; i < CHANGES; i++) {
        note_input("change", (uint64_t)i);
        size_t offset = next_number() % SIZE;
        size_t length = next_number() % (_i ? sizeof bytes : 20);
        length = length < SIZE - offset ? length : SIZE - offset;
        fill(bytes, length);
        memcpy(wanted + offset, bytes, length);
        ck_assert_ok(sfpm_edit_write(edit, 0, offset, bytes, length));
        if (i % 100 == 50) {
            ck_assert_ok(sfpm_edit_read(edit, 0, 0, read, SIZE));
            ck_assert_mem_eq(read, wanted, SIZE);
        }
    }
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    expect_contents(image, wanted, SIZE);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

static uint8_t first_byte(sfpm_image_t *image)
{
    uint8_t byte = 0;
    ck_assert_ok(sfpm_image_read(image, 0, 0, &byte, 1));
    return byte;
}

START_TEST(undo_walks_back_and_stops_at_the_first)
{
    uint8_t bytes[10] = {1};
    save(bytes, sizeof bytes);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    for (uint8_t i = 2; i <= 4; i++) {
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ok(sfpm_edit_write(edit, 0, 0, &i, 1));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
    }
    for (uint8_t i = 3; i >= 1; i--) {
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ok(sfpm_edit_undo(edit, 0));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
        ck_assert_uint_eq(first_byte(image), i);
        ck_assert_uint_eq(sfpm_image_commit_info(image)->state_of, i);
    }
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert(!sfpm_edit_undo(edit, 0));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NO_COMMIT);
    sfpm_edit_destroy(edit);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

/* To any commit and forward again; what went back keeps whose state it is. */
START_TEST(undo_goes_to_any_commit)
{
    static const struct {
        uint64_t to, state;
    } steps[] = {{1, 1}, {4, 4}, {2, 2}, {7, 2}, {6, 4}, {9, 4}, {0, 3}};
    uint8_t bytes[10] = {1};
    save(bytes, sizeof bytes);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    for (uint8_t i = 2; i <= 4; i++) {
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ok(sfpm_edit_write(edit, 0, 0, &i, 1));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        note_input("case", i);
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ok(sfpm_edit_undo(edit, steps[i].to));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
        const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
        ck_assert_uint_eq(first_byte(image), steps[i].state);
        ck_assert_uint_eq(commit->state_of, steps[i].state);
        ck_assert_uint_eq(commit->number, 5 + i);
        ck_assert_uint_eq(commit->parent, 4 + i);
    }
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert(!sfpm_edit_undo(edit, 12));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NO_COMMIT);
    ck_assert(!sfpm_edit_undo(edit, UINT64_MAX));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NO_COMMIT);
    ck_assert_ok(sfpm_edit_undo(edit, 11)); /* what failed left it as it was */
    sfpm_edit_destroy(edit);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

static void append_garbage(size_t size)
{
    uint8_t bytes[20000];
    int fd = open(path, O_WRONLY | O_APPEND);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_number();
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

START_TEST(torn_tails_are_passed_over_and_covered)
{
    static const size_t torn[] = {1, 31, 200, 5000, 20000};
    uint8_t bytes[5000] = {1};
    save(bytes, sizeof bytes);
    for (size_t i = 0; i < 5; i++) {
        append_garbage(torn[i]);
        sfpm_image_t *image = sfpm_image_open(path, NULL);
        ck_assert_msg(image != NULL, "%s", sfpm_last_error());
        ck_assert_uint_eq(sfpm_image_info(image)->torn, torn[i]);
        ck_assert_ptr_nonnull(sfpm_image_info(image)->warning);
        ck_assert(!sfpm_image_check(image, NULL, NULL));
        ck_assert_uint_eq(first_byte(image), i + 1);
        uint8_t next = (uint8_t)(i + 2);
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert_ok(sfpm_edit_write(edit, 0, 0, &next, 1));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
        ck_assert_ok(sfpm_image_check(image, NULL, NULL));
        sfpm_image_close(image);
    }
    append_garbage(3);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, 6);
    ck_assert_uint_eq(first_byte(image), 6);
    sfpm_image_close(image);
}
END_TEST

START_TEST(saving_elsewhere_equals_appending)
{
    uint8_t bytes[5000] = {1}, next = 9;
    setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
    save(bytes, sizeof bytes);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_write(edit, 0, 0, &next, 1));
    ck_assert_ok(sfpm_edit_save(edit, other, NULL));
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    ck_assert_int_eq(system("cmp a.img b.img"), 0);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}
END_TEST

START_TEST(another_writer_is_noticed)
{
    uint8_t bytes[50] = {1}, next = 9;
    save(bytes, sizeof bytes);
    sfpm_image_t *one = sfpm_image_open(path, NULL), *two = sfpm_image_open(path, NULL);
    sfpm_edit_t *first = sfpm_edit_create(one), *second = sfpm_edit_create(two);
    ck_assert_ok(sfpm_edit_write(first, 0, 0, &next, 1));
    ck_assert_ok(sfpm_edit_append(first, NULL));
    ck_assert_ok(sfpm_edit_write(second, 0, 0, &next, 1));
    ck_assert(!sfpm_edit_append(second, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    sfpm_edit_destroy(first);
    sfpm_edit_destroy(second);
    sfpm_image_close(one);
    sfpm_image_close(two);
}
END_TEST

START_TEST(version_1_is_written_read_and_edited)
{
    uint8_t bytes[2080] = {1, 2, 3}, read[2080], next = 77;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_format(edit, 1));
    ck_assert_ok(sfpm_edit_set_region(edit, "vm_state", 0, bytes, sizeof bytes, 0));
    ck_assert_ok(sfpm_edit_set_region(edit, "more", 0, bytes, 5, SFPM_REGION_DYNAMIC));
    ck_assert_ok(sfpm_edit_set_description(edit, "old"));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 4 + 288 + 13 + 8 + 2080 + 13 + 4 + 5);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->format, 1);
    edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_write(edit, 0, 1, &next, 1));
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    image = sfpm_image_open(path, NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->format, 1);
    ck_assert_ok(sfpm_image_read(image, 0, 0, read, sizeof read));
    bytes[1] = next;
    ck_assert_int_eq(memcmp(bytes, read, sizeof read), 0);
    ck_assert_str_eq(sfpm_image_commit_info(image)->description, "old");
    edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_set_format(edit, 2));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    image = sfpm_image_open(path, NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->format, 2);
    expect_contents(image, bytes, sizeof bytes);
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, what_is_saved_is_read, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(core, chunks_full_of_pieces_are_read);
    tcase_add_test(core, every_commit_keeps_its_state);
    tcase_add_test(core, changes_in_any_order_are_read);
    tcase_add_loop_test(core, later_changes_win, 0, 2);
    tcase_add_test(core, undo_walks_back_and_stops_at_the_first);
    tcase_add_test(core, undo_goes_to_any_commit);
    tcase_add_test(core, torn_tails_are_passed_over_and_covered);
    tcase_add_test(core, saving_elsewhere_equals_appending);
    tcase_add_test(core, another_writer_is_noticed);
    tcase_add_test(core, version_1_is_written_read_and_edited);
    return run_all(suite);
}
