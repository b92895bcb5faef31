/* SPDX-License-Identifier: MIT */
/* The index: encoder against decoder, and every way in which one can be wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image_forge.h"

enum { ROUNDS = 300 };

/* Where things lie in the payload of sample(), whose texts are empty. */
enum {
    FIXED = SFPM_INDEX_FIXED,
    TEXTS = FIXED,
    ATTRIBUTES = TEXTS + 4 * SFPM_NUM_TEXTS,
    REGION = ATTRIBUTES + 2 * 10, /* keys and values of one byte */
    REGION_SIZE = REGION + 5,     /* behind its name */
    REGION_FLAGS = REGION_SIZE + 8,
    REGION_DIGEST = REGION_FLAGS + 16,
    LEAF = REGION_DIGEST + SFPM_DIGEST_SIZE,
    WHOLE = LEAF + SFPM_LEAF_REF_SIZE
};

/* Text of any bytes but zero. */
static char *random_text(size_t most)
{
    size_t length = (size_t)random_below(most + 1);
    char *text = calloc(length + 1, 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(1 + random_below(255));
    return text;
}

static void random_digest(uint8_t digest[SFPM_DIGEST_SIZE])
{
    for (size_t i = 0; i < SFPM_DIGEST_SIZE; i++)
        digest[i] = (uint8_t)next_number();
}

static void make_region(sfpm_region_t *region)
{
    *region = (sfpm_region_t){.name = random_text(20),
                              .size = random_below(5) * SFPM_LEAF_BYTES +
                                      random_below(2) * random_below(SFPM_LEAF_BYTES),
                              .flags = (uint32_t)random_below(8),
                              .address = next_number()};
    region->num_leaves = sfpm_num_leaves(region->size);
    region->leaves = calloc(region->num_leaves + 1, sizeof *region->leaves);
    ck_assert_ptr_nonnull(region->leaves);
    for (size_t i = 0; i < region->num_leaves; i++) {
        sfpm_leaf_ref_t *ref = &region->leaves[i];
        random_digest(ref->digest);
        if (random_below(2))
            *ref = (sfpm_leaf_ref_t){.offset = 8 * random_below(1000) + 64,
                                     .sum = next_number()};
    }
    ck_assert_ok(sfpm_region_digest(region, region->digest));
}

static void make_index(sfpm_index_t *index)
{
    uint64_t number = 1 + random_below(1000);
    *index = (sfpm_index_t){.number = number,
                            .parent = random_below(number),
                            .state_of = 1 + random_below(number),
                            .seconds = sfpm_to_i64(next_number()),
                            .nanoseconds = (uint32_t)random_below(1000000000),
                            .bytecode = (uint32_t)next_number(),
                            .schema = next_number(),
                            .attributes.count = (size_t)random_below(5),
                            .num_regions = (size_t)random_below(5)};
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++)
        index->texts[i] = random_text(i == 0 ? SFPM_TEXT_MAX : 30);
    index->attributes.list = calloc(5, sizeof *index->attributes.list);
    index->regions = calloc(5, sizeof *index->regions);
    ck_assert(index->attributes.list && index->regions);
    for (size_t i = 0; i < index->attributes.count; i++) {
        char *key = malloc(3);
        ck_assert_ptr_nonnull(key);
        snprintf(key, 3, "%c\xf0", (int)('a' + i));
        index->attributes.list[i] =
            (sfpm_attribute_t){.key = key, .value = random_text(40)};
    }
    for (size_t i = 0; i < index->num_regions; i++)
        make_region(&index->regions[i]);
}

static void expect_same(sfpm_index_t *one, sfpm_index_t *two)
{
    sfpm_buffer_t left = {0}, right = {0};
    uint8_t digests[2][SFPM_DIGEST_SIZE];
    ck_assert_ok(sfpm_index_encode(one, &left));
    ck_assert_ok(sfpm_index_encode(two, &right));
    ck_assert_uint_eq(left.size, right.size);
    ck_assert_mem_eq(left.data, right.data, left.size);
    ck_assert_ok(sfpm_state_digest(one, digests[0]));
    ck_assert_ok(sfpm_state_digest(two, digests[1]));
    ck_assert_mem_eq(digests[0], digests[1], SFPM_DIGEST_SIZE);
    sfpm_buffer_free(&left);
    sfpm_buffer_free(&right);
}

START_TEST(indexes_come_back)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        sfpm_buffer_t bytes = {0};
        sfpm_index_t index, back, copy;
        make_index(&index);
        ck_assert_ok(sfpm_index_encode(&index, &bytes));
        ck_assert_ok(sfpm_index_decode(bytes.data, bytes.size, &back));
        ck_assert_int_eq(back.seconds, index.seconds);
        ck_assert_uint_eq(back.attributes.count, index.attributes.count);
        ck_assert_uint_eq(back.num_regions, index.num_regions);
        for (size_t k = 0; k < SFPM_NUM_TEXTS; k++)
            ck_assert_str_eq(back.texts[k], index.texts[k]);
        for (size_t k = 0; k < back.num_regions; k++) {
            ck_assert_str_eq(back.regions[k].name, index.regions[k].name);
            ck_assert_uint_eq(back.regions[k].size, index.regions[k].size);
        }
        expect_same(&back, &index);
        back.bound = i % 2; /* is not encoded */
        ck_assert_ok(sfpm_index_copy(&back, &copy));
        expect_same(&copy, &index);
        ck_assert(copy.bound == back.bound);
        sfpm_index_free(&index);
        sfpm_index_free(&back);
        sfpm_index_free(&copy);
        sfpm_buffer_free(&bytes);
    }
}
END_TEST

/* ---- limits ---- */

/* An index with two attributes, a=x and b=y, and a region r of one leaf. */
static void sample(sfpm_buffer_t *bytes)
{
    static char nothing[] = "", a[] = "a", b[] = "b", x[] = "x", y[] = "y", r[] = "r";
    sfpm_attribute_t attributes[] = {{.key = a, .value = x}, {.key = b, .value = y}};
    sfpm_leaf_ref_t leaf = {.offset = 64, .sum = 1};
    sfpm_region_t region = {
        .name = r, .size = 100, .flags = 1, .num_leaves = 1, .leaves = &leaf};
    sfpm_index_t index = {.number = 5,
                          .parent = 4,
                          .state_of = 5,
                          .attributes.count = 2,
                          .attributes.list = attributes,
                          .num_regions = 1,
                          .regions = &region};
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++)
        index.texts[i] = nothing;
    ck_assert_ok(sfpm_region_digest(&region, region.digest));
    *bytes = (sfpm_buffer_t){0};
    ck_assert_ok(sfpm_index_encode(&index, bytes));
    ck_assert_uint_eq(bytes->size, WHOLE);
}

static void expect_bad_bytes(const sfpm_buffer_t *bytes, size_t length, const char *part)
{
    sfpm_index_t index;
    /* A block of its own, so that reading behind it is noticed. */
    uint8_t *copy = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes->data, length);
    ck_assert(!sfpm_index_decode(copy, length, &index));
    expect_fault(SFPM_ERR_CORRUPT, part);
    ck_assert_ptr_null(index.regions);
    ck_assert_uint_eq(index.num_regions, 0);
    free(copy);
}

/* The sample with a u64 or u32 of it changed must be refused. */
static void expect_bad(size_t at, size_t size, uint64_t value, const char *part)
{
    sfpm_buffer_t bytes;
    sample(&bytes);
    if (size == 8)
        sfpm_put_u64(bytes.data + at, value);
    else
        sfpm_put_u32(bytes.data + at, (uint32_t)value);
    expect_bad_bytes(&bytes, bytes.size, part);
    sfpm_buffer_free(&bytes);
}

START_TEST(the_sample_is_good)
{
    sfpm_buffer_t bytes;
    sfpm_index_t index;
    sample(&bytes);
    ck_assert_ok(sfpm_index_decode(bytes.data, bytes.size, &index));
    ck_assert_str_eq(index.attributes.list[1].value, "y");
    ck_assert_str_eq(index.regions[0].name, "r");
    ck_assert_uint_eq(index.regions[0].leaves[0].offset, 64);
    sfpm_index_free(&index);
    sfpm_buffer_free(&bytes);
}
END_TEST

START_TEST(cut_indexes_are_refused)
{
    sfpm_buffer_t bytes;
    sample(&bytes);
    for (size_t length = 0; length < WHOLE; length++)
        expect_bad_bytes(&bytes, length, "the index is invalid");
    ck_assert_ok(sfpm_buffer_add(&bytes, "", 1));
    expect_bad_bytes(&bytes, bytes.size, "trailing bytes");
    sfpm_buffer_free(&bytes);
}
END_TEST

START_TEST(numbers_must_not_contradict_each_other)
{
    expect_bad(0, 8, 0, "commit numbers");
    expect_bad(8, 8, 5, "commit numbers");
    expect_bad(8, 8, UINT64_MAX, "commit numbers");
    expect_bad(16, 8, 0, "commit numbers");
    expect_bad(16, 8, 6, "commit numbers");
    expect_bad(32, 4, 1000000000, "its time");
    expect_bad(88, 8, 1, "reserved bytes");
    expect_bad(88, 8, UINT64_C(1) << 63, "reserved bytes");
}
END_TEST

START_TEST(counts_are_bounded_by_what_is_there)
{
    expect_bad(48, 4, UINT32_MAX, "exceed its size");
    expect_bad(52, 4, UINT32_MAX, "exceed its size");
    expect_bad(52, 4, 2, "ends too early");
    expect_bad(52, 4, 0, "trailing bytes");
    expect_bad(48, 4, 3, "the index is invalid");
}
END_TEST

START_TEST(texts_are_bounded_and_hold_no_zeros)
{
    expect_bad(TEXTS, 4, SFPM_TEXT_MAX + 1, "text is too long");
    expect_bad(TEXTS, 4, UINT32_MAX, "text is too long");
    expect_bad(TEXTS, 4, SFPM_TEXT_MAX, "ends too early");
    expect_bad(TEXTS, 4, 1, "zero byte"); /* of the next length */
    sfpm_buffer_t bytes;
    sample(&bytes);
    bytes.data[REGION + 4] = 0;
    expect_bad_bytes(&bytes, bytes.size, "zero byte");
    sfpm_buffer_free(&bytes);
}
END_TEST

START_TEST(attributes_strictly_ascend)
{
    sfpm_buffer_t bytes;
    sample(&bytes);
    bytes.data[ATTRIBUTES + 4] = 'b';
    expect_bad_bytes(&bytes, bytes.size, "out of order");
    bytes.data[ATTRIBUTES + 4] = 0xc0; /* as bytes, not as signed characters */
    expect_bad_bytes(&bytes, bytes.size, "out of order");
    sfpm_buffer_free(&bytes);
}
END_TEST

START_TEST(regions_have_known_flags_and_their_digest)
{
    expect_bad(REGION_FLAGS, 4, 32, "unknown flags");
    expect_bad(REGION_FLAGS, 4, UINT32_C(1) << 31, "unknown flags");
    expect_bad(REGION_FLAGS + 4, 4, 1, "refers to a base image");
    expect_bad(REGION_DIGEST, 8, 0, "does not match its leaves");
    expect_bad(LEAF + 16, 8, 1, "does not match its leaves");
    expect_bad(REGION_SIZE, 8, 101, "does not match its leaves");
}
END_TEST

START_TEST(regions_are_no_larger_than_their_table)
{
    expect_bad(REGION_SIZE, 8, SFPM_LEAF_BYTES + 1, "larger than its table");
    expect_bad(REGION_SIZE, 8, UINT64_MAX, "larger than its table");
    expect_bad(LEAF, 8, 0, "not stored has a checksum");
    expect_bad(LEAF, 8, 1, "offset of a leaf");
    expect_bad(LEAF, 8, 63, "offset of a leaf");
}
END_TEST

/* What the digest of a state tells apart: names, sizes, flags, order, contents. */
START_TEST(state_digests_tell_states_apart)
{
    static const size_t places[] = {REGION + 4, REGION_FLAGS};
    uint8_t good[SFPM_DIGEST_SIZE], other[SFPM_DIGEST_SIZE];
    sfpm_buffer_t bytes;
    sfpm_index_t index;
    sample(&bytes);
    ck_assert_ok(sfpm_index_decode(bytes.data, bytes.size, &index));
    ck_assert_ok(sfpm_state_digest(&index, good));
    sfpm_index_free(&index);
    for (size_t i = 0; i < 2; i++) {
        bytes.data[places[i]] ^= 2;
        ck_assert_ok(sfpm_index_decode(bytes.data, bytes.size, &index));
        ck_assert_ok(sfpm_state_digest(&index, other));
        ck_assert_mem_ne(good, other, sizeof good);
        sfpm_index_free(&index);
        bytes.data[places[i]] ^= 2;
    }
    sfpm_put_u64(bytes.data + LEAF, 8 * 64); /* stored elsewhere: the same state */
    sfpm_put_u64(bytes.data + 24, 77);       /* at another time */
    ck_assert_ok(sfpm_index_decode(bytes.data, bytes.size, &index));
    ck_assert_ok(sfpm_state_digest(&index, other));
    ck_assert_mem_eq(good, other, sizeof good);
    sfpm_index_free(&index);
    sfpm_buffer_free(&bytes);
}
END_TEST

int main(void)
{
    const test_t core[] = {indexes_come_back, the_sample_is_good,
                           state_digests_tell_states_apart, NULL};
    const test_t limits[] = {cut_indexes_are_refused,
                             numbers_must_not_contradict_each_other,
                             counts_are_bounded_by_what_is_there,
                             texts_are_bounded_and_hold_no_zeros,
                             attributes_strictly_ascend,
                             regions_have_known_flags_and_their_digest,
                             regions_are_no_larger_than_their_table,
                             NULL};
    return run_cases("image_index", core, limits, enter_directory, leave_directory);
}
