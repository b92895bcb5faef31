/* SPDX-License-Identifier: MIT */
/* Writes the original layout, version 1. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "commit/edit.h"
#include "format/v1.h"

static bool check_contents(const sfpm_index_t *index)
{
    for (size_t i = 0; i < index->num_regions; i++)
        if (!sfpm_secret_allowed(&index->regions[i], false,
                                 ": version 1 cannot encrypt it"))
            return false;
    if (index->num_attributes > 0)
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

static bool write_region(const sfpm_edit_t *edit, size_t which, uint8_t *scratch,
                         sfpm_output_t *output)
{
    const sfpm_region_t *region = &edit->index.regions[which];
    uint8_t fixed[SFPM_V1_REGION];
    size_t length = strlen(region->name);
    sfpm_put_u64(fixed, region->size);
    fixed[8] = region->flags & SFPM_REGION_DYNAMIC ? 1 : 0;
    sfpm_put_u32(fixed + 9, (uint32_t)length);
    if (!sfpm_output_write(output, fixed, sizeof fixed) ||
        !sfpm_output_write(output, region->name, length))
        return false;
    if (!sfpm_source_settle(&edit->sources[which]))
        return false;
    for (uint64_t at = 0; at < region->size; at += SFPM_CHUNK) {
        size_t now = sfpm_span(region->size, at, SFPM_CHUNK);
        if (!sfpm_source_read(edit, which, at, scratch, now) ||
            !sfpm_output_write(output, scratch, now))
            return false;
    }
    return true;
}

bool sfpm_v1_encode(sfpm_edit_t *edit, sfpm_output_t *output)
{
    if (!check_contents(&edit->index) || !sfpm_edit_stamp(edit))
        return false;
    uint8_t *scratch = sfpm_new_block(SFPM_CHUNK);
    bool ok = scratch && write_head(&edit->index, output);
    for (size_t i = 0; ok && i < edit->index.num_regions; i++)
        ok = write_region(edit, i, scratch, output);
    free(scratch);
    return ok && sfpm_output_sync(output);
}
