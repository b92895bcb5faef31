/* SPDX-License-Identifier: MIT */
/*
 * Restoring goes in this order, so that memory is untouched by every failure:
 * pair the regions, compare sizes and flags, compare where native memory comes
 * from, read and verify all contents, and only then put them into place. Small
 * contents are kept between the last two steps, so that nothing can go wrong any
 * more; large ones would need the memory twice, and are read twice instead.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/options.h"
#include "snapshot/origin.h"
#include "snapshot/pairing.h"
#include "snapshot/snapshot.h"

/* The contents of all regions are small up to this many bytes. */
#define SMALL (4U << 20)

/* A restore under way. */
typedef struct plan {
    sfpm_snapshot_t *snapshot;
    const sfpm_image_t *image;
    bool same_build;
    sfpm_pairing_t pairing;
    uint8_t *contents; /* of all regions, one after the other; NULL: not kept */
} plan_t;

static bool is_volatile(const sfpm_registered_t *region)
{
    return region->flags & SFPM_REGION_VOLATILE;
}

/* The image's counterpart of a registered region whose contents are wanted. */
static const sfpm_region_info_t *stored_of(const plan_t *plan, size_t registered)
{
    return sfpm_image_region(plan->image, plan->pairing.stored[registered]);
}

static bool fail_missing(const plan_t *plan, const sfpm_registered_t *region)
{
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%zu bytes in the program) is not in the image: the "
                     "program registered %zu regions, the image holds %zu",
                     region->name, region->size, plan->pairing.num_registered,
                     plan->pairing.num_stored);
}

static bool fail_unregistered(const plan_t *plan, const sfpm_region_info_t *stored)
{
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%llu bytes in the image) is not registered: the "
                     "program registered %zu regions, the image holds %zu",
                     stored->name, (unsigned long long)stored->size,
                     plan->pairing.num_registered, plan->pairing.num_stored);
}

static bool check_partners(const plan_t *plan)
{
    const sfpm_pairing_t *pairing = &plan->pairing;
    for (size_t i = 0; i < pairing->num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        if (pairing->stored[i] == SFPM_NO_REGION && !is_volatile(region))
            return fail_missing(plan, region);
    }
    for (size_t i = 0; i < pairing->num_stored; i++) {
        const sfpm_region_info_t *stored = sfpm_image_region(plan->image, i);
        if (pairing->registered[i] == SFPM_NO_REGION &&
            !(stored->flags & SFPM_REGION_VOLATILE))
            return fail_unregistered(plan, stored);
    }
    return true;
}

static bool check_contents_fit(const plan_t *plan)
{
    for (size_t i = 0; i < plan->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        if (is_volatile(region))
            continue;
        const sfpm_region_info_t *stored = stored_of(plan, i);
        if (stored->size != region->size)
            return sfpm_fail(SFPM_ERR_MISMATCH,
                             "region '%s' has %zu bytes in the program and %llu in the "
                             "image",
                             region->name, region->size,
                             (unsigned long long)stored->size);
        if (stored->flags & SFPM_REGION_VOLATILE)
            return sfpm_fail(SFPM_ERR_MISMATCH,
                             "region '%s' (%zu bytes) was volatile when the image was "
                             "saved, so it has no contents: register it as volatile",
                             region->name, region->size);
    }
    return true;
}

/* The original layout knew no names that count: programs were to register the
 * same regions in the same order. */
static bool pair_regions(plan_t *plan)
{
    if (!sfpm_pairing_by_name(&plan->pairing, plan->snapshot, plan->image))
        return false;
    if (sfpm_image_info(plan->image)->format == 1 &&
        !sfpm_pairing_complete(&plan->pairing))
        sfpm_pairing_by_order(&plan->pairing);
    return check_partners(plan) && check_contents_fit(plan);
}

static bool check_schema(const plan_t *plan)
{
    uint64_t stored = sfpm_image_commit_info(plan->image)->schema;
    if (stored == plan->snapshot->schema)
        return true;
    return sfpm_fail(
        SFPM_ERR_MISMATCH, "the image has schema version %llu, the program version %llu",
        (unsigned long long)stored, (unsigned long long)plan->snapshot->schema);
}

/* The first region to which the architecture matters, NULL when both sides say
 * that all regions are portable. */
static const sfpm_registered_t *first_native(const plan_t *plan)
{
    for (size_t i = 0; i < plan->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        if (!is_volatile(region) &&
            !(region->flags & stored_of(plan, i)->flags & SFPM_REGION_PORTABLE))
            return region;
    }
    return NULL;
}

static const sfpm_registered_t *first_with_pointers(const plan_t *plan)
{
    for (size_t i = 0; i < plan->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        if (!is_volatile(region) &&
            (region->flags | stored_of(plan, i)->flags) & SFPM_REGION_POINTERS)
            return region;
    }
    return NULL;
}

static const char *or_unknown(const char *text)
{
    return *text ? text : "unknown";
}

static bool check_architecture(const plan_t *plan)
{
    const char *stored = sfpm_image_commit_info(plan->image)->architecture;
    const sfpm_registered_t *native = first_native(plan);
    if (!native || strcmp(stored, sfpm_origin_architecture()) == 0)
        return true;
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%zu bytes) is native memory of another architecture: "
                     "%s in the image, %s here",
                     native->name, native->size, or_unknown(stored),
                     sfpm_origin_architecture());
}

/* An unknown build is never the same build. */
static bool check_build(const plan_t *plan)
{
    char here[SFPM_BUILD_ID_SIZE];
    const char *stored = sfpm_image_commit_info(plan->image)->build_id;
    sfpm_origin_build_id(here);
    if (*here && strcmp(stored, here) == 0)
        return true;
    const sfpm_registered_t *pointers = first_with_pointers(plan);
    if (pointers)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "region '%s' (%zu bytes) holds addresses, and the image is not "
                         "known to be of this build: build-id %s in the image, %s here",
                         pointers->name, pointers->size, or_unknown(stored),
                         or_unknown(here));
    if (plan->same_build)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "the image is not known to be of this build: build-id %s in the "
                         "image, %s here",
                         or_unknown(stored), or_unknown(here));
    if (first_native(plan) && *here && *stored)
        sfpm_snapshot_log(plan->snapshot, SFPM_LOG_WARNING,
                          "The image was saved by another build of the program: build-id "
                          "%s, here %s",
                          stored, here);
    return true;
}

/* Version 1 does not tell where it comes from; reading it at all is trusting it. */
static bool check_origin(const plan_t *plan)
{
    bool told = sfpm_image_info(plan->image)->format != 1;
    return (!told || check_architecture(plan)) && check_build(plan);
}

static size_t total_size(const sfpm_snapshot_t *snapshot)
{
    size_t total = 0;
    for (size_t i = 0; i < snapshot->num_regions; i++)
        if (!is_volatile(&snapshot->regions[i]) &&
            !sfpm_add_size(total, snapshot->regions[i].size, &total))
            return SIZE_MAX;
    return total;
}

static bool verify_contents(plan_t *plan)
{
    size_t total = total_size(plan->snapshot);
    if (total <= SMALL && !(plan->contents = SFPM_NEW_N(uint8_t, total)))
        return false;
    uint8_t *to = plan->contents;
    for (size_t i = 0; i < plan->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        size_t stored = plan->pairing.stored[i];
        if (is_volatile(region))
            continue;
        if (to ? !sfpm_image_read(plan->image, stored, 0, to, region->size)
               : !sfpm_image_check_region(plan->image, stored))
            return false;
        to = to ? to + region->size : NULL;
    }
    return true;
}

/* What was whole a moment ago is not any more: somebody writes to the file, the
 * device fails, or memory for tables ran out. */
static bool fail_half_way(const plan_t *plan, const sfpm_registered_t *region)
{
    sfpm_error_state_t cause;
    sfpm_error_save(&cause);
    return sfpm_fail_at(SFPM_ERR_CHANGED, cause.offset,
                        "%s: changed while it was restored, and the registered memory "
                        "now holds parts of it, up to region '%s': do not go on with it "
                        "(%s)",
                        sfpm_image_name(plan->image), region->name, cause.text);
}

static bool replace_memory(const plan_t *plan)
{
    const uint8_t *from = plan->contents;
    for (size_t i = 0; i < plan->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &plan->snapshot->regions[i];
        if (is_volatile(region)) {
            memset(region->base, 0, region->size);
            continue;
        }
        if (from) {
            memcpy(region->base, from, region->size);
            from += region->size;
        } else if (!sfpm_image_read(plan->image, plan->pairing.stored[i], 0, region->base,
                                    region->size)) {
            return fail_half_way(plan, region);
        }
        sfpm_snapshot_log(plan->snapshot, SFPM_LOG_INFO,
                          "Restored region '%s': %zu bytes", region->name, region->size);
    }
    return true;
}

static bool restore(sfpm_snapshot_t *snapshot, const sfpm_image_t *image, bool same_build)
{
    plan_t plan = {.snapshot = snapshot, .image = image, .same_build = same_build};
    bool fits = (check_schema(&plan) && pair_regions(&plan) && check_origin(&plan)) ||
                sfpm_fail_prefix("%s", sfpm_image_name(image));
    bool ok = fits && verify_contents(&plan) && replace_memory(&plan);
    free(plan.contents);
    sfpm_pairing_free(&plan.pairing);
    if (ok)
        sfpm_snapshot_remember(snapshot, image);
    return ok;
}

bool sfpm_snapshot_restore_image(sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                                 const sfpm_restore_options_t *options)
{
    sfpm_restore_options_t chosen;
    if (!snapshot || !image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "image" : "snapshot");
    if (!sfpm_take_options(&chosen, sizeof chosen, options))
        return false;
    if (chosen.commit || chosen.base)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "an open image has its commit and its base "
                                            "already: the options must not be set");
    return restore(snapshot, image, chosen.same_build);
}

bool sfpm_snapshot_restore_with(sfpm_snapshot_t *snapshot, const char *filename,
                                const sfpm_restore_options_t *options)
{
    sfpm_restore_options_t chosen;
    if (!snapshot || !filename)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "file name" : "snapshot");
    if (!sfpm_take_options(&chosen, sizeof chosen, options))
        return false;
    sfpm_image_t *image =
        sfpm_snapshot_open(snapshot, filename, chosen.commit, chosen.base);
    bool ok = image && restore(snapshot, image, chosen.same_build);
    sfpm_image_close(image);
    return ok;
}

bool sfpm_snapshot_restore(const char *filename, sfpm_snapshot_t *snapshot)
{
    return sfpm_snapshot_restore_with(snapshot, filename, NULL);
}
