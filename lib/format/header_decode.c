/* SPDX-License-Identifier: MIT */
/*
 * Decodes the header of an image, and says in this order whether it is an image, intact,
 * supported and consistent.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/format.h"

static bool check_features(uint64_t incompatible)
{
    uint64_t unknown = incompatible & ~SFPM_INCOMPATIBLE_KNOWN;
    if (!unknown)
        return true;
    if (unknown & SFPM_INCOMPATIBLE_DRAFT)
        return sfpm_fail_at(SFPM_ERR_UNSUPPORTED, 24,
                            "has the incompatible feature draft: it was written before "
                            "the format was frozen and cannot be read");
    unsigned bit = 0;
    while (!(unknown >> bit & 1))
        bit++;
    return sfpm_fail_at(
        SFPM_ERR_UNSUPPORTED, 24,
        "requires the unknown incompatible feature %u (bits 0x%llx): use a newer sfpm",
        bit, (unsigned long long)unknown);
}

/* In this order: is it ours, is it intact, is it too new, does it make sense. */
bool sfpm_header_decode(const uint8_t bytes[SFPM_HEADER_SIZE], sfpm_header_t *header)
{
    static const uint8_t zeros[21];
    if (memcmp(bytes, SFPM_MAGIC, SFPM_MAGIC_SIZE) != 0)
        return sfpm_fail_at(SFPM_ERR_NOT_IMAGE, 0,
                            "not an sfpm image (bad magic 0x%08lx)",
                            (unsigned long)sfpm_get_u32(bytes));
    if (sfpm_get_u64(bytes + 56) != sfpm_checksum(bytes, 56, 0))
        return sfpm_fail_at(SFPM_ERR_CHECKSUM, 0,
                            "the header is damaged (checksum mismatch at offset 0)");
    if (sfpm_get_u32(bytes + 8) != SFPM_FORMAT_VERSION)
        return sfpm_fail_at(
            SFPM_ERR_UNSUPPORTED, 8,
            "format version %lu is not supported (this sfpm reads 1 and %d)",
            (unsigned long)sfpm_get_u32(bytes + 8), SFPM_FORMAT_VERSION);
    if (!check_features(sfpm_get_u64(bytes + 24)))
        return false;
    if (sfpm_get_u32(bytes + 12) != SFPM_HEADER_SIZE || bytes[32] != SFPM_PAGE_SHIFT ||
        bytes[33] != SFPM_CHUNK_SHIFT || bytes[34] != SFPM_LEAF_SHIFT ||
        memcmp(bytes + 35, zeros, sizeof zeros) != 0)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, 12,
                            "the header has invalid sizes or reserved bytes");
    header->compatible = sfpm_get_u64(bytes + 16);
    header->incompatible = sfpm_get_u64(bytes + 24);
    return true;
}
