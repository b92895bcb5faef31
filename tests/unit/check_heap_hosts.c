/* SPDX-License-Identifier: MIT */
/* Addresses of functions and data in a heap: bound to those of the process. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "base/poison.h"
#include "common.h"
#include "heap/layout.h"

static const char path[] = "a.img";
static char one[2], two[2], three[2], without_name;

typedef struct object {
    struct object *next;
    const char *first;
    const char *second;
} object_t;

static const size_t pointers[] = {offsetof(object_t, next)};
static const size_t hosts[] = {offsetof(object_t, first), offsetof(object_t, second)};
static const sfpm_heap_type_t object_type = {.struct_size = sizeof object_type,
                                             .name = "object",
                                             .size = sizeof(object_t),
                                             .pointers = pointers,
                                             .num_pointers = 1,
                                             .hosts = hosts,
                                             .num_hosts = 2};

typedef struct world {
    sfpm_heap_t *heap;
    sfpm_snapshot_t *snapshot;
    uint32_t object;
} world_t;

/* A process has its symbols at the bytes `at` of `one` and `two`. */
static world_t open_world(int at, bool all)
{
    world_t world = {sfpm_heap_create("hosts", NULL), sfpm_snapshot_create(), 0};
    ck_assert(sfpm_heap_add_to_snapshot(world.heap, world.snapshot));
    world.object = sfpm_heap_register_type(world.heap, &object_type);
    ck_assert_msg(world.object, "%s", sfpm_last_error());
    ck_assert(sfpm_heap_register_symbol(world.heap, "unused", &three[at]));
    if (all) {
        ck_assert(sfpm_heap_register_symbol(world.heap, "two", &two[at]));
        ck_assert(sfpm_heap_register_symbol(world.heap, "one", &one[at]));
    }
    return world;
}

static void close_world(world_t *world)
{
    sfpm_snapshot_destroy(world->snapshot);
    sfpm_heap_destroy(world->heap);
}

static object_t *root(const world_t *world)
{
    return sfpm_heap_root(world->heap, "object");
}

/* Saves objects with the addresses of a process whose symbols lie at byte 0. */
static world_t saved_world(void)
{
    world_t world = open_world(0, true);
    object_t *objects = sfpm_heap_alloc_type(world.heap, world.object, 2);
    objects[0] = (object_t){&objects[1], &one[0], &two[0]};
    objects[1] = (object_t){NULL, NULL, &without_name};
    ck_assert(sfpm_heap_set_root(world.heap, "object", objects));
    ck_assert_msg(sfpm_snapshot_save(world.snapshot, path), "%s", sfpm_last_error());
    ck_assert_ptr_eq(objects[0].first, &one[0]); /* saving changed nothing */
    return world;
}

static void expect_bound(const world_t *world, int at)
{
    const object_t *objects = root(world);
    ck_assert_ptr_eq(objects[0].next, &objects[1]);
    ck_assert_ptr_eq(objects[0].first, &one[at]);
    ck_assert_ptr_eq(objects[0].second, &two[at]);
    ck_assert_ptr_null(objects[1].first);
    ck_assert_ptr_eq(objects[1].second, &without_name);
    ck_assert_msg(sfpm_heap_check(world->heap), "%s", sfpm_last_error());
}

static bool restore(const world_t *world, sfpm_restore_mode_t mode)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options, .mode = mode};
    return sfpm_heap_restore(world->heap, path, &options);
}

START_TEST(addresses_are_bound)
{
    for (int i = 0; i < 4; i++) {
        bool elsewhere = i & 1;
        world_t first = saved_world();
        if (!elsewhere)
            close_world(&first);
        world_t second = open_world(1, true);
        ck_assert_msg(
            restore(&second, i & 2 ? SFPM_RESTORE_LAZY_UNVERIFIED : SFPM_RESTORE_AUTO),
            "%s", sfpm_last_error());
        expect_bound(&second, 1);
        ck_assert_msg(sfpm_snapshot_save(second.snapshot, path), "%s", sfpm_last_error());
        ck_assert(restore(&second, SFPM_RESTORE_AUTO));
        expect_bound(&second, 1);
        close_world(&second);
        if (elsewhere)
            close_world(&first);
    }
}
END_TEST

START_TEST(missing_symbols_are_all_named)
{
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        world_t first = saved_world();
        if (!elsewhere)
            close_world(&first);
        world_t second = open_world(1, false);
        object_t *mine = sfpm_heap_alloc_type(second.heap, second.object, 1);
        mine->first = one;
        ck_assert(!restore(&second, SFPM_RESTORE_AUTO));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MISMATCH);
        ck_assert_msg(strstr(sfpm_last_error(), "2 symbols are not registered: ") &&
                          strstr(sfpm_last_error(), "one") &&
                          strstr(sfpm_last_error(), "two"),
                      "%s", sfpm_last_error());
        ck_assert_ptr_eq(mine->first, one);
        close_world(&second);
        if (elsewhere)
            close_world(&first);
    }
}
END_TEST

/* The heap's bytes as a region of its name, so that checksums are right. */
static void save_bytes(uint8_t *bytes, size_t size)
{
    const sfpm_memory_region_t region = {bytes, size, "hosts", true};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_snapshot_add_region(snapshot, &region));
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_snapshot_destroy(snapshot);
}

static module_t *own_module(header_t *header)
{
    uintptr_t address = (uintptr_t)&without_name;
    for (uint32_t i = 0; i < header->num_modules; i++)
        if (address >= header->modules[i].start && address < header->modules[i].end)
            return &header->modules[i];
    ck_abort_msg("no module");
}

START_TEST(damaged_tables_and_other_builds_are_refused)
{
    static const char *const texts[] = {"another build",
                                        "not loaded",
                                        "neither a symbol nor in a module",
                                        "is not terminated",
                                        "invalid name or addresses",
                                        "exceeds its maximum length",
                                        "exceeds its maximum length",
                                        "invalid size or pointer table",
                                        "is not in"};
    world_t first = saved_world();
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(first.heap, &stats));
    size_t size = (size_t)stats.size;
    uint8_t *bytes = malloc(size);
    header_t *header = (header_t *)(void *)(bytes + HEADER_AT);
    for (int i = -1; i < 9; i++) {
        sfpm_unpoison((void *)(uintptr_t)stats.base, size, true); /* free blocks, too */
        memcpy(bytes, (void *)(uintptr_t)stats.base, size);
        module_t *module = own_module(header);
        switch (i) {
        case 0:
            memset(module->build_id, 'f', 8);
            break;
        case 1:
            memcpy(module->name, "gone", 5);
            break;
        case 2:
            module->end = module->start;
            break;
        case 3:
            memset(header->symbols[1].name, 'x', NAME_SIZE);
            break;
        case 4:
            memset(module->build_id, 'x', BUILD_ID_SIZE);
            break;
        case 5:
            header->num_symbols = MAX_SYMBOLS + 1;
            break;
        case 6:
            header->num_modules = UINT32_MAX;
            break;
        case 7:
            header->types[2].num_hosts = UINT32_MAX;
            break;
        case 8:
            module->base += UINT64_C(1) << 40;
            break;
        default:
            break;
        }
        save_bytes(bytes, size);
        world_t second = open_world(1, true);
        bool ok = restore(&second, SFPM_RESTORE_AUTO);
        if (i < 0) {
            ck_assert_msg(ok, "%s", sfpm_last_error()); /* the control */
            expect_bound(&second, 1);
        } else
            ck_assert_msg(!ok && strstr(sfpm_last_error(), texts[i]), "%d: %d %s", i, ok,
                          sfpm_last_error());
        ck_assert(sfpm_heap_check(second.heap));
        close_world(&second);
    }
    free(bytes);
    close_world(&first);
}
END_TEST

START_TEST(registrations_are_checked)
{
    world_t world = open_world(0, true);
    char name[80];
    ck_assert(!sfpm_heap_register_symbol(world.heap, "one", one)); /* again */
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(!sfpm_heap_register_symbol(world.heap, "x", NULL));
    ck_assert(!sfpm_heap_register_symbol(world.heap, "", one));
    memset(name, 'n', sizeof name - 1);
    name[NAME_SIZE] = '\0';
    ck_assert(!sfpm_heap_register_symbol(world.heap, name, one));
    for (int i = 0; i < MAX_SYMBOLS - 3; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ck_assert(sfpm_heap_register_symbol(world.heap, name, one));
    }
    ck_assert(!sfpm_heap_register_symbol(world.heap, "more", one));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    close_world(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_hosts");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_test(core, addresses_are_bound);
    tcase_add_test(core, missing_symbols_are_all_named);
    tcase_add_test(core, damaged_tables_and_other_builds_are_refused);
    tcase_add_test(core, registrations_are_checked);
    return run_all(suite);
}
