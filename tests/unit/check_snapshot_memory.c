/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every allocation of saving and restoring, once and for
 * ever: each time the call fails and says so, or did without; the file and the
 * registered memory are the old ones or the new ones, and nothing leaks.
 */
#include <check.h>
#include <string.h>

#include "image/image.h"
#include "scarce.h"
#include "snapshot_common.h"

/* ---- What is done while memory runs out ----------------------------------- */

static uint8_t one[40];
static uint8_t two[70000];

static void set_memory(unsigned seed)
{
    fill(one, sizeof one, seed);
    fill(two, sizeof two, seed + 1);
}

static bool memory_is(unsigned seed)
{
    static uint8_t wanted[sizeof two];
    fill(wanted, sizeof one, seed);
    if (memcmp(one, wanted, sizeof one) != 0)
        return false;
    fill(wanted, sizeof two, seed + 1);
    return memcmp(two, wanted, sizeof two) == 0;
}

static sfpm_snapshot_t *two_regions(void)
{
    sfpm_snapshot_t *snapshot = snapshot_of("one", one, sizeof one);
    add(snapshot, "two", two, sizeof two);
    return snapshot;
}

/* All of a snapshot's life; its regions may be missing when this fails. */
static bool build(sfpm_snapshot_t **snapshot)
{
    const sfpm_memory_region_t regions[] = {{one, sizeof one, "one", false},
                                            {two, sizeof two, "two", false}};
    *snapshot = sfpm_snapshot_create();
    return *snapshot && sfpm_snapshot_add_region(*snapshot, &regions[0]) &&
           sfpm_snapshot_add_region(*snapshot, &regions[1]) &&
           sfpm_snapshot_set_attribute(*snapshot, "key", "value");
}

static bool build_and_save(void)
{
    sfpm_snapshot_t *snapshot = NULL;
    bool ok = build(&snapshot);
    if (ok)
        sfpm_snapshot_set_description(snapshot, "description");
    ok = ok && sfpm_snapshot_save(snapshot, "a.img");
    sfpm_snapshot_destroy(snapshot);
    return ok;
}

static bool build_and_restore(void)
{
    sfpm_snapshot_t *snapshot = NULL;
    bool ok = build(&snapshot) && sfpm_snapshot_restore("a.img", snapshot);
    sfpm_snapshot_destroy(snapshot);
    return ok;
}

static sfpm_snapshot_t *restored; /* for committing */

static bool commit(void)
{
    return sfpm_snapshot_commit(restored, "a.img", NULL);
}

static bool save_delta(void)
{
    return sfpm_snapshot_save_delta(restored, "a.img", "a.img");
}

static bool read_metadata(void)
{
    sfpm_snapshot_metadata_t metadata;
    return sfpm_snapshot_read_metadata("a.img", &metadata);
}

static bool stop_at_once(void *context, const sfpm_address_hint_t *hint)
{
    (void)context;
    (void)hint;
    return false;
}

static bool find_addresses(void)
{
    return sfpm_snapshot_find_addresses(restored, stop_at_once, NULL);
}

static bool make_interpreter(void)
{
    static uint8_t three[1];
    sfpm_snapshot_t *snapshot =
        sfpm_snapshot_create_for_interpreter(one, sizeof one, two, sizeof two);
    bool ok = snapshot && sfpm_snapshot_move_region(snapshot, "heap", 0, three, 1);
    sfpm_snapshot_destroy(snapshot);
    return ok;
}

/* Restores the file with memory enough; tells which state it holds. */
static unsigned state_of_file(void)
{
    sfpm_snapshot_t *snapshot = two_regions();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    sfpm_snapshot_destroy(snapshot);
    return memory_is(1) ? 1 : memory_is(100) ? 100 : 0;
}

static const struct {
    const char *name;
    bool (*action)(void);
    bool writes;
} actions[] = {
    {"save", build_and_save, true},
    {"restore", build_and_restore, false},
    {"commit", commit, true},
    {"save_delta", save_delta, true},
    {"read_metadata", read_metadata, false},
    {"find_addresses", find_addresses, false},
    {"interpreter", make_interpreter, false},
};
#define NUM_ACTIONS (int)(sizeof actions / sizeof actions[0])

/* A file with state 1, and memory with state 100. */
static void prepare(void)
{
    set_memory(1);
    sfpm_snapshot_destroy(restored);
    restored = two_regions();
    ck_assert_works(sfpm_snapshot_save(restored, "a.img"));
    set_memory(100);
}

/* Runs the action with memory for `after` allocations; returns whether it met a
 * failing one. */
static bool try_with(int number, size_t after, bool every)
{
    prepare();
    note_input("allocation", after);
    scarce_begin(after, every);
    bool ok = actions[number].action();
    size_t failures = scarce_end();
    const char *name = actions[number].name;
    if (!ok) {
        ck_assert_msg(failures > 0, "%s: %s", name, sfpm_last_error());
        ck_assert_msg(sfpm_last_status() == SFPM_ERR_MEMORY, "%s, allocation %zu: %s",
                      name, after, sfpm_last_error());
        ck_assert_msg(scarce_blocks() <= 0, "%s, allocation %zu: %td blocks leak", name,
                      after, scarce_blocks());
        ck_assert(memory_is(100));
        ck_assert_uint_eq(state_of_file(), 1);
    } else if (actions[number].writes) {
        ck_assert_uint_eq(state_of_file(), 100);
    } else if (actions[number].action == build_and_restore) {
        ck_assert(memory_is(1));
    }
    return failures > 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t after = 0;
    while (try_with(_i, after, false) && try_with(_i, after, true))
        after++;
    /* The control: allocations were met, and with enough memory it works. */
    ck_assert_uint_gt(after, 3);
    scarce_begin(SIZE_MAX, false);
    ck_assert(actions[_i].action());
    scarce_end();
    sfpm_snapshot_destroy(restored);
}
END_TEST

START_TEST(lost_description_is_not_forgotten)
{
    sfpm_snapshot_t *snapshot = two_regions();
    scarce_begin(0, true);
    sfpm_snapshot_set_description(snapshot, "lost");
    scarce_end();
    ck_assert_fails(sfpm_snapshot_save(snapshot, "a.img"), SFPM_ERR_MEMORY,
                    "description");
    sfpm_snapshot_set_description(snapshot, "found");
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* An image that could not be read again shows what it did before. */
START_TEST(history_survives_a_failed_reload)
{
    bool ok = false;
    for (size_t after = 0; !ok; after++) {
        sfpm_snapshot_t *snapshot = two_regions();
        ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
        sfpm_image_t *image = sfpm_image_open("a.img", NULL);
        ck_assert_works(image != NULL);
        for (int i = 0; i < 3; i++)
            ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
        scarce_begin(after, false);
        ok = sfpm_image_reload(image);
        scarce_end();
        ck_assert_works(sfpm_image_select(image, 1));
        sfpm_image_close(image);
        sfpm_snapshot_destroy(snapshot);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot memory");
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_loop_test(limits, every_allocation_may_fail, 0, NUM_ACTIONS);
    tcase_add_test(limits, lost_description_is_not_forgotten);
    tcase_add_test(limits, history_survives_a_failed_reload);
    return run_all(suite);
}
