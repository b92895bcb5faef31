/* SPDX-License-Identifier: MIT */
/* The verifier, and what hostile regions can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/frames.h"
#include "bytecode/instruction.h"
#include "vm_common.h"
#include "vm_random.h"

/* ---- Programs --------------------------------------------------------------- */

static const struct {
    const char *code;
    const char *message;
} refused[] = {
    {".byte 0xFE", "code[0] (main): unknown opcode 0xFE"},
    {"push 1\n drop\n .byte 0xFF", "code[3] (main+3): unknown opcode 0xFF"},
    {"halt\n .byte 0", "code[1] (main+1): push is cut off by the end of the function"},
    {"halt\n .byte 0x42, 1, 2, 3, 4, 5, 6, 7",
     "code[1] (main+1): i64.const is cut off by the end of the function"},
    {".func main\n halt\n .byte 0x0C, 0\n .func f\n halt",
     "code[1] (main+1): br is cut off by the end of the function"},
    {"here: br 1", "code[0] (main): jump to 1, into the middle of an instruction"},
    {"nop\n br 6\n", "code[1] (main+1): jump to 6, outside the function"},
    {"nop\n br 4294967295\n",
     "code[1] (main+1): jump to 4294967295, outside the function"},
    {".func main\n br f\n.func f\n return",
     "code[0] (main): jump to 5, outside the function"},
    {".func main\n halt\n.func f\n br main",
     "code[1] (f): jump to 0, outside the function"},
    {"halt\n br 3", "code[1] (main+1): jump to 3, into the middle of an instruction"},
    {"halt\n br 9", "code[1] (main+1): jump to 9, outside the function"},
    {"add\n halt",
     "code[0] (main): stack underflow: add takes 2 values, the stack has 0"},
    {"push 1\n add\n halt",
     "code[2] (main+2): stack underflow: add takes 2 values, the stack has 1"},
    {"print\n halt", "code[0] (main): stack underflow: print takes 1 value"},
    {"drop\n halt", "stack underflow"},
    {"dup\n halt", "stack underflow"},
    {"push 1\n push 2\n select\n halt", "select takes 3 values, the stack has 2"},
    {".func main\n .local i64\n local.tee 0\n halt", "stack underflow"},
    {"br_if 0\n halt", "stack underflow"},
    {"push 1", "code[0] (main): code runs off the end of the function"},
    {"push 1\n br_if 0\n", "code[2] (main+2): code runs off the end of the function"},
    {".func main\n nop\n .func f\n halt",
     "code[0] (main): code runs off the end of the function"},
    {".func main\n call f\n .func f\n return",
     "code[0] (main): code runs off the end of the function"},
    {".func main\n call 1\n halt", "code[0] (main): no function 1: the program has 1"},
    {".func main\n call f\n halt\n.func f i64\n return",
     "code[0] (main): stack underflow: call takes 1 value, the stack has 0"},
    {".func main\n call f\n halt\n.func f -> i64\n return",
     "code[6] (f): stack underflow: return takes 1 value, the stack has 0"},
    {"local.get 0\n halt", "code[0] (main): no local 0: the function has 0"},
    {".func main\n halt\n.func f i64\n.local i64\n local.get 2\n return",
     "code[1] (f): no local 2: the function has 2"},
    {".global g\n global.get 1\n halt", "code[0] (main): no global 1: the program has 1"},
    {"push 1\n again: push 1\n br again",
     "code[4] (again+2): code[2] is reached with 2 values on the stack here, with 1 "
     "elsewhere"},
    {"push 1\n push 1\n br_if over\n drop\n over: halt",
     "code[9] (main+9): code[10] is reached with 0 values on the stack here, with 1 "
     "elsewhere"},
    {"table.size 0\n halt", "code[0] (main): no table 0: the program has 0"},
    {".table 1 funcref\n table.size 1\n halt",
     "code[0] (main): no table 1: the program has 1"},
    {".table 1\n table.copy 0 1\n halt", "code[0] (main): no table 1: the program has 1"},
    {".table 1\n elem.drop 0\n halt",
     "code[0] (main): no element segment 0: the program has 0"},
    {".table 1\n table.init 0 0\n halt",
     "code[0] (main): no element segment 0: the program has 0"},
    {".table 1\n.table 1 externref\n table.copy 0 1\n halt",
     "code[0] (main): table.copy of funcref from externref"},
    {".table 1\n.elem passive externref 5\n table.init 0 0\n halt",
     "code[0] (main): table.init of funcref from externref"},
    {".table 1 externref\n i32.const 0\n table.call 0\n halt",
     "code[5] (main+5): table.call: table 0 has no functions"},
    {".table 1 externref\n i32.const 0\n call_indirect\n halt",
     "code[5] (main+5): call_indirect: table 0 has no functions"},
    {".version 3\n i32.const 0\n call_indirect\n halt",
     "code[5] (main+5): no table 0: the program has 0"},
    {"ref.func 1\n halt", "code[0] (main): no function 1: the program has 1"},
    {"ref.null funcref\n .byte 0xD0, 0x7F\n halt",
     "code[2] (main+2): 0x7F is not a type of references"},
    {"ref.is_null\n halt",
     "code[0] (main): stack underflow: ref.is_null takes 1 value, the stack has 0"},
    {"i64.const 1\n ref.is_null\n halt",
     "code[9] (main+9): ref.is_null takes funcref, value 0 of the stack is i64"},
    {".table 1 externref\n i32.const 0\n ref.func 0\n table.set 0\n halt",
     "code[10] (main+10): table.set takes externref, value 1 of the stack is funcref"},
    {".table 1\n ref.null externref\n i32.const 1\n table.grow 0\n halt",
     "code[7] (main+7): table.grow takes funcref, value 0 of the stack is externref"},
    {".table 1\n i32.const 1\n i32.const 0\n i32.const 1\n table.fill 0\n halt",
     "code[15] (main+15): table.fill takes funcref, value 1 of the stack is i32"},
    {".func main\n.local funcref\n ref.null externref\n local.set 0\n halt",
     "code[2] (main+2): local.set takes funcref, value 0 of the stack is externref"},
    {"ref.null externref\n ref.null funcref\n i32.const 1\n select\n halt",
     "code[9] (main+9): select takes funcref, value 0 of the stack is externref"},
    {"ref.func 0\n br_if 0\n halt",
     "code[5] (main+5): br_if takes i32, value 0 of the stack is funcref"},
    {".func main i64\n halt",
     "code[0] (main): main has parameters, so the program cannot start there"},
};

START_TEST(refused_programs_tell_why)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        note_input("case", i);
        const char *code = refused[i].code;
        ck_assert(!sfpm_vm_assemble(vm, code, strlen(code), "f.s", NULL, NULL));
        expect_error(SFPM_ERR_BYTECODE, 0, refused[i].message);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

static const char *const accepted[] = {
    "halt\n add\n add\n",              /* nothing leads there */
    "again: br again",                 /* need not end */
    "push 1\n push 1\n drop\n return", /* something below the results */
    ".func main\n halt\n.func f i64 i64 -> i64\n local.get 1\n local.get 0\n return",
    "push 1\n push 0\n br_if a\n drop\n push 2\n a: drop\n halt",
    ".func main\n halt\n .func main2\n here: br here",
};

START_TEST(sound_programs_are_accepted)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        note_input("case", i);
        sfpm_vm_destroy(assembled(accepted[i]));
    }
}
END_TEST

START_TEST(bare_code_is_refused_likewise)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(!sfpm_vm_load_code(vm, "\x00\x01", 2));
    expect_error(SFPM_ERR_BYTECODE, 0, "code[0] (main): code runs off the end");
    ck_assert(!sfpm_vm_load_code(vm, "", 0));
    expect_error(SFPM_ERR_BYTECODE, 0, "region 'code' is empty");
    ck_assert(sfpm_vm_load_code(vm, "\x00\x0A\x00\x05\x01\x04\x05", 7));
    ck_assert_str_eq(output_of(vm), "15\n");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(stack_of_a_function_is_limited)
{
    uint8_t code[2 * (SFPM_MAX_HEIGHT + 1) + 1] = {0}; /* push 0 … */
    sfpm_vm_t *vm = sfpm_vm_create();
    code[2 * SFPM_MAX_HEIGHT] = SFPM_OP_HALT;
    ck_assert(sfpm_vm_load_code(vm, code, 2 * SFPM_MAX_HEIGHT + 1));
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    code[2 * SFPM_MAX_HEIGHT] = SFPM_OP_PUSH;
    code[2 * SFPM_MAX_HEIGHT + 2] = SFPM_OP_HALT;
    ck_assert(!sfpm_vm_load_code(vm, code, sizeof code));
    expect_error(SFPM_ERR_BYTECODE, 0, "more than 65533 values on the stack");
    sfpm_vm_destroy(vm);
}
END_TEST

/* Time in the size of the code, whatever its shape. */
START_TEST(large_code_is_verified)
{
    enum { LARGE = 1 << 24 };
    uint8_t *code = malloc(LARGE);
    ck_assert_ptr_nonnull(code);
    sfpm_vm_t *vm = sfpm_vm_create();
    memset(code, SFPM_OP_NOP, LARGE);
    code[LARGE - 1] = SFPM_OP_HALT;
    ck_assert(sfpm_vm_load_code(vm, code, LARGE));
    for (uint32_t at = 0; at + 7 < LARGE; at += 7) {
        code[at] = SFPM_OP_PUSH; /* each jumps to the next but one */
        code[at + 2] = SFPM_OP_BR_IF;
        sfpm_put_u32(code + at + 3, at + 14 < LARGE - 7 ? at + 14 : 0);
    }
    ck_assert(sfpm_vm_load_code(vm, code, LARGE));
    sfpm_vm_destroy(vm);
    free(code);
}
END_TEST

START_TEST(larger_code_is_refused)
{
    uint8_t *code = calloc(1, SFPM_VM_MAX_CODE + 1);
    ck_assert_ptr_nonnull(code);
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(!sfpm_vm_load_code(vm, code, SFPM_VM_MAX_CODE + 1));
    expect_error(SFPM_ERR_LIMIT, 0, "region 'code' of 268435457 bytes exceeds the limit");
    sfpm_vm_destroy(vm);
    free(code);
}
END_TEST

/* ---- Tables ----------------------------------------------------------------- */

/* Sets a little-endian u32 in a region and tells how loading and verifying ends. */
static void expect_refused(sfpm_vm_t *vm, sfpm_region_id_t id, size_t offset,
                           uint32_t value, sfpm_status_t status, const char *message)
{
    sfpm_regions_t regions;
    copy_regions(vm, &regions);
    ck_assert_uint_ge(regions.region[id].size, offset + 4);
    sfpm_put_u32(regions.region[id].data + offset, value);
    sfpm_vm_t *made = sfpm_vm_create();
    ck_assert(!load_regions(made, &regions) || !sfpm_vm_verify(made));
    expect_error(status, 0, message);
    sfpm_vm_destroy(made);
    sfpm_regions_free(&regions);
}

/* Functions main at 0 and f at 12; stands in f, called from main, with one operand. */
static sfpm_vm_t *suspended(void)
{
    sfpm_vm_t *vm = assembled(".global g 3\n.func main\n.local i64\npush 1\npush 2\n"
                              "call f\ndrop\ndrop\nhalt\n"
                              ".func f i64 -> i64\nhere: push 7\ndrop\npush 4\nreturn\n");
    run_steps(vm, 4, NULL);
    ck_assert_uint_eq(info_of(vm).pc, 14);
    return vm;
}

START_TEST(hostile_tables_are_refused)
{
    static const struct {
        sfpm_region_id_t region;
        size_t offset;
        uint32_t value;
        sfpm_status_t status;
        const char *message;
    } changes[] = {
        {SFPM_FUNCTIONS, 0, 4, SFPM_ERR_UNSUPPORTED, "bytecode version 4"},
        {SFPM_FUNCTIONS, 4, 3, SFPM_ERR_CORRUPT, "does not hold 3 functions"},
        {SFPM_FUNCTIONS, 4, 0xFFFFFFFF, SFPM_ERR_CORRUPT, "does not hold 4294967295"},
        {SFPM_FUNCTIONS, 8, 2, SFPM_ERR_CORRUPT, "there is no start function 2"},
        {SFPM_FUNCTIONS, 8, 1, SFPM_ERR_BYTECODE, "has parameters"},
        {SFPM_FUNCTIONS, 12, 1, SFPM_ERR_CORRUPT, "reserved bytes"},
        {SFPM_FUNCTIONS, 16, 1, SFPM_ERR_CORRUPT, "functions[0]: entry 1"},
        {SFPM_FUNCTIONS, 24, 1 << 16, SFPM_ERR_CORRUPT, "functions[0]: reserved bytes"},
        {SFPM_FUNCTIONS, 24, 65534, SFPM_ERR_LIMIT, "functions[0]: more than 65533"},
        {SFPM_FUNCTIONS, 28, 0, SFPM_ERR_CORRUPT, "functions[1]: entry 0 does not follow"},
        {SFPM_FUNCTIONS, 28, 18, SFPM_ERR_CORRUPT, "functions[1]: entry 18 is beyond"},
        {SFPM_FUNCTIONS, 28, 13, SFPM_ERR_BYTECODE, "push is cut off"},
        {SFPM_FUNCTIONS, 32, 2, SFPM_ERR_BYTECODE, "stack underflow"},
        {SFPM_SYMBOLS, 0, 0xFFFFFFFE, SFPM_ERR_CORRUPT,
         "is not of the size that its header gives"},
        {SFPM_SYMBOLS, 0, 0xFFFFFFFF, SFPM_ERR_UNSUPPORTED,
         "unsupported version 10 of region 'symbols'"},
        {SFPM_SYMBOLS, 4, 0xFFFFFFFF, SFPM_ERR_CORRUPT,
         "is not of the size that its header gives"},
        {SFPM_SYMBOLS, 8, 0xFFFFFFFF, SFPM_ERR_CORRUPT,
         "is not of the size that its header gives"},
        {SFPM_SYMBOLS, 12, 100000, SFPM_ERR_CORRUPT,
         "the offset of the source's name is out of range"},
        {SFPM_SYMBOLS, 16, 3, SFPM_ERR_CORRUPT,
         "symbols[0]: its target does not exist"},
        {SFPM_SYMBOLS, 20, 2, SFPM_ERR_CORRUPT,
         "symbols[0]: its target does not exist"},
        {SFPM_SYMBOLS, 20, 1, SFPM_ERR_CORRUPT, "symbols[1]: its target already"},
        {SFPM_SYMBOLS, 24, 100000, SFPM_ERR_CORRUPT,
         "symbols[0]: the offset of its name is out of range"},
        {SFPM_SYMBOLS, 24, 4, SFPM_ERR_CORRUPT, "symbols[0]: invalid name"},
        {SFPM_SYMBOLS, 24, 5, SFPM_ERR_CORRUPT, "two labels are named 'f'"},
        {SFPM_SYMBOLS, 44, 19, SFPM_ERR_CORRUPT,
         "symbols[2]: its target does not exist"},
        {SFPM_SYMBOLS, 56, 1, SFPM_ERR_CORRUPT,
         "symbols[3]: its target does not exist"},
        {SFPM_SYMBOLS, 64, 18, SFPM_ERR_CORRUPT, "line entry 0 is out of order"},
        {SFPM_SYMBOLS, 68, 0, SFPM_ERR_CORRUPT, "line entry 0 is out of order"},
        {SFPM_SYMBOLS, 72, 0, SFPM_ERR_CORRUPT, "line entry 1 is out of order"},
    };
    sfpm_vm_t *vm = suspended();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        note_input("case", i);
        expect_refused(vm, changes[i].region, changes[i].offset, changes[i].value,
                       changes[i].status, changes[i].message);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Names that share their bytes: a small region that would take long to check. */
START_TEST(names_do_not_share_too_much)
{
    enum { LONG = 60000, MANY = 1000, FEW = 4 };
    for (uint32_t count = FEW; count <= MANY; count += MANY - FEW) {
        sfpm_regions_t regions;
        sfpm_vm_t *vm = assembled("halt\n");
        copy_regions(vm, &regions);
        sfpm_buffer_t *symbols = &regions.region[SFPM_SYMBOLS];
        const uint32_t size = count == FEW ? 120 : LONG;
        const uint32_t header[] = {count, 0, size, SFPM_NO_NAME};
        symbols->size = 0;
        for (int i = 0; i < 4; i++)
            sfpm_buffer_add_u32(symbols, header[i]);
        for (uint32_t i = 0; i < count; i++) {
            sfpm_buffer_add_u32(symbols, SFPM_SYMBOL_LABEL);
            sfpm_buffer_add_u32(symbols, 0);
            sfpm_buffer_add_u32(symbols, i);
        }
        uint8_t *names = sfpm_buffer_extend(symbols, size);
        ck_assert_ptr_nonnull(names);
        memset(names, 'a', size - 1);
        names[size - 1] = '\0';
        if (count == FEW)
            ck_assert_works(load_regions(vm, &regions)); /* 100 bytes each are left over */
        else
            ck_assert(!load_regions(vm, &regions));
        if (count == MANY)
            expect_error(SFPM_ERR_CORRUPT, 0, "symbols[2]: invalid name");
        sfpm_regions_free(&regions);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(names_of_globals_are_told_apart)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = assembled(".global a\n.global b\nhalt\n");
    copy_regions(vm, &regions);
    sfpm_buffer_t *symbols = &regions.region[SFPM_SYMBOLS];
    char *name = memchr(symbols->data + symbols->size - 16, 'b', 16);
    ck_assert_ptr_nonnull(name);
    *name = 'a';
    ck_assert(!load_regions(vm, &regions));
    expect_error(SFPM_ERR_CORRUPT, 0, "symbols: two globals are named 'a'");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(giant_stacks_are_refused)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = suspended();
    copy_regions(vm, &regions);
    sfpm_buffer_t *stack = &regions.region[SFPM_STACK];
    ck_assert_ptr_nonnull(sfpm_buffer_extend(stack, SFPM_VM_MAX_STACK));
    ck_assert(!load_regions(vm, &regions));
    expect_error(SFPM_ERR_LIMIT, 0, "region 'stack' of ");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(hostile_states_are_refused)
{
    /* Stack: local, record (slots 1, 2), operand 1; parameter 2 (slot 4), record (5, 6),
     * operand 7. */
    static const struct {
        sfpm_region_id_t region;
        size_t offset;
        uint32_t value;
        sfpm_status_t status;
        const char *message;
    } changes[] = {
        {SFPM_STATE, 0, 3, SFPM_ERR_CORRUPT, "unknown status 3"},
        {SFPM_STATE, 0, 2, SFPM_ERR_CORRUPT, "trap number 0 contradicts"},
        {SFPM_STATE, 4, 1, SFPM_ERR_CORRUPT, "trap number 1 contradicts"},
        {SFPM_STATE, 8, 18, SFPM_ERR_CORRUPT, "pc 18 is beyond the code of 18 bytes"},
        {SFPM_STATE, 8, 13, SFPM_ERR_BYTECODE,
         "code[13] (f+1): the machine is stopped here, where no instruction begins"},
        {SFPM_STATE, 8, 12, SFPM_ERR_BYTECODE,
         "stack[6]: return offset 0 does not follow"},
        {SFPM_STATE, 8, 0, SFPM_ERR_BYTECODE,
         "stack[6]: return offset 0 does not follow"},
        {SFPM_STATE, 12, 0, SFPM_ERR_BYTECODE, "has not begun, but stands at code[14]"},
        {SFPM_STATE, 12, 2, SFPM_ERR_CORRUPT, "begun"},
        {SFPM_STACK, 40, 8, SFPM_ERR_BYTECODE,
         "return offset 8 does not follow a call with the results of f"},
        {SFPM_STACK, 40, 4, SFPM_ERR_BYTECODE,
         "return offset 4 does not follow a call with the results of f"},
        {SFPM_STACK, 40, 14, SFPM_ERR_BYTECODE, "return offset 14 does not follow"},
        {SFPM_STACK, 40, 0xFFFFFFFF, SFPM_ERR_BYTECODE, "return offset 4294967295"},
        {SFPM_STACK, 44, 1, SFPM_ERR_BYTECODE, "return offset 9 does not follow"},
        {SFPM_STACK, 44, 0xFFFFFFFF, SFPM_ERR_BYTECODE,
         "return offset 9 does not follow"},
        {SFPM_STACK, 48, 1, SFPM_ERR_BYTECODE, "the calling frame of main, at slot 1"},
        {SFPM_STACK, 48, 0xFFFFFFFC, SFPM_ERR_BYTECODE, "the calling frame of main"},
        {SFPM_STACK, 52, 1, SFPM_ERR_BYTECODE, "the calling frame of main"},
        {SFPM_STACK, 8, 9, SFPM_ERR_BYTECODE,
         "stack[1]: the outermost call has a caller"},
        {SFPM_STACK, 12, 0, SFPM_ERR_BYTECODE, "the outermost call has a caller"},
        {SFPM_STACK, 16, 1, SFPM_ERR_BYTECODE, "the outermost call has a caller"},
        {SFPM_STACK, 20, 1, SFPM_ERR_BYTECODE, "the outermost call has a caller"},
    };
    sfpm_vm_t *vm = suspended();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        note_input("case", i);
        expect_refused(vm, changes[i].region, changes[i].offset, changes[i].value,
                       changes[i].status, changes[i].message);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

/* Which function a call names does not matter to the frame above it: only the results do,
 * not even the parameters. */
START_TEST(frames_return_behind_calls_with_their_results)
{
    static const struct {
        const char *place;
        bool has_parameter;
        int64_t result; /* 0: refused */
    } others[] = {{"in_f", false, 1},   {"in_g", false, 2},     {"in_taking", true, 7},
                  {"in_two", false, 0}, {"in_other", false, 0}, {"in_none", false, 0}};
    sfpm_vm_t *vm = assembled(".global n\n.func main\n call f\n global.set n\n halt\n"
                              ".func f -> i64\n nop\nin_f: i64.const 1\n return\n"
                              ".func g -> i64\n nop\nin_g: i64.const 2\n return\n"
                              ".func taking i64 -> i64\n nop\n"
                              "in_taking: local.get 0\n return\n"
                              ".func two -> i64 i64\n nop\n"
                              "in_two: i64.const 1\n i64.const 2\n return\n"
                              ".func other -> f64\n nop\nin_other: f64.const 1\n return\n"
                              ".func none\n nop\nin_none: return\n");
    run_steps(vm, 2, NULL);
    for (size_t i = 0; i < 2 * (sizeof others / sizeof others[0]); i++) {
        sfpm_regions_t regions;
        sfpm_value_t value;
        uint64_t pc;
        const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                               .engine = i % 2 ? SFPM_VM_ENGINE_FAST
                                                               : SFPM_VM_ENGINE_SIMPLE};
        note_input("case", i);
        copy_regions(vm, &regions);
        sfpm_buffer_t *stack = &regions.region[SFPM_STACK];
        ck_assert_works(sfpm_vm_resolve(vm, others[i / 2].place, &pc, NULL));
        sfpm_put_u32(regions.region[SFPM_STATE].data + 8, (uint32_t)pc);
        /* The frame begins at slot 2, with the parameter if there is one. */
        if (others[i / 2].has_parameter) {
            ck_assert(sfpm_buffer_add_u64(stack, 0));
            memmove(stack->data + 24, stack->data + 16, stack->size - 24);
            sfpm_put_u64(stack->data + 16, 7);
        }
        sfpm_vm_t *made = sfpm_vm_create();
        ck_assert_works(load_regions(made, &regions));
        if (others[i / 2].result == 0) {
            ck_assert(!sfpm_vm_run(made, &options));
            expect_error(SFPM_ERR_BYTECODE, 0, "does not follow a call with the results of");
        } else {
            ck_assert_works(sfpm_vm_run(made, &options));
            ck_assert_works(sfpm_vm_get_global(made, "n", &value));
            ck_assert_int_eq(value.i64, others[i / 2].result);
        }
        sfpm_vm_destroy(made);
        sfpm_regions_free(&regions);
    }
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(regions_of_other_sizes_are_refused)
{
    static const struct {
        sfpm_region_id_t region;
        const char *message;
    } regions_cut[] = {{SFPM_FUNCTIONS, "'functions'"},
                       {SFPM_GLOBALS, "'globals'"},
                       {SFPM_STATE, "'state'"},
                       {SFPM_STACK, "'stack'"},
                       {SFPM_SYMBOLS, "'symbols'"}};
    sfpm_vm_t *vm = suspended();
    sfpm_vm_t *made = sfpm_vm_create();
    for (size_t i = 0; i < sizeof regions_cut / sizeof regions_cut[0]; i++) {
        note_input("case", i);
        sfpm_regions_t regions;
        copy_regions(vm, &regions);
        regions.region[regions_cut[i].region].size--;
        ck_assert(!load_regions(made, &regions));
        expect_error(SFPM_ERR_CORRUPT, 0, regions_cut[i].message);
        sfpm_regions_free(&regions);
    }
    sfpm_regions_t none = {0};
    ck_assert(!load_regions(made, &none));
    expect_error(SFPM_ERR_MISMATCH, 0, "it holds no machine");
    sfpm_regions_t some;
    copy_regions(vm, &some);
    sfpm_buffer_free(&some.region[SFPM_STATE]);
    ck_assert(!load_regions(made, &some));
    expect_error(SFPM_ERR_MISMATCH, 0, "region 'state' is missing");
    /* A frame less, a slot more: no longer what the code needs. */
    sfpm_regions_free(&some);
    copy_regions(vm, &some);
    some.region[SFPM_STACK].size -= 8;
    ck_assert(load_regions(made, &some));
    ck_assert(!sfpm_vm_verify(made));
    some.region[SFPM_STACK].size = 16;
    ck_assert(load_regions(made, &some));
    ck_assert(!sfpm_vm_verify(made));
    expect_error(SFPM_ERR_BYTECODE, 0,
                 "the stack has 0 values here, but the code expects 1");
    sfpm_regions_free(&some);
    sfpm_vm_destroy(made);
    sfpm_vm_destroy(vm);
}
END_TEST

/* A halted machine can be patched into another shape: it will start again. */
START_TEST(halted_machine_may_change_its_shape)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = example("sum.s");
    ck_assert_str_eq(output_of(vm), "15\n");
    copy_regions(vm, &regions);
    regions.region[SFPM_CODE].data[4] = SFPM_OP_NOP; /* one more on the stack */
    ck_assert(load_regions(vm, &regions));
    ck_assert(sfpm_vm_verify(vm));
    ck_assert_uint_eq(info_of(vm).frames, 0);
    ck_assert(sfpm_vm_restart(vm));
    ck_assert_str_eq(output_of(vm), "5\n");
    /* A suspended one cannot, but can be started again. */
    regions.region[SFPM_STATE].data[0] = SFPM_VM_SUSPENDED;
    ck_assert(load_regions(vm, &regions));
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_BYTECODE, 0,
                 "the stack has 1 value here, but the code expects 2: restart the machine");
    ck_assert(sfpm_vm_restart(vm));
    ck_assert_str_eq(output_of(vm), "5\n");
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- Floods ----------------------------------------------------------------- */

/* Runs what was accepted, looks at all of it, and lets it end in some clean way. */
static void exercise(sfpm_vm_t *vm)
{
    char text[256];
    const sfpm_vm_run_options_t options = {
        .struct_size = sizeof options, .max_steps = 3000, .max_stack = 4096};
    sfpm_vm_frame_t frame;
    int64_t value;
    sfpm_vm_info_t info = info_of(vm);
    for (uint32_t level = 0; level < info.frames; level++) {
        if (!sfpm_vm_frame(vm, level, &frame, sizeof frame))
            ck_abort();
        for (uint32_t i = 0; i < frame.locals; i++)
            if (!sfpm_vm_local(vm, level, i, &value))
                ck_abort();
        for (uint32_t i = 0; i < frame.operands; i++)
            if (!sfpm_vm_operand(vm, level, i, &value))
                ck_abort();
    }
    for (uint64_t at = 0; at < info.code_size;)
        at += sfpm_vm_instruction(vm, at, text, sizeof text);
    sfpm_vm_describe(vm, info.pc, text, sizeof text);
    bool is_sound = info.verified;
    if (!sfpm_vm_run(vm, &options) && sfpm_last_status() != SFPM_ERR_TRAP &&
        (is_sound || sfpm_last_status() != SFPM_ERR_BYTECODE))
        ck_abort_msg("%s", sfpm_last_error());
}

/* Loads, and exercises what the verifier accepts. */
static bool attempt(sfpm_vm_t *vm, const sfpm_regions_t *regions)
{
    if (!load_regions(vm, regions))
        return false;
    listing_of(vm);
    if (!sfpm_vm_verify(vm)) {
        if (info_of(vm).frames != 0)
            ck_abort_msg("frames of a state that was refused");
        exercise(vm); /* as far as it holds */
        return false;
    }
    exercise(vm);
    return true;
}

static void tamper(sfpm_vm_t *from, int *accepted_count, int *refused_count)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = sfpm_vm_create();
    copy_regions(from, &regions);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++)
        for (size_t i = 0; i < regions.region[id].size; i++) {
            uint8_t *byte = &regions.region[id].data[i];
            const uint8_t old = *byte;
            const uint8_t values[] = {0,
                                      1,
                                      2,
                                      0x7F,
                                      0x80,
                                      0xFF,
                                      old ^ 1,
                                      (uint8_t)(old + 1),
                                      (uint8_t)(old - 1)};
            for (size_t v = 0; v < sizeof values; v++) {
                *byte = values[v];
                ++*(attempt(vm, &regions) ? accepted_count : refused_count);
            }
            *byte = old;
        }
    /* As it was, it is accepted. */
    if (!attempt(vm, &regions))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}

START_TEST(any_changed_byte_is_refused_or_harmless)
{
    static const struct {
        const char *name;
        uint64_t steps;
    } stops[] = {{"sum.s", 3}, {"primes.s", 700}, {"fibonacci.s", 5000}};
    int accepted_count = 0, refused_count = 0;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = example(stops[i].name);
        ck_assert_int_eq(run_steps(vm, stops[i].steps, NULL), SFPM_VM_SUSPENDED);
        tamper(vm, &accepted_count, &refused_count);
        sfpm_vm_destroy(vm);
    }
    sfpm_vm_t *vm = assembled(".func main\ncall f\nhalt\n.func f\n.local i64\npush 1\n"
                              "push 0\ni64.rem_u\ndrop\nreturn\n");
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_TRAPPED);
    tamper(vm, &accepted_count, &refused_count);
    sfpm_vm_destroy(vm);
    ck_assert_int_gt(accepted_count, 1000);
    ck_assert_int_gt(refused_count, 1000);
}
END_TEST

START_TEST(any_truncation_is_refused_or_harmless)
{
    sfpm_vm_t *from = suspended();
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_regions_t regions;
    copy_regions(from, &regions);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        size_t size = regions.region[id].size;
        for (regions.region[id].size = 0; regions.region[id].size < size;
             regions.region[id].size++) {
            /* A copy that ends where the region does, for the address sanitizer. */
            sfpm_buffer_t whole = regions.region[id];
            regions.region[id].data = sfpm_copy_bytes(whole.data, whole.size);
            attempt(vm, &regions);
            free(regions.region[id].data);
            regions.region[id].data = whole.data;
        }
    }
    ck_assert(attempt(vm, &regions));
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(from);
}
END_TEST

/* An opcode more often than not, so that some programs get through. */
static uint8_t random_byte(void)
{
    static const uint8_t likely[] = {0, 0, 0, 1, 2, 3, 5, 5, 6, 7, 8, 10, 12, 13, 15, 15};
    switch (random_below(4)) {
    case 0:
        return (uint8_t)random_below(256);
    case 1:
        return (uint8_t)random_below(16);
    default:
        return likely[random_below(sizeof likely)];
    }
}

START_TEST(random_bytes_are_refused_or_harmless)
{
    uint8_t code[48];
    int good = 0;
    sfpm_vm_t *vm = sfpm_vm_create();
    for (int i = 0; i < 100000; i++) {
        note_input("program", (uint64_t)i);
        size_t size = 1 + random_below(sizeof code);
        for (size_t k = 0; k < size; k++)
            code[k] = random_byte();
        if (sfpm_vm_load_code(vm, code, size)) {
            exercise(vm);
            good++;
        }
    }
    ck_assert_int_gt(good, 100);
    ck_assert_int_lt(good, 100000);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(random_programs_run_and_may_be_changed)
{
    int changed_good = 0;
    sfpm_vm_t *vm = sfpm_vm_create();
    for (int i = 0; i < 2000; i++) {
        note_input("program", (uint64_t)i);
        sfpm_regions_t regions;
        random_program(&regions);
        if (!attempt(vm, &regions))
            ck_abort_msg("%s", sfpm_last_error());
        for (int k = 0; k < 10; k++) {
            sfpm_buffer_t *buffer = &regions.region[random_below(SFPM_NUM_REGIONS)];
            if (buffer->size)
                buffer->data[random_below(buffer->size)] = random_byte();
            changed_good += attempt(vm, &regions);
        }
        sfpm_regions_free(&regions);
    }
    ck_assert_int_gt(changed_good, 100);
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        sound_programs_are_accepted,
        halted_machine_may_change_its_shape,
        random_programs_run_and_may_be_changed,
        NULL,
    };
    const test_t limits[] = {
        refused_programs_tell_why,
        bare_code_is_refused_likewise,
        stack_of_a_function_is_limited,
        large_code_is_verified,
        larger_code_is_refused,
        hostile_tables_are_refused,
        names_of_globals_are_told_apart,
        names_do_not_share_too_much,
        giant_stacks_are_refused,
        hostile_states_are_refused,
        frames_return_behind_calls_with_their_results,
        regions_of_other_sizes_are_refused,
        any_changed_byte_is_refused_or_harmless,
        any_truncation_is_refused_or_harmless,
        random_bytes_are_refused_or_harmless,
        NULL,
    };
    return run_suite("vm_verify", core, limits);
}
