/* SPDX-License-Identifier: MIT */
/*
 * Presents the regions of an image, before or after migrations, as the one state that a
 * restore works on.
 */
#include "snapshot/state.h"

#include <stdlib.h>

#include "base/memory.h"

bool sfpm_state_of_image(sfpm_restore_state_t *state, const sfpm_image_t *image)
{
    size_t count = sfpm_image_num_regions(image);
    *state = (sfpm_restore_state_t){.image = image, .sources = SFPM_NEW_N(sfpm_restore_source_t, count)};
    if (!state->sources)
        return false;
    for (size_t i = 0; i < count; i++) {
        const sfpm_region_info_t *info = sfpm_image_region(image, i);
        state->sources[i] = (sfpm_restore_source_t){
            .name = info->name, .size = info->size, .flags = info->flags, .stored = i};
    }
    state->count = count;
    state->capacity = count;
    return true;
}

void sfpm_state_free(sfpm_restore_state_t *state)
{
    for (size_t i = 0; i < state->count; i++) {
        free(state->sources[i].bytes);
        free(state->sources[i].owned_name);
    }
    free(state->sources);
    *state = (sfpm_restore_state_t){0};
}

bool sfpm_state_load(sfpm_restore_state_t *state, size_t index, size_t size)
{
    sfpm_restore_source_t *source = &state->sources[index];
    if (source->bytes && source->loaded >= size)
        return true;
    uint8_t *bytes = SFPM_NEW_N(uint8_t, size);
    if (!bytes || !sfpm_image_read(state->image, source->stored, 0, bytes, size)) {
        free(bytes);
        return false;
    }
    free(source->bytes);
    source->bytes = bytes;
    source->loaded = size;
    return true;
}
