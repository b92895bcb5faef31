/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "base/maps.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/page.h"
#include "base/thread.h"
#include "common.h"

START_TEST(range_test_survives_overflow)
{
    ck_assert(sfpm_in_range(0, 10, 10));
    ck_assert(!sfpm_in_range(1, 10, 10));
    ck_assert(!sfpm_in_range(UINT64_MAX, 2, 10));
    ck_assert(!sfpm_in_range(5, UINT64_MAX, 10));
}
END_TEST

START_TEST(last_error_is_kept_and_prefixed)
{
    ck_assert(!sfpm_fail_at(SFPM_ERR_CHECKSUM, 42, "page %d is damaged", 7));
    ck_assert(!sfpm_fail_prefix("%s", "a.img"));
    ck_assert_str_eq(sfpm_last_error(), "a.img: page 7 is damaged");
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHECKSUM);
    ck_assert_uint_eq(sfpm_last_failure()->offset, 42);
}
END_TEST

/* Compares the last failure with its parts. */
static void expect_parts(const char *subject, const char *text, const char *detail)
{
    const sfpm_failure_t *failure = sfpm_last_failure();
    ck_assert_str_eq(failure->subject, subject);
    ck_assert_str_eq(failure->text, text);
    ck_assert_str_eq(failure->detail, detail);
}

START_TEST(last_failure_is_known_in_parts)
{
    sfpm_error_state_t state;
    sfpm_fail_errno(EACCES, "%s", "a.img");
    expect_parts("a.img", "Permission denied", "Permission denied");
    ck_assert_str_eq(sfpm_last_error(), "a.img: Permission denied");
    ck_assert_int_eq(sfpm_last_errno(), EACCES);

    /* A text that begins as a name does is not one. */
    sfpm_fail(SFPM_ERR_CORRUPT, "a.img%s", ": is damaged");
    expect_parts("", "a.img: is damaged", "a.img: is damaged");
    sfpm_fail_in_region("heap");
    sfpm_fail_in_region("heap"); /* once is enough */
    sfpm_fail_named("a.img");
    sfpm_fail_named("a.img");
    expect_parts("a.img", "region 'heap': a.img: is damaged", "a.img: is damaged");

    /* The base of a delta, in the delta. */
    sfpm_fail_named("b.img");
    expect_parts("b.img", "a.img: region 'heap': a.img: is damaged",
                 "a.img: region 'heap': a.img: is damaged");
    ck_assert_str_eq(sfpm_last_error(),
                     "b.img: a.img: region 'heap': a.img: is damaged");
    sfpm_fail_at(SFPM_ERR_CORRUPT, 7, "%s: is damaged", "b.img");
    sfpm_fail_prefix("%s: hook '%s'", "b.img", "h");
    expect_parts("b.img", "hook 'h': is damaged", "hook 'h': is damaged");
    ck_assert_uint_eq(sfpm_last_failure()->offset, 7);
    sfpm_fail_prefix("nothing was saved");
    expect_parts("", "nothing was saved: b.img: hook 'h': is damaged",
                 "nothing was saved: b.img: hook 'h': is damaged");

    sfpm_fail_remedy(SFPM_REMEDY_MORE_MEMORY);
    sfpm_error_save(&state);
    sfpm_fail(SFPM_ERR_SYSTEM, "other");
    ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_NONE);
    sfpm_error_restore(&state);
    ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_MORE_MEMORY);
    ck_assert_str_eq(sfpm_last_error(),
                     "nothing was saved: b.img: hook 'h': is damaged: raise it");
}
END_TEST

/* Too long texts lose their end, never more. */
START_TEST(long_failures_are_cut)
{
    char name[600];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    sfpm_fail_errno(EACCES, "%s: %s", name, name);
    for (int i = 0; i < 5; i++) {
        sfpm_fail_in_region(name);
        sfpm_fail_prefix("region %s", name);
        sfpm_fail_named(i % 2 == 0 ? name : "a.img");
        sfpm_fail_in_region("heap");
    }
    ck_assert_uint_lt(strlen(sfpm_last_error()), 832);
    const sfpm_failure_t *failure = sfpm_last_failure();
    ck_assert(failure->detail >= failure->text);
    ck_assert(failure->detail <= failure->text + strlen(failure->text));
}
END_TEST

START_TEST(kinds_of_files_are_known)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *kind;
    } files[] = {
        {"\0asm\x01\0\0\0", 8, "a WebAssembly module"},
        {"\0asm\x0d\0\x01\0", 8, "a WebAssembly component"},
        {"\177ELF\2\1", 6, "an ELF file"},
        {"\x1f\x8b\x08", 3, "gzip data"},
        {"\x28\xb5\x2f\xfd", 4, "zstd data"},
        {"push 1\nhalt\n", 12, "text"},
        {"Gr\xc3\xbc\xc3\x9f\x65", 7, "text"},
        {"\0\0\0\0", 4, "a file that begins with zeros"},
        {"\x89SFP\n\x1a\n", 7, "an sfpm image that a transfer in text mode has changed"},
        {"\x89SFP\r\n\x1a\n", 8, "an sfpm image"},
        {"\x01\x02", 2, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        ck_assert_pstr_eq(
            sfpm_file_kind((const uint8_t *)files[i].bytes, files[i].size),
            files[i].kind);
}
END_TEST

START_TEST(buffer_grows_and_stores_little_endian)
{
    sfpm_buffer_t buffer = {0};
    ck_assert(sfpm_buffer_add_u32(&buffer, 0x01020304));
    ck_assert(sfpm_buffer_add_u64(&buffer, 0x05060708090a0b0cU));
    ck_assert_uint_eq(buffer.size, 12);
    ck_assert_uint_eq(buffer.data[0], 4);
    ck_assert_uint_eq(sfpm_get_u64(buffer.data + 4), 0x05060708090a0b0cU);
    sfpm_buffer_free(&buffer);
}
END_TEST

START_TEST(numbers_are_read_by_type)
{
    static const struct {
        const char *text, *type;
        uint64_t bits;
    } good[] = {
        {"0", "u8", 0},
        {"255", "u8", 255},
        {"0xfF", "u8", 255},
        {"-128", "i8", (uint64_t)-128},
        {"+127", "i8", 127},
        {"-0", "i32", 0},
        {"65535", "u16", 65535},
        {"18446744073709551615", "u64", UINT64_MAX},
        {"-9223372036854775808", "i64", (uint64_t)1 << 63},
        {"007", "u32", 7},
        {"1.00000005960464477539062501", "f32", 0x3F800001},
        {"1.00000005960464477539062501", "f64", 0x3FF0000010000000},
        {"0x1p-149", "f32", 1},
        {"-inf", "f32", 0xFF800000},
    };
    static const struct {
        const char *text, *type, *message;
    } bad[] = {
        {"", "u8", "'' is not a u8 (0 to 255)"},
        {"256", "u8", "'256' is not a u8 (0 to 255)"},
        {"+1", "u8", "'+1' is not a u8 (0 to 255)"},
        {"-1", "u64", "'-1' is not a u64 (0 to 18446744073709551615)"},
        {"18446744073709551616", "u64", "(0 to 18446744073709551615)"},
        {"128", "i8", "'128' is not an i8 (-128 to 127)"},
        {"-129", "i8", "'-129' is not an i8 (-128 to 127)"},
        {"--1", "i8", "'--1' is not an i8"},
        {" 1", "i64", "' 1' is not an i64"},
        {"1 ", "i64", "'1 ' is not an i64"},
        {"0x", "u32", "'0x' is not a u32"},
        {"1e39", "f32", "'1e39' is not an f32: the number is too large"},
        {"1,5", "f64", "'1,5' is not an f64: not a number"},
        {"infinity", "f64", "'infinity' is not an f64: not a number"},
    };
    uint64_t bits;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        note_input("case", i);
        ck_assert_msg(
            sfpm_parse_number(good[i].text, strlen(good[i].text), good[i].type, &bits),
            "%s", sfpm_last_error());
        ck_assert_msg(bits == good[i].bits, "%s: %llx", good[i].text,
                      (unsigned long long)bits);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        bits = 42;
        ck_assert(
            !sfpm_parse_number(bad[i].text, strlen(bad[i].text), bad[i].type, &bits));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_SYNTAX);
        ck_assert_ptr_nonnull(strstr(sfpm_last_error(), bad[i].message));
        ck_assert_uint_eq(bits, 42);
    }
    ck_assert(!sfpm_parse_number("1", 1, "u7", &bits));
    ck_assert(!sfpm_parse_number(NULL, 0, "u8", &bits));
    ck_assert(!sfpm_parse_number("1", 1, "u8", NULL));
}
END_TEST

START_TEST(the_time_of_commits_is_the_one_given)
{
    static const char *const bad[] = {
        "x", "1x", " 1", "1 ", "+1", "-1", "0x1", "1.5", "9223372036854775808"};
    int64_t seconds = 0;
    uint32_t nanoseconds = 1;
    ck_assert(setenv("SOURCE_DATE_EPOCH", "9223372036854775807", 1) == 0);
    ck_assert(sfpm_commit_time(&seconds, &nanoseconds));
    ck_assert_int_eq(seconds, INT64_MAX);
    ck_assert_uint_eq(nanoseconds, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        ck_assert(setenv("SOURCE_DATE_EPOCH", bad[i], 1) == 0);
        ck_assert(!sfpm_commit_time(&seconds, &nanoseconds));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    }
    ck_assert(setenv("SOURCE_DATE_EPOCH", "", 1) == 0);
    ck_assert(sfpm_commit_time(&seconds, &nanoseconds));
    ck_assert_int_gt(seconds, 1000000000);
    ck_assert_int_lt(seconds, INT64_MAX);
}
END_TEST

#if SFPM_LINUX_PATHS
/* The mapping that begins at an address; mappings come in order. */
static void expect_mapping(const uint8_t *start, size_t size, const char *permissions,
                           bool with_flags)
{
    sfpm_maps_t maps;
    sfpm_maps_entry_t entry;
    uintptr_t last = 0;
    bool found = false;
    sfpm_maps_open(&maps, with_flags);
    while (sfpm_maps_next(&maps, &entry)) {
        ck_assert_uint_le(last, entry.start);
        ck_assert_uint_lt(entry.start, entry.end);
        last = entry.end;
        if (entry.start != (uintptr_t)start)
            continue;
        found = true;
        ck_assert_uint_eq(entry.end, (uintptr_t)start + size);
        ck_assert_str_eq(entry.permissions, permissions);
        if (permissions[3] == 's')
            ck_assert_uint_ne(entry.inode, 0);
        else
            ck_assert_str_eq(entry.name, "");
        ck_assert(with_flags ? strstr(entry.flags, " mr") != NULL : !entry.flags);
    }
    ck_assert_int_eq(maps.error, 0);
    sfpm_maps_close(&maps);
    ck_assert(found);
}

START_TEST(mappings_and_pages_are_listed)
{
    size_t page = sfpm_system_page();
    int pagemap = -1;
    uint64_t entries[3];
    uint8_t *memory = mmap(NULL, 6 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    uint8_t *shared = memory + page, *own = memory + 2 * page;
    ck_assert(mmap(shared, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0) == shared);
    ck_assert_int_eq(mprotect(own, 3 * page, PROT_READ | PROT_WRITE), 0);
    own[page] = 1;
    for (int with_flags = 0; with_flags < 2; with_flags++) {
        expect_mapping(shared, page, "r--s", with_flags);
        expect_mapping(own, 3 * page, "rw-p", with_flags);
    }
    ck_assert_uint_eq(sfpm_pagemap_read(&pagemap, (uintptr_t)own, entries, 3), 3);
    ck_assert_uint_eq(entries[0] >> 63 | entries[2] >> 63, 0);
    ck_assert_uint_eq(entries[1] >> 63, 1);
    close(pagemap);
    munmap(memory, 6 * page);
}
END_TEST
#endif

static void *find_mask(void *mask)
{
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return NULL;
}

START_TEST(threads_leave_signals_to_the_program)
{
    sigset_t mask, before, after;
    pthread_t thread;
    find_mask(&before);
    ck_assert_int_eq(sfpm_thread_start(&thread, find_mask, &mask), 0);
    find_mask(&after);
    pthread_join(thread, NULL);
    static const int signals[] = {SIGALRM, SIGINT, SIGTERM, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        ck_assert_int_eq(sigismember(&mask, signals[i]), 1);
        ck_assert_int_eq(sigismember(&before, signals[i]), 0);
        ck_assert_int_eq(sigismember(&after, signals[i]), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_test(core, last_error_is_kept_and_prefixed);
    tcase_add_test(core, last_failure_is_known_in_parts);
    tcase_add_test(core, kinds_of_files_are_known);
    tcase_add_test(core, buffer_grows_and_stores_little_endian);
    tcase_add_test(core, numbers_are_read_by_type);
    tcase_add_test(core, threads_leave_signals_to_the_program);
    tcase_add_test(core, the_time_of_commits_is_the_one_given);
#if SFPM_LINUX_PATHS
    tcase_add_test(core, mappings_and_pages_are_listed);
#endif
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_test(limits, range_test_survives_overflow);
    tcase_add_test(limits, long_failures_are_cut);
    return run_all(suite);
}
