/* SPDX-License-Identifier: MIT */
/*
 * Programs that are in order, but made to take time or memory out of proportion: each of
 * these took minutes, or most of the host's memory, once; now the suite's limit of time
 * tells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../sanitized.h"
#include "base/bytes.h"
#include "bytecode/stack_types.h"
#include "vm_build.h"
#include "vm_common.h"

enum { MANY = 1 << 22 /* bytes of code */ };

static void fill_code(build_t *build, sfpm_opcode_t opcode, uint64_t operand)
{
    while (build->code.size < MANY)
        build_code(build, opcode, operand);
    build_code(build, SFPM_OP_HALT, 0);
}

static void expect_too_many_moved(sfpm_vm_t *vm)
{
    ck_assert(!sfpm_vm_verify(vm));
    expect_error(SFPM_ERR_LIMIT, 0, "move more than 268435456 values");
    sfpm_vm_destroy(vm);
}

/* ---- Translating ---------------------------------------------------------------- */

/* What is too long to be translated runs all the same, and there is room when the program
 * may have more memory. */
START_TEST(translated_code_is_limited)
{
    build_t build;
    sfpm_value_t value;
    build_start(&build);
    uint32_t global = build_global(&build, 'I', true, 0);
    build_function(&build, ":", "");
    build_code(&build, SFPM_OP_CALL, 1);
    build_code(&build, SFPM_OP_HALT, 0);
    build_function(&build, ":", "");
    enum { TIMES = 600000 };
    for (int i = 0; i < TIMES; i++) {
        build_code(&build, SFPM_OP_GLOBAL_GET, global);
        build_const(&build, 'I', 1);
        build_code(&build, SFPM_OP_I64_ADD, 0);
        build_code(&build, SFPM_OP_GLOBAL_SET, global);
    }
    build_code(&build, SFPM_OP_RETURN, 0);
    build.exports[0] = (sfpm_export_t){SFPM_EXPORT_GLOBAL, global, "n"};
    build.program.num_exports = 1;
    sfpm_vm_t *vm = build_vm(&build);
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .max_memory = 1 << 26};
    for (uint32_t untranslated = 1; untranslated < 2; untranslated--) {
        ck_assert_works(sfpm_vm_run(vm, &options));
        ck_assert_uint_eq(info_of(vm).untranslated, untranslated);
        options.max_memory = (uint64_t)1 << 30;
        ck_assert_works(sfpm_vm_restart(vm));
    }
    ck_assert_works(sfpm_vm_get_global(vm, "n", &value));
    ck_assert_int_eq(value.i64, 2 * TIMES);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Proving ------------------------------------------------------------------- */

START_TEST(calls_of_many_values_are_limited)
{
    static uint8_t types[2000];
    build_t build;
    memset(types, SFPM_TYPE_I64, sizeof types);
    build_start(&build);
    build_function(&build, ":", "");
    uint32_t callee = 1;
    for (int i = 0; i < 1000; i++)
        build_const(&build, 'I', 0);
    fill_code(&build, SFPM_OP_CALL, callee);
    build_function(&build, "I:I", "");
    build.types[build.functions[callee].type] =
        (sfpm_function_type_t){.types = types, .params = 1000, .results = 1000};
    build_code(&build, SFPM_OP_HALT, 0);
    expect_too_many_moved(build_vm(&build));
}
END_TEST

START_TEST(unwinds_of_many_values_are_limited)
{
    build_t build;
    build_start(&build);
    build_function(&build, ":", "");
    for (int i = 0; i < 1000; i++)
        build_const(&build, 'I', 0);
    fill_code(&build, SFPM_OP_UNWIND, 1000);
    expect_too_many_moved(build_vm(&build));
}
END_TEST

/* In version 1 a call moves up to 65,533 values each way. */
START_TEST(calls_of_version1_are_limited)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_t *small =
        assembled("halt\n .func give -> i64\n halt\n .func take i64\n halt");
    sfpm_regions_t regions;
    copy_regions(small, &regions);
    sfpm_buffer_t *code = &regions.region[SFPM_CODE];
    uint8_t *functions = regions.region[SFPM_FUNCTIONS].data;
    ck_assert_uint_eq(sfpm_get_u32(functions), 1);
    code->size = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        static const uint8_t calls[] = {SFPM_OP_CALL, 1, 0, 0, 0,
                                        SFPM_OP_CALL, 2, 0, 0, 0};
        ck_assert(sfpm_buffer_add(code, calls, sizeof calls));
    }
    static const uint8_t halts[] = {SFPM_OP_HALT, SFPM_OP_HALT, SFPM_OP_HALT};
    ck_assert(sfpm_buffer_add(code, halts, sizeof halts));
    uint8_t *second = functions + SFPM_FUNCTIONS_HEADER_1 + SFPM_FUNCTION_SIZE_1;
    sfpm_put_u32(second, (uint32_t)code->size - 2);
    sfpm_put_u16(second + 6, SFPM_MAX_HEIGHT);
    sfpm_put_u32(second + SFPM_FUNCTION_SIZE_1, (uint32_t)code->size - 1);
    sfpm_put_u16(second + SFPM_FUNCTION_SIZE_1 + 4, SFPM_MAX_HEIGHT);
    sfpm_buffer_free(&regions.region[SFPM_SYMBOLS]);
    ck_assert(load_regions(vm, &regions));
    expect_too_many_moved(vm);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(small);
}
END_TEST

/* Against one step after the other, in a tree with branches. */
START_TEST(shapes_go_down_as_far_as_wanted)
{
    sfpm_shapes_t shapes = {0};
    uint32_t tops[64];
    ck_assert(sfpm_shapes_start(&shapes));
    for (size_t i = 0; i < 64; i++) {
        note_input("shape", i);
        tops[i] = i > 0 ? tops[random_below(i)] : SFPM_EMPTY_SHAPE;
        for (uint64_t left = random_below(300); left > 0; left--)
            ck_assert(sfpm_shape_push(&shapes, &tops[i],
                                      (uint8_t)(SFPM_TYPE_I32 - random_below(4))));
        uint32_t shape = tops[i];
        for (uint32_t count = 0; count <= shapes.list[tops[i]].height; count++) {
            ck_assert_uint_eq(sfpm_shape_below(&shapes, tops[i], count), shape);
            shape = shapes.list[shape].below;
        }
    }
    sfpm_shapes_free(&shapes);
}
END_TEST

/* All values of a stack as text: time must not grow with the square of their number. */
START_TEST(values_of_a_high_stack_are_text)
{
    enum { HEIGHT = 60000 };
    build_t build;
    char text[64];
    build_start(&build);
    build_function(&build, ":", "");
    for (uint32_t i = 0; i < HEIGHT; i++)
        build_const(&build, i % 2 ? 'i' : 'I', UINT32_MAX);
    build_code(&build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = build_vm(&build);
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    for (int round = 0; round < 20; round++)
        for (uint32_t i = 0; i < HEIGHT; i++) {
            if (!sfpm_vm_operand_text(vm, 0, i, text, sizeof text))
                ck_abort_msg("%s", sfpm_last_error());
            if (strcmp(text, i % 2 ? "-1" : "4294967295") != 0)
                ck_abort_msg("value %u is %s", i, text);
        }
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Tables ---------------------------------------------------------------------- */

/* A functions region in which all behind the header is zeros. */
static void expect_too_many(size_t field, uint32_t count, uint32_t size,
                            const char *message)
{
    sfpm_vm_t *vm = assembled("halt"), *made = sfpm_vm_create();
    sfpm_regions_t regions;
    copy_regions(vm, &regions);
    sfpm_buffer_t *functions = &regions.region[SFPM_FUNCTIONS];
    functions->size = 0;
    size_t bytes = SFPM_FUNCTIONS_HEADER + 20 + (size_t)count * size;
    memset(sfpm_buffer_extend(functions, bytes), 0, bytes);
    sfpm_put_u32(functions->data, 2);
    sfpm_put_u32(functions->data + 4, 1);
    sfpm_put_u32(functions->data + 12, 1);
    sfpm_put_u32(functions->data + 32, SFPM_NO_MEMORY);
    sfpm_put_u32(functions->data + field, count);
    ck_assert(!load_regions(made, &regions));
    expect_error(SFPM_ERR_LIMIT, 0, message);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(made);
    sfpm_vm_destroy(vm);
}

START_TEST(entries_of_tables_are_limited)
{
    const uint32_t more = SFPM_MAX_ENTRIES + 1;
    expect_too_many(4, more, 4, "1000001 types exceed the limit of 1000000");
    expect_too_many(12, more, 10, "1000001 functions exceed the limit of 1000000");
    expect_too_many(36, more, 8, "1000001 exports exceed the limit of 1000000");
    expect_too_many(40, more, 9, "1000001 data segments exceed the limit of 1000000");
}
END_TEST

/* An import is ten bytes, and names a type of 2,000. */
START_TEST(missing_imports_are_named_as_far_as_there_is_room)
{
    enum { IMPORTS = 200000, IMPORT = 10 };
    static uint8_t types[2000];
    build_t build;
    sfpm_regions_t regions;
    sfpm_vm_t *vm = sfpm_vm_create();
    memset(types, SFPM_TYPE_F64, sizeof types);
    build_start(&build);
    build.program.start = build_function(&build, ":", "");
    build_type(&build, "F:F");
    build.types[1] =
        (sfpm_function_type_t){.types = types, .params = 1000, .results = 1000};
    build_code(&build, SFPM_OP_HALT, 0);
    build_regions(&build, &regions);
    sfpm_buffer_t *functions = &regions.region[SFPM_FUNCTIONS];
    const size_t at = SFPM_FUNCTIONS_HEADER + 4 + 4 + sizeof types;
    const size_t after = functions->size - at;
    ck_assert_ptr_nonnull(sfpm_buffer_extend(functions, (size_t)IMPORTS * IMPORT));
    uint8_t *to = functions->data + at;
    memmove(to + (size_t)IMPORTS * IMPORT, to, after);
    memset(to, 0, (size_t)IMPORTS * IMPORT);
    for (size_t i = 0; i < IMPORTS; i++)
        to[i * IMPORT] = 1;
    sfpm_put_u32(functions->data + 8, IMPORTS);
    sfpm_put_u32(functions->data + 12, IMPORTS + 1);
    sfpm_put_u32(functions->data + 16, IMPORTS);
    if (!load_regions(vm, &regions))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_UNSUPPORTED, 0, "missing: . (f64 f64 f64");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Text ------------------------------------------------------------------------- */

/* Operands out of range are told as they are, when nothing was proved yet. */
START_TEST(unproved_operands_are_text)
{
    sfpm_vm_t *vm =
        assembled(".type i32\n i32.const 0\n i32.const 0\n call_indirect i32\n halt");
    static const sfpm_opcode_t opcodes[] = {SFPM_OP_CALL_INDIRECT, SFPM_OP_CALL,
                                            SFPM_OP_GLOBAL_GET, SFPM_OP_MEMORY_INIT};
    static const uint32_t operands[] = {UINT32_MAX, UINT32_MAX - 1, INT32_MAX, 1000000};
    for (size_t i = 0; i < 16; i++) {
        sfpm_vm_t *made = sfpm_vm_create();
        sfpm_regions_t regions;
        char text[64], number[16];
        copy_regions(vm, &regions);
        regions.region[SFPM_CODE].data[0] = (uint8_t)opcodes[i / 4];
        sfpm_put_u32(regions.region[SFPM_CODE].data + 1, operands[i % 4]);
        ck_assert(load_regions(made, &regions));
        ck_assert_uint_eq(sfpm_vm_instruction(made, 0, text, sizeof text), 5);
        snprintf(number, sizeof number, " %u", operands[i % 4]);
        ck_assert_ptr_nonnull(strstr(text, number));
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(made);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Each unknown word is compared with all mnemonics, but not for ever. */
START_TEST(text_full_of_faults_is_left_soon)
{
    enum { WORD = 33, WORDS = 1 << 22 };
    char *text = sfpm_new_array(WORD, WORDS);
    sfpm_vm_t *vm = sfpm_vm_create();
    memset(text, 'a', (size_t)WORD * WORDS);
    for (size_t i = 1; i <= WORDS; i++)
        text[i * WORD - 1] = '\n';
    ck_assert(!sfpm_vm_assemble(vm, text, (size_t)WORD * WORDS, "a.s", NULL, NULL));
    expect_error(SFPM_ERR_SYNTAX, 0, "a.s:1:1: unknown instruction");
    free(text);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Running ------------------------------------------------------------------------
 */

/* At the end of a long function, calls through the table of a type that is there twice.
 */
START_TEST(calls_by_equal_types_take_no_time)
{
    build_t build;
    build_start(&build);
    build.program.start = build_function(&build, ":", "");
    while (build.code.size < MANY) {
        build_const(&build, 'I', build.code.size);
        build_code(&build, SFPM_OP_DROP, 0);
    }
    const uint32_t loop = (uint32_t)build.code.size;
    build_const(&build, 'i', 0);
    build_code(&build, SFPM_OP_CALL_INDIRECT, 2);
    build_code(&build, SFPM_OP_BR, loop);
    build.elements[0] = build_function(&build, ":", "");
    for (uint32_t i = 0; i < 5; i++)
        build_code(&build, SFPM_OP_NOP, 0);
    build_code(&build, SFPM_OP_RETURN, 0);
    build.types[1] = build.types[2] = build.types[0];
    build.functions[1].type = 1;
    build.program.num_types = 3;
    build.program.num_elements = 1;
    sfpm_vm_t *vm = build_vm(&build);
    const uint64_t steps = 2 * MANY;
    ck_assert_int_eq(run_steps(vm, steps, NULL), SFPM_VM_SUSPENDED);
    ck_assert_uint_eq(info_of(vm).instructions, steps);
    sfpm_vm_destroy(vm);
}
END_TEST

/* At the end of a long function, calls of one that is too long for tier 1: by number, by
 * number with a sum as last argument, and through the table. All but the first return at
 * once. Gives where the calls begin. */
static uint32_t build_refused(build_t *build)
{
    enum { CELLS = (1 << 22) + 10 };
    build_start(build);
    build->program.start = build_function(build, ":", "iI");
    const uint32_t type = build_type(build, "i:i");
    while (build->code.size < MANY / 2) {
        build_const(build, 'I', build->code.size);
        build_code(build, SFPM_OP_LOCAL_SET, 1);
    }
    const uint32_t loop = (uint32_t)build->code.size;
    for (int i = 0; i < 3; i++) {
        build_code(build, SFPM_OP_LOCAL_GET, 0);
        if (i > 0)
            build_const(build, 'i', i == 1 ? 3 : 0);
        if (i == 1)
            build_code(build, SFPM_OP_I32_ADD, 0);
        build_code(build, i < 2 ? SFPM_OP_CALL : SFPM_OP_CALL_INDIRECT, i < 2 ? 1 : type);
        build_code(build, SFPM_OP_LOCAL_SET, 0);
    }
    build_code(build, SFPM_OP_BR, loop);
    build->program.num_elements = 1;
    build->elements[0] = build_function(build, "i:i", "");
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    build_code(build, SFPM_OP_BR_IF, build->code.size + 5 + 3 + CELLS + 1);
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    for (int i = 0; i < CELLS; i++)
        build_code(build, SFPM_OP_I32_EXTEND8_S, 0);
    build_code(build, SFPM_OP_RETURN, 0);
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    build_code(build, SFPM_OP_RETURN, 0);
    return loop;
}

/* Stack and state after the program, to the calls and round after round of them. */
static void run_refused(const sfpm_regions_t *regions, uint32_t loop,
                        sfpm_vm_engine_t engine, sfpm_regions_t *after)
{
    const uint64_t steps[] = {loop / 12 * 2, 7, 3 * MANY, 3};
    sfpm_vm_run_options_t options = {.struct_size = sizeof options, .engine = engine};
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(load_regions(vm, regions));
    for (size_t i = 0; i < 4; i++) {
        options.max_steps = steps[i];
        ck_assert(sfpm_vm_run(vm, &options));
    }
    copy_regions(vm, after);
    sfpm_vm_destroy(vm);
}

START_TEST(calls_of_what_tier_1_refuses_take_no_time)
{
    build_t build;
    sfpm_regions_t regions, simple, fast;
    const uint32_t loop = build_refused(&build);
    build_regions(&build, &regions);
    run_refused(&regions, loop, SFPM_VM_ENGINE_SIMPLE, &simple);
    run_refused(&regions, loop, SFPM_VM_ENGINE_FAST, &fast);
    for (int id = SFPM_STATE; id <= SFPM_STACK; id++) {
        ck_assert_uint_eq(fast.region[id].size, simple.region[id].size);
        ck_assert_mem_eq(fast.region[id].data, simple.region[id].data,
                         simple.region[id].size);
    }
    sfpm_regions_free(&regions);
    sfpm_regions_free(&simple);
    sfpm_regions_free(&fast);
}
END_TEST

/* A native function that takes away what the machine stands on is refused each time. */
static int num_refusals;

static void refused(bool done)
{
    ck_assert(!done);
    expect_error(SFPM_ERR_ARGUMENT, 0, "the machine is running");
    num_refusals++;
}

static sfpm_native_result_t undermine(void *context, sfpm_vm_t *vm,
                                      const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)params;
    (void)results;
    const uint8_t halt = SFPM_OP_HALT;
    refused(sfpm_vm_run(vm, NULL));
    refused(sfpm_vm_restart(vm));
    refused(sfpm_vm_fresh(vm));
    refused(sfpm_vm_patch(vm, 0, &halt, 1));
    refused(sfpm_vm_enter(vm, "main", NULL, 0));
    refused(sfpm_vm_call(vm, "main", NULL, 0, NULL, 0, NULL));
    refused(sfpm_vm_load_code(vm, &halt, 1));
    refused(sfpm_vm_assemble(vm, "halt", 4, "x.s", NULL, NULL));
    refused(load_regions(vm, context));
    refused(sfpm_vm_restore(vm, "small.img"));
    refused(sfpm_vm_save(vm, "small.img"));
    refused(sfpm_vm_import(vm, "a", "b", "", undermine, NULL));
    return SFPM_NATIVE_DONE;
}

START_TEST(running_machine_is_not_changed_by_its_natives)
{
    static const sfpm_vm_engine_t engines[] = {SFPM_VM_ENGINE_FAST,
                                               SFPM_VM_ENGINE_SIMPLE};
    sfpm_regions_t regions;
    sfpm_vm_t *small = assembled("halt");
    copy_regions(small, &regions);
    ck_assert(sfpm_vm_save(small, "small.img"));
    for (size_t i = 0; i < 2; i++) {
        const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                               .engine = engines[i]};
        sfpm_vm_t *vm =
            assembled(".import host undermine undermine\n .export main func main\n"
                      ".func main\n call undermine\n halt");
        num_refusals = 0;
        ck_assert(sfpm_vm_import(vm, "host", "undermine", "", undermine, &regions));
        if (!sfpm_vm_run(vm, &options))
            ck_abort_msg("%s", sfpm_last_error());
        ck_assert_int_eq(num_refusals, 12);
        ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
        sfpm_vm_destroy(vm);
    }
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(small);
}
END_TEST

/* ---- Without memory --------------------------------------------------------------- */

/* A machine of 64 MiB, and a function whose frame takes half a megabyte; halted. */
static sfpm_vm_t *large_machine(void)
{
    sfpm_buffer_t text = {0};
    const char head[] = ".memory 1024\n .global g 1\n .export deep func deep\n"
                        ".func main\n push 5\n global.set g\n halt\n .func deep\n";
    ck_assert(sfpm_buffer_add(&text, head, strlen(head)));
    for (int i = 0; i < 60000; i++)
        ck_assert(sfpm_buffer_add(&text, ".local i64\n", 11));
    ck_assert(sfpm_buffer_add(&text, "return\n", 8));
    sfpm_vm_t *vm = assembled((const char *)text.data);
    sfpm_buffer_free(&text);
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    return vm;
}

START_TEST(machine_for_which_there_is_no_memory_stays_as_it_was)
{
    sfpm_vm_t *vm = large_machine();
    sfpm_regions_t before, after;
    struct rlimit old;
    copy_regions(vm, &before);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &old), 0);
    const struct rlimit none = {.rlim_cur = 1 << 20, .rlim_max = old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    const bool fresh = sfpm_vm_fresh(vm);
    const sfpm_status_t why_not = sfpm_last_status();
    const bool entered = sfpm_vm_enter(vm, "deep", NULL, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &old), 0);
    ck_assert(!fresh && !entered);
    ck_assert_int_eq(why_not, SFPM_ERR_MEMORY);
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MEMORY);
    copy_regions(vm, &after);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        ck_assert_uint_eq(after.region[id].size, before.region[id].size);
        if (before.region[id].size > 0)
            ck_assert_mem_eq(after.region[id].data, before.region[id].data,
                             before.region[id].size);
    }
    sfpm_regions_free(&before);
    sfpm_regions_free(&after);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {shapes_go_down_as_far_as_wanted, NULL};
    const test_t limits[] = {
        translated_code_is_limited,
                             calls_of_many_values_are_limited,
        unwinds_of_many_values_are_limited,
        calls_of_version1_are_limited,
        values_of_a_high_stack_are_text,
        entries_of_tables_are_limited,
        missing_imports_are_named_as_far_as_there_is_room,
        unproved_operands_are_text,
        text_full_of_faults_is_left_soon,
        calls_by_equal_types_take_no_time,
        calls_of_what_tier_1_refuses_take_no_time,
        running_machine_is_not_changed_by_its_natives,
        /* Sanitizers end the program when there is no memory. */
        SANITIZED ? NULL : machine_for_which_there_is_no_memory_stays_as_it_was,
        NULL,
    };
    return run_suite("vm_hostile", core, limits);
}
