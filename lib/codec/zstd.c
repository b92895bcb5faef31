/* SPDX-License-Identifier: MIT */
/*
 * zstd: one standard frame per chunk, so that any zstd can unpack it. The frame
 * states its content size and has no checksum and no dictionary; its window is the
 * content itself, which is what bounds the memory of a reader.
 */
#include "codec/codec.h"
#include "codec/library.h"

#ifdef SFPM_ZSTD_SONAME

#include <stdlib.h>

#include <zstd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"

#define FUNCTIONS(FUNCTION)                                                              \
    FUNCTION(ZSTD_CCtx *, ZSTD_createCCtx, (void))                                       \
    FUNCTION(size_t, ZSTD_freeCCtx, (ZSTD_CCtx *))                                       \
    FUNCTION(size_t, ZSTD_CCtx_setParameter, (ZSTD_CCtx *, ZSTD_cParameter, int))        \
    FUNCTION(size_t, ZSTD_compress2,                                                     \
             (ZSTD_CCtx *, void *, size_t, const void *, size_t))                        \
    FUNCTION(ZSTD_DCtx *, ZSTD_createDCtx, (void))                                       \
    FUNCTION(size_t, ZSTD_freeDCtx, (ZSTD_DCtx *))                                       \
    FUNCTION(size_t, ZSTD_decompressDCtx,                                                \
             (ZSTD_DCtx *, void *, size_t, const void *, size_t))                        \
    FUNCTION(unsigned long long, ZSTD_getFrameContentSize, (const void *, size_t))       \
    FUNCTION(size_t, ZSTD_findFrameCompressedSize, (const void *, size_t))               \
    FUNCTION(unsigned, ZSTD_isError, (size_t))
FUNCTIONS(SFPM_LIBRARY_CHECK)

static const char *const names[] = {FUNCTIONS(SFPM_LIBRARY_NAME)};

enum {
    NUM_NAMES = sizeof names / sizeof names[0],
    PROBE_ABOVE = 4, /* levels over this are slow on data that does not shrink */
    PROBE_LEVEL = 1
};

SFPM_LIBRARY_NOTE("zstd", "images compressed with zstd", SFPM_ZSTD_SONAME)

static struct {
    sfpm_library_t library;
    struct {
        FUNCTIONS(SFPM_LIBRARY_MEMBER)
    } call;
    /* A context for reading that nobody uses at the moment: making one takes
     * half as long as unpacking a chunk. */
    _Atomic(ZSTD_DCtx *) idle;
} zstd = {.library = {.name = "zstd",
                      .soname = SFPM_ZSTD_SONAME,
                      .package = "libzstd1",
                      .symbols = names,
                      .num_symbols = NUM_NAMES}};
_Static_assert(sizeof zstd.call == NUM_NAMES * sizeof(void *), "one address per name");

typedef struct compressor {
    ZSTD_CCtx *context;
    int level;
} compressor_t;

static bool load(void)
{
    return sfpm_library_load(&zstd.library, &zstd.call);
}

static bool set(ZSTD_CCtx *context, ZSTD_cParameter parameter, int value)
{
    return !zstd.call.ZSTD_isError(
        zstd.call.ZSTD_CCtx_setParameter(context, parameter, value));
}

static void destroy(void *state)
{
    compressor_t *compressor = state;
    zstd.call.ZSTD_freeCCtx(compressor->context);
    free(compressor);
}

static void *create(int level)
{
    compressor_t *compressor = SFPM_NEW(compressor_t);
    if (!compressor)
        return NULL;
    compressor->level = level;
    compressor->context = zstd.call.ZSTD_createCCtx();
    if (!compressor->context) {
        sfpm_fail_memory(sizeof *compressor);
    } else if (!set(compressor->context, ZSTD_c_windowLog, SFPM_COMPRESS_SHIFT) ||
               !set(compressor->context, ZSTD_c_checksumFlag, 0) ||
               !set(compressor->context, ZSTD_c_contentSizeFlag, 1)) {
        sfpm_fail(SFPM_ERR_UNSUPPORTED,
                  "%s does not support the settings that images use",
                  zstd.library.soname);
    } else {
        return compressor;
    }
    destroy(compressor);
    return NULL;
}

static size_t compress_at(const compressor_t *compressor, int level, const void *from,
                          size_t size, void *to, size_t room)
{
    if (!set(compressor->context, ZSTD_c_compressionLevel, level))
        return 0;
    size_t written = zstd.call.ZSTD_compress2(compressor->context, to, room, from, size);
    return zstd.call.ZSTD_isError(written) ? 0 : written;
}

/* Data that the fastest level cannot shrink is not tried at a slower one: on random data
 * that would take twenty times as long, for nothing. */
static size_t compress(void *state, const void *from, size_t size, void *to, size_t room)
{
    const compressor_t *compressor = state;
    if (compressor->level > PROBE_ABOVE &&
        !compress_at(compressor, PROBE_LEVEL, from, size, to, room))
        return 0;
    return compress_at(compressor, compressor->level, from, size, to, room);
}

/* One frame and nothing else, of the form that compress() writes. Byte 4 describes
 * the frame: bit 5 says that the window is the content, bits 0 to 3 would announce
 * a dictionary, a checksum or a later format. */
static bool frame_is_ours(const void *from, size_t length, size_t size)
{
    const uint8_t *bytes = from;
    return length > 5 && sfpm_get_u32(bytes) == ZSTD_MAGICNUMBER &&
           (bytes[4] & 0x2F) == 0x20 &&
           zstd.call.ZSTD_getFrameContentSize(from, length) == size &&
           zstd.call.ZSTD_findFrameCompressedSize(from, length) == length;
}

static sfpm_status_t decompress(const void *from, size_t length, void *to, size_t size)
{
    if (!frame_is_ours(from, length, size))
        return SFPM_ERR_CORRUPT;
    ZSTD_DCtx *context = atomic_exchange(&zstd.idle, NULL);
    if (!context)
        context = zstd.call.ZSTD_createDCtx();
    if (!context)
        return SFPM_ERR_MEMORY;
    size_t written = zstd.call.ZSTD_decompressDCtx(context, to, size, from, length);
    zstd.call.ZSTD_freeDCtx(atomic_exchange(&zstd.idle, context));
    return written == size ? SFPM_OK : SFPM_ERR_CORRUPT;
}

const sfpm_codec_t sfpm_codec_zstd = {.name = "zstd",
                                      .default_level = SFPM_ZSTD_LEVEL,
                                      .max_level = SFPM_ZSTD_MAX_LEVEL,
                                      .load = load,
                                      .create = create,
                                      .destroy = destroy,
                                      .compress = compress,
                                      .decompress = decompress};

#else

static bool zstd_absent(void)
{
    return sfpm_library_left_out("zstd", "libzstd-dev");
}

const sfpm_codec_t sfpm_codec_zstd = {.name = "zstd",
                                      .default_level = SFPM_ZSTD_LEVEL,
                                      .max_level = SFPM_ZSTD_MAX_LEVEL,
                                      .load = zstd_absent};

#endif
