/* SPDX-License-Identifier: MIT */
/* lz4: one raw block per chunk; its size is known from the chunk. */
#include "codec/codec.h"
#include "codec/library.h"

#ifdef SFPM_LZ4_SONAME

#include <stdlib.h>

#include <lz4.h>
#include <lz4hc.h>

#include "base/memory.h"

#define FUNCTIONS(FUNCTION)                                                              \
    FUNCTION(int, LZ4_sizeofState, (void))                                               \
    FUNCTION(int, LZ4_sizeofStateHC, (void))                                             \
    FUNCTION(int, LZ4_compress_fast_extState,                                            \
             (void *, const char *, char *, int, int, int))                              \
    FUNCTION(int, LZ4_compress_HC_extStateHC,                                            \
             (void *, const char *, char *, int, int, int))                              \
    FUNCTION(int, LZ4_decompress_safe, (const char *, char *, int, int))
FUNCTIONS(SFPM_LIBRARY_CHECK)

static const char *const names[] = {FUNCTIONS(SFPM_LIBRARY_NAME)};

enum {
    NUM_NAMES = sizeof names / sizeof names[0],
    SEARCH_LEVEL = 3 /* from here on lz4's slower search, which writes the same format */
};

SFPM_LIBRARY_NOTE("lz4", "images compressed with lz4", SFPM_LZ4_SONAME)

static struct {
    sfpm_library_t library;
    struct {
        FUNCTIONS(SFPM_LIBRARY_MEMBER)
    } call;
} lz4 = {.library = {.name = "lz4",
                     .soname = SFPM_LZ4_SONAME,
                     .package = "liblz4-1",
                     .symbols = names,
                     .num_symbols = NUM_NAMES}};
_Static_assert(sizeof lz4.call == NUM_NAMES * sizeof(void *), "one address per name");

typedef struct compressor {
    int level;
    void *state; /* of the library, which aligns as malloc does */
} compressor_t;

static bool load(void)
{
    return sfpm_library_load(&lz4.library, &lz4.call);
}

static void destroy(void *state)
{
    compressor_t *compressor = state;
    free(compressor->state);
    free(compressor);
}

static void *create(int level)
{
    compressor_t *compressor = SFPM_NEW(compressor_t);
    if (!compressor)
        return NULL;
    int size =
        level < SEARCH_LEVEL ? lz4.call.LZ4_sizeofState() : lz4.call.LZ4_sizeofStateHC();
    compressor->level = level;
    compressor->state = sfpm_new_array(1, (size_t)size);
    if (compressor->state)
        return compressor;
    destroy(compressor);
    return NULL;
}

/* With less room than data, lz4 gives up early on what does not shrink. */
static size_t compress(void *state, const void *from, size_t size, void *to, size_t room)
{
    const compressor_t *compressor = state;
    int most = room < SFPM_COMPRESS_MAX ? (int)room : (int)SFPM_COMPRESS_MAX;
    int written =
        compressor->level < SEARCH_LEVEL
            ? lz4.call.LZ4_compress_fast_extState(compressor->state, from, to, (int)size,
                                                  most, 1)
            : lz4.call.LZ4_compress_HC_extStateHC(compressor->state, from, to, (int)size,
                                                  most, compressor->level);
    return written > 0 ? (size_t)written : 0;
}

static sfpm_status_t decompress(const void *from, size_t length, void *to, size_t size)
{
    int written = lz4.call.LZ4_decompress_safe(from, to, (int)length, (int)size);
    return written == (int)size ? SFPM_OK : SFPM_ERR_CORRUPT;
}

const sfpm_codec_t sfpm_codec_lz4 = {.name = "lz4",
                                     .default_level = SFPM_LZ4_LEVEL,
                                     .max_level = SFPM_LZ4_MAX_LEVEL,
                                     .load = load,
                                     .create = create,
                                     .destroy = destroy,
                                     .compress = compress,
                                     .decompress = decompress};

#else

static bool lz4_absent(void)
{
    return sfpm_library_left_out("lz4", "liblz4-dev");
}

const sfpm_codec_t sfpm_codec_lz4 = {.name = "lz4",
                                     .default_level = SFPM_LZ4_LEVEL,
                                     .max_level = SFPM_LZ4_MAX_LEVEL,
                                     .load = lz4_absent};

#endif
