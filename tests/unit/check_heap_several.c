/* SPDX-License-Identifier: MIT */
/*
 * Several heaps in one snapshot: they are restored together, whichever of their places
 * are taken, with the pointers inside each and from one into the other; all or none.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sfpm/heap.h>
#include <sfpm/hooks.h>

#include "common.h"

static char path[64];

typedef struct node {
    struct node *next;  /* in its own heap */
    struct node *other; /* in the other heap */
    long key;
} node_t;

static const size_t offsets[] = {offsetof(node_t, next), offsetof(node_t, other)};
static const sfpm_heap_type_t table_type = {.struct_size = sizeof table_type,
                                            .name = "node",
                                            .size = sizeof(node_t),
                                            .pointers = offsets,
                                            .num_pointers = 2};

static bool visit(void *context, void *block, size_t size, sfpm_heap_visitor_t *visitor)
{
    node_t *node = block;
    (void)context;
    (void)size;
    return sfpm_heap_visit(visitor, &node->next) &&
           sfpm_heap_visit(visitor, &node->other);
}

static const sfpm_heap_type_t visited_type = {.struct_size = sizeof visited_type,
                                              .name = "node",
                                              .size = sizeof(node_t),
                                              .visit = visit};

enum { HEAPS = 2, KEYS = 4000 };
static const char *const names[HEAPS] = {"first", "second"};

typedef struct world {
    sfpm_snapshot_t *snapshot;
    sfpm_heap_t *heaps[HEAPS];
    uint32_t node[HEAPS];
    char note[32];
} world_t;

static const sfpm_hooks_t *early; /* registered before the heaps; NULL: none */

static void open_world(world_t *world, const sfpm_heap_type_t *type)
{
    const sfpm_memory_region_t note = {world->note, sizeof world->note, "note", false};
    memset(world->note, 0, sizeof world->note);
    world->snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_snapshot_add_region(world->snapshot, &note));
    ck_assert(!early || sfpm_snapshot_add_hooks(world->snapshot, early));
    for (int i = 0; i < HEAPS; i++) {
        world->heaps[i] = sfpm_heap_create(names[i], NULL);
        ck_assert_ptr_nonnull(world->heaps[i]);
        world->node[i] = sfpm_heap_register_type(world->heaps[i], type);
        ck_assert(world->node[i] != 0);
        ck_assert(sfpm_heap_add_to_snapshot(world->heaps[i], world->snapshot));
    }
}

static void close_world(world_t *world)
{
    sfpm_snapshot_destroy(world->snapshot);
    for (int i = 0; i < HEAPS; i++)
        sfpm_heap_destroy(world->heaps[i]);
}

/* A list in each heap; each node leads to the node of the same key in the other. */
static void build(world_t *world, long keys)
{
    node_t *last[HEAPS] = {NULL};
    for (long key = 0; key < keys; key++) {
        node_t *made[HEAPS];
        for (int i = 0; i < HEAPS; i++) {
            made[i] = sfpm_heap_alloc_type(world->heaps[i], world->node[i], 1);
            ck_assert_ptr_nonnull(made[i]);
            made[i]->key = key;
            made[i]->next = last[i];
            last[i] = made[i];
        }
        made[0]->other = made[1];
        made[1]->other = made[0];
    }
    for (int i = 0; i < HEAPS; i++)
        ck_assert(sfpm_heap_set_root(world->heaps[i], "list", last[i]));
    snprintf(world->note, sizeof world->note, "%ld keys", keys);
}

static void check_built(const world_t *world, long keys)
{
    char note[32];
    snprintf(note, sizeof note, "%ld keys", keys);
    ck_assert_str_eq(world->note, note);
    for (int i = 0; i < HEAPS; i++) {
        const node_t *node = sfpm_heap_root(world->heaps[i], "list");
        for (long key = keys; key-- > 0; node = node->next) {
            ck_assert(sfpm_heap_contains(world->heaps[i], node));
            ck_assert(sfpm_heap_contains(world->heaps[!i], node->other));
            ck_assert_int_eq(node->key, key);
            ck_assert_int_eq(node->other->key, key);
            ck_assert_ptr_eq(node->other->other, node);
        }
        ck_assert_ptr_null(node);
        ck_assert_msg(sfpm_heap_check(world->heaps[i]), "%s", sfpm_last_error());
    }
}

static uint64_t place_of(const world_t *world, int i)
{
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(world->heaps[i], &stats));
    return stats.base;
}

static void restores(const world_t *world, int which)
{
    ck_assert_msg(sfpm_heap_restore(world->heaps[which], path, NULL), "%s",
                  sfpm_last_error());
}

static void fails(bool result, sfpm_status_t status, const char *text)
{
    ck_assert(!result);
    ck_assert_msg(sfpm_last_status() == status && strstr(sfpm_last_error(), text),
                  "%d %s", (int)sfpm_last_status(), sfpm_last_error());
}

static void setup(void)
{
    snprintf(path, sizeof path, "check_heap_several.%d.img", (int)getpid());
}

static void teardown(void)
{
    unlink(path);
}

/* ---- Core ---- */

/* Bit 0 and 1: whose places are free; bit 2: which heap is asked; bit 3: how types tell.
 */
START_TEST(heaps_move_together)
{
    static world_t first, second, third;
    const sfpm_heap_type_t *type = _i & 8 ? &visited_type : &table_type;
    open_world(&first, type);
    build(&first, KEYS);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    const uint64_t places[HEAPS] = {place_of(&first, 0), place_of(&first, 1)};
    open_world(&second, type);
    build(&second, 10);
    sfpm_snapshot_destroy(first.snapshot);
    for (int i = 0; i < HEAPS; i++)
        if (_i >> i & 1) {
            sfpm_heap_destroy(first.heaps[i]);
            first.heaps[i] = NULL;
        }
    restores(&second, _i >> 2 & 1);
    check_built(&second, KEYS);
    for (int i = 0; i < HEAPS; i++)
        ck_assert_int_eq(place_of(&second, i) == places[i], _i >> i & 1);
    /* They go on, are saved, and move again. */
    build(&second, KEYS + 1);
    ck_assert_msg(sfpm_snapshot_commit(second.snapshot, path, NULL), "%s",
                  sfpm_last_error());
    build(&second, 3);
    open_world(&third, type);
    restores(&third, 1);
    check_built(&third, KEYS + 1);
    check_built(&second, 3);
    restores(&second, 0); /* back to where they are */
    check_built(&second, KEYS + 1);
    ck_assert_msg(sfpm_snapshot_revert(second.snapshot), "%s", sfpm_last_error());
    check_built(&second, KEYS + 1);
    close_world(&third);
    close_world(&second);
    sfpm_heap_destroy(first.heaps[0]);
    sfpm_heap_destroy(first.heaps[1]);
}
END_TEST

START_TEST(heaps_stay_together)
{
    static world_t world;
    open_world(&world, &table_type);
    build(&world, KEYS);
    ck_assert(sfpm_snapshot_save(world.snapshot, path));
    close_world(&world);
    open_world(&world, &table_type);
    restores(&world, _i);
    check_built(&world, KEYS);
    close_world(&world);
}
END_TEST

START_TEST(a_heap_that_the_image_lacks_stays)
{
    static world_t first, second;
    const sfpm_restore_options_t accept = {.struct_size = sizeof accept,
                                           .accept = SFPM_ACCEPT_ADDED};
    open_world(&first, &table_type);
    build(&first, KEYS);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    open_world(&second, &table_type);
    sfpm_heap_t *more = sfpm_heap_create("more", NULL);
    ck_assert(sfpm_heap_add_to_snapshot(more, second.snapshot));
    long *number = sfpm_heap_calloc(more, 1, sizeof *number);
    *number = 7;
    fails(sfpm_heap_restore(second.heaps[0], path, NULL), SFPM_ERR_MISMATCH, "'more'");
    ck_assert_msg(sfpm_heap_restore(second.heaps[0], path, &accept), "%s",
                  sfpm_last_error());
    check_built(&second, KEYS);
    ck_assert_int_eq(*number, 7);
    ck_assert(sfpm_heap_contains(more, number));
    fails(sfpm_heap_restore(more, path, &accept), SFPM_ERR_MISMATCH, "'more'");
    close_world(&second);
    sfpm_heap_destroy(more);
    close_world(&first);
}
END_TEST

/* A heap that stays cannot be corrected when its types are not known. */
START_TEST(all_pointers_into_a_heap_that_moves_are_known)
{
    static world_t first, second;
    open_world(&first, &visited_type);
    build(&first, KEYS);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    second.snapshot = sfpm_snapshot_create();
    const sfpm_memory_region_t note = {second.note, sizeof second.note, "note", false};
    ck_assert(sfpm_snapshot_add_region(second.snapshot, &note));
    for (int i = 0; i < HEAPS; i++) {
        second.heaps[i] = sfpm_heap_create(names[i], NULL);
        ck_assert(sfpm_heap_add_to_snapshot(second.heaps[i], second.snapshot));
    }
    ck_assert(sfpm_heap_register_type(second.heaps[1], &visited_type));
    sfpm_snapshot_destroy(first.snapshot);
    sfpm_heap_destroy(first.heaps[0]); /* so the first one stays */
    fails(sfpm_heap_restore(second.heaps[0], path, NULL), SFPM_ERR_MISMATCH,
          "heap 'first': another heap of the snapshot must move");
    ck_assert_str_eq(second.note, "");
    ck_assert(sfpm_heap_register_type(second.heaps[0], &visited_type));
    restores(&second, 0);
    check_built(&second, KEYS);
    close_world(&second);
    sfpm_heap_destroy(first.heaps[1]);
}
END_TEST

/* ---- All or none ---- */

static bool answer;

static bool refuse(void *context)
{
    return *(bool *)context;
}

static bool fail_afterwards(void *context, const sfpm_restore_event_t *event)
{
    return !event->restored || *(bool *)context;
}

START_TEST(a_failure_leaves_all_heaps)
{
    static world_t first, second;
    static char unknown[10];
    const sfpm_memory_region_t region = {unknown, sizeof unknown, "unknown", false};
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .before_restore = refuse, .context = &answer};
    open_world(&first, &table_type);
    build(&first, KEYS);
    void *block = NULL;
    if (_i == 0)
        block = sfpm_heap_alloc(first.heaps[1], 100);
    if (_i == 1)
        ((node_t *)sfpm_heap_root(first.heaps[1], "list"))->next =
            (node_t *)(void *)&first;
    if (_i == 2)
        ck_assert(sfpm_snapshot_add_region(first.snapshot, &region));
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    (void)block;
    open_world(&second, &table_type);
    build(&second, 10);
    answer = false;
    if (_i == 3)
        ck_assert(sfpm_snapshot_add_hooks(second.snapshot, &hooks));
    const uint64_t places[HEAPS] = {place_of(&second, 0), place_of(&second, 1)};
    static const struct {
        sfpm_status_t status;
        const char *text;
    } expected[] = {
        {SFPM_ERR_MISMATCH, "heap 'second': its address 0x"},
        {SFPM_ERR_CORRUPT, "heap 'second': type 'node': the pointer 0x"},
        {SFPM_ERR_MISMATCH, "region 'unknown' (10 bytes in the image) is not"},
        {SFPM_ERR_REFUSED, "hook 'unnamed'"}};
    for (int i = 0; i < HEAPS; i++) {
        fails(sfpm_heap_restore(second.heaps[i], path, NULL), expected[_i].status,
              expected[_i].text);
        check_built(&second, 10);
        for (int k = 0; k < HEAPS; k++)
            ck_assert_uint_eq(place_of(&second, k), places[k]);
    }
    /* They are as usable as before. */
    build(&second, KEYS);
    ck_assert(sfpm_snapshot_save(second.snapshot, path));
    build(&second, 5);
    answer = true;
    restores(&second, 0);
    check_built(&second, KEYS);
    close_world(&second);
    close_world(&first);
}
END_TEST

/* The memory of a world goes; of the heaps those of which a bit is set. */
static void close_some(world_t *world, int which)
{
    sfpm_snapshot_destroy(world->snapshot);
    for (int i = 0; i < HEAPS; i++)
        if (which >> i & 1)
            sfpm_heap_destroy(world->heaps[i]);
}

/* Bits 0 and 1: whose places are free; bit 2: the hook comes before the heaps. */
START_TEST(a_hook_that_fails_afterwards_leaves_what_is_restored)
{
    static world_t first, second;
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks,
                                .after_restore = fail_afterwards,
                                .context = &answer};
    answer = true;
    early = NULL;
    open_world(&first, &table_type);
    build(&first, KEYS);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    close_some(&first, _i & 3);
    early = _i & 4 ? &hooks : NULL;
    open_world(&second, &table_type);
    build(&second, 10);
    answer = false;
    ck_assert(early || sfpm_snapshot_add_hooks(second.snapshot, &hooks));
    fails(sfpm_heap_restore(second.heaps[0], path, NULL), SFPM_ERR_UNFINISHED,
          "memory is restored");
    check_built(&second, KEYS);
    close_world(&second);
    first.snapshot = NULL;
    close_some(&first, 3 ^ (_i & 3));
}
END_TEST

/* ---- Left for ever ---- */

static jmp_buf outside;
static const char *leaving; /* the callback that is left; NULL: none */

static void leave(const char *callback)
{
    if (leaving && strcmp(leaving, callback) == 0)
        longjmp(outside, 1);
}

static bool leave_before(void *context)
{
    leave("before");
    return context == NULL;
}

static bool leave_after(void *context, const sfpm_restore_event_t *event)
{
    if (event->restored)
        leave("after");
    return context == NULL;
}

static bool leave_visit(void *context, void *block, size_t size,
                        sfpm_heap_visitor_t *visitor)
{
    leave("visit");
    return visit(context, block, size, visitor);
}

static const struct {
    const char *callback;
    int free;   /* whose places are free, a bit each */
    bool early; /* the hooks come before the heaps */
    long keys;  /* then in memory */
} ways_to_leave[] = {
    {"before", 3, true, 10},   {"before", 3, false, 10}, {"before", 1, true, 10},
    {"before", 0, false, 10},  {"after", 3, true, KEYS}, {"after", 3, false, KEYS},
    {"after", 1, true, KEYS},  {"after", 2, true, KEYS}, {"after", 0, false, KEYS},
    {"visit", 0, false, 10},   {"visit", 1, true, 10},   {"visit", 2, true, 10},
};

static const sfpm_hooks_t leavers = {.struct_size = sizeof leavers,
                                     .before_restore = leave_before,
                                     .after_restore = leave_after};

/* What a restore has allocated when it is left is not released. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

static void leave_restore(const world_t *world, const char *callback)
{
    if (__lsan_disable)
        __lsan_disable();
    if (setjmp(outside) == 0) {
        leaving = callback;
        sfpm_heap_restore(world->heaps[0], path, NULL);
        ck_abort_msg("%s was not called", callback);
    }
    if (__lsan_enable)
        __lsan_enable();
    leaving = NULL;
    ck_assert(sfpm_snapshot_abandon(world->snapshot));
}

/* A heap that lies elsewhere than the image says is not restored without it. */
static void check_knows_its_place(const world_t *world, const uint64_t *places)
{
    for (int i = 0; i < HEAPS; i++)
        if (place_of(world, i) != places[i]) {
            fails(sfpm_snapshot_restore(path, world->snapshot), SFPM_ERR_REFUSED,
                  "use sfpm_heap_restore()");
            return;
        }
}

START_TEST(a_restore_that_is_left_leaves_all_heaps)
{
    static world_t first, second;
    sfpm_heap_type_t type = visited_type;
    type.visit = leave_visit;
    early = NULL;
    open_world(&first, &visited_type);
    build(&first, KEYS);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    const uint64_t places[HEAPS] = {place_of(&first, 0), place_of(&first, 1)};
    close_some(&first, ways_to_leave[_i].free);
    early = ways_to_leave[_i].early ? &leavers : NULL;
    open_world(&second, &type);
    ck_assert(early || sfpm_snapshot_add_hooks(second.snapshot, &leavers));
    build(&second, 10);
    leave_restore(&second, ways_to_leave[_i].callback);
    check_built(&second, ways_to_leave[_i].keys);
    check_knows_its_place(&second, places);
    /* They are as usable as before. */
    restores(&second, 1);
    check_built(&second, KEYS);
    build(&second, 7);
    ck_assert_msg(sfpm_snapshot_commit(second.snapshot, path, NULL), "%s",
                  sfpm_last_error());
    build(&second, 5);
    restores(&second, 0);
    check_built(&second, 7);
    close_world(&second);
    first.snapshot = NULL;
    close_some(&first, 3 ^ ways_to_leave[_i].free);
}
END_TEST

/* ---- Places ---- */

/* Where the system puts a heap that may lie anywhere. */
static uint64_t next_place(size_t size)
{
    enum { SEGMENT = 4 << 20 };
    void *base = mmap(NULL, size + SEGMENT, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_int_eq(munmap(base, size + SEGMENT), 0);
    return ((uintptr_t)base + SEGMENT - 1) / SEGMENT * SEGMENT;
}

static sfpm_heap_t *heap_at(int i, uint64_t address, sfpm_snapshot_t *snapshot)
{
    const sfpm_heap_options_t options = {
        .struct_size = sizeof options, .max_size = 64 << 20, .address = address};
    sfpm_heap_t *heap = sfpm_heap_create(names[i], &options);
    ck_assert_ptr_nonnull(heap);
    ck_assert(sfpm_heap_register_type(heap, &table_type));
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    return heap;
}

/* The place of the first heap is taken, and the system would put it where the second was
 * saved. */
START_TEST(a_heap_that_moves_takes_no_place_of_another)
{
    sfpm_heap_t *now[HEAPS], *old[HEAPS];
    sfpm_heap_stats_t was = {.struct_size = sizeof was};
    sfpm_heap_stats_t is = {.struct_size = sizeof is};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_snapshot_t *earlier = sfpm_snapshot_create();
    for (int i = 0; i < HEAPS; i++)
        now[i] = heap_at(i, 0, snapshot);
    old[0] = heap_at(0, 0, earlier);
    old[1] = heap_at(1, next_place(64 << 20), earlier);
    ck_assert(sfpm_snapshot_save(earlier, path));
    sfpm_snapshot_destroy(earlier);
    ck_assert(sfpm_heap_stats(old[1], &was));
    sfpm_heap_destroy(old[1]);
    ck_assert_msg(sfpm_heap_restore(now[0], path, NULL), "%s", sfpm_last_error());
    ck_assert(sfpm_heap_stats(now[1], &is));
    ck_assert_uint_eq(is.base, was.base);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(now[0]);
    sfpm_heap_destroy(now[1]);
    sfpm_heap_destroy(old[0]);
}
END_TEST

/* ---- Limits ---- */

START_TEST(a_heap_has_its_name_for_itself)
{
    static char memory[10];
    const sfpm_memory_region_t region = {memory, sizeof memory, "first", false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *one = sfpm_heap_create("first", NULL);
    sfpm_heap_t *two = sfpm_heap_create("first", NULL);
    ck_assert(sfpm_snapshot_add_region(snapshot, &region));
    fails(sfpm_heap_add_to_snapshot(one, snapshot), SFPM_ERR_ARGUMENT,
          "heap 'first': a region with this name");
    ck_assert(sfpm_snapshot_remove_region(snapshot, "first", 0));
    ck_assert(sfpm_heap_add_to_snapshot(one, snapshot));
    fails(sfpm_heap_add_to_snapshot(two, snapshot), SFPM_ERR_ARGUMENT,
          "heap 'first': a region with this name");
    fails(sfpm_snapshot_add_region(snapshot, &region), SFPM_ERR_ARGUMENT,
          "region 'first' is a heap");
    fails(sfpm_snapshot_move_region(snapshot, "first", 0, memory, sizeof memory),
          SFPM_ERR_ARGUMENT, "region 'first' is a heap");
    ck_assert(sfpm_snapshot_save(snapshot, path));
    ck_assert_msg(sfpm_heap_restore(one, path, NULL), "%s", sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(one);
    sfpm_heap_destroy(two);
}
END_TEST

/* The tables of the image have room for so many segments, however it comes back. */
START_TEST(a_restored_heap_has_the_range_of_its_tables)
{
    enum { MIB = 1 << 20 };
    sfpm_heap_options_t options = {.struct_size = sizeof options, .max_size = 64 * MIB};
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    sfpm_heap_t *heap = sfpm_heap_create("range", &options);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    options.max_size = 256 * MIB;
    heap = sfpm_heap_create("range", &options);
    snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(heap, snapshot));
    ck_assert_msg(_i ? sfpm_heap_restore(heap, path, NULL)
                     : sfpm_snapshot_restore(path, snapshot),
                  "%s", sfpm_last_error());
    ck_assert(sfpm_heap_stats(heap, &stats));
    ck_assert_uint_eq(stats.reserved, 64 * MIB);
    ck_assert_ptr_null(sfpm_heap_alloc(heap, 100 * MIB));
    ck_assert_ptr_nonnull(sfpm_heap_alloc(heap, 40 * MIB));
    ck_assert(sfpm_heap_check(heap));
    ck_assert(sfpm_snapshot_commit(snapshot, path, NULL));
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_several");
    TCase *core = add_case(suite, "Core", setup, teardown);
    tcase_add_loop_test(core, heaps_move_together, 0, 16);
    tcase_add_loop_test(core, heaps_stay_together, 0, HEAPS);
    tcase_add_test(core, a_heap_that_the_image_lacks_stays);
    tcase_add_test(core, all_pointers_into_a_heap_that_moves_are_known);
    tcase_add_loop_test(core, a_failure_leaves_all_heaps, 0, 4);
    tcase_add_loop_test(core, a_hook_that_fails_afterwards_leaves_what_is_restored, 0, 8);
    tcase_add_loop_test(core, a_restore_that_is_left_leaves_all_heaps, 0,
                        sizeof ways_to_leave / sizeof ways_to_leave[0]);
    tcase_add_test(core, a_heap_that_moves_takes_no_place_of_another);
    tcase_add_test(core, a_heap_has_its_name_for_itself);
    tcase_add_loop_test(core, a_restored_heap_has_the_range_of_its_tables, 0, 2);
    return run_all(suite);
}
