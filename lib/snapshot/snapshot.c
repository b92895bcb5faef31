/* SPDX-License-Identifier: MIT */
/*
 * Creates snapshots, registers, moves and removes regions, and keeps what describes the
 * images saved from them.
 */
#include "snapshot/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/maps.h"
#include "base/memory.h"
#include "base/options.h"
#include "snapshot/tracking.h"
#include "snapshot/hooks.h"
#include "job/job.h"

#define KNOWN_FLAGS                                                                      \
    ((uint32_t)SFPM_REGION_DYNAMIC | (uint32_t)SFPM_REGION_PORTABLE |                    \
     (uint32_t)SFPM_REGION_POINTERS | (uint32_t)SFPM_REGION_VOLATILE |                   \
     (uint32_t)SFPM_REGION_SECRET)

sfpm_snapshot_t *sfpm_snapshot_create(void)
{
    sfpm_snapshot_t *snapshot = SFPM_NEW(sfpm_snapshot_t);
    if (!snapshot)
        return NULL;
    snapshot->last = SFPM_NEW(sfpm_last_commit_t);
    snapshot->callbacks = SFPM_NEW(sfpm_callbacks_t);
    snapshot->tracker = sfpm_tracker_create();
    if (!snapshot->last || !snapshot->callbacks || !snapshot->tracker) {
        sfpm_tracker_free(snapshot->tracker);
        free(snapshot->last);
        free(snapshot->callbacks);
        free(snapshot);
        return NULL;
    }
    return snapshot;
}

/* Whether one of the snapshot's callbacks calls, or was left: in the thread of a
 * background save, or without one. */
static bool is_inside(const sfpm_snapshot_t *snapshot)
{
    const sfpm_job_t *job = snapshot->job;
    if (job && job->starter != 0)
        return pthread_equal(pthread_self(), job->thread);
    return snapshot->callbacks->running;
}

/* Many regions may be removed one by one, so the others are not moved each time. */
static void drop_removed(sfpm_snapshot_t *snapshot)
{
    size_t kept = 0;
    if (snapshot->num_removed == 0)
        return;
    for (size_t i = 0; i < snapshot->num_regions; i++)
        if (snapshot->regions[i].name)
            snapshot->regions[kept++] = snapshot->regions[i];
    snapshot->num_regions = kept;
    snapshot->num_removed = 0;
}

bool sfpm_snapshot_start(const sfpm_snapshot_t *snapshot)
{
    if (!sfpm_callbacks_are_idle(snapshot))
        return false;
    /* What is constant for the caller is which regions there are, and their order. */
    sfpm_snapshot_t *own = (sfpm_snapshot_t *)(uintptr_t)snapshot;
    drop_removed(own);
    sfpm_attributes_settle(&own->settings.attributes);
    return true;
}

void sfpm_snapshot_destroy(sfpm_snapshot_t *snapshot)
{
    if (!snapshot || is_inside(snapshot))
        return;
    sfpm_job_detach(snapshot);
    sfpm_name_map_free(&snapshot->names);
    drop_removed(snapshot);
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        sfpm_address_map_remove(&snapshot->addresses, snapshot->regions[i].reservation);
        free(snapshot->regions[i].name);
    }
    free(snapshot->regions);
    sfpm_settings_free(&snapshot->settings);
    sfpm_snapshot_free_parked(snapshot);
    sfpm_tracker_free(snapshot->tracker);
    sfpm_callbacks_free(snapshot->callbacks);
    sfpm_snapshot_name_last(snapshot, NULL, NULL);
    free(snapshot->last);
    free(snapshot);
}

/* Whether the range is memory that can exist. */
static bool check_range(const char *name, const void *base, size_t size)
{
    if (!base)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "region '%s' has a null base address", name);
    if (size == 0)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "region '%s' has a size of 0", name);
    if (size > UINTPTR_MAX - (uintptr_t)base)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "region '%s': %zu bytes reach beyond the address space", name,
                         size);
    return true;
}

/* The region of a heap is found by its name, and changes with the heap alone. */
static bool check_name(const sfpm_snapshot_t *snapshot, const char *name)
{
    return !sfpm_hooks_own(snapshot, name) ||
           sfpm_fail(SFPM_ERR_ARGUMENT,
                     "region '%s' is a heap of this snapshot: give other memory another "
                     "name",
                     name);
}

static size_t size_with_room(size_t size, size_t room)
{
    return size > room ? size : room;
}

/* Puts a region, which is complete except for its reservation, behind the others. */
static bool append(sfpm_snapshot_t *snapshot, sfpm_registered_t region, size_t room)
{
    void *array = snapshot->regions;
    if (!sfpm_grow_array(&array, &snapshot->region_capacity, snapshot->num_regions + 1,
                         sizeof *snapshot->regions))
        return false;
    snapshot->regions = array;
    region.name = sfpm_copy_string(region.name);
    if (!region.name)
        return false;
    region.reservation =
        sfpm_address_map_add(&snapshot->addresses, region.name, region.base,
                             size_with_room(region.size, room));
    if (!region.reservation) {
        free(region.name);
        return false;
    }
    region.serial = snapshot->last_serial + 1;
    if (!sfpm_name_map_add(&snapshot->names, region.name, region.serial, NULL)) {
        sfpm_address_map_remove(&snapshot->addresses, region.reservation);
        free(region.name);
        return false;
    }
    snapshot->last_serial = region.serial;
    snapshot->regions[snapshot->num_regions++] = region;
    return true;
}

bool sfpm_snapshot_add_growing(sfpm_snapshot_t *snapshot,
                               const sfpm_memory_region_t *region,
                               const sfpm_region_options_t *options, size_t room)
{
    sfpm_region_options_t chosen;
    if (!snapshot || !region)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "region" : "snapshot");
    if (!sfpm_callbacks_are_idle(snapshot) ||
        !sfpm_take_options(&chosen, sizeof chosen, options))
        return false;
    const char *name = region->name ? region->name : "unnamed";
    if (!check_range(name, region->base_address, size_with_room(region->size, room)) ||
        (room == 0 && !check_name(snapshot, name)))
        return false;
    if (chosen.flags & ~KNOWN_FLAGS)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "region '%s' has unknown flags 0x%x", name,
                         chosen.flags & ~KNOWN_FLAGS);
    if (chosen.remappable && sfpm_memory_is_shared(region->base_address, region->size))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "region '%s' is remappable, but lies in shared memory, which a "
                         "restore must not replace for this process alone",
                         name);
    uint32_t dynamic = region->is_dynamic ? (uint32_t)SFPM_REGION_DYNAMIC : 0;
    return append(snapshot,
                  (sfpm_registered_t){.base = region->base_address,
                                      .size = region->size,
                                      .name = (char *)(uintptr_t)name,
                                      .flags = chosen.flags | dynamic,
                                      .remappable = chosen.remappable,
                                      .address = chosen.address},
                  room);
}

bool sfpm_snapshot_add_region_with(sfpm_snapshot_t *snapshot,
                                   const sfpm_memory_region_t *region,
                                   const sfpm_region_options_t *options)
{
    return sfpm_snapshot_add_growing(snapshot, region, options, 0);
}

bool sfpm_snapshot_add_region_flags(sfpm_snapshot_t *snapshot,
                                    const sfpm_memory_region_t *region, uint32_t flags)
{
    const sfpm_region_options_t options = {.struct_size = sizeof options, .flags = flags};
    return sfpm_snapshot_add_region_with(snapshot, region, &options);
}

bool sfpm_snapshot_add_region(sfpm_snapshot_t *snapshot,
                              const sfpm_memory_region_t *region)
{
    return sfpm_snapshot_add_region_flags(snapshot, region, 0);
}

sfpm_registered_t *sfpm_snapshot_find_region(const sfpm_snapshot_t *snapshot,
                                             const char *name, size_t instance)
{
    size_t serial, low = 0, high = snapshot->num_regions;
    if (!sfpm_name_map_find(&snapshot->names, name, instance, &serial))
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snapshot->regions[middle].serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return &snapshot->regions[low];
}

bool sfpm_snapshot_move_growing(sfpm_snapshot_t *snapshot, const char *name,
                                size_t instance, void *base, size_t size, size_t room)
{
    if (!snapshot || !name)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "name" : "snapshot");
    if (!snapshot->callbacks->preparing && !sfpm_callbacks_are_idle(snapshot))
        return false;
    sfpm_registered_t *region = sfpm_snapshot_find_region(snapshot, name, instance);
    if (!region)
        return sfpm_fail(SFPM_ERR_MISMATCH, "no region '%s' is registered", name);
    if (!check_range(name, base, size_with_room(size, room)))
        return false;
    if (size != region->size && !(region->flags & SFPM_REGION_DYNAMIC))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "region '%s' has %zu bytes and is not dynamic: it cannot be "
                         "resized to %zu bytes",
                         name, region->size, size);
    if (!sfpm_address_map_move(&snapshot->addresses, &region->reservation, base,
                               size_with_room(size, room)))
        return false;
    if (region->base != base || region->size != size)
        sfpm_dirty_forget(
            sfpm_snapshot_tracked(snapshot, (size_t)(region - snapshot->regions)));
    region->base = base;
    region->size = size;
    return true;
}

bool sfpm_snapshot_move_region(sfpm_snapshot_t *snapshot, const char *name,
                               size_t instance, void *base, size_t size)
{
    return (!snapshot || !name || check_name(snapshot, name)) &&
           sfpm_snapshot_move_growing(snapshot, name, instance, base, size, 0);
}

void sfpm_snapshot_set_placed(sfpm_snapshot_t *snapshot, const char *name, bool placed)
{
    sfpm_registered_t *region = sfpm_snapshot_find_region(snapshot, name, 0);
    if (region)
        region->placed = placed;
}

bool sfpm_snapshot_remove_region(sfpm_snapshot_t *snapshot, const char *name,
                                 size_t instance)
{
    if (!snapshot || !name)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "name" : "snapshot");
    if (!sfpm_callbacks_are_idle(snapshot))
        return false;
    sfpm_registered_t *region = sfpm_snapshot_find_region(snapshot, name, instance);
    if (!region)
        return sfpm_fail(SFPM_ERR_MISMATCH, "no region '%s' is registered", name);
    sfpm_tracker_forget(snapshot->tracker); /* what is watched is known by its index */
    sfpm_address_map_remove(&snapshot->addresses, region->reservation);
    sfpm_name_map_remove(&snapshot->names, name, instance);
    free(region->name);
    region->name = NULL;
    snapshot->num_removed++;
    if (snapshot->num_removed > snapshot->num_regions / 2)
        drop_removed(snapshot);
    return true;
}

void sfpm_snapshot_log(const sfpm_snapshot_t *snapshot, sfpm_log_level_t level,
                       const char *format, ...)
{
    if (!snapshot->settings.log)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snapshot->settings.log(snapshot->settings.log_context, level, text);
}

sfpm_image_t *sfpm_snapshot_open(const sfpm_snapshot_t *snapshot, const char *filename,
                                 int64_t commit, const char *base)
{
    sfpm_image_options_t options = {.struct_size = sizeof options,
                                    .commit = commit,
                                    .base = base,
                                    .progress = snapshot->settings.progress,
                                    .secret = snapshot->settings.secret.struct_size
                                                  ? &snapshot->settings.secret
                                                  : NULL};
    sfpm_image_t *image = sfpm_image_open(filename, &options);
    const char *warning = image ? sfpm_image_info(image)->warning : NULL;
    if (warning)
        sfpm_snapshot_log(snapshot, SFPM_LOG_WARNING, "%s", warning);
    return image;
}

sfpm_image_t *sfpm_snapshot_open_own(const sfpm_snapshot_t *snapshot,
                                     const char *filename, int64_t commit,
                                     const char *base)
{
    snapshot->callbacks->opened = sfpm_snapshot_open(snapshot, filename, commit, base);
    return snapshot->callbacks->opened;
}

void sfpm_snapshot_close_own(const sfpm_snapshot_t *snapshot, sfpm_image_t *image)
{
    snapshot->callbacks->opened = NULL;
    sfpm_image_close(image);
}

/* What changed since the last commit is found by comparing from now on: how far things
 * had come, only the abandoned operation knew. */
bool sfpm_snapshot_abandon(sfpm_snapshot_t *snapshot)
{
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    if (snapshot->job && snapshot->job->starter != 0)
        return sfpm_callbacks_are_idle(snapshot);
    if (!callbacks->running && !callbacks->opened && !callbacks->abandon &&
        !callbacks->exposed)
        return true;
    callbacks->running = callbacks->preparing = false;
    callbacks->image = NULL;
    if (callbacks->abandon)
        callbacks->abandon(callbacks->abandon_context);
    sfpm_job_destroy(snapshot->job);
    sfpm_resources_abandon(snapshot);
    sfpm_snapshot_close_own(snapshot, callbacks->opened);
    sfpm_tracker_forget(snapshot->tracker);
    if (callbacks->exposed) {
        callbacks->exposed = 1;
        sfpm_regions_cover(snapshot);
    }
    return true;
}

void sfpm_snapshot_remember(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image)
{
    snapshot->last->commit = sfpm_image_shown(image);
}

void sfpm_snapshot_name_last(const sfpm_snapshot_t *snapshot, const char *filename,
                             const char *base)
{
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    char *name = filename ? sfpm_copy_string(filename) : NULL;
    char *base_name = base ? sfpm_copy_string(base) : NULL;
    sfpm_error_restore(&before);
    free(snapshot->last->filename);
    free(snapshot->last->base);
    snapshot->last->filename = name;
    snapshot->last->base = base_name;
}

sfpm_snapshot_t *sfpm_snapshot_create_for_interpreter(void *stack_base, size_t stack_size,
                                                      void *heap_base, size_t heap_size)
{
    const sfpm_memory_region_t regions[] = {
        {.base_address = stack_base, .size = stack_size, .name = "stack"},
        {.base_address = heap_base,
         .size = heap_size,
         .name = "heap",
         .is_dynamic = true},
    };
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    for (size_t i = 0; snapshot && i < sizeof regions / sizeof regions[0]; i++) {
        if (!regions[i].base_address || regions[i].size == 0)
            continue;
        if (!sfpm_snapshot_add_region(snapshot, &regions[i])) {
            sfpm_snapshot_destroy(snapshot);
            return NULL;
        }
    }
    return snapshot;
}
