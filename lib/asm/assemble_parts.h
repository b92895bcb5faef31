/* SPDX-License-Identifier: MIT */
/*
 * What the files of the assembler share. Functions called take_… read what belongs to one
 * thing from the tokens; they return false only when they cannot go on, with the error
 * set. Mistakes in the text go to the faults.
 */
#ifndef SFPM_ASM_ASSEMBLE_PARTS_H
#define SFPM_ASM_ASSEMBLE_PARTS_H

#include "asm/assemble.h"
#include "asm/names.h"

/* Bytes that live as long as the assembler. */
typedef struct sfpm_block {
    struct sfpm_block *next;
    uint8_t bytes[];
} sfpm_block_t;

/* A program's function types, each found by what it is. */
typedef struct sfpm_type_set {
    sfpm_function_type_t *list;
    size_t count;
    size_t capacity;
    uint32_t *buckets; /* numbers + 1; 0: free */
    size_t num_buckets;
} sfpm_type_set_t;

typedef struct sfpm_assembler {
    sfpm_lexer_t lexer;
    sfpm_token_t token; /* the one to be looked at next */
    sfpm_faults_t *faults;
    sfpm_names_t names;
    sfpm_assembly_t *assembly;
    sfpm_buffer_t *code;
    sfpm_block_t *blocks;
    sfpm_type_set_t types;
    sfpm_program_t program; /* its tables as they grow */
    size_t function_capacity;
    size_t global_capacity;
    size_t export_capacity;
    size_t segment_capacity;
    sfpm_buffer_t export_numbers; /* four bytes for each export */
    sfpm_names_t exported;        /* where each name for the host was given */
    sfpm_buffer_t locals;         /* types of the last function's */
    sfpm_buffer_t scratch;
    sfpm_token_t function; /* where the last function was named */
    sfpm_token_t start;    /* of .start; its length is 0 when there was none */
    sfpm_token_t many; /* the first signature of more than SFPM_MAX_VALUES, likewise */
    sfpm_token_t table;    /* the first export of the table, likewise */
    sfpm_token_t version2; /* the first thing that bytecode version 1 lacks, likewise */
    sfpm_token_t version3; /* … and that version 2 lacks */
    sfpm_buffer_t elements; /* slots of all element segments, one after the other */
    size_t table_capacity;
    size_t element_capacity; /* of the list of segments */
    uint32_t version;      /* of .version; 0: none */
    bool locals_allowed;   /* no instruction since .func */
    bool unknown_type;     /* `known` has no type that the text names */
    const sfpm_program_t *known; /* the text is instructions for it; NULL: it is whole */
} sfpm_assembler_t;

/* ---- Tokens ----------------------------------------------------------------- */

static inline void sfpm_asm_next(sfpm_assembler_t *a)
{
    sfpm_lexer_next(&a->lexer, &a->token);
}

static inline bool sfpm_asm_at_end(const sfpm_assembler_t *a)
{
    return a->token.kind == SFPM_TOKEN_LINE || a->token.kind == SFPM_TOKEN_END;
}

bool sfpm_token_is(const sfpm_token_t *token, const char *text);

/* Whether a token would be a name if it were not too long; then a fault says so. */
bool sfpm_asm_is_long_name(sfpm_assembler_t *a, const sfpm_token_t *token);

/* Whether a name token is `_`, which stands for no name. */
bool sfpm_token_is_none(const sfpm_token_t *token);

/* Records that something else than `wanted` was found, and leaves the line. */
void sfpm_asm_expected(sfpm_assembler_t *a, const char *wanted);
void sfpm_asm_skip_line(sfpm_assembler_t *a);

/* Skips a comma, and the end of the line after it. False if there is no comma. */
bool sfpm_asm_take_comma(sfpm_assembler_t *a);

/* Remembers that the text needs bytecode version 2, or that version. */
void sfpm_asm_need_version2(sfpm_assembler_t *a, const sfpm_token_t *token);
void sfpm_asm_need_version(sfpm_assembler_t *a, uint8_t version,
                           const sfpm_token_t *token);

/* A copy that lives as long as the assembler; NULL with the error set. */
uint8_t *sfpm_asm_keep(sfpm_assembler_t *a, const void *bytes, size_t size);

/* ---- Operands --------------------------------------------------------------- */

/* Reads a number in range; a fault otherwise. False only when the token is not a number:
 * then the rest of the line is skipped. */
bool sfpm_asm_take_number(sfpm_assembler_t *a, uint64_t most, uint64_t *value);

/* Reads a value of a type, in the form of a slot. False, with a fault, if there is none.
 */
bool sfpm_asm_take_value(sfpm_assembler_t *a, uint8_t type, uint64_t *value);

/* Reads a reference, a function by its name or number, or `_` for none, into eight bytes
 * that `buffer` has at `at`. */
bool sfpm_asm_take_reference(sfpm_assembler_t *a, uint8_t type, sfpm_buffer_t *buffer,
                             size_t at);

/* The type that a token names; 0 if it names none. */
uint8_t sfpm_asm_type(const sfpm_token_t *token);

/* Adds types to `types` up to the first token that is not one. */
bool sfpm_asm_take_types(sfpm_assembler_t *a, sfpm_buffer_t *types);

/* `i64 i64 -> i64` or, where `numbered`, the number of a type. `*type` becomes
 * SFPM_NO_TYPE when there was a fault. */
#define SFPM_NO_TYPE UINT32_MAX
bool sfpm_asm_take_signature(sfpm_assembler_t *a, bool numbered, uint32_t *type);

/* The operand of an instruction whose opcode was written. */
bool sfpm_asm_take_operand(sfpm_assembler_t *a, const sfpm_opcode_info_t *info);

/* ---- Types ------------------------------------------------------------------ */

/* Adds a type; `always` also when there is one like it. */
bool sfpm_types_add(sfpm_assembler_t *a, const sfpm_function_type_t *type, bool always,
                    uint32_t *number);

/* ---- Directives ------------------------------------------------------------- */

/* The line after a directive's name. */
bool sfpm_asm_take_directive(sfpm_assembler_t *a, const sfpm_token_t *name);

void sfpm_asm_fault(sfpm_assembler_t *a, const sfpm_token_t *token, const char *text);

/* The same, about the place just reached; the rest of the line is of no interest. True.
 */
bool sfpm_asm_refuse_line(sfpm_assembler_t *a, const char *text);

/* A name to be defined, or `_` for none. False when there is neither, with a fault. */
bool sfpm_asm_take_name(sfpm_assembler_t *a, sfpm_token_t *name);
bool sfpm_asm_define(sfpm_assembler_t *a, sfpm_symbol_kind_t kind, uint32_t value,
                     const sfpm_token_t *name);

/* Code before any .func belongs to a function `main`. */
bool sfpm_asm_need_function(sfpm_assembler_t *a, const sfpm_token_t *at);

/* Ends the last function: its locals are known, and it must have an instruction. */
bool sfpm_asm_end_function(sfpm_assembler_t *a);

bool sfpm_asm_take_bytes(sfpm_assembler_t *a);
bool sfpm_asm_take_data(sfpm_assembler_t *a);
bool sfpm_asm_take_elem(sfpm_assembler_t *a);
bool sfpm_asm_take_global(sfpm_assembler_t *a);
bool sfpm_asm_take_memory(sfpm_assembler_t *a);
bool sfpm_asm_take_table(sfpm_assembler_t *a);

/* The tables as versions 2 and 3 have them, when all names are known. */
bool sfpm_asm_encode_elements(sfpm_assembler_t *a);

#endif
