/* SPDX-License-Identifier: MIT */
/* A compression library, as compress.c sees it. */
#ifndef SFPM_CODEC_CODEC_H
#define SFPM_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include <sfpm/error.h>

typedef struct sfpm_codec {
    const char *name;
    int default_level;
    int max_level; /* levels count from 1 */

    /* Makes the library ready; the functions below are called only after that,
     * and are NULL where it cannot succeed. Fails as sfpm_codec_available(). */
    bool (*load)(void);

    /* The state of a compressor between chunks; NULL with the error set. */
    void *(*create)(int level);
    void (*destroy)(void *state);
    size_t (*compress)(void *state, const void *from, size_t size, void *to, size_t room);

    /* SFPM_OK when exactly `size` bytes came out, SFPM_ERR_CORRUPT when they did not, or
     * SFPM_ERR_MEMORY; never writes more, sets no error. */
    sfpm_status_t (*decompress)(const void *from, size_t length, void *to, size_t size);
} sfpm_codec_t;

/* The longest chunk that is compressed: bounds the memory of both directions. */
enum { SFPM_COMPRESS_SHIFT = 20, SFPM_COMPRESS_MAX = 1 << SFPM_COMPRESS_SHIFT };

/* The levels are those of every build. */
enum {
    SFPM_ZSTD_LEVEL = 3,
    SFPM_ZSTD_MAX_LEVEL = 22,
    SFPM_LZ4_LEVEL = 1,
    SFPM_LZ4_MAX_LEVEL = 12
};

extern const sfpm_codec_t sfpm_codec_zstd; /* zstd.c */
extern const sfpm_codec_t sfpm_codec_lz4;  /* lz4.c */

#endif
