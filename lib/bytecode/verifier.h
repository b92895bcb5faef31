/* SPDX-License-Identifier: MIT */
/* What the two passes of the verifier share. */
#ifndef SFPM_BYTECODE_VERIFIER_H
#define SFPM_BYTECODE_VERIFIER_H

#include "bytecode/instruction.h"
#include "bytecode/verify.h"

/* One function under v. `pending` holds offsets of instructions to come back to:
 * first of jumps, then of those whose shape is known and which have not been followed
 * yet. Each offset is put there at most once. */
typedef struct sfpm_verifier {
    const sfpm_program_t *program;
    sfpm_proof_t *proof;
    const sfpm_function_t *function;
    uint32_t *pending;
    size_t num_pending;
    size_t capacity;
    uint32_t max_height;
    uint32_t offset; /* the instruction being looked at */
    sfpm_instruction_t instruction;
    uint32_t shape; /* of the stack, as far as the instruction was followed */
} sfpm_verifier_t;

/* To come back to the instruction at the offset. */
static inline bool sfpm_keep_pending(sfpm_verifier_t *v, uint32_t offset)
{
    void *pending = v->pending;
    if (v->num_pending == v->capacity) {
        if (!sfpm_grow_array(&pending, &v->capacity, v->num_pending + 1,
                             sizeof *v->pending))
            return false;
        v->pending = pending;
    }
    v->pending[v->num_pending++] = offset;
    return true;
}

static inline bool sfpm_read_instruction(sfpm_verifier_t *v)
{
    return sfpm_instruction_read(v->program->code, v->function->end, v->offset,
                                 &v->instruction);
}

/* The first pass: every byte belongs to an instruction with sound operands, and jumps
 * lead to instructions, of which there are `count`. */
bool sfpm_check_code(sfpm_verifier_t *v, uint32_t *count);

#endif
