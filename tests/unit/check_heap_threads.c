/* SPDX-License-Identifier: MIT */
/* Several threads allocate and free in one heap. What ThreadSanitizer sees in it is the
 * point of a build with it; elsewhere the blocks and the tables are looked at. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/heap.h>

#include "common.h"

#define NUM_THREADS 4
#define NUM_BLOCKS  64
#define NUM_STEPS   20000

typedef struct worker {
    sfpm_heap_t *heap;
    uint32_t state; /* of its random numbers */
    uint8_t *blocks[NUM_BLOCKS];
    size_t sizes[NUM_BLOCKS];
    const char *fault;
} worker_t;

/* Blocks that go from thread to thread, so that one frees what another allocated. */
static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *exchanged;
static size_t exchanged_size;

static sfpm_heap_t *new_heap(bool thread_safe)
{
    /* Of the places where others put nothing, one that ThreadSanitizer leaves free. */
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .address = sizeof(void *) > 4 ? 1ULL << 36 : 0,
                                         .max_size = (size_t)256 << 20,
                                         .thread_safe = thread_safe};
    sfpm_heap_t *heap = sfpm_heap_create("threads", &options);
    ck_assert_msg(heap != NULL, "%s", sfpm_last_error());
    return heap;
}

static uint32_t next_random(worker_t *worker)
{
    worker->state ^= worker->state << 13;
    worker->state ^= worker->state >> 17;
    worker->state ^= worker->state << 5;
    return worker->state;
}

/* A block is full of one byte: another's, or a table's, write into it shows. */
static bool is_whole(const uint8_t *block, size_t size)
{
    for (size_t i = 1; i < size; i++)
        if (block[i] != block[0])
            return false;
    return true;
}

static void release(worker_t *worker, size_t i)
{
    if (worker->blocks[i] && !is_whole(worker->blocks[i], worker->sizes[i]))
        worker->fault = "a block was overwritten";
    if (!sfpm_heap_free(worker->heap, worker->blocks[i]))
        worker->fault = "a block cannot be freed";
    worker->blocks[i] = NULL;
}

static void allocate(worker_t *worker, size_t i)
{
    size_t size = 1 + next_random(worker) % (i == 0 ? 100000 : 400);
    worker->blocks[i] = sfpm_heap_alloc(worker->heap, size);
    worker->sizes[i] = size;
    if (worker->blocks[i])
        memset(worker->blocks[i], (int)next_random(worker), size);
    else
        worker->fault = "no block";
}

static void exchange(worker_t *worker, size_t i)
{
    pthread_mutex_lock(&exchange_lock);
    uint8_t *block = exchanged;
    size_t size = exchanged_size;
    exchanged = worker->blocks[i];
    exchanged_size = worker->sizes[i];
    pthread_mutex_unlock(&exchange_lock);
    worker->blocks[i] = block;
    worker->sizes[i] = size;
}

static void *work(void *argument)
{
    worker_t *worker = argument;
    for (size_t n = 0; n < NUM_STEPS && !worker->fault; n++) {
        size_t i = next_random(worker) % NUM_BLOCKS;
        if (n % 8 == 0)
            exchange(worker, i);
        else if (worker->blocks[i])
            release(worker, i);
        else
            allocate(worker, i);
    }
    for (size_t i = 0; i < NUM_BLOCKS; i++)
        release(worker, i);
    return NULL;
}

START_TEST(threads_share_a_heap)
{
    sfpm_heap_t *heap = new_heap(true);
    pthread_t threads[NUM_THREADS];
    static worker_t workers[NUM_THREADS];
    for (size_t i = 0; i < NUM_THREADS; i++) {
        workers[i] = (worker_t){.heap = heap, .state = (uint32_t)(i + 1)};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < NUM_THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < NUM_THREADS; i++)
        ck_assert_msg(!workers[i].fault, "thread %zu: %s", i, workers[i].fault);
    ck_assert(sfpm_heap_free(heap, exchanged));
    ck_assert_msg(sfpm_heap_check(heap), "%s", sfpm_last_error());
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(heap, &stats));
    ck_assert_uint_eq(stats.blocks, 0);
    sfpm_heap_destroy(heap);
}
END_TEST

#ifdef __SANITIZE_THREAD__
static void *allocate_once(void *heap)
{
    sfpm_heap_alloc(heap, 16);
    return NULL;
}

/* Control: without exclusion there is a race, for which the program ends with 66. */
START_TEST(a_race_is_found)
{
    sfpm_heap_t *heap = new_heap(false);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_once, heap), 0);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    exit(0);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("heap threads");
    TCase *tests = add_case(suite, "Core", NULL, NULL);
    tcase_add_test(tests, threads_share_a_heap);
#ifdef __SANITIZE_THREAD__
    tcase_add_exit_test(tests, a_race_is_found, 66);
#endif
    return run_all(suite);
}
