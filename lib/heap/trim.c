/* SPDX-License-Identifier: MIT */
/* Returns pages without blocks to the system; they then take no space in images. */
#include "heap/heap.h"
#include "base/page.h"

enum { PAGE = SFPM_PAGE };

static bool is_free(const uint64_t *map, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++)
        if (!(map[i / 64] >> i % 64 & 1))
            return false;
    return true;
}

/* Whether no block reaches into a page of a slab. */
static bool page_is_free(const uint64_t *map, const unit_t *unit, uint32_t page)
{
    uint32_t first = page * PAGE / unit->block_size;
    uint32_t last = ((page + 1) * PAGE - 1) / unit->block_size;
    if (last >= unit->capacity)
        last = unit->capacity - 1;
    return first >= unit->capacity || is_free(map, first, last);
}

/* Of its free pages those in which a block was freed since the last trim: the others were
 * given back then. */
static void trim_slab(sfpm_heap_t *heap, uint32_t number, unit_t *unit)
{
    uint8_t *memory = heap_unit_memory(heap, number);
    const uint64_t *map = heap_map(heap, number);
    uint32_t freed = unit->flags >> UNIT_FREED_PAGES;
    uint32_t begin = 0;
    if (unit->flags & UNIT_FREED)
        freed = (UINT32_C(1) << UNIT_SIZE / PAGE) - 1;
    for (uint32_t page = 0; page <= UNIT_SIZE / PAGE; page++) {
        if (freed >> page & 1 && page_is_free(map, unit, page))
            continue;
        if (page > begin)
            sfpm_range_discard(memory + (size_t)begin * PAGE,
                               (size_t)(page - begin) * PAGE);
        begin = page + 1;
    }
    unit->flags = 0;
}

static void release_slab(sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    bin_t *bin = heap_bin(heap, unit->type, unit->size_class);
    if (unit->next)
        heap_unit(heap, unit->next)->previous = unit->previous;
    if (unit->previous)
        heap_unit(heap, unit->previous)->next = unit->next;
    else
        bin->first = unit->next;
    sfpm_units_give(heap, number, 1, false);
}

static void trim_segment(sfpm_heap_t *heap, uint32_t s)
{
    for (uint32_t u = 1; u < UNITS; u++) {
        uint32_t number = s * UNITS + u;
        unit_t *unit = heap_unit(heap, number);
        if (unit->kind == UNIT_SLAB && unit->free == unit->capacity)
            release_slab(heap, number, unit);
        else if (unit->kind == UNIT_SLAB && unit->flags)
            trim_slab(heap, number, unit);
    }
}

/* Units that were freed since the last trim. */
static void discard_units(sfpm_heap_t *heap, uint32_t s)
{
    segment_t *segment = heap_segment(heap, s);
    uint64_t bits = segment->free_units & ~segment->clean_units;
    uint32_t begin = 1;
    for (uint32_t u = 1; u <= UNITS; u++) {
        if (u < UNITS && (bits >> u & 1))
            continue;
        if (u > begin)
            sfpm_range_discard(heap_unit_memory(heap, s * UNITS + begin),
                               (size_t)(u - begin) << UNIT_SHIFT);
        begin = u + 1;
    }
    if (bits)
        segment->clean_units |= bits;
}

static void drop_last_segments(sfpm_heap_t *heap)
{
    uint32_t had = heap->header->num_segments;
    uint32_t count = had;
    while (count > 1 && heap->segments[count - 1].kind == SEGMENT_FREE)
        count--;
    heap->header->num_segments = count;
    heap->used = (size_t)count << SEGMENT_SHIFT;
    if (heap->header->segment_hint > count)
        heap->header->segment_hint = count;
    if (count < had)
        sfpm_fits_update(heap, count, had - count);
}

static void trim(sfpm_heap_t *heap)
{
    for (uint32_t s = 0; s < heap->header->num_segments; s++) {
        segment_entry_t *entry = &heap->segments[s];
        if (entry->kind == SEGMENT_UNITS)
            trim_segment(heap, s);
        if (entry->kind == SEGMENT_UNITS)
            discard_units(heap, s);
        else if (entry->kind == SEGMENT_FREE && !entry->clean) {
            sfpm_range_discard((uint8_t *)heap_segment(heap, s), SEGMENT_SIZE);
            entry->clean = 1;
        }
    }
    drop_last_segments(heap);
}

void sfpm_heap_trim(sfpm_heap_t *heap)
{
    if (!heap)
        return;
    heap_lock(heap);
    trim(heap);
    heap_unlock(heap);
}
