/* SPDX-License-Identifier: MIT */
/* Opens and reads an image of the original layout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/explore.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t start[8] = {0x4d, 0x50, 0x46, 0x53, 1, 0, 0, 0};
    bool sound = false;
    uint8_t *copy = malloc(sizeof start + size);
    if (!copy)
        return 0;
    memcpy(copy, start, sizeof start);
    memcpy(copy + sizeof start, bytes, size);
    sfpm_image_t *image = open_bytes(copy, sizeof start + size);
    const char *fault = NULL;
    if (image)
        fault = explore(&honest_reader, image, false, &sound);
    else if (!refusal(sfpm_last_status()))
        fault = "refused with a wrong status";
    sfpm_image_close(image);
    free(copy);
    if (fault) {
        fprintf(stderr, "%s: %s\n", fault, sfpm_last_error());
        abort();
    }
    return 0;
}
