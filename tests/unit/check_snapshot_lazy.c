/* SPDX-License-Identifier: MIT */
/* Restores that map the image: the same contents as those that copy it. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sanitized.h"
#include "snapshot_common.h"

enum { PAGE = 4096 };
#define MIB ((size_t)1 << 20)

static const sfpm_restore_mode_t modes[] = {SFPM_RESTORE_AUTO, SFPM_RESTORE_EAGER,
                                            SFPM_RESTORE_LAZY,
                                            SFPM_RESTORE_LAZY_UNVERIFIED};
enum { NUM_MODES = sizeof modes / sizeof modes[0] };

static uint8_t *allocated(size_t size)
{
    uint8_t *memory = sfpm_alloc_region(size);
    ck_assert_msg(memory != NULL, "%s", sfpm_last_error());
    return memory;
}

static sfpm_snapshot_t *remappable(void *base, size_t size)
{
    const sfpm_memory_region_t region = {base, size, "memory", false};
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .remappable = true};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert_works(sfpm_snapshot_add_region_with(snapshot, &region, &options));
    return snapshot;
}

static bool restore(sfpm_snapshot_t *snapshot, const char *path, sfpm_restore_mode_t mode)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options, .mode = mode};
    return sfpm_snapshot_restore_with(snapshot, path, &options);
}

/* Restores and tells whether the image was mapped. */
static bool is_mapped(sfpm_snapshot_t *snapshot, const char *path,
                      sfpm_restore_mode_t mode)
{
    log_text_t log = {0};
    sfpm_snapshot_set_log(snapshot, keep_log, &log);
    ck_assert_works(restore(snapshot, path, mode));
    sfpm_snapshot_set_log(snapshot, NULL, NULL);
    return strstr(log.text, "is mapped from") != NULL;
}

#if SFPM_LINUX_PATHS
static const bool can_map = true;
#else
static const bool can_map = false;
#endif

static bool maps(sfpm_restore_mode_t mode, size_t size)
{
    return can_map && sysconf(_SC_PAGESIZE) == PAGE && mode != SFPM_RESTORE_EAGER &&
           (mode != SFPM_RESTORE_AUTO || size >= MIB);
}

/* Saves what `memory` holds and restores it in every way, over fresh memory and over
 * memory that is in use, the second time over what was restored and changed. */
static void expect_restored(const char *path, const uint8_t *memory, size_t size)
{
    for (size_t i = 0; i < NUM_MODES; i++) {
        uint8_t *copy = allocated(size);
        sfpm_snapshot_t *snapshot = remappable(copy, size);
        for (unsigned round = 0; round < 3; round++) {
            ck_assert_int_eq(is_mapped(snapshot, path, modes[i]), maps(modes[i], size));
            ck_assert_mem_eq(copy, memory, size);
            fill(copy, size, round);
        }
        sfpm_snapshot_destroy(snapshot);
        sfpm_free_region(copy, size);
    }
}

static void save_and_expect(const uint8_t *memory, size_t size)
{
    sfpm_snapshot_t *snapshot = snapshot_of("memory", (void *)(uintptr_t)memory, size);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    expect_restored("a.img", memory, size);
}

START_TEST(memory_is_allocated_in_pages)
{
    uint8_t *memory = allocated(3 * PAGE + 1);
    ck_assert_uint_eq((uintptr_t)memory % PAGE, 0);
    for (size_t i = 0; i < 4 * PAGE; i++)
        ck_assert_uint_eq(memory[i], 0);
    memory[4 * PAGE - 1] = 1;
    sfpm_free_region(memory, 3 * PAGE + 1);
    sfpm_free_region(NULL, 5);
    ck_assert_ptr_null(sfpm_alloc_region(0));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert_ptr_null(sfpm_alloc_region(SIZE_MAX));
    ck_assert_ptr_null(sfpm_alloc_region(SIZE_MAX / 2));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MEMORY);
}
END_TEST

START_TEST(whole_pages_are_restored)
{
    uint8_t *memory = allocated(2 * MIB);
    fill(memory, 2 * MIB, 1);
    save_and_expect(memory, 2 * MIB);
    save_and_expect(memory, 16 * PAGE);
    save_and_expect(memory, PAGE);
    sfpm_free_region(memory, 2 * MIB);
}
END_TEST

START_TEST(what_is_not_a_page_is_restored)
{
    uint8_t *memory = allocated(2 * MIB);
    fill(memory, 2 * MIB, 2);
    save_and_expect(memory, MIB + 5);
    save_and_expect(memory, MIB + PAGE - 1);
    save_and_expect(memory, 65536 + PAGE + 1);
    sfpm_free_region(memory, 2 * MIB);
}
END_TEST

START_TEST(zeros_and_short_pages_are_restored)
{
    size_t size = 40 * MIB;
    uint8_t *memory = allocated(size);
    fill(memory + 3 * PAGE, 5 * PAGE, 3);
    memory[20 * PAGE] = 1;
    fill(memory + 17 * MIB, MIB, 4);
    memory[18 * MIB + 100] = 2;
    memory[size - 1] = 3;
    save_and_expect(memory, size);
    save_and_expect(memory + 19 * MIB, 4 * MIB);
    sfpm_free_region(memory, size);
}
END_TEST

/* Commits that change some pages: each is an extent, beyond some they are read. */
static void commit_scattered(size_t changes, size_t length, unsigned commits)
{
    size_t size = 8 * MIB;
    uint8_t *memory = allocated(size);
    fill(memory, size, 5);
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, size);
    unlink("b.img");
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    for (unsigned round = 0; round < commits; round++) {
        for (size_t i = 0; i < changes; i++) {
            uint8_t *at = memory + size / changes * i / PAGE * PAGE;
            memset(at, 0, length);
            if (i % 5 != round)
                fill(at, i % 3 ? length : 100, (unsigned)i + round);
        }
        ck_assert_works(sfpm_snapshot_commit(snapshot, "b.img", NULL));
    }
    sfpm_snapshot_destroy(snapshot);
    expect_restored("b.img", memory, size);
    sfpm_free_region(memory, size);
}

START_TEST(some_deviating_pages_are_mapped)
{
    commit_scattered(100, PAGE, 1);
    commit_scattered(50, 3 * PAGE, 3);
}
END_TEST

START_TEST(many_deviating_pages_are_read)
{
    commit_scattered(600, PAGE, 1);
    commit_scattered(700, PAGE, 3);
    commit_scattered(280, 7 * PAGE, 2);
}
END_TEST

/* Zero pages between long runs: each run lies elsewhere in the file. */
START_TEST(many_long_runs_are_mapped)
{
    size_t run = 17 * PAGE, count = 300, size = count * (run + PAGE);
    uint8_t *memory = allocated(size);
    for (size_t i = 0; i < count; i++)
        fill(memory + i * (run + PAGE), run, (unsigned)i);
    save_and_expect(memory, size);
    sfpm_free_region(memory, size);
}
END_TEST

START_TEST(a_smaller_and_a_larger_region_are_restored)
{
    size_t size = 2 * MIB;
    uint8_t *memory = allocated(size);
    fill(memory, size, 6);
    sfpm_snapshot_t *saved = snapshot_of("memory", memory, MIB + 700);
    ck_assert_works(sfpm_snapshot_save(saved, "a.img"));
    sfpm_snapshot_destroy(saved);
    const size_t sizes[] = {2 * MIB, MIB + 701, MIB + 699, MIB / 2 + 3};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        note_input("case", i);
        const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                                .accept = SFPM_ACCEPT_GROWN |
                                                          SFPM_ACCEPT_SHRUNK,
                                                .mode = SFPM_RESTORE_LAZY};
        uint8_t *copy = allocated(size);
        size_t same = sizes[i] < MIB + 700 ? sizes[i] : MIB + 700;
        memset(copy, 7, size);
        sfpm_snapshot_t *snapshot = remappable(copy, sizes[i]);
        ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
        ck_assert_mem_eq(copy, memory, same);
        for (size_t k = same; k < size; k++)
            ck_assert_uint_eq(copy[k], 7);
        sfpm_snapshot_destroy(snapshot);
        sfpm_free_region(copy, size);
    }
    sfpm_free_region(memory, size);
}
END_TEST

START_TEST(other_memory_is_never_mapped)
{
    size_t size = 2 * MIB;
    uint8_t *memory = allocated(size + PAGE);
    fill(memory, size, 8);
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, size);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert(!is_mapped(snapshot, "a.img", SFPM_RESTORE_LAZY));
    sfpm_snapshot_destroy(snapshot);
    /* Remappable, but pages of memory and of the image do not lie upon each other. */
    uint8_t *copy = allocated(size + PAGE);
    snapshot = remappable(copy + 16, size);
    ck_assert(!is_mapped(snapshot, "a.img", SFPM_RESTORE_LAZY));
    ck_assert_mem_eq(copy + 16, memory, size);
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(copy, size + PAGE);
    sfpm_free_region(memory, size + PAGE);
}
END_TEST

START_TEST(other_images_are_never_mapped)
{
    size_t size = 2 * MIB;
    uint8_t *memory = allocated(size);
    fill(memory, size / 2, 9);
    memset(memory + size / 2, 'x', size / 2);
    const sfpm_memory_region_t region = {memory, size, "memory", false};
    write_version_1("v1.img", "", &region, 1);
    sfpm_snapshot_t *snapshot = remappable(memory, size);
    ck_assert_works(sfpm_snapshot_save(snapshot, "base.img"));
    memory[5]++;
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "base.img", "delta.img"));
    memory[5]--;
    ck_assert(!is_mapped(snapshot, "v1.img", SFPM_RESTORE_LAZY));
    ck_assert(!is_mapped(snapshot, "delta.img", SFPM_RESTORE_LAZY));
    if (sfpm_snapshot_set_compression(snapshot, "lz4", 0)) {
        ck_assert_works(sfpm_snapshot_save(snapshot, "lz4.img"));
        ck_assert(!is_mapped(snapshot, "lz4.img", SFPM_RESTORE_LAZY));
    }
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, size);
}
END_TEST

START_TEST(damage_is_found_and_memory_stays)
{
    size_t size = 2 * MIB, length;
    uint8_t *memory = allocated(size);
    fill(memory, size, 10);
    sfpm_snapshot_t *snapshot = remappable(memory, size);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    uint8_t *bytes = read_file("a.img", &length);
    bytes[length / 2] ^= 1;
    write_file("a.img", bytes, length);
    free(bytes);
    uint8_t *before = allocated(size);
    fill(memory, size, 11);
    memcpy(before, memory, size);
    ck_assert_fails(restore(snapshot, "a.img", SFPM_RESTORE_AUTO), SFPM_ERR_CHECKSUM,
                    "memory");
    ck_assert_fails(restore(snapshot, "a.img", SFPM_RESTORE_LAZY), SFPM_ERR_CHECKSUM,
                    "a.img");
    ck_assert_mem_eq(memory, before, size);
    /* Control: who does not ask is not told, where it is mapped. */
    ck_assert_int_eq(restore(snapshot, "a.img", SFPM_RESTORE_LAZY_UNVERIFIED),
                     maps(SFPM_RESTORE_LAZY, size));
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(before, size);
    sfpm_free_region(memory, size);
}
END_TEST

START_TEST(without_address_space_memory_is_read)
{
    if (SANITIZED)
        return;
    size_t size = 64 * MIB;
    uint8_t *memory = allocated(size);
    sfpm_snapshot_t *snapshot = remappable(memory, size);
    static uint8_t saved[MIB];
    fill(saved, MIB, 12);
    memcpy(memory, saved, MIB);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    struct rlimit low = limit;
    low.rlim_cur = size + size / 2;
    if (setrlimit(RLIMIT_AS, &low) != 0)
        return;
    static const sfpm_restore_mode_t ways[] = {SFPM_RESTORE_AUTO, SFPM_RESTORE_LAZY,
                                               SFPM_RESTORE_LAZY_UNVERIFIED,
                                               SFPM_RESTORE_EAGER};
    bool works[4];
    for (int i = 0; i < 4; i++) {
        memset(memory, 1, MIB);
        works[i] = restore(snapshot, "a.img", ways[i]) && memcmp(memory, saved, MIB) == 0;
    }
    setrlimit(RLIMIT_AS, &limit);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(works[i], "mode %d: %s", i, sfpm_last_error());
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, size);
}
END_TEST

START_TEST(the_preferred_address_is_kept)
{
    static uint8_t memory[100], other[100];
    const sfpm_memory_region_t region = {memory, sizeof memory, "memory", false};
    const sfpm_memory_region_t anywhere = {other, sizeof other, "memory", false};
    sfpm_region_options_t options = {.struct_size = sizeof options,
                                     .address = UINT64_C(0x700000000000)};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert_works(sfpm_snapshot_add_region_with(snapshot, &region, &options));
    ck_assert_works(sfpm_snapshot_add_region_with(snapshot, &anywhere, NULL));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memory[0]++;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_uint_eq(sfpm_image_region(image, 0)->address, UINT64_C(0x700000000000));
    ck_assert_uint_eq(sfpm_image_region(image, 1)->address, 0);
    sfpm_image_close(image);
    options.flags = 1u << 31;
    ck_assert_fails(sfpm_snapshot_add_region_with(snapshot, &region, &options),
                    SFPM_ERR_ARGUMENT, "flags");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(unknown_modes_are_refused)
{
    static uint8_t memory[100];
    sfpm_snapshot_t *snapshot = snapshot_of("memory", memory, sizeof memory);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_fails(restore(snapshot, "a.img", (sfpm_restore_mode_t)4), SFPM_ERR_ARGUMENT,
                    "mode");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* One of two that hold the image commits, and drops the history by writing it anew. */
START_TEST(two_hold_one_image)
{
    size_t size = 2 * MIB;
    uint8_t *one = allocated(size), *other = allocated(size), *wanted = allocated(size);
    sfpm_snapshot_t *first = remappable(one, size), *second = remappable(other, size);
    const sfpm_commit_options_t keep = {.struct_size = sizeof keep, .keep = 1};
    fill(one, size, 13);
    memcpy(wanted, one, size);
    ck_assert_works(sfpm_snapshot_save(first, "a.img"));
    ck_assert_int_eq(is_mapped(first, "a.img", SFPM_RESTORE_LAZY_UNVERIFIED), can_map);
    ck_assert_int_eq(is_mapped(second, "a.img", SFPM_RESTORE_LAZY_UNVERIFIED), can_map);
    struct stat before, after;
    ck_assert_int_eq(stat("a.img", &before), 0);
    for (unsigned i = 0; i < 5; i++) {
        fill(one + i * 8 * PAGE, 4 * PAGE, 20 + i);
        ck_assert_works(sfpm_snapshot_commit(first, "a.img", i < 4 ? NULL : &keep));
    }
    ck_assert_int_eq(stat("a.img", &after), 0);
    ck_assert(before.st_ino != after.st_ino);
    ck_assert_mem_eq(other, wanted, size);
    ck_assert_fails(sfpm_snapshot_commit(second, "a.img", NULL), SFPM_ERR_CHANGED,
                    "commit");
    memcpy(wanted, one, size);
    fill(one, size, 30);
    ck_assert_works(restore(second, "a.img", SFPM_RESTORE_LAZY));
    ck_assert_mem_eq(other, wanted, size);
    sfpm_snapshot_destroy(first);
    sfpm_snapshot_destroy(second);
    sfpm_free_region(one, size);
    sfpm_free_region(other, size);
    sfpm_free_region(wanted, size);
}
END_TEST

/* How a process ends that goes on with restored memory after the file was cut. */
static int after_truncation(sfpm_restore_mode_t mode, uint8_t *memory, size_t size)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sfpm_snapshot_t *snapshot = remappable(memory, size);
        signal(SIGBUS, SIG_DFL);
        if (!restore(snapshot, "a.img", mode) || truncate("a.img", 100) != 0)
            _exit(1);
        unsigned sum = 0;
        for (size_t i = 0; i < size; i += PAGE)
            sum += ((volatile uint8_t *)memory)[i];
        _exit(sum == 0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(a_mapped_image_that_is_cut_is_fatal)
{
    size_t size = 2 * MIB;
    uint8_t *memory = allocated(size);
    sfpm_snapshot_t *snapshot = remappable(memory, size);
    fill(memory, size, 14);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    int status = after_truncation(SFPM_RESTORE_LAZY, memory, size);
    if (can_map)
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    status = after_truncation(SFPM_RESTORE_EAGER, memory, size);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, size);
}
END_TEST

static bool cut(void *unused)
{
    return !unused && truncate("a.img", 0) == 0;
}

/* A file that is cut before is refused in every mode. */
START_TEST(a_cut_image_is_not_mapped)
{
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks, .before_restore = cut};
    size_t size = 2 * MIB;
    uint8_t *memory = allocated(size);
    sfpm_snapshot_t *snapshot = remappable(memory, size);
    fill(memory, size, 15);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    ck_assert_int_eq(truncate("a.img", (off_t)size / 2), 0);
    for (size_t i = 0; i < NUM_MODES; i++)
        ck_assert(!restore(snapshot, "a.img", modes[i]));
    /* The start of a page is read when the old pages are away already. */
    memset(memory, 0, size);
    memory[MIB] = 1;
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    memory[MIB] = 2;
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    ck_assert_int_ne(restore(snapshot, "a.img", SFPM_RESTORE_LAZY_UNVERIFIED), can_map);
    ck_assert_uint_eq(memory[MIB], can_map ? 2 : 1);
    sfpm_snapshot_destroy(snapshot);
    sfpm_free_region(memory, size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot_lazy");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    TCase *limits = add_case(suite, "Limits", enter_directory, leave_directory);
    tcase_add_test(core, memory_is_allocated_in_pages);
    tcase_add_test(core, whole_pages_are_restored);
    tcase_add_test(core, what_is_not_a_page_is_restored);
    tcase_add_test(core, zeros_and_short_pages_are_restored);
    tcase_add_test(core, some_deviating_pages_are_mapped);
    tcase_add_test(core, many_deviating_pages_are_read);
    tcase_add_test(core, many_long_runs_are_mapped);
    tcase_add_test(core, a_smaller_and_a_larger_region_are_restored);
    tcase_add_test(core, other_memory_is_never_mapped);
    tcase_add_test(core, other_images_are_never_mapped);
    tcase_add_test(core, the_preferred_address_is_kept);
    tcase_add_test(core, two_hold_one_image);
    tcase_add_test(limits, unknown_modes_are_refused);
    tcase_add_test(limits, damage_is_found_and_memory_stays);
    tcase_add_test(limits, without_address_space_memory_is_read);
    tcase_add_test(limits, a_mapped_image_that_is_cut_is_fatal);
    tcase_add_test(limits, a_cut_image_is_not_mapped);
    return run_all(suite);
}
