/* SPDX-License-Identifier: MIT */
/* The search for pointers of which no type tells. */
#include <stddef.h>

#include <sfpm/heap.h>

#include "common.h"

typedef struct node {
    struct node *left;
    uintptr_t key;
    struct node *right;
} node_t;

static const size_t node_pointers[] = {offsetof(node_t, left), offsetof(node_t, right)};
static const sfpm_heap_type_t node_type = {.struct_size = sizeof node_type,
                                           .name = "node",
                                           .size = sizeof(node_t),
                                           .pointers = node_pointers,
                                           .num_pointers = 2};

static bool visit_vector(void *context, void *block, size_t size,
                         sfpm_heap_visitor_t *visitor)
{
    (void)context;
    (void)size;
    return sfpm_heap_visit(visitor, block);
}

static const sfpm_heap_type_t vector_type = {.struct_size = sizeof vector_type,
                                             .name = "vector",
                                             .size = 1,
                                             .visit = visit_vector};

typedef struct suspects {
    const void *words[4];
    const void *targets[4];
    int count;
    int most;
} suspects_t;

static bool suspect(void *context, const void *word, const void *target)
{
    suspects_t *suspects = context;
    ck_assert_int_lt(suspects->count, 4);
    suspects->words[suspects->count] = word;
    suspects->targets[suspects->count] = target;
    return ++suspects->count < suspects->most;
}

static void expect_suspects(const sfpm_heap_t *heap, int most, int count, void *word,
                            void *target)
{
    suspects_t found = {.most = most};
    ck_assert(sfpm_heap_check_pointers(heap, suspect, &found));
    ck_assert_int_eq(found.count, count);
    for (int i = 0; word && i < count; i++)
        if (found.words[i] == word) {
            ck_assert_ptr_eq(found.targets[i], target);
            return;
        }
    ck_assert(word == NULL);
}

START_TEST(forgotten_pointers_are_found)
{
    sfpm_heap_t *heap = sfpm_heap_create("suspects", NULL);
    ck_assert(heap != NULL);
    node_t *nodes =
        sfpm_heap_alloc_type(heap, sfpm_heap_register_type(heap, &node_type), 2);
    void **vector =
        sfpm_heap_alloc_type(heap, sfpm_heap_register_type(heap, &vector_type), 64);
    uintptr_t *plain = sfpm_heap_calloc(heap, 4, sizeof *plain);
    uintptr_t *data = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 100000);
    void *gone = sfpm_heap_alloc_type(heap, SFPM_HEAP_DATA, 10);
    ck_assert(sfpm_heap_free(heap, gone));
    nodes[0].left = nodes[1].right = vector[0] = nodes; /* these are told of */
    plain[0] = (uintptr_t)gone;                         /* these are none */
    plain[1] = 5;
    plain[2] = UINTPTR_MAX;
    expect_suspects(heap, 4, 0, NULL, NULL);
    plain[3] = (uintptr_t)&nodes[1];
    expect_suspects(heap, 4, 1, &plain[3], &nodes[1]);
    data[10000] = (uintptr_t)plain;
    expect_suspects(heap, 4, 2, &data[10000], plain);
    nodes[1].key = (uintptr_t)data;
    expect_suspects(heap, 4, 3, &nodes[1].key, data);
    expect_suspects(heap, 1, 1, NULL, NULL);
    ck_assert(!sfpm_heap_check_pointers(heap, NULL, NULL));
    ck_assert(!sfpm_heap_check_pointers(NULL, suspect, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_heap_destroy(heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap_suspects");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_test(core, forgotten_pointers_are_found);
    return run_all(suite);
}
