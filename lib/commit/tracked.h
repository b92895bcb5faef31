/* SPDX-License-Identifier: MIT */
/* What registered memory wants to know of images, and they of it. */
#ifndef SFPM_COMMIT_TRACKED_H
#define SFPM_COMMIT_TRACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

/* Tells which pages of a region that was set may differ from what the starting image
 * holds, a bit each; the others do not. Borrowed as the region's memory is. With `most`,
 * most of them do: it is not worth while to look which. */
bool sfpm_edit_set_changed(sfpm_edit_t *edit, const char *name, size_t instance,
                           const uint64_t *changed, bool most);

/* Lets a save of the edit fail with SFPM_ERR_CHANGED when there is a file. */
void sfpm_edit_only_new(sfpm_edit_t *edit);

/* The image that an edit starts from; NULL for a new one. */
const sfpm_image_t *sfpm_edit_image(const sfpm_edit_t *edit);

#endif
