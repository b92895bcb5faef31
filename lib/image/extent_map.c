/* SPDX-License-Identifier: MIT */
/*
 * Lists where the contents of a region lie in the image file, so that a restore can map
 * runs of pages instead of reading them.
 */
#include "image/extent_map.h"

#include <stdlib.h>

#include "base/error.h"
#include "image/image.h"

void sfpm_places_free(sfpm_places_t *places)
{
    free(places->runs);
    *places = (sfpm_places_t){0};
}

static bool add_run(sfpm_places_t *places, const sfpm_run_t *run)
{
    sfpm_run_t *last = places->count ? &places->runs[places->count - 1] : NULL;
    if (last && last->size % SFPM_PAGE == 0 &&
        last->position + last->size == run->position &&
        last->offset + last->size == run->offset) {
        last->size += run->size;
        return true;
    }
    void *runs = places->runs;
    bool ok = sfpm_grow_array(&runs, &places->capacity, places->count + 1, sizeof *run);
    places->runs = runs;
    if (ok)
        places->runs[places->count++] = *run;
    return ok;
}

static bool add_leaf(sfpm_places_t *places, const sfpm_leaf_t *leaf, uint64_t base,
                     uint64_t size, bool *mappable)
{
    for (uint32_t i = 0; i < leaf->num_extents; i++) {
        const sfpm_extent_t *extent = &leaf->extents[i];
        sfpm_run_t run = {.position = base + (uint64_t)extent->first * SFPM_PAGE,
                          .size = extent->length,
                          .offset = extent->offset};
        *mappable =
            extent->kind == SFPM_EXTENT_PAGES || extent->kind == SFPM_EXTENT_PIECE;
        if (!*mappable || run.position >= size)
            return true;
        if (run.size > size - run.position)
            run.size = size - run.position;
        if (!add_run(places, &run))
            return false;
    }
    return true;
}

static bool find_runs(sfpm_reader_t *reader, const sfpm_region_t *region, uint64_t size,
                      sfpm_places_t *places, bool *mappable)
{
    for (size_t i = 0; *mappable && (uint64_t)i * SFPM_LEAF_BYTES < size; i++) {
        uint64_t offset = region->leaves[i].offset;
        if (offset == SFPM_LEAF_ZERO || offset == SFPM_LEAF_BASE) {
            *mappable = offset == SFPM_LEAF_ZERO;
            continue;
        }
        const sfpm_leaf_t *leaf = sfpm_reader_extents(reader, region, i);
        if (!leaf ||
            !add_leaf(places, leaf, (uint64_t)i * SFPM_LEAF_BYTES, size, mappable))
            return false;
    }
    return true;
}

bool sfpm_places_find(const sfpm_image_t *image, size_t index, uint64_t size,
                      sfpm_places_t *places, bool *mappable)
{
    sfpm_reader_t reader;
    *places = (sfpm_places_t){0};
    *mappable = image->info.format == SFPM_FORMAT_VERSION && !image->keys.sealed &&
                !image->base && sfpm_input_is_mappable(image->input, SFPM_PAGE);
    if (!*mappable)
        return true;
    sfpm_reader_init(&reader, image);
    bool ok = find_runs(&reader, &image->index.regions[index], size, places, mappable);
    sfpm_reader_free(&reader);
    if (!*mappable)
        sfpm_places_free(places);
    return ok || sfpm_image_fail_named(image);
}

bool sfpm_places_inode(const sfpm_image_t *image, uint64_t *inode)
{
    const struct stat *file = sfpm_input_file(image->input);
    bool known = file && S_ISREG(file->st_mode);
    if (known)
        *inode = (uint64_t)file->st_ino;
    return known;
}

bool sfpm_places_map(const sfpm_image_t *image, uint64_t offset, void *to, size_t size)
{
    return sfpm_input_map(image->input, offset, to, size);
}

bool sfpm_places_read(const sfpm_image_t *image, uint64_t offset, void *to, size_t size)
{
    return sfpm_input_read(image->input, offset, to, size);
}

static bool verify_leaf(const sfpm_region_t *region, const sfpm_leaf_t *leaf,
                        uint64_t base, const uint8_t *bytes, uint64_t size)
{
    for (uint32_t i = 0; i < leaf->num_chunks; i++) {
        uint64_t position = base + (uint64_t)i * SFPM_CHUNK;
        size_t span = sfpm_span(region->size, position, SFPM_CHUNK);
        if (position >= size || span > size - position)
            return true;
        if (sfpm_checksum(bytes + position, span, 0) != leaf->sums[i])
            return sfpm_fail(SFPM_ERR_CHECKSUM,
                             "region '%s' is damaged at %llu (checksum mismatch)",
                             region->name, (unsigned long long)position);
    }
    return true;
}

bool sfpm_places_verify(const sfpm_image_t *image, size_t index, const uint8_t *bytes,
                        size_t size)
{
    const sfpm_region_t *region = &image->index.regions[index];
    sfpm_reader_t reader;
    bool ok = true;
    sfpm_reader_init(&reader, image);
    for (size_t i = 0; ok && (uint64_t)i * SFPM_LEAF_BYTES < size; i++) {
        const sfpm_leaf_t *leaf = sfpm_reader_leaf(&reader, region, i);
        ok =
            leaf && verify_leaf(region, leaf, (uint64_t)i * SFPM_LEAF_BYTES, bytes, size);
    }
    sfpm_reader_free(&reader);
    return ok || sfpm_image_fail_named(image);
}
