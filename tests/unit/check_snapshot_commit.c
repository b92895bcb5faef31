/* SPDX-License-Identifier: MIT */
/* Commits and deltas: only what changed, and never over another's work. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot_common.h"

static uint8_t memory[256 * 1024];
static uint8_t extra[100];

static sfpm_snapshot_t *memory_snapshot(void)
{
    return snapshot_of("memory", memory, sizeof memory);
}

static sfpm_image_t *opened(const char *path)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    return image;
}

static uint64_t commits_in(const char *path)
{
    sfpm_image_t *image = opened(path);
    uint64_t commits = sfpm_image_info(image)->commits;
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    return commits;
}

static size_t size_of(const char *path)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static bool restores_to(const char *path, unsigned seed, size_t byte)
{
    static uint8_t wanted[sizeof memory];
    sfpm_snapshot_t *snapshot = memory_snapshot();
    memset(memory, 0, sizeof memory);
    ck_assert_works(sfpm_snapshot_restore(path, snapshot));
    sfpm_snapshot_destroy(snapshot);
    fill(wanted, sizeof wanted, seed);
    wanted[byte] ^= 1;
    return memcmp(memory, wanted, sizeof wanted) == 0;
}

/* ---- Core ---------------------------------------------------------------- */

START_TEST(first_commit_makes_the_file)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    sfpm_commit_options_t options = {.struct_size = sizeof options, .message = "begin"};
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &options));
    ck_assert_uint_eq(commits_in("a.img"), 1);
    sfpm_image_t *image = opened("a.img");
    ck_assert_str_eq(sfpm_image_commit_info(image)->message, "begin");
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(commits_hold_what_changed)
{
    static log_text_t log;
    sfpm_snapshot_t *snapshot = memory_snapshot();
    sfpm_commit_options_t options = {.struct_size = sizeof options,
                                     .message = "one byte"};
    fill(memory, sizeof memory, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    size_t size = size_of("a.img");
    ck_assert_uint_ge(size, sizeof memory);
    memory[100000] ^= 1;
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &options));
    ck_assert_str_eq(log.text, "Committed to a.img (commit 2)\n");
    ck_assert_uint_eq(commits_in("a.img"), 2);
    ck_assert_uint_lt(size_of("a.img"), size + sizeof memory / 4);

    sfpm_image_t *image = opened("a.img");
    ck_assert_str_eq(sfpm_image_commit_info(image)->message, "one byte");
    ck_assert_works(sfpm_image_select(image, 1));
    ck_assert_str_eq(sfpm_image_commit_info(image)->message, "");
    sfpm_image_close(image);
    ck_assert(restores_to("a.img", 1, 100000));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(commits_follow_restore_save_and_commit)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_snapshot_t *other = memory_snapshot();
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_save_delta(other, "a.img", "b.img"));
    ck_assert_works(sfpm_snapshot_commit(other, "b.img", NULL));
    ck_assert_uint_eq(commits_in("a.img"), 4);
    ck_assert_uint_eq(commits_in("b.img"), 2);
    sfpm_snapshot_destroy(other);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(regions_come_and_go)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    add(snapshot, "twice", extra, 10);
    add(snapshot, "twice", extra + 10, 20);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);

    snapshot = snapshot_of("twice", extra, 30);
    add(snapshot, "new", extra + 30, 40);
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "a.img", "a.img"));
    sfpm_snapshot_destroy(snapshot);
    sfpm_image_t *image = opened("a.img");
    ck_assert_uint_eq(sfpm_image_info(image)->commits, 2);
    ck_assert_uint_eq(sfpm_image_num_regions(image), 2);
    ck_assert_str_eq(sfpm_image_region(image, 0)->name, "twice");
    ck_assert_uint_eq(sfpm_image_region(image, 0)->size, 30);
    ck_assert_str_eq(sfpm_image_region(image, 1)->name, "new");
    ck_assert_works(sfpm_image_select(image, 1));
    ck_assert_uint_eq(sfpm_image_num_regions(image), 3);
    sfpm_image_close(image);
}
END_TEST

START_TEST(description_is_inherited_and_attributes_go)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    sfpm_snapshot_set_description(snapshot, "first");
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "key", "value"));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);

    snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_image_t *image = opened("a.img");
    ck_assert_str_eq(sfpm_image_commit_info(image)->description, "first");
    ck_assert_uint_eq(sfpm_image_commit_info(image)->num_attributes, 1);
    sfpm_image_close(image);

    sfpm_snapshot_set_description(snapshot, "second");
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "key", NULL));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    image = opened("a.img");
    ck_assert_str_eq(sfpm_image_commit_info(image)->description, "second");
    ck_assert_uint_eq(sfpm_image_commit_info(image)->num_attributes, 0);
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Deltas -------------------------------------------------------------- */

START_TEST(delta_holds_what_changed_and_needs_the_rest)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    fill(memory, sizeof memory, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memory[4097] ^= 1;
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "a.img", "b.img"));
    ck_assert_uint_eq(commits_in("a.img"), 1);
    ck_assert_uint_eq(commits_in("b.img"), 1);
    ck_assert_uint_lt(size_of("b.img"), sizeof memory / 4);
    ck_assert(restores_to("b.img", 1, 4097));
    sfpm_snapshot_destroy(snapshot);
    ck_assert_int_eq(rename("a.img", "moved.img"), 0);
    snapshot = memory_snapshot();
    ck_assert_fails(sfpm_snapshot_restore("b.img", snapshot), SFPM_ERR_NOT_FOUND,
                    "a.img");
    sfpm_restore_options_t options = {.struct_size = sizeof options, .base = "moved.img"};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "b.img", &options));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(delta_onto_the_same_file_appends)
{
    struct stat before;
    struct stat after;
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_int_eq(symlink("a.img", "link.img"), 0);
    ck_assert_int_eq(stat("a.img", &before), 0);
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "a.img", "a.img"));
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "a.img", "link.img"));
    ck_assert_int_eq(stat("a.img", &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_uint_eq(commits_in("a.img"), 3);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(delta_needs_an_image_with_history)
{
    struct stat status;
    const sfpm_memory_region_t region = {memory, sizeof memory, "memory", false};
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_fails(sfpm_snapshot_save_delta(snapshot, "a.img", "b.img"),
                    SFPM_ERR_NOT_FOUND, "a.img");
    write_version_1("a.img", "old", &region, 1);
    ck_assert_fails(sfpm_snapshot_save_delta(snapshot, "a.img", "b.img"),
                    SFPM_ERR_UNSUPPORTED, "version 1");
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_UNSUPPORTED,
                    "version 1");
    ck_assert_int_ne(stat("b.img", &status), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Another's work ------------------------------------------------------ */

/* What others do to the file between restore and commit. */
static void nothing(void)
{
}

static void another_commits(void)
{
    sfpm_snapshot_t *other = memory_snapshot();
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
    sfpm_snapshot_destroy(other);
}

static void another_saves(void)
{
    sfpm_snapshot_t *other = snapshot_of("memory", extra, sizeof extra);
    ck_assert_works(sfpm_snapshot_save(other, "a.img"));
    sfpm_snapshot_destroy(other);
}

static void older_copy_comes_back(void)
{
    sfpm_image_t *image = opened("a.img");
    uint64_t size = 0;
    ck_assert_works(sfpm_image_select(image, -1));
    size = sfpm_image_commit_info(image)->offset + sfpm_image_commit_info(image)->size;
    sfpm_image_close(image);
    ck_assert_int_eq(truncate("a.img", (off_t)size), 0);
}

static const struct {
    void (*intrude)(void);
    const char *message; /* NULL: the control, nobody intrudes */
} intruders[] = {
    {nothing, NULL},
    {another_commits,
     "its last commit is 3, but the last one restored or made here is 2"},
    {another_saves, "is not the image that was last restored or saved here"},
    {older_copy_comes_back,
     "its last commit is 1, and the one that was last restored or made here (2)"},
};
#define NUM_INTRUDERS (int)(sizeof intruders / sizeof intruders[0])

START_TEST(commit_does_not_hide_the_work_of_others)
{
    size_t before;
    size_t after;
    sfpm_snapshot_t *snapshot = memory_snapshot();
    fill(memory, sizeof memory, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memory[0] ^= 1;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    intruders[_i].intrude();
    uint8_t *bytes = read_file("a.img", &before);
    bool committed = sfpm_snapshot_commit(snapshot, "a.img", NULL);
    ck_assert_int_eq(committed, intruders[_i].message == NULL);
    if (!committed) {
        ck_assert_fails(committed, SFPM_ERR_CHANGED, intruders[_i].message);
        uint8_t *bytes_now = read_file("a.img", &after);
        ck_assert_uint_eq(after, before);
        ck_assert_int_eq(memcmp(bytes, bytes_now, before), 0);
        free(bytes_now);
    }
    free(bytes);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool save_before(void *context)
{
    (void)context;
    another_saves();
    return true;
}

/* There was no file when the commit began; the one that came meanwhile is another's. */
START_TEST(first_commit_replaces_nothing)
{
    size_t before;
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .name = "other", .before_save = save_before};
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_CHANGED,
                    "a.img: was just created by another process");
    uint8_t *bytes = read_file("a.img", &before);
    ck_assert_uint_lt(before, sizeof memory);
    free(bytes);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(commit_wants_a_restore_first)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_snapshot_t *other = memory_snapshot();
    ck_assert_fails(sfpm_snapshot_commit(other, "a.img", NULL), SFPM_ERR_CHANGED,
                    "a.img: its last commit (2) was not made or restored here");
    sfpm_restore_options_t options = {.struct_size = sizeof options, .commit = 1};
    ck_assert_works(sfpm_snapshot_restore_with(other, "a.img", &options));
    ck_assert_fails(sfpm_snapshot_commit(other, "a.img", NULL), SFPM_ERR_CHANGED,
                    "its last commit is 2, but the last one restored or made here is 1");
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
    sfpm_snapshot_destroy(other);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(failed_restore_is_not_remembered)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_t *other = memory_snapshot();
    add(other, "extra", extra, sizeof extra);
    ck_assert_fails(sfpm_snapshot_restore("a.img", other), SFPM_ERR_MISMATCH, "extra");
    ck_assert_fails(sfpm_snapshot_commit(other, "a.img", NULL), SFPM_ERR_CHANGED,
                    "a.img");
    sfpm_snapshot_destroy(other);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(torn_commit_is_passed_over_and_told)
{
    static log_text_t log;
    sfpm_snapshot_t *snapshot = memory_snapshot();
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    fill(memory, sizeof memory, 1);
    memory[0] ^= 1;
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    fill(memory, sizeof memory, 2);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_int_eq(truncate("a.img", (off_t)size_of("a.img") - 1), 0);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_uint_eq(log.warnings, 1);
    ck_assert_ptr_nonnull(strstr(log.text, "unfinished commit"));
    ck_assert(restores_to("a.img", 1, 0));

    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_uint_eq(commits_in("a.img"), 2);
    ck_assert(restores_to("a.img", 1, 0));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* The file holds all commits until half of them can go. */
START_TEST(keep_drops_the_oldest_commits)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    sfpm_commit_options_t options = {.struct_size = sizeof options, .keep = 3};
    fill(memory, sizeof memory, 1);
    for (unsigned i = 1; i <= 20; i++) {
        memory[i] ^= 1;
        ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", &options));
        sfpm_image_t *image = opened("a.img");
        const sfpm_image_info_t *info = sfpm_image_info(image);
        ck_assert_uint_eq(info->commits, i);
        ck_assert_uint_ge(info->commits - info->first + 1, i < 3 ? i : 3);
        ck_assert_uint_le(info->commits - info->first + 1, 6);
        ck_assert_works(sfpm_image_check(image, NULL, NULL));
        sfpm_image_close(image);
    }
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(compression_makes_images_small)
{
    sfpm_snapshot_t *snapshot = memory_snapshot();
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i / 7 % 40 + 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "plain.img"));
    ck_assert_works(sfpm_snapshot_set_compression(snapshot, "zstd", 1));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_uint_lt(size_of("a.img"), size_of("plain.img") / 10);
    memset(memory, 0, sizeof memory);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    for (size_t i = 0; i < sizeof memory; i++)
        ck_assert_uint_eq(memory[i], i / 7 % 40 + 1);
    ck_assert_fails(sfpm_snapshot_set_compression(snapshot, "rar", 1), SFPM_ERR_ARGUMENT,
                    "rar");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(secret_regions_are_saved_encrypted_only)
{
    static const uint8_t key[32] = {1}, wrong[32] = {2};
    static char password[] = "swordfish swordfish";
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    add_flags(snapshot, "password", password, sizeof password, SFPM_REGION_SECRET);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_SECRET, "password");
    ck_assert_works(sfpm_snapshot_set_secret(snapshot, &secret));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert(!file_contains("a.img", "swordfish", 9));
    password[0] = 'S';
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    memset(password, 0, sizeof password);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_str_eq(password, "Swordfish swordfish");
    secret.key = wrong;
    ck_assert_works(sfpm_snapshot_set_secret(snapshot, &secret));
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_KEY, "wrong");
    ck_assert_works(sfpm_snapshot_set_secret(snapshot, NULL));
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_KEY,
                    "no key was given");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* For those who read only the original layout. */
START_TEST(a_commit_may_be_of_version_1)
{
    sfpm_commit_options_t options = {.struct_size = sizeof options, .format = 1};
    uint8_t bytes[] = "some bytes";
    const sfpm_memory_region_t region = {bytes, sizeof bytes, "bytes", false};
    sfpm_snapshot_t *snapshot = snapshot_of("bytes", bytes, sizeof bytes);
    sfpm_snapshot_set_description(snapshot, "as before");
    ck_assert(setenv("SOURCE_DATE_EPOCH", "1700000000", 1) == 0);
    write_version_1("wanted.img", "as before", &region, 1);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "b.img", &options));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "b.img", &options)); /* again */
    sfpm_image_t *image = sfpm_image_open("b.img", NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->format, 1);
    ck_assert_uint_eq(sfpm_image_info(image)->size, 292 + 13 + 5 + sizeof bytes);
    ck_assert_str_eq(sfpm_image_commit_info(image)->description, "as before");
    sfpm_image_close(image);
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "b.img", NULL), SFPM_ERR_CHANGED,
                    "b.img");
    /* It is not what later commits go on from. */
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    memset(bytes, 0, sizeof bytes);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_str_eq((char *)bytes, "some bytes");

    ck_assert(!sfpm_snapshot_commit_async(snapshot, "b.img", &options, NULL));
    ck_assert_fails(false, SFPM_ERR_UNSUPPORTED, "background");
    options.format = 3;
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "b.img", &options),
                    SFPM_ERR_UNSUPPORTED, "format version 3");
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "key", "value"));
    options.format = 1;
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "b.img", &options),
                    SFPM_ERR_UNSUPPORTED, "attributes");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commit");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_test(core, first_commit_makes_the_file);
    tcase_add_test(core, commits_hold_what_changed);
    tcase_add_test(core, commits_follow_restore_save_and_commit);
    tcase_add_test(core, regions_come_and_go);
    tcase_add_test(core, description_is_inherited_and_attributes_go);
    tcase_add_test(core, delta_holds_what_changed_and_needs_the_rest);
    tcase_add_test(core, delta_onto_the_same_file_appends);
    tcase_add_test(core, keep_drops_the_oldest_commits);
    tcase_add_test(core, a_commit_may_be_of_version_1);
    tcase_add_test(core, compression_makes_images_small);
    tcase_add_test(core, secret_regions_are_saved_encrypted_only);
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_loop_test(limits, commit_does_not_hide_the_work_of_others, 0,
                        NUM_INTRUDERS);
    tcase_add_test(limits, first_commit_replaces_nothing);
    tcase_add_test(limits, commit_wants_a_restore_first);
    tcase_add_test(limits, failed_restore_is_not_remembered);
    tcase_add_test(limits, delta_needs_an_image_with_history);
    tcase_add_test(limits, torn_commit_is_passed_over_and_told);
    return run_all(suite);
}
