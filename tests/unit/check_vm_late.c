/* SPDX-License-Identifier: MIT */
/*
 * Functions are proved when they are needed: those with frames when a machine is loaded,
 * others when they are called. One that does not hold is never executed, in whatever way
 * it is reached, and the machine stands before the call then.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/fast.h"
#include "vm_common.h"

/* The machine of a program, with one byte of the code changed, not verified. */
static sfpm_vm_t *changed(const char *text, const char *label, uint64_t more, uint8_t byte)
{
    sfpm_regions_t regions;
    uint64_t offset;
    sfpm_vm_t *vm = assembled(text);
    ck_assert_works(sfpm_vm_resolve(vm, label, &offset, NULL));
    copy_regions(vm, &regions);
    regions.region[SFPM_CODE].data[offset + more] = byte;
    ck_assert_works(load_regions(vm, &regions));
    sfpm_regions_free(&regions);
    return vm;
}

static bool run_with(sfpm_vm_t *vm, sfpm_vm_engine_t engine, uint64_t steps)
{
    const sfpm_vm_run_options_t options = {
        .struct_size = sizeof options, .max_steps = steps, .engine = engine};
    return sfpm_vm_run(vm, &options);
}

/* How often the only global was counted up, the last time by a function that holds. */
static int64_t counted(const sfpm_vm_t *vm)
{
    sfpm_value_t value;
    ck_assert_works(sfpm_vm_get_global(vm, "n", &value));
    return value.i64;
}

#define COUNT "global.get n\n i64.const 1\n i64.add\n global.set n\n"
#define GOOD  ".func good\n" COUNT " return\n"
#define BAD   ".func bad\n" COUNT "spoilt: nop\n return\n"
#define START ".global n\n.func main\n"

static const struct {
    const char *text;
    uint64_t executed; /* instructions before the call */
} ways[] = {
    {START " call good\nplace: call bad\n halt\n" GOOD BAD, 6},
    {START " call good\n i32.const 1\nplace: call_indirect -> \n halt\n" GOOD BAD
           ".table 2\n.elem 0 good, bad\n",
     7},
    {START " call good\n i32.const 0\nplace: table.call 1 ->\n halt\n" GOOD BAD
           ".table 1\n.table 1 funcref\n.elem table 1 0 bad\n",
     7},
};

/* Reached by a call, a second time, again after another function ran. */
START_TEST(function_that_does_not_hold_is_not_called)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (int engine = 0; engine < 2; engine++) {
            note_input("case", i * 2 + (size_t)engine);
            uint64_t place;
            sfpm_vm_t *vm = changed(ways[i].text, "spoilt", 0, 0xFE);
            ck_assert_works(sfpm_vm_resolve(vm, "place", &place, NULL));
            for (int again = 0; again < 3; again++) {
                ck_assert(!run_with(vm, (sfpm_vm_engine_t)engine, 0));
                expect_error(SFPM_ERR_BYTECODE, 0, "(spoilt): unknown opcode 0xFE");
                sfpm_vm_info_t info = info_of(vm);
                ck_assert_int_eq(info.status, SFPM_VM_SUSPENDED);
                ck_assert_uint_eq(info.pc, place);
                ck_assert_uint_eq(info.instructions, ways[i].executed);
                ck_assert_uint_eq(info.frames, 1);
                ck_assert_int_eq(counted(vm), 1);
            }
            ck_assert(!sfpm_vm_verify(vm));
            ck_assert(!info_of(vm).verified);
            ck_assert_works(sfpm_vm_restart(vm));
            ck_assert(!run_with(vm, (sfpm_vm_engine_t)engine, 0));
            ck_assert_int_eq(counted(vm), 2);
            sfpm_vm_destroy(vm);
        }
}
END_TEST

/* In a loop, so that the fast engine is within what it translated, called last with an
 * argument that it computes along with the call. */
START_TEST(fast_engine_stops_where_the_simple_one_does)
{
    static const char text[] =
        START ".local i64\n i64.const 9\n local.set 0\n"
              "again: local.get 0\n i64.const 1\n i64.sub\n local.tee 0\n call good\n"
              " local.get 0\n br_if again\n local.get 0\n i64.const 1\n i64.add\n"
              " call bad\n halt\n"
              ".func good i64\n" COUNT " return\n"
              ".func bad i64\n" COUNT "spoilt: nop\n return\n";
    sfpm_vm_t *vms[2];
    sfpm_vm_region_t a, b;
    for (int engine = 0; engine < 2; engine++) {
        vms[engine] = changed(text, "spoilt", 0, 0xFE);
        ck_assert(!run_with(vms[engine], (sfpm_vm_engine_t)engine, 0));
        expect_error(SFPM_ERR_BYTECODE, 0, "(spoilt): unknown opcode 0xFE");
        ck_assert_int_eq(counted(vms[engine]), 9);
    }
    for (size_t i = 0; i < sfpm_vm_num_regions(vms[0]); i++) {
        ck_assert(sfpm_vm_region(vms[0], i, &a, sizeof a));
        ck_assert(sfpm_vm_region(vms[1], i, &b, sizeof b));
        ck_assert_uint_eq(a.size, b.size);
        ck_assert_mem_eq(a.bytes, b.bytes, a.size);
    }
    sfpm_vm_destroy(vms[0]);
    sfpm_vm_destroy(vms[1]);
}
END_TEST

static sfpm_native_result_t look(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    int *calls = context;
    (void)params, (void)results;
    ++*calls;
    /* The rest does not hold; the machine goes on as far as it does. */
    ck_assert(!sfpm_vm_verify(vm));
    ck_assert(!sfpm_vm_enter(vm, "bad", NULL, 0));
    return SFPM_NATIVE_DONE;
}

START_TEST(native_functions_cannot_get_past_it)
{
    int calls = 0;
    sfpm_vm_t *vm = changed(".import \"m\" \"look\" look\n" START
                            " call look\n call good\n call look\nplace: call bad\n halt\n" GOOD
                            BAD ".export \"bad\" func bad\n",
                            "spoilt", 0, 0xFE);
    ck_assert_works(sfpm_vm_import(vm, "m", "look", "", look, &calls));
    for (int engine = 0; engine < 2; engine++) {
        ck_assert(!run_with(vm, (sfpm_vm_engine_t)engine, 0));
        expect_error(SFPM_ERR_BYTECODE, 0, "(spoilt): unknown opcode 0xFE");
        ck_assert_int_eq(counted(vm), 1);
    }
    ck_assert_int_eq(calls, 2);
    sfpm_vm_destroy(vm);
}
END_TEST

/* An exported function is entered by the host; the machine can still do the other. */
START_TEST(exported_function_that_does_not_hold_is_not_entered)
{
    sfpm_vm_t *vm = changed(START " halt\n" GOOD BAD
                                  ".export \"bad\" func bad\n.export \"good\" func good\n",
                            "spoilt", 0, 0xFE);
    for (int again = 0; again < 2; again++) {
        ck_assert(!sfpm_vm_enter(vm, "bad", NULL, 0));
        expect_error(SFPM_ERR_BYTECODE, 0, "(spoilt): unknown opcode 0xFE");
        ck_assert_works(run_with(vm, SFPM_VM_ENGINE_FAST, 0)); /* it stands where it was */
        ck_assert_int_eq(counted(vm), again);
        ck_assert_works(sfpm_vm_call(vm, "good", NULL, 0, NULL, 0, NULL));
        ck_assert_int_eq(counted(vm), again + 1);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Frames of functions that do not hold, at the top of the stack and below. */
START_TEST(machine_with_frames_of_it_does_not_run)
{
    static const char text[] =
        START " call outer\n halt\n"
              ".func outer\n call inner\nafter: nop\n return\n"
              ".func inner\n nop\nhere: nop\n return\n";
    static const char *const labels[] = {"after", "here"};
    for (size_t i = 0; i < 2; i++)
        for (int engine = 0; engine < 2; engine++) {
            sfpm_regions_t regions;
            uint64_t offset;
            sfpm_vm_t *vm = assembled(text);
            run_steps(vm, 3, NULL);
            ck_assert_uint_eq(info_of(vm).frames, 3);
            copy_regions(vm, &regions);
            ck_assert_works(sfpm_vm_resolve(vm, labels[i], &offset, NULL));
            regions.region[SFPM_CODE].data[offset] = SFPM_OP_ADD;
            ck_assert_works(load_regions(vm, &regions));
            ck_assert(!run_with(vm, (sfpm_vm_engine_t)engine, 1));
            expect_error(SFPM_ERR_BYTECODE, 0, "stack underflow: add takes 2 values");
            ck_assert_uint_eq(info_of(vm).instructions, 3);
            ck_assert_uint_eq(info_of(vm).frames, 0);
            ck_assert_works(sfpm_vm_restart(vm));
            ck_assert(!run_with(vm, (sfpm_vm_engine_t)engine, 0));
            ck_assert_uint_eq(info_of(vm).instructions, i == 0 ? 3 : 4);
            sfpm_regions_free(&regions);
            sfpm_vm_destroy(vm);
        }
}
END_TEST

/* A patch proves all of the program, and so does not go through while it does not hold;
 * one that mends it does, and the machine goes on from the call. */
START_TEST(patch_mends_it)
{
    const uint8_t nop = SFPM_OP_NOP;
    uint64_t offset;
    sfpm_vm_t *vm = changed(ways[0].text, "spoilt", 0, 0xFE);
    ck_assert(!run_with(vm, SFPM_VM_ENGINE_FAST, 0));
    ck_assert(!sfpm_vm_patch(vm, 0, &nop, 1));
    ck_assert_works(sfpm_vm_resolve(vm, "spoilt", &offset, NULL));
    ck_assert_works(sfpm_vm_patch(vm, offset, &nop, 1));
    ck_assert(info_of(vm).verified);
    ck_assert_works(run_with(vm, SFPM_VM_ENGINE_FAST, 0));
    ck_assert_int_eq(counted(vm), 2);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Nothing but what is needed: of which the tests above would not fail. */
START_TEST(only_what_is_called_is_proved)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = assembled(START " call good\n nop\n call bad\n halt\n" GOOD BAD);
    copy_regions(vm, &regions);
    for (int engine = 0; engine < 2; engine++) {
        ck_assert_works(load_regions(vm, &regions));
        ck_assert(!sfpm_is_proved(&vm->proof, 0));
        ck_assert_works(run_with(vm, (sfpm_vm_engine_t)engine, 6));
        ck_assert(sfpm_is_proved(&vm->proof, 0) && sfpm_is_proved(&vm->proof, 1));
        ck_assert(!sfpm_is_proved(&vm->proof, 2));
        ck_assert(!info_of(vm).verified);
        ck_assert_works(run_with(vm, (sfpm_vm_engine_t)engine, 0));
        ck_assert(sfpm_is_proved(&vm->proof, 2));
    }
    ck_assert_works(sfpm_vm_verify(vm));
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {only_what_is_called_is_proved, patch_mends_it, NULL};
    const test_t limits[] = {function_that_does_not_hold_is_not_called,
                             fast_engine_stops_where_the_simple_one_does,
                             native_functions_cannot_get_past_it,
                             exported_function_that_does_not_hold_is_not_entered,
                             machine_with_frames_of_it_does_not_run,
                             NULL};
    return run_suite("vm_late", core, limits);
}
