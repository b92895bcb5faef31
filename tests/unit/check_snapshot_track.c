/* SPDX-License-Identifier: MIT */
/*
 * Every way to find changed pages must lead to the same commits as comparing everything:
 * random workloads, and what the kernel and the program may do to pages behind our back.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "snapshot_common.h"
#include "snapshot/tracking.h"

enum { PAGE = 4096, PAGES = 700, SIZE = PAGES * PAGE };

static const sfpm_tracking_t methods[] = {SFPM_TRACKING_NONE, SFPM_TRACKING_PROTECT,
                                          SFPM_TRACKING_PAGEMAP, SFPM_TRACKING_HASH,
                                          SFPM_TRACKING_AUTO};
enum { NUM_METHODS = sizeof methods / sizeof methods[0] };

/* A region with a mapped image below it, or not, of any alignment, watched in one way. */
typedef struct subject {
    uint8_t *room;
    uint8_t *memory;
    size_t size;
    uint8_t *wanted;
    sfpm_snapshot_t *snapshot;
} subject_t;

static subject_t subject;

static void register_memory(void)
{
    const sfpm_memory_region_t region = {subject.memory, subject.size, "memory", false};
    const sfpm_region_options_t options = {.struct_size = sizeof options,
                                           .remappable = true};
    ck_assert_works(sfpm_snapshot_add_region_with(subject.snapshot, &region, &options));
}

static void begin(sfpm_tracking_t method, size_t shift, size_t size)
{
    random_start(1);
    subject.room = sfpm_alloc_region(SIZE + PAGE);
    subject.wanted = malloc(SIZE);
    ck_assert(subject.room && subject.wanted);
    subject.memory = subject.room + shift;
    subject.size = size;
    fill(subject.memory, size / 2, 1);
    subject.snapshot = sfpm_snapshot_create();
    ck_assert_works(sfpm_snapshot_set_tracking(subject.snapshot, method));
    register_memory();
    unlink("a.img");
    ck_assert_works(sfpm_snapshot_commit(subject.snapshot, "a.img", NULL));
    memcpy(subject.wanted, subject.memory, size);
}

static void end(void)
{
    sfpm_snapshot_destroy(subject.snapshot);
    sfpm_free_region(subject.room, SIZE + PAGE);
    free(subject.wanted);
}

static void map_it(void)
{
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .mode = SFPM_RESTORE_LAZY};
    ck_assert_works(sfpm_snapshot_restore_with(subject.snapshot, "a.img", &options));
}

/* Commits, and compares what the image holds then. */
static void commit_and_compare(void)
{
    sfpm_image_t *image;
    ck_assert_works(sfpm_snapshot_commit(subject.snapshot, "a.img", NULL));
    image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_works(sfpm_image_read(image, 0, 0, subject.wanted, subject.size));
    ck_assert_mem_eq(subject.wanted, subject.memory, subject.size);
    sfpm_image_close(image);
}

static void write_some(void)
{
    for (size_t i = random_below(40); i > 0; i--) {
        size_t at = random_below(subject.size);
        size_t length = random_below(8) ? 1 : random_below(5 * PAGE);
        if (length > subject.size - at)
            length = subject.size - at;
        if (random_below(4))
            fill(subject.memory + at, length, (unsigned)next_number());
        else
            memset(subject.memory + at, 0, length);
    }
}

static uint8_t *some_page(void)
{
    uintptr_t first = ((uintptr_t)subject.memory + PAGE - 1) / PAGE * PAGE;
    uintptr_t last = ((uintptr_t)subject.memory + subject.size) / PAGE * PAGE;
    return (uint8_t *)(first + random_below((last - first) / PAGE) * PAGE);
}

/* The kernel writes into the region. */
static void read_into(void)
{
    int file = open("/dev/urandom", O_RDONLY);
    size_t at = random_below(subject.size - 100);
    ck_assert_int_eq(read(file, subject.memory + at, 100), 100);
    close(file);
}

/* The program gives pages back: they become zero, or what the image held. */
static void drop_pages(void)
{
    uint8_t *page = some_page();
    size_t left = (size_t)(subject.memory + subject.size - page) / PAGE;
    madvise(page, (1 + random_below(left < 600 ? left : 600)) * PAGE, MADV_DONTNEED);
}

/* Out to swap, where there is any. */
static void page_out(void)
{
#ifdef MADV_PAGEOUT
    uint8_t *page = some_page();
    madvise(page, (size_t)(subject.memory + subject.size - page) / PAGE * PAGE,
            MADV_PAGEOUT);
#endif
}

/* A child gets its own copy, and writes to it. */
static void fork_child(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        memset(subject.memory, 7, subject.size);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* Back to what the last commit holds, which `wanted` still is. */
static void revert(void)
{
    ck_assert_works(sfpm_snapshot_revert(subject.snapshot));
    ck_assert_mem_eq(subject.wanted, subject.memory, subject.size);
}

static void (*const events[])(void) = {write_some, read_into, drop_pages, page_out,
                                       fork_child, map_it,    revert};
enum { NUM_EVENTS = sizeof events / sizeof events[0] };

static void random_workload(sfpm_tracking_t method, size_t shift, size_t size)
{
    begin(method, shift, size);
    for (int round = 0; round < 60; round++) {
        note_input("round", (uint64_t)round);
        if (round == 20)
            map_it();
        write_some();
        if (random_below(2))
            events[random_below(NUM_EVENTS)]();
        commit_and_compare();
    }
    end();
}

START_TEST(all_methods_agree)
{
    random_workload(methods[_i], 0, SIZE);
    random_workload(methods[_i], 0, SIZE - 1000);
    random_workload(methods[_i], 1000, SIZE - 2000);
    random_workload(methods[_i], 8, 3 * PAGE);
}
END_TEST

static size_t length_of(const char *path)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* Only what changed is written, however it was found. */
START_TEST(commits_follow_the_change)
{
    begin(methods[_i], 0, SIZE);
    for (int mapped = 0; mapped < 2; mapped++) {
        for (int round = 0; round < 5; round++) {
            note_input("round", (uint64_t)round);
            size_t before = length_of("a.img");
            uint8_t *page = subject.memory + random_below(PAGES) * PAGE;
            fill(page, PAGE, (unsigned)round + 10);
            commit_and_compare();
            ck_assert_uint_lt(length_of("a.img") - before, 14 * PAGE);
        }
        map_it();
    }
    end();
}
END_TEST

/* Page tables tell of all pages that changed since the image was mapped: those that are
 * in a commit already are not stored again when others of their chunk change. */
START_TEST(committed_pages_are_not_stored_again)
{
    begin(methods[_i], 0, SIZE);
    map_it();
    for (size_t page = 48; page < 64; page++) {
        size_t before = length_of("a.img");
        fill(subject.memory + page * PAGE, PAGE, 7);
        commit_and_compare();
        ck_assert_uint_lt(length_of("a.img") - before, 4 * PAGE);
    }
    end();
}
END_TEST

START_TEST(a_reverted_region_is_what_it_was)
{
    begin(methods[_i], 0, SIZE - 10);
    for (int round = 0; round < 8; round++) {
        note_input("round", (uint64_t)round);
        commit_and_compare();
        write_some();
        drop_pages();
        revert();
        write_some();
        revert();
        if (round == 3)
            map_it();
        write_some();
        revert();
    }
    end();
}
END_TEST

START_TEST(there_must_be_something_to_go_back_to)
{
    begin(SFPM_TRACKING_AUTO, 0, SIZE);
    sfpm_snapshot_t *snapshot = snapshot_of("memory", subject.memory, SIZE);
    ck_assert_fails(sfpm_snapshot_revert(NULL), SFPM_ERR_ARGUMENT, "snapshot");
    ck_assert_fails(sfpm_snapshot_revert(snapshot), SFPM_ERR_ARGUMENT,
                    "no commit to revert to");
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    subject.memory[0]++;
    ck_assert_works(sfpm_snapshot_save(subject.snapshot, "b.img"));
    ck_assert_fails(sfpm_snapshot_revert(snapshot), SFPM_ERR_CHANGED, "b.img");
    ck_assert_int_eq(unlink("b.img"), 0);
    ck_assert_fails(sfpm_snapshot_revert(snapshot), SFPM_ERR_NOT_FOUND, "b.img");
    sfpm_snapshot_destroy(snapshot);
    end();
}
END_TEST

static sfpm_tracking_t method_in_use(void)
{
    return sfpm_dirty_entry(sfpm_snapshot_tracked(subject.snapshot, 0))->method;
}

/* Tells whether the machine has the method; the others are asked for and not had. */
static sfpm_tracking_t tracked_by(sfpm_tracking_t method, bool mapped)
{
    begin(method, 0, SIZE);
    if (mapped)
        map_it();
    sfpm_tracking_t had = method_in_use();
    end();
    return had;
}

START_TEST(the_choice_is_told)
{
    ck_assert_int_eq(tracked_by(SFPM_TRACKING_NONE, false), SFPM_TRACKING_NONE);
    ck_assert_int_eq(tracked_by(SFPM_TRACKING_HASH, false), SFPM_TRACKING_HASH);
    ck_assert_int_eq(tracked_by(SFPM_TRACKING_HASH, true), SFPM_TRACKING_HASH);
    ck_assert_int_eq(tracked_by(SFPM_TRACKING_PAGEMAP, false), SFPM_TRACKING_NONE);
    sfpm_tracking_t protect = tracked_by(SFPM_TRACKING_PROTECT, false);
    sfpm_tracking_t chosen = tracked_by(SFPM_TRACKING_AUTO, false);
    sfpm_tracking_t mapped = tracked_by(SFPM_TRACKING_AUTO, true);
#if SFPM_LINUX_PATHS
    ck_assert(protect == SFPM_TRACKING_PROTECT || protect == SFPM_TRACKING_NONE);
    ck_assert_int_eq(chosen, protect == SFPM_TRACKING_NONE ? SFPM_TRACKING_HASH
                                                           : SFPM_TRACKING_PROTECT);
    ck_assert_int_eq(mapped, SFPM_TRACKING_PAGEMAP);
#else
    ck_assert_int_eq(protect, SFPM_TRACKING_NONE);
    ck_assert_int_eq(chosen, SFPM_TRACKING_HASH);
    ck_assert_int_ne(mapped, SFPM_TRACKING_PAGEMAP);
#endif
}
END_TEST

START_TEST(nonsense_is_refused)
{
    begin(SFPM_TRACKING_AUTO, 0, SIZE);
    ck_assert_fails(sfpm_snapshot_set_tracking(NULL, SFPM_TRACKING_AUTO),
                    SFPM_ERR_ARGUMENT, "snapshot");
    ck_assert_fails(sfpm_snapshot_set_tracking(subject.snapshot, (sfpm_tracking_t)5),
                    SFPM_ERR_ARGUMENT, "method");
    end();
}
END_TEST

/* Shared memory changes unseen, by another process. */
START_TEST(shared_memory_is_not_trusted_to_the_kernel)
{
    random_start(3);
    uint8_t *memory =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    subject = (subject_t){.memory = memory, .size = SIZE, .wanted = malloc(SIZE)};
    subject.snapshot = snapshot_of("memory", memory, SIZE);
    ck_assert_works(sfpm_snapshot_set_tracking(subject.snapshot, methods[_i]));
    commit_and_compare();
    ck_assert_int_ne(method_in_use(), SFPM_TRACKING_PROTECT);
    for (int round = 0; round < 3; round++) {
        note_input("round", (uint64_t)round);
        pid_t child = fork();
        if (child == 0) {
            write_some();
            memory[PAGE * round]++;
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        commit_and_compare();
    }
    sfpm_snapshot_destroy(subject.snapshot);
    free(subject.wanted);
    munmap(memory, SIZE);
}
END_TEST

/* The program maps something else over its region. */
START_TEST(memory_mapped_anew_is_compared)
{
    for (int mapped = 0; mapped < 2; mapped++) {
        begin(methods[_i], 0, SIZE);
        if (mapped)
            map_it();
        ck_assert_ptr_ne(mmap(subject.memory + 10 * PAGE, 5 * PAGE,
                              PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                         MAP_FAILED);
        commit_and_compare();
        subject.memory[11 * PAGE] = 1;
        commit_and_compare();
        end();
    }
}
END_TEST

START_TEST(a_moved_region_is_watched_anew)
{
    begin(methods[_i], 0, SIZE / 2);
    uint8_t *first = subject.memory;
    subject.memory = subject.room + SIZE / 2;
    memcpy(subject.memory, first, SIZE / 2);
    subject.memory[5 * PAGE]++;
    ck_assert_works(sfpm_snapshot_move_region(subject.snapshot, "memory", 0,
                                              subject.memory, subject.size));
    commit_and_compare();
    first[7 * PAGE]++;
    subject.memory[9 * PAGE]++;
    commit_and_compare();
    end();
}
END_TEST

/* What a failed commit did not write is in the next one. */
START_TEST(a_failed_commit_loses_nothing)
{
    begin(methods[_i], 0, SIZE);
    subject.memory[3 * PAGE]++;
    ck_assert_int_eq(link("a.img", "b.img"), 0);
    ck_assert(!sfpm_snapshot_commit(subject.snapshot, "a.img", NULL));
    ck_assert_int_eq(unlink("b.img"), 0);
    subject.memory[5 * PAGE]++;
    commit_and_compare();
    end();
}
END_TEST

/* A child that goes on with the snapshot has other pages than its parent. */
START_TEST(a_child_finds_its_own_changes)
{
    begin(methods[_i], 0, SIZE);
    subject.memory[3 * PAGE]++;
    pid_t child = fork();
    if (child == 0) {
        subject.memory[4 * PAGE]++;
        commit_and_compare();
        subject.memory[5 * PAGE]++;
        commit_and_compare();
        _exit(0);
    }
    subject.memory[6 * PAGE]++;
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert(!sfpm_snapshot_commit(subject.snapshot, "a.img", NULL));
    end();
}
END_TEST

/* Changes are noted from now on, as they are by one who makes the edits. */
static void note_commit(const sfpm_known_commit_t *commit, sfpm_tracking_t method)
{
    bool watch = method != SFPM_TRACKING_NONE && method != SFPM_TRACKING_PAGEMAP;
    subject.snapshot->last->commit = *commit;
    sfpm_dirty_committed(sfpm_snapshot_tracked(subject.snapshot, 0), watch, method);
}

static void describe_memory(sfpm_edit_t *edit)
{
    const sfpm_image_t *image = sfpm_edit_image(edit);
    sfpm_tracked_t memory = sfpm_snapshot_tracked(subject.snapshot, 0);
    sfpm_tracker_collect(memory.tracker);
    ck_assert_works(
        sfpm_edit_set_region(edit, "memory", 0, subject.memory, subject.size, 0));
    const uint64_t *changed = sfpm_dirty_changed(memory);
    if (changed && image && sfpm_image_shows(image, &subject.snapshot->last->commit))
        ck_assert_works(sfpm_edit_set_changed(edit, "memory", 0, changed,
                                              !sfpm_dirty_accumulates(memory)));
}

/* Fills an edit of the open image and appends it; `late` is written to between. */
static void append_regions(sfpm_image_t *image, uint8_t *late, sfpm_tracking_t method)
{
    sfpm_known_commit_t commit;
    sfpm_edit_t *edit = sfpm_edit_create(image);
    describe_memory(edit);
    ck_assert(!sfpm_edit_written(edit, &commit));
    if (late)
        *late ^= 1;
    ck_assert_works(sfpm_edit_append(edit, NULL));
    ck_assert_works(sfpm_edit_written(edit, &commit));
    note_commit(&commit, method);
    sfpm_edit_destroy(edit);
    ck_assert_works(sfpm_image_read(image, 0, 0, subject.wanted, subject.size));
}

/* A caller with its own edits gets the same; what is written too late is found where all
 * is compared, and only there: so it was not. */
START_TEST(own_edits_know_what_changed)
{
    begin(methods[_i], 0, SIZE);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    for (int round = 0; round < 20; round++) {
        write_some();
        append_regions(image, NULL, methods[_i]);
        ck_assert_mem_eq(subject.wanted, subject.memory, subject.size);
    }
    subject.memory[9 * PAGE] ^= 2;
    append_regions(image, subject.memory + 300 * PAGE, methods[_i]);
    bool told = method_in_use() != SFPM_TRACKING_NONE;
    ck_assert_int_eq(told, memcmp(subject.wanted, subject.memory, SIZE) != 0);
    ck_assert_uint_eq(subject.wanted[9 * PAGE], subject.memory[9 * PAGE]);
    sfpm_image_close(image);
    end();
}
END_TEST

/* A caller that read the regions itself; what it wrote before it said so is not found
 * unless all is compared. */
START_TEST(own_loads_know_what_changed)
{
    begin(methods[_i], 0, SIZE);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    for (int early = 0; early < 2; early++) {
        ck_assert_works(sfpm_snapshot_set_tracking(subject.snapshot, methods[_i]));
        ck_assert_works(sfpm_image_read(image, 0, 0, subject.memory, subject.size));
        subject.memory[SIZE / 2] ^= (uint8_t)early;
        const sfpm_known_commit_t commit = sfpm_image_shown(image);
        note_commit(&commit, methods[_i]);
        bool told = method_in_use() != SFPM_TRACKING_NONE;
        subject.memory[SIZE / 3] ^= 1;
        append_regions(image, NULL, methods[_i]);
        ck_assert_uint_eq(subject.wanted[SIZE / 3], subject.memory[SIZE / 3]);
        ck_assert_int_eq(memcmp(subject.wanted, subject.memory, SIZE) != 0,
                         told && early);
    }
    sfpm_image_close(image);
    end();
}
END_TEST

static bool add_one(void *context, sfpm_migration_t *migration)
{
    uint8_t *memory = sfpm_migration_new(migration, "memory", 0, subject.size);
    for (size_t at = 0; memory && at < subject.size; at += 100 * PAGE)
        memory[at]++;
    return memory && !context;
}

/* What a migration made is not in the commit, although nothing wrote to it since. */
START_TEST(what_a_migration_made_is_committed)
{
    const sfpm_restore_options_t mapped = {.struct_size = sizeof mapped,
                                           .mode = SFPM_RESTORE_LAZY};
    begin(methods[_i], 0, SIZE);
    sfpm_snapshot_set_schema(subject.snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(subject.snapshot, 0, 1, add_one, NULL));
    uint8_t first = subject.memory[0];
    for (int mode = 0; mode < 2; mode++) {
        const sfpm_restore_options_t *how = mode ? &mapped : NULL;
        unlink("a.img");
        sfpm_snapshot_set_schema(subject.snapshot, 0);
        subject.memory[0] = first;
        ck_assert_works(sfpm_snapshot_commit(subject.snapshot, "a.img", NULL));
        sfpm_snapshot_set_schema(subject.snapshot, 1);
        ck_assert_works(sfpm_snapshot_restore_with(subject.snapshot, "a.img", how));
        ck_assert_uint_eq(subject.memory[0], (uint8_t)(first + 1));
        commit_and_compare();
        subject.memory[5]++;
        commit_and_compare();
    }
    end();
}
END_TEST

/* What did not change cannot be taken over from the original layout, which has no places
 * for that. */
START_TEST(version_1_is_written_whole)
{
    begin(methods[_i], 0, SIZE);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_works(sfpm_edit_set_format(edit, 1));
    describe_memory(edit);
    ck_assert_works(sfpm_edit_save(edit, "old.img", NULL));
    sfpm_edit_destroy(edit);

    sfpm_image_t *image = sfpm_image_open("old.img", NULL);
    ck_assert_ptr_nonnull(image);
    const sfpm_known_commit_t commit = sfpm_image_shown(image);
    note_commit(&commit, methods[_i]);
    subject.memory[SIZE / 2] ^= 1;
    edit = sfpm_edit_create(image);
    ck_assert_works(sfpm_edit_set_format(edit, 2));
    describe_memory(edit);
    ck_assert_works(sfpm_edit_save(edit, "new.img", NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);

    image = sfpm_image_open("new.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_works(sfpm_image_read(image, 0, 0, subject.wanted, subject.size));
    ck_assert_mem_eq(subject.wanted, subject.memory, subject.size);
    sfpm_image_close(image);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot_track");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, all_methods_agree, 0, NUM_METHODS);
    tcase_add_loop_test(core, commits_follow_the_change, 0, NUM_METHODS);
    tcase_add_loop_test(core, committed_pages_are_not_stored_again, 0, NUM_METHODS);
    tcase_add_loop_test(core, a_reverted_region_is_what_it_was, 0, NUM_METHODS);
    tcase_add_test(core, there_must_be_something_to_go_back_to);
    tcase_add_test(core, the_choice_is_told);
    tcase_add_test(core, nonsense_is_refused);
    tcase_add_loop_test(core, shared_memory_is_not_trusted_to_the_kernel, 0, NUM_METHODS);
    tcase_add_loop_test(core, memory_mapped_anew_is_compared, 0, NUM_METHODS);
    tcase_add_loop_test(core, a_moved_region_is_watched_anew, 0, NUM_METHODS);
    tcase_add_loop_test(core, a_failed_commit_loses_nothing, 0, NUM_METHODS);
    tcase_add_loop_test(core, a_child_finds_its_own_changes, 0, NUM_METHODS);
    tcase_add_loop_test(core, own_edits_know_what_changed, 0, NUM_METHODS);
    tcase_add_loop_test(core, own_loads_know_what_changed, 0, NUM_METHODS);
    tcase_add_loop_test(core, what_a_migration_made_is_committed, 0, NUM_METHODS);
    tcase_add_loop_test(core, version_1_is_written_whole, 0, NUM_METHODS);
    return run_all(suite);
}
