/* SPDX-License-Identifier: MIT */
/*
 * Compares two regions: digests and checksums first, so that only chunks that differ are
 * read. Two chunks or leaves that were compared before are not compared again: a small
 * image may have them at many places.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "image/image.h"

typedef struct side {
    const sfpm_image_t *image;
    const sfpm_region_t *region;
    size_t index;
    sfpm_reader_t reader;
    uint8_t *chunk; /* SFPM_CHUNK bytes */
} side_t;

/* So many results are kept. */
enum { RESULTS_MAX = 1 << 15 };

/* How two chunks or leaves of certain contents differ. */
typedef struct result {
    uint64_t key; /* of both contents */
    uint64_t bytes;
    uint64_t begin, end; /* all of the bytes lie here */
} result_t;

/* The range that was found last is held back until it is known to have ended. */
typedef struct comparison {
    side_t a, b;
    sfpm_range_callback_t callback; /* NULL: bytes are counted only */
    void *context;
    uint64_t begin, end; /* begin == end: none is held back */
    bool stopped;        /* the callback asked to stop */
    result_t now;        /* of the chunk or leaf that is compared */
    void *results;       /* the earlier ones, in the tree of tsearch(3) */
    size_t num_results;
} comparison_t;

/* Hands the range out that was held back. */
static void flush(comparison_t *c)
{
    if (c->begin < c->end && !c->stopped && c->callback)
        c->stopped = !c->callback(c->context, c->begin, c->end - c->begin);
    c->begin = c->end;
}

static void add_result(result_t *to, uint64_t bytes, uint64_t begin, uint64_t end)
{
    if (bytes == 0)
        return;
    to->begin = to->bytes == 0 ? begin : to->begin;
    to->end = end;
    to->bytes += bytes;
}

static void differ(comparison_t *c, uint64_t begin, uint64_t end)
{
    if (begin == end)
        return;
    add_result(&c->now, end - begin, begin, end);
    if (begin != c->end || c->begin == c->end) {
        flush(c);
        c->begin = begin;
    }
    c->end = end;
}

/* ---- results ---- */

static int compare_keys(const void *left, const void *right)
{
    const result_t *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

/* Several ranges are not kept, only how many bytes they have. */
static bool take_result(comparison_t *c, uint64_t key, uint64_t position)
{
    const result_t wanted = {.key = key};
    result_t *const *found = tfind(&wanted, &c->results, compare_keys);
    const result_t *known = found ? *found : NULL;
    if (!known || (c->callback && known->bytes != known->end - known->begin))
        return false;
    if (c->callback)
        differ(c, position + known->begin, position + known->end);
    else
        add_result(&c->now, known->bytes, position + known->begin, position + known->end);
    return true;
}

/* What is not kept is compared again. */
static void keep_result(comparison_t *c, const result_t *result, uint64_t position)
{
    result_t *made = c->num_results < RESULTS_MAX ? malloc(sizeof *made) : NULL;
    if (!made)
        return;
    *made = *result;
    if (made->bytes > 0) {
        made->begin -= position;
        made->end -= position;
    }
    result_t *const *found = tsearch(made, &c->results, compare_keys);
    if (found && *found == made)
        c->num_results++;
    else
        free(made);
}

static void forget_results(comparison_t *c)
{
    while (c->results) {
        result_t *result = *(result_t **)c->results;
        tdelete(result, &c->results, compare_keys);
        free(result);
    }
}

/* Before two chunks or leaves are compared; returns what was found before them. */
static result_t begin_result(comparison_t *c, uint64_t key)
{
    result_t before = c->now;
    c->now = (result_t){.key = key};
    return before;
}

static void end_result(comparison_t *c, const result_t *before, uint64_t position,
                       bool kept)
{
    result_t found = c->now;
    if (kept && !c->stopped)
        keep_result(c, &found, position);
    c->now = *before;
    add_result(&c->now, found.bytes, found.begin, found.end);
}

/* Version 1 has neither leaves nor sums. */
static bool has_sums(const side_t *side)
{
    return side->image->info.format != 1;
}

static bool read_chunk(side_t *side, uint64_t position, size_t size)
{
    bool ok = has_sums(side)
                  ? sfpm_chunk_read(&side->reader, side->region, position, side->chunk)
                  : sfpm_input_read(side->image->input,
                                    side->image->v1_offsets[side->index] + position,
                                    side->chunk, size);
    return ok || sfpm_image_fail_named(side->image);
}

/* `size` bytes of both chunks at `position`. */
static void compare_bytes(comparison_t *c, uint64_t position, size_t size)
{
    enum { STRIDE = 64 };
    const uint8_t *a = c->a.chunk, *b = c->b.chunk;
    size_t at = 0;
    while (at < size && !c->stopped) {
        if (size - at >= STRIDE && memcmp(a + at, b + at, STRIDE) == 0) {
            at += STRIDE;
            continue;
        }
        size_t end = size - at < STRIDE ? size : at + STRIDE;
        for (; at < end; at++)
            if (a[at] != b[at])
                differ(c, position + at, position + at + 1);
    }
}

/* The part of a chunk that both regions have; `a` and `b` are the leaves that hold it,
 * NULL where there are no sums. */
static bool compare_chunk(comparison_t *c, uint64_t position, const sfpm_leaf_t *a,
                          const sfpm_leaf_t *b)
{
    size_t chunk = (size_t)(position % SFPM_LEAF_BYTES >> SFPM_CHUNK_SHIFT);
    size_t in_a = sfpm_span(c->a.region->size, position, SFPM_CHUNK);
    size_t in_b = sfpm_span(c->b.region->size, position, SFPM_CHUNK);
    if (a && b && in_a == in_b && a->sums[chunk] == b->sums[chunk])
        return true;
    uint64_t both[] = {a ? a->sums[chunk] : 0, b ? b->sums[chunk] : 0, in_a, in_b};
    uint64_t key = sfpm_checksum(both, sizeof both, 0);
    bool identified = a && b;
    if (identified && take_result(c, key, position))
        return true;
    if (!read_chunk(&c->a, position, in_a) || !read_chunk(&c->b, position, in_b))
        return false;
    result_t before = begin_result(c, key);
    compare_bytes(c, position, in_a < in_b ? in_a : in_b);
    end_result(c, &before, position, identified);
    return true;
}

static bool get_leaf(side_t *side, size_t which, const sfpm_leaf_t **leaf)
{
    *leaf = NULL;
    if (!has_sums(side))
        return true;
    *leaf = sfpm_reader_leaf(&side->reader, side->region, which);
    return *leaf != NULL || sfpm_image_fail_named(side->image);
}

static bool compare_chunks(comparison_t *c, size_t which, uint64_t end)
{
    uint64_t position = (uint64_t)which * SFPM_LEAF_BYTES;
    const sfpm_leaf_t *leaf_a, *leaf_b;
    if (!get_leaf(&c->a, which, &leaf_a) || !get_leaf(&c->b, which, &leaf_b))
        return false;
    end = end - position < SFPM_LEAF_BYTES ? end : position + SFPM_LEAF_BYTES;
    for (; position < end && !c->stopped; position += SFPM_CHUNK)
        if (!compare_chunk(c, position, leaf_a, leaf_b))
            return false;
    return true;
}

static bool compare_leaf(comparison_t *c, size_t which, uint64_t end)
{
    enum { NUMBERS = 2, BOTH = 2 * SFPM_DIGEST_SIZE };
    uint64_t position = (uint64_t)which * SFPM_LEAF_BYTES;
    const side_t *a = &c->a, *b = &c->b;
    if (!has_sums(a) || !has_sums(b))
        return compare_chunks(c, which, end);
    const uint8_t *digest_a = a->region->leaves[which].digest;
    const uint8_t *digest_b = b->region->leaves[which].digest;
    uint64_t both[NUMBERS + BOTH / sizeof(uint64_t)] = {
        sfpm_span(a->region->size, position, SFPM_LEAF_BYTES),
        sfpm_span(b->region->size, position, SFPM_LEAF_BYTES)};
    if (both[0] == both[1] && memcmp(digest_a, digest_b, SFPM_DIGEST_SIZE) == 0)
        return true;
    memcpy(both + NUMBERS, digest_a, SFPM_DIGEST_SIZE);
    memcpy((uint8_t *)(both + NUMBERS) + SFPM_DIGEST_SIZE, digest_b, SFPM_DIGEST_SIZE);
    uint64_t key = sfpm_checksum(both, sizeof both, 0);
    if (take_result(c, key, position))
        return true;
    result_t before = begin_result(c, key);
    bool ok = compare_chunks(c, which, end);
    end_result(c, &before, position, ok);
    return ok;
}

static bool compare_regions(comparison_t *c)
{
    uint64_t a = c->a.region->size, b = c->b.region->size, both = a < b ? a : b;
    if (a == b && has_sums(&c->a) && has_sums(&c->b) &&
        memcmp(c->a.region->digest, c->b.region->digest, SFPM_DIGEST_SIZE) == 0)
        return true;
    size_t leaves = sfpm_num_leaves(both);
    for (size_t which = 0; which < leaves && !c->stopped; which++)
        if (!compare_leaf(c, which, both))
            return false;
    differ(c, both, a < b ? b : a);
    flush(c);
    return true;
}

/* ---- with zeros ---- */

static bool compare_chunk_with_zeros(comparison_t *c, uint64_t position, size_t size)
{
    if (!read_chunk(&c->a, position, size))
        return false;
    compare_bytes(c, position, size);
    return true;
}

/* The other side's chunk stays as it is: zeros. */
static bool compare_with_zeros(comparison_t *c)
{
    const sfpm_region_t *region = c->a.region;
    memset(c->b.chunk, 0, SFPM_CHUNK);
    for (uint64_t at = 0, now; at < region->size && !c->stopped; at += now) {
        now = 0;
        if (has_sums(&c->a) && !sfpm_region_zeros(&c->a.reader, region, at, &now))
            return sfpm_image_fail_named(c->a.image);
        if (now > 0)
            continue;
        now = sfpm_span(region->size, at, SFPM_CHUNK);
        if (!compare_chunk_with_zeros(c, at, (size_t)now))
            return false;
    }
    flush(c);
    return true;
}

static bool start_side(side_t *side, const sfpm_image_t *image, size_t index)
{
    if (!image || index >= image->index.num_regions)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no region %zu", index);
    side->image = image;
    side->index = index;
    side->region = &image->index.regions[index];
    side->chunk = sfpm_new_block(SFPM_CHUNK);
    sfpm_reader_init(&side->reader, image);
    return side->chunk != NULL;
}

static void end_side(side_t *side)
{
    if (side->image)
        sfpm_reader_free(&side->reader);
    free(side->chunk);
}

bool sfpm_image_compare(const sfpm_image_t *a, size_t region_a, const sfpm_image_t *b,
                        size_t region_b, sfpm_range_callback_t callback, void *context)
{
    if (!callback && !context)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no callback was given");
    comparison_t comparison = {.callback = callback, .context = context};
    bool ok = start_side(&comparison.a, a, region_a);
    if (ok && b)
        ok = start_side(&comparison.b, b, region_b) && compare_regions(&comparison);
    else if (ok)
        ok = (comparison.b.chunk = sfpm_new_block(SFPM_CHUNK)) != NULL &&
             compare_with_zeros(&comparison);
    if (ok && !callback)
        *(uint64_t *)context = comparison.now.bytes;
    end_side(&comparison.a);
    end_side(&comparison.b);
    forget_results(&comparison);
    return ok;
}
