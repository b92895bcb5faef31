/* SPDX-License-Identifier: MIT */
/* Stopping a machine from outside while it runs. */
#include <pthread.h>
#include <semaphore.h>

#include "vm_common.h"

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
        NULL,
    };
    const test_t limits[] = {no_machine_is_interrupted_without_harm, NULL};
    return run_suite("vm_stop", core, limits);
}
