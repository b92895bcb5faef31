/* SPDX-License-Identifier: MIT */
/* Finds how much of each commit later states still use. */
#include <stdlib.h>

#include "base/error.h"
#include "image/check.h"

typedef struct usage {
    const sfpm_image_t *image;
    sfpm_reader_t reader;
    sfpm_trailers_t commits; /* newest first */
    sfpm_ranges_t *used;     /* of each, by later states */
    sfpm_seen_t seen;        /* leaves that a later state has, too */
} usage_t;

/* The commit that wrote the byte at `offset`: they descend. */
static size_t owner_of(const usage_t *usage, uint64_t offset)
{
    size_t low = 0, high = usage->commits.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (usage->commits.list[middle].begin > offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Notes that the state of the commit `by` uses bytes of an earlier commit. */
static bool note(usage_t *usage, size_t by, uint64_t offset, uint64_t length)
{
    size_t owner = owner_of(usage, offset);
    return owner <= by || owner >= usage->commits.count ||
           sfpm_ranges_add(&usage->used[owner], offset, length);
}

static bool note_leaf(usage_t *usage, size_t by, const sfpm_region_t *region,
                      size_t which)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    if (ref->offset == SFPM_LEAF_ZERO || ref->offset == SFPM_LEAF_BASE ||
        sfpm_seen_add(&usage->seen, sfpm_checksum(&ref->offset, sizeof ref->offset, 0)))
        return true;
    const sfpm_leaf_t *leaf = sfpm_reader_leaf(&usage->reader, region, which);
    if (!leaf)
        return false;
    uint64_t payload = 8 + (uint64_t)leaf->num_chunks * 8 +
                       (uint64_t)leaf->num_extents * SFPM_EXTENT_SIZE +
                       (usage->image->keys.sealed ? SFPM_BOX_EXTRA : 0);
    bool ok = note(usage, by, ref->offset, SFPM_RECORD_SIZE + payload);
    for (uint32_t i = 0; ok && i < leaf->num_extents; i++)
        if (leaf->extents[i].kind != SFPM_EXTENT_BASE)
            ok = note(usage, by, leaf->extents[i].offset, leaf->extents[i].length);
    return ok;
}

/* Newest first: a leaf that was seen is used by a state that is later still. */
static bool note_state(usage_t *usage, size_t by)
{
    sfpm_index_t index;
    if (!sfpm_image_index(usage->image, &usage->commits.list[by], &index))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < index.num_regions; i++)
        for (size_t k = 0; ok && k < index.regions[i].num_leaves; k++)
            ok = note_leaf(usage, by, &index.regions[i], k);
    sfpm_reader_free(&usage->reader); /* its leaf's region is about to be freed */
    sfpm_reader_init(&usage->reader, usage->image);
    sfpm_index_free(&index);
    return ok;
}

static void tell(usage_t *usage, sfpm_usage_callback_t callback, void *context)
{
    for (size_t i = 0; i < usage->commits.count; i++) {
        const sfpm_trailer_t *at = &usage->commits.list[i];
        uint64_t unused = i == 0 ? 0 : at->offset + SFPM_TRAILER_RECORD - at->start;
        uint64_t used = sfpm_ranges_total(&usage->used[i]);
        callback(context, at->number, unused > used ? unused - used : 0,
                 at->start - at->begin);
    }
}

bool sfpm_image_usage(const sfpm_image_t *image, sfpm_usage_callback_t callback,
                      void *context)
{
    usage_t usage = {.image = image};
    if (!image || !callback)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no image or no callback was given");
    if (image->info.format == 1) {
        callback(context, 1, 0, 0);
        return true;
    }
    sfpm_reader_init(&usage.reader, image);
    bool ok = sfpm_trailers_add(&usage.commits, &image->last) &&
              sfpm_trailers_extend(&usage.commits, image->input, 0);
    usage.used = ok ? SFPM_NEW_N(sfpm_ranges_t, usage.commits.count) : NULL;
    ok = usage.used != NULL;
    for (size_t i = 0; ok && i + 1 < usage.commits.count; i++)
        ok = note_state(&usage, i);
    if (ok)
        tell(&usage, callback, context);
    for (size_t i = 0; usage.used && i < usage.commits.count; i++)
        sfpm_ranges_free(&usage.used[i]);
    free(usage.used);
    sfpm_trailers_free(&usage.commits);
    sfpm_seen_free(&usage.seen);
    sfpm_reader_free(&usage.reader);
    return ok || sfpm_image_fail_named(image);
}
