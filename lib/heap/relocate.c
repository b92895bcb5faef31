/* SPDX-License-Identifier: MIT */
/*
 * A heap moves: read from its image to another address, segment by segment, and each
 * pointer corrected while its page is still in the cache. Nothing that the program uses
 * is touched before all of them proved right.
 */
#include <string.h>
#include <sys/mman.h>

#include "heap/heap.h"

/* What a walk that corrects pointers needs to know. */
typedef struct move {
    const sfpm_heap_t *to;
    const sfpm_heap_t *tables; /* of all segments, also of those not read yet */
} move_t;

static uint64_t load(const void *slot)
{
    uintptr_t value;
    memcpy(&value, slot, sizeof value);
    return value;
}

static void store(void *slot, uint64_t value)
{
    uintptr_t word = (uintptr_t)value;
    memcpy(slot, &word, sizeof word);
}

static bool fail_pointer(const move_t *move, const type_record_t *type,
                         const uint8_t *slot)
{
    return sfpm_fail(
        SFPM_ERR_CORRUPT,
        "type '%s': the pointer 0x%llx at heap offset 0x%llx does not point to a block",
        type->name, (unsigned long long)load(slot),
        (unsigned long long)(slot - move->to->base));
}

size_t sfpm_displaced_behind(const displaced_t *list, size_t count, uint64_t address)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (list[middle].from <= address)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Corrects a pointer into another heap of the restore; false when it leads into none. */
static bool move_to_other(const sfpm_heap_t *heap, uint8_t *slot)
{
    uint64_t value = load(slot);
    size_t behind = sfpm_displaced_behind(heap->displaced, heap->num_displaced, value);
    const displaced_t *other = &heap->displaced[behind ? behind - 1 : 0];
    if (behind == 0 || value - other->from >= other->size)
        return false;
    store(slot, value - other->from + other->to);
    return true;
}

static bool move_pointers(const walk_t *walk, const type_record_t *type, uint8_t *slot,
                          size_t stride, size_t count)
{
    const move_t *move = walk->context;
    const sfpm_heap_t *tables = move->tables;
    const uint64_t from = tables->header->base;
    const uint64_t used = tables->used;
    const segment_entry_t *const segments = tables->segments;
    const uint8_t *const base = tables->base;
    const uintptr_t to = (uintptr_t)move->to->base;
    place_t place;
    for (; count > 0; count--, slot += stride) {
        uint64_t value = load(slot);
        if (value == 0)
            continue;
        if (!heap_slab_holds(base, segments, used, value - from) &&
            !sfpm_block_find(tables, value - from, &place)) {
            if (value - from < used || !move_to_other(move->to, slot))
                return fail_pointer(move, type, slot);
            continue;
        }
        store(slot, value - from + to);
    }
    return true;
}

/* ---- Which blocks may move ---- */

/* Adds a type's name to a list in a message. */
static void add_name(char *names, size_t room, const char *name)
{
    size_t length = strlen(names);
    if (length + strlen(name) + 5 > room)
        return;
    if (length)
        strcat(names, ", ");
    strcat(names, name);
}

static void count_blocks(const sfpm_heap_t *heap, uint64_t *blocks)
{
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        for (uint32_t u = 1; heap->segments[s].kind == SEGMENT_UNITS && u < UNITS; u++) {
            const unit_t *unit = heap_unit(heap, s * UNITS + u);
            if (unit->kind == UNIT_SLAB)
                blocks[unit->type] += unit->capacity - unit->free;
            else if (unit->kind == UNIT_LARGE)
                blocks[unit->type]++;
        }
}

/* The types that have blocks whose pointers are unknown, untyped ones if wanted. */
static void list_unknown(const sfpm_heap_t *known, const sfpm_heap_t *preview,
                         bool untyped, char *names, size_t room)
{
    uint64_t blocks[MAX_TYPES] = {0};
    count_blocks(preview, blocks);
    for (uint32_t i = 0; i < preview->header->num_types; i++) {
        const type_record_t *type = &preview->header->types[i];
        bool unknown =
            (type->flags & TYPE_VISITED) && !sfpm_types_find(known, type->name);
        if (blocks[i] && ((untyped && i == TYPE_UNTYPED) || unknown))
            add_name(names, room, type->name);
    }
}

bool sfpm_relocate_allowed(const sfpm_heap_t *known, const sfpm_heap_t *preview)
{
    static const char remedy[] = "free that address, or register types";
    char names[300] = "";
    if (known->options.same_build)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "its address 0x%llx is already in use, and a heap with "
                         "same_build cannot move; free that address, or register types "
                         "and symbols instead of same_build",
                         (unsigned long long)preview->header->base);
    list_unknown(known, preview, true, names, sizeof names);
    if (names[0])
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "its address 0x%llx is already in use, and it cannot move, "
                         "because the pointers are unknown in blocks of: %s; %s",
                         (unsigned long long)preview->header->base, names, remedy);
    return true;
}

bool sfpm_relocate_others_allowed(const sfpm_heap_t *known, const sfpm_heap_t *preview)
{
    char names[300] = "";
    list_unknown(known, preview, false, names, sizeof names);
    return !names[0] ||
           sfpm_fail(
               SFPM_ERR_MISMATCH,
               "another heap of the snapshot must move, because its address is in use, "
               "and the pointers to it are unknown in blocks of: %s; register types",
               names);
}

/* ---- Reading ---- */

/* The units of a segment from the first to the last that is used. */
static bool read_units(const sfpm_heap_t *to, const sfpm_image_t *image, size_t region,
                       uint32_t s)
{
    uint64_t used = ~heap_segment(to, s)->free_units;
    uint32_t begin = 1;
    for (uint32_t u = 1; u <= UNITS; u++) {
        if (u < UNITS && (used >> u & 1) &&
            heap_unit(to, s * UNITS + u)->kind != UNIT_TABLE)
            continue;
        uint64_t offset = (uint64_t)(s * UNITS + begin) << UNIT_SHIFT;
        if (u > begin && !sfpm_image_read(image, region, offset, to->base + offset,
                                          (size_t)(u - begin) << UNIT_SHIFT))
            return false;
        begin = u + 1;
    }
    return true;
}

bool sfpm_read_segment(const sfpm_heap_t *to, const sfpm_image_t *image, size_t region,
                       uint32_t s)
{
    if (to->segments[s].kind != SEGMENT_UNITS)
        return true;
    uint32_t end = s + 1;
    while (end < to->header->num_segments && to->segments[end].kind == SEGMENT_REST)
        end++;
    uint64_t rest = (uint64_t)(s + 1) << SEGMENT_SHIFT;
    return read_units(to, image, region, s) &&
           sfpm_image_read(image, region, rest, to->base + rest,
                           (size_t)(end - s - 1) << SEGMENT_SHIFT);
}

/* The tables come from where they were checked. */
static void copy_tables(const sfpm_heap_t *to, const sfpm_heap_t *tables)
{
    size_t entries = (size_t)tables->header->num_segments * sizeof(segment_entry_t);
    memcpy(to->header, tables->header, sizeof(header_t));
    memcpy(to->segments, tables->segments, entries);
    to->header->base = (uintptr_t)to->base;
}

/* Those of a segment are copied when it is read: a page of its memory is then cleared and
 * filled while it is in the cache. */
static void copy_segment_tables(const sfpm_heap_t *to, const sfpm_heap_t *tables,
                                uint32_t s)
{
    if (tables->segments[s].kind != SEGMENT_UNITS)
        return;
    memcpy(heap_segment(to, s), heap_segment(tables, s), sizeof(segment_t));
    sfpm_units_fill_unused(heap_segment(to, s));
}

static bool read_and_move(const move_t *move, const sfpm_heap_t *known, hosts_t *hosts,
                          const sfpm_image_t *image, size_t region)
{
    const sfpm_heap_t *to = move->to;
    const walk_t walk = {
        .heap = to, .known = known, .pointers = move_pointers, .context = move};
    for (uint32_t s = 0; s < to->header->num_segments; s++) {
        copy_segment_tables(to, move->tables, s);
        if (!sfpm_read_segment(to, image, region, s) || !sfpm_walk_segment(&walk, s) ||
            !sfpm_hosts_move_segment(hosts, to, known, s, true))
            return false;
    }
    return sfpm_hosts_complete(hosts);
}

bool sfpm_relocate(sfpm_heap_t *to, const sfpm_heap_t *known, const sfpm_heap_t *preview,
                   const sfpm_image_t *image, size_t region)
{
#if SFPM_LINUX_PATHS && defined(MADV_HUGEPAGE)
    madvise(to->base, to->used,
            MADV_HUGEPAGE); /* fewer faults; without it is right, too */
#endif
    const move_t move = {to, preview};
    copy_tables(to, preview);
    hosts_t *hosts = sfpm_hosts_open(known, preview->header);
    bool ok = hosts && read_and_move(&move, known, hosts, image, region);
    sfpm_hosts_close(hosts);
    return ok;
}

static bool move_others(const walk_t *walk, const type_record_t *type, uint8_t *slot,
                        size_t stride, size_t count)
{
    const sfpm_heap_t *heap = walk->context;
    (void)type;
    for (; count > 0; count--, slot += stride)
        if (load(slot) != 0)
            move_to_other(heap, slot);
    return true;
}

bool sfpm_relocate_others(sfpm_heap_t *heap)
{
    const walk_t walk = {
        .heap = heap, .known = heap, .pointers = move_others, .context = heap};
    if (heap->num_displaced == 0)
        return true;
    if (!sfpm_heap_check(heap))
        return false;
    for (uint32_t s = 0; s < heap->header->num_segments; s++)
        if (!sfpm_walk_segment(&walk, s))
            return sfpm_fail_prefix("heap '%s'", heap->name);
    return true;
}
