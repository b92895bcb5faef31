/* SPDX-License-Identifier: MIT */
#include "image/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* A page that holds no more than this is stored as a piece: a commit of a small
 * machine then costs bytes, not pages. Larger ones stay mappable. */
enum { PIECE_MAX = SFPM_PAGE / 4 };

size_t sfpm_used_length(const uint8_t *page, size_t size)
{
    uint64_t words[8];
    /* From the end, since pages that hold anything are seldom empty there. */
    while (size >= sizeof words) {
        memcpy(words, page + size - sizeof words, sizeof words);
        if (words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] |
            words[7])
            break;
        size -= sizeof words;
    }
    while (size > 0 && page[size - 1] == 0)
        size--;
    return size;
}

/* ---- extents ---- */

static bool add_extent(sfpm_planned_leaf_t *planned, const sfpm_extent_t *extent)
{
    sfpm_leaf_t *leaf = &planned->leaf;
    if (leaf->num_extents > 0 && extent->kind == SFPM_EXTENT_PAGES) {
        sfpm_extent_t *last = &leaf->extents[leaf->num_extents - 1];
        if (last->kind == SFPM_EXTENT_PAGES &&
            last->first + last->pages == extent->first &&
            last->offset + last->length == extent->offset) {
            last->pages = (uint16_t)(last->pages + extent->pages);
            last->length += extent->length;
            return true;
        }
    }
    void *extents = leaf->extents;
    if (!sfpm_grow_array(&extents, &planned->max_extents, leaf->num_extents + 1,
                         sizeof *extent))
        return false;
    leaf->extents = extents;
    leaf->extents[leaf->num_extents++] = *extent;
    return true;
}

/* Takes over what an older leaf says of `count` pages of a chunk from `first` on. */
static bool keep_pages(sfpm_planned_leaf_t *planned, const sfpm_leaf_t *old,
                       uint32_t chunk, uint32_t first, uint32_t count)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    size_t n = sfpm_chunk_extents(old, chunk, cuts);
    for (size_t i = 0; i < n; i++)
        if (sfpm_extent_cut(&cuts[i], first, count) && !add_extent(planned, &cuts[i]))
            return false;
    return true;
}

static bool keep_chunk(sfpm_planned_leaf_t *planned, const sfpm_leaf_t *old,
                       uint32_t chunk)
{
    planned->leaf.sums[chunk] = old->sums[chunk];
    return keep_pages(planned, old, chunk, chunk * SFPM_CHUNK_PAGES, SFPM_CHUNK_PAGES);
}

static bool add_new_page(sfpm_plan_t *plan, sfpm_planned_leaf_t *planned, uint32_t page,
                         size_t size, size_t used)
{
    sfpm_planned_chunk_t *chunk = &planned->chunks[page / SFPM_CHUNK_PAGES];
    uint16_t bit = (uint16_t)(1u << page % SFPM_CHUNK_PAGES);
    sfpm_extent_t extent = {.first = (uint16_t)page, .pages = 1};
    if (used == 0)
        return true;
    if (used > PIECE_MAX && size == SFPM_PAGE) {
        chunk->pages |= bit;
        extent.kind = SFPM_EXTENT_PAGES;
        extent.offset = plan->data_offset + plan->num_pages * SFPM_PAGE;
        extent.length = SFPM_PAGE;
        plan->num_pages++;
    } else {
        chunk->pieces |= bit;
        extent.kind = SFPM_EXTENT_PIECE | SFPM_EXTENT_UNPLACED;
        extent.offset = plan->pieces_size;
        extent.length = (uint32_t)used;
        plan->pieces_size += used;
    }
    return add_extent(planned, &extent);
}

/* ---- chunks ---- */

/* Plans the pages of a chunk with new contents. `before` is what it held, NULL when
 * that is unknown; pages that are the same stay where `old` says they are. */
static bool plan_pages(sfpm_plan_t *plan, sfpm_planned_leaf_t *planned, uint32_t chunk,
                       size_t size, const uint8_t *before, const sfpm_leaf_t *old)
{
    const uint8_t *bytes = planned->chunks[chunk].bytes;
    for (size_t at = 0; at < size; at += SFPM_PAGE) {
        uint32_t page = chunk * SFPM_CHUNK_PAGES + (uint32_t)(at / SFPM_PAGE);
        size_t span = size - at < SFPM_PAGE ? size - at : SFPM_PAGE;
        bool same = before && memcmp(before + at, bytes + at, span) == 0;
        if (same ? !keep_pages(planned, old, chunk, page, 1)
                 : !add_new_page(plan, planned, page, span,
                                 sfpm_used_length(bytes + at, span)))
            return false;
    }
    return true;
}

/* What planning one leaf needs at hand. */
typedef struct leaf_job {
    sfpm_plan_t *plan;
    sfpm_planned_leaf_t *planned;
    const sfpm_source_t *source;
    uint64_t base;          /* of the leaf in its region */
    const sfpm_leaf_t *old; /* the leaf there before, or NULL */
    uint64_t old_size;      /* bytes that it covers */
    uint8_t *scratch;       /* SFPM_CHUNK bytes */
} leaf_job_t;

static const sfpm_input_t *input_of(const leaf_job_t *job)
{
    return job->plan->edit->image->input;
}

static bool plan_memory_chunk(leaf_job_t *job, uint32_t chunk, size_t size)
{
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    uint64_t *sum = &job->planned->leaf.sums[chunk];
    uint64_t position = job->base + (uint64_t)chunk * SFPM_CHUNK;
    bool comparable =
        job->old &&
        size == sfpm_span(job->old_size, (uint64_t)chunk * SFPM_CHUNK, SFPM_CHUNK);
    const uint8_t *bytes = job->source->memory + position;
    now->bytes = bytes;
    if (!comparable) {
        now->unhashed = true;
        return plan_pages(job->plan, job->planned, chunk, size, NULL, NULL);
    }
    *sum = sfpm_checksum(bytes, size, 0);
    if (*sum == job->old->sums[chunk]) {
        now->bytes = NULL;
        return keep_chunk(job->planned, job->old, chunk);
    }
    /* A damaged old chunk must not stand in the way of saving the new state. */
    bool readable = sfpm_chunk_read(input_of(job), job->old, chunk, size,
                                    job->source->old, position, job->scratch);
    return plan_pages(job->plan, job->planned, chunk, size,
                      readable ? job->scratch : NULL, job->old);
}

static bool plan_inherited_chunk(leaf_job_t *job, uint32_t chunk, size_t size)
{
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    uint64_t position = job->base + (uint64_t)chunk * SFPM_CHUNK;
    if (!sfpm_source_overlay(job->source, position, NULL, size))
        return keep_chunk(job->planned, job->old, chunk);
    if (!sfpm_chunk_read(input_of(job), job->old, chunk, size, job->source->old, position,
                         job->scratch))
        return false;
    now->owned = sfpm_copy_bytes(job->scratch, size);
    if (!now->owned)
        return false;
    sfpm_source_overlay(job->source, position, now->owned, size);
    now->bytes = now->owned;
    job->planned->leaf.sums[chunk] = sfpm_checksum(now->bytes, size, 0);
    return plan_pages(job->plan, job->planned, chunk, size, job->scratch, job->old);
}

/* ---- leaves ---- */

static sfpm_planned_leaf_t *new_leaf(sfpm_plan_t *plan, size_t region, size_t which,
                                     uint64_t size)
{
    void *leaves = plan->leaves;
    bool good = sfpm_grow_array(&leaves, &plan->max_leaves, plan->num_leaves + 1,
                                sizeof *plan->leaves);
    plan->leaves = leaves;
    sfpm_planned_leaf_t *planned = good ? SFPM_NEW(sfpm_planned_leaf_t) : NULL;
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

static bool plan_chunks(leaf_job_t *job)
{
    for (uint32_t chunk = 0; chunk < job->planned->leaf.num_chunks; chunk++) {
        size_t size =
            sfpm_span(job->planned->size, (uint64_t)chunk * SFPM_CHUNK, SFPM_CHUNK);
        bool good = job->source->from_memory ? plan_memory_chunk(job, chunk, size)
                                             : plan_inherited_chunk(job, chunk, size);
        if (!good)
            return false;
    }
    return true;
}

static bool plan_leaf(sfpm_plan_t *plan, size_t region, size_t which, uint8_t *scratch)
{
    const sfpm_source_t *source = &plan->edit->sources[region];
    uint64_t base = (uint64_t)which * SFPM_LEAF_BYTES;
    size_t size =
        sfpm_span(plan->edit->index.regions[region].size, base, SFPM_LEAF_BYTES);
    leaf_job_t job = {.plan = plan, .source = source, .base = base, .scratch = scratch};
    sfpm_leaf_t old = {0};
    if (source->old && which < source->old->num_leaves) {
        if (sfpm_leaf_load(plan->edit->image->input, source->old, which, &old))
            job.old = &old;
        else if (!source->from_memory)
            return false;
        job.old_size = sfpm_span(source->old->size, base, SFPM_LEAF_BYTES);
    }
    job.planned = new_leaf(plan, region, which, size);
    bool good = job.planned && plan_chunks(&job);
    sfpm_leaf_free(&old);
    return good;
}

/* ---- regions ---- */

/* Contents that have no leaves to inherit: those of a version 1 image. */
static bool load_region(sfpm_edit_t *edit, size_t which)
{
    sfpm_source_t *source = &edit->sources[which];
    uint64_t size = edit->index.regions[which].size;
    if (size > SIZE_MAX)
        return sfpm_fail_memory(size);
    source->owned = SFPM_NEW_N(uint8_t, (size_t)size);
    if (!source->owned || !sfpm_source_read(edit, which, 0, source->owned, (size_t)size))
        return false;
    source->memory = source->owned;
    source->from_memory = true;
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
static bool plan_zero_region(sfpm_region_t *region)
{
    for (size_t i = 0; i < region->num_leaves; i++) {
        sfpm_leaf_t leaf;
        if (!sfpm_leaf_zero(
                sfpm_span(region->size, (uint64_t)i * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES),
                &leaf))
            return false;
        sfpm_leaf_digest(leaf.sums, leaf.num_chunks, region->leaves[i].digest);
        sfpm_leaf_free(&leaf);
    }
    return true;
}

static bool plan_region(sfpm_plan_t *plan, size_t which, uint8_t *scratch)
{
    sfpm_edit_t *edit = plan->edit;
    sfpm_region_t *region = &edit->index.regions[which];
    sfpm_source_t *source = &edit->sources[which];
    if (edit->image && edit->image->info.format == 1 && !source->from_memory &&
        !load_region(edit, which))
        return false;
    if (source->from_memory && !resize_table(region))
        return false;
    if (source->from_memory && !source->memory)
        return plan_zero_region(region);
    for (size_t leaf = 0; leaf < region->num_leaves; leaf++) {
        uint64_t base = (uint64_t)leaf * SFPM_LEAF_BYTES;
        bool touched = source->from_memory ||
                       sfpm_source_overlay(source, base, NULL, SFPM_LEAF_BYTES);
        if (touched && !plan_leaf(plan, which, leaf, scratch))
            return false;
    }
    return true;
}

bool sfpm_plan_make(sfpm_plan_t *plan, sfpm_edit_t *edit, uint64_t offset)
{
    static const uint8_t zeros[SFPM_CHUNK];
    uint64_t after = offset + SFPM_RECORD_SIZE;
    *plan = (sfpm_plan_t){.edit = edit};
    plan->data_offset = (after + SFPM_PAGE - 1) & ~(uint64_t)(SFPM_PAGE - 1);
    plan->zero_chunk_sum = sfpm_checksum(zeros, sizeof zeros, 0);
    uint8_t *scratch = SFPM_NEW_N(uint8_t, SFPM_CHUNK);
    bool good = scratch != NULL;
    for (size_t i = 0; good && i < edit->index.num_regions; i++)
        good = plan_region(plan, i, scratch);
    free(scratch);
    return good;
}

void sfpm_plan_free(sfpm_plan_t *plan)
{
    for (size_t i = 0; i < plan->num_leaves; i++) {
        sfpm_planned_leaf_t *planned = plan->leaves[i];
        for (uint32_t chunk = 0; chunk < SFPM_LEAF_CHUNKS; chunk++)
            free(planned->chunks[chunk].owned);
        sfpm_leaf_free(&planned->leaf);
        free(planned);
    }
    free(plan->leaves);
    *plan = (sfpm_plan_t){0};
}
