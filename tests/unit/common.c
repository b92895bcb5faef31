/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <ftw.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../long.h"

/* ---- Running tests ---- */

/* Runs in the process of each test. */
static void limit_processor_time(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_CPU, &limit), 0);
    if (limit.rlim_cur == RLIM_INFINITY && !long_run()) {
        limit.rlim_cur = 1200;
        ck_assert_int_eq(setrlimit(RLIMIT_CPU, &limit), 0);
    }
}

TCase *add_case(Suite *suite, const char *name, SFun begin, SFun end)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 0);
    tcase_add_checked_fixture(tests, limit_processor_time, NULL);
    if (begin || end)
        tcase_add_checked_fixture(tests, begin, end);
    suite_add_tcase(suite, tests);
    return tests;
}

int run_all(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_cases(const char *name, const test_t *core, const test_t *limits, SFun begin,
              SFun end)
{
    Suite *suite = suite_create(name);
    TCase *tests = add_case(suite, "Core", begin, end);
    while (*core)
        tcase_add_test(tests, *core++);
    tests = add_case(suite, "Limits", begin, end);
    while (*limits)
        tcase_add_test(tests, *limits++);
    return run_all(suite);
}

/* ---- Directories and files ---- */

static char directory[32];

void enter_directory(void)
{
    unsetenv("SOURCE_DATE_EPOCH");
    strcpy(directory, "/tmp/sfpm-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

void leave_directory(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    ck_assert(end >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)end + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)end, file), (size_t)end);
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    if (size > 0)
        ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- Assertions ---- */

static uint64_t random_count; /* numbers that were made */

static struct {
    const char *what;
    uint64_t number;
} input;

const char *file_and_input(const char *file)
{
    static _Thread_local char text[256];
    size_t size = (size_t)snprintf(text, sizeof text, "%s", file);
    if (input.what && size < sizeof text)
        size += (size_t)snprintf(text + size, sizeof text - size, ", %s %" PRIu64,
                                 input.what, input.number);
    if (random_count > 0 && size < sizeof text)
        snprintf(text + size, sizeof text - size, ", random number %" PRIu64,
                 random_count);
    return text;
}

void note_input_at(const char *what, uint64_t number, const char *file, int line)
{
    if (input.what == what && input.number == number)
        return;
    input.what = what;
    input.number = number;
    (_mark_point)(file_and_input(file), line);
}

void note_assertion(const char *file, int line)
{
    static _Thread_local const char *last_file;
    static _Thread_local int last_line;
    if (file != last_file || line != last_line)
        (_mark_point)(file_and_input(file), line);
    last_file = file;
    last_line = line;
}

void expect_fault(sfpm_status_t status, const char *part)
{
    ck_assert_msg(sfpm_last_status() == status && strstr(sfpm_last_error(), part),
                  "status %d with '%s' wanted, status %d: %s", (int)status, part,
                  (int)sfpm_last_status(), sfpm_last_error());
}

/* ---- Random numbers ---- */

static uint64_t random_state = 88172645463325252U;

uint64_t next_number(void)
{
    random_count++;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

uint64_t random_below(uint64_t limit)
{
    return next_number() % limit;
}

void random_start(uint64_t series)
{
    random_state = (2 * series + 1) * 0x9E3779B97F4A7C15u;
    for (int i = 0; i < 16; i++)
        next_number();
    random_count = 0;
    note_input("series", series);
}

/* ---- Processes ---- */

/* The state, as proc(5) has it, stands behind the name in parentheses; '\0' without. */
static char state_of(pid_t process)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *file = fopen(path, "r");
    if (!file)
        return '\0';
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *after = strrchr(text, ')');
    return after && after[1] ? after[2] : '\0';
}

void wait_until_asleep(pid_t process)
{
    char state;
    do {
        sched_yield();
        state = state_of(process);
    } while (state == 'R' || state == 'D');
}
