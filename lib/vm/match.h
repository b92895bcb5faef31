/* SPDX-License-Identifier: MIT */
/*
 * Two programs side by side: which function, import or global of the new one is which of
 * the old one, and whether code is the same although numbers and offsets differ.
 */
#ifndef SFPM_VM_MATCH_H
#define SFPM_VM_MATCH_H

#include "bytecode/program.h"

/* SFPM_NO_FUNCTION and these stand for what the other program does not have. */
#define SFPM_NO_GLOBAL UINT32_MAX
#define SFPM_NO_TABLE  UINT32_MAX

typedef struct sfpm_match {
    const sfpm_program_t *old;
    const sfpm_program_t *new;
    uint32_t *functions; /* per function of the old program, its number in the new one */
    uint32_t *old_functions; /* the other way round */
    bool *same;        /* per function of the old program: type and code are the same */
    uint32_t *globals; /* like `functions` */
    uint32_t *old_globals;
    uint32_t *tables; /* like `globals` */
    uint32_t *old_tables;
} sfpm_match_t;

/* Pairs imports by module and field, functions with code by their names, globals by
 * theirs, and tables by those of their exports. What has no name, or the one that the
 * loader makes of its number, is paired by number: a function if its code is the same, a
 * global if type and initial value are, a table if its type is.
 * The programs must outlive the match.
 * old_values, new_values: regions `globals` */
bool sfpm_match_make(sfpm_match_t *match, const sfpm_program_t *old,
                     const uint8_t *old_values, const sfpm_program_t *new,
                     const uint8_t *new_values);
void sfpm_match_free(sfpm_match_t *match);

/* The tables of a program; those of version 2, which has one, are described likewise. */
uint32_t sfpm_match_num_tables(const sfpm_program_t *program);
sfpm_table_t sfpm_match_table(const sfpm_program_t *program, uint32_t index);

/* Whether a value of the type in the old program and one in the new program are the same:
 * functions are by their names. */
bool sfpm_match_value(const sfpm_match_t *match, uint8_t type, uint64_t a, uint64_t b);

/* Whether two functions take and give the same types. */
bool sfpm_match_signature(const sfpm_function_t *a, const sfpm_function_t *b);

/* Whether function `index` of the old program has a counterpart with the same type, the
 * same locals, and the same instructions from its entry up to `length` bytes behind it.
 * Jumps to places behind those may lead elsewhere. */
bool sfpm_match_prefix(const sfpm_match_t *match, uint32_t index, uint32_t length);

/* If function `index` of the old program differs from its counterpart in nothing but
 * constants and offsets of memory accesses, calls back for each such offset that
 * differs, until a call returns false. */
typedef bool (*sfpm_match_offset_t)(void *context, uint32_t function, uint32_t old,
                                    uint32_t new);
bool sfpm_match_offsets(const sfpm_match_t *match, uint32_t index,
                        sfpm_match_offset_t callback, void *context);

#endif
