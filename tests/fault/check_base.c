/* SPDX-License-Identifier: MIT */
/*
 * Every one-bit flip and every truncation of the base image of each delta sample. The
 * delta is refused, or shows what was committed: what it does not use of its base may
 * be damaged.
 */
#include <stdio.h>
#include <string.h>

#include "../long.h"
#include "../unit/common.h"
#include "use.h"

typedef struct tally {
    const sample_t *sample;
    size_t done, refused, bad;
    char first[256]; /* of the bad ones */
} tally_t;

static const char *judge(tally_t *tally, sfpm_image_t *image)
{
    const sample_t *sample = tally->sample;
    enum outcome worst = AS_WRITTEN;
    if (!image) {
        tally->refused++;
        return refusal(sfpm_last_status()) ? NULL : "refused with a wrong status";
    }
    for (size_t i = 0; i < sample->num_states; i++) {
        enum outcome now = sfpm_image_select(image, (int64_t)i + 1)
                               ? use_all(image, &sample->states[i])
                               : WRONG;
        worst = now > worst ? now : worst;
    }
    tally->refused += worst == REFUSED;
    if (worst == REFUSED && check_fully(image))
        return "checking finds nothing";
    return worst == WRONG ? "gives wrong contents" : NULL;
}

static void try_base(tally_t *tally, const uint8_t *base, size_t size, size_t at)
{
    note_input("byte", at);
    sample_put_base(base, size);
    sfpm_image_t *image = open_bytes(tally->sample->bytes, tally->sample->size);
    const char *fault = judge(tally, image);
    tally->done++;
    if (fault && tally->bad++ == 0)
        snprintf(tally->first, sizeof tally->first, "%s, base at %zu: %s (%.100s)",
                 tally->sample->name, at, fault, sfpm_last_error());
    sfpm_image_close(image);
}

/* All of them in a long run. */
static size_t stride(size_t n)
{
    return long_run() ? 1 : n;
}

static void flip_base(tally_t *tally)
{
    const sample_t *sample = tally->sample;
    for (size_t bit = 0; bit < sample->base_size * 8; bit += stride(29)) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        sample->base[bit / 8] ^= mask;
        try_base(tally, sample->base, sample->base_size, bit / 8);
        sample->base[bit / 8] ^= mask;
    }
}

static bool make_delta(int which, sample_t *sample)
{
    sample_make((size_t)which, sample);
    if (sample->base)
        return true;
    sample_free(sample);
    return false;
}

START_TEST(a_damaged_base_gives_nothing_wrong)
{
    sample_t sample;
    if (!make_delta(_i, &sample))
        return;
    tally_t tally = {.sample = &sample};
    flip_base(&tally);
    ck_assert_msg(tally.bad == 0, "%zu of %zu: %s", tally.bad, tally.done, tally.first);
    ck_assert_uint_gt(tally.refused, tally.done / 20);
    sample_free(&sample);
}
END_TEST

START_TEST(a_truncated_base_gives_nothing_wrong)
{
    sample_t sample;
    if (!make_delta(_i, &sample))
        return;
    tally_t tally = {.sample = &sample};
    for (size_t size = 0; size < sample.base_size; size += stride(3))
        try_base(&tally, sample.base, size, size);
    ck_assert_msg(tally.bad == 0, "%zu of %zu: %s", tally.bad, tally.done, tally.first);
    ck_assert_uint_gt(tally.refused, tally.done / 2);
    sample_free(&sample);
}
END_TEST

/* ---- controls ---- */

/* Another base, which a reader would take that does not look at digests: the states
 * are held to be those that such a reader shows. */
START_TEST(wrong_contents_are_caught)
{
    for (size_t i = 0; i < num_samples(); i++) {
        sample_t sample;
        if (!make_delta((int)i, &sample))
            continue;
        tally_t tally = {.sample = &sample};
        sample.states[0].regions[0].bytes[0] ^= 1;
        flip_base(&tally);
        ck_assert_uint_gt(tally.bad, 0);
        ck_assert_ptr_nonnull(strstr(tally.first, "wrong contents"));
        sample_free(&sample);
        return;
    }
    ck_abort_msg("there is no delta among the samples");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    TCase *controls = add_case(suite, "Controls", NULL, NULL);
    tcase_add_loop_test(core, a_damaged_base_gives_nothing_wrong, 0, (int)num_samples());
    tcase_add_loop_test(core, a_truncated_base_gives_nothing_wrong, 0,
                        (int)num_samples());
    tcase_add_test(controls, wrong_contents_are_caught);
    return run_all(suite);
}
