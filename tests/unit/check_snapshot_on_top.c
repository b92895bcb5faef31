/* SPDX-License-Identifier: MIT */
/*
 * Going back and on from there: an earlier commit is restored, and its state with changes
 * becomes the newest one, by hand, in the background and by itself; nothing is lost.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot_common.h"

enum { SIZE = 2 << 20, COMMITS = 6, BACK = 3 };

static uint8_t *memory, *wanted;
static uint8_t extra[100];
static sfpm_snapshot_t *snapshot;
static const sfpm_commit_options_t on_top = {.struct_size = sizeof on_top,
                                             .on_top = true};

/* Each commit fills a few pages of its own and one that all change. */
static void make_state(uint8_t *to, unsigned number)
{
    fill(to, SIZE, 1);
    for (unsigned i = 2; i <= number; i++) {
        memset(to + (size_t)i * 100000, (int)i, 5000);
        memset(to, (int)i, 100);
    }
}

static void set_up(void)
{
    enter_directory();
    memory = sfpm_alloc_region(SIZE);
    wanted = malloc(SIZE);
    ck_assert(memory && wanted);
    snapshot = snapshot_of("memory", memory, SIZE);
    for (unsigned i = 1; i <= COMMITS; i++) {
        make_state(memory, i);
        ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    }
    sfpm_snapshot_destroy(snapshot);
    const sfpm_memory_region_t region = {memory, SIZE, "memory", false};
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .remappable = true};
    snapshot = sfpm_snapshot_create();
    ck_assert_works(sfpm_snapshot_add_region_with(snapshot, &region, &options));
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, SIZE);
    free(wanted);
    leave_directory();
}

static void restore_commit(int64_t commit)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .commit = commit};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
}

/* Goes back, and changes a page that the commit has and one that later ones changed. */
static void go_back_and_change(void)
{
    restore_commit(BACK);
    make_state(wanted, BACK);
    ck_assert_mem_eq(memory, wanted, SIZE);
    memory[300010] ^= 1;
    memory[500010] = 77;
    memcpy(wanted, memory, SIZE);
}

static void expect_commit(uint64_t number, uint64_t parent, const uint8_t *bytes)
{
    static uint8_t found[SIZE];
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_works(sfpm_image_select(image, (int64_t)number));
    ck_assert_uint_eq(sfpm_image_commit_info(image)->parent, parent);
    ck_assert_works(sfpm_image_read(image, 0, 0, found, SIZE));
    ck_assert_mem_eq(found, bytes, SIZE);
    sfpm_image_close(image);
}

/* All that was committed before, and what came on top. */
static void expect_history(uint64_t commits)
{
    static uint8_t state[SIZE];
    for (unsigned i = 1; i <= COMMITS; i++) {
        make_state(state, i);
        expect_commit(i, i - 1, state);
    }
    expect_commit(COMMITS + 1, BACK, wanted);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->commits, commits);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

START_TEST(a_restored_state_becomes_the_newest)
{
    size_t before, after;
    ck_assert_works(sfpm_snapshot_set_tracking(snapshot, (sfpm_tracking_t)_i));
    go_back_and_change();
    free(read_file("a.img", &before));
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_CHANGED,
                    "a.img: its last commit is 6, but the last one restored or made "
                    "here is 3: commit with the option on_top");
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "'sfpm-patch -i --undo-to 3'"));
    free(read_file("a.img", &after));
    ck_assert_uint_eq(after, before);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &on_top));
    free(read_file("a.img", &after));
    ck_assert_uint_lt(after, before + SIZE / 8); /* only what changed */
    expect_history(COMMITS + 1);
    /* It goes on from there. */
    memory[0]++;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    expect_commit(COMMITS + 2, COMMITS + 1, memory);
    expect_history(COMMITS + 2);
    ck_assert_works(sfpm_snapshot_revert(snapshot));
}
END_TEST

START_TEST(an_undo_goes_to_what_it_was_made_on)
{
    go_back_and_change();
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &on_top));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_works(sfpm_edit_undo(edit, 0) && sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    make_state(wanted, BACK);
    expect_commit(COMMITS + 2, COMMITS + 1, wanted);
}
END_TEST

START_TEST(at_the_end_it_is_as_without)
{
    restore_commit(0);
    memory[5]++;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &on_top));
    expect_commit(COMMITS + 1, COMMITS, memory);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "new.img", &on_top));
}
END_TEST

START_TEST(regions_are_those_of_the_state)
{
    restore_commit(0);
    add(snapshot, "extra", extra, sizeof extra);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_remove_region(snapshot, "extra", 0));
    restore_commit(BACK);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &on_top));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_uint_eq(sfpm_image_num_regions(image), 1);
    ck_assert_works(sfpm_image_select(image, -1));
    ck_assert_uint_eq(sfpm_image_num_regions(image), 2);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

START_TEST(old_commits_can_go_at_once)
{
    const sfpm_commit_options_t options = {
        .struct_size = sizeof options, .on_top = true, .keep = 2};
    go_back_and_change();
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &options));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->first, COMMITS);
    ck_assert_uint_eq(sfpm_image_info(image)->commits, COMMITS + 1);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    memset(memory, 0, SIZE);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_mem_eq(memory, wanted, SIZE);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
}
END_TEST

START_TEST(what_did_not_come_from_the_file_is_refused)
{
    uint8_t *bytes;
    size_t size;
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", &on_top), SFPM_ERR_CHANGED,
                    "was not made or restored here: restore it or an earlier one first");
    restore_commit(0);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "b.img", NULL));
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", &on_top), SFPM_ERR_CHANGED,
                    "is not the image");
    /* An older copy comes back, and is continued by another. */
    restore_commit(0);
    bytes = read_file("a.img", &size);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    write_file("a.img", bytes, size);
    free(bytes);
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", &on_top), SFPM_ERR_CHANGED,
                    "its last commit is 6, and the one that was last restored or made "
                    "here (7) is not in it: save to another file");
    sfpm_snapshot_t *other = snapshot_of("memory", memory, SIZE);
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    for (int i = 0; i < 2; i++) {
        memory[9] = (uint8_t)(memory[9] + 3);
        ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
        ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", &on_top),
                        SFPM_ERR_CHANGED, "made here (7) is not in it");
    }
    sfpm_snapshot_destroy(other);
}
END_TEST

/* ---- In the background ------------------------------------------------------- */

START_TEST(a_job_commits_on_top)
{
    sfpm_job_options_t how = {.struct_size = sizeof how,
                              .copying = (sfpm_copying_t)(_i % 4)};
    if (_i >= 4)
        ck_assert_works(sfpm_snapshot_set_tracking(snapshot, SFPM_TRACKING_HASH));
    go_back_and_change();
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &how);
    ck_assert_msg(job != NULL, "%s", sfpm_last_error());
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_CHANGED, "option on_top");
    sfpm_job_destroy(job);
    job = sfpm_snapshot_commit_async(snapshot, "a.img", &on_top, &how);
    ck_assert_msg(job != NULL, "%s", sfpm_last_error());
    memory[0] ^= 0xff; /* after the moment of the call */
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_history(COMMITS + 1);
    job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &how);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_commit(COMMITS + 2, COMMITS + 1, memory);
    expect_history(COMMITS + 2);
}
END_TEST

START_TEST(autosave_commits_on_top)
{
    char message[] = "by itself";
    sfpm_commit_options_t options = {.struct_size = sizeof options, .message = message};
    go_back_and_change();
    sfpm_autosave_t *autosave = sfpm_autosave_start(snapshot, "a.img", 0, &options, NULL);
    ck_assert_fails(sfpm_autosave_stop(autosave), SFPM_ERR_CHANGED, "option on_top");
    options.on_top = true;
    autosave = sfpm_autosave_start(snapshot, "a.img", 0, &options, NULL);
    ck_assert_ptr_nonnull(autosave);
    memset(message, 'x', sizeof message - 1);
    ck_assert_works(sfpm_autosave_tick(autosave));
    ck_assert_works(sfpm_autosave_stop(autosave));
    expect_history(COMMITS + 2);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_str_eq(sfpm_image_commit_info(image)->message, "by itself");
    sfpm_image_close(image);
    options.struct_size = 0;
    ck_assert_ptr_null(sfpm_autosave_start(snapshot, "a.img", 0, &options, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot on top");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_loop_test(core, a_restored_state_becomes_the_newest, SFPM_TRACKING_AUTO,
                        SFPM_TRACKING_HASH + 1);
    tcase_add_test(core, an_undo_goes_to_what_it_was_made_on);
    tcase_add_test(core, at_the_end_it_is_as_without);
    tcase_add_test(core, regions_are_those_of_the_state);
    tcase_add_test(core, old_commits_can_go_at_once);
    tcase_add_test(core, what_did_not_come_from_the_file_is_refused);
    tcase_add_loop_test(core, a_job_commits_on_top, 0, 8);
    tcase_add_test(core, autosave_commits_on_top);
    return run_all(suite);
}
