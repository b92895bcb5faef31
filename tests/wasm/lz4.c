/* SPDX-License-Identifier: MIT */
/* Compresses a generated text with LZ4 at several levels, and decompresses it. */
#include <string.h>

#include <lz4.h>
#include <lz4hc.h>

#include "text.h"

/* Of more than 64 KiB, a machine of 64 bits makes other bytes than one of 32. */
enum { SIZE = 60000, ROOM = LZ4_COMPRESSBOUND(SIZE) };

static char text[SIZE], packed[ROOM], unpacked[SIZE];

static int pack(int level)
{
    if (level < LZ4HC_CLEVEL_MIN)
        return LZ4_compress_fast(text, packed, SIZE, ROOM, level);
    return LZ4_compress_HC(text, packed, SIZE, ROOM, level);
}

ENTRY
{
    static const struct {
        const char *name;
        int level;
    } ways[] = {{"fast 1", 1}, {"fast 2", 2}, {"hc 3", 3}, {"hc 9", 9}, {"hc 12", 12}};
    make_text((unsigned char *)text, SIZE);
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        int size = pack(ways[i].level);
        memset(unpacked, 0, SIZE);
        if (size <= 0 || LZ4_decompress_safe(packed, unpacked, size, SIZE) != SIZE)
            print("failed", i);
        print_result(ways[i].name, (unsigned char *)packed, (unsigned long)size,
                     (unsigned char *)text, (unsigned char *)unpacked, SIZE);
    }
    LEAVE;
}
