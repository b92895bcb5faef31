/* SPDX-License-Identifier: MIT */
/*
 * What all suites share: how their tests are run, an empty directory for each test, files
 * as bytes, what the last error must be, and numbers that are the same in each run.
 */
#ifndef SFPM_TESTS_COMMON_H
#define SFPM_TESTS_COMMON_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sfpm/error.h>

/* ---- Running tests ---- */

/* Check's functions take tests in this form; lists of them end with NULL. */
typedef const TTest *test_t;

/* A new case of the suite, whose tests run between `begin` and `end`, which may be NULL.
 * However long a test waits on a busy machine, it is not ended; one that computes for
 * more than 20 minutes is, but in make check-long. */
TCase *add_case(Suite *suite, const char *name, SFun begin, SFun end);

/* Runs the suite, releases it, and returns what main() returns. */
int run_all(Suite *suite);

/* A suite of two cases: what must work, and what must be refused. */
int run_cases(const char *name, const test_t *core, const test_t *limits, SFun begin,
              SFun end);

/* ---- Directories and files ---- */

/* For add_case(): the test runs in a new directory, which is removed afterwards. */
void enter_directory(void);
void leave_directory(void);

/* A file's bytes, released with free(); and back. */
uint8_t *read_file(const char *path, size_t *size);
void write_file(const char *path, const void *bytes, size_t size);

/* ---- Assertions ---- */

/* Check notes each assertion that holds, to tell after which one a test died: a system
 * call, and there are millions in loops. One that holds again and again is noted once. */
void note_assertion(const char *file, int line);
#define _mark_point(file, line) note_assertion(file, line)

/* Notes what the test works on from now on, such as "program", 17. If an assertion fails or
 * the test dies, the report shows it after the file name, with the count of random numbers
 * drawn so far: "check_x.c, program 17, random number 4711:12:F:...". */
#define note_input(what, number) note_input_at(what, number, __FILE__, __LINE__)
void note_input_at(const char *what, uint64_t number, const char *file, int line);

/* The file with the input. */
const char *file_and_input(const char *file);
#define _ck_assert_failed(file, ...)                                                     \
    (_ck_assert_failed)(file_and_input(file), __VA_ARGS__)

/* Asserts that the call works; else the library's error is shown. */
#define ck_assert_works(call)                                                            \
    do {                                                                                 \
        if (!(call))                                                                     \
            ck_abort_msg("%s: %s", #call, sfpm_last_error());                            \
    } while (0)

/* The name in suites of images. */
#define ck_assert_ok ck_assert_works

/* What the last error must be: the status, and part of the text. */
void expect_fault(sfpm_status_t status, const char *part);

/* ---- Random numbers, the same in each run ---- */

uint64_t next_number(void);
/* 0 to limit - 1. */
uint64_t random_below(uint64_t limit);
/* Begins another series, and notes it as the input. */
void random_start(uint64_t series);

/* ---- Processes ---- */

/* Returns when the process waits for something or has ended; at once where the system
 * does not tell. */
void wait_until_asleep(pid_t process);

#endif
