/* SPDX-License-Identifier: MIT */
/*
 * A heap that lives. An input is a list of operations of 3 bytes: what, which block,
 * and a number. Blocks come, go, grow and point at each other between commits; a restore,
 * in place or where the heap must move, goes back to the last commit. A model says what
 * the heap must hold; it is compared after each restore and at the end.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sfpm/heap.h>

/* As in fuzz.h, of which nothing else is needed. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum {
    OPERATION = 3,
    OPERATIONS_MAX = 400,
    COMMITS_MAX = 3, /* they wait for the disk */
    BLOCKS = 32,
    MAX_SIZE = 64 << 20
};

/* The block that the root names: where the others lie. */
typedef struct table {
    void *block[BLOCKS];
} table_t;

typedef struct node {
    struct node *next;
    uint64_t number;
} node_t;

typedef struct model_block {
    enum { ABSENT, NODE, DATA } kind;
    size_t size;     /* DATA: bytes */
    uint8_t fill;    /* DATA: all bytes; NODE: the number */
    unsigned linked; /* NODE: the block it points to, plus one; 0: none */
} model_block_t;

typedef struct live {
    sfpm_heap_t *heap;
    sfpm_snapshot_t *snapshot;
    uint32_t node_type, table_type;
    table_t *table;
    model_block_t now[BLOCKS], saved[BLOCKS];
    unsigned commits;
    void *in_the_way; /* of a heap that had to move */
    size_t in_the_way_size;
    char path[64];
} live_t;

static void broken(const live_t *live, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    unlink(live->path);
    abort();
}

/* The heap and its snapshot; without a table yet. */
static void start(live_t *live)
{
    static const size_t in_node[] = {offsetof(node_t, next)};
    static size_t in_table[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++)
        in_table[i] = i * sizeof(void *);
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = MAX_SIZE};
    const sfpm_heap_type_t node = {.struct_size = sizeof node,
                                   .name = "node",
                                   .size = sizeof(node_t),
                                   .pointers = in_node,
                                   .num_pointers = 1};
    const sfpm_heap_type_t table = {.struct_size = sizeof table,
                                    .name = "table",
                                    .size = sizeof(table_t),
                                    .pointers = in_table,
                                    .num_pointers = BLOCKS};
    live->heap = sfpm_heap_create("live", &options);
    live->snapshot = sfpm_snapshot_create();
    if (!live->heap || !live->snapshot ||
        !(live->node_type = sfpm_heap_register_type(live->heap, &node)) ||
        !(live->table_type = sfpm_heap_register_type(live->heap, &table)) ||
        !sfpm_heap_add_to_snapshot(live->heap, live->snapshot))
        broken(live, "no heap");
}

static void stop(live_t *live)
{
    sfpm_snapshot_destroy(live->snapshot);
    sfpm_heap_destroy(live->heap);
    if (live->in_the_way)
        munmap(live->in_the_way, live->in_the_way_size);
    live->in_the_way = NULL;
}

static void compare_block(const live_t *live, unsigned i)
{
    const model_block_t *model = &live->now[i];
    const void *block = live->table->block[i];
    if ((model->kind == ABSENT) != (block == NULL))
        broken(live, "a block too many or too few");
    if (model->kind == NODE) {
        const node_t *node = block;
        const void *next = model->linked ? live->table->block[model->linked - 1] : NULL;
        if (node->next != next || node->number != model->fill)
            broken(live, "a node holds something else");
    }
    for (size_t at = 0; model->kind == DATA && at < model->size; at++)
        if (((const uint8_t *)block)[at] != model->fill)
            broken(live, "a block holds something else");
}

static void compare(const live_t *live)
{
    if (!sfpm_heap_check(live->heap) ||
        sfpm_heap_root(live->heap, "table") != live->table)
        broken(live, "the heap is not consistent");
    for (unsigned i = 0; i < BLOCKS; i++)
        compare_block(live, i);
}

static void allocate(live_t *live, unsigned i, uint8_t number)
{
    model_block_t made = {.kind = number % 2 ? NODE : DATA, .fill = number};
    if (live->now[i].kind != ABSENT)
        return;
    if (made.kind == NODE) {
        node_t *node = sfpm_heap_alloc_type(live->heap, live->node_type, 1);
        if (!node)
            broken(live, "no node");
        *node = (node_t){.number = number};
        live->table->block[i] = node;
    } else {
        made.size = (size_t)1 << number % 20;
        live->table->block[i] =
            sfpm_heap_alloc_type(live->heap, SFPM_HEAP_DATA, made.size);
        if (!live->table->block[i])
            broken(live, "no block");
        memset(live->table->block[i], made.fill, made.size);
    }
    live->now[i] = made;
}

/* Nothing may point to it any more. */
static void release(live_t *live, unsigned i)
{
    for (unsigned k = 0; k < BLOCKS; k++)
        if (live->now[k].kind == NODE && live->now[k].linked == i + 1) {
            live->now[k].linked = 0;
            ((node_t *)live->table->block[k])->next = NULL;
        }
    if (!sfpm_heap_free(live->heap, live->table->block[i]))
        broken(live, "not freed");
    live->table->block[i] = NULL;
    live->now[i] = (model_block_t){.kind = ABSENT};
}

static void resize(live_t *live, unsigned i, uint8_t number)
{
    model_block_t *model = &live->now[i];
    size_t size = (size_t)number * number * 5 + 1;
    if (model->kind != DATA)
        return;
    uint8_t *block = sfpm_heap_realloc(live->heap, live->table->block[i], size);
    if (!block)
        broken(live, "not resized");
    if (size > model->size)
        memset(block + model->size, model->fill, size - model->size);
    live->table->block[i] = block;
    model->size = size;
}

static void link_nodes(live_t *live, unsigned i, unsigned to)
{
    if (live->now[i].kind != NODE || live->now[to].kind != NODE)
        return;
    live->now[i].linked = to + 1;
    ((node_t *)live->table->block[i])->next = live->table->block[to];
}

static void commit(live_t *live)
{
    if (live->commits == COMMITS_MAX)
        return;
    if (!sfpm_snapshot_commit(live->snapshot, live->path, NULL))
        broken(live, "no commit");
    memcpy(live->saved, live->now, sizeof live->saved);
    live->commits++;
}

/* What another process does in which the heap's place is taken. */
static void move(live_t *live)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    if (!sfpm_heap_stats(live->heap, &stats))
        broken(live, "no statistics");
    stop(live);
    void *place = (void *)(uintptr_t)stats.base;
    live->in_the_way_size = (size_t)1 << 20;
    live->in_the_way =
        mmap(place, live->in_the_way_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (live->in_the_way == MAP_FAILED)
        abort();
    start(live);
}

static void restore(live_t *live, bool elsewhere)
{
    if (live->commits == 0)
        return;
    if (elsewhere)
        move(live);
    if (!sfpm_heap_restore(live->heap, live->path, NULL))
        broken(live, "not restored");
    live->table = sfpm_heap_root(live->heap, "table");
    memcpy(live->now, live->saved, sizeof live->now);
    compare(live);
}

static void operate(live_t *live, const uint8_t *operation)
{
    unsigned i = operation[1] % BLOCKS, number = operation[2];
    switch (operation[0] % 16) {
    case 0:
        commit(live);
        break;
    case 1:
        restore(live, false);
        break;
    case 2:
        restore(live, true);
        break;
    case 3:
    case 4:
        if (live->now[i].kind != ABSENT)
            release(live, i);
        break;
    case 5:
    case 6:
        resize(live, i, (uint8_t)number);
        break;
    case 7:
    case 8:
        link_nodes(live, i, number % BLOCKS);
        break;
    default:
        allocate(live, i, (uint8_t)number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static live_t live;
    const char *directory = getenv("TMPDIR");
    live = (live_t){.commits = 0};
    snprintf(live.path, sizeof live.path, "%.40s/fuzz-live.%d",
             directory ? directory : "/tmp", (int)getpid());
    unlink(live.path);
    start(&live);
    live.table = sfpm_heap_alloc_type(live.heap, live.table_type, 1);
    if (!live.table || !sfpm_heap_set_root(live.heap, "table", live.table))
        broken(&live, "no table");
    memset(live.table, 0, sizeof *live.table);
    size_t count = length / OPERATION;
    for (size_t n = 0; n < count && n < OPERATIONS_MAX; n++)
        operate(&live, bytes + n * OPERATION);
    compare(&live);
    stop(&live);
    unlink(live.path);
    return 0;
}
