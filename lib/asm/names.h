/* SPDX-License-Identifier: MIT */
/*
 * The names that an assembly text defines and uses: collected while the text is read,
 * and resolved at its end.
 */
#ifndef SFPM_ASM_NAMES_H
#define SFPM_ASM_NAMES_H

#include "asm/faults.h"
#include "bytecode/instruction.h"
#include "asm/lexer.h"
#include "bytecode/program.h"

typedef struct sfpm_definition {
    sfpm_symbol_kind_t kind;
    uint32_t value;
    uint32_t line;
    uint32_t column;
    char *name;
} sfpm_definition_t;

/* A place that waits for the value of a name, or for the proof that a number has one. */
typedef struct sfpm_reference {
    sfpm_operand_t operand;
    sfpm_buffer_t *buffer; /* code, or a table */
    size_t offset;         /* of the four bytes in it */
    sfpm_token_t token;
} sfpm_reference_t;

typedef struct sfpm_names {
    sfpm_definition_t *definitions; /* by name, after sfpm_names_sort() */
    size_t num_definitions;
    size_t definition_capacity;
    sfpm_reference_t *references;
    size_t num_references;
    size_t reference_capacity;
} sfpm_names_t;

void sfpm_names_free(sfpm_names_t *names);

/* A name without meaning, "_" or a directive's, is the caller's to refuse. */
bool sfpm_names_define(sfpm_names_t *names, sfpm_symbol_kind_t kind, uint32_t value,
                       const sfpm_token_t *token);

/* The next four bytes of the buffer wait for the token's value. It may be a number in
 * tables; in code, the verifier looks at numbers. */
bool sfpm_names_refer(sfpm_names_t *names, sfpm_operand_t operand, sfpm_buffer_t *buffer,
                      const sfpm_token_t *token);

/* The same for four bytes at that place. */
bool sfpm_names_refer_at(sfpm_names_t *names, sfpm_operand_t operand,
                         sfpm_buffer_t *buffer, size_t offset, const sfpm_token_t *token);

/* Orders the definitions and finds those of one name. */
void sfpm_names_sort(sfpm_names_t *names, sfpm_faults_t *faults);

/* The definition that a name means as an operand of that kind, NULL: none. */
const sfpm_definition_t *sfpm_names_find(const sfpm_names_t *names,
                                         sfpm_operand_t operand, const char *text,
                                         size_t length);

/* Fills in all references: names that the text does not define are the program's.
 * Functions' values are their numbers; the program has their entries, for jumps to
 * them. */
void sfpm_names_resolve(const sfpm_names_t *names, const sfpm_program_t *program,
                        sfpm_faults_t *faults);

/* A token's text for a message, cut and without control characters. */
enum { SFPM_QUOTE = 48 };
const char *sfpm_quote(const sfpm_token_t *token, char *buffer);

#endif
