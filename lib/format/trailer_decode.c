/* SPDX-License-Identifier: MIT */
/*
 * Decodes a trailer, the record that makes a commit valid, and checks that its numbers
 * and offsets do not contradict each other.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/format.h"

static void load(const uint8_t *payload, sfpm_trailer_t *trailer)
{
    memcpy(trailer->id, payload, SFPM_DIGEST_SIZE);
    trailer->offset = sfpm_get_u64(payload + 16);
    trailer->number = sfpm_get_u64(payload + 24);
    trailer->first = sfpm_get_u64(payload + 32);
    trailer->begin = sfpm_get_u64(payload + 40);
    trailer->previous_sum = sfpm_get_u64(payload + 48);
    trailer->index_offset = sfpm_get_u64(payload + 56);
    memcpy(trailer->index_digest, payload + 64, SFPM_DIGEST_SIZE);
    trailer->start = sfpm_get_u64(payload + 80);
}

/* Dead bytes end at a page boundary; before the oldest commit there are none. */
static bool sensible_start(const sfpm_trailer_t *trailer, bool oldest)
{
    return trailer->start == trailer->begin ||
           (!oldest && trailer->start > trailer->begin &&
            trailer->start % SFPM_PAGE == 0);
}

/* Numbers and offsets that are always consistent in a file that we wrote. */
static bool sensible(const sfpm_trailer_t *trailer, uint64_t offset)
{
    bool oldest = trailer->begin == SFPM_HEADER_SIZE;
    return trailer->offset == offset && trailer->first >= 1 &&
           trailer->number <= SFPM_COMMIT_MAX &&
           (oldest ? trailer->number == trailer->first && trailer->previous_sum == 0
                   : trailer->number > trailer->first) &&
           trailer->begin >= SFPM_HEADER_SIZE && sensible_start(trailer, oldest) &&
           trailer->start <= trailer->index_offset && trailer->index_offset < offset;
}

bool sfpm_trailer_decode(const uint8_t bytes[SFPM_TRAILER_RECORD], uint64_t offset,
                         sfpm_trailer_t *trailer)
{
    sfpm_record_t record;
    const uint8_t *payload = bytes + SFPM_RECORD_SIZE;
    if (!sfpm_record_decode(bytes, offset, &record))
        return false;
    if (record.type != SFPM_RECORD_TRAILER || record.length != SFPM_TRAILER_SIZE)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset, "no trailer at offset %llu",
                            (unsigned long long)offset);
    if (record.sum != sfpm_checksum(payload, SFPM_TRAILER_SIZE, 0))
        return sfpm_fail_at(SFPM_ERR_CHECKSUM, offset,
                            "the trailer at offset %llu is damaged (checksum mismatch)",
                            (unsigned long long)offset);
    load(payload, trailer);
    trailer->sum = record.sum;
    if (!sensible(trailer, offset))
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                            "the trailer at offset %llu is inconsistent",
                            (unsigned long long)offset);
    return true;
}
