/* SPDX-License-Identifier: MIT */
/* The original layout, which has no checksums: what follows magic and version. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t start[8] = {0x4d, 0x50, 0x46, 0x53, 1, 0, 0, 0};
    uint8_t *copy = malloc(sizeof start + size);
    if (!copy)
        return 0;
    memcpy(copy, start, sizeof start);
    if (size > 0)
        memcpy(copy + sizeof start, bytes, size);
    fuzz_image(copy, sizeof start + size);
    free(copy);
    return 0;
}
