/* SPDX-License-Identifier: MIT */
/*
 * Random region sets under random changes, committed again and again, against a model:
 * every commit restores to what memory was when it was made, bit by bit, whatever the
 * regions, compression and encryption, and also when the program has others by now.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_common.h"

enum { MAX_REGIONS = 6, MAX_SIZE = 150000, MAX_COMMITS = 8, SEEDS = 60 };

typedef struct {
    char name[2]; /* few letters, so that some are equal */
    uint8_t *bytes;
    size_t size;
} region_t;

typedef struct {
    region_t regions[MAX_REGIONS];
    size_t count;
} memory_t;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static void free_memory(memory_t *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        free(memory->regions[i].bytes);
    memory->count = 0;
}

static void copy_memory(memory_t *to, const memory_t *from)
{
    *to = *from;
    for (size_t i = 0; i < to->count; i++) {
        to->regions[i].bytes = allocate(to->regions[i].size);
        memcpy(to->regions[i].bytes, from->regions[i].bytes, to->regions[i].size);
    }
}

static bool equal_memory(const memory_t *one, const memory_t *other)
{
    for (size_t i = 0; i < one->count; i++)
        if (memcmp(one->regions[i].bytes, other->regions[i].bytes,
                   one->regions[i].size) != 0)
            return false;
    return one->count == other->count;
}

/* ---- Random changes -------------------------------------------------------- */

/* Near page and chunk borders as often as not. */
static size_t random_size(void)
{
    static const size_t borders[] = {1, 4096, 8192, 65536, 131072};
    size_t border = borders[random_below(5)];
    return random_below(2) ? 1 + random_below(MAX_SIZE)
                           : border + random_below(3) - (border > 1);
}

static void scribble(region_t *region)
{
    size_t at = random_below(region->size);
    size_t length = 1 + random_below(random_below(3) ? 9000 : 3);
    if (length > region->size - at)
        length = region->size - at;
    if (random_below(3) == 0)
        memset(region->bytes + at, (int)random_below(2), length);
    else
        fill(region->bytes + at, length, (unsigned)random_below(1000));
}

static void add_random(memory_t *memory)
{
    region_t *region = &memory->regions[memory->count++];
    *region = (region_t){.name = {(char)('a' + (char)random_below(3)), '\0'},
                         .size = random_size()};
    region->bytes = allocate(region->size);
    memset(region->bytes, 0, region->size);
    scribble(region);
}

static void remove_random(memory_t *memory)
{
    size_t at = random_below(memory->count);
    free(memory->regions[at].bytes);
    memory->count--;
    memmove(&memory->regions[at], &memory->regions[at + 1],
            (memory->count - at) * sizeof memory->regions[0]);
}

static void resize_random(memory_t *memory)
{
    region_t *region = &memory->regions[random_below(memory->count)];
    size_t size = random_size();
    uint8_t *bytes = allocate(size);
    memset(bytes, 0, size);
    memcpy(bytes, region->bytes, size < region->size ? size : region->size);
    free(region->bytes);
    region->bytes = bytes;
    region->size = size;
}

static void change(memory_t *memory)
{
    for (size_t i = random_below(6); i > 0; i--)
        scribble(&memory->regions[random_below(memory->count)]);
    if (random_below(4) == 0 && memory->count < MAX_REGIONS)
        add_random(memory);
    if (random_below(4) == 0 && memory->count > 1)
        remove_random(memory);
    if (random_below(4) == 0)
        resize_random(memory);
}

/* ---- Saving and restoring -------------------------------------------------- */

static const uint8_t key[32] = "thirty-two bytes of a known key";
static bool encrypted;
static const char *compression;

static sfpm_snapshot_t *snapshot_of_memory(const memory_t *memory)
{
    const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert_ptr_nonnull(snapshot);
    for (size_t i = 0; i < memory->count; i++)
        add(snapshot, memory->regions[i].name, memory->regions[i].bytes,
            memory->regions[i].size);
    ck_assert_works(sfpm_snapshot_set_compression(snapshot, compression, 0));
    if (encrypted)
        ck_assert_works(sfpm_snapshot_set_secret(snapshot, &secret));
    return snapshot;
}

static void restore_commit(sfpm_snapshot_t *snapshot, int64_t number, uint32_t accept)
{
    const sfpm_restore_options_t options = {
        .struct_size = sizeof options, .commit = number, .accept = accept};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
}

/* Commits memory from a program that has just been started with these regions: what it
 * restores is no more than a start, since others were there before. */
static void commit_memory(memory_t *memory, bool first)
{
    const uint32_t accept =
        SFPM_ACCEPT_ADDED | SFPM_ACCEPT_REMOVED | SFPM_ACCEPT_GROWN | SFPM_ACCEPT_SHRUNK;
    memory_t wanted;
    copy_memory(&wanted, memory);
    sfpm_snapshot_t *snapshot = snapshot_of_memory(memory);
    if (!first)
        restore_commit(snapshot, 0, accept | (random_below(2) ? SFPM_ACCEPT_ZEROED : 0));
    for (size_t i = 0; i < memory->count; i++)
        memcpy(memory->regions[i].bytes, wanted.regions[i].bytes, wanted.regions[i].size);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_snapshot_destroy(snapshot);
    free_memory(&wanted);
}

/* Restores a commit into other memory and compares; `spoil` is the control. */
static bool holds(int64_t number, const memory_t *wanted, bool spoil)
{
    memory_t found;
    copy_memory(&found, wanted);
    for (size_t i = 0; i < found.count; i++)
        memset(found.regions[i].bytes, 0xA5, found.regions[i].size);
    sfpm_snapshot_t *snapshot = snapshot_of_memory(&found);
    restore_commit(snapshot, number, 0);
    if (spoil)
        found.regions[0].bytes[found.regions[0].size - 1] ^= 1;
    bool equal = equal_memory(wanted, &found);
    sfpm_snapshot_destroy(snapshot);
    free_memory(&found);
    return equal;
}

START_TEST(every_commit_holds_what_memory_was)
{
    static memory_t kept[MAX_COMMITS];
    static const char *const methods[] = {NULL, "none", "lz4", "zstd"};
    memory_t memory = {.count = 0};
    random_start((uint64_t)_i);
    encrypted = random_below(4) == 0;
    compression = methods[random_below(4)];
    add_random(&memory);
    add_random(&memory);
    for (size_t i = 0; i < MAX_COMMITS; i++) {
        change(&memory);
        commit_memory(&memory, i == 0);
        copy_memory(&kept[i], &memory);
    }
    for (size_t i = 0; i < MAX_COMMITS; i++) {
        ck_assert_msg(holds((int64_t)i + 1, &kept[i], false), "seed %d, commit %zu", _i,
                      i + 1);
        ck_assert(!holds((int64_t)i - (MAX_COMMITS - 1), &kept[i], true));
        free_memory(&kept[i]);
    }
    const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    const sfpm_image_options_t options = {.struct_size = sizeof options,
                                          .secret = encrypted ? &secret : NULL};
    sfpm_image_t *image = sfpm_image_open("a.img", &options);
    ck_assert_ptr_nonnull(image);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    free_memory(&memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot random");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, every_commit_holds_what_memory_was, 0, SEEDS);
    return run_all(suite);
}
