/* SPDX-License-Identifier: MIT */
/*
 * Decodes the index of a commit: texts, attributes and the region table. Every length is
 * checked before it is used.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "format/format.h"

/* The minimum size of one of them, which bounds the counts. */
enum { LEAST_ATTRIBUTE = 8, LEAST_REGION = 4 + 8 + 4 + 4 + 8 + SFPM_DIGEST_SIZE };

#define KNOWN_FLAGS                                                                      \
    (SFPM_REGION_DYNAMIC | SFPM_REGION_PORTABLE | SFPM_REGION_POINTERS |                 \
     SFPM_REGION_VOLATILE | SFPM_REGION_SECRET)

/* Reads front to back; every access goes through take(). */
typedef struct cursor {
    const uint8_t *bytes;
    size_t length;
    size_t at;
} cursor_t;

static bool corrupt(const char *what)
{
    return sfpm_fail(SFPM_ERR_CORRUPT, "the index is invalid: %s", what);
}

static const uint8_t *take(cursor_t *cursor, size_t size)
{
    if (!sfpm_in_range(cursor->at, size, cursor->length)) {
        corrupt("it ends too early");
        return NULL;
    }
    const uint8_t *here = cursor->bytes + cursor->at;
    cursor->at += size;
    return here;
}

static bool get_text(cursor_t *cursor, char **text)
{
    const uint8_t *from = take(cursor, 4);
    if (!from)
        return false;
    uint32_t length = sfpm_get_u32(from);
    if (length > SFPM_TEXT_MAX)
        return corrupt("a text is too long");
    from = take(cursor, length);
    if (!from)
        return false;
    if (memchr(from, 0, length))
        return corrupt("a text contains a zero byte");
    *text = SFPM_NEW_N(char, (size_t)length + 1);
    if (!*text)
        return false;
    memcpy(*text, from, length);
    return true;
}

static bool get_fixed(cursor_t *cursor, sfpm_index_t *index)
{
    const uint8_t *from = take(cursor, SFPM_INDEX_FIXED);
    if (!from)
        return false;
    index->number = sfpm_get_u64(from);
    index->parent = sfpm_get_u64(from + 8);
    index->state_of = sfpm_get_u64(from + 16);
    index->seconds = sfpm_to_i64(sfpm_get_u64(from + 24));
    index->nanoseconds = sfpm_get_u32(from + 32);
    index->bytecode = sfpm_get_u32(from + 36);
    index->schema = sfpm_get_u64(from + 40);
    index->attributes.count = sfpm_get_u32(from + 48);
    index->num_regions = sfpm_get_u32(from + 52);
    index->codec = sfpm_get_u32(from + 56);
    index->level = sfpm_to_i32(sfpm_get_u32(from + 60));
    index->base_number = sfpm_get_u64(from + 64);
    memcpy(index->base_digest, from + 72, SFPM_DIGEST_SIZE);
    if (sfpm_get_u64(from + 88) != 0 || index->nanoseconds >= 1000000000)
        return corrupt("its reserved bytes or its time are invalid");
    if (index->number == 0 || index->parent >= index->number || index->state_of == 0 ||
        index->state_of > index->number)
        return corrupt("its commit numbers are inconsistent");
    size_t rest = cursor->length - cursor->at;
    if (index->attributes.count > rest / LEAST_ATTRIBUTE ||
        index->num_regions > rest / LEAST_REGION)
        return corrupt("its counts exceed its size");
    return true;
}

static bool get_attributes(cursor_t *cursor, sfpm_index_t *index)
{
    sfpm_attributes_t *all = &index->attributes;
    size_t count = all->count;
    *all = (sfpm_attributes_t){.list = SFPM_NEW_N(sfpm_attribute_t, count),
                               .capacity = count};
    for (size_t i = 0; all->list && i < count; i++) {
        sfpm_attribute_t *now = &all->list[all->count++];
        if (!get_text(cursor, &now->key) || !get_text(cursor, &now->value))
            return false;
        if (i > 0 && strcmp(now[-1].key, now->key) >= 0)
            return corrupt("attributes are out of order");
    }
    all->settled = count;
    return all->list != NULL;
}

static bool get_leaf_refs(cursor_t *cursor, sfpm_region_t *region)
{
    uint64_t wanted =
        region->size / SFPM_LEAF_BYTES + (region->size % SFPM_LEAF_BYTES != 0);
    if (wanted > (cursor->length - cursor->at) / SFPM_LEAF_REF_SIZE)
        return corrupt("a region is larger than its table");
    region->num_leaves = (size_t)wanted;
    region->leaves = SFPM_NEW_N(sfpm_leaf_ref_t, region->num_leaves);
    if (!region->leaves)
        return false;
    for (size_t i = 0; i < region->num_leaves; i++) {
        const uint8_t *from = take(cursor, SFPM_LEAF_REF_SIZE);
        if (!from)
            return false;
        region->leaves[i].offset = sfpm_get_u64(from);
        region->leaves[i].sum = sfpm_get_u64(from + 8);
        memcpy(region->leaves[i].digest, from + 16, SFPM_DIGEST_SIZE);
        uint64_t offset = region->leaves[i].offset;
        if (offset == SFPM_LEAF_BASE ? region->base == 0
                                     : offset != 0 && offset < SFPM_HEADER_SIZE)
            return corrupt("the offset of a leaf is invalid");
        if (offset <= SFPM_LEAF_BASE && region->leaves[i].sum != 0)
            return corrupt("a leaf that is not stored has a checksum");
    }
    return true;
}

static bool get_region(cursor_t *cursor, bool has_base, sfpm_region_t *region)
{
    uint8_t digest[SFPM_DIGEST_SIZE];
    if (!get_text(cursor, &region->name))
        return false;
    const uint8_t *from = take(cursor, LEAST_REGION - 4);
    if (!from)
        return false;
    region->size = sfpm_get_u64(from);
    region->flags = sfpm_get_u32(from + 8);
    region->address = sfpm_get_u64(from + 16);
    memcpy(region->digest, from + 24, SFPM_DIGEST_SIZE);
    region->base = sfpm_get_u32(from + 12);
    if (region->flags & ~(uint32_t)KNOWN_FLAGS)
        return corrupt("a region has unknown flags");
    if (region->base != 0 && !has_base)
        return corrupt("a region refers to a base image, but there is none");
    if (!get_leaf_refs(cursor, region) || !sfpm_region_digest(region, digest))
        return false;
    if (memcmp(digest, region->digest, SFPM_DIGEST_SIZE) != 0)
        return corrupt("the digest of a region does not match its leaves");
    return true;
}

static bool get_regions(cursor_t *cursor, sfpm_index_t *index)
{
    index->regions = SFPM_NEW_N(sfpm_region_t, index->num_regions);
    if (!index->regions)
        return false;
    for (size_t i = 0; i < index->num_regions; i++)
        if (!get_region(cursor, index->base_number != 0, &index->regions[i]))
            return false;
    return true;
}

bool sfpm_index_decode(const uint8_t *bytes, size_t length, sfpm_index_t *index)
{
    cursor_t cursor = {bytes, length, 0};
    *index = (sfpm_index_t){0};
    if (!get_fixed(&cursor, index)) {
        /* The counts may already be those of the file, with no arrays behind them. */
        *index = (sfpm_index_t){0};
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < SFPM_NUM_TEXTS; i++)
        ok = get_text(&cursor, &index->texts[i]);
    if (!ok)
        index->attributes.count = 0; /* as the file says, with no list behind it */
    ok = ok && get_attributes(&cursor, index) && get_regions(&cursor, index);
    if (ok && cursor.at != length)
        ok = corrupt("it has trailing bytes");
    if (!ok)
        sfpm_index_free(index);
    return ok;
}
