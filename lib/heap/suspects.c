/* SPDX-License-Identifier: MIT */
/* Words that look like pointers although no type describes them: a debugging aid. */
#include <string.h>

#include "heap/heap.h"

typedef struct search {
    const sfpm_heap_t *heap;
    sfpm_heap_suspect_t found;
    void *context;
} search_t;

/* Whether a type describes a pointer that overlaps the word at `at` of a block. */
static bool is_told(const search_t *search, const type_record_t *type, uint64_t at)
{
    const uint32_t *offsets = search->heap->header->offsets + type->first_offset;
    for (uint32_t i = 0; i < type->num_pointers; i++) {
        uint64_t distance = (at + type->size - offsets[i] % type->size) % type->size;
        if (distance < sizeof(void *) || type->size - distance < sizeof(void *))
            return true;
    }
    return false;
}

static bool search_block(const search_t *search, uint32_t number, uint64_t start,
                         uint64_t size)
{
    const sfpm_heap_t *heap = search->heap;
    const type_record_t *type = &heap->header->types[heap_unit(heap, number)->type];
    const uint8_t *block = heap->base + start;
    place_t place;
    if (type->flags & TYPE_VISITED)
        return true;
    for (uint64_t at = 0; at + sizeof(uintptr_t) <= size; at += sizeof(uintptr_t)) {
        uintptr_t value;
        memcpy(&value, block + at, sizeof value);
        uint64_t offset = value - (uintptr_t)heap->base;
        if (sfpm_block_find(heap, offset, &place) && !is_told(search, type, at) &&
            !search->found(search->context, block + at, heap->base + offset))
            return false;
    }
    return true;
}

static bool search_unit(const search_t *search, uint32_t number)
{
    const unit_t *unit = heap_unit(search->heap, number);
    const uint64_t *map = heap_map(search->heap, number);
    uint64_t start = (uint64_t)number << UNIT_SHIFT;
    if (unit->kind == UNIT_LARGE)
        return search_block(search, number, start, unit->size);
    for (uint32_t i = 0; unit->kind == UNIT_SLAB && i < unit->capacity; i++)
        if (!(map[i / 64] >> i % 64 & 1) &&
            !search_block(search, number, start + (uint64_t)i * unit->block_size,
                          unit->block_size))
            return false;
    return true;
}

bool sfpm_heap_check_pointers(const sfpm_heap_t *heap, sfpm_heap_suspect_t found,
                              void *context)
{
    const search_t search = {heap, found, context};
    if (!heap || !found)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         heap ? "callback" : "heap");
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        for (uint32_t u = 1; heap->segments[s].kind == SEGMENT_UNITS && u < UNITS; u++)
            if (!search_unit(&search, s * UNITS + u))
                return true;
    return true;
}
