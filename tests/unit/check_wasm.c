/* SPDX-License-Identifier: MIT */
/* WebAssembly modules as programs: what they do, and how they are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfpm/vm.h>

#include "../wasm/build.h"
#include "base/bytes.h"
#include "common.h"

static sfpm_buffer_t module;
static sfpm_vm_t *vm;

static void make(void)
{
    vm = sfpm_vm_create();
    ck_assert_ptr_nonnull(vm);
}

static void drop(void)
{
    sfpm_vm_destroy(vm);
    sfpm_buffer_free(&module);
}

static bool load(void)
{
    return sfpm_vm_load_code(vm, module.data, module.size);
}

static void must_load(void)
{
    if (!load())
        ck_abort_msg("%s", sfpm_last_error());
}

/* The module is refused with that status and a message that contains the text. */
static void refused(sfpm_status_t status, const char *text)
{
    ck_assert(!load());
    if (sfpm_last_status() != status || !strstr(sfpm_last_error(), text))
        ck_abort_msg("status %d: %s\nwanted %d: %s", (int)sfpm_last_status(),
                     sfpm_last_error(), (int)status, text);
}

/* f(param), which has one i32 as result, in both engines. */
static int32_t call_f(int32_t param)
{
    int32_t results[2];
    const sfpm_value_t value = {.type = SFPM_TYPE_I32, .i32 = param};
    sfpm_value_t result;
    for (int i = 0; i < 2; i++) {
        sfpm_vm_run_options_t how = {.struct_size = sizeof how,
                                     .engine =
                                         i ? SFPM_VM_ENGINE_FAST : SFPM_VM_ENGINE_SIMPLE};
        ck_assert(sfpm_vm_fresh(vm));
        if (!sfpm_vm_call(vm, "f", &value, 1, &result, 1, &how))
            ck_abort_msg("f(%d): %s", (int)param, sfpm_last_error());
        results[i] = result.i32;
    }
    ck_assert_int_eq(results[0], results[1]);
    return results[0];
}

static void traps(int32_t param, sfpm_trap_t trap)
{
    const sfpm_value_t value = {.type = SFPM_TYPE_I32, .i32 = param};
    sfpm_value_t result;
    sfpm_vm_info_t info;
    ck_assert(!sfpm_vm_call(vm, "f", &value, 1, &result, 1, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_TRAP);
    sfpm_vm_info(vm, &info, sizeof info);
    ck_assert_int_eq(info.trap, trap);
}

/* A module around `i32 -> i32`. */
#define F(...) WASM_FUNCTION(&module, "i", "i", 0, __VA_ARGS__)
#define GET    0x20, 0
#define I(n)   0x41, n

/* ---- What modules do -------------------------------------------------------- */

START_TEST(numbers_may_be_padded)
{
    F(0x41, 0x87, 0x80, 0x80, 0x80, 0x00, 0x20, 0x80, 0x80, 0x00, 0x6A, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(35), 42);
    F(0x41, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, GET, 0x6A, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 0);
    F(0x42, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x50, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(0), 0);
}
END_TEST

/* block (result i32) 5 7 param br_if 0; drop drop 9 end: 5 goes when 7 is taken along. */
START_TEST(conditional_branches_remove_values)
{
    F(0x02, 0x7F, I(5), I(7), GET, 0x0D, 0, 0x1A, 0x1A, I(9), 0x0B, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 7);
    ck_assert_int_eq(call_f(0), 9);
    /* To the end of the function, with values and without any to remove. */
    F(I(5), I(7), GET, 0x0D, 0, 0x1A, 0x1A, I(9), 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 7);
    ck_assert_int_eq(call_f(0), 9);
    F(I(7), GET, 0x0D, 0, 0x1A, I(9), 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 7);
    ck_assert_int_eq(call_f(0), 9);
}
END_TEST

/* Three blocks with results; each way out of the innermost leaves another number of
 * values behind. */
START_TEST(tables_remove_values)
{
    F(0x02, 0x7F, I(1), 0x02, 0x7F, I(2), I(3), 0x02, 0x7F, I(4), I(5), GET, 0x0E, 4, 0,
      1, 2, 1, 3, 0x0B, 0x6A, 0x6A, 0x0B, 0x6A, 0x0B, I(20), 0x6A, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(0), 5 + 3 + 2 + 1 + 20);
    ck_assert_int_eq(call_f(1), 5 + 1 + 20);
    ck_assert_int_eq(call_f(2), 5 + 20);
    ck_assert_int_eq(call_f(3), 5 + 1 + 20);
    ck_assert_int_eq(call_f(4), 5);
    ck_assert_int_eq(call_f(-1), 5);
}
END_TEST

/* The sum of 1 to n, by a loop that takes two values (type 2) and is left with one. */
START_TEST(loops_take_values)
{
    WASM_FUNCTION(&module, "i", "i", 1, 1, 0x7F, GET, I(0), 0x03, 2, 0x21, 0, 0x22, 1,
                  GET, 0x6A, 0x21, 0, 0x20, 1, I(1), 0x6B, 0x22, 1, GET, 0x20, 1, 0x0D, 0,
                  0x0B, 0x21, 0, 0x1A, GET, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 1);
    ck_assert_int_eq(call_f(10), 55);
}
END_TEST

START_TEST(conditions_have_results)
{
    F(GET, 0x04, 0x7F, I(3), 0x05, I(4), 0x0B, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 3);
    ck_assert_int_eq(call_f(0), 4);
    /* Without else a parameter becomes the result; with br out of it. */
    F(I(8), GET, 0x04, 1, I(1), 0x6A, 0x0B, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 9);
    ck_assert_int_eq(call_f(0), 8);
    F(GET, 0x04, 0x40, I(6), 0x0F, 0x05, I(7), I(8), 0x0C, 1, 0x0B, 0x00, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 6);
    ck_assert_int_eq(call_f(0), 8);
}
END_TEST

/* What control never reaches may take anything, and is not in the program. */
START_TEST(dead_code_is_checked_and_dropped)
{
    sfpm_vm_info_t info;
    F(GET, 0x0F, 0x6A, 0x1B, 0x02, 0x7F, 0x00, 0x92, 0x1A, 0x0B, 0x04, 0x40, 0x05, 0x0B,
      0x0C, 0, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(12), 12);
    sfpm_vm_info(vm, &info, sizeof info);
    ck_assert_int_eq(info.functions, 3);
    /* local.get, return; the function beside it; and that which starts the module */
    ck_assert_uint_eq(info.code_size, 4 + 3 + 5 + 1 + 1 + 1);
    F(GET, 0x0F, 0x6A, 0x92, 0x0B);
    refused(SFPM_ERR_BYTECODE, "f32.add takes f32, but i32 is on the stack");
    /* Behind a block that nothing leaves, types are known again. */
    F(0x02, 0x7F, 0x00, 0x0B, 0x92, 0x0B);
    refused(SFPM_ERR_BYTECODE, "f32.add takes f32, but i32 is on the stack");
    F(0x02, 0x7F, 0x00, 0x0B, 0x0B);
    must_load();
    traps(0, SFPM_TRAP_UNREACHABLE);
}
END_TEST

/* More values than one unwind removes. */
START_TEST(branches_remove_thousands_of_values)
{
    sfpm_buffer_t code = {0};
    const uint8_t head[] = {0, 0x02, 0x7F}, value[] = {I(3)};
    const uint8_t tail[] = {GET, 0x0C, 0, 0x0B, 0x0B};
    sfpm_buffer_add(&code, head, sizeof head);
    for (int i = 0; i < 3500; i++)
        sfpm_buffer_add(&code, value, sizeof value);
    sfpm_buffer_add(&code, tail, sizeof tail);
    wasm_function(&module, "i", "i", code.data, code.size);
    must_load();
    ck_assert_int_eq(call_f(77), 77);
    sfpm_buffer_free(&code);
}
END_TEST

START_TEST(data_is_dropped_when_it_was_copied)
{
    F(GET, 0x2D, 0, 0, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(16), 'a');
    ck_assert_int_eq(call_f(19), 'd');
    ck_assert_int_eq(call_f(20), 0);
    /* memory.init of the passive segment, of the active one, and after data.drop */
    F(GET, I(1), I(3), 0xFC, 8, 1, 0, GET, 0x2D, 0, 2, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(40), 'z');
    F(GET, I(0), I(1), 0xFC, 8, 0, 0, I(1), 0x0B);
    must_load();
    traps(40, SFPM_TRAP_MEMORY_BOUNDS);
    F(0xFC, 9, 0, I(0), I(0), GET, 0xFC, 8, 0, 0, I(1), 0x0B);
    must_load();
    ck_assert_int_eq(call_f(0), 1);
    F(0xFC, 9, 1, I(0), I(0), GET, 0xFC, 8, 1, 0, I(1), 0x0B);
    must_load();
    traps(1, SFPM_TRAP_MEMORY_BOUNDS);
}
END_TEST

/* The table's index of call_indirect may be padded, as linkers do. */
START_TEST(table_has_functions)
{
    F(I(41), GET, 0x11, 1, 0x80, 0x80, 0x80, 0x80, 0x00, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(2), 42);
    traps(0, SFPM_TRAP_UNINITIALIZED_ELEMENT);
    traps(4, SFPM_TRAP_UNDEFINED_ELEMENT);
    F(GET, 0x11, 0, 0, I(1), 0x0B);
    must_load();
    traps(2, SFPM_TRAP_INDIRECT_CALL_TYPE);
}
END_TEST

START_TEST(globals_and_select)
{
    F(GET, 0x24, 0, 0x23, 0, I(3), 0x23, 1, 0xA7, 0x1C, 1, 0x7F, I(9), 0x6A, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(30), 39);
    F(I(3), I(4), GET, 0x1B, 0x01, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(1), 3);
    ck_assert_int_eq(call_f(0), 4);
}
END_TEST

/* ---- Beginning -------------------------------------------------------------- */

static int32_t noted[8];
static size_t num_noted;

static sfpm_native_result_t note(void *context, sfpm_vm_t *machine,
                                 const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context;
    (void)machine;
    noted[num_noted++ % 8] = params[0].i32;
    results[0].i32 = params[0].i32 + 100;
    return SFPM_NATIVE_DONE;
}

/* env.note (i32 -> i32), function 0; functions 1 and 2 of type () that call it with 1 and
 * 2. */
static void module_with_import(void)
{
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 2, 0x60, 1, 0x7F, 1, 0x7F, 0x60, 0, 0);
    WASM_SECTION(&module, 2, 1, 3, 'e', 'n', 'v', 4, 'n', 'o', 't', 'e', 0, 0);
    WASM_SECTION(&module, 3, 2, 1, 1);
    num_noted = 0;
    ck_assert(sfpm_vm_import(vm, "env", "note", "i32 -> i32", note, NULL));
}

static void add_callers(void)
{
    WASM_SECTION(&module, 10, 2, 7, 0, I(1), 0x10, 0, 0x1A, 0x0B, 7, 0, I(2), 0x10, 0,
                 0x1A, 0x0B);
}

START_TEST(start_section_runs_before_entry)
{
    module_with_import();
    WASM_SECTION(&module, 7, 1, 6, '_', 's', 't', 'a', 'r', 't', 0, 2);
    WASM_SECTION(&module, 8, 1);
    add_callers();
    must_load();
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_uint_eq(num_noted, 2);
    ck_assert_int_eq(noted[0], 1);
    ck_assert_int_eq(noted[1], 2);
}
END_TEST

START_TEST(entry_has_two_names)
{
    module_with_import();
    WASM_SECTION(&module, 7, 1, 11, '_', 'i', 'n', 'i', 't', 'i', 'a', 'l', 'i', 'z', 'e',
                 0, 1);
    add_callers();
    must_load();
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_uint_eq(num_noted, 1);
    module_with_import();
    add_callers();
    must_load();
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_uint_eq(num_noted, 0);
}
END_TEST

/* What wat2wasm makes of a module that imports globals `base` and `ref`, a table of 2 to 4
 * functions and a memory, and has two tables more. Its f(n) is 1, when locals of references
 * are null, plus 10 or 9 by a function that a typed select puts into the table, base, 2 and
 * 4 for the table that grows, 9 through the third table, 1 if the reference from the host
 * is null, 10 through the third table after copies, 1 for a null element, and 7 of data. */
static const uint8_t references[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0A, 0x02, 0x60, 0x00, 0x01,
    0x7F, 0x60, 0x01, 0x7F, 0x01, 0x7F, 0x02, 0x35, 0x04, 0x03, 0x65, 0x6E, 0x76, 0x04,
    0x62, 0x61, 0x73, 0x65, 0x03, 0x7F, 0x00, 0x03, 0x65, 0x6E, 0x76, 0x03, 0x72, 0x65,
    0x66, 0x03, 0x6F, 0x00, 0x03, 0x65, 0x6E, 0x76, 0x05, 0x74, 0x61, 0x62, 0x6C, 0x65,
    0x01, 0x70, 0x01, 0x02, 0x04, 0x03, 0x65, 0x6E, 0x76, 0x06, 0x6D, 0x65, 0x6D, 0x6F,
    0x72, 0x79, 0x02, 0x00, 0x01, 0x03, 0x04, 0x03, 0x00, 0x00, 0x01, 0x04, 0x07, 0x02,
    0x6F, 0x00, 0x01, 0x70, 0x00, 0x01, 0x06, 0x06, 0x01, 0x70, 0x00, 0xD2, 0x00, 0x0B,
    0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x02, 0x09, 0x16, 0x03, 0x02, 0x02, 0x41, 0x00,
    0x0B, 0x00, 0x01, 0x00, 0x05, 0x70, 0x02, 0xD2, 0x01, 0x0B, 0xD0, 0x70, 0x0B, 0x03,
    0x00, 0x01, 0x01, 0x0A, 0x7F, 0x03, 0x04, 0x00, 0x41, 0x09, 0x0B, 0x04, 0x00, 0x41,
    0x0A, 0x0B, 0x73, 0x02, 0x01, 0x70, 0x01, 0x6F, 0x20, 0x01, 0xD1, 0x20, 0x02, 0xD1,
    0x71, 0x41, 0x00, 0x23, 0x01, 0x26, 0x01, 0x41, 0x01, 0xD2, 0x01, 0x23, 0x02, 0x20,
    0x00, 0x1C, 0x01, 0x70, 0x26, 0x00, 0x41, 0x01, 0x11, 0x00, 0x00, 0x6A, 0x23, 0x00,
    0x6A, 0xD0, 0x70, 0x41, 0x02, 0xFC, 0x0F, 0x00, 0x6A, 0xFC, 0x10, 0x00, 0x6A, 0x41,
    0x00, 0x11, 0x00, 0x02, 0x6A, 0x41, 0x00, 0x25, 0x01, 0xD1, 0x6A, 0x41, 0x02, 0x41,
    0x00, 0x41, 0x02, 0xFC, 0x0C, 0x01, 0x00, 0xFC, 0x0D, 0x01, 0x41, 0x00, 0x41, 0x02,
    0x41, 0x01, 0xFC, 0x0E, 0x02, 0x00, 0x41, 0x02, 0xD0, 0x70, 0x41, 0x02, 0xFC, 0x11,
    0x00, 0x41, 0x00, 0x11, 0x00, 0x02, 0x6A, 0x41, 0x02, 0x25, 0x00, 0xD1, 0x6A, 0x41,
    0x00, 0x2D, 0x00, 0x00, 0x6A, 0x0B, 0x0B, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0B, 0x01,
    0x07};

static sfpm_native_result_t give_base(void *context, sfpm_vm_t *machine,
                                      const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context;
    (void)machine;
    (void)params;
    results[0].i32 = 100;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t give_reference(void *context, sfpm_vm_t *machine,
                                           const sfpm_value_t *params,
                                           sfpm_value_t *results)
{
    (void)context;
    (void)machine;
    (void)params;
    results[0].reference = 12345;
    return SFPM_NATIVE_DONE;
}

START_TEST(references_and_imported_things_are_the_machines_own)
{
    ck_assert(sfpm_buffer_add(&module, references, sizeof references));
    must_load();
    ck_assert_int_eq(call_f(1), 1 + 10 + 2 + 4 + 9 + 1 + 10 + 1 + 7);
    ck_assert(sfpm_vm_import(vm, "env", "base", "-> i32", give_base, NULL));
    ck_assert(sfpm_vm_import(vm, "env", "ref", "-> externref", give_reference, NULL));
    must_load();
    ck_assert_int_eq(call_f(0), 1 + 9 + 100 + 2 + 4 + 9 + 0 + 10 + 1 + 7);
    ck_assert(sfpm_vm_import(vm, "env", "base", "-> i64", give_base, NULL));
    refused(SFPM_ERR_UNSUPPORTED, "env.base of type i32 is offered with another");
}
END_TEST

/* An import may be exported, even as the entry, and be the start function. */
START_TEST(imports_are_exported)
{
    const sfpm_value_t value = {.type = SFPM_TYPE_I32, .i32 = 5};
    sfpm_value_t result;
    module_with_import();
    WASM_SECTION(&module, 7, 2, 1, 'f', 0, 0, 1, 'g', 0, 0);
    add_callers();
    must_load();
    ck_assert(sfpm_vm_call(vm, "g", &value, 1, &result, 1, NULL));
    ck_assert_int_eq(result.i32, 105);
    ck_assert_int_eq(noted[0], 5);
}
END_TEST

/* ---- Names ------------------------------------------------------------------ */

static void name_is(uint64_t offset, const char *name)
{
    static char text[66000]; /* longer than what Check can show */
    sfpm_vm_describe(vm, offset, text, sizeof text);
    if (strcmp(text, name) != 0)
        ck_abort_msg("'%.100s' is not '%.100s'", text, name);
}

/* Two functions `nop end` and their name section; each is one byte of code. */
static void module_with_names(const void *names, size_t size)
{
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 1, 0x60, 0, 0);
    WASM_SECTION(&module, 3, 4, 0, 0, 0, 0);
    WASM_SECTION(&module, 7, 1, 1, 'x', 0, 2);
    WASM_SECTION(&module, 10, 4, 2, 0, 0x0B, 2, 0, 0x0B, 2, 0, 0x0B, 2, 0, 0x0B);
    wasm_section(&module, 0, names, size);
    must_load();
}

START_TEST(names_become_symbols)
{
    static const uint8_t names[] = {4,   'n', 'a', 'm', 'e',  1,    20,  3,   0,
                                    9,   'a', ':', ':', 'b',  '(',  'i', 'n', 't',
                                    ')', 1,   4,   '1', 0xC3, 0xA9, 'x', 9,   0};
    static const uint8_t twice[] = {4,   'n', 'a', 'm', 'e', 1, 13,  4, 0, 1,
                                    'x', 1,   1,   'x', 2,   1, 'y', 3, 1, 'x'};
    static const uint8_t wanted_again[] = {4, 'n', 'a', 'm', 'e', 1, 15, 4,   0, 1, 'x',
                                           1, 3,   'x', '.', '1', 2, 1,  'x', 3, 1, 'x'};
    static const uint8_t broken[] = {4,   'n', 'a', 'm', 'e', 1, 13,  4, 0, 1,
                                     'q', 1,   99,  'x', 2,   1, 'y', 3, 1, 'x'};
    module_with_names(names, sizeof names);
    name_is(0, "a__b_int_");
    name_is(1, "_1__x");
    name_is(2, "x");
    name_is(3, "func.3");
    module_with_names(twice, sizeof twice);
    name_is(0, "x");
    name_is(1, "x.1");
    name_is(2, "y");
    name_is(3, "x.2");
    module_with_names(wanted_again, sizeof wanted_again);
    name_is(1, "x.1");
    name_is(2, "x.2");
    name_is(3, "x.3");
    module_with_names(broken, sizeof broken);
    name_is(0, "q");
    name_is(1, "func.1");
}
END_TEST

START_TEST(long_names_are_cut)
{
    enum { MOST = 65535, LONGER = 70000 };
    static const uint8_t names[] = {4, 'n', 'a', 'm', 'e', 1};
    static char wanted[MOST + 1];
    sfpm_buffer_t part = {0};
    sfpm_buffer_t section = {0};
    wasm_u32(&part, 2);
    for (uint32_t i = 0; i < 2; i++) {
        wasm_u32(&part, i);
        wasm_u32(&part, LONGER);
        memset(sfpm_buffer_extend(&part, LONGER), 'n', LONGER);
    }
    sfpm_buffer_add(&section, names, sizeof names);
    wasm_u32(&section, (uint32_t)part.size);
    sfpm_buffer_add(&section, part.data, part.size);
    module_with_names(section.data, section.size);
    memset(wanted, 'n', MOST);
    name_is(0, wanted);
    memcpy(wanted + MOST - 2, ".1", 2);
    name_is(1, wanted);
    sfpm_buffer_free(&part);
    sfpm_buffer_free(&section);
}
END_TEST

/* ---- What is refused -------------------------------------------------------- */

START_TEST(what_is_lacking_is_named)
{
    const char *const exceptions =
        "function 0 (blur) at 0x63 needs exceptions, which sfpm does not have; compile "
        "without them (-fno-exceptions, no setjmp)";
    F(0xFD, 0x0C, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED,
            "function 0 (blur) at 0x63 needs SIMD, which sfpm does not have");
    F(0x06, 0x40, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, exceptions);
    F(0x1F, 0x40, 0, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, exceptions);
    F(0xFE, 0x03, 0, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs threads");
    F(0x12, 0, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs tail calls");
    F(0xFB, 0, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs garbage collection");
    F(0x3F, 1, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs several memories");
    F(GET, 0x28, 0x42, 1, 0, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs several memories");
    WASM_FUNCTION(&module, "i", "i", 1, 1, 0x7B, GET, 0x0B);
    refused(SFPM_ERR_UNSUPPORTED, "needs SIMD (v128)");
    F(0xFC, 99, 0x0B);
    refused(SFPM_ERR_CORRUPT, "unknown instruction 0xFC 99");
    F(0x27, 0x0B);
    refused(SFPM_ERR_CORRUPT, "unknown instruction 0x27");
}
END_TEST

START_TEST(references_are_validated)
{
    F(0xD0, 0x70, 0x0B);
    refused(SFPM_ERR_BYTECODE, "end takes i32, but funcref is on the stack");
    F(0xD0, 0x7F, 0xD1, 0x0B);
    refused(SFPM_ERR_CORRUPT, "0x7F is not a type of references");
    F(GET, 0xD1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "ref.is_null takes a reference, but i32 is on the stack");
    F(0xD2, 9, 0xD1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no function 9");
    F(0xD0, 0x70, 0xD0, 0x70, GET, 0x1B, 0xD1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "a select of references names their type");
    F(0xD0, 0x70, 0xD0, 0x70, GET, 0x1C, 1, 0x6F, 0xD1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "select takes externref, but funcref is on the stack");
    F(GET, 0x25, 1, 0xD1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no table 1");
    F(GET, 0xD0, 0x6F, 0x26, 0, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "table.set takes funcref, but externref is on the stack");
    F(0xFC, 13, 9, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no element segment 9");
    F(GET, GET, GET, 0xFC, 14, 0, 1, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no table 1");
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 1, 0x60, 0, 0);
    WASM_SECTION(&module, 3, 1, 0);
    WASM_SECTION(&module, 10, 1, 5, 0, 0xD2, 0, 0x1A, 0x0B);
    refused(SFPM_ERR_BYTECODE, "undeclared function reference: function 0");
}
END_TEST

/* One section in an otherwise empty module. */
static const struct {
    uint8_t number;
    const char *bytes;
    size_t size;
    sfpm_status_t status;
    const char *text;
} sections[] = {
#define REFUSED(number, bytes, status, text)                                             \
    {                                                                                    \
        number, bytes, sizeof bytes - 1, SFPM_ERR_##status, text                         \
    }
    REFUSED(14, "", CORRUPT, "module at 0x8: unknown section 14"),
    REFUSED(13, "\0", UNSUPPORTED, "needs exceptions"),
    REFUSED(1, "\1\x5F\0", UNSUPPORTED, "type section at 0xb needs garbage collection"),
    REFUSED(1, "\1\x61", CORRUPT, "0x61 is not the form of a function type"),
    REFUSED(1, "\1\x60\0\1\x40", CORRUPT, "0x40 is not a type"),
    REFUSED(1, "\1\x60\0\1\x6E", UNSUPPORTED, "garbage collection or typed references"),
    REFUSED(1, "\2\x60\0\0", CORRUPT, "unexpected end"),
    REFUSED(1, "\1\x60\0\0\0", CORRUPT, "more bytes than its contents take"),
    REFUSED(1, "\xFF\xFF\xFF\xFF\x1F", CORRUPT, "an integer is too large"),
    REFUSED(1, "\xFF\xFF\xFF\xFF\x8F\0", CORRUPT, "integer is too long"),
    REFUSED(2, "\1\1a\1b\1\x7F\0\0", CORRUPT,
            "import a.b: import section at 0x10: 0x7F is not a type of references"),
    REFUSED(2, "\2\1a\1b\2\0\0\1a\1b\2\0\0", UNSUPPORTED, "several memories"),
    REFUSED(2, "\1\1a\1b\3\x7F\2", CORRUPT, "does not say whether"),
    REFUSED(2, "\1\1a\1b\4\0\0", UNSUPPORTED, "an imported exception"),
    REFUSED(2, "\1\1a\1b\5", CORRUPT, "0x05 is not a kind of import"),
    REFUSED(2, "\1\1a\1b\0\0", BYTECODE, "there is no type 0"),
    REFUSED(2, "\1\1\n\1b\0\0", UNSUPPORTED, "a control character"),
    REFUSED(2, "\1\2\xC3\x28\1b\0\0", CORRUPT,
            "import section at 0xc: a name is not UTF-8"),
    REFUSED(3, "\1\0", BYTECODE, "there is no type 0"),
    REFUSED(4, "\1\x40\0\x70\0\0", UNSUPPORTED, "typed references"),
    REFUSED(4, "\2\x70\0\1\x6F\0\xC0\x84\x3D", LIMIT, "a table of 1000000 elements"),
    REFUSED(4, "\1\x70\1\2\1", BYTECODE, "the minimum of 2 exceeds the maximum of 1"),
    REFUSED(4, "\1\x70\0\xC1\x84\x3D", LIMIT, "a table of 1000001 elements"),
    REFUSED(5, "\2\0\0\0\0", UNSUPPORTED, "several memories"),
    REFUSED(5, "\1\0\x81\x80\4", BYTECODE, "more than 65,536 pages"),
    REFUSED(5, "\1\3\0\0", UNSUPPORTED, "threads (shared memory)"),
    REFUSED(5, "\1\4\0", UNSUPPORTED, "memory64"),
    REFUSED(6, "\1\x7F\2\x41\0\x0B", CORRUPT, "0x02 does not say whether"),
    REFUSED(6, "\1\x7F\0\x42\0\x0B", BYTECODE, "gives 1 value, i64, not one i32"),
    REFUSED(6, "\1\x7F\0\x0B", BYTECODE, "gives 0 values, not one i32"),
    REFUSED(6, "\1\x7F\0\x23\0\x0B", BYTECODE, "an imported, immutable global"),
    REFUSED(6, "\1\x7F\0\xD0\x70\x0B", BYTECODE, "gives 1 value, funcref, not one i32"),
    REFUSED(6, "\1\x70\0\xD0\x6F\x0B", BYTECODE, "externref, not one funcref"),
    REFUSED(6, "\1\x70\0\xD2\0\x0B", BYTECODE, "there is no function 0"),
    REFUSED(6, "\1\x7F\0\x41\0\x41\0\x6A\x0B", UNSUPPORTED, "extended constant"),
    REFUSED(6, "\1\x7B\0\xFD\x0C\x0B", UNSUPPORTED, "SIMD (v128)"),
    REFUSED(7, "\1\1a\0\0", BYTECODE, "what 'a' exports does not exist"),
    REFUSED(7, "\1\1a\4\0", CORRUPT, "0x04 is not a kind of export"),
    REFUSED(8, "\0", BYTECODE, "there is no function 0"),
    REFUSED(9, "\1\0\x41\0\x0B\0", BYTECODE, "there is no table 0"),
    REFUSED(9, "\1\1\1\0", CORRUPT, "0x01 is not a kind of elements"),
    REFUSED(9, "\1\5\x7F\0", CORRUPT, "0x7F is not a type of references"),
    REFUSED(9, "\1\5\x6F\1\xD0\x70\x0B", BYTECODE, "funcref, not one externref"),
    REFUSED(9, "\1\x08", CORRUPT, "8 is not a kind of element segment"),
    REFUSED(9, "\1\5\x70\1\x41\0\x0B", BYTECODE, "gives 1 value, i32, not one funcref"),
    REFUSED(9, "\1\5\x70\1\xD0\x6F\x0B", BYTECODE, "externref, not one funcref"),
    REFUSED(9, "\1\5\x70\1\xD0\x70\x41", CORRUPT, "unexpected end"),
    REFUSED(9, "\1\5\x70\1\xD2\0\x0B", BYTECODE, "there is no function 0"),
    REFUSED(10, "\1\2\0\x0B", CORRUPT, "1 functions have code, but 0 are declared"),
    REFUSED(11, "\1\0\x41\0\x0B\0", BYTECODE, "there is no memory 0"),
    REFUSED(11, "\1\3", CORRUPT, "3 is not a kind of data segment"),
    REFUSED(12, "\1", CORRUPT, "declares 1 data segments, but there are 0"),
    REFUSED(0, "\7linking", UNSUPPORTED, "object file, not yet a module: link it first"),
    REFUSED(0, "\1\xFF", CORRUPT, "a name is not UTF-8"),
};

START_TEST(sections_are_checked)
{
    wasm_begin(&module);
    wasm_section(&module, sections[_i].number, sections[_i].bytes, sections[_i].size);
    refused(sections[_i].status, sections[_i].text);
}
END_TEST

/* A function that does nothing, a table of 4 functions and a memory of one page. */
static void module_with_table(void)
{
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 2, 0x60, 0, 0, 0x60, 1, 0x7F, 1, 0x7F);
    WASM_SECTION(&module, 3, 2, 1, 0);
    WASM_SECTION(&module, 4, 1, 0x70, 1, 4, 8);
    WASM_SECTION(&module, 5, 1, 1, 1, 3);
    WASM_SECTION(&module, 6, 1, 0x7F, 1, 0x41, 5, 0x0B);
    WASM_SECTION(&module, 7, 2, 1, 'f', 0, 0, 1, 't', 1, 0);
    WASM_SECTION(&module, 8, 1);
}

static void add_rest(void)
{
    WASM_SECTION(&module, 12, 1);
    WASM_SECTION(&module, 10, 2, 11, 1, 1, 0x7E, GET, 0x11, 0, 0, GET, 0x0B, 2, 0, 0x0B);
    WASM_SECTION(&module, 11, 1, 2, 0, 0x41, 16, 0x0B, 2, 'a', 'b');
    WASM_SECTION(&module, 0, 4, 'n', 'a', 'm', 'e', 1, 5, 1, 0, 2, 'a', 'b');
}

/* Elements as expressions, with the table's number and without, passive and declared. */
START_TEST(elements_may_be_expressions)
{
    module_with_table();
    WASM_SECTION(&module, 9, 4, 4, I(1), 0x0B, 2, 0xD2, 1, 0x0B, 0xD0, 0x70, 0x0B, 6, 0,
                 I(3), 0x0B, 0x70, 1, 0xD2, 1, 0x0B, 5, 0x70, 1, 0xD2, 0, 0x0B, 7, 0x70,
                 1, 0xD2, 0, 0x0B);
    add_rest();
    must_load();
    ck_assert_int_eq(call_f(1), 1);
    ck_assert_int_eq(call_f(3), 3);
    traps(0, SFPM_TRAP_UNINITIALIZED_ELEMENT);
    traps(2, SFPM_TRAP_UNINITIALIZED_ELEMENT);
    module_with_table();
    WASM_SECTION(&module, 9, 1, 2, 1, I(1), 0x0B, 0, 0);
    refused(SFPM_ERR_BYTECODE, "there is no table 1");
}
END_TEST

/* The module with the section that begins at `at` cut to `kept` of its `size` bytes, and
 * its last byte changed when `change` is not 0. */
static void load_cut(const sfpm_buffer_t *whole, size_t at, size_t size, size_t kept,
                     uint8_t change)
{
    wasm_begin(&module);
    sfpm_buffer_add(&module, whole->data + 8, at - 8);
    uint8_t *part = sfpm_copy_bytes(whole->data + at + 2, size);
    ck_assert_ptr_nonnull(part);
    if (kept > 0)
        part[kept - 1] ^= change;
    wasm_section(&module, whole->data[at], part, kept);
    sfpm_buffer_add(&module, whole->data + at + 2 + size, whole->size - at - 2 - size);
    if (!load() && sfpm_last_status() != SFPM_ERR_CORRUPT &&
        sfpm_last_status() != SFPM_ERR_BYTECODE &&
        sfpm_last_status() != SFPM_ERR_UNSUPPORTED &&
        sfpm_last_status() != SFPM_ERR_LIMIT)
        ck_abort_msg("%s", sfpm_last_error());
    free(part);
}

/* Every section ends after each of its bytes: what is wanted next is not there. */
START_TEST(sections_that_end_early_are_refused)
{
    sfpm_buffer_t whole = {0};
    module_with_table();
    WASM_SECTION(&module, 9, 4, 4, I(1), 0x0B, 2, 0xD2, 1, 0x0B, 0xD0, 0x70, 0x0B, 6, 0,
                 I(3), 0x0B, 0x70, 1, 0xD2, 1, 0x0B, 5, 0x70, 1, 0xD2, 0, 0x0B, 3, 0, 1,
                 0);
    add_rest();
    sfpm_buffer_add(&whole, module.data, module.size);
    for (size_t at = 8, size; at < whole.size; at += 2 + size) {
        size = whole.data[at + 1];
        ck_assert_uint_lt(size, 0x80);
        for (size_t kept = 0; kept < size; kept++) {
            note_input("byte", at + 2 + kept);
            load_cut(&whole, at, size, kept, 0);
            /* The name of a function is not needed. */
            if (whole.data[at] != 0 && load())
                ck_abort_msg("section %u of %zu bytes", whole.data[at], kept);
        }
        for (size_t kept = 1; kept <= size; kept++)
            for (int change = 1; change < 256; change += 9)
                load_cut(&whole, at, size, kept, (uint8_t)change);
    }
    sfpm_buffer_free(&whole);
}
END_TEST

/* The code of a function ends after each of its bytes. */
START_TEST(code_that_ends_early_is_refused)
{
    static const uint8_t code[] = {
        1,    1,    0x7F, 0x02, 0x7F, I(1), 0x44, 1,    2,    3,    4,    5,
        6,    7,    8,    0x1A, 0x43, 1,    2,    3,    4,    0x1A, 0x42, 9,
        0x1A, GET,  0x0E, 2,    0,    1,    0,    0x0B, 0x22, 1,    0x1A, GET,
        GET,  0x28, 2,    0x84, 1,    0x1A, 0x1A, I(0), I(0), I(0), 0xFC, 8,
        1,    0,    I(0), I(0), I(0), 0xFC, 10,   0,    0,    I(0), I(0), I(0),
        0xFC, 11,   0,    0xFC, 9,    1,    0x3F, 0,    0x40, 0,    0x1A, GET,
        GET,  GET,  0x1C, 1,    0x7F, GET,  0x11, 1,    0,    0x10, 1,    0x23,
        0,    0x24, 0,    0x1A, GET,  0x04, 0x7F, I(3), 0x05, I(4), 0x0B, 0x0B};
    wasm_function(&module, "i", "i", code, sizeof code);
    must_load();
    for (size_t kept = 0; kept < sizeof code; kept++) {
        wasm_function(&module, "i", "i", code, kept);
        note_input("byte", kept);
        ck_assert(!load());
        ck_assert(sfpm_last_status() == SFPM_ERR_CORRUPT ||
                  sfpm_last_status() == SFPM_ERR_BYTECODE);
    }
}
END_TEST

START_TEST(names_are_utf_8)
{
    static const struct {
        const char *bytes;
        bool good;
    } names[] = {
        {"\xC3\xA9", true},      {"\xE2\x82\xAC", true},      {"\xF0\x9F\x98\x80", true},
        {"\xED\x9F\xBF", true},  {"\xF4\x8F\xBF\xBF", true},  {"\xE0\xA0\x80", true},
        {"\x80", false},         {"\xC1\x80", false},         {"\xF5\x80\x80\x80", false},
        {"\xC3", false},         {"\xC3\xC3", false},         {"\xE0\x9F\x80", false},
        {"\xED\xA0\x80", false}, {"\xF0\x8F\x80\x80", false}, {"\xF4\x90\x80\x80", false},
        {"\xE2\x82\x41", false}, {"\xE2\x82\xC3", false},     {"\xF0\x9F\x98", false}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t section[8] = {(uint8_t)strlen(names[i].bytes)};
        note_input("name", i);
        memcpy(section + 1, names[i].bytes, section[0]);
        wasm_begin(&module);
        wasm_section(&module, 0, section, 1u + section[0]);
        ck_assert_int_eq(load(), names[i].good);
    }
}
END_TEST

START_TEST(modules_are_checked)
{
    wasm_begin(&module);
    must_load();
    module.data[4] = 2;
    refused(SFPM_ERR_UNSUPPORTED, "unsupported version 2 of WebAssembly modules");
    module.data[4] = 0x0D;
    module.data[6] = 1;
    refused(SFPM_ERR_UNSUPPORTED, "it is a WebAssembly component");
    wasm_begin(&module);
    WASM_SECTION(&module, 3, 0);
    WASM_SECTION(&module, 1, 0);
    refused(SFPM_ERR_CORRUPT, "a type section out of order or for the second time");
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 1, 0x60, 0, 0);
    WASM_SECTION(&module, 3, 1, 0);
    refused(SFPM_ERR_CORRUPT, "1 functions are declared, but there is no code section");
    wasm_begin(&module);
    WASM_SECTION(&module, 5, 1, 0, 1);
    WASM_SECTION(&module, 7, 2, 1, 'a', 2, 0, 1, 'a', 2, 0);
    refused(SFPM_ERR_CORRUPT, "two exports are named 'a'");
    wasm_begin(&module);
    WASM_SECTION(&module, 5, 1, 0, 1);
    WASM_SECTION(&module, 11, 1, 0, 0x41, 0x7F, 0x0B, 0);
    refused(SFPM_ERR_BYTECODE, "out of bounds memory access: 0 bytes at 4294967295");
    wasm_begin(&module);
    WASM_SECTION(&module, 4, 1, 0x70, 0, 1);
    WASM_SECTION(&module, 9, 1, 0, 0x41, 2, 0x0B, 0);
    refused(SFPM_ERR_BYTECODE, "out of bounds table access: 0 elements at 2");
}
END_TEST

START_TEST(code_is_checked)
{
    F(0x6A, 0x0B);
    refused(SFPM_ERR_BYTECODE, "function 0 (blur) at 0x63: type mismatch: i32.add takes "
                               "i32, but nothing is on the stack of its block");
    F(GET, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "more values than its 1 results");
    F(0x0B);
    refused(SFPM_ERR_BYTECODE, "end takes i32, but nothing");
    F(GET, 0x0B, 0x01);
    refused(SFPM_ERR_CORRUPT, "more bytes than its contents take");
    F(GET);
    refused(SFPM_ERR_CORRUPT, "unexpected end");
    F(GET, 0x05, 0x0B);
    refused(SFPM_ERR_CORRUPT, "an else without if");
    F(GET, 0x04, 0x7F, I(1), 0x0B, 0x0B);
    refused(SFPM_ERR_BYTECODE, "an if without else");
    F(0x0C, 1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no label 1");
    F(I(1), 0x02, 0x40, GET, 0x0E, 1, 0, 1, 0x0B, 0x0B);
    refused(SFPM_ERR_BYTECODE, "labels of br_table take 0 and 1 values");
    F(0x02, 4, 0x0B, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no type 4");
    F(0x20, 1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no local 1");
    F(0x23, 2, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no global 2");
    F(0x42, 0, 0x24, 1, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "global 1 is immutable");
    F(0x10, 2, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no function 2");
    F(GET, 0x11, 1, 1, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no table 1");
    F(GET, 0x28, 3, 0, 0x0B);
    refused(SFPM_ERR_BYTECODE, "the alignment of i32.load exceeds its size");
    F(GET, 0x43, 0, 0, 0, 0, GET, 0x1B, 0x0B);
    refused(SFPM_ERR_BYTECODE, "select takes f32, but i32 is on the stack");
    F(GET, GET, GET, 0x1C, 2, 0x7F, 0x7F, 0x0B);
    refused(SFPM_ERR_BYTECODE, "select names 2 types");
    F(I(0), I(0), I(0), 0xFC, 8, 2, 0, GET, 0x0B);
    refused(SFPM_ERR_BYTECODE, "there is no data segment 2");
    WASM_FUNCTION(&module, "i", "i", 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x7F, 1, 0x7F, GET,
                  0x0B);
    refused(SFPM_ERR_CORRUPT, "too many locals");
}
END_TEST

/* ---- Limits ----------------------------------------------------------------- */

START_TEST(limits_are_ours)
{
    sfpm_buffer_t code = {0};
    const uint8_t block[] = {0x02, 0x40};
    WASM_FUNCTION(&module, "i", "i", 1, 0xFD, 0xFF, 0x03, 0x7F, GET, 0x0B);
    refused(SFPM_ERR_LIMIT, "65533 locals, more than sfpm supports");
    WASM_FUNCTION(&module, "i", "i", 1, 0xFC, 0xFF, 0x03, 0x7F, GET, 0x0B);
    must_load();
    ck_assert_int_eq(call_f(3), 3);
    wasm_begin(&module);
    wasm_u32(&code, 1);
    sfpm_buffer_add(&code, "\x60", 1);
    wasm_u32(&code, 1001);
    memset(sfpm_buffer_extend(&code, 1001), 0x7F, 1001);
    sfpm_buffer_add(&code, "", 1);
    wasm_section(&module, 1, code.data, code.size);
    refused(SFPM_ERR_LIMIT, "a type of 1001 parameters or results, more than the 1000");
    code.size = 0;
    sfpm_buffer_add(&code, "", 1);
    for (int i = 0; i < 1000000; i++)
        sfpm_buffer_add(&code, block, sizeof block);
    wasm_function(&module, "i", "i", code.data, code.size);
    refused(SFPM_ERR_LIMIT, "blocks nested deeper than the 1000000 levels");
    sfpm_buffer_free(&code);
}
END_TEST

/* A few bytes that stand for many: each is stopped by a limit, not by lack of memory. */
START_TEST(growth_is_bounded)
{
    enum { COUNT = 300000 };
    sfpm_buffer_t code = {0};
    const uint8_t branch[] = {GET, 0x0D, 0};
    /* Values for ever, in code that nothing reaches. */
    sfpm_buffer_add(&code, "\0\0", 2);
    for (int i = 0; i < 70000; i++)
        sfpm_buffer_add(&code, "\x41\0", 2);
    wasm_function(&module, "i", "i", code.data, code.size);
    refused(SFPM_ERR_LIMIT, "more than the 65533 values on the stack");
    /* Branches that each leave thousands of values behind. */
    code.size = 0;
    sfpm_buffer_add(&code, "\0\x02\x7F", 3);
    for (int i = 0; i < 65000; i++)
        sfpm_buffer_add(&code, "\x41\0", 2);
    for (int i = 0; i < COUNT; i++)
        sfpm_buffer_add(&code, branch, sizeof branch);
    wasm_function(&module, "i", "i", code.data, code.size);
    refused(SFPM_ERR_LIMIT, "bytes of code that sfpm supports for it");
    /* Locals, in thousands of functions. */
    wasm_begin(&module);
    WASM_SECTION(&module, 1, 1, 0x60, 0, 0);
    code.size = 0;
    wasm_u32(&code, 1000);
    memset(sfpm_buffer_extend(&code, 1000), 0, 1000);
    wasm_section(&module, 3, code.data, code.size);
    code.size = 0;
    wasm_u32(&code, 1000);
    for (int i = 0; i < 1000; i++)
        sfpm_buffer_add(&code, "\6\1\xFC\xFF\x03\x7F\x0B", 7);
    wasm_section(&module, 10, code.data, code.size);
    refused(SFPM_ERR_LIMIT, "locals, more than sfpm supports");
    sfpm_buffer_free(&code);
}
END_TEST

/* No byte of a module may be missing or changed so that more happens than a refusal. */
START_TEST(damaged_modules_are_refused_or_sound)
{
    int loaded = 0, all = 0;
    F(0x02, 0x7F, I(1), I(2), GET, 0x0E, 2, 0, 1, 0, 0x0B, GET, 0x04, 0x7F, I(3), 0x05,
      I(4), 0x0B, 0x6A, 0x23, 0, 0x6A, GET, 0x11, 1, 0, 0x0B);
    must_load();
    for (size_t size = 0; size < module.size; size++) {
        sfpm_buffer_t part = {sfpm_copy_bytes(module.data, size), size, size};
        if (sfpm_vm_load_code(vm, part.data, part.size))
            loaded++;
        sfpm_buffer_free(&part);
    }
    /* Complete without the data that passive segments have, and without names. */
    ck_assert_int_le(loaded, 12);
    for (size_t i = 0; i < module.size; i++)
        for (int change = 1; change < 256; change += i > 8 ? 2 : 50, all++) {
            module.data[i] ^= (uint8_t)change;
            if (load())
                loaded++;
            module.data[i] ^= (uint8_t)change;
        }
    ck_assert_int_gt(loaded, all / 100);
    ck_assert_int_lt(loaded, all / 2);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        numbers_may_be_padded,
        conditional_branches_remove_values,
        tables_remove_values,
        loops_take_values,
        conditions_have_results,
        dead_code_is_checked_and_dropped,
        branches_remove_thousands_of_values,
        data_is_dropped_when_it_was_copied,
        table_has_functions,
        elements_may_be_expressions,
        globals_and_select,
        start_section_runs_before_entry,
        entry_has_two_names,
        imports_are_exported,
        references_and_imported_things_are_the_machines_own,
        names_become_symbols,
        long_names_are_cut,
        NULL,
    };
    const test_t limits[] = {
        what_is_lacking_is_named,
        references_are_validated,
        modules_are_checked,
        sections_that_end_early_are_refused,
        code_that_ends_early_is_refused,
        names_are_utf_8,
        code_is_checked,
        limits_are_ours,
        growth_is_bounded,
        damaged_modules_are_refused_or_sound,
        NULL,
    };
    Suite *suite = suite_create("wasm");
    TCase *works = add_case(suite, "core", make, drop);
    TCase *refuses = add_case(suite, "limits", make, drop);
    for (const test_t *test = core; *test; test++)
        tcase_add_test(works, *test);
    for (const test_t *test = limits; *test; test++)
        tcase_add_test(refuses, *test);
    tcase_add_loop_test(refuses, sections_are_checked, 0,
                        (int)(sizeof sections / sizeof *sections));
    return run_all(suite);
}
