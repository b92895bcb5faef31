/* SPDX-License-Identifier: MIT */
/*
 * Tier 0: executes verified code in place, one instruction at a time. It is what
 * every other engine must agree with.
 */
#ifndef SFPM_ENGINE_INTERPRET_H
#define SFPM_ENGINE_INTERPRET_H

#include <stdatomic.h>

#include "base/float_env.h"
#include "engine/frames.h"
#include "engine/stops.h"

/* Everything that execution reads and changes. The state is proved, and of the program
 * each function before it is called. */
typedef struct sfpm_machine {
    const sfpm_program_t *program;
    sfpm_proof_t *proof;
    sfpm_state_t *state;
    sfpm_buffer_t *stack;
    uint8_t *globals;
    sfpm_buffer_t *table;  /* its bytes move when a table grows */
    sfpm_buffer_t *memory; /* its bytes move when it grows */
    uint8_t *dropped;      /* bits of segments of data, then of elements; see
                              sfpm_is_dropped() */
} sfpm_machine_t;

/* How a call of an imported function ended. */
typedef enum sfpm_host_outcome {
    SFPM_HOST_DONE,  /* the results are there */
    SFPM_HOST_RETRY, /* nothing was done: the machine is suspended before the call */
    SFPM_HOST_HALT,  /* the machine is halted: pc stays on the call */
    SFPM_HOST_TRAP,  /* nothing was done: the machine traps on the call */
    SFPM_HOST_ERROR  /* likewise suspended before the call; the error is set */
} sfpm_host_outcome_t;

/* Executes imported function number `import`. `values` has its parameters and takes its
 * results, as slots of the host's byte order; there is room for SFPM_MAX_VALUES. Memory
 * and globals may be read and changed, and memory may grow. With SFPM_HOST_TRAP, `trap`
 * may be changed from SFPM_TRAP_NATIVE_FUNCTION to another cause. */
typedef struct sfpm_host_call {
    sfpm_machine_t *machine;
    uint32_t import;
    uint64_t *values;
    sfpm_trap_t trap;
} sfpm_host_call_t;
typedef sfpm_host_outcome_t (*sfpm_host_callback_t)(void *context,
                                                    sfpm_host_call_t *call);

typedef struct sfpm_limits {
    uint64_t steps;                   /* instructions to execute at most, not 0 */
    sfpm_stops_t stops;               /* … or up to one of these, which the first one is
                                         only if the program has not begun */
    uint64_t max_slots;               /* of the stack */
    sfpm_vm_output_callback_t output; /* or NULL */
    void *output_context;
    uint32_t max_pages;        /* of memory, in addition to the program's own limit */
    sfpm_host_callback_t host; /* or NULL: there are no imported functions */
    void *host_context;
    atomic_bool *interrupt; /* set by others: stop soon, and clear it */
    /* The caller's floating-point environment, in which `output` and `host` run; what
     * they make of it is the caller's from then on. NULL: the engine's own. */
    sfpm_float_env_t *caller_floats;
} sfpm_limits_t;

/* Runs a suspended or trapped machine. False, with the error set, when it trapped,
 * when its output failed or when memory ran out. */
bool sfpm_interpret(sfpm_machine_t *machine, const sfpm_limits_t *limits);

#endif
