/* SPDX-License-Identifier: MIT */
/* sfpm_image_compare() against a comparison byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/compress.h"
#include "image_forge.h"

enum { SIZE = SFPM_LEAF_BYTES + 3 * SFPM_CHUNK + 77, RANGES = 4096 };

typedef struct ranges {
    uint64_t range[RANGES][2];
    size_t count;
    size_t wanted; /* the callback says stop after that many */
} ranges_t;

static uint8_t one[SIZE], two[SIZE];
static ranges_t found, expected;

static bool note_range(void *context, uint64_t offset, uint64_t length)
{
    ranges_t *ranges = context;
    ck_assert_uint_lt(ranges->count, RANGES);
    ranges->range[ranges->count][0] = offset;
    ranges->range[ranges->count++][1] = length;
    return ranges->count != ranges->wanted;
}

static void expect_ranges(size_t size_one, size_t size_two)
{
    size_t least = size_one < size_two ? size_one : size_two;
    size_t most = size_one < size_two ? size_two : size_one;
    expected = (ranges_t){.count = 0};
    for (size_t at = 0, end; at < most; at = end) {
        for (end = at; end < most && (end >= least || one[end] != two[end]);)
            end++;
        if (end > at)
            note_range(&expected, at, end - at);
        else
            end++;
    }
}

/* Where the two first differ, or where nothing differs any more: both counts then. */
static size_t first_disagreement(void)
{
    size_t i = 0;
    while (i < found.count && i < expected.count &&
           memcmp(found.range[i], expected.range[i], sizeof found.range[i]) == 0)
        i++;
    return i;
}

static sfpm_image_t *make(const uint8_t *bytes, size_t size, uint32_t format,
                          const char *method, char *path)
{
    strcpy(path, "/tmp/sfpm-compare-XXXXXX");
    close(mkstemp(path));
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    if (method)
        ck_assert_ok(sfpm_edit_set_compression(edit, method, 1));
    ck_assert_ok(sfpm_edit_set_format(edit, format));
    ck_assert_ok(sfpm_edit_set_region(edit, "other", 0, "x", 1, 0));
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, bytes, size, 0));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    return image;
}

/* Most of it is zero; some runs hold numbers. */
static void fill(void)
{
    memset(one, 0, SIZE);
    for (int run = 0; run < 12; run++) {
        size_t at = next_number() % (SIZE - 70000), length = next_number() % 70000;
        for (size_t i = 0; i < length; i++)
            one[at + i] = (uint8_t)next_number();
    }
    memcpy(two, one, SIZE);
}

/* At places where chunks, leaves and strides meet, and anywhere. */
static void change(void)
{
    static const size_t places[] = {0,
                                    63,
                                    64,
                                    SFPM_CHUNK - 1,
                                    SFPM_CHUNK,
                                    SFPM_CHUNK + 1,
                                    SFPM_LEAF_BYTES - 1,
                                    SFPM_LEAF_BYTES,
                                    SIZE - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        two[places[i]] ^= 1;
    for (int i = 0; i < 200; i++)
        two[next_number() % SIZE] ^= 0x10;
    for (size_t i = 0; i < 3 * SFPM_CHUNK; i++)
        two[5 * SFPM_CHUNK + 100 + i] = (uint8_t)~one[5 * SFPM_CHUNK + 100 + i];
}

/* Saves both, compares them both ways round, and with themselves. */
static void compare(size_t size_one, uint32_t format_one, const char *method_one,
                    size_t size_two, uint32_t format_two, const char *method_two)
{
    char path_one[64], path_two[64];
    sfpm_image_t *a = make(one, size_one, format_one, method_one, path_one);
    sfpm_image_t *b = make(two, size_two, format_two, method_two, path_two);
    expect_ranges(size_one, size_two);
    for (int swapped = 0; swapped < 2; swapped++) {
        found = (ranges_t){.count = 0};
        ck_assert_ok(sfpm_image_compare(swapped ? b : a, 1, swapped ? a : b, 1,
                                        note_range, &found));
        size_t same = first_disagreement();
        ck_assert_msg(same == found.count && same == expected.count,
                      "range %zu of %zu differs; %zu are expected", same, found.count,
                      expected.count);
        uint64_t counted = 0, bytes = 0;
        ck_assert_ok(sfpm_image_compare(swapped ? b : a, 1, swapped ? a : b, 1, NULL,
                                        &counted));
        for (size_t i = 0; i < expected.count; i++)
            bytes += expected.range[i][1];
        ck_assert_uint_eq(counted, bytes);
    }
    found = (ranges_t){.count = 0};
    ck_assert_ok(sfpm_image_compare(a, 1, a, 1, note_range, &found));
    ck_assert_uint_eq(found.count, 0);
    sfpm_image_close(a);
    sfpm_image_close(b);
    unlink(path_one);
    unlink(path_two);
}

START_TEST(ranges_are_those_that_differ)
{
    fill();
    compare(SIZE, 2, NULL, SIZE, 2, NULL);
    ck_assert_uint_eq(expected.count, 0);
    change();
    compare(SIZE, 2, NULL, SIZE, 2, NULL);
    ck_assert_uint_gt(expected.count, 100);
    /* The control: one wrong byte is noticed by this test. */
    size_t count = found.count;
    two[12345] ^= 2;
    expect_ranges(SIZE, SIZE);
    ck_assert(first_disagreement() != count || expected.count != count);
}
END_TEST

START_TEST(storage_does_not_matter)
{
    fill();
    compare(SIZE, 1, NULL, SIZE, 2, NULL);
    ck_assert_uint_eq(expected.count, 0);
    change();
    compare(SIZE, 1, NULL, SIZE, 2, NULL);
    compare(SIZE, 1, NULL, SIZE, 1, NULL);
    if (sfpm_codec_available(SFPM_CODEC_ZSTD))
        compare(SIZE, 2, "zstd", SIZE, 2, NULL);
}
END_TEST

START_TEST(what_only_one_has_differs)
{
    fill();
    compare(SIZE, 2, NULL, SIZE - 1, 2, NULL);
    ck_assert_uint_eq(expected.count, 1);
    compare(SFPM_CHUNK, 2, NULL, SFPM_LEAF_BYTES, 2, NULL);
    compare(1, 1, NULL, SIZE, 2, NULL);
    change();
    compare(SIZE, 2, NULL, SFPM_LEAF_BYTES + 1, 2, NULL);
    two[SFPM_CHUNK - 1] = (uint8_t)~one[SFPM_CHUNK - 1]; /* merged with the tail */
    compare(SFPM_CHUNK, 2, NULL, SIZE, 1, NULL);
}
END_TEST

START_TEST(a_region_is_compared_with_zeros)
{
    static const struct {
        uint32_t format;
        const char *method;
    } ways[] = {{1, NULL}, {2, NULL}, {2, "lz4"}};
    char path[64];
    memset(two, 0, SIZE);
    memset(one, 0, SIZE);
    for (int i = 0; i < 30; i++)
        memset(one + next_number() % (SIZE - 70000), 0x55, next_number() % 70000);
    one[0] = one[SFPM_LEAF_BYTES - 1] = one[SIZE - 1] = 1;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        note_input("case", i);
        sfpm_image_t *image = make(one, SIZE, ways[i].format, ways[i].method, path);
        expect_ranges(SIZE, SIZE);
        ck_assert_uint_gt(expected.count, 3);
        found = (ranges_t){.count = 0};
        ck_assert_ok(sfpm_image_compare(image, 1, NULL, 0, note_range, &found));
        ck_assert_uint_eq(found.count, expected.count);
        ck_assert_uint_eq(first_disagreement(), expected.count);
        found = (ranges_t){.wanted = 2};
        ck_assert_ok(sfpm_image_compare(image, 1, NULL, 0, note_range, &found));
        ck_assert_uint_eq(found.count, 2);
        ck_assert(!sfpm_image_compare(image, 9, NULL, 0, note_range, &found));
        sfpm_image_close(image);
        unlink(path);
    }
}
END_TEST

START_TEST(the_callback_ends_it)
{
    char path_one[64], path_two[64];
    fill();
    change();
    sfpm_image_t *a = make(one, SIZE, 2, NULL, path_one);
    sfpm_image_t *b = make(two, SIZE, 2, NULL, path_two);
    for (size_t wanted = 1; wanted < 4; wanted++) {
        found = (ranges_t){.wanted = wanted};
        ck_assert_ok(sfpm_image_compare(a, 1, b, 1, note_range, &found));
        ck_assert_uint_eq(found.count, wanted);
    }
    sfpm_image_close(a);
    sfpm_image_close(b);
    unlink(path_one);
    unlink(path_two);
}
END_TEST

/* Flips a bit of the stored copy of bytes[at], of which 32 bytes are unique. */
static void damage(const char *path, const uint8_t *bytes, size_t at)
{
    static uint8_t file[SIZE + 65536];
    FILE *stream = fopen(path, "r+b");
    size_t size = fread(file, 1, sizeof file, stream), place = 0;
    while (place + 32 <= size && memcmp(file + place, bytes + at, 32) != 0)
        place++;
    ck_assert_uint_le(place + 32, size);
    fseek(stream, (long)place, SEEK_SET);
    fputc(file[place] ^ 1, stream);
    fclose(stream);
}

START_TEST(only_what_differs_is_read)
{
    char path_one[64], path_two[64];
    memset(one, 0, SIZE);
    for (size_t i = 0; i < 2 * SFPM_CHUNK; i++)
        one[i] = (uint8_t)next_number();
    memcpy(two, one, SIZE);
    two[SFPM_CHUNK + 1000] ^= 1;
    sfpm_image_close(make(one, SIZE, 2, NULL, path_one));
    sfpm_image_close(make(two, SIZE, 2, NULL, path_two));
    damage(path_one, one, 500);
    sfpm_image_t *a = sfpm_image_open(path_one, NULL);
    sfpm_image_t *b = sfpm_image_open(path_two, NULL);
    found = (ranges_t){.count = 0};
    ck_assert_ok(sfpm_image_compare(a, 1, b, 1, note_range, &found));
    ck_assert_uint_eq(found.count, 1);
    sfpm_image_close(a);
    /* Where it differs, damage is an error, in the message of that image. */
    damage(path_one, one, SFPM_CHUNK + 500);
    a = sfpm_image_open(path_one, NULL);
    ck_assert(!sfpm_image_compare(b, 1, a, 1, note_range, &found));
    expect_fault(SFPM_ERR_CHECKSUM, path_one);
    sfpm_image_close(a);
    sfpm_image_close(b);
    unlink(path_one);
    unlink(path_two);
}
END_TEST

START_TEST(arguments_are_checked)
{
    char path[64];
    sfpm_image_t *image = make((const uint8_t *)"abc", 3, 2, NULL, path);
    ck_assert(!sfpm_image_compare(NULL, 0, image, 0, note_range, &found));
    expect_fault(SFPM_ERR_ARGUMENT, "no region 0");
    ck_assert(!sfpm_image_compare(image, 2, NULL, 0, note_range, &found));
    expect_fault(SFPM_ERR_ARGUMENT, "no region 2");
    ck_assert(!sfpm_image_compare(image, 0, image, 2, note_range, &found));
    expect_fault(SFPM_ERR_ARGUMENT, "no region 2");
    ck_assert(!sfpm_image_compare(image, 0, image, 0, NULL, NULL));
    expect_fault(SFPM_ERR_ARGUMENT, "callback");
    sfpm_image_close(image);
    unlink(path);
}
END_TEST

int main(void)
{
    const test_t core[] = {ranges_are_those_that_differ, storage_does_not_matter,
                           the_callback_ends_it, only_what_differs_is_read, NULL};
    const test_t limits[] = {what_only_one_has_differs, a_region_is_compared_with_zeros,
                             arguments_are_checked, NULL};
    return run_cases("image_compare", core, limits, enter_directory, leave_directory);
}
