/* SPDX-License-Identifier: MIT */
/* Who has which units: free runs within a segment, and whole segments. */
#include <string.h>

#include "base/page.h"
#include "heap/guard.h"

/* Bits 1 to 63: all units but the one that describes the segment. */
#define ALL_UNITS (UINT64_MAX - 1)

/* Of each bit, whether it begins `count` ones in a row, 1 to 63. */
static uint64_t runs_of(uint64_t bits, uint32_t count)
{
    uint32_t have = 1;
    while (bits && have < count) {
        uint32_t step = have < count - have ? have : count - have;
        bits &= bits >> step;
        have += step;
    }
    return bits;
}

static unsigned lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(bits);
#else
    unsigned n = 0;
    for (; !(bits & 1); bits >>= 1)
        n++;
    return n;
#endif
}

static uint8_t longest_run(uint64_t bits)
{
    uint8_t longest = 0;
    for (; bits; bits &= bits >> 1)
        longest++;
    return longest;
}

static void set_free_units(sfpm_heap_t *heap, uint32_t number, uint64_t bits)
{
    heap_segment(heap, number)->free_units = bits;
    heap_segment(heap, number)->clean_units &= bits;
    heap->segments[number].longest = longest_run(bits);
    if (bits && number < heap->header->segment_hint)
        heap->header->segment_hint = number;
    sfpm_fits_update(heap, number, 1);
}

/* Zero pages are not stored, and a restore maps what lies between them piece by piece. So
 * that a full segment is one piece, the pages of its first unit end with bytes that
 * nothing uses, all but the second, which ends with the descriptor of the last unit. */
void sfpm_units_fill_unused(segment_t *segment)
{
    enum { PAGE = SFPM_PAGE, LENGTH = 8 };
    for (size_t end = PAGE; end <= UNIT_SIZE; end += PAGE)
        if (end != offsetof(segment_t, maps))
            memset((uint8_t *)segment + end - LENGTH, 0xff, LENGTH);
}

static void make_segment(sfpm_heap_t *heap, uint32_t number)
{
    segment_t *segment = heap_segment(heap, number);
    bool clean = heap->segments[number].clean;
    guard_tables(heap, segment, UNIT_SIZE);
    memset(segment, 0, offsetof(segment_t, maps));
    segment->clean_units = clean ? ALL_UNITS : 0;
    sfpm_units_fill_unused(segment);
    segment->units[0].kind = UNIT_TABLE;
    heap->segments[number] = (segment_entry_t){.kind = SEGMENT_UNITS};
    set_free_units(heap, number, ALL_UNITS);
}

/* Pages are opened for twice as many segments each time, up to 64 MiB. */
static bool open_segments(sfpm_heap_t *heap, size_t wanted)
{
    if (wanted <= heap->accessible)
        return true;
    size_t step = heap->accessible < (64U << 20) ? heap->accessible : 64U << 20;
    size_t target = heap->accessible + step;
    if (target < wanted)
        target = wanted;
    if (target > heap->reserved)
        target = heap->reserved;
    if (!sfpm_range_open(heap->base + heap->accessible, target - heap->accessible))
        return false;
    heap->accessible = target;
    return true;
}

/* More segments at the end; 0 with the error set when the range is full. */
static uint32_t add_segments(sfpm_heap_t *heap, uint32_t count)
{
    uint32_t first = heap->header->num_segments;
    size_t room = (heap->reserved >> SEGMENT_SHIFT) - first;
    if (count > room) {
        sfpm_fail(SFPM_ERR_LIMIT,
                  "heap '%s' is full: it reserved %zu bytes of address space; create it "
                  "with a larger max_size",
                  heap->name, heap->reserved);
        return 0;
    }
    size_t used = (size_t)(first + count) << SEGMENT_SHIFT;
    if (!open_segments(heap, used))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        heap->segments[first + i] = (segment_entry_t){.kind = SEGMENT_FREE, .clean = 1};
    heap->used = used;
    heap->header->num_segments = first + count;
    sfpm_fits_update(heap, first, count);
    return first;
}

static uint32_t take_from(sfpm_heap_t *heap, uint32_t number, uint32_t count)
{
    uint64_t bits = heap_segment(heap, number)->free_units;
    unsigned at = lowest_bit(runs_of(bits, count));
    uint64_t taken = (count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1) << at;
    bool clean = !(taken & ~heap_segment(heap, number)->clean_units);
    heap_segment(heap, number)->units[at].flags = clean ? 0 : UNIT_FREED;
    set_free_units(heap, number, bits & ~taken);
    return number * UNITS + at;
}

/* The first segment that has so many, or a new one. */
static uint32_t take_in_segment(sfpm_heap_t *heap, uint32_t count)
{
    uint32_t number;
    if (!sfpm_fits_units(heap, count, &number))
        return 0;
    if (number == heap->header->num_segments && !add_segments(heap, 1))
        return 0;
    if (heap->segments[number].kind == SEGMENT_FREE)
        make_segment(heap, number);
    uint32_t taken = take_from(heap, number, count);
    if (heap->header->segment_hint == number && !heap->segments[number].longest)
        heap->header->segment_hint = number + 1;
    return taken;
}

/* The first free segments in a row; what is missing is added at the end. */
static uint32_t take_segments(sfpm_heap_t *heap, uint32_t count)
{
    uint32_t first;
    if (!sfpm_fits_segments(heap, count, &first))
        return 0;
    uint32_t there = heap->header->num_segments - first;
    return there >= count || add_segments(heap, count - there) ? first : 0;
}

static uint32_t segments_for(uint32_t units)
{
    return units / UNITS + 1; /* with the unit that describes the first */
}

uint32_t sfpm_units_take(sfpm_heap_t *heap, uint32_t count)
{
    if (count < UNITS)
        return take_in_segment(heap, count);
    uint32_t segments = segments_for(count);
    uint32_t first = take_segments(heap, segments);
    if (!first)
        return 0;
    make_segment(heap, first);
    set_free_units(heap, first, 0);
    for (uint32_t i = 1; i < segments; i++)
        heap->segments[first + i] =
            (segment_entry_t){.kind = SEGMENT_REST, .first = first};
    sfpm_fits_update(heap, first, segments);
    return first * UNITS + 1;
}

void sfpm_units_give(sfpm_heap_t *heap, uint32_t first, uint32_t count, bool clean)
{
    uint32_t number = first / UNITS;
    if (count >= UNITS) {
        for (uint32_t i = 0; i < segments_for(count); i++) {
            bool whole = i > 0 && (i + 1) * UNITS <= count + 1;
            heap->segments[number + i] =
                (segment_entry_t){.kind = SEGMENT_FREE, .clean = clean && whole};
        }
        if (number < heap->header->segment_hint)
            heap->header->segment_hint = number;
        sfpm_fits_update(heap, number, segments_for(count));
        return;
    }
    segment_t *segment = heap_segment(heap, number);
    uint64_t given = ((UINT64_C(1) << count) - 1) << first % UNITS;
    memset(&segment->units[first % UNITS], 0, count * sizeof(unit_t));
    set_free_units(heap, number, segment->free_units | given);
    if (clean)
        segment->clean_units |= given;
    if (segment->free_units != ALL_UNITS)
        return;
    heap->segments[number] = (segment_entry_t){.kind = SEGMENT_FREE};
    sfpm_fits_update(heap, number, 1);
}

uint32_t sfpm_units_of_tables(uint64_t max_size)
{
    uint64_t size =
        SEGMENTS_AT - HEADER_AT + (max_size >> SEGMENT_SHIFT) * sizeof(segment_entry_t);
    return (uint32_t)((size + UNIT_SIZE - 1) >> UNIT_SHIFT);
}

bool sfpm_units_start(sfpm_heap_t *heap)
{
    if (!sfpm_range_open(heap->base, SEGMENT_SIZE))
        return false;
    uint32_t tables = sfpm_units_of_tables(heap->reserved);
    heap->accessible = heap->used = SEGMENT_SIZE;
    heap->header = (header_t *)(void *)(heap->base + HEADER_AT);
    heap->segments = (segment_entry_t *)(void *)(heap->base + SEGMENTS_AT);
    heap->header->num_segments = 1;
    heap->segments[0].clean = 1;
    make_segment(heap, 0);
    segment_t *segment = heap_segment(heap, 0);
    for (uint32_t i = 1; i <= tables; i++)
        segment->units[i].kind = UNIT_TABLE;
    set_free_units(heap, 0, ALL_UNITS & ~(((UINT64_C(1) << tables) - 1) << 1));
    return true;
}
