/* SPDX-License-Identifier: MIT */
/*
 * Reads every byte. Commits tile the file from the header to the last trailer, so
 * walking the chain of trailers backwards reaches all of them; within a commit,
 * records tile it, and the bytes of DATA records must be covered by extents.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "image/check.h"

bool sfpm_check_fault(sfpm_check_t *check)
{
    sfpm_error_state_t error;
    sfpm_error_save(&error);
    if (!check->failed)
        check->first = error;
    check->failed = true;
    if (check->callback)
        check->callback(check->context, error.status, error.offset, error.message);
    /* Without memory the check ends; other faults are collected. */
    return error.status != SFPM_ERR_MEMORY && check->callback;
}

/* ---- the records of one commit ---- */

static bool check_padding(sfpm_check_t *check, const sfpm_record_t *record,
                          uint64_t offset, uint64_t end)
{
    uint64_t start = offset + SFPM_RECORD_SIZE;
    uint64_t payload_end = start + record->lead + record->length;
    return sfpm_check_zeros(check->image->input, start, record->lead) &&
           sfpm_check_zeros(check->image->input, payload_end, end - payload_end);
}

static bool check_payload(sfpm_check_t *check, uint64_t offset)
{
    sfpm_record_t record;
    uint8_t *payload;
    uint64_t end;
    if (!sfpm_record_read(check->image->input, offset, &record, &end))
        return false;
    bool ok = sfpm_record_load(check->image->input, offset, record.type,
                               check->image->max_memory, &record, &payload);
    free(payload);
    return ok;
}

/* Packed data has a checksum of its own, so that damage shows without a key. */
static bool check_data_sum(sfpm_check_t *check, const sfpm_record_t *record,
                           uint64_t start)
{
    sfpm_running_checksum_t *sum = sfpm_running_checksum_create();
    bool ok = sum != NULL;
    for (uint64_t at = 0; ok && at < record->length; at += SFPM_CHUNK) {
        size_t now = sfpm_span(record->length, at, SFPM_CHUNK);
        ok = sfpm_input_read(check->image->input, start + at, check->scratch, now);
        if (ok)
            sfpm_running_checksum_add(sum, check->scratch, now);
    }
    if (ok && sfpm_running_checksum_value(sum) != record->sum)
        ok = sfpm_fail_at(SFPM_ERR_CHECKSUM, start,
                          "the data at offset %llu is damaged (checksum mismatch)",
                          (unsigned long long)start);
    sfpm_running_checksum_destroy(sum);
    return ok;
}

static bool check_record(sfpm_check_t *check, uint64_t offset,
                         const sfpm_record_t *record, uint64_t end)
{
    if (!check_padding(check, record, offset, end))
        return false;
    if (record->type != SFPM_RECORD_DATA)
        return check_payload(check, offset);
    uint64_t start = offset + SFPM_RECORD_SIZE + record->lead;
    if (record->sum == 0)
        return sfpm_ranges_add(&check->data, start, record->length);
    return sfpm_ranges_add(&check->packed, start, record->length) &&
           check_data_sum(check, record, start);
}

/* XXH3-64 of bytes of the file. */
static bool sum_range(const sfpm_input_t *input, uint64_t at, uint64_t end, uint64_t *sum)
{
    uint8_t *page = sfpm_new_block(SFPM_CHUNK);
    sfpm_running_checksum_t *running = sfpm_running_checksum_create();
    bool ok = page && running;
    while (ok && at < end) {
        size_t now = sfpm_span(end, at, SFPM_CHUNK);
        ok = sfpm_input_read(input, at, page, now);
        if (ok)
            sfpm_running_checksum_add(running, page, now);
        at += now;
    }
    *sum = ok ? sfpm_running_checksum_value(running) : 0;
    sfpm_running_checksum_destroy(running);
    free(page);
    return ok;
}

/* Dead bytes before the first record of a commit are those that it says. */
static bool check_dead(sfpm_check_t *check, const sfpm_trailer_t *trailer)
{
    const sfpm_input_t *input = check->image->input;
    sfpm_record_t record;
    sfpm_dead_t dead = {0};
    uint8_t *payload;
    uint64_t sum;
    if (!sfpm_record_load(input, trailer->start, SFPM_RECORD_DEAD, SFPM_DEAD_SIZE,
                          &record, &payload))
        return false;
    if (record.length == SFPM_DEAD_SIZE)
        sfpm_dead_decode(payload, &dead);
    free(payload);
    if (dead.begin != trailer->begin || dead.length != trailer->start - trailer->begin ||
        dead.previous_sum != trailer->previous_sum)
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, trailer->start,
            "the DEAD record at offset %llu does not match the bytes between the commits",
            (unsigned long long)trailer->start);
    if (!sum_range(input, trailer->begin, trailer->start, &sum))
        return false;
    return sum == dead.sum ||
           sfpm_fail_at(SFPM_ERR_CHECKSUM, trailer->begin,
                        "the dead bytes at offset %llu are damaged (checksum mismatch)",
                        (unsigned long long)trailer->begin);
}

/* Whether one must be here: in a sealed image it is a commit's first record except DEAD
 * and KEYS. `before` is the type of the record before in the commit, or 0. */
static bool salt_is_due(const sfpm_check_t *check, uint32_t before, uint32_t type)
{
    return check->image->keys.sealed && type != SFPM_RECORD_DEAD &&
           type != SFPM_RECORD_KEYS &&
           (before == 0 || before == SFPM_RECORD_DEAD || before == SFPM_RECORD_KEYS);
}

/* Whether a record of that type has a place here within its commit. */
static bool check_place(const sfpm_check_t *check, const sfpm_trailer_t *trailer,
                        uint32_t before, uint32_t type, uint64_t at, uint64_t end)
{
    char name[5];
    bool dead = trailer->start != trailer->begin && at == trailer->start;
    bool keys = check->image->keys.sealed && at == SFPM_HEADER_SIZE;
    bool ok = (type == SFPM_RECORD_DEAD) == dead && (type == SFPM_RECORD_KEYS) == keys &&
              (type == SFPM_RECORD_SALT) == salt_is_due(check, before, type) &&
              (type == SFPM_RECORD_INDEX) == (at == trailer->index_offset) &&
              type != SFPM_RECORD_TRAILER && end <= trailer->offset;
    return ok || sfpm_fail_at(SFPM_ERR_CORRUPT, at,
                              "the %s record at offset %llu is out of place",
                              sfpm_record_type_name(type, name), (unsigned long long)at);
}

static bool check_records(sfpm_check_t *check, const sfpm_trailer_t *trailer)
{
    const sfpm_input_t *input = check->image->input;
    sfpm_record_t record;
    uint64_t at = trailer->start, end;
    uint32_t before = 0;
    if (at != trailer->begin && !check_dead(check, trailer) && !sfpm_check_fault(check))
        return false;
    while (at < trailer->offset) {
        if (!sfpm_record_read(input, at, &record, &end) ||
            !check_place(check, trailer, before, record.type, at, end))
            return sfpm_check_fault(check); /* no way on within this commit */
        if (!check_record(check, at, &record, end) && !sfpm_check_fault(check))
            return false;
        sfpm_meter_add(&check->meter, end - at);
        before = record.type;
        at = end;
    }
    return true;
}

/* ---- what a commit's index names ---- */

/* The stored parts of one chunk; what they and its checksum are is its key among
 * those checked already. Returns false without memory. */
static bool note_extents(sfpm_check_t *check, const sfpm_region_t *region,
                         const sfpm_leaf_t *leaf, uint64_t position, bool *seen)
{
    enum { FIXED = 4, EACH = 3 };
    sfpm_extent_t cuts[SFPM_CHUNK_PAGES];
    uint32_t chunk = (uint32_t)(position % SFPM_LEAF_BYTES / SFPM_CHUNK);
    uint64_t key[FIXED + EACH * SFPM_CHUNK_PAGES] = {
        leaf->sums[chunk], sfpm_span(region->size, position, SFPM_CHUNK)};
    size_t n = sfpm_chunk_extents(leaf, chunk, cuts);
    for (size_t i = 0; i < n; i++) {
        uint64_t *each = key + FIXED + EACH * i;
        each[0] = cuts[i].offset;
        uint32_t first = cuts[i].first % SFPM_CHUNK_PAGES;
        each[1] = (uint64_t)cuts[i].length << 32 | first << 16 | cuts[i].pages;
        each[2] = (uint64_t)cuts[i].kind << 32 | cuts[i].codec;
        if (cuts[i].kind == SFPM_EXTENT_BASE) { /* identified by the place in the base */
            key[2] = region->base;
            key[3] = position;
        }
    }
    *seen = sfpm_seen_add(&check->seen,
                          sfpm_checksum(key, (FIXED + EACH * n) * sizeof *key, 0));
    bool ok = true;
    for (size_t i = 0; ok && !*seen && i < n; i++)
        if (cuts[i].kind != SFPM_EXTENT_BASE)
            ok = sfpm_ranges_add(cuts[i].kind == SFPM_EXTENT_CHUNK ? &check->chunks
                                                                   : &check->used,
                                 cuts[i].offset, cuts[i].length);
    return ok;
}

static bool check_chunk(sfpm_check_t *check, const sfpm_region_t *region,
                        const sfpm_leaf_t *leaf, uint32_t chunk, uint64_t base)
{
    uint64_t position = base + (uint64_t)chunk * SFPM_CHUNK;
    bool seen;
    if (!note_extents(check, region, leaf, position, &seen))
        return sfpm_check_fault(check);
    if (seen)
        return true;
    sfpm_meter_add(&check->meter, sfpm_span(region->size, position, SFPM_CHUNK));
    return sfpm_chunk_read(&check->reader, region, position, check->scratch) ||
           sfpm_check_fault(check);
}

static bool check_leaf(sfpm_check_t *check, const sfpm_region_t *region, size_t which)
{
    const sfpm_leaf_t *leaf = sfpm_reader_leaf(&check->reader, region, which);
    if (!leaf)
        return sfpm_check_fault(check);
    for (uint32_t chunk = 0; chunk < leaf->num_chunks; chunk++)
        if (!check_chunk(check, region, leaf, chunk, (uint64_t)which * SFPM_LEAF_BYTES))
            return false;
    return true;
}

/* A leaf that was already checked at the same place is not checked again. Leaves of the
 * base image are identified by their place there. */
static bool seen_before(sfpm_check_t *check, const sfpm_region_t *region, size_t which)
{
    const sfpm_leaf_ref_t *ref = &region->leaves[which];
    uint64_t base = (uint64_t)which * SFPM_LEAF_BYTES;
    uint64_t key[7] = {ref->offset, ref->sum,
                       sfpm_span(region->size, base, SFPM_LEAF_BYTES)};
    memcpy(key + 3, ref->digest, SFPM_DIGEST_SIZE);
    if (region->base != 0) {
        key[5] = region->base;
        key[6] = which;
    }
    return sfpm_seen_add(&check->seen, sfpm_checksum(key, sizeof key, 0));
}

static bool check_region(sfpm_check_t *check, const sfpm_region_t *region)
{
    for (size_t which = 0; which < region->num_leaves; which++)
        if (!seen_before(check, region, which) && !check_leaf(check, region, which))
            return false;
    return true;
}

/* Once commits of a sealed image name the one before, all later ones do. */
static bool check_bound(sfpm_check_t *check, const sfpm_trailer_t *trailer, bool bound)
{
    bool ok = !bound || !check->unbound;
    check->unbound = check->image->keys.sealed && !bound;
    return ok || sfpm_fail_at(SFPM_ERR_CORRUPT, trailer->index_offset,
                              "commit %llu is not bound to the commit before it, but "
                              "commit %llu is",
                              (unsigned long long)trailer->number + 1,
                              (unsigned long long)trailer->number);
}

static bool check_state(sfpm_check_t *check, const sfpm_trailer_t *trailer)
{
    sfpm_index_t index;
    if (!sfpm_image_index(check->image, trailer, &index))
        return sfpm_check_fault(check);
    bool go_on = check_bound(check, trailer, index.bound) || sfpm_check_fault(check);
    for (size_t i = 0; go_on && i < index.num_regions; i++)
        go_on = check_region(check, &index.regions[i]);
    /* The reader's leaf belongs to a region that is about to be freed. */
    sfpm_reader_free(&check->reader);
    sfpm_reader_init(&check->reader, check->image);
    sfpm_index_free(&index);
    return go_on;
}

/* ---- the whole ---- */

static bool check_commits(sfpm_check_t *check)
{
    sfpm_trailer_t at = check->image->last;
    check->scratch = sfpm_new_block(SFPM_CHUNK);
    bool go_on = check->scratch != NULL || sfpm_check_fault(check);
    while (go_on) {
        go_on = check_records(check, &at) && check_state(check, &at);
        if (!go_on || sfpm_log_is_oldest(&at))
            break;
        if (!sfpm_log_previous(check->image->input, &at, &at)) {
            sfpm_check_fault(check);
            go_on = false;
        }
    }
    free(check->scratch);
    return go_on;
}

static bool check_tail(sfpm_check_t *check)
{
    if (check->image->info.torn == 0)
        return true;
    sfpm_fail_at(SFPM_ERR_TRUNCATED, check->image->last.offset + SFPM_TRAILER_RECORD,
                 "%s", check->image->warning);
    return sfpm_check_fault(check);
}

bool sfpm_image_check(sfpm_image_t *image, sfpm_fault_callback_t callback, void *context)
{
    sfpm_check_t check = {.image = image, .callback = callback, .context = context};
    if (!image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no image was given");
    if (image->info.format == 1)
        return true; /* opening has read and bounded all that can be checked */
    sfpm_reader_init(&check.reader, image);
    /* Records are read, and chunks once more, which may be larger than in the file. */
    sfpm_meter_start(&check.meter, &image->progress, 2 * image->info.size);
    /* The data that damaged leaves refer to is unknown, which is not a separate fault. */
    if (check_tail(&check) && check_commits(&check) && !check.failed &&
        !(sfpm_ranges_cover(&check.data, &check.used) &&
          sfpm_ranges_hold(&check.packed, &check.chunks)))
        sfpm_check_fault(&check);
    sfpm_ranges_free(&check.data);
    sfpm_ranges_free(&check.used);
    sfpm_ranges_free(&check.packed);
    sfpm_ranges_free(&check.chunks);
    sfpm_seen_free(&check.seen);
    sfpm_reader_free(&check.reader);
    if (check.failed)
        sfpm_error_restore(&check.first);
    else
        sfpm_meter_finish(&check.meter);
    return !check.failed;
}
