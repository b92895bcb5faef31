/* SPDX-License-Identifier: MIT */
/*
 * The registers of an engine that keeps its values on the machine's stack, and what moves
 * them: calls of functions, of the host, and returns.
 */
#ifndef SFPM_ENGINE_CALLS_H
#define SFPM_ENGINE_CALLS_H

#include "base/bytes.h"
#include "engine/interpret.h"

/* Why the loop ends. Errors other than traps are set where they are found. */
typedef enum sfpm_outcome {
    SFPM_OUTCOME_STEPS,
    SFPM_OUTCOME_HALT,
    SFPM_OUTCOME_TRAP,
    SFPM_OUTCOME_STOP, /* suspended, though there are steps left */
    SFPM_OUTCOME_ERROR
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

static inline uint64_t sfpm_get_slot(const sfpm_registers_t *registers, uint32_t slot)
{
    return sfpm_get_u64(registers->slots + (size_t)slot * SFPM_SLOT_SIZE);
}

static inline void sfpm_put_slot(sfpm_registers_t *registers, uint32_t slot,
                                 uint64_t value)
{
    sfpm_put_u64(registers->slots + (size_t)slot * SFPM_SLOT_SIZE, value);
}

/* Takes the registers from a proved state. With `trap` set when the stack does not fit
 * its limit; false when memory runs out. */
bool sfpm_registers_load(sfpm_machine_t *machine, sfpm_registers_t *registers,
                         uint64_t max_slots);

/* Executes the call at pc, of the function or through a table. On SFPM_OUTCOME_STEPS
 * the registers are those of what comes next; else nothing has changed. */
sfpm_outcome_t sfpm_call(sfpm_machine_t *machine, sfpm_registers_t *registers,
                         uint32_t callee, const sfpm_limits_t *limits);
sfpm_outcome_t sfpm_call_indirect(sfpm_machine_t *machine, sfpm_registers_t *registers,
                                  uint32_t table, uint32_t type,
                                  const sfpm_limits_t *limits);

/* Returns to the caller; SFPM_OUTCOME_HALT, and nothing changes, from the outermost
 * frame. */
sfpm_outcome_t sfpm_leave(sfpm_machine_t *machine, sfpm_registers_t *registers);

/* Around a call of the host's functions, which run in its floating-point environment. */
static inline void sfpm_host_begin(const sfpm_limits_t *limits)
{
    if (limits->caller_floats)
        sfpm_float_env_leave(limits->caller_floats);
}
static inline void sfpm_host_end(const sfpm_limits_t *limits)
{
    if (limits->caller_floats)
        sfpm_float_env_enter(limits->caller_floats);
}

/* ---- Tier 0, for other engines ------------------------------------------------- */

/* Loads the registers from the state. registers->trap is set when the machine traps
 * before it executes anything. */
bool sfpm_run_begin(sfpm_machine_t *machine, sfpm_registers_t *registers,
                    const sfpm_limits_t *limits);

/* Executes at most *left instructions, and takes those that it has executed from it. pc
 * stays on the instruction that ended it, and that instruction has changed nothing and
 * is not counted, except that a halting one is. Ends early, with SFPM_OUTCOME_STEPS, when
 * it is interrupted and has executed what may take long: calls, output, operations on
 * many bytes of memory. Heeds neither limits->steps nor interrupts otherwise. */
sfpm_outcome_t sfpm_execute(sfpm_machine_t *machine, sfpm_registers_t *r,
                            const sfpm_limits_t *limits, uint64_t *left);

/* The same, except that it stops with SFPM_OUTCOME_STOP when it comes to one of
 * limits->stops: the instruction it begins with is none. Heeds interrupts. */
sfpm_outcome_t sfpm_execute_to_stop(sfpm_machine_t *machine, sfpm_registers_t *r,
                                    const sfpm_limits_t *limits, uint64_t *left);

/* Whether a program that has not begun is to stop before its first instruction. To be
 * asked before sfpm_run_begin(). */
static inline bool sfpm_begins_at_stop(const sfpm_machine_t *machine,
                                       const sfpm_limits_t *limits)
{
    return !machine->state->begun && sfpm_is_stop(&limits->stops, machine->state->pc);
}

/* Puts the registers back into the state; what sfpm_interpret() returns. */
bool sfpm_run_end(sfpm_machine_t *machine, const sfpm_registers_t *registers,
                  sfpm_outcome_t outcome, uint64_t executed);

/* Whether the machine is to stop. The second function also takes the request back. */
static inline bool sfpm_is_interrupted(const sfpm_limits_t *limits)
{
    return atomic_load_explicit(limits->interrupt, memory_order_relaxed);
}
bool sfpm_take_interrupt(const sfpm_limits_t *limits);

#endif
