/* SPDX-License-Identifier: MIT */
/*
 * The copies of a snapshot's regions that a background save fills and writes.
 *
 * What is registered may change until writers are stopped and hooks have run: a heap
 * grows, an array moves. All is read then; what was begun before is kept for regions that
 * are still what they were.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "job/job.h"
#include "snapshot/tracking.h"

/* Smaller regions are copied while writers are stopped rather than watched … */
#define WORTH_ROUNDS (64U << 10)
/* … or, for later commits, compared with the image. */
#define WORTH_WATCHING (1U << 20)

static void free_shadow(sfpm_shadow_t *shadow)
{
    sfpm_shadow_free(shadow->copy, shadow->size);
    free(shadow->have);
    free(shadow->included);
    *shadow = (sfpm_shadow_t){0};
}

void sfpm_shadows_free(sfpm_job_t *job)
{
    for (size_t i = 0; job->shadows && i < job->count; i++)
        free_shadow(&job->shadows[i]);
    free(job->shadows);
    job->shadows = NULL;
    job->count = 0;
}

static bool make_shadows(sfpm_job_t *job)
{
    if (job->shadows)
        return true;
    job->shadows = SFPM_NEW_N(sfpm_shadow_t, job->snapshot->num_regions);
    if (job->shadows)
        job->count = job->snapshot->num_regions;
    return job->shadows != NULL;
}

static bool start_shadow(sfpm_job_t *job, size_t i, bool watch)
{
    const sfpm_registered_t *region = &job->snapshot->regions[i];
    sfpm_shadow_t *shadow = &job->shadows[i];
    *shadow = (sfpm_shadow_t){.base = region->base, .size = region->size};
    if (region->flags & SFPM_REGION_VOLATILE)
        return true;
    size_t words = (shadow->size / SFPM_PAGE + 64) / 64;
    shadow->copy = sfpm_shadow_memory(shadow->size);
    shadow->have = SFPM_NEW_N(uint64_t, words);
    shadow->included = SFPM_NEW_N(uint64_t, words);
    if (!shadow->copy || !shadow->have || !shadow->included)
        return false;
    sfpm_dirty_begin_job(sfpm_snapshot_tracked(job->snapshot, i), watch, &shadow->known,
                         &shadow->watched);
    shadow->known = shadow->known && job->commits;
    return true;
}

/* ---- Before writers are stopped ---- */

/* Memory that changes its size is moved by whoever owns it, and may be gone before the
 * snapshot is told where; only what is a mapping of its own stays. */
static bool stays(const sfpm_registered_t *region)
{
    return !(region->flags & SFPM_REGION_DYNAMIC) || region->remappable;
}

bool sfpm_shadows_watch(sfpm_job_t *job)
{
    if (!make_shadows(job))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        const sfpm_registered_t *region = &job->snapshot->regions[i];
        if (stays(region) && region->size >= WORTH_ROUNDS && !start_shadow(job, i, true))
            return false;
    }
    return true;
}

/* ---- Once they are ---- */

/* What changes from now on is found by the next commit. */
static bool is_worth_watching(const sfpm_job_t *job, const sfpm_registered_t *region)
{
    sfpm_tracking_t wanted = job->snapshot->tracker->wanted;
    return job->commits &&
           (wanted == SFPM_TRACKING_PROTECT ||
            (wanted == SFPM_TRACKING_AUTO && region->size >= WORTH_WATCHING));
}

static bool freeze_region(sfpm_job_t *job, size_t i, bool exists)
{
    const sfpm_registered_t *region = &job->snapshot->regions[i];
    sfpm_shadow_t *shadow = &job->shadows[i];
    if (shadow->base != region->base || shadow->size != region->size) {
        free_shadow(shadow);
        if (!start_shadow(job, i, is_worth_watching(job, region)))
            return false;
    }
    /* What changed is written only onto the commit to which it did. */
    shadow->known = shadow->known && exists && !job->commit.on_top;
    const sfpm_memory_region_t copy = {shadow->copy ? shadow->copy : region->base,
                                       region->size, region->name, false};
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .flags = region->flags,
                                           .address = region->address};
    if (!sfpm_snapshot_add_region_with(job->frozen, &copy, &options))
        return false;
    job->frozen->regions[i].copied = (uintptr_t)region->base;
    /* A copy of what changed alone is no whole heap: the memory was checked instead. */
    if (!shadow->known)
        job->frozen->regions[i].check = region->check;
    return true;
}

bool sfpm_shadows_freeze(sfpm_job_t *job)
{
    bool exists = access(job->filename, F_OK) == 0;
    if (!sfpm_snapshot_check_mapped(job->snapshot, SFPM_REGION_VOLATILE) ||
        !make_shadows(job) || !sfpm_snapshot_check_contents(job->snapshot) ||
        !sfpm_settings_copy(&job->frozen->settings, &job->snapshot->settings))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (!freeze_region(job, i, exists))
            return false;
        job->frozen->partial = job->frozen->partial || job->shadows[i].known;
    }
    return true;
}
