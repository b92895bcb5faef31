/* SPDX-License-Identifier: MIT */
/* From the sources of an edit to planned leaves. */
#include "commit/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "codec/compress.h"
#include "commit/plan_leaf.h"

static sfpm_planned_leaf_t *new_leaf(sfpm_plan_t *plan, size_t region, size_t which,
                                     uint64_t size)
{
    void *leaves = plan->leaves;
    bool ok = sfpm_grow_array(&leaves, &plan->max_leaves, plan->num_leaves + 1,
                              sizeof *plan->leaves);
    plan->leaves = leaves;
    sfpm_planned_leaf_t *planned = ok ? SFPM_NEW(sfpm_planned_leaf_t) : NULL;
    if (!planned)
        return NULL;
    plan->leaves[plan->num_leaves++] = planned;
    planned->region = region;
    planned->which = which;
    planned->size = size;
    planned->leaf.num_chunks = (uint32_t)((size + SFPM_CHUNK - 1) / SFPM_CHUNK);
    planned->leaf.sums = SFPM_NEW_N(uint64_t, planned->leaf.num_chunks);
    return planned->leaf.sums ? planned : NULL;
}

size_t sfpm_plan_span(const sfpm_planned_leaf_t *planned, uint32_t chunk)
{
    return sfpm_span(planned->size, (uint64_t)chunk * SFPM_CHUNK, SFPM_CHUNK);
}

/* The leaf at the same place of the region before, if it is planned, too. */
static const sfpm_planned_leaf_t *find_twin(sfpm_plan_t *plan, size_t which)
{
    while (plan->twin_leaf < plan->first_leaf &&
           plan->leaves[plan->twin_leaf]->which < which)
        plan->twin_leaf++;
    const sfpm_planned_leaf_t *leaf =
        plan->twin_leaf < plan->first_leaf ? plan->leaves[plan->twin_leaf] : NULL;
    return leaf && leaf->which == which ? leaf : NULL;
}

/* What stood at this leaf before, and where that lies in the file being written. */
static bool find_old(sfpm_plan_t *plan, sfpm_leaf_job_t *job, size_t which)
{
    const sfpm_source_t *source = job->source;
    if (!source->old || which >= source->old->num_leaves)
        return true;
    job->old_size = sfpm_span(source->old->size, job->base, SFPM_LEAF_BYTES);
    if (source->old_leaves) {
        /* A leaf without contents was not planned, and there is nothing to share. */
        if (which < source->num_old_leaves && source->old_leaves[which].sums)
            job->old = &source->old_leaves[which];
        return true;
    }
    job->old = sfpm_reader_leaf(&plan->before, source->old, which);
    /* A damaged old leaf must not stand in the way of saving a new state. */
    return job->old || source->kind != SFPM_SOURCE_INHERITED;
}

static bool plan_leaf(sfpm_plan_t *plan, size_t region, size_t which)
{
    const sfpm_source_t *source = &plan->edit->sources[region];
    uint64_t base = (uint64_t)which * SFPM_LEAF_BYTES;
    size_t size =
        sfpm_span(plan->edit->index.regions[region].size, base, SFPM_LEAF_BYTES);
    sfpm_leaf_job_t job = {.plan = plan, .source = source, .base = base};
    if (!find_old(plan, &job, which))
        return false;
    job.planned = new_leaf(plan, region, which, size);
    if (!job.planned)
        return false;
    job.planned->twin = find_twin(plan, which);
    return sfpm_plan_chunks(&job);
}

/* Contents that have no leaves to inherit: those of a version 1 image. */
static bool load_region(sfpm_edit_t *edit, size_t which)
{
    sfpm_source_t *source = &edit->sources[which];
    uint64_t size = edit->index.regions[which].size;
    if (size > SIZE_MAX)
        return sfpm_fail_memory(size);
    source->owned = sfpm_new_block((size_t)size);
    if (!source->owned ||
        !sfpm_source_read(edit, which, 0, source->owned, (size_t)size))
        return false;
    source->memory = source->owned;
    source->kind = SFPM_SOURCE_MEMORY;
    source->old = NULL;
    return true;
}

static bool resize_table(sfpm_region_t *region)
{
    sfpm_leaf_ref_t *leaves = SFPM_NEW_N(sfpm_leaf_ref_t, sfpm_num_leaves(region->size));
    if (!leaves)
        return false;
    free(region->leaves);
    region->leaves = leaves;
    region->num_leaves = sfpm_num_leaves(region->size);
    return true;
}

/* Volatile regions hold nothing but zeros, so their table needs digests only. */
static bool plan_zero_region(const sfpm_plan_t *plan, sfpm_region_t *region)
{
    for (size_t i = 0; i < region->num_leaves; i++) {
        sfpm_leaf_t leaf;
        uint64_t base = (uint64_t)i * SFPM_LEAF_BYTES;
        if (!sfpm_leaf_zero(sfpm_span(region->size, base, SFPM_LEAF_BYTES),
                            plan->zero_chunk_sum, &leaf))
            return false;
        sfpm_leaf_digest(leaf.sums, leaf.num_chunks, region->leaves[i].digest);
        sfpm_leaf_free(&leaf);
    }
    return true;
}

/* In a delta file, what is inherited stands in the base image. */
static void inherit_leaf(const sfpm_edit_t *edit, sfpm_leaf_ref_t *ref)
{
    if (!edit->delta || ref->offset == SFPM_LEAF_ZERO)
        return;
    ref->offset = SFPM_LEAF_BASE;
    ref->sum = 0;
}

/* Whether a leaf of the image that is rewritten says that all is zero, itself or through
 * a base image: then nothing is planned, however large the region is said to be. */
static bool take_zero_leaf(sfpm_plan_t *plan, size_t region, size_t which, bool *taken)
{
    const sfpm_source_t *source = &plan->edit->sources[region];
    sfpm_leaf_ref_t *ref = &plan->edit->index.regions[region].leaves[which];
    *taken = false;
    if (source->kind != SFPM_SOURCE_IMAGE)
        return true;
    const sfpm_leaf_ref_t *from = &source->content->leaves[which];
    if (from->offset != SFPM_LEAF_ZERO && from->offset != SFPM_LEAF_BASE)
        return true;
    *taken = sfpm_reader_leaf_is_zero(&plan->reader, source->content, which);
    if (!*taken) {
        const sfpm_leaf_t *leaf = sfpm_reader_leaf(&plan->reader, source->content, which);
        if (!leaf)
            return false;
        *taken = leaf->num_extents == 0;
    }
    if (*taken) {
        *ref = (sfpm_leaf_ref_t){.offset = SFPM_LEAF_ZERO};
        memcpy(ref->digest, from->digest, SFPM_DIGEST_SIZE);
    }
    return true;
}

/* The same for memory that holds nothing; of some chunks that is noted for planning. */
static bool take_absent_leaf(sfpm_plan_t *plan, size_t region, size_t which, bool *taken)
{
    const sfpm_source_t *source = &plan->edit->sources[region];
    sfpm_region_t *to = &plan->edit->index.regions[region];
    size_t base = which * (size_t)SFPM_LEAF_BYTES;
    sfpm_leaf_t leaf;
    *taken = false;
    memset(plan->absent, 0, sizeof plan->absent);
    if (source->kind != SFPM_SOURCE_MEMORY || to->size < SFPM_PRESENCE_WORTH)
        return true;
    size_t size = sfpm_span(to->size, base, SFPM_LEAF_BYTES);
    size_t count =
        sfpm_absent_chunks(&plan->presence, source->memory + base, size, plan->absent);
    *taken = count == (size + SFPM_CHUNK - 1) / SFPM_CHUNK;
    if (!*taken)
        return true;
    if (!sfpm_leaf_zero(size, plan->zero_chunk_sum, &leaf))
        return false;
    to->leaves[which] = (sfpm_leaf_ref_t){.offset = SFPM_LEAF_ZERO};
    sfpm_leaf_digest(leaf.sums, leaf.num_chunks, to->leaves[which].digest);
    sfpm_leaf_free(&leaf);
    return true;
}

static bool plan_contents(sfpm_plan_t *plan, size_t region, size_t which)
{
    bool taken;
    return take_zero_leaf(plan, region, which, &taken) &&
           (taken || sfpm_plan_share(plan, region, which, &taken)) &&
           (taken || take_absent_leaf(plan, region, which, &taken)) &&
           (taken || plan_leaf(plan, region, which));
}

static bool plan_region(sfpm_plan_t *plan, size_t which)
{
    sfpm_edit_t *edit = plan->edit;
    sfpm_region_t *region = &edit->index.regions[which];
    sfpm_source_t *source = &edit->sources[which];
    if (edit->image && edit->image->info.format == 1 &&
        source->kind == SFPM_SOURCE_INHERITED && !load_region(edit, which))
        return false;
    if (edit->delta)
        region->base = source->old ? (uint32_t)source->old_index + 1 : 0;
    bool inherited = source->kind == SFPM_SOURCE_INHERITED;
    plan->twin_leaf = plan->first_leaf;
    plan->first_leaf = plan->num_leaves;
    if (!inherited && !source->changed && !resize_table(region))
        return false;
    if (source->kind == SFPM_SOURCE_MEMORY && !source->memory)
        return plan_zero_region(plan, region);
    for (size_t leaf = 0; leaf < region->num_leaves; leaf++) {
        uint64_t base = (uint64_t)leaf * SFPM_LEAF_BYTES;
        sfpm_meter_add(edit->meter, sfpm_span(region->size, base, SFPM_LEAF_BYTES));
        if (inherited ? !sfpm_source_overlay(source, base, NULL, SFPM_LEAF_BYTES)
                      : source->changed &&
                            !sfpm_source_may_differ(source, base, SFPM_LEAF_BYTES))
            inherit_leaf(edit, &region->leaves[leaf]);
        else if (!plan_contents(plan, which, leaf))
            return false;
    }
    return true;
}

bool sfpm_plan_make(sfpm_plan_t *plan, sfpm_edit_t *edit, uint64_t offset)
{
    uint64_t after = offset + SFPM_RECORD_SIZE;
    plan->edit = edit;
    plan->presence = SFPM_NO_PRESENCE;
    plan->packed = edit->keys || edit->index.codec != SFPM_CODEC_NONE;
    plan->data_offset = (after + SFPM_PAGE - 1) & ~(uint64_t)(SFPM_PAGE - 1);
    plan->zero_chunk_sum = sfpm_zero_sum(SFPM_CHUNK);
    plan->scratch = sfpm_new_block(SFPM_CHUNK);
    plan->contents = sfpm_new_block(SFPM_CHUNK);
    if (edit->contents)
        sfpm_reader_init(&plan->reader, edit->contents);
    if (edit->image)
        sfpm_reader_init(&plan->before, edit->image);
    bool ok = plan->scratch && plan->contents;
    for (size_t i = 0; ok && i < edit->index.num_regions; i++)
        ok = plan_region(plan, i);
    return ok;
}

static void free_planned_leaf(sfpm_planned_leaf_t *planned)
{
    for (uint32_t chunk = 0; chunk < SFPM_LEAF_CHUNKS; chunk++)
        free(planned->chunks[chunk].owned);
    sfpm_leaf_free(&planned->leaf);
    free(planned);
}

void sfpm_plan_free(sfpm_plan_t *plan)
{
    for (size_t i = 0; i < plan->num_leaves; i++)
        free_planned_leaf(plan->leaves[i]);
    free(plan->leaves);
    sfpm_plan_forget_shared(plan);
    free(plan->scratch);
    free(plan->contents);
    sfpm_reader_free(&plan->reader);
    sfpm_reader_free(&plan->before);
    sfpm_sealer_free(&plan->sealer);
    if (plan->edit)
        sfpm_presence_free(&plan->presence);
    *plan = (sfpm_plan_t){0};
}
