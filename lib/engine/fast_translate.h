/* SPDX-License-Identifier: MIT */
/*
 * From the canonical bytes of a function to its cells, and back from a cell to the
 * canonical state. Nothing is recorded for the way back: translating is
 * deterministic, so it is done once more up to the cell in question.
 */
#ifndef SFPM_ENGINE_FAST_TRANSLATE_H
#define SFPM_ENGINE_FAST_TRANSLATE_H

#include "engine/fast_cell.h"
#include "bytecode/verify.h"
#include "engine/stops.h"

/* A place where execution can begin: all operands are in their slots, but for a
 * call's only result, which is in both accumulators too. */
typedef struct sfpm_fast_label {
    uint32_t offset; /* in the code */
    uint32_t cell;
    uint32_t index; /* of the instruction in its function */
} sfpm_fast_label_t;

typedef struct sfpm_fast_function {
    sfpm_cell_t *cells; /* the header first; NULL: not translated */
    uint32_t num_cells;
    uint32_t instructions;
    sfpm_fast_label_t *labels; /* in order of offset; behind the cells */
    uint32_t num_labels;
    bool refused; /* too much memory, or not proved: left to tier 0 */
} sfpm_fast_function_t;

/* A jump whose target is not known yet. */
typedef struct sfpm_fast_jump {
    uint32_t cell;
    uint32_t target; /* code offset */
    uint32_t index;  /* of the jumping instruction */
} sfpm_fast_jump_t;

/* What translating a function takes, kept for the next one. */
typedef struct sfpm_fast_draft {
    sfpm_cell_t *cells;
    sfpm_fast_label_t *labels;
    sfpm_fast_jump_t *jumps;
    size_t cells_capacity;
    size_t labels_capacity;
    size_t jumps_capacity;
} sfpm_fast_draft_t;

/* The translations of a program. */
typedef struct sfpm_fast {
    sfpm_fast_function_t *functions; /* as many as the program has; NULL: none yet */
    const sfpm_cell_t **entries;     /* likewise, their first cells or NULL */
    uint32_t num_functions;
    uint64_t total_cells;
    uint64_t max_cells;
    uint32_t untranslated; /* functions for which there was no room */
    sfpm_stops_t stops; /* there is a cell at each that tier 0 attends to; owned */
    sfpm_fast_draft_t draft;
} sfpm_fast_t;

/* Makes room for the functions of a program, unless that was done. Translations for other
 * stops, or with another limit, are dropped. The cells of all functions may take an eighth
 * of the program's memory, and 16 MiB in any case. False when there is no memory, which is
 * not an error. */
bool sfpm_fast_prepare(sfpm_fast_t *fast, const sfpm_program_t *program,
                       const sfpm_stops_t *stops, uint64_t max_memory);
void sfpm_fast_free(sfpm_fast_t *fast);

/* Proves and translates function `index`, unless that was done. False when it cannot be:
 * memory is short, or it does not hold; which is not an error, since tier 0 either can do
 * it or finds the same. */
bool sfpm_fast_translate(sfpm_fast_t *fast, const sfpm_program_t *program,
                         sfpm_proof_t *proof, uint32_t index);

/* The label at that offset, or NULL. */
const sfpm_fast_label_t *sfpm_fast_label_at(const sfpm_fast_function_t *function,
                                            uint32_t offset);

/* The number of the function that holds a cell. */
uint32_t sfpm_fast_find_cell(const sfpm_fast_t *fast, const sfpm_cell_t *cell);

/* Where an operand is. */
typedef enum sfpm_home {
    SFPM_IN_SLOT, /* its own, as in the canonical stack */
    SFPM_IN_LOCAL,
    SFPM_IN_CELL, /* a constant */
    SFPM_IN_ACC,
    SFPM_IN_FACC
} sfpm_home_t;

typedef struct sfpm_operand_value {
    sfpm_home_t home;
    uint64_t value; /* the constant, or the slot of the local in its frame */
} sfpm_operand_value_t;

/* The operands nearest to the top of the stack; those below are in their slots. */
enum { SFPM_FAST_WINDOW = 16 };
typedef struct sfpm_window {
    sfpm_operand_value_t values[SFPM_FAST_WINDOW]; /* the top of the stack last */
    uint32_t count;
    uint32_t height; /* operands on the stack, with those in the window */
} sfpm_window_t;

/* What a cell stands for, before it is executed. */
typedef struct sfpm_fast_point {
    uint32_t offset; /* of the first instruction that is part of it */
    uint32_t index;
    sfpm_window_t window;
} sfpm_fast_point_t;

void sfpm_fast_locate(const sfpm_fast_t *fast, const sfpm_program_t *program,
                      const sfpm_proof_t *proof, uint32_t function, uint32_t cell,
                      sfpm_fast_point_t *point);

#endif
