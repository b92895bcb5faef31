/* SPDX-License-Identifier: MIT */
/* Which handlers there are for an instruction, from the list of operations. */
#ifndef SFPM_ENGINE_FAST_RULES_H
#define SFPM_ENGINE_FAST_RULES_H

#include "engine/fast_emit.h"

typedef enum sfpm_rule_kind {
    SFPM_RULE_NONE,
    SFPM_RULE_BINARY,
    SFPM_RULE_COMPARE, /* binary; there are handlers that jump too */
    SFPM_RULE_UNARY,
    SFPM_RULE_LOAD,
    SFPM_RULE_STORE
} sfpm_rule_kind_t;

/* Forms of binary operations, in the order of their handlers: where the operands are,
 * in a slot, the cell or an accumulator. Those that store the result into a slot, and
 * those that jump, follow in the same order. */
typedef enum sfpm_form {
    SFPM_FORM_SS,
    SFPM_FORM_SC,
    SFPM_FORM_AS,
    SFPM_FORM_AC,
    SFPM_FORM_SA,
    SFPM_NUM_FORMS
} sfpm_form_t;
enum {
    SFPM_FORM_STORE = SFPM_NUM_FORMS,
    SFPM_FORM_JUMP = 2 * SFPM_NUM_FORMS,
    SFPM_FORM_UNLESS = 3 * SFPM_NUM_FORMS /* of floats: jumps when the result is 0 */
};

/* Forms of unary operations and, for the address, of loads; then those that store. */
enum { SFPM_UNARY_S, SFPM_UNARY_A, SFPM_UNARY_STORE };
enum { SFPM_LOAD_S, SFPM_LOAD_A, SFPM_LOAD_SS, SFPM_LOAD_STORE };

/* Forms of stores: address, then value. */
enum {
    SFPM_STORE_SS,
    SFPM_STORE_SC,
    SFPM_STORE_SA,
    SFPM_STORE_AS,
    SFPM_STORE_AC,
    SFPM_STORE_AF
};

typedef struct sfpm_rule {
    uint8_t kind;   /* sfpm_rule_kind_t */
    uint8_t from;   /* the accumulator of operands: SFPM_IN_ACC or SFPM_IN_FACC */
    uint8_t to;     /* the accumulator of the result */
    uint16_t first; /* handler, of the first form */
} sfpm_rule_t;

const sfpm_rule_t *sfpm_fast_rule(uint8_t opcode);

/* No operation: those are never looked up by it. */
enum { SFPM_FAST_NO_OPCODE = SFPM_OP_NOP };

/* The operation that gives the same with operands exchanged, or no operation. */
uint8_t sfpm_fast_exchanged(uint8_t opcode);

/* The comparison of integers that gives the opposite. */
uint8_t sfpm_fast_opposite(uint8_t opcode);

/* ---- Operands and results -------------------------------------------------- */

typedef struct sfpm_operands {
    uint8_t opcode; /* it may have been exchanged */
    sfpm_form_t form;
    int32_t x;
    int32_t y;
    uint64_t value;
} sfpm_operands_t;

/* Finds the form for two popped operands of operands->opcode. */
void sfpm_fast_choose_form(sfpm_translation_t *t, sfpm_operand_value_t a,
                           sfpm_operand_value_t b, sfpm_operands_t *operands);
void sfpm_fast_fill_operands(sfpm_cell_t *cell, const sfpm_operands_t *operands);

/* The handler of a comparison that jumps. */
unsigned sfpm_fast_jump_handler(const sfpm_operands_t *operands, bool unless);

/* Makes the cell of an operation whose result is in accumulator `home`, or the one
 * `store` numbers further on that puts it into a slot too. */
sfpm_cell_t *sfpm_fast_emit_result(sfpm_translation_t *t, unsigned handler,
                                   unsigned store, sfpm_home_t home);

/* ---- Calls ------------------------------------------------------------------ */

/* Fills the cell that returns. */
void sfpm_fast_end_return(sfpm_translation_t *t, sfpm_cell_t *cell);
void sfpm_fast_return_value(sfpm_translation_t *t, sfpm_operand_value_t value);

/* Fills the cell that calls a function of so many parameters, which are popped. */
void sfpm_fast_begin_call(sfpm_translation_t *t, sfpm_cell_t *cell, uint32_t params);
void sfpm_fast_end_call(sfpm_translation_t *t, sfpm_cell_t *cell, unsigned handler,
                        uint32_t callee);
void sfpm_fast_push_results(sfpm_translation_t *t, uint32_t results,
                            const uint8_t *types);

/* ---- Several instructions at once -------------------------------------------- */

/* Translates a sequence of instructions that begins with the operation on `a` and `b`,
 * or with the load from `address`, all popped, if there is a cell for all of it. */
bool sfpm_fast_fuse(sfpm_translation_t *t, sfpm_operand_value_t a,
                    sfpm_operand_value_t b);
bool sfpm_fast_fuse_load(sfpm_translation_t *t, sfpm_operand_value_t address);

#endif
