/* SPDX-License-Identifier: MIT */
/*
 * Background saves of regions that change while a job is at work: they grow, shrink,
 * move, are removed and added, at each point of a job. What is saved is the state of one
 * moment, in which all words of all regions hold the same number.
 */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot_common.h"

static const sfpm_copying_t ways[] = {SFPM_COPYING_AUTO, SFPM_COPYING_AT_ONCE,
                                      SFPM_COPYING_ROUNDS, SFPM_COPYING_CHILD};
enum { NUM_WAYS = sizeof ways / sizeof ways[0] };

enum { A_SIZE = 320 << 10, B_SIZE = 96 << 10, C_SIZE = 4 << 10 };

typedef enum event { NOTHING, GROW, SHRINK, MOVE, REMOVE, ADD, NUM_EVENTS } event_t;
typedef enum point {
    BEFORE,   /* the job is begun */
    RUNNING,  /* before writers are stopped, which a hook says to the snapshot */
    STOPPING, /* in `stop` */
    HOOKED,   /* in a hook before the save */
    COPIED,   /* writers go on, and the job writes */
    NUM_POINTS
} point_t;
typedef enum kind { SAVE, COMMIT, KEEP, AUTOSAVE, NUM_KINDS } kind_t;

/* A region as the program has it. */
typedef struct part {
    const char *name;
    uint64_t *base;
    size_t size;
    bool registered;
} part_t;

static part_t parts[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
enum { NUM_PARTS = sizeof parts / sizeof parts[0] };
static uint64_t number;
static sfpm_snapshot_t *snapshot;

/* What happens in the job under way, and what its image must hold. */
static struct scene {
    event_t event;
    point_t point;
    sem_t changed, copied;
    part_t wanted[NUM_PARTS];
    uint64_t number;
} scene;

static void count_on(void)
{
    number++;
    for (size_t i = 0; i < NUM_PARTS; i++)
        for (size_t word = 0; word < parts[i].size / sizeof number; word++)
            parts[i].base[word] = number;
}

/* Other memory, and the old is gone: reading it ends the program. */
static void put(part_t *part, size_t size)
{
    uint64_t *base = sfpm_alloc_region(size);
    ck_assert_ptr_nonnull(base);
    sfpm_free_region(part->base, part->size);
    part->base = base;
    part->size = size;
}

static void register_part(size_t i)
{
    const sfpm_memory_region_t region = {parts[i].base, parts[i].size, parts[i].name,
                                         i == 0};
    ck_assert_works(sfpm_snapshot_add_region(snapshot, &region));
    parts[i].registered = true;
}

/* Regions come and go between jobs only. */
static void remove_or_add(bool allowed)
{
    if (!allowed) {
        const sfpm_memory_region_t region = {parts, sizeof parts, "d", false};
        ck_assert_fails(sfpm_snapshot_add_region(snapshot, &region), SFPM_ERR_ARGUMENT,
                        "");
        ck_assert_fails(sfpm_snapshot_remove_region(snapshot, "c", 0), SFPM_ERR_ARGUMENT,
                        "");
    } else if (scene.event == ADD) {
        register_part(2);
    } else {
        ck_assert_works(sfpm_snapshot_remove_region(snapshot, "c", 0));
        parts[2].registered = false;
    }
}

static void happen(point_t point)
{
    if (point != scene.point)
        return;
    if (scene.event == GROW)
        put(&parts[0], 2 * A_SIZE);
    else if (scene.event == SHRINK)
        put(&parts[0], A_SIZE / 2);
    else if (scene.event == MOVE)
        put(&parts[0], A_SIZE);
    else if (scene.event != NOTHING)
        remove_or_add(point == BEFORE);
    count_on();
}

static void say_where(void)
{
    ck_assert_works(
        sfpm_snapshot_move_region(snapshot, "a", 0, parts[0].base, parts[0].size));
}

static bool before_save(void *context)
{
    happen(HOOKED);
    say_where();
    memcpy(scene.wanted, parts, sizeof parts);
    scene.number = number;
    return context == NULL;
}

static bool stop(void *unused)
{
    while (sem_wait(&scene.changed) != 0)
        continue;
    if (scene.point == STOPPING) {
        happen(STOPPING);
        say_where();
    }
    return unused == NULL;
}

static void go(void *unused)
{
    (void)unused;
    sem_post(&scene.copied);
}

static void set_up(void)
{
    const sfpm_hooks_t hooks = {
        .struct_size = sizeof hooks, .name = "regions", .before_save = before_save};
    enter_directory();
    snapshot = sfpm_snapshot_create();
    ck_assert_ptr_nonnull(snapshot);
    ck_assert_works(sfpm_snapshot_set_tracking(snapshot, SFPM_TRACKING_PROTECT));
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    put(&parts[0], A_SIZE);
    put(&parts[1], B_SIZE);
    put(&parts[2], C_SIZE);
    for (size_t i = 0; i < NUM_PARTS; i++)
        register_part(i);
    count_on();
}

static void tear_down(void)
{
    sfpm_snapshot_destroy(snapshot);
    for (size_t i = 0; i < NUM_PARTS; i++)
        sfpm_free_region(parts[i].base, parts[i].size);
    leave_directory();
}

/* ---- What was saved ---- */

static void expect_number(const sfpm_image_t *image, size_t region, uint64_t wanted)
{
    size_t size = (size_t)sfpm_image_region(image, region)->size;
    uint64_t *found = malloc(size);
    ck_assert_ptr_nonnull(found);
    ck_assert_works(sfpm_image_read(image, region, 0, found, size));
    size_t i = 0;
    while (i < size / sizeof *found && found[i] == wanted)
        i++;
    ck_assert_msg(i == size / sizeof *found, "%s[%zu] of %zu bytes is %llu, not %llu",
                  sfpm_image_region(image, region)->name, i, size,
                  (unsigned long long)found[i], (unsigned long long)wanted);
    free(found);
}

static void expect_scene(const char *path)
{
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    size_t count = 0;
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    for (size_t i = 0; i < NUM_PARTS; i++) {
        size_t region;
        bool found = sfpm_image_find_region(image, scene.wanted[i].name, &region);
        ck_assert_int_eq(found, scene.wanted[i].registered);
        if (!found)
            continue;
        count++;
        ck_assert_uint_eq(sfpm_image_region(image, region)->size, scene.wanted[i].size);
        expect_number(image, region, scene.number);
    }
    ck_assert_uint_eq(sfpm_image_num_regions(image), count);
    ck_assert_works(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

/* Each commit of the file is one moment. */
static void expect_moments(const char *path)
{
    sfpm_image_options_t options = {.struct_size = sizeof options};
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    ck_assert_ptr_nonnull(image);
    const sfpm_image_info_t info = *sfpm_image_info(image);
    sfpm_image_close(image);
    for (uint64_t commit = info.first; commit <= info.commits; commit++) {
        options.commit = (int64_t)commit;
        image = sfpm_image_open(path, &options);
        ck_assert_msg(image != NULL, "%s", sfpm_last_error());
        uint64_t at_that_time;
        ck_assert_works(sfpm_image_read(image, 0, 0, &at_that_time, sizeof at_that_time));
        for (size_t i = 0; i < sfpm_image_num_regions(image); i++)
            expect_number(image, i, at_that_time);
        sfpm_image_close(image);
    }
}

/* ---- The jobs ---- */

static const sfpm_commit_options_t keep_two = {.struct_size = sizeof keep_two, .keep = 2};

static sfpm_job_t *start(kind_t kind, const sfpm_job_options_t *how)
{
    sfpm_job_t *job =
        kind == SAVE ? sfpm_snapshot_save_async(snapshot, "a.img", how)
                     : sfpm_snapshot_commit_async(snapshot, "a.img",
                                                  kind == KEEP ? &keep_two : NULL, how);
    ck_assert_msg(job != NULL, "%s", sfpm_last_error());
    return job;
}

static void let_it_run(bool stops)
{
    if (stops) {
        happen(RUNNING);
        sem_post(&scene.changed);
        while (sem_wait(&scene.copied) != 0)
            continue;
    }
    happen(COPIED);
}

static void save_once(kind_t kind, const sfpm_job_options_t *how)
{
    sfpm_autosave_t *autosave = NULL;
    sfpm_job_t *job = NULL;
    happen(BEFORE);
    if (kind == AUTOSAVE) {
        autosave = sfpm_autosave_start(snapshot, "a.img", 0, &keep_two, how);
        ck_assert_ptr_nonnull(autosave);
        ck_assert_works(sfpm_autosave_tick(autosave));
    } else {
        job = start(kind, how);
    }
    let_it_run(how->stop != NULL);
    if (job) {
        ck_assert_works(sfpm_job_wait(job));
        sfpm_job_destroy(job);
        expect_scene("a.img");
    } else { /* what it saved by itself, and the last commit */
        scene.point = NUM_POINTS;
        sem_post(&scene.changed);
        ck_assert_works(sfpm_autosave_stop(autosave));
        expect_scene("a.img");
    }
}

static bool is_possible(event_t event, point_t point, const sfpm_job_options_t *how)
{
    if (event == ADD && point == BEFORE)
        return !parts[2].registered;
    if (event == REMOVE && point == BEFORE)
        return parts[2].registered;
    return how->stop || (point != RUNNING && point != STOPPING);
}

static void try_all(kind_t kind, const sfpm_job_options_t *how)
{
    for (point_t point = 0; point < NUM_POINTS; point++) {
        remove("a.img");
        for (event_t event = 0; event < NUM_EVENTS; event++) {
            if (!is_possible(event, point, how))
                continue;
            put(&parts[0], A_SIZE);
            count_on();
            say_where();
            scene.event = NOTHING;
            scene.point = NUM_POINTS;
            if (kind == SAVE || kind == COMMIT) /* so that changes are known */
                ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
            ck_assert_int_eq(sem_init(&scene.changed, 0, 0), 0);
            ck_assert_int_eq(sem_init(&scene.copied, 0, 0), 0);
            scene.event = event;
            scene.point = point;
            save_once(kind, how);
        }
        if (how->stop || (point != RUNNING && point != STOPPING))
            expect_moments("a.img");
    }
}

START_TEST(a_job_saves_the_regions_of_its_moment)
{
    const sfpm_job_options_t how = {.struct_size = sizeof how,
                                    .copying = ways[_i % NUM_WAYS],
                                    .stop = _i / NUM_WAYS % 2 ? stop : NULL,
                                    .go = go};
    try_all((kind_t)(_i / NUM_WAYS / 2), &how);
}
END_TEST

/* Changes are known, but the file does not hold what they are changes to. */
START_TEST(a_new_file_holds_everything)
{
    const sfpm_job_options_t how = {.struct_size = sizeof how, .copying = ways[_i]};
    scene.point = NUM_POINTS;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "b.img", NULL, &how);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_scene("b.img");
    ck_assert_int_eq(unlink("b.img"), 0);
    job = sfpm_snapshot_commit_async(snapshot, "b.img", NULL, &how);
    ck_assert_works(sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_scene("b.img");
}
END_TEST

/* … nor does it when an earlier commit was restored. */
START_TEST(a_commit_on_top_holds_everything)
{
    const sfpm_job_options_t how = {.struct_size = sizeof how, .copying = ways[_i]};
    const sfpm_restore_options_t first = {.struct_size = sizeof first, .commit = 1};
    const sfpm_commit_options_t on_top = {.struct_size = sizeof on_top, .on_top = true};
    scene.point = NUM_POINTS;
    for (int i = 0; i < 3; i++) {
        count_on();
        ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    }
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &first));
    number = parts[0].base[0];
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", &on_top, &how);
    ck_assert_works(job && sfpm_job_wait(job));
    sfpm_job_destroy(job);
    expect_scene("a.img");
    expect_moments("a.img");
}
END_TEST

static bool remove_file(void *path)
{
    return unlink(path) == 0;
}

/* … nor does a file that is removed while they are copied. */
START_TEST(a_file_removed_meanwhile_is_not_made_of_changes)
{
    const sfpm_hooks_t hooks = {.struct_size = sizeof hooks,
                                .name = "remove",
                                .before_save = remove_file,
                                .context = (char[]){"a.img"}};
    const sfpm_job_options_t how = {.struct_size = sizeof how, .copying = ways[_i]};
    scene.point = NUM_POINTS;
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    ck_assert_works(sfpm_snapshot_add_hooks(snapshot, &hooks));
    sfpm_job_t *job = sfpm_snapshot_commit_async(snapshot, "a.img", NULL, &how);
    ck_assert_ptr_nonnull(job);
    if (sfpm_job_wait(job))
        expect_scene("a.img");
    sfpm_job_destroy(job);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job_regions");
    TCase *core = add_case(suite, "Core", set_up, tear_down);
    tcase_add_loop_test(core, a_job_saves_the_regions_of_its_moment, 0,
                        NUM_KINDS * 2 * NUM_WAYS);
    tcase_add_loop_test(core, a_new_file_holds_everything, 0, NUM_WAYS);
    tcase_add_loop_test(core, a_commit_on_top_holds_everything, 0, NUM_WAYS);
    tcase_add_loop_test(core, a_file_removed_meanwhile_is_not_made_of_changes, 0,
                        NUM_WAYS);
    return run_all(suite);
}
