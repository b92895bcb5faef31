/* SPDX-License-Identifier: MIT */
/* Each sample is read or refused as its name says. */
#include <string.h>

#include "../unit/common.h"
#include "base/error.h"
#include "use.h"

static sample_t sample;

static void make(int which)
{
    sample_make((size_t)which, &sample);
}

static void expect_refused(void)
{
    sfpm_image_t *image = open_bytes(sample.bytes, sample.size);
    ck_assert_msg(!image || !check_fully(image), "%s was accepted", sample.name);
    ck_assert_msg(sfpm_last_status() == sample.expected, "%s: status %d: %s", sample.name,
                  sfpm_last_status(), sfpm_last_error());
    sfpm_image_close(image);
}

static bool has_remains(void)
{
    return sample.states[sample.num_states - 1].end != sample.size;
}

static void expect_read(void)
{
    sfpm_image_t *image = open_bytes(sample.bytes, sample.size);
    ck_assert_msg(image != NULL, "%s: %s", sample.name, sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, sample.num_states);
    ck_assert_uint_eq(sfpm_image_info(image)->format, sample.version1 ? 1 : 2);
    for (size_t i = 0; i < sample.num_states; i++) {
        ck_assert(sfpm_image_select(image, (int64_t)i + 1));
        ck_assert_msg(use_all(image, &sample.states[i]) == AS_WRITTEN,
                      "%s: commit %zu is not as it was written: %s", sample.name, i + 1,
                      sfpm_last_error());
    }
    ck_assert_int_eq(sfpm_image_info(image)->warning != NULL, has_remains());
    ck_assert_msg(check_fully(image) != has_remains(), "%s: %s", sample.name,
                  sfpm_last_error());
    sfpm_image_close(image);
}

START_TEST(a_sample_is_what_its_name_says)
{
    make(_i);
    if (strncmp(sample.name, "good-", 5) == 0) {
        ck_assert_int_eq(sample.expected, SFPM_OK);
        expect_read();
    } else {
        ck_assert_int_eq(sample.expected == SFPM_ERR_UNSUPPORTED,
                         strncmp(sample.name, "unsupported-", 12) == 0);
        expect_refused();
    }
    sample_free(&sample);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("samples");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_loop_test(core, a_sample_is_what_its_name_says, 0, (int)num_samples());
    return run_all(suite);
}
