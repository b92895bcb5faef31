/* SPDX-License-Identifier: MIT */
/*
 * Hooks around saving and restoring: their order, what a failing one stops and
 * undoes, what they must not do, and the random numbers of each restore.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "snapshot/snapshot.h"
#include "snapshot_common.h"

/* What was called, in order: the hook's letter and s, S, r, R for before and after
 * saving and restoring, then 1 or 0 for what it was told. */
static char calls[256];

typedef struct {
    char letter;
    char failing; /* the callback that fails, or 0 */
    int *watched; /* its value is noted when memory is restored */
    int seen;
    uint64_t commit; /* that was to be restored */
    sfpm_restore_event_t event;
} hook_t;

static sfpm_snapshot_t *snapshot;

static void note(const hook_t *hook, const char *what)
{
    size_t used = strlen(calls);
    snprintf(calls + used, sizeof calls - used, "%c%s ", hook->letter, what);
}

static bool before_save(void *context)
{
    hook_t *hook = context;
    note(hook, "s");
    return hook->failing != 's' || sfpm_refuse("cannot %s now", "pause");
}

static void after_save(void *context, bool saved)
{
    note(context, saved ? "S1" : "S0");
    /* Errors in here are the program's own. */
    sfpm_snapshot_save(NULL, "x.img");
}

static bool before_restore(void *context)
{
    hook_t *hook = context;
    const sfpm_image_t *image = sfpm_snapshot_restoring(snapshot);
    hook->commit = image ? sfpm_image_commit_info(image)->number : 0;
    note(hook, "r");
    return hook->failing != 'r';
}

static bool after_restore(void *context, const sfpm_restore_event_t *event)
{
    hook_t *hook = context;
    note(hook, event->restored ? "R1" : "R0");
    hook->event = *event;
    if (hook->watched)
        hook->seen = *hook->watched;
    sfpm_snapshot_metadata_t metadata;
    return hook->failing != 'R' ||
           sfpm_snapshot_read_metadata("no-such-file.img", &metadata);
}

static int value;
static hook_t hooks[3];

static void add_hook(hook_t *hook, const char *name)
{
    const sfpm_hooks_t added = {.struct_size = sizeof added,
                                .name = name,
                                .before_save = before_save,
                                .after_save = after_save,
                                .before_restore = before_restore,
                                .after_restore = after_restore,
                                .context = hook};
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &added));
}

/* Three hooks a, b and c; a.img holds 1 and memory 2. */
static void set_up(void)
{
    static const char *const names[] = {"alpha", "beta", "gamma"};
    enter_directory();
    snapshot = snapshot_of("value", &value, sizeof value);
    value = 1;
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    value = 2;
    for (int i = 0; i < 3; i++) {
        hooks[i] = (hook_t){.letter = (char)('a' + i), .watched = &value};
        add_hook(&hooks[i], names[i]);
    }
    calls[0] = '\0';
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    leave_directory();
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

#define ck_assert_calls(wanted)                                                          \
    do {                                                                                 \
        ck_assert_str_eq(calls, wanted);                                                 \
        calls[0] = '\0';                                                                 \
    } while (0)

/* ---- Core ------------------------------------------------------------------ */

START_TEST(pairs_nest_around_every_save)
{
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    ck_assert_calls("as bs cs cS1 bS1 aS1 ");
    ck_assert_works(sfpm_snapshot_commit(snapshot, "b.img", NULL));
    ck_assert_calls("as bs cs cS1 bS1 aS1 ");
    ck_assert_works(sfpm_snapshot_save_delta(snapshot, "b.img", "c.img"));
    ck_assert_calls("as bs cs cS1 bS1 aS1 ");
}
END_TEST

START_TEST(pairs_nest_around_every_restore)
{
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert_calls("cr br ar aR1 bR1 cR1 ");
    ck_assert_int_eq(value, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(hooks[i].seen, 1);
        ck_assert_uint_eq(hooks[i].event.commit, 1);
        ck_assert_uint_eq(hooks[i].event.schema, 0);
        ck_assert_uint_eq(hooks[i].commit, 1);
    }
    ck_assert_ptr_null(sfpm_snapshot_restoring(snapshot));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_works(sfpm_snapshot_restore_image(snapshot, image, NULL));
    ck_assert_calls("cr br ar aR1 bR1 cR1 ");
    sfpm_image_close(image);
}
END_TEST

static bool changes_memory(void *context)
{
    *(int *)context = 77;
    return true;
}

START_TEST(what_a_hook_changes_before_a_save_is_saved)
{
    int others = 0;
    sfpm_snapshot_t *other = snapshot_of("value", &others, sizeof others);
    const sfpm_hooks_t added = {
        .struct_size = sizeof added, .before_save = changes_memory, .context = &others};
    ck_assert_works(sfpm_snapshot_add_hooks(other, &added));
    ck_assert_works(sfpm_snapshot_save(other, "b.img"));
    others = 0;
    ck_assert_works(sfpm_snapshot_restore("b.img", other));
    ck_assert_int_eq(others, 77);
    sfpm_snapshot_destroy(other);
}
END_TEST

START_TEST(every_restore_has_its_own_random_numbers)
{
    enum { COUNT = 200 };
    static sfpm_restore_event_t events[COUNT];
    for (int i = 0; i < COUNT; i++) {
        ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
        events[i] = hooks[0].event;
        calls[0] = '\0';
        ck_assert_uint_ne(events[i].generation, 0);
        /* All hooks of one restore are told the same. */
        ck_assert_uint_eq(events[i].generation, hooks[2].event.generation);
        ck_assert_mem_eq(events[i].seed, hooks[2].event.seed, sizeof events[i].seed);
        for (int j = 0; j < i; j++) {
            ck_assert_uint_ne(events[i].generation, events[j].generation);
            ck_assert_mem_ne(events[i].seed, events[j].seed, sizeof events[i].seed);
        }
    }
}
END_TEST

/* ---- Limits ---------------------------------------------------------------- */

START_TEST(a_save_that_is_refused_is_undone)
{
    sfpm_snapshot_t *const checked = snapshot;
    hooks[1].failing = 's';
    ck_assert_fails(sfpm_snapshot_save(checked, "b.img"), SFPM_ERR_REFUSED,
                    "nothing was saved: hook 'beta': cannot pause now");
    ck_assert_calls("as bs aS0 ");
    ck_assert(!exists("b.img"));
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    calls[0] = '\0';
    ck_assert_fails(sfpm_snapshot_commit(checked, "a.img", NULL), SFPM_ERR_REFUSED,
                    "cannot pause now");
    ck_assert_calls("as bs aS0 ");
    ck_assert_fails(sfpm_snapshot_save_delta(checked, "a.img", "a.img"), SFPM_ERR_REFUSED,
                    "cannot pause now");
    ck_assert_calls("as bs aS0 ");
    hooks[1].failing = 0;
    ck_assert_works(sfpm_snapshot_commit(checked, "a.img", NULL));
}
END_TEST

START_TEST(a_save_that_fails_tells_the_hooks)
{
    ck_assert_fails(sfpm_snapshot_save(snapshot, "no/such/b.img"), SFPM_ERR_NOT_FOUND,
                    "no/such");
    ck_assert_calls("as bs cs cS0 bS0 aS0 ");
    /* What is known to fail before memory is looked at runs none. */
    hook_t lone = {.letter = 'x'};
    int others = 5;
    sfpm_snapshot_t *other = snapshot_of("value", &others, sizeof others);
    sfpm_snapshot_t *kept = snapshot;
    snapshot = other;
    add_hook(&lone, "lone");
    ck_assert_fails(sfpm_snapshot_commit(other, "a.img", NULL), SFPM_ERR_CHANGED,
                    "a.img");
    ck_assert_calls("");
    sfpm_snapshot_destroy(other);
    snapshot = kept;
}
END_TEST

START_TEST(a_restore_that_is_refused_leaves_memory_alone)
{
    hooks[1].failing = 'r';
    ck_assert_fails(
        sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_REFUSED,
        "a.img: not restored: hook 'beta': it failed without an error message");
    ck_assert_calls("cr br cR0 ");
    ck_assert_int_eq(value, 2);
    ck_assert_int_eq(hooks[2].seen, 2);
}
END_TEST

START_TEST(a_bad_image_runs_no_hook)
{
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    write_file("cut.img", bytes, size - 1);
    free(bytes);
    ck_assert(!sfpm_snapshot_restore("cut.img", snapshot));
    ck_assert_fails(sfpm_snapshot_restore("none.img", snapshot), SFPM_ERR_NOT_FOUND, "");
    sfpm_snapshot_set_schema(snapshot, 9);
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "schema");
    ck_assert_calls("");
    ck_assert_int_eq(value, 2);
}
END_TEST

/* The hook's own failure was a missing file. That must not look as if the image were
 * missing: a program would take it for its first start. */
START_TEST(a_hook_that_fails_afterwards_does_not_hide_the_restore)
{
    hooks[1].failing = 'R';
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_UNFINISHED,
                    "a.img: memory is restored (commit 1), but hooks did not finish: "
                    "hook 'beta': no-such-file.img");
    ck_assert_calls("cr br ar aR1 bR1 ");
    ck_assert_int_eq(value, 1);
    /* It is the restored state for commits, too. */
    hooks[1].failing = 0;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
}
END_TEST

START_TEST(succeeding_hooks_leave_the_last_error_alone)
{
    ck_assert_fails(sfpm_snapshot_restore("none.img", snapshot), SFPM_ERR_NOT_FOUND,
                    "none.img");
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    ck_assert(strstr(sfpm_last_error(), "none.img") != NULL);
}
END_TEST

static int refusals;

/* Everything that a hook must not do with its own snapshot. */
static bool meddle(void *context)
{
    sfpm_snapshot_t *own = context;
    const sfpm_memory_region_t region = {&refusals, sizeof refusals, "more", false};
    const sfpm_hooks_t more = {.struct_size = sizeof more};
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    const bool answers[] = {
        sfpm_snapshot_save(own, "m.img"),
        sfpm_snapshot_commit(own, "m.img", NULL),
        sfpm_snapshot_save_delta(own, "a.img", "m.img"),
        sfpm_snapshot_restore("a.img", own),
        sfpm_snapshot_fill_edit(own, edit),
        sfpm_snapshot_add_region(own, &region),
        sfpm_snapshot_remove_region(own, "value", 0),
        sfpm_snapshot_add_hooks(own, &more),
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        note_input("case", i);
        ck_assert_msg(!answers[i], "number %zu was allowed", i);
        refusals++;
    }
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(strstr(sfpm_last_error(), "callback") != NULL);
    sfpm_edit_destroy(edit);
    sfpm_snapshot_destroy(own);
    return sfpm_snapshot_set_attribute(own, "from", "a hook");
}

/* Regions may move before and after a save, and only then. */
static bool meddle_before_save(void *context)
{
    ck_assert_works(sfpm_snapshot_move_region(context, "value", 0, &value, sizeof value));
    return meddle(context);
}

static void meddle_after_save(void *context, bool saved)
{
    (void)saved;
    ck_assert_works(sfpm_snapshot_move_region(context, "value", 0, &value, sizeof value));
    meddle(context);
}

static bool meddle_after_restore(void *context, const sfpm_restore_event_t *event)
{
    (void)event;
    ck_assert(!sfpm_snapshot_move_region(context, "value", 0, &value, sizeof value));
    return meddle(context);
}

START_TEST(hooks_must_not_meddle_with_their_snapshot)
{
    const sfpm_hooks_t meddling = {.struct_size = sizeof meddling,
                                   .before_save = meddle_before_save,
                                   .after_save = meddle_after_save,
                                   .before_restore = meddle,
                                   .after_restore = meddle_after_restore,
                                   .context = snapshot};
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &meddling));
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    ck_assert_int_eq(refusals, 16);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_int_eq(refusals, 32);
    ck_assert(!exists("m.img"));
    ck_assert(file_contains("b.img", "a hook", 6));
    /* The control: outside of hooks all that is allowed. */
    ck_assert_works(sfpm_snapshot_save(snapshot, "m.img"));
}
END_TEST

START_TEST(hooks_are_checked)
{
    struct {
        sfpm_hooks_t known;
        void *newer;
    } later = {.known = {.struct_size = sizeof later}, .newer = &value};
    ck_assert_fails(sfpm_snapshot_add_hooks(NULL, &later.known), SFPM_ERR_ARGUMENT,
                    "no snapshot was given");
    ck_assert_fails(sfpm_snapshot_add_hooks(snapshot, NULL), SFPM_ERR_ARGUMENT,
                    "no hooks were given");
    ck_assert(!sfpm_snapshot_add_hooks(snapshot, &later.known));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
    later.newer = NULL;
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &later.known));
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    ck_assert_calls("as bs cs cS1 bS1 aS1 ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot hooks");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_test(core, pairs_nest_around_every_save);
    tcase_add_test(core, pairs_nest_around_every_restore);
    tcase_add_test(core, what_a_hook_changes_before_a_save_is_saved);
    tcase_add_test(core, every_restore_has_its_own_random_numbers);
    TCase *limits = add_case(suite, "Limits", set_up, tear_down);
    tcase_add_test(limits, a_save_that_is_refused_is_undone);
    tcase_add_test(limits, a_save_that_fails_tells_the_hooks);
    tcase_add_test(limits, a_restore_that_is_refused_leaves_memory_alone);
    tcase_add_test(limits, a_bad_image_runs_no_hook);
    tcase_add_test(limits, a_hook_that_fails_afterwards_does_not_hide_the_restore);
    tcase_add_test(limits, succeeding_hooks_leave_the_last_error_alone);
    tcase_add_test(limits, hooks_must_not_meddle_with_their_snapshot);
    tcase_add_test(limits, hooks_are_checked);
    return run_all(suite);
}
