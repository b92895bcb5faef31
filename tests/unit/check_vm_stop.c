/* SPDX-License-Identifier: MIT */
/* Stopping a machine from outside while it runs. */
#include <pthread.h>
#include <semaphore.h>

#include <stdio.h>
#include <string.h>

#include "vm_common.h"
#include "vm_random.h"

START_TEST(interrupted_before_it_runs_it_stops_at_once)
{
    sfpm_vm_t *vm = assembled("push 1\n drop\n halt");
    sfpm_vm_interrupt(vm);
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_uint_eq(info_of(vm).instructions, 0);
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
    /* Once only. */
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    sfpm_vm_destroy(vm);
}
END_TEST

static bool interrupt_at_x(void *vm, const void *bytes, size_t size)
{
    ck_assert_uint_eq(size, 1);
    if (*(const char *)bytes == 'x')
        sfpm_vm_interrupt(vm);
    return true;
}

START_TEST(interrupted_by_its_own_output_it_stops_between_instructions)
{
    sfpm_vm_t *vm = assembled("loop: push 120\n print_char\n br loop");
    sfpm_vm_run_options_t options = {
        .struct_size = sizeof options, .output = interrupt_at_x, .output_context = vm};
    for (int round = 0; round < 3; round++) {
        uint64_t before = info_of(vm).instructions;
        ck_assert(sfpm_vm_run(vm, &options));
        ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
        ck_assert_uint_gt(info_of(vm).instructions, before);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Posted when a machine runs, which it says by writing. */
static sem_t runs;

static bool say_it_runs(void *unused, const void *bytes, size_t size)
{
    (void)unused, (void)bytes, (void)size;
    return sem_post(&runs) == 0;
}

static void *interrupt_when_it_runs(void *vm)
{
    while (sem_wait(&runs) != 0)
        continue;
    sfpm_vm_interrupt(vm);
    return NULL;
}

/* Runs a program that writes once and never ends; another thread interrupts it. */
static void run_until_interrupted(sfpm_vm_t *vm, sfpm_vm_engine_t engine)
{
    sfpm_vm_run_options_t options = {
        .struct_size = sizeof options, .output = say_it_runs, .engine = engine};
    pthread_t thread;
    ck_assert_int_eq(sem_init(&runs, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_when_it_runs, vm), 0);
    ck_assert(sfpm_vm_run(vm, &options));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
}

START_TEST(interrupted_by_another_thread_it_stops)
{
    sfpm_vm_t *vm = assembled("push 120\n print_char\n push 0\n"
                              "loop: push 1\n add\n br loop");
    run_until_interrupted(vm, SFPM_VM_ENGINE_FAST);
    ck_assert_uint_gt(info_of(vm).instructions, 0);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Instructions that take long: a machine that is asked to stop does not execute many. */
static void expect_soon(sfpm_vm_engine_t engine)
{
    sfpm_vm_t *vm = assembled(".memory 256\n push 120\n print_char\n"
                              "loop: i32.const 0\n i32.const 7\n i32.const 16777216\n"
                              "memory.fill\n br loop");
    run_until_interrupted(vm, engine);
    ck_assert_uint_lt(info_of(vm).instructions, 1 << 18);
    sfpm_vm_destroy(vm);
}

START_TEST(interrupted_among_slow_instructions_it_stops_soon)
{
    expect_soon(SFPM_VM_ENGINE_FAST);
    expect_soon(SFPM_VM_ENGINE_SIMPLE);
}
END_TEST

/* ---- Stopping at places ------------------------------------------------------- */

enum { PLACES = 4, ROUNDS = 12, FEW = 200, MANY = 4000 /* instructions */ };

typedef struct places {
    uint64_t offsets[PLACES];
    char texts[PLACES][24];
    const char *until[PLACES];
    size_t count;
} places_t;

static void choose_places(places_t *places, uint64_t code_size)
{
    places->count = 1 + random_below(PLACES);
    for (size_t i = 0; i < places->count; i++) {
        places->offsets[i] = random_below(code_size);
        snprintf(places->texts[i], sizeof places->texts[i], "%llu",
                 (unsigned long long)places->offsets[i]);
        places->until[i] = places->texts[i];
    }
}

static bool is_place(const places_t *places, uint64_t offset)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->offsets[i] == offset)
            return true;
    return false;
}

/* One instruction after the other, without places. Whether it came to one. */
static bool step_to_place(sfpm_vm_t *vm, const places_t *places)
{
    sfpm_vm_run_options_t one = {
        .struct_size = sizeof one, .max_steps = 1, .engine = SFPM_VM_ENGINE_SIMPLE};
    sfpm_vm_info_t info = info_of(vm);
    if (info.starts == 0 && is_place(places, info.pc)) {
        sfpm_vm_interrupt(vm); /* begins without an instruction */
        return sfpm_vm_run(vm, &one);
    }
    for (int i = 0; i < FEW && sfpm_vm_run(vm, &one); i++) {
        info = info_of(vm);
        if (info.status == SFPM_VM_SUSPENDED && is_place(places, info.pc))
            return true;
        if (info.status != SFPM_VM_SUSPENDED)
            break;
    }
    return false;
}

static void same_machine(sfpm_vm_t *a, sfpm_vm_t *b)
{
    sfpm_vm_region_t x, y;
    ck_assert_uint_eq(info_of(a).pc, info_of(b).pc);
    ck_assert_uint_eq(info_of(a).instructions, info_of(b).instructions);
    for (size_t i = 0; sfpm_vm_region(a, i, &x, sizeof x); i++) {
        ck_assert(sfpm_vm_region(b, i, &y, sizeof y));
        ck_assert_uint_eq(x.size, y.size);
        ck_assert_mem_eq(x.bytes, y.bytes, x.size);
    }
}

/* Both engines come to the same places; those of a short run also are those that single
 * instructions come to, which takes long to find out. */
static unsigned run_to_places(const sfpm_regions_t *regions, bool is_short)
{
    unsigned reached = 0;
    places_t places;
    sfpm_vm_t *steps = sfpm_vm_create(), *simple = sfpm_vm_create(),
              *fast = sfpm_vm_create();
    ck_assert(load_regions(steps, regions) && load_regions(simple, regions) &&
              load_regions(fast, regions));
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 4 == 0)
            choose_places(&places, info_of(steps).code_size);
        sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                     .max_steps = is_short ? FEW : MANY,
                                     .until = places.until,
                                     .num_until = places.count,
                                     .engine = SFPM_VM_ENGINE_SIMPLE};
        sfpm_vm_run(simple, &how);
        bool came = info_of(simple).reached;
        if (is_short)
            ck_assert_int_eq(step_to_place(steps, &places), came);
        else
            sfpm_vm_run(steps, &how);
        how.engine = SFPM_VM_ENGINE_FAST;
        sfpm_vm_run(fast, &how);
        note_input("round", round);
        ck_assert_int_eq(info_of(fast).reached, came);
        same_machine(steps, simple);
        same_machine(steps, fast);
        reached += came;
        if (info_of(steps).status != SFPM_VM_SUSPENDED)
            break;
    }
    sfpm_vm_destroy(steps);
    sfpm_vm_destroy(simple);
    sfpm_vm_destroy(fast);
    return reached;
}

START_TEST(engines_stop_at_places)
{
    unsigned reached = 0;
    for (unsigned i = 0; i < 150; i++) {
        sfpm_regions_t regions = {0};
        random_start(i);
        random_program(&regions);
        reached += run_to_places(&regions, i % 5 == 0);
        sfpm_regions_free(&regions);
    }
    ck_assert_uint_gt(reached, 100);
}
END_TEST

static uint64_t pc_after(sfpm_vm_t *vm, const char *place, sfpm_vm_engine_t engine)
{
    sfpm_vm_run_options_t how = {
        .struct_size = sizeof how, .until = &place, .num_until = 1, .engine = engine};
    ck_assert_works(sfpm_vm_run(vm, &how));
    return info_of(vm).pc;
}

START_TEST(place_is_come_to_again_and_again)
{
    for (int engine = SFPM_VM_ENGINE_SIMPLE; engine <= SFPM_VM_ENGINE_FAST; engine++) {
        sfpm_vm_engine_t e = (sfpm_vm_engine_t)engine;
        sfpm_vm_t *vm = assembled("i64.const 0\n loop: call f\n br loop\n"
                                  ".func f i64 -> i64\n local.get 0\n i64.const 1\n"
                                  "i64.add\n return\n");
        ck_assert_uint_eq(pc_after(vm, "main", e), 0); /* where it begins */
        ck_assert_uint_eq(info_of(vm).instructions, 0);
        ck_assert(info_of(vm).reached);
        for (uint64_t i = 0; i < 3; i++) {
            pc_after(vm, "f+3", e); /* in the midst of what is translated to one cell */
            ck_assert_uint_eq(info_of(vm).instructions, 3 + 6 * i);
            ck_assert(info_of(vm).reached);
        }
        pc_after(vm, "loop+5", e); /* where f returns to */
        ck_assert_uint_eq(info_of(vm).instructions, 18);
        sfpm_vm_run_options_t steps = {.struct_size = sizeof steps, .max_steps = 100};
        ck_assert(sfpm_vm_run(vm, &steps));
        ck_assert(!info_of(vm).reached);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* The fast engine makes one cell of a comparison and the branch after it. */
START_TEST(place_is_within_what_is_joined)
{
    for (int engine = SFPM_VM_ENGINE_SIMPLE; engine <= SFPM_VM_ENGINE_FAST; engine++) {
        sfpm_vm_t *vm = assembled("i64.const 3\n call f\n halt\n"
                                  ".func f i64 -> i64\n again: local.get 0\n"
                                  "i64.const 1\n i64.sub\n local.set 0\n local.get 0\n"
                                  "i64.const 0\n i64.gt_s\n br_if again\n"
                                  "local.get 0\n return\n");
        for (uint64_t i = 0; i < 3; i++) {
            pc_after(vm, "f+29", (sfpm_vm_engine_t)engine); /* the branch */
            ck_assert(info_of(vm).reached);
            ck_assert_uint_eq(info_of(vm).instructions, 9 + 8 * i);
        }
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(place_that_is_none_is_refused)
{
    const char *const places[] = {"here", NULL};
    sfpm_vm_t *vm = assembled("halt");
    for (size_t i = 0; i < 2; i++) {
        sfpm_vm_run_options_t how = {
            .struct_size = sizeof how, .until = &places[i], .num_until = 1};
        ck_assert(!sfpm_vm_run(vm, &how));
        ck_assert_uint_eq(info_of(vm).starts, 0);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(no_machine_is_interrupted_without_harm)
{
    sfpm_vm_interrupt(NULL);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        interrupted_before_it_runs_it_stops_at_once,
        interrupted_by_its_own_output_it_stops_between_instructions,
        interrupted_by_another_thread_it_stops,
        interrupted_among_slow_instructions_it_stops_soon,
        engines_stop_at_places,
        place_is_come_to_again_and_again,
        place_is_within_what_is_joined,
        NULL,
    };
    const test_t limits[] = {no_machine_is_interrupted_without_harm,
                             place_that_is_none_is_refused, NULL};
    return run_suite("vm_stop", core, limits);
}
