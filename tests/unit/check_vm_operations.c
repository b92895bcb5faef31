/* SPDX-License-Identifier: MIT */
/* The instructions that programs in assembly text do not have yet, one by one. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "engine/memory.h"
#include "vm_build.h"
#include "vm_common.h"
#include "vm_operation.h"

/* ---- Values ------------------------------------------------------------------- */

static sfpm_trap_t trap_named(const char *text)
{
    for (uint32_t trap = 1; sfpm_trap_text(trap); trap++)
        if (strcmp(sfpm_trap_text(trap), text) == 0)
            return (sfpm_trap_t)trap;
    ck_abort_msg("no trap '%s'", text);
}

/* One line of the vectors, as tests/vm/operations prints them. */
static uint8_t check_vector(char *line)
{
    char mnemonic[32], signature[8], outcome[64];
    uint64_t a, b, result;
    if (sscanf(line, "%31s %7s %" SCNx64 " %" SCNx64 " %63[^\n]", mnemonic, signature, &a,
               &b, outcome) != 5)
        ck_abort_msg("no vector: %s", line);
    const sfpm_opcode_info_t *info = sfpm_opcode_named(mnemonic, strlen(mnemonic));
    if (!info || strcmp(info->signature, signature) != 0)
        ck_abort_msg("another instruction: %s", line);
    bool traps = strncmp(outcome, "trap ", 5) == 0;
    sfpm_trap_t trap = operate(info, a, b, &result);
    if (trap != (traps ? trap_named(outcome + 5) : SFPM_TRAP_NONE) ||
        (!traps && result != strtoull(outcome, NULL, 16)))
        ck_abort_msg("%s: trap %d, result %" PRIx64, line, trap, result);
    return info->opcode;
}

START_TEST(vectors_are_computed)
{
    char path[4096], line[256];
    bool seen[256] = {false};
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/tests/vm/vectors", top ? top : "../..");
    FILE *file = fopen(path, "r");
    if (!file)
        ck_abort_msg("%s: cannot be opened", path);
    while (fgets(line, sizeof line, file))
        seen[check_vector(line)] = true;
    fclose(file);
    for (int i = 0; i < 256; i++) {
        const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)i);
        if (info && is_pure(info) && !seen[i])
            ck_abort_msg("%s has no vector", info->mnemonic);
    }
}
END_TEST

/* ---- Memory ------------------------------------------------------------------- */

static const uint8_t sample[16] = {0x81, 0x92, 0xA3, 0xB4, 0xC5, 0xD6, 0xE7, 0xF8,
                                   0x09, 0x1A, 0x2B, 0x3C, 0x4D, 0x5E, 0x6F, 0x70};

/* A function `main` of a program with memory: `pages` now, one more at most, the sample
 * at 8 and the same as a passive segment, number 1. */
static void start_memory(build_t *build, uint32_t pages)
{
    build_start(build);
    build->program.min_pages = pages;
    build->program.max_pages = pages + 1;
    build->program.num_segments = 2;
    build->segments[0] =
        (sfpm_segment_t){.bytes = sample, .size = 16, .address = 8, .is_active = true};
    build->segments[1] = (sfpm_segment_t){.bytes = sample, .size = 16};
    build_function(build, ":", "");
}

/* Ends `main`, runs it, and gives the only value on its stack, if any. */
static sfpm_trap_t finish(build_t *build, uint64_t *result, sfpm_vm_t **kept)
{
    int64_t value = 0;
    build_code(build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = build_vm(build);
    if (!sfpm_vm_verify(vm))
        ck_abort_msg("%s", sfpm_last_error());
    run_steps(vm, 0, NULL);
    sfpm_trap_t trap = info_of(vm).trap;
    if (result && trap == SFPM_TRAP_NONE)
        ck_assert(sfpm_vm_operand(vm, 0, 0, &value));
    if (result)
        *result = (uint64_t)value;
    if (kept)
        *kept = vm;
    else
        sfpm_vm_destroy(vm);
    return trap;
}

static const struct {
    sfpm_opcode_t opcode;
    uint32_t width;
    uint64_t at8;  /* what it loads at 8 */
    uint64_t at17; /* and at 17 */
} loads[] = {
    {SFPM_OP_I32_LOAD, 4, 0xB4A39281, 0x4D3C2B1A},
    {SFPM_OP_I64_LOAD, 8, 0xF8E7D6C5B4A39281, 0x00706F5E4D3C2B1A},
    {SFPM_OP_F32_LOAD, 4, 0xB4A39281, 0x4D3C2B1A},
    {SFPM_OP_F64_LOAD, 8, 0xF8E7D6C5B4A39281, 0x00706F5E4D3C2B1A},
    {SFPM_OP_I32_LOAD8_S, 1, 0xFFFFFF81, 0x1A},
    {SFPM_OP_I32_LOAD8_U, 1, 0x81, 0x1A},
    {SFPM_OP_I32_LOAD16_S, 2, 0xFFFF9281, 0x2B1A},
    {SFPM_OP_I32_LOAD16_U, 2, 0x9281, 0x2B1A},
    {SFPM_OP_I64_LOAD8_S, 1, 0xFFFFFFFFFFFFFF81, 0x1A},
    {SFPM_OP_I64_LOAD8_U, 1, 0x81, 0x1A},
    {SFPM_OP_I64_LOAD16_S, 2, 0xFFFFFFFFFFFF9281, 0x2B1A},
    {SFPM_OP_I64_LOAD16_U, 2, 0x9281, 0x2B1A},
    {SFPM_OP_I64_LOAD32_S, 4, 0xFFFFFFFFB4A39281, 0x4D3C2B1A},
    {SFPM_OP_I64_LOAD32_U, 4, 0xB4A39281, 0x4D3C2B1A},
};

static sfpm_trap_t load_at(sfpm_opcode_t opcode, uint32_t address, uint32_t offset,
                           uint64_t *result)
{
    build_t build;
    start_memory(&build, 1);
    build_const(&build, 'i', address);
    build_code(&build, opcode, offset);
    return finish(&build, result, NULL);
}

START_TEST(loads_read_their_bytes_within_bounds)
{
    uint64_t result;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        note_input("case", i);
        sfpm_opcode_t op = loads[i].opcode;
        uint32_t last = SFPM_PAGE_SIZE - loads[i].width;
        ck_assert_int_eq(load_at(op, 0, 8, &result), SFPM_TRAP_NONE);
        ck_assert_uint_eq(result, loads[i].at8);
        ck_assert_int_eq(load_at(op, 10, 7, &result), SFPM_TRAP_NONE);
        ck_assert_uint_eq(result, loads[i].at17);
        ck_assert_int_eq(load_at(op, last, 0, &result), SFPM_TRAP_NONE);
        ck_assert_uint_eq(result, 0);
        ck_assert_int_eq(load_at(op, last, 1, &result), SFPM_TRAP_MEMORY_BOUNDS);
        ck_assert_int_eq(load_at(op, 1, last, &result), SFPM_TRAP_MEMORY_BOUNDS);
        ck_assert_int_eq(load_at(op, UINT32_MAX, 9, &result), SFPM_TRAP_MEMORY_BOUNDS);
        ck_assert_int_eq(load_at(op, 8, UINT32_MAX, &result), SFPM_TRAP_MEMORY_BOUNDS);
    }
}
END_TEST

static const struct {
    sfpm_opcode_t opcode;
    char type;
    uint32_t width;
} stores[] = {
    {SFPM_OP_I32_STORE, 'i', 4},   {SFPM_OP_I64_STORE, 'I', 8},
    {SFPM_OP_F32_STORE, 'f', 4},   {SFPM_OP_F64_STORE, 'F', 8},
    {SFPM_OP_I32_STORE8, 'i', 1},  {SFPM_OP_I32_STORE16, 'i', 2},
    {SFPM_OP_I64_STORE8, 'I', 1},  {SFPM_OP_I64_STORE16, 'I', 2},
    {SFPM_OP_I64_STORE32, 'I', 4},
};

/* Writes into 16 bytes of ones at the end of memory, and gives these. */
static sfpm_trap_t store_at(size_t index, uint32_t address, uint32_t offset,
                            uint8_t *bytes)
{
    build_t build;
    sfpm_vm_t *vm;
    sfpm_regions_t regions;
    start_memory(&build, 1);
    build_const(&build, 'i', SFPM_PAGE_SIZE - 16);
    build_const(&build, 'i', 0x4FF);
    build_const(&build, 'i', 16);
    build_code(&build, SFPM_OP_MEMORY_FILL, 0);
    build_const(&build, 'i', address);
    build_const(&build, stores[index].type, 0x8877665544332211);
    build_code(&build, stores[index].opcode, offset);
    sfpm_trap_t trap = finish(&build, NULL, &vm);
    copy_regions(vm, &regions);
    memcpy(bytes, regions.region[SFPM_MEMORY].data + SFPM_PAGE_SIZE - 16, 16);
    sfpm_regions_free(&regions);
    sfpm_vm_destroy(vm);
    return trap;
}

START_TEST(stores_write_their_bytes_within_bounds)
{
    static const uint8_t value[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    uint8_t bytes[16], wanted[16];
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        note_input("case", i);
        uint32_t width = stores[i].width;
        memset(wanted, 0xFF, sizeof wanted);
        ck_assert_int_eq(store_at(i, 1, SFPM_PAGE_SIZE - width, bytes),
                         SFPM_TRAP_MEMORY_BOUNDS);
        ck_assert_mem_eq(bytes, wanted, sizeof wanted);
        ck_assert_int_eq(store_at(i, UINT32_MAX, UINT32_MAX, bytes),
                         SFPM_TRAP_MEMORY_BOUNDS);
        memcpy(wanted + 16 - width, value, width);
        ck_assert_int_eq(store_at(i, SFPM_PAGE_SIZE - 8, 8 - width, bytes),
                         SFPM_TRAP_NONE);
        ck_assert_mem_eq(bytes, wanted, sizeof wanted);
    }
}
END_TEST

/* memory.size, or memory.grow with that operand, in a memory of one to two pages. */
static uint64_t grow(uint32_t pages, bool twice)
{
    build_t build;
    uint64_t result;
    start_memory(&build, 1);
    if (twice) {
        build_const(&build, 'i', pages);
        build_code(&build, SFPM_OP_MEMORY_GROW, 0);
        build_code(&build, SFPM_OP_DROP, 0);
        build_code(&build, SFPM_OP_MEMORY_SIZE, 0);
    } else {
        build_const(&build, 'i', pages);
        build_code(&build, SFPM_OP_MEMORY_GROW, 0);
    }
    ck_assert_int_eq(finish(&build, &result, NULL), SFPM_TRAP_NONE);
    return result;
}

START_TEST(memory_grows_to_its_maximum)
{
    build_t build;
    uint64_t result;
    ck_assert_uint_eq(grow(0, false), 1);
    ck_assert_uint_eq(grow(1, false), 1);
    ck_assert_uint_eq(grow(2, false), UINT32_MAX);
    ck_assert_uint_eq(grow(UINT32_MAX, false), UINT32_MAX);
    ck_assert_uint_eq(grow(1, true), 2);
    ck_assert_uint_eq(grow(2, true), 1);
    /* What was there stays, what is new is zero. */
    start_memory(&build, 1);
    build_const(&build, 'i', 1);
    build_code(&build, SFPM_OP_MEMORY_GROW, 0);
    build_code(&build, SFPM_OP_I64_LOAD, 7);
    build_const(&build, 'i', 0);
    build_code(&build, SFPM_OP_I64_LOAD, 2 * SFPM_PAGE_SIZE - 8);
    build_code(&build, SFPM_OP_ADD, 0);
    ck_assert_int_eq(finish(&build, &result, NULL), SFPM_TRAP_NONE);
    ck_assert_uint_eq(result, 0xF8E7D6C5B4A39281);
    /* The run's limit holds, too. */
    start_memory(&build, 1);
    build_const(&build, 'i', 1);
    build_code(&build, SFPM_OP_MEMORY_GROW, 0);
    build_code(&build, SFPM_OP_HALT, 0);
    sfpm_vm_t *vm = build_vm(&build);
    const sfpm_vm_run_options_t options = {.struct_size = sizeof options,
                                           .max_memory = 2 * SFPM_PAGE_SIZE - 1};
    int64_t value;
    ck_assert(sfpm_vm_run(vm, &options));
    ck_assert(sfpm_vm_operand(vm, 0, 0, &value));
    ck_assert_int_eq(value, UINT32_MAX);
    sfpm_vm_destroy(vm);
}
END_TEST

/* Whether a process that reads a byte there is ended. */
static bool is_deadly(const uint8_t *at)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        (void)*(const volatile uint8_t *)at;
        _exit(0);
    }
    ck_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status);
}

/* What an engine's checks let through would end here. */
START_TEST(memory_lies_between_pages_that_cannot_be_touched)
{
    sfpm_buffer_t memory = {0};
    ck_assert(sfpm_memory_make(&memory, 5 * SFPM_PAGE_SIZE));
    ck_assert(!is_deadly(memory.data) && !is_deadly(memory.data + memory.size - 1));
    ck_assert(is_deadly(memory.data - 1) && is_deadly(memory.data + memory.size));
    sfpm_memory_free(&memory);
    ck_assert_ptr_null(memory.data);
    ck_assert(!sfpm_memory_make(&memory, UINT64_MAX));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_MEMORY);
    ck_assert(sfpm_memory_make(&memory, 0) && !memory.data);
}
END_TEST

static size_t bytes_that_are_not(const sfpm_buffer_t *memory, size_t from, uint8_t byte)
{
    size_t count = 0;
    for (size_t i = from; i < memory->size; i++)
        count += memory->data[i] != byte;
    return count;
}

/* Small memory comes from the allocator, larger memory is mapped. */
START_TEST(memory_keeps_its_bytes_as_it_becomes_large)
{
    sfpm_buffer_t memory = {0};
    ck_assert(sfpm_memory_make(&memory, SFPM_PAGE_SIZE));
    for (uint32_t pages = 1; pages < 12; pages++) {
        size_t size = memory.size;
        ck_assert_uint_eq((uintptr_t)memory.data % (size_t)sysconf(_SC_PAGESIZE), 0);
        memset(memory.data, (int)pages, memory.size);
        ck_assert_uint_eq(sfpm_memory_grow(&memory, 1, 12), pages);
        ck_assert_uint_eq(bytes_that_are_not(&memory, size, 0), 0);
        memory.size = size;
        ck_assert_uint_eq(bytes_that_are_not(&memory, 0, (uint8_t)pages), 0);
        memory.size = size + SFPM_PAGE_SIZE;
    }
    sfpm_memory_free(&memory);
}
END_TEST

/* Executes a bulk instruction on three values, then loads 8 bytes at `look`. */
static sfpm_trap_t bulk(sfpm_opcode_t opcode, bool dropped, uint32_t a, uint32_t b,
                        uint32_t c, uint32_t look, uint64_t *result)
{
    build_t build;
    start_memory(&build, 1);
    if (dropped)
        build_code(&build, SFPM_OP_DATA_DROP, 1);
    build_const(&build, 'i', a);
    build_const(&build, 'i', b);
    build_const(&build, 'i', c);
    build_code(&build, opcode, 1);
    build_const(&build, 'i', look);
    build_code(&build, SFPM_OP_I64_LOAD, 0);
    return finish(&build, result, NULL);
}

START_TEST(bulk_operations_do_all_or_nothing)
{
    static const struct {
        sfpm_opcode_t opcode;
        bool dropped;
        uint32_t a, b, c, look;
        sfpm_trap_t trap;
        uint64_t result;
    } cases[] = {
        {SFPM_OP_MEMORY_FILL, false, 9, 0x1FE, 2, 8, 0, 0xF8E7D6C5B4FEFE81},
        {SFPM_OP_MEMORY_FILL, false, 65536, 1, 0, 8, 0, 0xF8E7D6C5B4A39281},
        {SFPM_OP_MEMORY_FILL, false, 65537, 1, 0, 8, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_FILL, false, 8, 1, 65529, 8, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_FILL, false, 8, 1, 0xFFFFFFFF, 8, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_COPY, false, 9, 8, 8, 8, 0, 0xE7D6C5B4A3928181},
        {SFPM_OP_MEMORY_COPY, false, 8, 9, 8, 8, 0, 0x09F8E7D6C5B4A392},
        {SFPM_OP_MEMORY_COPY, false, 65536, 65536, 0, 8, 0, 0xF8E7D6C5B4A39281},
        {SFPM_OP_MEMORY_COPY, false, 0, 65530, 8, 8, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_COPY, false, 65530, 0, 8, 8, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_INIT, false, 100, 2, 8, 100, 0, 0x1A09F8E7D6C5B4A3},
        {SFPM_OP_MEMORY_INIT, false, 100, 16, 0, 100, 0, 0},
        {SFPM_OP_MEMORY_INIT, false, 100, 9, 8, 100, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_INIT, false, 65535, 0, 2, 100, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_INIT, true, 100, 0, 1, 100, SFPM_TRAP_MEMORY_BOUNDS, 0},
        {SFPM_OP_MEMORY_INIT, true, 100, 0, 0, 100, 0, 0},
    };
    uint64_t result;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        sfpm_trap_t trap = bulk(cases[i].opcode, cases[i].dropped, cases[i].a, cases[i].b,
                                cases[i].c, cases[i].look, &result);
        if (trap != cases[i].trap || (!trap && result != cases[i].result))
            ck_abort_msg("case %zu: trap %d, result %" PRIx64, i, trap, result);
    }
}
END_TEST

int main(void)
{
    const test_t core[] = {
        vectors_are_computed,
        loads_read_their_bytes_within_bounds,
        stores_write_their_bytes_within_bounds,
        memory_grows_to_its_maximum,
        NULL,
    };
    const test_t limits[] = {
        bulk_operations_do_all_or_nothing,
        memory_lies_between_pages_that_cannot_be_touched,
        memory_keeps_its_bytes_as_it_becomes_large,
        NULL,
    };
    return run_suite("vm_operations", core, limits);
}
