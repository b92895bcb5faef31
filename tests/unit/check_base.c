/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

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
    ck_assert_uint_eq(sfpm_last_offset(), 42);
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

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *core = tcase_create("Core");
    tcase_add_test(core, last_error_is_kept_and_prefixed);
    tcase_add_test(core, buffer_grows_and_stores_little_endian);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("Limits");
    tcase_add_test(limits, range_test_survives_overflow);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
