/* SPDX-License-Identifier: MIT */
/* Registering, saving, metadata, and the aid that finds addresses. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "snapshot_common.h"

/* ---- Registering --------------------------------------------------------- */

START_TEST(impossible_regions_are_refused)
{
    static int memory;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_memory_region_t region = {&memory, sizeof memory, "memory", false};
    ck_assert_works(sfpm_snapshot_add_region(snapshot, &region));
    region.base_address = NULL;
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &region), SFPM_ERR_ARGUMENT,
                    "'memory' has a null base");
    region.base_address = &memory;
    region.size = 0;
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &region), SFPM_ERR_ARGUMENT,
                    "'memory' has a size of 0");
    region.size = SIZE_MAX;
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &region), SFPM_ERR_ARGUMENT,
                    "beyond the address space");
    region.size = sizeof memory;
    ck_assert_fails(sfpm_snapshot_add_region_flags(snapshot, &region, 1u << 20),
                    SFPM_ERR_ARGUMENT, "0x100000");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(names_are_copied_and_null_is_unnamed)
{
    static uint8_t one[8];
    static uint8_t two[16];
    char name[] = "first";
    sfpm_snapshot_t *snapshot = snapshot_of(name, one, sizeof one);
    name[0] = 'X';
    add(snapshot, NULL, two, sizeof two);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);

    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_uint_eq(sfpm_image_num_regions(image), 2);
    ck_assert_str_eq(sfpm_image_region(image, 0)->name, "first");
    ck_assert_str_eq(sfpm_image_region(image, 1)->name, "unnamed");
    ck_assert_uint_eq(sfpm_image_region(image, 1)->size, sizeof two);
    sfpm_image_close(image);
}
END_TEST

START_TEST(interpreter_has_stack_and_heap)
{
    static const struct {
        size_t stack_size, heap_size;
        bool null_stack, null_heap;
        uint32_t regions;
    } cases[] = {
        {64, 256, false, false, 2}, {64, 256, true, false, 1}, {64, 256, false, true, 1},
        {0, 256, false, false, 1},  {64, 0, false, false, 1},  {0, 0, true, true, 0},
    };
    static uint8_t stack[64];
    static uint8_t heap[256];
    sfpm_snapshot_metadata_t metadata;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create_for_interpreter(
        cases[_i].null_stack ? NULL : stack, cases[_i].stack_size,
        cases[_i].null_heap ? NULL : heap, cases[_i].heap_size);
    ck_assert_ptr_nonnull(snapshot);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_read_metadata("a.img", &metadata));
    ck_assert_uint_eq(metadata.num_regions, cases[_i].regions);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(dynamic_region_moves_and_grows)
{
    static uint8_t small[32];
    static uint8_t large[96];
    fill(small, sizeof small, 1);
    fill(large, sizeof large, 2);
    static uint8_t other[32];
    sfpm_snapshot_t *snapshot = snapshot_of("other", other, sizeof other);
    sfpm_memory_region_t region = {small, sizeof small, "heap", true};
    ck_assert_works(sfpm_snapshot_add_region(snapshot, &region));
    ck_assert_works(sfpm_snapshot_move_region(snapshot, "heap", 0, large, sizeof large));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert(file_contains("a.img", large, sizeof large));

    ck_assert_fails(sfpm_snapshot_move_region(snapshot, "other", 0, large, sizeof large),
                    SFPM_ERR_ARGUMENT, "'other' has 32 bytes and is not dynamic");
    ck_assert_works(sfpm_snapshot_move_region(snapshot, "other", 0, small, sizeof small));
    ck_assert_fails(sfpm_snapshot_move_region(snapshot, "heap", 1, large, sizeof large),
                    SFPM_ERR_MISMATCH, "'heap'");
    ck_assert_fails(sfpm_snapshot_move_region(snapshot, "heap", 0, NULL, sizeof large),
                    SFPM_ERR_ARGUMENT, "null base");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Saving -------------------------------------------------------------- */

START_TEST(metadata_is_what_was_saved)
{
    static uint8_t one[100];
    static uint8_t two[5000];
    sfpm_snapshot_metadata_t metadata;
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, sizeof one);
    add(snapshot, "two", two, sizeof two);
    sfpm_snapshot_set_description(snapshot, "what it is");
    sfpm_snapshot_set_description(snapshot, NULL);
    setenv("SOURCE_DATE_EPOCH", "1234567890", 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_read_metadata("a.img", &metadata));
    ck_assert_uint_eq(metadata.version, SFPM_FORMAT_VERSION);
    ck_assert_uint_eq(metadata.timestamp, 1234567890);
    ck_assert_uint_eq(metadata.total_size, sizeof one + sizeof two);
    ck_assert_uint_eq(metadata.num_regions, 2);
    ck_assert_str_eq(metadata.description, "what it is");
    setenv("SOURCE_DATE_EPOCH", "soon", 1);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "b.img"), SFPM_ERR_ARGUMENT,
                    "SOURCE_DATE_EPOCH: 'soon'");
    ck_assert_int_ne(access("b.img", F_OK), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(long_description_is_cut_between_characters)
{
    static const struct {
        size_t ascii;
        const char *rest;
        size_t kept;
    } cases[] = {
        {255, "", 255},
        {256, "", 255},
        {253, "\xc3\xa9", 255},
        {254, "\xc3\xa9", 254},
        {255, "\xc3\xa9", 255},
        {254, "\xe2\x82\xac", 254},
        {252, "\xe2\x82\xac", 255},
        {253, "\xf0\x9f\x8c\xb2", 253},
    };
    static uint8_t memory[8];
    char text[300] = "";
    sfpm_snapshot_metadata_t metadata;
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    memset(text, 'a', cases[_i].ascii);
    strcpy(text + cases[_i].ascii, cases[_i].rest);
    sfpm_snapshot_set_description(snapshot, text);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_read_metadata("a.img", &metadata));
    ck_assert_uint_eq(strlen(metadata.description), cases[_i].kept);
    ck_assert_int_eq(memcmp(metadata.description, text, cases[_i].kept), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(texts_and_numbers_are_recorded)
{
    static uint8_t memory[8];
    const char *key;
    const char *value;
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "ticket", "12"));
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "colour", "red"));
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "colour", "blue"));
    ck_assert_works(sfpm_snapshot_set_attribute(snapshot, "ticket", NULL));
    ck_assert_fails(sfpm_snapshot_set_attribute(snapshot, "", "x"), SFPM_ERR_ARGUMENT,
                    "attribute");
    sfpm_snapshot_set_schema(snapshot, 7);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);

    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
    ck_assert_uint_eq(commit->schema, 7);
    ck_assert_uint_eq(commit->bytecode, 0);
    ck_assert_str_ne(commit->architecture, "");
    ck_assert_ptr_nonnull(strstr(commit->creator, "check_snapshot"));
    ck_assert_uint_eq(commit->num_attributes, 1);
    ck_assert_works(sfpm_image_attribute(image, 0, &key, &value));
    ck_assert_str_eq(key, "colour");
    ck_assert_str_eq(value, "blue");
    sfpm_image_close(image);
}
END_TEST

START_TEST(portable_images_do_not_tell_where_they_come_from)
{
    static uint8_t memory[8];
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    add_flags(snapshot, "memory", memory, sizeof memory, SFPM_REGION_PORTABLE);
    setenv("SOURCE_DATE_EPOCH", "1", 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    sfpm_snapshot_destroy(snapshot);

    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_str_eq(sfpm_image_commit_info(image)->architecture, "");
    ck_assert_str_eq(sfpm_image_commit_info(image)->build_id, "");
    sfpm_image_close(image);
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    ck_assert(file_contains("b.img", bytes, size));
    free(bytes);
}
END_TEST

START_TEST(log_tells_of_a_save)
{
    static uint8_t memory[8];
    static log_text_t log;
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_str_eq(log.text, "Successfully saved to a.img\n");
    ck_assert_uint_eq(log.warnings, 0);
    sfpm_snapshot_set_log(snapshot, NULL, NULL);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_str_eq(log.text, "Successfully saved to a.img\n");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(success_leaves_the_last_error_alone)
{
    static uint8_t memory[8];
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_fails(sfpm_snapshot_save(NULL, "a.img"), SFPM_ERR_ARGUMENT, "snapshot");
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Limits -------------------------------------------------------------- */

START_TEST(null_is_a_bad_argument)
{
    static uint8_t memory[8];
    sfpm_snapshot_metadata_t metadata;
    sfpm_memory_region_t region = {memory, sizeof memory, "memory", false};
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert(image && edit);
#define BAD(call) ck_assert_fails(call, SFPM_ERR_ARGUMENT, "no ")
    BAD(sfpm_snapshot_add_region(NULL, &region));
    BAD(sfpm_snapshot_add_region(snapshot, NULL));
    BAD(sfpm_snapshot_add_region_flags(NULL, &region, 0));
    BAD(sfpm_snapshot_add_region_flags(snapshot, NULL, 0));
    BAD(sfpm_snapshot_move_region(NULL, "memory", 0, memory, 8));
    BAD(sfpm_snapshot_move_region(snapshot, NULL, 0, memory, 8));
    BAD(sfpm_snapshot_set_attribute(NULL, "a", "b"));
    BAD(sfpm_snapshot_set_attribute(snapshot, NULL, "b"));
    BAD(sfpm_snapshot_save(NULL, "a.img"));
    BAD(sfpm_snapshot_save(snapshot, NULL));
    BAD(sfpm_snapshot_commit(NULL, "a.img", NULL));
    BAD(sfpm_snapshot_commit(snapshot, NULL, NULL));
    BAD(sfpm_snapshot_save_delta(NULL, "a.img", "b.img"));
    BAD(sfpm_snapshot_save_delta(snapshot, NULL, "b.img"));
    BAD(sfpm_snapshot_save_delta(snapshot, "a.img", NULL));
    BAD(sfpm_snapshot_read_metadata(NULL, &metadata));
    BAD(sfpm_snapshot_read_metadata("a.img", NULL));
    BAD(sfpm_snapshot_restore(NULL, snapshot));
    BAD(sfpm_snapshot_restore("a.img", NULL));
    BAD(sfpm_snapshot_restore_with(NULL, "a.img", NULL));
    BAD(sfpm_snapshot_restore_with(snapshot, NULL, NULL));
    BAD(sfpm_snapshot_restore_image(NULL, image, NULL));
    BAD(sfpm_snapshot_restore_image(snapshot, NULL, NULL));
    BAD(sfpm_snapshot_fill_edit(NULL, edit));
    BAD(sfpm_snapshot_fill_edit(snapshot, NULL));
    BAD(sfpm_snapshot_find_addresses(NULL, NULL, NULL));
    BAD(sfpm_snapshot_find_addresses(snapshot, NULL, NULL));
#undef BAD
    sfpm_snapshot_set_description(NULL, "text");
    sfpm_snapshot_set_schema(NULL, 1);
    sfpm_snapshot_set_log(NULL, NULL, NULL);
    sfpm_snapshot_destroy(NULL);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(options_of_other_releases)
{
    static uint8_t memory[8];
    struct {
        sfpm_restore_options_t known;
        uint64_t later;
    } options = {.known.struct_size = sizeof options};
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options.known));
    options.later = 1;
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options.known),
                    SFPM_ERR_UNSUPPORTED, "options");
    options.known.struct_size = 0;
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options.known),
                    SFPM_ERR_ARGUMENT, "struct_size 0");
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_fails(sfpm_snapshot_restore_image(snapshot, image, &options.known),
                    SFPM_ERR_ARGUMENT, "struct_size 0");
    sfpm_image_close(image);
    sfpm_commit_options_t bad = {.struct_size = 1};
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", &bad), SFPM_ERR_ARGUMENT,
                    "struct_size 1");
    options.known.struct_size = sizeof(size_t);
    options.known.commit = 99; /* beyond what the caller says it knows */
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options.known));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(a_thousand_regions)
{
    enum { COUNT = 1000, SIZE = 48 };
    static uint8_t memory[COUNT][SIZE];
    static uint8_t before[COUNT][SIZE];
    char name[32];
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    fill(memory, sizeof memory, 5);
    memcpy(before, memory, sizeof memory);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "region %d", i);
        add(snapshot, name, memory[i], SIZE);
    }
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memset(memory, 0, sizeof memory);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_int_eq(memcmp(memory, before, sizeof memory), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(bad_files_have_their_own_status)
{
    static uint8_t memory[8];
    static const char text[] = "this is a letter, not an image, and quite long enough "
                               "to hold any header that one might look for in it ....";
    sfpm_snapshot_metadata_t metadata;
    memset(&metadata, 0x5a, sizeof metadata);
    const sfpm_snapshot_metadata_t before = metadata;
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_int_eq(mkdir("directory", 0777), 0);
    write_file("empty", "", 0);
    write_file("letter", text, sizeof text);
#define BOTH(name, status, part)                                                         \
    ck_assert_fails(sfpm_snapshot_read_metadata(name, &metadata), status, part);         \
    ck_assert_fails(sfpm_snapshot_restore(name, snapshot), status, part)
    BOTH("nothing", SFPM_ERR_NOT_FOUND, "nothing");
    ck_assert_int_eq(sfpm_last_errno(), ENOENT);
    BOTH("directory", SFPM_ERR_SYSTEM, "directory");
    ck_assert_int_eq(sfpm_last_errno(), EISDIR);
    ck_assert(!sfpm_snapshot_restore("empty", snapshot));
    BOTH("letter", SFPM_ERR_NOT_IMAGE, "not an sfpm image, but text");
#undef BOTH
    ck_assert_int_eq(memcmp(&metadata, &before, sizeof metadata), 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(failed_save_leaves_the_old_file)
{
    static uint8_t memory[8];
    static uint8_t key[16];
    size_t size;
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    uint8_t *bytes = read_file("a.img", &size);
    add_flags(snapshot, "private key", key, sizeof key, SFPM_REGION_SECRET);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_SECRET,
                    "private key");
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_SECRET,
                    "private key");
    ck_assert_fails(sfpm_snapshot_save_delta(snapshot, "a.img", "b.img"), SFPM_ERR_SECRET,
                    "private key");
    ck_assert_fails(sfpm_snapshot_save(snapshot, "no/such/a.img"), SFPM_ERR_SECRET,
                    "private key");
    size_t size_now;
    uint8_t *bytes_now = read_file("a.img", &size_now);
    ck_assert_uint_eq(size_now, size);
    ck_assert_int_eq(memcmp(bytes_now, bytes, size), 0);
    struct stat status;
    ck_assert_int_ne(stat("b.img", &status), 0);
    free(bytes);
    free(bytes_now);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(volatile_contents_do_not_reach_the_file)
{
    static uint8_t kept[64];
    static uint8_t scratch[64];
    fill(kept, sizeof kept, 1);
    fill(scratch, sizeof scratch, 2);
    sfpm_snapshot_t *snapshot = snapshot_of("kept", kept, sizeof kept);
    add_flags(snapshot, "scratch", scratch, sizeof scratch, SFPM_REGION_VOLATILE);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert(!file_contains("a.img", scratch, sizeof scratch));
    ck_assert(file_contains("a.img", kept, sizeof kept)); /* the control */
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Addresses ----------------------------------------------------------- */

typedef struct findings {
    size_t count;
    size_t stop_after;
    sfpm_address_hint_t hints[8];
    char targets[8][64];
} findings_t;

static bool keep_finding(void *context, const sfpm_address_hint_t *hint)
{
    findings_t *findings = context;
    ck_assert_uint_lt(findings->count, 8);
    snprintf(findings->targets[findings->count], 64, "%s", hint->target);
    findings->hints[findings->count++] = *hint;
    return findings->count != findings->stop_after;
}

START_TEST(addresses_are_found)
{
    static uintptr_t words[6];
    static uint8_t target[64];
    findings_t findings = {0};
    void *allocated = malloc(100);
    sfpm_snapshot_t *snapshot = snapshot_of("words", words, sizeof words);
    add(snapshot, "target", target, sizeof target);
    words[0] = 1;
    words[1] = 4096;
    words[4] = UINTPTR_MAX;
    ck_assert_works(sfpm_snapshot_find_addresses(snapshot, keep_finding, &findings));
    ck_assert_uint_eq(findings.count, 0);

    words[2] = (uintptr_t)(target + 5);
    words[3] = (uintptr_t)(target + sizeof target - 1);
    words[5] = (uintptr_t)allocated;
    ck_assert_works(sfpm_snapshot_find_addresses(snapshot, keep_finding, &findings));
#ifdef __linux__
    ck_assert_uint_eq(findings.count, 3);
    ck_assert_uint_eq(findings.hints[2].value, (uintptr_t)allocated);
    ck_assert_str_ne(findings.targets[2], "target");
#else
    ck_assert_uint_eq(findings.count, 2);
#endif
    ck_assert_str_eq(findings.hints[0].region, "words");
    ck_assert_uint_eq(findings.hints[0].offset, 2 * sizeof(uintptr_t));
    ck_assert_uint_eq(findings.hints[0].value, words[2]);
    ck_assert_str_eq(findings.targets[0], "target");
    ck_assert_str_eq(findings.targets[1], "target");

    findings = (findings_t){.stop_after = 1};
    ck_assert_works(sfpm_snapshot_find_addresses(snapshot, keep_finding, &findings));
    ck_assert_uint_eq(findings.count, 1);
    sfpm_snapshot_destroy(snapshot);
    free(allocated);
}
END_TEST

/* The library is in this program, so that its data cannot be told from the program's. */
START_TEST(modules_that_cannot_be_registered)
{
    static int here;
    int variable = 0;
    const sfpm_module_options_t portable = {.struct_size = sizeof portable,
                                            .flags = SFPM_REGION_PORTABLE};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert_fails(sfpm_snapshot_add_module(NULL, &here, NULL), SFPM_ERR_ARGUMENT,
                    "snapshot");
    ck_assert_fails(sfpm_snapshot_add_module(snapshot, NULL, NULL), SFPM_ERR_ARGUMENT,
                    "address");
    ck_assert_fails(sfpm_snapshot_add_module(snapshot, &here, &portable),
                    SFPM_ERR_ARGUMENT, "flags");
#ifdef __linux__
    ck_assert_fails(sfpm_snapshot_add_module(snapshot, &here, NULL), SFPM_ERR_UNSUPPORTED,
                    "libsfpm itself");
    ck_assert_fails(sfpm_snapshot_add_module(snapshot, &variable, NULL),
                    SFPM_ERR_ARGUMENT, "is not in the program or a library");
    ck_assert_fails(sfpm_snapshot_add_module(snapshot, stdout, NULL),
                    SFPM_ERR_UNSUPPORTED, "holds");
#endif
    ck_assert_uint_eq(sfpm_snapshot_tracking(snapshot, 0), SFPM_TRACKING_NONE);
    (void)variable;
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(addresses_in_unaligned_regions)
{
    static uintptr_t words[3];
    findings_t findings = {0};
    uint8_t *bytes = (uint8_t *)words;
    sfpm_snapshot_t *snapshot = snapshot_of("odd", bytes + 1, sizeof words - 2);
    words[0] = words[1] = words[2] = (uintptr_t)&words[1];
    ck_assert_works(sfpm_snapshot_find_addresses(snapshot, keep_finding, &findings));
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_uint_eq(findings.hints[0].offset, sizeof(uintptr_t) - 1);
    sfpm_snapshot_destroy(snapshot);

    snapshot = snapshot_of("tiny", bytes + 1, 1);
    findings = (findings_t){0};
    ck_assert_works(sfpm_snapshot_find_addresses(snapshot, keep_finding, &findings));
    ck_assert_uint_eq(findings.count, 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_test(core, names_are_copied_and_null_is_unnamed);
    tcase_add_loop_test(core, interpreter_has_stack_and_heap, 0, 6);
    tcase_add_test(core, dynamic_region_moves_and_grows);
    tcase_add_test(core, metadata_is_what_was_saved);
    tcase_add_loop_test(core, long_description_is_cut_between_characters, 0, 8);
    tcase_add_test(core, texts_and_numbers_are_recorded);
    tcase_add_test(core, portable_images_do_not_tell_where_they_come_from);
    tcase_add_test(core, log_tells_of_a_save);
    tcase_add_test(core, success_leaves_the_last_error_alone);
    tcase_add_test(core, addresses_are_found);
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_test(limits, impossible_regions_are_refused);
    tcase_add_test(limits, null_is_a_bad_argument);
    tcase_add_test(limits, options_of_other_releases);
    tcase_add_test(limits, a_thousand_regions);
    tcase_add_test(limits, bad_files_have_their_own_status);
    tcase_add_test(limits, failed_save_leaves_the_old_file);
    tcase_add_test(limits, volatile_contents_do_not_reach_the_file);
    tcase_add_test(limits, addresses_in_unaligned_regions);
    tcase_add_test(limits, modules_that_cannot_be_registered);
    return run_all(suite);
}
