/* SPDX-License-Identifier: MIT */
/* The life cycle and digests of the index, which its encoder and decoder share. */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"

size_t sfpm_num_leaves(uint64_t size)
{
    return (size_t)(size / SFPM_LEAF_BYTES) + (size % SFPM_LEAF_BYTES != 0);
}

void sfpm_region_free(sfpm_region_t *region)
{
    free(region->name);
    free(region->leaves);
    *region = (sfpm_region_t){0};
}

bool sfpm_region_copy(const sfpm_region_t *from, sfpm_region_t *to)
{
    *to = *from;
    to->name = sfpm_copy_string(from->name);
    to->leaves = sfpm_copy_bytes(from->leaves, from->num_leaves * sizeof *from->leaves);
    if (to->name && to->leaves)
        return true;
    sfpm_region_free(to);
    return false;
}

void sfpm_index_free(sfpm_index_t *index)
{
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++)
        free(index->texts[i]);
    for (size_t i = 0; index->regions && i < index->num_regions; i++)
        sfpm_region_free(&index->regions[i]);
    sfpm_attributes_free(&index->attributes);
    free(index->regions);
    *index = (sfpm_index_t){0};
}

static bool copy_regions(const sfpm_index_t *from, sfpm_index_t *to)
{
    to->regions = SFPM_NEW_N(sfpm_region_t, from->num_regions);
    if (!to->regions)
        return false;
    for (size_t i = 0; i < from->num_regions; i++) {
        if (!sfpm_region_copy(&from->regions[i], &to->regions[i]))
            return false;
        to->num_regions = i + 1;
    }
    return true;
}

/* All fields are copied at once, so that none is forgotten; then those that are owned. */
bool sfpm_index_copy(const sfpm_index_t *from, sfpm_index_t *to)
{
    bool ok = true;
    *to = *from;
    memset(to->texts, 0, sizeof to->texts);
    to->attributes = (sfpm_attributes_t){0};
    to->regions = NULL;
    to->num_regions = 0;
    for (size_t i = 0; ok && i < SFPM_NUM_TEXTS; i++)
        ok = (to->texts[i] = sfpm_copy_string(from->texts[i])) != NULL;
    ok = ok && sfpm_attributes_copy(&to->attributes, &from->attributes) &&
         copy_regions(from, to);
    if (!ok)
        sfpm_index_free(to);
    return ok;
}

bool sfpm_region_digest(const sfpm_region_t *region, uint8_t digest[SFPM_DIGEST_SIZE])
{
    sfpm_buffer_t bytes = {0};
    bool ok = sfpm_buffer_add_u64(&bytes, region->size);
    for (size_t i = 0; ok && i < region->num_leaves; i++)
        ok = sfpm_buffer_add(&bytes, region->leaves[i].digest, SFPM_DIGEST_SIZE);
    if (ok)
        sfpm_digest(bytes.data, bytes.size, digest);
    sfpm_buffer_free(&bytes);
    return ok;
}

bool sfpm_state_digest(const sfpm_index_t *index, uint8_t digest[SFPM_DIGEST_SIZE])
{
    sfpm_buffer_t bytes = {0};
    bool ok = sfpm_buffer_add_u32(&bytes, (uint32_t)index->num_regions);
    for (size_t i = 0; ok && i < index->num_regions; i++) {
        const sfpm_region_t *region = &index->regions[i];
        ok = sfpm_buffer_add_u32(&bytes, (uint32_t)strlen(region->name)) &&
             sfpm_buffer_add(&bytes, region->name, strlen(region->name)) &&
             sfpm_buffer_add_u64(&bytes, region->size) &&
             sfpm_buffer_add_u32(&bytes, region->flags) &&
             sfpm_buffer_add(&bytes, region->digest, SFPM_DIGEST_SIZE);
    }
    if (ok)
        sfpm_digest(bytes.data, bytes.size, digest);
    sfpm_buffer_free(&bytes);
    return ok;
}
