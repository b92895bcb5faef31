/* SPDX-License-Identifier: MIT */
/* New code for machines that have run: what goes on in it, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/reload.h>

#include "base/bytes.h"
#include "vm_common.h"
#include "vm_random.h"

/* Counts to 5 in the global n, with a function in the table and data in memory. */
#define IMPORT "        .import host say hello i64\n"
#define MAIN                                                                             \
    "        .func main\n"                                                               \
    "loop:   i32.const 0\n        call_indirect -> \n"                                   \
    "        global.get n\n        print\n        drop\n"                                \
    "        global.get n\n        push 5\n        i64.lt_s\n        br_if loop\n"       \
    "        halt\n"
#define STEP(by)                                                                         \
    "        .func step\n"                                                               \
    "        global.get n\n        push " by "\n        add\n        global.set n\n"     \
    "        return\n"
#define USE                                                                              \
    "        .func use -> i64\n"                                                         \
    "        i32.const 0\n        i64.load 1048\n        return\n"
#define TABLE   "        .table 2\n        .elem 0 step\n"
#define GLOBAL  "        .global n i64 0\n"
#define MEMORY  "        .memory 1 2\n        .data 1024 \"unchanged\"\n"
#define PROGRAM IMPORT GLOBAL MEMORY TABLE MAIN STEP("1") USE

typedef struct seen {
    size_t unchanged, replaced, added, removed, data;
    char last[64]; /* name of the last one that is not unchanged */
} seen_t;

static void see(void *context, const sfpm_vm_change_t *change)
{
    seen_t *seen = context;
    size_t *counts[] = {&seen->unchanged, &seen->replaced, &seen->added, &seen->removed};
    if (strcmp(change->kind, "data") == 0) {
        seen->data += change->size;
        return;
    }
    ++*counts[change->change];
    if (change->change != SFPM_VM_UNCHANGED)
        snprintf(seen->last, sizeof seen->last, "%s", change->name ? change->name : "?");
}

static sfpm_native_result_t hello(void *context, sfpm_vm_t *vm,
                                  const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context, (void)vm, (void)params, (void)results;
    return SFPM_NATIVE_DONE;
}

/* A machine that has executed so many instructions. */
static sfpm_vm_t *stopped(const char *text, uint64_t steps)
{
    sfpm_buffer_t output = {0};
    sfpm_vm_t *vm = assembled(text);
    ck_assert(sfpm_vm_import(vm, "host", "say", "i64", hello, NULL));
    run_steps(vm, steps, &output);
    sfpm_buffer_free(&output);
    return vm;
}

static bool replace(sfpm_vm_t *vm, const char *text, seen_t *seen)
{
    sfpm_vm_t *code = assembled(text);
    *seen = (seen_t){0};
    bool replaced = sfpm_vm_replace_code(vm, code, see, seen);
    sfpm_vm_destroy(code);
    return replaced;
}

/* Refused with that in the message, and nothing is changed. */
static void expect_refused(sfpm_vm_t *vm, const char *text, const char *reason)
{
    sfpm_regions_t before, after;
    seen_t seen;
    copy_regions(vm, &before);
    ck_assert(!replace(vm, text, &seen));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MISMATCH);
    if (!strstr(sfpm_last_error(), reason))
        ck_abort_msg("'%s' lacks '%s'", sfpm_last_error(), reason);
    copy_regions(vm, &after);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        ck_assert_uint_eq(before.region[id].size, after.region[id].size);
        if (before.region[id].size > 0)
            ck_assert_mem_eq(before.region[id].data, after.region[id].data,
                             before.region[id].size);
    }
    ck_assert(sfpm_vm_verify(vm));
    sfpm_regions_free(&before);
    sfpm_regions_free(&after);
}

static void expect_n(sfpm_vm_t *vm, int64_t wanted)
{
    sfpm_value_t n;
    output_of(vm);
    ck_assert(sfpm_vm_get_global(vm, "n", &n));
    ck_assert_int_eq(n.i64, wanted);
}

START_TEST(a_function_is_replaced_unless_it_is_called)
{
    size_t refused = 0;
    for (uint64_t steps = 1; steps < 25; steps++) {
        seen_t seen;
        sfpm_value_t n;
        sfpm_vm_t *vm = stopped(PROGRAM, steps);
        ck_assert(sfpm_vm_get_global(vm, "n", &n));
        bool inside = info_of(vm).frames > 1;
        if (replace(vm, IMPORT GLOBAL MEMORY TABLE MAIN STEP("10") USE, &seen)) {
            ck_assert_uint_eq(seen.replaced, 1);
            ck_assert_uint_eq(seen.unchanged, 3);
            ck_assert_uint_eq(seen.added + seen.removed + seen.data, 0);
            ck_assert_str_eq(seen.last, "step");
            ck_assert_uint_eq(info_of(vm).instructions, steps);
        } else {
            ck_assert(inside);
            ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_RETURN);
            refused++;
            ck_assert(sfpm_vm_restart(vm));
            ck_assert(replace(vm, IMPORT GLOBAL MEMORY TABLE MAIN STEP("10") USE, &seen));
            expect_n(vm, n.i64 + 10);
        }
        sfpm_vm_destroy(vm);
    }
    ck_assert_uint_gt(refused, 3);
}
END_TEST

START_TEST(a_call_goes_on_behind_code_that_is_the_same)
{
    seen_t seen;
    sfpm_vm_t *vm = stopped(PROGRAM, 4); /* after the push in step */
    ck_assert_uint_eq(info_of(vm).frames, 2);
    ck_assert(replace(vm,
                      IMPORT GLOBAL MEMORY TABLE MAIN
                      "        .func step\n        global.get n\n        push 1\n"
                      "        add\n        push 4\n        add\n        global.set n\n"
                      "        return\n" USE,
                      &seen));
    expect_n(vm, 5);
    sfpm_vm_destroy(vm);
    vm = stopped(PROGRAM, 4);
    expect_refused(vm, IMPORT GLOBAL MEMORY TABLE MAIN STEP("2") USE,
                   "other code before");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(numbers_and_places_alone_are_no_difference)
{
    seen_t seen;
    for (uint64_t steps = 1; steps < 30; steps++) {
        sfpm_vm_t *vm = stopped(PROGRAM, steps);
        ck_assert(replace(vm,
                          "        .import host other other i32 -> i32\n" IMPORT
                          "        .global more i64 7\n" GLOBAL MEMORY TABLE USE
                          "        .func extra i64 -> i64\n        local.get 0\n"
                          "        return\n" STEP("1") MAIN,
                          &seen));
        ck_assert_uint_eq(seen.replaced + seen.removed + seen.data, 0);
        ck_assert_uint_eq(seen.unchanged, 4);
        ck_assert_uint_eq(seen.added, 3);
        ck_assert(sfpm_vm_import(vm, "host", "other", "i32 -> i32", hello, NULL));
        expect_n(vm, 5);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(types_that_are_in_use_stay)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"        .import host say hello i32\n" GLOBAL MEMORY TABLE MAIN STEP("1") USE,
         "imported with another type"},
        {IMPORT "        .global n const i64 0\n" MEMORY TABLE
                "        .func main\n        halt\n" USE
                "        .func step\n        return\n",
         "global 0 (n) is i64, but constant i64"},
        {IMPORT GLOBAL MEMORY "        .table 2\n        .elem 0 use\n" MAIN STEP("1")
             USE,
         "is step, but use"},
        {IMPORT GLOBAL MEMORY TABLE MAIN "        .func step i64\n        return\n" USE,
         "another type"},
        {IMPORT GLOBAL MEMORY "        .table 2\n" MAIN USE, "does not have"},
        {IMPORT GLOBAL TABLE MAIN STEP("1"), "at most 0"},
        {IMPORT GLOBAL MEMORY TABLE "        .func main\n        .local i64\n"
                                    "        halt\n" STEP("1") USE,
         "other code before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = stopped(PROGRAM, 2);
        expect_refused(vm, cases[i].text, cases[i].reason);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

#define DATA(data)            IMPORT GLOBAL "        .memory 1 2\n" data TABLE MAIN STEP("1") USE
#define WORD(address, number) "        .data " #address " i32 " #number "\n"

START_TEST(data_are_replaced_where_they_are_as_at_first)
{
    seen_t seen;
    sfpm_vm_t *vm = stopped(DATA(WORD(1024, 1) WORD(1048, 2)), 9);
    uint8_t *memory = sfpm_vm_memory(vm, 0, 65536);
    memory[1024] = 9;
    memory[2000] = 3;
    ck_assert(replace(vm, DATA(WORD(1024, 1) WORD(1048, 7) WORD(1200, 8)), &seen));
    memory = sfpm_vm_memory(vm, 0, 65536);
    ck_assert_uint_eq(seen.data, 16);
    ck_assert_uint_eq(memory[1024], 9);
    ck_assert_uint_eq(memory[1048], 7);
    ck_assert_uint_eq(memory[1200], 8);
    ck_assert_uint_eq(memory[2000], 3);
    expect_refused(vm, DATA(WORD(1024, 5) WORD(1048, 7)), "has changed these 8 bytes");
    ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_LAYOUT);
    expect_refused(vm, DATA(WORD(1024, 1) WORD(1048, 7) WORD(2000, 1)),
                   "has changed these 8 bytes");
    sfpm_put_u32(sfpm_vm_memory(vm, 4096, 4), 1050);
    expect_refused(vm, DATA(WORD(1024, 1) WORD(1048, 8)), "may hold their address");
    sfpm_put_u32(sfpm_vm_memory(vm, 4096, 4), 1056);
    ck_assert(replace(vm, DATA(WORD(1024, 1) WORD(1048, 8)), &seen));
    ck_assert_uint_eq(((uint8_t *)sfpm_vm_memory(vm, 0, 1))[0], 0);
    ck_assert_uint_eq(((uint8_t *)sfpm_vm_memory(vm, 1200, 1))[0], 0);
    expect_n(vm, 5);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(a_variable_that_moved_is_seen_in_the_code)
{
    seen_t seen;
    static const char moved[] = IMPORT GLOBAL MEMORY TABLE MAIN STEP(
        "1") "        .func use -> i64\n        i32.const 0\n        i64.load 1056\n"
             "        return\n";
    sfpm_vm_t *vm = stopped(PROGRAM, 9);
    expect_refused(vm, moved, "the variable at address 1048, which use uses, is at 1056");
    sfpm_vm_destroy(vm);
    /* In a segment that is as it was, it is taken for a constant. */
    vm = stopped(DATA("        .data 1024 \"0123456789abcdefghijklmnop\"\n"), 9);
    ck_assert(replace(vm,
                      IMPORT GLOBAL
                      "        .memory 1 2\n"
                      "        .data 1024 \"0123456789abcdefghijklmnop\"\n" TABLE MAIN STEP(
                          "1") "        .func use -> i64\n"
                               "        i32.const 0\n        i64.load 1040\n"
                               "        return\n",
                      &seen));
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(memory_and_table_may_become_larger)
{
    seen_t seen;
    sfpm_vm_t *vm = stopped(PROGRAM, 12);
    ck_assert(replace(vm,
                      IMPORT GLOBAL
                      "        .memory 3\n        .data 1024 \"unchanged\"\n"
                      "        .data 150000 \"far\"\n"
                      "        .table 5\n        .elem 0 step\n"
                      "        .elem 4 use2\n" MAIN STEP("1") USE
                      "        .func use2\n        return\n",
                      &seen));
    ck_assert_uint_eq(info_of(vm).memory, 3 * 65536);
    ck_assert_uint_eq(info_of(vm).elements, 5);
    ck_assert_mem_eq(sfpm_vm_memory(vm, 150000, 3), "far", 3);
    expect_n(vm, 5);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(a_machine_that_halted_stays_halted)
{
    seen_t seen;
    sfpm_vm_t *vm = stopped(PROGRAM, UINT64_MAX);
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    ck_assert(replace(vm, IMPORT GLOBAL MEMORY TABLE MAIN STEP("2") USE, &seen));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    ck_assert(replace(vm,
                      IMPORT GLOBAL MEMORY TABLE
                      "        .func main\n        nop\n        halt\n" STEP("2") USE,
                      &seen));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    ck_assert(sfpm_vm_verify(vm));
    expect_n(vm, 5);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(what_is_no_machine_with_functions_is_refused)
{
    sfpm_vm_t *vm = stopped(PROGRAM, 1), *none = sfpm_vm_create();
    ck_assert(!sfpm_vm_replace_code(vm, none, NULL, NULL));
    ck_assert(!sfpm_vm_replace_code(none, vm, NULL, NULL));
    ck_assert(!sfpm_vm_replace_code(vm, vm, NULL, NULL));
    ck_assert(!sfpm_vm_replace_code(NULL, vm, NULL, NULL));
    ck_assert(!sfpm_vm_replace_code(vm, NULL, NULL, NULL));
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(none);
}
END_TEST

/* A machine of a random program and one of the same text, which has not started. */
static bool random_pair(sfpm_vm_t **vm, sfpm_vm_t **code)
{
    sfpm_regions_t regions;
    random_program(&regions);
    *vm = sfpm_vm_create();
    *code = sfpm_vm_create();
    bool ok = load_regions(*vm, &regions) && load_regions(*code, &regions);
    sfpm_regions_free(&regions);
    return ok && sfpm_vm_verify(*vm) && sfpm_vm_verify(*code);
}

START_TEST(the_same_code_changes_nothing)
{
    for (int i = 0; i < 300; i++) {
        sfpm_vm_t *vm, *code;
        seen_t seen = {0};
        sfpm_regions_t before, after;
        sfpm_buffer_t output = {0};
        ck_assert(random_pair(&vm, &code));
        run_steps(vm, random_below(200), &output);
        copy_regions(vm, &before);
        if (!sfpm_vm_replace_code(vm, code, see, &seen))
            ck_abort_msg("%s", sfpm_last_error());
        ck_assert_uint_eq(seen.replaced + seen.added + seen.removed + seen.data, 0);
        copy_regions(vm, &after);
        for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
            ck_assert_uint_eq(before.region[id].size, after.region[id].size);
            if (before.region[id].size > 0 && info_of(vm).frames > 0)
                ck_assert_mem_eq(before.region[id].data, after.region[id].data,
                                 before.region[id].size);
        }
        sfpm_regions_free(&before);
        sfpm_regions_free(&after);
        sfpm_buffer_free(&output);
        sfpm_vm_destroy(vm);
        sfpm_vm_destroy(code);
    }
}
END_TEST

/* Whatever code is offered to whatever state, the result is proved or refused. */
START_TEST(other_programs_are_refused_or_proved)
{
    size_t taken = 0;
    for (int i = 0; i < 300; i++) {
        sfpm_vm_t *a, *b, *c, *d;
        sfpm_buffer_t output = {0};
        ck_assert(random_pair(&a, &b) && random_pair(&c, &d));
        run_steps(a, random_below(100), &output);
        bool replaced = sfpm_vm_replace_code(a, c, NULL, NULL);
        ck_assert(sfpm_vm_verify(a));
        taken += replaced;
        run_steps(a, 100, &output);
        sfpm_buffer_free(&output);
        sfpm_vm_destroy(a);
        sfpm_vm_destroy(b);
        sfpm_vm_destroy(c);
        sfpm_vm_destroy(d);
    }
    ck_assert_uint_lt(taken, 300u);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        a_function_is_replaced_unless_it_is_called,
        a_call_goes_on_behind_code_that_is_the_same,
        numbers_and_places_alone_are_no_difference,
        types_that_are_in_use_stay,
        data_are_replaced_where_they_are_as_at_first,
        a_variable_that_moved_is_seen_in_the_code,
        memory_and_table_may_become_larger,
        a_machine_that_halted_stays_halted,
        what_is_no_machine_with_functions_is_refused,
        the_same_code_changes_nothing,
        other_programs_are_refused_or_proved,
        NULL,
    };
    const test_t none[] = {NULL};
    return run_suite("vm_reload", core, none);
}
