/* SPDX-License-Identifier: MIT */
/* The machine embedded: native functions, calls of exports, values, memory, patches. */
#include <errno.h>
#include <string.h>

#include "vm_common.h"

static const char program[] = ".import host half half f64 -> f64\n"
                              ".import host mix mix i32 i64 f32 f64 -> i64\n"
                              ".import host fill fill i32 i32\n"
                              ".memory 1\n"
                              ".global count i32 5\n"
                              ".global limit const i64 9\n"
                              ".global ratio f32 1.5\n"
                              ".export number global count\n"
                              ".export add func add\n"
                              ".export quarter func quarter\n"
                              ".export mixed func mixed\n"
                              ".export filled func filled\n"
                              ".export both func both\n"
                              ".export stops func stops\n"
                              ".export raw func half\n"
                              ".func add i32 i32 -> i32\n"
                              "local.get 0\n local.get 1\n i32.add\n return\n"
                              ".func quarter f64 -> f64\n"
                              "local.get 0\n call half\n call half\n return\n"
                              ".func mixed i32 i64 f32 f64 -> i64\n"
                              "local.get 0\n local.get 1\n local.get 2\n local.get 3\n"
                              "call mix\n return\n"
                              ".func filled i32 i32\n"
                              "local.get 0\n local.get 1\n call fill\n return\n"
                              ".func both -> i32 f32\n"
                              "i32.const -1\n f32.const 0.25\n return\n"
                              ".func stops -> i32\n"
                              "halt\n"
                              ".func main\n halt\n";

static sfpm_value_t i32(int32_t value)
{
    return (sfpm_value_t){.type = SFPM_TYPE_I32, .i32 = value};
}

static sfpm_value_t i64(int64_t value)
{
    return (sfpm_value_t){.type = SFPM_TYPE_I64, .i64 = value};
}

static sfpm_value_t f32(float value)
{
    return (sfpm_value_t){.type = SFPM_TYPE_F32, .f32 = value};
}

static sfpm_value_t f64(double value)
{
    return (sfpm_value_t){.type = SFPM_TYPE_F64, .f64 = value};
}

/* What the natives are to answer. */
static sfpm_native_result_t answer;

static sfpm_native_result_t half(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    (void)vm;
    ck_assert_ptr_eq(context, &answer);
    ck_assert_int_eq(params[0].type, SFPM_TYPE_F64);
    ck_assert_int_eq(results[0].type, SFPM_TYPE_F64);
    results[0].f64 = params[0].f64 / 2;
    errno = EACCES;
    return answer;
}

static sfpm_native_result_t mix(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                sfpm_value_t *results)
{
    (void)context;
    (void)vm;
    results[0].i64 =
        params[0].i32 + params[1].i64 + (int64_t)params[2].f32 + (int64_t)params[3].f64;
    return SFPM_NATIVE_DONE;
}

static sfpm_native_result_t fill(void *context, sfpm_vm_t *vm, const sfpm_value_t *params,
                                 sfpm_value_t *results)
{
    (void)context;
    (void)results;
    /* A machine that runs is not started again from within. */
    ck_assert(!sfpm_vm_run(vm, NULL));
    ck_assert(!sfpm_vm_import(vm, "host", "late", "", half, NULL));
    uint32_t size = (uint32_t)params[1].i32;
    void *to = sfpm_vm_memory(vm, (uint32_t)params[0].i32, size);
    if (!to)
        return SFPM_NATIVE_BOUNDS;
    memset(to, '*', size);
    return SFPM_NATIVE_DONE;
}

static sfpm_vm_t *embedded(void)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    answer = SFPM_NATIVE_DONE;
    ck_assert(sfpm_vm_import(vm, "host", "half", "f64 -> f64", half, &answer));
    ck_assert(sfpm_vm_import(vm, "host", "mix", " i32  i64 f32 f64 -> i64 ", mix, NULL));
    ck_assert(sfpm_vm_import(vm, "host", "fill", "i32 i32 ->", fill, NULL));
    if (!sfpm_vm_assemble(vm, program, strlen(program), "program.s", NULL, NULL))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

/* ---- Calls ------------------------------------------------------------------- */

START_TEST(exports_are_called_with_typed_values)
{
    sfpm_vm_t *vm = embedded();
    sfpm_value_t results[2];
    const sfpm_value_t two[] = {i32(INT32_MAX), i32(2)};
    ck_assert(sfpm_vm_call(vm, "add", two, 2, results, 1, NULL));
    ck_assert_int_eq(results[0].type, SFPM_TYPE_I32);
    ck_assert_int_eq(results[0].i32, INT32_MIN + 1);
    const sfpm_value_t number = f64(-10);
    ck_assert(sfpm_vm_call(vm, "quarter", &number, 1, results, 1, NULL));
    ck_assert(results[0].f64 == -2.5);
    const sfpm_value_t four[] = {i32(-1), i64((int64_t)1 << 40), f32(-3.5f), f64(7)};
    ck_assert(sfpm_vm_call(vm, "mixed", four, 4, results, 1, NULL));
    ck_assert_int_eq(results[0].i64, ((int64_t)1 << 40) + 3);
    ck_assert(sfpm_vm_call(vm, "both", NULL, 0, results, 2, NULL));
    ck_assert_int_eq(results[0].i32, -1);
    ck_assert(results[1].f32 == 0.25f);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(calls_can_be_stopped_saved_and_resumed)
{
    sfpm_regions_t regions;
    sfpm_value_t result;
    const sfpm_value_t number = f64(12);
    sfpm_vm_run_options_t one = {.struct_size = sizeof one, .max_steps = 1};
    sfpm_vm_t *vm = embedded();
    ck_assert(!sfpm_vm_call(vm, "quarter", &number, 1, &result, 1, &one));
    expect_error(SFPM_ERR_LIMIT, 0, "before 'quarter' returned");
    ck_assert(!sfpm_vm_results(vm, &result, 1));
    copy_regions(vm, &regions);
    sfpm_vm_t *other = embedded();
    ck_assert(load_regions(other, &regions));
    ck_assert(sfpm_vm_run(other, NULL));
    ck_assert(sfpm_vm_results(other, &result, 1));
    ck_assert(result.f64 == 3);
    ck_assert(!sfpm_vm_results(other, &result, 0));
    /* The start function is where a new start begins. */
    ck_assert(sfpm_vm_restart(other));
    ck_assert(sfpm_vm_run(other, NULL));
    ck_assert(!sfpm_vm_results(other, NULL, 0));
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(other);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    sfpm_vm_t *vm = embedded();
    sfpm_value_t result;
    const sfpm_value_t two[] = {i32(1), i64(2)};
    ck_assert(!sfpm_vm_call(vm, "add", two, 2, &result, 1, NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "number 1 must be i32");
    ck_assert(!sfpm_vm_call(vm, "add", two, 1, &result, 1, NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "1 given, 2 expected");
    ck_assert(!sfpm_vm_call(vm, "add", NULL, 2, &result, 1, NULL));
    ck_assert(!sfpm_vm_call(vm, "none", two, 2, &result, 1, NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "exports no function 'none'");
    ck_assert(!sfpm_vm_call(vm, "raw", two, 1, &result, 1, NULL));
    ck_assert(!sfpm_vm_call(vm, NULL, two, 1, &result, 1, NULL));
    ck_assert(!sfpm_vm_call(NULL, "add", two, 2, &result, 1, NULL));
    ck_assert(!sfpm_vm_call(vm, "stops", NULL, 0, &result, 1, NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "has not returned");
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Native functions --------------------------------------------------------- */

START_TEST(natives_answer_in_every_way)
{
    sfpm_vm_t *vm = embedded();
    const sfpm_value_t number = f64(8);
    sfpm_value_t result;
    ck_assert(sfpm_vm_enter(vm, "quarter", &number, 1));
    answer = SFPM_NATIVE_RETRY;
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
    uint64_t before = info_of(vm).instructions;
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_uint_eq(info_of(vm).instructions, before);
    answer = SFPM_NATIVE_ERROR;
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_SYSTEM, EACCES, "native function host.half");
    ck_assert_int_eq(sfpm_last_errno(), EACCES);
    answer = SFPM_NATIVE_TRAP;
    ck_assert(!sfpm_vm_run(vm, NULL));
    ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_NATIVE_FUNCTION);
    answer = SFPM_NATIVE_BOUNDS;
    ck_assert(!sfpm_vm_run(vm, NULL));
    ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_MEMORY_BOUNDS);
    answer = SFPM_NATIVE_DONE;
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert(sfpm_vm_results(vm, &result, 1));
    ck_assert(result.f64 == 2);
    ck_assert(sfpm_vm_enter(vm, "quarter", &number, 1));
    answer = SFPM_NATIVE_HALT;
    ck_assert(sfpm_vm_run(vm, NULL));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(missing_natives_are_all_named)
{
    static const char text[] = ".import a b b i32 i64 -> f32\n.import c d d\n"
                               ".import host half h f64\n.func main\nhalt\n";
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(sfpm_vm_assemble(vm, text, strlen(text), "a.s", NULL, NULL));
    ck_assert(sfpm_vm_import(vm, "host", "half", "f64 -> f64", half, NULL));
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_UNSUPPORTED, 0, "missing: a.b (i32 i64 -> f32), c.d ()");
    ck_assert(sfpm_vm_import(vm, "a", "b", "i32 i64 -> f32", half, NULL));
    ck_assert(sfpm_vm_import(vm, "c", "d", "", half, NULL));
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_UNSUPPORTED, 0,
                 "with types other than theirs: "
                 "host.half (f64)");
    ck_assert(sfpm_vm_import(vm, "host", "half", "f64", half, NULL));
    ck_assert(sfpm_vm_run(vm, NULL));
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(signatures_are_checked)
{
    static const char *const wrong[] = {"i33", "i32 -> -> i32", "i32,i32", "->->",
                                        "i",   "i32\n",         "void"};
    sfpm_vm_t *vm = sfpm_vm_create();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        note_input("case", i);
        ck_assert_msg(!sfpm_vm_import(vm, "a", "b", wrong[i], half, NULL), "%s",
                      wrong[i]);
        expect_error(SFPM_ERR_ARGUMENT, 0, "is not a signature");
    }
    char many[4 * 1001 + 1] = "";
    for (size_t i = 0; i < 1001; i++)
        memcpy(many + 4 * i, "i32 ", 4);
    ck_assert(!sfpm_vm_import(vm, "a", "b", many, half, NULL));
    many[sizeof many - 5] = '\0';
    ck_assert(sfpm_vm_import(vm, "a", "b", many, half, NULL));
    ck_assert(!sfpm_vm_import(vm, NULL, "b", "", half, NULL));
    ck_assert(!sfpm_vm_import(vm, "a", "b", "", NULL, NULL));
    ck_assert(!sfpm_vm_import(NULL, "a", "b", "", half, NULL));
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Memory and globals --------------------------------------------------------- */

START_TEST(natives_reach_memory_and_no_further)
{
    sfpm_vm_t *vm = embedded();
    const sfpm_value_t inside[] = {i32(65530), i32(6)}, beyond[] = {i32(65530), i32(7)},
                       huge[] = {i32(1), i32(-1)};
    ck_assert_uint_eq(sfpm_vm_memory_size(vm), 65536);
    ck_assert(sfpm_vm_call(vm, "filled", inside, 2, NULL, 0, NULL));
    ck_assert(memcmp(sfpm_vm_memory(vm, 65529, 7), "\0******", 7) == 0);
    ck_assert(!sfpm_vm_call(vm, "filled", beyond, 2, NULL, 0, NULL));
    ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_MEMORY_BOUNDS);
    ck_assert(!sfpm_vm_call(vm, "filled", huge, 2, NULL, 0, NULL));
    ck_assert_ptr_null(sfpm_vm_memory(vm, 65537, 0));
    ck_assert_ptr_null(sfpm_vm_memory(vm, UINT64_MAX, 2));
    ck_assert_ptr_null(sfpm_vm_memory(NULL, 0, 0));
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(globals_are_read_and_changed_by_name)
{
    sfpm_vm_t *vm = embedded();
    sfpm_value_t value, wrong = i64(1), seven = i32(7);
    ck_assert(sfpm_vm_get_global(vm, "number", &value));
    ck_assert_int_eq(value.i32, 5);
    ck_assert(sfpm_vm_get_global(vm, "ratio", &value));
    ck_assert(value.type == SFPM_TYPE_F32 && value.f32 == 1.5f);
    ck_assert(sfpm_vm_set_global(vm, "count", &seven));
    ck_assert(sfpm_vm_get_global(vm, "number", &value));
    ck_assert_int_eq(value.i32, 7);
    ck_assert(!sfpm_vm_set_global(vm, "count", &wrong));
    expect_error(SFPM_ERR_ARGUMENT, 0, "must be i32");
    ck_assert(!sfpm_vm_set_global(vm, "limit", &wrong));
    expect_error(SFPM_ERR_ARGUMENT, 0, "'limit' is constant");
    ck_assert(!sfpm_vm_set_global(vm, "count", NULL));
    ck_assert(!sfpm_vm_get_global(vm, "none", &value));
    ck_assert(!sfpm_vm_get_global(vm, "count", NULL));
    ck_assert(!sfpm_vm_get_global(vm, NULL, &value));
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Patches ------------------------------------------------------------------- */

START_TEST(patched_code_is_proved_and_used)
{
    sfpm_vm_t *vm = embedded();
    sfpm_value_t result;
    uint64_t offset;
    const sfpm_value_t two[] = {i32(9), i32(2)};
    const uint8_t sub = SFPM_OP_I32_SUB, bad[2] = {0xFF, 0xFF};
    ck_assert(sfpm_vm_resolve(vm, "add+6", &offset, NULL));
    ck_assert(sfpm_vm_call(vm, "add", two, 2, &result, 1, NULL));
    ck_assert_int_eq(result.i32, 11);
    ck_assert(sfpm_vm_patch(vm, offset, &sub, 1));
    ck_assert(sfpm_vm_call(vm, "add", two, 2, &result, 1, NULL));
    ck_assert_int_eq(result.i32, 7);
    ck_assert(!sfpm_vm_patch(vm, offset, bad, 2));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_BYTECODE);
    ck_assert(sfpm_vm_call(vm, "add", two, 2, &result, 1, NULL));
    ck_assert_int_eq(result.i32, 7);
    ck_assert(!sfpm_vm_patch(vm, info_of(vm).code_size, &sub, 1));
    ck_assert(!sfpm_vm_patch(vm, UINT64_MAX, &sub, 1));
    ck_assert(!sfpm_vm_patch(vm, 0, NULL, 1));
    ck_assert(!sfpm_vm_patch(NULL, 0, &sub, 1));
    sfpm_vm_destroy(vm);
}
END_TEST

static void check_link(const sfpm_vm_link_t *link, const char *module, const char *name,
                       const char *kind, uint32_t index)
{
    ck_assert_pstr_eq(link->module, module);
    ck_assert_str_eq(link->name, name);
    ck_assert_str_eq(link->kind, kind);
    ck_assert_uint_eq(link->index, index);
}

START_TEST(imports_and_exports_are_told)
{
    sfpm_vm_link_t link;
    char text[32];
    sfpm_vm_t *empty = sfpm_vm_create();
    sfpm_vm_t *vm = assembled(".import \"env\" \"a b\" _ i32 f32 -> i64 f64\n"
                              ".import \"\" \"none\" _\n.memory 1 3\n.table 7\n"
                              ".global g 1\n.global h 1\n"
                              ".export \"g\" global h\n.export \"f\" func main\n"
                              ".export \"m\" memory\n.export \"t\" table\n"
                              ".func main -> i32\ni32.const 1\nreturn\n");
    sfpm_vm_info_t info = info_of(vm);
    ck_assert_uint_eq(info.memory, 65536);
    ck_assert_uint_eq(info.max_memory, 3 * 65536);
    ck_assert_uint_eq(info.elements, 7);
    ck_assert_uint_eq(info.imports, 2);
    ck_assert_uint_eq(info.exports, 4);
    ck_assert(sfpm_vm_imported(vm, 0, &link, sizeof link));
    check_link(&link, "env", "a b", "func", 0);
    ck_assert(sfpm_vm_imported(vm, 1, &link, sizeof link));
    check_link(&link, "", "none", "func", 1);
    ck_assert(!sfpm_vm_imported(vm, 2, &link, sizeof link));
    ck_assert(sfpm_vm_exported(vm, 0, &link, sizeof link));
    check_link(&link, NULL, "g", "global", 1);
    ck_assert(sfpm_vm_exported(vm, 1, &link, sizeof link));
    check_link(&link, NULL, "f", "func", 2);
    ck_assert(sfpm_vm_exported(vm, 2, &link, sizeof link));
    check_link(&link, NULL, "m", "memory", 0);
    ck_assert(sfpm_vm_exported(vm, 3, &link, sizeof link));
    check_link(&link, NULL, "t", "table", 0);
    ck_assert(!sfpm_vm_exported(vm, 4, &link, sizeof link));
    ck_assert(!sfpm_vm_exported(vm, 0, NULL, sizeof link));
    ck_assert(!sfpm_vm_exported(empty, 0, &link, sizeof link));
    ck_assert(sfpm_vm_signature(vm, 0, text, sizeof text));
    ck_assert_str_eq(text, "i32 f32 -> i64 f64");
    ck_assert(sfpm_vm_signature(vm, 0, text, 6));
    ck_assert_str_eq(text, "i32 f");
    ck_assert(sfpm_vm_signature(vm, 1, text, sizeof text));
    ck_assert_str_eq(text, "");
    ck_assert(sfpm_vm_signature(vm, 2, text, sizeof text));
    ck_assert_str_eq(text, "-> i32");
    ck_assert(!sfpm_vm_signature(vm, 3, text, sizeof text));
    ck_assert(!sfpm_vm_signature(vm, 0, text, 0));
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(empty);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        exports_are_called_with_typed_values, calls_can_be_stopped_saved_and_resumed,
        natives_answer_in_every_way,          natives_reach_memory_and_no_further,
        globals_are_read_and_changed_by_name, patched_code_is_proved_and_used,
        imports_and_exports_are_told,         NULL,
    };
    const test_t limits[] = {
        wrong_calls_are_refused,
        missing_natives_are_all_named,
        signatures_are_checked,
        NULL,
    };
    return run_suite("vm_native", core, limits);
}
