/* SPDX-License-Identifier: MIT */
/* Long lists that a program registers with a snapshot or a heap. */
#include "growth.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/heap.h>
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

/* Blocks that leave a little of each segment, in which the next one finds no place. */
static bool heap_blocks(size_t n, const char *file)
{
    const sfpm_heap_options_t options = {.struct_size = sizeof options,
                                         .max_size = (uint64_t)1 << 36};
    sfpm_heap_t *heap = sfpm_heap_create("heap", &options);
    bool ok = heap && file;
    for (size_t i = 0; ok && i < n; i++)
        ok = sfpm_heap_alloc(heap, (size_t)40 << 16) != NULL;
    sfpm_heap_destroy(heap);
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
    {"live-attributes", live_attributes},
    {"resources", resources},
    {"migrate-regions", migrate_regions},
    {"heap-names", heap_names},
    {"heap-blocks", heap_blocks},
    {NULL, NULL}};
