/* SPDX-License-Identifier: MIT */
/*
 * Hooks and migrations that are left by longjmp(): until what was begun is abandoned the
 * snapshot refuses, and afterwards it saves and restores again.
 */
#include <check.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "../sanitized.h"
#include "snapshot_common.h"

#if SANITIZED
/* What a restore has allocated when it is left is not released. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static jmp_buf outside;
static const char *leaving; /* the callback that is left; NULL: none */
static sfpm_snapshot_t *snapshot;
static int value;

static void leave(const char *callback)
{
    if (!leaving || strcmp(leaving, callback) != 0)
        return;
    leaving = NULL;
    /* From within it cannot be destroyed. */
    sfpm_snapshot_destroy(snapshot);
    longjmp(outside, 1);
}

static bool destroys; /* hooks try to destroy their snapshot */

static bool before_save(void *context)
{
    (void)context;
    if (destroys)
        sfpm_snapshot_destroy(snapshot);
    leave("before_save");
    return true;
}

static void after_save(void *context, bool saved)
{
    (void)context;
    (void)saved;
    leave("after_save");
}

static bool before_restore(void *context)
{
    (void)context;
    leave("before_restore");
    return true;
}

static bool after_restore(void *context, const sfpm_restore_event_t *event)
{
    (void)context;
    (void)event;
    leave("after_restore");
    return true;
}

static bool migrate(void *context, sfpm_migration_t *migration)
{
    (void)context;
    (void)migration;
    leave("migrate");
    return true;
}

/* a.img has one commit, of 1; memory holds 2. Migrations are for old.img. */
static void set_up(void)
{
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks,
                                .before_save = before_save,
                                .after_save = after_save,
                                .before_restore = before_restore,
                                .after_restore = after_restore};
    static int file = -1;
    const sfpm_resource_t resource = {.struct_size = sizeof resource,
                                      .name = "file",
                                      .path = "file",
                                      .descriptor = &file};
    enter_directory();
    leaving = NULL;
    snapshot = snapshot_of("value", &value, sizeof value);
    value = 1;
    ck_assert_works(sfpm_snapshot_add_resource(snapshot, &resource));
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    ck_assert_works(sfpm_snapshot_save(snapshot, "old.img"));
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, migrate, NULL));
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    value = 2;
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    leave_directory();
}

static sfpm_job_t *job;

static bool save(void)
{
    return sfpm_snapshot_save(snapshot, "b.img");
}

static bool commit(void)
{
    return sfpm_snapshot_commit(snapshot, "a.img", NULL);
}

static bool save_delta(void)
{
    return sfpm_snapshot_save_delta(snapshot, "a.img", "d.img");
}

static bool restore(void)
{
    return sfpm_snapshot_restore("a.img", snapshot);
}

static bool revert(void)
{
    return sfpm_snapshot_revert(snapshot);
}

static bool restore_old(void)
{
    return sfpm_snapshot_restore("old.img", snapshot);
}

static bool commit_async(void)
{
    job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, NULL);
    return sfpm_job_wait(job);
}

static const struct {
    const char *callback;
    bool (*operation)(void);
    int value; /* then in memory */
} cases[] = {
    {"before_save", save, 2},         {"after_save", save, 2},
    {"before_save", commit, 2},       {"after_save", commit, 2},
    {"before_save", save_delta, 2},   {"after_save", save_delta, 2},
    {"before_restore", restore, 2},   {"after_restore", restore, 1},
    {"before_restore", revert, 2},    {"after_restore", revert, 1},
    {"migrate", restore_old, 2},      {"before_restore", restore_old, 2},
    {"before_save", commit_async, 2}, {"after_save", commit_async, 2},
};

/* The lowest descriptor that is free. */
static int free_descriptor(void)
{
    int descriptor = dup(STDERR_FILENO);
    close(descriptor);
    return descriptor;
}

static void leave_operation(bool (*operation)(void), const char *callback)
{
    if (setjmp(outside) == 0) {
        leaving = callback;
        operation();
        ck_abort_msg("%s was not called", callback);
    }
}

START_TEST(a_snapshot_that_was_left_is_used_again)
{
    int descriptor = free_descriptor();
    job = NULL;
    leave_operation(cases[_i].operation, cases[_i].callback);
    ck_assert_fails(sfpm_snapshot_save(snapshot, "b.img"), SFPM_ERR_ARGUMENT, "");
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_ARGUMENT, "");
    ck_assert_works(sfpm_snapshot_abandon(snapshot));
    sfpm_job_destroy(job);
    ck_assert_int_eq(free_descriptor(), descriptor);
    ck_assert_ptr_null(sfpm_snapshot_restoring(snapshot));
    ck_assert_int_eq(value, cases[_i].value);
    /* All of it works, and nothing is lost. */
    value = 3;
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_int_le(value, 2);
    value = 4;
    ck_assert_works(commit());
    ck_assert_works(save());
    value = 5;
    ck_assert_works(revert());
    ck_assert_int_eq(value, 4);
    value = 5;
    ck_assert_works(restore());
    ck_assert_int_eq(value, 4);
    value = 6;
    ck_assert_works(commit_async());
    sfpm_job_destroy(job);
    ck_assert_works(restore_old());
    ck_assert_int_eq(value, 1);
    ck_assert_works(restore());
    ck_assert_int_eq(value, 6);
}
END_TEST

START_TEST(abandoning_without_cause_does_nothing)
{
    ck_assert_fails(sfpm_snapshot_abandon(NULL), SFPM_ERR_ARGUMENT, "no snapshot");
    ck_assert_works(sfpm_snapshot_abandon(snapshot));
    ck_assert_works(commit());
    ck_assert_works(sfpm_snapshot_abandon(snapshot));
    ck_assert_int_eq(value, 2);
    /* A save in the background goes on. */
    sfpm_job_t *running = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, NULL);
    ck_assert_ptr_nonnull(running);
    ck_assert_fails(sfpm_snapshot_abandon(snapshot), SFPM_ERR_ARGUMENT, "background");
    ck_assert_works(sfpm_job_wait(running));
    sfpm_job_destroy(running);
}
END_TEST

START_TEST(what_was_left_can_be_destroyed_once_it_is_abandoned)
{
    leave_operation(commit, "before_save");
    sfpm_snapshot_destroy(snapshot); /* nothing yet: it is in use */
    ck_assert_works(sfpm_snapshot_abandon(snapshot));
}
END_TEST

static bool stop(void *context)
{
    (void)context;
    return true;
}

START_TEST(a_hook_does_not_destroy_its_snapshot)
{
    const sfpm_job_options_t options = {.struct_size = sizeof options, .stop = stop};
    destroys = true;
    ck_assert_works(commit());
    ck_assert_works(commit_async());
    sfpm_job_destroy(job);
    job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &options);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    destroys = false;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot abandon");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_loop_test(core, a_snapshot_that_was_left_is_used_again, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(core, abandoning_without_cause_does_nothing);
    tcase_add_test(core, what_was_left_can_be_destroyed_once_it_is_abandoned);
    tcase_add_test(core, a_hook_does_not_destroy_its_snapshot);
    return run_all(suite);
}
