/* SPDX-License-Identifier: MIT */
/* Switches an open image to the file that has replaced its own. */
#include <string.h>

#include "image/image.h"

/* Shows the file that is in the place of another. */
static bool show_replaced(sfpm_image_t *image)
{
    static const sfpm_image_options_t defaults = {.struct_size = sizeof defaults};
    uint8_t bytes[SFPM_HEADER_SIZE];
    image->shown.number = 0; /* the new one may not be a delta any more */
    if (!sfpm_input_read(image->input, 0, bytes, sizeof bytes) ||
        !sfpm_header_decode(bytes, &image->header))
        return false;
    memcpy(image->keys.header, bytes, sizeof bytes);
    if (!sfpm_image_show_first(image, &defaults))
        return false;
    if (!(image->header.incompatible & SFPM_INCOMPATIBLE_DELTA)) {
        sfpm_image_close(image->base);
        image->base = NULL;
        image->info.base = NULL;
    }
    image->info.incompatible = image->header.incompatible;
    image->info.name = sfpm_input_name(image->input);
    return true;
}

bool sfpm_image_reopen(sfpm_image_t *image)
{
    sfpm_input_t *before = image->input;
    const sfpm_header_t header = image->header;
    const sfpm_trailer_t shown = image->shown;
    sfpm_history_t history = image->history;
    uint8_t key_header[SFPM_HEADER_SIZE];
    sfpm_input_t *now = sfpm_input_open(image->path);
    if (!now)
        return false;
    memcpy(key_header, image->keys.header, sizeof key_header);
    image->input = now;
    image->history = (sfpm_history_t){0};
    if (show_replaced(image)) {
        sfpm_history_free(&history);
        sfpm_input_close(before);
        return true;
    }
    sfpm_history_free(&image->history);
    image->history = history;
    image->input = before;
    image->header = header;
    image->shown = shown;
    memcpy(image->keys.header, key_header, sizeof key_header);
    sfpm_input_close(now);
    return false;
}
