/* SPDX-License-Identifier: MIT */
/* Reads the original layout, version 1: it has no checksums, so only bounds are checked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "image/image.h"
#include "format/v1.h"

bool sfpm_v1_recognise(const uint8_t *bytes, size_t size)
{
    return size >= 4 && sfpm_get_u32(bytes) == SFPM_V1_MAGIC;
}

static bool too_short(uint64_t offset, const char *what)
{
    return sfpm_fail_at(SFPM_ERR_TRUNCATED, offset,
                        "the version 1 image ends at offset %llu inside %s",
                        (unsigned long long)offset, what);
}

static bool get_metadata(const uint8_t *bytes, sfpm_index_t *index, uint64_t *total)
{
    const uint8_t *metadata = bytes + 4;
    if (sfpm_get_u32(metadata) != 1)
        return sfpm_fail_at(
            SFPM_ERR_UNSUPPORTED, 4,
            "unsupported version %lu of the original layout (only 1 exists)",
            (unsigned long)sfpm_get_u32(metadata));
    index->number = index->state_of = 1;
    index->seconds = sfpm_to_i64(sfpm_get_u64(metadata + 8));
    *total = sfpm_get_u64(metadata + 16);
    index->num_regions = sfpm_get_u32(metadata + 24);
    const char *text = (const char *)metadata + 28;
    size_t length = strnlen(text, SFPM_V1_DESCRIPTION);
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++) {
        index->texts[i] = SFPM_NEW_N(char, SFPM_V1_DESCRIPTION + 1);
        if (!index->texts[i])
            return false;
    }
    memcpy(index->texts[SFPM_TEXT_DESCRIPTION], text, length);
    return true;
}

/* A name may have been written with its terminating zero. */
static bool get_name(const sfpm_input_t *input, uint64_t offset, uint32_t length,
                     sfpm_region_t *region)
{
    if (length > SFPM_TEXT_MAX)
        return sfpm_fail_at(SFPM_ERR_LIMIT, offset,
                            "a region name of %lu bytes at offset %llu is too long",
                            (unsigned long)length, (unsigned long long)offset);
    if (!sfpm_in_range(offset, length, sfpm_input_size(input)))
        return too_short(sfpm_input_size(input), "a region's name");
    region->name = SFPM_NEW_N(char, (size_t)length + 1);
    return region->name && sfpm_input_read(input, offset, region->name, length);
}

static bool get_region(const sfpm_input_t *input, uint64_t *at, sfpm_region_t *region,
                       uint64_t *data)
{
    uint8_t fixed[SFPM_V1_REGION];
    uint64_t size = sfpm_input_size(input);
    if (!sfpm_in_range(*at, sizeof fixed, size))
        return too_short(size, "the region table");
    if (!sfpm_input_read(input, *at, fixed, sizeof fixed))
        return false;
    region->size = sfpm_get_u64(fixed);
    region->flags = fixed[8] ? SFPM_REGION_DYNAMIC : 0;
    uint32_t length = sfpm_get_u32(fixed + 9);
    if (!get_name(input, *at + sizeof fixed, length, region))
        return false;
    *data = *at + sizeof fixed + length;
    if (!sfpm_in_range(*data, region->size, size))
        return sfpm_fail_at(
            SFPM_ERR_TRUNCATED, *data,
            "region '%s' of %llu bytes at offset %llu extends beyond the end of the file",
            region->name, (unsigned long long)region->size, (unsigned long long)*data);
    *at = *data + region->size;
    return true;
}

static bool get_regions(const sfpm_input_t *input, uint64_t total, sfpm_index_t *index,
                        uint64_t *offsets)
{
    uint64_t at = SFPM_V1_HEADER, sum = 0;
    for (size_t i = 0; i < index->num_regions; i++) {
        if (!get_region(input, &at, &index->regions[i], &offsets[i]))
            return false;
        sum += index->regions[i].size; /* each lies in the file: no overflow */
    }
    if (sum != total)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, 20,
                            "the version 1 header says that the regions have %llu bytes, "
                            "but they have %llu",
                            (unsigned long long)total, (unsigned long long)sum);
    if (at != sfpm_input_size(input))
        return sfpm_fail_at(SFPM_ERR_CORRUPT, at,
                            "the version 1 image has trailing bytes after its last "
                            "region, at offset %llu",
                            (unsigned long long)at);
    return true;
}

bool sfpm_v1_decode(const sfpm_input_t *input, uint64_t max_memory, sfpm_index_t *index,
                    uint64_t **offsets)
{
    uint8_t bytes[SFPM_V1_HEADER];
    uint64_t size = sfpm_input_size(input), total = 0;
    *index = (sfpm_index_t){0};
    *offsets = NULL;
    if (size < sizeof bytes)
        return too_short(size, "its header");
    if (!sfpm_input_read(input, 0, bytes, sizeof bytes) ||
        !get_metadata(bytes, index, &total))
        goto fail;
    if (index->num_regions > (size - SFPM_V1_HEADER) / SFPM_V1_REGION ||
        index->num_regions > max_memory / sizeof(sfpm_region_t)) {
        sfpm_fail_at(SFPM_ERR_CORRUPT, 28, "%zu regions do not fit into the file",
                     index->num_regions);
        goto fail;
    }
    index->regions = SFPM_NEW_N(sfpm_region_t, index->num_regions);
    *offsets = SFPM_NEW_N(uint64_t, index->num_regions);
    if (index->regions && *offsets &&
        get_regions(input, total, index, *offsets))
        return true;
fail:
    sfpm_index_free(index);
    free(*offsets);
    *offsets = NULL;
    return false;
}
