/* SPDX-License-Identifier: MIT */
/* Encodes the index of a commit. */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "format/format.h"

static bool put_text(sfpm_buffer_t *bytes, const char *text)
{
    size_t length = strlen(text);
    return sfpm_buffer_add_u32(bytes, (uint32_t)length) &&
           sfpm_buffer_add(bytes, text, length);
}

static bool put_leaf_ref(sfpm_buffer_t *bytes, const sfpm_leaf_ref_t *ref)
{
    return sfpm_buffer_add_u64(bytes, ref->offset) &&
           sfpm_buffer_add_u64(bytes, ref->sum) &&
           sfpm_buffer_add(bytes, ref->digest, SFPM_DIGEST_SIZE);
}

static bool put_region(sfpm_buffer_t *bytes, const sfpm_region_t *region)
{
    if (!put_text(bytes, region->name) || !sfpm_buffer_add_u64(bytes, region->size) ||
        !sfpm_buffer_add_u32(bytes, region->flags) ||
        !sfpm_buffer_add_u32(bytes, region->base) ||
        !sfpm_buffer_add_u64(bytes, region->address) ||
        !sfpm_buffer_add(bytes, region->digest, SFPM_DIGEST_SIZE))
        return false;
    for (size_t i = 0; i < region->num_leaves; i++)
        if (!put_leaf_ref(bytes, &region->leaves[i]))
            return false;
    return true;
}

static bool put_fixed(sfpm_buffer_t *bytes, const sfpm_index_t *index)
{
    uint8_t *to = sfpm_buffer_extend(bytes, SFPM_INDEX_FIXED);
    if (!to)
        return false;
    memset(to, 0, SFPM_INDEX_FIXED);
    sfpm_put_u64(to, index->number);
    sfpm_put_u64(to + 8, index->parent);
    sfpm_put_u64(to + 16, index->state_of);
    sfpm_put_u64(to + 24, (uint64_t)index->seconds);
    sfpm_put_u32(to + 32, index->nanoseconds);
    sfpm_put_u32(to + 36, index->bytecode);
    sfpm_put_u64(to + 40, index->schema);
    sfpm_put_u32(to + 48, (uint32_t)index->attributes.count);
    sfpm_put_u32(to + 52, (uint32_t)index->num_regions);
    sfpm_put_u32(to + 56, index->codec);
    sfpm_put_u32(to + 60, (uint32_t)index->level);
    sfpm_put_u64(to + 64, index->base_number);
    memcpy(to + 72, index->base_digest, SFPM_DIGEST_SIZE);
    return true;
}

bool sfpm_index_encode(sfpm_index_t *index, sfpm_buffer_t *bytes)
{
    sfpm_attributes_drop_removed(&index->attributes);
    if (index->num_regions > UINT32_MAX || index->attributes.count > UINT32_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "too many regions or attributes (at most 4,294,967,295)");
    if (!put_fixed(bytes, index))
        return false;
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++)
        if (!put_text(bytes, index->texts[i]))
            return false;
    for (size_t i = 0; i < index->attributes.count; i++)
        if (!put_text(bytes, index->attributes.list[i].key) ||
            !put_text(bytes, index->attributes.list[i].value))
            return false;
    for (size_t i = 0; i < index->num_regions; i++)
        if (!put_region(bytes, &index->regions[i]))
            return false;
    return true;
}
