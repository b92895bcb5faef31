/* SPDX-License-Identifier: MIT */
/*
 * Chains of deltas: each page is read in the one image that holds it, whatever lies
 * between, and a chunk is verified once. What is read and summed is counted, in the place
 * of sfpm_input_read() and sfpm_checksum().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/image.h>

#include "commit/commit.h"
#include "image_forge.h"

enum { LEVELS = SFPM_BASES_MAX, SIZE = 4 * SFPM_CHUNK + 5 * SFPM_PAGE + 100 };

/* ---- counting ---- */

static uint64_t bytes_read, bytes_summed, reads;

bool __real_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size);
bool __wrap_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size);
bool __wrap_sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to,
                            size_t size)
{
    bytes_read += size;
    reads++;
    return __real_sfpm_input_read(input, offset, to, size);
}

uint64_t __real_sfpm_checksum(const void *bytes, size_t size, uint64_t seed);
uint64_t __wrap_sfpm_checksum(const void *bytes, size_t size, uint64_t seed);
uint64_t __wrap_sfpm_checksum(const void *bytes, size_t size, uint64_t seed)
{
    bytes_summed += size;
    return __real_sfpm_checksum(bytes, size, seed);
}

static void count_from_here(void)
{
    bytes_read = bytes_summed = reads = 0;
}

/* ---- chains ---- */

static uint8_t state[2 * SIZE], found[2 * SIZE];

static const char *name_of(int level)
{
    static char name[2][24];
    static int which;
    which = !which;
    snprintf(name[which], sizeof name[which], "level%d.img", level);
    return name[which];
}

static sfpm_image_t *open_level(int level)
{
    sfpm_image_t *image = sfpm_image_open(name_of(level), NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    return image;
}

/* The state as a delta on the level below, or as a whole. */
static void save_level(int level, size_t size, const char *method)
{
    sfpm_image_t *base = level > 0 ? open_level(level - 1) : NULL;
    sfpm_edit_t *edit = sfpm_edit_create(base);
    ck_assert_ok(sfpm_edit_set_compression(edit, method, 0));
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, state, size, 0));
    ck_assert_ok(base ? sfpm_edit_save_delta(edit, name_of(level), NULL)
                      : sfpm_edit_save(edit, name_of(level), NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(base);
}

static void change_page(size_t page)
{
    for (size_t i = 0; i < SFPM_PAGE; i++)
        state[page * SFPM_PAGE + i] = (uint8_t)(next_number() | 1);
}

static void expect_contents(int level, size_t size)
{
    sfpm_image_t *image = open_level(level);
    memset(found, 0xee, sizeof found);
    ck_assert_uint_eq(sfpm_image_region(image, 0)->size, size);
    ck_assert_ok(sfpm_image_read(image, 0, 0, found, size));
    ck_assert(memcmp(found, state, size) == 0);
    for (int i = 0; i < 20; i++) {
        size_t from = (size_t)random_below(size);
        size_t count = 1 + (size_t)random_below(size - from);
        ck_assert_ok(sfpm_image_read(image, 0, from, found, count));
        ck_assert(memcmp(found, state + from, count) == 0);
    }
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

/* Each level has one page of sixteen of its own, so that each chunk lies in all. */
static void make_deep_chain(void)
{
    for (size_t page = 0; page * SFPM_PAGE < SIZE; page++)
        change_page(page);
    save_level(0, SIZE, "none");
    for (int level = 1; level <= LEVELS; level++) {
        for (size_t page = (size_t)level % 16; (page + 1) * SFPM_PAGE <= SIZE; page += 16)
            change_page(page);
        save_level(level, SIZE, "none");
    }
}

static void flatten(const char *to)
{
    sfpm_image_t *image = open_level(LEVELS);
    sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    ck_assert_ok(sfpm_image_rewrite(image, to, &flat));
    sfpm_image_close(image);
}

static bool read_all(sfpm_image_t *image)
{
    return sfpm_image_read(image, 0, 0, found, (size_t)sfpm_image_region(image, 0)->size);
}

static bool check_all(sfpm_image_t *image)
{
    return sfpm_image_check(image, NULL, NULL);
}

static bool rewrite_all(sfpm_image_t *image)
{
    sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    return sfpm_image_rewrite(image, "rewritten.img", &flat);
}

static bool commit_to(sfpm_image_t *image)
{
    sfpm_edit_t *edit = sfpm_edit_create(image);
    bool ok = sfpm_edit_set_region(edit, "data", 0, state, SIZE, 0) &&
              sfpm_edit_save(edit, "saved.img", NULL);
    sfpm_edit_destroy(edit);
    return ok;
}

static bool any_range(void *context, uint64_t offset, uint64_t length)
{
    (void)context;
    (void)offset;
    (void)length;
    return true;
}

static bool compare_all(sfpm_image_t *image)
{
    sfpm_image_t *bottom = open_level(0);
    bool ok = sfpm_image_compare(image, 0, bottom, 0, any_range, NULL);
    sfpm_image_close(bottom);
    return ok;
}

static bool (*const walks[])(sfpm_image_t *image) = {read_all, check_all, rewrite_all,
                                                     commit_to, compare_all};

/* What the deepest chain costs is at most twice what the flat image does, apart from the
 * leaves, headers and indexes of the levels. */
START_TEST(a_chain_costs_no_more_than_twice_the_whole)
{
    enum { LEVEL = 32 << 10 };
    make_deep_chain();
    expect_contents(LEVELS, SIZE);
    flatten("flat.img");
    sfpm_image_t *flat = sfpm_image_open("flat.img", NULL);
    sfpm_image_t *deep = open_level(LEVELS);
    ck_assert(flat && deep);
    count_from_here();
    ck_assert_ok(walks[_i](flat));
    uint64_t read = bytes_read, summed = bytes_summed, calls = reads;
    ck_assert_uint_gt(read + summed, SIZE);
    count_from_here();
    ck_assert_ok(walks[_i](deep));
    ck_assert_uint_le(bytes_read, 2 * read + LEVELS * LEVEL);
    ck_assert_uint_le(bytes_summed, 2 * summed + LEVELS * LEVEL);
    /* Each page by itself at the most, and what tells of it. */
    ck_assert_uint_le(reads, 2 * calls + 4 * (SIZE / SFPM_PAGE) + LEVELS * 16);
    sfpm_image_close(flat);
    sfpm_image_close(deep);
}
END_TEST

/* Sizes, compression and what is changed differ from level to level. */
START_TEST(any_chain_gives_what_was_saved)
{
    static const char *const methods[] = {"none", "zstd:1", "lz4"};
    random_start((uint64_t)_i);
    memset(state, 0, sizeof state);
    for (int level = 0; level <= LEVELS; level++) {
        note_input("level", (uint64_t)level);
        size_t size = SIZE + (size_t)random_below(SIZE / 2);
        for (uint64_t i = random_below(40); i > 0; i--) {
            size_t page = (size_t)random_below(2 * SIZE / SFPM_PAGE);
            if (random_below(4) == 0)
                memset(state + page * SFPM_PAGE, 0, SFPM_PAGE);
            else if (random_below(2))
                state[page * SFPM_PAGE + random_below(SFPM_PAGE)] ^= 1;
            else
                change_page(page);
        }
        save_level(level, size, methods[random_below(3)]);
        expect_contents(level, size);
    }
}
END_TEST

/* ---- the worst ---- */

static const char region_name[] = "r";

/* One chunk, of which each page is a reference of its own to the level below. */
static void forge_level(int level, const uint8_t below[SFPM_DIGEST_SIZE],
                        uint8_t digest[SFPM_DIGEST_SIZE])
{
    forge_t forge;
    sfpm_index_t index;
    sfpm_buffer_t bytes = {0};
    sfpm_extent_t extents[SFPM_CHUNK_PAGES] = {0};
    uint64_t sum = sfpm_checksum(state, SFPM_CHUNK, 0);
    sfpm_leaf_t leaf = {.num_chunks = 1, .sums = &sum, .extents = extents};
    sfpm_leaf_ref_t ref = {0};
    char name[8], base[24];
    forge_start_with(&forge, level > 0 ? SFPM_INCOMPATIBLE_DELTA : 0);
    uint64_t data = 0;
    if (level == 0) {
        data = forge_record(&forge, SFPM_RECORD_DATA, state, SFPM_CHUNK);
        data += SFPM_RECORD_SIZE;
    }
    for (leaf.num_extents = 0; leaf.num_extents < SFPM_CHUNK_PAGES; leaf.num_extents++) {
        sfpm_extent_t *extent = &extents[leaf.num_extents];
        *extent = (sfpm_extent_t){.first = (uint16_t)leaf.num_extents, .pages = 1};
        extent->kind = level > 0 ? SFPM_EXTENT_BASE : SFPM_EXTENT_PIECE;
        if (level == 0) {
            extent->offset = data + leaf.num_extents * (uint64_t)SFPM_PAGE;
            extent->length = SFPM_PAGE - 1;
        }
    }
    ck_assert_ok(sfpm_leaf_encode(&leaf, &bytes));
    ref.offset = forge_record(&forge, SFPM_RECORD_LEAF, bytes.data, bytes.size);
    ref.sum = sfpm_checksum(bytes.data, bytes.size, 0);
    sfpm_leaf_digest(&sum, 1, ref.digest);
    strcpy(name, region_name);
    sfpm_region_t region = {.name = name, .size = SFPM_CHUNK, .num_leaves = 1};
    region.leaves = &ref;
    region.base = level > 0;
    ck_assert_ok(sfpm_region_digest(&region, region.digest));
    forge_index(&forge, &index);
    index.num_regions = 1;
    index.regions = &region;
    if (level > 0) {
        snprintf(base, sizeof base, "level%d.img", level - 1);
        index.base_number = 1;
        index.texts[SFPM_TEXT_BASE] = base;
        memcpy(index.base_digest, below, SFPM_DIGEST_SIZE);
    }
    ck_assert_ok(sfpm_state_digest(&index, digest));
    sfpm_trailer_t trailer = forge_trailer(&forge);
    forge_finish(&forge, &index, &trailer);
    write_file(name_of(level), forge.bytes.data, forge.bytes.size);
    sfpm_buffer_free(&bytes);
    forge_end(&forge);
}

/* How much is read and summed does not multiply from level to level: a chunk is read and
 * summed once, and of each level its leaf. */
START_TEST(the_worst_chain_is_bounded_by_what_is_stored)
{
    uint8_t digest[SFPM_DIGEST_SIZE] = {0};
    for (size_t page = 0; page < SFPM_CHUNK_PAGES; page++) {
        change_page(page);
        state[(page + 1) * SFPM_PAGE - 1] = 0; /* not stored */
    }
    for (int level = 0; level <= LEVELS; level++)
        forge_level(level, digest, digest);
    expect_contents(LEVELS, SFPM_CHUNK);
    sfpm_image_t *image = open_level(LEVELS);
    count_from_here();
    ck_assert_ok(walks[_i](image));
    ck_assert_uint_le(bytes_read, 4 * SFPM_CHUNK + LEVELS * 8192);
    ck_assert_uint_le(bytes_summed, 4 * SFPM_CHUNK + LEVELS * 8192);
    sfpm_image_close(image);
}
END_TEST

/* ---- damage ---- */

/* A page that only the bottom image holds is damaged: the error names that file and the
 * place. */
START_TEST(damage_is_told_of_the_image_that_has_it)
{
    size_t size;
    make_deep_chain();
    uint8_t *bytes = read_file(name_of(_i), &size);
    sfpm_image_t *image = open_level(LEVELS);
    /* Pages of level n are those with n modulo 16; all of the first are covered. */
    const uint8_t *page = state + (size_t)(_i % 16) * SFPM_PAGE;
    uint8_t *at = memmem(bytes, size, page, SFPM_PAGE);
    if (_i == 0)
        ck_assert_ptr_null(at); /* level 16 has these pages */
    else {
        char named[64];
        ck_assert_ptr_nonnull(at);
        at[17] ^= 4;
        write_file(name_of(_i), bytes, size);
        ck_assert(!sfpm_image_read(image, 0, 0, found, SIZE));
        snprintf(named, sizeof named, "level%d.img: region 'data' is damaged at 0 ", _i);
        expect_fault(SFPM_ERR_CHECKSUM, named);
        if (_i < LEVELS)
            expect_fault(SFPM_ERR_CHECKSUM, "level16.img: ");
        snprintf(named, sizeof named, "stored at offset %zu)", (size_t)(at - bytes));
        expect_fault(SFPM_ERR_CHECKSUM, named);
        ck_assert(!sfpm_image_check(image, NULL, NULL));
        /* What lies elsewhere can be read. */
        ck_assert_ok(sfpm_image_read(image, 0, SFPM_CHUNK, found, SFPM_CHUNK));
        ck_assert(memcmp(found, state + SFPM_CHUNK, SFPM_CHUNK) == 0);
    }
    sfpm_image_close(image);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chain");
    TCase *core = add_case(suite, "core", enter_directory, leave_directory);
    TCase *limits = add_case(suite, "limits", enter_directory, leave_directory);
    int num_walks = (int)(sizeof walks / sizeof walks[0]);
    tcase_add_loop_test(core, any_chain_gives_what_was_saved, 0, 6);
    tcase_add_loop_test(core, a_chain_costs_no_more_than_twice_the_whole, 0, num_walks);
    tcase_add_loop_test(limits, the_worst_chain_is_bounded_by_what_is_stored, 0, 3);
    tcase_add_loop_test(limits, damage_is_told_of_the_image_that_has_it, 0, LEVELS + 1);
    return run_all(suite);
}
