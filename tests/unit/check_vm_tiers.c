/* SPDX-License-Identifier: MIT */
/*
 * Tier against tier: random programs are run by both engines, in pieces of random
 * length, and must come to the same state with the same output. SFPM_TEST_PROGRAMS
 * says how many; make check-long runs ten million.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vm/fast_rules.h"
#include "vm/machine.h"
#include "vm_common.h"
#include "vm_random.h"
#include "vm_typed.h"

enum { PROGRAMS = 5000, LONG_PROGRAMS = 10000000, MOST_STEPS = 3000 };

static uint64_t num_programs(void)
{
    const char *given = getenv("SFPM_TEST_PROGRAMS");
    if (given)
        return strtoull(given, NULL, 10);
    return getenv("SFPM_LONG") ? LONG_PROGRAMS : PROGRAMS;
}

/* A machine before its first instruction, from the regions of a program. */
static sfpm_vm_t *machine_of(const sfpm_regions_t *regions)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert_ptr_nonnull(vm);
    if (!load_regions(vm, regions) || !sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

/* What a run came to. */
typedef struct result {
    sfpm_buffer_t output;
    sfpm_regions_t regions;
    char error[300]; /* of the last piece */
} result_t;

static void free_result(result_t *result)
{
    sfpm_buffer_free(&result->output);
    sfpm_regions_free(&result->regions);
}

/* Runs so many instructions; whether the machine can go on. */
static bool run_piece(sfpm_vm_t *vm, sfpm_vm_engine_t engine, uint64_t steps,
                      result_t *result)
{
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .max_steps = steps,
                                     .max_stack = 4096,
                                     .output = collect,
                                     .output_context = &result->output,
                                     .engine = engine};
    bool ran = sfpm_vm_run(vm, &options);
    snprintf(result->error, sizeof result->error, "%s", ran ? "" : sfpm_last_error());
    return ran && info_of(vm).status == SFPM_VM_SUSPENDED;
}

/* One engine, in one piece. */
static void run_whole(const sfpm_regions_t *regions, sfpm_vm_engine_t engine,
                      uint64_t steps, result_t *result)
{
    sfpm_vm_t *vm = machine_of(regions);
    run_piece(vm, engine, steps, result);
    copy_regions(vm, &result->regions);
    sfpm_vm_destroy(vm);
}

/* Mostly the fast one, stopped now and then; sometimes in another machine after. */
static void run_in_pieces(const sfpm_regions_t *regions, uint64_t steps, result_t *result)
{
    sfpm_vm_t *vm = machine_of(regions);
    uint64_t left = steps, longest = 1 + random_below(random_below(2) ? 20 : MOST_STEPS);
    bool goes_on = true;
    while (goes_on && left > 0) {
        uint64_t piece = 1 + random_below(longest);
        piece = piece < left ? piece : left;
        left -= piece;
        goes_on =
            run_piece(vm, random_below(8) ? SFPM_VM_ENGINE_FAST : SFPM_VM_ENGINE_SIMPLE,
                      piece, result);
        if (random_below(16) == 0) {
            copy_regions(vm, &result->regions);
            sfpm_vm_destroy(vm);
            vm = machine_of(&result->regions);
            sfpm_regions_free(&result->regions);
        }
    }
    copy_regions(vm, &result->regions);
    sfpm_vm_destroy(vm);
}

/* Where two buffers differ first; -1 when they do not. */
static long difference(const sfpm_buffer_t *a, const sfpm_buffer_t *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    for (size_t i = 0; i < size; i++)
        if (a->data[i] != b->data[i])
            return (long)i;
    return a->size == b->size ? -1 : (long)size;
}

/* What two runs differ in, "" when in nothing. */
static const char *compare(const result_t *a, const result_t *b)
{
    static char text[900];
    const sfpm_buffer_t *first = a->regions.region, *second = b->regions.region;
    if (strcmp(a->error, b->error) != 0) {
        snprintf(text, sizeof text, "'%s' and '%s'", a->error, b->error);
        return text;
    }
    if (difference(&a->output, &b->output) >= 0)
        return "output";
    for (int i = 0; i < SFPM_NUM_REGIONS; i++) {
        long at = difference(&first[i], &second[i]);
        if (at < 0)
            continue;
        snprintf(text, sizeof text, "region %s at byte %ld; pc %u and %u",
                 sfpm_region_names[i], at, sfpm_get_u32(first[SFPM_STATE].data + 8),
                 sfpm_get_u32(second[SFPM_STATE].data + 8));
        return text;
    }
    return "";
}

static void random_regions(sfpm_regions_t *regions)
{
    build_t build;
    if (random_below(8) == 0) {
        random_program(regions);
        return;
    }
    random_typed_program(&build);
    build_regions(&build, regions);
}

static void expect_same(const result_t *a, const result_t *b, uint64_t left,
                        const char *what)
{
    const char *text = compare(a, b);
    if (*text)
        ck_abort_msg("%llu programs before the end %s differ: %s",
                     (unsigned long long)left, what, text);
}

START_TEST(engines_agree_on_random_programs)
{
    for (uint64_t i = num_programs(); i > 0; i--) {
        result_t simple = {0}, fast = {0}, pieces = {0};
        sfpm_regions_t regions;
        uint64_t steps = 1 + random_below(MOST_STEPS);
        random_regions(&regions);
        run_whole(&regions, SFPM_VM_ENGINE_SIMPLE, steps, &simple);
        run_whole(&regions, SFPM_VM_ENGINE_FAST, steps, &fast);
        run_in_pieces(&regions, steps, &pieces);
        expect_same(&simple, &fast, i, "the engines");
        expect_same(&simple, &pieces, i, "a run in pieces");
        free_result(&simple);
        free_result(&fast);
        free_result(&pieces);
        sfpm_regions_free(&regions);
    }
}
END_TEST

/* Puts a subtraction in the place of each addition of i64 that is translated. */
static void plant(sfpm_vm_t *vm)
{
    sfpm_fast_prepare(&vm->fast, &vm->program);
    for (uint32_t i = 0; i < vm->program.num_functions; i++) {
        if (!sfpm_fast_translate(&vm->fast, &vm->program, &vm->facts, i))
            continue;
        const sfpm_fast_function_t *function = &vm->fast.functions[i];
        for (uint32_t cell = 1; cell < function->num_cells; cell++)
            for (unsigned form = 0; form < SFPM_FORM_JUMP; form++)
                if (function->cells[cell].handler ==
                    sfpm_fast_handler(FAST_I64_ADD_SS + form))
                    function->cells[cell].handler =
                        sfpm_fast_handler(FAST_I64_SUB_SS + form);
    }
}

/* The control of the test above. */
START_TEST(wrong_operation_is_found)
{
    bool found = false;
    for (int i = 0; i < 2000 && !found; i++) {
        result_t simple = {0}, fast = {0};
        sfpm_regions_t regions;
        random_regions(&regions);
        run_whole(&regions, SFPM_VM_ENGINE_SIMPLE, MOST_STEPS, &simple);
        sfpm_vm_t *vm = machine_of(&regions);
        plant(vm);
        run_piece(vm, SFPM_VM_ENGINE_FAST, MOST_STEPS, &fast);
        copy_regions(vm, &fast.regions);
        sfpm_vm_destroy(vm);
        found = *compare(&simple, &fast) != 0;
        free_result(&simple);
        free_result(&fast);
        sfpm_regions_free(&regions);
    }
    ck_assert(found);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        engines_agree_on_random_programs,
        wrong_operation_is_found,
        NULL,
    };
    const test_t limits[] = {NULL};
    return run_suite("vm_tiers", core, limits);
}
