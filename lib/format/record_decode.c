/* SPDX-License-Identifier: MIT */
/* Decodes the head of a record, and the contents of a DEAD record. */
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "format/format.h"

const char *sfpm_record_type_name(uint32_t type, char name[5])
{
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)(type >> (8 * i));
        name[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    name[4] = '\0';
    return name;
}

static bool known_type(uint32_t type)
{
    return type == SFPM_RECORD_DATA || type == SFPM_RECORD_LEAF ||
           type == SFPM_RECORD_INDEX || type == SFPM_RECORD_TRAILER ||
           type == SFPM_RECORD_DEAD || type == SFPM_RECORD_KEYS ||
           type == SFPM_RECORD_SALT;
}

bool sfpm_record_decode(const uint8_t bytes[SFPM_RECORD_SIZE], uint64_t offset,
                        sfpm_record_t *record)
{
    char name[5];
    if (offset % SFPM_RECORD_ALIGN != 0)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                            "invalid record offset %llu: must be a multiple of %d",
                            (unsigned long long)offset, SFPM_RECORD_ALIGN);
    if (sfpm_get_u64(bytes + 24) != sfpm_checksum(bytes, 24, offset))
        return sfpm_fail_at(SFPM_ERR_CHECKSUM, offset,
                            "the record at offset %llu is damaged (checksum mismatch)",
                            (unsigned long long)offset);
    record->type = sfpm_get_u32(bytes);
    record->lead = sfpm_get_u32(bytes + 4);
    record->length = sfpm_get_u64(bytes + 8);
    record->sum = sfpm_get_u64(bytes + 16);
    if (!known_type(record->type))
        return sfpm_fail_at(
            SFPM_ERR_UNSUPPORTED, offset, "unknown record type '%s' at offset %llu",
            sfpm_record_type_name(record->type, name), (unsigned long long)offset);
    bool data = record->type == SFPM_RECORD_DATA;
    if (data ? record->lead >= SFPM_PAGE : record->lead != 0)
        return sfpm_fail_at(
            SFPM_ERR_CORRUPT, offset, "the %s record at offset %llu has invalid fields",
            sfpm_record_type_name(record->type, name), (unsigned long long)offset);
    return true;
}

bool sfpm_record_end(const sfpm_record_t *record, uint64_t offset, uint64_t *end)
{
    uint64_t at;
    return sfpm_add_u64(offset, SFPM_RECORD_SIZE, &at) &&
           sfpm_add_u64(at, record->lead, &at) && sfpm_add_u64(at, record->length, &at) &&
           sfpm_align_up(at, SFPM_RECORD_ALIGN, end);
}

void sfpm_dead_decode(const uint8_t bytes[SFPM_DEAD_SIZE], sfpm_dead_t *dead)
{
    dead->begin = sfpm_get_u64(bytes);
    dead->length = sfpm_get_u64(bytes + 8);
    dead->sum = sfpm_get_u64(bytes + 16);
    dead->previous_sum = sfpm_get_u64(bytes + 24);
}
