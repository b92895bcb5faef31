/* SPDX-License-Identifier: MIT */
/* Compression: what goes in comes out, and damaged data stays within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/codec.h"
#include "codec/compress.h"
#include "common.h"

enum { CHUNK = 65536, GUARD = 64, GUARD_BYTE = 0xA5 };

enum { ZERO, TEXT, STRUCTS, RANDOM, NUM_KINDS };

/* Bytes of one kind of data. */
static void fill(uint8_t *to, size_t size, int kind)
{
    for (size_t i = 0; i < size; i++) {
        switch (kind) {
        case ZERO:
            to[i] = 0;
            break;
        case TEXT:
            to[i] = (uint8_t) "the image at rest: small, sealed"[i / 3 % 32];
            break;
        case STRUCTS:
            to[i] = (uint8_t)(i % 16 < 11 ? i / 4096 : next_number());
            break;
        default:
            to[i] = (uint8_t)next_number();
        }
    }
}

/* Sizes around everything that may matter, and others between. */
static size_t sample_size(int i)
{
    static const size_t sizes[] = {1,   2,    3,    4,    5,    12,    13,   14,
                                   63,  64,   65,   127,  128,  255,   256,  257,
                                   511, 1000, 4095, 4096, 4097, 65535, 65536};
    enum { FIXED = sizeof sizes / sizeof sizes[0] };
    return i < FIXED ? sizes[i] : 1 + (size_t)(next_number() % CHUNK);
}

/* A chunk in memory with guards behind what may be written. */
typedef struct guarded {
    size_t size;
    uint8_t *bytes;
} guarded_t;

static guarded_t new_guarded(size_t size)
{
    guarded_t buffer = {size, malloc(size + GUARD)};
    ck_assert_ptr_nonnull(buffer.bytes);
    memset(buffer.bytes, GUARD_BYTE, size + GUARD);
    return buffer;
}

static void free_guarded(guarded_t *buffer)
{
    for (size_t i = 0; i < GUARD; i++)
        ck_assert_msg(buffer->bytes[buffer->size + i] == GUARD_BYTE,
                      "byte %zu behind %zu was written", i, buffer->size);
    free(buffer->bytes);
}

static const struct {
    uint32_t codec;
    int level;
} cases[] = {{SFPM_CODEC_LZ4, 1},  {SFPM_CODEC_LZ4, 2},   {SFPM_CODEC_LZ4, 3},
             {SFPM_CODEC_LZ4, 12}, {SFPM_CODEC_ZSTD, 1},  {SFPM_CODEC_ZSTD, 3},
             {SFPM_CODEC_ZSTD, 9}, {SFPM_CODEC_ZSTD, 19}, {SFPM_CODEC_ZSTD, 22}};
enum { NUM_CASES = sizeof cases / sizeof cases[0] };

/* Whether a library is in this build; unit tests of what is missing are elsewhere. */
static bool lacks(uint32_t codec)
{
    return !sfpm_codec_available(codec) && strstr(sfpm_last_error(), "built without");
}

static void check_round_trip(sfpm_compressor_t *compressor, uint32_t codec, size_t size,
                             int kind)
{
    guarded_t plain = new_guarded(size);
    guarded_t packed = new_guarded(size);
    guarded_t back = new_guarded(size);
    fill(plain.bytes, size, kind);
    size_t length = sfpm_compress(compressor, plain.bytes, size, packed.bytes, size);
    ck_assert_uint_le(length, size);
    if (size >= 4096)
        ck_assert_msg((length == 0) == (kind == RANDOM), "kind %d: %zu to %zu", kind,
                      size, length);
    if (length > 0) {
        ck_assert_msg(sfpm_decompress(codec, packed.bytes, length, back.bytes, size),
                      "%s", sfpm_last_error());
        ck_assert_mem_eq(plain.bytes, back.bytes, size);
    }
    free_guarded(&plain);
    free_guarded(&packed);
    free_guarded(&back);
}

START_TEST(what_goes_in_comes_out)
{
    uint32_t codec = cases[_i].codec;
    if (lacks(codec))
        return;
    sfpm_compressor_t *compressor = sfpm_compressor_create(codec, cases[_i].level);
    ck_assert_msg(compressor != NULL, "%s", sfpm_last_error());
    for (int i = 0; i < 40; i++)
        for (int kind = 0; kind < NUM_KINDS; kind++) {
            note_input("sample", (uint64_t)(i * NUM_KINDS + kind));
            check_round_trip(compressor, codec, sample_size(i), kind);
        }
    sfpm_compressor_destroy(compressor);
}
END_TEST

START_TEST(compression_keeps_to_its_room)
{
    uint32_t codec = cases[_i].codec;
    if (lacks(codec))
        return;
    sfpm_compressor_t *compressor = sfpm_compressor_create(codec, cases[_i].level);
    guarded_t plain = new_guarded(CHUNK);
    fill(plain.bytes, CHUNK, STRUCTS);
    guarded_t whole = new_guarded(CHUNK);
    size_t needed = sfpm_compress(compressor, plain.bytes, CHUNK, whole.bytes, CHUNK);
    ck_assert_uint_gt(needed, 0);
    for (size_t room = 0; room <= needed; room = room * 2 + 1) {
        guarded_t packed = new_guarded(room);
        size_t length = sfpm_compress(compressor, plain.bytes, CHUNK, packed.bytes, room);
        ck_assert_uint_le(length, room);
        free_guarded(&packed);
    }
    guarded_t half = new_guarded(needed / 2);
    ck_assert_uint_eq(
        sfpm_compress(compressor, plain.bytes, CHUNK, half.bytes, needed / 2), 0);
    free_guarded(&half);
    free_guarded(&whole);
    free_guarded(&plain);
    sfpm_compressor_destroy(compressor);
}
END_TEST

/* Unpacks into exactly `size` bytes; a failure must be called corrupt. */
static bool unpack_guarded(uint32_t codec, const uint8_t *from, size_t length,
                           size_t size)
{
    guarded_t back = new_guarded(size);
    /* Of the exact length, so that reading beyond it is found too. */
    uint8_t *exact = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, from, length);
    bool ok = sfpm_decompress(codec, exact, length, back.bytes, size);
    if (!ok)
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CORRUPT);
    free(exact);
    free_guarded(&back);
    return ok;
}

START_TEST(damage_stays_within_bounds)
{
    uint32_t codec = cases[_i].codec;
    if (lacks(codec))
        return;
    sfpm_compressor_t *compressor = sfpm_compressor_create(codec, cases[_i].level);
    static uint8_t plain[8192];
    static uint8_t packed[8192];
    fill(plain, sizeof plain, STRUCTS);
    size_t length = sfpm_compress(compressor, plain, sizeof plain, packed, sizeof packed);
    sfpm_compressor_destroy(compressor);
    ck_assert_uint_gt(length, 0);
    ck_assert(unpack_guarded(codec, packed, length, sizeof plain));
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
        note_input("round", (uint64_t)round);
        size_t where = (size_t)(next_number() % length);
        uint8_t saved = packed[where];
        packed[where] ^= (uint8_t)(1 + next_number() % 255);
        refused += !unpack_guarded(codec, packed, length, sizeof plain);
        packed[where] = saved;
    }
    ck_assert_int_gt(refused, 0);
    for (size_t cut = 0; cut < length; cut += 1 + cut / 16) {
        note_input("cut", cut);
        ck_assert(!unpack_guarded(codec, packed, cut, sizeof plain));
    }
    static const long others[] = {-8191, -8000, -4096, -1, 1, 4096, 57344, 1 << 20};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        note_input("case", i);
        ck_assert(!unpack_guarded(codec, packed, length,
                                  (size_t)((long)sizeof plain + others[i])));
    }
}
END_TEST

START_TEST(noise_is_no_compressed_data)
{
    uint8_t noise[512];
    for (uint32_t codec = SFPM_CODEC_ZSTD; codec <= SFPM_CODEC_LZ4; codec++)
        for (int round = 0; round < 2000 && !lacks(codec); round++) {
            note_input("round", (uint64_t)round);
            fill(noise, sizeof noise, round % 2 ? RANDOM : STRUCTS);
            if (codec == SFPM_CODEC_ZSTD && round % 3)
                sfpm_put_u32(noise, UINT32_C(0xFD2FB528)); /* a frame, it says */
            unpack_guarded(codec, noise, next_number() % sizeof noise, 4096);
        }
}
END_TEST

/* Frames that zstd itself would unpack, but images do not hold. Each is the text
 * "aaaa…" of 300 bytes, as one RLE block, after the header named. */
START_TEST(other_zstd_frames_are_refused)
{
    if (lacks(SFPM_CODEC_ZSTD))
        return;
    /* RLE block, last, 300 bytes: 300 << 3 | 1 << 1 | 1 = 0x000963. */
    static const struct {
        const char *what;
        uint8_t bytes[20];
        size_t length;
        bool good;
    } frames[] = {
        {"ours",
         {0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x2C, 0x00, 0x63, 0x09, 0x00, 'a'},
         11,
         true},
        {"no content size, window of 1 KiB",
         {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x63, 0x09, 0x00, 'a'},
         10,
         false},
        {"content size and a window of its own, 2 GiB",
         {0x28, 0xB5, 0x2F, 0xFD, 0x40, 0xA8, 0x2C, 0x00, 0x63, 0x09, 0x00, 'a'},
         12,
         false},
        {"a dictionary",
         {0x28, 0xB5, 0x2F, 0xFD, 0x61, 0x07, 0x2C, 0x00, 0x63, 0x09, 0x00, 'a'},
         12,
         false},
        {"a reserved bit",
         {0x28, 0xB5, 0x2F, 0xFD, 0x68, 0x2C, 0x00, 0x63, 0x09, 0x00, 'a'},
         11,
         false},
        {"content size 301",
         {0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x2D, 0x00, 0x63, 0x09, 0x00, 'a'},
         11,
         false},
        {"a byte behind the frame",
         {0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x2C, 0x00, 0x63, 0x09, 0x00, 'a', 0},
         12,
         false},
        {"a skippable frame before",
         {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0, 0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x2C, 0x00,
          0x63, 0x09, 0x00, 'a'},
         19,
         false},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        ck_assert_msg(unpack_guarded(SFPM_CODEC_ZSTD, frames[i].bytes, frames[i].length,
                                     300) == frames[i].good,
                      "%s", frames[i].what);
}
END_TEST

START_TEST(compression_repeats_itself)
{
    uint32_t codec = cases[_i].codec;
    if (lacks(codec))
        return;
    static uint8_t plain[CHUNK];
    static uint8_t first[CHUNK];
    static uint8_t second[CHUNK];
    fill(plain, CHUNK, STRUCTS);
    sfpm_compressor_t *fresh = sfpm_compressor_create(codec, cases[_i].level);
    size_t length = sfpm_compress(fresh, plain, CHUNK, first, CHUNK);
    ck_assert_uint_gt(length, 0);
    /* A used compressor gives the same bytes as a fresh one. */
    fill(second, CHUNK, TEXT);
    static uint8_t scratch[CHUNK];
    ck_assert_uint_gt(sfpm_compress(fresh, second, CHUNK, scratch, CHUNK), 0);
    ck_assert_uint_eq(sfpm_compress(fresh, plain, CHUNK, second, CHUNK), length);
    ck_assert_mem_eq(first, second, length);
    sfpm_compressor_destroy(fresh);
}
END_TEST

START_TEST(names_and_levels_parse)
{
    static const struct {
        const char *text;
        uint32_t codec;
        int level;
    } good[] = {{"none", SFPM_CODEC_NONE, 0},    {"zstd", SFPM_CODEC_ZSTD, 3},
                {"zstd:1", SFPM_CODEC_ZSTD, 1},  {"zstd:22", SFPM_CODEC_ZSTD, 22},
                {"zstd:09", SFPM_CODEC_ZSTD, 9}, {"lz4", SFPM_CODEC_LZ4, 1},
                {"lz4:12", SFPM_CODEC_LZ4, 12}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        note_input("case", i);
        uint32_t codec = 77;
        int level = 77;
        if (lacks(good[i].codec))
            continue;
        ck_assert_msg(sfpm_codec_parse(good[i].text, &codec, &level), "%s: %s",
                      good[i].text, sfpm_last_error());
        ck_assert_uint_eq(codec, good[i].codec);
        ck_assert_int_eq(level, good[i].level);
    }
}
END_TEST

START_TEST(other_names_and_levels_do_not)
{
    static const char *const bad[] = {
        NULL,      "",        ":",      "zst",      "zstdx",
        "ZSTD",    "zstd:",   "zstd:0", "zstd:23",  "zstd:-1",
        "zstd:+1", "zstd: 1", "lz4:13", "lz4:1x",   "none:1",
        "none:",   "lz4 ",    "3",      "zstd:003", "zstd:4294967299",
        "lz4:1:2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        uint32_t codec = 77;
        int level = 77;
        ck_assert_msg(!sfpm_codec_parse(bad[i], &codec, &level), "%s", bad[i]);
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
        ck_assert_uint_eq(codec, 77);
        ck_assert_int_eq(level, 77);
    }
    sfpm_codec_parse("gzip", &(uint32_t){0}, &(int){0});
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "gzip"));
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "zstd:LEVEL"));
    sfpm_codec_parse("lz4:13", &(uint32_t){0}, &(int){0});
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "1 to 12"));
}
END_TEST

START_TEST(unknown_numbers_are_refused)
{
    ck_assert(!sfpm_codec_available(3));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
    ck_assert(!sfpm_decompress(UINT32_MAX, "x", 1, &(uint8_t){0}, 1));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(limits_of_the_compressor)
{
    ck_assert_ptr_null(sfpm_compressor_create(9, 1));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
    sfpm_compressor_destroy(NULL);
    for (uint32_t codec = SFPM_CODEC_ZSTD; codec <= SFPM_CODEC_LZ4; codec++) {
        if (lacks(codec))
            continue;
        ck_assert_ptr_null(sfpm_compressor_create(codec, 0));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
        ck_assert_ptr_null(sfpm_compressor_create(codec, 23));
        sfpm_compressor_t *compressor = sfpm_compressor_create(codec, 1);
        uint8_t *huge = calloc(2, SFPM_COMPRESS_MAX);
        ck_assert_ptr_nonnull(huge);
        uint8_t packed[65536];
        size_t most = SFPM_COMPRESS_MAX;
        size_t length = sfpm_compress(compressor, huge, most, packed, sizeof packed);
        ck_assert_uint_gt(length, 0);
        ck_assert(sfpm_decompress(codec, packed, length, huge, most));
        ck_assert_uint_eq(
            sfpm_compress(compressor, huge, most + 1, packed, sizeof packed), 0);
        ck_assert_uint_eq(sfpm_compress(compressor, huge, 0, packed, sizeof packed), 0);
        ck_assert(!sfpm_decompress(codec, packed, length, huge, most + 1));
        ck_assert(!sfpm_decompress(codec, packed, length, huge, 0));
        free(huge);
        sfpm_compressor_destroy(compressor);
    }
    sfpm_compressor_t *none = sfpm_compressor_create(SFPM_CODEC_NONE, 0);
    ck_assert_ptr_nonnull(none);
    ck_assert_uint_eq(sfpm_compress(none, "aaaa", 4, (char[4]){0}, 4), 0);
    sfpm_compressor_destroy(none);
    ck_assert(!sfpm_decompress(SFPM_CODEC_NONE, "aaaa", 4, (char[4]){0}, 4));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CORRUPT);
}
END_TEST

static Suite *codec_suite(void)
{
    Suite *suite = suite_create("codec");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_loop_test(core, what_goes_in_comes_out, 0, NUM_CASES);
    tcase_add_loop_test(core, compression_repeats_itself, 0, NUM_CASES);
    tcase_add_test(core, names_and_levels_parse);
    tcase_add_test(core, unknown_numbers_are_refused);
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_loop_test(limits, compression_keeps_to_its_room, 0, NUM_CASES);
    tcase_add_loop_test(limits, damage_stays_within_bounds, 0, NUM_CASES);
    tcase_add_test(limits, noise_is_no_compressed_data);
    tcase_add_test(limits, other_zstd_frames_are_refused);
    tcase_add_test(limits, other_names_and_levels_do_not);
    tcase_add_test(limits, limits_of_the_compressor);
    return suite;
}

int main(void)
{
    return run_all(codec_suite());
}
