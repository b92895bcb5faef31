/* SPDX-License-Identifier: MIT */
/*
 * All pointers of a heap, one after the other: slab by slab, in the order of addresses,
 * since the blocks of a slab have one type and one size.
 */
#include <string.h>

#include "heap/heap.h"

struct sfpm_heap_visitor {
    const walk_t *walk;
    place_t place;
};

static bool visit_offsets(const walk_t *walk, const type_record_t *type, uint8_t *element)
{
    const uint32_t *offsets = walk->heap->header->offsets + type->first_offset;
    for (uint32_t i = 0; walk->pointer && i < type->num_pointers; i++)
        if (!walk->pointer(walk, type, element + offsets[i]))
            return false;
    for (uint32_t i = 0; walk->host && i < type->num_hosts; i++)
        if (!walk->host(walk, type, element + offsets[type->num_pointers + i]))
            return false;
    return true;
}

bool sfpm_heap_visit(sfpm_heap_visitor_t *visitor, void *pointer)
{
    const walk_t *walk = visitor->walk;
    return walk->pointer(walk, &walk->heap->header->types[visitor->place.type], pointer);
}

static bool walk_block(const walk_t *walk, const place_t *place)
{
    const type_record_t *type = &walk->heap->header->types[place->type];
    uint8_t *block = walk->heap->base + place->start;
    if ((type->flags & TYPE_VISITED) && !walk->pointer)
        return true;
    if (type->flags & TYPE_VISITED) {
        const sfpm_heap_type_t *known = sfpm_types_find(walk->known, type->name);
        sfpm_heap_visitor_t visitor = {walk, *place};
        if (!known || !known->visit)
            return sfpm_fail(SFPM_ERR_MISMATCH, "type '%s' is not registered",
                             type->name);
        return known->visit(known->context, block, (size_t)place->size, &visitor);
    }
    for (uint64_t at = 0; at + type->size <= place->size; at += type->size)
        if (!visit_offsets(walk, type, block + at))
            return false;
    return true;
}

/* The common case, without a call for each block. */
static bool walk_slab(const walk_t *walk, uint32_t number, const unit_t *unit)
{
    const uint64_t *map = heap_map(walk->heap, number);
    place_t place = {.unit = number,
                     .start = (uint64_t)number << UNIT_SHIFT,
                     .size = unit->block_size,
                     .type = unit->type};
    for (uint32_t i = 0; i < unit->capacity; i++, place.start += unit->block_size)
        if (!(map[i / 64] >> i % 64 & 1) && !walk_block(walk, &place))
            return false;
    return true;
}

static bool has_pointers(const walk_t *walk, const unit_t *unit)
{
    const type_record_t *type = &walk->heap->header->types[unit->type];
    return (walk->pointer && ((type->flags & TYPE_VISITED) || type->num_pointers)) ||
           (walk->host && type->num_hosts);
}

bool sfpm_walk_segment(const walk_t *walk, uint32_t s)
{
    const sfpm_heap_t *heap = walk->heap;
    if (heap->segments[s].kind != SEGMENT_UNITS)
        return true;
    for (uint32_t u = 1; u < UNITS; u++) {
        uint32_t number = s * UNITS + u;
        const unit_t *unit = heap_unit(heap, number);
        if (unit->kind == UNIT_SLAB && has_pointers(walk, unit)) {
            if (!walk_slab(walk, number, unit))
                return false;
        } else if (unit->kind == UNIT_LARGE && has_pointers(walk, unit)) {
            const place_t place = {.unit = number,
                                   .start = (uint64_t)number << UNIT_SHIFT,
                                   .size = (uint64_t)unit->length << UNIT_SHIFT,
                                   .type = unit->type};
            if (!walk_block(walk, &place))
                return false;
        }
    }
    return true;
}
