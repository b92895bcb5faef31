/* SPDX-License-Identifier: MIT */
/*
 * Compressed chunks: within images, whose checksums are right all the same, and alone.
 * An input that is no image is a codec's number, a size less one as u16, and what is to
 * become that many bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/error.h>

#include "base/bytes.h"
#include "codec/compress.h"
#include "fuzz.h"
#include "format/format.h"

static bool is_image(const uint8_t *bytes, size_t size)
{
    return size >= SFPM_MAGIC_SIZE && memcmp(bytes, SFPM_MAGIC, SFPM_MAGIC_SIZE) == 0;
}

/* Exactly so many bytes on both sides, so that one more would be noticed. */
static void expand(uint32_t codec, const uint8_t *bytes, size_t length, size_t size)
{
    uint8_t *from = malloc(length ? length : 1), *to = malloc(size);
    if (from && to && sfpm_codec_available(codec)) {
        memcpy(from, bytes, length);
        if (!sfpm_decompress(codec, from, length, to, size) &&
            sfpm_last_status() != SFPM_ERR_CORRUPT) {
            fprintf(stderr, "refused with a wrong status: %s\n", sfpm_last_error());
            abort();
        }
    }
    free(from);
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { PREFIX = 3 };
    if (is_image(bytes, size))
        fuzz_image(bytes, size);
    else if (size >= PREFIX)
        expand(bytes[0] % 2 ? SFPM_CODEC_ZSTD : SFPM_CODEC_LZ4, bytes + PREFIX,
               size - PREFIX, (size_t)sfpm_get_u16(bytes + 1) + 1);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    return is_image(bytes, size) ? fuzz_mutate(bytes, size, room, seed, fuzz_change_chunk)
                                 : LLVMFuzzerMutate(bytes, size, room);
}
