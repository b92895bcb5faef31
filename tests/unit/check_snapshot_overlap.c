/* SPDX-License-Identifier: MIT */
/*
 * The memory of regions. No byte belongs to two: what overlaps is refused, by the names of
 * both, when a region or a heap is registered and when one moves; against a model, too.
 * Memory that is no longer mapped is an error, and shared memory is not remappable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "snapshot/snapshot.h"
#include "snapshot_common.h"

static uint8_t memory[8192];

static bool try_add(sfpm_snapshot_t *snapshot, const char *name, size_t from, size_t size,
                    uint32_t flags)
{
    const sfpm_memory_region_t region = {memory + from, size, name, false};
    return sfpm_snapshot_add_region_flags(snapshot, &region, flags);
}

START_TEST(overlapping_regions_are_refused_by_name)
{
    static const struct {
        size_t from, size;
        bool free;
    } cases[] = {
        {1000, 1000, false}, {1000, 1, false},   {1999, 1, false},  {1200, 100, false},
        {999, 2, false},     {500, 2000, false}, {500, 501, false}, {1500, 1000, false},
        {0, 1000, true},     {2000, 1000, true}, {999, 1, true},    {2000, 1, true},
        {3000, 1, false},    {2999, 2, false},   {0, 8192, false},
    };
    sfpm_snapshot_t *snapshot = snapshot_of("first", memory + 1000, 1000);
    add(snapshot, "second", memory + 3000, 1000);
    bool fits = try_add(snapshot, "new", cases[_i].from, cases[_i].size,
                        _i % 2 ? SFPM_REGION_VOLATILE : 0);
    ck_assert_int_eq(fits, cases[_i].free);
    if (!fits) {
        const char *text = sfpm_last_error();
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
        ck_assert_msg(strstr(text, "region 'new' (") && strstr(text, "overlaps region '"),
                      "%s", text);
        ck_assert(strstr(text, "'first'") || strstr(text, "'second'"));
    }
    /* What was refused left nothing behind. */
    if (!fits)
        add(snapshot, "between", memory + 2000, 1000);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_uint_eq(sfpm_image_num_regions(image), 3);
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(a_region_does_not_move_over_another)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    const sfpm_memory_region_t region = {memory + 1000, 1000, "moving", true};
    ck_assert_works(sfpm_snapshot_add_region(snapshot, &region));
    add(snapshot, "below", memory, 500);
    add(snapshot, "above", memory + 3000, 1000);
#define MOVE(from, size)                                                                 \
    sfpm_snapshot_move_region(snapshot, "moving", 0, memory + (from), size)
    ck_assert_fails(MOVE(3000, 1000), SFPM_ERR_ARGUMENT, "'moving' (1000 bytes at ");
    ck_assert_fails(MOVE(3500, 1), SFPM_ERR_ARGUMENT, "overlaps region 'above'");
    ck_assert_fails(MOVE(1000, 2001), SFPM_ERR_ARGUMENT, "overlaps region 'above'");
    ck_assert_fails(MOVE(499, 1000), SFPM_ERR_ARGUMENT, "overlaps region 'below'");
    ck_assert_fails(MOVE(0, 8000), SFPM_ERR_ARGUMENT, "overlaps region '");
    /* It is where it was, and all that was refused is free. */
    ck_assert(!try_add(snapshot, "new", 1999, 1, 0));
    ck_assert_works(try_add(snapshot, "new", 2999, 1, 0));
    ck_assert_fails(MOVE(1000, 2000), SFPM_ERR_ARGUMENT, "overlaps region 'new'");
    /* Over its own old place, in place, and away from it. */
    ck_assert_works(MOVE(1500, 1499));
    ck_assert_works(MOVE(500, 2499));
    ck_assert_works(MOVE(900, 10));
    ck_assert_works(MOVE(4000, 4192));
    ck_assert_works(try_add(snapshot, "old place", 500, 2499, 0));
    ck_assert_fails(MOVE(900, 10), SFPM_ERR_ARGUMENT, "overlaps region 'old place'");
    ck_assert_works(sfpm_snapshot_remove_region(snapshot, "old place", 0));
    ck_assert_works(MOVE(900, 10));
#undef MOVE
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(an_interpreter_has_its_stack_beside_its_heap)
{
    ck_assert_ptr_null(
        sfpm_snapshot_create_for_interpreter(memory, 1000, memory + 999, 1000));
    ck_assert_msg(strstr(sfpm_last_error(), "'heap'") &&
                      strstr(sfpm_last_error(), "'stack'"),
                  "%s", sfpm_last_error());
}
END_TEST

/* ---- Against a model -------------------------------------------------------- */

enum { MOST = 200, STEPS = 4000 };

typedef struct model {
    size_t from[MOST], size[MOST];
    size_t count;
} model_t;

static bool is_free(const model_t *model, size_t from, size_t size, size_t except)
{
    for (size_t i = 0; i < model->count; i++)
        if (i != except && from < model->from[i] + model->size[i] &&
            model->from[i] < from + size)
            return false;
    return true;
}

static void random_step(sfpm_snapshot_t *snapshot, model_t *model)
{
    size_t from = random_below(sizeof memory - 100), size = 1 + random_below(96);
    size_t which = model->count ? random_below(model->count) : 0;
    const sfpm_memory_region_t region = {memory + from, size, "r", true};
    switch (random_below(model->count ? 4 : 1)) {
    case 0:
    case 1:
        if (model->count == MOST)
            return;
        ck_assert_int_eq(sfpm_snapshot_add_region(snapshot, &region),
                         is_free(model, from, size, MOST));
        if (is_free(model, from, size, MOST)) {
            model->from[model->count] = from;
            model->size[model->count++] = size;
        }
        return;
    case 2:
        if (random_below(2)) /* near */
            from = model->from[which] + random_below(20);
        ck_assert_int_eq(
            sfpm_snapshot_move_region(snapshot, "r", which, memory + from, size),
            is_free(model, from, size, which));
        if (is_free(model, from, size, which)) {
            model->from[which] = from;
            model->size[which] = size;
        }
        return;
    default:
        if (random_below(4))
            return;
        ck_assert_works(sfpm_snapshot_remove_region(snapshot, "r", which));
        model->count--;
        for (size_t i = which; i < model->count; i++) {
            model->from[i] = model->from[i + 1];
            model->size[i] = model->size[i + 1];
        }
    }
}

START_TEST(random_regions_agree_with_a_model)
{
    model_t model = {.count = 0};
    random_start((uint64_t)_i);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    for (size_t step = 0; step < STEPS; step++) {
        note_input("step", step);
        random_step(snapshot, &model);
    }
    ck_assert_uint_gt(model.count, 20);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Heaps ------------------------------------------------------------------- */

START_TEST(no_region_lies_where_a_heap_grows)
{
    enum { LARGE = 100 << 20 };
    sfpm_snapshot_t *snapshot = snapshot_of("other", memory, sizeof memory);
    sfpm_heap_t *heap = sfpm_heap_create("objects", NULL);
    ck_assert_ptr_nonnull(heap);
    ck_assert_works(sfpm_heap_add_to_snapshot(heap, snapshot));
    void *small = sfpm_heap_alloc(heap, 100);
    void *large = sfpm_heap_alloc(heap, LARGE);
    ck_assert(small && large);
    const sfpm_memory_region_t inside = {small, 100, "inside", false};
    const sfpm_memory_region_t behind = {large, LARGE, "behind", false};
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &inside), SFPM_ERR_ARGUMENT,
                    "region 'inside' (100 bytes at ");
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &behind), SFPM_ERR_ARGUMENT,
                    "overlaps region 'objects'");
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &behind), SFPM_ERR_ARGUMENT,
                    "overlaps region 'objects'");
    ck_assert_fails(sfpm_snapshot_move_region(snapshot, "other", 0, large, sizeof memory),
                    SFPM_ERR_ARGUMENT, "overlaps region 'objects'");
    ck_assert_works(sfpm_heap_restore(heap, "a.img", NULL));
    ck_assert_fails(sfpm_snapshot_add_region(snapshot, &behind), SFPM_ERR_ARGUMENT,
                    "overlaps region 'objects'");
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}
END_TEST

START_TEST(no_heap_lies_where_a_region_is)
{
    sfpm_heap_t *heap = sfpm_heap_create("objects", NULL);
    ck_assert_ptr_nonnull(heap);
    void *block = sfpm_heap_alloc(heap, 1 << 20);
    sfpm_snapshot_t *snapshot = snapshot_of("block", block, 1 << 20);
    ck_assert_fails(sfpm_heap_add_to_snapshot(heap, snapshot), SFPM_ERR_ARGUMENT,
                    "overlaps region 'block'");
    ck_assert_works(sfpm_snapshot_remove_region(snapshot, "block", 0));
    ck_assert_works(sfpm_heap_add_to_snapshot(heap, snapshot));
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}
END_TEST

/* ---- Memory that a program gave back, or shares ------------------------------- */

#define PAGES (8 * (size_t)sysconf(_SC_PAGESIZE))

/* Where no allocator puts anything else: what is unmapped here stays so. */
static uint8_t *map_pages(int flags)
{
    void *pages = mmap((void *)0x20000000, PAGES, PROT_READ | PROT_WRITE,
                       flags | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    return pages;
}

START_TEST(unmapped_regions_are_an_error)
{
    uint8_t *pages = map_pages(MAP_PRIVATE);
    memset(pages, 1, PAGES);
    sfpm_snapshot_t *snapshot = snapshot_of("kept", memory, sizeof memory);
    add(snapshot, "gone", pages, PAGES);
    ck_assert_works(sfpm_snapshot_set_tracking(snapshot, (sfpm_tracking_t)_i));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_int_eq(munmap(pages + PAGES / 2, PAGES / 2), 0);
    static const char message[] = "region 'gone': not all of its";
    ck_assert_fails(sfpm_snapshot_commit(snapshot, "a.img", NULL), SFPM_ERR_ARGUMENT,
                    message);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "b.img"), SFPM_ERR_ARGUMENT, message);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_ARGUMENT, message);
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, NULL);
    ck_assert_fails(job && sfpm_job_wait(job), SFPM_ERR_ARGUMENT, message);
    sfpm_job_destroy(job);
    /* Mapped again, it goes on. */
    ck_assert(mmap(pages + PAGES / 2, PAGES / 2, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_uint_eq(pages[PAGES - 1], 1);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_snapshot_destroy(snapshot);
    munmap(pages, PAGES);
}
END_TEST

START_TEST(unmapped_volatile_regions_need_not_be_saved)
{
    uint8_t *pages = map_pages(MAP_PRIVATE);
    sfpm_snapshot_t *snapshot = snapshot_of("kept", memory, sizeof memory);
    add_flags(snapshot, "scratch", pages, PAGES, SFPM_REGION_VOLATILE);
    munmap(pages, PAGES);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_ARGUMENT,
                    "region 'scratch'");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(shared_memory_is_not_remappable)
{
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .remappable = true};
    uint8_t *shared = map_pages(MAP_SHARED), *own = map_pages(MAP_PRIVATE);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_memory_region_t region = {shared, PAGES, "shared", false};
#ifdef __linux__
    ck_assert_fails(sfpm_snapshot_add_region_with(snapshot, &region, &options),
                    SFPM_ERR_ARGUMENT, "region 'shared' is remappable, but lies in shared");
#endif
    ck_assert_works(sfpm_snapshot_add_region(snapshot, &region));
    region = (sfpm_memory_region_t){own, PAGES, "own", false};
    ck_assert_works(sfpm_snapshot_add_region_with(snapshot, &region, &options));
    sfpm_snapshot_destroy(snapshot);
    munmap(shared, PAGES);
    munmap(own, PAGES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot overlap");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, overlapping_regions_are_refused_by_name, 0, 15);
    tcase_add_test(core, a_region_does_not_move_over_another);
    tcase_add_test(core, an_interpreter_has_its_stack_beside_its_heap);
    tcase_add_loop_test(core, random_regions_agree_with_a_model, 0, 4);
    tcase_add_test(core, no_region_lies_where_a_heap_grows);
    tcase_add_test(core, no_heap_lies_where_a_region_is);
    tcase_add_loop_test(core, unmapped_regions_are_an_error, SFPM_TRACKING_AUTO,
                        SFPM_TRACKING_HASH + 1);
    tcase_add_test(core, unmapped_volatile_regions_need_not_be_saved);
    tcase_add_test(core, shared_memory_is_not_remappable);
    return run_all(suite);
}
