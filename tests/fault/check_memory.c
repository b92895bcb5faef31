/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every allocation of every operation on images, or a read of an image
 * fails, each of them, once and for ever. The operation then fails with SFPM_ERR_MEMORY,
 * or SFPM_ERR_SYSTEM, and leaves files and memory as they were, or succeeds with the
 * right result; nothing leaks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/snapshot.h>

#include "../unit/common.h"
#include "../unit/scarce.h"
#include "base/error.h"
#include "io/input.h"
#include "jobs.h"

/* ---- what fails ---- */

typedef struct injector {
    const char *site;
    void (*begin)(size_t after, bool for_ever); /* lets so many succeed */
    size_t (*end)(void);                        /* how many failed */
    sfpm_status_t status;
} injector_t;

static const injector_t allocations = {"allocation", scarce_begin, scarce_end,
                                       SFPM_ERR_MEMORY};

static size_t reads_left = SIZE_MAX, reads_failed;
static bool reads_fail_for_ever;

bool __real_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size);
bool __wrap_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size);
bool __wrap_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size)
{
    bool fails = reads_left == 0 && (reads_fail_for_ever || reads_failed == 0);
    if (reads_left > 0 && reads_left != SIZE_MAX)
        reads_left--;
    reads_failed += fails;
    return fails ? sfpm_fail_errno(EIO, "%s: cannot read", sfpm_input_name(input))
                 : __real_sfpm_input_read(input, offset, to, size);
}

static void begin_reads(size_t after, bool for_ever)
{
    reads_left = after;
    reads_failed = 0;
    reads_fail_for_ever = for_ever;
}

static size_t end_reads(void)
{
    reads_left = SIZE_MAX;
    return reads_failed;
}

static const injector_t reads = {"read", begin_reads, end_reads, SFPM_ERR_SYSTEM};

/* ---- failing at every site ---- */

typedef struct result {
    size_t sites;
    size_t bad;
    char first[256];
} result_t;

static const char *try_once(const injector_t *injector, const job_t *job, size_t which,
                            bool for_ever, size_t *failed)
{
    note_input(injector->site, which);
    ptrdiff_t before = scarce_live();
    job->prepare();
    injector->begin(which - 1, for_ever);
    bool good = job->run();
    *failed = injector->end();
    sfpm_status_t status = sfpm_last_status();
    const char *fault = job->judge(good);
    if (fault)
        return fault;
    if (scarce_live() != before)
        return "leaks";
    if (!good && *failed > 0 && status != injector->status && status != job->also)
        return "fails with another status";
    return NULL;
}

static void fail_everywhere(const injector_t *injector, const job_t *job, bool for_ever,
                            result_t *result)
{
    size_t failed = 1;
    for (size_t which = 1; failed > 0; which++) {
        const char *fault = try_once(injector, job, which, for_ever, &failed);
        result->sites += failed > 0;
        if (fault && result->bad++ == 0)
            snprintf(result->first, sizeof result->first,
                     "%s, %s %zu%s fails: %s (%.100s)", job->name, injector->site, which,
                     for_ever ? " and all later ones" : "", fault, sfpm_last_error());
    }
}

static size_t expect_no_harm(const injector_t *injector, const job_t *job)
{
    result_t result = {0};
    fail_everywhere(injector, job, false, &result);
    fail_everywhere(injector, job, true, &result);
    ck_assert_msg(result.bad == 0, "%zu of %zu: %s", result.bad, result.sites,
                  result.first);
    return result.sites;
}

START_TEST(no_file_is_harmed)
{
    ck_assert_uint_gt(expect_no_harm(&allocations, &file_jobs[_i]), 10);
    expect_no_harm(&reads, &file_jobs[_i]);
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
    size_t sites = 0, num_reads = 0;
    bool good = strncmp(job_sample.name, "good-", 5) == 0;
    for (int i = 0; i < NUM_IMAGE_JOBS && good; i++) {
        sites += expect_no_harm(&allocations, &image_jobs[i]);
        num_reads += expect_no_harm(&reads, &image_jobs[i]);
    }
    ck_assert_int_eq(sites > 10, good);
    ck_assert_int_eq(num_reads > 5, good);
    sample_free(&job_sample);
}
END_TEST

START_TEST(no_pipe_is_misread)
{
    make_named("good-nothing");
    job_sample.bytes = realloc(job_sample.bytes, 500);
    ck_assert_ptr_nonnull(job_sample.bytes);
    memset(job_sample.bytes + job_sample.size, 0xff, 500 - job_sample.size);
    ck_assert_uint_gt(expect_no_harm(&allocations, &pipe_job), 10);
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

static void expect_caught(const injector_t *injector, const job_t *job, const char *part)
{
    result_t result = {0};
    fail_everywhere(injector, job, false, &result);
    ck_assert_uint_gt(result.bad, 0);
    ck_assert_msg(strstr(result.first, part) != NULL, "%s", result.first);
}

START_TEST(faults_are_caught)
{
    static const job_t leaky = {"leaky", do_nothing, run_leaky, say_nothing, SFPM_OK};
    expect_caught(&allocations, &leaky, "leaks");
    expect_caught(&allocations, &in_place_job, "the old file has changed");
    expect_caught(&allocations, &boastful_job, "what was written is something else");
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
