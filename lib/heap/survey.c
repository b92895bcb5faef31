/* SPDX-License-Identifier: MIT */
/*
 * What a heap in an image holds, and what of it can be reached: blocks are marked from
 * the roots on, depth first, each looked at once. Pointers are known by types; in
 * blocks whose pointers are not known, every word that leads to a block counts as one
 * (as in Boehm, "Garbage collection in an uncooperative environment", 1988).
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "heap/heap.h"
#include "image/image.h"

/* What a survey may take when nobody says: so much for each byte that is stored, since a
 * small image can claim a heap of any size, and so much in any case and at most. */
#define MEMORY_LEAST ((uint64_t)16 << 20)
#define MEMORY_USUAL ((uint64_t)1 << 30)
#define MEMORY_TIMES 32

struct sfpm_heap_survey {
    sfpm_heap_t heap; /* a preview */
    heap_source_t source;
    uint64_t to_read; /* bytes of units that may hold pointers */
    sfpm_heap_survey_info_t info;
    sfpm_heap_survey_type_t *types;
    sfpm_heap_survey_root_t *roots;
    uint16_t *marks; /* for each grain of the heap where a block begins: 0, or the root
                        that it was reached from first, counted from 1 */
    uint64_t *stack; /* offsets of marked blocks that were not looked at */
    size_t depth;
    size_t room;
    uint16_t from; /* what is marked now */
};

static void count_block(sfpm_heap_survey_t *survey, const place_t *place, uint64_t bytes)
{
    sfpm_heap_survey_type_t *type = &survey->types[place->type];
    type->blocks++;
    type->bytes += bytes;
    if (bytes > type->largest)
        type->largest = bytes;
    if (!survey->marks || survey->marks[place->start / GRAIN])
        return;
    type->unreachable_blocks++;
    type->unreachable_bytes += bytes;
    survey->info.unreachable_blocks++;
    survey->info.unreachable_bytes += bytes;
}

static bool count_unit(sfpm_heap_survey_t *survey, uint32_t number)
{
    const unit_t *unit = heap_unit(&survey->heap, number);
    const uint64_t *map = heap_map(&survey->heap, number);
    place_t place = {.start = (uint64_t)number << UNIT_SHIFT, .type = unit->type};
    if (unit->kind == UNIT_LARGE)
        count_block(survey, &place, unit->size);
    for (uint32_t i = 0; unit->kind == UNIT_SLAB && i < unit->capacity; i++) {
        if (!(map[i / 64] >> i % 64 & 1))
            count_block(survey, &place, unit->block_size);
        place.start += unit->block_size;
    }
    return true;
}

/* ---- Marking ---- */

typedef enum scan { SCAN_NOTHING, SCAN_OFFSETS, SCAN_WORDS } scan_t;

static scan_t how_to_scan(const sfpm_heap_t *heap, unsigned number)
{
    const type_record_t *type = &heap->header->types[number];
    if (number == TYPE_UNTYPED || (type->flags & TYPE_VISITED))
        return SCAN_WORDS;
    return type->num_pointers ? SCAN_OFFSETS : SCAN_NOTHING;
}

static bool push(sfpm_heap_survey_t *survey, uint64_t start)
{
    void *stack = survey->stack;
    if (survey->depth == survey->room &&
        !sfpm_grow_array(&stack, &survey->room, survey->depth + 1, sizeof *survey->stack))
        return false;
    survey->stack = stack;
    survey->stack[survey->depth++] = start;
    return true;
}

/* Marks the block that holds a byte, if there is one. */
static bool mark(sfpm_heap_survey_t *survey, uint64_t offset)
{
    place_t place;
    if (!sfpm_block_find(&survey->heap, offset, &place))
        return true;
    if (survey->marks[place.start / GRAIN])
        return true;
    survey->marks[place.start / GRAIN] = survey->from;
    return how_to_scan(&survey->heap, place.type) == SCAN_NOTHING ||
           push(survey, place.start);
}

static bool mark_slot(sfpm_heap_survey_t *survey, const uint8_t *slot)
{
    uintptr_t value;
    memcpy(&value, slot, sizeof value);
    return value == 0 || mark(survey, value - survey->heap.header->base);
}

static bool scan_block(sfpm_heap_survey_t *survey, const place_t *place)
{
    static const uint32_t start = 0;
    const header_t *header = survey->heap.header;
    const type_record_t *type = &header->types[place->type];
    bool words = how_to_scan(&survey->heap, place->type) == SCAN_WORDS;
    const uint32_t *offsets = words ? &start : header->offsets + type->first_offset;
    uint32_t count = words ? 1 : type->num_pointers;
    uint32_t step = words ? sizeof(uintptr_t) : type->size;
    const uint8_t *block = survey->heap.base + place->start;
    for (uint64_t at = 0; at + step <= place->size; at += step)
        for (uint32_t i = 0; i < count; i++)
            if (!mark_slot(survey, block + at + offsets[i]))
                return false;
    return true;
}

/* One root after the other, and all that is reached from it. */
static bool mark_all(sfpm_heap_survey_t *survey)
{
    const header_t *header = survey->heap.header;
    place_t place;
    for (uint32_t i = 0; i < header->num_roots; i++) {
        survey->from = (uint16_t)(i + 1);
        if (header->roots[i].name[0] && !mark(survey, header->roots[i].offset))
            return false;
        while (survey->depth > 0)
            if (sfpm_block_find(&survey->heap, survey->stack[--survey->depth], &place) &&
                !scan_block(survey, &place))
                return false;
    }
    return true;
}

/* ---- Reading ---- */

/* Bytes of a slab or large block that must be read to find pointers. */
static uint64_t bytes_to_scan(const sfpm_heap_t *heap, const unit_t *unit)
{
    if ((unit->kind != UNIT_SLAB && unit->kind != UNIT_LARGE) ||
        how_to_scan(heap, unit->type) == SCAN_NOTHING)
        return 0;
    return (uint64_t)(unit->kind == UNIT_SLAB ? 1 : unit->length) << UNIT_SHIFT;
}

/* Calls a function for each unit but those that describe segments. */
static bool for_each_unit(sfpm_heap_survey_t *survey,
                          bool (*call)(sfpm_heap_survey_t *survey, uint32_t number))
{
    const sfpm_heap_t *heap = &survey->heap;
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        for (uint32_t u = 1; heap->segments[s].kind == SEGMENT_UNITS && u < UNITS; u++)
            if (!call(survey, s * UNITS + u))
                return false;
    return true;
}

static bool add_to_read(sfpm_heap_survey_t *survey, uint32_t number)
{
    survey->to_read += bytes_to_scan(&survey->heap, heap_unit(&survey->heap, number));
    return true;
}

static bool read_unit(sfpm_heap_survey_t *survey, uint32_t number)
{
    const sfpm_heap_t *heap = &survey->heap;
    uint64_t size = bytes_to_scan(heap, heap_unit(heap, number));
    return size == 0 ||
           sfpm_preview_bytes(&survey->source, (uint64_t)number << UNIT_SHIFT,
                              heap_unit_memory(heap, number), (size_t)size);
}

/* Marks what can be reached, if that takes no more memory than may be used. */
static bool trace(sfpm_heap_survey_t *survey, uint64_t memory)
{
    uint64_t count = survey->heap.used / GRAIN;
    uint64_t marks = count * sizeof *survey->marks;
    for_each_unit(survey, add_to_read);
    /* The stack is at most a word for each block that is read. */
    if (survey->to_read > memory / 2 || marks > memory / 2 - survey->to_read / 2)
        return true;
    survey->marks = SFPM_NEW_N(uint16_t, (size_t)count);
    survey->info.traced = survey->marks != NULL;
    return survey->marks && for_each_unit(survey, read_unit) && mark_all(survey);
}

static bool list_roots(sfpm_heap_survey_t *survey)
{
    const header_t *header = survey->heap.header;
    survey->roots = SFPM_NEW_N(sfpm_heap_survey_root_t, header->num_roots);
    for (uint32_t i = 0; survey->roots && i < header->num_roots; i++) {
        place_t place;
        const root_t *root = &header->roots[i];
        if (root->name[0] && sfpm_block_find(&survey->heap, root->offset, &place))
            survey->roots[survey->info.num_roots++] =
                (sfpm_heap_survey_root_t){root->name, header->types[place.type].name,
                                          header->base + root->offset, place.size};
    }
    return survey->roots != NULL;
}

static uint64_t usual_memory(const sfpm_image_t *image)
{
    uint64_t stored = 0;
    for (; image; image = image->base)
        stored += image->info.size;
    if (stored >= (MEMORY_USUAL - MEMORY_LEAST) / MEMORY_TIMES)
        return MEMORY_USUAL;
    return MEMORY_LEAST + stored * MEMORY_TIMES;
}

/* Bytes of all tables: not each segment has some. */
static bool measure_tables(const sfpm_heap_survey_t *survey, const header_t *header,
                           uint64_t *bytes)
{
    size_t count = header->num_segments;
    segment_entry_t *entries = SFPM_NEW_N(segment_entry_t, count);
    bool ok = entries && sfpm_preview_bytes(&survey->source, SEGMENTS_AT, entries,
                                            count * sizeof *entries);
    *bytes = sizeof *header + count * sizeof *entries;
    for (size_t i = 0; ok && i < count; i++)
        *bytes += entries[i].kind == SEGMENT_UNITS ? sizeof(segment_t) : 0;
    free(entries);
    return ok;
}

static bool survey_image(sfpm_heap_survey_t *survey, uint64_t memory, bool tables_only)
{
    header_t header;
    uint64_t tables;
    if (!sfpm_preview_header(&header, &survey->source) ||
        !measure_tables(survey, &header, &tables))
        return false;
    if (tables > memory)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "its tables have %llu bytes: the limit is %llu bytes",
                         (unsigned long long)tables, (unsigned long long)memory);
    if (!sfpm_preview_read(&survey->heap, &survey->source))
        return false;
    survey->info.num_types = survey->heap.header->num_types;
    survey->types = SFPM_NEW_N(sfpm_heap_survey_type_t, survey->info.num_types);
    if (!survey->types || !list_roots(survey) ||
        !(tables_only || trace(survey, memory - tables)) ||
        !sfpm_heap_stats(&survey->heap, &survey->info.stats))
        return false;
    for (size_t i = 0; i < survey->info.num_types; i++)
        survey->types[i].name = survey->heap.header->types[i].name;
    survey->info.stats.base = survey->heap.header->base;
    survey->info.stats.reserved = survey->heap.header->max_size;
    return for_each_unit(survey, count_unit);
}

/* ---- The public functions ---- */

static bool begins_as_heap(const heap_source_t *source)
{
    uint64_t magic;
    uint64_t size = sfpm_image_region(source->image, source->region)->size;
    return (size >= SEGMENT_SIZE && size % SEGMENT_SIZE == 0 &&
            sfpm_preview_bytes(source, HEADER_AT, &magic, sizeof magic) &&
            magic == HEAP_MAGIC) ||
           sfpm_fail(SFPM_ERR_NOT_FOUND, "it does not start with a heap header");
}

sfpm_heap_survey_t *sfpm_heap_survey(const sfpm_image_t *image, size_t region,
                                     const sfpm_heap_survey_options_t *options)
{
    sfpm_heap_survey_options_t taken;
    if (!image || !sfpm_image_region(image, region)) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no image or no region of it was given");
        return NULL;
    }
    if (!sfpm_take_options(&taken, sizeof taken, options))
        return NULL;
    uint64_t memory = taken.max_memory ? taken.max_memory : usual_memory(image);
    sfpm_heap_survey_t *survey = SFPM_NEW(sfpm_heap_survey_t);
    if (!survey)
        return NULL;
    survey->source = (heap_source_t){image, region, taken.edit};
    survey->info.struct_size = sizeof survey->info;
    survey->info.stats.struct_size = sizeof survey->info.stats;
    if (begins_as_heap(&survey->source) &&
        survey_image(survey, memory, taken.tables_only))
        return survey;
    sfpm_fail_prefix("heap '%s'", sfpm_image_region(image, region)->name);
    sfpm_heap_survey_free(survey);
    return NULL;
}

void sfpm_heap_survey_free(sfpm_heap_survey_t *survey)
{
    if (!survey)
        return;
    sfpm_preview_free(&survey->heap);
    free(survey->types);
    free(survey->roots);
    free(survey->marks);
    free(survey->stack);
    free(survey);
}

const sfpm_heap_survey_info_t *sfpm_heap_survey_info(const sfpm_heap_survey_t *survey)
{
    return survey ? &survey->info : NULL;
}

const sfpm_heap_survey_type_t *sfpm_heap_survey_type(const sfpm_heap_survey_t *survey,
                                                     size_t index)
{
    return survey && index < survey->info.num_types ? &survey->types[index] : NULL;
}

const sfpm_heap_survey_root_t *sfpm_heap_survey_root(const sfpm_heap_survey_t *survey,
                                                     size_t index)
{
    return survey && index < survey->info.num_roots ? &survey->roots[index] : NULL;
}

/* How many bytes from `offset` on, which is in no block, are in none. */
static uint64_t gap_at(const sfpm_heap_t *heap, uint64_t offset)
{
    uint64_t s = offset >> SEGMENT_SHIFT;
    if (offset >= heap->used)
        return UINT64_MAX - offset;
    while (s < heap->header->num_segments && heap->segments[s].kind == SEGMENT_FREE)
        s++;
    if (s > offset >> SEGMENT_SHIFT)
        return (s << SEGMENT_SHIFT) - offset;
    uint64_t step = UNIT_SIZE;
    if (heap->segments[s].kind == SEGMENT_UNITS &&
        heap_unit(heap, (uint32_t)(offset >> UNIT_SHIFT))->kind == UNIT_SLAB)
        step = GRAIN;
    return step - offset % step;
}

bool sfpm_heap_survey_block(const sfpm_heap_survey_t *survey, uint64_t offset,
                            sfpm_heap_survey_block_t *block)
{
    place_t place;
    if (!survey || !block || block->struct_size < sizeof *block)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no survey or no block with struct_size set was given");
    if (!sfpm_block_find(&survey->heap, offset, &place)) {
        *block = (sfpm_heap_survey_block_t){.struct_size = sizeof *block,
                                            .offset = offset,
                                            .size = gap_at(&survey->heap, offset)};
        return sfpm_fail(SFPM_ERR_NOT_FOUND, "no block is allocated at offset %llu",
                         (unsigned long long)offset);
    }
    uint16_t from = survey->marks ? survey->marks[place.start / GRAIN] : 0;
    *block = (sfpm_heap_survey_block_t){
        .struct_size = sizeof *block,
        .offset = place.start,
        .size = place.size,
        .type = survey->heap.header->types[place.type].name,
        .root = from ? survey->heap.header->roots[from - 1].name : NULL};
    return true;
}
