/* SPDX-License-Identifier: MIT */
/*
 * The verifier: proves that a program can be executed without any check but those
 * for traps, and keeps what it found out for whoever needs the same facts: the
 * interpreter, the check of a suspended state, the backtrace.
 */
#ifndef SFPM_VM_VERIFY_H
#define SFPM_VM_VERIFY_H

#include "vm/program.h"

/* Marks among heights; real heights are at most SFPM_MAX_HEIGHT. */
enum {
    SFPM_NO_INSTRUCTION = 65535, /* no instruction begins here */
    SFPM_UNREACHED = 65534       /* one begins here, but nothing leads to it */
};

typedef struct sfpm_facts {
    uint16_t *height;    /* operands on the function's stack before the instruction at
                            that code offset, or one of the marks */
    uint16_t *max_stack; /* per function: most operands at any time */
    uint32_t fault;      /* code offset at which verification failed */
} sfpm_facts_t;

/* Proves: every byte of every function belongs to a known instruction; jumps lead to
 * instructions of the same function; calls, locals and globals exist; no path takes
 * from an empty stack, leaves the function otherwise than by its instructions, or
 * reaches an instruction at two heights. Linear in the size of the code. */
bool sfpm_verify_program(const sfpm_program_t *program, sfpm_facts_t *facts);
void sfpm_facts_free(sfpm_facts_t *facts);

/* Whether an instruction begins at the offset and can be reached. */
static inline bool sfpm_is_reached(const sfpm_facts_t *facts, uint32_t offset)
{
    return facts->height[offset] < SFPM_UNREACHED;
}

#endif
