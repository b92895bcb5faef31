/* SPDX-License-Identifier: MIT */
/*
 * Compression of chunks, one table row for each library. A build may lack a
 * library; its row then names what is missing.
 */
#ifndef SFPM_CODEC_COMPRESS_H
#define SFPM_CODEC_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codec numbers as images store them; frozen. */
enum { SFPM_CODEC_NONE = 0, SFPM_CODEC_ZSTD = 1, SFPM_CODEC_LZ4 = 2 };

/* Understands "none", "lz4", "zstd", "zstd:LEVEL", "lz4:LEVEL". SFPM_ERR_ARGUMENT
 * says what is allowed; SFPM_ERR_UNSUPPORTED names a library that is missing. */
bool sfpm_codec_parse(const char *text, uint32_t *codec, int *level);

/* Whether this build, on this machine, can use the codec: otherwise SFPM_ERR_UNSUPPORTED
 * naming it. NONE is always available. */
bool sfpm_codec_available(uint32_t codec);

/* Compresses with one codec and level; used by one thread at a time. */
typedef struct sfpm_compressor sfpm_compressor_t;
sfpm_compressor_t *sfpm_compressor_create(uint32_t codec, int level);
void sfpm_compressor_destroy(sfpm_compressor_t *compressor);

/* Compresses into at most `room` bytes; 0 when it does not fit, which is not an error:
 * the chunk is then stored as it is. Gives up early on data that does not shrink, if
 * `room` is less than `size`. Never more than 1 MiB. */
size_t sfpm_compress(sfpm_compressor_t *compressor, const void *from, size_t size,
                     void *to, size_t room);

/* Restores exactly `size` bytes; never writes more, never needs more than a fixed
 * amount of memory. SFPM_ERR_CORRUPT when the data is not that. Thread-safe. */
bool sfpm_decompress(uint32_t codec, const void *from, size_t length, void *to,
                     size_t size);

#endif
