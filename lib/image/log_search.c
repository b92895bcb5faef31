/* SPDX-License-Identifier: MIT */
/*
 * Searching a file for trailers. Reading an image never trusts trailers found this way;
 * salvage does, and recovery refuses to go back past them.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "image/log.h"

static bool try_trailer(const sfpm_input_t *input, uint64_t offset,
                        sfpm_trailer_callback_t take, void *context)
{
    uint8_t bytes[SFPM_TRAILER_RECORD];
    sfpm_trailer_t trailer;
    if (sfpm_input_size(input) - offset < sizeof bytes ||
        !sfpm_input_read(input, offset, bytes, sizeof bytes) ||
        !sfpm_trailer_decode(bytes, offset, &trailer))
        return true;
    return take(context, &trailer);
}

bool sfpm_log_search(const sfpm_input_t *input, uint64_t from,
                     sfpm_trailer_callback_t take, void *context)
{
    uint64_t size = sfpm_input_size(input);
    uint8_t *bytes = sfpm_new_block(SFPM_CHUNK);
    bool go_on = bytes != NULL;
    /* Records begin at multiples of their alignment; so do the pieces read here. */
    from = (from + SFPM_RECORD_ALIGN - 1) & ~(uint64_t)(SFPM_RECORD_ALIGN - 1);
    for (uint64_t at = from; go_on && at < size; at += SFPM_CHUNK) {
        size_t now = sfpm_span(size, at, SFPM_CHUNK);
        if (!sfpm_input_read(input, at, bytes, now))
            continue; /* an unreadable part of a decaying disk */
        for (size_t i = 0; go_on && i + 4 <= now; i += SFPM_RECORD_ALIGN)
            if (sfpm_get_u32(bytes + i) == SFPM_RECORD_TRAILER)
                go_on = try_trailer(input, at + i, take, context);
    }
    free(bytes);
    return go_on;
}
