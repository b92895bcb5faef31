/* SPDX-License-Identifier: MIT */
/* Restoring: all of it, or nothing. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "commit/commit.h"
#include "snapshot/host_abi.h"
#include "snapshot_common.h"

/* Three regions of a program, and what they hold before a restore. */
static uint8_t a[40];
static uint8_t b[5000];
static uint8_t c[70000];
static uint8_t a_before[sizeof a];
static uint8_t b_before[sizeof b];
static uint8_t c_before[sizeof c];

/* Fills the memory with what no image of these tests holds. */
static void set_memory(unsigned seed)
{
    fill(a, sizeof a, seed);
    fill(b, sizeof b, seed + 1);
    fill(c, sizeof c, seed + 2);
    memcpy(a_before, a, sizeof a);
    memcpy(b_before, b, sizeof b);
    memcpy(c_before, c, sizeof c);
}

static bool memory_is_untouched(void)
{
    return memcmp(a, a_before, sizeof a) == 0 && memcmp(b, b_before, sizeof b) == 0 &&
           memcmp(c, c_before, sizeof c) == 0;
}

/* Whether the memory is what set_memory(seed) made. */
static bool memory_is(unsigned seed)
{
    static uint8_t wanted[sizeof c];
    fill(wanted, sizeof a, seed);
    if (memcmp(a, wanted, sizeof a) != 0)
        return false;
    fill(wanted, sizeof b, seed + 1);
    if (memcmp(b, wanted, sizeof b) != 0)
        return false;
    fill(wanted, sizeof c, seed + 2);
    return memcmp(c, wanted, sizeof c) == 0;
}

static sfpm_snapshot_t *three_regions(void)
{
    sfpm_snapshot_t *snapshot = snapshot_of("a", a, sizeof a);
    add(snapshot, "b", b, sizeof b);
    add(snapshot, "c", c, sizeof c);
    return snapshot;
}

/* A snapshot of three regions, saved with the contents of set_memory(1); the
 * memory then holds something else. */
static sfpm_snapshot_t *saved(const char *path)
{
    sfpm_snapshot_t *snapshot = three_regions();
    set_memory(1);
    ck_assert_works(sfpm_snapshot_save(snapshot, path));
    set_memory(100);
    return snapshot;
}

/* ---- Core ---------------------------------------------------------------- */

START_TEST(another_process_continues)
{
    sfpm_snapshot_destroy(saved("a.img"));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sfpm_snapshot_t *snapshot = three_regions();
        set_memory(200);
        bool ok = sfpm_snapshot_restore("a.img", snapshot) && memory_is(1);
        set_memory(300);
        ok = ok && sfpm_snapshot_save(snapshot, "a.img");
        _exit(ok ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(memory_is(100));
    sfpm_snapshot_t *snapshot = three_regions();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(300));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(log_tells_every_region)
{
    static log_text_t log;
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_str_eq(log.text, "Restored region 'a': 40 bytes\n"
                               "Restored region 'b': 5000 bytes\n"
                               "Restored region 'c': 70000 bytes\n");
    ck_assert_uint_eq(log.warnings, 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(names_match_in_any_order)
{
    sfpm_snapshot_destroy(saved("a.img"));
    sfpm_snapshot_t *snapshot = snapshot_of("c", c, sizeof c);
    add(snapshot, "a", a, sizeof a);
    add(snapshot, "b", b, sizeof b);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(equal_names_match_in_order)
{
    static char one[] = "one";
    static char two[] = "two";
    static char other[] = "---";
    sfpm_snapshot_t *snapshot = snapshot_of("same", one, 4);
    add(snapshot, "other", other, 4);
    add(snapshot, "same", two, 4);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);

    static char first[4];
    static char second[4];
    snapshot = snapshot_of("same", first, 4);
    add(snapshot, "same", second, 4);
    add(snapshot, "other", other, 4);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_str_eq(first, "one");
    ck_assert_str_eq(second, "two");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(earlier_commits_can_be_chosen)
{
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_restore_options_t options = {.struct_size = sizeof options};
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(100));
    options.commit = -1;
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
    ck_assert(memory_is(1));
    options.commit = 2;
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
    ck_assert(memory_is(100));
    options.commit = 3;
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options),
                    SFPM_ERR_NO_COMMIT, "3");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(open_image_restores_what_it_shows)
{
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_restore_options_t options = {.struct_size = sizeof options, .commit = 1};
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_fails(sfpm_snapshot_restore_image(snapshot, image, &options),
                    SFPM_ERR_ARGUMENT, "must not be set");
    ck_assert_works(sfpm_image_select(image, 1));
    ck_assert_works(sfpm_snapshot_restore_image(snapshot, image, NULL));
    ck_assert(memory_is(1));
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(volatile_regions_are_zeroed)
{
    static const uint8_t zeros[64];
    uint8_t scratch[64];
    uint8_t late[64];
    sfpm_snapshot_t *snapshot = three_regions();
    add_flags(snapshot, "scratch", scratch, sizeof scratch, SFPM_REGION_VOLATILE);
    set_memory(1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    set_memory(100);
    fill(scratch, sizeof scratch, 7);
    fill(late, sizeof late, 8);
    add_flags(snapshot, "late", late, sizeof late, SFPM_REGION_VOLATILE);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    ck_assert_int_eq(memcmp(scratch, zeros, sizeof zeros), 0);
    ck_assert_int_eq(memcmp(late, zeros, sizeof zeros), 0);
    sfpm_snapshot_destroy(snapshot);

    /* Nothing is lost when the program no longer has it … */
    set_memory(100);
    snapshot = three_regions();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    /* … but there is nothing to restore when it is now to be kept. */
    set_memory(100);
    add(snapshot, "scratch", scratch, sizeof scratch);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "'scratch' (64 bytes) was volatile");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Regions that do not fit --------------------------------------------- */

static const struct {
    const char *names[4];
    size_t size_of_b;
    const char *message[3];
} misfits[] = {
    {{"a", "b", "c"}, sizeof b, {NULL}}, /* the control: it fits */
    {{"a", "b", "c"}, 4999, {"'b'", "4999 bytes in the program", "5000 in the image"}},
    {{"a", "b", "c"}, 1, {"'b'", "1 bytes in the program", "5000 in the image"}},
    {{"a", "x", "c"}, sizeof b, {"'x' (5000 bytes", "registered 3", "holds 3"}},
    {{"a", "b", "c", "d"}, sizeof b, {"'d' (40 bytes", "registered 4", "holds 3"}},
    {{"a", "b", "c", "a"}, sizeof b, {"'a' (40 bytes", "registered 4", "holds 3"}},
    {{"a", "b"}, sizeof b, {"'c' (70000 bytes", "registered 2", "holds 3"}},
    {{"", "b", "c"}, sizeof b, {"''", "registered 3", "holds 3"}},
    {{NULL}, 0, {"'a' (40 bytes", "registered 0", "holds 3"}},
};
#define NUM_MISFITS (int)(sizeof misfits / sizeof misfits[0])

static sfpm_snapshot_t *misfit(int number)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    static uint8_t d[sizeof a];
    void *const bases[] = {a, b, c, d};
    const size_t sizes[] = {sizeof a, misfits[number].size_of_b, sizeof c, sizeof a};
    for (int i = 0; i < 4 && misfits[number].names[i]; i++)
        add(snapshot, misfits[number].names[i], bases[i], sizes[i]);
    return snapshot;
}

START_TEST(misfits_are_named_and_touch_nothing)
{
    sfpm_snapshot_destroy(saved("a.img"));
    sfpm_snapshot_t *snapshot = misfit(_i);
    bool fits = misfits[_i].message[0] == NULL;
    ck_assert_int_eq(sfpm_snapshot_restore("a.img", snapshot), fits);
    ck_assert_int_eq(memory_is_untouched(), !fits);
    for (int i = 0; i < 3 && misfits[_i].message[i]; i++)
        ck_assert_fails(false, SFPM_ERR_MISMATCH, misfits[_i].message[i]);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(schemas_must_agree)
{
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_snapshot_set_schema(snapshot, 3);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "schema version 0, the program version 3");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_set_schema(snapshot, 0);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Where native memory comes from -------------------------------------- */

/* Saves the three regions as another machine or another build would have. */
static void save_elsewhere(const sfpm_snapshot_t *snapshot, const char *architecture,
                           const char *build_id)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    set_memory(1);
    ck_assert_works(sfpm_snapshot_fill_edit(snapshot, edit));
    ck_assert_works(sfpm_edit_set_origin(edit, architecture, build_id));
    ck_assert_works(sfpm_edit_save(edit, "a.img", NULL));
    sfpm_edit_destroy(edit);
    set_memory(100);
}

START_TEST(other_architectures_are_refused)
{
    sfpm_snapshot_t *snapshot = three_regions();
    save_elsewhere(snapshot, "pdp11-unix-16me", "");
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "pdp11-unix-16me");
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), sfpm_origin_architecture()));
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(portable_regions_go_everywhere)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    add_flags(snapshot, "a", a, sizeof a, SFPM_REGION_PORTABLE);
    add_flags(snapshot, "b", b, sizeof b, SFPM_REGION_PORTABLE);
    add_flags(snapshot, "c", c, sizeof c, SFPM_REGION_PORTABLE);
    save_elsewhere(snapshot, "pdp11-unix-16me", "");
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);

    /* Unless this program says that one of them is not. */
    set_memory(100);
    snapshot = sfpm_snapshot_create();
    add_flags(snapshot, "a", a, sizeof a, SFPM_REGION_PORTABLE);
    add_flags(snapshot, "b", b, sizeof b, 0);
    add_flags(snapshot, "c", c, sizeof c, SFPM_REGION_PORTABLE);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH, "'b'");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(other_builds_are_told)
{
    static log_text_t log;
    char here[SFPM_BUILD_ID_SIZE];
    sfpm_restore_options_t options = {.struct_size = sizeof options, .same_build = true};
    sfpm_snapshot_t *snapshot = three_regions();
    sfpm_origin_build_id(here);
    save_elsewhere(snapshot, sfpm_origin_architecture(), "0123abcd");
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options),
                    SFPM_ERR_MISMATCH, "build-id 0123abcd in the image");
    ck_assert(memory_is_untouched());
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    ck_assert_uint_eq(log.warnings, *here ? 1 : 0);
    if (*here)
        ck_assert_ptr_nonnull(strstr(log.text, "another build"));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(this_build_is_known)
{
    static log_text_t log;
    char here[SFPM_BUILD_ID_SIZE];
    sfpm_restore_options_t options = {.struct_size = sizeof options, .same_build = true};
    sfpm_origin_build_id(here);
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    if (*here) {
        ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
        ck_assert(memory_is(1));
        ck_assert_uint_eq(log.warnings, 0);
    } else {
        ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options),
                        SFPM_ERR_MISMATCH, "unknown here");
        ck_assert(memory_is_untouched());
    }
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(addresses_need_the_same_build)
{
    char here[SFPM_BUILD_ID_SIZE];
    sfpm_origin_build_id(here);
    sfpm_snapshot_t *snapshot = snapshot_of("a", a, sizeof a);
    add_flags(snapshot, "b", b, sizeof b, SFPM_REGION_POINTERS);
    add(snapshot, "c", c, sizeof c);
    save_elsewhere(snapshot, sfpm_origin_architecture(), "0123abcd");
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "'b' (5000 bytes) holds addresses");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);

    /* The image's own word for it is enough. */
    snapshot = three_regions();
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "'b' (5000 bytes) holds addresses");
    ck_assert(memory_is_untouched());
    save_elsewhere(snapshot, sfpm_origin_architecture(), here);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(build_id_is_hexadecimal)
{
    char here[SFPM_BUILD_ID_SIZE];
    sfpm_origin_build_id(here);
    ck_assert_uint_eq(strspn(here, "0123456789abcdef"), strlen(here));
    ck_assert_uint_eq(strlen(here) % 2, 0);
    ck_assert_ptr_nonnull(strchr(sfpm_origin_architecture(), '-'));
}
END_TEST

/* ---- Damage -------------------------------------------------------------- */

/* Restores from a damaged image: it must fail and touch nothing, or find that
 * what it used was whole. Returns whether it failed. */
static bool fails_cleanly(sfpm_snapshot_t *snapshot)
{
    if (sfpm_snapshot_restore("bad.img", snapshot)) {
        ck_assert(memory_is(1));
        set_memory(100);
        return false;
    }
    ck_assert(memory_is_untouched());
    return true;
}

START_TEST(flipped_bits_touch_nothing)
{
    size_t size;
    size_t failures = 0;
    sfpm_snapshot_t *snapshot = saved("a.img");
    uint8_t *bytes = read_file("a.img", &size);
    for (size_t i = 0; i < size; i += 41) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        write_file("bad.img", bytes, size);
        failures += fails_cleanly(snapshot);
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    /* Nearly all of this image is contents. */
    ck_assert_uint_gt(failures, size / 41 * 8 / 10);
    write_file("bad.img", bytes, size);
    ck_assert(!fails_cleanly(snapshot)); /* the control */
    free(bytes);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(truncated_images_touch_nothing)
{
    size_t size;
    sfpm_snapshot_t *snapshot = saved("a.img");
    uint8_t *bytes = read_file("a.img", &size);
    for (size_t i = 0; i < size; i += i < 512 || size - i < 512 ? 1 : 127) {
        write_file("bad.img", bytes, i);
        ck_assert(fails_cleanly(snapshot));
    }
    free(bytes);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* Damages the file when the first region is in place: between the two readings. */
static void damage_file(void *context, sfpm_log_level_t level, const char *text)
{
    (void)level;
    bool *damaged = context;
    if (*damaged || !strstr(text, "Restored region"))
        return;
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    for (size_t i = 64; i < size; i++)
        bytes[i] ^= 0xff;
    write_file("a.img", bytes, size);
    free(bytes);
    *damaged = true;
}

START_TEST(file_that_changes_underneath_is_told)
{
    static uint8_t large[5 << 20];
    bool damaged = false;
    sfpm_snapshot_t *snapshot = three_regions();
    add(snapshot, "large", large, sizeof large);
    set_memory(1);
    fill(large, sizeof large, 9);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_set_log(snapshot, damage_file, &damaged);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_CHANGED,
                    "memory now holds parts of it, up to region 'b'");
    ck_assert(damaged);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* The control: small contents are not read again. */
START_TEST(small_contents_are_read_once)
{
    bool damaged = false;
    sfpm_snapshot_t *snapshot = saved("a.img");
    sfpm_snapshot_set_log(snapshot, damage_file, &damaged);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(damaged);
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(large_contents_come_back)
{
    static uint8_t large[6000001];
    static uint8_t before[sizeof large];
    sfpm_snapshot_t *snapshot = snapshot_of("large", large, sizeof large);
    fill(large, sizeof large, 9);
    memcpy(before, large, sizeof large);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memset(large, 0, sizeof large);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_int_eq(memcmp(large, before, sizeof large), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Version 1 ----------------------------------------------------------- */

static void save_version_1(const char *path)
{
    const sfpm_memory_region_t regions[] = {
        {a, sizeof a, "a", false}, {b, sizeof b, "b", true}, {c, sizeof c, "c", false}};
    set_memory(1);
    write_version_1(path, "an old one", regions, 3);
    set_memory(100);
}

START_TEST(version_1_is_matched_by_name)
{
    save_version_1("a.img");
    sfpm_snapshot_t *snapshot = snapshot_of("c", c, sizeof c);
    add(snapshot, "b", b, sizeof b);
    add(snapshot, "a", a, sizeof a);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(version_1_is_matched_by_order)
{
    save_version_1("a.img");
    sfpm_snapshot_t *snapshot = snapshot_of("a", a, sizeof a);
    add(snapshot, "renamed", b, sizeof b);
    add(snapshot, "c", c, sizeof c);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(version_1_misfits_touch_nothing)
{
    save_version_1("a.img");
    sfpm_snapshot_t *snapshot = snapshot_of("x", c, sizeof c);
    add(snapshot, "y", b, sizeof b);
    add(snapshot, "z", a, sizeof a);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "'x' has 70000 bytes in the program and 40 in the image");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);

    static uint8_t d[sizeof a];
    snapshot = three_regions();
    add(snapshot, "d", d, sizeof d);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "registered 4 regions, the image holds 3");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);

    snapshot = snapshot_of("a", a, sizeof a);
    add(snapshot, "b", b, sizeof b);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "'c' (70000 bytes in the image)");
    ck_assert(memory_is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(version_1_truncated_touches_nothing)
{
    size_t size;
    save_version_1("a.img");
    sfpm_snapshot_t *snapshot = three_regions();
    uint8_t *bytes = read_file("a.img", &size);
    for (size_t i = 0; i < size; i += i < 512 ? 1 : 499) {
        write_file("bad.img", bytes, i);
        ck_assert(fails_cleanly(snapshot));
    }
    free(bytes);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(version_1_becomes_version_2_by_saving)
{
    sfpm_snapshot_metadata_t metadata;
    save_version_1("a.img");
    ck_assert_works(sfpm_snapshot_read_metadata("a.img", &metadata));
    ck_assert_uint_eq(metadata.version, 1);
    ck_assert_uint_eq(metadata.timestamp, 1700000000);
    ck_assert_uint_eq(metadata.total_size, sizeof a + sizeof b + sizeof c);
    ck_assert_uint_eq(metadata.num_regions, 3);
    ck_assert_str_eq(metadata.description, "an old one");
    sfpm_snapshot_t *snapshot = three_regions();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_read_metadata("a.img", &metadata));
    ck_assert_uint_eq(metadata.version, 2);
    set_memory(100);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(memory_is(1));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("restore");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_test(core, another_process_continues);
    tcase_add_test(core, log_tells_every_region);
    tcase_add_test(core, large_contents_come_back);
    tcase_add_test(core, names_match_in_any_order);
    tcase_add_test(core, equal_names_match_in_order);
    tcase_add_test(core, earlier_commits_can_be_chosen);
    tcase_add_test(core, open_image_restores_what_it_shows);
    tcase_add_test(core, volatile_regions_are_zeroed);
    tcase_add_test(core, portable_regions_go_everywhere);
    tcase_add_test(core, this_build_is_known);
    tcase_add_test(core, build_id_is_hexadecimal);
    tcase_add_test(core, version_1_is_matched_by_name);
    tcase_add_test(core, version_1_is_matched_by_order);
    tcase_add_test(core, version_1_becomes_version_2_by_saving);
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_loop_test(limits, misfits_are_named_and_touch_nothing, 0, NUM_MISFITS);
    tcase_add_test(limits, schemas_must_agree);
    tcase_add_test(limits, other_architectures_are_refused);
    tcase_add_test(limits, other_builds_are_told);
    tcase_add_test(limits, addresses_need_the_same_build);
    tcase_add_test(limits, flipped_bits_touch_nothing);
    tcase_add_test(limits, truncated_images_touch_nothing);
    tcase_add_test(limits, file_that_changes_underneath_is_told);
    tcase_add_test(limits, small_contents_are_read_once);
    tcase_add_test(limits, version_1_misfits_touch_nothing);
    tcase_add_test(limits, version_1_truncated_touches_nothing);
    return run_all(suite);
}
