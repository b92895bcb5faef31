/* SPDX-License-Identifier: MIT */
/* Programs that are saved and continued in a new machine print what they print in one
 * go: the short ones after every instruction, the others at random places. */
#include <string.h>

#include "vm_common.h"

/* A new machine of the regions of the old one, which is destroyed. */
static sfpm_vm_t *thawed(sfpm_vm_t *vm)
{
    sfpm_regions_t regions;
    sfpm_vm_t *made = sfpm_vm_create();
    copy_regions(vm, &regions);
    sfpm_vm_destroy(vm);
    if (!load_regions(made, &regions))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_regions_free(&regions);
    return made;
}

/* What is printed, with a new machine after each stretch of at most that many
 * instructions; `*stretches` is how many there were. */
static void run_in_pieces(const char *name, uint64_t most, sfpm_buffer_t *output,
                          size_t *stretches)
{
    sfpm_vm_t *vm = example(name);
    sfpm_vm_status_t status = SFPM_VM_SUSPENDED;
    for (*stretches = 0; status == SFPM_VM_SUSPENDED; ++*stretches) {
        status = run_steps(vm, most > 1 ? 1 + random_below(most) : 1, output);
        vm = thawed(vm);
    }
    ck_assert_int_eq(status, SFPM_VM_HALTED);
    sfpm_vm_destroy(vm);
}

static void expect_same_in_pieces(const char *name, uint64_t most, size_t least)
{
    sfpm_buffer_t whole = {0}, pieces = {0};
    size_t stretches = 0;
    sfpm_vm_t *vm = example(name);
    ck_assert_int_eq(run_steps(vm, UINT64_MAX, &whole), SFPM_VM_HALTED);
    run_in_pieces(name, most, &pieces, &stretches);
    ck_assert_uint_ge(stretches, least);
    if (most == 1)
        ck_assert_uint_eq(stretches, info_of(vm).instructions);
    ck_assert_uint_eq(whole.size, pieces.size);
    ck_assert_mem_eq(whole.data, pieces.data, whole.size);
    sfpm_vm_destroy(vm);
    sfpm_buffer_free(&whole);
    sfpm_buffer_free(&pieces);
}

START_TEST(short_programs_go_on_after_every_instruction)
{
    expect_same_in_pieces("sum.s", 1, 5);
    expect_same_in_pieces("factorial.s", 1, 50);
    expect_same_in_pieces("fibonacci.s", 1, 100);
    expect_same_in_pieces("primes.s", 1, 1000);
}
END_TEST

START_TEST(long_programs_go_on_at_random_places)
{
    expect_same_in_pieces("life.s", 20000, 50);
    expect_same_in_pieces("mandelbrot.s", 5000, 50);
    expect_same_in_pieces("collatz.s", 100000, 50);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        short_programs_go_on_after_every_instruction,
        long_programs_go_on_at_random_places,
        NULL,
    };
    const test_t none[] = {NULL};
    return run_suite("vm_resume", core, none);
}
