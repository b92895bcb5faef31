/* SPDX-License-Identifier: MIT */
/* Converts between the original machine, version 1, and the regions of a machine. */
#include "vm/v1_machine.h"

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "bytecode/raw_code.h"

enum { /* offsets */
       STACK = 0,
       SP = 1024,
       PROGRAM_SIZE = 2056,
       PC = 2064,
       HALTED = 2072,
       ITERATIONS = 2076
};

/* Checks the fields other than the stack one by one. */
typedef struct sfpm_original {
    uint32_t height;
    uint32_t size;
    uint32_t pc;
    bool halted;
    uint32_t iterations;
} sfpm_original_t;

static bool read_fields(const uint8_t *bytes, sfpm_original_t *fields)
{
    int32_t sp = sfpm_to_i32(sfpm_get_u32(bytes + SP));
    uint64_t size = sfpm_get_u64(bytes + PROGRAM_SIZE);
    uint64_t pc = sfpm_get_u64(bytes + PC);
    int32_t iterations = sfpm_to_i32(sfpm_get_u32(bytes + ITERATIONS));
    if (sp < -1 || sp >= SFPM_ORIGINAL_SLOTS)
        return sfpm_fail(SFPM_ERR_CORRUPT, "vm_state[%d]: sp is %d, not in -1 to %d", SP,
                         (int)sp, SFPM_ORIGINAL_SLOTS - 1);
    if (size > SFPM_ORIGINAL_PROGRAM_SIZE)
        return sfpm_fail(
            SFPM_ERR_CORRUPT, "vm_state[%d]: program_size is %llu, not in 0 to %d",
            PROGRAM_SIZE, (unsigned long long)size, SFPM_ORIGINAL_PROGRAM_SIZE);
    if (bytes[HALTED] > 1)
        return sfpm_fail(SFPM_ERR_CORRUPT, "vm_state[%d]: halted is %d, not 0 or 1",
                         HALTED, bytes[HALTED]);
    if (pc > size || (pc == size && size > 0 && !bytes[HALTED]))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "vm_state[%d]: pc %llu is beyond the program of %llu bytes", PC,
                         (unsigned long long)pc, (unsigned long long)size);
    if (iterations < 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "vm_state[%d]: iteration_count is negative",
                         ITERATIONS);
    *fields = (sfpm_original_t){.height = (uint32_t)(sp + 1),
                                .size = (uint32_t)size,
                                .pc = (uint32_t)pc,
                                .halted = bytes[HALTED] != 0,
                                .iterations = (uint32_t)iterations};
    return true;
}

/* The original leaves pc behind a HALT, ours stays on it. */
static uint32_t own_pc(const sfpm_original_t *fields)
{
    return fields->halted && fields->pc > 0 ? fields->pc - 1 : fields->pc;
}

bool sfpm_original_is_empty(const uint8_t *bytes)
{
    return sfpm_get_u64(bytes + PROGRAM_SIZE) == 0;
}

/* The original's Reset leaves no program: nothing is to be executed. */
static bool load_empty(uint64_t starts, sfpm_regions_t *regions)
{
    const uint8_t halt = SFPM_OP_HALT;
    const sfpm_state_t state = {
        .status = SFPM_VM_HALTED, .begun = true, .starts = starts};
    return sfpm_regions_of_code(regions, &halt, 1) &&
           sfpm_state_encode(&state, 0, &regions->region[SFPM_STATE]);
}

static bool load_stack(const uint8_t *bytes, uint32_t height, sfpm_buffer_t *stack)
{
    const uint32_t outermost[] = {SFPM_OUTERMOST, SFPM_OUTERMOST, 0, 0};
    for (int i = 0; i < 4; i++)
        if (!sfpm_buffer_add_u32(stack, outermost[i]))
            return false;
    for (uint32_t i = 0; i < height; i++) {
        int32_t value = sfpm_to_i32(sfpm_get_u32(bytes + STACK + 4 * (size_t)i));
        if (!sfpm_buffer_add_u64(stack, (uint64_t)(int64_t)value))
            return false;
    }
    return true;
}

bool sfpm_original_load(const uint8_t *bytes, size_t size, sfpm_regions_t *regions)
{
    sfpm_original_t fields = {0};
    if (size != SFPM_ORIGINAL_SIZE)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "region 'vm_state' has %zu bytes: only a machine of %d bytes "
                         "can be run",
                         size, SFPM_ORIGINAL_SIZE);
    if (!read_fields(bytes, &fields))
        return false;
    if (fields.size == 0)
        return load_empty(fields.iterations, regions) &&
               load_stack(bytes, fields.height, &regions->region[SFPM_STACK]);
    const sfpm_state_t state = {
        .status = fields.halted ? SFPM_VM_HALTED : SFPM_VM_SUSPENDED,
        .pc = own_pc(&fields),
        .begun = fields.halted || fields.pc > 0 || fields.height > 0,
        .starts = fields.iterations};
    return sfpm_regions_of_code(regions, bytes + SFPM_ORIGINAL_PROGRAM, fields.size) &&
           sfpm_state_encode(&state, 0, &regions->region[SFPM_STATE]) &&
           load_stack(bytes, fields.height, &regions->region[SFPM_STACK]);
}

/* Whether all values can be written, before any is. */
static bool fits_vm_state(const sfpm_state_t *state, const uint8_t *slots, size_t height)
{
    if (state->starts > INT32_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "%llu starts do not fit in vm_state's iteration_count",
                         (unsigned long long)state->starts);
    for (size_t i = 0; i < height; i++) {
        int64_t value = sfpm_to_i64(sfpm_get_u64(slots + i * SFPM_SLOT_SIZE));
        if (value < INT32_MIN || value > INT32_MAX)
            return sfpm_fail(
                SFPM_ERR_LIMIT,
                "stack value %zu, %lld, does not fit in the 32 bits of vm_state", i,
                (long long)value);
    }
    return true;
}

bool sfpm_original_store(const sfpm_state_t *state, const sfpm_buffer_t *stack,
                         uint8_t *bytes)
{
    const uint8_t *slots = stack->data + SFPM_RECORD_SLOTS * SFPM_SLOT_SIZE;
    size_t height = stack->size / SFPM_SLOT_SIZE - SFPM_RECORD_SLOTS;
    bool halted = state->status == SFPM_VM_HALTED;
    if (!fits_vm_state(state, slots, height))
        return false;
    for (size_t i = 0; i < height; i++)
        sfpm_put_u32(bytes + STACK + 4 * i,
                     (uint32_t)sfpm_get_u64(slots + i * SFPM_SLOT_SIZE));
    sfpm_put_u32(bytes + SP, (uint32_t)height - 1);
    bool past_halt = halted && !sfpm_original_is_empty(bytes);
    sfpm_put_u64(bytes + PC, (uint64_t)state->pc + past_halt);
    bytes[HALTED] = halted;
    sfpm_put_u32(bytes + ITERATIONS, (uint32_t)state->starts);
    return true;
}
