/* SPDX-License-Identifier: MIT */
/* Writes the original layout, version 1. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "commit/plan.h"
#include "format/v1.h"

static bool check_contents(const sfpm_index_t *index)
{
    for (size_t i = 0; i < index->num_regions; i++)
        if (!sfpm_secret_allowed(&index->regions[i], false,
                                 ": version 1 cannot encrypt it"))
            return false;
    if (index->attributes.count > 0)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "a version 1 image cannot hold attributes");
    if (strlen(index->texts[SFPM_TEXT_DESCRIPTION]) >= SFPM_V1_DESCRIPTION)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "a version 1 image holds at most %d bytes of description",
                         SFPM_V1_DESCRIPTION - 1);
    return true;
}

static bool write_head(const sfpm_index_t *index, sfpm_output_t *output)
{
    uint8_t bytes[SFPM_V1_HEADER] = {0};
    uint8_t *metadata = bytes + 4;
    uint64_t total = 0;
    for (size_t i = 0; i < index->num_regions; i++)
        if (!sfpm_add_u64(total, index->regions[i].size, &total))
            return sfpm_fail(SFPM_ERR_LIMIT, "the regions are too large for version 1");
    const char *text = index->texts[SFPM_TEXT_DESCRIPTION];
    sfpm_put_u32(bytes, SFPM_V1_MAGIC);
    sfpm_put_u32(metadata, 1);
    sfpm_put_u64(metadata + 8, (uint64_t)index->seconds);
    sfpm_put_u64(metadata + 16, total);
    sfpm_put_u32(metadata + 24, (uint32_t)index->num_regions);
    memcpy(metadata + 28, text, strlen(text));
    return sfpm_output_write(output, bytes, sizeof bytes);
}

/* Contents on their way out. */
typedef struct writer {
    const sfpm_edit_t *edit;
    sfpm_output_t *output;
    sfpm_reader_t reader; /* of the starting image */
    uint8_t *chunk;
    uint64_t zeros; /* that are still to be written: many of them become a hole */
} writer_t;

static bool flush_zeros(writer_t *writer)
{
    uint64_t zeros = writer->zeros;
    writer->zeros = 0;
    return sfpm_output_zeros(writer->output, zeros);
}

/* Reads a region from one place on, and says how much: a chunk, or a leaf of zeros, which
 * is not looked at. */
static bool read_part(writer_t *writer, size_t which, uint64_t at, bool *zero,
                      uint64_t *done)
{
    const sfpm_edit_t *edit = writer->edit;
    const sfpm_source_t *source = &edit->sources[which];
    bool inherited =
        source->kind == SFPM_SOURCE_INHERITED && edit->image->info.format != 1;
    *done = 0;
    if (inherited && !sfpm_region_zeros(&writer->reader, source->old, at, done))
        return false;
    *zero = *done > 0 && !sfpm_source_overlay(source, at, NULL, (size_t)*done);
    if (*zero)
        return true;
    *done = sfpm_span(edit->index.regions[which].size, at, SFPM_CHUNK);
    size_t size = (size_t)*done;
    if (inherited
            ? !sfpm_region_read(&writer->reader, source->old, at, writer->chunk, size)
            : !sfpm_source_read(edit, which, at, writer->chunk, size))
        return false;
    if (inherited)
        sfpm_source_overlay(source, at, writer->chunk, size);
    *zero = sfpm_used_length(writer->chunk, size) == 0;
    return true;
}

static bool write_contents(writer_t *writer, size_t which)
{
    uint64_t size = writer->edit->index.regions[which].size, done;
    bool zero;
    for (uint64_t at = 0; at < size; at += done) {
        if (!read_part(writer, which, at, &zero, &done))
            return false;
        if (zero)
            writer->zeros += done;
        else if (!flush_zeros(writer) ||
                 !sfpm_output_write(writer->output, writer->chunk, (size_t)done))
            return false;
    }
    return flush_zeros(writer);
}

static bool write_region(writer_t *writer, size_t which)
{
    const sfpm_region_t *region = &writer->edit->index.regions[which];
    uint8_t fixed[SFPM_V1_REGION];
    size_t length = strlen(region->name);
    sfpm_put_u64(fixed, region->size);
    fixed[8] = region->flags & SFPM_REGION_DYNAMIC ? 1 : 0;
    sfpm_put_u32(fixed + 9, (uint32_t)length);
    return sfpm_output_write(writer->output, fixed, sizeof fixed) &&
           sfpm_output_write(writer->output, region->name, length) &&
           write_contents(writer, which);
}

bool sfpm_v1_encode(sfpm_edit_t *edit, sfpm_output_t *output)
{
    writer_t writer = {.edit = edit, .output = output};
    sfpm_attributes_drop_removed(&edit->index.attributes);
    if (!check_contents(&edit->index) || !sfpm_edit_stamp(edit))
        return false;
    if (edit->image)
        sfpm_reader_init(&writer.reader, edit->image);
    writer.chunk = sfpm_new_block(SFPM_CHUNK);
    bool ok = writer.chunk && write_head(&edit->index, output);
    for (size_t i = 0; ok && i < edit->index.num_regions; i++)
        ok = write_region(&writer, i);
    free(writer.chunk);
    sfpm_reader_free(&writer.reader);
    return ok && sfpm_output_sync(output);
}
