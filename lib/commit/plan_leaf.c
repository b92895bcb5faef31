/* SPDX-License-Identifier: MIT */
/*
 * Decides for each chunk of a leaf which pages of it are new, which are zero, and which
 * an earlier commit or the base already holds, so that a commit stores only what
 * changed.
 */
#include "commit/plan_leaf.h"

#include <string.h>

/* A page that holds no more than this is stored as a piece: a commit of a small
 * machine then costs bytes, not pages. Larger ones stay mappable. */
enum { PIECE_MAX = SFPM_PAGE / 4 };

size_t sfpm_used_length(const uint8_t *page, size_t size)
{
    static const uint8_t zeros[SFPM_PAGE];
    uint64_t words[8];
    /* Pages that hold anything are seldom empty at their end, and memcmp() is the
     * fastest way to see that one holds nothing. */
    if (size > 0 && page[size - 1] == 0 && size <= SFPM_PAGE &&
        memcmp(page, zeros, size) == 0)
        return 0;
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

/* Whether `next` continues `last`, so that one extent can say both. */
static bool continues(const sfpm_extent_t *last, const sfpm_extent_t *next)
{
    if (last->kind != next->kind || last->first + last->pages != next->first)
        return false;
    return next->kind == SFPM_EXTENT_BASE ||
           (next->kind == SFPM_EXTENT_PAGES &&
            last->offset + last->length == next->offset);
}

static bool add_extent(sfpm_planned_leaf_t *planned, const sfpm_extent_t *extent)
{
    sfpm_leaf_t *leaf = &planned->leaf;
    if (leaf->num_extents > 0 &&
        continues(&leaf->extents[leaf->num_extents - 1], extent)) {
        sfpm_extent_t *last = &leaf->extents[leaf->num_extents - 1];
        last->pages = (uint16_t)(last->pages + extent->pages);
        last->length += extent->length;
        return true;
    }
    void *extents = leaf->extents;
    if (!sfpm_grow_array(&extents, &planned->max_extents, leaf->num_extents + 1,
                         sizeof *extent))
        return false;
    leaf->extents = extents;
    leaf->extents[leaf->num_extents++] = *extent;
    return true;
}

static void refer_to_base(sfpm_extent_t *extent, uint32_t first, uint32_t count)
{
    uint32_t end = (uint32_t)extent->first + extent->pages;
    uint32_t from = extent->first > first ? extent->first : first;
    uint32_t to = end < first + count ? end : first + count;
    *extent = (sfpm_extent_t){.kind = SFPM_EXTENT_BASE,
                              .first = (uint16_t)from,
                              .pages = (uint16_t)(to - from)};
}

/* Takes over where `count` pages of a chunk, from `first` on, lie already. */
static bool keep_pages(sfpm_leaf_job_t *job, uint32_t chunk, uint32_t first,
                       uint32_t count)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    size_t n = sfpm_chunk_extents(job->old, chunk, cuts);
    for (size_t i = 0; i < n; i++) {
        if (!sfpm_extent_cut(&cuts[i], first, count))
            continue;
        if (job->plan->edit->delta)
            refer_to_base(&cuts[i], first, count);
        if (!add_extent(job->planned, &cuts[i]))
            return false;
    }
    return true;
}

static bool keep_chunk(sfpm_leaf_job_t *job, uint32_t chunk)
{
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    job->planned->leaf.sums[chunk] = job->old->sums[chunk];
    now->bytes = NULL;
    now->unhashed = false;
    return keep_pages(job, chunk, chunk * SFPM_CHUNK_PAGES, SFPM_CHUNK_PAGES);
}

/* Whether single pages of the chunk can be kept: not out of a packed one. */
static bool pages_can_stay(const sfpm_leaf_job_t *job, uint32_t chunk)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    size_t n = sfpm_chunk_extents(job->old, chunk, cuts);
    return job->plan->edit->delta || n == 0 || cuts[0].kind != SFPM_EXTENT_CHUNK;
}

static bool add_new_page(sfpm_leaf_job_t *job, uint32_t page, size_t size, size_t used)
{
    sfpm_plan_t *plan = job->plan;
    sfpm_planned_chunk_t *chunk = &job->planned->chunks[page / SFPM_CHUNK_PAGES];
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
    return add_extent(job->planned, &extent);
}

/* ---- chunks ---- */

/* Plans the pages of a chunk with new contents; those of `same`, a bit each, stay where
 * they are. */
static bool plan_pages(sfpm_leaf_job_t *job, uint32_t chunk, const uint8_t *bytes,
                       uint32_t same)
{
    size_t size = sfpm_plan_span(job->planned, chunk);
    uint32_t first = chunk * SFPM_CHUNK_PAGES;
    for (uint32_t page = 0, next; page * SFPM_PAGE < size; page = next) {
        size_t at = page * SFPM_PAGE;
        size_t span = sfpm_span(size, at, SFPM_PAGE);
        for (next = page + 1; same >> page & same >> next & 1; next++)
            ;
        if (same >> page & 1 ? !keep_pages(job, chunk, first + page, next - page)
                             : !add_new_page(job, first + page, span,
                                             sfpm_used_length(bytes + at, span)))
            return false;
    }
    return true;
}

/* Which pages of a chunk cannot differ, as is known of the source. */
static uint32_t known_pages(const sfpm_leaf_job_t *job, uint32_t chunk)
{
    size_t size = sfpm_plan_span(job->planned, chunk);
    uint64_t start = job->base + (uint64_t)chunk * SFPM_CHUNK;
    uint32_t same = 0;
    for (uint32_t page = 0; page * SFPM_PAGE < size; page++) {
        size_t at = page * SFPM_PAGE;
        if (!sfpm_source_may_differ(job->source, start + at,
                                    sfpm_span(size, at, SFPM_PAGE)))
            same |= UINT32_C(1) << page;
    }
    return same;
}

/* Which pages of a chunk hold what they did. `before` is NULL when that is unknown or of
 * no use. */
static uint32_t equal_pages(const uint8_t *bytes, const uint8_t *before, size_t size)
{
    uint32_t same = 0;
    for (uint32_t page = 0; before && page * SFPM_PAGE < size; page++) {
        size_t at = page * SFPM_PAGE;
        if (memcmp(before + at, bytes + at, sfpm_span(size, at, SFPM_PAGE)) == 0)
            same |= UINT32_C(1) << page;
    }
    return same;
}

/* Whether the region before has the same contents at the same place, as a machine's memory
 * has parts of its region `initial`. */
static bool has_twin(const sfpm_leaf_job_t *job, uint32_t chunk, const uint8_t *bytes)
{
    const sfpm_planned_leaf_t *twin = job->planned->twin;
    size_t size = sfpm_plan_span(job->planned, chunk);
    if (!twin || sfpm_plan_span(twin, chunk) != size)
        return false;
    const sfpm_source_t *source = &job->plan->edit->sources[twin->region];
    if (source->kind != job->source->kind)
        return false;
    if (source->kind == SFPM_SOURCE_IMAGE)
        return twin->leaf.sums[chunk] == job->planned->leaf.sums[chunk];
    return memcmp(source->memory + job->base + (size_t)chunk * SFPM_CHUNK, bytes, size) ==
           0;
}

/* Takes over where the region before has the chunk. What lies in a base image cannot be:
 * that is found at its own place there. */
static bool share_twin(sfpm_leaf_job_t *job, uint32_t chunk, const uint8_t *bytes)
{
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    size_t n = has_twin(job, chunk, bytes)
                   ? sfpm_chunk_extents(&job->planned->twin->leaf, chunk, cuts)
                   : 0;
    now->twin = n > 0;
    for (size_t i = 0; i < n; i++)
        now->twin = now->twin && cuts[i].kind != SFPM_EXTENT_BASE;
    for (size_t i = 0; now->twin && i < n; i++)
        if (!add_extent(job->planned, &cuts[i]))
            return false;
    if (now->twin && bytes)
        job->planned->leaf.sums[chunk] =
            sfpm_checksum(bytes, sfpm_plan_span(job->planned, chunk), 0);
    now->unhashed = now->unhashed && !now->twin;
    return true;
}

static bool plan_packed(sfpm_leaf_job_t *job, uint32_t chunk, const uint8_t *bytes)
{
    size_t size = sfpm_plan_span(job->planned, chunk);
    sfpm_extent_t extent = {.kind = SFPM_EXTENT_CHUNK | SFPM_EXTENT_UNPLACED,
                            .first = (uint16_t)(chunk * SFPM_CHUNK_PAGES),
                            .pages = (uint16_t)((size + SFPM_PAGE - 1) / SFPM_PAGE)};
    if (bytes && sfpm_used_length(bytes, size) == 0)
        return true;
    job->planned->chunks[chunk].packed = true;
    return add_extent(job->planned, &extent);
}

/* Whether old and new chunk have the same length, so that they can be compared. */
static bool comparable(const sfpm_leaf_job_t *job, uint32_t chunk)
{
    return job->old &&
           sfpm_plan_span(job->planned, chunk) ==
               sfpm_span(job->old_size, (uint64_t)chunk * SFPM_CHUNK, SFPM_CHUNK);
}

/* What the chunk held before, in plan->scratch; NULL when it cannot be read, which
 * must not stand in the way of saving the new contents. */
static const uint8_t *contents_before(sfpm_leaf_job_t *job, uint32_t chunk)
{
    uint64_t position = job->base + (uint64_t)chunk * SFPM_CHUNK;
    if (!pages_can_stay(job, chunk) ||
        !sfpm_chunk_read(&job->plan->before, job->source->old, position,
                         job->plan->scratch))
        return NULL;
    return job->plan->scratch;
}

static bool plan_new_contents(sfpm_leaf_job_t *job, uint32_t chunk, const uint8_t *bytes)
{
    if (!share_twin(job, chunk, bytes))
        return false;
    if (job->planned->chunks[chunk].twin)
        return true;
    if (job->plan->packed)
        return plan_packed(job, chunk, bytes);
    uint32_t same = 0;
    bool known = job->source->changed && job->old && pages_can_stay(job, chunk);
    if (known)
        same = known_pages(job, chunk);
    if (comparable(job, chunk) && !(known && job->source->most_changed))
        same |= equal_pages(bytes, contents_before(job, chunk),
                            sfpm_plan_span(job->planned, chunk));
    return plan_pages(job, chunk, bytes, same);
}

static bool plan_memory_chunk(sfpm_leaf_job_t *job, uint32_t chunk)
{
    static const uint8_t zeros[SFPM_CHUNK];
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    uint64_t *sum = &job->planned->leaf.sums[chunk];
    size_t size = sfpm_plan_span(job->planned, chunk);
    if (job->source->changed && job->old &&
        !sfpm_source_may_differ(job->source, job->base + (uint64_t)chunk * SFPM_CHUNK,
                                size))
        return keep_chunk(job, chunk);
    now->bytes = job->plan->absent[chunk] ? zeros
                                          : job->source->memory + (size_t)job->base +
                                                (size_t)chunk * SFPM_CHUNK;
    now->unhashed = !comparable(job, chunk);
    if (!now->unhashed) {
        *sum = sfpm_checksum(now->bytes, size, 0);
        if (*sum == job->old->sums[chunk])
            return keep_chunk(job, chunk);
    }
    return plan_new_contents(job, chunk, now->bytes);
}

/* Of a chunk with few changes, only the changed pages are kept: allocating memory for the
 * whole chunk would cost more than everything else. */
static bool own_new_pages(sfpm_planned_chunk_t *now, const uint8_t *bytes, size_t size)
{
    unsigned wanted = (unsigned)now->pages | now->pieces;
    sfpm_buffer_t kept = {0};
    bool ok = true;
    for (size_t at = 0; ok && at < size; at += SFPM_PAGE)
        if (wanted >> at / SFPM_PAGE & 1)
            ok = sfpm_buffer_add(&kept, bytes + at,
                                 size - at < SFPM_PAGE ? size - at : SFPM_PAGE);
    now->owned = kept.data;
    return ok;
}

/* Lays the changes over a chunk's contents; which pages hold what they did. */
static uint32_t change_pages(const sfpm_leaf_job_t *job, uint64_t position,
                             uint8_t *bytes, size_t size)
{
    uint8_t before[SFPM_PAGE];
    uint32_t same = 0;
    for (uint32_t page = 0; page * SFPM_PAGE < size; page++) {
        size_t at = page * SFPM_PAGE;
        size_t span = sfpm_span(size, at, SFPM_PAGE);
        bool touched = sfpm_source_overlay(job->source, position + at, NULL, span);
        if (touched) {
            memcpy(before, bytes + at, span);
            sfpm_source_overlay(job->source, position + at, bytes + at, span);
        }
        if (!touched || memcmp(before, bytes + at, span) == 0)
            same |= UINT32_C(1) << page;
    }
    return same;
}

static bool plan_inherited_chunk(sfpm_leaf_job_t *job, uint32_t chunk)
{
    sfpm_planned_chunk_t *now = &job->planned->chunks[chunk];
    uint64_t position = job->base + (uint64_t)chunk * SFPM_CHUNK;
    size_t size = sfpm_plan_span(job->planned, chunk);
    uint8_t *bytes = job->plan->contents;
    if (!sfpm_source_overlay(job->source, position, NULL, size))
        return keep_chunk(job, chunk);
    if (!sfpm_chunk_read(&job->plan->before, job->source->old, position, bytes))
        return false;
    uint32_t same = change_pages(job, position, bytes, size);
    job->planned->leaf.sums[chunk] = sfpm_checksum(bytes, size, 0);
    if (job->plan->packed) {
        now->bytes = now->owned = sfpm_copy_bytes(bytes, size);
        return now->owned && plan_packed(job, chunk, bytes);
    }
    return plan_pages(job, chunk, bytes, pages_can_stay(job, chunk) ? same : 0) &&
           own_new_pages(now, bytes, size);
}

static bool plan_image_chunk(sfpm_leaf_job_t *job, uint32_t chunk)
{
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    uint64_t position = job->base + (uint64_t)chunk * SFPM_CHUNK;
    const sfpm_leaf_t *from = sfpm_reader_leaf(&job->plan->reader, job->source->content,
                                               (size_t)(position / SFPM_LEAF_BYTES));
    if (!from)
        return false;
    job->planned->leaf.sums[chunk] = from->sums[chunk];
    if (comparable(job, chunk) && from->sums[chunk] == job->old->sums[chunk])
        return keep_chunk(job, chunk);
    if (sfpm_chunk_extents(from, chunk, cuts) == 0)
        return true; /* zero */
    job->planned->chunks[chunk].reload = true;
    if (job->plan->packed)
        return plan_new_contents(job, chunk, NULL);
    return sfpm_chunk_read(&job->plan->reader, job->source->content, position,
                           job->plan->contents) &&
           plan_new_contents(job, chunk, job->plan->contents);
}

static bool plan_chunk(sfpm_leaf_job_t *job, uint32_t chunk)
{
    if (job->source->kind == SFPM_SOURCE_MEMORY)
        return plan_memory_chunk(job, chunk);
    if (job->source->kind == SFPM_SOURCE_INHERITED)
        return plan_inherited_chunk(job, chunk);
    return plan_image_chunk(job, chunk);
}

bool sfpm_plan_chunks(sfpm_leaf_job_t *job)
{
    for (uint32_t chunk = 0; chunk < job->planned->leaf.num_chunks; chunk++)
        if (!plan_chunk(job, chunk))
            return false;
    return true;
}

const uint8_t *sfpm_plan_contents(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                                  uint32_t chunk)
{
    const sfpm_planned_chunk_t *now = &planned->chunks[chunk];
    uint64_t position =
        (uint64_t)planned->which * SFPM_LEAF_BYTES + (uint64_t)chunk * SFPM_CHUNK;
    if (!now->reload)
        return now->bytes;
    if (plan->loaded != now &&
        !sfpm_chunk_read(&plan->reader, plan->edit->sources[planned->region].content,
                         position, plan->contents)) {
        plan->loaded = NULL;
        return NULL;
    }
    plan->loaded = now;
    return plan->contents;
}

const uint8_t *sfpm_plan_page(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                              uint32_t page)
{
    const sfpm_planned_chunk_t *now = &planned->chunks[page / SFPM_CHUNK_PAGES];
    unsigned which = page % SFPM_CHUNK_PAGES;
    if (!now->owned) {
        const uint8_t *bytes = sfpm_plan_contents(plan, planned, page / SFPM_CHUNK_PAGES);
        return bytes ? bytes + (size_t)which * SFPM_PAGE : NULL;
    }
    size_t before = 0;
    for (unsigned i = 0; i < which; i++)
        before += ((unsigned)now->pages | now->pieces) >> i & 1;
    return now->owned + before * SFPM_PAGE;
}
