/* SPDX-License-Identifier: MIT */
/* Those who are told how far something has come hear the truth. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/image.h>
#include <sfpm/snapshot.h>

#include "common.h"

enum { SIZE = 40 << 20 };

typedef struct heard {
    unsigned calls, wrong;
    uint64_t done, total;
} heard_t;

static heard_t heard;
static uint8_t *memory;

static void listen(void *context, uint64_t done, uint64_t total)
{
    heard_t *to = context;
    to->wrong += done > total || (to->calls > 0 && done > 0 && done < to->done);
    to->calls++;
    to->done = done;
    to->total = total;
}

static const sfpm_progress_t listener = {listen, &heard};

static void setup(void)
{
    enter_directory();
    memory = malloc(SIZE);
    ck_assert_ptr_nonnull(memory);
    for (size_t i = 0; i < SIZE; i++)
        memory[i] = (uint8_t)(i * 2654435761U >> 13);
    heard = (heard_t){0};
}

static void teardown(void)
{
    free(memory);
    leave_directory();
}

static void expect_heard(unsigned calls)
{
    ck_assert_uint_eq(heard.wrong, 0);
    ck_assert_uint_ge(heard.calls, calls);
    ck_assert_uint_gt(heard.total, 0);
    ck_assert_uint_eq(heard.done, heard.total);
    heard = (heard_t){0};
}

static sfpm_snapshot_t *new_snapshot(void)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert(sfpm_snapshot_add_region(
        snapshot, &(sfpm_memory_region_t){memory, SIZE, "memory", false}));
    return snapshot;
}

START_TEST(a_snapshot_tells_of_its_work)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    sfpm_snapshot_set_progress(snapshot, &listener);
    ck_assert(sfpm_snapshot_save(snapshot, "a.img"));
    expect_heard(20);
    ck_assert(sfpm_snapshot_restore("a.img", snapshot));
    expect_heard(20);
    memory[SIZE / 2] ^= 1;
    ck_assert(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    expect_heard(3);
    sfpm_snapshot_set_progress(snapshot, NULL);
    ck_assert(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_uint_eq(heard.calls, 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(an_image_tells_of_checking_and_rewriting)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    ck_assert(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_image_options_t options = {.struct_size = sizeof options, .progress = listener};
    sfpm_write_options_t write = {.struct_size = sizeof write, .progress = listener};
    sfpm_rewrite_options_t rewrite = {.struct_size = sizeof rewrite, .write = &write};
    sfpm_image_t *image = sfpm_image_open("a.img", &options);
    ck_assert_ptr_nonnull(image);
    ck_assert(sfpm_image_check(image, NULL, NULL));
    expect_heard(20);
    ck_assert(sfpm_image_rewrite(image, "b.img", &rewrite));
    expect_heard(20);
    sfpm_image_close(image);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(what_fails_is_not_told_to_be_done)
{
    sfpm_snapshot_t *snapshot = new_snapshot();
    sfpm_snapshot_set_progress(snapshot, &listener);
    ck_assert(!sfpm_snapshot_save(snapshot, "/dev/full"));
    ck_assert_uint_gt(heard.calls, 0);
    ck_assert_uint_lt(heard.done, heard.total);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("progress");
    TCase *core = add_case(suite, "Core", setup, teardown);
    tcase_add_test(core, a_snapshot_tells_of_its_work);
    tcase_add_test(core, an_image_tells_of_checking_and_rewriting);
    tcase_add_test(core, what_fails_is_not_told_to_be_done);
    return run_all(suite);
}
