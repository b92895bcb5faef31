/* SPDX-License-Identifier: MIT */
/*
 * Images whose every byte a stranger has chosen, checksums and all. They must be
 * refused with a sensible status or read, within a second and 64 MiB each; what
 * passes sfpm_image_check() must be readable throughout, and take a commit.
 *
 * SFPM_SEED=N repeats a run, and a test that fails or dies names it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../long.h"
#include "../sanitized.h"
#include "../unit/common.h"
#include "explore.h"
#include "mutate.h"

enum { MIB = 1 << 20 };

typedef struct tally {
    const reader_t *reader;
    const char *sample;
    size_t done, opened, sound;
    size_t refused[32]; /* by status */
    size_t bad;
    char first[300]; /* of the bad ones */
} tally_t;

static uint64_t first_seed(void)
{
    const char *given = getenv("SFPM_SEED");
    return given ? strtoull(given, NULL, 0) : 20240101;
}

/* ---- trying it ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void report(tally_t *tally, uint64_t seed, const char *what)
{
    if (tally->bad++ == 0)
        snprintf(tally->first, sizeof tally->first, "%s, SFPM_SEED=%llu: %s (%.120s)",
                 tally->sample, (unsigned long long)seed, what, sfpm_last_error());
}

static const char *try_mutant(tally_t *tally, const mutant_t *mutant, bool edit)
{
    bool sound = false;
    const char *fault = NULL;
    sfpm_image_t *image = tally->reader->open(mutant->bytes, mutant->size);
    tally->done++;
    if (image) {
        tally->opened++;
        fault = explore(tally->reader, image, edit, &sound);
        tally->sound += sound;
    } else {
        tally->refused[sfpm_last_status() & 31]++;
        fault = refusal(sfpm_last_status()) ? NULL : "refused with a wrong status";
    }
    sfpm_image_close(image);
    return fault;
}

static void try_seed(tally_t *tally, const sample_t *sample, uint64_t seed)
{
    mutant_t mutant;
    note_input("SFPM_SEED", seed);
    if (!mutant_start(&mutant, sample->bytes, sample->size, seed))
        exit(99);
    mutant_change(&mutant);
    double began = seconds();
    const char *fault = try_mutant(tally, &mutant, seed % 16 == 0);
    if (!fault && seconds() - began > 1)
        fault = "takes more than a second";
    if (fault)
        report(tally, seed, fault);
    mutant_end(&mutant);
}

/* What the process has already, and 64 MiB more. ASan maps terabytes. */
static void limit_memory(void)
{
    struct rlimit limit;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (SANITIZED || !file || fscanf(file, "%lu", &pages) != 1)
        return;
    fclose(file);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + 64 * MIB;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static void run(tally_t *tally, const sample_t *sample, size_t count)
{
    tally->sample = sample->name;
    for (uint64_t seed = first_seed(); count > 0; count--, seed++)
        try_seed(tally, sample, seed);
}

static size_t mutants_of(const sample_t *sample)
{
    size_t count = strcmp(sample->name, "good-leaves") == 0 ? 300 : 2000;
    return long_run() ? count * 200 : count;
}

START_TEST(hostile_images_are_refused_or_read_within_limits)
{
    sample_t sample;
    tally_t tally = {.reader = &honest_reader};
    sample_make((size_t)_i, &sample);
    if (strncmp(sample.name, "good-", 5) == 0) {
        printf("# %s: %zu images from SFPM_SEED=%llu\n", sample.name, mutants_of(&sample),
               (unsigned long long)first_seed());
        fflush(stdout);
        limit_memory();
        run(&tally, &sample, mutants_of(&sample));
        ck_assert_msg(tally.bad == 0, "%zu of %zu: %s", tally.bad, tally.done,
                      tally.first);
    }
    sample_free(&sample);
}
END_TEST

/* ---- controls ---- */

/* The parsers are reached: most images get past their checksums. */
START_TEST(mutants_get_past_checksums)
{
    tally_t tally = {.reader = &honest_reader};
    for (size_t i = 0; i < num_samples(); i++) {
        sample_t sample;
        sample_make(i, &sample);
        if (strncmp(sample.name, "good-", 5) == 0 && !sample.version1)
            run(&tally, &sample, 100);
        sample_free(&sample);
    }
    ck_assert_uint_gt(tally.opened, tally.done / 10);
    ck_assert_uint_gt(tally.sound, tally.done / 50);
    ck_assert_uint_gt(tally.refused[SFPM_ERR_CORRUPT], tally.done / 10);
    ck_assert_uint_gt(tally.refused[SFPM_ERR_UNSUPPORTED], 0);
    ck_assert_uint_gt(tally.refused[SFPM_ERR_TRUNCATED], 0);
    ck_assert_uint_lt(tally.refused[SFPM_ERR_CHECKSUM], tally.done / 4);
}
END_TEST

static bool check_nothing(sfpm_image_t *image)
{
    (void)image;
    return true;
}

START_TEST(a_checker_that_accepts_all_is_caught)
{
    static const reader_t careless = {open_bytes, check_nothing};
    sample_t sample;
    tally_t tally = {.reader = &careless};
    sample_make(4, &sample);
    run(&tally, &sample, 1000);
    ck_assert_uint_gt(tally.bad, 0);
    ck_assert_ptr_nonnull(strstr(tally.first, "cannot be"));
    sample_free(&sample);
}
END_TEST

static sfpm_image_t *open_slowly(const uint8_t *bytes, size_t size)
{
    for (double began = seconds(); seconds() - began < 1.1;)
        continue;
    return open_bytes(bytes, size);
}

START_TEST(a_slow_reader_is_caught)
{
    static const reader_t slow = {open_slowly, check_fully};
    sample_t sample;
    tally_t tally = {.reader = &slow};
    sample_make(1, &sample);
    run(&tally, &sample, 1);
    ck_assert_uint_eq(tally.bad, 1);
    ck_assert_ptr_nonnull(strstr(tally.first, "more than a second"));
    sample_free(&sample);
}
END_TEST

static sfpm_image_t *open_greedily(const uint8_t *bytes, size_t size)
{
    void *volatile memory = malloc((size_t)80 * MIB); /* not to be left out */
    free(memory);
    if (!memory)
        sfpm_image_open(NULL, NULL); /* fails, and says so */
    return memory ? open_bytes(bytes, size) : NULL;
}

START_TEST(a_greedy_reader_is_caught)
{
    static const reader_t greedy = {open_greedily, check_fully};
    sample_t sample;
    tally_t tally = {.reader = &greedy};
    sample_make(1, &sample);
    limit_memory();
    run(&tally, &sample, 1);
    ck_assert_int_eq(tally.bad == 1, !SANITIZED);
    sample_free(&sample);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    TCase *controls = add_case(suite, "Controls", NULL, NULL);
    tcase_add_loop_test(core, hostile_images_are_refused_or_read_within_limits, 0,
                        (int)num_samples());
    tcase_add_test(controls, mutants_get_past_checksums);
    tcase_add_test(controls, a_checker_that_accepts_all_is_caught);
    tcase_add_test(controls, a_slow_reader_is_caught);
    tcase_add_test(controls, a_greedy_reader_is_caught);
    return run_all(suite);
}
