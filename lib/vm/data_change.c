/* SPDX-License-Identifier: MIT */
/*
 * Decides what new initial contents of memory mean for a machine that has run. A module
 * does not say where its variables lie, so this is what can be known without that:
 *
 * - Contents are compared in units of 8 bytes, which hold any aligned variable whole. A
 * unit that differs is replaced only if the machine still has the old initial contents
 * there.
 * - An address that is kept somewhere leads to what the compiler put there. If a global,
 * a local, an operand or an aligned word of memory can be the address of a byte that
 *   differs, the change is refused. Words that both programs begin with are no sign, and
 *   neither is the unused part of a C program's stack.
 * - Zeros at the start (.bss) are in no module. That such a variable moved shows in the
 *   code: a function that is otherwise the same accesses memory at another offset. The
 *   offset of what still has its initial contents may change.
 */
#include "vm/data_change.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "engine/memory.h"

enum {
    UNIT = 8,      /* bytes that are replaced at once */
    BLOCK = 4096,  /* bytes that are compared at once */
    NEAR = 64,     /* runs that are closer are one */
    FIRST = 1024,  /* linkers put no data below, unless there are segments of data */
    RED_ZONE = 128 /* bytes below the stack pointer that a C function may use */
};

static const uint8_t zeros[BLOCK];

/* `size` bytes at a place; zeros behind the end. */
static const uint8_t *bytes_at(const sfpm_buffer_t *memory, uint64_t at)
{
    return at < memory->size ? memory->data + at : zeros;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- Comparing -------------------------------------------------------------- */

static bool differ(const sfpm_data_change_t *change, uint64_t at, size_t size)
{
    return memcmp(bytes_at(&change->old, at), bytes_at(&change->new, at), size) != 0;
}

static bool add_unit(sfpm_data_change_t *change, uint64_t at)
{
    bool is_new = memcmp(bytes_at(&change->old, at), zeros, UNIT) == 0;
    sfpm_data_run_t *last =
        change->num_runs > 0 ? &change->runs[change->num_runs - 1] : NULL;
    if (last && at - (last->address + last->size) < NEAR && last->is_new == is_new) {
        last->size = at + UNIT - last->address;
        return true;
    }
    void *runs = change->runs;
    if (!sfpm_grow_array(&runs, &change->capacity, change->num_runs + 1,
                         sizeof *change->runs))
        return false;
    change->runs = runs;
    change->runs[change->num_runs++] = (sfpm_data_run_t){at, UNIT, is_new};
    return true;
}

static bool find_runs(sfpm_data_change_t *change)
{
    uint64_t end = larger(change->old.size, change->new.size);
    for (uint64_t block = 0; block < end; block += BLOCK) {
        if (!differ(change, block, BLOCK))
            continue;
        for (uint64_t at = block; at < block + BLOCK; at += UNIT)
            if (differ(change, at, UNIT) && !add_unit(change, at))
                return false;
    }
    return true;
}

bool sfpm_data_compare(sfpm_data_change_t *change, const sfpm_program_t *old,
                       const sfpm_program_t *new)
{
    *change = (sfpm_data_change_t){0};
    return sfpm_memory_begin(old, &change->old) && sfpm_memory_begin(new, &change->new) &&
           find_runs(change);
}

void sfpm_data_free(sfpm_data_change_t *change)
{
    sfpm_memory_free(&change->old);
    sfpm_memory_free(&change->new);
    free(change->runs);
    *change = (sfpm_data_change_t){0};
}

/* ---- What the machine has changed ------------------------------------------- */

/* Always false. */
static bool fail_layout(const char *format, ...) SFPM_PRINTF(1, 2);
static bool fail_layout(const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sfpm_fail(SFPM_ERR_MISMATCH, "%s", text);
    return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
}

/* Whether nobody has written to a unit, or what was written are the new contents. */
static bool is_unchanged(const sfpm_data_change_t *change, const sfpm_buffer_t *memory,
                         uint64_t at)
{
    const uint8_t *now = bytes_at(memory, at);
    return memcmp(now, bytes_at(&change->old, at), UNIT) == 0 ||
           memcmp(now, bytes_at(&change->new, at), UNIT) == 0;
}

static bool check_unchanged(const sfpm_data_change_t *change, const sfpm_buffer_t *memory)
{
    for (size_t i = 0; i < change->num_runs; i++) {
        const sfpm_data_run_t *run = &change->runs[i];
        for (uint64_t at = run->address; at < run->address + run->size; at += UNIT)
            if (differ(change, at, UNIT) && !is_unchanged(change, memory, at))
                return fail_layout("the initial data at address %llu differ in the new "
                                   "code, but the program has changed these %d bytes",
                                   (unsigned long long)at, UNIT);
    }
    return true;
}

/* ---- Addresses that are kept ------------------------------------------------ */

static bool is_in_run(const sfpm_data_change_t *change, uint64_t value)
{
    size_t low = 0, high = change->num_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_data_run_t *run = &change->runs[middle];
        if (value >= run->address && value - run->address < run->size)
            return true;
        if (value < run->address)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Whether the value found at a place cannot be the address of what differs. */
static bool check_value(const sfpm_data_change_t *change, uint64_t value,
                        const char *what, unsigned long long number)
{
    return !is_in_run(change, value) ||
           fail_layout("the data at address %llu differ in the new code, but %s %llu may "
                       "hold their address",
                       (unsigned long long)value, what, number);
}

typedef struct sfpm_slot_check {
    const sfpm_data_change_t *change;
    const uint8_t *stack;
} sfpm_slot_check_t;

/* A reference is no address. */
static bool check_slot(void *context, size_t level, uint32_t slot, uint8_t type)
{
    const sfpm_slot_check_t *check = context;
    (void)level;
    return sfpm_is_reference(type) ||
           check_value(check->change,
                       sfpm_get_u64(check->stack + (size_t)slot * SFPM_SLOT_SIZE), "slot",
                       slot);
}

static bool check_frames(const sfpm_data_change_t *change, const sfpm_vm_t *vm)
{
    sfpm_slot_check_t check = {change, vm->regions.region[SFPM_STACK].data};
    size_t count = vm->state.status == SFPM_VM_HALTED ? 0 : vm->backtrace.count;
    for (size_t level = 0; level < count; level++)
        if (!sfpm_vm_frame_values(vm, level, check_slot, &check))
            return false;
    return true;
}

/* The lowest address of data in a module; `none` if it has no data. */
static uint64_t first_address(const sfpm_program_t *program, uint64_t none)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < program->num_segments; i++) {
        const sfpm_segment_t *segment = &program->segments[i];
        if (segment->is_active && segment->size > 0 && segment->address < first)
            first = segment->address;
    }
    return first == UINT64_MAX ? none : first;
}

/* The global that is a C program's stack pointer; SFPM_NO_GLOBAL: none is known. */
static uint32_t find_stack_pointer(const sfpm_program_t *program)
{
    static const char name[] = "__stack_pointer";
    uint32_t index = 0;
    if (!sfpm_global_named(program, name, sizeof name - 1, &index)) {
        index = 0;
        if (program->num_globals == 0 || program->global_names[0])
            return SFPM_NO_GLOBAL;
    }
    const sfpm_global_t *global = &program->globals[index];
    return global->is_mutable && global->type == SFPM_TYPE_I32 ? index : SFPM_NO_GLOBAL;
}

static bool check_globals(const sfpm_data_change_t *change, const sfpm_match_t *match,
                          const uint8_t *globals)
{
    uint32_t stack = find_stack_pointer(match->old);
    for (uint32_t i = 0; i < match->old->num_globals; i++)
        if (i != stack && match->old->globals[i].is_mutable &&
            !sfpm_is_reference(match->old->globals[i].type) &&
            !check_value(change, sfpm_get_u64(globals + (size_t)i * SFPM_GLOBAL_SIZE),
                         "global", i))
            return false;
    return true;
}

/* The end of the unused part of a C program's stack, which begins at address 0 if the
 * program was linked with --stack-first. */
static uint64_t end_of_unused(const sfpm_match_t *match, const uint8_t *globals)
{
    uint32_t index = find_stack_pointer(match->old);
    if (index == SFPM_NO_GLOBAL)
        return 0;
    const uint8_t *at = globals + (size_t)index * SFPM_GLOBAL_SIZE;
    uint64_t now = sfpm_get_u64(at), initial = sfpm_get_u64(at + SFPM_GLOBAL_SIZE / 2);
    if (now < RED_ZONE || now > initial ||
        initial > first_address(match->old, first_address(match->new, FIRST)))
        return 0;
    return (now - RED_ZONE) / UNIT * UNIT;
}

/* A word that both programs begin with is right for the new one, too. */
static bool check_words(const sfpm_data_change_t *change, const sfpm_buffer_t *memory,
                        uint64_t from)
{
    for (uint64_t at = from; at < memory->size; at += 4) {
        uint32_t value = sfpm_get_u32(memory->data + at);
        if (!is_in_run(change, value))
            continue;
        if (!differ(change, at, 4) &&
            memcmp(memory->data + at, bytes_at(&change->old, at), 4) != 0)
            return check_value(change, value, "the memory at", at);
    }
    return true;
}

/* ---- Variables that moved --------------------------------------------------- */

/* The addresses of a segment that still has its initial contents. */
typedef struct sfpm_data_range {
    uint64_t from, to;
} sfpm_data_range_t;

typedef struct sfpm_data_check {
    const sfpm_match_t *match;
    uint64_t first, end;        /* where data may be */
    sfpm_data_range_t *initial; /* by address */
    size_t num_initial;
} sfpm_data_check_t;

static int compare_ranges(const void *left, const void *right)
{
    const sfpm_data_range_t *a = left, *b = right;
    return (a->from > b->from) - (a->from < b->from);
}

static bool find_initial(sfpm_data_check_t *check, const sfpm_data_change_t *change,
                         const uint8_t *memory)
{
    const sfpm_program_t *old = check->match->old;
    check->initial = SFPM_NEW_N(sfpm_data_range_t, old->num_segments);
    if (!check->initial)
        return false;
    for (uint32_t i = 0; i < old->num_segments; i++) {
        const sfpm_segment_t *segment = &old->segments[i];
        uint64_t from = segment->address;
        if (segment->is_active && segment->size > 0 &&
            memcmp(memory + from, change->old.data + from, segment->size) == 0)
            check->initial[check->num_initial++] =
                (sfpm_data_range_t){from, from + segment->size};
    }
    qsort(check->initial, check->num_initial, sizeof *check->initial, compare_ranges);
    return true;
}

static bool is_initial(const sfpm_data_check_t *check, uint64_t address)
{
    size_t low = 0, high = check->num_initial;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (check->initial[middle].from <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < check->initial[low - 1].to;
}

static bool check_offset(void *context, uint32_t function, uint32_t old, uint32_t new)
{
    const sfpm_data_check_t *check = context;
    char name[SFPM_PLACE_TEXT];
    return old < check->first || old >= check->end || is_initial(check, old) ||
           fail_layout(
               "the variable at address %u, which %s uses, is at %u in the new code", old,
               sfpm_function_name(check->match->old, function, name), new);
}

static bool check_moved(const sfpm_data_change_t *change, const sfpm_match_t *match,
                        const sfpm_vm_t *vm)
{
    sfpm_data_check_t check = {.match = match,
                               .first = first_address(match->old, FIRST),
                               .end = change->old.size};
    bool ok = find_initial(&check, change, vm->regions.region[SFPM_MEMORY].data);
    for (uint32_t i = 0; ok && i < match->old->num_functions; i++)
        ok = match->same[i] || sfpm_match_offsets(match, i, check_offset, &check);
    free(check.initial);
    return ok;
}

/* ---- The whole -------------------------------------------------------------- */

bool sfpm_data_allowed(const sfpm_data_change_t *change, const sfpm_match_t *match,
                       const sfpm_vm_t *vm)
{
    const sfpm_buffer_t *memory = &vm->regions.region[SFPM_MEMORY];
    const uint8_t *globals = vm->regions.region[SFPM_GLOBALS].data;
    if (!check_moved(change, match, vm) || !check_unchanged(change, memory))
        return false;
    return change->num_runs == 0 ||
           (check_globals(change, match, globals) && check_frames(change, vm) &&
            check_words(change, memory, end_of_unused(match, globals)));
}

void sfpm_data_apply(const sfpm_data_change_t *change, sfpm_buffer_t *memory)
{
    for (size_t i = 0; i < change->num_runs; i++) {
        const sfpm_data_run_t *run = &change->runs[i];
        for (uint64_t at = run->address; at < run->address + run->size; at += UNIT)
            if (differ(change, at, UNIT))
                memcpy(memory->data + at, bytes_at(&change->new, at), UNIT);
    }
}
