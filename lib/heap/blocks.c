/* SPDX-License-Identifier: MIT */
/*
 * Blocks: small ones in slabs, large ones in units of their own. Which blocks of a slab
 * are free is told by a map beside it, never by words in the blocks: pages without
 * blocks hold nothing.
 */
#include <string.h>

#include "base/page.h"
#include "heap/guard.h"

#if defined(__GNUC__)
#define LIKELY(x)      __builtin_expect(!!(x), 1)
#define RARE           __attribute__((noinline, cold))
#define COUNT_ZEROS(x) ((uint32_t)__builtin_ctzll(x))
#else
#define LIKELY(x) (x)
#define RARE
static uint32_t COUNT_ZEROS(uint64_t bits)
{
    uint32_t n = 0;
    for (; !(bits & 1); bits >>= 1)
        n++;
    return n;
}
#endif

/* ---- Lists of slabs with free blocks ---- */

static void link_slab(sfpm_heap_t *heap, uint32_t number, unit_t *unit)
{
    bin_t *bin = heap_bin(heap, unit->type, unit->size_class);
    unit->previous = 0;
    unit->next = bin->first;
    if (bin->first)
        heap_unit(heap, bin->first)->previous = number;
    bin->first = number;
}

static void unlink_slab(sfpm_heap_t *heap, unit_t *unit)
{
    if (unit->next)
        heap_unit(heap, unit->next)->previous = unit->previous;
    if (unit->previous)
        heap_unit(heap, unit->previous)->next = unit->next;
    else
        heap_bin(heap, unit->type, unit->size_class)->first = unit->next;
    unit->next = unit->previous = 0;
}

static uint32_t make_slab(sfpm_heap_t *heap, unsigned type, unsigned size_class)
{
    uint32_t number = sfpm_units_take(heap, 1);
    if (!number)
        return 0;
    unit_t *unit = heap_unit(heap, number);
    uint32_t size = sfpm_heap_class_sizes[size_class];
    uint32_t capacity = slab_capacity(size);
    *unit = (unit_t){.kind = UNIT_SLAB,
                     .size_class = (uint8_t)size_class,
                     .type = (uint16_t)type,
                     .block_size = size,
                     .capacity = capacity,
                     .free = capacity,
                     .flags = unit->flags,
                     .reciprocal = (uint32_t)((UINT64_C(1) << 32) / size +
                                              ((UINT64_C(1) << 32) % size != 0))};
    uint64_t *map = heap_map(heap, number);
    memset(map, 0xff, capacity / 64 * sizeof *map);
    if (capacity % 64)
        map[capacity / 64] = (UINT64_C(1) << capacity % 64) - 1;
    link_slab(heap, number, unit);
    guard_free(heap, heap_unit_memory(heap, number), UNIT_SIZE);
    return number;
}

/* ---- Small blocks ---- */

/* Takes the first free block of a slab that has one. */
static inline void *take_block(sfpm_heap_t *heap, uint32_t number)
{
    unit_t *unit = heap_unit(heap, number);
    uint64_t *map = heap_map(heap, number);
    uint32_t word = unit->hint;
    while (!map[word])
        word++;
    unit->hint = word;
    uint32_t index = word * 64 + COUNT_ZEROS(map[word]);
    map[word] &= map[word] - 1;
    if (--unit->free == 0)
        unlink_slab(heap, unit);
    return heap_unit_memory(heap, number) + (size_t)index * unit->block_size;
}

static void *alloc_small(sfpm_heap_t *heap, unsigned type, size_t size)
{
    unsigned size_class = sfpm_heap_size_class(size);
    uint32_t number = heap_bin(heap, type, size_class)->first;
    if (!LIKELY(number))
        number = make_slab(heap, type, size_class);
    return LIKELY(number) ? take_block(heap, number) : NULL;
}

/* The pages of a slab that a block lies in, a bit each. */
static inline uint32_t pages_of(const unit_t *unit, uint32_t index)
{
    uint32_t start = index * unit->block_size;
    uint32_t last = (start + unit->block_size - 1) / SFPM_PAGE;
    return (UINT32_C(2) << last) - (UINT32_C(1) << start / SFPM_PAGE);
}

static bool free_small(sfpm_heap_t *heap, uint32_t number, unit_t *unit, uint32_t index)
{
    uint64_t *word = &heap_map(heap, number)[index / 64];
    *word |= UINT64_C(1) << index % 64;
    unit->flags |= pages_of(unit, index) << UNIT_FREED_PAGES;
    if (index / 64 < unit->hint)
        unit->hint = index / 64;
    if (unit->free++ == 0)
        link_slab(heap, number, unit);
    if (unit->free == unit->capacity && (unit->next || unit->previous)) {
        unlink_slab(heap, unit);
        sfpm_units_give(heap, number, 1, false);
    }
    return true;
}

/* ---- Large blocks ---- */

static void *alloc_large(sfpm_heap_t *heap, unsigned type, size_t size)
{
    uint64_t count = ((uint64_t)size + UNIT_SIZE - 1) >> UNIT_SHIFT;
    if (size > heap->reserved || count > UINT32_MAX) {
        sfpm_fail(SFPM_ERR_LIMIT,
                  "a block of %zu bytes does not fit into heap '%s' of %zu bytes", size,
                  heap->name, heap->reserved);
        return NULL;
    }
    uint32_t number = sfpm_units_take(heap, (uint32_t)count);
    if (!number)
        return NULL;
    *heap_unit(heap, number) = (unit_t){.kind = UNIT_LARGE,
                                        .type = (uint16_t)type,
                                        .length = (uint32_t)count,
                                        .size = size};
    for (uint32_t i = 1; i < count && (number + i) % UNITS; i++)
        *heap_unit(heap, number + i) = (unit_t){.kind = UNIT_REST, .length = i};
    return heap_unit_memory(heap, number);
}

/* Many pages are given back at once, few at the next trim. */
static bool free_large(sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    uint32_t count = unit->length;
    bool many = count >= 16;
    sfpm_units_give(heap, number, count, many);
    if (many)
        sfpm_range_discard(heap_unit_memory(heap, number), (size_t)count << UNIT_SHIFT);
    return true;
}

/* ---- From addresses to blocks ---- */

static bool find_in_slab(const sfpm_heap_t *heap, uint64_t offset, const unit_t *unit,
                         place_t *place)
{
    uint32_t within = (uint32_t)(offset % UNIT_SIZE);
    uint32_t index = (uint32_t)((uint64_t)within * unit->reciprocal >> 32);
    if (index >= unit->capacity ||
        heap_map(heap, place->unit)[index / 64] >> index % 64 & 1)
        return false;
    place->index = index;
    place->start = offset - within + (uint64_t)index * unit->block_size;
    place->size = unit->block_size;
    return true;
}

bool sfpm_block_find(const sfpm_heap_t *heap, uint64_t offset, place_t *place)
{
    if (offset >= heap->used)
        return false;
    const segment_entry_t *entry = &heap->segments[offset >> SEGMENT_SHIFT];
    place->unit = (uint32_t)(offset >> UNIT_SHIFT);
    if (entry->kind == SEGMENT_FREE)
        return false;
    if (entry->kind == SEGMENT_REST)
        place->unit = entry->first * UNITS + 1;
    const unit_t *unit = heap_unit(heap, place->unit);
    if (unit->kind == UNIT_REST) {
        place->unit -= unit->length;
        unit = heap_unit(heap, place->unit);
    }
    place->type = unit->type;
    if (unit->kind == UNIT_SLAB)
        return find_in_slab(heap, offset, unit, place);
    place->index = 0;
    place->start = (uint64_t)place->unit << UNIT_SHIFT;
    place->size = (uint64_t)unit->length << UNIT_SHIFT;
    return unit->kind == UNIT_LARGE && offset - place->start < place->size;
}

static bool fail_block(const sfpm_heap_t *heap, const void *block, const char *why)
{
    return sfpm_fail(SFPM_ERR_ARGUMENT, "%p %s heap '%s'", block, why, heap->name);
}

/* Why an address is not that of a block. */
static bool explain(const sfpm_heap_t *heap, const void *block, uint64_t offset)
{
    place_t place;
    if (offset >= heap->used)
        return fail_block(heap, block, "is not in");
    if (sfpm_block_find(heap, offset, &place))
        return fail_block(heap, block, "points into the middle of a block of");
    return fail_block(heap, block, "is not an allocated block (freed already?) of");
}

bool sfpm_block_expect(const sfpm_heap_t *heap, const void *block, place_t *place)
{
    uint64_t offset = (uintptr_t)block - (uintptr_t)heap->base;
    if (sfpm_block_find(heap, offset, place) && place->start == offset)
        return true;
    return explain(heap, block, offset);
}

static inline void *alloc_block(sfpm_heap_t *heap, unsigned type, size_t size)
{
    return LIKELY(size <= SMALL_MAX) ? alloc_small(heap, type, size)
                                     : alloc_large(heap, type, size);
}

static inline bool free_block(sfpm_heap_t *heap, void *block)
{
    place_t place;
    uint64_t offset = (uintptr_t)block - (uintptr_t)heap->base;
    if (!LIKELY(sfpm_block_find(heap, offset, &place) && place.start == offset))
        return explain(heap, block, offset);
    unit_t *unit = heap_unit(heap, place.unit);
    return LIKELY(unit->kind == UNIT_SLAB)
               ? free_small(heap, place.unit, unit, place.index)
               : free_large(heap, place.unit, unit);
}

void *sfpm_block_alloc(sfpm_heap_t *heap, unsigned type, size_t size)
{
    return alloc_block(heap, type, size);
}

bool sfpm_block_free(sfpm_heap_t *heap, void *block)
{
    return free_block(heap, block);
}

/* ---- Blocks that threads share, or a sanitizer watches ---- */

static RARE void *alloc_guarded(sfpm_heap_t *heap, unsigned type, size_t size)
{
    place_t place;
    void *block = sfpm_block_alloc(heap, type, guard_room(heap, size));
    if (!block || !sfpm_block_expect(heap, block, &place))
        return NULL;
    guard_taken(heap, block, (size_t)place.size);
    guard_close(heap, block, (size_t)place.size, size);
    return block;
}

static RARE bool free_guarded(sfpm_heap_t *heap, void *block)
{
    place_t place;
    if (!sfpm_block_expect(heap, block, &place))
        return false;
    guard_open(heap, block, (size_t)place.size); /* what is large may be zeroed now */
    sfpm_block_free(heap, block);
    guard_free(heap, block, (size_t)place.size);
    return true;
}

static void *alloc_carefully(sfpm_heap_t *heap, unsigned type, size_t size)
{
    heap_lock(heap);
    void *block = heap->guarded ? alloc_guarded(heap, type, size)
                                : alloc_block(heap, type, size);
    heap_unlock(heap);
    return block;
}

static bool free_carefully(sfpm_heap_t *heap, void *block)
{
    heap_lock(heap);
    bool ok = heap->guarded ? free_guarded(heap, block) : free_block(heap, block);
    heap_unlock(heap);
    return ok;
}

/* ---- The public functions ---- */

void *sfpm_heap_alloc(sfpm_heap_t *heap, size_t size)
{
    if (!heap) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no heap was given");
        return NULL;
    }
    return LIKELY(!heap->careful)
               ? alloc_block(heap, heap->alloc_type, size)
               : alloc_carefully(heap, heap->alloc_type, size);
}

bool sfpm_heap_free(sfpm_heap_t *heap, void *block)
{
    if (!heap)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no heap was given");
    if (!block)
        return true;
    return LIKELY(!heap->careful) ? free_block(heap, block)
                                  : free_carefully(heap, block);
}
