/* SPDX-License-Identifier: MIT */
/*
 * Reads records and follows the chain of trailers. A torn tail, what a crash left behind
 * the last whole commit, is detected here by walking the records forward.
 */
#include "image/log.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

static bool lies_within(const sfpm_input_t *input, uint64_t offset,
                        const sfpm_record_t *record, uint64_t *end)
{
    char name[5];
    if (sfpm_record_end(record, offset, end) && *end <= sfpm_input_size(input))
        return true;
    return sfpm_fail_at(SFPM_ERR_TRUNCATED, offset,
                        "the %s record at offset %llu extends beyond the end of the file",
                        sfpm_record_type_name(record->type, name),
                        (unsigned long long)offset);
}

bool sfpm_record_read(const sfpm_input_t *input, uint64_t offset, sfpm_record_t *record,
                      uint64_t *end)
{
    uint8_t bytes[SFPM_RECORD_SIZE];
    return sfpm_input_read(input, offset, bytes, sizeof bytes) &&
           sfpm_record_decode(bytes, offset, record) &&
           lies_within(input, offset, record, end);
}

bool sfpm_record_check(const sfpm_input_t *input, uint64_t offset,
                       const sfpm_record_t *record, uint32_t type, uint64_t limit)
{
    uint64_t end;
    char name[5];
    if (!lies_within(input, offset, record, &end))
        return false;
    if (record->type != type)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset, "no %s record at offset %llu",
                            sfpm_record_type_name(type, name),
                            (unsigned long long)offset);
    if (record->length <= limit && record->length <= SIZE_MAX / 2)
        return true;
    sfpm_fail_at(SFPM_ERR_LIMIT, offset,
                 "the %s record at offset %llu is %llu bytes long, which exceeds the "
                 "memory limit of %llu",
                 sfpm_record_type_name(type, name), (unsigned long long)offset,
                 (unsigned long long)record->length, (unsigned long long)limit);
    return sfpm_fail_remedy(SFPM_REMEDY_MORE_MEMORY);
}

bool sfpm_record_check_sum(uint64_t offset, const sfpm_record_t *record,
                           const uint8_t *payload)
{
    char name[5];
    return sfpm_checksum(payload, (size_t)record->length, 0) == record->sum ||
           sfpm_fail_at(SFPM_ERR_CHECKSUM, offset,
                        "the %s record at offset %llu is damaged (checksum mismatch)",
                        sfpm_record_type_name(record->type, name),
                        (unsigned long long)offset);
}

bool sfpm_record_load(const sfpm_input_t *input, uint64_t offset, uint32_t type,
                      uint64_t limit, sfpm_record_t *record, uint8_t **payload)
{
    uint8_t bytes[SFPM_RECORD_SIZE];
    *payload = NULL;
    if (!sfpm_input_read(input, offset, bytes, sizeof bytes) ||
        !sfpm_record_decode(bytes, offset, record) ||
        !sfpm_record_check(input, offset, record, type, limit))
        return false;
    *payload = SFPM_NEW_N(uint8_t, (size_t)record->length);
    if (!*payload)
        return false;
    if (sfpm_input_read(input, offset + SFPM_RECORD_SIZE, *payload,
                        (size_t)record->length) &&
        sfpm_record_check_sum(offset, record, *payload))
        return true;
    free(*payload);
    *payload = NULL;
    return false;
}

bool sfpm_check_zeros(const sfpm_input_t *input, uint64_t offset, uint64_t size)
{
    uint8_t bytes[SFPM_PAGE];
    static const uint8_t zeros[SFPM_PAGE];
    while (size > 0) {
        size_t now = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (!sfpm_input_read(input, offset, bytes, now))
            return false;
        if (memcmp(bytes, zeros, now) != 0)
            return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                                "padding at offset %llu is not zero",
                                (unsigned long long)offset);
        offset += now;
        size -= now;
    }
    return true;
}

/* ---- the chain of trailers ---- */

bool sfpm_log_is_oldest(const sfpm_trailer_t *trailer)
{
    return trailer->begin == SFPM_HEADER_SIZE;
}

static bool trailer_read(const sfpm_input_t *input, uint64_t offset,
                         sfpm_trailer_t *trailer)
{
    uint8_t bytes[SFPM_TRAILER_RECORD];
    return sfpm_input_read(input, offset, bytes, sizeof bytes) &&
           sfpm_trailer_decode(bytes, offset, trailer);
}

/* Whether `next` is the trailer that was written after `previous`. */
static bool follows(const sfpm_trailer_t *previous, const sfpm_trailer_t *next)
{
    return next->begin == previous->offset + SFPM_TRAILER_RECORD &&
           next->previous_sum == previous->sum && next->number == previous->number + 1 &&
           next->first == previous->first &&
           memcmp(next->id, previous->id, SFPM_DIGEST_SIZE) == 0;
}

bool sfpm_log_previous(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                       sfpm_trailer_t *previous)
{
    sfpm_trailer_t found;
    if (trailer->begin < SFPM_HEADER_SIZE + SFPM_TRAILER_RECORD)
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, trailer->offset,
            "the trailer at offset %llu leaves no room for the one before it",
            (unsigned long long)trailer->offset);
    if (!trailer_read(input, trailer->begin - SFPM_TRAILER_RECORD, &found))
        return false;
    if (!follows(&found, trailer))
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, trailer->offset,
            "the trailer at offset %llu does not follow the one before it",
            (unsigned long long)trailer->offset);
    *previous = found;
    return true;
}

/* Whether the call that just failed did so because of the system, and not because of the
 * contents of the file: then nothing is known about the file. */
static bool machine_failed(void)
{
    return sfpm_last_status() == SFPM_ERR_SYSTEM || sfpm_last_status() == SFPM_ERR_MEMORY;
}

/* A walk over the records of a file whose last bytes are no trailer. */
typedef struct walk {
    const sfpm_input_t *input;
    bool any;            /* a whole commit was found */
    sfpm_trailer_t last; /* the last one */
    bool failed;         /* the system failed: the walk has no result */
    uint64_t budget;     /* records that may still be looked at */
} walk_t;

/* The end of a walk by a call that failed. */
static bool stop(walk_t *walk)
{
    walk->failed = machine_failed();
    return false;
}

/* Follows records from `start` to a trailer that continues the chain. `begin` is
 * where the commit begins, which lies before `start` when dead bytes do. A DEAD
 * record further on says that all before it was torn. */
static bool walk_commit(walk_t *walk, uint64_t begin, uint64_t start)
{
    sfpm_record_t record;
    sfpm_trailer_t trailer;
    uint64_t offset = start, end;
    while (!walk->failed && walk->budget > 0) {
        walk->budget--;
        if (!sfpm_record_read(walk->input, offset, &record, &end))
            return stop(walk);
        if (record.type == SFPM_RECORD_DEAD && offset != start)
            return false;
        if (record.type != SFPM_RECORD_TRAILER) {
            offset = end;
            continue;
        }
        if (!trailer_read(walk->input, offset, &trailer))
            return stop(walk);
        if (trailer.begin != begin || trailer.start != start ||
            (walk->any ? !follows(&walk->last, &trailer) : !sfpm_log_is_oldest(&trailer)))
            return false;
        walk->last = trailer;
        walk->any = true;
        return true;
    }
    return false;
}

/* Whether a DEAD record at `offset` vouches for the bytes from `begin` up to it,
 * whose checksum is `sum`. */
static bool dead_record_at(walk_t *walk, uint64_t begin, uint64_t offset, uint64_t sum)
{
    uint8_t bytes[SFPM_RECORD_SIZE + SFPM_DEAD_SIZE];
    const uint8_t *payload = bytes + SFPM_RECORD_SIZE;
    sfpm_record_t record;
    sfpm_dead_t dead;
    if (!sfpm_in_range(offset, sizeof bytes, sfpm_input_size(walk->input)))
        return false;
    if (!sfpm_input_read(walk->input, offset, bytes, sizeof bytes))
        return stop(walk);
    if (!sfpm_record_decode(bytes, offset, &record) || record.type != SFPM_RECORD_DEAD ||
        record.length != SFPM_DEAD_SIZE ||
        record.sum != sfpm_checksum(payload, SFPM_DEAD_SIZE, 0))
        return false;
    sfpm_dead_decode(payload, &dead);
    return dead.begin == begin && dead.length == offset - begin && dead.sum == sum &&
           dead.previous_sum == (walk->any ? walk->last.sum : 0);
}

/* Behind torn bytes a later append starts at a page boundary with a DEAD record.
 * One pass keeps the checksum that such a record must hold, so that a hostile file
 * full of them costs no more than its length. */
static bool walk_over_dead(walk_t *walk, uint64_t begin)
{
    uint8_t bytes[SFPM_PAGE];
    uint64_t at = begin;
    bool found = false;
    if (walk->failed)
        return false;
    sfpm_running_checksum_t *sum = sfpm_running_checksum_create();
    if (!sum)
        return stop(walk);
    while (!walk->failed && !found) {
        uint64_t next = (at / SFPM_PAGE + 1) * SFPM_PAGE;
        if (next >= sfpm_input_size(walk->input))
            break;
        if (!sfpm_input_read(walk->input, at, bytes, (size_t)(next - at))) {
            stop(walk);
            break;
        }
        sfpm_running_checksum_add(sum, bytes, (size_t)(next - at));
        at = next;
        found = dead_record_at(walk, begin, at, sfpm_running_checksum_value(sum)) &&
                walk_commit(walk, begin, at);
    }
    sfpm_running_checksum_destroy(sum);
    return found;
}

/* A trailer in the bytes that the walk could not follow. */
typedef struct hidden {
    const walk_t *walk;
    uint64_t number; /* of the commit; 0: none was found */
    uint64_t offset;
} hidden_t;

static bool note_hidden(void *context, const sfpm_trailer_t *trailer)
{
    hidden_t *hidden = context;
    const walk_t *walk = hidden->walk;
    if (walk->any && (trailer->number <= walk->last.number ||
                      memcmp(trailer->id, walk->last.id, SFPM_DIGEST_SIZE) != 0))
        return true;
    hidden->number = trailer->number;
    hidden->offset = trailer->offset;
    return false;
}

/* An interrupted write leaves no trailer. If there is one after the last commit that can
 * be reached, its commit was once complete: the file is damaged, and going back to an
 * earlier commit silently would be wrong. */
static bool nothing_hidden(const walk_t *walk, uint64_t end)
{
    hidden_t hidden = {.walk = walk};
    if (sfpm_log_search(walk->input, end, note_hidden, &hidden))
        return true;
    if (hidden.number == 0)
        return false;
    sfpm_fail_at(SFPM_ERR_CORRUPT, end,
                 "the records after offset %llu are damaged, so commit %llu at offset %llu "
                 "cannot be reached",
                 (unsigned long long)end, (unsigned long long)hidden.number,
                 (unsigned long long)hidden.offset);
    return sfpm_fail_remedy(SFPM_REMEDY_SALVAGE);
}

static bool walk_from_start(const sfpm_input_t *input, sfpm_trailer_t *last)
{
    uint64_t size = sfpm_input_size(input);
    /* In a file that we wrote, no record is visited twice. */
    walk_t walk = {.input = input, .budget = size / SFPM_RECORD_SIZE};
    uint64_t begin = SFPM_HEADER_SIZE;
    while (begin < size &&
           (walk_commit(&walk, begin, begin) || walk_over_dead(&walk, begin)))
        begin = walk.last.offset + SFPM_TRAILER_RECORD;
    if (walk.failed || !nothing_hidden(&walk, begin))
        return false;
    if (!walk.any)
        return sfpm_fail_at(SFPM_ERR_TRUNCATED, size,
                            "the file ends at offset %llu before its first commit is "
                            "complete: it was never finished, or was truncated",
                            (unsigned long long)size);
    *last = walk.last;
    return true;
}

bool sfpm_log_last(const sfpm_input_t *input, sfpm_trailer_t *last)
{
    uint64_t size = sfpm_input_size(input);
    sfpm_trailer_t found, previous;
    if (size < SFPM_HEADER_SIZE + SFPM_TRAILER_RECORD)
        return walk_from_start(input, last);
    if (!trailer_read(input, size - SFPM_TRAILER_RECORD, &found))
        return !machine_failed() && walk_from_start(input, last);
    if (!sfpm_log_is_oldest(&found) && !sfpm_log_previous(input, &found, &previous))
        return false;
    *last = found;
    return true;
}

bool sfpm_log_index(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                    uint64_t max_memory, uint8_t **payload, size_t *length)
{
    sfpm_record_t record;
    uint8_t digest[SFPM_DIGEST_SIZE];
    uint64_t end = 0;
    if (!sfpm_record_load(input, trailer->index_offset, SFPM_RECORD_INDEX, max_memory,
                          &record, payload))
        return false;
    *length = (size_t)record.length;
    sfpm_digest(*payload, *length, digest);
    if (sfpm_record_end(&record, trailer->index_offset, &end) && end == trailer->offset &&
        memcmp(digest, trailer->index_digest, SFPM_DIGEST_SIZE) == 0)
        return true;
    free(*payload);
    *payload = NULL;
    return sfpm_fail_at(SFPM_ERR_CORRUPT, trailer->index_offset,
                        "the index at offset %llu does not match its trailer",
                        (unsigned long long)trailer->index_offset);
}
