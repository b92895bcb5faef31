/* SPDX-License-Identifier: MIT */
/*
 * The state of a translation: the cells so far, and where each operand is. Operands
 * that are constants, locals or in an accumulator are put into their slots only
 * when something needs them there.
 */
#ifndef SFPM_ENGINE_FAST_EMIT_H
#define SFPM_ENGINE_FAST_EMIT_H

#include "base/error.h"
#include "engine/fast_translate.h"
#include "bytecode/instruction.h"

enum { SFPM_NO_LOCAL = -1 };

typedef struct sfpm_translation {
    const sfpm_program_t *program;
    const sfpm_proof_t *proof;
    const sfpm_function_t *function;
    uint32_t number;       /* of the function */
    uint32_t instructions; /* in it */
    const sfpm_stops_t *stops;
    /* When replaying, there is no draft and only the last cell. */
    sfpm_fast_draft_t *draft;
    sfpm_cell_t last;
    uint32_t num_cells;
    uint32_t max_cells;
    bool failed; /* memory ran out, or too many cells */
    /* When replaying: the cell that is looked for, and what it stands for. */
    bool found;
    uint32_t wanted;
    sfpm_fast_point_t point; /* the instruction being translated */
    sfpm_fast_point_t *result;
    uint32_t num_labels;
    uint32_t num_jumps;
    /* What is being translated: instructions from `offset` to `next`, of which the first
     * has the index and is in `instruction`. */
    sfpm_instruction_t instruction;
    uint32_t offset;
    uint32_t index;
    uint32_t next;
    uint32_t count;
    bool falls; /* the instruction before goes on with this one */
    sfpm_window_t window;
    int64_t acc_local; /* slot of the local whose value the accumulator holds too */
    int64_t facc_local;
} sfpm_translation_t;

/* Appends a cell, to be filled in before the next one; never NULL. */
sfpm_cell_t *sfpm_fast_emit(sfpm_translation_t *t, unsigned handler);

/* The instruction being translated begins here: what a cell that stops goes back to. */
void sfpm_fast_mark_point(sfpm_translation_t *t);

/* Slots of the frame, in bytes. */
int32_t sfpm_fast_local_slot(uint64_t local);
int32_t sfpm_fast_operand_slot(const sfpm_translation_t *t, uint32_t height);

/* Reads the instruction that follows those that are being translated. False when there
 * is none that can be joined to them, because control can come there otherwise, or is to
 * stop there. */
static inline bool sfpm_fast_read_next(const sfpm_translation_t *t,
                                       sfpm_instruction_t *next)
{
    return t->next < t->function->end && !sfpm_is_target(t->proof, t->next) &&
           !sfpm_is_stop(t->stops, t->next) &&
           sfpm_instruction_read(t->program->code, t->function->end, t->next, next);
}

/* Makes it one of them. */
static inline void sfpm_fast_join(sfpm_translation_t *t, const sfpm_instruction_t *next)
{
    t->next += next->length;
    t->count++;
}

/* The last cell jumps to that code offset, on behalf of the last of the instructions. */
void sfpm_fast_jump_to(sfpm_translation_t *t, uint32_t target);

/* Records a place where execution can begin, before the next cell. */
void sfpm_fast_add_label(sfpm_translation_t *t, uint32_t offset, uint32_t index);

/* Translates the instruction at t->offset, and perhaps some that follow. */
void sfpm_fast_select(sfpm_translation_t *t);

/* ---- Operands ------------------------------------------------------------- */

/* Pushing may make a cell, unless there was room made for one operand before. */
void sfpm_fast_make_room(sfpm_translation_t *t);
void sfpm_fast_push(sfpm_translation_t *t, sfpm_home_t home, uint64_t value);

/* Takes the top. What was in its slot is in no slot for the window any more. */
sfpm_operand_value_t sfpm_fast_pop(sfpm_translation_t *t);

/* The operand `depth` below the top, without taking it. */
sfpm_operand_value_t sfpm_fast_peek(const sfpm_translation_t *t, uint32_t depth);

/* Puts a popped operand, which was at that height, into a slot if it is in none;
 * the slot. */
int32_t sfpm_fast_to_slot(sfpm_translation_t *t, sfpm_operand_value_t value,
                          uint32_t height);

/* Puts all operands into their slots; those in an accumulator. */
void sfpm_fast_flush(sfpm_translation_t *t);
void sfpm_fast_spill(sfpm_translation_t *t, sfpm_home_t home);

/* Whether it is in that accumulator, be it as the value of a local. */
bool sfpm_fast_is_in(const sfpm_translation_t *t, sfpm_operand_value_t value,
                     sfpm_home_t home);

/* An accumulator has got another value, that of a local if it is one. */
void sfpm_fast_set(sfpm_translation_t *t, sfpm_home_t home, int64_t local_slot);

/* A local gets a value: settles operands that are its old one. */
void sfpm_fast_assign(sfpm_translation_t *t, int32_t local_slot);

/* Forgets which locals the accumulators hold. */
void sfpm_fast_forget(sfpm_translation_t *t);

#endif
