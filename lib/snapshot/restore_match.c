/* SPDX-License-Identifier: MIT */
/* Whether an image, after migrations, fits the registered memory: regions, sizes,
 * flags, and where native memory comes from. */
#include <string.h>

#include "snapshot/migrate.h"
#include "snapshot/host_abi.h"
#include "snapshot/pointers.h"
#include "snapshot/restore.h"

static bool is_volatile(const sfpm_registered_t *region)
{
    return region->flags & SFPM_REGION_VOLATILE;
}

bool sfpm_restoring_has_source(const sfpm_restoring_t *restoring, size_t registered)
{
    return !is_volatile(&restoring->snapshot->regions[registered]) &&
           restoring->pairing.stored[registered] != SFPM_NO_REGION;
}

const sfpm_restore_source_t *sfpm_restoring_source(const sfpm_restoring_t *restoring,
                                           size_t registered)
{
    return &restoring->state.sources[restoring->pairing.stored[registered]];
}

size_t sfpm_restoring_size(const sfpm_restoring_t *restoring, size_t registered)
{
    size_t size = restoring->snapshot->regions[registered].size;
    uint64_t stored = sfpm_restoring_source(restoring, registered)->size;
    return stored < size ? (size_t)stored : size;
}

static bool fail_missing(const sfpm_restoring_t *restoring,
                         const sfpm_registered_t *region)
{
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%zu bytes in the program) is not in the image: the "
                     "program registered %zu regions, the image holds %zu",
                     region->name, region->size, restoring->pairing.num_registered,
                     restoring->pairing.num_stored);
}

static bool fail_unregistered(const sfpm_restoring_t *restoring,
                              const sfpm_restore_source_t *source)
{
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%llu bytes in the image) is not registered: the "
                     "program registered %zu regions, the image holds %zu",
                     source->name, (unsigned long long)source->size,
                     restoring->pairing.num_registered, restoring->pairing.num_stored);
}

static bool check_partners(const sfpm_restoring_t *restoring)
{
    const sfpm_pairing_t *pairing = &restoring->pairing;
    uint32_t accept = restoring->options.accept;
    for (size_t i = 0; i < pairing->num_registered; i++) {
        const sfpm_registered_t *region = &restoring->snapshot->regions[i];
        if (pairing->stored[i] == SFPM_NO_REGION && !is_volatile(region) &&
            !(accept & SFPM_ACCEPT_ADDED))
            return fail_missing(restoring, region);
    }
    for (size_t i = 0; i < pairing->num_stored; i++) {
        const sfpm_restore_source_t *source = &restoring->state.sources[i];
        if (pairing->registered[i] == SFPM_NO_REGION &&
            !(source->flags & SFPM_REGION_VOLATILE) && !(accept & SFPM_ACCEPT_REMOVED))
            return fail_unregistered(restoring, source);
    }
    return true;
}

static bool check_size(const sfpm_restoring_t *restoring, const sfpm_registered_t *region,
                       const sfpm_restore_source_t *source)
{
    uint32_t accept = restoring->options.accept;
    if (source->size == region->size ||
        (source->size < region->size && (accept & SFPM_ACCEPT_GROWN)) ||
        (source->size > region->size && (accept & SFPM_ACCEPT_SHRUNK)))
        return true;
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' has %zu bytes in the program and %llu in the image",
                     region->name, region->size, (unsigned long long)source->size);
}

static bool check_contents_fit(const sfpm_restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &restoring->snapshot->regions[i];
        if (!sfpm_restoring_has_source(restoring, i))
            continue;
        const sfpm_restore_source_t *source = sfpm_restoring_source(restoring, i);
        if (!check_size(restoring, region, source))
            return false;
        if (source->flags & SFPM_REGION_VOLATILE)
            return sfpm_fail(SFPM_ERR_MISMATCH,
                             "region '%s' (%zu bytes) was volatile when the image was "
                             "saved, so it has no contents: register it as volatile",
                             region->name, region->size);
        if (region->placed && source->made)
            return sfpm_fail(SFPM_ERR_MISMATCH,
                             "region '%s' (%zu bytes) was made by a migration, and the "
                             "heap in it cannot move: free the address where it was "
                             "saved",
                             region->name, region->size);
    }
    return true;
}

/* The original layout knew no names that count: programs were to register the
 * same regions in the same order. Where regions may come and go, names must count. */
static bool pair_regions(sfpm_restoring_t *restoring)
{
    const uint32_t by_name = SFPM_ACCEPT_ADDED | SFPM_ACCEPT_REMOVED;
    uint64_t schema = restoring->snapshot->settings.schema;
    bool migrated = sfpm_image_commit_info(restoring->image)->schema != schema;
    if (!sfpm_pairing_by_name(&restoring->pairing, restoring->snapshot,
                              &restoring->state))
        return false;
    if (sfpm_image_info(restoring->image)->format == 1 && !migrated &&
        !(restoring->options.accept & by_name) &&
        !sfpm_pairing_complete(&restoring->pairing))
        sfpm_pairing_by_order(&restoring->pairing);
    if (check_partners(restoring) && check_contents_fit(restoring))
        return true;
    return migrated ? sfpm_fail_prefix("after the migration to schema version %llu",
                                       (unsigned long long)schema)
                    : false;
}

/* The first region to which the architecture matters, NULL when both sides say
 * that all regions are portable. */
static const sfpm_registered_t *first_native(const sfpm_restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &restoring->snapshot->regions[i];
        if (!sfpm_restoring_has_source(restoring, i))
            continue;
        const sfpm_restore_source_t *source = sfpm_restoring_source(restoring, i);
        if (!source->made && !(region->flags & source->flags & SFPM_REGION_PORTABLE))
            return region;
    }
    return NULL;
}

static const sfpm_registered_t *first_with_pointers(const sfpm_restoring_t *restoring)
{
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        const sfpm_registered_t *region = &restoring->snapshot->regions[i];
        if (!sfpm_restoring_has_source(restoring, i))
            continue;
        const sfpm_restore_source_t *source = sfpm_restoring_source(restoring, i);
        if (!source->made && (region->flags | source->flags) & SFPM_REGION_POINTERS)
            return region;
    }
    return NULL;
}

static const char *or_unknown(const char *text)
{
    return *text ? text : "unknown";
}

static bool check_architecture(const sfpm_restoring_t *restoring)
{
    const char *stored = sfpm_image_commit_info(restoring->image)->architecture;
    const sfpm_registered_t *native = first_native(restoring);
    if (!native || strcmp(stored, sfpm_origin_architecture()) == 0)
        return true;
    return sfpm_fail(SFPM_ERR_MISMATCH,
                     "region '%s' (%zu bytes) is native memory of another architecture: "
                     "%s in the image, %s here",
                     native->name, native->size, or_unknown(stored),
                     sfpm_origin_architecture());
}

/* An unknown build is never the same build. */
static bool check_build(const sfpm_restoring_t *restoring)
{
    char here[SFPM_BUILD_ID_SIZE];
    const char *stored = sfpm_image_commit_info(restoring->image)->build_id;
    const sfpm_registered_t *pointers = first_with_pointers(restoring);
    const sfpm_registered_t *native = first_native(restoring);
    if (!pointers && !native && !restoring->options.same_build)
        return true;
    sfpm_origin_build_id(here);
    if (*here && strcmp(stored, here) == 0)
        return true;
    if (pointers)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "region '%s' (%zu bytes) holds addresses, and the image is not "
                         "known to be of this build: build-id %s in the image, %s here",
                         pointers->name, pointers->size, or_unknown(stored),
                         or_unknown(here));
    if (restoring->options.same_build)
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "the image is not known to be of this build: build-id %s in the "
                         "image, %s here",
                         or_unknown(stored), or_unknown(here));
    if (native && *here && *stored)
        sfpm_snapshot_log(restoring->snapshot, SFPM_LOG_WARNING,
                          "The image was saved by another build of the program: build-id "
                          "%s in the image, %s here",
                          stored, here);
    return true;
}

/* Version 1 does not tell where it comes from; reading it at all is trusting it. */
static bool check_origin(const sfpm_restoring_t *restoring)
{
    bool told = sfpm_image_info(restoring->image)->format != 1;
    return (!told || check_architecture(restoring)) && check_build(restoring) &&
           (!first_with_pointers(restoring) ||
            sfpm_pointers_check(restoring->snapshot, restoring->image));
}

bool sfpm_restoring_match(sfpm_restoring_t *restoring)
{
    return sfpm_state_of_image(&restoring->state, restoring->image) &&
           sfpm_restoring_migrate(restoring) && pair_regions(restoring) &&
           check_origin(restoring);
}
