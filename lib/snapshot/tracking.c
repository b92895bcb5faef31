/* SPDX-License-Identifier: MIT */
/* Decides which registered regions are watched for changes, and from when on. */
#include "snapshot/tracking.h"

#include "base/error.h"

sfpm_tracked_t sfpm_snapshot_tracked(const sfpm_snapshot_t *snapshot, size_t registered)
{
    const sfpm_registered_t *region = &snapshot->regions[registered];
    return (sfpm_tracked_t){snapshot->tracker, registered, region->base, region->size};
}

static bool is_watchable(const sfpm_registered_t *region)
{
    return !(region->flags & SFPM_REGION_VOLATILE);
}

/* What was mapped tells itself which pages were written to. */
static void watch_mapped(sfpm_tracked_t memory, const sfpm_mapping_t *mapping,
                         const sfpm_image_t *image)
{
    sfpm_shown_t shown = {.pieces = mapping->pieces,
                          .num_pieces = mapping->num_pieces,
                          .reads = mapping->reads,
                          .num_reads = mapping->num_reads,
                          .size = mapping->size};
    sfpm_error_state_t before;
    sfpm_error_save(&before);
    if (sfpm_places_inode(image, &shown.inode))
        sfpm_dirty_watch_shown(memory, &shown);
    else
        sfpm_dirty_forget(memory);
    sfpm_error_restore(&before);
}

/* What a migration made is not what the commit holds. */
static bool is_made(const sfpm_restoring_t *restoring, size_t registered)
{
    return sfpm_restoring_has_source(restoring, registered) &&
           sfpm_restoring_source(restoring, registered)->made;
}

static void region_restored(const sfpm_restoring_t *restoring, size_t registered)
{
    const sfpm_snapshot_t *snapshot = restoring->snapshot;
    const sfpm_mapping_t *mappings = restoring->mappings;
    sfpm_tracking_t wanted = snapshot->tracker->wanted;
    sfpm_tracked_t memory = sfpm_snapshot_tracked(snapshot, registered);
    const sfpm_watched_t *watched = sfpm_dirty_entry(memory);
    if (!watched)
        return;
    if (sfpm_revert_is_partial(restoring, registered))
        sfpm_dirty_reverted(memory);
    else if (wanted == SFPM_TRACKING_NONE ||
             !is_watchable(&snapshot->regions[registered]) ||
             snapshot->regions[registered].placed || is_made(restoring, registered))
        sfpm_dirty_forget(memory);
    else if (mappings && mappings[registered].wanted &&
             (wanted == SFPM_TRACKING_AUTO || wanted == SFPM_TRACKING_PAGEMAP))
        watch_mapped(memory, &mappings[registered], restoring->image);
    else if (wanted != SFPM_TRACKING_AUTO || watched->method == SFPM_TRACKING_PROTECT)
        sfpm_dirty_watch(memory, wanted);
    else
        sfpm_dirty_forget(memory);
}

void sfpm_tracking_restored(const sfpm_restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->snapshot->num_regions; i++)
        region_restored(restoring, i);
}

void sfpm_tracking_committed(const sfpm_snapshot_t *snapshot, bool again)
{
    sfpm_tracking_t wanted = snapshot->tracker->wanted;
    bool watches = wanted != SFPM_TRACKING_NONE && wanted != SFPM_TRACKING_PAGEMAP;
    for (size_t i = 0; i < snapshot->num_regions; i++) {
        const sfpm_registered_t *region = &snapshot->regions[i];
        bool worth = wanted != SFPM_TRACKING_AUTO ||
                     (again && region->size >= SFPM_DIRTY_WORTH_WATCHING);
        sfpm_dirty_committed(sfpm_snapshot_tracked(snapshot, i),
                             watches && worth && is_watchable(region), wanted);
    }
}

bool sfpm_snapshot_set_tracking(sfpm_snapshot_t *snapshot, sfpm_tracking_t method)
{
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    if ((unsigned)method > SFPM_TRACKING_HASH)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "unknown tracking method %u",
                         (unsigned)method);
    sfpm_tracker_forget(snapshot->tracker);
    snapshot->tracker->wanted = method;
    return true;
}

sfpm_tracking_t sfpm_snapshot_tracking(const sfpm_snapshot_t *snapshot, size_t region)
{
    if (!snapshot || region >= snapshot->num_regions ||
        region >= snapshot->tracker->count)
        return SFPM_TRACKING_NONE;
    return snapshot->tracker->ranges[region].method;
}
