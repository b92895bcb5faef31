/* SPDX-License-Identifier: MIT */
/*
 * What programs compiled against an older libsfpm rely on: the layout of the
 * structs that they fill or read themselves, and the numbers of the statuses.
 * A change that fails here breaks them, and needs another way.
 */
#include <stddef.h>
#include <stdio.h>

#include <sfpm/sfpm.h>

#include "common.h"
#include "base/error.h"

/* What the C ABIs of 64-bit Unix systems give; others may align differently. */
START_TEST(given_structs_keep_their_layout)
{
    if (sizeof(void *) != 8)
        return;
    ck_assert_uint_eq(sizeof(sfpm_snapshot_metadata_t), 288);
    ck_assert_uint_eq(offsetof(sfpm_snapshot_metadata_t, version), 0);
    ck_assert_uint_eq(offsetof(sfpm_snapshot_metadata_t, timestamp), 8);
    ck_assert_uint_eq(offsetof(sfpm_snapshot_metadata_t, total_size), 16);
    ck_assert_uint_eq(offsetof(sfpm_snapshot_metadata_t, num_regions), 24);
    ck_assert_uint_eq(offsetof(sfpm_snapshot_metadata_t, description), 28);
    ck_assert_uint_eq(sizeof(sfpm_memory_region_t), 32);
    ck_assert_uint_eq(offsetof(sfpm_memory_region_t, base_address), 0);
    ck_assert_uint_eq(offsetof(sfpm_memory_region_t, size), 8);
    ck_assert_uint_eq(offsetof(sfpm_memory_region_t, name), 16);
    ck_assert_uint_eq(offsetof(sfpm_memory_region_t, is_dynamic), 24);
}
END_TEST

/* Structs that grow keep the places of what they have. */
START_TEST(callback_structs_keep_their_layout)
{
    if (sizeof(void *) != 8)
        return;
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, name), 8);
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, before_save), 16);
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, after_save), 24);
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, before_restore), 32);
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, after_restore), 40);
    ck_assert_uint_eq(offsetof(sfpm_hooks_t, context), 48);
    ck_assert_uint_eq(offsetof(sfpm_restore_event_t, restored), 8);
    ck_assert_uint_eq(offsetof(sfpm_restore_event_t, generation), 16);
    ck_assert_uint_eq(offsetof(sfpm_restore_event_t, seed), 24);
    ck_assert_uint_eq(offsetof(sfpm_restore_event_t, commit), 56);
    ck_assert_uint_eq(offsetof(sfpm_restore_event_t, schema), 64);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, descriptor), 24);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, flags), 40);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, identity), 52);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, cut), 56);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, locate), 64);
    ck_assert_uint_eq(offsetof(sfpm_resource_t, context), 72);
    ck_assert_uint_eq(offsetof(sfpm_restore_options_t, accept), 32);
    ck_assert_uint_eq(offsetof(sfpm_restore_options_t, max_memory), 40);
    ck_assert_uint_eq(offsetof(sfpm_restore_options_t, mode), 48);
    ck_assert_uint_eq(offsetof(sfpm_module_options_t, flags), 8);
    ck_assert_uint_eq(offsetof(sfpm_module_options_t, except), 16);
    ck_assert_uint_eq(offsetof(sfpm_module_options_t, num_except), 24);
    ck_assert_uint_eq(offsetof(sfpm_heap_options_t, address), 8);
    ck_assert_uint_eq(offsetof(sfpm_heap_options_t, max_size), 16);
    ck_assert_uint_eq(offsetof(sfpm_heap_options_t, thread_safe), 24);
    ck_assert_uint_eq(offsetof(sfpm_heap_options_t, same_build), 25);
    ck_assert_uint_eq(offsetof(sfpm_heap_options_t, relative), 26);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, name), 8);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, size), 16);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, pointers), 24);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, num_pointers), 32);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, visit), 40);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, context), 48);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_info_t, num_types), 8);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_info_t, num_roots), 16);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_info_t, traced), 24);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_info_t, unreachable_blocks), 32);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_info_t, stats), 48);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_type_t, unreachable_bytes), 40);
    ck_assert_uint_eq(offsetof(sfpm_heap_survey_root_t, size), 24);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, hosts), 56);
    ck_assert_uint_eq(offsetof(sfpm_heap_type_t, num_hosts), 64);
    ck_assert_uint_eq(offsetof(sfpm_heap_stats_t, base), 8);
    ck_assert_uint_eq(offsetof(sfpm_heap_stats_t, blocks), 32);
    ck_assert_uint_eq(offsetof(sfpm_heap_stats_t, largest), 72);
    ck_assert_uint_eq(offsetof(sfpm_job_options_t, stop), 8);
    ck_assert_uint_eq(offsetof(sfpm_job_options_t, go), 16);
    ck_assert_uint_eq(offsetof(sfpm_job_options_t, context), 24);
    ck_assert_uint_eq(offsetof(sfpm_job_options_t, copying), 32);
    ck_assert_uint_eq(offsetof(sfpm_region_options_t, flags), 8);
    ck_assert_uint_eq(offsetof(sfpm_region_options_t, remappable), 12);
    ck_assert_uint_eq(offsetof(sfpm_region_options_t, address), 16);
}
END_TEST

START_TEST(statuses_keep_their_numbers)
{
    static const sfpm_status_t statuses[] = {
        SFPM_OK,
        SFPM_ERR_ARGUMENT,
        SFPM_ERR_MEMORY,
        SFPM_ERR_SYSTEM,
        SFPM_ERR_NOT_FOUND,
        SFPM_ERR_NOT_IMAGE,
        SFPM_ERR_UNSUPPORTED,
        SFPM_ERR_TRUNCATED,
        SFPM_ERR_CHECKSUM,
        SFPM_ERR_CORRUPT,
        SFPM_ERR_LIMIT,
        SFPM_ERR_MISMATCH,
        SFPM_ERR_BYTECODE,
        SFPM_ERR_TRAP,
        SFPM_ERR_KEY,
        SFPM_ERR_LOCKED,
        SFPM_ERR_CHANGED,
        SFPM_ERR_INTERNAL,
        SFPM_ERR_NO_COMMIT,
        SFPM_ERR_SYNTAX,
        SFPM_ERR_SECRET,
        SFPM_ERR_REFUSED,
        SFPM_ERR_UNFINISHED,
    };
    for (unsigned i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        note_input("case", i);
        ck_assert_uint_eq(statuses[i], i);
    }
}
END_TEST

START_TEST(failures_keep_their_layout)
{
    static const sfpm_remedy_t remedies[] = {SFPM_REMEDY_NONE, SFPM_REMEDY_MORE_MEMORY,
                                             SFPM_REMEDY_RESTART, SFPM_REMEDY_SALVAGE,
                                             SFPM_REMEDY_ASSEMBLE,
                                             SFPM_REMEDY_MORE_SCRYPT,
                                             SFPM_REMEDY_RETURN, SFPM_REMEDY_LAYOUT,
                                             SFPM_REMEDY_DIRECTORY,
                                             SFPM_REMEDY_DETACH_FILE,
                                             SFPM_REMEDY_CHANGED_FILE,
                                             SFPM_REMEDY_MORE_FILES};
    for (unsigned i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        ck_assert_uint_eq(remedies[i], i);
    ck_assert_uint_eq(offsetof(sfpm_failure_t, remedy), 4);
    ck_assert_uint_eq(offsetof(sfpm_failure_t, offset), 8);
    ck_assert_uint_eq(offsetof(sfpm_failure_t, subject), 16);
}
END_TEST

START_TEST(versions_agree)
{
    ck_assert_str_eq(sfpm_version_string(), SFPM_VERSION_STRING);
    ck_assert_str_eq(sfpm_version_string(), PACKAGE_VERSION);
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", SFPM_VERSION_MAJOR, SFPM_VERSION_MINOR,
             SFPM_VERSION_PATCH);
    ck_assert_str_eq(text, SFPM_VERSION_STRING);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("abi");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_test(core, given_structs_keep_their_layout);
    tcase_add_test(core, callback_structs_keep_their_layout);
    tcase_add_test(core, statuses_keep_their_numbers);
    tcase_add_test(core, failures_keep_their_layout);
    tcase_add_test(core, versions_agree);
    return run_all(suite);
}
