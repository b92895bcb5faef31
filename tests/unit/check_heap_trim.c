/* SPDX-License-Identifier: MIT */
/*
 * Pages of a heap without blocks are given back to the system once, not at each save:
 * calls of madvise() are counted.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include <sfpm/heap.h>

#include "base/poison.h"
#include "common.h"
#include "heap/heap.h"

/* Names given by the linker. */
int __real_madvise(void *base, size_t size, int advice);
int __wrap_madvise(void *base, size_t size, int advice);

static size_t num_given; /* calls that give pages back … */
static size_t given;     /* … and their bytes */

int __wrap_madvise(void *base, size_t size, int advice)
{
    num_given += advice == MADV_DONTNEED;
    given += advice == MADV_DONTNEED ? size : 0;
    return __real_madvise(base, size, advice);
}

static void expect_given(sfpm_heap_t *heap, size_t calls, size_t pages)
{
    num_given = given = 0;
    sfpm_heap_trim(heap);
    ck_assert_uint_eq(num_given, calls);
    ck_assert_uint_eq(given, pages * 4096);
    ck_assert_msg(sfpm_heap_check(heap), "%s", sfpm_last_error());
}

/* A page is given back when it got free, and not once more at each save. */
START_TEST(a_free_page_is_given_back_once)
{
    enum { BLOCKS = 256, SLABS = 20 }; /* of 256 bytes, 16 a page */
    static char *blocks[SLABS * BLOCKS];
    sfpm_heap_t *heap = sfpm_heap_create("pages", NULL);
    for (size_t i = 0; i < SLABS * BLOCKS; i++)
        ck_assert_ptr_nonnull(blocks[i] = sfpm_heap_alloc(heap, 256));
    expect_given(heap, 0, 0);
    /* Of each slab the pages 4 to 7 get free, and page 9 but for a block. */
    for (size_t slab = 0; slab < SLABS; slab++)
        for (size_t i = 64; i < 128; i++) {
            ck_assert(sfpm_heap_free(heap, blocks[slab * BLOCKS + i]));
            if (i < 79)
                ck_assert(sfpm_heap_free(heap, blocks[slab * BLOCKS + i + 80]));
        }
    expect_given(heap, SLABS, SLABS * 4);
    expect_given(heap, 0, 0);
    /* Another block of a page that is not free, then the last one of a page. */
    ck_assert(sfpm_heap_free(heap, blocks[0]));
    expect_given(heap, 0, 0);
    ck_assert(sfpm_heap_free(heap, blocks[79 + 80]));
    expect_given(heap, 1, 1);
    expect_given(heap, 0, 0);
    /* A page that is used again and freed again: the first one that is free. */
    char *second = sfpm_heap_alloc(heap, 256);
    if (second == blocks[0])
        second = sfpm_heap_alloc(heap, 256);
    ck_assert_uint_eq((uintptr_t)second % 65536, 4 * 4096);
    memset(second, 1, 256);
    expect_given(heap, 0, 0);
    ck_assert(sfpm_heap_free(heap, second));
    expect_given(heap, 1, 1);
    sfpm_heap_destroy(heap);
}
END_TEST

/* Large blocks are given back at once, and then not again. */
START_TEST(a_large_block_is_given_back_once)
{
    static const size_t sizes[] = {(size_t)40 << 16, (size_t)64 << 16, (size_t)300 << 16};
    sfpm_heap_t *heap = sfpm_heap_create("large", NULL);
    void *stays = sfpm_heap_alloc(heap, 100);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = sfpm_heap_alloc(heap, sizes[i]);
        ck_assert_ptr_nonnull(block);
        memset(block, 1, sizes[i]);
        expect_given(heap, 0, 0);
        ck_assert(sfpm_heap_free(heap, block));
        num_given = given = 0;
        sfpm_heap_trim(heap);
        /* The unit that described the segments, and what may lie behind the block. */
        ck_assert_uint_le(given, i == 0 ? 0 : (size_t)8 << 20);
        expect_given(heap, 0, 0);
    }
    ck_assert(sfpm_heap_free(heap, stays));
    sfpm_heap_destroy(heap);
}
END_TEST

/* A slab made where other blocks were holds their bytes in pages that it does not use. */
START_TEST(old_bytes_of_a_new_slab_are_given_back)
{
    sfpm_heap_t *heap = sfpm_heap_create("old", NULL);
    char *large = sfpm_heap_alloc(heap, 3 << 16);
    memset(large, 1, 3 << 16);
    ck_assert(sfpm_heap_free(heap, large));
    char *block = sfpm_heap_alloc(heap, 256);
    ck_assert_ptr_eq(block, large);
    sfpm_heap_trim(heap);
    sfpm_unpoison(large, 3 << 16, true);
    for (size_t at = 4096; at < (size_t)3 << 16; at++)
        ck_assert_int_eq(large[at], 0);
    sfpm_heap_destroy(heap);
}
END_TEST

/* Blocks fill their slabs, of the smallest size, too: no map of free blocks, and no
 * other page of the tables, is zero then. */
int main(void)
{
    Suite *suite = suite_create("heap_trim");
    TCase *core = add_case(suite, "Core", NULL, NULL);
#if SFPM_LINUX_PATHS
    const bool gives_back = true;
#else
    const bool gives_back = false;
#endif
    if (gives_back) {
        tcase_add_test(core, a_free_page_is_given_back_once);
        tcase_add_test(core, a_large_block_is_given_back_once);
    }
    tcase_add_test(core, old_bytes_of_a_new_slab_are_given_back);
    return run_all(suite);
}
