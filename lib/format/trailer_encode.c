/* SPDX-License-Identifier: MIT */
/* Encodes a trailer, the record that makes a commit valid. */
#include <string.h>

#include "base/bytes.h"
#include "format/format.h"

void sfpm_trailer_encode(sfpm_trailer_t *trailer, uint8_t bytes[SFPM_TRAILER_RECORD])
{
    uint8_t *payload = bytes + SFPM_RECORD_SIZE;
    memcpy(payload, trailer->id, SFPM_DIGEST_SIZE);
    sfpm_put_u64(payload + 16, trailer->offset);
    sfpm_put_u64(payload + 24, trailer->number);
    sfpm_put_u64(payload + 32, trailer->first);
    sfpm_put_u64(payload + 40, trailer->begin);
    sfpm_put_u64(payload + 48, trailer->previous_sum);
    sfpm_put_u64(payload + 56, trailer->index_offset);
    memcpy(payload + 64, trailer->index_digest, SFPM_DIGEST_SIZE);
    sfpm_put_u64(payload + 80, trailer->start);
    trailer->sum = sfpm_checksum(payload, SFPM_TRAILER_SIZE, 0);
    sfpm_record_t record = {
        .type = SFPM_RECORD_TRAILER, .length = SFPM_TRAILER_SIZE, .sum = trailer->sum};
    sfpm_record_encode(&record, trailer->offset, bytes);
}
