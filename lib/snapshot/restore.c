/* SPDX-License-Identifier: MIT */
/*
 * Restoring goes in this order, so that memory is untouched by every failure:
 * pair the regions, compare sizes and flags, compare where native memory comes
 * from, read and verify all contents, and only then put them into place. Small
 * contents are kept between the last two steps, so that nothing can go wrong any
 * more; large ones would need the memory twice, and are read twice instead.
 */
#include "snapshot/restore.h"

#include <string.h>

#include "base/checked.h"
#include "base/options.h"
#include "commit/commit.h"
#include "image/opened.h"
#include "snapshot/tracking.h"
#include "snapshot/hooks.h"

/* The contents of all regions are small up to this many bytes. */
#define SMALL (4U << 20)

/* Whether all of a registered region is copied from the image. */
static bool is_filled(const sfpm_restoring_t *restoring, size_t registered)
{
    return sfpm_restoring_has_source(restoring, registered) &&
           !restoring->snapshot->regions[registered].placed &&
           !sfpm_lazy_is_mapped(restoring, registered) &&
           !sfpm_revert_is_partial(restoring, registered);
}

static size_t total_size(const sfpm_restoring_t *restoring)
{
    size_t total = 0;
    for (size_t i = 0; i < restoring->pairing.num_registered; i++)
        if (is_filled(restoring, i) &&
            !sfpm_add_size(total, sfpm_restoring_size(restoring, i), &total))
            return SIZE_MAX;
    return total;
}

static bool verify_contents(sfpm_restoring_t *restoring)
{
    bool small = total_size(restoring) <= SMALL;
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        if (!is_filled(restoring, i))
            continue;
        const sfpm_restore_source_t *source = sfpm_restoring_source(restoring, i);
        size_t size = sfpm_restoring_size(restoring, i);
        if (small
                ? !sfpm_state_load(&restoring->state, restoring->pairing.stored[i], size)
                : !source->bytes &&
                      !sfpm_image_check_region(restoring->image, source->stored))
            return false;
    }
    return true;
}

/* What was whole a moment ago is not any more: somebody writes to the file, the
 * device fails, or memory for tables ran out. */
static bool fail_half_way(const sfpm_restoring_t *restoring,
                          const sfpm_registered_t *region)
{
    sfpm_error_state_t cause;
    sfpm_error_save(&cause);
    return sfpm_fail_at(SFPM_ERR_CHANGED, cause.offset,
                        "%s: changed while it was restored; the registered memory now "
                        "holds parts of it, up to region '%s', and must not be used (%s)",
                        sfpm_image_info(restoring->image)->name, region->name,
                        cause.text);
}

/* A region that the image does not hold. */
static void start_afresh(const sfpm_restoring_t *restoring,
                         const sfpm_registered_t *region)
{
    bool is_volatile = region->flags & SFPM_REGION_VOLATILE;
    bool zero = is_volatile || (restoring->options.accept & SFPM_ACCEPT_ZEROED);
    if (zero)
        memset(region->base, 0, region->size);
    if (!is_volatile)
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_INFO,
                          "Region '%s' (%zu bytes) is not in the image: %s", region->name,
                          region->size, zero ? "zeroed" : "left unchanged");
}

static void log_restored(const sfpm_restoring_t *restoring,
                         const sfpm_registered_t *region, uint64_t stored)
{
    if (stored == region->size)
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_INFO,
                          "Restored region '%s': %zu bytes", region->name, region->size);
    else
        sfpm_snapshot_log(restoring->snapshot,
                          stored > region->size ? SFPM_LOG_WARNING : SFPM_LOG_INFO,
                          "Restored region '%s': %llu bytes in the image, %zu in the "
                          "program",
                          region->name, (unsigned long long)stored, region->size);
}

static bool replace_region(sfpm_restoring_t *restoring, size_t registered)
{
    const sfpm_registered_t *region = &restoring->snapshot->regions[registered];
    const sfpm_restore_source_t *source = sfpm_restoring_source(restoring, registered);
    size_t size = sfpm_restoring_size(restoring, registered);
    if (sfpm_lazy_is_mapped(restoring, registered))
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_INFO,
                          "Region '%s' is mapped from %s", region->name,
                          sfpm_image_info(restoring->image)->name);
    else if (sfpm_revert_is_partial(restoring, registered))
        sfpm_revert_replace(restoring, registered);
    else if (region->placed)
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_INFO,
                          "Region '%s' was moved to %p", region->name, region->base);
    else if (source->bytes)
        memcpy(region->base, source->bytes, size);
    else if (!sfpm_image_read(restoring->image, source->stored, 0, region->base, size))
        return fail_half_way(restoring, region);
    if (size < region->size && (restoring->options.accept & SFPM_ACCEPT_ZEROED))
        memset((uint8_t *)region->base + size, 0, region->size - size);
    log_restored(restoring, region, source->size);
    return true;
}

static void log_removed(const sfpm_restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->pairing.num_stored; i++) {
        const sfpm_restore_source_t *source = &restoring->state.sources[i];
        if (restoring->pairing.registered[i] == SFPM_NO_REGION &&
            !(source->flags & SFPM_REGION_VOLATILE))
            sfpm_snapshot_log(
                restoring->snapshot, SFPM_LOG_INFO,
                "Region '%s' (%llu bytes in the image) is not registered: skipped",
                source->name, (unsigned long long)source->size);
    }
}

static bool replace_memory(sfpm_restoring_t *restoring)
{
    if (!sfpm_lazy_replace(restoring))
        return sfpm_fail_named(sfpm_image_info(restoring->image)->name);
    sfpm_snapshot_t *snapshot = restoring->snapshot;
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        if (!sfpm_restoring_has_source(restoring, i))
            start_afresh(restoring, &snapshot->regions[i]);
        else if (!replace_region(restoring, i)) {
            sfpm_tracker_forget(snapshot->tracker);
            return false;
        }
    }
    log_removed(restoring);
    return true;
}

/* Replaces memory between the hooks that stand before and after. */
static bool replace_with_hooks(sfpm_restoring_t *restoring)
{
    sfpm_snapshot_t *snapshot = restoring->snapshot;
    sfpm_restore_event_t event;
    snapshot->callbacks->image = restoring->image;
    bool ok = sfpm_hooks_before_restore(snapshot, restoring->image, &event);
    snapshot->callbacks->image = NULL;
    if (!ok)
        return false;
    ok = replace_memory(restoring);
    if (ok)
        sfpm_snapshot_remember(snapshot, restoring->image);
    if (ok)
        sfpm_tracking_restored(restoring);
    return sfpm_hooks_after_restore(snapshot, restoring->image, &event, ok) && ok;
}

/* What is placed elsewhere need not be mapped yet. */
static bool check_mapped(const sfpm_snapshot_t *snapshot)
{
    for (size_t i = 0; i < snapshot->num_regions; i++)
        if (snapshot->regions[i].placed)
            return true;
    return sfpm_snapshot_check_mapped(snapshot, 0);
}

static bool restore(sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                    const sfpm_restore_options_t *options, bool reverting)
{
    sfpm_restoring_t restoring = {.snapshot = snapshot,
                                  .image = image,
                                  .options = *options,
                                  .reverting = reverting};
    sfpm_regions_expose(snapshot);
    bool fits = (check_mapped(snapshot) && sfpm_restoring_match(&restoring)) ||
                sfpm_fail_named(sfpm_image_info(image)->name);
    sfpm_snapshot_free_parked(snapshot);
    bool ok = fits && sfpm_revert_prepare(&restoring) && sfpm_lazy_prepare(&restoring) &&
              verify_contents(&restoring) && replace_with_hooks(&restoring);
    sfpm_lazy_free(&restoring);
    sfpm_revert_free(&restoring);
    sfpm_state_free(&restoring.state);
    sfpm_pairing_free(&restoring.pairing);
    sfpm_regions_cover(snapshot);
    return ok;
}

static bool take_options(sfpm_restore_options_t *chosen, const sfpm_snapshot_t *snapshot,
                         const sfpm_restore_options_t *options)
{
    const uint32_t known = SFPM_ACCEPT_ADDED | SFPM_ACCEPT_REMOVED | SFPM_ACCEPT_GROWN |
                           SFPM_ACCEPT_SHRUNK | SFPM_ACCEPT_ZEROED;
    if (!sfpm_take_options(chosen, sizeof *chosen, options))
        return false;
    if (chosen->accept & ~known)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "unknown flags 0x%x in the option accept",
                         chosen->accept & ~known);
    if ((unsigned)chosen->mode > SFPM_RESTORE_LAZY_UNVERIFIED)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "unknown restore mode %u",
                         (unsigned)chosen->mode);
    return sfpm_snapshot_start(snapshot);
}

/* A revert opens the image again by its name. */
static bool restore_named(sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                          const sfpm_restore_options_t *options)
{
    const sfpm_image_t *base = sfpm_image_info(image)->base;
    bool ok = restore(snapshot, image, options, false);
    if (ok || sfpm_last_status() == SFPM_ERR_UNFINISHED)
        sfpm_snapshot_name_last(snapshot, sfpm_image_path(image),
                                base ? sfpm_image_path(base) : NULL);
    return ok;
}

bool sfpm_snapshot_restore_image(sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                                 const sfpm_restore_options_t *options)
{
    sfpm_restore_options_t chosen;
    if (!snapshot || !image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "image" : "snapshot");
    if (!take_options(&chosen, snapshot, options))
        return false;
    if (chosen.commit || chosen.base)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "the options commit and base must not be set for an open image");
    return restore_named(snapshot, image, &chosen);
}

sfpm_image_t *sfpm_snapshot_open_image(const sfpm_snapshot_t *snapshot,
                                       const char *filename,
                                       const sfpm_restore_options_t *options)
{
    sfpm_restore_options_t chosen;
    if (!snapshot || !filename) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                  snapshot ? "file name" : "snapshot");
        return NULL;
    }
    if (!take_options(&chosen, snapshot, options))
        return NULL;
    return sfpm_snapshot_open(snapshot, filename, chosen.commit, chosen.base);
}

bool sfpm_snapshot_restore_with(sfpm_snapshot_t *snapshot, const char *filename,
                                const sfpm_restore_options_t *options)
{
    sfpm_restore_options_t chosen;
    if (!snapshot || !filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "file name" : "snapshot");
    if (!take_options(&chosen, snapshot, options))
        return false;
    sfpm_image_t *image =
        sfpm_snapshot_open_own(snapshot, filename, chosen.commit, chosen.base);
    bool ok = image && restore_named(snapshot, image, &chosen);
    sfpm_snapshot_close_own(snapshot, image);
    return ok;
}

/* Opens the commit that memory was, if it is still there. */
static sfpm_image_t *open_last(sfpm_snapshot_t *snapshot)
{
    const sfpm_last_commit_t *last = snapshot->last;
    if (!last->commit.known || !last->filename) {
        sfpm_fail(
            SFPM_ERR_ARGUMENT,
            "there is no commit to revert to: restore from a file, save or commit first");
        return NULL;
    }
    sfpm_image_t *image = sfpm_snapshot_open_own(
        snapshot, last->filename, (int64_t)last->commit.number, last->base);
    if (!image || sfpm_image_shows(image, &last->commit))
        return image;
    sfpm_fail(SFPM_ERR_CHANGED,
              "%s: is not the image that was last restored or saved here",
              last->filename);
    sfpm_snapshot_close_own(snapshot, image);
    return NULL;
}

bool sfpm_snapshot_revert(sfpm_snapshot_t *snapshot)
{
    sfpm_restore_options_t defaults;
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    if (!take_options(&defaults, snapshot, NULL))
        return false;
    sfpm_image_t *image = open_last(snapshot);
    bool ok = image && restore(snapshot, image, &defaults, true);
    sfpm_snapshot_close_own(snapshot, image);
    return ok;
}

bool sfpm_snapshot_restore(const char *filename, sfpm_snapshot_t *snapshot)
{
    return sfpm_snapshot_restore_with(snapshot, filename, NULL);
}
