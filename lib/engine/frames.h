/* SPDX-License-Identifier: MIT */
/*
 * The calls in progress, read from the bytes of the stack, and the machine's
 * registers, read from the bytes of the state. Everything read here is hostile: each
 * frame is checked against the verifier's proof of its function, which is made for that,
 * before it is believed.
 */
#ifndef SFPM_ENGINE_FRAMES_H
#define SFPM_ENGINE_FRAMES_H

#include "bytecode/verify.h"

/* A frame's return offset lies that far behind its call or call_indirect, or its
 * table.call. */
enum { SFPM_CALL_LENGTH = 5, SFPM_TABLE_CALL_LENGTH = 9 };

/* Finds the call that ends at a code offset and can be reached. There is one at most:
 * instructions do not overlap. */
bool sfpm_call_before(const sfpm_program_t *program, const sfpm_proof_t *proof,
                      uint32_t offset, uint32_t *call);

/* The `state` region. */
typedef struct sfpm_state {
    sfpm_vm_status_t status;
    sfpm_trap_t trap;
    uint32_t pc;
    bool begun; /* false: nothing was executed since the start or restart */
    uint64_t instructions;
    uint64_t starts;
} sfpm_state_t;

bool sfpm_state_decode(sfpm_state_t *state, const sfpm_buffer_t *bytes,
                       const sfpm_program_t *program);

/* Leaves the bits of dropped segments alone; there are none dropped in a new region. */
bool sfpm_state_encode(const sfpm_state_t *state, uint32_t num_droppable,
                       sfpm_buffer_t *bytes);

typedef struct sfpm_frame {
    uint32_t function;
    uint32_t offset;   /* where it goes on: the pc, or behind the call */
    uint32_t base;     /* slot of its first parameter */
    uint32_t operands; /* slot of its first operand */
    uint32_t height;   /* operands, without the parameters of a call in progress */
    uint32_t shape;    /* their types, see stack_types.h */
} sfpm_frame_t;

/* What the frames are read from. */
typedef struct sfpm_frames {
    const sfpm_program_t *program;
    sfpm_proof_t *proof; /* of functions that have frames, after they were looked at */
    const uint8_t *stack;
    size_t num_slots;
} sfpm_frames_t;

/* The innermost frame of a machine that stands at `pc`; false, with the error set,
 * when code and stack do not fit. */
bool sfpm_frame_innermost(const sfpm_frames_t *frames, uint32_t pc, sfpm_frame_t *frame);

/* Replaces a frame that is not the outermost one by the one that called it. */
bool sfpm_frame_caller(const sfpm_frames_t *frames, sfpm_frame_t *frame);

/* The outermost frame begins at the bottom of the stack, and no other does. */
static inline bool sfpm_frame_is_outermost(const sfpm_frame_t *frame)
{
    return frame->base == 0;
}

/* All frames, the innermost first. */
typedef struct sfpm_backtrace {
    sfpm_frame_t *frames;
    size_t count;
    size_t capacity;
} sfpm_backtrace_t;

/* Walks all frames, proves each and the state with them, and keeps them in place of
 * what `backtrace` held; after a failure it is empty. */
bool sfpm_frames_walk(const sfpm_frames_t *frames, const sfpm_state_t *state,
                      sfpm_backtrace_t *backtrace);
void sfpm_backtrace_free(sfpm_backtrace_t *backtrace);

/* Makes `stack` that of a program before the first instruction of a function, whose
 * parameters are zero or null. */
bool sfpm_frames_start(const sfpm_program_t *program, uint32_t function,
                       sfpm_buffer_t *stack);

/* Number of slots of a function's frame below its operands. */
static inline uint32_t sfpm_frame_size(const sfpm_function_t *function)
{
    return (uint32_t)function->params + function->locals + SFPM_RECORD_SLOTS;
}

#endif
