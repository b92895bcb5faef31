/* SPDX-License-Identifier: MIT */
/*
 * The options of commits that bound what they cost: `sync_every`, whose unsynced commits
 * survive kills at any moment and are found whole after most of what was not synced is
 * lost; and `keep`, which drops old commits while the image is in use.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commit/commit.h"
#include "snapshot_common.h"

/* ---- What reaches the disk ------------------------------------------------- */

/* Names given by the linker. */
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

typedef struct event {
    bool sync; /* what was written before is on the disk */
    size_t offset;
    size_t size;
    size_t bytes;    /* where they are in `written` */
    uint64_t commit; /* that was made before */
} event_t;

static event_t events[1000];
static size_t num_events;
static uint8_t written[4 << 20];
static size_t num_written;
static bool recording;
static uint64_t made; /* commits */

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (recording && at >= 0 && num_events < 1000 && num_written + size < sizeof written) {
        events[num_events++] = (event_t){.offset = (size_t)at,
                                         .size = size,
                                         .bytes = num_written,
                                         .commit = made};
        memcpy(written + num_written, bytes, size);
        num_written += size;
    }
    return __real_write(fd, bytes, size);
}

static int note_sync(int result)
{
    if (recording && num_events < 1000)
        events[num_events++] = (event_t){.sync = true, .commit = made};
    return result;
}

int __wrap_fdatasync(int fd)
{
    return note_sync(__real_fdatasync(fd));
}

int __wrap_fsync(int fd)
{
    return note_sync(__real_fsync(fd));
}

static size_t num_syncs(void)
{
    size_t count = 0;
    for (size_t i = 0; i < num_events; i++)
        count += events[i].sync;
    return count;
}

/* ---- Commits --------------------------------------------------------------- */

enum { SIZE = 40000, COMMITS = 10 };
static uint8_t memory[SIZE];
static sfpm_snapshot_t *snapshot;
static char remarks[2000];

/* The state of a commit: all of it differs from the one before. */
static void set_state(uint8_t *to, uint64_t commit)
{
    fill(to, SIZE, (unsigned)commit);
}

static bool is_state(const uint8_t *bytes, uint64_t commit)
{
    static uint8_t wanted[SIZE];
    set_state(wanted, commit);
    return memcmp(bytes, wanted, SIZE) == 0;
}

static void log_remark(void *context, sfpm_log_level_t level, const char *text)
{
    (void)context;
    if (level == SFPM_LOG_WARNING)
        snprintf(remarks, sizeof remarks, "%s", text);
}

static void commit_next(const sfpm_commit_options_t *options)
{
    set_state(memory, made + 1);
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", options));
    made++;
}

static void set_up(void)
{
    enter_directory();
    made = 0;
    num_events = num_written = 0;
    remarks[0] = '\0';
    snapshot = snapshot_of("memory", memory, SIZE);
    sfpm_snapshot_set_log(snapshot, log_remark, NULL);
    commit_next(NULL);
}

static void tear_down(void)
{
    recording = false;
    sfpm_snapshot_destroy(snapshot);
    leave_directory();
}

static void commit_some(uint64_t sync_every)
{
    const sfpm_commit_options_t options = {.struct_size = sizeof options,
                                           .sync_every = sync_every};
    recording = true;
    while (made < COMMITS)
        commit_next(&options);
    recording = false;
}

START_TEST(so_many_commits_are_synced)
{
    static const struct {
        uint64_t every;
        size_t commits; /* of 2 to 10 */
    } cases[] = {{0, 9}, {1, 9}, {2, 5}, {5, 2}, {11, 0}, {SFPM_SYNC_NEVER, 0}};
    commit_some(cases[_i].every);
    ck_assert_uint_eq(num_syncs(), 2 * cases[_i].commits);
    /* The last one of an autosave always is. */
    const sfpm_commit_options_t options = {.struct_size = sizeof options,
                                           .sync_every = SFPM_SYNC_NEVER};
    sfpm_autosave_t *autosave = sfpm_autosave_start(snapshot, "a.img", 0, &options, NULL);
    ck_assert_ptr_nonnull(autosave);
    memory[0]++;
    num_events = 0;
    recording = true;
    ck_assert_works(sfpm_autosave_stop(autosave));
    ck_assert_uint_eq(num_syncs(), 2);
}
END_TEST

/* ---- Crashes --------------------------------------------------------------- */

/* The file after the first commit, to which the events are applied. */
static uint8_t base[1 << 20];
static size_t base_size;

static void read_base(void)
{
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    ck_assert_uint_le(size, sizeof base);
    memcpy(base, bytes, size);
    base_size = size;
    free(bytes);
}

static uint8_t state[4 << 20];
static size_t state_size;

static void apply(const event_t *event, size_t from, size_t size, bool present)
{
    size_t end = event->offset + from + size;
    if (end > state_size) {
        memset(state + state_size, 0, end - state_size);
        state_size = end;
    }
    if (present)
        memcpy(state + event->offset + from, written + event->bytes + from, size);
}

/* All events before `last`, and the first `cut` bytes of that one. */
static void make_killed(size_t last, size_t cut)
{
    memcpy(state, base, base_size);
    state_size = base_size;
    for (size_t i = 0; i < last; i++)
        apply(&events[i], 0, events[i].size, true);
    apply(&events[last], 0, cut, true);
    write_file("c.img", state, state_size);
}

/* The same, but of what was written since the last sync only some sectors are there. */
static void make_power_cut(size_t last, unsigned lost)
{
    enum { SECTOR = 512 };
    size_t synced = 0;
    memcpy(state, base, base_size);
    state_size = base_size;
    for (size_t i = 0; i < last; i++)
        synced = events[i].sync ? i : synced;
    for (size_t i = 0; i < last; i++)
        for (size_t at = 0; at < events[i].size;) {
            size_t rest = SECTOR - (events[i].offset + at) % SECTOR;
            size_t size = events[i].size - at < rest ? events[i].size - at : rest;
            apply(&events[i], at, size, i < synced || random_below(100) >= lost);
            at += size;
        }
    write_file("c.img", state, state_size);
}

/* The state that a commit of the file holds whole; 0: none of ours. */
static uint64_t state_in(const char *path, int64_t commit)
{
    static uint8_t bytes[SIZE];
    const sfpm_image_options_t options = {.struct_size = sizeof options, .commit = commit};
    sfpm_image_t *image = sfpm_image_open(path, &options);
    uint64_t found = 0;
    size_t index;
    if (image && sfpm_image_find_region(image, "memory", &index) &&
        sfpm_image_read(image, index, 0, bytes, SIZE))
        for (uint64_t i = 1; i <= COMMITS && found == 0; i++)
            found = is_state(bytes, i) ? i : 0;
    ck_assert_msg(found || !image || sfpm_last_status() != SFPM_OK, "%s@%lld", path,
                  (long long)commit);
    sfpm_image_close(image);
    return found;
}

/* What a user does who finds the file damaged. */
static uint64_t newest_whole(void)
{
    uint64_t found = 0;
    for (int64_t commit = COMMITS; commit > 0 && found == 0; commit--)
        found = state_in("c.img", commit);
    unlink("s.img");
    if (found || !sfpm_image_salvage("c.img", "s.img", NULL, NULL, NULL, NULL))
        return found;
    for (int64_t commit = COMMITS; commit > 0 && found == 0; commit--)
        found = state_in("s.img", commit);
    return found;
}

static const uint64_t rates[] = {1, 4, SFPM_SYNC_NEVER};

/* Whenever the process ends, the file holds all commits that were made, or one more. */
START_TEST(a_kill_loses_no_commit)
{
    read_base();
    commit_some(rates[_i]);
    for (size_t last = 0; last < num_events; last++)
        for (size_t part = 0; part <= 4; part++) {
            make_killed(last, events[last].size * part / 4);
            uint64_t found = state_in("c.img", 0);
            ck_assert_uint_ge(found, events[last].commit);
            ck_assert_uint_le(found, events[last].commit + 1);
        }
}
END_TEST

/* After a power failure the newest whole commit is the last synced one, or a later one. */
START_TEST(a_power_failure_loses_unsynced_commits_at_most)
{
    size_t lost = 0, damaged = 0;
    random_start(1);
    read_base();
    commit_some(rates[_i]);
    for (int round = 0; round < 400; round++) {
        size_t last = (size_t)random_below(num_events) + 1;
        uint64_t synced = 1, done = last < num_events ? events[last].commit : COMMITS;
        for (uint64_t i = 2; i <= done; i++)
            synced = i % rates[_i] == 0 ? i : synced;
        make_power_cut(last, (unsigned)random_below(101));
        uint64_t shown = state_in("c.img", 0);
        ck_assert_msg(shown == 0 || shown >= synced, "shown %llu, synced %llu",
                      (unsigned long long)shown, (unsigned long long)synced);
        uint64_t found = shown ? shown : newest_whole();
        ck_assert_msg(found >= synced, "found %llu, synced %llu (round %d)",
                      (unsigned long long)found, (unsigned long long)synced, round);
        damaged += shown == 0;
        lost += found < done;
    }
    /* The control: without syncs something is lost. */
    ck_assert_int_eq(damaged > 0, rates[_i] != 1);
    ck_assert_int_eq(lost > 0, rates[_i] != 1);
}
END_TEST

/* What FILE@N shows needs no later commit, except its trailer. */
START_TEST(a_commit_is_found_before_a_damaged_one)
{
    enum { TRAILER = 256 }; /* at least */
    struct stat before, after;
    commit_next(NULL);
    ck_assert_int_eq(stat("a.img", &before), 0);
    commit_next(NULL);
    ck_assert_int_eq(stat("a.img", &after), 0);
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    memset(bytes + before.st_size, 0, (size_t)(after.st_size - before.st_size) - TRAILER);
    write_file("a.img", bytes, size);
    free(bytes);
    ck_assert_ptr_null(sfpm_image_open("a.img", NULL));
    ck_assert_uint_eq(state_in("a.img", 3), 0);
    ck_assert_uint_eq(state_in("a.img", 2), 2);
    ck_assert_uint_eq(state_in("a.img", -1), 2);
    ck_assert_uint_eq(state_in("a.img", 1), 1);
    ck_assert_uint_eq(state_in("a.img", 9), 0);
    const sfpm_restore_options_t second = {.struct_size = sizeof second, .commit = 2};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &second));
    ck_assert(is_state(memory, 2));
}
END_TEST

/* ---- Keeping the newest ---------------------------------------------------- */

static uint8_t key[32] = "0123456789abcdef0123456789abcde";

/* Of a plain image, of an encrypted one, and of a delta. */
static sfpm_image_t *make_image(int kind)
{
    const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    const sfpm_image_options_t options = {.struct_size = sizeof options,
                                          .secret = kind == 1 ? &secret : NULL};
    if (kind == 1) {
        sfpm_snapshot_destroy(snapshot);
        snapshot = snapshot_of("memory", memory, SIZE);
        ck_assert_works(sfpm_snapshot_set_secret(snapshot, &secret));
        unlink("a.img");
        ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    } else if (kind == 2) {
        memory[0]++;
        ck_assert_works(sfpm_snapshot_save_delta(snapshot, "a.img", "b.img"));
        ck_assert_int_eq(rename("b.img", "d.img"), 0);
    }
    sfpm_image_t *image = sfpm_image_open(kind == 2 ? "d.img" : "a.img", &options);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    return image;
}

static bool append_state(sfpm_image_t *image, uint64_t number,
                         const sfpm_write_options_t *options)
{
    sfpm_edit_t *edit = sfpm_edit_create(image);
    set_state(memory, number);
    bool ok = edit && sfpm_edit_set_region(edit, "memory", 0, memory, SIZE, 0) &&
              sfpm_edit_append(edit, options);
    sfpm_edit_destroy(edit);
    return ok;
}

static void expect_shown(sfpm_image_t *image, uint64_t number)
{
    static uint8_t bytes[SIZE];
    size_t index;
    ck_assert_uint_eq(sfpm_image_commit_info(image)->number, number);
    ck_assert_works(sfpm_image_find_region(image, "memory", &index));
    ck_assert_works(sfpm_image_read(image, index, 0, bytes, SIZE));
    ck_assert_msg(is_state(bytes, number), "commit %llu", (unsigned long long)number);
}

static bool other_may_write(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    struct stat now;
    ck_assert_int_eq(fstat(fd, &now), 0);
    close(fd);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    bool may = image && sfpm_image_lock(image, NULL);
    sfpm_image_close(image);
    return may;
}

/* An image in use stays small, whole, and locked if it was. */
START_TEST(old_commits_go_while_the_image_is_in_use)
{
    enum { KEEP = 3, ROUNDS = 40 };
    const sfpm_write_options_t options = {.struct_size = sizeof options, .keep = KEEP};
    bool locked = _i / 3;
    sfpm_image_t *image = make_image(_i % 3);
    const char *path = _i % 3 == 2 ? "d.img" : "a.img";
    ck_assert(!locked || sfpm_image_lock(image, NULL));
    uint64_t first = sfpm_image_commit_info(image)->number;
    for (uint64_t i = first + 1; i <= first + ROUNDS; i++) {
        struct stat file;
        ck_assert_works(append_state(image, i, &options));
        expect_shown(image, i);
        const sfpm_image_info_t *info = sfpm_image_info(image);
        ck_assert_uint_eq(info->commits, i);
        ck_assert_uint_lt(info->commits - info->first + 1, 2 * KEEP);
        ck_assert_uint_ge(info->commits - info->first + 1, i < KEEP ? i : KEEP);
        ck_assert_int_eq(stat(path, &file), 0);
        ck_assert_int_lt(file.st_size, 2 * KEEP * (SIZE + 20000));
        if (_i % 3 == 0) /* the others cannot be opened so easily */
            ck_assert_int_eq(other_may_write(path), !locked);
    }
    ck_assert_works(sfpm_image_select(image, -1));
    expect_shown(image, first + ROUNDS - 1);
    ck_assert_works(sfpm_image_select(image, 0));
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
    if (_i % 3 == 0)
        ck_assert(other_may_write(path));
}
END_TEST

static void keep_remark(void *context, const char *text)
{
    (void)context;
    snprintf(remarks, sizeof remarks, "%s", text);
}

/* The commit is made although the directory takes no new file. */
START_TEST(commits_that_cannot_be_dropped_stay)
{
    const sfpm_write_options_t options = {
        .struct_size = sizeof options, .keep = 1, .warn = keep_remark};
    const sfpm_commit_options_t keep = {.struct_size = sizeof keep, .keep = 1};
    ck_assert_int_eq(chmod("a.img", 0666), 0);
    ck_assert_int_eq(chmod(".", 0555), 0);
    ck_assert(getuid() != 0 || seteuid(65534) == 0);
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_works(append_state(image, 2, &options));
    expect_shown(image, 2);
    ck_assert_msg(strstr(remarks, "old commits were kept: "), "%s", remarks);
    sfpm_image_close(image);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    remarks[0] = '\0';
    made = 2;
    commit_next(&keep);
    ck_assert_msg(strstr(remarks, "old commits were kept: "), "%s", remarks);
    ck_assert(getuid() != 0 || seteuid(0) == 0);
    ck_assert_int_eq(chmod(".", 0755), 0);
    ck_assert_uint_eq(state_in("a.img", 1), 1);
    ck_assert_uint_eq(state_in("a.img", 0), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commit_options");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_loop_test(core, so_many_commits_are_synced, 0, 6);
    tcase_add_loop_test(core, a_kill_loses_no_commit, 0, 3);
    tcase_add_loop_test(core, a_power_failure_loses_unsynced_commits_at_most, 0, 3);
    tcase_add_test(core, a_commit_is_found_before_a_damaged_one);
    tcase_add_loop_test(core, old_commits_go_while_the_image_is_in_use, 0, 6);
    tcase_add_test(core, commits_that_cannot_be_dropped_stay);
    return run_all(suite);
}
