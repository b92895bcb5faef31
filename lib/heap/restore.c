/* SPDX-License-Identifier: MIT */
/*
 * Restoring the heaps of a snapshot: their tables are read and checked first; then each
 * gets a place, those whose own one is taken are filled there and corrected, and the
 * snapshot puts all other regions into place. All of them come back, or none.
 */
#include "heap/heap.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/options.h"
#include "snapshot/hooks.h"
#include "snapshot/snapshot.h"

/* What a heap's handle says of its memory, to go back to. */
typedef struct memory {
    uint8_t *base;
    size_t reserved;
    size_t used;
    size_t accessible;
} memory_t;

static memory_t memory_of(const sfpm_heap_t *heap)
{
    return (memory_t){heap->base, heap->reserved, heap->used, heap->accessible};
}

static void set_memory(sfpm_heap_t *heap, const memory_t *memory)
{
    sfpm_heap_attach(heap, memory->base, memory->reserved, memory->used);
    heap->accessible = memory->accessible;
}

/* One heap of the snapshot that the image holds. */
typedef struct part {
    sfpm_heap_t *heap;
    heap_source_t source;
    header_t header;     /* its numbers, from the image */
    sfpm_heap_t preview; /* its tables; without a base while they are not read */
    memory_t old;
    bool placed;    /* it has its place for the restored contents */
    bool elsewhere; /* than the image says: filled and corrected here */
} part_t;

/* A restore under way. */
typedef struct restoring {
    sfpm_snapshot_t *snapshot;
    sfpm_image_t *image;
    sfpm_restore_options_t options;
    part_t *parts;
    displaced_t *displaced; /* one for each part */
    size_t count;
} restoring_t;

static size_t size_in_image(const part_t *part)
{
    return (size_t)part->header.num_segments << SEGMENT_SHIFT;
}

static bool fail_part(const restoring_t *restoring, const part_t *part)
{
    return sfpm_fail_prefix("%s: heap '%s'", sfpm_image_info(restoring->image)->name,
                            part->heap->name);
}

/* ---- What the image says ------------------------------------------------------ */

static bool look_at_types(const part_t *part, bool *hosts_same)
{
    const header_t *numbers = &part->header;
    if (part->heap->num_types == 0 && !numbers->num_symbols && !numbers->num_modules)
        return true;
    header_t *header = sfpm_preview_types(&part->source);
    bool ok = header && sfpm_types_compare(part->heap, header);
    *hosts_same = ok && sfpm_hosts_same(part->heap, header);
    free(header);
    return ok;
}

/* All that it says of a heap, unless contents are not to be verified and the heap need
 * not move. */
static bool look(const restoring_t *restoring, part_t *part)
{
    sfpm_heap_t *heap = part->heap;
    bool hosts_same = true;
    bool unverified = restoring->options.mode == SFPM_RESTORE_LAZY_UNVERIFIED;
    if (!sfpm_preview_header(&part->header, &part->source) ||
        (unverified && !look_at_types(part, &hosts_same)))
        return false;
    if (unverified && hosts_same)
        return true;
    return sfpm_preview_read(&part->preview, &part->source) &&
           sfpm_types_compare(heap, part->preview.header) &&
           (sfpm_hosts_same(heap, part->preview.header) ||
            sfpm_hosts_try(heap, &part->preview, restoring->image, part->source.region));
}

/* The heaps of the snapshot that the image holds; `wanted` must be one of them. */
static bool find_parts(restoring_t *restoring, const sfpm_heap_t *wanted)
{
    size_t count = 0, at = 0;
    sfpm_heap_t *heap;
    sfpm_error_state_t before;
    while (sfpm_heap_next(restoring->snapshot, &at))
        count++;
    restoring->parts = SFPM_NEW_N(part_t, count);
    restoring->displaced = SFPM_NEW_N(displaced_t, count);
    if (!restoring->parts || !restoring->displaced)
        return false;
    sfpm_error_save(&before);
    at = 0;
    while ((heap = sfpm_heap_next(restoring->snapshot, &at)) != NULL) {
        part_t *part = &restoring->parts[restoring->count];
        part->heap = heap;
        part->preview.name = part->heap->name;
        part->old = memory_of(part->heap);
        part->source.image = restoring->image;
        if (sfpm_image_find_region(restoring->image, part->heap->name,
                                   &part->source.region))
            restoring->count++;
        else if (part->heap == wanted)
            return fail_part(restoring, part);
    }
    sfpm_error_restore(&before);
    return true;
}

/* ---- Places ------------------------------------------------------------------- */

static int compare_displaced(const void *left, const void *right)
{
    const displaced_t *a = left, *b = right;
    return (a->from > b->from) - (a->from < b->from);
}

/* Where all of them were saved; where they will lie is not known yet. */
static void list_displaced(const restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->count; i++) {
        const part_t *part = &restoring->parts[i];
        restoring->displaced[i] =
            (displaced_t){.from = part->header.base, .size = size_in_image(part)};
    }
    if (restoring->count > 0)
        qsort(restoring->displaced, restoring->count, sizeof *restoring->displaced,
              compare_displaced);
}

static size_t displaced_behind(const restoring_t *restoring, const part_t *part)
{
    return sfpm_displaced_behind(restoring->displaced, restoring->count,
                                 part->header.base);
}

/* The range of a part, without what other parts will need: one that was saved when it
 * could not be as large may have another right behind it. */
static size_t room_there(const restoring_t *restoring, const part_t *part)
{
    uint64_t room = part->header.max_size;
    size_t behind = displaced_behind(restoring, part);
    if (behind < restoring->count) {
        uint64_t distance = restoring->displaced[behind].from - part->header.base;
        room = distance < room ? distance : room;
    }
    return (size_t)room;
}

/* As much of the range as there is room for, at the address where pointers are right. */
static uint8_t *reserve_there(const restoring_t *restoring, const part_t *part,
                              size_t *reserved)
{
    const header_t *header = &part->header;
    for (*reserved = room_there(restoring, part);; *reserved /= 2) {
        if (*reserved < size_in_image(part))
            *reserved = size_in_image(part);
        *reserved = (*reserved + SEGMENT_SIZE - 1) / SEGMENT_SIZE * SEGMENT_SIZE;
        uint8_t *base = sfpm_range_reserve(header->base, *reserved, true);
        if (base || *reserved == size_in_image(part))
            return base;
    }
}

static bool place_is_free(const part_t *part)
{
    const sfpm_heap_t *heap = part->heap;
    size_t size = size_in_image(part);
    if ((uintptr_t)heap->base == part->header.base && size <= heap->reserved)
        return true;
    uint8_t *base = sfpm_range_reserve(part->header.base, size, true);
    sfpm_range_release(base, size);
    return base != NULL;
}

/* The heap's own range, when it is the right one, or another one at that place; no more
 * than its table of segments has room for. */
static bool take_place(const restoring_t *restoring, const part_t *part)
{
    sfpm_heap_t *heap = part->heap;
    size_t size = size_in_image(part);
    size_t reserved = heap->reserved;
    uint8_t *base = heap->base;
    size_t open = heap->accessible;
    if ((uintptr_t)base != part->header.base || size > reserved) {
        open = 0;
        base = reserve_there(restoring, part, &reserved);
    }
    if (!base)
        return false;
    if (size > open && !sfpm_range_open(base + open, size - open)) {
        if (base != heap->base)
            sfpm_range_release(base, reserved);
        return false;
    }
    if (reserved > part->header.max_size)
        reserved = (size_t)part->header.max_size;
    sfpm_heap_attach(heap, base, reserved, size);
    if (open > size)
        heap->accessible = open < reserved ? open : reserved;
    return true;
}

/* Any place, for a heap that may move. */
static bool take_other_place(part_t *part)
{
    size_t size = size_in_image(part);
    size_t reserved = (size_t)part->header.max_size;
    if ((!part->preview.base && !sfpm_preview_read(&part->preview, &part->source)) ||
        !sfpm_relocate_allowed(part->heap, &part->preview))
        return false;
    uint8_t *base = sfpm_range_reserve(0, reserved, false);
    if (!base && reserved > size)
        base = sfpm_range_reserve(0, reserved = size, false);
    if (!base)
        return false;
    if (!sfpm_range_open(base, size)) {
        sfpm_range_release(base, reserved);
        return false;
    }
    sfpm_heap_attach(part->heap, base, reserved, size);
    part->elsewhere = true;
    return true;
}

/* Those that can stay take their places before any other looks for one. */
static bool take_places(restoring_t *restoring)
{
    list_displaced(restoring);
    for (size_t i = 0; i < restoring->count; i++) {
        part_t *part = &restoring->parts[i];
        part->placed = place_is_free(part);
        if (part->placed && !take_place(restoring, part))
            return fail_part(restoring, part);
    }
    for (size_t i = 0; i < restoring->count; i++) {
        part_t *part = &restoring->parts[i];
        if (!part->placed && !take_other_place(part))
            return fail_part(restoring, part);
        restoring->displaced[displaced_behind(restoring, part) - 1].to =
            (uintptr_t)part->heap->base;
    }
    return true;
}

/* Fills a heap that lies elsewhere, with its pointers corrected. */
static bool fill(const restoring_t *restoring, const part_t *part)
{
    sfpm_heap_t *heap = part->heap;
    heap->num_displaced = restoring->count;
    bool ok =
        sfpm_relocate(heap, heap, &part->preview, restoring->image, part->source.region);
    heap->num_displaced = 0;
    if (ok)
        sfpm_hosts_record(heap); /* its host addresses are those of this process */
    return ok;
}

/* A heap that stays: its pointers into the others are corrected once it is restored. */
static bool announce(const restoring_t *restoring, part_t *part)
{
    if ((!part->preview.base && !sfpm_preview_read(&part->preview, &part->source)) ||
        !sfpm_relocate_others_allowed(part->heap, &part->preview))
        return false;
    part->heap->num_displaced = restoring->count;
    return true;
}

static bool load_elsewhere(restoring_t *restoring)
{
    bool any = false;
    for (size_t i = 0; i < restoring->count; i++) {
        restoring->parts[i].heap->displaced = restoring->displaced;
        any = any || restoring->parts[i].elsewhere;
    }
    for (size_t i = 0; any && i < restoring->count; i++) {
        part_t *part = &restoring->parts[i];
        if (!(part->elsewhere ? fill(restoring, part) : announce(restoring, part)))
            return fail_part(restoring, part);
    }
    return true;
}

/* ---- The snapshot's regions ---------------------------------------------------- */

/* Follow the heaps' memory: all go before one comes, since one may lie where another
 * was. */
static bool register_again(const restoring_t *restoring)
{
    bool ok = true;
    for (size_t i = 0; i < restoring->count; i++)
        sfpm_snapshot_remove_region(restoring->snapshot, restoring->parts[i].heap->name,
                                    0);
    for (size_t i = 0; ok && i < restoring->count; i++) {
        const part_t *part = &restoring->parts[i];
        ok = sfpm_heap_register(part->heap);
        if (ok && part->elsewhere)
            sfpm_snapshot_set_placed(restoring->snapshot, part->heap->name, true);
    }
    return ok;
}

/* All heaps as they were, after a failure. */
static void go_back(const restoring_t *restoring)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    for (size_t i = 0; i < restoring->count; i++) {
        const part_t *part = &restoring->parts[i];
        if (part->heap->base != part->old.base)
            sfpm_range_release(part->heap->base, part->heap->reserved);
        set_memory(part->heap, &part->old);
    }
    if (register_again(restoring))
        sfpm_error_restore(&error);
}

/* The old memory is not needed any more. */
static void finish(const restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->count; i++) {
        const part_t *part = &restoring->parts[i];
        const sfpm_heap_t *heap = part->heap;
        size_t kept = heap->base == part->old.base ? heap->reserved : 0;
        if (kept < part->old.reserved)
            sfpm_range_release(part->old.base + kept, part->old.reserved - kept);
        sfpm_snapshot_set_placed(restoring->snapshot, heap->name, false);
    }
}

/* `*complete` tells whether the hooks succeeded as well.
 * Returns whether memory is what the image holds. */
static bool restore_memory(restoring_t *restoring, bool *complete)
{
    if (!take_places(restoring) || !load_elsewhere(restoring) ||
        !register_again(restoring))
        return false;
    *complete = sfpm_snapshot_restore_image(restoring->snapshot, restoring->image,
                                            &restoring->options);
    return *complete || sfpm_last_status() == SFPM_ERR_UNFINISHED;
}

/* All heaps are themselves again, in the old memory or the restored. */
static void end(const restoring_t *restoring, bool restored)
{
    if (restored)
        finish(restoring);
    else
        go_back(restoring);
    for (size_t i = 0; i < restoring->count; i++) {
        restoring->parts[i].heap->restoring = false;
        restoring->parts[i].heap->displaced = NULL;
        restoring->parts[i].heap->num_displaced = 0;
    }
}

static void release(restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->count; i++)
        sfpm_preview_free(&restoring->parts[i].preview);
    free(restoring->parts);
    free(restoring->displaced);
    sfpm_image_close(restoring->image);
    free(restoring);
}

static void begin(restoring_t *restoring, void (*abandon)(void *restoring))
{
    sfpm_callbacks_t *callbacks = restoring->snapshot->callbacks;
    callbacks->abandon = abandon;
    callbacks->abandon_context = restoring;
    for (size_t i = 0; i < restoring->count; i++)
        restoring->parts[i].heap->restoring = true;
}

static void no_longer(const restoring_t *restoring)
{
    restoring->snapshot->callbacks->abandon = NULL;
    restoring->snapshot->callbacks->abandon_context = NULL;
}

/* A callback of the program left the restore, and it never returns. The hooks of heaps,
 * which come first once memory is restored, tell how far it came. */
static void abandon(void *context)
{
    restoring_t *restoring = context;
    bool restored = false;
    for (size_t i = 0; i < restoring->count; i++)
        restored = restored || !restoring->parts[i].heap->restoring;
    no_longer(restoring);
    end(restoring, restored);
    release(restoring);
}

static bool restore(restoring_t *restoring)
{
    bool complete = false;
    for (size_t i = 0; i < restoring->count; i++)
        if (!look(restoring, &restoring->parts[i]))
            return fail_part(restoring, &restoring->parts[i]);
    begin(restoring, abandon);
    bool restored = restore_memory(restoring, &complete);
    no_longer(restoring);
    end(restoring, restored);
    return complete;
}

/* Opens the image, whose commit and base need not be looked for again. */
static bool open_image(restoring_t *restoring, const sfpm_heap_t *heap,
                       const char *filename, const sfpm_restore_options_t *options)
{
    restoring->snapshot = heap->snapshot;
    if (!sfpm_take_options(&restoring->options, sizeof restoring->options, options))
        return false;
    restoring->image = sfpm_snapshot_open_image(heap->snapshot, filename, options);
    restoring->options.struct_size = sizeof restoring->options;
    restoring->options.commit = 0;
    restoring->options.base = NULL;
    return restoring->image != NULL;
}

bool sfpm_heap_restore(sfpm_heap_t *heap, const char *filename,
                       const sfpm_restore_options_t *options)
{
    if (!heap || !filename || !heap->snapshot)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "no file name or no heap that was added to a snapshot was given");
    restoring_t *restoring = SFPM_NEW(restoring_t);
    if (!restoring)
        return false;
    sfpm_regions_expose(heap->snapshot);
    bool ok = open_image(restoring, heap, filename, options) &&
              find_parts(restoring, heap) && restore(restoring);
    sfpm_regions_cover(heap->snapshot);
    release(restoring);
    return ok;
}
