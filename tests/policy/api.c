/* SPDX-License-Identifier: MIT */
/*
 * The snapshot API as it was promised, and nothing else: a program that
 * compiles against it today must compile against it for ever. Compiled as C11
 * and as C++17 by headers.sh.
 */
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

static int freeze(const char *file, int *numbers, size_t size)
{
    sfpm_memory_region_t region = {numbers, size, "numbers", false};
    sfpm_snapshot_t *snapshot = create();
    bool saved = snapshot && add_region(snapshot, &region);
    if (saved)
        set_description(snapshot, "numbers");
    saved = saved && save(snapshot, file) && save_delta(snapshot, file, file);
    destroy(snapshot);
    return saved ? 0 : 1;
}

static int thaw(const char *file, int *numbers, size_t size)
{
    sfpm_snapshot_metadata_t metadata;
    sfpm_snapshot_t *snapshot = create_for_interpreter(numbers, size, NULL, 0);
    bool restored = read_metadata(file, &metadata) && metadata.version > 0 &&
                    metadata.timestamp > 0 && metadata.total_size == size &&
                    metadata.num_regions == 1 && metadata.description[0] &&
                    restore(file, snapshot);
    destroy(snapshot);
    return restored ? 0 : 1;
}

int main(void)
{
    int numbers[4] = {1, 2, 3, 4};
    return freeze("numbers.img", numbers, sizeof numbers) +
           thaw("numbers.img", numbers, sizeof numbers);
}
