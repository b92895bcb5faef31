/* SPDX-License-Identifier: MIT */
/*
 * What a restore accepts where program and image differ in their regions: added,
 * removed, grown and shrunk ones, each only when asked for.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_common.h"

static uint8_t one[100];
static uint8_t two[5000];
static log_text_t told;

/* a.img holds `one` with 60 bytes and `two`, all of them 7. */
static void set_up(void)
{
    enter_directory();
    memset(one, 7, sizeof one);
    memset(two, 7, sizeof two);
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, 60);
    add(snapshot, "two", two, sizeof two);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    memset(one, 9, sizeof one);
    memset(two, 9, sizeof two);
    told = (log_text_t){0};
}

static bool all_are(const uint8_t *bytes, size_t size, uint8_t wanted)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != wanted)
            return false;
    return true;
}

static bool untouched(void)
{
    return all_are(one, sizeof one, 9) && all_are(two, sizeof two, 9);
}

static bool restore(sfpm_snapshot_t *snapshot, uint32_t accept)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .accept = accept};
    sfpm_snapshot_set_log(snapshot, keep_log, &told);
    return sfpm_snapshot_restore_with(snapshot, "a.img", &options);
}

/* Refuses with every set of flags that lacks `needed`, memory untouched; then it
 * works. */
static void needs_only(sfpm_snapshot_t *snapshot, uint32_t needed, const char *text)
{
    for (uint32_t accept = 0; accept < 32; accept++) {
        if (accept & needed)
            continue;
        ck_assert_fails(restore(snapshot, accept), SFPM_ERR_MISMATCH, text);
        ck_assert(untouched());
    }
    ck_assert_works(restore(snapshot, needed));
}

/* ---- Core ------------------------------------------------------------------ */

START_TEST(added_region_stays_or_is_zeroed)
{
    uint8_t more[10];
    memset(more, 3, sizeof more);
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, 60);
    add(snapshot, "more", more, sizeof more);
    add(snapshot, "two", two, sizeof two);
    needs_only(snapshot, SFPM_ACCEPT_ADDED, "'more' (10 bytes in the program)");
    ck_assert(all_are(one, 60, 7) && all_are(one + 60, 40, 9));
    ck_assert(all_are(two, sizeof two, 7));
    ck_assert(all_are(more, sizeof more, 3));
    ck_assert(strstr(told.text, "'more' (10 bytes) is not in the image") != NULL);
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_ADDED | SFPM_ACCEPT_ZEROED));
    ck_assert(all_are(more, sizeof more, 0));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(removed_region_is_passed_over)
{
    sfpm_snapshot_t *snapshot = snapshot_of("two", two, sizeof two);
    needs_only(snapshot, SFPM_ACCEPT_REMOVED, "'one' (60 bytes in the image)");
    ck_assert(all_are(one, sizeof one, 9));
    ck_assert(all_are(two, sizeof two, 7));
    ck_assert(strstr(told.text, "'one' (60 bytes in the image) is not registered") !=
              NULL);
    /* The next commit is without it. */
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(restore(snapshot, 0));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(grown_region_keeps_its_end_or_is_zeroed)
{
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, sizeof one);
    add(snapshot, "two", two, sizeof two);
    needs_only(snapshot, SFPM_ACCEPT_GROWN, "'one' has 100 bytes in the program and 60");
    ck_assert(all_are(one, 60, 7) && all_are(one + 60, 40, 9));
    ck_assert(strstr(told.text, "60 bytes in the image, 100 in the program") != NULL);
    ck_assert_uint_eq(told.warnings, 0);
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_GROWN | SFPM_ACCEPT_ZEROED));
    ck_assert(all_are(one, 60, 7) && all_are(one + 60, 40, 0));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(shrunk_region_loses_its_end_with_a_warning)
{
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, 59);
    add(snapshot, "two", two, 4097);
    needs_only(snapshot, SFPM_ACCEPT_SHRUNK, "'one' has 59 bytes in the program and 60");
    ck_assert(all_are(one, 59, 7) && all_are(one + 59, 41, 9));
    ck_assert(all_are(two, 4097, 7) && all_are(two + 4097, sizeof two - 4097, 9));
    ck_assert_uint_eq(told.warnings, 2);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* As above with more than is kept between checking and restoring. */
START_TEST(large_regions_follow_the_same_policies)
{
    const size_t size = 5U << 20;
    uint8_t *large = malloc(size);
    uint8_t *copy = malloc(size);
    ck_assert(large && copy);
    fill(large, size, 4);
    memcpy(copy, large, size);
    sfpm_snapshot_t *snapshot = snapshot_of("large", large, size - 4096);
    add(snapshot, "gone", two, sizeof two);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("large", large, size);
    memset(large, 9, size);
    ck_assert_fails(restore(snapshot, SFPM_ACCEPT_GROWN), SFPM_ERR_MISMATCH, "'gone'");
    ck_assert(all_are(large, size, 9));
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_GROWN | SFPM_ACCEPT_REMOVED));
    ck_assert_mem_eq(large, copy, size - 4096);
    ck_assert(all_are(large + size - 4096, 4096, 9));
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("large", large, size - 5000);
    memset(large, 9, size);
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_SHRUNK | SFPM_ACCEPT_REMOVED));
    ck_assert_mem_eq(large, copy, size - 5000);
    ck_assert(all_are(large + size - 5000, 5000, 9));
    sfpm_snapshot_destroy(snapshot);
    free(large);
    free(copy);
}
END_TEST

START_TEST(equal_names_are_added_and_removed_at_the_end)
{
    uint8_t first = 1;
    uint8_t second = 2;
    sfpm_snapshot_t *snapshot = snapshot_of("same", &first, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    add(snapshot, "same", &second, 1);
    first = 5;
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_ADDED));
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(second, 2);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("same", &second, 1);
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_REMOVED));
    ck_assert_uint_eq(second, 1);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Limits ---------------------------------------------------------------- */

START_TEST(names_count_in_version_1_where_regions_come_and_go)
{
    uint8_t first = 1;
    uint8_t second = 2;
    const sfpm_memory_region_t old[] = {{&first, 1, "first", false}};
    write_version_1("a.img", "", old, 1);
    first = 8;
    sfpm_snapshot_t *snapshot = snapshot_of("second", &second, 1);
    add(snapshot, "first", &first, 1);
    ck_assert_fails(restore(snapshot, 0), SFPM_ERR_MISMATCH, "'first'");
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_ADDED));
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(second, 2);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(volatile_regions_are_zeroed_in_any_case)
{
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, 60);
    add_flags(snapshot, "two", two, 100, SFPM_REGION_VOLATILE);
    ck_assert_works(restore(snapshot, SFPM_ACCEPT_ADDED));
    ck_assert(all_are(two, 100, 0) && all_are(two + 100, sizeof two - 100, 9));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, 60);
    ck_assert_fails(restore(snapshot, 32), SFPM_ERR_ARGUMENT, "0x20");
    ck_assert(untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot fit");
    TCase *core = add_case(suite, "Core", set_up, leave_directory);
    tcase_add_test(core, added_region_stays_or_is_zeroed);
    tcase_add_test(core, removed_region_is_passed_over);
    tcase_add_test(core, grown_region_keeps_its_end_or_is_zeroed);
    tcase_add_test(core, shrunk_region_loses_its_end_with_a_warning);
    tcase_add_test(core, large_regions_follow_the_same_policies);
    tcase_add_test(core, equal_names_are_added_and_removed_at_the_end);
    TCase *limits = add_case(suite, "Limits", set_up, leave_directory);
    tcase_add_test(limits, names_count_in_version_1_where_regions_come_and_go);
    tcase_add_test(limits, volatile_regions_are_zeroed_in_any_case);
    tcase_add_test(limits, unknown_flags_are_refused);
    return run_all(suite);
}
