/* SPDX-License-Identifier: MIT */
/* Control, calls and types in bytecode version 2, and what the verifier says of them. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/interpret.h"
#include "vm/machine.h"
#include "vm_build.h"
#include "vm_common.h"

/* ---- Control -------------------------------------------------------------------- */

static int64_t operand(const sfpm_vm_t *vm, uint32_t index)
{
    int64_t value;
    ck_assert(sfpm_vm_operand(vm, 0, index, &value));
    return value;
}

static sfpm_vm_t *proved(build_t *build)
{
    sfpm_vm_t *vm = build_vm(build);
    if (!sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

/* A br_table of three targets; which constant it reaches. */
static int64_t branch(uint32_t index)
{
    build_t build;
    build_start(&build);
    build_function(&build, ":", "");
    build_const(&build, 'i', index);
    build_code(&build, SFPM_OP_BR_TABLE, 2);
    const uint32_t first = (uint32_t)build.code.size + 12;
    build_u32(&build, first);
    build_u32(&build, first + 3);
    build_u32(&build, first + 6);
    for (uint32_t i = 0; i < 3; i++) {
        build_code(&build, SFPM_OP_PUSH, 10 + i);
        build_code(&build, SFPM_OP_HALT, 0);
    }
    sfpm_vm_t *vm = proved(&build);
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    int64_t value = operand(vm, 0);
    sfpm_vm_destroy(vm);
    return value;
}

START_TEST(table_of_branches_has_a_default)
{
    ck_assert_int_eq(branch(0), 10);
    ck_assert_int_eq(branch(1), 11);
    ck_assert_int_eq(branch(2), 12);
    ck_assert_int_eq(branch(3), 12);
    ck_assert_int_eq(branch(UINT32_MAX), 12);
}
END_TEST

START_TEST(unwinding_keeps_the_top)
{
    build_t build;
    build_start(&build);
    build_function(&build, ":", "");
    for (uint32_t i = 0; i < 6; i++)
        build_code(&build, SFPM_OP_PUSH, i);
    build_code(&build, SFPM_OP_UNWIND, 2 | 3 << 16);
    build_code(&build, SFPM_OP_UNWIND, 0);
    build_code(&build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = proved(&build);
    run_steps(vm, 0, NULL);
    sfpm_vm_frame_t frame;
    ck_assert(sfpm_vm_frame(vm, 0, &frame, sizeof frame));
    ck_assert_uint_eq(frame.operands, 3);
    ck_assert_int_eq(operand(vm, 0), 0);
    ck_assert_int_eq(operand(vm, 1), 4);
    ck_assert_int_eq(operand(vm, 2), 5);
    sfpm_vm_destroy(vm);
}
END_TEST

/* `main` calls element `element` as "iI:I" with 5 and 7. In the table: nothing, one that
 * subtracts, one of another type, one whose type is the same with another number. */
static void build_indirect(build_t *build, uint32_t element)
{
    build_start(build);
    build->types[0] = (sfpm_function_type_t){0};
    uint32_t type = build_type(build, "iI:I");
    uint32_t start = build_function(build, ":", "");
    build_const(build, 'F', 0);
    build_const(build, 'i', 5);
    build_const(build, 'I', 7);
    build_const(build, 'i', element);
    build_code(build, SFPM_OP_CALL_INDIRECT, type);
    build_code(build, SFPM_OP_HALT, 0);
    uint32_t subtract = build_function(build, "iI:I", "f");
    build_code(build, SFPM_OP_LOCAL_GET, 1);
    build_code(build, SFPM_OP_LOCAL_GET, 0);
    build_code(build, SFPM_OP_I64_EXTEND_I32_U, 0);
    build_code(build, SFPM_OP_SUB, 0);
    build_code(build, SFPM_OP_RETURN, 0);
    uint32_t other = build_function(build, "II:I", "");
    build_code(build, SFPM_OP_LOCAL_GET, 1);
    build_code(build, SFPM_OP_RETURN, 0);
    /* The same type once more. */
    uint32_t again = build_function(build, "iI:I", "");
    build_code(build, SFPM_OP_PUSH, 99);
    build_code(build, SFPM_OP_RETURN, 0);
    build->types[build->program.num_types] = build->types[type];
    build->functions[again].type = build->program.num_types++;
    build->program.start = start;
    build->program.num_elements = 4;
    const uint32_t elements[] = {SFPM_NO_FUNCTION, subtract, other, again};
    memcpy(build->elements, elements, sizeof elements);
}

START_TEST(indirect_calls_check_their_function)
{
    static const struct {
        uint32_t element;
        sfpm_trap_t trap;
        int64_t result;
    } cases[] = {
        {0, SFPM_TRAP_UNINITIALIZED_ELEMENT, 0},
        {1, SFPM_TRAP_NONE, 2},
        {2, SFPM_TRAP_INDIRECT_CALL_TYPE, 0},
        {3, SFPM_TRAP_NONE, 99},
        {4, SFPM_TRAP_UNDEFINED_ELEMENT, 0},
        {UINT32_MAX, SFPM_TRAP_UNDEFINED_ELEMENT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        build_t build;
        build_indirect(&build, cases[i].element);
        sfpm_vm_t *vm = proved(&build);
        run_steps(vm, 0, NULL);
        ck_assert_int_eq(info_of(vm).trap, cases[i].trap);
        if (cases[i].trap == SFPM_TRAP_NONE)
            ck_assert_int_eq(operand(vm, 1), cases[i].result);
        else /* the stack is as before */
            ck_assert_int_eq(operand(vm, 3), cases[i].element);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* Stopped before every instruction, saved and loaded, it ends the same. */
START_TEST(stopping_anywhere_changes_nothing)
{
    build_t build;
    sfpm_regions_t regions;
    build_indirect(&build, 1);
    sfpm_vm_t *vm = proved(&build);
    for (int i = 0; info_of(vm).status == SFPM_VM_SUSPENDED; i++) {
        run_steps(vm, 1, NULL);
        copy_regions(vm, &regions);
        ck_assert(load_regions(vm, &regions));
        if (!sfpm_vm_verify(vm))
            ck_abort_msg("%s", sfpm_last_error());
        sfpm_regions_free(&regions);
        ck_assert_int_lt(i, 20);
    }
    ck_assert_int_eq(operand(vm, 1), 2);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- The host ------------------------------------------------------------------- */

typedef struct host {
    sfpm_host_outcome_t outcome;
    uint64_t values[2];
    int calls;
} host_t;

static sfpm_host_outcome_t answer(void *context, sfpm_host_call_t *call)
{
    host_t *host = context;
    host->calls++;
    memcpy(host->values, call->values, sizeof host->values);
    if (host->outcome == SFPM_HOST_ERROR)
        sfpm_fail(SFPM_ERR_SYSTEM, "no answer");
    if (host->outcome == SFPM_HOST_DONE) {
        call->values[0] = UINT64_MAX; /* more than an i32 takes */
        call->values[1] = 1;
    }
    return host->outcome;
}

/* Runs a program that calls the host with 5 and 7 and expects an i32 and an i64. */
static sfpm_vm_t *call_host(host_t *host, bool *ran)
{
    build_t build;
    atomic_bool interrupt = false;
    build_start(&build);
    uint32_t import = build_import(&build, "iI:iI", "env", "f");
    build_function(&build, ":", "");
    build_const(&build, 'i', 5);
    build_const(&build, 'I', 7);
    build_code(&build, SFPM_OP_CALL, import);
    build_code(&build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = proved(&build);
    sfpm_machine_t machine = {.program = &vm->program,
                              .proof = &vm->proof,
                              .state = &vm->state,
                              .stack = &vm->regions.region[SFPM_STACK],
                              .memory = &vm->regions.region[SFPM_MEMORY]};
    const sfpm_limits_t limits = {.steps = 100,
                                  .max_slots = 1000,
                                  .host = host ? answer : NULL,
                                  .host_context = host,
                                  .interrupt = &interrupt};
    *ran = sfpm_interpret(&machine, &limits);
    return vm;
}

START_TEST(host_calls_end_in_each_way)
{
    static const struct {
        sfpm_host_outcome_t outcome;
        bool ran;
        sfpm_vm_status_t status;
        uint32_t pc; /* 14 is the call, 19 what follows */
        size_t height;
        uint64_t instructions;
    } cases[] = {
        {SFPM_HOST_DONE, true, SFPM_VM_HALTED, 19, 2, 4},
        {SFPM_HOST_RETRY, true, SFPM_VM_SUSPENDED, 14, 2, 2},
        {SFPM_HOST_HALT, true, SFPM_VM_HALTED, 14, 2, 3},
        {SFPM_HOST_TRAP, false, SFPM_VM_TRAPPED, 14, 2, 2},
        {SFPM_HOST_ERROR, false, SFPM_VM_SUSPENDED, 14, 2, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        bool ran;
        host_t host = {.outcome = cases[i].outcome};
        sfpm_vm_t *vm = call_host(&host, &ran);
        const sfpm_buffer_t *stack = &vm->regions.region[SFPM_STACK];
        bool done = cases[i].outcome == SFPM_HOST_DONE;
        ck_assert_int_eq(ran, cases[i].ran);
        ck_assert_int_eq(vm->state.status, cases[i].status);
        ck_assert_uint_eq(vm->state.pc, cases[i].pc);
        ck_assert_uint_eq(vm->state.instructions, cases[i].instructions);
        ck_assert_uint_eq(stack->size / 8 - SFPM_RECORD_SLOTS, cases[i].height);
        ck_assert_uint_eq(sfpm_get_u64(stack->data + 16), done ? UINT32_MAX : 5);
        ck_assert_uint_eq(sfpm_get_u64(stack->data + 24), done ? 1 : 7);
        ck_assert_int_eq(host.calls, 1);
        ck_assert_uint_eq(host.values[0], 5);
        ck_assert_uint_eq(host.values[1], 7);
        sfpm_vm_destroy(vm);
    }
    bool ran;
    sfpm_vm_t *vm = call_host(NULL, &ran);
    ck_assert(!ran);
    expect_error(SFPM_ERR_UNSUPPORTED, 0, "imported function env.f is not available");
    ck_assert_int_eq(vm->state.status, SFPM_VM_SUSPENDED);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- What the verifier refuses ---------------------------------------------------- */

/* A function of a program with a memory, a constant and a mutable global (i32, f64), two
 * types (":", "f:F") and a local of f32. */
static void build_sample(build_t *build)
{
    build_start(build);
    build->program.min_pages = 1;
    build->program.max_pages = 2;
    build->program.num_segments = 1;
    build->segments[0] = (sfpm_segment_t){.bytes = (const uint8_t *)"abc", .size = 3};
    build_global(build, 'i', false, 3);
    build_global(build, 'F', true, 0x3FF0000000000000);
    build_function(build, ":", "f");
    build_type(build, "f:F");
}

/* Instructions for the sample: opcode, operand; ended by a HALT. */
typedef struct step {
    sfpm_opcode_t opcode;
    uint64_t operand;
} step_t;

static sfpm_vm_t *build_steps(const step_t *steps)
{
    build_t build;
    build_sample(&build);
    for (; steps->opcode != SFPM_OP_HALT; steps++)
        build_code(&build, steps->opcode, steps->operand);
    build_code(&build, SFPM_OP_HALT, 0);
    return build_vm(&build);
}

#define I32                                                                              \
    {                                                                                    \
        SFPM_OP_I32_CONST, 0                                                             \
    }
#define I64                                                                              \
    {                                                                                    \
        SFPM_OP_I64_CONST, 0                                                             \
    }
#define F32                                                                              \
    {                                                                                    \
        SFPM_OP_F32_CONST, 0                                                             \
    }
#define F64                                                                              \
    {                                                                                    \
        SFPM_OP_F64_CONST, 0                                                             \
    }
#define DROP                                                                             \
    {                                                                                    \
        SFPM_OP_DROP, 0                                                                  \
    }
#define END                                                                              \
    {                                                                                    \
        SFPM_OP_HALT, 0                                                                  \
    }

static const struct {
    step_t steps[8];
    const char *message; /* NULL: it is sound */
} programs[] = {
    {{I32, I32, {SFPM_OP_I32_ADD, 0}, END}, NULL},
    {{I32, I64, {SFPM_OP_I32_ADD, 0}, END},
     "code[14] (14): i32.add takes i32, value 1 of the stack is i64"},
    {{I64, I32, {SFPM_OP_I32_ADD, 0}, END}, "takes i32, value 0 of the stack is i64"},
    {{F32, {SFPM_OP_F64_PROMOTE_F32, 0}, {SFPM_OP_F64_SQRT, 0}, END}, NULL},
    {{F64, {SFPM_OP_F64_PROMOTE_F32, 0}, END},
     "f64.promote_f32 takes f32, value 0 of the stack is f64"},
    {{I32, {SFPM_OP_PRINT, 0}, END}, "print takes i64, value 0 of the stack is i32"},
    {{F32, {SFPM_OP_LOCAL_SET, 0}, {SFPM_OP_LOCAL_GET, 0}, {SFPM_OP_F32_ABS, 0}, END},
     NULL},
    {{I32, {SFPM_OP_LOCAL_SET, 0}, END},
     "local.set takes f32, value 0 of the stack is i32"},
    {{F64, {SFPM_OP_LOCAL_TEE, 0}, END},
     "local.tee takes f32, value 0 of the stack is f64"},
    {{{SFPM_OP_LOCAL_GET, 0}, {SFPM_OP_F64_ABS, 0}, END}, "f64.abs takes f64"},
    {{{SFPM_OP_GLOBAL_GET, 0}, {SFPM_OP_I32_CLZ, 0}, END}, NULL},
    {{{SFPM_OP_GLOBAL_GET, 0}, {SFPM_OP_I64_CLZ, 0}, END}, "i64.clz takes i64"},
    {{F64, {SFPM_OP_GLOBAL_SET, 1}, END}, NULL},
    {{F32, {SFPM_OP_GLOBAL_SET, 1}, END}, "global.set takes f64"},
    {{I32, {SFPM_OP_GLOBAL_SET, 0}, END}, "code[5] (5): global 0 is constant"},
    /* conditions of either width, values of one type */
    {{I64, {SFPM_OP_BR_IF, 14}, END}, NULL},
    {{I32, {SFPM_OP_BR_UNLESS, 10}, END}, NULL},
    {{F32, {SFPM_OP_BR_IF, 10}, END}, "br_if takes i32, value 0 of the stack is f32"},
    {{F32, F32, I64, {SFPM_OP_SELECT, 0}, {SFPM_OP_F32_NEG, 0}, END}, NULL},
    {{F32, F64, I32, {SFPM_OP_SELECT, 0}, END},
     "select takes f64, value 0 of the stack is f32"},
    {{F32, F32, F32, {SFPM_OP_SELECT, 0}, END}, "select takes i32"},
    {{F64, {SFPM_OP_DUP, 0}, {SFPM_OP_F64_ADD, 0}, END}, NULL},
    {{F64, {SFPM_OP_DUP, 0}, {SFPM_OP_F32_ADD, 0}, END}, "f32.add takes f32, value 1"},
    /* merges of types, from 21 on */
    {{I32, I32, {SFPM_OP_BR_IF, 21}, DROP, F32, END},
     "code[16] (16): code[21] is reached with f32 as value 0 of the stack here, with i32 "
     "elsewhere"},
    {{I32, I32, {SFPM_OP_BR_IF, 21}, DROP, I32, END}, NULL},
    /* unwinding */
    {{F32,
      I32,
      F64,
      {SFPM_OP_UNWIND, 1 | 1 << 16},
      {SFPM_OP_F64_ABS, 0},
      DROP,
      {SFPM_OP_F32_ABS, 0},
      END},
     NULL},
    {{F32, I32, F64, {SFPM_OP_UNWIND, 1 | 2 << 16}, DROP, DROP, END}, "stack underflow"},
    {{F32, I32, {SFPM_OP_UNWIND, 1 | 2 << 16}, END},
     "stack underflow: unwind takes 3 values, the stack has 2"},
    {{{SFPM_OP_UNWIND, 1001}, END}, "unwind of more than 1000 values"},
    {{{SFPM_OP_UNWIND, 1001 << 16}, END}, "unwind of more than 1000 values"},
    /* memory and segments */
    {{I32, {SFPM_OP_F64_LOAD, 0}, {SFPM_OP_F64_ABS, 0}, END}, NULL},
    {{I64, {SFPM_OP_F64_LOAD, 0}, END}, "f64.load takes i32"},
    {{I32, F32, {SFPM_OP_F32_STORE, 0}, END}, NULL},
    {{I32, F64, {SFPM_OP_F32_STORE, 0}, END}, "f32.store takes f32"},
    {{I32, I32, I32, {SFPM_OP_MEMORY_INIT, 0}, {SFPM_OP_DATA_DROP, 0}, END}, NULL},
    {{I32, I32, I32, {SFPM_OP_MEMORY_INIT, 1}, END},
     "no data segment 1: the program has 1"},
    {{{SFPM_OP_DATA_DROP, 1}, END}, "no data segment 1"},
    /* calls through the table */
    {{F32, I32, {SFPM_OP_CALL_INDIRECT, 1}, {SFPM_OP_F64_ABS, 0}, END}, NULL},
    {{F64, I32, {SFPM_OP_CALL_INDIRECT, 1}, END}, "call_indirect takes f32"},
    {{F32, I64, {SFPM_OP_CALL_INDIRECT, 1}, END}, "call_indirect takes i32"},
    {{F32, {SFPM_OP_CALL_INDIRECT, 1}, END},
     "stack underflow: call_indirect takes 2 values, the stack has 1"},
    {{F32, I32, {SFPM_OP_CALL_INDIRECT, 2}, END}, "no type 2: the program has 2"},
    {{I32, {SFPM_OP_BR_TABLE, 0xFFFFFFFF}, END}, "br_table is cut off"},
    {{I32, {SFPM_OP_BR_TABLE, 0}, END}, "br_table is cut off"},
};

START_TEST(types_are_proved)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = build_steps(programs[i].steps);
        bool sound = sfpm_vm_verify(vm);
        if (sound != (programs[i].message == NULL))
            ck_abort_msg("program %zu: %s", i, sound ? "accepted" : sfpm_last_error());
        if (!sound)
            expect_error(SFPM_ERR_BYTECODE, 0, programs[i].message);
        else
            ck_assert_int_eq(run_steps(vm, 0, NULL) == SFPM_VM_SUSPENDED, 0);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(memory_must_be_there)
{
    static const step_t steps[][3] = {{I32, {SFPM_OP_I32_LOAD, 0}, END},
                                      {I32, {SFPM_OP_MEMORY_GROW, 0}, END},
                                      {{SFPM_OP_MEMORY_SIZE, 0}, END, END}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        note_input("case", i);
        build_t build;
        build_start(&build);
        build_function(&build, ":", "");
        for (const step_t *step = steps[i]; step->opcode != SFPM_OP_HALT; step++)
            build_code(&build, step->opcode, step->operand);
        build_code(&build, SFPM_OP_HALT, 0);
        sfpm_vm_t *vm = build_vm(&build);
        ck_assert(!sfpm_vm_verify(vm));
        expect_error(SFPM_ERR_BYTECODE, 0, "the program has no memory");
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(version_1_has_its_own_instructions)
{
    static const char code[7] = "\x41\0\0\0\0\x1A\x05";
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_regions_t regions;
    ck_assert(sfpm_vm_load_code(vm, "\6\6\6\6\6\6\5", 7));
    ck_assert_uint_eq(info_of(vm).bytecode, 1);
    copy_regions(vm, &regions);
    memcpy(regions.region[SFPM_CODE].data, code, 7);
    ck_assert(load_regions(vm, &regions));
    ck_assert(!sfpm_vm_verify(vm));
    expect_error(SFPM_ERR_BYTECODE, 0, "i32.const is not in bytecode version 1");
    sfpm_regions_free(&regions);
    /* Bare code is of the version that it needs. */
    ck_assert(sfpm_vm_load_code(vm, code, 7));
    ck_assert_uint_eq(info_of(vm).bytecode, 2);
    /* There all values are i64. */
    ck_assert(sfpm_vm_load_code(vm, "\x00\x07\x50\x04\x05", 5));
    ck_assert_uint_eq(info_of(vm).bytecode, 1);
    ck_assert_str_eq(output_of(vm), "0\n");
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        table_of_branches_has_a_default,     unwinding_keeps_the_top,
        indirect_calls_check_their_function, stopping_anywhere_changes_nothing,
        host_calls_end_in_each_way,          NULL,
    };
    const test_t limits[] = {
        types_are_proved,
        memory_must_be_there,
        version_1_has_its_own_instructions,
        NULL,
    };
    return run_suite("vm_control", core, limits);
}
