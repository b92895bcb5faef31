/* SPDX-License-Identifier: MIT */
/*
 * Whether a heap's tables agree with each other. They may come from an image of any
 * bytes: each number is looked at before it is used, and each table is read once.
 */
#include <string.h>

#include "base/checked.h"
#include "heap/heap.h"

#define CORRUPT(...) sfpm_fail(SFPM_ERR_CORRUPT, __VA_ARGS__)

bool sfpm_check_header(const header_t *header, uint64_t size)
{
    if (header->magic != HEAP_MAGIC)
        return CORRUPT("it does not start with a heap header");
    if (header->version != HEAP_VERSION)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "unsupported heap version %u (this release supports %u)",
                         header->version, HEAP_VERSION);
    if (header->pointer_size != sizeof(void *))
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "its pointers are %u bytes wide, this program's are %zu",
                         header->pointer_size, sizeof(void *));
    if (header->num_segments == 0 ||
        (uint64_t)header->num_segments << SEGMENT_SHIFT != size)
        return CORRUPT("segment count %u does not match its size of %llu bytes",
                       header->num_segments, (unsigned long long)size);
    if (header->max_size > MAX_RANGE || header->max_size < size ||
        header->max_size % SEGMENT_SIZE || header->segments_at != SEGMENTS_AT ||
        header->segment_hint > header->num_segments)
        return CORRUPT("invalid address range or segment table");
    if (header->base == 0 || header->base % SEGMENT_SIZE ||
        header->base > UINTPTR_MAX - header->max_size)
        return CORRUPT("invalid base address 0x%llx", (unsigned long long)header->base);
    if (header->num_types < FIRST_TYPE || header->num_types > MAX_TYPES ||
        header->num_offsets > MAX_OFFSETS || header->num_roots > MAX_ROOTS ||
        header->num_symbols > MAX_SYMBOLS || header->num_modules > MAX_MODULES)
        return CORRUPT("a table exceeds its maximum length");
    return true;
}

/* ---- Units ---- */

static uint32_t ones(uint64_t bits)
{
    uint32_t n = 0;
    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

static bool check_map(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    const uint64_t *map = heap_map(heap, number);
    uint32_t free = 0;
    for (uint32_t word = 0; word * 64 < unit->capacity; word++) {
        uint32_t rest = unit->capacity - word * 64;
        if (rest < 64 && map[word] >> rest)
            return CORRUPT("slab %u: its map extends beyond its last block", number);
        if (map[word] && word < unit->hint)
            return CORRUPT("slab %u: a free block lies before its hint", number);
        free += ones(map[word]);
    }
    if (free != unit->free)
        return CORRUPT("slab %u: free blocks: %u in its map, %u in its counter", number,
                       free, unit->free);
    return true;
}

static bool check_slab(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    if (unit->size_class >= NUM_CLASSES || unit->type >= heap->header->num_types ||
        unit->block_size != sfpm_heap_class_sizes[unit->size_class] ||
        unit->capacity != slab_capacity(unit->block_size) ||
        unit->free > unit->capacity || unit->hint * 64 >= unit->capacity + 64 ||
        unit->flags & 0xffffu & ~(uint32_t)UNIT_FREED ||
        unit->reciprocal != (UINT64_C(0xffffffff) + unit->block_size) / unit->block_size)
        return CORRUPT("slab %u: invalid size class, type or capacity", number);
    return check_map(heap, number, unit);
}

/* A large block: its other units, and the segments that it reaches into. */
static bool check_large(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    uint32_t s = number / UNITS;
    bool whole = number % UNITS == 1 && unit->length >= UNITS;
    uint64_t end = (uint64_t)number + unit->length;
    if (unit->length == 0 || unit->type >= heap->header->num_types ||
        (!whole && number % UNITS + (uint64_t)unit->length > UNITS) ||
        end > (uint64_t)heap->header->num_segments * UNITS ||
        unit->size > (uint64_t)unit->length << UNIT_SHIFT)
        return CORRUPT("large block %u: invalid extent or unknown type", number);
    for (uint32_t i = 1; i < unit->length && (number + i) % UNITS; i++) {
        const unit_t *rest = heap_unit(heap, number + i);
        if (rest->kind != UNIT_REST || rest->length != i)
            return CORRUPT("large block %u: unit %u should belong to it", number,
                           number + i);
    }
    for (uint32_t i = s + 1; whole && i <= s + unit->length / UNITS; i++)
        if (i >= heap->header->num_segments || heap->segments[i].kind != SEGMENT_REST ||
            heap->segments[i].first != s)
            return CORRUPT("large block %u: segment %u should belong to it", number, i);
    return true;
}

/* A unit that says it belongs to a large block: does the block say so, too? */
static bool check_rest(const sfpm_heap_t *heap, uint32_t number, const unit_t *unit)
{
    if (unit->length == 0 || unit->length >= number % UNITS)
        return CORRUPT("unit %u: it does not belong to a large block", number);
    const unit_t *first = heap_unit(heap, number - unit->length);
    if (first->kind != UNIT_LARGE || first->length <= unit->length)
        return CORRUPT("unit %u: it does not belong to a large block", number);
    return true;
}

static bool check_unit(const sfpm_heap_t *heap, uint32_t number)
{
    const unit_t *unit = heap_unit(heap, number);
    bool marked = heap_segment(heap, number / UNITS)->free_units >> number % UNITS & 1;
    bool table = number <= sfpm_units_of_tables(heap->header->max_size);
    if (table != (unit->kind == UNIT_TABLE))
        return CORRUPT("unit %u: wrong kind", number);
    if ((unit->kind == UNIT_FREE) != marked)
        return CORRUPT("unit %u: two records disagree whether it is free", number);
    switch (unit->kind) {
    case UNIT_FREE:
    case UNIT_TABLE:
        return true;
    case UNIT_SLAB:
        return check_slab(heap, number, unit);
    case UNIT_LARGE:
        return check_large(heap, number, unit);
    case UNIT_REST:
        return check_rest(heap, number, unit);
    default:
        return CORRUPT("unit %u: unknown kind %u", number, unit->kind);
    }
}

static uint8_t longest_run(uint64_t bits)
{
    uint8_t longest = 0;
    for (; bits; bits &= bits >> 1)
        longest++;
    return longest;
}

/* The segment in the middle of a large block: does the block reach here? */
static bool check_inner_segment(const sfpm_heap_t *heap, uint32_t s)
{
    uint32_t first = heap->segments[s].first;
    if (first >= s || heap->segments[first].kind != SEGMENT_UNITS)
        return CORRUPT("segment %u: it does not belong to a large block", s);
    const unit_t *unit = heap_unit(heap, first * UNITS + 1);
    if (unit->kind != UNIT_LARGE || unit->length / UNITS < s - first)
        return CORRUPT("segment %u: it does not belong to a large block", s);
    return true;
}

static bool check_segment(const sfpm_heap_t *heap, uint32_t s)
{
    const segment_entry_t *entry = &heap->segments[s];
    if (entry->kind == SEGMENT_FREE && s > 0)
        return true;
    if (entry->kind == SEGMENT_REST && s > 0)
        return check_inner_segment(heap, s);
    if (entry->kind != SEGMENT_UNITS)
        return CORRUPT("segment %u: unknown kind %u", s, entry->kind);
    const segment_t *segment = heap_segment(heap, s);
    if ((segment->free_units & 1) || segment->clean_units & ~segment->free_units ||
        segment->units[0].kind != UNIT_TABLE ||
        entry->longest != longest_run(segment->free_units) ||
        (segment->free_units && s < heap->header->segment_hint))
        return CORRUPT("segment %u: inconsistent record of free units", s);
    for (uint32_t u = 1; u < UNITS; u++)
        if (!check_unit(heap, s * UNITS + u))
            return false;
    return true;
}

/* ---- Types and lists of slabs ---- */

static bool is_text(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static bool check_type(const header_t *header, const type_record_t *type)
{
    uint64_t count = (uint64_t)type->num_pointers + type->num_hosts;
    if (!is_text(type->name, sizeof type->name) || type->name[0] == '\0')
        return CORRUPT("a type has no name");
    if (type->size == 0 || type->flags > (TYPE_VISITED | TYPE_PLAIN) ||
        count > type->size / sizeof(void *) || /* as they do not overlap */
        !sfpm_in_range(type->first_offset, count, header->num_offsets))
        return CORRUPT("type '%s': invalid size or pointer table", type->name);
    for (uint64_t i = 0; i < count; i++)
        if (!sfpm_in_range(header->offsets[type->first_offset + i], sizeof(void *),
                           type->size))
            return CORRUPT("type '%s': a pointer lies outside it", type->name);
    return true;
}

/* Each list names slabs of its own type and size with free blocks, and is linked
 * both ways: so it cannot run in circles. */
static bool check_list(const sfpm_heap_t *heap, unsigned type, unsigned size_class,
                       uint64_t *listed)
{
    uint32_t previous = 0;
    for (uint32_t at = heap_bin(heap, type, size_class)->first; at;) {
        uint32_t s = at / UNITS;
        if (s >= heap->header->num_segments || heap->segments[s].kind != SEGMENT_UNITS)
            return CORRUPT("a list of slabs leads outside the heap");
        const unit_t *unit = heap_unit(heap, at);
        if (unit->kind != UNIT_SLAB || unit->type != type ||
            unit->size_class != size_class || unit->free == 0 ||
            unit->previous != previous)
            return CORRUPT("slab %u: it is in the wrong list", at);
        ++*listed;
        previous = at;
        at = unit->next;
    }
    return true;
}

/* Slabs with free blocks that should be in a list. */
static uint64_t count_open_slabs(const sfpm_heap_t *heap)
{
    uint64_t count = 0;
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        for (uint32_t u = 1; heap->segments[s].kind == SEGMENT_UNITS && u < UNITS; u++) {
            const unit_t *unit = heap_unit(heap, s * UNITS + u);
            count += unit->kind == UNIT_SLAB && unit->free > 0;
        }
    return count;
}

static bool check_types(const sfpm_heap_t *heap)
{
    uint64_t listed = 0;
    for (uint32_t i = 0; i < heap->header->num_types; i++) {
        if (!check_type(heap->header, &heap->header->types[i]))
            return false;
        for (unsigned c = 0; c < NUM_CLASSES; c++)
            if (!check_list(heap, i, c, &listed))
                return false;
    }
    if (listed != count_open_slabs(heap))
        return CORRUPT("a slab with free blocks is not in any list");
    return true;
}

static bool check_roots(const sfpm_heap_t *heap)
{
    place_t place;
    for (uint32_t i = 0; i < heap->header->num_roots; i++) {
        const root_t *root = &heap->header->roots[i];
        if (!is_text(root->name, sizeof root->name))
            return CORRUPT("root %u: its name is not terminated", i);
        if (root->name[0] && !sfpm_block_find(heap, root->offset, &place))
            return CORRUPT("root '%s': it does not point to a block", root->name);
    }
    return true;
}

bool sfpm_check_names(const header_t *header)
{
    for (uint32_t i = 0; i < header->num_symbols; i++)
        if (!is_text(header->symbols[i].name, NAME_SIZE))
            return CORRUPT("symbol %u: its name is not terminated", i);
    for (uint32_t i = 0; i < header->num_modules; i++)
        if (!is_text(header->modules[i].name, MODULE_NAME_SIZE) ||
            !is_text(header->modules[i].build_id, BUILD_ID_SIZE) ||
            header->modules[i].start > header->modules[i].end)
            return CORRUPT("module %u: invalid name or addresses", i);
    return true;
}

bool sfpm_check_segments(const sfpm_heap_t *heap)
{
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        if (!check_segment(heap, s))
            return false;
    return true;
}

bool sfpm_check_tables(const sfpm_heap_t *heap)
{
    return sfpm_check_segments(heap) && check_types(heap) && check_roots(heap) &&
           sfpm_check_names(heap->header);
}

bool sfpm_heap_check(const sfpm_heap_t *heap)
{
    if (!heap)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no heap was given");
    return (sfpm_check_header(heap->header, heap->used) && sfpm_check_tables(heap)) ||
           sfpm_fail_prefix("heap '%s'", heap->name);
}
