/* SPDX-License-Identifier: MIT */
/* Facts about an opened image. */

#include "base/checked.h"
#include "base/error.h"
#include "image/image.h"
#include "image/opened.h"

const char *sfpm_image_path(const sfpm_image_t *image)
{
    return image->path;
}

const sfpm_image_info_t *sfpm_image_info(const sfpm_image_t *image)
{
    return image ? &image->info : NULL;
}

const sfpm_commit_info_t *sfpm_image_commit_info(const sfpm_image_t *image)
{
    return image ? &image->commit : NULL;
}

bool sfpm_image_attribute(const sfpm_image_t *image, size_t index, const char **key,
                          const char **value)
{
    if (!image || !key || !value || index >= image->index.attributes.count)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no attribute %zu", index);
    *key = image->index.attributes.list[index].key;
    *value = image->index.attributes.list[index].value;
    return true;
}

size_t sfpm_image_num_regions(const sfpm_image_t *image)
{
    return image ? image->index.num_regions : 0;
}

const sfpm_region_info_t *sfpm_image_region(const sfpm_image_t *image, size_t index)
{
    return index < sfpm_image_num_regions(image) ? &image->regions[index] : NULL;
}

bool sfpm_image_find_region(const sfpm_image_t *image, const char *name, size_t *index)
{
    if (!image || !name || !index)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no image, name or place for the index was given");
    return sfpm_name_map_find(&image->names, name, 0, index) ||
           sfpm_fail(SFPM_ERR_MISMATCH, "%s: the image has no region '%s'",
                     sfpm_input_name(image->input), name);
}

/* Reads or, with `to` NULL, only verifies. Version 1 has no checksums; opening it has
 * checked that the bytes are there. `zeroed`: `to` holds zeros. */
static bool read_range(const sfpm_image_t *image, size_t index, uint64_t offset, void *to,
                       uint64_t size, bool zeroed)
{
    sfpm_reader_t reader;
    sfpm_meter_t meter;
    if (image->info.format == 1)
        return !to || sfpm_input_read(image->input, image->v1_offsets[index] + offset, to,
                                      (size_t)size);
    sfpm_reader_init(&reader, image);
    reader.into_zeros = zeroed;
    sfpm_meter_start(&meter, &image->progress, size);
    reader.meter = &meter;
    bool ok = sfpm_region_read(&reader, &image->index.regions[index], offset, to, size);
    sfpm_reader_free(&reader);
    if (ok)
        sfpm_meter_finish(&meter);
    return ok;
}

static bool read_checked(const sfpm_image_t *image, size_t index, uint64_t offset,
                         void *to, size_t size, bool zeroed)
{
    if (!image || (!to && size) || index >= image->index.num_regions)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no region %zu", index);
    const sfpm_region_t *region = &image->index.regions[index];
    if (!sfpm_in_range(offset, size, region->size))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "%s: bytes %llu to %llu are outside region '%s' of %llu bytes",
                         sfpm_input_name(image->input), (unsigned long long)offset,
                         (unsigned long long)(offset + size), region->name,
                         (unsigned long long)region->size);
    return size == 0 || read_range(image, index, offset, to, size, zeroed) ||
           sfpm_image_fail_named(image);
}

bool sfpm_image_read(const sfpm_image_t *image, size_t index, uint64_t offset, void *to,
                     size_t size)
{
    return read_checked(image, index, offset, to, size, false);
}

bool sfpm_image_read_into_zeros(const sfpm_image_t *image, size_t index, uint64_t offset,
                                void *zeros, size_t size)
{
    return read_checked(image, index, offset, zeros, size, true);
}

bool sfpm_image_check_region(const sfpm_image_t *image, size_t index)
{
    if (!image || index >= image->index.num_regions)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "there is no region %zu", index);
    return read_range(image, index, 0, NULL, image->index.regions[index].size,
                      false) ||
           sfpm_image_fail_named(image);
}
