/* SPDX-License-Identifier: MIT */
/* The other ways to allocate. */
#include <string.h>

#include "base/checked.h"
#include "heap/guard.h"

void *sfpm_heap_calloc(sfpm_heap_t *heap, size_t count, size_t size)
{
    size_t total;
    if (!sfpm_mul_size(count, size, &total)) {
        sfpm_fail(SFPM_ERR_LIMIT, "%zu elements of %zu bytes do not fit into any heap",
                  count, size);
        return NULL;
    }
    void *block = sfpm_heap_alloc(heap, total);
    return block ? memset(block, 0, total) : NULL;
}

/* Slabs are aligned to units, and blocks to the power of two in their size: a block of
 * a multiple of the alignment whose class is one, too. */
static size_t size_for_alignment(size_t alignment, size_t size)
{
    uint64_t wanted;
    if (alignment <= GRAIN || !sfpm_align_up(size ? size : 1, alignment, &wanted))
        return size;
    for (; wanted <= SMALL_MAX; wanted += alignment)
        if (sfpm_heap_class_sizes[sfpm_heap_size_class((size_t)wanted)] % alignment == 0)
            return (size_t)wanted;
    return (size_t)(wanted > SMALL_MAX ? wanted : SMALL_MAX + 1);
}

void *sfpm_heap_alloc_aligned(sfpm_heap_t *heap, size_t alignment, size_t size)
{
    if (alignment == 0 || (alignment & (alignment - 1)) || alignment > UNIT_SIZE) {
        sfpm_fail(SFPM_ERR_ARGUMENT,
                  "invalid alignment %zu: must be a power of two, at most %d", alignment,
                  UNIT_SIZE);
        return NULL;
    }
    size = size_for_alignment(alignment, guard_room(heap, size)) - heap->red_zone;
    return sfpm_heap_alloc(heap, size);
}

static bool fits(const place_t *place, size_t size)
{
    uint64_t wanted = size;
    if (size <= SMALL_MAX)
        wanted = sfpm_heap_class_sizes[sfpm_heap_size_class(size)];
    else
        wanted = (wanted + UNIT_SIZE - 1) / UNIT_SIZE * UNIT_SIZE;
    return wanted == place->size;
}

/* Elements of a block with a type are zero where they are not used. */
static void zero_rest(const sfpm_heap_t *heap, const place_t *place, size_t size)
{
    if (place->type >= FIRST_TYPE && size < place->size)
        memset(heap->base + place->start + size, 0, (size_t)(place->size - size));
}

static void *move_block(sfpm_heap_t *heap, void *block, const place_t *place, size_t size)
{
    place_t there;
    size_t whole = (size_t)place->size;
    void *moved = sfpm_block_alloc(heap, place->type, guard_room(heap, size));
    if (!moved || !sfpm_block_expect(heap, moved, &there)) {
        guard_close(heap, block, whole, whole - heap->red_zone);
        return NULL;
    }
    size_t keep = size < whole ? size : whole;
    guard_taken(heap, moved, (size_t)there.size);
    memcpy(moved, block, keep);
    zero_rest(heap, &there, keep);
    guard_close(heap, moved, (size_t)there.size, size);
    sfpm_block_free(heap, block);
    guard_free(heap, block, whole);
    return moved;
}

static void *resize(sfpm_heap_t *heap, void *block, size_t size)
{
    place_t place;
    if (!sfpm_block_expect(heap, block, &place))
        return NULL;
    size_t room = guard_room(heap, size);
    guard_open(heap, block, (size_t)place.size);
    if (!fits(&place, room))
        return move_block(heap, block, &place, size);
    zero_rest(heap, &place, size);
    unit_t *unit = heap_unit(heap, place.unit);
    if (unit->kind == UNIT_LARGE)
        unit->size = room;
    guard_close(heap, block, (size_t)place.size, size);
    return block;
}

void *sfpm_heap_realloc(sfpm_heap_t *heap, void *block, size_t size)
{
    if (!heap || !block)
        return sfpm_heap_alloc(heap, size);
    heap_lock(heap);
    void *result = resize(heap, block, size);
    heap_unlock(heap);
    return result;
}

size_t sfpm_heap_usable_size(const sfpm_heap_t *heap, const void *block)
{
    place_t place;
    if (!heap || !block || !sfpm_block_expect(heap, block, &place))
        return 0;
    return (size_t)place.size - heap->red_zone;
}

bool sfpm_heap_contains(const sfpm_heap_t *heap, const void *address)
{
    place_t place;
    return heap &&
           sfpm_block_find(heap, (uintptr_t)address - (uintptr_t)heap->base, &place);
}
