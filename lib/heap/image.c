/* SPDX-License-Identifier: MIT */
/* Registers a heap as a region of a snapshot, and keeps the size of that region. */
#include "heap/guard.h"

#include "snapshot/hooks.h"
#include "snapshot/snapshot.h"

static bool check_contents(const void *contents, size_t size)
{
    const uint8_t *bytes = contents;
    return sfpm_check_header((const header_t *)(const void *)(bytes + HEADER_AT), size);
}

bool sfpm_heap_register(sfpm_heap_t *heap)
{
    const sfpm_memory_region_t region = {heap->base, heap->used, heap->name, true};
    const sfpm_region_options_t options = {
        .struct_size = sizeof options,
        .flags = heap->options.same_build ? SFPM_REGION_POINTERS : 0,
        .remappable = true,
        .address = (uintptr_t)heap->base};
    heap->registered = heap->used;
    if (!sfpm_snapshot_add_growing(heap->snapshot, &region, &options, heap->reserved))
        return false;
    heap->snapshot->regions[heap->snapshot->num_regions - 1].check = check_contents;
    return true;
}

static bool tell_size(const sfpm_heap_t *heap, size_t size)
{
    return sfpm_snapshot_move_growing(heap->snapshot, heap->name, 0, heap->base, size,
                                      heap->reserved);
}

/* What is saved is what the heap uses now; other hooks have run, in which it may have
 * grown. */
static bool before_save(void *context)
{
    sfpm_heap_t *heap = context;
    heap->saved = heap->registered;
    sfpm_heap_trim(heap);
    sfpm_hosts_record(heap);
    if (!tell_size(heap, heap->used))
        return false;
    heap->registered = heap->used;
    return true;
}

/* What was not saved is not what a revert goes back to. */
static void after_save(void *context, bool saved)
{
    sfpm_heap_t *heap = context;
    if (!saved && tell_size(heap, heap->saved))
        heap->registered = heap->saved;
}

/* Pointers are right at the address in the image only: sfpm_heap_restore() sees to it, a
 * restore of the snapshot alone does not. */
static bool before_restore(void *context)
{
    const sfpm_heap_t *heap = context;
    const sfpm_image_t *image = sfpm_snapshot_restoring(heap->snapshot);
    size_t region;
    if (heap->restoring || !sfpm_image_find_region(image, heap->name, &region))
        return true;
    uint64_t address = sfpm_image_region(image, region)->address;
    return address == (uintptr_t)heap->base ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "heap '%s' is at %p, but was saved at 0x%llx: use "
                     "sfpm_heap_restore(), which moves it",
                     heap->name, (void *)heap->base, (unsigned long long)address);
}

/* A table of segments has room for the range that it was made for. */
static void fit_range(sfpm_heap_t *heap)
{
    size_t size = (size_t)heap->header->max_size;
    if (heap->reserved <= size)
        return;
    sfpm_range_release(heap->base + size, heap->reserved - size);
    heap->reserved = size;
    if (heap->accessible > size)
        heap->accessible = size;
}

/* However the heap came back: by this library's or the snapshot's restore, or revert. It
 * may have grown since it was as it is now. */
static bool after_restore(void *context, const sfpm_restore_event_t *event)
{
    sfpm_heap_t *heap = context;
    if (!event->restored)
        return true;
    uint64_t used = (uint64_t)heap->header->num_segments << SEGMENT_SHIFT;
    if (used > heap->accessible || !sfpm_check_header(heap->header, used))
        return sfpm_fail(SFPM_ERR_CORRUPT, "heap '%s': its header is damaged",
                         heap->name);
    heap->used = (size_t)used;
    heap->restoring = false;
    sfpm_fits_forget(heap);
    fit_range(heap);
    return sfpm_hosts_bind(heap) && sfpm_types_bind(heap) && sfpm_relocate_others(heap);
}

sfpm_heap_t *sfpm_heap_next(const sfpm_snapshot_t *snapshot, size_t *at)
{
    const sfpm_callbacks_t *callbacks = snapshot->callbacks;
    while (*at < callbacks->num_hooks) {
        const sfpm_hooks_t *hooks = &callbacks->hooks[(*at)++].given;
        if (hooks->before_restore == before_restore)
            return hooks->context;
    }
    return NULL;
}

/* Its region is found by its name. */
static bool check_name(const sfpm_heap_t *heap, const sfpm_snapshot_t *snapshot)
{
    return !sfpm_snapshot_find_region(snapshot, heap->name, 0) ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "heap '%s': a region with this name is already registered: give the "
                     "heap another name",
                     heap->name);
}

bool sfpm_heap_add_to_snapshot(sfpm_heap_t *heap, sfpm_snapshot_t *snapshot)
{
    if (!heap || !snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         heap ? "snapshot" : "heap");
    if (heap->snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "heap '%s' was already added to a snapshot",
                         heap->name);
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks,
                                .name = heap->name,
                                .before_save = before_save,
                                .after_save = after_save,
                                .before_restore = before_restore,
                                .after_restore = after_restore,
                                .context = heap};
    if (!check_name(heap, snapshot))
        return false;
    heap->snapshot = snapshot;
    if (!sfpm_heap_register(heap)) {
        heap->snapshot = NULL;
        return false;
    }
    if (sfpm_hooks_add_ours(snapshot, &hooks, sfpm_guard_expose))
        return true;
    sfpm_snapshot_remove_region(snapshot, heap->name, 0);
    heap->snapshot = NULL;
    return false;
}
