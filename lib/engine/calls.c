/* SPDX-License-Identifier: MIT */
/*
 * Calls, indirect calls, calls of native functions, and returns: everything that pushes
 * or pops a frame, shared by both engines.
 */
#include "engine/calls.h"

#include <string.h>

#include "engine/globals_table.h"
#include "engine/references.h"

/* Makes room for all operands that `function` may have above slot `operands`. */
static bool reserve_stack(sfpm_machine_t *machine, sfpm_registers_t *registers,
                          uint32_t function, uint32_t operands)
{
    void *data = machine->stack->data;
    uint64_t slots = (uint64_t)operands + machine->proof->max_stack[function];
    if (!sfpm_grow_array(&data, &machine->stack->capacity,
                         (size_t)(slots * SFPM_SLOT_SIZE), 1))
        return false;
    machine->stack->data = registers->slots = data;
    return true;
}

/* The host may return any number as a function's. */
static bool check_results(const sfpm_program_t *program, const sfpm_function_t *function,
                          const uint64_t *values)
{
    for (uint32_t i = 0; i < function->results; i++)
        if (function->result_types[i] == SFPM_TYPE_FUNCREF &&
            !sfpm_slot_fits(program, values[i], SFPM_TYPE_FUNCREF))
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "native function %s.%s returned function %llu, which does "
                             "not exist",
                             function->module, function->field,
                             (unsigned long long)values[i]);
    return true;
}

/* Whatever the host leaves above an i32 or f32 is cut off. */
static void put_results(sfpm_registers_t *registers, const sfpm_function_t *function,
                        const uint64_t *values)
{
    registers->sp -= function->params;
    for (uint32_t i = 0; i < function->results; i++) {
        uint8_t type = function->result_types[i];
        bool narrow = type == SFPM_TYPE_I32 || type == SFPM_TYPE_F32;
        sfpm_put_slot(registers, registers->sp++,
                      narrow ? (uint32_t)values[i] : values[i]);
    }
}

static sfpm_outcome_t call_host(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                uint32_t callee, const sfpm_limits_t *limits)
{
    const sfpm_function_t *function = &machine->program->functions[callee];
    uint64_t values[SFPM_MAX_VALUES];
    sfpm_host_call_t host = {machine, callee, values, SFPM_TRAP_NATIVE_FUNCTION};
    if (!limits->host) {
        sfpm_fail(SFPM_ERR_UNSUPPORTED, "imported function %s.%s is not available",
                  function->module, function->field);
        return SFPM_OUTCOME_ERROR;
    }
    for (uint32_t i = 0; i < function->params; i++)
        values[i] = sfpm_get_slot(registers, registers->sp - function->params + i);
    sfpm_host_begin(limits);
    sfpm_host_outcome_t outcome = limits->host(limits->host_context, &host);
    sfpm_host_end(limits);
    switch (outcome) {
    case SFPM_HOST_DONE:
        if (!check_results(machine->program, function, values))
            return SFPM_OUTCOME_ERROR;
        put_results(registers, function, values);
        return SFPM_OUTCOME_STEPS;
    case SFPM_HOST_RETRY:
        return SFPM_OUTCOME_STOP;
    case SFPM_HOST_HALT:
        return SFPM_OUTCOME_HALT;
    case SFPM_HOST_TRAP:
        registers->trap = host.trap;
        return SFPM_OUTCOME_TRAP;
    case SFPM_HOST_ERROR:
        break;
    }
    return SFPM_OUTCOME_ERROR;
}

static sfpm_outcome_t call_code(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                uint32_t callee, uint32_t return_offset,
                                uint64_t max_slots)
{
    const sfpm_function_t *function = &machine->program->functions[callee];
    if (!sfpm_prove_function(machine->program, machine->proof, callee))
        return SFPM_OUTCOME_ERROR;
    uint32_t base = registers->sp - function->params;
    uint64_t operands = (uint64_t)base + sfpm_frame_size(function);
    if (operands + machine->proof->max_stack[callee] > max_slots) {
        registers->trap = SFPM_TRAP_STACK_OVERFLOW;
        return SFPM_OUTCOME_TRAP;
    }
    if (!reserve_stack(machine, registers, callee, (uint32_t)operands))
        return SFPM_OUTCOME_ERROR;
    for (uint32_t i = 0; i < function->locals; i++)
        sfpm_put_slot(registers, registers->sp++,
                      sfpm_first_value(function->local_types[i]));
    sfpm_put_slot(registers, registers->sp++,
                  return_offset | (uint64_t)registers->function << 32);
    sfpm_put_slot(registers, registers->sp++, registers->base);
    registers->base = base;
    registers->function = callee;
    registers->pc = function->entry;
    return SFPM_OUTCOME_STEPS;
}

sfpm_outcome_t sfpm_call(sfpm_machine_t *machine, sfpm_registers_t *registers,
                         uint32_t callee, const sfpm_limits_t *limits)
{
    uint32_t length = 1u + sfpm_opcodes[machine->program->code[registers->pc]].width;
    if (!sfpm_is_import(machine->program, callee))
        return call_code(machine, registers, callee, registers->pc + length,
                         limits->max_slots);
    sfpm_outcome_t outcome = call_host(machine, registers, callee, limits);
    if (outcome == SFPM_OUTCOME_STEPS)
        registers->pc += length;
    return outcome;
}

/* The function in the element that the top of the stack means. */
static sfpm_trap_t find_callee(const sfpm_machine_t *machine, uint32_t table,
                               uint32_t type, uint64_t element, uint32_t *callee)
{
    const sfpm_program_t *program = machine->program;
    const sfpm_elements_t elements = sfpm_table_elements(program, machine->table, table);
    if (element >= elements.count)
        return SFPM_TRAP_UNDEFINED_ELEMENT;
    *callee = sfpm_get_u32(elements.at + element * SFPM_ELEMENT_SIZE);
    if (*callee == SFPM_NO_FUNCTION)
        return SFPM_TRAP_UNINITIALIZED_ELEMENT;
    uint32_t other = program->functions[*callee].type;
    return program->types[other].like == program->types[type].like
               ? SFPM_TRAP_NONE
               : SFPM_TRAP_INDIRECT_CALL_TYPE;
}

sfpm_outcome_t sfpm_call_indirect(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                  uint32_t table, uint32_t type,
                                  const sfpm_limits_t *limits)
{
    uint32_t callee;
    registers->trap = find_callee(machine, table, type,
                                  sfpm_get_slot(registers, registers->sp - 1), &callee);
    if (registers->trap != SFPM_TRAP_NONE)
        return SFPM_OUTCOME_TRAP;
    registers->sp--;
    sfpm_outcome_t outcome = sfpm_call(machine, registers, callee, limits);
    if (outcome != SFPM_OUTCOME_STEPS)
        registers->sp++;
    return outcome;
}

/* The results replace the frame; the outermost frame halts the machine and stays. */
sfpm_outcome_t sfpm_leave(sfpm_machine_t *machine, sfpm_registers_t *registers)
{
    const sfpm_function_t *function = &machine->program->functions[registers->function];
    uint32_t base = registers->base;
    uint32_t record = base + sfpm_frame_size(function) - SFPM_RECORD_SLOTS;
    if (base == 0)
        return SFPM_OUTCOME_HALT;
    uint64_t caller = sfpm_get_slot(registers, record);
    registers->base = (uint32_t)sfpm_get_slot(registers, record + 1);
    registers->pc = (uint32_t)caller;
    registers->function = (uint32_t)(caller >> 32);
    memmove(registers->slots + (size_t)base * SFPM_SLOT_SIZE,
            registers->slots +
                (size_t)(registers->sp - function->results) * SFPM_SLOT_SIZE,
            (size_t)function->results * SFPM_SLOT_SIZE);
    registers->sp = base + function->results;
    return SFPM_OUTCOME_STEPS;
}

/* Makes room for the operands of all frames: those below the innermost one may come to
 * have more than it has. */
static bool reserve_frames(sfpm_machine_t *machine, sfpm_registers_t *registers,
                           sfpm_frames_t frames, sfpm_frame_t frame)
{
    while (reserve_stack(machine, registers, frame.function, frame.operands)) {
        frames.stack = machine->stack->data;
        if (sfpm_frame_is_outermost(&frame))
            return true;
        if (!sfpm_frame_caller(&frames, &frame))
            return false;
    }
    return false;
}

bool sfpm_registers_load(sfpm_machine_t *machine, sfpm_registers_t *registers,
                         uint64_t max_slots)
{
    sfpm_frame_t frame;
    sfpm_frames_t frames = {machine->program, machine->proof, machine->stack->data,
                            machine->stack->size / SFPM_SLOT_SIZE};
    uint32_t pc = machine->state->pc;
    if (!sfpm_frame_innermost(&frames, pc, &frame))
        return false;
    *registers = (sfpm_registers_t){.pc = pc,
                                    .sp = frame.operands + frame.height,
                                    .base = frame.base,
                                    .function = frame.function};
    if ((uint64_t)frame.operands + machine->proof->max_stack[frame.function] > max_slots)
        registers->trap = SFPM_TRAP_STACK_OVERFLOW;
    return reserve_frames(machine, registers, frames, frame);
}
