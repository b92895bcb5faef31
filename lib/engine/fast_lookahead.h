/* SPDX-License-Identifier: MIT */
/* Reading ahead, for sequences of instructions that one cell executes. */
#ifndef SFPM_ENGINE_FAST_LOOKAHEAD_H
#define SFPM_ENGINE_FAST_LOOKAHEAD_H

#include "engine/fast_rules.h"

/* Instructions read ahead; they are joined to those being translated at the end. */
typedef struct sfpm_ahead {
    sfpm_translation_t *t;
    uint32_t next;
    uint32_t count;
} sfpm_ahead_t;

static inline sfpm_ahead_t look_ahead(sfpm_translation_t *t)
{
    return (sfpm_ahead_t){t, t->next, t->count};
}

/* Gives up: nothing has been read. */
static inline bool go_back(const sfpm_ahead_t *ahead)
{
    ahead->t->next = ahead->next;
    ahead->t->count = ahead->count;
    return false;
}

static inline bool read_one(sfpm_translation_t *t, sfpm_instruction_t *instruction)
{
    if (!sfpm_fast_read_next(t, instruction))
        return false;
    sfpm_fast_join(t, instruction);
    return true;
}

static inline bool read_opcode(sfpm_translation_t *t, sfpm_opcode_t opcode,
                               sfpm_instruction_t *instruction)
{
    return read_one(t, instruction) && instruction->info->opcode == opcode;
}

/* Whether it is in a slot as it is. */
static inline bool is_in_slot(sfpm_operand_value_t value)
{
    return value.home == SFPM_IN_SLOT || value.home == SFPM_IN_LOCAL;
}

/* Sequences that begin with the binary operation on `a` and `b`: on f64, or the
 * computation of an address. */
bool sfpm_fast_fuse_real(sfpm_translation_t *t, sfpm_operand_value_t a,
                         sfpm_operand_value_t b);
bool sfpm_fast_fuse_address(sfpm_translation_t *t, sfpm_operand_value_t a,
                            sfpm_operand_value_t b);

#endif
