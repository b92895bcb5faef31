/* SPDX-License-Identifier: MIT */
/*
 * Restoring a heap: its tables are read and checked first; then the snapshot puts all
 * regions into place, the heap's at the address where its pointers are right.
 */
#include "heap/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/options.h"

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

/* A restore under way. */
typedef struct restoring {
    sfpm_heap_t *heap;
    sfpm_image_t *image;
    size_t region;
    header_t header; /* its numbers, from the image */
    sfpm_restore_options_t options;
} restoring_t;

static size_t size_in_image(const restoring_t *restoring)
{
    return (size_t)restoring->header.num_segments << SEGMENT_SHIFT;
}

/* The region of the snapshot follows the heap's memory. */
static bool register_again(sfpm_heap_t *heap)
{
    return sfpm_snapshot_remove_region(heap->snapshot, heap->name, 0) &&
           sfpm_heap_register(heap);
}

/* Goes back to the old memory after a failure. */
static bool go_back(sfpm_heap_t *heap, const memory_t *old)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    if (heap->base != old->base)
        sfpm_range_release(heap->base, heap->reserved);
    set_memory(heap, old);
    sfpm_snapshot_remove_region(heap->snapshot, heap->name, 0);
    if (!sfpm_heap_register(heap))
        return false;
    sfpm_error_restore(&error);
    return false;
}

/* As much of the range as there is room for, at the address where pointers are right. */
static uint8_t *reserve_there(const restoring_t *restoring, size_t *reserved)
{
    const header_t *header = &restoring->header;
    for (*reserved = (size_t)header->max_size;; *reserved /= 2) {
        if (*reserved < size_in_image(restoring))
            *reserved = size_in_image(restoring);
        *reserved = (*reserved + SEGMENT_SIZE - 1) / SEGMENT_SIZE * SEGMENT_SIZE;
        uint8_t *base = sfpm_range_reserve(header->base, *reserved, true);
        if (base || *reserved == size_in_image(restoring))
            return base;
    }
}

/* The heap's own range, when it is the right one, or another one at that place. */
static bool take_place(const restoring_t *restoring)
{
    sfpm_heap_t *heap = restoring->heap;
    size_t size = size_in_image(restoring);
    size_t reserved = heap->reserved;
    uint8_t *base = heap->base;
    size_t open = heap->accessible;
    if ((uintptr_t)base != restoring->header.base || size > reserved) {
        open = 0;
        base = reserve_there(restoring, &reserved);
    }
    if (!base)
        return false;
    if (size > open && !sfpm_range_open(base + open, size - open)) {
        if (base != heap->base)
            sfpm_range_release(base, reserved);
        return false;
    }
    sfpm_heap_attach(heap, base, reserved, size);
    heap->accessible = size > open ? size : open;
    return true;
}

/* A table of segments has room for the range that it was made for. */
static void fit_range(sfpm_heap_t *heap)
{
    size_t size = (size_t)heap->header->max_size;
    if (heap->reserved <= size)
        return;
    sfpm_range_release(heap->base + size, heap->reserved - size);
    heap->reserved = size;
}

static bool restore_in_place(restoring_t *restoring)
{
    sfpm_heap_t *heap = restoring->heap;
    const memory_t old = memory_of(heap);
    if (!take_place(restoring))
        return false;
    if (!register_again(heap) ||
        !sfpm_snapshot_restore_image(heap->snapshot, restoring->image,
                                     &restoring->options))
        return go_back(heap, &old);
    if (heap->base != old.base)
        sfpm_range_release(old.base, old.reserved);
    fit_range(heap);
    return true;
}

static bool look_at_types(const restoring_t *restoring, bool *hosts_same)
{
    const header_t *numbers = &restoring->header;
    if (restoring->heap->num_types == 0 && !numbers->num_symbols && !numbers->num_modules)
        return true;
    header_t *header = sfpm_preview_types(restoring->image, restoring->region);
    bool ok = header && sfpm_types_compare(restoring->heap, header);
    *hosts_same = ok && sfpm_hosts_same(restoring->heap, header);
    free(header);
    return ok;
}

/* What the image says of the heap: all of it, unless contents are not to be verified and
 * the heap need not move. */
static bool look(restoring_t *restoring, sfpm_heap_t *preview)
{
    sfpm_heap_t *heap = restoring->heap;
    if (!sfpm_image_find_region(restoring->image, heap->name, &restoring->region) ||
        !sfpm_preview_header(&restoring->header, restoring->image, restoring->region))
        return false;
    bool hosts_same = true;
    if (restoring->options.mode == SFPM_RESTORE_LAZY_UNVERIFIED &&
        !look_at_types(restoring, &hosts_same))
        return false;
    if (restoring->options.mode == SFPM_RESTORE_LAZY_UNVERIFIED && hosts_same)
        return true;
    return sfpm_preview_read(preview, restoring->image, restoring->region) &&
           sfpm_types_compare(heap, preview->header) &&
           (sfpm_hosts_same(heap, preview->header) ||
            sfpm_hosts_try(heap, preview, restoring->image, restoring->region));
}

/* The heap's memory at another place, filled and corrected. */
static bool load_elsewhere(restoring_t *restoring, sfpm_heap_t *preview)
{
    sfpm_heap_t *heap = restoring->heap;
    size_t size = size_in_image(restoring);
    if (!preview->base &&
        !sfpm_preview_read(preview, restoring->image, restoring->region))
        return false;
    if (!sfpm_relocate_allowed(heap, preview))
        return false;
    size_t reserved = (size_t)restoring->header.max_size;
    uint8_t *base = sfpm_range_reserve(0, reserved, false);
    if (!base && reserved > size)
        base = sfpm_range_reserve(0, reserved = size, false);
    if (!base)
        return false;
    sfpm_heap_t to = {.name = heap->name};
    sfpm_heap_attach(&to, base, reserved, size);
    if (!sfpm_range_open(base, size) ||
        !sfpm_relocate(&to, heap, preview, restoring->image, restoring->region)) {
        sfpm_range_release(base, reserved);
        return false;
    }
    sfpm_heap_attach(heap, base, reserved, size);
    sfpm_hosts_record(heap); /* its host addresses are those of this process */
    return true;
}

/* The snapshot restores its other regions, and takes the heap's as it is. */
static bool restore_elsewhere(restoring_t *restoring, sfpm_heap_t *preview)
{
    sfpm_heap_t *heap = restoring->heap;
    const memory_t old = memory_of(heap);
    if (!load_elsewhere(restoring, preview))
        return sfpm_fail_prefix("%s: heap '%s'", sfpm_image_name(restoring->image),
                                heap->name);
    restoring->options.accept |= SFPM_ACCEPT_REMOVED;
    if (!sfpm_snapshot_remove_region(heap->snapshot, heap->name, 0) ||
        !sfpm_snapshot_restore_image(heap->snapshot, restoring->image,
                                     &restoring->options) ||
        !sfpm_heap_register(heap))
        return go_back(heap, &old);
    sfpm_range_release(old.base, old.reserved);
    return true;
}

static bool place_is_free(const restoring_t *restoring)
{
    const sfpm_heap_t *heap = restoring->heap;
    size_t size = size_in_image(restoring);
    if ((uintptr_t)heap->base == restoring->header.base && size <= heap->reserved)
        return true;
    uint8_t *base = sfpm_range_reserve(restoring->header.base, size, true);
    sfpm_range_release(base, size);
    return base != NULL;
}

static bool restore(restoring_t *restoring)
{
    sfpm_heap_t preview = {.name = restoring->heap->name};
    bool ok = look(restoring, &preview) ||
              sfpm_fail_prefix("%s: heap '%s'", sfpm_image_name(restoring->image),
                               restoring->heap->name);
    ok = ok &&
         (place_is_free(restoring) ? restore_in_place(restoring)
                                   : restore_elsewhere(restoring, &preview)) &&
         sfpm_types_bind(restoring->heap);
    sfpm_preview_free(&preview);
    return ok;
}

bool sfpm_heap_restore(sfpm_heap_t *heap, const char *filename,
                       const sfpm_restore_options_t *options)
{
    restoring_t restoring = {.heap = heap};
    if (!heap || !filename || !heap->snapshot)
        return sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "a file name is needed, and a heap that was added to a snapshot");
    if (!sfpm_take_options(&restoring.options, sizeof restoring.options, options))
        return false;
    restoring.image = sfpm_snapshot_open_image(heap->snapshot, filename, options);
    restoring.options.struct_size = sizeof restoring.options;
    restoring.options.commit = 0;
    restoring.options.base = NULL;
    heap->restoring = true;
    bool ok = restoring.image && restore(&restoring);
    heap->restoring = false;
    sfpm_image_close(restoring.image);
    return ok;
}
