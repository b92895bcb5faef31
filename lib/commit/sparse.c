/* SPDX-License-Identifier: MIT */
/*
 * Fills memory without touching what stays zero: the leaves of an image show which of
 * its bytes are zero, the page tables show which bytes in memory are.
 */
#include "commit/sparse.h"

#include <string.h>

#include "base/memory.h"
#include "commit/absent.h"
#include "image/image.h"

bool sfpm_sparse_read(const sfpm_image_t *image, size_t index, uint64_t offset,
                      void *zeros, size_t size)
{
    return sfpm_image_read_into_zeros(image, index, offset, zeros, size);
}

/* Page tables are not read everywhere, and zeros may be pages all the same. */
static void copy_pages(uint8_t *zeros, const uint8_t *from, size_t size)
{
    for (size_t at = 0; at < size; at += SFPM_PAGE) {
        size_t length = sfpm_span(size, at, SFPM_PAGE);
        if (!sfpm_is_zero(from + at, length))
            memcpy(zeros + at, from + at, length);
    }
}

void sfpm_sparse_copy(uint8_t *zeros, const uint8_t *from, size_t size)
{
    bool absent[SFPM_LEAF_CHUNKS] = {false};
    sfpm_presence_t presence = SFPM_NO_PRESENCE;
    for (size_t at = 0; at < size; at += SFPM_CHUNK) {
        size_t chunk = at / SFPM_CHUNK % SFPM_LEAF_CHUNKS;
        if (chunk == 0 && size >= SFPM_PRESENCE_WORTH)
            sfpm_absent_chunks(&presence, from + at, sfpm_span(size, at, SFPM_LEAF_BYTES),
                               absent);
        if (!absent[chunk])
            copy_pages(zeros + at, from + at, sfpm_span(size, at, SFPM_CHUNK));
    }
    sfpm_presence_free(&presence);
}
