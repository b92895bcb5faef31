/* SPDX-License-Identifier: MIT */
#include "vm/interpret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vm/arithmetic.h"
#include "vm/instruction.h"

/* Why the loop ends. Errors other than traps are set where they are found. */
typedef enum sfpm_outcome {
    OUTCOME_STEPS,
    OUTCOME_HALT,
    OUTCOME_TRAP,
    OUTCOME_ERROR
} sfpm_outcome_t;

/* The registers. `sp` is the slot above the top of the stack. */
typedef struct sfpm_registers {
    uint8_t *slots;
    uint32_t pc;
    uint32_t sp;
    uint32_t base;
    uint32_t function;
    sfpm_trap_t trap;
} sfpm_registers_t;

static inline uint64_t get_slot(const sfpm_registers_t *registers, uint32_t slot)
{
    return sfpm_get_u64(registers->slots + (size_t)slot * SFPM_SLOT_SIZE);
}

static inline void put_slot(sfpm_registers_t *registers, uint32_t slot, uint64_t value)
{
    sfpm_put_u64(registers->slots + (size_t)slot * SFPM_SLOT_SIZE, value);
}

/* Makes room for all operands that `function` may have above slot `operands`. */
static bool reserve(sfpm_machine_t *machine, sfpm_registers_t *registers,
                    uint32_t function, uint32_t operands)
{
    void *data = machine->stack->data;
    uint64_t slots = (uint64_t)operands + machine->facts->max_stack[function];
    if (!sfpm_grow_array(&data, &machine->stack->capacity,
                         (size_t)(slots * SFPM_SLOT_SIZE), 1))
        return false;
    machine->stack->data = registers->slots = data;
    return true;
}

static sfpm_outcome_t call(sfpm_machine_t *machine, sfpm_registers_t *registers,
                           uint32_t callee, uint32_t return_offset, uint64_t max_slots)
{
    const sfpm_function_t *function = &machine->program->functions[callee];
    uint32_t base = registers->sp - function->params;
    uint64_t operands = (uint64_t)base + sfpm_frame_size(function);
    if (operands + machine->facts->max_stack[callee] > max_slots) {
        registers->trap = SFPM_TRAP_STACK_OVERFLOW;
        return OUTCOME_TRAP;
    }
    if (!reserve(machine, registers, callee, (uint32_t)operands))
        return OUTCOME_ERROR;
    for (uint32_t i = 0; i < function->locals; i++)
        put_slot(registers, registers->sp++, 0);
    put_slot(registers, registers->sp++,
             return_offset | (uint64_t)registers->function << 32);
    put_slot(registers, registers->sp++, registers->base);
    registers->base = base;
    registers->function = callee;
    registers->pc = function->entry;
    return OUTCOME_STEPS;
}

/* The results replace the frame; the outermost frame halts the machine and stays. */
static sfpm_outcome_t leave(sfpm_machine_t *machine, sfpm_registers_t *registers)
{
    const sfpm_function_t *function = &machine->program->functions[registers->function];
    uint32_t base = registers->base;
    uint32_t record = base + sfpm_frame_size(function) - SFPM_RECORD_SLOTS;
    if (base == 0)
        return OUTCOME_HALT;
    uint64_t caller = get_slot(registers, record);
    registers->base = (uint32_t)get_slot(registers, record + 1);
    registers->pc = (uint32_t)caller;
    registers->function = (uint32_t)(caller >> 32);
    memmove(registers->slots + (size_t)base * SFPM_SLOT_SIZE,
            registers->slots +
                (size_t)(registers->sp - function->results) * SFPM_SLOT_SIZE,
            (size_t)function->results * SFPM_SLOT_SIZE);
    registers->sp = base + function->results;
    return OUTCOME_STEPS;
}

static bool write_bytes(const sfpm_limits_t *limits, const void *bytes, size_t size)
{
    return !limits->output || limits->output(limits->output_context, bytes, size) ||
           sfpm_fail(SFPM_ERR_SYSTEM, "the program's output cannot be written");
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
#define TOP(depth)  get_slot(r, r->sp - (depth))
#define PUSH(value) put_slot(r, r->sp++, value)
#define OPERAND_U16 sfpm_get_u16(code + r->pc + 1)
#define OPERAND_U32 sfpm_get_u32(code + r->pc + 1)

/* Executes instructions until something ends it. pc stays on the instruction that
 * ended it, and that instruction has changed nothing and is not counted, except that
 * a halting one is. */
static sfpm_outcome_t run_loop(sfpm_machine_t *machine, sfpm_registers_t *r,
                               const sfpm_limits_t *limits, uint64_t *left)
{
    const uint8_t *code = machine->program->code;
    sfpm_outcome_t outcome;
    uint64_t budget = *left;
    while (budget-- > 0) {
        switch ((sfpm_opcode_t)code[r->pc]) {
#define BINARY(name, result)                                                             \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(2), b = TOP(1);                                                 \
        r->sp--;                                                                         \
        put_slot(r, r->sp - 1, (uint64_t)(result));                                      \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define UNARY(name, result)                                                              \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(1);                                                             \
        put_slot(r, r->sp - 1, (uint64_t)(result));                                      \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#define TRAPPING(name, trap_cause, result)                                               \
    case SFPM_OP_##name: {                                                               \
        uint64_t a = TOP(2), b = TOP(1);                                                 \
        r->trap = trap_cause;                                                            \
        if (r->trap != SFPM_TRAP_NONE)                                                   \
            STOP(OUTCOME_TRAP)                                                           \
        r->sp--;                                                                         \
        put_slot(r, r->sp - 1, (uint64_t)(result));                                      \
        r->pc++;                                                                         \
        continue;                                                                        \
    }
#include "vm/operations.inc"
        case SFPM_OP_PUSH:
            PUSH(code[r->pc + 1]);
            r->pc += 2;
            continue;
        case SFPM_OP_I64_CONST:
            PUSH(sfpm_get_u64(code + r->pc + 1));
            r->pc += 9;
            continue;
        case SFPM_OP_PRINT:
            if (!print_number(limits, TOP(1)))
                STOP(OUTCOME_ERROR)
            r->pc++;
            continue;
        case SFPM_OP_PRINT_CHAR:
            if (!print_char(limits, TOP(1)))
                STOP(OUTCOME_ERROR)
            r->sp--;
            r->pc++;
            continue;
        case SFPM_OP_HALT:
            *left = budget;
            return OUTCOME_HALT;
        case SFPM_OP_NOP:
            r->pc++;
            continue;
        case SFPM_OP_UNREACHABLE:
            r->trap = SFPM_TRAP_UNREACHABLE;
            STOP(OUTCOME_TRAP)
        case SFPM_OP_DUP:
            put_slot(r, r->sp, TOP(1));
            r->sp++;
            r->pc++;
            continue;
        case SFPM_OP_DROP:
            r->sp--;
            r->pc++;
            continue;
        case SFPM_OP_SELECT:
            r->sp -= 2;
            if (get_slot(r, r->sp + 1) == 0)
                put_slot(r, r->sp - 1, get_slot(r, r->sp));
            r->pc++;
            continue;
        case SFPM_OP_BR:
            r->pc = OPERAND_U32;
            continue;
        case SFPM_OP_BR_IF:
            r->sp--;
            r->pc = get_slot(r, r->sp) != 0 ? OPERAND_U32 : r->pc + 5;
            continue;
        case SFPM_OP_BR_UNLESS:
            r->sp--;
            r->pc = get_slot(r, r->sp) == 0 ? OPERAND_U32 : r->pc + 5;
            continue;
        case SFPM_OP_CALL:
            outcome = call(machine, r, OPERAND_U32, r->pc + 5, limits->max_slots);
            if (outcome != OUTCOME_STEPS)
                STOP(outcome)
            continue;
        case SFPM_OP_RETURN:
            outcome = leave(machine, r);
            if (outcome == OUTCOME_HALT) {
                *left = budget;
                return outcome;
            }
            continue;
        case SFPM_OP_LOCAL_GET:
            PUSH(get_slot(r, r->base + OPERAND_U16));
            r->pc += 3;
            continue;
        case SFPM_OP_LOCAL_SET:
            r->sp--;
            put_slot(r, r->base + OPERAND_U16, get_slot(r, r->sp));
            r->pc += 3;
            continue;
        case SFPM_OP_LOCAL_TEE:
            put_slot(r, r->base + OPERAND_U16, TOP(1));
            r->pc += 3;
            continue;
        case SFPM_OP_GLOBAL_GET:
            PUSH(sfpm_get_u64(machine->globals + (size_t)OPERAND_U32 * SFPM_GLOBAL_SIZE));
            r->pc += 5;
            continue;
        case SFPM_OP_GLOBAL_SET:
            r->sp--;
            sfpm_put_u64(machine->globals + (size_t)OPERAND_U32 * SFPM_GLOBAL_SIZE,
                         get_slot(r, r->sp));
            r->pc += 5;
            continue;
        }
        /* The verifier lets nothing else through. */
        sfpm_fail(SFPM_ERR_INTERNAL, "code[%u]: no instruction", r->pc);
        STOP(OUTCOME_ERROR)
    }
    *left = 0;
    return OUTCOME_STEPS;
}

/* Instructions between two looks at whether the machine is to stop. */
enum { SLICE = 1 << 20 };

static bool take_interrupt(const sfpm_limits_t *limits)
{
    return atomic_load_explicit(limits->interrupt, memory_order_relaxed) &&
           atomic_exchange(limits->interrupt, false);
}

static sfpm_outcome_t run_slices(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                 const sfpm_limits_t *limits, uint64_t *left)
{
    sfpm_outcome_t outcome = OUTCOME_STEPS;
    while (outcome == OUTCOME_STEPS && *left > 0 && !take_interrupt(limits)) {
        uint64_t slice = *left < SLICE ? *left : SLICE;
        uint64_t rest = slice;
        outcome = run_loop(machine, registers, limits, &rest);
        *left -= slice - rest;
    }
    return outcome;
}

static bool fail_trap(const sfpm_program_t *program, uint32_t pc, sfpm_trap_t trap)
{
    char place[SFPM_PLACE_TEXT];
    sfpm_place_text(program, pc, place, sizeof place);
    return sfpm_fail(SFPM_ERR_TRAP, "code[%u] (%s): %s", pc, place, sfpm_trap_text(trap));
}

static bool load_registers(sfpm_machine_t *machine, sfpm_registers_t *registers,
                           uint64_t max_slots)
{
    sfpm_frame_t frame;
    sfpm_frames_t frames = {machine->program, machine->facts, machine->stack->data,
                            machine->stack->size / SFPM_SLOT_SIZE};
    uint32_t pc = machine->state->pc;
    if (!sfpm_frame_innermost(&frames, pc, &frame))
        return false;
    *registers = (sfpm_registers_t){.pc = pc,
                                    .sp = frame.operands + frame.height,
                                    .base = frame.base,
                                    .function = frame.function};
    if ((uint64_t)frame.operands + machine->facts->max_stack[frame.function] > max_slots)
        registers->trap = SFPM_TRAP_STACK_OVERFLOW;
    return reserve(machine, registers, frame.function, frame.operands);
}

bool sfpm_interpret(sfpm_machine_t *machine, const sfpm_limits_t *limits)
{
    sfpm_state_t *state = machine->state;
    sfpm_registers_t registers;
    uint64_t left = limits->steps;
    if (!load_registers(machine, &registers, limits->max_slots))
        return false;
    if (!state->begun)
        state->starts++;
    state->begun = true;
    sfpm_outcome_t outcome = OUTCOME_TRAP;
    if (registers.trap == SFPM_TRAP_NONE)
        outcome = run_slices(machine, &registers, limits, &left);
    state->instructions += limits->steps - left;
    state->pc = registers.pc;
    machine->stack->size = (size_t)registers.sp * SFPM_SLOT_SIZE;
    state->trap = outcome == OUTCOME_TRAP ? registers.trap : SFPM_TRAP_NONE;
    state->status = outcome == OUTCOME_TRAP   ? SFPM_VM_TRAPPED
                    : outcome == OUTCOME_HALT ? SFPM_VM_HALTED
                                              : SFPM_VM_SUSPENDED;
    if (outcome == OUTCOME_TRAP)
        return fail_trap(machine->program, registers.pc, registers.trap);
    return outcome != OUTCOME_ERROR;
}
