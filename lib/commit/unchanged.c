/* SPDX-License-Identifier: MIT */
/* Decides whether an image was changed by another since it was read. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "commit/edit.h"
#include "io/place.h"

static bool changed(const sfpm_image_t *image)
{
    return sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: was changed by another program since commit %llu was read: "
                     "read it again and retry",
                     sfpm_input_name(image->input),
                     (unsigned long long)image->last.number);
}

bool sfpm_image_same_last(const sfpm_image_t *image)
{
    sfpm_trailer_t last;
    if (!sfpm_input_refresh(image->input) || !sfpm_log_last(image->input, &last))
        return false;
    return (last.offset == image->last.offset && last.sum == image->last.sum) ||
           changed(image);
}

bool sfpm_image_is_unchanged(const sfpm_image_t *image, const char *filename)
{
    const struct stat *file = image ? sfpm_input_file(image->input) : NULL;
    if (!file || !filename)
        return true;
    /* A name that led to the image, and does no more; others never did. */
    if (!sfpm_leads_to(filename, file))
        return !image->path || strcmp(filename, image->path) != 0 || changed(image);
    return image->info.format == 1 || sfpm_image_same_last(image);
}

bool sfpm_image_still_ours(const sfpm_image_t *image, const sfpm_output_t *output)
{
    const struct stat *read = sfpm_input_file(image->input);
    const struct stat *locked = sfpm_output_file(output);
    if (!read || !locked || !sfpm_same_file(read, locked))
        return changed(image);
    return image->info.format == 1 || sfpm_image_same_last(image);
}
