/* SPDX-License-Identifier: MIT */
/*
 * Tier 0: executes canonical code in place, one instruction after the other. It defines
 * what tier 1 has to do.
 */
#include "engine/interpret.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/calls.h"
#include "bytecode/instruction.h"
#include "engine/memory.h"
#include "engine/references.h"
#include "bytecode/real.h"

static bool write_bytes(const sfpm_limits_t *limits, const void *bytes, size_t size)
{
    if (!limits->output)
        return true;
    sfpm_host_begin(limits);
    errno = 0;
    bool written = limits->output(limits->output_context, bytes, size);
    int error = errno;
    sfpm_host_end(limits);
    if (written)
        return true;
    if (error == 0)
        return sfpm_fail(SFPM_ERR_SYSTEM, "cannot write the program's output");
    return sfpm_fail_errno(error, "cannot write the program's output");
}

static bool print_number(const sfpm_limits_t *limits, uint64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRId64 "\n", sfpm_to_i64(value));
    return write_bytes(limits, text, (size_t)size);
}

static bool print_char(const sfpm_limits_t *limits, uint64_t value)
{
    uint8_t byte = (uint8_t)value;
    return write_bytes(limits, &byte, 1);
}

#define STOP(outcome)                                                                    \
    {                                                                                    \
        *left = budget + 1;                                                              \
        return outcome;                                                                  \
    }
/* After an instruction that may have taken long. */
#define LOOK_UP                                                                          \
    {                                                                                    \
        if (!sfpm_is_interrupted(limits))                                                \
            continue;                                                                    \
        *left = budget;                                                                  \
        return SFPM_OUTCOME_STEPS;                                                       \
    }
#define TRAP(cause)                                                                      \
    {                                                                                    \
        r->trap = cause;                                                                 \
        STOP(SFPM_OUTCOME_TRAP)                                                          \
    }
#define TOP(depth)  sfpm_get_slot(r, r->sp - (depth))
#define PUSH(value) sfpm_put_slot(r, r->sp++, value)
#define OPERAND_U16 sfpm_get_u16(code + r->pc + 1)
#define OPERAND_U32 sfpm_get_u32(code + r->pc + 1)
#define SECOND_U32  sfpm_get_u32(code + r->pc + 5)

/* table.get and table.set. */
static sfpm_trap_t access_element(sfpm_registers_t *r, sfpm_elements_t table, bool sets)
{
    uint64_t element = TOP(sets ? 2 : 1);
    if (element >= table.count)
        return SFPM_TRAP_TABLE_BOUNDS;
    uint8_t *at = table.at + (size_t)element * SFPM_ELEMENT_SIZE;
    if (sets) {
        sfpm_put_u64(at, TOP(1));
        r->sp -= 2;
    } else {
        sfpm_put_slot(r, r->sp - 1, sfpm_get_u64(at));
    }
    return SFPM_TRAP_NONE;
}

/* table.fill, table.copy and table.init: to, then what, then how many. */
static sfpm_trap_t change_elements(const sfpm_machine_t *machine, sfpm_registers_t *r,
                                   sfpm_elements_t table, uint32_t second)
{
    const sfpm_program_t *program = machine->program;
    switch (program->code[r->pc]) {
    case SFPM_OP_TABLE_FILL:
        return sfpm_table_fill(table, TOP(3), TOP(2), TOP(1));
    case SFPM_OP_TABLE_COPY:
        return sfpm_table_copy(table, TOP(3),
                               sfpm_table_elements(program, machine->table, second),
                               TOP(2), TOP(1));
    default:
        return sfpm_table_init(
            table, TOP(3), &program->element_segments[second],
            sfpm_is_dropped(machine->dropped, program->num_segments + second), TOP(2),
            TOP(1));
    }
}

/* An instruction on a table. It changes nothing if it gives a trap. */
static sfpm_trap_t execute_table(sfpm_machine_t *machine, sfpm_registers_t *r)
{
    const sfpm_program_t *program = machine->program;
    const uint8_t *code = program->code;
    uint8_t opcode = code[r->pc];
    uint32_t number = OPERAND_U32;
    uint32_t second = sfpm_opcodes[opcode].width > 4 ? SECOND_U32 : 0;
    const sfpm_elements_t table = sfpm_table_elements(program, machine->table, number);
    sfpm_trap_t trap = SFPM_TRAP_NONE;
    switch (opcode) {
    case SFPM_OP_TABLE_SIZE:
        PUSH(table.count);
        break;
    case SFPM_OP_TABLE_GROW:
        sfpm_put_slot(r, r->sp - 2,
                      sfpm_table_grow(program, machine->table, number, TOP(2), TOP(1)));
        r->sp--;
        break;
    case SFPM_OP_TABLE_GET:
    case SFPM_OP_TABLE_SET:
        trap = access_element(r, table, opcode == SFPM_OP_TABLE_SET);
        break;
    default:
        trap = change_elements(machine, r, table, second);
        if (trap == SFPM_TRAP_NONE)
            r->sp -= 3;
        break;
    }
    if (trap == SFPM_TRAP_NONE)
        r->pc += 1u + sfpm_opcodes[opcode].width;
    return trap;
}

sfpm_outcome_t sfpm_execute(sfpm_machine_t *machine, sfpm_registers_t *r,
                            const sfpm_limits_t *limits, uint64_t *left)
{
    const uint8_t *code = machine->program->code;
    sfpm_buffer_t *memory = machine->memory;
    uint32_t max_pages = machine->program->max_pages < limits->max_pages
                             ? machine->program->max_pages
                             : limits->max_pages;
    sfpm_outcome_t outcome;
    uint64_t budget = *left;
    while (budget-- > 0) {
        switch ((sfpm_opcode_t)code[r->pc]) {
#define BINARY(name, result)                                                             \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(2), b = TOP(1);                                                 \
        r->sp--;                                                                         \
        sfpm_put_slot(r, r->sp - 1, (uint64_t)(result));                                 \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define UNARY(name, result)                                                              \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(1);                                                             \
        sfpm_put_slot(r, r->sp - 1, (uint64_t)(result));                                 \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define TRAPPING(name, trap_cause, result)                                               \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(2), b = TOP(1);                                                 \
        r->trap = trap_cause;                                                            \
        if (r->trap != SFPM_TRAP_NONE)                                                   \
            STOP(SFPM_OUTCOME_TRAP)                                                      \
        r->sp--;                                                                         \
        sfpm_put_slot(r, r->sp - 1, (uint64_t)(result));                                 \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define TRAPPING_UNARY(name, trap_cause, result)                                         \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(1);                                                             \
        r->trap = trap_cause;                                                            \
        if (r->trap != SFPM_TRAP_NONE)                                                   \
            STOP(SFPM_OUTCOME_TRAP)                                                      \
        sfpm_put_slot(r, r->sp - 1, (uint64_t)(result));                                 \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define LOAD(name, bytes, result)                                                        \
    case SFPM_OP_##name: {                                                               \
        uint64_t at = (uint64_t)(uint32_t)TOP(1) + OPERAND_U32;                          \
        if (at + bytes > memory->size)                                                   \
            TRAP(SFPM_TRAP_MEMORY_BOUNDS)                                                \
        uint64_t a = sfpm_load_bytes(memory->data + at, bytes);                          \
        sfpm_put_slot(r, r->sp - 1, (uint64_t)(result));                                 \
        r->pc += 5;                                                                      \
        continue;                                                                        \
    }
#define STORE(name, bytes)                                                               \
    case SFPM_OP_##name: {                                                               \
        uint64_t at = (uint64_t)(uint32_t)TOP(2) + OPERAND_U32;                          \
        if (at + bytes > memory->size)                                                   \
            TRAP(SFPM_TRAP_MEMORY_BOUNDS)                                                \
        sfpm_store_bytes(memory->data + at, bytes, TOP(1));                              \
        r->sp -= 2;                                                                      \
        r->pc += 5;                                                                      \
        continue;                                                                        \
    }
#include "bytecode/operations.inc"
        case SFPM_OP_MEMORY_SIZE:
            PUSH(memory->size / SFPM_PAGE_SIZE);
            r->pc++;
            continue;
        case SFPM_OP_MEMORY_GROW:
            sfpm_put_slot(r, r->sp - 1,
                          sfpm_memory_grow(memory, (uint32_t)TOP(1), max_pages));
            r->pc++;
            LOOK_UP
        case SFPM_OP_MEMORY_COPY:
            r->trap = sfpm_memory_copy(memory, TOP(3), TOP(2), TOP(1));
            if (r->trap != SFPM_TRAP_NONE)
                STOP(SFPM_OUTCOME_TRAP)
            r->sp -= 3;
            r->pc++;
            LOOK_UP
        case SFPM_OP_MEMORY_FILL:
            r->trap = sfpm_memory_fill(memory, TOP(3), TOP(2), TOP(1));
            if (r->trap != SFPM_TRAP_NONE)
                STOP(SFPM_OUTCOME_TRAP)
            r->sp -= 3;
            r->pc++;
            LOOK_UP
        case SFPM_OP_MEMORY_INIT: {
            uint32_t segment = OPERAND_U32;
            r->trap = sfpm_memory_init(memory, &machine->program->segments[segment],
                                       sfpm_is_dropped(machine->dropped, segment), TOP(3),
                                       TOP(2), TOP(1));
            if (r->trap != SFPM_TRAP_NONE)
                STOP(SFPM_OUTCOME_TRAP)
            r->sp -= 3;
            r->pc += 5;
            LOOK_UP
        }
        case SFPM_OP_DATA_DROP:
            sfpm_drop(machine->dropped, OPERAND_U32);
            r->pc += 5;
            continue;
        case SFPM_OP_TABLE_GET:
        case SFPM_OP_TABLE_SET:
        case SFPM_OP_TABLE_SIZE:
        case SFPM_OP_TABLE_GROW:
        case SFPM_OP_TABLE_FILL:
        case SFPM_OP_TABLE_COPY:
        case SFPM_OP_TABLE_INIT:
            r->trap = execute_table(machine, r);
            if (r->trap != SFPM_TRAP_NONE)
                STOP(SFPM_OUTCOME_TRAP)
            LOOK_UP
        case SFPM_OP_ELEM_DROP:
            sfpm_drop(machine->dropped, machine->program->num_segments + OPERAND_U32);
            r->pc += 5;
            continue;
        case SFPM_OP_REF_NULL:
            PUSH(SFPM_NULL_REFERENCE);
            r->pc += 2;
            continue;
        case SFPM_OP_I32_CONST:
        case SFPM_OP_F32_CONST:
        case SFPM_OP_REF_FUNC:
            PUSH(OPERAND_U32);
            r->pc += 5;
            continue;
        case SFPM_OP_PUSH:
            PUSH(code[r->pc + 1]);
            r->pc += 2;
            continue;
        case SFPM_OP_I64_CONST:
        case SFPM_OP_F64_CONST:
            PUSH(sfpm_get_u64(code + r->pc + 1));
            r->pc += 9;
            continue;
        case SFPM_OP_PRINT:
            if (!print_number(limits, TOP(1)))
                STOP(SFPM_OUTCOME_ERROR)
            r->pc++;
            LOOK_UP
        case SFPM_OP_PRINT_CHAR:
            if (!print_char(limits, TOP(1)))
                STOP(SFPM_OUTCOME_ERROR)
            r->sp--;
            r->pc++;
            LOOK_UP
        case SFPM_OP_HALT:
            *left = budget;
            return SFPM_OUTCOME_HALT;
        case SFPM_OP_NOP:
            r->pc++;
            continue;
        case SFPM_OP_UNREACHABLE:
            TRAP(SFPM_TRAP_UNREACHABLE)
        case SFPM_OP_DUP:
            sfpm_put_slot(r, r->sp, TOP(1));
            r->sp++;
            r->pc++;
            continue;
        case SFPM_OP_DROP:
            r->sp--;
            r->pc++;
            continue;
        case SFPM_OP_SELECT:
            r->sp -= 2;
            if (sfpm_get_slot(r, r->sp + 1) == 0)
                sfpm_put_slot(r, r->sp - 1, sfpm_get_slot(r, r->sp));
            r->pc++;
            continue;
        case SFPM_OP_BR:
            r->pc = OPERAND_U32;
            continue;
        case SFPM_OP_BR_TABLE: {
            uint64_t count = OPERAND_U32;
            uint64_t index = TOP(1) < count ? TOP(1) : count;
            r->sp--;
            r->pc = sfpm_get_u32(code + r->pc + SFPM_BR_TABLE_HEADER + (size_t)index * 4);
            continue;
        }
        case SFPM_OP_UNWIND: {
            uint32_t keep = OPERAND_U16;
            uint32_t drop = sfpm_get_u16(code + r->pc + 3);
            memmove(r->slots + (size_t)(r->sp - keep - drop) * SFPM_SLOT_SIZE,
                    r->slots + (size_t)(r->sp - keep) * SFPM_SLOT_SIZE,
                    (size_t)keep * SFPM_SLOT_SIZE);
            r->sp -= drop;
            r->pc += 5;
            continue;
        }
        case SFPM_OP_BR_IF:
            r->sp--;
            r->pc = sfpm_get_slot(r, r->sp) != 0 ? OPERAND_U32 : r->pc + 5;
            continue;
        case SFPM_OP_BR_UNLESS:
            r->sp--;
            r->pc = sfpm_get_slot(r, r->sp) == 0 ? OPERAND_U32 : r->pc + 5;
            continue;
        case SFPM_OP_CALL:
            outcome = sfpm_call(machine, r, OPERAND_U32, limits);
            if (outcome == SFPM_OUTCOME_STEPS)
                LOOK_UP
            if (outcome != SFPM_OUTCOME_HALT)
                STOP(outcome)
            *left = budget;
            return outcome;
        case SFPM_OP_CALL_INDIRECT:
            outcome = sfpm_call_indirect(machine, r, 0, OPERAND_U32, limits);
            if (outcome == SFPM_OUTCOME_STEPS)
                LOOK_UP
            if (outcome != SFPM_OUTCOME_HALT)
                STOP(outcome)
            *left = budget;
            return outcome;
        case SFPM_OP_TABLE_CALL:
            outcome = sfpm_call_indirect(machine, r, OPERAND_U32, SECOND_U32, limits);
            if (outcome == SFPM_OUTCOME_STEPS)
                LOOK_UP
            if (outcome != SFPM_OUTCOME_HALT)
                STOP(outcome)
            *left = budget;
            return outcome;
        case SFPM_OP_RETURN:
            outcome = sfpm_leave(machine, r);
            if (outcome == SFPM_OUTCOME_HALT) {
                *left = budget;
                return outcome;
            }
            continue;
        case SFPM_OP_LOCAL_GET:
            PUSH(sfpm_get_slot(r, r->base + OPERAND_U16));
            r->pc += 3;
            continue;
        case SFPM_OP_LOCAL_SET:
            r->sp--;
            sfpm_put_slot(r, r->base + OPERAND_U16, sfpm_get_slot(r, r->sp));
            r->pc += 3;
            continue;
        case SFPM_OP_LOCAL_TEE:
            sfpm_put_slot(r, r->base + OPERAND_U16, TOP(1));
            r->pc += 3;
            continue;
        case SFPM_OP_GLOBAL_GET:
            PUSH(sfpm_get_u64(machine->globals + (size_t)OPERAND_U32 * SFPM_GLOBAL_SIZE));
            r->pc += 5;
            continue;
        case SFPM_OP_GLOBAL_SET:
            r->sp--;
            sfpm_put_u64(machine->globals + (size_t)OPERAND_U32 * SFPM_GLOBAL_SIZE,
                         sfpm_get_slot(r, r->sp));
            r->pc += 5;
            continue;
        }
        /* The verifier lets nothing else through. */
        sfpm_fail(SFPM_ERR_INTERNAL, "code[%u]: no instruction", r->pc);
        STOP(SFPM_OUTCOME_ERROR)
    }
    *left = 0;
    return SFPM_OUTCOME_STEPS;
}

/* Instructions between two looks at whether the machine is to stop. */
enum { SLICE = 1 << 20 };

bool sfpm_take_interrupt(const sfpm_limits_t *limits)
{
    return sfpm_is_interrupted(limits) && atomic_exchange(limits->interrupt, false);
}

sfpm_outcome_t sfpm_execute_to_stop(sfpm_machine_t *machine, sfpm_registers_t *r,
                                    const sfpm_limits_t *limits, uint64_t *left)
{
    sfpm_outcome_t outcome = SFPM_OUTCOME_STEPS;
    if (limits->stops.count == 0)
        return sfpm_execute(machine, r, limits, left);
    while (*left > 0 && outcome == SFPM_OUTCOME_STEPS && !sfpm_is_interrupted(limits)) {
        uint64_t rest = 1;
        outcome = sfpm_execute(machine, r, limits, &rest);
        *left -= 1 - rest;
        if (outcome == SFPM_OUTCOME_STEPS && sfpm_is_stop(&limits->stops, r->pc))
            return SFPM_OUTCOME_STOP;
    }
    return outcome;
}

static sfpm_outcome_t run_slices(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                 const sfpm_limits_t *limits, uint64_t *left)
{
    sfpm_outcome_t outcome = SFPM_OUTCOME_STEPS;
    while (outcome == SFPM_OUTCOME_STEPS && *left > 0 && !sfpm_take_interrupt(limits)) {
        uint64_t slice = *left < SLICE ? *left : SLICE;
        uint64_t rest = slice;
        outcome = sfpm_execute_to_stop(machine, registers, limits, &rest);
        *left -= slice - rest;
    }
    return outcome;
}

static bool fail_trap(const sfpm_program_t *program, uint32_t pc, sfpm_trap_t trap)
{
    char place[SFPM_PLACE_LINE];
    sfpm_place_line(program, pc, place, sizeof place);
    return sfpm_fail(SFPM_ERR_TRAP, "code[%u] (%s): %s", pc, place, sfpm_trap_text(trap));
}

bool sfpm_run_begin(sfpm_machine_t *machine, sfpm_registers_t *registers,
                    const sfpm_limits_t *limits)
{
    if (!sfpm_registers_load(machine, registers, limits->max_slots))
        return false;
    if (!machine->state->begun)
        machine->state->starts++;
    machine->state->begun = true;
    return true;
}

bool sfpm_run_end(sfpm_machine_t *machine, const sfpm_registers_t *registers,
                  sfpm_outcome_t outcome, uint64_t executed)
{
    sfpm_state_t *state = machine->state;
    state->instructions += executed;
    state->pc = registers->pc;
    machine->stack->size = (size_t)registers->sp * SFPM_SLOT_SIZE;
    state->trap = SFPM_TRAP_NONE;
    state->status = outcome == SFPM_OUTCOME_HALT ? SFPM_VM_HALTED : SFPM_VM_SUSPENDED;
    if (outcome != SFPM_OUTCOME_TRAP)
        return outcome != SFPM_OUTCOME_ERROR;
    state->trap = registers->trap;
    state->status = SFPM_VM_TRAPPED;
    return fail_trap(machine->program, registers->pc, registers->trap);
}

bool sfpm_interpret(sfpm_machine_t *machine, const sfpm_limits_t *limits)
{
    sfpm_registers_t registers;
    uint64_t left = limits->steps;
    sfpm_outcome_t outcome = SFPM_OUTCOME_TRAP;
    bool stops = sfpm_begins_at_stop(machine, limits);
    if (!sfpm_run_begin(machine, &registers, limits))
        return false;
    if (registers.trap == SFPM_TRAP_NONE)
        outcome = stops ? SFPM_OUTCOME_STOP
                        : run_slices(machine, &registers, limits, &left);
    return sfpm_run_end(machine, &registers, outcome, limits->steps - left);
}
