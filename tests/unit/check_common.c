/* SPDX-License-Identifier: MIT */
/* What suites share, itself: a test that fails or dies names the input that made it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

START_TEST(plain_failure)
{
    ck_assert_int_eq(1, 2);
}
END_TEST

START_TEST(failure_at_an_input)
{
    for (uint64_t i = 0; i < 20; i++) {
        note_input("program", i);
        ck_assert_uint_lt(next_number(), UINT64_MAX);
        ck_assert_uint_ne(i, 17);
    }
}
END_TEST

START_TEST(failure_in_a_series)
{
    random_start(3);
    next_number();
    ck_abort_msg("no");
}
END_TEST

/* Nothing is asserted before it dies. */
START_TEST(death_at_an_input)
{
    for (uint64_t i = 0; i < 20; i++) {
        note_input("program", i);
        if (i == 17)
            raise(SIGKILL);
    }
}
END_TEST

/* Where the only test of a suite failed, as Check tells it. */
static void expect_place(test_t test, const char *place)
{
    Suite *suite = suite_create("inner");
    tcase_add_test(add_case(suite, "inner", NULL, NULL), test);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "/dev/null"); /* these failures are not the suite's own */
    srunner_run_all(runner, CK_SILENT);
    ck_assert_int_eq(srunner_ntests_failed(runner), 1);
    TestResult **failures = srunner_failures(runner);
    const char *file = tr_lfile(failures[0]), *name = strstr(file, "check_common.c");
    ck_assert_pstr_eq(name, place);
    free(failures);
    srunner_free(runner);
}

START_TEST(a_failure_names_its_input)
{
    expect_place(plain_failure, "check_common.c");
    expect_place(failure_at_an_input, "check_common.c, program 17, random number 18");
    expect_place(failure_in_a_series, "check_common.c, series 3, random number 1");
    expect_place(death_at_an_input, "check_common.c, program 17");
}
END_TEST

int main(void)
{
    const test_t core[] = {a_failure_names_its_input, NULL};
    const test_t limits[] = {NULL};
    return run_cases("common", core, limits, NULL, NULL);
}
