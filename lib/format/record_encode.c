/* SPDX-License-Identifier: MIT */
/* Encodes the head of a record, and the contents of a DEAD record. */
#include "base/bytes.h"
#include "format/format.h"

void sfpm_record_encode(const sfpm_record_t *record, uint64_t offset,
                        uint8_t bytes[SFPM_RECORD_SIZE])
{
    sfpm_put_u32(bytes, record->type);
    sfpm_put_u32(bytes + 4, record->lead);
    sfpm_put_u64(bytes + 8, record->length);
    sfpm_put_u64(bytes + 16, record->sum);
    sfpm_put_u64(bytes + 24, sfpm_checksum(bytes, 24, offset));
}

void sfpm_dead_encode(const sfpm_dead_t *dead, uint8_t bytes[SFPM_DEAD_SIZE])
{
    sfpm_put_u64(bytes, dead->begin);
    sfpm_put_u64(bytes + 8, dead->length);
    sfpm_put_u64(bytes + 16, dead->sum);
    sfpm_put_u64(bytes + 24, dead->previous_sum);
}
