/* SPDX-License-Identifier: MIT */
/* Heaps: allocating against malloc(), and restores at the same and another address. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <sfpm/heap.h>

/* ---- Allocating and freeing ---- */

enum { SLOTS = 20000, STEPS = 2000000 };

static sfpm_heap_t *mix_heap;

static void *take(bool ours, size_t size)
{
    return ours ? sfpm_heap_alloc(mix_heap, size) : malloc(size);
}

static void give(bool ours, void *block)
{
    if (ours)
        sfpm_heap_free(mix_heap, block);
    else
        free(block);
}

/* Blocks of up to 256 bytes, one in 16 of up to 4 KiB, each replaced at random. */
static double mix(bool ours)
{
    static char *slots[SLOTS];
    double began = bench_now();
    for (int i = 0; i < STEPS; i++) {
        uint64_t random = bench_random();
        char **slot = &slots[random % SLOTS];
        size_t size = 8 + (random >> 40) % (random >> 32 & 15 ? 250 : 4000);
        give(ours, *slot);
        *slot = take(ours, size);
        if (!*slot)
            return bench_fail("no memory");
        **slot = 1;
    }
    for (int i = 0; i < SLOTS; i++) {
        give(ours, slots[i]);
        slots[i] = NULL;
    }
    return bench_now() - began;
}

static double mix_ours(intptr_t unused)
{
    (void)unused;
    mix_heap = sfpm_heap_create("bench", NULL);
    double took = mix_heap ? mix(true) : bench_fail_sfpm("create");
    sfpm_heap_destroy(mix_heap);
    return took;
}

static double mix_theirs(intptr_t unused)
{
    (void)unused;
    return mix(false);
}

/* ---- Restoring ---- */

typedef struct node {
    struct node *next;
    uint64_t words[7];
} node_t;

static const size_t node_pointers[] = {0};
static const sfpm_heap_type_t node_type = {.struct_size = sizeof node_type,
                                           .name = "node",
                                           .size = sizeof(node_t),
                                           .pointers = node_pointers,
                                           .num_pointers = 1};

/* Nodes of 64 bytes that are linked in a list, each holding a number of its own. */
static bool fill(sfpm_heap_t *heap, uint32_t type, size_t size)
{
    node_t *last = NULL;
    for (size_t i = 0; i < size / sizeof *last; i++) {
        node_t *node = sfpm_heap_alloc_type(heap, type, 1);
        if (!node)
            return false;
        node->next = last;
        memset(node->words, 0x55, sizeof node->words);
        node->words[0] = i;
        last = node;
    }
    return sfpm_heap_set_root(heap, "list", last);
}

static sfpm_heap_t *open_heap(sfpm_snapshot_t *snapshot, uint32_t *type)
{
    sfpm_heap_t *heap = snapshot ? sfpm_heap_create("bench-list", NULL) : NULL;
    if (!heap)
        return NULL;
    *type = sfpm_heap_register_type(heap, &node_type);
    if (*type && sfpm_heap_add_to_snapshot(heap, snapshot))
        return heap;
    sfpm_heap_destroy(heap);
    return NULL;
}

/* An image of a heap with so many bytes of nodes, made when first asked for. */
static const char *image_of(size_t size)
{
    static size_t made;
    const char *path = bench_path("heap.img");
    uint32_t type;
    if (made == size)
        return path;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *heap = open_heap(snapshot, &type);
    bool ok = heap && fill(heap, type, size) && sfpm_snapshot_save(snapshot, path);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    made = ok ? size : 0;
    return ok ? path : NULL;
}

/* With `other`, the place is taken. */
static double restore(const char *path, sfpm_restore_mode_t mode, bool other)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options, .mode = mode};
    uint32_t type;
    double took = -1;
    sfpm_heap_t *holder = other ? sfpm_heap_create("bench-list", NULL) : NULL;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *heap = path ? open_heap(snapshot, &type) : NULL;
    double began = bench_now();
    if (heap && sfpm_heap_restore(heap, path, &options))
        took = bench_now() - began;
    if (took < 0)
        bench_fail_sfpm("restore of a heap");
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    sfpm_heap_destroy(holder);
    return took;
}

static double restore_there(intptr_t size)
{
    return restore(image_of((size_t)size), SFPM_RESTORE_LAZY_UNVERIFIED, false);
}

static double restore_elsewhere(intptr_t size)
{
    return restore(image_of((size_t)size), SFPM_RESTORE_AUTO, true);
}

/* The same where the system may not use huge pages. */
static double restore_elsewhere_small(intptr_t size)
{
#if defined(__linux__) && defined(PR_SET_THP_DISABLE)
    const char *path = image_of((size_t)size);
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
        return bench_skip();
    double took = restore(path, SFPM_RESTORE_AUTO, true);
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    return took;
#else
    (void)size;
    return bench_skip();
#endif
}

static double fifty_microseconds(intptr_t unused)
{
    (void)unused;
    return 50e-6;
}

const bench_row_t bench_heap_rows[] = {
    {"heap: allocating and freeing, a mix of sizes", "malloc", 1.0, 7, mix_ours,
     mix_theirs, 0, NULL},
    {"heap: 256 MiB with 4 M pointers restored elsewhere", "memcpy", 2.5, 5,
     restore_elsewhere, bench_copy, 256 * (intptr_t)BENCH_MIB, NULL},
    {"heap: 256 MiB restored elsewhere, 4 KiB pages", "memcpy", 7.0, 5,
     restore_elsewhere_small, bench_copy, 256 * (intptr_t)BENCH_MIB, NULL},
    {"heap: 1 GiB restored where it was, unverified", "50 us", 1.0, 7, restore_there,
     fifty_microseconds, BENCH_GIB, NULL},
    {0},
};
