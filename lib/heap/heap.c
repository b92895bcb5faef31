/* SPDX-License-Identifier: MIT */
/* Creates and destroys heaps, and keeps their roots and statistics. */
#include "heap/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"

/* Where 64-bit Linux puts nothing, address randomisation or not, nor sanitizers. */
#define PLACES_BEGIN  UINT64_C(0x200000000000)
#define PLACE_SIZE    UINT64_C(0x1000000000)
#define NUM_PLACES    256
#define DEFAULT_RANGE ((uint64_t)1 << (sizeof(void *) > 4 ? 36 : 28))
#define SMALLEST      ((size_t)64 << 20)

static uint64_t place_for(const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619U;
    return PLACES_BEGIN + hash % NUM_PLACES * PLACE_SIZE;
}

static bool check_options(const char *name, sfpm_heap_options_t *options)
{
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length > 255)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "a heap's name must have 1 to 255 bytes");
    if (options->address % SEGMENT_SIZE || options->address > UINTPTR_MAX)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "0x%llx is not a valid heap address: it must be a multiple of 4 MiB",
            (unsigned long long)options->address);
    uint64_t size = options->max_size ? options->max_size : DEFAULT_RANGE;
    if (size < SEGMENT_SIZE)
        size = SEGMENT_SIZE;
    if (size > MAX_RANGE || size > SIZE_MAX / 2)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "a heap of %llu bytes is too large: the limit is %llu bytes",
                         (unsigned long long)size, (unsigned long long)MAX_RANGE);
    options->max_size = (size_t)((size + SEGMENT_SIZE - 1) / SEGMENT_SIZE * SEGMENT_SIZE);
    return true;
}

/* As large as asked for, or as large as possible when nothing was asked for. */
static bool reserve(sfpm_heap_t *heap, bool may_shrink)
{
    uint64_t address = heap->options.address;
    if (!address && sizeof(void *) > 4)
        address = place_for(heap->name);
    size_t size = heap->options.max_size;
    for (;;) {
        heap->base = sfpm_range_reserve(address, size, false);
        if (heap->base || !may_shrink || size / 2 < SMALLEST)
            break;
        size /= 2;
    }
    heap->reserved = size;
    return heap->base != NULL;
}

static void fill_header(sfpm_heap_t *heap)
{
    header_t *header = heap->header;
    header->magic = HEAP_MAGIC;
    header->version = HEAP_VERSION;
    header->pointer_size = sizeof(void *);
    header->base = (uintptr_t)heap->base;
    header->max_size = heap->reserved;
    header->segments_at = SEGMENTS_AT;
    header->num_types = FIRST_TYPE;
    header->types[TYPE_UNTYPED].size = 1;
    header->types[TYPE_DATA].size = 1;
    header->types[TYPE_DATA].flags = TYPE_PLAIN;
    memcpy(header->types[TYPE_UNTYPED].name, "untyped", 8);
    memcpy(header->types[TYPE_DATA].name, "data", 5);
}

void sfpm_heap_attach(sfpm_heap_t *heap, uint8_t *base, size_t reserved, size_t size)
{
    heap->base = base;
    heap->reserved = reserved;
    heap->used = heap->accessible = size;
    heap->header = (header_t *)(void *)(base + HEADER_AT);
    heap->segments = (segment_entry_t *)(void *)(base + SEGMENTS_AT);
    sfpm_fits_forget(heap);
}

sfpm_heap_t *sfpm_heap_create(const char *name, const sfpm_heap_options_t *options)
{
    sfpm_heap_options_t chosen;
    if (!sfpm_take_options(&chosen, sizeof chosen, options))
        return NULL;
    bool may_shrink = chosen.max_size == 0;
    if (!check_options(name, &chosen))
        return NULL;
    sfpm_heap_t *heap = SFPM_NEW(sfpm_heap_t);
    if (!heap)
        return NULL;
    pthread_mutex_init(&heap->lock, NULL);
    heap->options = chosen;
    heap->alloc_type = chosen.relative ? TYPE_DATA : TYPE_UNTYPED;
    heap->name = sfpm_copy_string(name);
    if (!heap->name || !reserve(heap, may_shrink) || !sfpm_units_start(heap)) {
        sfpm_heap_destroy(heap);
        return NULL;
    }
    fill_header(heap);
    sfpm_guard_start(heap);
    return heap;
}

void sfpm_heap_destroy(sfpm_heap_t *heap)
{
    if (!heap)
        return;
    sfpm_guard_stop(heap);
    sfpm_range_release(heap->base, heap->reserved);
    sfpm_types_free(heap);
    sfpm_fits_forget(heap);
    free(heap->symbols);
    sfpm_name_map_free(&heap->symbol_names);
    pthread_mutex_destroy(&heap->lock);
    free(heap->name);
    free(heap);
}

/* ---- Roots ---- */

/* The root of that name, or the first free entry when `name` is "", or NULL. */
static root_t *find_root(const sfpm_heap_t *heap, const char *name)
{
    header_t *header = heap->header;
    for (uint32_t i = 0; i < header->num_roots; i++)
        if (strncmp(header->roots[i].name, name, NAME_SIZE) == 0)
            return &header->roots[i];
    return NULL;
}

static bool add_root(sfpm_heap_t *heap, const char *name, uint64_t offset)
{
    header_t *header = heap->header;
    root_t *root = find_root(heap, name);
    if (!root)
        root = find_root(heap, "");
    if (!root && header->num_roots == MAX_ROOTS)
        return sfpm_fail(SFPM_ERR_LIMIT, "root '%s': heap '%s' already has %d roots",
                         name, heap->name, MAX_ROOTS);
    if (!root)
        root = &header->roots[header->num_roots++];
    memset(root->name, 0, sizeof root->name);
    memcpy(root->name, name, strlen(name));
    root->offset = offset;
    return true;
}

static void remove_root(sfpm_heap_t *heap, const char *name)
{
    root_t *root = find_root(heap, name);
    if (root)
        memset(root, 0, sizeof *root);
}

bool sfpm_heap_set_root(sfpm_heap_t *heap, const char *name, void *block)
{
    place_t place;
    if (!heap || !name || !*name || strlen(name) >= NAME_SIZE)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no heap or no root name of 1 to %d bytes was given",
                         NAME_SIZE - 1);
    if (!block) {
        remove_root(heap, name);
        return true;
    }
    uint64_t offset = (uintptr_t)block - (uintptr_t)heap->base;
    if (!sfpm_block_find(heap, offset, &place))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "root '%s': %p is not in a block of heap '%s'", name, block,
                         heap->name);
    return add_root(heap, name, offset);
}

void *sfpm_heap_root(const sfpm_heap_t *heap, const char *name)
{
    if (!heap || !name || !*name)
        return NULL;
    const root_t *root = find_root(heap, name);
    return root ? heap->base + root->offset : NULL;
}

/* ---- What it holds ---- */

static void count_unit(const unit_t *unit, sfpm_heap_stats_t *stats)
{
    uint64_t size = 0;
    if (unit->kind == UNIT_SLAB) {
        uint32_t blocks = unit->capacity - unit->free;
        stats->blocks += blocks;
        stats->bytes += (uint64_t)blocks * unit->block_size;
        size = blocks ? unit->block_size : 0;
        stats->free_blocks += blocks ? unit->free : 0;
        stats->free_bytes += blocks ? (uint64_t)unit->free * unit->block_size : 0;
    } else if (unit->kind == UNIT_LARGE) {
        stats->blocks++;
        stats->large_blocks++;
        stats->bytes += unit->size;
        size = unit->size;
    }
    if (size > stats->largest)
        stats->largest = size;
}

bool sfpm_heap_stats(const sfpm_heap_t *heap, sfpm_heap_stats_t *stats)
{
    if (!heap || !stats || stats->struct_size < sizeof *stats)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no heap or no statistics with struct_size set was given");
    *stats = (sfpm_heap_stats_t){.struct_size = sizeof *stats,
                                 .base = (uintptr_t)heap->base,
                                 .reserved = heap->reserved,
                                 .size = heap->used};
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        if (heap->segments[s].kind == SEGMENT_UNITS)
            for (uint32_t u = 1; u < UNITS; u++)
                count_unit(heap_unit(heap, s * UNITS + u), stats);
    return true;
}
