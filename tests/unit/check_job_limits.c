/* SPDX-License-Identifier: MIT */
/*
 * Background saves when something runs out: memory at every allocation, address space,
 * processes, threads. The job or the call that starts it fails and says why, the file is
 * the old one, nothing leaks, and the next save works. And what other threads fork
 * meanwhile does not keep a job from ending.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "scarce.h"
#include "snapshot/snapshot.h"
#include "snapshot_common.h"

/* ---- What the library calls ------------------------------------------------ */

/* Names given by the linker. */
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd,
                  off_t offset);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

/* The calls that fail from now on. */
static struct {
    bool mmap, fork, thread;
    unsigned count; /* that failed */
} refused;

static bool refuse(bool refuses, int error)
{
    errno = error;
    refused.count += refuses;
    return refuses;
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd,
                  off_t offset)
{
    if (refuse(refused.mmap && (flags & MAP_SHARED) && fd < 0, ENOMEM))
        return MAP_FAILED;
    return __real_mmap(address, size, protection, flags, fd, offset);
}

static void forking(void);

pid_t __wrap_fork(void)
{
    if (refuse(refused.fork, EAGAIN))
        return -1;
    forking();
    return __real_fork();
}

long __wrap_syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
#ifdef SYS_clone
    if (number == SYS_clone) {
        if (refuse(refused.fork, EAGAIN))
            return -1;
        forking();
    }
#endif
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                          arguments[4], arguments[5]);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    if (refuse(refused.thread, EAGAIN))
        return EAGAIN;
    return __real_pthread_create(thread, attributes, start, argument);
}

/* ---- What is saved --------------------------------------------------------- */

static uint8_t small[40];
static uint8_t *large; /* watched, once there is a commit */
enum { LARGE = (1 << 20) + 8192, USED = 20000 };
static sfpm_snapshot_t *snapshot;

static void set_memory(unsigned seed)
{
    fill(small, sizeof small, seed);
    fill(large + LARGE / 2, USED, seed + 1);
}

/* A file with state 1, and memory with state 100. */
static void prepare(void)
{
    set_memory(1);
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("small", small, sizeof small);
    add(snapshot, "large", large, LARGE);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    set_memory(100);
}

static void set_up(void)
{
    enter_directory();
    large = sfpm_alloc_region(LARGE);
    ck_assert_ptr_nonnull(large);
    prepare();
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    snapshot = NULL;
    sfpm_free_region(large, LARGE);
    leave_directory();
}

/* The state that the file holds; memory is what it was. */
static unsigned state_of_file(void)
{
    static uint8_t now[LARGE];
    sfpm_snapshot_t *reader = snapshot_of("small", small, sizeof small);
    memcpy(now, large, LARGE);
    add(reader, "large", large, LARGE);
    ck_assert_works(sfpm_snapshot_restore("a.img", reader));
    sfpm_snapshot_destroy(reader);
    unsigned found = 0;
    static uint8_t wanted[USED];
    for (unsigned seed = 1; seed <= 100; seed += 99) {
        fill(wanted, sizeof wanted, seed + 1);
        if (memcmp(large + LARGE / 2, wanted, sizeof wanted) == 0)
            found = seed;
    }
    memcpy(large, now, LARGE);
    fill(small, sizeof small, 100);
    return found;
}

static bool stop(void *context)
{
    return context == NULL;
}

static const struct {
    const char *name;
    sfpm_copying_t copying;
    bool (*stop)(void *context);
    bool saves; /* rather than commits */
} ways[] = {
    {"at once", SFPM_COPYING_AT_ONCE, NULL, false},
    {"by a child", SFPM_COPYING_CHILD, NULL, false},
    {"in rounds", SFPM_COPYING_ROUNDS, stop, false},
    {"a save by a child, stopped", SFPM_COPYING_CHILD, stop, true},
};
enum { NUM_WAYS = sizeof ways / sizeof ways[0] };

static bool run_job(int way)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .copying = ways[way].copying,
                                        .stop = ways[way].stop};
    sfpm_job_t *job =
        ways[way].saves ? sfpm_snapshot_save_async(snapshot, "a.img", &options)
                        : sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
    bool ok = job && sfpm_job_wait(job);
    sfpm_job_destroy(job);
    return ok;
}

/* The state is saved by the next job that has what it needs. */
static void expect_usable(int way)
{
    ck_assert_msg(run_job(way), "%s: %s", ways[way].name, sfpm_last_error());
    ck_assert_uint_eq(state_of_file(), 100);
}

/* ---- What runs out --------------------------------------------------------- */

/* Runs a job with memory for `after` allocations; returns whether it met a failing one. */
static bool try_with(int way, size_t after, bool every)
{
    prepare();
    scarce_begin(after, every);
    bool ok = run_job(way);
    size_t failures = scarce_end();
    if (!ok) {
        ck_assert_msg(failures > 0, "%s: %s", ways[way].name, sfpm_last_error());
        ck_assert_msg(sfpm_last_status() == SFPM_ERR_MEMORY, "%s, allocation %zu: %s",
                      ways[way].name, after, sfpm_last_error());
        ck_assert_msg(scarce_blocks() <= 0, "%s, allocation %zu: %td blocks leak",
                      ways[way].name, after, scarce_blocks());
        ck_assert_uint_eq(state_of_file(), 1);
        if (every)
            expect_usable(way);
    } else {
        ck_assert_uint_eq(state_of_file(), 100);
    }
    return failures > 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t after = 0;
    while (try_with(_i, after, false) && try_with(_i, after, true))
        after++;
    ck_assert_uint_gt(after, 10); /* allocations were met */
}
END_TEST

START_TEST(what_the_system_refuses_fails_the_job)
{
    static bool *const calls[] = {&refused.mmap, &refused.fork, &refused.thread};
    static const char *const texts[] = {"out of memory", "cannot fork",
                                        "cannot start a thread"};
    for (int call = 0; call < 3; call++) {
        prepare();
        *calls[call] = true;
        refused.count = 0;
        bool ok = run_job(_i);
        *calls[call] = false;
        ck_assert_int_eq(ok, refused.count == 0);
        if (ok) /* it did without */
            continue;
        ck_assert_msg(strstr(sfpm_last_error(), texts[call]), "%s: %s", ways[_i].name,
                      sfpm_last_error());
        ck_assert_uint_eq(state_of_file(), 1);
        expect_usable(_i);
    }
}
END_TEST

/* ---- Known changes --------------------------------------------------------- */

enum { BIG = 40 << 20, CHUNK = 65536 };

/* The image holds what memory was at the moment, and no later change. */
static void expect_moment(const uint8_t *moment)
{
    sfpm_image_t *image = sfpm_image_open("b.img", NULL);
    uint8_t *found = sfpm_alloc_region(BIG);
    ck_assert_ptr_nonnull(image);
    ck_assert_works(sfpm_image_read(image, 0, 0, found, BIG));
    ck_assert(memcmp(found, moment, BIG) == 0);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_free_region(found, BIG);
    sfpm_image_close(image);
}

/* Commits in the background while no process can be forked, and changes a neighbour of
 * each changed page meanwhile. */
static bool commit_unforked(sfpm_snapshot_t *of, uint8_t *big, size_t step)
{
    uint8_t *moment = sfpm_alloc_region(BIG);
    ck_assert_ptr_nonnull(moment);
    for (size_t at = 4096; at < BIG; at += step)
        big[at]++;
    memcpy(moment, big, BIG);
    refused.fork = true;
    sfpm_job_t *job = sfpm_snapshot_commit_async(of, "b.img", NULL, NULL);
    refused.fork = false;
    for (size_t at = 0; job && at < BIG; at += step)
        big[at + (at / CHUNK % 3) * 4096] ^= 1;
    ck_assert(!job || sfpm_job_wait(job));
    sfpm_job_destroy(job);
    if (job)
        expect_moment(moment);
    sfpm_free_region(moment, BIG);
    return job != NULL;
}

/* Pages that are known to have changed are copied, not the chunks that they lie in; and
 * more than 32 MiB of them by a child. */
START_TEST(few_known_changes_need_no_process)
{
    uint8_t *big = sfpm_alloc_region(BIG);
    for (size_t at = 0; at < BIG; at += 512)
        big[at] = (uint8_t)(at / 4096);
    sfpm_snapshot_t *of = snapshot_of("big", big, BIG);
    ck_assert_works(sfpm_snapshot_set_compression(of, _i ? "zstd" : "none", 0));
    ck_assert_works(sfpm_snapshot_commit(of, "b.img", NULL));
    ck_assert_works(sfpm_snapshot_commit(of, "b.img", NULL));
    if (sfpm_snapshot_tracking(of, 0) == SFPM_TRACKING_PROTECT) {
        ck_assert_msg(commit_unforked(of, big, CHUNK), "%s", sfpm_last_error());
        ck_assert_msg(commit_unforked(of, big, CHUNK), "%s", sfpm_last_error());
        ck_assert(!commit_unforked(of, big, 4096));
        ck_assert_works(sfpm_snapshot_commit(of, "b.img", NULL));
        expect_moment(big);
    } else {
        puts("skipped: changes are not known here");
    }
    sfpm_snapshot_destroy(of);
    sfpm_free_region(big, BIG);
}
END_TEST

/* ---- Other threads --------------------------------------------------------- */

static pid_t bystander; /* a process that another thread forks; 0: none, -1: wanted */
static unsigned pipes;  /* that it has got */

static unsigned count_pipes(void)
{
    char name[300], target[64];
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(name, sizeof name, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(name, target, sizeof target);
        count += length > 5 && memcmp(target, "pipe:", 5) == 0;
    }
    if (folder)
        closedir(folder);
    return count;
}

/* In the very moment in which a job forks: the other process inherits what the job has
 * opened, and lives on. */
static void forking(void)
{
    if (bystander != -1)
        return;
    pipes = count_pipes();
    bystander = __real_fork();
    if (bystander == 0)
        for (;;)
            pause();
}

START_TEST(a_process_of_another_thread_does_not_delay_a_job)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .copying = SFPM_COPYING_CHILD};
    unsigned before = count_pipes();
    bystander = -1;
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
    ck_assert_ptr_nonnull(job);
    ck_assert_int_gt(bystander, 0);
    /* Were it told by a pipe that the copy is complete, this would wait for ever. */
    ck_assert_uint_eq(pipes, before);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    ck_assert_int_eq(kill(bystander, SIGKILL), 0);
    ck_assert_int_eq(waitpid(bystander, NULL, 0), bystander);
    bystander = 0;
    ck_assert_uint_eq(state_of_file(), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job limits");
    TCase *limits = add_case(suite, "Limits", set_up, tear_down);
    tcase_add_loop_test(limits, every_allocation_may_fail, 0, NUM_WAYS);
    tcase_add_loop_test(limits, what_the_system_refuses_fails_the_job, 0, NUM_WAYS);
    tcase_add_loop_test(limits, few_known_changes_need_no_process, 0, 2);
    tcase_add_test(limits, a_process_of_another_thread_does_not_delay_a_job);
    return run_all(suite);
}
