/* SPDX-License-Identifier: MIT */
/*
 * Tables of heaps. An input is what to change in the memory of a heap that was built
 * here: 6 bytes for each change, where (an entry of `tables`, then an offset of 24 bits)
 * and what (two bytes). The changed heap is saved, so that all checksums are right,
 * surveyed, and restored where another heap lies, so that it must move. What is accepted
 * must be of use: its tables are right, before and after blocks come and go. Only some
 * of those that are refused take the way through a file, which is slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "base/poison.h"
#include "heap/heap.h"

/* As in fuzz.h, whose places are others than a heap's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

typedef struct node {
    struct node *next;
    struct node *children[2];
    uint64_t count;
} node_t;

/* Has addresses outside of the heap. */
typedef struct object {
    const char *symbol;
    const char *of_module;
} object_t;

static const char places[2], without_name,
    unused; /* the symbol is elsewhere when restored */

enum { CHANGE = 6, CHANGES_MAX = 64 };

static uint8_t *memory; /* of the heap as it is built */
static size_t size;
static char path[64];

static void broken(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, sfpm_last_error());
    unlink(path);
    abort();
}

static bool visit(void *context, void *block, size_t length, sfpm_heap_visitor_t *visitor)
{
    (void)context;
    for (size_t at = 0; at + sizeof(void *) <= length; at += sizeof(void *))
        if (!sfpm_heap_visit(visitor, (uint8_t *)block + at))
            return false;
    return true;
}

static uint32_t add_types(sfpm_heap_t *heap, const char *place)
{
    static const size_t pointers[] = {offsetof(node_t, next), offsetof(node_t, children),
                                      offsetof(node_t, children) + sizeof(void *)};
    const sfpm_heap_type_t node = {.struct_size = sizeof node,
                                   .name = "node",
                                   .size = sizeof(node_t),
                                   .pointers = pointers,
                                   .num_pointers = 3};
    const sfpm_heap_type_t list = {
        .struct_size = sizeof list, .name = "list", .size = 1, .visit = visit};
    static const size_t hosts[] = {offsetof(object_t, symbol),
                                   offsetof(object_t, of_module)};
    const sfpm_heap_type_t object = {.struct_size = sizeof object,
                                     .name = "object",
                                     .size = sizeof(object_t),
                                     .hosts = hosts,
                                     .num_hosts = 2};
    uint32_t type = sfpm_heap_register_type(heap, &node);
    if (!type || sfpm_heap_register_type(heap, &list) != type + 1 ||
        sfpm_heap_register_type(heap, &object) != type + 2 ||
        !sfpm_heap_register_symbol(heap, "place", place) ||
        !sfpm_heap_register_symbol(heap, "unused", &unused))
        broken("types and symbols were not registered");
    return type;
}

static void fill(sfpm_heap_t *heap, uint32_t type)
{
    node_t *last = NULL;
    for (int i = 0; i < 3000; i++) {
        node_t *node = sfpm_heap_alloc_type(heap, type, 1 + (size_t)i % 3);
        if (!node)
            broken("no block");
        node->next = last;
        node->children[i % 2] = last;
        last = i % 50 ? node : last;
    }
    void **list = sfpm_heap_alloc_type(heap, type + 1, 5 * sizeof *list);
    void *large = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 300000);
    void *huge = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 5000000);
    object_t *object = sfpm_heap_alloc_type(heap, type + 2, 1);
    if (!list || !large || !huge || !object || !sfpm_heap_set_root(heap, "nodes", last) ||
        !sfpm_heap_set_root(heap, "object", object) ||
        !sfpm_heap_set_root(heap, "list", list) ||
        !sfpm_heap_set_root(heap, "large", (uint8_t *)large + 70000))
        broken("no block");
    list[0] = last;
    list[4] = huge;
    *object = (object_t){&places[0], &without_name};
}

/* The address stays taken. */
static void build(void)
{
    static sfpm_heap_t *heap; /* to the end */
    heap = sfpm_heap_create("fuzz", NULL);
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    const char *directory = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.40s/fuzz-heap.%d", directory ? directory : "/tmp",
             (int)getpid());
    if (!heap)
        broken("no heap");
    fill(heap, add_types(heap, &places[0]));
    sfpm_heap_trim(heap);
    sfpm_hosts_record(heap);
    if (!sfpm_heap_stats(heap, &stats))
        broken("no statistics");
    memory = (uint8_t *)(uintptr_t)stats.base;
    size = (size_t)stats.size;
    sfpm_unpoison(memory, size, true); /* free blocks are saved, too */
}

static bool expected(sfpm_status_t status)
{
    return status == SFPM_ERR_CORRUPT || status == SFPM_ERR_MISMATCH ||
           status == SFPM_ERR_UNSUPPORTED || status == SFPM_ERR_LIMIT ||
           status == SFPM_ERR_MEMORY;
}

static void save(uint8_t *bytes)
{
    const sfpm_memory_region_t region = {bytes, size, "fuzz", true};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (!snapshot || !sfpm_snapshot_add_region(snapshot, &region) ||
        !sfpm_snapshot_save(snapshot, path))
        broken("not saved");
    sfpm_snapshot_destroy(snapshot);
}

static void survey(void)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    if (!image)
        broken("not opened");
    sfpm_heap_survey_t *survey = sfpm_heap_survey(image, 0, NULL);
    if (!survey && sfpm_last_status() != SFPM_ERR_NOT_FOUND &&
        !expected(sfpm_last_status()))
        broken("not surveyed, with a wrong status");
    sfpm_heap_survey_free(survey);
    sfpm_image_close(image);
}

/* Blocks come and go in a heap that was accepted. */
static void use(sfpm_heap_t *heap)
{
    void *blocks[32];
    if (!sfpm_heap_check(heap))
        broken("restored, but damaged");
    for (size_t i = 0; i < 32; i++)
        blocks[i] = sfpm_heap_alloc_type(heap, i % 4 ? SFPM_HEAP_DATA : 2, 1 + i * i * 9);
    for (size_t i = 0; i < 32; i++)
        if (blocks[i])
            memset(blocks[i], 0, sfpm_heap_usable_size(heap, blocks[i]));
    if (sfpm_heap_root(heap, "nodes"))
        sfpm_heap_set_root(heap, "nodes", NULL);
    for (size_t i = 0; i < 32; i += 2)
        if (!sfpm_heap_free(heap, blocks[i]))
            broken("a block could not be freed");
    sfpm_heap_trim(heap);
    if (!sfpm_heap_check(heap))
        broken("damaged by use");
}

/* Nothing was changed: so addresses of this process are in it. */
static void expect_bound(const sfpm_heap_t *heap)
{
    const object_t *object = sfpm_heap_root(heap, "object");
    if (!object || object->symbol != &places[1] || object->of_module != &without_name)
        broken("addresses were not bound");
}

static void restore(bool changed)
{
    sfpm_heap_t *heap = sfpm_heap_create("fuzz", NULL);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    if (!heap || !snapshot || !sfpm_heap_add_to_snapshot(heap, snapshot))
        broken("no heap");
    add_types(heap, &places[1]);
    bool ok = sfpm_heap_restore(heap, path, NULL);
    if (!changed)
        expect_bound(heap);
    if (ok)
        use(heap);
    else if (!expected(sfpm_last_status()))
        broken("refused with a wrong status");
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}

/* The parts of the memory that are worth a change. */
static uint8_t *find_place(const uint8_t *change)
{
    enum { UNIT_TABLES = offsetof(segment_t, units) + 10 * sizeof(unit_t) };
    static const struct {
        size_t begin, length;
    } tables[] = {{HEADER_AT, offsetof(header_t, roots)},
                  {HEADER_AT + offsetof(header_t, roots), 4 * sizeof(root_t)},
                  {HEADER_AT + offsetof(header_t, offsets), 24},
                  {HEADER_AT + offsetof(header_t, types), 5 * sizeof(type_record_t)},
                  {SEGMENTS_AT, 4 * sizeof(segment_entry_t)},
                  {0, 16},
                  {offsetof(segment_t, units), UNITS * sizeof(unit_t)},
                  {offsetof(segment_t, maps), sizeof(((segment_t *)0)->maps)},
                  {SEGMENT_SIZE, 16},
                  {SEGMENT_SIZE + offsetof(segment_t, units), 4 * sizeof(unit_t)},
                  {2 * (size_t)SEGMENT_SIZE, UNIT_TABLES},
                  {0, 2 * (size_t)SEGMENT_SIZE},
                  {HEADER_AT + offsetof(header_t, symbols), 2 * sizeof(symbol_t)},
                  {HEADER_AT + offsetof(header_t, modules), 4 * sizeof(module_t)}};
    size_t table = change[0] % (sizeof tables / sizeof *tables);
    size_t offset = change[1] | (size_t)change[2] << 8 | (size_t)change[3] << 16;
    return memory + tables[table].begin + offset % (tables[table].length - 1);
}

static bool acceptable(void)
{
    sfpm_heap_t heap = {.name = path};
    sfpm_heap_attach(&heap, memory, size, size);
    return sfpm_check_header(heap.header, size) && sfpm_check_tables(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint8_t old[CHANGES_MAX][2];
    size_t count = length / CHANGE < CHANGES_MAX ? length / CHANGE : CHANGES_MAX;
    if (!memory)
        build();
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = find_place(bytes + i * CHANGE);
        memcpy(old[i], at, 2);
        memcpy(at, bytes + i * CHANGE + 4, 2);
    }
    bool write = acceptable() || length % 16 == 0;
    if (write)
        save(memory);
    for (size_t i = count; i-- > 0;)
        memcpy(find_place(bytes + i * CHANGE), old[i], 2);
    if (!write)
        return 0;
    survey();
    restore(count > 0);
    unlink(path);
    return 0;
}
