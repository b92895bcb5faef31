/* SPDX-License-Identifier: MIT */
/*
 * The verifier: proves that a function can be executed without any check but those for
 * traps, and keeps what it found out for those who build on it: the engines, the check of
 * a suspended state, the backtrace. Functions are proved one by one, when they are needed;
 * what is asked about another one is answered as if it had no instructions.
 */
#ifndef SFPM_BYTECODE_VERIFY_H
#define SFPM_BYTECODE_VERIFY_H

#include "bytecode/program.h"
#include "bytecode/stack_types.h"

/* Marks among the numbers of shapes. */
enum {
    SFPM_NO_INSTRUCTION, /* no instruction begins here */
    SFPM_UNREACHED       /* one begins here, but nothing leads to it */
};

/* What is proved about a program. Memory that no function needs yet is not touched. */
typedef struct sfpm_proof {
    sfpm_shapes_t shapes;
    uint32_t *shape;     /* per code offset: the operand stack of the function before the
                            instruction there, or one of the marks */
    uint8_t *targets;    /* per code offset a bit: jumps lead here */
    uint16_t *max_stack; /* per function: most operands at any time */
    uint32_t *count;     /* per function: its instructions; 0: it is not proved */
    uint64_t moved;      /* values that calls, returns and unwinds take and give */
    uint32_t fault;      /* code offset at which it failed last; SFPM_NO_CODE: it did not */
} sfpm_proof_t;

/* Begins a proof, of no function yet. Proves that the program can start where it says. */
bool sfpm_proof_begin(const sfpm_program_t *program, sfpm_proof_t *proof);
void sfpm_proof_free(sfpm_proof_t *proof);

static inline bool sfpm_is_proved(const sfpm_proof_t *proof, uint32_t function)
{
    return proof->count && proof->count[function] > 0;
}

/* Proves a function with code, unless that was done: every byte belongs to a known
 * instruction; jumps lead to instructions of the same function; what instructions name
 * exists; no path takes from an empty stack or takes a value for one of another type,
 * leaves the function otherwise than by its instructions, or reaches an instruction with
 * two shapes of the stack. Linear in the size of the function. After a failure it is
 * what it was before: not proved. */
bool sfpm_prove_function(const sfpm_program_t *program, sfpm_proof_t *proof,
                         uint32_t function);

/* The same of all functions. */
bool sfpm_verify_program(const sfpm_program_t *program, sfpm_proof_t *proof);

/* Whether an instruction begins at the offset and can be reached. */
static inline bool sfpm_is_reached(const sfpm_proof_t *proof, uint32_t offset)
{
    return proof->shape[offset] >= SFPM_EMPTY_SHAPE;
}

/* Whether jumps lead to the offset. */
static inline bool sfpm_is_target(const sfpm_proof_t *proof, uint32_t offset)
{
    return proof->targets[offset / 8] >> offset % 8 & 1;
}

/* The shape before a reached instruction. Its types are got from the top down: `type` of
 * this one, then of list[below], and so on for `height` of them. */
static inline const sfpm_shape_t *sfpm_shape_at(const sfpm_proof_t *proof,
                                                uint32_t offset)
{
    return &proof->shapes.list[proof->shape[offset]];
}

/* Operands on the function's stack before a reached instruction. */
static inline uint32_t sfpm_height_at(const sfpm_proof_t *proof, uint32_t offset)
{
    return sfpm_shape_at(proof, offset)->height;
}

#endif
