/* SPDX-License-Identifier: MIT */
#include "use.h"

#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "io/input.h"

sfpm_image_t *open_bytes(const uint8_t *bytes, size_t size)
{
    sfpm_secret_t secret = {.struct_size = sizeof secret, .key = sample_key};
    sfpm_image_options_t options = {.struct_size = sizeof options};
    sfpm_input_t *input = sfpm_input_open_memory(bytes, size, "sample");
    if (size >= SFPM_HEADER_SIZE && bytes[24] & SFPM_INCOMPATIBLE_SEALED)
        options.secret = &secret;
    options.base = sample_base;
    return input ? sfpm_image_open_input(input, NULL, &options) : NULL;
}

bool check_fully(sfpm_image_t *image)
{
    return sfpm_image_check(image, NULL, NULL);
}

const reader_t honest_reader = {open_bytes, check_fully};

bool refusal(sfpm_status_t status)
{
    if (sample_base && (status == SFPM_ERR_MISMATCH || status == SFPM_ERR_NO_COMMIT))
        return true; /* of the base image */
    return status == SFPM_ERR_NOT_IMAGE || status == SFPM_ERR_UNSUPPORTED ||
           status == SFPM_ERR_TRUNCATED || status == SFPM_ERR_CHECKSUM ||
           status == SFPM_ERR_CORRUPT || status == SFPM_ERR_LIMIT ||
           status == SFPM_ERR_KEY || status == SFPM_ERR_NOT_FOUND;
}

uint8_t *room(size_t size)
{
    static uint8_t *bytes;
    static size_t capacity;
    if (size >= capacity) {
        free(bytes);
        capacity = size + 1;
        bytes = malloc(capacity);
        if (!bytes)
            exit(99);
    }
    return bytes;
}

static enum outcome use_region(sfpm_image_t *image, size_t index,
                               const sample_region_t *wanted)
{
    const sfpm_region_info_t *info = sfpm_image_region(image, index);
    if (strcmp(info->name, wanted->name) != 0 || info->size != wanted->size)
        return WRONG;
    uint8_t *bytes = room(wanted->size);
    if (!sfpm_image_read(image, index, 0, bytes, wanted->size))
        return refusal(sfpm_last_status()) ? REFUSED : WRONG;
    return memcmp(bytes, wanted->bytes, wanted->size) == 0 ? AS_WRITTEN : WRONG;
}

enum outcome use_all(sfpm_image_t *image, const sample_state_t *state)
{
    enum outcome worst = AS_WRITTEN;
    if (sfpm_image_num_regions(image) != state->num_regions)
        return WRONG;
    for (size_t i = 0; i < state->num_regions; i++) {
        enum outcome now = use_region(image, i, &state->regions[i]);
        worst = now > worst ? now : worst;
    }
    return worst;
}
