/* SPDX-License-Identifier: MIT */
/* Large regions of a running program: mapped, watched, saved in the background. */
#include "snapshot/snapshot.h"
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sfpm/sfpm.h>

#include "snapshot/tracking.h"

enum { NUM_PAGES = 1 << 18, CHANGED_PAGES = NUM_PAGES / 100 };

static sfpm_snapshot_t *snapshot_of(void *memory, size_t size)
{
    const sfpm_memory_region_t region = {memory, size, "memory", false};
    const sfpm_region_options_t options = {
        .struct_size = sizeof options, .flags = SFPM_REGION_PORTABLE, .remappable = true};
    sfpm_snapshot_t *snapshot = memory ? sfpm_snapshot_create() : NULL;
    if (snapshot && sfpm_snapshot_add_region_with(snapshot, &region, &options))
        return snapshot;
    sfpm_snapshot_destroy(snapshot);
    bench_fail_sfpm("snapshot");
    return NULL;
}

/* An image of so many bytes that nobody commits to. */
static const char *image_of(size_t size)
{
    static size_t made;
    const char *path = bench_path("live.img");
    if (made == size)
        return path;
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    if (!memory || !bench_save_image(path, memory, size))
        return NULL;
    made = size;
    return path;
}

/* ---- restoring ---- */

static double restore_into(uint8_t *memory, size_t size, sfpm_restore_mode_t mode)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options, .mode = mode};
    const char *path = image_of(size);
    sfpm_snapshot_t *snapshot = path ? snapshot_of(memory, size) : NULL;
    double took = -1;
    if (snapshot) {
        double began = bench_now();
        bool ok = sfpm_snapshot_restore_with(snapshot, path, &options);
        took = bench_now() - began;
        if (!ok)
            took = bench_fail_sfpm("restore");
    }
    sfpm_snapshot_destroy(snapshot);
    return took;
}

static double restore_fresh(intptr_t size)
{
    uint8_t *memory = sfpm_alloc_region((size_t)size);
    double took = restore_into(memory, (size_t)size, SFPM_RESTORE_LAZY_UNVERIFIED);
    sfpm_free_region(memory, (size_t)size);
    return took < 0 ? took : took * 1e6;
}

static double restore_over(intptr_t size, sfpm_restore_mode_t mode)
{
    uint8_t *memory = sfpm_alloc_region((size_t)size);
    if (memory)
        memset(memory, 1, (size_t)size);
    double took = restore_into(memory, (size_t)size, mode);
    sfpm_free_region(memory, (size_t)size);
    return took;
}

static double restore_over_resident(intptr_t size)
{
    double took = restore_over(size, SFPM_RESTORE_LAZY_UNVERIFIED);
    return took < 0 ? took : took * 1e6;
}

static double restore_verified(intptr_t size)
{
    return restore_over(size, SFPM_RESTORE_LAZY);
}

static double micros_25(intptr_t unused)
{
    (void)unused;
    return 25;
}

static double micros_500(intptr_t unused)
{
    (void)unused;
    return 500;
}

static double micros_1000(intptr_t unused)
{
    (void)unused;
    return 1000;
}

/* ---- a program that starts with its state ---- */

static double wake(const char *how)
{
    const char *image = image_of(BENCH_GIB);
    const char *const arguments[] = {getenv("BENCH_WAKE"), image, how, NULL};
    if (!arguments[0])
        return bench_skip();
    return image ? bench_run(arguments) : -1;
}

static double wake_and_read(intptr_t unused)
{
    (void)unused;
    return wake("read");
}

static double wake_and_write(intptr_t unused)
{
    (void)unused;
    return wake("write");
}

static double millis_3(intptr_t unused)
{
    (void)unused;
    return 3e-3;
}

/* ---- finding changes, committing them ---- */

static double copy_all(intptr_t unused)
{
    (void)unused;
    return bench_copy(BENCH_GIB);
}

static void change_pages(uint8_t *memory)
{
    for (int i = 0; i < CHANGED_PAGES; i++)
        memory[bench_random() % NUM_PAGES * BENCH_PAGE + 100]++;
}

static sfpm_snapshot_t *kept;

/* Memory can be watched for one snapshot only. */
static void stop_watching(void)
{
    sfpm_snapshot_destroy(kept);
    kept = NULL;
}

/* A snapshot of 1 GiB that was committed and is watched; kept until another is asked
 * for. */
static sfpm_snapshot_t *watched(sfpm_tracking_t method)
{
    static sfpm_tracking_t by;
    if (kept && by == method)
        return kept;
    stop_watching();
    unlink(bench_path("watched.img"));
    kept = snapshot_of(bench_memory(BENCH_GIB, BENCH_RANDOM), BENCH_GIB);
    by = method;
    if (!kept || !sfpm_snapshot_set_tracking(kept, method) ||
        !sfpm_snapshot_commit(kept, bench_path("watched.img"), NULL)) {
        bench_fail_sfpm("commit");
        return NULL;
    }
    return kept;
}

static double find(intptr_t method)
{
    sfpm_snapshot_t *snapshot = watched((sfpm_tracking_t)method);
    if (!snapshot)
        return -1;
    if (sfpm_dirty_entry(sfpm_snapshot_tracked(snapshot, 0))->method !=
        (sfpm_tracking_t)method)
        return bench_skip();
    change_pages(bench_memory(BENCH_GIB, BENCH_RANDOM));
    double began = bench_now();
    sfpm_tracker_collect(snapshot->tracker);
    double took = bench_now() - began;
    return sfpm_snapshot_commit(snapshot, bench_path("watched.img"), NULL)
               ? took
               : bench_fail_sfpm("commit");
}

static double commit_changed(intptr_t method)
{
    sfpm_snapshot_t *snapshot = watched((sfpm_tracking_t)method);
    if (!snapshot)
        return -1;
    change_pages(bench_memory(BENCH_GIB, BENCH_RANDOM));
    double began = bench_now();
    bool ok = sfpm_snapshot_commit(snapshot, bench_path("watched.img"), NULL);
    return ok ? bench_now() - began : bench_fail_sfpm("commit");
}

static double save_all(intptr_t unused)
{
    (void)unused;
    const char *path = bench_path("full.img");
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    unlink(path);
    double began = bench_now();
    bool ok = memory && bench_save_image(path, memory, BENCH_GIB);
    double took = bench_now() - began;
    unlink(path);
    return ok ? took : -1;
}

/* ---- in the background ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool enough;
static double stopped, pause_time;

static bool stop(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    stopped = bench_now();
    return true;
}

static void go(void *context)
{
    (void)context;
    pause_time = bench_now() - stopped;
    pthread_mutex_unlock(&lock);
}

/* 45,000 writes a second to random pages. */
static void *write_on(void *memory)
{
    enum { RATE = 45000, BURST = 45 };
    uint64_t state = 1;
    while (!atomic_load(&enough)) {
        pthread_mutex_lock(&lock);
        for (int i = 0; i < BURST; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            ((volatile uint8_t *)memory)[(state >> 33) % NUM_PAGES * BENCH_PAGE]++;
        }
        pthread_mutex_unlock(&lock);
        nanosleep(&(struct timespec){.tv_nsec = 1000000000L / RATE * BURST}, NULL);
    }
    return NULL;
}

static double save_in_background(intptr_t copying)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .stop = stop,
                                        .go = go,
                                        .copying = (sfpm_copying_t)copying};
    stop_watching();
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    sfpm_snapshot_t *snapshot = snapshot_of(memory, BENCH_GIB);
    pthread_t writer;
    atomic_store(&enough, false);
    if (!snapshot || pthread_create(&writer, NULL, write_on, memory) != 0)
        return -1;
    sfpm_job_t *job =
        sfpm_snapshot_save_async(snapshot, bench_path("full.img"), &options);
    bool ok = job && sfpm_job_wait(job);
    atomic_store(&enough, true);
    pthread_join(writer, NULL);
    if (!ok)
        bench_fail_sfpm("save");
    sfpm_job_destroy(job);
    sfpm_snapshot_destroy(snapshot);
    unlink(bench_path("full.img"));
    return ok ? pause_time * 1e6 : -1;
}

/* What fork(2) stops a program of 1 GiB for. */
static double fork_pause(intptr_t unused)
{
    (void)unused;
    if (!bench_memory(BENCH_GIB, BENCH_RANDOM))
        return -1;
    double began = bench_now();
    pid_t child = fork();
    double took = bench_now() - began;
    if (child == 0)
        _exit(0);
    if (child < 0)
        return bench_fail("fork");
    waitpid(child, NULL, 0);
    return took * 1e6;
}

#define MIB(count) (intptr_t)((count)*BENCH_MIB)

const bench_row_t bench_live_rows[] = {
    {"lazy restore of 1 MiB, fresh addresses", "25 us", 1, 51, restore_fresh, micros_25,
     MIB(1), "us"},
    {"lazy restore of 64 MiB, fresh addresses", "25 us", 1, 51, restore_fresh, micros_25,
     MIB(64), "us"},
    {"lazy restore of 1 GiB, fresh addresses", "25 us", 1, 51, restore_fresh, micros_25,
     MIB(1024), "us"},
    {"lazy restore of 1 GiB over a resident region", "500 us", 1, 5,
     restore_over_resident, micros_500, MIB(1024), "us"},
    {"verified lazy restore of 1 GiB", "memcpy", 0.75, 5, restore_verified, bench_copy,
     MIB(1024), NULL},
    {"verified lazy restore of 1 GiB", "fread, fresh memory", 0, 5, restore_verified,
     bench_fread, MIB(1024), NULL},
    {"verified lazy restore of 1 GiB", "cp of the image", 0, 3, restore_verified,
     bench_cp, MIB(1024), NULL},
    {"exec, lazy restore of 1 GiB, read 1 %, exit", "3 ms", 1, 21, wake_and_read,
     millis_3, 0, NULL},
    {"exec, lazy restore of 1 GiB, read 1 %, exit", "sbcl, core of 1 GiB", 0, 11,
     wake_and_read, bench_sbcl, 0, NULL},
    {"exec, lazy restore of 1 GiB, write 1 %, exit", "3 ms", 0, 21, wake_and_write,
     millis_3, 0, NULL},
    {"finding 1 % changed pages of 1 GiB, protection", "memcpy", 0.02, 5, find, copy_all,
     SFPM_TRACKING_PROTECT, NULL},
    {"commit of 1 % changed pages of 1 GiB, protection", "full save of 1 GiB", 0.06, 3,
     commit_changed, save_all, SFPM_TRACKING_PROTECT, NULL},
    {"finding 1 % changed pages of 1 GiB, checksums", "memcpy", 0.8, 5, find, copy_all,
     SFPM_TRACKING_HASH, NULL},
    {"pause of a background save of 1 GiB, rounds", "1000 us", 1, 3, save_in_background,
     micros_1000, SFPM_COPYING_AUTO, "us"},
    {"pause of a background save of 1 GiB, rounds", "fork", 0.05, 3, save_in_background,
     fork_pause, SFPM_COPYING_AUTO, "us"},
    {"pause of a background save of 1 GiB, rounds", "redis-server BGSAVE", 0, 3,
     save_in_background, bench_redis, SFPM_COPYING_AUTO, "us"},
    {"pause of a background save of 1 GiB, child", "fork", 0, 3, save_in_background,
     fork_pause, SFPM_COPYING_CHILD, "us"},
    {0},
};
