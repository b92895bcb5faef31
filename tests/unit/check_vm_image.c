/* SPDX-License-Identifier: MIT */
/* Machines in images, and the original program's `vm_state`. */
#include <sfpm/snapshot.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "track/dirty.h"
#include "vm/machine.h"
#include "vm/v1_machine.h"
#include "vm_common.h"

START_TEST(saved_machine_goes_on_where_it_was)
{
    sfpm_buffer_t whole = {0}, pieces = {0};
    sfpm_vm_t *vm = example("primes.s");
    ck_assert_int_eq(run_steps(vm, 0, &whole), SFPM_VM_HALTED);
    ck_assert(sfpm_vm_fresh(vm));
    ck_assert_int_eq(run_steps(vm, 1234, &pieces), SFPM_VM_SUSPENDED);
    ck_assert(sfpm_vm_save(vm, "a.img"));
    sfpm_vm_destroy(vm);

    vm = sfpm_vm_create();
    ck_assert(sfpm_vm_restore(vm, "a.img"));
    ck_assert_uint_eq(info_of(vm).instructions, 1234);
    ck_assert(info_of(vm).verified);
    ck_assert_int_eq(run_steps(vm, 0, &pieces), SFPM_VM_HALTED);
    ck_assert_uint_eq(whole.size, pieces.size);
    ck_assert_mem_eq(whole.data, pieces.data, whole.size);
    sfpm_buffer_free(&whole);
    sfpm_buffer_free(&pieces);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(commits_are_states_to_go_back_to)
{
    sfpm_vm_t *vm = example("factorial.s");
    sfpm_vm_t *old = sfpm_vm_create();
    ck_assert(sfpm_vm_save(vm, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert(sfpm_vm_is_in(image));
    ck_assert_uint_eq(sfpm_image_commit_info(image)->bytecode, info_of(vm).bytecode);
    ck_assert_str_eq(sfpm_image_commit_info(image)->creator, "check_vm_image");
    for (uint64_t i = 1; i <= 5; i++) {
        run_steps(vm, 100, NULL);
        ck_assert(sfpm_vm_commit(vm, image, i == 5 ? "the last" : NULL));
    }
    ck_assert_str_eq(sfpm_image_commit_info(image)->message, "the last");
    ck_assert_str_eq(sfpm_image_commit_info(image)->creator, "check_vm_image");
    for (int64_t i = 1; i <= 6; i++) {
        ck_assert(sfpm_image_select(image, i));
        ck_assert(sfpm_vm_load_image(old, image));
        ck_assert(sfpm_vm_verify(old));
        ck_assert_uint_eq(info_of(old).instructions, 100 * (uint64_t)(i - 1));
    }
    sfpm_image_close(image);
    sfpm_vm_destroy(old);
    sfpm_vm_destroy(vm);
}
END_TEST

/* An image may hold a machine and other things, or another machine before. */
START_TEST(edit_leaves_other_regions_alone)
{
    sfpm_vm_t *primes = example("primes.s"); /* has globals */
    sfpm_vm_t *sum = example("sum.s");       /* has none */
    sfpm_vm_t *back = sfpm_vm_create();
    size_t index;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert(sfpm_edit_set_region(edit, "mine", 0, "abc", 3, 0));
    ck_assert(sfpm_vm_fill_edit(primes, edit));
    ck_assert(sfpm_edit_save(edit, "a.img", NULL));
    sfpm_edit_destroy(edit);

    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert(sfpm_image_find_region(image, "globals", &index));
    ck_assert_uint_eq(sfpm_image_region(image, index)->flags,
                      SFPM_REGION_PORTABLE | SFPM_REGION_DYNAMIC);
    ck_assert(sfpm_vm_commit(sum, image, NULL));
    ck_assert(!sfpm_image_find_region(image, "globals", &index));
    ck_assert(sfpm_image_find_region(image, "mine", &index));
    ck_assert(sfpm_vm_load_image(back, image));
    ck_assert_str_eq(output_of(back), "15\n");
    sfpm_image_close(image);
    sfpm_vm_destroy(back);
    sfpm_vm_destroy(primes);
    sfpm_vm_destroy(sum);
}
END_TEST

/* Whether the image holds the machine's memory. */
static bool holds_memory(sfpm_vm_t *vm, const sfpm_image_t *image)
{
    size_t index, size = (size_t)sfpm_vm_memory_size(vm);
    uint8_t *held = malloc(size);
    ck_assert(held && sfpm_image_find_region(image, "memory", &index));
    ck_assert_uint_eq(sfpm_image_region(image, index)->size, size);
    ck_assert(sfpm_image_read(image, index, 0, held, size));
    bool same = memcmp(held, sfpm_vm_memory(vm, 0, size), size) == 0;
    free(held);
    return same;
}

static void write_memory(sfpm_vm_t *vm)
{
    for (int i = 0; i < 20; i++) {
        uint64_t at = random_below(sfpm_vm_memory_size(vm));
        *(uint8_t *)sfpm_vm_memory(vm, at, 1) = (uint8_t)random_below(256);
    }
}

/* Of a large memory only what was written to is looked at, and all of that: through
 * growth, which moves it, and after a new beginning. */
START_TEST(commits_follow_a_large_memory)
{
    sfpm_vm_t *vm = assembled(".memory 32\n.func main\nagain: i32.const 1\n"
                              "memory.grow\n drop\n br again\n");
    ck_assert(sfpm_vm_save(vm, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    for (int round = 0; round < 40; round++) {
        note_input("round", (uint64_t)round);
        write_memory(vm);
        if (round % 8 == 7)
            run_steps(vm, 4, NULL);
        if (round == 30)
            ck_assert(sfpm_vm_fresh(vm));
        ck_assert(sfpm_vm_commit(vm, image, NULL));
        ck_assert(holds_memory(vm, image));
    }
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
}
END_TEST

/* What is written between, against the rules, is not found: so not all is compared. */
START_TEST(written_edits_spare_comparing)
{
    sfpm_vm_t *vm = assembled(".memory 32\n.func main\nhalt\n");
    ck_assert(sfpm_vm_save(vm, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    for (int told = 0; told < 2; told++) {
        sfpm_edit_t *edit = sfpm_edit_create(image);
        ck_assert(sfpm_vm_fill_edit(vm, edit));
        ck_assert(!sfpm_vm_written(vm, edit) && !sfpm_vm_written(vm, NULL));
        *(uint8_t *)sfpm_vm_memory(vm, 1234567, 1) ^= 1;
        ck_assert(sfpm_edit_append(edit, NULL));
        ck_assert(sfpm_vm_written(vm, edit));
        sfpm_edit_destroy(edit);
        ck_assert_int_eq(holds_memory(vm, image), !told);
    }
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Changes are those since the last commit, into whichever image that went: also what is
 * now as it was in the one before. */
START_TEST(commits_into_several_images_follow_the_memory)
{
    for (int hashed = 0; hashed < 2; hashed++) {
        sfpm_vm_t *vm = assembled(".memory 32\n.func main\nhalt\n");
        uint8_t *byte = sfpm_vm_memory(vm, 1234567, 1);
        ck_assert(sfpm_vm_save(vm, "a.img") && sfpm_vm_save(vm, "b.img"));
        sfpm_image_t *images[] = {sfpm_image_open("a.img", NULL),
                                  sfpm_image_open("b.img", NULL)};
        vm->tracker = sfpm_tracker_create();
        ck_assert_ptr_nonnull(vm->tracker);
        vm->tracker->no_faults = hashed;
        static const struct {
            uint8_t value;
            int image;
        } steps[] = {{1, 0}, {2, 1}, {1, 1}, {3, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            note_input("case", i);
            *byte = steps[i].value;
            ck_assert(sfpm_vm_commit(vm, images[steps[i].image], NULL));
            ck_assert_msg(holds_memory(vm, images[steps[i].image]), "step %zu", i);
        }
        if (hashed)
            ck_assert_int_eq(vm->tracker->ranges[0].method, SFPM_TRACKING_HASH);
        sfpm_image_close(images[0]);
        sfpm_image_close(images[1]);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* Pages of the memory are those of the system, however the memory was made, so that a
 * changed byte of one that is watched is a changed page. */
START_TEST(changed_byte_costs_one_page)
{
    sfpm_vm_t *vm = assembled(".memory 32\n.func main\nagain: i32.const 1\n"
                              "memory.grow\n drop\n br again\n");
    ck_assert(sfpm_vm_save(vm, "a.img"));
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    for (int made = 0; made < 3; made++) {
        uint8_t *memory = sfpm_vm_memory(vm, 0, (size_t)2 << 20);
        ck_assert_uint_eq((uintptr_t)memory % 4096, 0);
        for (size_t at = 0; at < (size_t)2 << 20; at++)
            memory[at] = (uint8_t)(at * 11 / 7);
        ck_assert(sfpm_vm_commit(vm, image, NULL));
        memory[1234567] ^= 1;
        ck_assert(sfpm_vm_commit(vm, image, NULL));
        ck_assert(holds_memory(vm, image));
        ck_assert_uint_lt(sfpm_image_commit_info(image)->size, 3 * 4096);
        if (made == 0)
            run_steps(vm, 4, NULL);
        else
            ck_assert(sfpm_vm_restore(vm, "a.img"));
    }
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Makes what a.img says of places unreadable. */
static void damage_leaves(void)
{
    static uint8_t bytes[4 << 20];
    FILE *file = fopen("a.img", "r+");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    for (size_t at = 64; at + 40 < size; at += 8)
        if (memcmp(bytes + at, "LEAF", 4) == 0) {
            fseek(file, (long)at + 32, SEEK_SET);
            fputc(bytes[at + 32] ^ 1, file);
        }
    fclose(file);
}

/* Only what does not compare gets over the damage without storing all anew. */
START_TEST(loaded_memory_is_watched_where_commits_are_expected)
{
    const size_t size = (size_t)2 << 20;
    ck_assert(!sfpm_vm_expect_commits(NULL, true));
    for (int expected = 0; expected < 2; expected++) {
        sfpm_vm_t *vm = assembled(".memory 32\n.func main\nhalt\n");
        memset(sfpm_vm_memory(vm, 0, size), 3, size);
        ck_assert(sfpm_vm_save(vm, "a.img"));
        sfpm_image_t *image = sfpm_image_open("a.img", NULL);
        ck_assert(sfpm_vm_expect_commits(vm, expected));
        ck_assert(sfpm_vm_load_image(vm, image));
        damage_leaves();
        ck_assert(sfpm_vm_commit(vm, image, NULL));
        ck_assert_int_eq(sfpm_image_commit_info(image)->size < size, expected);
        *(uint8_t *)sfpm_vm_memory(vm, 1234567, 1) ^= 1;
        ck_assert(sfpm_vm_save(vm, "a.img"));
        ck_assert(sfpm_vm_restore(vm, "a.img"));
        ck_assert_uint_eq(*(uint8_t *)sfpm_vm_memory(vm, 1234567, 1), 2);
        sfpm_image_close(image);
        image = sfpm_image_open("a.img", NULL);
        *(uint8_t *)sfpm_vm_memory(vm, 7654, 1) ^= 1;
        ck_assert(sfpm_vm_commit(vm, image, NULL));
        ck_assert(holds_memory(vm, image));
        sfpm_image_close(image);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(images_without_a_machine_are_told)
{
    int number = 7;
    const sfpm_memory_region_t region = {&number, sizeof number, "number", false};
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    sfpm_vm_t *vm = example("sum.s");
    ck_assert(sfpm_snapshot_add_region(snapshot, &region));
    ck_assert(sfpm_snapshot_save(snapshot, "a.img"));
    sfpm_snapshot_destroy(snapshot);
    ck_assert(!sfpm_vm_restore(vm, "a.img"));
    expect_error(SFPM_ERR_MISMATCH, 0, "it holds no machine");
    ck_assert(!sfpm_vm_restore(vm, "b.img"));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    ck_assert_str_eq(output_of(vm), "15\n"); /* what it was */
    sfpm_image_t *image = sfpm_image_open("a.img", NULL);
    ck_assert(!sfpm_vm_is_in(image));
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Zeros take no space in an image: what it says of a size is not believed. */
START_TEST(giant_regions_are_refused)
{
    sfpm_vm_t *vm = example("sum.s");
    size_t size = (size_t)SFPM_VM_MAX_STACK + 8;
    uint8_t *zeros = calloc(1, size);
    ck_assert_ptr_nonnull(zeros);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert(sfpm_vm_fill_edit(vm, edit));
    ck_assert(sfpm_edit_set_region(edit, "stack", 0, zeros, size, SFPM_REGION_PORTABLE));
    ck_assert(sfpm_edit_save(edit, "a.img", NULL));
    sfpm_edit_destroy(edit);
    ck_assert(!sfpm_vm_restore(vm, "a.img"));
    expect_error(SFPM_ERR_LIMIT, 0, "region 'stack' of 67108872 bytes");
    free(zeros);
    sfpm_vm_destroy(vm);
}
END_TEST

static sfpm_vm_t *growing(void)
{
    return assembled(".memory 32\n.func main\nagain: i32.const 1\nmemory.grow\n"
                     "i32.const -1\n i32.ne\n br_if again\n halt\n");
}

/* One limit: of what is loaded, of a fresh start, and of growth. */
START_TEST(memory_is_limited)
{
    sfpm_vm_t *vm = growing();
    sfpm_vm_t *other = growing();
    const uint64_t limit = 40 * SFPM_PAGE_SIZE;
    ck_assert(!sfpm_vm_set_max_memory(vm, SFPM_VM_MAX_MEMORY + 1));
    expect_error(SFPM_ERR_ARGUMENT, 0, "exceeds the limit of 4294967296");
    ck_assert(!sfpm_vm_set_max_memory(NULL, 1));
    ck_assert(sfpm_vm_set_max_memory(vm, limit));
    ck_assert_str_eq(output_of(vm), "");
    ck_assert_uint_eq(sfpm_vm_memory_size(vm), limit);
    ck_assert(sfpm_vm_save(vm, "a.img"));

    ck_assert(sfpm_vm_set_max_memory(other, limit - 1));
    ck_assert(!sfpm_vm_restore(other, "a.img"));
    expect_error(SFPM_ERR_LIMIT, 0, "region 'memory' of 2621440 bytes");
    ck_assert(sfpm_vm_set_max_memory(other, limit));
    ck_assert(sfpm_vm_restore(other, "a.img"));
    ck_assert(sfpm_vm_set_max_memory(other, limit / 2));
    ck_assert(!sfpm_vm_fresh(other));
    expect_error(SFPM_ERR_LIMIT, 0, "starts with 2097152 bytes");
    ck_assert(!sfpm_vm_restore(other, "a.img")); /* the limit stayed */
    ck_assert_uint_eq(sfpm_vm_memory_size(other), limit);
    ck_assert(sfpm_vm_set_max_memory(other, 0) && sfpm_vm_restore(other, "a.img"));
    sfpm_vm_destroy(other);
    sfpm_vm_destroy(vm);
}
END_TEST

/* ---- The original layout ---------------------------------------------------- */

static const uint8_t sum_code[] = {0, 10, 0, 5, 1, 4, 5};

/* A `vm_state` as the original program leaves it before the first run. */
static void make_original(uint8_t *state, const uint8_t *code, size_t size)
{
    memset(state, 0, SFPM_ORIGINAL_SIZE);
    sfpm_put_u32(state + 1024, UINT32_MAX); /* sp */
    if (size > 0)
        memcpy(state + 1028, code, size);
    sfpm_put_u64(state + 2056, size);
}

static bool give_state(void *context, const char *name, const void **bytes, size_t *size)
{
    *bytes = strcmp(name, "vm_state") == 0 ? context : NULL;
    *size = SFPM_ORIGINAL_SIZE;
    return true;
}

static sfpm_vm_t *original(uint8_t *state)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    if (!sfpm_vm_load(vm, give_state, state) || !sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    return vm;
}

/* The state as the machine would save it. */
static const uint8_t *state_of(sfpm_vm_t *vm)
{
    sfpm_vm_region_t region;
    ck_assert_uint_eq(sfpm_vm_num_regions(vm), 1);
    if (!sfpm_vm_region(vm, 0, &region, sizeof region))
        ck_abort_msg("%s", sfpm_last_error());
    ck_assert_str_eq(region.name, "vm_state");
    ck_assert_uint_eq(region.size, SFPM_ORIGINAL_SIZE);
    return region.bytes;
}

START_TEST(original_state_runs_and_is_written_back)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    make_original(state, sum_code, sizeof sum_code);
    sfpm_vm_t *vm = original(state);
    ck_assert_mem_eq(state_of(vm), state, sizeof state); /* untouched so far */
    ck_assert(info_of(vm).original);
    ck_assert_uint_eq(info_of(vm).code_size, 7);
    ck_assert_str_eq(info_of(vm).code_region, "vm_state");
    ck_assert_uint_eq(info_of(vm).code_start, 1028);
    ck_assert_str_eq(output_of(vm), "15\n");

    uint8_t after[SFPM_ORIGINAL_SIZE];
    memcpy(after, state, sizeof after);
    sfpm_put_u32(after, 15);       /* stack[0] */
    sfpm_put_u32(after + 1024, 0); /* sp */
    sfpm_put_u64(after + 2064, 7); /* pc, behind the HALT */
    after[2072] = 1;               /* halted */
    sfpm_put_u32(after + 2076, 1); /* iteration_count */
    ck_assert_mem_eq(state_of(vm), after, sizeof after);

    /* The halted one, loaded again, starts again. */
    memcpy(state, state_of(vm), sizeof state);
    state[1028 + 3] = 20;
    sfpm_vm_destroy(vm);
    vm = original(state);
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    ck_assert_uint_eq(info_of(vm).pc, 6);
    ck_assert_uint_eq(info_of(vm).frames, 1);
    int64_t value = 0;
    ck_assert(sfpm_vm_operand(vm, 0, 0, &value));
    ck_assert_int_eq(value, 15);
    ck_assert(sfpm_vm_restart(vm));
    ck_assert_str_eq(output_of(vm), "30\n");
    ck_assert_uint_eq(info_of(vm).starts, 2);
    ck_assert_uint_eq(sfpm_get_u32(state_of(vm) + 2076), 2);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(original_state_can_be_suspended_anywhere)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    sfpm_buffer_t output = {0};
    make_original(state, sum_code, sizeof sum_code);
    for (int i = 0; i < 5; i++) {
        sfpm_vm_t *vm = original(state);
        ck_assert_int_eq(info_of(vm).status, SFPM_VM_SUSPENDED);
        run_steps(vm, 1, &output);
        memcpy(state, state_of(vm), sizeof state);
        sfpm_vm_destroy(vm);
    }
    ck_assert_uint_eq(output.size, 3);
    ck_assert_mem_eq(output.data, "15\n", 3);
    ck_assert_uint_eq(state[2072], 1);
    ck_assert_uint_eq(sfpm_get_u32(state + 2076), 1);
    sfpm_buffer_free(&output);
}
END_TEST

START_TEST(original_slots_are_sign_extended_and_must_fit)
{
    static const uint8_t code[] = {2, 4, 5}; /* sub print halt */
    uint8_t state[SFPM_ORIGINAL_SIZE];
    sfpm_vm_region_t region;
    make_original(state, code, sizeof code);
    /* Two values on the stack before the first instruction: not what it proves. */
    sfpm_put_u32(state + 1024, 1);
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(sfpm_vm_load(vm, give_state, state));
    ck_assert(!sfpm_vm_verify(vm));
    expect_error(SFPM_ERR_BYTECODE, 0, "stack underflow");
    sfpm_vm_destroy(vm);

    /* push 1, push 1, then the values are changed: INT_MIN - 1. */
    static const uint8_t whole[] = {0, 1, 0, 1, 2, 4, 5};
    make_original(state, whole, sizeof whole);
    vm = original(state);
    run_steps(vm, 2, NULL);
    memcpy(state, state_of(vm), sizeof state);
    sfpm_vm_destroy(vm);
    sfpm_put_u32(state, 0x80000000u);
    vm = original(state);
    ck_assert_str_eq(output_of(vm), "-2147483649\n");
    ck_assert(!sfpm_vm_region(vm, 0, &region, sizeof region));
    expect_error(SFPM_ERR_LIMIT, 0,
                 "stack value 0, -2147483649, does not fit in the 32 bits of vm_state");
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(original_counter_must_fit)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    sfpm_vm_region_t region;
    make_original(state, sum_code, sizeof sum_code);
    sfpm_put_u32(state + 2076, INT32_MAX);
    sfpm_vm_t *vm = original(state);
    ck_assert_str_eq(output_of(vm), "15\n");
    ck_assert(!sfpm_vm_region(vm, 0, &region, sizeof region));
    expect_error(SFPM_ERR_LIMIT, 0, "2147483648 starts do not fit");
    ck_assert(sfpm_vm_fresh(vm));
    ck_assert_uint_eq(sfpm_get_u32(state_of(vm) + 2076), 0);
    sfpm_vm_destroy(vm);
}
END_TEST

START_TEST(original_state_is_checked)
{
    static const struct {
        size_t offset;
        uint32_t value;
        const char *message;
    } changes[] = {
        {1024, 0xFFFFFFFE, "sp is -2"},
        {1024, 256, "sp is 256"},
        {2056, 1025, "program_size is 1025"},
        {2060, 1, "program_size is 4294967303"},
        {2064, 8, "pc 8 is beyond the program of 7 bytes"},
        {2064, 7, "pc 7 is beyond the program of 7 bytes"},
        {2068, 1, "pc 4294967296 is beyond"},
        {2072, 2, "halted is 2"},
        {2076, 0x80000000u, "iteration_count is negative"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        note_input("case", i);
        uint8_t state[SFPM_ORIGINAL_SIZE];
        sfpm_vm_t *vm = sfpm_vm_create();
        make_original(state, sum_code, sizeof sum_code);
        sfpm_put_u32(state + changes[i].offset, changes[i].value);
        ck_assert(!sfpm_vm_load(vm, give_state, state));
        expect_error(SFPM_ERR_CORRUPT, 0, changes[i].message);
        sfpm_vm_destroy(vm);
    }
}
END_TEST

/* As the original leaves it after its Reset. */
START_TEST(original_without_a_program_is_empty)
{
    const uint8_t nop = SFPM_OP_NOP;
    uint8_t state[SFPM_ORIGINAL_SIZE], after[SFPM_ORIGINAL_SIZE];
    char text[32];
    size_t size;
    make_original(state, NULL, 0);
    sfpm_vm_t *vm = original(state);
    ck_assert_int_eq(info_of(vm).status, SFPM_VM_HALTED);
    ck_assert_uint_eq(info_of(vm).code_size, 0);
    ck_assert_uint_eq(sfpm_vm_instruction(vm, 0, text, sizeof text), 0);
    ck_assert_mem_eq(state_of(vm), state, sizeof state);
    ck_assert(!sfpm_vm_patch(vm, 0, &nop, 1));
    expect_error(SFPM_ERR_ARGUMENT, 0, "outside the code of 0 bytes");
    ck_assert_ptr_null(sfpm_vm_encode(vm, 0, "nop", &size));
    ck_assert(sfpm_vm_restart(vm));
    ck_assert_str_eq(output_of(vm), "");
    memcpy(after, state, sizeof after);
    after[2072] = 1; /* halted */
    sfpm_put_u32(after + 2076, 1);
    ck_assert_mem_eq(state_of(vm), after, sizeof after);
    sfpm_vm_destroy(vm);
    sfpm_vm_destroy(original(after));
    sfpm_put_u64(after + 2064, 1);
    vm = sfpm_vm_create();
    ck_assert(!sfpm_vm_load(vm, give_state, after));
    expect_error(SFPM_ERR_CORRUPT, 0, "pc 1 is beyond the program of 0 bytes");
    sfpm_vm_destroy(vm);
}
END_TEST

/* There are no calls in version 1 to speak of: the stack is the operands. */
START_TEST(original_with_a_wrong_stack_starts_again)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    static const struct {
        uint32_t sp;
        const char *message;
    } wrong[] = {
        {UINT32_MAX, "code[4] (main+4): the stack has 0 values here, but the code expects 2"},
        {0, "code[4] (main+4): the stack has 1 value here, but the code expects 2"},
        {2, "code[4] (main+4): the stack has 3 values here, but the code expects 2"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        note_input("case", i);
        make_original(state, sum_code, sizeof sum_code);
        sfpm_put_u64(state + 2064, 4); /* pc: add */
        sfpm_put_u32(state + 1024, wrong[i].sp);
        sfpm_vm_t *vm = sfpm_vm_create();
        ck_assert(sfpm_vm_load(vm, give_state, state));
        ck_assert(!sfpm_vm_verify(vm));
        expect_error(SFPM_ERR_BYTECODE, 0, wrong[i].message);
        ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_RESTART);
        ck_assert(sfpm_vm_restart(vm));
        ck_assert_str_eq(output_of(vm), "15\n");
        sfpm_vm_destroy(vm);
    }
}
END_TEST

START_TEST(original_machine_has_seven_instructions_and_256_values)
{
    static const uint8_t newer[] = {0, 1, SFPM_OP_DUP, SFPM_OP_HALT};
    uint8_t state[SFPM_ORIGINAL_SIZE];
    uint8_t deep[2 * 257 + 1] = {0};
    sfpm_vm_t *vm = sfpm_vm_create();
    make_original(state, newer, sizeof newer);
    ck_assert(sfpm_vm_load(vm, give_state, state));
    ck_assert(!sfpm_vm_verify(vm));
    expect_error(
        SFPM_ERR_BYTECODE, 0,
        "code[2] (main+2): unknown opcode 0x0A: the original machine has 0 to 6");
    deep[sizeof deep - 1] = SFPM_OP_HALT;
    make_original(state, deep, sizeof deep);
    ck_assert(sfpm_vm_load(vm, give_state, state));
    ck_assert(!sfpm_vm_run(vm, NULL));
    expect_error(SFPM_ERR_BYTECODE, 0,
                 "needs 257 values on the stack, but vm_state has room for 256");
    make_original(state, deep + 2, sizeof deep - 2);
    ck_assert(sfpm_vm_load(vm, give_state, state));
    ck_assert_int_eq(run_steps(vm, 0, NULL), SFPM_VM_HALTED);
    ck_assert_uint_eq(sfpm_get_u32(state_of(vm) + 1024), 255);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Every byte, a few values: refused or harmless, also when it is written back. */
START_TEST(any_changed_byte_of_the_original_is_harmless)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    make_original(state, sum_code, sizeof sum_code);
    sfpm_vm_t *vm = original(state);
    run_steps(vm, 2, NULL);
    memcpy(state, state_of(vm), sizeof state);
    int good = 0;
    for (size_t i = 0; i < sizeof state; i++) {
        const uint8_t old = state[i];
        const uint8_t values[] = {0, 1, 5, 0x7F, 0x80, 0xFF};
        for (size_t v = 0; v < sizeof values; v++) {
            state[i] = values[v];
            sfpm_vm_region_t region;
            const sfpm_vm_run_options_t options = {.struct_size = sizeof options};
            if (sfpm_vm_load(vm, give_state, state) && sfpm_vm_run(vm, &options))
                good += sfpm_vm_region(vm, 0, &region, sizeof region);
        }
        state[i] = old;
    }
    ck_assert_int_gt(good, 1000);
    sfpm_vm_destroy(vm);
}
END_TEST

/* In images of both versions; the flags of the region stay as they were. */
static void run_in_image(uint32_t format)
{
    uint8_t state[SFPM_ORIGINAL_SIZE];
    size_t index;
    make_original(state, sum_code, sizeof sum_code);
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert(sfpm_edit_set_format(edit, format));
    ck_assert(sfpm_edit_set_region(edit, "vm_state", 0, state, sizeof state, 0));
    ck_assert(sfpm_edit_save(edit, "v.img", NULL));
    sfpm_edit_destroy(edit);

    sfpm_vm_t *vm = sfpm_vm_create();
    sfpm_image_t *image = sfpm_image_open("v.img", NULL);
    ck_assert_ptr_nonnull(image);
    uint32_t flags = sfpm_image_region(image, 0)->flags;
    ck_assert(sfpm_vm_is_in(image));
    ck_assert(sfpm_vm_load_image(vm, image));
    ck_assert_str_eq(output_of(vm), "15\n");
    if (!sfpm_vm_commit(vm, image, "ran"))
        ck_abort_msg("%s", sfpm_last_error());
    sfpm_image_close(image);

    image = sfpm_image_open("v.img", NULL);
    ck_assert_uint_eq(sfpm_image_info(image)->format, format);
    ck_assert(sfpm_image_find_region(image, "vm_state", &index));
    ck_assert_uint_eq(sfpm_image_region(image, index)->flags, flags);
    ck_assert(sfpm_image_read(image, index, 0, state, sizeof state));
    ck_assert_uint_eq(sfpm_get_u32(state), 15);
    sfpm_image_close(image);
    sfpm_vm_destroy(vm);
}

START_TEST(original_state_runs_in_images_of_both_versions)
{
    run_in_image(1);
    run_in_image(2);
}
END_TEST

static bool give_other_size(void *context, const char *name, const void **bytes,
                            size_t *size)
{
    static const uint8_t state[5392];
    (void)context;
    *bytes = strcmp(name, "vm_state") == 0 ? state : NULL;
    *size = sizeof state;
    return true;
}

START_TEST(other_layouts_are_refused_with_the_reason)
{
    sfpm_vm_t *vm = sfpm_vm_create();
    ck_assert(!sfpm_vm_load(vm, give_other_size, NULL));
    expect_error(SFPM_ERR_UNSUPPORTED, 0, "region 'vm_state' has 5392 bytes");
    sfpm_vm_destroy(vm);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        saved_machine_goes_on_where_it_was,
        commits_are_states_to_go_back_to,
        edit_leaves_other_regions_alone,
        commits_follow_a_large_memory,
        written_edits_spare_comparing,
        commits_into_several_images_follow_the_memory,
        changed_byte_costs_one_page,
        loaded_memory_is_watched_where_commits_are_expected,
        original_state_runs_and_is_written_back,
        original_state_can_be_suspended_anywhere,
        original_slots_are_sign_extended_and_must_fit,
        original_state_runs_in_images_of_both_versions,
        NULL,
    };
    const test_t limits[] = {
        images_without_a_machine_are_told,
        giant_regions_are_refused,
        memory_is_limited,
        original_counter_must_fit,
        original_state_is_checked,
        original_without_a_program_is_empty,
        original_with_a_wrong_stack_starts_again,
        original_machine_has_seven_instructions_and_256_values,
        any_changed_byte_of_the_original_is_harmless,
        other_layouts_are_refused_with_the_reason,
        NULL,
    };
    return run_suite("vm_image", core, limits);
}
