/* SPDX-License-Identifier: MIT */
/* Blocks, roots and statistics of heaps; restoring where a heap prefers to lie. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "common.h"
#include "heap/heap.h"

static sfpm_heap_t *new_heap(void)
{
    sfpm_heap_t *heap = sfpm_heap_create("test", NULL);
    ck_assert_msg(heap != NULL, "%s", sfpm_last_error());
    return heap;
}

static uint64_t blocks_of(const sfpm_heap_t *heap)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(heap, &stats));
    return stats.blocks;
}

#define CHECK(heap) ck_assert_msg(sfpm_heap_check(heap), "%s", sfpm_last_error())

START_TEST(blocks_of_every_size_are_apart_and_aligned)
{
    sfpm_heap_t *heap = new_heap();
    static uint8_t *blocks[600];
    for (size_t i = 0; i < 600; i++) {
        size_t size = i < 300 ? i : i * i;
        blocks[i] = sfpm_heap_alloc(heap, size);
        ck_assert(blocks[i] != NULL);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        ck_assert_uint_ge(sfpm_heap_usable_size(heap, blocks[i]), size);
        memset(blocks[i], (int)i, sfpm_heap_usable_size(heap, blocks[i]));
    }
    CHECK(heap);
    ck_assert_uint_eq(blocks_of(heap), 600);
    for (size_t i = 0; i < 600; i++) {
        size_t usable = sfpm_heap_usable_size(heap, blocks[i]);
        size_t k = 0;
        while (k < usable && blocks[i][k] == (uint8_t)i)
            k++;
        ck_assert_uint_eq(k, usable);
        ck_assert(sfpm_heap_free(heap, blocks[i]));
    }
    CHECK(heap);
    ck_assert_uint_eq(blocks_of(heap), 0);
    sfpm_heap_destroy(heap);
}
END_TEST

static size_t random_size(void)
{
    switch (random_below(16)) {
    case 0:
        return random_below(200000);
    case 1:
        return random_below(400) == 0 ? 9000000 : 40000;
    default:
        return random_below(700);
    }
}

START_TEST(random_work_keeps_the_tables_right)
{
    enum { SLOTS = 2000, STEPS = 60000 };
    sfpm_heap_t *heap = new_heap();
    static uint32_t *slots[SLOTS];
    uint64_t alive = 0;
    for (int step = 0; step < STEPS; step++) {
        note_input("step", (uint64_t)step);
        uint32_t i = (uint32_t)random_below(SLOTS);
        if (slots[i]) {
            ck_assert_uint_eq(*slots[i], i);
            if (random_below(4) == 0) {
                slots[i] = sfpm_heap_realloc(heap, slots[i], random_size() + 4);
                ck_assert(slots[i] && *slots[i] == i);
                continue;
            }
            ck_assert(sfpm_heap_free(heap, slots[i]));
            slots[i] = NULL;
            alive--;
        } else {
            slots[i] = sfpm_heap_alloc(heap, random_size() + 4);
            ck_assert(slots[i] != NULL);
            *slots[i] = i;
            alive++;
        }
        if (step % 10000 == 0) {
            CHECK(heap);
            sfpm_heap_trim(heap);
            CHECK(heap);
        }
    }
    ck_assert_uint_eq(blocks_of(heap), alive);
    for (uint32_t i = 0; i < SLOTS; i++)
        ck_assert(!slots[i] || *slots[i] == i);
    sfpm_heap_destroy(heap);
}
END_TEST

/* The first segment with so many free units in a row, as a search of all finds it. */
static uint32_t search_units(const sfpm_heap_t *heap, uint32_t count)
{
    uint32_t s = 0;
    while (s < heap->header->num_segments) {
        const segment_entry_t *entry = &heap->segments[s];
        if (entry->kind == SEGMENT_FREE ||
            (entry->kind == SEGMENT_UNITS && entry->longest >= count))
            break;
        s++;
    }
    return s;
}

/* The first of so many free segments, or of those at the end. */
static uint32_t search_segments(const sfpm_heap_t *heap, uint32_t count)
{
    uint32_t row = 0, s = 0;
    for (; s < heap->header->num_segments && row < count; s++)
        row = heap->segments[s].kind == SEGMENT_FREE ? row + 1 : 0;
    return s - row;
}

START_TEST(the_first_room_is_found)
{
    enum { SLOTS = 60, ROUNDS = 4000, SEGMENT = 4 << 20 };
    static void *slots[SLOTS];
    uint32_t found;
    sfpm_heap_t *heap = sfpm_heap_create("room", NULL);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        void **slot = &slots[random_below(SLOTS)];
        uint32_t units = (uint32_t)random_below(UNITS - 1) + 1;
        uint32_t segments = (uint32_t)random_below(6) + 1;
        if (*slot)
            ck_assert(sfpm_heap_free(heap, *slot));
        *slot = NULL;
        if (round % 500 == 0)
            sfpm_heap_trim(heap);
        ck_assert(sfpm_fits_units(heap, units, &found));
        ck_assert_uint_eq(found, search_units(heap, units));
        ck_assert(sfpm_fits_segments(heap, segments, &found));
        ck_assert_uint_eq(found, search_segments(heap, segments));
        size_t size = (size_t)(round % 3 ? units * UNIT_SIZE : segments * SEGMENT);
        ck_assert_ptr_nonnull(*slot = sfpm_heap_alloc(heap, size));
    }
    CHECK(heap);
    sfpm_heap_destroy(heap);
}
END_TEST

START_TEST(alignment_is_given)
{
    sfpm_heap_t *heap = new_heap();
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
        for (size_t size = 0; size < 100000; size = size * 3 + 1) {
            void *block = sfpm_heap_alloc_aligned(heap, alignment, size);
            ck_assert(block != NULL);
            ck_assert_uint_eq((uintptr_t)block % alignment, 0);
            ck_assert_uint_ge(sfpm_heap_usable_size(heap, block), size);
        }
    ck_assert(!sfpm_heap_alloc_aligned(heap, 24, 8));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(!sfpm_heap_alloc_aligned(heap, 131072, 8));
    ck_assert(!sfpm_heap_alloc_aligned(heap, 0, 8));
    CHECK(heap);
    sfpm_heap_destroy(heap);
}
END_TEST

START_TEST(a_wrong_free_is_found)
{
    sfpm_heap_t *heap = new_heap();
    int local = 0;
    char *small = sfpm_heap_alloc(heap, 100);
    char *large = sfpm_heap_alloc(heap, 1000000);
    char *huge = sfpm_heap_alloc(heap, 10000000);
    char *wrong[] = {small + 16, small + 1,          large + 65536,   large + 8,
                     huge + 1,   huge + 5 * 1048576, (char *)&local,  (char *)heap,
                     huge - 1,   small + 112,        huge + 12582912, large - 32};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        note_input("case", i);
        ck_assert_msg(!sfpm_heap_free(heap, wrong[i]), "address %zu", i);
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
        ck_assert(!sfpm_heap_realloc(heap, wrong[i], 5));
        ck_assert_uint_eq(sfpm_heap_usable_size(heap, wrong[i]), 0);
    }
    ck_assert_uint_eq(blocks_of(heap), 3);
    ck_assert(sfpm_heap_free(heap, small) && !sfpm_heap_free(heap, small));
    ck_assert(strstr(sfpm_last_error(), "freed already"));
    ck_assert(sfpm_heap_free(heap, large) && !sfpm_heap_free(heap, large));
    ck_assert(sfpm_heap_free(heap, huge) && !sfpm_heap_free(heap, huge));
    CHECK(heap);
    sfpm_heap_destroy(heap);
}
END_TEST

START_TEST(a_full_heap_says_so)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = 8 << 20};
    sfpm_heap_t *heap = sfpm_heap_create("small", &options);
    ck_assert(heap != NULL);
    ck_assert(!sfpm_heap_alloc(heap, SIZE_MAX));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    ck_assert(!sfpm_heap_calloc(heap, SIZE_MAX / 2, 3));
    size_t count = 0;
    while (sfpm_heap_alloc(heap, 1000))
        count++;
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    ck_assert_uint_gt(count, 6000);
    CHECK(heap);
    sfpm_heap_destroy(heap);
}
END_TEST

START_TEST(roots_name_blocks)
{
    sfpm_heap_t *heap = new_heap();
    char name[16];
    char *block = sfpm_heap_alloc(heap, 64);
    ck_assert(!sfpm_heap_root(heap, "none"));
    for (int i = 0; i < 1024; i++) {
        snprintf(name, sizeof name, "root%d", i);
        ck_assert(sfpm_heap_set_root(heap, name, block + i % 64));
    }
    ck_assert(!sfpm_heap_set_root(heap, "more", block));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    ck_assert(sfpm_heap_set_root(heap, "root7", NULL));
    ck_assert(!sfpm_heap_root(heap, "root7"));
    ck_assert(sfpm_heap_set_root(heap, "more", block));
    ck_assert_ptr_eq(sfpm_heap_root(heap, "more"), block);
    ck_assert_ptr_eq(sfpm_heap_root(heap, "root9"), block + 9);
    ck_assert(!sfpm_heap_set_root(heap, "wild", block + 64));
    ck_assert(!sfpm_heap_set_root(heap, "wild", name));
    CHECK(heap);
    sfpm_heap_destroy(heap);
}
END_TEST

/* ---- Saving and restoring ---- */

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "check_heap.%d.img", (int)getpid());
}

static void remove_path(void)
{
    unlink(path);
}

typedef struct node {
    struct node *next;
    int value;
    char rest[300];
} node_t;

static void build_list(sfpm_heap_t *heap, int count)
{
    node_t *first = NULL;
    for (int i = 0; i < count; i++) {
        node_t *node = sfpm_heap_alloc(heap, sizeof *node);
        ck_assert(node != NULL);
        node->next = first;
        node->value = i;
        first = node;
    }
    ck_assert(sfpm_heap_set_root(heap, "list", first));
}

static void check_list(sfpm_heap_t *heap, int count)
{
    const node_t *node = sfpm_heap_root(heap, "list");
    for (int i = count; i-- > 0; node = node->next)
        ck_assert_msg(node && node->value == i, "%d: %d", i, node ? node->value : -1);
    ck_assert(node == NULL);
}

static void save_list(int count)
{
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    build_list(heap, count);
    ck_assert_msg(sfpm_snapshot_save(snapshot, path), "%s", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}

START_TEST(a_heap_is_restored_where_it_was)
{
    static const sfpm_restore_mode_t modes[] = {SFPM_RESTORE_AUTO, SFPM_RESTORE_EAGER,
                                                SFPM_RESTORE_LAZY,
                                                SFPM_RESTORE_LAZY_UNVERIFIED};
    make_path();
    for (size_t i = 0; i < 4; i++) {
        save_list(40000);
        const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                                .mode = modes[i]};
        sfpm_heap_t *heap = new_heap();
        sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
        ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
        ck_assert_msg(sfpm_heap_restore(heap, path, &options), "%s", sfpm_last_error());
        check_list(heap, 40000);
        CHECK(heap);
        build_list(heap, 50000);
        ck_assert(sfpm_snapshot_commit(snapshot, path, NULL));
        build_list(heap, 3);
        ck_assert(sfpm_heap_restore(heap, path, &options));
        check_list(heap, 50000);
        CHECK(heap);
        ck_assert(sfpm_heap_restore(
            heap, path,
            &(sfpm_restore_options_t){.struct_size = sizeof options, .commit = 1}));
        check_list(heap, 40000);
        sfpm_snapshot_destroy(snapshot);
        sfpm_heap_destroy(heap);
    }
    remove_path();
}
END_TEST

START_TEST(a_restored_heap_is_reverted)
{
    make_path();
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    build_list(heap, 20000);
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    heap = new_heap();
    snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    ck_assert(!sfpm_snapshot_revert(snapshot));
    for (int restored = 0; restored < 2; restored++) {
        ck_assert(sfpm_heap_restore(heap, path, NULL));
        build_list(heap, 50000);
        ck_assert_msg(sfpm_snapshot_revert(snapshot), "%s", sfpm_last_error());
        check_list(heap, 20000);
        CHECK(heap);
    }
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    remove_path();
}
END_TEST

START_TEST(a_heap_that_grew_is_reverted)
{
    make_path();
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    build_list(heap, 20000);
    ck_assert(sfpm_snapshot_commit(snapshot, path, NULL));
    build_list(heap, 50000);
    ck_assert_msg(sfpm_snapshot_revert(snapshot), "%s", sfpm_last_error());
    check_list(heap, 20000);
    CHECK(heap);
    build_list(heap, 50000);
    ck_assert(!sfpm_snapshot_commit(snapshot, "absent/x.img", NULL));
    ck_assert_msg(sfpm_snapshot_revert(snapshot), "%s", sfpm_last_error());
    check_list(heap, 20000);
    build_list(heap, 30000);
    CHECK(heap);
    ck_assert(sfpm_snapshot_commit(snapshot, path, NULL));
    build_list(heap, 1);
    ck_assert_msg(sfpm_snapshot_revert(snapshot), "%s", sfpm_last_error());
    check_list(heap, 30000);
    CHECK(heap);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    remove_path();
}
END_TEST

START_TEST(pages_without_blocks_are_not_stored)
{
    make_path();
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    static void *blocks[60000];
    for (size_t i = 0; i < 60000; i++)
        blocks[i] = memset(sfpm_heap_alloc(heap, 500), 'x', 500);
    char *large = memset(sfpm_heap_alloc(heap, 30000000), 'y', 30000000);
    for (size_t i = 0; i < 60000; i++)
        ck_assert(i % 100 == 0 || sfpm_heap_free(heap, blocks[i]));
    ck_assert(sfpm_heap_free(heap, large));
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert(image != NULL);
    ck_assert_uint_lt(sfpm_image_info(image)->size, 600 * 4096 * 2);
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    remove_path();
}
END_TEST

/* Mappings of the image in this process; -1 when the system does not tell. */
static int count_mappings(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        return -1;
    while (fgets(line, sizeof line, maps))
        count += strstr(line, path) != NULL;
    fclose(maps);
    return count;
}

/* Blocks fill their slabs, of the smallest size, too: no map of free blocks, and no
 * other page of the tables, is zero then. */
START_TEST(full_segments_are_one_piece)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .mode = SFPM_RESTORE_LAZY_UNVERIFIED};
    make_path();
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    for (size_t size = 16; size <= 64; size *= 4)
        for (size_t i = 0; i < (32U << 20) / size; i++)
            memset(sfpm_heap_alloc(heap, size), 'x', size);
    CHECK(heap);
    ck_assert(sfpm_snapshot_save(snapshot, path));
    ck_assert_msg(sfpm_heap_restore(heap, path, &options), "%s", sfpm_last_error());
    CHECK(heap);
    ck_assert_int_le(count_mappings(), 8); /* of 17 segments */
#if SFPM_LINUX_PATHS
    ck_assert_int_gt(count_mappings(), 0);
#endif
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    remove_path();
}
END_TEST

START_TEST(a_failed_restore_leaves_the_heap_as_it_was)
{
    make_path();
    sfpm_heap_t *heap = new_heap();
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(!sfpm_heap_restore(heap, path, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    ck_assert(!sfpm_heap_add_to_snapshot(heap, snapshot));
    build_list(heap, 100);
    ck_assert(!sfpm_heap_restore(heap, path, NULL));
    ck_assert_msg(sfpm_last_status() == SFPM_ERR_NOT_FOUND, "%s", sfpm_last_error());
    char other[100] = "other";
    const sfpm_memory_region_t region = {other, sizeof other, "other", false};
    save_list(30000);
    ck_assert(sfpm_snapshot_add_region(snapshot, &region));
    ck_assert(!sfpm_heap_restore(heap, path, NULL)); /* the image lacks "other" */
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MISMATCH);
    check_list(heap, 100);
    CHECK(heap);
    build_list(heap, 50000);
    ck_assert(sfpm_snapshot_save(snapshot, path));
    build_list(heap, 1);
    ck_assert(sfpm_heap_restore(heap, path, NULL));
    check_list(heap, 50000);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    remove_path();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_test(core, blocks_of_every_size_are_apart_and_aligned);
    tcase_add_test(core, random_work_keeps_the_tables_right);
    tcase_add_test(core, the_first_room_is_found);
    tcase_add_test(core, alignment_is_given);
    tcase_add_test(core, roots_name_blocks);
    tcase_add_test(core, a_heap_is_restored_where_it_was);
    tcase_add_test(core, a_restored_heap_is_reverted);
    tcase_add_test(core, a_heap_that_grew_is_reverted);
    tcase_add_test(core, pages_without_blocks_are_not_stored);
    tcase_add_test(core, full_segments_are_one_piece);
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_test(limits, a_wrong_free_is_found);
    tcase_add_test(limits, a_full_heap_says_so);
    tcase_add_test(limits, a_failed_restore_leaves_the_heap_as_it_was);
    return run_all(suite);
}
