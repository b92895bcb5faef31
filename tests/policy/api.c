/* SPDX-License-Identifier: MIT */
/*
 * The snapshot API as it was promised, and nothing else: a program that
 * compiles against it today must compile against it for ever. Compiled as C11
 * and as C++17 by headers.sh; compiled, linked and run by tools/api.sh.
 *
 *     api save FILE       freezes numbers into FILE
 *     api restore FILE    thaws them, in another process, and compares
 */
#include <string.h>

#include <sfpm/snapshot.h>

/* Taking the address with the exact type finds every change of a signature. */
static sfpm_snapshot_t *(*const create)(void) = sfpm_snapshot_create;
static bool (*const add_region)(sfpm_snapshot_t *,
                                const sfpm_memory_region_t *) = sfpm_snapshot_add_region;
static void (*const set_description)(sfpm_snapshot_t *,
                                     const char *) = sfpm_snapshot_set_description;
static bool (*const save)(const sfpm_snapshot_t *, const char *) = sfpm_snapshot_save;
static bool (*const read_metadata)(const char *, sfpm_snapshot_metadata_t *) =
    sfpm_snapshot_read_metadata;
static bool (*const restore)(const char *, sfpm_snapshot_t *) = sfpm_snapshot_restore;
static bool (*const save_delta)(const sfpm_snapshot_t *, const char *,
                                const char *) = sfpm_snapshot_save_delta;
static sfpm_snapshot_t *(*const create_for_interpreter)(void *, size_t, void *, size_t) =
    sfpm_snapshot_create_for_interpreter;
static void (*const destroy)(sfpm_snapshot_t *) = sfpm_snapshot_destroy;

/* What the program keeps; filled by `save`, zero in `restore`. */
static int stack[16];
static int heap[3000];
static int numbers[4];

static sfpm_snapshot_t *registered(void)
{
    sfpm_memory_region_t region = {numbers, sizeof numbers, "numbers", false};
    sfpm_snapshot_t *snapshot =
        create_for_interpreter(stack, sizeof stack, heap, sizeof heap);
    if (snapshot && !add_region(snapshot, &region)) {
        destroy(snapshot);
        return NULL;
    }
    return snapshot;
}

static bool freeze(const char *file)
{
    sfpm_snapshot_t *snapshot = registered();
    bool saved = snapshot != NULL;
    if (saved)
        set_description(snapshot, "numbers");
    stack[15] = 1;
    heap[2999] = 2;
    saved = saved && save(snapshot, file);
    numbers[3] = 3;
    saved = saved && save_delta(snapshot, file, file);
    destroy(snapshot);
    return saved;
}

static bool describes(const char *file)
{
    sfpm_snapshot_metadata_t metadata;
    return read_metadata(file, &metadata) && metadata.version > 0 &&
           metadata.timestamp > 0 &&
           metadata.total_size == sizeof stack + sizeof heap + sizeof numbers &&
           metadata.num_regions == 3 && strcmp(metadata.description, "numbers") == 0;
}

static bool thaw(const char *file)
{
    sfpm_snapshot_t *snapshot = registered();
    bool restored = snapshot && describes(file) && restore(file, snapshot);
    destroy(snapshot);
    return restored && stack[15] == 1 && heap[2999] == 2 && numbers[3] == 3;
}

/* Nothing here may crash. */
static bool refuses_nothing(void)
{
    sfpm_snapshot_t *snapshot = create();
    sfpm_memory_region_t nowhere = {NULL, 8, "nowhere", false};
    sfpm_memory_region_t empty = {numbers, 0, "empty", true};
    sfpm_memory_region_t unnamed = {numbers, 8, NULL, false};
    bool refused = snapshot && !add_region(snapshot, NULL) &&
                   !add_region(NULL, &unnamed) && !add_region(snapshot, &nowhere) &&
                   !add_region(snapshot, &empty) && add_region(snapshot, &unnamed) &&
                   !save(NULL, NULL) && !restore(NULL, NULL) &&
                   !read_metadata(NULL, NULL) && !save_delta(NULL, NULL, NULL);
    set_description(NULL, NULL);
    set_description(snapshot, NULL);
    destroy(snapshot);
    destroy(NULL);
    return refused;
}

int main(int argc, char **argv)
{
    if (argc != 3 || !refuses_nothing())
        return 2;
    bool done = strcmp(argv[1], "save") == 0 ? freeze(argv[2]) : thaw(argv[2]);
    return done ? 0 : 1;
}
