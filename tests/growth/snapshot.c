/* SPDX-License-Identifier: MIT */
/* Long lists that a program registers with a snapshot or a heap. */
#include "growth.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/heap.h>
#include <sfpm/hooks.h>
#include <sfpm/migrate.h>
#include <sfpm/resource.h>
#include <sfpm/snapshot.h>

/* Memory that is registered, each word as a region of its own. */
typedef struct words {
    sfpm_snapshot_t *snapshot;
    uintptr_t *memory;
    size_t count;
} words_t;

static void close_words(words_t *words)
{
    sfpm_snapshot_destroy(words->snapshot);
    free(words->memory);
}

/* Registers them in ascending order, or `back`. Without `named` all have one name. */
static bool open_words(words_t *words, size_t n, uint32_t flags, bool named, bool back)
{
    char name[GROWTH_NAME] = "same";
    *words = (words_t){sfpm_snapshot_create(), calloc(n, sizeof(uintptr_t)), n};
    bool ok = words->snapshot && words->memory;
    for (size_t i = 0; ok && i < n; i++) {
        size_t which = back ? n - 1 - i : i;
        if (named)
            growth_name(which, name);
        const sfpm_memory_region_t region = {&words->memory[which], sizeof(uintptr_t),
                                             name, true};
        ok = sfpm_snapshot_add_region_flags(words->snapshot, &region, flags);
    }
    return ok;
}

/* Saves, commits a change and restores, as programs do. */
static bool live(size_t n, const char *file, bool named)
{
    words_t words;
    bool ok = open_words(&words, n, 0, named, false) &&
              sfpm_snapshot_save(words.snapshot, file);
    if (ok) {
        words.memory[n / 2] = 5;
        ok = sfpm_snapshot_commit(words.snapshot, file, NULL);
    }
    close_words(&words);
    ok = ok && open_words(&words, n, 0, named, named) &&
         sfpm_snapshot_restore(file, words.snapshot) && words.memory[n / 2] == 5;
    close_words(&words);
    return ok;
}

static bool live_regions(size_t n, const char *file)
{
    return live(n, file, true);
}

static bool live_equal_regions(size_t n, const char *file)
{
    return live(n, file, false);
}

/* Every other region is gone when the next commit is made. */
static bool forget_regions(size_t n, const char *file)
{
    words_t words, rest;
    bool ok = open_words(&words, n, 0, true, false);
    ok = open_words(&rest, n / 2, 0, true, false) && ok;
    ok = ok && sfpm_snapshot_save(words.snapshot, file);
    const sfpm_restore_options_t accept = {.struct_size = sizeof accept,
                                           .accept = SFPM_ACCEPT_REMOVED};
    ok = ok && sfpm_snapshot_restore_with(rest.snapshot, file, &accept) &&
         sfpm_snapshot_commit(rest.snapshot, file, NULL);
    close_words(&rest);
    close_words(&words);
    return ok;
}

static bool move_regions(size_t n, const char *file)
{
    words_t words;
    char name[GROWTH_NAME];
    uintptr_t *other = calloc(n, sizeof *other);
    bool ok = open_words(&words, n, 0, true, false) && other && file;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_snapshot_move_region(words.snapshot, growth_name(i, name), 0, &other[i],
                                       sizeof *other);
    close_words(&words);
    free(other);
    return ok;
}

static bool remove_named(size_t n, const char *file, bool named)
{
    words_t words;
    char name[GROWTH_NAME] = "same";
    bool ok = open_words(&words, n, 0, named, false);
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_snapshot_remove_region(words.snapshot,
                                         named ? growth_name(i, name) : name, 0);
    const sfpm_memory_region_t last = {words.memory, sizeof(uintptr_t), "last", false};
    ok = ok && sfpm_snapshot_add_region(words.snapshot, &last) &&
         sfpm_snapshot_save(words.snapshot, file);
    close_words(&words);
    return ok;
}

static bool unregister_regions(size_t n, const char *file)
{
    return remove_named(n, file, true);
}

static bool unregister_equal_regions(size_t n, const char *file)
{
    return remove_named(n, file, false);
}

/* Each region holds an address in the next one; none is restored, since all of them lie
 * elsewhere then. */
static bool pointer_regions(size_t n, const char *file)
{
    words_t words, moved;
    bool ok = open_words(&words, n, SFPM_REGION_POINTERS, true, false);
    ok = open_words(&moved, n, SFPM_REGION_POINTERS, true, false) && ok;
    for (size_t i = 0; ok && i < n; i++)
        words.memory[i] = (uintptr_t)&words.memory[(i + 1) % n];
    ok = ok && sfpm_snapshot_save(words.snapshot, file) &&
         sfpm_snapshot_commit(words.snapshot, file, NULL) &&
         sfpm_snapshot_restore(file, words.snapshot) &&
         !sfpm_snapshot_restore(file, moved.snapshot) &&
         sfpm_last_status() == SFPM_ERR_MISMATCH;
    close_words(&moved);
    close_words(&words);
    return ok;
}

/* One region holds addresses in all others, which then move. */
static bool pointer_targets(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    words_t words;
    bool ok = open_words(&words, n, 0, true, false);
    uintptr_t *others = calloc(n, sizeof *others);
    uintptr_t *table = sfpm_alloc_region(n * sizeof *table);
    const sfpm_memory_region_t region = {table, n * sizeof *table, "table", true};
    ok = ok && others && table &&
         sfpm_snapshot_add_region_flags(words.snapshot, &region, SFPM_REGION_POINTERS);
    for (size_t i = 0; ok && i < n; i++)
        table[i] = (uintptr_t)&words.memory[i];
    ok = ok && sfpm_snapshot_set_tracking(words.snapshot, SFPM_TRACKING_HASH) &&
         sfpm_snapshot_save(words.snapshot, file);
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_snapshot_move_region(words.snapshot, growth_name(i, name), 0,
                                       &others[i], sizeof *others);
    ok = ok && sfpm_snapshot_commit(words.snapshot, file, NULL);
    close_words(&words);
    sfpm_free_region(table, n * sizeof *table);
    free(others);
    return ok;
}

static bool live_attributes(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    uintptr_t word = 1;
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    const sfpm_memory_region_t region = {&word, sizeof word, "word", false};
    bool ok = snapshot && sfpm_snapshot_add_region(snapshot, &region);
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_snapshot_set_attribute(snapshot, growth_name(i, name), "a");
    ok = ok && sfpm_snapshot_save(snapshot, file);
    for (size_t i = n; ok && i-- > 0;)
        ok = sfpm_snapshot_set_attribute(snapshot, growth_name(i, name),
                                         i % 2 ? "b" : NULL);
    ok = ok && sfpm_snapshot_commit(snapshot, file, NULL);
    sfpm_snapshot_destroy(snapshot);
    return ok;
}

static bool resources(size_t n, const char *file)
{
    char name[GROWTH_NAME];
    int closed = -1;
    words_t words;
    bool ok = open_words(&words, 1, 0, true, false);
    for (size_t i = 0; ok && i < n; i++) {
        const sfpm_resource_t resource = {.struct_size = sizeof resource,
                                          .name = growth_name(i, name),
                                          .descriptor = &closed,
                                          .policy = SFPM_RESOURCE_INHERIT};
        ok = sfpm_snapshot_add_resource(words.snapshot, &resource);
    }
    ok = ok && sfpm_snapshot_save(words.snapshot, file) &&
         sfpm_snapshot_commit(words.snapshot, file, NULL) &&
         sfpm_snapshot_restore(file, words.snapshot);
    close_words(&words);
    return ok;
}

/* Makes each region of the new schema from the old one. */
static bool make_all(void *context, sfpm_migration_t *migration)
{
    const words_t *words = context;
    char name[GROWTH_NAME];
    size_t size;
    bool ok = true;
    for (size_t i = 0; ok && i < words->count; i++) {
        const void *old =
            sfpm_migration_old(migration, growth_name(i, name), 0, &size);
        void *new = old ? sfpm_migration_new(migration, name, 0, size) : NULL;
        ok = new != NULL;
        if (ok)
            memcpy(new, old, size);
    }
    return ok;
}

static bool migrate_regions(size_t n, const char *file)
{
    words_t words;
    bool ok = open_words(&words, n, 0, true, false) &&
              sfpm_snapshot_save(words.snapshot, file);
    if (ok) {
        sfpm_snapshot_set_schema(words.snapshot, 1);
        ok = sfpm_snapshot_add_migration(words.snapshot, 0, 1, make_all, &words) &&
             sfpm_snapshot_restore(file, words.snapshot);
    }
    close_words(&words);
    return ok;
}

static bool heap_names(size_t n, const char *file)
{
    static const char target;
    char name[GROWTH_NAME];
    sfpm_heap_t *heap = sfpm_heap_create("heap", NULL);
    bool ok = heap && file;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_heap_register_symbol(heap, growth_name(i, name), &target);
    sfpm_heap_destroy(heap);
    return ok;
}

static sfpm_heap_t *open_large_heap(void)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = (uint64_t)1 << 36};
    return sfpm_heap_create("heap", &options);
}

/* Blocks that leave a little of each segment, in which the next one finds no place. */
static bool heap_blocks(size_t n, const char *file)
{
    sfpm_heap_t *heap = open_large_heap();
    bool ok = heap && file;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_heap_alloc(heap, (size_t)40 << 16) != NULL;
    sfpm_heap_destroy(heap);
    return ok;
}

/* Large blocks in a heap whose holes are all too small for them. */
static bool heap_holes(size_t n, const char *file)
{
    const size_t segment = (size_t)4 << 20;
    sfpm_heap_t *heap = open_large_heap();
    void **holes = calloc(n, sizeof *holes);
    bool ok = heap && holes && file;
    for (size_t i = 0; ok && i < n; i++) {
        holes[i] = sfpm_heap_alloc(heap, segment);
        ok = holes[i] && sfpm_heap_alloc(heap, segment);
    }
    for (size_t i = 0; ok && i < n; i++)
        sfpm_heap_free(heap, holes[i]);
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_heap_alloc(heap, 2 * segment) != NULL;
    free(holes);
    sfpm_heap_destroy(heap);
    return ok;
}

/* Whenever two blocks are allocated, only the first finds a hole. */
static bool heap_turns(size_t n, const char *file)
{
    const size_t size = (size_t)40 << 16;
    sfpm_heap_t *heap = open_large_heap();
    void *first = heap ? sfpm_heap_alloc(heap, size) : NULL;
    bool ok = first && file;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_heap_alloc(heap, size) != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        sfpm_heap_free(heap, first);
        first = sfpm_heap_alloc(heap, size);
        ok = first && sfpm_heap_alloc(heap, size);
    }
    sfpm_heap_destroy(heap);
    return ok;
}

/* Hooks that do nothing. */
static bool add_hooks(sfpm_snapshot_t *snapshot, size_t n)
{
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks, .name = "none"};
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_snapshot_add_hooks(snapshot, &hooks);
    return ok;
}

static bool hooked_regions(size_t n, const char *file)
{
    words_t words;
    char name[GROWTH_NAME];
    bool ok = open_words(&words, 1, 0, true, false) && file &&
              add_hooks(words.snapshot, n);
    uintptr_t *others = calloc(n, sizeof *others);
    for (size_t i = 0; ok && others && i < n; i++) {
        const sfpm_memory_region_t region = {&others[i], sizeof *others,
                                             growth_name(i + 1, name), true};
        ok = sfpm_snapshot_add_region(words.snapshot, &region);
    }
    close_words(&words);
    ok = ok && others;
    free(others);
    return ok;
}

/* A heap of its own snapshot, in an image. */
static bool save_heap(const char *name, const sfpm_heap_options_t *options,
                      const char *file)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t *heap = sfpm_heap_create(name, options);
    bool ok = snapshot && heap && sfpm_heap_add_to_snapshot(heap, snapshot) &&
              sfpm_snapshot_save(snapshot, file);
    sfpm_snapshot_destroy(snapshot);
    sfpm_heap_destroy(heap);
    return ok;
}

/* Heaps among many times as many hooks. All but the first are missing in the image. */
static bool hooked_heaps(size_t n, const char *file)
{
    enum { MANY = 1000 };
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = (size_t)4 << 20};
    char name[GROWTH_NAME];
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_heap_t **heaps = calloc(n, sizeof(sfpm_heap_t *));
    bool ok = snapshot && heaps && save_heap(growth_name(0, name), &options, file);
    for (size_t i = 0; ok && i < n; i++) {
        heaps[i] = sfpm_heap_create(growth_name(i, name), &options);
        ok = heaps[i] && sfpm_heap_add_to_snapshot(heaps[i], snapshot) &&
             add_hooks(snapshot, MANY);
    }
    ok = ok && !sfpm_heap_restore(heaps[0], file, NULL) &&
         sfpm_last_status() == SFPM_ERR_MISMATCH;
    sfpm_snapshot_destroy(snapshot);
    for (size_t i = 0; heaps && i < n; i++)
        sfpm_heap_destroy(heaps[i]);
    free(heaps);
    return ok;
}

/* Each variable is an exception, with one between it and the next that is not. Where the
 * program holds libsfpm itself there is nothing to do. */
static bool exceptions(size_t n, const char *file)
{
    static uint64_t variables[1 << 14];
    bool ok = file && n <= sizeof variables / sizeof *variables / 2;
    sfpm_memory_region_t *except = calloc(n, sizeof *except);
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ok = ok && except && snapshot;
    for (size_t i = 0; ok && i < n; i++)
        except[i] = (sfpm_memory_region_t){&variables[2 * i],
                                           sizeof *variables, NULL, false};
    const sfpm_module_options_t options = {
        .struct_size = sizeof options, .except = except, .num_except = n};
    ok = ok && (sfpm_snapshot_add_module(snapshot, variables, &options) ||
                sfpm_last_status() == SFPM_ERR_UNSUPPORTED);
    sfpm_snapshot_destroy(snapshot);
    free(except);
    return ok;
}

const growth_case_t growth_snapshot_cases[] = {
    {"live-regions", live_regions},
    {"live-equal-regions", live_equal_regions},
    {"forget-regions", forget_regions},
    {"move-regions", move_regions},
    {"unregister-regions", unregister_regions},
    {"unregister-equal-regions", unregister_equal_regions},
    {"pointer-regions", pointer_regions},
    {"pointer-targets", pointer_targets},
    {"live-attributes", live_attributes},
    {"resources", resources},
    {"migrate-regions", migrate_regions},
    {"heap-names", heap_names},
    {"heap-blocks", heap_blocks},
    {"heap-holes", heap_holes},
    {"heap-turns", heap_turns},
    {"hooked-regions", hooked_regions},
    {"hooked-heaps", hooked_heaps},
    {"exceptions", exceptions},
    {NULL, NULL}};
