/* SPDX-License-Identifier: MIT */
/* Writing a planned commit: data, leaves, index, sync, trailer. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commit/plan.h"
#include "image/binding.h"

bool sfpm_write_record_start(sfpm_output_t *output, uint32_t type, uint32_t lead,
                             uint64_t length, uint64_t sum)
{
    uint8_t bytes[SFPM_RECORD_SIZE];
    sfpm_record_t record = {.type = type, .lead = lead, .length = length, .sum = sum};
    sfpm_record_encode(&record, sfpm_output_offset(output), bytes);
    return sfpm_output_write(output, bytes, sizeof bytes) &&
           sfpm_output_zeros(output, lead);
}

/* Zero bytes up to where the next record may begin. */
bool sfpm_write_record_end(sfpm_output_t *output)
{
    uint64_t past = sfpm_output_offset(output) % SFPM_RECORD_ALIGN;
    return past == 0 || sfpm_output_zeros(output, SFPM_RECORD_ALIGN - past);
}

static bool write_record(sfpm_output_t *output, uint32_t type, const void *payload,
                         size_t length)
{
    return sfpm_write_record_start(output, type, 0, length,
                                   sfpm_checksum(payload, length, 0)) &&
           sfpm_output_write(output, payload, length) && sfpm_write_record_end(output);
}

/* ---- data ---- */

static void hash_chunk(const sfpm_plan_t *plan, sfpm_planned_leaf_t *planned,
                       uint32_t chunk)
{
    sfpm_planned_chunk_t *now = &planned->chunks[chunk];
    size_t size = sfpm_plan_span(planned, chunk);
    if (!now->unhashed)
        return;
    /* Planning has read these bytes and found only zeros. */
    bool zero = !now->pages && !now->pieces && !now->packed && size == SFPM_CHUNK;
    planned->leaf.sums[chunk] =
        zero ? plan->zero_chunk_sum : sfpm_checksum(now->bytes, size, 0);
    now->unhashed = false;
}

/* New pages that follow each other in memory, about to be written. They go out in
 * large pieces, straight from where they are, while the processor's cache still holds
 * what was just hashed. */
typedef struct run {
    sfpm_output_t *output;
    const uint8_t *bytes;
    size_t size;
} run_t;

static bool flush_run(run_t *run)
{
    size_t size = run->size;
    run->size = 0;
    return size == 0 || sfpm_output_write(run->output, run->bytes, size);
}

static bool extend_run(run_t *run, const uint8_t *bytes, size_t size)
{
    enum { ENOUGH = 1 << 20 };
    if (run->size > 0 && (run->bytes + run->size != bytes || run->size >= ENOUGH) &&
        !flush_run(run))
        return false;
    if (run->size == 0)
        run->bytes = bytes;
    run->size += size;
    return true;
}

static bool write_chunk_pages(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                              uint32_t chunk, run_t *run)
{
    for (uint32_t page = 0; page < SFPM_CHUNK_PAGES; page++) {
        if (!(planned->chunks[chunk].pages >> page & 1))
            continue;
        const uint8_t *bytes =
            sfpm_plan_page(plan, planned, chunk * SFPM_CHUNK_PAGES + page);
        if (!bytes || !extend_run(run, bytes, SFPM_PAGE))
            return false;
    }
    return true;
}

static bool write_leaf_pages(sfpm_plan_t *plan, sfpm_planned_leaf_t *planned, run_t *run)
{
    for (uint32_t chunk = 0; chunk < planned->leaf.num_chunks; chunk++) {
        hash_chunk(plan, planned, chunk);
        if (!plan->packed)
            sfpm_meter_add(plan->edit->meter, sfpm_plan_span(planned, chunk));
        if (!write_chunk_pages(plan, planned, chunk, run))
            return false;
        /* The memory of contents that were read is used again for the next chunk. */
        if (planned->chunks[chunk].reload && !flush_run(run))
            return false;
    }
    return true;
}

static bool write_pages(sfpm_plan_t *plan, sfpm_output_t *output)
{
    if (plan->num_pages > 0) {
        uint64_t lead = plan->data_offset - sfpm_output_offset(output) - SFPM_RECORD_SIZE;
        if (!sfpm_write_record_start(output, SFPM_RECORD_DATA, (uint32_t)lead,
                                     plan->num_pages * SFPM_PAGE, 0))
            return false;
    }
    run_t run = {.output = output};
    for (size_t i = 0; i < plan->num_leaves; i++)
        if (!write_leaf_pages(plan, plan->leaves[i], &run))
            return false;
    return flush_run(&run);
}

/* Writes the pieces in the order of their extents, and gives each its place. */
static bool write_leaf_pieces(sfpm_plan_t *plan, sfpm_planned_leaf_t *planned,
                              uint64_t start, sfpm_output_t *output)
{
    for (uint32_t i = 0; i < planned->leaf.num_extents; i++) {
        sfpm_extent_t *extent = &planned->leaf.extents[i];
        if (!(extent->kind & SFPM_EXTENT_UNPLACED))
            continue;
        extent->kind &= ~SFPM_EXTENT_UNPLACED;
        extent->offset += start;
        if (planned->chunks[extent->first / SFPM_CHUNK_PAGES].twin)
            continue;
        const uint8_t *bytes = sfpm_plan_page(plan, planned, extent->first);
        if (!bytes)
            return false;
        if (!sfpm_output_write(output, bytes, extent->length))
            return false;
    }
    return true;
}

static bool write_pieces(sfpm_plan_t *plan, sfpm_output_t *output)
{
    if (plan->pieces_size == 0)
        return true;
    if (!sfpm_write_record_start(output, SFPM_RECORD_DATA, 0, plan->pieces_size, 0))
        return false;
    uint64_t start = sfpm_output_offset(output);
    for (size_t i = 0; i < plan->num_leaves; i++)
        if (!write_leaf_pieces(plan, plan->leaves[i], start, output))
            return false;
    return sfpm_write_record_end(output);
}

/* ---- leaves and index ---- */

static bool has_new_data(const sfpm_planned_leaf_t *planned)
{
    for (uint32_t i = 0; i < planned->leaf.num_chunks; i++)
        if (planned->chunks[i].pages || planned->chunks[i].pieces ||
            planned->chunks[i].packed)
            return true;
    return false;
}

/* The old leaf serves again when it says the same: equal contents, nothing new. */
static bool reuse_leaf(const sfpm_edit_t *edit, const sfpm_planned_leaf_t *planned,
                       sfpm_leaf_ref_t *ref)
{
    const sfpm_source_t *source = &edit->sources[planned->region];
    const sfpm_region_t *old = source->old;
    uint64_t base = (uint64_t)planned->which * SFPM_LEAF_BYTES;
    if (!old || planned->which >= old->num_leaves || has_new_data(planned) ||
        sfpm_span(old->size, base, SFPM_LEAF_BYTES) != planned->size ||
        memcmp(old->leaves[planned->which].digest, ref->digest, SFPM_DIGEST_SIZE) != 0)
        return false;
    if (edit->delta)
        ref->offset = SFPM_LEAF_BASE;
    else
        *ref = source->old_leaves ? source->old_refs[planned->which]
                                  : old->leaves[planned->which];
    return true;
}

/* A record whose payload is sealed when the image is. */
static bool write_boxed(sfpm_plan_t *plan, uint32_t type, uint32_t kind,
                        sfpm_buffer_t *bytes, sfpm_output_t *output)
{
    size_t size = bytes->size;
    uint64_t place = sfpm_output_offset(output) + SFPM_RECORD_SIZE;
    if (!plan->edit->keys)
        return write_record(output, type, bytes->data, size);
    uint8_t *box = SFPM_NEW_N(uint8_t, size + SFPM_BOX_EXTRA);
    bool ok = box && sfpm_box_seal(&plan->sealer, kind, place, bytes->data, size, box) &&
              write_record(output, type, box, size + SFPM_BOX_EXTRA);
    /* What was written is what checksums and digests outside the boxes cover. */
    free(bytes->data);
    *bytes = (sfpm_buffer_t){box, size + SFPM_BOX_EXTRA, size + SFPM_BOX_EXTRA};
    return ok;
}

static bool write_leaf(sfpm_plan_t *plan, const sfpm_planned_leaf_t *planned,
                       sfpm_output_t *output)
{
    sfpm_region_t *region = &plan->edit->index.regions[planned->region];
    sfpm_leaf_ref_t *ref = &region->leaves[planned->which];
    sfpm_buffer_t bytes = {0};
    sfpm_leaf_digest(planned->leaf.sums, planned->leaf.num_chunks, ref->digest);
    ref->offset = SFPM_LEAF_ZERO;
    ref->sum = 0;
    if (planned->leaf.num_extents == 0 || reuse_leaf(plan->edit, planned, ref))
        return true;
    uint64_t offset = sfpm_output_offset(output);
    bool ok = sfpm_leaf_encode(&planned->leaf, &bytes) &&
              write_boxed(plan, SFPM_RECORD_LEAF, SFPM_BOX_LEAF, &bytes, output);
    if (ok) {
        ref->offset = offset;
        ref->sum = sfpm_checksum(bytes.data, bytes.size, 0);
    }
    sfpm_buffer_free(&bytes);
    return ok;
}

static bool write_leaves(sfpm_plan_t *plan, sfpm_output_t *output)
{
    for (size_t i = 0; i < plan->num_leaves; i++)
        if (!write_leaf(plan, plan->leaves[i], output))
            return false;
    sfpm_plan_place_shared(plan);
    sfpm_index_t *index = &plan->edit->index;
    for (size_t i = 0; i < index->num_regions; i++)
        if (!sfpm_region_digest(&index->regions[i], index->regions[i].digest))
            return false;
    return true;
}

static bool number_index(sfpm_edit_t *edit, const sfpm_trailer_t *trailer)
{
    sfpm_index_t *index = &edit->index;
    if (edit->keep_numbers)
        return true;
    index->number = trailer->number;
    index->parent = trailer->number > trailer->first ? edit->image->index.number : 0;
    if (!edit->undo)
        index->state_of = index->number;
    return sfpm_edit_stamp(edit);
}

/* Only the stored index of a sealed image says which commit is before it. */
static bool encode_index(sfpm_edit_t *edit, const sfpm_trailer_t *last,
                         sfpm_buffer_t *bytes)
{
    char before[SFPM_BINDING_TEXT];
    if (!edit->keys)
        return sfpm_index_encode(&edit->index, bytes);
    sfpm_binding_text(last, before);
    return sfpm_edit_set_attribute(edit, SFPM_BINDING_KEY, before) &&
           sfpm_index_encode(&edit->index, bytes) &&
           sfpm_edit_set_attribute(edit, SFPM_BINDING_KEY, NULL);
}

static bool write_index(sfpm_plan_t *plan, sfpm_trailer_t *trailer,
                        const sfpm_trailer_t *last, sfpm_output_t *output)
{
    sfpm_buffer_t bytes = {0};
    trailer->index_offset = sfpm_output_offset(output);
    bool ok = number_index(plan->edit, trailer) &&
              encode_index(plan->edit, last, &bytes) &&
              write_boxed(plan, SFPM_RECORD_INDEX, SFPM_BOX_INDEX, &bytes, output);
    if (ok)
        sfpm_digest(bytes.data, bytes.size, trailer->index_digest);
    sfpm_buffer_free(&bytes);
    return ok;
}

/* ---- the whole ---- */

/* Covers torn bytes before the commit: they stay, counted and checksummed. They are
 * filled up with 0xff, since zeros could complete a trailer that lost only zeros. */
static bool write_dead(const sfpm_edit_t *edit, const sfpm_trailer_t *last,
                       sfpm_trailer_t *trailer, sfpm_output_t *output)
{
    uint8_t bytes[SFPM_PAGE];
    uint64_t begin = trailer->begin;
    uint64_t size = sfpm_output_offset(output);
    uint64_t end = (size + SFPM_PAGE - 1) & ~(uint64_t)(SFPM_PAGE - 1);
    trailer->start = end;
    sfpm_dead_t dead = {begin, end - begin, 0, last->sum};
    sfpm_running_checksum_t *sum = sfpm_running_checksum_create();
    memset(bytes, 0xff, sizeof bytes);
    bool ok = sum && sfpm_output_write(output, bytes, (size_t)(end - size));
    for (uint64_t at = begin; ok && at < end;) {
        size_t stored = sfpm_span(size, at, sizeof bytes);
        size_t now = sfpm_span(end, at, sizeof bytes);
        memset(bytes + stored, 0xff, now - stored);
        ok = stored == 0 || sfpm_input_read(edit->image->input, at, bytes, stored);
        if (ok)
            sfpm_running_checksum_add(sum, bytes, now);
        at += now;
    }
    dead.sum = sum ? sfpm_running_checksum_value(sum) : 0;
    sfpm_running_checksum_destroy(sum);
    sfpm_dead_encode(&dead, bytes);
    return ok && write_record(output, SFPM_RECORD_DEAD, bytes, SFPM_DEAD_SIZE);
}

static bool start_trailer(sfpm_trailer_t *trailer, const sfpm_trailer_t *last)
{
    *trailer = (sfpm_trailer_t){
        .number = 1, .first = 1, .begin = SFPM_HEADER_SIZE, .start = SFPM_HEADER_SIZE};
    if (!last)
        return true;
    if (last->number == SFPM_COMMIT_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT, "commit %llu is the last possible one",
                         (unsigned long long)last->number);
    trailer->number = last->number + 1;
    trailer->first = last->first;
    trailer->begin = trailer->start = last->offset + SFPM_TRAILER_RECORD;
    trailer->previous_sum = last->sum;
    memcpy(trailer->id, last->id, SFPM_DIGEST_SIZE);
    return true;
}

static bool write_trailer(const sfpm_edit_t *edit, sfpm_trailer_t *trailer,
                          const sfpm_trailer_t *last, sfpm_output_t *output)
{
    uint8_t bytes[SFPM_TRAILER_RECORD];
    if (!last)
        memcpy(trailer->id, edit->known_id ? edit->known_id : trailer->index_digest,
               SFPM_DIGEST_SIZE);
    trailer->offset = sfpm_output_offset(output);
    sfpm_trailer_encode(trailer, bytes);
    /* The trailer must not reach the disk before what it vouches for. */
    return sfpm_output_sync(output) && sfpm_output_write(output, bytes, sizeof bytes) &&
           sfpm_output_sync(output);
}

static bool write_salt(sfpm_plan_t *plan, sfpm_output_t *output)
{
    uint8_t salt[SFPM_SALT_RECORD];
    const sfpm_keys_t *keys = plan->edit->keys;
    return !keys ||
           (sfpm_sealer_init(&plan->sealer, keys, sfpm_output_offset(output), salt) &&
            write_record(output, SFPM_RECORD_SALT, salt, sizeof salt));
}

bool sfpm_write_header(sfpm_edit_t *edit, sfpm_output_t *output)
{
    uint8_t bytes[SFPM_HEADER_SIZE], kdf[SFPM_KEYS_SIZE];
    sfpm_header_t header = {0};
    header.incompatible |= edit->keys ? SFPM_INCOMPATIBLE_SEALED : 0;
    header.incompatible |= edit->delta ? SFPM_INCOMPATIBLE_DELTA : 0;
    sfpm_header_encode(&header, bytes);
    if (!sfpm_output_write(output, bytes, sizeof bytes))
        return false;
    if (!edit->keys)
        return true;
    memcpy(edit->own_keys.header, bytes, sizeof bytes);
    sfpm_kdf_encode(&edit->own_keys.kdf, kdf);
    return write_record(output, SFPM_RECORD_KEYS, kdf, sizeof kdf);
}

bool sfpm_commit_write_planned(sfpm_plan_t *plan, sfpm_edit_t *edit,
                               const sfpm_trailer_t *last, sfpm_trailer_t *trailer,
                               sfpm_output_t *output)
{
    plan->edit = edit;
    if (!start_trailer(trailer, last))
        return false;
    if (edit->keep_numbers) {
        trailer->number = edit->index.number;
        trailer->first = last ? last->first : trailer->number;
    }
    /* Behind the header of a sealed image its KEYS record belongs to the first commit. */
    if (last && sfpm_output_offset(output) > trailer->begin &&
        !write_dead(edit, last, trailer, output))
        return false;
    return write_salt(plan, output) &&
           sfpm_plan_make(plan, edit, sfpm_output_offset(output)) &&
           sfpm_output_reserve(output, plan->num_pages * SFPM_PAGE) &&
           write_pages(plan, output) && write_pieces(plan, output) &&
           sfpm_plan_write_packed(plan, output) && write_leaves(plan, output) &&
           sfpm_state_digest(&edit->index, edit->digest) &&
           write_index(plan, trailer, last, output) &&
           write_trailer(edit, trailer, last, output);
}

bool sfpm_commit_write(sfpm_edit_t *edit, const sfpm_trailer_t *last,
                       sfpm_output_t *output)
{
    sfpm_plan_t plan = {0};
    sfpm_trailer_t trailer;
    bool ok = sfpm_commit_write_planned(&plan, edit, last, &trailer, output);
    sfpm_plan_free(&plan);
    if (ok)
        memcpy(edit->id, trailer.id, sizeof edit->id);
    return ok;
}
