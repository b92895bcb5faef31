/* SPDX-License-Identifier: MIT */
/* What the two passes of the verifier share. */
#ifndef SFPM_BYTECODE_VERIFY_PROOF_H
#define SFPM_BYTECODE_VERIFY_PROOF_H

#include "bytecode/instruction.h"
#include "bytecode/verify.h"

/* One function under proof. `pending` holds offsets of instructions to come back to:
 * first of jumps, then of those whose shape is known and which have not been followed
 * yet. Each offset is put there at most once. */
typedef struct sfpm_proof {
    const sfpm_program_t *program;
    sfpm_facts_t *facts;
    const sfpm_function_t *function;
    uint32_t *pending;
    size_t num_pending;
    size_t capacity;
    uint32_t max_height;
    uint64_t moved;  /* values that calls, returns and unwinds took and gave so far */
    uint32_t offset; /* the instruction being looked at */
    sfpm_instruction_t instruction;
    uint32_t shape; /* of the stack, as far as the instruction was followed */
} sfpm_proof_t;

/* To come back to the instruction at the offset. */
static inline bool sfpm_keep_pending(sfpm_proof_t *proof, uint32_t offset)
{
    void *pending = proof->pending;
    if (proof->num_pending == proof->capacity) {
        if (!sfpm_grow_array(&pending, &proof->capacity, proof->num_pending + 1,
                             sizeof *proof->pending))
            return false;
        proof->pending = pending;
    }
    proof->pending[proof->num_pending++] = offset;
    return true;
}

static inline bool sfpm_read_instruction(sfpm_proof_t *proof)
{
    return sfpm_instruction_read(proof->program->code, proof->function->end,
                                 proof->offset, &proof->instruction);
}

/* The first pass: every byte belongs to an instruction with sound operands, and jumps
 * lead to instructions. */
bool sfpm_check_code(sfpm_proof_t *proof, uint32_t index);

#endif
