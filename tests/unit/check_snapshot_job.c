/* SPDX-License-Identifier: MIT */
/* Saving in the background: the state of one moment, however much is written meanwhile.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../sanitized.h"
#include "snapshot_common.h"

enum { WORDS = 1 << 20 };
#define SIZE ((size_t)WORDS * sizeof(uint64_t))

static const sfpm_copying_t ways[] = {SFPM_COPYING_AUTO, SFPM_COPYING_AT_ONCE,
                                      SFPM_COPYING_ROUNDS, SFPM_COPYING_CHILD};
enum { NUM_WAYS = sizeof ways / sizeof ways[0] };

static uint64_t *words;
static sfpm_snapshot_t *snapshot;

static void set_up(void)
{
    enter_directory();
    words = sfpm_alloc_region(SIZE);
    ck_assert_ptr_nonnull(words);
    for (size_t i = 0; i < WORDS; i++)
        words[i] = 1;
    snapshot = snapshot_of("memory", words, SIZE);
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(words, SIZE);
    leave_directory();
}

static sfpm_job_t *started(sfpm_job_t *job)
{
    ck_assert_msg(job != NULL, "%s", sfpm_last_error());
    return job;
}

/* What an image holds. */
static void expect_in_image(const char *path, const uint64_t *wanted)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    uint64_t *found = malloc(SIZE);
    ck_assert_ptr_nonnull(found);
    ck_assert_works(sfpm_image_read(image, 0, 0, found, SIZE));
    ck_assert_mem_eq(found, wanted, SIZE);
    free(found);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

/* ---- Without a way to stop writers: the state of the call ---- */

START_TEST(the_state_is_that_of_the_call)
{
    sfpm_job_options_t options = {.struct_size = sizeof options, .copying = ways[_i]};
    uint64_t *wanted = malloc(SIZE);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < WORDS; i += 70000)
            words[i + (size_t)round] = (uint64_t)round;
        memcpy(wanted, words, SIZE);
        sfpm_job_t *job =
            started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options));
        for (size_t i = 0; i < WORDS; i++)
            words[i] ^= 3;
        ck_assert_works(sfpm_job_wait(job));
        ck_assert_works(sfpm_job_wait(job));
        ck_assert(sfpm_job_is_over(job));
        sfpm_job_destroy(job);
        expect_in_image("a.img", wanted);
        ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
        expect_in_image("a.img", words);
    }
    free(wanted);
}
END_TEST

START_TEST(a_file_is_replaced)
{
    sfpm_job_options_t options = {.struct_size = sizeof options, .copying = ways[_i]};
    uint64_t *wanted = malloc(SIZE);
    memcpy(wanted, words, SIZE);
    sfpm_job_t *job = started(sfpm_snapshot_save_async(snapshot, "a.img", &options));
    words[5] = 7;
    while (!sfpm_job_is_over(job))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_in_image("a.img", wanted);
    ck_assert_works(sfpm_snapshot_revert(snapshot));
    ck_assert_mem_eq(words, wanted, SIZE);
    free(wanted);
}
END_TEST

/* ---- Writers that are stopped ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool enough;
static uint64_t *at_stop;

/* Keeps all pairs of words equal but while it holds the lock. */
static void *write_pairs(void *unused)
{
    uint64_t state = 1;
    while (!atomic_load(&enough)) {
        pthread_mutex_lock(&lock);
        for (int i = 0; i < 20; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            size_t at = (size_t)(state >> 33) % (WORDS / 2);
            words[at]++;
            words[WORDS - 1 - at]++;
        }
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static bool stop(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    memcpy(at_stop, words, SIZE);
    return true;
}

static void go(void *context)
{
    (void)context;
    pthread_mutex_unlock(&lock);
}

START_TEST(the_state_is_that_of_the_stop)
{
    sfpm_job_options_t options = {
        .struct_size = sizeof options, .stop = stop, .go = go, .copying = ways[_i]};
    pthread_t writer;
    at_stop = malloc(SIZE);
    ck_assert_ptr_nonnull(at_stop);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_pairs, NULL), 0);
    for (int round = 0; round < 4; round++) {
        sfpm_job_t *job =
            started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options));
        ck_assert_works(sfpm_job_wait(job));
        sfpm_job_destroy(job);
        expect_in_image("a.img", at_stop);
    }
    atomic_store(&enough, true);
    pthread_join(writer, NULL);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    expect_in_image("a.img", words);
    free(at_stop);
}
END_TEST

/* ---- What goes wrong ---- */

static bool refuse(void *context)
{
    (void)context;
    return sfpm_refuse("not now");
}

static bool wait_and_refuse(void *context)
{
    while (!atomic_load((atomic_bool *)context))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return true;
}

/* The old commit, and what changed since, are there after a failure. */
static void expect_unharmed(const uint64_t *before)
{
    expect_in_image("a.img", before);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    expect_in_image("a.img", words);
}

START_TEST(a_refusal_leaves_the_old_commit)
{
    sfpm_job_options_t options = {
        .struct_size = sizeof options, .stop = refuse, .copying = ways[_i]};
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    uint64_t *before = malloc(SIZE);
    memcpy(before, words, SIZE);
    words[100] = 2;
    sfpm_job_t *job =
        started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options));
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_REFUSED, "not now");
    sfpm_job_destroy(job);
    expect_unharmed(before);
    free(before);
}
END_TEST

START_TEST(a_cancelled_job_leaves_the_old_commit)
{
    atomic_bool free_to_go = false;
    sfpm_job_options_t options = {.struct_size = sizeof options,
                                  .stop = wait_and_refuse,
                                  .context = &free_to_go,
                                  .copying = ways[_i]};
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    uint64_t *before = malloc(SIZE);
    memcpy(before, words, SIZE);
    words[100] = 2;
    sfpm_job_t *job =
        started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options));
    ck_assert(!sfpm_job_is_over(job));
    sfpm_job_cancel(job);
    atomic_store(&free_to_go, true);
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_REFUSED, "cancelled");
    sfpm_job_destroy(job);
    expect_unharmed(before);
    free(before);
}
END_TEST

START_TEST(the_snapshot_is_taken_meanwhile)
{
    atomic_bool free_to_go = false;
    sfpm_job_options_t options = {
        .struct_size = sizeof options, .stop = wait_and_refuse, .context = &free_to_go};
    sfpm_job_t *job = started(sfpm_snapshot_save_async(snapshot, "a.img", &options));
    ck_assert_fails(sfpm_snapshot_save(snapshot, "b.img"), SFPM_ERR_ARGUMENT,
                    "background");
    ck_assert_ptr_null(sfpm_snapshot_save_async(snapshot, "b.img", NULL));
    ck_assert(!sfpm_snapshot_restore("a.img", snapshot));
    atomic_store(&free_to_go, true);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    /* A snapshot that goes takes its job to the end. */
    job = started(sfpm_snapshot_save_async(snapshot, "b.img", &options));
    sfpm_snapshot_destroy(snapshot);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_in_image("b.img", words);
    snapshot = NULL;
}
END_TEST

START_TEST(a_commit_over_anothers_is_refused)
{
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_snapshot_t *other = snapshot_of("memory", words, SIZE);
    ck_assert_works(sfpm_snapshot_restore("a.img", other));
    words[3] = 9;
    ck_assert_works(sfpm_snapshot_commit(other, "a.img", NULL));
    sfpm_job_t *job = started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, NULL));
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_CHANGED, "commit");
    sfpm_job_destroy(job);
    sfpm_snapshot_destroy(other);
    expect_in_image("a.img", words);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_commit)
{
    struct rlimit limit, low;
    uint64_t *before = malloc(SIZE);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    memcpy(before, words, SIZE);
    fill(words, SIZE / 2, 1);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    low = limit;
    low.rlim_cur = SIZE / 4;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .copying = ways[_i]};
    sfpm_job_t *job =
        started(sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options));
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_SYSTEM, "a.img");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sfpm_job_destroy(job);
    expect_unharmed(before);
    free(before);
}
END_TEST

START_TEST(without_address_space_nothing_is_started)
{
    if (SANITIZED)
        return;
    struct rlimit limit, low;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    low = limit;
    low.rlim_cur = SIZE / 2;
    if (setrlimit(RLIMIT_AS, &low) != 0)
        return;
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, NULL);
    setrlimit(RLIMIT_AS, &limit);
    ck_assert_ptr_null(job);
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MEMORY);
    words[9]++;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    expect_in_image("a.img", words);
}
END_TEST

/* As an unprivileged user, whose processes are counted. */
START_TEST(without_a_process_nothing_is_started)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        const sfpm_job_options_t options = {.struct_size = sizeof options,
                                            .copying = SFPM_COPYING_CHILD};
        if (setgid(65534) != 0 || setuid(65534) != 0 ||
            setrlimit(RLIMIT_NPROC, &none) != 0 || getuid() == 0)
            _exit(77);
        sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
        _exit(job != NULL || !strstr(sfpm_last_error(), "process"));
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}
END_TEST

/* Lets the job wait in its own thread until the pipe is closed. */
static int gate[2];
static bool wait_at_gate(void *context)
{
    char byte;
    (void)context;
    return read(gate[0], &byte, 1) == 0;
}

START_TEST(a_child_cannot_wait_for_its_parents_job)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .stop = wait_at_gate};
    ck_assert_int_eq(pipe(gate), 0);
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
    ck_assert_ptr_nonnull(job);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(gate[1]);
        _exit(sfpm_job_wait(job) || !strstr(sfpm_last_error(), "not in this child"));
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(gate[1]);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    close(gate[0]);
}
END_TEST

/* ---- What the program is told ---- */

static void count_step(void *context, uint64_t done, uint64_t total)
{
    ck_assert_uint_le(done, total);
    ++*(unsigned *)context;
}

/* As a save in the foreground: by save and commit, and by dropping old commits. */
START_TEST(log_and_progress_are_those_of_the_snapshot)
{
    log_text_t log = {{0}, 0};
    unsigned steps = 0;
    const sfpm_progress_t progress = {count_step, &steps};
    const sfpm_commit_options_t keep = {.struct_size = sizeof keep, .keep = 1};
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    sfpm_snapshot_set_progress(snapshot, &progress);
    sfpm_job_t *job = started(sfpm_snapshot_save_async(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    ck_assert_str_eq(log.text, "Successfully saved to a.img\n");
    ck_assert_uint_gt(steps, 1);
    steps = 0;
    words[0]++;
    job = started(sfpm_snapshot_commit_async(snapshot, "a.img", &keep, NULL));
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    ck_assert_str_eq(log.text, "Successfully saved to a.img\n"
                               "Committed to a.img (commit 2)\n");
    ck_assert_uint_gt(steps, 1);
}
END_TEST

/* A program that waits for all its children, and one that is told of their ends. */
static volatile sig_atomic_t ends;

static void count_end(int number)
{
    (void)number;
    ends++;
}

START_TEST(the_program_sees_no_child)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .copying = SFPM_COPYING_CHILD};
    signal(SIGCHLD, count_end);
    sfpm_job_t *job = started(sfpm_snapshot_save_async(snapshot, "a.img", &options));
#if SFPM_LINUX_PATHS && (defined(__x86_64__) || defined(__aarch64__))
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
#endif
    ck_assert_works(sfpm_job_wait(job));
#if SFPM_LINUX_PATHS && (defined(__x86_64__) || defined(__aarch64__))
    ck_assert_int_eq(ends, 0);
#endif
    sfpm_job_destroy(job);
    expect_in_image("a.img", words);
}
END_TEST

/* Killed at any moment of a background commit, the file holds a whole commit. */
START_TEST(a_kill_leaves_a_whole_commit)
{
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    for (int round = 0; round < 12; round++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            const sfpm_job_options_t options = {.struct_size = sizeof options,
                                                .copying = ways[round % NUM_WAYS]};
            for (uint64_t value = words[0] + 1;; value++) {
                for (size_t i = 0; i < WORDS; i += 300)
                    words[i] = value;
                words[0] = value;
                sfpm_job_t *job =
                    sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
                if (!job || !sfpm_job_wait(job))
                    _exit(1);
                sfpm_job_destroy(job);
            }
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000L * (round + 1)}, NULL);
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
        for (size_t i = 0; i < WORDS; i += 300)
            ck_assert_uint_eq(words[i], words[0]);
    }
}
END_TEST

START_TEST(it_is_saved_by_itself)
{
    sfpm_autosave_t *autosave = sfpm_autosave_start(snapshot, "a.img", 0, NULL, NULL);
    ck_assert_ptr_nonnull(autosave);
    for (int i = 0; i < 200; i++) {
        words[i * 1000]++;
        ck_assert_works(sfpm_autosave_tick(autosave));
    }
    ck_assert_works(sfpm_autosave_stop(autosave));
    expect_in_image("a.img", words);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_uint_gt(sfpm_image_info(image)->commits, 1);
    sfpm_image_close(image);
    /* Not due: only the last one is made. */
    autosave = sfpm_autosave_start(snapshot, "b.img", 1e6, NULL, NULL);
    ck_assert_works(sfpm_autosave_tick(autosave));
    ck_assert_int_ne(access("b.img", F_OK), 0);
    ck_assert_works(sfpm_autosave_stop(autosave));
    expect_in_image("b.img", words);
}
END_TEST

START_TEST(an_autosave_tells_of_failures)
{
    sfpm_autosave_t *autosave =
        sfpm_autosave_start(snapshot, "none/a.img", 0, NULL, NULL);
    bool good = sfpm_autosave_tick(autosave);
    while (good) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        good = sfpm_autosave_tick(autosave);
    }
    ck_assert(!good);
    ck_assert_msg(strstr(sfpm_last_error(), "none") != NULL, "%s", sfpm_last_error());
    ck_assert(!sfpm_autosave_stop(autosave));
    ck_assert_ptr_null(sfpm_autosave_start(snapshot, "a.img", -1, NULL, NULL));
    ck_assert_ptr_null(sfpm_autosave_start(NULL, "a.img", 1, NULL, NULL));
    ck_assert(!sfpm_autosave_tick(NULL));
    ck_assert(sfpm_autosave_stop(NULL));
}
END_TEST

START_TEST(nonsense_is_refused)
{
    const sfpm_job_options_t bad = {.struct_size = sizeof bad,
                                    .copying = (sfpm_copying_t)4};
    ck_assert_ptr_null(sfpm_snapshot_commit_async(NULL, "a.img", NULL, NULL));
    ck_assert_ptr_null(sfpm_snapshot_save_async(snapshot, NULL, NULL));
    ck_assert_ptr_null(sfpm_snapshot_save_async(snapshot, "a.img", &bad));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(!sfpm_job_wait(NULL));
    ck_assert(sfpm_job_is_over(NULL));
    sfpm_job_cancel(NULL);
    sfpm_job_destroy(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot_job");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    TCase *limits = add_case(suite, "Limits", set_up, tear_down);
    tcase_add_loop_test(core, the_state_is_that_of_the_call, 0, NUM_WAYS);
    tcase_add_loop_test(core, a_file_is_replaced, 0, NUM_WAYS);
    tcase_add_loop_test(core, the_state_is_that_of_the_stop, 0, NUM_WAYS);
    tcase_add_test(core, the_snapshot_is_taken_meanwhile);
    tcase_add_test(core, log_and_progress_are_those_of_the_snapshot);
    tcase_add_test(core, the_program_sees_no_child);
    tcase_add_loop_test(limits, a_refusal_leaves_the_old_commit, 0, NUM_WAYS);
    tcase_add_loop_test(limits, a_cancelled_job_leaves_the_old_commit, 0, NUM_WAYS);
    tcase_add_test(limits, a_commit_over_anothers_is_refused);
    tcase_add_loop_test(limits, a_full_disk_leaves_the_old_commit, 0, NUM_WAYS);
    tcase_add_test(limits, without_address_space_nothing_is_started);
    tcase_add_test(limits, without_a_process_nothing_is_started);
    tcase_add_test(limits, a_kill_leaves_a_whole_commit);
    tcase_add_test(core, it_is_saved_by_itself);
    tcase_add_test(limits, an_autosave_tells_of_failures);
    tcase_add_test(limits, nonsense_is_refused);
    tcase_add_test(limits, a_child_cannot_wait_for_its_parents_job);
    return run_all(suite);
}
