/* SPDX-License-Identifier: MIT */
/*
 * A program with a heap, to be run by AddressSanitizer or valgrind:
 *
 *     watched FAULT  uses memory of the heap that it must not
 *     watched work   does everything that is right, with free blocks all over the heap
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <sfpm/heap.h>
#include <sfpm/hooks.h>
#include <sfpm/job.h>
#include <sfpm/snapshot.h>

enum { BLOCKS = 500, LARGE = 5 << 20 };

typedef struct node {
    struct node *next;
    char text[40];
} node_t;

static sfpm_heap_t *heap;
static sfpm_snapshot_t *snapshot;
static uint32_t node_type;
static volatile char sink;

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    exit(9);
}
#define WORKS(call) expect((call), #call)

static void start(bool red_zones)
{
    static const size_t pointers[] = {offsetof(node_t, next)};
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = (size_t)256 << 20,
                                         .red_zones = red_zones};
    const sfpm_heap_type_t node = {.struct_size = sizeof node,
                                   .name = "node",
                                   .size = sizeof(node_t),
                                   .pointers = pointers,
                                   .num_pointers = 1};
    heap = sfpm_heap_create("watched", &options);
    snapshot = sfpm_snapshot_create();
    expect(heap && snapshot, "start");
    node_type = sfpm_heap_register_type(heap, &node);
    WORKS(node_type && sfpm_heap_add_to_snapshot(heap, snapshot));
}

static void stop(void)
{
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}

/* Blocks of all sizes, of which two of three are freed. */
static void fill(void)
{
    static void *blocks[BLOCKS];
    node_t *list = NULL;
    for (size_t i = 0; i < BLOCKS; i++) {
        node_t *node = sfpm_heap_alloc_type(heap, node_type, i % 7 + 1);
        size_t size = i * i % 5000;
        blocks[i] = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, size);
        expect(node && blocks[i], "alloc");
        memset(blocks[i], (int)i, size);
        node->next = &node[i % 7];
        node[i % 7].next = list;
        list = node;
    }
    WORKS(sfpm_heap_set_root(heap, "list", list));
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 3)
            WORKS(sfpm_heap_free(heap, blocks[i]));
    void *large = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, LARGE);
    void *aligned = sfpm_heap_alloc_aligned(heap, 4096, 100);
    expect(large && aligned && (uintptr_t)aligned % 4096 == 0, "alloc");
    WORKS(sfpm_heap_free(heap, aligned));
    large = sfpm_heap_realloc(heap, large, LARGE / 2);
    expect(large != NULL, "realloc");
    ((char *)large)[LARGE / 2 - 1] = 1;
    WORKS(sfpm_heap_free(heap, large));
    char *small = sfpm_heap_realloc(heap, blocks[0], 1);
    for (size_t size = 1; size < 3000; size += 100) {
        expect((small = sfpm_heap_realloc(heap, small, size)) != NULL, "realloc");
        memset(small, 1, size);
    }
}

/* The list is as it was built. */
static void check(void)
{
    size_t count = 0;
    for (const node_t *node = sfpm_heap_root(heap, "list"); node; node = node->next)
        count++;
    expect(count >= BLOCKS && sfpm_heap_check(heap), "check");
}

static bool count_address(void *context, const sfpm_address_hint_t *hint)
{
    (void)hint;
    ++*(size_t *)context;
    return true;
}

static bool pause_writers(void *context)
{
    (void)context;
    return true;
}

static void save_in_background(sfpm_copying_t copying, bool stopping)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options,
                                        .copying = copying,
                                        .stop = stopping ? pause_writers : NULL};
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
    expect(job != NULL, "async");
    WORKS(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    fill();
}

/* In a process in which the heap must lie elsewhere. */
static void move(void)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    WORKS(sfpm_heap_stats(heap, &stats));
    stop();
    void *place = (void *)(uintptr_t)stats.base;
    void *other = mmap(place, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(other != MAP_FAILED, "mmap");
    start(true);
    WORKS(sfpm_heap_restore(heap, "a.img", NULL));
    check();
    munmap(other, 4096);
}

static void work(bool red_zones, sfpm_tracking_t tracking)
{
    size_t count = 0;
    remove("a.img");
    start(red_zones);
    WORKS(sfpm_snapshot_set_tracking(snapshot, tracking));
    fill();
    WORKS(sfpm_snapshot_save(snapshot, "b.img"));
    WORKS(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    fill();
    WORKS(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    fill();
    WORKS(sfpm_snapshot_revert(snapshot));
    check();
    WORKS(sfpm_snapshot_find_addresses(snapshot, count_address, &count));
    save_in_background(SFPM_COPYING_AT_ONCE, false);
    save_in_background(SFPM_COPYING_CHILD, false);
    save_in_background(SFPM_COPYING_ROUNDS, true);
    save_in_background(SFPM_COPYING_CHILD, true);
    WORKS(sfpm_snapshot_save_delta(snapshot, "a.img", "d.img"));
    WORKS(sfpm_heap_restore(heap, "a.img", NULL));
    check();
    WORKS(sfpm_snapshot_restore("a.img", snapshot));
    fill();
    check();
    expect(!sfpm_snapshot_restore("none.img", snapshot), "restored from no file");
    move();
    fill();
    WORKS(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    stop();
}

/* @return a block to be used beyond what is allowed */
static char *some_block(bool red_zones)
{
    start(red_zones);
    fill();
    char *block = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 100);
    expect(block != NULL, "alloc");
    return block;
}

static bool leave(void *context)
{
    longjmp(*(jmp_buf *)context, 1);
}

/* Uses what it must not, in the way that is named. */
static void fail_as(const char *how)
{
    char *block = some_block(strncmp(how, "behind", 6) == 0);
    bool commits = strstr(how, "after-commit") != NULL;
    if (commits)
        WORKS(sfpm_snapshot_commit(snapshot, "f.img", NULL));
    if (strcmp(how, "behind") == 0 || strcmp(how, "behind-after-commit") == 0) {
        sink = block[commits ? 112 : 100];
        return;
    }
    if (strcmp(how, "large") == 0)
        expect((block = sfpm_heap_realloc(heap, block, LARGE)) != NULL, "realloc");
    WORKS(sfpm_heap_free(heap, block));
    if (strcmp(how, "freed-before-commit") == 0)
        WORKS(sfpm_snapshot_commit(snapshot, "f.img", NULL));
    if (strcmp(how, "freed-before-restore") == 0) {
        WORKS(sfpm_snapshot_commit(snapshot, "f.img", NULL));
        WORKS(sfpm_heap_restore(heap, "f.img", NULL));
    }
    if (strcmp(how, "freed-before-abandon") == 0) {
        jmp_buf back;
        const sfpm_hooks_t hooks = {
            .struct_size = sizeof hooks, .before_save = leave, .context = &back};
        WORKS(sfpm_snapshot_add_hooks(snapshot, &hooks));
        if (setjmp(back) == 0)
            sfpm_snapshot_commit(snapshot, "f.img", NULL);
        WORKS(sfpm_snapshot_abandon(snapshot));
    }
    if (strcmp(how, "freed-before-job") == 0)
        save_in_background(SFPM_COPYING_AT_ONCE, true);
    sink = block[10];
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "work") != 0) {
        fail_as(argv[1]);
        puts("nothing was found");
        return 0;
    }
    work(false, SFPM_TRACKING_AUTO);
    work(true, SFPM_TRACKING_AUTO);
    work(true, SFPM_TRACKING_HASH);
    puts("all is well");
    return 0;
}
