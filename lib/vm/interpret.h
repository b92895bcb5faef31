/* SPDX-License-Identifier: MIT */
/*
 * Tier 0: executes verified code in place, one instruction at a time. It is what
 * every other engine must agree with.
 */
#ifndef SFPM_VM_INTERPRET_H
#define SFPM_VM_INTERPRET_H

#include <stdatomic.h>

#include "vm/frames.h"

/* Everything that execution reads and changes. Program and state are proved. */
typedef struct sfpm_machine {
    const sfpm_program_t *program;
    const sfpm_facts_t *facts;
    sfpm_state_t *state;
    sfpm_buffer_t *stack;
    uint8_t *globals;
} sfpm_machine_t;

typedef struct sfpm_limits {
    uint64_t steps;                   /* instructions to execute at most, not 0 */
    uint64_t max_slots;               /* of the stack */
    sfpm_vm_output_callback_t output; /* or NULL */
    void *output_context;
    atomic_bool *interrupt; /* set by others: stop soon, and clear it */
} sfpm_limits_t;

/* Runs a suspended or trapped machine. False, with the error set, when it trapped,
 * when its output failed or when memory ran out. */
bool sfpm_interpret(sfpm_machine_t *machine, const sfpm_limits_t *limits);

#endif
