/* SPDX-License-Identifier: MIT */
/*
 * Chooses the compression library by number or name, and compresses and decompresses
 * chunks with it.
 */
#include "codec/compress.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "codec/library.h"

struct sfpm_compressor {
    const sfpm_codec_t *codec;
    void *state;
};

static const sfpm_codec_t none = {.name = "none"};

/* The one table of codecs, by number. */
static const sfpm_codec_t *const codecs[] = {
    [SFPM_CODEC_NONE] = &none,
    [SFPM_CODEC_ZSTD] = &sfpm_codec_zstd,
    [SFPM_CODEC_LZ4] = &sfpm_codec_lz4,
};

enum { NUM_CODECS = sizeof codecs / sizeof codecs[0] };

static const sfpm_codec_t *find(uint32_t codec)
{
    return codec < NUM_CODECS ? codecs[codec] : NULL;
}

/* The codec, ready for use; NULL with the error set. */
static const sfpm_codec_t *find_ready(uint32_t number)
{
    const sfpm_codec_t *codec = find(number);
    if (!codec) {
        sfpm_fail(SFPM_ERR_UNSUPPORTED,
                  "unknown compression method %lu: a newer sfpm may support it",
                  (unsigned long)number);
        return NULL;
    }
    return codec->load && !codec->load() ? NULL : codec;
}

bool sfpm_codec_available(uint32_t codec)
{
    return find_ready(codec) != NULL;
}

/* One or two digits, 1 to max; 0 for anything else. */
static int parse_level(const char *text, int max)
{
    int level = 0;
    size_t length = strspn(text, "0123456789");
    if (length < 1 || length > 2 || text[length])
        return 0;
    for (size_t i = 0; i < length; i++)
        level = level * 10 + (text[i] - '0');
    return level <= max ? level : 0;
}

bool sfpm_codec_parse(const char *text, uint32_t *codec, int *level)
{
    size_t length = text ? strcspn(text, ":") : 0;
    uint32_t i = 0;
    while (i < NUM_CODECS && !(strlen(codecs[i]->name) == length && length > 0 &&
                               !memcmp(codecs[i]->name, text, length)))
        i++;
    if (i == NUM_CODECS)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "unknown compression method \"%s\": use none, lz4, lz4:LEVEL, "
                         "zstd or zstd:LEVEL",
                         text ? text : "");
    int parsed = codecs[i]->default_level;
    if (text[length] == ':') {
        parsed = parse_level(text + length + 1, codecs[i]->max_level);
        if (!parsed && codecs[i]->max_level)
            return sfpm_fail(SFPM_ERR_ARGUMENT, "\"%s\": %s supports levels 1 to %d",
                             text, codecs[i]->name, codecs[i]->max_level);
        if (!parsed)
            return sfpm_fail(SFPM_ERR_ARGUMENT, "\"%s\": %s does not take a level", text,
                             codecs[i]->name);
    }
    if (!sfpm_codec_available(i))
        return false;
    *codec = i;
    *level = parsed;
    return true;
}

sfpm_compressor_t *sfpm_compressor_create(uint32_t number, int level)
{
    const sfpm_codec_t *codec = find_ready(number);
    if (!codec)
        return NULL;
    if (codec->create && (level < 1 || level > codec->max_level)) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "%s does not support level %d (only 1 to %d)",
                  codec->name, level, codec->max_level);
        return NULL;
    }
    sfpm_compressor_t *compressor = SFPM_NEW(sfpm_compressor_t);
    if (!compressor)
        return NULL;
    compressor->codec = codec;
    if (codec->create)
        compressor->state = codec->create(level);
    if (codec->create && !compressor->state) {
        free(compressor);
        return NULL;
    }
    return compressor;
}

void sfpm_compressor_destroy(sfpm_compressor_t *compressor)
{
    if (!compressor)
        return;
    if (compressor->codec->destroy)
        compressor->codec->destroy(compressor->state);
    free(compressor);
}

size_t sfpm_compress(sfpm_compressor_t *compressor, const void *from, size_t size,
                     void *to, size_t room)
{
    if (!compressor->codec->compress || size == 0 || size > SFPM_COMPRESS_MAX ||
        room == 0)
        return 0;
    size_t written =
        compressor->codec->compress(compressor->state, from, size, to, room);
    sfpm_library_wrote(to, written);
    return written;
}

bool sfpm_decompress(uint32_t number, const void *from, size_t length, void *to,
                     size_t size)
{
    const sfpm_codec_t *codec = find_ready(number);
    if (!codec)
        return false;
    sfpm_status_t status = SFPM_ERR_CORRUPT;
    if (codec->decompress && size > 0 && size <= SFPM_COMPRESS_MAX && length > 0 &&
        length <= SFPM_COMPRESS_MAX)
        status = codec->decompress(from, length, to, size);
    if (status == SFPM_ERR_MEMORY)
        return sfpm_fail_memory(size);
    if (status != SFPM_OK)
        return sfpm_fail(
            SFPM_ERR_CORRUPT,
            "the compressed data (%s) is damaged: it does not decompress to %zu bytes",
            codec->name, size);
    sfpm_library_wrote(to, size);
    return true;
}
