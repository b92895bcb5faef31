/* SPDX-License-Identifier: MIT */
/*
 * Background saves of a heap that grows and shrinks at each point of a job, and of one
 * that threads change all the time.
 */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "snapshot_common.h"

static const sfpm_copying_t ways[] = {SFPM_COPYING_AUTO, SFPM_COPYING_AT_ONCE,
                                      SFPM_COPYING_ROUNDS, SFPM_COPYING_CHILD};
enum { NUM_WAYS = sizeof ways / sizeof ways[0] };

enum { BLOCK = 1 << 20, GROWN = 6 };

typedef enum point { BEFORE, RUNNING, STOPPING, HOOKED, COPIED, NUM_POINTS } point_t;

typedef struct node {
    struct node *next;
    uint64_t number;
} node_t;

static sfpm_heap_t *heap;
static sfpm_snapshot_t *snapshot;
static node_t **heads;       /* of lists, in the heap */
static uint64_t lengths[16]; /* of the lists, in a region of their own */

static void set_up(void)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .thread_safe = true};
    enter_directory();
    heap = sfpm_heap_create("heap", &options);
    ck_assert_msg(heap != NULL, "%s", sfpm_last_error());
    snapshot = snapshot_of("lengths", lengths, sizeof lengths);
    ck_assert_works(sfpm_heap_add_to_snapshot(heap, snapshot));
    heads = sfpm_heap_calloc(heap, sizeof lengths / sizeof lengths[0], sizeof *heads);
    ck_assert_works(sfpm_heap_set_root(heap, "heads", heads));
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    leave_directory();
}

/* ---- Lists ---- */

/* Asserting costs a system call each time, in Check. */
static void expect(bool good)
{
    if (!good)
        ck_abort_msg("%s", sfpm_last_error());
}

static void push(size_t list, size_t size)
{
    node_t *node = sfpm_heap_alloc(heap, size);
    expect(node != NULL);
    memset(node, (int)list + 1, size);
    node->next = heads[list];
    node->number = ++lengths[list];
    heads[list] = node;
}

static void pop(size_t list)
{
    node_t *node = heads[list];
    if (!node)
        return;
    heads[list] = node->next;
    lengths[list]--;
    sfpm_heap_free(heap, node);
}

/* Each list is as long as the other region says. */
static void expect_lists(size_t count)
{
    ck_assert_works(sfpm_heap_check(heap));
    ck_assert_ptr_eq(sfpm_heap_root(heap, "heads"), heads);
    for (size_t list = 0; list < count; list++) {
        uint64_t number = lengths[list];
        const node_t *node = heads[list];
        for (; node; node = node->next)
            if (node->number != number--)
                ck_abort_msg("list %zu holds number %llu out of place", list,
                             (unsigned long long)node->number);
        ck_assert_uint_eq(number, 0);
    }
}

static void restore(int64_t commit)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .commit = commit};
    ck_assert_works(sfpm_heap_restore(heap, "a.img", &options));
}

/* ---- At each point of a job ---- */

static struct scene {
    bool grows;
    point_t point;
    sem_t changed, copied;
    uint64_t wanted; /* blocks in list 0 */
} scene;

static void happen(point_t point)
{
    if (point != scene.point)
        return;
    for (int i = 0; i < GROWN; i++)
        if (scene.grows)
            push(0, BLOCK);
        else
            pop(0);
}

static bool before_save(void *unused)
{
    happen(HOOKED);
    scene.wanted = lengths[0];
    return unused == NULL;
}

static bool stop(void *unused)
{
    while (sem_wait(&scene.changed) != 0)
        continue;
    happen(STOPPING);
    return unused == NULL;
}

static void go(void *unused)
{
    (void)unused;
    sem_post(&scene.copied);
}

static void save_once(const sfpm_job_options_t *how)
{
    happen(BEFORE);
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, how);
    ck_assert_msg(job != NULL, "%s", sfpm_last_error());
    if (how->stop) {
        happen(RUNNING);
        sem_post(&scene.changed);
        while (sem_wait(&scene.copied) != 0)
            continue;
    }
    happen(COPIED);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
}

static void try_point(point_t point, bool grows, const sfpm_job_options_t *how)
{
    while (lengths[0] < GROWN)
        push(0, BLOCK);
    ck_assert_int_eq(sem_init(&scene.changed, 0, 0), 0);
    ck_assert_int_eq(sem_init(&scene.copied, 0, 0), 0);
    scene.grows = grows;
    scene.point = point;
    save_once(how);
    restore(0);
    ck_assert_uint_eq(lengths[0], scene.wanted);
    expect_lists(1);
}

/* With a hook that comes after the heap's own, and one that comes before it. */
START_TEST(a_heap_changes_at_each_point)
{
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .name = "late", .before_save = before_save};
    const sfpm_job_options_t how = {.struct_size = sizeof how,
                                    .copying = ways[_i % NUM_WAYS],
                                    .stop = _i / NUM_WAYS ? stop : NULL,
                                    .go = go};
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    for (int again = 0; again < 2; again++)
        for (point_t point = 0; point < NUM_POINTS; point++)
            if (how.stop || (point != RUNNING && point != STOPPING)) {
                try_point(point, true, &how);
                try_point(point, false, &how);
            }
}
END_TEST

/* The same in the foreground. */
START_TEST(a_heap_grows_in_a_hook)
{
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .name = "late", .before_save = before_save};
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    scene.grows = true;
    scene.point = HOOKED;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    restore(0);
    ck_assert_uint_eq(lengths[0], GROWN);
    expect_lists(1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    restore(0);
    ck_assert_uint_eq(lengths[0], 2 * GROWN);
    expect_lists(1);
}
END_TEST

static bool damage(void *memory)
{
    ++*(uint64_t *)memory;
    return true;
}

/* A heap whose tables were overwritten is not written over the last good one, whether or
 * not it is known what changed since. */
START_TEST(a_damaged_heap_is_not_saved)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    push(0, BLOCK);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    if (_i / NUM_WAYS)
        ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_heap_stats(heap, &stats));
    uint64_t *magic = (uint64_t *)(uintptr_t)(stats.base + 0x10000);
    const sfpm_job_options_t once = {.struct_size = sizeof once,
                                     .stop = damage,
                                     .copying = ways[_i % NUM_WAYS],
                                     .context = magic};
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &once);
    ck_assert_ptr_nonnull(job);
    ck_assert_fails(sfpm_job_wait(job), SFPM_ERR_CORRUPT, "region 'heap'");
    sfpm_job_destroy(job);
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_CORRUPT,
                    "region 'heap'");
    --*magic;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    restore(0);
    expect_lists(1);
}
END_TEST

/* ---- Threads ---- */

enum { NUM_THREADS = 8, NUM_COMMITS = 24 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool stopped; /* nobody begins to write … */
static int writing;  /* … and so many still do */
static atomic_bool enough;

static void begin_to_write(void)
{
    pthread_mutex_lock(&lock);
    while (stopped)
        pthread_cond_wait(&changed, &lock);
    writing++;
    pthread_mutex_unlock(&lock);
}

static void end_to_write(void)
{
    pthread_mutex_lock(&lock);
    writing--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *change(void *context)
{
    size_t list = (size_t)(uintptr_t)context;
    uint64_t state = list + 1;
    while (!atomic_load(&enough)) {
        begin_to_write();
        state = state * 6364136223846793005U + 1442695040888963407U;
        size_t size = sizeof(node_t) + (size_t)(state >> 33) % 3000;
        if (state >> 60 == 0)
            size *= 100;
        if (state >> 63 && lengths[list] > 200)
            pop(list);
        else if (lengths[list] < 400)
            push(list, size);
        else
            for (int i = 0; i < 300; i++)
                pop(list);
        end_to_write();
    }
    return NULL;
}

static bool stop_writers(void *unused)
{
    pthread_mutex_lock(&lock);
    stopped = true;
    while (writing > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return unused == NULL;
}

static void go_on(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    stopped = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

START_TEST(threads_change_a_heap)
{
    pthread_t threads[NUM_THREADS];
    for (size_t i = 0; i < NUM_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, change, (void *)(uintptr_t)i),
                         0);
    for (int i = 0; i < NUM_COMMITS; i++) {
        const sfpm_job_options_t how = {.struct_size = sizeof how,
                                        .stop = stop_writers,
                                        .go = go_on,
                                        .copying = ways[i % NUM_WAYS]};
        sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &how);
        ck_assert_works(job && sfpm_job_wait(job));
        sfpm_job_destroy(job);
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < NUM_THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i <= NUM_COMMITS; i++) {
        restore(i);
        expect_lists(NUM_THREADS);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job_heap");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_loop_test(core, a_heap_changes_at_each_point, 0, 2 * NUM_WAYS);
    tcase_add_test(core, a_heap_grows_in_a_hook);
    tcase_add_loop_test(core, a_damaged_heap_is_not_saved, 0, 2 * NUM_WAYS);
    tcase_add_test(core, threads_change_a_heap);
    return run_all(suite);
}
