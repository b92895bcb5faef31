/* SPDX-License-Identifier: MIT */
/*
 * Images of other schema versions: chains of steps, what steps may do, and what makes
 * a restore fail with memory untouched.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"
#include "commit/commit.h"
#include "scarce.h"
#include "snapshot_common.h"

/* Version 1 had a name of 8 bytes and a 16-bit age. */
typedef struct {
    char name[8];
    uint16_t age;
} person_1_t;

/* Version 2 counts ages in months, in a region of their own. */
typedef struct {
    char name[8];
} person_2_t;

/* Version 3 has longer names, and forgets the notes. */
typedef struct {
    char name[20];
} person_3_t;

enum { PEOPLE = 3, NOTES = 10000 };

static person_1_t old[PEOPLE] = {{"ada", 36}, {"alan", 41}, {"grace", 85}};
static uint8_t notes[NOTES];
static person_3_t people[PEOPLE];
static uint32_t months[PEOPLE];
static char extra[16];
static int calls[4];     /* how often the step from that version ran */
static int failing_step; /* refuses */
static log_text_t told;

static bool to_2(void *context, sfpm_migration_t *migration)
{
    size_t size;
    calls[1]++;
    const person_1_t *from = sfpm_migration_old(migration, "people", 0, &size);
    person_2_t *to = sfpm_migration_new(migration, "people", 0, PEOPLE * sizeof *to);
    uint32_t *ages = sfpm_migration_new(migration, "months", 0, PEOPLE * sizeof *ages);
    if (context != &told || !from || !to || !ages)
        return false;
    if (size != PEOPLE * sizeof *from)
        return sfpm_refuse("%zu bytes of people", size);
    for (int i = 0; i < PEOPLE; i++) {
        memcpy(to[i].name, from[i].name, sizeof to[i].name);
        ages[i] = from[i].age * 12U;
    }
    return failing_step != 1 || sfpm_refuse("no ages today");
}

static bool to_3(void *context, sfpm_migration_t *migration)
{
    (void)context;
    calls[2]++;
    const person_2_t *from = sfpm_migration_old(migration, "people", 0, NULL);
    person_3_t *to = sfpm_migration_new(migration, "people", 0, PEOPLE * sizeof *to);
    if (!from || !to)
        return false;
    for (int i = 0; i < PEOPLE; i++) {
        memset(&to[i], 0, sizeof to[i]);
        memcpy(to[i].name, from[i].name, sizeof from[i].name);
    }
    return sfpm_migration_remove(migration, "notes", 0) && failing_step != 2;
}

static sfpm_snapshot_t *program_of_version_3(void)
{
    sfpm_snapshot_t *snapshot = snapshot_of("months", months, sizeof months);
    add(snapshot, "people", people, sizeof people);
    add(snapshot, "extra", extra, sizeof extra);
    sfpm_snapshot_set_schema(snapshot, 3);
    sfpm_snapshot_set_log(snapshot, keep_log, &told);
    return snapshot;
}

static void add_steps(sfpm_snapshot_t *snapshot)
{
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 2, 3, to_3, NULL));
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 2, to_2, &told));
}

static void clear_memory(void)
{
    memset(people, 9, sizeof people);
    memset(months, 9, sizeof months);
    memset(extra, 9, sizeof extra);
}

/* a.img is of version 1. */
static void set_up(void)
{
    enter_directory();
    fill(notes, sizeof notes, 3);
    memcpy(extra, "the same for all", sizeof extra);
    sfpm_snapshot_t *snapshot = snapshot_of("people", old, sizeof old);
    add(snapshot, "notes", notes, sizeof notes);
    add(snapshot, "extra", extra, sizeof extra);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    clear_memory();
}

static bool is_new(void)
{
    return strcmp(people[0].name, "ada") == 0 && strcmp(people[1].name, "alan") == 0 &&
           strcmp(people[2].name, "grace") == 0 && months[0] == 36 * 12 &&
           months[1] == 41 * 12 && months[2] == 85 * 12 &&
           memcmp(extra, "the same for all", sizeof extra) == 0;
}

static bool is_untouched(void)
{
    uint8_t nines[sizeof people];
    memset(nines, 9, sizeof nines);
    return memcmp(people, nines, sizeof people) == 0 &&
           memcmp(months, nines, sizeof months) == 0 &&
           memcmp(extra, nines, sizeof extra) == 0;
}

/* ---- Core ------------------------------------------------------------------ */

START_TEST(a_chain_runs_in_order)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    add_steps(snapshot);
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(is_new());
    ck_assert_int_eq(calls[1], 1);
    ck_assert_int_eq(calls[2], 1);
    const char *first = strstr(told.text, "Migrating from schema version 1 to 2");
    const char *second = strstr(told.text, "Migrating from schema version 2 to 3");
    ck_assert(first && second && first < second);
    /* What is committed then is of version 3, and needs no migration. */
    ck_assert_works(sfpm_snapshot_commit(snapshot, "a.img", NULL));
    clear_memory();
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(is_new());
    ck_assert_int_eq(calls[1], 1);
    /* The old commit still does. */
    clear_memory();
    const sfpm_restore_options_t options = {.struct_size = sizeof options, .commit = 1};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
    ck_assert(is_new());
    ck_assert_int_eq(calls[1], 2);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static int ways[8];

static bool count_way(void *context, sfpm_migration_t *migration)
{
    (void)migration;
    ++*(int *)context;
    return true;
}

START_TEST(the_shortest_way_is_taken)
{
    static const uint64_t steps[][2] = {{1, 2}, {2, 3},  {3, 9}, {1, 5},
                                        {5, 9}, {9, 10}, {2, 9}, {1, 0}};
    uint8_t byte = 1;
    sfpm_snapshot_t *snapshot = snapshot_of("byte", &byte, 1);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    byte = 2;
    for (int i = 0; i < 8; i++)
        ck_assert_works(sfpm_snapshot_add_migration(snapshot, steps[i][0], steps[i][1],
                                                    count_way, &ways[i]));
    sfpm_snapshot_set_schema(snapshot, 10);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_uint_eq(byte, 1);
    /* 1 -> 2 -> 9 -> 10 and 1 -> 5 -> 9 -> 10 are as short: the one that begins with
     * the step registered first. */
    static const int wanted[8] = {1, 0, 0, 0, 0, 1, 1, 0};
    ck_assert_mem_eq(ways, wanted, sizeof ways);
    /* Downwards, too. */
    sfpm_snapshot_set_schema(snapshot, 0);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_int_eq(ways[7], 1);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool rearrange(void *context, sfpm_migration_t *migration)
{
    (void)context;
    uint8_t *third = sfpm_migration_new(migration, "same", 2, 3);
    ck_assert_ptr_nonnull(third);
    ck_assert_mem_eq(third, "\0\0\0", 3);
    memcpy(third, "new", 3);
    ck_assert_ptr_eq(sfpm_migration_new(migration, "same", 2, 3), third);
    ck_assert(!sfpm_migration_new(migration, "same", 2, 4));
    ck_assert(!sfpm_migration_new(migration, "same", 4, 4));
    ck_assert_works(sfpm_migration_remove(migration, "same", 0));
    ck_assert(!sfpm_migration_remove(migration, "same", 0));
    /* The numbers stay until the step ends, and so do the old contents. */
    uint8_t *second = sfpm_migration_new(migration, "same", 1, 5);
    ck_assert_mem_eq(second, "two\0\0", 5);
    ck_assert_mem_eq(sfpm_migration_old(migration, "same", 0, NULL), "one", 3);
    ck_assert(!sfpm_migration_old(migration, "same", 2, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MISMATCH);
    /* What is made and removed again was never there. */
    ck_assert_ptr_nonnull(sfpm_migration_new(migration, "short", 0, 100));
    ck_assert_works(sfpm_migration_remove(migration, "short", 0));
    return true;
}

START_TEST(equal_names_are_told_apart)
{
    char one[3] = {'o', 'n', 'e'};
    char two[5] = {'t', 'w', 'o'};
    sfpm_snapshot_t *snapshot = snapshot_of("same", one, 3);
    add(snapshot, "same", two, 3);
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("same", two, 5);
    add(snapshot, "same", one, 3);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, rearrange, NULL));
    memset(two, 'x', sizeof two);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_mem_eq(two, "two\0\0", 5);
    ck_assert_mem_eq(one, "new", 3);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* More than is kept between checking and restoring, not mentioned by the step. */
START_TEST(large_regions_go_on_unchanged)
{
    const size_t size = 6U << 20;
    uint8_t *large = malloc(size);
    ck_assert_ptr_nonnull(large);
    fill(large, size, 1);
    uint8_t small = 1;
    sfpm_snapshot_t *snapshot = snapshot_of("large", large, size);
    add(snapshot, "small", &small, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    memset(large, 0, size);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, count_way, &ways[0]));
    /* It is not taken into memory for a step that does not look at it. */
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .max_memory = 1};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "b.img", &options));
    uint8_t *wanted = malloc(size);
    ck_assert_ptr_nonnull(wanted);
    fill(wanted, size, 1);
    ck_assert_mem_eq(large, wanted, size);
    sfpm_snapshot_destroy(snapshot);
    free(wanted);
    free(large);
}
END_TEST

START_TEST(images_of_version_1_are_migrated_by_name)
{
    char first[4] = "one";
    char second[4] = "two";
    const sfpm_memory_region_t regions[] = {{first, 4, "a", false},
                                            {second, 4, "b", false}};
    write_version_1("b.img", "", regions, 2);
    sfpm_snapshot_t *snapshot = snapshot_of("b", first, 4);
    add(snapshot, "c", second, 4);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, count_way, &ways[0]));
    ck_assert_fails(sfpm_snapshot_restore("b.img", snapshot), SFPM_ERR_MISMATCH,
                    "b.img: after the migration to schema version 1: region 'c'");
    ck_assert_str_eq(first, "one");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* ---- Limits ---------------------------------------------------------------- */

START_TEST(without_a_way_both_versions_are_named)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 2, to_2, &told));
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "a.img: the image has schema version 1, the program version 3");
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 3, 4, to_3, NULL));
    ck_assert(!sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(is_untouched());
    ck_assert_int_eq(calls[1], 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(a_step_that_refuses_leaves_memory_alone)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    add_steps(snapshot);
    failing_step = 1;
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_REFUSED,
                    "a.img: migration from schema version 1 to 2: no ages today");
    failing_step = 2;
    ck_assert_fails(
        sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_REFUSED,
        "migration from schema version 2 to 3: it failed without an error message");
    ck_assert(is_untouched());
    failing_step = 0;
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(what_steps_made_must_fit)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 3, count_way, &ways[0]));
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_MISMATCH,
                    "after the migration to schema version 3: region 'months'");
    ck_assert(is_untouched());
    /* The same policies as without a migration. */
    sfpm_restore_options_t options = {.struct_size = sizeof options,
                                      .accept = SFPM_ACCEPT_ADDED | SFPM_ACCEPT_REMOVED |
                                                SFPM_ACCEPT_GROWN};
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
    ck_assert_str_eq(people[0].name, "ada");
    ck_assert_uint_eq(months[0], 0x09090909);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* The step does not notice; the restore does. */
static bool careless(void *context, sfpm_migration_t *migration)
{
    (void)context;
    ck_assert(!sfpm_migration_old(migration, "notes", 0, NULL));
    return true;
}

START_TEST(memory_is_limited)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 3, careless, NULL));
    sfpm_restore_options_t options = {.struct_size = sizeof options, .max_memory = 9999};
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options),
                    SFPM_ERR_LIMIT, "region 'notes': 10000 more bytes, with 0 in use");
    sfpm_snapshot_destroy(snapshot);
    snapshot = program_of_version_3();
    add_steps(snapshot);
    /* What the last step holds at once is the most. */
    const size_t enough = sizeof old + PEOPLE * sizeof(person_2_t) + sizeof months;
    options.max_memory = enough - 1;
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "a.img", &options),
                    SFPM_ERR_LIMIT, "max_memory");
    ck_assert(is_untouched());
    options.max_memory = sizeof people + PEOPLE * sizeof(person_2_t) + sizeof months;
    ck_assert_uint_ge(options.max_memory, enough);
    ck_assert_works(sfpm_snapshot_restore_with(snapshot, "a.img", &options));
    ck_assert(is_new());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* Zeros take no place in an image: a small file may hold regions of any size. */
START_TEST(a_huge_region_is_not_taken_into_memory)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    add_steps(snapshot);
    uint8_t *much = calloc(1, 2U << 20);
    ck_assert_ptr_nonnull(much);
    sfpm_snapshot_t *other = snapshot_of("people", much, 2U << 20);
    sfpm_snapshot_set_schema(other, 1);
    ck_assert_works(sfpm_snapshot_save(other, "b.img"));
    sfpm_snapshot_destroy(other);
    free(much);
    const sfpm_restore_options_t options = {.struct_size = sizeof options,
                                            .max_memory = 1U << 20};
    ck_assert_fails(sfpm_snapshot_restore_with(snapshot, "b.img", &options),
                    SFPM_ERR_LIMIT, "'people': 2097152 more bytes");
    ck_assert(is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool look_at_all(void *context, sfpm_migration_t *migration)
{
    (void)context;
    return sfpm_migration_old(migration, "notes", 0, NULL) && sfpm_refuse("not reached");
}

START_TEST(damage_is_found_before_a_step_sees_it)
{
    size_t size;
    uint8_t *bytes = read_file("a.img", &size);
    size_t at = 0;
    while (memcmp(bytes + at, notes, 100) != 0)
        at++;
    bytes[at + 50] ^= 1;
    write_file("b.img", bytes, size);
    free(bytes);
    sfpm_snapshot_t *snapshot = program_of_version_3();
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 3, look_at_all, NULL));
    ck_assert_fails(sfpm_snapshot_restore("b.img", snapshot), SFPM_ERR_CHECKSUM,
                    "migration from schema version 1 to 3");
    /* The control. */
    ck_assert_fails(sfpm_snapshot_restore("a.img", snapshot), SFPM_ERR_REFUSED,
                    "not reached");
    ck_assert(is_untouched());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(bad_steps_are_refused)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    add_steps(snapshot);
    ck_assert_fails(sfpm_snapshot_add_migration(NULL, 4, 5, to_3, NULL),
                    SFPM_ERR_ARGUMENT, "snapshot");
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 4, 5, NULL, NULL),
                    SFPM_ERR_ARGUMENT, "callback");
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 4, 4, to_3, NULL),
                    SFPM_ERR_ARGUMENT, "from version 4 to itself");
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 1, 2, to_3, NULL),
                    SFPM_ERR_ARGUMENT, "from version 1 to 2 is already registered");
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 3, 1, to_3, NULL),
                    SFPM_ERR_ARGUMENT, "cycle");
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 2, 1, to_3, NULL),
                    SFPM_ERR_ARGUMENT, "cycle");
    for (uint64_t i = 2; i < SFPM_MIGRATIONS_MAX; i++)
        ck_assert_works(
            sfpm_snapshot_add_migration(snapshot, 100 + i, 101 + i, to_3, NULL));
    ck_assert_fails(sfpm_snapshot_add_migration(snapshot, 4, 5, to_3, NULL),
                    SFPM_ERR_LIMIT, "256 migrations");
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(the_longest_chain_runs)
{
    uint8_t byte = 1;
    sfpm_snapshot_t *snapshot = snapshot_of("byte", &byte, 1);
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    for (uint64_t i = SFPM_MIGRATIONS_MAX; i-- > 0;)
        ck_assert_works(
            sfpm_snapshot_add_migration(snapshot, i, i + 1, count_way, &ways[0]));
    sfpm_snapshot_set_schema(snapshot, SFPM_MIGRATIONS_MAX);
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_int_eq(ways[0], SFPM_MIGRATIONS_MAX);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool misuse(void *context, sfpm_migration_t *migration)
{
    ck_assert(!sfpm_migration_old(NULL, "extra", 0, NULL));
    ck_assert(!sfpm_migration_old(migration, NULL, 0, NULL));
    ck_assert(!sfpm_migration_new(NULL, "extra", 0, 1));
    ck_assert(!sfpm_migration_new(migration, NULL, 0, 1));
    ck_assert(!sfpm_migration_new(migration, "extra", 0, 0));
    ck_assert(!sfpm_migration_remove(NULL, "extra", 0));
    ck_assert(!sfpm_migration_remove(migration, NULL, 0));
    ck_assert(!sfpm_migration_remove(migration, "none", 0));
    ck_assert(!sfpm_snapshot_add_migration(context, 7, 8, misuse, NULL));
    ck_assert(!sfpm_snapshot_restore("a.img", context));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    return to_3(NULL, migration);
}

START_TEST(misuse_in_a_step_is_refused)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 1, 2, to_2, &told));
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 2, 3, misuse, snapshot));
    ck_assert_works(sfpm_snapshot_restore("a.img", snapshot));
    ck_assert(is_new());
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool take_scratch(void *context, sfpm_migration_t *migration)
{
    (void)context;
    ck_assert(!sfpm_migration_old(migration, "scratch", 0, NULL));
    uint8_t *made = sfpm_migration_new(migration, "scratch", 0, 4);
    if (made)
        memcpy(made, "made", 4);
    return made;
}

START_TEST(volatile_regions_have_no_old_contents)
{
    char scratch[4] = {'a', 'b', 'c', 'd'};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    add_flags(snapshot, "scratch", scratch, 4, SFPM_REGION_VOLATILE);
    ck_assert_works(sfpm_snapshot_save(snapshot, "b.img"));
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("scratch", scratch, 4);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, take_scratch, NULL));
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_mem_eq(scratch, "made", 4);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

static bool make_scratch(void *context, sfpm_migration_t *migration)
{
    uint8_t *made = sfpm_migration_new(migration, "scratch", 0, 4);
    if (made)
        memcpy(made, context, 4);
    return made;
}

/* Addresses of another build cannot go on; what a step made is of this one. */
START_TEST(addresses_of_another_build_must_be_made_anew)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ptr_nonnull(edit);
    sfpm_snapshot_t *snapshot = snapshot_of("keep", extra, 4);
    ck_assert_works(sfpm_snapshot_fill_edit(snapshot, edit));
    ck_assert_works(
        sfpm_edit_set_region(edit, "scratch", 0, extra, 4, SFPM_REGION_POINTERS));
    ck_assert_works(sfpm_edit_set_origin(edit, NULL, "abcd"));
    ck_assert_works(sfpm_edit_save(edit, "b.img", NULL));
    sfpm_edit_destroy(edit);
    char scratch[4] = {0};
    add_flags(snapshot, "scratch", scratch, 4, SFPM_REGION_POINTERS);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, count_way, &ways[0]));
    ck_assert_fails(sfpm_snapshot_restore("b.img", snapshot), SFPM_ERR_MISMATCH,
                    "region 'scratch' (4 bytes) holds addresses");
    sfpm_snapshot_destroy(snapshot);
    snapshot = snapshot_of("keep", extra, 4);
    add_flags(snapshot, "scratch", scratch, 4, SFPM_REGION_POINTERS);
    sfpm_snapshot_set_schema(snapshot, 2);
    char made[4] = {'m', 'a', 'd', 'e'};
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 2, make_scratch, made));
    ck_assert_works(sfpm_snapshot_restore("b.img", snapshot));
    ck_assert_mem_eq(scratch, "made", 4);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

START_TEST(another_architecture_is_not_migrated)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ptr_nonnull(edit);
    ck_assert_works(sfpm_edit_set_region(edit, "extra", 0, extra, 4, 0));
    ck_assert_works(sfpm_edit_set_origin(edit, "vax-vms-32le", ""));
    ck_assert_works(sfpm_edit_save(edit, "b.img", NULL));
    sfpm_edit_destroy(edit);
    sfpm_snapshot_t *snapshot = snapshot_of("extra", extra, 4);
    sfpm_snapshot_set_schema(snapshot, 1);
    ck_assert_works(sfpm_snapshot_add_migration(snapshot, 0, 1, count_way, &ways[0]));
    ck_assert_fails(sfpm_snapshot_restore("b.img", snapshot), SFPM_ERR_MISMATCH,
                    "vax-vms-32le in the image");
    ck_assert_int_eq(ways[0], 0);
    sfpm_snapshot_destroy(snapshot);
}
END_TEST

/* Runs out of memory after so many allocations; returns whether it did. */
static bool try_with(size_t after, bool every)
{
    sfpm_snapshot_t *snapshot = program_of_version_3();
    sfpm_snapshot_set_log(snapshot, NULL, NULL);
    add_steps(snapshot);
    clear_memory();
    scarce_begin(after, every);
    bool ok = sfpm_snapshot_restore("a.img", snapshot);
    size_t failures = scarce_end();
    if (!ok) {
        ck_assert_msg(sfpm_last_status() == SFPM_ERR_MEMORY, "%s", sfpm_last_error());
        ck_assert_msg(scarce_blocks() <= 0, "allocation %zu: %td blocks leak", after,
                      scarce_blocks());
        ck_assert(is_untouched());
    } else {
        ck_assert(is_new());
    }
    sfpm_snapshot_destroy(snapshot);
    return failures > 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t after = 0;
    while (try_with(after, false) && try_with(after, true))
        after++;
    ck_assert_uint_gt(after, 15);
    for (after = 0;; after++) {
        sfpm_snapshot_t *snapshot = program_of_version_3();
        scarce_begin(after, true);
        bool ok = sfpm_snapshot_add_migration(snapshot, 1, 2, to_2, &told);
        scarce_end();
        ck_assert(ok || sfpm_last_status() == SFPM_ERR_MEMORY);
        sfpm_snapshot_destroy(snapshot);
        if (ok)
            break;
    }
    ck_assert_uint_gt(after, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot migrate");
    TCase *core = add_case(suite, "Core", set_up, leave_directory);
    tcase_add_test(core, a_chain_runs_in_order);
    tcase_add_test(core, the_shortest_way_is_taken);
    tcase_add_test(core, equal_names_are_told_apart);
    tcase_add_test(core, large_regions_go_on_unchanged);
    tcase_add_test(core, images_of_version_1_are_migrated_by_name);
    TCase *limits = add_case(suite, "Limits", set_up, leave_directory);
    tcase_add_test(limits, without_a_way_both_versions_are_named);
    tcase_add_test(limits, a_step_that_refuses_leaves_memory_alone);
    tcase_add_test(limits, what_steps_made_must_fit);
    tcase_add_test(limits, memory_is_limited);
    tcase_add_test(limits, a_huge_region_is_not_taken_into_memory);
    tcase_add_test(limits, damage_is_found_before_a_step_sees_it);
    tcase_add_test(limits, bad_steps_are_refused);
    tcase_add_test(limits, the_longest_chain_runs);
    tcase_add_test(limits, misuse_in_a_step_is_refused);
    tcase_add_test(limits, volatile_regions_have_no_old_contents);
    tcase_add_test(limits, addresses_of_another_build_must_be_made_anew);
    tcase_add_test(limits, another_architecture_is_not_migrated);
    tcase_add_test(limits, every_allocation_may_fail);
    return run_all(suite);
}
