/* SPDX-License-Identifier: MIT */
/*
 * Visits all pointers of a heap, slab by slab, in ascending order. The blocks of a slab
 * have one type and one size, so each pointer of the type repeats at a fixed distance,
 * like a column. Whole columns are passed to the callback, which saves a call for each
 * pointer.
 */

#include "heap/heap.h"

struct sfpm_heap_visitor {
    const walk_t *walk;
    const type_record_t *type;
};

/* The columns of `count` elements that are `stride` bytes apart. */
static bool walk_elements(const walk_t *walk, const type_record_t *type, uint8_t *first,
                          size_t stride, size_t count)
{
    const uint32_t *offsets = walk->heap->header->offsets + type->first_offset;
    for (uint32_t i = 0; walk->pointers && i < type->num_pointers; i++)
        if (!walk->pointers(walk, type, first + offsets[i], stride, count))
            return false;
    offsets += type->num_pointers;
    for (uint32_t i = 0; walk->hosts && i < type->num_hosts; i++)
        if (!walk->hosts(walk, type, first + offsets[i], stride, count))
            return false;
    return true;
}

bool sfpm_heap_visit(sfpm_heap_visitor_t *visitor, void *pointer)
{
    return visitor->walk->pointers(visitor->walk, visitor->type, pointer, 0, 1);
}

/* Blocks that follow each other, each of `size` bytes. */
static bool visit_blocks(const walk_t *walk, const type_record_t *type, uint8_t *block,
                         size_t size, size_t count)
{
    const sfpm_heap_type_t *known = sfpm_types_find(walk->known, type->name);
    sfpm_heap_visitor_t visitor = {walk, type};
    if (!walk->pointers)
        return true;
    if (!known || !known->visit)
        return sfpm_fail(SFPM_ERR_MISMATCH, "type '%s' is not registered", type->name);
    for (; count > 0; count--, block += size)
        if (!known->visit(known->context, block, size, &visitor))
            return false;
    return true;
}

static bool walk_blocks(const walk_t *walk, const type_record_t *type, uint8_t *block,
                        size_t size, size_t count)
{
    if (type->flags & TYPE_VISITED)
        return visit_blocks(walk, type, block, size, count);
    size_t elements = size / type->size; /* of each block */
    if (elements == 1)
        return walk_elements(walk, type, block, size, count);
    for (; count > 0; count--, block += size)
        if (!walk_elements(walk, type, block, type->size, elements))
            return false;
    return true;
}

static bool is_free(const uint64_t *map, uint32_t block)
{
    return map[block / 64] >> block % 64 & 1;
}

/* Runs of blocks that are not free. */
static bool walk_slab(const walk_t *walk, uint32_t number, const unit_t *unit,
                      const type_record_t *type)
{
    const uint64_t *map = heap_map(walk->heap, number);
    uint8_t *blocks = heap_unit_memory(walk->heap, number);
    uint32_t end;
    for (uint32_t begin = 0; begin < unit->capacity; begin = end + 1) {
        end = unit->free ? begin : unit->capacity;
        while (end < unit->capacity && !is_free(map, end))
            end++;
        if (!walk_blocks(walk, type, blocks + (size_t)begin * unit->block_size,
                         unit->block_size, end - begin))
            return false;
    }
    return true;
}

static bool has_pointers(const walk_t *walk, const type_record_t *type)
{
    return (walk->pointers && ((type->flags & TYPE_VISITED) || type->num_pointers)) ||
           (walk->hosts && type->num_hosts);
}

bool sfpm_walk_segment(const walk_t *walk, uint32_t s)
{
    const sfpm_heap_t *heap = walk->heap;
    if (heap->segments[s].kind != SEGMENT_UNITS)
        return true;
    for (uint32_t u = 1; u < UNITS; u++) {
        uint32_t number = s * UNITS + u;
        const unit_t *unit = heap_unit(heap, number);
        bool slab = unit->kind == UNIT_SLAB;
        if (!slab && unit->kind != UNIT_LARGE)
            continue; /* its type is not verified */
        const type_record_t *type = &heap->header->types[unit->type];
        if (has_pointers(walk, type) &&
            !(slab ? walk_slab(walk, number, unit, type)
                   : walk_blocks(walk, type, heap_unit_memory(heap, number),
                                 (size_t)unit->length << UNIT_SHIFT, 1)))
            return false;
    }
    return true;
}
