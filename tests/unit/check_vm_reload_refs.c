/* SPDX-License-Identifier: MIT */
/* New code for machines that hold references: they refer to the same functions after it,
 * whatever numbers these have, or it is refused. */
#include <stdio.h>
#include <string.h>

#include <sfpm/reload.h>

#include "engine/references.h"
#include "vm_common.h"
#include "vm_natives.h"
#include "vm_typed.h"

/* ---- Cases -------------------------------------------------------------------- */

/* A reference to f is in a global, a table that grew, a local and an operand when it has
 * executed 11 instructions; then f is called from each. */
#define HEAD ".global n i64 0\n.global g funcref\n.table 2 8\n.elem 1 k\n"
#define MAIN                                                                             \
    ".func main\n.local funcref\n"                                                       \
    "        ref.func f\n        local.set 0\n"                                          \
    "        ref.func f\n        global.set g\n"                                         \
    "        ref.func f\n        i32.const 2\n        table.grow 0\n        drop\n"      \
    "        i32.const 0\n        ref.func f\n        nop\n"                             \
    "        table.set 0\n        i32.const 0\n        table.call 0\n"                   \
    "        i32.const 0\n        global.get g\n        table.set 0\n"                   \
    "        i32.const 0\n        table.call 0\n"                                        \
    "        i32.const 0\n        local.get 0\n        table.set 0\n"                    \
    "        i32.const 0\n        table.call 0\n"                                        \
    "        i32.const 3\n        table.call 0\n        halt\n"
#define ADD(name, number)                                                                \
    ".func " name "\n        global.get n\n        push " number                         \
    "\n        add\n        global.set n\n        return\n"
#define OTHER(name) ".func " name " i32\n        return\n"
#define PROGRAM     HEAD MAIN ADD("f", "1") ADD("k", "100")
enum { HERE = 11 };

static sfpm_vm_t *stopped(const char *text, uint64_t steps)
{
    sfpm_buffer_t output = {0};
    sfpm_vm_t *vm = assembled(text);
    run_steps(vm, steps, &output);
    sfpm_buffer_free(&output);
    return vm;
}

static bool replace(sfpm_vm_t *vm, const char *text)
{
    sfpm_vm_t *code = assembled(text);
    bool replaced = sfpm_vm_replace_code(vm, code, NULL, NULL);
    sfpm_vm_destroy(code);
    return replaced;
}

static int64_t end_of(sfpm_vm_t *vm)
{
    sfpm_value_t n;
    output_of(vm);
    ck_assert(sfpm_vm_get_global(vm, "n", &n));
    return n.i64;
}

static sfpm_native_result_t do_nothing(void *context, sfpm_vm_t *vm,
                                       const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context, (void)vm, (void)params, (void)results;
    return SFPM_NATIVE_DONE;
}

START_TEST(references_follow_their_functions)
{
    static const char *const texts[] = {
        HEAD MAIN ADD("f", "10") ADD("k", "100"),
        HEAD ADD("k", "100") ADD("x", "7") ADD("f", "10") MAIN,
        ".import a b c\n" HEAD ADD("f", "10") MAIN ADD("k", "100"),
        ".global more funcref k\n" HEAD
        ".elem passive k\n.table 3 externref\n" ADD("f", "10") MAIN ADD("k", "100"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = stopped(PROGRAM, HERE);
        if (!replace(vm, texts[i]))
            ck_abort_msg("%s", sfpm_last_error());
        ck_assert(sfpm_vm_import(vm, "a", "b", "", do_nothing, NULL));
        ck_assert_uint_eq(info_of(vm).elements, i == 3 ? 7 : 4);
        ck_assert_int_eq(end_of(vm), 40);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* Refused with that in the message and that remedy, and nothing is changed. */
static void expect_refused(sfpm_vm_t *vm, const char *text, const char *reason,
                           sfpm_remedy_t remedy)
{
    sfpm_regions_t before, after;
    copy_regions(vm, &before);
    ck_assert(!replace(vm, text));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MISMATCH);
    if (!strstr(sfpm_last_error(), reason))
        ck_abort_msg("'%s' lacks '%s'", sfpm_last_error(), reason);
    ck_assert_int_eq(sfpm_last_failure()->remedy, remedy);
    copy_regions(vm, &after);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        ck_assert_uint_eq(before.region[id].size, after.region[id].size);
        if (before.region[id].size > 0)
            ck_assert_mem_eq(before.region[id].data, after.region[id].data,
                             before.region[id].size);
    }
    sfpm_regions_free(&before);
    sfpm_regions_free(&after);
}

/* The function s leaves a reference somewhere, and then the new code lacks f. */
#define CALLS                                                                            \
    ".func main\n.local funcref\n        call s\n        local.set 0\n"                  \
    "        nop\n        halt\n.func s -> funcref\n"
#define OLD(body) HEAD CALLS body "        return\n" ADD("f", "1") ADD("k", "1")
#define NEW       CALLS "        ref.null funcref\n        return\n"
#define GLOBAL    "        ref.func f\n        global.set g\n        ref.null funcref\n"
#define ELEMENT                                                                          \
    "        i32.const 0\n        ref.func f\n        table.set 0\n"                     \
    "        ref.null funcref\n"
#define GROW                                                                             \
    "        ref.null funcref\n        i32.const 2\n        table.grow 0\n"              \
    "        drop\n        ref.null funcref\n"
#define DROP     "        elem.drop 1\n        data.drop 0\n        ref.null funcref\n"
#define SEGMENTS HEAD ".elem passive f\n.memory 1\n.data passive \"ab\"\n"

START_TEST(references_without_a_counterpart_are_refused)
{
    static const struct {
        const char *old, *new, *reason;
        sfpm_remedy_t remedy;
        uint64_t steps;
    } cases[] = {
        {OLD(GLOBAL), HEAD NEW ADD("k", "1"),
         "global 1 refers to function f, which the new code does not have",
         SFPM_REMEDY_LAYOUT, 5},
        {OLD(GLOBAL), HEAD NEW OTHER("f") ADD("k", "1"),
         "global 1 refers to function f, which has another type in the new code",
         SFPM_REMEDY_LAYOUT, 5},
        {OLD(ELEMENT), HEAD NEW ADD("k", "1"),
         "element 0 of the table is f, which the new code does not have",
         SFPM_REMEDY_LAYOUT, 6},
        {OLD("        ref.func f\n"), HEAD NEW ADD("k", "1"),
         "is a call of main, which keeps a reference to f, which the new code does not "
         "have; it returns when the program ends",
         SFPM_REMEDY_RETURN, 3},
        {OLD("        ref.func f\n"), HEAD NEW OTHER("f") ADD("k", "1"),
         "keeps a reference to f, which has another type in the new code",
         SFPM_REMEDY_RETURN, 4},
        {OLD("        ref.func f\n"), HEAD NEW ADD("k", "1"),
         "is a call of s, which has other code before this place; it returns to main+5",
         SFPM_REMEDY_RETURN, 2},
        {OLD(ELEMENT),
         ".global n i64 0\n.global g funcref\n.table 2 8\n.elem 1 f\n" NEW ADD("f", "1")
             ADD("k", "1"),
         "element 1 of the table is k, but f in the new code", SFPM_REMEDY_LAYOUT, 1},
        {OLD(ELEMENT),
         ".global n i64 0\n.global g funcref\n.table 2 8\n.elem 0 k, k\n" NEW ADD(
             "f", "1") ADD("k", "1"),
         "element 0 of the table is f, but k in the new code", SFPM_REMEDY_LAYOUT, 6},
        {OLD(GROW),
         ".global n i64 0\n.global g funcref\n.table 2 3\n.elem 1 k\n" NEW ADD("f", "1")
             ADD("k", "1"),
         "table 0 has 4 elements, but the new code allows at most 3", SFPM_REMEDY_NONE,
         7},
        {OLD(GROW),
         ".global n i64 0\n.global g funcref\n.table 4 8\n.elem 1 k, _, k\n" NEW ADD(
             "f", "1") ADD("k", "1"),
         "element 3 of the table is none, but k in the new code", SFPM_REMEDY_LAYOUT, 7},
        {OLD(GLOBAL),
         ".global n i64 0\n.global g funcref\n.table 2 externref\n" NEW ADD("f", "1")
             ADD("k", "1"),
         "table 0 holds funcref, but externref in the new code", SFPM_REMEDY_LAYOUT, 5},
        {SEGMENTS CALLS DROP "        return\n" ADD("f", "1") ADD("k", "1"),
         HEAD ".elem passive k\n.memory 1\n.data passive \"ab\"\n" NEW ADD("f", "1")
             ADD("k", "1"),
         "has dropped element segment 1, which differs", SFPM_REMEDY_LAYOUT, 5},
        {SEGMENTS CALLS DROP "        return\n" ADD("f", "1") ADD("k", "1"),
         HEAD ".elem passive f\n.memory 1\n.data passive \"ac\"\n" NEW ADD("f", "1")
             ADD("k", "1"),
         "has dropped data segment 0, which differs", SFPM_REMEDY_LAYOUT, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = stopped(cases[i].old, cases[i].steps);
        expect_refused(vm, cases[i].new, cases[i].reason, cases[i].remedy);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* A segment of the same references, whose numbers differ, stays dropped; another begins.
 */
START_TEST(dropped_segments_stay_dropped)
{
    static const char again[] = "        i32.const 0\n        i32.const 0\n"
                                "        i32.const 1\n        table.init 0 1\n"
                                "        return\n";
    char old[2000], new[2000];
    snprintf(old, sizeof old, "%s%s",
             SEGMENTS CALLS DROP "        return\n" ADD("f", "1")
                 ADD("k", "1") ".func more\n",
             again);
    snprintf(new, sizeof new, "%s%s",
             SEGMENTS ".elem passive k\n.data passive \"c\"\n" ADD("k", "1") ADD("f", "1")
                 NEW ".export more func more\n.func more\n",
             again);
    sfpm_vm_t *vm = stopped(old, 5);
    if (!replace(vm, new))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert(!sfpm_vm_call(vm, "more", NULL, 0, NULL, 0, NULL));
    ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_TABLE_BOUNDS);
    sfpm_vm_destroy(vm);
}
END_TEST

/* An element that is null, and was so at first, gets the function that is new there. */
START_TEST(elements_without_a_function_may_get_one)
{
    static const char text[] =
        ".global n i64 0\n.global g funcref\n.table 3 8\n"
        ".elem 0 f, k, f\n" NEW ADD("k", "100")
            ADD("f", "10") ".export more func more\n.func more\n"
                           "        i32.const 0\n        table.call 0\n"
                           "        i32.const 2\n        table.call 0\n"
                           "        return\n";
    sfpm_value_t n;
    sfpm_vm_t *vm = stopped(OLD(GLOBAL), 5);
    if (!replace(vm, text))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert(sfpm_vm_call(vm, "more", NULL, 0, NULL, 0, NULL));
    ck_assert(sfpm_vm_get_global(vm, "n", &n));
    ck_assert_int_eq(n.i64, 20);
    sfpm_vm_destroy(vm);
}
END_TEST

/* A function's number is not taken for an address of changed data. f is number 9. */
#define IMPORTS                                                                          \
    ".import a b i0\n.import a b i1\n.import a b i2\n.import a b i3\n"                   \
    ".import a b i4\n.import a b i5\n.import a b i6\n.import a b i7\n"
#define DATA(number) IMPORTS ".memory 1\n.data 8 i32 " number "\n" PROGRAM

START_TEST(a_reference_is_not_an_address)
{
    sfpm_vm_t *vm = assembled(DATA("1"));
    sfpm_buffer_t output = {0};
    ck_assert(sfpm_vm_import(vm, "a", "b", "", do_nothing, NULL));
    run_steps(vm, HERE, &output);
    if (!replace(vm, DATA("2")))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert_int_eq(*(char *)sfpm_vm_memory(vm, 8, 1), 2);
    ck_assert_int_eq(end_of(vm), 4);
    sfpm_buffer_free(&output);
    sfpm_vm_destroy(vm);
}
END_TEST

/* The new program has run in its machine: only its program counts. */
START_TEST(the_machine_of_the_new_code_may_have_run)
{
    static const char added[] =
        HEAD ".global h funcref k\n.global m i64 5\n" ADD("f", "1") ADD("k", "100") MAIN;
    sfpm_vm_t *vm = stopped(PROGRAM, HERE), *code = stopped(added, 40);
    sfpm_value_t m;
    ck_assert(
        sfpm_vm_set_global(code, "m", &(sfpm_value_t){.type = SFPM_TYPE_I64, .i64 = 9}));
    ck_assert(sfpm_vm_replace_code(vm, code, NULL, NULL));
    ck_assert(sfpm_vm_get_global(vm, "m", &m));
    ck_assert_int_eq(m.i64, 5);
    ck_assert_int_eq(end_of(vm), 4);
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(code);
}
END_TEST

/* ---- Random programs ----------------------------------------------------------- */

static void expect_same_regions(const sfpm_regions_t *a, const sfpm_regions_t *b)
{
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        note_input("region", (uint64_t)id);
        ck_assert_uint_eq(a->region[id].size, b->region[id].size);
        if (a->region[id].size > 0)
            ck_assert_mem_eq(a->region[id].data, b->region[id].data, a->region[id].size);
    }
}

static sfpm_vm_t *machine_of(const sfpm_regions_t *regions, host_t *host)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(load_regions(vm, regions) && sfpm_vm_verify(vm));
    offer_natives(vm, host);
    return vm;
}

/* The image stays the same, and so does the end. */
START_TEST(a_program_goes_on_in_itself)
{
    size_t references = 0;
    for (uint64_t i = 0; i < 300; i++) {
        static build_t build;
        sfpm_regions_t program, stop, after, end, other_end;
        sfpm_buffer_t output = {0}, other = {0};
        note_input("program", i);
        random_typed_program(&build);
        references += build.program.version >= 3;
        sfpm_vm_t *code = build_vm(&build);
        ck_assert(sfpm_vm_verify(code));
        copy_regions(code, &program);
        host_t host = {0}, other_host;
        sfpm_vm_t *vm = machine_of(&program, &host);
        run_steps(vm, random_below(300), &output);
        copy_regions(vm, &stop);
        other_host = host;
        sfpm_vm_t *plain = machine_of(&stop, &other_host);
        if (!sfpm_vm_replace_code(vm, code, NULL, NULL))
            ck_abort_msg("%s", sfpm_last_error());
        copy_regions(vm, &after);
        expect_same_regions(&stop, &after);
        output.size = 0;
        run_steps(vm, 2000, &output);
        run_steps(plain, 2000, &other);
        copy_regions(vm, &end);
        copy_regions(plain, &other_end);
        expect_same_regions(&other_end, &end);
        ck_assert_uint_eq(output.size, other.size);
        sfpm_regions_t *all[] = {&program, &stop, &after, &end, &other_end};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            sfpm_regions_free(all[k]);
        sfpm_buffer_free(&output);
        sfpm_buffer_free(&other);
        sfpm_vm_destroy(vm);
        sfpm_vm_destroy(plain);
        sfpm_vm_destroy(code);
    }
    ck_assert_uint_gt(references, 50);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        references_follow_their_functions,
        references_without_a_counterpart_are_refused,
        dropped_segments_stay_dropped,
        elements_without_a_function_may_get_one,
        a_reference_is_not_an_address,
        the_machine_of_the_new_code_may_have_run,
        a_program_goes_on_in_itself,
        NULL,
    };
    const test_t none[] = {NULL};
    return run_suite("vm_reload_refs", core, none);
}
