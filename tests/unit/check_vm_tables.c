/* SPDX-License-Identifier: MIT */
/* The tables of bytecode versions 2 and 3, and what hostile ones and hostile states can do. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "vm_build.h"
#include "vm_common.h"

/* A program with something of everything. It computes in all types, calls through the
 * table and directly, and uses memory; it ends with three values on the stack. */
static void build_everything(build_t *build)
{
    build_start(build);
    sfpm_program_t *program = &build->program;
    program->min_pages = 1;
    program->max_pages = 3;
    program->num_segments = 2;
    build->segments[0] = (sfpm_segment_t){
        .bytes = (const uint8_t *)"memory", .size = 6, .address = 100, .is_active = true};
    build->segments[1] = (sfpm_segment_t){.bytes = (const uint8_t *)"later", .size = 5};
    build_global(build, 'i', false, 7);
    build_global(build, 'F', true, 0x3FF8000000000000);
    build_import(build, "i:", "env", "ignore");
    uint32_t scale = build_function(build, "fI:F", "iF");
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    build_code(build, SFPM_OP_F64_PROMOTE_F32, 0);
    build_code(build, SFPM_OP_LOCAL_GET, 1);
    build_code(build, SFPM_OP_F64_CONVERT_I64_S, 0);
    build_code(build, SFPM_OP_F64_MUL, 0);
    build_code(build, SFPM_OP_GLOBAL_GET, 1);
    build_code(build, SFPM_OP_F64_ADD, 0);
    build_code(build, SFPM_OP_LOCAL_TEE, 3);
    build_code(build, SFPM_OP_RETURN, 0);
    program->start = build_function(build, ":", "ffI");
    build_const(build, 'i', 100);
    build_code(build, SFPM_OP_I32_LOAD8_U, 1);
    build_const(build, 'f', 0x40000000);
    build_const(build, 'I', 21);
    build_const(build, 'i', 1);
    build_code(build, SFPM_OP_CALL_INDIRECT, build->functions[scale].type);
    build_code(build, SFPM_OP_GLOBAL_SET, 1);
    build_const(build, 'f', 0x3F800000);
    build_const(build, 'I', 1);
    build_code(build, SFPM_OP_CALL, scale);
    build_const(build, 'i', 200);
    build_const(build, 'i', 0);
    build_const(build, 'i', 5);
    build_code(build, SFPM_OP_MEMORY_INIT, 1);
    build_code(build, SFPM_OP_DATA_DROP, 1);
    build_code(build, SFPM_OP_GLOBAL_GET, 0);
    build_code(build, SFPM_OP_HALT, 0);
    program->num_elements = 2;
    build->elements[0] = SFPM_NO_FUNCTION;
    build->elements[1] = scale;
    program->num_exports = 4;
    build->exports[0] = (sfpm_export_t){SFPM_EXPORT_FUNCTION, scale, "scale"};
    build->exports[1] = (sfpm_export_t){SFPM_EXPORT_MEMORY, 0, "memory"};
    build->exports[2] = (sfpm_export_t){SFPM_EXPORT_GLOBAL, 1, "factor"};
    build->exports[3] = (sfpm_export_t){SFPM_EXPORT_TABLE, 0, ""};
}

static sfpm_native_result_t ignore(void *context, sfpm_vm_t *vm,
                                   const sfpm_value_t *params, sfpm_value_t *results)
{
    (void)context;
    (void)vm;
    (void)params;
    (void)results;
    return SFPM_NATIVE_DONE;
}

static void offer_native(sfpm_vm_t *vm)
{
    ck_assert(sfpm_vm_import(vm, "env", "ignore", "i32", ignore, NULL));
}

static sfpm_vm_t *everything(void)
{
    build_t build;
    build_everything(&build);
    sfpm_vm_t *vm = build_vm(&build);
    offer_native(vm);
    if (!sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

START_TEST(program_with_everything_runs)
{
    sfpm_vm_t *vm = everything();
    static const int64_t results[] = {'e', 0x4046400000000000, 7};
    int64_t value;
    ck_assert_uint_eq(info_of(vm).bytecode, 2);
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert(sfpm_vm_operand(vm, 0, i, &value));
        ck_assert_int_eq(value, results[i]);
    }
    /* Again, everything as it was: the dropped segment, the global, the memory. */
    ck_assert(sfpm_vm_restart(vm));
    run_steps(vm, 0, NULL);
    ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_MEMORY_BOUNDS);
    ck_assert(sfpm_vm_fresh(vm));
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    ck_assert(sfpm_vm_operand(vm, 0, 1, &value));
    ck_assert_int_eq(value, results[1]);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(tables_come_back_as_they_were)
{
    build_t build;
    sfpm_regions_t regions;
    sfpm_program_t program;
    sfpm_regions_t again = {0};
    build_everything(&build);
    build_regions(&build, &regions);
    const sfpm_buffer_t *table = &regions.region[SFPM_FUNCTIONS];
    if (!sfpm_program_decode(&program, &regions))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert(sfpm_tables_encode(&again, &program));
    ck_assert_uint_eq(again.region[SFPM_FUNCTIONS].size, table->size);
    ck_assert_mem_eq(again.region[SFPM_FUNCTIONS].data, table->data, table->size);
    ck_assert_str_eq(program.functions[0].module, "env");
    ck_assert_str_eq(program.functions[0].field, "ignore");
    ck_assert_uint_eq(sfpm_export_named(&program, SFPM_EXPORT_GLOBAL, "factor")->index,
                      1);
    ck_assert_ptr_null(sfpm_export_named(&program, SFPM_EXPORT_GLOBAL, "scale"));
    sfpm_program_free(&program);
    sfpm_regions_free(&again);
    sfpm_regions_free(&regions);
}
END_TEST

/* What loading and verifying say when a u32 of a region is another. */
static void expect_refused(sfpm_vm_t *vm, sfpm_region_id_t id, size_t offset,
                           uint32_t value, sfpm_status_t status, const char *message)
{
    sfpm_regions_t regions;
    sfpm_vm_t *made = sfpm_vm_create();
    copy_regions(vm, &regions);
    ck_assert_uint_ge(regions.region[id].size, offset + 4);
    sfpm_put_u32(regions.region[id].data + offset, value);
    if (load_regions(made, &regions) && sfpm_vm_verify(made))
        ck_abort_msg("region %d, byte %zu: %u was accepted", id, offset, value);
    expect_error(status, 0, message);
    sfpm_vm_destroy(made);
    sfpm_regions_free(&regions);
}

START_TEST(hostile_tables_are_refused)
{
    /* Types at 56: "i:", "fI:F", ":"; the import at 72, functions at 91 and 103, globals
     * at 116, exports at 120, segments at the end, of 15 and 14 bytes. */
    static const struct {
        sfpm_region_id_t region;
        size_t offset;
        uint32_t value;
        sfpm_status_t status;
        const char *message;
    } changes[] = {
        {SFPM_FUNCTIONS, 4, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 4, 2, SFPM_ERR_CORRUPT, ""},
        {SFPM_FUNCTIONS, 8, 4, SFPM_ERR_CORRUPT,
         "4 imports, but only 3 functions in all"},
        {SFPM_FUNCTIONS, 12, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 16, 0, SFPM_ERR_CORRUPT, "there is no start function 0"},
        {SFPM_FUNCTIONS, 16, 3, SFPM_ERR_CORRUPT, "there is no start function 3"},
        {SFPM_FUNCTIONS, 16, 1, SFPM_ERR_BYTECODE, "has parameters"},
        {SFPM_FUNCTIONS, 20, 3, SFPM_ERR_CORRUPT,
         "3 globals, but region 'globals' has 2"},
        {SFPM_FUNCTIONS, 24, 3, SFPM_ERR_BYTECODE, "does not hold 3 elements"},
        {SFPM_FUNCTIONS, 24, 1000001, SFPM_ERR_LIMIT, "more than 1000000 elements"},
        {SFPM_FUNCTIONS, 28, 4, SFPM_ERR_CORRUPT, "memory size (4 to 3 pages)"},
        {SFPM_FUNCTIONS, 28, 2, SFPM_ERR_BYTECODE, "the program has 2 to 3 pages"},
        {SFPM_FUNCTIONS, 28, 0, SFPM_ERR_CORRUPT, "segments[0]: 6 bytes at 100"},
        {SFPM_FUNCTIONS, 32, 65537, SFPM_ERR_CORRUPT, "memory size (1 to 65537 pages)"},
        {SFPM_FUNCTIONS, 32, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "memory size (1 to"},
        {SFPM_FUNCTIONS, 36, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 40, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 40, 1, SFPM_ERR_CORRUPT, "has 14 bytes too many"},
        {SFPM_FUNCTIONS, 44, 1, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 52, 1, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 56, 1001, SFPM_ERR_LIMIT, "types[0]: more than 1000 values"},
        {SFPM_FUNCTIONS, 60, 0x7B, SFPM_ERR_CORRUPT, "types[0]: 0x7B is not a type"},
        {SFPM_FUNCTIONS, 72, 3, SFPM_ERR_CORRUPT, "functions[0]: there is no type 3"},
        {SFPM_FUNCTIONS, 76, 0xFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 78, 0x00766E1B, SFPM_ERR_CORRUPT, "imports[0]: invalid name"},
        {SFPM_FUNCTIONS, 91, 1, SFPM_ERR_CORRUPT, "functions[1]: entry 1"},
        {SFPM_FUNCTIONS, 103, 0, SFPM_ERR_CORRUPT, "functions[2]: entry 0 does not follow"},
        {SFPM_FUNCTIONS, 103, 10000, SFPM_ERR_CORRUPT, "entry 10000 is beyond the code"},
        {SFPM_FUNCTIONS, 101, 0x7E, SFPM_ERR_CORRUPT, "functions[1]: 0x00 is not a type"},
        {SFPM_FUNCTIONS, 116, 0x017C027F, SFPM_ERR_CORRUPT, "globals[0]: mutable is 2"},
        {SFPM_FUNCTIONS, 121, 3, SFPM_ERR_CORRUPT, "exports[0]: item"},
        {SFPM_GLOBALS, 4, 1, SFPM_ERR_BYTECODE, "globals[0]: its value is not of type i32"},
        {SFPM_GLOBALS, 12, 1, SFPM_ERR_BYTECODE,
         "globals[0]: its value is not of type i32"},
        {SFPM_TABLE, 0, 3, SFPM_ERR_BYTECODE, "table[0]: there is no function 3"},
        {SFPM_TABLE, 12, 3, SFPM_ERR_BYTECODE, "table[1]: there is no function 3"},
    };
    sfpm_vm_t *vm = everything();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        note_input("case", i);
        expect_refused(vm, changes[i].region, changes[i].offset, changes[i].value,
                       changes[i].status, changes[i].message);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- References ---------------------------------------------------------------- */

/* A program of version 3: it keeps references everywhere, and calls through a table. */
static void build_references(build_t *build)
{
    static const uint64_t functions[] = {SFPM_NULL_REFERENCE, 0}, host[] = {5};
    build_start(build);
    build_table(build, 'p', 2, 4);
    build_table(build, 'x', 1, SFPM_NO_MOST);
    build_elements(build, &(sfpm_element_segment_t){.values = build_slots(functions, 2),
                                                    .size = 2,
                                                    .type = SFPM_TYPE_FUNCREF,
                                                    .is_active = true});
    build_elements(build,
                   &(sfpm_element_segment_t){.values = build_slots(host, 1),
                                             .size = 1,
                                             .type = SFPM_TYPE_EXTERNREF});
    build_global(build, 'p', true, 1);
    build_global(build, 'x', true, 77);
    uint32_t is_null = build_function(build, "p:i", "x");
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    build_code(build, SFPM_OP_REF_IS_NULL, 0);
    build_code(build, SFPM_OP_RETURN, 0);
    build->program.start = build_function(build, ":", "p");
    build_code(build, SFPM_OP_REF_FUNC, is_null);
    build_code(build, SFPM_OP_LOCAL_SET, 0);
    build_const(build, 'i', 0);
    build_code(build, SFPM_OP_TABLE_GET, 0);
    build_code(build, SFPM_OP_GLOBAL_GET, 0);
    build_const(build, 'i', 1);
    build_code(build, SFPM_OP_TABLE_CALL, (uint64_t)build->functions[is_null].type << 32);
    build_const(build, 'i', 0);
    build_const(build, 'i', 0);
    build_const(build, 'i', 1);
    build_code(build, SFPM_OP_TABLE_INIT, 1 | (uint64_t)1 << 32);
    build_code(build, SFPM_OP_ELEM_DROP, 1);
    build_code(build, SFPM_OP_REF_FUNC, is_null);
    build_const(build, 'i', 2);
    build_code(build, SFPM_OP_TABLE_GROW, 0);
    build_code(build, SFPM_OP_HALT, 0);
    build->program.num_exports = 1;
    build->exports[0] = (sfpm_export_t){SFPM_EXPORT_TABLE, 1, "t"};
}

static sfpm_vm_t *references(void)
{
    build_t build;
    build_references(&build);
    sfpm_vm_t *vm = build_vm(&build);
    if (!sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

static uint64_t slot_at(sfpm_vm_t *vm, sfpm_region_id_t id, size_t offset)
{
    sfpm_regions_t regions;
    copy_regions(vm, &regions);
    ck_assert_uint_ge(regions.region[id].size, offset + 8);
    uint64_t value = sfpm_get_u64(regions.region[id].data + offset);
    sfpm_regions_free(&regions);
    return value;
}

START_TEST(program_with_references_runs)
{
    static const int64_t results[] = {-1, 0, 2}; /* null, not null, elements before */
    sfpm_vm_t *vm = references();
    for (int round = 0; round < 2; round++) {
        ck_assert_uint_eq(info_of(vm).bytecode, 3);
        ck_assert_uint_eq(info_of(vm).elements, 3);
        ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
        for (uint32_t i = 0; i < 3; i++) {
            int64_t value;
            ck_assert(sfpm_vm_operand(vm, 0, i, &value));
            ck_assert_int_eq(value, results[i]);
        }
        ck_assert_uint_eq(info_of(vm).elements, 5);
        /* Directory: table 1 lies behind the two new elements of table 0. */
        ck_assert_uint_eq(slot_at(vm, SFPM_TABLE, 0), (uint64_t)4 << 32);
        ck_assert_uint_eq(slot_at(vm, SFPM_TABLE, 8), 4 | (uint64_t)1 << 32);
        ck_assert_uint_eq(slot_at(vm, SFPM_TABLE, 16), SFPM_NULL_REFERENCE);
        ck_assert_uint_eq(slot_at(vm, SFPM_TABLE, 40), 0);
        ck_assert_uint_eq(slot_at(vm, SFPM_TABLE, 48), 5);
        /* The second segment is dropped. */
        ck_assert(sfpm_vm_restart(vm));
        run_steps(vm, 0, NULL);
        ck_assert_int_eq(info_of(vm).trap, SFPM_TRAP_TABLE_BOUNDS);
        ck_assert(sfpm_vm_fresh(vm));
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Contents of memory at first ------------------------------------------------ */

#define COPY(instruction, count)                                                         \
    "i32.const 0\ni32.const 0\ni32.const " count "\n" instruction "\n"
#define INITIAL                                                                          \
    ".version 3\n.memory 3\n.table 2\n.elem 0 main, main\n.data 65540 \"abcdef\"\n"       \
    ".data passive \"xyz\"\n.func main\n" COPY("memory.init 0", "0")                     \
        COPY("table.init 0 0", "0") COPY("memory.init 1", "3")                           \
            "i32.const 65540\ni32.const 90\ni32.store8\n"

/* Version 3 drops segments that were copied at the start. What they hold of memory is in
 * a region of its own. */
START_TEST(active_segments_are_dropped)
{
    static const struct {
        const char *program;
        sfpm_trap_t trap;
    } cases[] = {{INITIAL COPY("memory.init 0", "1") "halt\n", SFPM_TRAP_MEMORY_BOUNDS},
                 {INITIAL COPY("table.init 0 0", "1") "halt\n", SFPM_TRAP_TABLE_BOUNDS}};
    for (int run = 0; run < 4; run++) {
        sfpm_vm_t *vm = assembled(cases[run / 2].program);
        sfpm_regions_t regions;
        run_steps(vm, 0, NULL);
        if (run % 2) {
            ck_assert(sfpm_vm_fresh(vm));
            const uint8_t *memory = sfpm_vm_memory(vm, 0, 3 * SFPM_PAGE_SIZE);
            ck_assert_mem_eq(memory, "\0\0\0", 4);
            ck_assert_mem_eq(memory + 65540, "abcdef", 7);
            run_steps(vm, 0, NULL);
        }
        ck_assert_int_eq(info_of(vm).trap, cases[run / 2].trap);
        const uint8_t *memory = sfpm_vm_memory(vm, 0, 3 * SFPM_PAGE_SIZE);
        ck_assert_mem_eq(memory, "xyz", 4);
        ck_assert_mem_eq(memory + 65540, "Zbcdef", 7);
        copy_regions(vm, &regions);
        ck_assert_uint_eq(regions.region[SFPM_INITIAL].size, 2 * SFPM_PAGE_SIZE);
        ck_assert_mem_eq(regions.region[SFPM_INITIAL].data + 65540, "abcdef", 7);
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(initial_contents_that_are_not_there_are_refused)
{
    sfpm_vm_t *vm = assembled(INITIAL "halt\n"), *made = sfpm_vm_create();
    sfpm_regions_t regions;
    copy_regions(vm, &regions);
    sfpm_buffer_t *initial = &regions.region[SFPM_INITIAL];
    initial->size = 65546;
    ck_assert(load_regions(made, &regions) && sfpm_vm_verify(made));
    initial->size--;
    ck_assert(!load_regions(made, &regions));
    expect_error(SFPM_ERR_CORRUPT, 0,
                 "segments[0]: 6 bytes at 65540 are outside region 'initial'");
    initial->size = 0;
    ck_assert(!load_regions(made, &regions));
    initial->size = 2 * SFPM_PAGE_SIZE;
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(made);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(hostile_references_are_refused)
{
    /* Types at 56: "p:i", ":"; functions at 66 and 77, globals at 88, the export at 92,
     * tables at 101 and 110, segments at 119 (values at 133) and 149, up to 171. */
    static const struct {
        sfpm_region_id_t region;
        size_t offset;
        uint32_t value;
        sfpm_status_t status;
        const char *message;
    } changes[] = {
        {SFPM_FUNCTIONS, 0, 2, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 24, 1, SFPM_ERR_CORRUPT, "exports[0]: item 1 of kind 1"},
        {SFPM_FUNCTIONS, 24, 1001, SFPM_ERR_LIMIT, "more than 1000 tables"},
        {SFPM_FUNCTIONS, 24, 0xFFFFFFFF, SFPM_ERR_LIMIT, "more than 1000 tables"},
        {SFPM_FUNCTIONS, 44, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 44, 1, SFPM_ERR_CORRUPT, "has 22 bytes too many"},
        {SFPM_FUNCTIONS, 48, 1, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 52, 1, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 93, 2, SFPM_ERR_CORRUPT, "exports[0]: item 2 of kind 1"},
        {SFPM_FUNCTIONS, 101, 0x027F, SFPM_ERR_CORRUPT,
         "tables[0]: 0x7F is not a type of references"},
        {SFPM_FUNCTIONS, 102, 5, SFPM_ERR_CORRUPT,
         "tables[0]: invalid size (5 to 4 elements)"},
        {SFPM_FUNCTIONS, 102, 1, SFPM_ERR_CORRUPT,
         "elements[0]: 2 elements at 0 are outside the initial table"},
        {SFPM_FUNCTIONS, 102, 3, SFPM_ERR_BYTECODE, "table[0]: 2 elements"},
        {SFPM_FUNCTIONS, 111, 1000000, SFPM_ERR_LIMIT, "more than 1000000 elements"},
        {SFPM_FUNCTIONS, 119, 0x7002, SFPM_ERR_CORRUPT, "elements[0]: invalid kind 2"},
        {SFPM_FUNCTIONS, 119, 0x6F01, SFPM_ERR_CORRUPT,
         "elements[0]: table 0 has another type"},
        {SFPM_FUNCTIONS, 119, 0x7F01, SFPM_ERR_CORRUPT,
         "elements[0]: 0x7F is not a type of references"},
        {SFPM_FUNCTIONS, 121, 2, SFPM_ERR_CORRUPT, "elements[0]: there is no table 2"},
        {SFPM_FUNCTIONS, 125, 1, SFPM_ERR_CORRUPT, "elements[0]: 2 elements at 1"},
        {SFPM_FUNCTIONS, 129, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "is truncated"},
        {SFPM_FUNCTIONS, 133, 0, SFPM_ERR_CORRUPT, "elements[0]: there is no function"},
        {SFPM_FUNCTIONS, 141, 2, SFPM_ERR_CORRUPT, "elements[0]: there is no function 2"},
        {SFPM_FUNCTIONS, 145, 1, SFPM_ERR_CORRUPT, "elements[0]: there is no function"},
        {SFPM_FUNCTIONS, 151, 1, SFPM_ERR_CORRUPT, "elements[1]: invalid table or"},
        {SFPM_FUNCTIONS, 155, 1, SFPM_ERR_CORRUPT, "elements[1]: invalid table or"},
        {SFPM_TABLE, 0, 1, SFPM_ERR_BYTECODE, "table[0]: it does not begin where"},
        {SFPM_TABLE, 4, 1, SFPM_ERR_BYTECODE, "table[0]: 1 elements, but it has 2 to 4"},
        {SFPM_TABLE, 4, 5, SFPM_ERR_BYTECODE, "table[0]: 5 elements, but it has 2 to 4"},
        {SFPM_TABLE, 4, 3, SFPM_ERR_BYTECODE, "table[1]: it does not begin where"},
        {SFPM_TABLE, 12, 2, SFPM_ERR_BYTECODE, "does not hold 4 elements"},
        {SFPM_TABLE, 12, 0xFFFFFFFF, SFPM_ERR_BYTECODE, "more than 1000000 elements"},
        {SFPM_TABLE, 16, 0, SFPM_ERR_BYTECODE, "element 0: there is no function"},
        {SFPM_TABLE, 24, 2, SFPM_ERR_BYTECODE, "element 1: there is no function 2"},
        {SFPM_TABLE, 28, 1, SFPM_ERR_BYTECODE, "element 1: there is no function"},
        {SFPM_GLOBALS, 0, 2, SFPM_ERR_BYTECODE, "globals[0]: its value is not of type f"},
        {SFPM_GLOBALS, 12, 1, SFPM_ERR_BYTECODE, "globals[0]: its value is not of type f"},
        {SFPM_STATE, 29, 4 << 24, SFPM_ERR_CORRUPT, "more than 2 segments dropped"},
    };
    sfpm_vm_t *vm = references();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        note_input("case", i);
        expect_refused(vm, changes[i].region, changes[i].offset, changes[i].value,
                       changes[i].status, changes[i].message);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* A u32 of a region may be another one. */
static void expect_accepted(sfpm_vm_t *vm, sfpm_region_id_t id, size_t offset,
                            uint32_t value)
{
    sfpm_regions_t regions;
    sfpm_vm_t *made = sfpm_vm_create();
    copy_regions(vm, &regions);
    sfpm_put_u32(regions.region[id].data + offset, value);
    if (!load_regions(made, &regions) || !sfpm_vm_verify(made))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_vm_destroy(made);
    sfpm_regions_free(&regions);
}

START_TEST(references_of_a_suspended_machine_are_proved)
{
    /* In the function that was called through the table, before ref.is_null. Stack: the
     * local of the start (0), record (1, 2), what it got from the table (3); parameter and
     * local (4, 5), record (6, 7), what it looks at (8). */
    static const struct {
        uint32_t slot;
        const char *message; /* NULL: any value fits */
    } slots[] = {{0, "stack[0]: the value in function 1 is not of type funcref"},
                 {3, "stack[3]: the value in function 1 is not of type funcref"},
                 {4, "stack[4]: the value in function 0 is not of type funcref"},
                 {5, NULL},
                 {6, "stack[6]: return offset 2 does not follow a call with the "
                 "results of function 0"},
                 {8, "stack[8]: the value in function 0 is not of type funcref"}};
    sfpm_vm_t *vm = references();
    run_steps(vm, 8, NULL);
    ck_assert_uint_eq(info_of(vm).frames, 2);
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        note_input("case", i);
        if (slots[i].message)
            expect_refused(vm, SFPM_STACK, (size_t)slots[i].slot * 8, 2,
                           SFPM_ERR_BYTECODE, slots[i].message);
        else
            expect_accepted(vm, SFPM_STACK, (size_t)slots[i].slot * 8, 2);
    }
    /* What the host chose may be anything. */
    expect_accepted(vm, SFPM_GLOBALS, 16, 12345);
    expect_accepted(vm, SFPM_TABLE, 32, 12345);
    sfpm_vm_destroy(vm);
}
END_TEST

static sfpm_native_result_t give_function(void *context, sfpm_vm_t *vm,
                                          const sfpm_value_t *params,
                                          sfpm_value_t *results)
{
    (void)vm;
    ck_assert_int_eq(params[0].type, SFPM_TYPE_EXTERNREF);
    ck_assert_uint_eq(params[0].reference, SFPM_NULL_REFERENCE);
    ck_assert_uint_eq(results[0].reference, SFPM_NULL_REFERENCE);
    results[0].reference = *(const uint64_t *)context;
    return SFPM_NATIVE_DONE;
}

START_TEST(host_gives_only_functions_that_exist)
{
    static const char text[] = ".import env give give externref -> funcref\n"
                               ".global g funcref\n.export g global g\n"
                               ".export set func set\n.func main\n ref.null externref\n"
                               " call give\n global.set g\n halt\n"
                               ".func set funcref\n local.get 0\n global.set g\n return";
    static const uint64_t functions[] = {2, SFPM_NULL_REFERENCE, 3, UINT32_MAX};
    for (size_t i = 0; i < 8; i++) {
        note_input("case", i);
        const bool exists = i / 2 < 2;
        const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                               .engine = i % 2 ? SFPM_VM_ENGINE_SIMPLE
                                                               : SFPM_VM_ENGINE_FAST};
        uint64_t function = functions[i / 2];
        sfpm_vm_t *vm = assembled(text);
        sfpm_value_t value = {.type = SFPM_TYPE_FUNCREF, .reference = function}, now;
        ck_assert(sfpm_vm_import(vm, "env", "give", "externref -> funcref", give_function,
                                 &function));
        ck_assert(sfpm_vm_run(vm, &options) == exists);
        if (!exists)
            expect_error(SFPM_ERR_ARGUMENT, 0, "env.give returned function");
        ck_assert(sfpm_vm_get_global(vm, "g", &now));
        ck_assert_uint_eq(now.reference, exists ? function : SFPM_NULL_REFERENCE);
        ck_assert(sfpm_vm_set_global(vm, "g", &value) == exists);
        ck_assert(sfpm_vm_call(vm, "set", &value, 1, NULL, 0, &options) == exists);
        if (!exists)
            expect_error(SFPM_ERR_ARGUMENT, 0, "number 0: there is no function");
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(exports_have_names_of_their_own)
{
    build_t build;
    sfpm_regions_t regions;
    sfpm_vm_t *vm = sfpm_vm_create();
    build_everything(&build);
    build.exports[2].name = "memory";
    build_regions(&build, &regions);
    ck_assert(!load_regions(vm, &regions));
    expect_error(SFPM_ERR_CORRUPT, 0, "exports: two exports are named 'memory'");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(values_of_a_suspended_machine_fit_their_types)
{
    /* In the function called through the table, before its third instruction. Stack: the
     * locals f f I of `main` (0 to 2), record (3, 4), i32 (5); the parameters f I (6, 7),
     * locals i F (8, 9), record (10, 11), f64 (12). */
    static const struct {
        uint32_t slot;
        const char *message; /* NULL: any value fits */
    } slots[] = {{0, "stack[0]: the value in function 2 is not of type f32"},
                 {1, "stack[1]: the value in function 2 is not of type f32"},
                 {2, NULL},
                 {5, "stack[5]: the value in function 2 is not of type i32"},
                 {6, "stack[6]: the value in function 1 is not of type f32"},
                 {7, NULL},
                 {8, "stack[8]: the value in function 1 is not of type i32"},
                 {9, NULL},
                 {12, NULL}};
    sfpm_vm_t *vm = everything();
    run_steps(vm, 8, NULL);
    ck_assert_uint_eq(info_of(vm).frames, 2);
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        note_input("case", i);
        sfpm_regions_t regions;
        size_t at = slots[i].slot * 8 + 4;
        if (slots[i].message) {
            expect_refused(vm, SFPM_STACK, at, 1, SFPM_ERR_BYTECODE, slots[i].message);
            continue;
        }
        sfpm_vm_t *made = sfpm_vm_create();
        copy_regions(vm, &regions);
        sfpm_put_u32(regions.region[SFPM_STACK].data + at, 1);
        ck_assert(load_regions(made, &regions) && sfpm_vm_verify(made));
        sfpm_vm_destroy(made);
        sfpm_regions_free(&regions);
    }
    expect_refused(vm, SFPM_STATE, 29, 4 << 24, SFPM_ERR_CORRUPT,
                   "more than 2 segments dropped");
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Floods -------------------------------------------------------------------- */

static uint64_t num_accepted, num_refused;

/* Loads, verifies and runs; what was accepted must end in a clean way. */
static void attempt(sfpm_vm_t *vm, const sfpm_regions_t *regions)
{
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_steps = 500,
                                           .max_stack = 8192,
                                           .max_memory = 4 * SFPM_PAGE_SIZE};
    char text[256];
    bool good = load_regions(vm, regions);
    for (uint64_t at = 0; good && at < info_of(vm).code_size;)
        at += sfpm_vm_instruction(vm, at, text, sizeof text);
    good = good && sfpm_vm_verify(vm);
    ++*(good ? &num_accepted : &num_refused);
    if (good && !sfpm_vm_run(vm, &options) && sfpm_last_status() != SFPM_ERR_TRAP &&
        sfpm_last_status() != SFPM_ERR_UNSUPPORTED)
        ck_abort_msg("%s", sfpm_last_error());
}

/* Every byte but those of memory becomes a few others, at several stops. */
START_TEST(any_changed_byte_is_refused_or_harmless)
{
    sfpm_vm_t *made = sfpm_vm_create();
    offer_native(made);
    static const uint64_t stops[] = {0, 4, 8, 12, 16};
    for (size_t stop = 0; stop < 10; stop++) {
        const uint64_t steps = stops[stop / 2];
        sfpm_regions_t regions;
        sfpm_vm_t *vm = stop % 2 ? references() : everything();
        if (steps)
            run_steps(vm, steps, NULL);
        copy_regions(vm, &regions);
        for (int id = 0; id < SFPM_NUM_REGIONS; id++)
            for (size_t i = 0; id != SFPM_MEMORY && i < regions.region[id].size; i++) {
                note_input(sfpm_region_names[id], i);
                uint8_t *byte = &regions.region[id].data[i];
                const uint8_t old = *byte;
                for (int k = 0; k < 6; k++) {
                    *byte =
                        k < 2 ? (uint8_t)(old + 1 - 2 * k) : (uint8_t)random_below(256);
                    attempt(made, &regions);
                }
                *byte = old;
            }
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(vm);
    }
    ck_assert_uint_gt(num_accepted, 500);
    ck_assert_uint_gt(num_refused, 500);
    sfpm_vm_destroy(made);
}
END_TEST

/* An instruction with an operand that may make sense. */
static void add_random(build_t *build)
{
    const sfpm_opcode_info_t *info = NULL;
    while (!info || info->operand == SFPM_OPERAND_TARGETS)
        info = sfpm_opcode_info((uint8_t)random_below(256));
    uint64_t operand = random_below(8) ? random_below(4) : random_below(UINT64_MAX);
    if (info->operand == SFPM_OPERAND_TARGET && random_below(8))
        operand = random_below(build->code.size + 12);
    if (info->operand == SFPM_OPERAND_UNWIND)
        operand = random_below(3) | random_below(3) << 16;
    build_code(build, (sfpm_opcode_t)info->opcode, operand);
}

START_TEST(random_code_is_refused_or_harmless)
{
    static const char types[] = "iIfF";
    sfpm_vm_t *vm = sfpm_vm_create();
    offer_native(vm);
    num_accepted = num_refused = 0;
    for (int i = 0; i < 20000; i++) {
        note_input("program", (uint64_t)i);
        build_t build;
        sfpm_regions_t regions;
        build_everything(&build);
        build_function(&build, "iI:f", "F");
        for (uint64_t left = random_below(4); left > 0; left--)
            build_const(&build, types[random_below(4)], random_below(UINT64_MAX));
        for (uint64_t left = random_below(5); left > 0; left--)
            add_random(&build);
        build_code(&build, SFPM_OP_HALT, 0);
        build.program.start = build_function(&build, ":", "iIfF");
        build_const(&build, 'i', random_below(4) * 40);
        build_const(&build, types[random_below(4)], random_below(UINT64_MAX));
        for (uint64_t left = random_below(6); left > 0; left--)
            add_random(&build);
        build_code(&build, SFPM_OP_HALT, 0);
        build_regions(&build, &regions);
        attempt(vm, &regions);
        sfpm_regions_free(&regions);
    }
    ck_assert_uint_gt(num_accepted, 200);
    ck_assert_uint_gt(num_refused, 1000);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        program_with_everything_runs,
        program_with_references_runs,
        active_segments_are_dropped,
        tables_come_back_as_they_were,
        NULL,
    };
    const test_t limits[] = {
        hostile_tables_are_refused,
        hostile_references_are_refused,
        initial_contents_that_are_not_there_are_refused,
        references_of_a_suspended_machine_are_proved,
        host_gives_only_functions_that_exist,
        exports_have_names_of_their_own,
        values_of_a_suspended_machine_fit_their_types,
        any_changed_byte_is_refused_or_harmless,
        random_code_is_refused_or_harmless,
        NULL,
    };
    return run_suite("vm_tables", core, limits);
}
