/* SPDX-License-Identifier: MIT */
/*
 * Every one-bit flip and every truncation of every good sample.
 *
 * sfpm_image_check() must find each flip. In use, a flipped image is refused, or
 * shows its last commit as it was written. It may show the one before that only when
 * the flip hit the last commit's trailer, so that nothing proves any more that it was
 * whole; and never without a warning.
 *
 * A truncated image shows the last commit that is whole. Cut exactly at a commit's
 * end it is a good older image; anywhere else a warning says so, and checking fails.
 *
 * Version 1 has no checksums: refused, or read within its bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../long.h"
#include "image/opened.h"
#include "../sanitized.h"
#include "../unit/common.h"
#include "format/format.h"
#include "use.h"

/* What became of all the damage done to one sample. */
typedef struct tally {
    const sample_t *sample;
    const reader_t *reader;
    size_t done;
    size_t bad;
    char first[256]; /* of the bad ones */
} tally_t;

static void bad(tally_t *tally, const char *damage, size_t at, const char *what)
{
    if (tally->bad++ == 0)
        snprintf(tally->first, sizeof tally->first, "%s, %s %zu: %s (last error: %.80s)",
                 tally->sample->name, damage, at, what, sfpm_last_error());
}

static size_t last_end(const sample_t *sample)
{
    return sample->states[sample->num_states - 1].end;
}

/* ---- flips ---- */

/* Whether a flip of byte `at` may make an image show commit `shown`, which is not
 * its last one: only when nothing else than the last trailer is hit. */
static bool may_step_back(const sample_t *sample, uint64_t shown, size_t at)
{
    size_t end = last_end(sample);
    return shown == sample->num_states - 1 && at >= end - SFPM_TRAILER_RECORD && at < end;
}

static const char *judge_flip(const sample_t *sample, sfpm_image_t *image, size_t at)
{
    uint64_t shown = sfpm_image_commit_info(image)->number;
    if (shown < 1 || shown > sample->num_states)
        return "shows a commit that there never was";
    enum outcome outcome = use_all(image, &sample->states[shown - 1]);
    if (outcome == WRONG)
        return "gives wrong contents";
    if (shown == sample->num_states)
        return outcome == REFUSED && at >= last_end(sample)
                   ? "refuses what was not touched"
                   : NULL;
    if (!may_step_back(sample, shown, at))
        return "steps back";
    if (!sfpm_image_info(image)->warning)
        return "steps back without a word";
    return outcome == REFUSED ? "steps back to something that cannot be read" : NULL;
}

/* Version 1: what is read must lie within its bounds, whatever it is. */
static const char *use_version1(sfpm_image_t *image, size_t file_size)
{
    const char *fault = NULL;
    for (size_t i = 0; !fault && i < sfpm_image_num_regions(image); i++) {
        uint64_t size = sfpm_image_region(image, i)->size;
        if (size > file_size)
            fault = "a region is larger than the file";
        else if (!sfpm_image_read(image, i, 0, room(file_size), (size_t)size))
            fault = "a region cannot be read";
    }
    return fault;
}

static void try_flip(tally_t *tally, const uint8_t *bytes, size_t at)
{
    const sample_t *sample = tally->sample;
    const char *fault = NULL;
    note_input("byte", at);
    sfpm_image_t *image = tally->reader->open(bytes, sample->size);
    tally->done++;
    if (!image)
        fault = refusal(sfpm_last_status()) ? NULL : "refused with a wrong status";
    else if (sample->version1)
        fault = use_version1(image, sample->size);
    else if (tally->reader->check(image))
        fault = "checking finds nothing";
    else
        fault = judge_flip(sample, image, at);
    if (fault)
        bad(tally, "a flip in byte", at, fault);
    sfpm_image_close(image);
}

/* Reading a large region takes its time, and so does looking for a base image, so that of
 * such samples every n-th flip only is tried in a short run. Sanitized code is slower:
 * one bit of nearly each byte. */
static size_t stride(const sample_t *sample)
{
    uint64_t work = sample->base_size * 64;
    for (size_t i = 0; i < sample->num_states; i++)
        for (size_t r = 0; r < sample->states[i].num_regions; r++)
            work = work > sample->states[i].regions[r].size
                       ? work
                       : sample->states[i].regions[r].size;
    size_t n = (size_t)(work * sample->size / ((uint64_t)1 << 31));
    if (SANITIZED && n < 8)
        n = 8;
    return long_run() || n == 0 ? 1 : n | 1;
}

static void flip_all(tally_t *tally)
{
    const sample_t *sample = tally->sample;
    for (size_t bit = 0; bit < sample->size * 8; bit += stride(sample)) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        sample->bytes[bit / 8] ^= mask;
        try_flip(tally, sample->bytes, bit / 8);
        sample->bytes[bit / 8] ^= mask;
    }
}

/* ---- truncations ---- */

/* The number of commits that are whole in the first `size` bytes. */
static size_t whole_commits(const sample_t *sample, size_t size)
{
    size_t n = 0;
    while (n < sample->num_states && sample->states[n].end <= size)
        n++;
    return n;
}

static bool refused_as_cut(const sample_t *sample, size_t size)
{
    sfpm_status_t status = sfpm_last_status();
    return status == SFPM_ERR_TRUNCATED || (size < 8 && status == SFPM_ERR_NOT_IMAGE) ||
           (sample->version1 && status == SFPM_ERR_CORRUPT);
}

static const char *judge_cut(tally_t *tally, sfpm_image_t *image, size_t size)
{
    const sample_t *sample = tally->sample;
    size_t whole = whole_commits(sample, size);
    if (whole == 0)
        return image                          ? "is accepted without a whole commit"
               : refused_as_cut(sample, size) ? NULL
                                              : "is refused with a wrong status";
    if (!image)
        return "is refused";
    bool clean = sample->states[whole - 1].end == size;
    if (sfpm_image_commit_info(image)->number != whole)
        return "shows another commit than the last whole one";
    if (use_all(image, &sample->states[whole - 1]) != AS_WRITTEN)
        return "gives wrong contents";
    if (clean != (sfpm_image_info(image)->warning == NULL) ||
        sfpm_image_info(image)->torn != size - sample->states[whole - 1].end)
        return "does not tell of its torn tail";
    return tally->reader->check(image) == clean ? NULL : "checks wrongly";
}

static void try_cut(tally_t *tally, size_t size)
{
    /* Exactly so many bytes, so that reading on would be noticed. */
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes) {
        bad(tally, "cut to", size, "no memory");
        return;
    }
    memcpy(bytes, tally->sample->bytes, size);
    sfpm_image_t *image = tally->reader->open(bytes, size);
    const char *fault = judge_cut(tally, image, size);
    tally->done++;
    if (fault)
        bad(tally, "cut to", size, fault);
    sfpm_image_close(image);
    free(bytes);
}

/* Whether a commit ends within 16 bytes of there. */
static bool is_near_an_end(const sample_t *sample, size_t size)
{
    for (size_t i = 0; i < sample->num_states; i++)
        if (size + 16 >= sample->states[i].end && size <= sample->states[i].end + 16)
            return true;
    return false;
}

/* At every byte, or, as with flips, at every n-th and around the ends of commits. */
static void cut_all(tally_t *tally)
{
    const sample_t *sample = tally->sample;
    size_t n = stride(sample);
    for (size_t size = 0; size < sample->size; size++)
        if (size % n == 0 || is_near_an_end(sample, size))
            try_cut(tally, size);
}

/* ---- tests ---- */

static bool make_good(int which, sample_t *sample)
{
    sample_make((size_t)which, sample);
    if (strncmp(sample->name, "good-", 5) == 0)
        return true;
    sample_free(sample);
    return false;
}

static void make_named(const char *name, sample_t *sample)
{
    for (size_t i = 0; i < num_samples(); i++) {
        sample_make(i, sample);
        if (strcmp(sample->name, name) == 0)
            return;
        sample_free(sample);
    }
    ck_abort_msg("there is no sample %s", name);
}

START_TEST(flips_are_found)
{
    sample_t sample;
    if (!make_good(_i, &sample))
        return;
    tally_t tally = {.sample = &sample, .reader = &honest_reader};
    flip_all(&tally);
    ck_assert_uint_gt(tally.done, 0);
    ck_assert_msg(tally.bad == 0, "%zu of %zu: %s", tally.bad, tally.done, tally.first);
    sample_free(&sample);
}
END_TEST

START_TEST(truncations_show_the_last_whole_commit)
{
    sample_t sample;
    if (!make_good(_i, &sample))
        return;
    tally_t tally = {.sample = &sample, .reader = &honest_reader};
    cut_all(&tally);
    ck_assert_uint_ge(tally.done, sample.size / stride(&sample));
    ck_assert_msg(tally.bad == 0, "%zu of %zu: %s", tally.bad, tally.done, tally.first);
    sample_free(&sample);
}
END_TEST

/* ---- controls: each reader has a fault that the tests must find ---- */

/* Looks at contents only, not at padding, dead bytes and earlier commits. */
static bool check_shallowly(sfpm_image_t *image)
{
    for (size_t i = 0; i < sfpm_image_num_regions(image); i++)
        if (!sfpm_image_check_region(image, i))
            return false;
    return true;
}

static bool check_nothing(sfpm_image_t *image)
{
    (void)image;
    return false;
}

/* Shows the commit before the last, and says nothing. */
static sfpm_image_t *open_before_last(const uint8_t *bytes, size_t size)
{
    sfpm_image_t *image = open_bytes(bytes, size);
    if (image)
        sfpm_image_select(image, -1);
    return image;
}

static const reader_t shallow = {open_bytes, check_shallowly};
static const reader_t backward = {open_before_last, check_nothing};
static const reader_t blind = {open_bytes, check_nothing};

static void expect_caught(const char *name, const reader_t *reader, const char *part)
{
    sample_t sample;
    make_named(name, &sample);
    tally_t flips = {.sample = &sample, .reader = reader}, cuts = flips;
    flip_all(&flips);
    cut_all(&cuts);
    ck_assert_uint_gt(flips.bad, 0);
    ck_assert_int_eq(cuts.bad > 0, sample.num_states > 1);
    ck_assert_msg(strstr(flips.first, part) != NULL, "%s", flips.first);
    sample_free(&sample);
}

START_TEST(a_checker_that_leaves_bytes_out_is_caught)
{
    expect_caught("good-page", &shallow, "checking finds nothing");
    expect_caught("good-passed-over", &shallow, "checking finds nothing");
}
END_TEST

START_TEST(a_reader_that_steps_back_is_caught)
{
    expect_caught("good-commits", &backward, "steps back");
}
END_TEST

/* Version 1 verifies nothing: held to the promises of version 2 it must fail. */
START_TEST(a_reader_that_verifies_nothing_is_caught)
{
    sample_t sample;
    make_named("good-version1", &sample);
    sample.version1 = false;
    tally_t tally = {.sample = &sample, .reader = &blind};
    flip_all(&tally);
    ck_assert_uint_gt(tally.bad, 0);
    ck_assert_msg(strstr(tally.first, "wrong contents") != NULL, "%s", tally.first);
    sample_free(&sample);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("damage");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    TCase *controls = add_case(suite, "Controls", NULL, NULL);
    tcase_add_loop_test(core, flips_are_found, 0, (int)num_samples());
    tcase_add_loop_test(core, truncations_show_the_last_whole_commit, 0,
                        (int)num_samples());
    tcase_add_test(controls, a_checker_that_leaves_bytes_out_is_caught);
    tcase_add_test(controls, a_reader_that_steps_back_is_caught);
    tcase_add_test(controls, a_reader_that_verifies_nothing_is_caught);
    return run_all(suite);
}
