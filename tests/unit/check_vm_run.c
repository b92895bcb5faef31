/* SPDX-License-Identifier: MIT */
/* The interpreter: what each instruction does, traps, stopping and going on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode/instruction.h"
#include "vm_common.h"

#define MIN "i64.const -9223372036854775808\n"
#define MAX "i64.const 9223372036854775807\n"

/* Each program ends with what it leaves being printed. */
static const struct {
    const char *code;
    const char *result;
} results[] = {
    {"push 0", "0"},
    {"push 255", "255"},
    {"i64.const -1", "-1"},
    {MIN, "-9223372036854775808"},
    {"push 10\n push 5\n add", "15"},
    {MAX "push 1\n add", "-9223372036854775808"},
    {"push 10\n push 15\n sub", "-5"},
    {MIN "push 1\n sub", "9223372036854775807"},
    {"i64.const -3\n push 7\n mul", "-21"},
    {MAX "push 2\n mul", "-2"},
    {MAX "push 1\n i64.add", "-9223372036854775808"},
    {"push 1\n push 2\n i64.sub", "-1"},
    {"i64.const 0x100000001\n i64.const 0x100000001\n i64.mul", "8589934593"},
    {"push 7\n nop", "7"},
    {"push 7\n dup\n mul", "49"},
    {"push 7\n push 8\n drop", "7"},
    {"push 1\n push 2\n push 1\n select", "1"},
    {"push 1\n push 2\n push 0\n select", "2"},
    {"push 1\n push 2\n i64.const 0x100000000\n select", "1"},
    {"i64.const -7\n push 2\n i64.div_s", "-3"},
    {"push 7\n i64.const -2\n i64.div_s", "-3"},
    {MIN "push 2\n i64.div_s", "-4611686018427387904"},
    {"i64.const -1\n push 2\n i64.div_u", "9223372036854775807"},
    {MIN "i64.const -1\n i64.div_u", "0"},
    {"i64.const -7\n push 3\n i64.rem_s", "-1"},
    {"push 7\n i64.const -3\n i64.rem_s", "1"},
    {MIN "i64.const -1\n i64.rem_s", "0"},
    {"i64.const -1\n push 10\n i64.rem_u", "5"},
    {"push 12\n push 10\n i64.and", "8"},
    {"push 12\n push 10\n i64.or", "14"},
    {"push 12\n push 10\n i64.xor", "6"},
    {"push 1\n push 63\n i64.shl", "-9223372036854775808"},
    {"push 3\n push 65\n i64.shl", "6"},
    {"i64.const -8\n push 1\n i64.shr_s", "-4"},
    {"i64.const -8\n push 64\n i64.shr_s", "-8"},
    {MIN "push 63\n i64.shr_s", "-1"},
    {MAX "push 62\n i64.shr_s", "1"},
    {"i64.const -8\n push 1\n i64.shr_u", "9223372036854775804"},
    {"i64.const -8\n push 127\n i64.shr_u", "1"},
    {"i64.const 0x8000000000000001\n push 1\n i64.rotl", "3"},
    {"push 5\n push 64\n i64.rotl", "5"},
    {"push 3\n push 1\n i64.rotr", "-9223372036854775807"},
    {"push 5\n push 0\n i64.rotr", "5"},
    {"push 0\n i64.eqz", "1"},
    {MIN "i64.eqz", "0"},
    {"push 3\n push 3\n i64.eq", "1"},
    {"push 3\n push 4\n i64.eq", "0"},
    {"push 3\n push 4\n i64.ne", "1"},
    {"push 3\n push 3\n i64.ne", "0"},
    {"i64.const -1\n push 1\n i64.lt_s", "1"},
    {"push 1\n push 1\n i64.lt_s", "0"},
    {"i64.const -1\n push 1\n i64.lt_u", "0"},
    {"push 1\n i64.const -1\n i64.lt_u", "1"},
    {"push 1\n i64.const -1\n i64.gt_s", "1"},
    {"push 1\n push 1\n i64.gt_s", "0"},
    {"i64.const -1\n push 1\n i64.gt_u", "1"},
    {"push 1\n i64.const -1\n i64.gt_u", "0"},
    {"i64.const -1\n push 1\n i64.le_s", "1"},
    {"push 1\n push 1\n i64.le_s", "1"},
    {"push 2\n push 1\n i64.le_s", "0"},
    {"i64.const -1\n push 1\n i64.le_u", "0"},
    {"push 1\n push 1\n i64.le_u", "1"},
    {"push 1\n i64.const -1\n i64.ge_s", "1"},
    {"push 1\n push 1\n i64.ge_s", "1"},
    {"push 1\n push 2\n i64.ge_s", "0"},
    {"push 1\n i64.const -1\n i64.ge_u", "0"},
    {"push 1\n push 1\n i64.ge_u", "1"},
    {"push 0\n i64.clz", "64"},
    {"push 1\n i64.clz", "63"},
    {MIN "i64.clz", "0"},
    {"i64.const 0x00F0000000000000\n i64.clz", "8"},
    {"push 0\n i64.ctz", "64"},
    {"push 1\n i64.ctz", "0"},
    {MIN "i64.ctz", "63"},
    {"i64.const 0x00F0000000000000\n i64.ctz", "52"},
    {"push 0\n i64.popcnt", "0"},
    {"i64.const -1\n i64.popcnt", "64"},
    {"i64.const 0x8421000000000001\n i64.popcnt", "5"},
    {"push 1\n br over\n push 2\n add\n over:", "1"},
    {"push 1\n push 1\n br_if over\n push 2\n add\n over:", "1"},
    {"push 1\n push 0\n br_if over\n push 2\n add\n over:", "3"},
    {"push 1\n i64.const 0x100000000\n br_if over\n push 2\n add\n over:", "1"},
    {"push 1\n push 0\n br_unless over\n push 2\n add\n over:", "1"},
    {"push 1\n push 1\n br_unless over\n push 2\n add\n over:", "3"},
};

START_TEST(operations_give_their_results)
{
    char text[512], expected[64];
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        note_input("case", i);
        snprintf(text, sizeof text, "%s\n print\n halt\n", results[i].code);
        snprintf(expected, sizeof expected, "%s\n", results[i].result);
        sfpm_vm_t *vm = assembled(text);
        const char *got = output_of(vm);
        if (strcmp(got, expected) != 0)
            ck_abort_msg("%s: %s", text, got);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

static const struct {
    const char *code;
    const char *printed;
} programs[] = {
    /* print leaves the top, print_char takes it */
    {"push 3\n print\n print\n halt", "3\n3\n"},
    {"push 'o'\n push 'n'\n print_char\n print_char\n halt", "no"},
    {"i64.const 0x141\n print_char\n halt", "A"},
    /* locals begin at zero, also the second time */
    {".func main\n call f\n call f\n print\n halt\n"
     ".func f -> i64\n .local i64\n local.get 0\n push 5\n local.set 0\n return\n",
     "0\n"},
    {".func main\n .local i64 i64\n push 7\n local.tee 1\n local.get 1\n add\n print\n"
     "local.get 0\n print\n halt",
     "14\n0\n"},
    /* parameters in order, results in order, values below the results dropped */
    {".func main\n push 1\n push 2\n call f\n print\n drop\n print\n halt\n"
     ".func f i64 i64 -> i64 i64\n push 99\n local.get 1\n local.get 0\n return\n",
     "1\n2\n"},
    /* values of the caller survive a call */
    {".func main\n push 9\n push 1\n call f\n print\n drop\n print\n halt\n"
     ".func f i64 -> i64\n .local i64 i64\n local.get 0\n push 1\n add\n return\n",
     "2\n9\n"},
    /* a call without results */
    {".func main\n push 9\n push 1\n call f\n print\n halt\n.func f i64\n return\n",
     "9\n"},
    {".global g 5\n global.get g\n print\n push 8\n global.set g\n global.get g\n print\n"
     "halt\n",
     "5\n8\n"},
    /* returning from the outermost function halts */
    {"push 4\n print\n return", "4\n"},
    {".start second\n .func first\n halt\n .func second\n push 2\n print\n halt\n",
     "2\n"},
};

START_TEST(programs_print_what_they_should)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = assembled(programs[i].code);
        ck_assert_str_eq(output_of(vm), programs[i].printed);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

static void mark_instructions(const char *code, bool *seen)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", code);
    for (char *word = strtok(copy, " \n"); word; word = strtok(NULL, " \n")) {
        const sfpm_opcode_info_t *info = sfpm_opcode_named(word, strlen(word));
        if (info)
            seen[info->opcode] = true;
    }
}

/* The tables above leave out no instruction. `unreachable` is among the traps. */
START_TEST(every_instruction_is_tested)
{
    bool seen[256] = {[SFPM_OP_UNREACHABLE] = true};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        mark_instructions(results[i].code, seen);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        mark_instructions(programs[i].code, seen);
    for (int i = 0; i < 256; i++)
        if (sfpm_is_version1((uint8_t)i) && !seen[i])
            ck_abort_msg("%s is not tested", sfpm_opcode_info((uint8_t)i)->mnemonic);
}
END_TEST

static const struct {
    const char *code;
    sfpm_trap_t trap;
    const char *message;
} traps[] = {
    {"nop\n unreachable", SFPM_TRAP_UNREACHABLE, "code[1] (main+1): unreachable code"},
    {"push 1\n push 0\n i64.div_s\n drop\n halt", SFPM_TRAP_DIVISION_BY_ZERO,
     "code[4] (main+4): division by zero"},
    {"push 1\n push 0\n i64.div_u\n drop\n halt", SFPM_TRAP_DIVISION_BY_ZERO,
     "code[4] (main+4): division by zero"},
    {"push 1\n push 0\n i64.rem_s\n drop\n halt", SFPM_TRAP_DIVISION_BY_ZERO,
     "code[4] (main+4): division by zero"},
    {"push 1\n push 0\nhere: i64.rem_u\n drop\n halt", SFPM_TRAP_DIVISION_BY_ZERO,
     "code[4] (here): division by zero"},
    {MIN "i64.const -1\n i64.div_s\n drop\n halt", SFPM_TRAP_INTEGER_OVERFLOW,
     "code[18] (main+18): integer overflow"},
    {".func main\n call f\n halt\n.func f\n nop\n call f\n return",
     SFPM_TRAP_STACK_OVERFLOW, "code[7] (f+1): stack overflow"},
};

START_TEST(traps_stay_on_their_instruction)
{
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        note_input("case", i);
        sfpm_vm_t *vm = assembled(traps[i].code);
        uint64_t executed = 0;
        for (int again = 0; again < 2; again++) {
            ck_assert(!sfpm_vm_run(vm, NULL));
            expect_error(SFPM_ERR_TRAP, 0, traps[i].message);
            sfpm_vm_info_t info = info_of(vm);
            ck_assert_int_eq(info.status, SFPM_VM_TRAPPED);
            ck_assert_int_eq(info.trap, traps[i].trap);
            ck_assert_uint_gt(info.frames, 0);
            /* The trapping instruction was not executed, and nothing twice. */
            ck_assert(again == 0 || info.instructions == executed);
            executed = info.instructions;
        }
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* The operands are still there when the instruction has been changed. */
START_TEST(trapped_machine_goes_on_after_a_patch)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = assembled("push 8\n push 0\n i64.div_s\n print\n halt\n");
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_TRAPPED);
    copy_regions(vm, &regions);
    ck_assert_uint_eq(regions.region[SFPM_CODE].data[4], SFPM_OP_I64_DIV_S);
    regions.region[SFPM_CODE].data[4] = SFPM_OP_ADD;
    ck_assert(load_regions(vm, &regions));
    ck_assert_str_eq(output_of(vm), "8\n");
    ck_assert_uint_eq(info_of(vm).instructions, 5);
    ck_assert_uint_eq(info_of(vm).starts, 1);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
}
END_TEST

/* A larger stack lets an overflow go on. */
START_TEST(overflow_goes_on_with_a_larger_stack)
{
    sfpm_vm_t *vm =
        assembled(".func main\n i64.const 20000\n call f\n print\n halt\n"
                  ".func f i64 -> i64\n local.get 0\n br_if more\n push 0\n"
                  "return\nmore: local.get 0\n push 1\n sub\n call f\n push 1\n"
                  "add\n return\n");
    sfpm_vm_run_options_t options = {.struct_size = sizeof options, .max_stack = 1000};
    sfpm_buffer_t output = {0};
    ck_assert(!sfpm_vm_run(vm, &options));
    expect_error(SFPM_ERR_TRAP, 0, "stack overflow");
    uint32_t frames = info_of(vm).frames;
    ck_assert_uint_gt(frames, 20);
    ck_assert_uint_lt(frames, 125);
    options.max_stack = SFPM_VM_DEFAULT_STACK;
    options.output = collect;
    options.output_context = &output;
    ck_assert(sfpm_vm_run(vm, &options));
    ck_assert_uint_eq(output.size, 6);
    ck_assert_mem_eq(output.data, "20000\n", 6);
    sfpm_buffer_free(&output);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(resumed_machine_must_fit_its_stack)
{
    sfpm_vm_run_options_t options = {.struct_size = sizeof options, .max_stack = 32};
    sfpm_vm_t *vm = assembled("push 1\n push 2\n push 3\n add\n add\n print\n halt\n");
    for (int again = 0; again < 2; again++) { /* before it begins, and later */
        ck_assert(!sfpm_vm_run(vm, &options));
        expect_error(SFPM_ERR_TRAP, 0, "stack overflow");
        ck_assert_uint_eq(info_of(vm).instructions, (unsigned)again);
        ck_assert_uint_eq(info_of(vm).starts, 1);
        run_steps(vm, 1, NULL);
    }
    ck_assert_str_eq(output_of(vm), "6\n");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(globals_can_be_read)
{
    sfpm_vm_t *vm = assembled(".global a 5\n.global _ -1\nglobal.get a\npush 3\nadd\n"
                              "global.set a\nhalt\n");
    const char *name;
    int64_t value;
    ck_assert_uint_eq(info_of(vm).globals, 2);
    ck_assert(sfpm_vm_global(vm, 0, &value, &name));
    ck_assert_int_eq(value, 5);
    ck_assert_str_eq(name, "a");
    run_steps(vm, 0, NULL);
    ck_assert(sfpm_vm_global(vm, 0, &value, NULL));
    ck_assert_int_eq(value, 8);
    ck_assert(sfpm_vm_global(vm, 1, &value, &name));
    ck_assert_int_eq(value, -1);
    ck_assert_ptr_null(name);
    ck_assert(!sfpm_vm_global(vm, 2, &value, &name));
    expect_error(SFPM_ERR_ARGUMENT, 0, "there is no global 2: the program has 2");
    /* The listing has the initial value, and tells the other. */
    ck_assert_ptr_nonnull(strstr(listing_of(vm), ".global a 5 ; now 8\n.global _ -1\n"));
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(counters_count_and_starting_again_keeps_globals)
{
    sfpm_vm_t *vm = assembled(".global runs 10\n global.get runs\n push 1\n add\n"
                              "global.set runs\n global.get runs\n print\n halt\n");
    ck_assert_uint_eq(info_of(vm).starts, 0);
    ck_assert_str_eq(output_of(vm), "11\n");
    ck_assert_uint_eq(info_of(vm).instructions, 7);
    ck_assert_uint_eq(info_of(vm).starts, 1);
    ck_assert_str_eq(output_of(vm), ""); /* halted: nothing happens */
    ck_assert_uint_eq(info_of(vm).instructions, 7);
    ck_assert(sfpm_vm_restart(vm));
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
    ck_assert_str_eq(output_of(vm), "12\n");
    ck_assert_uint_eq(info_of(vm).instructions, 14);
    ck_assert_uint_eq(info_of(vm).starts, 2);
    ck_assert(sfpm_vm_fresh(vm));
    ck_assert_uint_eq(info_of(vm).instructions, 0);
    ck_assert_uint_eq(info_of(vm).starts, 0);
    ck_assert_str_eq(output_of(vm), "11\n");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(steps_are_exact)
{
    sfpm_vm_t *vm = assembled("again: nop\n br again\n");
    for (uint64_t i = 1; i < 50; i++) {
        ck_assert_int_eq(run_steps(vm, i, NULL), SFPM_VM_SUSPENDED);
        ck_assert_uint_eq(info_of(vm).instructions, i * (i + 1) / 2);
        ck_assert_uint_eq(info_of(vm).pc, i * (i + 1) / 2 % 2 ? 1 : 0);
    }
    ck_assert_uint_eq(info_of(vm).starts, 1);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Output and final state of a machine that is taken apart and put together in another
 * one after every `steps` instructions. */
static void run_in_pieces(sfpm_vm_t *vm, uint64_t steps, sfpm_buffer_t *output)
{
    sfpm_vm_status_t status = SFPM_VM_SUSPENDED;
    while (status == SFPM_VM_SUSPENDED) {
        sfpm_regions_t regions;
        status = run_steps(vm, steps, output);
        copy_regions(vm, &regions);
        if (!load_regions(vm, &regions) || !sfpm_vm_verify(vm))
            ck_abort_msg("%s", sfpm_last_error());
        sfpm_regions_free(&regions);
    }
}

static void expect_same_state(sfpm_vm_t *left, sfpm_vm_t *right)
{
    sfpm_regions_t a, b;
    copy_regions(left, &a);
    copy_regions(right, &b);
    for (int id = 0; id < SFPM_NUM_REGIONS; id++) {
        ck_assert_uint_eq(a.region[id].size, b.region[id].size);
        if (a.region[id].size)
            ck_assert_mem_eq(a.region[id].data, b.region[id].data, a.region[id].size);
    }
    sfpm_regions_free(&a);
    sfpm_regions_free(&b);
}

START_TEST(stopping_at_every_instruction_changes_nothing)
{
    static const char *const names[] = {"sum.s", "factorial.s", "primes.s",
                                        "fibonacci.s"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        note_input("case", i);
        sfpm_buffer_t whole = {0}, pieces = {0};
        sfpm_vm_t *one = example(names[i]);
        sfpm_vm_t *many = example(names[i]);
        ck_assert_int_eq(run_steps(one, 0, &whole), SFPM_VM_HALTED);
        run_in_pieces(many, 1, &pieces);
        ck_assert_uint_gt(whole.size, 0);
        ck_assert_uint_eq(whole.size, pieces.size);
        ck_assert_mem_eq(whole.data, pieces.data, whole.size);
        expect_same_state(one, many);
        sfpm_buffer_free(&whole);
        sfpm_buffer_free(&pieces);
        sfpm_vm_destroy(one);
        sfpm_vm_destroy(many);
    }
}
END_TEST

START_TEST(examples_print_real_results)
{
    sfpm_vm_t *vm = example("sum.s");
    ck_assert_str_eq(output_of(vm), "15\n");
    sfpm_vm_destroy(vm);

    vm = example("factorial.s");
    const char *text = output_of(vm);
    char line[32];
    uint64_t product = 1;
    for (uint64_t n = 0; n <= 20; n++) {
        product *= n ? n : 1;
        snprintf(line, sizeof line, "%llu\n", (unsigned long long)product);
        ck_assert(strncmp(text, line, strlen(line)) == 0);
        text += strlen(line);
    }
    ck_assert_str_eq(text, "");
    sfpm_vm_destroy(vm);

    vm = example("fibonacci.s");
    text = output_of(vm);
    for (uint64_t n = 0, a = 0, b = 1; n < 16; n++, b += a, a = b - a) {
        snprintf(line, sizeof line, "%llu\n", (unsigned long long)a);
        ck_assert(strncmp(text, line, strlen(line)) == 0);
        text += strlen(line);
    }
    ck_assert_str_eq(text, "");
    sfpm_vm_destroy(vm);

    vm = example("primes.s");
    ck_assert_str_eq(output_of(vm), "  2  3  5  7 11 13 17 19 23 29\n"
                                    " 31 37 41 43 47 53 59 61 67 71\n"
                                    " 73 79 83 89 97\n");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(frames_and_values_can_be_read)
{
    sfpm_vm_t *vm = assembled(".func main\n .local i64\n push 3\n local.set 0\n push 8\n"
                              "push 4\n call f\n halt\n"
                              ".func f i64 -> i64\n push 6\n push 7\n add\n return\n");
    sfpm_vm_frame_t frame;
    int64_t value;
    run_steps(vm, 7, NULL); /* before add */
    ck_assert_uint_eq(info_of(vm).frames, 2);
    ck_assert(sfpm_vm_frame(vm, 0, &frame, sizeof frame));
    ck_assert_str_eq(frame.function, "f");
    ck_assert_uint_eq(frame.index, 1);
    ck_assert_uint_eq(frame.offset, info_of(vm).pc);
    ck_assert_uint_eq(frame.locals, 1);
    ck_assert_uint_eq(frame.operands, 2);
    ck_assert(sfpm_vm_local(vm, 0, 0, &value));
    ck_assert_int_eq(value, 4);
    ck_assert(sfpm_vm_operand(vm, 0, 1, &value));
    ck_assert_int_eq(value, 7);
    ck_assert(sfpm_vm_frame(vm, 1, &frame, sizeof frame));
    ck_assert_str_eq(frame.function, "main");
    ck_assert_uint_eq(frame.offset, 14);
    ck_assert_uint_eq(frame.operands, 1);
    ck_assert(sfpm_vm_local(vm, 1, 0, &value));
    ck_assert_int_eq(value, 3);
    ck_assert(sfpm_vm_operand(vm, 1, 0, &value));
    ck_assert_int_eq(value, 8);
    ck_assert(!sfpm_vm_operand(vm, 1, 1, &value));
    ck_assert(!sfpm_vm_local(vm, 1, 1, &value));
    ck_assert(!sfpm_vm_frame(vm, 2, &frame, sizeof frame));
    expect_error(SFPM_ERR_ARGUMENT, 0, "there is no frame 2");
    sfpm_vm_destroy(vm);
}
END_TEST

static bool refuse_output(void *context, const void *bytes, size_t size)
{
    int *allowed = context;
    (void)bytes, (void)size;
    if (--*allowed == -2)
        errno = EIO;
    return *allowed >= 0;
}

START_TEST(failed_output_leaves_the_machine_before_it)
{
    int allowed = 2;
    sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                     .output = refuse_output,
                                     .output_context = &allowed};
    sfpm_vm_t *vm = assembled("push 1\n print\n print\n print\n halt\n");
    ck_assert(!sfpm_vm_run(vm, &options));
    expect_error(SFPM_ERR_SYSTEM, 0, "cannot write the program's output");
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
    ck_assert_uint_eq(info_of(vm).pc, 4);
    ck_assert(!sfpm_vm_run(vm, &options));
    expect_error(SFPM_ERR_SYSTEM, EIO, "cannot write the program's output: Input/output error");
    ck_assert_str_eq(output_of(vm), "1\n");
    sfpm_vm_destroy(vm);

    allowed = 0;
    vm = assembled("push 'x'\n print_char\n halt\n");
    ck_assert(!sfpm_vm_run(vm, &options));
    ck_assert_uint_eq(info_of(vm).pc, 2);
    ck_assert_str_eq(output_of(vm), "x");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_vm_run_options_t options = {0};
    sfpm_vm_info_t info;
    sfpm_vm_region_t region;
    char text[16];
    int64_t value;
    uint64_t offset;
    sfpm_vm_destroy(NULL);
    ck_assert(!sfpm_vm_run(NULL, NULL));
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "the machine has no program");
    ck_assert(!sfpm_vm_restart(vm) && !sfpm_vm_fresh(vm) && !sfpm_vm_verify(vm));
    ck_assert(!sfpm_vm_info(vm, &info, sizeof info));
    ck_assert(!sfpm_vm_resolve(vm, "main", &offset, NULL));
    ck_assert(!sfpm_vm_load_code(vm, NULL, 3));
    ck_assert(!sfpm_vm_global(vm, 0, &value, NULL));
    ck_assert(!sfpm_vm_operand(vm, 0, 0, &value));
    ck_assert(!sfpm_vm_disassemble(vm, 0, 1, collect, NULL));
    ck_assert(!sfpm_vm_region(vm, 0, &region, sizeof region));
    ck_assert(!sfpm_vm_save(vm, "a.img"));
    ck_assert(!sfpm_vm_fill_edit(vm, NULL));
    ck_assert(!sfpm_vm_restore(NULL, "a.img"));
    ck_assert(!sfpm_vm_load_image(vm, NULL));
    ck_assert(!sfpm_vm_commit(vm, NULL, NULL));
    ck_assert(!sfpm_vm_is_in(NULL));
    ck_assert_uint_eq(sfpm_vm_instruction(vm, 0, text, sizeof text), 0);
    sfpm_vm_describe(vm, 12, text, sizeof text);
    ck_assert_str_eq(text, "12");
    ck_assert(!sfpm_vm_load(vm, NULL, NULL));
    ck_assert_uint_eq(sfpm_vm_num_regions(vm), 0);
    sfpm_vm_destroy(vm);

    vm = assembled("halt");
    ck_assert(!sfpm_vm_info(vm, NULL, sizeof info));
    ck_assert(!sfpm_vm_resolve(vm, NULL, &offset, NULL));
    ck_assert(!sfpm_vm_disassemble(vm, 0, 1, NULL, NULL));
    ck_assert(!sfpm_vm_region(vm, 5, &region, sizeof region));
    ck_assert(!sfpm_vm_fill_edit(vm, NULL));
    ck_assert(!sfpm_vm_commit(vm, NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(!sfpm_vm_run(vm, &options));
    expect_error(SFPM_ERR_ARGUMENT, 0, "struct_size");
    options.struct_size = sizeof options;
    options.max_stack = SFPM_VM_MAX_STACK + 1;
    ck_assert(!sfpm_vm_run(vm, &options));
    expect_error(SFPM_ERR_ARGUMENT, 0, "exceeds the limit");
    /* An older caller's structure is shorter. */
    options =
        (sfpm_vm_run_options_t){.struct_size = 2 * sizeof(uint64_t), .max_steps = 1};
    ck_assert(sfpm_vm_run(vm, &options));
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        operations_give_their_results,
        programs_print_what_they_should,
        every_instruction_is_tested,
        trapped_machine_goes_on_after_a_patch,
        counters_count_and_starting_again_keeps_globals,
        steps_are_exact,
        stopping_at_every_instruction_changes_nothing,
        examples_print_real_results,
        frames_and_values_can_be_read,
        globals_can_be_read,
        NULL,
    };
    const test_t limits[] = {
        traps_stay_on_their_instruction,    overflow_goes_on_with_a_larger_stack,
        resumed_machine_must_fit_its_stack, failed_output_leaves_the_machine_before_it,
        bad_arguments_are_refused,          NULL,
    };
    return run_suite("vm_run", core, limits);
}
