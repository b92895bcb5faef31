/* SPDX-License-Identifier: MIT */
/* Compresses a generated text with zlib at several levels, piece by piece, and
 * decompresses it. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "text.h"

enum { SIZE = 20000, ROOM = SIZE + SIZE / 2, PIECE = 3000 };

static unsigned char text[SIZE], packed[ROOM], unpacked[SIZE];

static unsigned long pack(int level, int strategy)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, level, Z_DEFLATED, 15, 8, strategy) != Z_OK)
        return 0;
    stream.next_in = text;
    stream.next_out = packed;
    stream.avail_out = ROOM;
    for (unsigned done = 0; done < SIZE; done += PIECE) {
        unsigned piece = SIZE - done < PIECE ? SIZE - done : PIECE;
        stream.avail_in = piece;
        if (deflate(&stream, done + piece < SIZE ? Z_NO_FLUSH : Z_FINISH) < 0)
            return 0;
    }
    deflateEnd(&stream);
    return stream.total_out;
}

static int unpack(unsigned long size)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    memset(unpacked, 0, SIZE);
    if (inflateInit(&stream) != Z_OK)
        return 0;
    stream.next_in = packed;
    stream.avail_in = (unsigned)size;
    stream.next_out = unpacked;
    int status = Z_OK;
    while (status == Z_OK && stream.total_out < SIZE) {
        unsigned left = SIZE - (unsigned)stream.total_out;
        stream.avail_out = left < PIECE ? left : PIECE;
        status = inflate(&stream, Z_SYNC_FLUSH);
    }
    inflateEnd(&stream);
    return status == Z_STREAM_END;
}

ENTRY
{
    static const struct {
        const char *name;
        int level, strategy;
    } ways[] = {
        {"stored", 0, Z_DEFAULT_STRATEGY},  {"level 1", 1, Z_DEFAULT_STRATEGY},
        {"level 6", 6, Z_DEFAULT_STRATEGY}, {"level 9", 9, Z_DEFAULT_STRATEGY},
        {"huffman", 6, Z_HUFFMAN_ONLY},     {"fixed", 6, Z_FIXED},
    };
    make_text(text, SIZE);
    print("crc32", crc32(0, text, SIZE));
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        unsigned long size = pack(ways[i].level, ways[i].strategy);
        if (size == 0 || !unpack(size))
            print("failed", i);
        print_result(ways[i].name, packed, size, text, unpacked, SIZE);
    }
    LEAVE;
}
