/* SPDX-License-Identifier: MIT */
/* What a background save needs to know of changed pages. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "track/dirty.h"

static size_t num_words(const sfpm_watched_t *watched)
{
    return (sfpm_dirty_pages(watched) + 63) / 64;
}

/* Reading all memory while writers are stopped would not be in the background. */
static bool is_quick(const sfpm_watched_t *watched)
{
    return watched->method == SFPM_TRACKING_PROTECT ||
           watched->method == SFPM_TRACKING_PAGEMAP;
}

void sfpm_dirty_begin_job(sfpm_tracked_t memory, bool begin, bool *known, bool *watched)
{
    sfpm_watched_t *entry = sfpm_dirty_entry(memory);
    *known = *watched = false;
    if (!entry)
        return;
    *known = is_quick(entry) && sfpm_dirty_changed(memory);
    if (!*known)
        sfpm_dirty_forget(memory);
    if (!*known && begin)
        sfpm_dirty_watch(memory, SFPM_TRACKING_PROTECT);
    /* Page tables of a mapping tell of each change for ever, not of the newest. */
    *watched = entry->method == SFPM_TRACKING_PROTECT;
}

uint64_t *sfpm_dirty_take(sfpm_tracked_t memory)
{
    sfpm_watched_t *entry = sfpm_dirty_entry(memory);
    return entry && sfpm_dirty_changed(memory) ? entry->changed : NULL;
}

void sfpm_dirty_taken(sfpm_tracked_t memory)
{
    sfpm_watched_t *entry = sfpm_dirty_entry(memory);
    if (entry && entry->method == SFPM_TRACKING_PROTECT)
        memset(entry->changed, 0, num_words(entry) * sizeof(uint64_t));
}

void sfpm_dirty_end_job(sfpm_tracked_t memory, bool saved, bool known,
                        const uint64_t *taken)
{
    sfpm_watched_t *entry = sfpm_dirty_entry(memory);
    if (!entry || entry->method == SFPM_TRACKING_NONE)
        return;
    if (saved) {
        entry->pristine = false;
    } else if (known) {
        for (size_t i = 0; i < num_words(entry); i++)
            entry->changed[i] |= taken[i];
    } else {
        sfpm_dirty_forget(memory);
    }
}

bool sfpm_dirty_give(sfpm_tracked_t memory, const uint64_t *changed)
{
    sfpm_watched_t *entry = sfpm_dirty_entry(memory);
    if (!entry) /* elsewhere this means that nothing is known, and is no error */
        return sfpm_fail_memory(sizeof *entry);
    entry->base = memory.base;
    entry->size = memory.size;
    entry->changed = sfpm_copy_bytes(changed, num_words(entry) * sizeof(uint64_t));
    if (entry->changed)
        entry->method = SFPM_TRACKING_GIVEN;
    return entry->changed != NULL;
}

static bool arm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    (void)watched;
    return true;
}

static void disarm(sfpm_tracker_t *tracker, sfpm_watched_t *watched)
{
    (void)tracker;
    (void)watched;
}

const sfpm_dirty_method_t sfpm_dirty_given = {
    .arm = arm, .collect = arm, .disarm = disarm};
