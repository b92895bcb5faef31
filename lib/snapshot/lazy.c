/* SPDX-License-Identifier: MIT */
/* Decides which regions a restore maps instead of filling them, and maps them. */
#include <stdlib.h>

#include "base/memory.h"
#include "image/opened.h"
#include "snapshot/restore.h"

/* Below this, copying is as fast as mapping, and needs no file afterwards. */
#define WORTH_MAPPING (1U << 20)

static bool is_wanted(const sfpm_restoring_t *restoring, size_t registered)
{
    const sfpm_registered_t *region = &restoring->snapshot->regions[registered];
    sfpm_restore_mode_t mode = restoring->options.mode;
    return region->remappable && !region->placed && mode != SFPM_RESTORE_EAGER &&
           sfpm_restoring_has_source(restoring, registered) &&
           !sfpm_revert_is_partial(restoring, registered) &&
           !sfpm_restoring_source(restoring, registered)->bytes &&
           (mode != SFPM_RESTORE_AUTO ||
            sfpm_restoring_size(restoring, registered) >= WORTH_MAPPING);
}

bool sfpm_lazy_is_mapped(const sfpm_restoring_t *restoring, size_t registered)
{
    return restoring->mappings && restoring->mappings[registered].wanted;
}

static bool prepare(sfpm_restoring_t *restoring, size_t registered)
{
    sfpm_mapping_t *mapping = &restoring->mappings[registered];
    size_t stored = sfpm_restoring_source(restoring, registered)->stored;
    bool verified = restoring->options.mode != SFPM_RESTORE_LAZY_UNVERIFIED;
    return sfpm_mapping_plan(mapping, restoring->image, stored,
                             restoring->snapshot->regions[registered].base,
                             sfpm_restoring_size(restoring, registered)) &&
           (!mapping->wanted || !verified ||
            sfpm_mapping_verify(mapping, restoring->image, stored));
}

bool sfpm_lazy_prepare(sfpm_restoring_t *restoring)
{
    size_t count = restoring->pairing.num_registered;
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(restoring, i))
            continue;
        if (!restoring->mappings)
            restoring->mappings = SFPM_NEW_N(sfpm_mapping_t, count);
        if (!restoring->mappings || !prepare(restoring, i))
            return false;
    }
    return !restoring->mappings || sfpm_snapshot_can_park(restoring->snapshot, count);
}

/* Verifies the contents of a region that is filled after all. */
static bool give_up(sfpm_restoring_t *restoring, size_t registered)
{
    sfpm_mapping_free(&restoring->mappings[registered]);
    return sfpm_image_check_region(restoring->image,
                                   sfpm_restoring_source(restoring, registered)->stored);
}

static void park(sfpm_restoring_t *restoring)
{
    sfpm_snapshot_t *snapshot = restoring->snapshot;
    for (size_t i = 0; i < restoring->pairing.num_registered; i++) {
        const sfpm_mapping_t *mapping = &restoring->mappings[i];
        if (mapping->parked)
            snapshot->parked[snapshot->num_parked++] =
                (sfpm_parked_t){mapping->parked, mapping->size};
    }
}

bool sfpm_lazy_replace(sfpm_restoring_t *restoring)
{
    bool ok = true;
    size_t done = 0;
    if (!restoring->mappings)
        return true;
    for (; ok && done < restoring->pairing.num_registered; done++) {
        bool possible = true;
        if (sfpm_lazy_is_mapped(restoring, done) &&
            !sfpm_mapping_replace(&restoring->mappings[done], restoring->image,
                                  &possible))
            ok = !possible && give_up(restoring, done);
    }
    if (ok)
        park(restoring);
    else
        while (done-- > 0)
            sfpm_mapping_undo(&restoring->mappings[done]);
    return ok;
}

void sfpm_lazy_free(sfpm_restoring_t *restoring)
{
    for (size_t i = 0; restoring->mappings && i < restoring->pairing.num_registered; i++)
        sfpm_mapping_free(&restoring->mappings[i]);
    free(restoring->mappings);
    restoring->mappings = NULL;
}
