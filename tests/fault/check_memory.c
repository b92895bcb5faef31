/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every allocation of every operation on images, once and for
 * ever. The operation then fails with SFPM_ERR_MEMORY and leaves files and memory as
 * they were, or succeeds with the right result; nothing leaks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/snapshot.h>

#include "../unit/common.h"
#include "../unit/scarce.h"
#include "jobs.h"

/* ---- failing at every site ---- */

typedef struct result {
    size_t sites;
    size_t bad;
    char first[256];
} result_t;

static const char *try_once(const job_t *job, size_t which, bool for_ever, size_t *failed)
{
    note_input("allocation", which);
    ptrdiff_t before = scarce_live();
    job->prepare();
    scarce_begin(which - 1, for_ever);
    bool good = job->run();
    *failed = scarce_end();
    sfpm_status_t status = sfpm_last_status();
    const char *fault = job->judge(good);
    if (fault)
        return fault;
    if (scarce_live() != before)
        return "leaks";
    if (!good && *failed > 0 && status != SFPM_ERR_MEMORY && status != job->also)
        return "fails with another status than out of memory";
    return NULL;
}

static void fail_everywhere(const job_t *job, bool for_ever, result_t *result)
{
    size_t failed = 1;
    for (size_t which = 1; failed > 0; which++) {
        const char *fault = try_once(job, which, for_ever, &failed);
        result->sites += failed > 0;
        if (fault && result->bad++ == 0)
            snprintf(result->first, sizeof result->first,
                     "%s, allocation %zu%s fails: %s (%.100s)", job->name, which,
                     for_ever ? " and all later ones" : "", fault, sfpm_last_error());
    }
}

static size_t expect_no_harm(const job_t *job)
{
    result_t result = {0};
    fail_everywhere(job, false, &result);
    fail_everywhere(job, true, &result);
    ck_assert_msg(result.bad == 0, "%zu of %zu: %s", result.bad, result.sites,
                  result.first);
    return result.sites;
}

START_TEST(no_file_is_harmed)
{
    ck_assert_uint_gt(expect_no_harm(&file_jobs[_i]), 10);
}
END_TEST

static void make_named(const char *name)
{
    for (size_t i = 0; i < num_samples(); i++) {
        sample_make(i, &job_sample);
        if (strcmp(job_sample.name, name) == 0)
            return;
        sample_free(&job_sample);
    }
    ck_abort_msg("there is no sample %s", name);
}

START_TEST(no_image_is_misread)
{
    sample_make((size_t)_i, &job_sample);
    room((size_t)40 << 20);
    size_t sites = 0;
    bool good = strncmp(job_sample.name, "good-", 5) == 0;
    for (int i = 0; i < NUM_IMAGE_JOBS && good; i++)
        sites += expect_no_harm(&image_jobs[i]);
    ck_assert_int_eq(sites > 10, good);
    sample_free(&job_sample);
}
END_TEST

START_TEST(no_pipe_is_misread)
{
    make_named("good-nothing");
    job_sample.bytes = realloc(job_sample.bytes, 500);
    ck_assert_ptr_nonnull(job_sample.bytes);
    memset(job_sample.bytes + job_sample.size, 0xff, 500 - job_sample.size);
    ck_assert_uint_gt(expect_no_harm(&pipe_job), 10);
    sample_free(&job_sample);
}
END_TEST

/* ---- controls ---- */

/* Never freed, but not lost to LeakSanitizer, which would object. */
static void *kept[8];

static bool run_leaky(void)
{
    static size_t n;
    void *first = malloc(10), *second = malloc(10);
    if (!first || !second) {
        kept[n++ % 8] = first ? first : second;
        (void)kept[0];
        return sfpm_snapshot_restore(NULL, NULL); /* fails */
    }
    free(first);
    free(second);
    return true;
}

static void do_nothing(void)
{
}

static const char *say_nothing(bool good)
{
    (void)good;
    return NULL;
}

static void expect_caught(const job_t *job, const char *part)
{
    result_t result = {0};
    fail_everywhere(job, false, &result);
    ck_assert_uint_gt(result.bad, 0);
    ck_assert_msg(strstr(result.first, part) != NULL, "%s", result.first);
}

START_TEST(faults_are_caught)
{
    static const job_t leaky = {"leaky", do_nothing, run_leaky, say_nothing, SFPM_OK};
    expect_caught(&leaky, "leaks");
    expect_caught(&in_place_job, "the old file has changed");
    expect_caught(&boastful_job, "what was written is something else");
}
END_TEST

/* ---- the suite ---- */

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *core = add_case(suite, "Core", jobs_begin, jobs_end);
    TCase *controls = add_case(suite, "Controls", jobs_begin, jobs_end);
    tcase_add_loop_test(core, no_file_is_harmed, 0, NUM_FILE_JOBS);
    tcase_add_loop_test(core, no_image_is_misread, 0, (int)num_samples());
    tcase_add_test(core, no_pipe_is_misread);
    tcase_add_test(controls, faults_are_caught);
    return run_all(suite);
}
