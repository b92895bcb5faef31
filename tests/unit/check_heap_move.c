/* SPDX-License-Identifier: MIT */
/* Heaps restored elsewhere: types, pointers, and images whose tables are damaged. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "base/poison.h"
#include "common.h"
#include "heap/heap.h"
#include "heap/layout.h"

static const char path[] = "a.img";

typedef struct node {
    struct node *left;
    long key;
    struct node *right;
    sfpm_relptr_t name;
} node_t;

static const size_t node_pointers[] = {offsetof(node_t, left), offsetof(node_t, right)};
static const sfpm_heap_type_t node_type = {.struct_size = sizeof node_type,
                                           .name = "node",
                                           .size = sizeof(node_t),
                                           .pointers = node_pointers,
                                           .num_pointers = 2};

/* A vector that counts its pointers itself, with a mark in their lowest bits. */
typedef struct vector {
    size_t count;
    node_t *items[];
} vector_t;

static bool visit_vector(void *context, void *block, size_t size,
                         sfpm_heap_visitor_t *visitor)
{
    vector_t *vector = block;
    ++*(int *)context;
    if (vector->count > (size - sizeof *vector) / sizeof(node_t *))
        return false;
    for (size_t i = 0; i < vector->count; i++)
        if (!sfpm_heap_visit(visitor, &vector->items[i]))
            return false;
    return true;
}

static int visits;
static const sfpm_heap_type_t vector_type = {.struct_size = sizeof vector_type,
                                             .name = "vector",
                                             .size = 1,
                                             .visit = visit_vector,
                                             .context = &visits};

typedef struct world {
    sfpm_heap_t *heap;
    sfpm_snapshot_t *snapshot;
    uint32_t node;
    uint32_t vector;
} world_t;

static world_t open_world(void)
{
    world_t world = {.heap = sfpm_heap_create("move", NULL),
                     .snapshot = sfpm_snapshot_create()};
    ck_assert_msg(world.heap && world.snapshot, "%s", sfpm_last_error());
    ck_assert(sfpm_heap_add_to_snapshot(world.heap, world.snapshot));
    return world;
}

static void close_world(world_t *world)
{
    sfpm_snapshot_destroy(world->snapshot);
    sfpm_heap_destroy(world->heap);
}

static world_t typed_world(void)
{
    world_t world = open_world();
    world.node = sfpm_heap_register_type(world.heap, &node_type);
    world.vector = sfpm_heap_register_type(world.heap, &vector_type);
    ck_assert_msg(world.node && world.vector, "%s", sfpm_last_error());
    return world;
}

static node_t *insert(const world_t *world, node_t **at, long key)
{
    while (*at)
        at = key < (*at)->key ? &(*at)->left : &(*at)->right;
    *at = sfpm_heap_alloc_type(world->heap, world->node, 1);
    ck_assert(*at != NULL);
    char *name = sfpm_heap_alloc_type(world->heap, SFPM_HEAP_DATA, 24);
    snprintf(name, 24, "key %ld", key);
    (*at)->key = key;
    sfpm_relptr_set(&(*at)->name, name);
    return *at;
}

enum { KEYS = 20000, LARGE = 30000, ARRAY = 300000 };

/* A tree, a vector of its nodes that takes several units, an array of elements. */
static void build(const world_t *world)
{
    node_t *tree = NULL;
    vector_t *vector = sfpm_heap_alloc_type(world->heap, world->vector,
                                            sizeof *vector + LARGE * sizeof(node_t *));
    node_t *array = sfpm_heap_alloc_type(world->heap, world->node, ARRAY);
    for (long i = 0; i < KEYS; i++)
        vector->items[vector->count++] = insert(world, &tree, i * 7919 % KEYS);
    array[ARRAY - 1].left = tree;
    ck_assert(sfpm_heap_set_root(world->heap, "tree", tree));
    ck_assert(sfpm_heap_set_root(world->heap, "vector", vector));
    ck_assert(sfpm_heap_set_root(world->heap, "array", array));
}

static long check_tree(const world_t *world, const node_t *node, long key)
{
    char name[24];
    if (!node)
        return key;
    ck_assert(sfpm_heap_contains(world->heap, node));
    key = check_tree(world, node->left, key);
    ck_assert_int_eq(node->key, key);
    snprintf(name, sizeof name, "key %ld", key);
    ck_assert_str_eq(sfpm_relptr_get(&node->name), name);
    return check_tree(world, node->right, key + 1);
}

static void check_built(const world_t *world)
{
    const vector_t *vector = sfpm_heap_root(world->heap, "vector");
    const node_t *array = sfpm_heap_root(world->heap, "array");
    const node_t *tree = sfpm_heap_root(world->heap, "tree");
    ck_assert_int_eq(check_tree(world, tree, 0), KEYS);
    ck_assert_uint_eq(vector->count, KEYS);
    for (long i = 0; i < KEYS; i++)
        ck_assert_int_eq(vector->items[i]->key, i * 7919 % KEYS);
    ck_assert_ptr_eq(array[ARRAY - 1].left, tree);
    ck_assert_msg(sfpm_heap_check(world->heap), "%s", sfpm_last_error());
}

static void restores(world_t *world)
{
    ck_assert_msg(sfpm_heap_restore(world->heap, path, NULL), "%s", sfpm_last_error());
}

static void fails(world_t *world, sfpm_status_t status, const char *text)
{
    ck_assert(!sfpm_heap_restore(world->heap, path, NULL));
    ck_assert_msg(sfpm_last_status() == status && strstr(sfpm_last_error(), text),
                  "%d %s", (int)sfpm_last_status(), sfpm_last_error());
}

/* The first heap stays where it is, so that the second finds its place taken. */
START_TEST(a_heap_moves_with_its_pointers)
{
    char note[32] = "saved";
    const sfpm_memory_region_t region = {note, sizeof note, "note", false};
    world_t first = typed_world();
    ck_assert(sfpm_snapshot_add_region(first.snapshot, &region));
    build(&first);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    strcpy(note, "changed");
    world_t second = open_world();
    second.vector = sfpm_heap_register_type(second.heap, &vector_type);
    second.node = sfpm_heap_register_type(second.heap, &node_type);
    ck_assert(sfpm_snapshot_add_region(second.snapshot, &region));
    void *was = sfpm_heap_alloc(second.heap, 100);
    visits = 0;
    restores(&second);
    ck_assert_int_eq(visits, 1);
    ck_assert_str_eq(note, "saved");
    ck_assert_ptr_ne(sfpm_heap_root(second.heap, "tree"),
                     sfpm_heap_root(first.heap, "tree"));
    (void)was;
    check_built(&first);
    check_built(&second);
    /* The image's pointers are not right there. */
    ck_assert(!sfpm_snapshot_revert(second.snapshot));
    check_built(&second);
    /* What is restored there goes on, is saved, and moves again. */
    node_t *tree = sfpm_heap_root(second.heap, "tree");
    insert(&second, &tree, KEYS);
    ck_assert_msg(sfpm_snapshot_commit(second.snapshot, path, NULL), "%s",
                  sfpm_last_error());
    world_t third = typed_world();
    ck_assert(sfpm_snapshot_add_region(third.snapshot, &region));
    restores(&third);
    ck_assert_int_eq(check_tree(&third, sfpm_heap_root(third.heap, "tree"), 0), KEYS + 1);
    close_world(&second);
    restores(&third); /* the place is free now */
    ck_assert_int_eq(check_tree(&third, sfpm_heap_root(third.heap, "tree"), 0), KEYS + 1);
    close_world(&third);
    close_world(&first);
}
END_TEST

START_TEST(blocks_whose_pointers_are_unknown_do_not_move)
{
    world_t first = typed_world();
    build(&first);
    void *block = sfpm_heap_alloc(first.heap, 10);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    world_t second = open_world();
    fails(&second, SFPM_ERR_MISMATCH, "in blocks of: untyped, vector;");
    ck_assert(sfpm_heap_free(first.heap, block));
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    fails(&second, SFPM_ERR_MISMATCH, "in blocks of: vector;");
    ck_assert(sfpm_heap_register_type(second.heap, &vector_type));
    restores(&second); /* a table of offsets is in the image */
    check_built(&second);
    close_world(&second);
    close_world(&first);
}
END_TEST

START_TEST(relative_heaps_move)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options, .relative = true};
    sfpm_heap_t *first = sfpm_heap_create("relative", &options);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(first, snapshot));
    sfpm_relptr_t *pointer = sfpm_heap_alloc(first, sizeof *pointer);
    sfpm_relptr_set(pointer, strcpy(sfpm_heap_alloc(first, 6), "hello"));
    sfpm_heap_set_root(first, "pointer", pointer);
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_heap_t *second = sfpm_heap_create("relative", &options);
    sfpm_snapshot_t *other = sfpm_snapshot_create();
    ck_assert(sfpm_heap_add_to_snapshot(second, other));
    ck_assert_msg(sfpm_heap_restore(second, path, NULL), "%s", sfpm_last_error());
    ck_assert_ptr_ne(sfpm_heap_root(second, "pointer"), pointer);
    ck_assert_str_eq(sfpm_relptr_get(sfpm_heap_root(second, "pointer")), "hello");
    sfpm_relptr_set(pointer, NULL);
    ck_assert_ptr_null(sfpm_relptr_get(pointer));
    sfpm_snapshot_destroy(snapshot);
    sfpm_snapshot_destroy(other);
    sfpm_heap_destroy(first);
    sfpm_heap_destroy(second);
}
END_TEST

START_TEST(a_bad_pointer_is_found)
{
    world_t first = typed_world();
    node_t *node = sfpm_heap_alloc_type(first.heap, first.node, 1);
    vector_t *vector = sfpm_heap_alloc_type(first.heap, first.vector, 64);
    void *gone = sfpm_heap_alloc_type(first.heap, SFPM_HEAP_DATA, 10);
    ck_assert(sfpm_heap_free(first.heap, gone));
    void *const bad[] = {(void *)8, node + 50000000, gone, &visits, (char *)node - 70000};
    world_t second = typed_world();
    node_t *mine = sfpm_heap_alloc_type(second.heap, second.node, 1);
    mine->key = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note_input("case", i);
        node->right = bad[i];
        ck_assert(sfpm_snapshot_save(first.snapshot, path));
        fails(&second, SFPM_ERR_CORRUPT, "type 'node'");
        ck_assert(mine->key == 5 && sfpm_heap_check(second.heap));
        node->right = node;
        vector->count = 1;
        vector->items[0] = bad[i];
        ck_assert(sfpm_snapshot_save(first.snapshot, path));
        fails(&second, SFPM_ERR_CORRUPT, "type 'vector'");
        vector->count = 0;
    }
    ck_assert(sfpm_snapshot_save(first.snapshot, path)); /* the control */
    restores(&second);
    close_world(&second);
    close_world(&first);
}
END_TEST

START_TEST(a_type_that_changed_is_named)
{
    static const size_t moved[] = {offsetof(node_t, left), offsetof(node_t, key)};
    world_t first = typed_world();
    build(&first);
    ck_assert(sfpm_snapshot_save(first.snapshot, path));
    close_world(&first);
    sfpm_heap_type_t larger = node_type, elsewhere = node_type, plain = node_type;
    larger.size++;
    elsewhere.pointers = moved;
    plain.num_pointers = 0;
    const sfpm_heap_type_t *const types[] = {&larger, &elsewhere, &plain};
    for (size_t i = 0; i < 3; i++) {
        world_t world = open_world();
        ck_assert(sfpm_heap_register_type(world.heap, types[i]));
        fails(&world, SFPM_ERR_MISMATCH, "type 'node' has ");
        close_world(&world);
    }
}
END_TEST

START_TEST(types_are_checked)
{
    static const size_t outside[] = {sizeof(node_t) - 1};
    world_t world = typed_world();
    sfpm_heap_type_t type = node_type;
    ck_assert(!sfpm_heap_register_type(world.heap, &type)); /* again */
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    type.name = "x";
    type.pointers = outside;
    type.num_pointers = 1;
    ck_assert(!sfpm_heap_register_type(world.heap, &type));
    type.num_pointers = 0;
    type.size = 0;
    ck_assert(!sfpm_heap_register_type(world.heap, &type));
    type.size = 1;
    type.name = "a name of very many bytes, more than there is any room for";
    ck_assert(!sfpm_heap_register_type(world.heap, &type));
    ck_assert(!sfpm_heap_alloc_type(world.heap, 77, 1));
    ck_assert(!sfpm_heap_alloc_type(world.heap, world.node, SIZE_MAX / 2));
    for (int i = 0; i < MAX_TYPES - 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        type.name = name;
        ck_assert(sfpm_heap_register_type(world.heap, &type));
    }
    type.name = "more";
    ck_assert(!sfpm_heap_register_type(world.heap, &type));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    close_world(&world);
}
END_TEST

/* Bytes of a heap as a region of the same name, so that its checksums are right. */
static void save_bytes(uint8_t *bytes, size_t size)
{
    const sfpm_memory_region_t region = {bytes, size, "move", true};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_snapshot_add_region(snapshot, &region));
    ck_assert(sfpm_snapshot_save(snapshot, path));
    sfpm_snapshot_destroy(snapshot);
}

/* Each one wrong, for a heap of one segment. */
START_TEST(damaged_tables_are_found)
{
    world_t first = typed_world();
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    node_t *node = sfpm_heap_alloc_type(first.heap, first.node, 1);
    void *large = sfpm_heap_alloc_type(first.heap, SFPM_HEAP_DATA, 200000);
    ck_assert(sfpm_heap_set_root(first.heap, "node", node));
    ck_assert(sfpm_heap_stats(first.heap, &stats));
    size_t size = (size_t)stats.size;
    uint8_t *bytes = malloc(size);
    uint8_t *base = (uint8_t *)(uintptr_t)stats.base;
    segment_t *segment = (segment_t *)(void *)bytes;
    header_t *header = (header_t *)(void *)(bytes + HEADER_AT);
    segment_entry_t *entry = (segment_entry_t *)(void *)(bytes + SEGMENTS_AT);
    size_t slab = (size_t)((uint8_t *)node - base) / UNIT_SIZE;
    size_t run = (size_t)((uint8_t *)large - base) / UNIT_SIZE;
    unit_t *unit = &segment->units[slab], *wide = &segment->units[run];
    bin_t *bin = &header->types[2].bins[unit->size_class];
    sfpm_unpoison(base, size, true); /* free blocks are copied, too */
    world_t second = typed_world();
    for (int i = -1; i < 34; i++) {
        memcpy(bytes, base, size);
        bin = &header->types[2].bins[unit->size_class];
        switch (i) {
#define WRONG(number, change)                                                            \
    case number:                                                                         \
        change;                                                                          \
        break
            WRONG(0, header->magic ^= 1);
            WRONG(1, header->version = 2);
            WRONG(2, header->num_segments = 2);
            WRONG(3, header->max_size = 4096);
            WRONG(4, header->base += 4096);
            WRONG(5, header->num_types = MAX_TYPES + 1);
            WRONG(6, header->num_roots = UINT32_MAX);
            WRONG(7, header->segments_at ^= 64);
            WRONG(8, header->roots[0].offset = UINT64_MAX);
            WRONG(9, header->roots[0].offset += sizeof(node_t));
            WRONG(10, memset(header->roots[0].name, 'x', NAME_SIZE));
            WRONG(11, header->types[2].size = 0);
            WRONG(12, header->types[2].num_pointers = UINT32_MAX);
            WRONG(13, header->offsets[0] = sizeof(node_t));
            WRONG(14, header->types[3].flags = 8);
            WRONG(15, bin->first = 0);
            WRONG(16, bin->first = UINT32_MAX);
            WRONG(17, bin->first = (uint32_t)run);
            WRONG(18, unit->next = (uint32_t)slab);
            WRONG(19, unit->previous = (uint32_t)slab);
            WRONG(20, unit->block_size = 16);
            WRONG(21, unit->capacity++);
            WRONG(22, unit->reciprocal++);
            WRONG(23, unit->type = 1000);
            WRONG(24, unit->free--);
            WRONG(25, segment->maps[slab][0] |= 1);
            WRONG(26, unit->hint = 900);
            WRONG(27, segment->free_units |= UINT64_C(1) << slab);
            WRONG(28, wide->length = 60);
            WRONG(29, wide[1].length = 2);
            WRONG(30, wide[2].kind = UNIT_SLAB);
            WRONG(31, entry->longest--);
            WRONG(32, entry->kind = SEGMENT_REST);
            WRONG(33, header->types[2].num_pointers = header->num_offsets = 5);
        default:
            break;
        }
        save_bytes(bytes, size);
        if (i < 0)
            restores(&second); /* the control */
        else
            ck_assert_msg(!sfpm_heap_restore(second.heap, path, NULL), "number %d", i);
        ck_assert(i == 1 || i < 0 || sfpm_last_status() == SFPM_ERR_CORRUPT ||
                  sfpm_last_status() == SFPM_ERR_MISMATCH);
        ck_assert_msg(sfpm_heap_check(second.heap), "%d: %s", i, sfpm_last_error());
    }
    free(bytes);
    close_world(&second);
    close_world(&first);
}
END_TEST

/* Whatever bytes change: an error, or a heap whose tables are right. */
START_TEST(any_damage_is_an_error_or_harmless)
{
    world_t first = typed_world();
    build(&first);
    sfpm_heap_stats_t stats = {.struct_size = sizeof stats};
    ck_assert(sfpm_heap_stats(first.heap, &stats));
    uint8_t *base = (uint8_t *)(uintptr_t)stats.base;
    sfpm_unpoison(base, (size_t)stats.size, true); /* free blocks are saved, too */
    world_t second = typed_world();
    unsigned refused = 0;
    for (int i = 0; i < 150; i++) {
        note_input("damage", (uint64_t)i);
        static const size_t begins[] = {
            4096, HEADER_AT, HEADER_AT + offsetof(header_t, types), 8192, SEGMENTS_AT, 0};
        static const size_t lengths[] = {4096, 104, 1000, 8192, 64, 16};
        size_t at = begins[i % 6] + (size_t)random_below(lengths[i % 6]);
        uint8_t old = base[at];
        base[at] ^= (uint8_t)(1U << random_below(8));
        save_bytes(base, (size_t)stats.size);
        base[at] = old;
        if (sfpm_heap_restore(second.heap, path, NULL))
            ck_assert_msg(sfpm_heap_check(second.heap), "%s", sfpm_last_error());
        else
            refused++;
    }
    ck_assert_uint_gt(refused, 50);
    close_world(&second);
    close_world(&first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_move");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_test(core, a_heap_moves_with_its_pointers);
    tcase_add_test(core, relative_heaps_move);
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_test(limits, blocks_whose_pointers_are_unknown_do_not_move);
    tcase_add_test(limits, a_bad_pointer_is_found);
    tcase_add_test(limits, a_type_that_changed_is_named);
    tcase_add_test(limits, types_are_checked);
    tcase_add_test(limits, damaged_tables_are_found);
    tcase_add_test(limits, any_damage_is_an_error_or_harmless);
    return run_all(suite);
}
