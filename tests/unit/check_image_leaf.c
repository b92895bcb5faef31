/* SPDX-License-Identifier: MIT */
/* Leaves: encoder against decoder, and every way in which one can be wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image_forge.h"

enum { ROUNDS = 300, RECORD = 1 << 30 /* where the leaf's record is said to lie */ };

static sfpm_extent_t random_extent(uint32_t page, uint64_t size)
{
    uint64_t room = size - (uint64_t)page * SFPM_PAGE;
    sfpm_extent_t extent = {.first = (uint16_t)page, .pages = 1};
    if (room >= SFPM_PAGE && random_below(2)) {
        extent.kind = SFPM_EXTENT_PAGES;
        extent.pages = (uint16_t)(1 + random_below(room / SFPM_PAGE) % 40);
        extent.length = (uint32_t)extent.pages * SFPM_PAGE;
        extent.offset = (1 + random_below(1000)) * SFPM_PAGE;
    } else {
        uint64_t most = room < SFPM_PAGE ? room : SFPM_PAGE - 1;
        extent.kind = SFPM_EXTENT_PIECE;
        extent.length = (uint32_t)(1 + random_below(most));
        extent.offset = SFPM_HEADER_SIZE + random_below(100000);
    }
    return extent;
}

static void make_leaf(uint64_t size, sfpm_leaf_t *leaf)
{
    ck_assert_ok(sfpm_leaf_zero(size, sfpm_zero_sum(SFPM_CHUNK), leaf));
    free(leaf->extents);
    leaf->extents = calloc(SFPM_LEAF_PAGES, sizeof *leaf->extents);
    ck_assert_ptr_nonnull(leaf->extents);
    for (uint32_t i = 0; i < leaf->num_chunks; i++)
        leaf->sums[i] = next_number();
    uint64_t page = random_below(5);
    while (page * SFPM_PAGE < size) {
        sfpm_extent_t *extent = &leaf->extents[leaf->num_extents++];
        *extent = random_extent((uint32_t)page, size);
        page += extent->pages + random_below(3);
    }
}

START_TEST(leaves_come_back)
{
    for (int i = 0; i < ROUNDS; i++) {
        note_input("round", (uint64_t)i);
        uint64_t size = i ? 1 + random_below(SFPM_LEAF_BYTES) : SFPM_LEAF_BYTES;
        sfpm_buffer_t bytes = {0}, again = {0};
        sfpm_leaf_t leaf, back;
        make_leaf(size, &leaf);
        ck_assert_ok(sfpm_leaf_encode(&leaf, &bytes));
        ck_assert_ok(sfpm_leaf_decode(bytes.data, bytes.size, size, RECORD, &back));
        ck_assert_uint_eq(back.num_chunks, leaf.num_chunks);
        ck_assert_uint_eq(back.num_extents, leaf.num_extents);
        ck_assert_ok(sfpm_leaf_encode(&back, &again));
        ck_assert_uint_eq(bytes.size, again.size);
        ck_assert_mem_eq(bytes.data, again.data, bytes.size);
        ck_assert(leaf.num_extents == 0 ||
                  back.extents[0].offset == leaf.extents[0].offset);
        sfpm_buffer_free(&bytes);
        sfpm_buffer_free(&again);
        sfpm_leaf_free(&leaf);
        sfpm_leaf_free(&back);
    }
}
END_TEST

/* A page in every way that an extent may be cut: what is left lies where it did. */
START_TEST(extents_are_cut_to_size)
{
    for (uint32_t first = 0; first < 12; first++)
        for (uint32_t count = 1; count < 12; count++) {
            sfpm_extent_t extent = {40960, 4 * SFPM_PAGE, 4, 4, SFPM_EXTENT_PAGES, 0};
            bool meets = first < 8 && first + count > 4;
            ck_assert(sfpm_extent_cut(&extent, first, count) == meets);
            if (!meets)
                continue;
            ck_assert_uint_ge(extent.first, first);
            ck_assert_uint_le(extent.first + extent.pages, first + count);
            ck_assert_uint_eq(extent.length, extent.pages * (uint32_t)SFPM_PAGE);
            ck_assert_uint_eq(extent.offset, 40960 + (extent.first - 4u) * SFPM_PAGE);
        }
}
END_TEST

/* The digest tells sums, not where they are stored; and it tells their order. */
START_TEST(digests_are_of_the_sums)
{
    uint64_t sums[2] = {1, 2}, turned[2] = {2, 1};
    uint8_t bytes[16] = {1, 0, 0, 0, 0, 0, 0, 0, 2}, digest[SFPM_DIGEST_SIZE],
            wanted[SFPM_DIGEST_SIZE];
    sfpm_digest(bytes, sizeof bytes, wanted);
    sfpm_leaf_digest(sums, 2, digest);
    ck_assert_mem_eq(digest, wanted, sizeof digest);
    sfpm_leaf_digest(turned, 2, digest);
    ck_assert_mem_ne(digest, wanted, sizeof digest);
}
END_TEST

/* ---- limits ---- */

static void expect_bad_bytes(const sfpm_buffer_t *bytes, size_t length, uint64_t size,
                             const char *part)
{
    sfpm_leaf_t leaf;
    /* A block of its own, so that reading behind it is noticed. */
    uint8_t *copy = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes->data, length);
    ck_assert(!sfpm_leaf_decode(copy, length, size, RECORD, &leaf));
    expect_fault(SFPM_ERR_CORRUPT, part);
    ck_assert_ptr_null(leaf.sums);
    ck_assert_ptr_null(leaf.extents);
    free(copy);
}

START_TEST(counts_fit_the_payload)
{
    enum { SIZE = 5 * SFPM_CHUNK };
    sfpm_buffer_t bytes = {0};
    sfpm_leaf_t leaf;
    make_leaf(SIZE, &leaf);
    ck_assert_ok(sfpm_leaf_encode(&leaf, &bytes));
    for (size_t length = 0; length < bytes.size; length++)
        expect_bad_bytes(&bytes, length, SIZE, "invalid counts");
    expect_bad_bytes(&bytes, bytes.size, SIZE + 1, "invalid counts");
    expect_bad_bytes(&bytes, bytes.size, 4 * SFPM_CHUNK, "invalid counts");
    bytes.data[7] = 0x80; /* two thousand million extents */
    expect_bad_bytes(&bytes, bytes.size, SIZE, "invalid counts");
    ck_assert_ok(sfpm_buffer_add(&bytes, "\0", 1));
    bytes.data[7] = 0;
    expect_bad_bytes(&bytes, bytes.size, SIZE, "invalid counts");
    sfpm_buffer_free(&bytes);
    sfpm_leaf_free(&leaf);
}
END_TEST

/* More extents than pages cannot be, however long the payload. */
START_TEST(extents_are_no_more_than_pages)
{
    sfpm_buffer_t bytes = {0};
    size_t count = SFPM_LEAF_PAGES + 1;
    uint8_t *to = sfpm_buffer_extend(&bytes, 16 + count * SFPM_EXTENT_SIZE);
    ck_assert_ptr_nonnull(to);
    memset(to, 0, bytes.size);
    sfpm_put_u32(to, 1);
    sfpm_put_u32(to + 4, (uint32_t)count);
    expect_bad_bytes(&bytes, bytes.size, 100, "invalid counts");
    sfpm_buffer_free(&bytes);
}
END_TEST

/* A leaf over `size` bytes with these extents; the one at `wrong` must be named. */
static void expect_bad_extents(const sfpm_extent_t *extents, uint32_t count,
                               uint64_t size)
{
    static uint64_t sums[SFPM_LEAF_CHUNKS];
    sfpm_extent_t copy[2];
    char part[40];
    sfpm_buffer_t bytes = {0};
    memcpy(copy, extents, count * sizeof *copy);
    sfpm_leaf_t leaf = {(uint32_t)((size + SFPM_CHUNK - 1) / SFPM_CHUNK), count, sums,
                        copy};
    ck_assert_ok(sfpm_leaf_encode(&leaf, &bytes));
    snprintf(part, sizeof part, "extent %u of the leaf", (unsigned)count - 1);
    expect_bad_bytes(&bytes, bytes.size, size, part);
    sfpm_buffer_free(&bytes);
}

START_TEST(extents_that_make_no_sense_are_refused)
{
    enum { SIZE = 10 * SFPM_PAGE + 100, PAGES = SFPM_EXTENT_PAGES };
    static const sfpm_extent_t bad[] = {
        {8192, 0, 0, 0, PAGES, 0},                        /* no page */
        {8192, 4096, 0, 2, PAGES, 0},                     /* not the length of two */
        {8192, 4095, 0, 1, PAGES, 0},                     /* not that of one */
        {8200, 4096, 0, 1, PAGES, 0},                     /* unaligned */
        {8192, 2 * 4096, 9, 2, PAGES, 0},                 /* into the last, short page */
        {8192, 4096, 11, 1, PAGES, 0},                    /* behind the end */
        {8192, 4096, 65535, 1, PAGES, 0},                 /* far behind it */
        {0, 4096, 0, 1, PAGES, 0},                        /* in the header */
        {RECORD - 4096, 8192, 0, 2, PAGES, 0},            /* into the leaf's record */
        {UINT64_MAX - 4095, 4096, 0, 1, PAGES, 0},        /* over the highest offset */
        {63, 10, 0, 1, SFPM_EXTENT_PIECE, 0},             /* in the header */
        {100, 0, 0, 1, SFPM_EXTENT_PIECE, 0},             /* empty */
        {100, 4096, 0, 1, SFPM_EXTENT_PIECE, 0},          /* a whole page */
        {100, 10, 0, 2, SFPM_EXTENT_PIECE, 0},            /* two pages */
        {100, 101, 10, 1, SFPM_EXTENT_PIECE, 0},          /* behind the end */
        {RECORD - 9, 10, 0, 1, SFPM_EXTENT_PIECE, 0},     /* into the record */
        {UINT64_MAX - 5, 10, 0, 1, SFPM_EXTENT_PIECE, 0}, /* over the highest offset */
        {8192, 4096, 0, 1, 0, 0},                         /* no kind */
        {8192, 4096, 0, 1, SFPM_EXTENT_PAGES | UINT32_C(1) << 31, 0}, /* an unknown one */
        {100, 10, 1, 10, SFPM_EXTENT_CHUNK, 1},        /* a chunk from page 1 on */
        {100, 10, 0, 10, SFPM_EXTENT_CHUNK, 1},        /* not all of the chunk */
        {100, 0, 0, 11, SFPM_EXTENT_CHUNK, 1},         /* an empty chunk */
        {100, SIZE + 33, 0, 11, SFPM_EXTENT_CHUNK, 1}, /* larger than it is plain */
        {64, 0, 0, 1, SFPM_EXTENT_BASE, 0},            /* the base has no offsets */
        {0, 10, 0, 1, SFPM_EXTENT_BASE, 0},            /* nor lengths */
        {0, 0, 10, 2, SFPM_EXTENT_BASE, 0},            /* behind the end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note_input("case", i);
        expect_bad_extents(&bad[i], 1, SIZE);
    }
}
END_TEST

START_TEST(extents_ascend)
{
    static const sfpm_extent_t pairs[][2] = {
        {{8192, 8192, 0, 2, SFPM_EXTENT_PAGES, 0},
         {8192, 4096, 1, 1, SFPM_EXTENT_PAGES, 0}},
        {{8192, 4096, 3, 1, SFPM_EXTENT_PAGES, 0},
         {8192, 4096, 2, 1, SFPM_EXTENT_PAGES, 0}},
        {{100, 10, 3, 1, SFPM_EXTENT_PIECE, 0}, {100, 10, 3, 1, SFPM_EXTENT_PIECE, 0}},
    };
    for (size_t i = 0; i < 3; i++)
        expect_bad_extents(pairs[i], 2, 20 * SFPM_PAGE);
}
END_TEST

START_TEST(the_codec_of_plain_extents_is_zero)
{
    sfpm_buffer_t bytes = {0};
    uint64_t sum = 1;
    sfpm_extent_t extent = {100, 10, 0, 1, SFPM_EXTENT_PIECE, 0};
    sfpm_leaf_t leaf = {1, 1, &sum, &extent};
    ck_assert_ok(sfpm_leaf_encode(&leaf, &bytes));
    for (size_t at = bytes.size - 4; at < bytes.size; at++) {
        bytes.data[at] = 1;
        expect_bad_bytes(&bytes, bytes.size, 100, "extent 0 of the leaf");
        bytes.data[at] = 0;
    }
    ck_assert_ok(sfpm_leaf_decode(bytes.data, bytes.size, 100, RECORD, &leaf));
    sfpm_leaf_free(&leaf);
    sfpm_buffer_free(&bytes);
}
END_TEST

int main(void)
{
    const test_t core[] = {leaves_come_back, extents_are_cut_to_size,
                           digests_are_of_the_sums, NULL};
    const test_t limits[] = {counts_fit_the_payload,
                             extents_are_no_more_than_pages,
                             extents_that_make_no_sense_are_refused,
                             extents_ascend,
                             the_codec_of_plain_extents_is_zero,
                             NULL};
    return run_cases("image_leaf", core, limits, enter_directory, leave_directory);
}
