/* SPDX-License-Identifier: MIT */
/* Reads the metadata of an image into the fixed struct of the original interface. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "snapshot/snapshot.h"

/* Copies as many whole UTF-8 characters as fit. */
static void copy_text(char *to, size_t room, const char *from)
{
    size_t length = strlen(from);
    if (length >= room) {
        length = room - 1;
        /* A continuation byte here means that the cut is inside a character. */
        while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(to, from, length);
    to[length] = '\0';
}

static bool describe(const sfpm_image_t *image, sfpm_snapshot_metadata_t *metadata)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
    size_t count = sfpm_image_num_regions(image);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (!sfpm_add_u64(total, sfpm_image_region(image, i)->size, &total))
            return sfpm_fail(SFPM_ERR_CORRUPT, "the sizes of the regions overflow");
    if (total > SIZE_MAX || count > UINT32_MAX)
        return sfpm_fail(
            SFPM_ERR_LIMIT,
            "%zu regions with %llu bytes in all are too large for this machine", count,
            (unsigned long long)total);
    metadata->version = sfpm_image_info(image)->format;
    metadata->timestamp = commit->seconds < 0 ? 0 : (uint64_t)commit->seconds;
    metadata->total_size = (size_t)total;
    metadata->num_regions = (uint32_t)count;
    copy_text(metadata->description, sizeof metadata->description, commit->description);
    return true;
}

bool sfpm_snapshot_read_metadata(const char *filename, sfpm_snapshot_metadata_t *metadata)
{
    if (!filename || !metadata)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         filename ? "metadata structure" : "file name");
    sfpm_image_t *image = sfpm_image_open(filename, NULL);
    bool ok = image && describe(image, metadata);
    sfpm_image_close(image);
    return ok;
}
