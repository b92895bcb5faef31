/* SPDX-License-Identifier: MIT */
/*
 * The tables of a program, taken apart from the bytes of its regions. The bytes
 * are borrowed and must outlive the program.
 */
#ifndef SFPM_VM_PROGRAM_H
#define SFPM_VM_PROGRAM_H

#include <stdarg.h>

#include "base/error.h"
#include "vm/regions.h"

typedef struct sfpm_function {
    uint32_t entry; /* code offset of its first instruction */
    uint32_t end;   /* where the next function begins, or the code ends */
    uint16_t params;
    uint16_t results;
    uint16_t locals;  /* besides the parameters */
    const char *name; /* NULL: none */
} sfpm_function_t;

typedef enum sfpm_symbol_kind {
    SFPM_SYMBOL_FUNCTION, /* value: its number */
    SFPM_SYMBOL_LABEL,    /* value: a code offset */
    SFPM_SYMBOL_GLOBAL    /* value: its number */
} sfpm_symbol_kind_t;

/* A function or a label. */
typedef struct sfpm_place {
    const char *name;
    uint32_t offset; /* in the code */
    bool is_function;
} sfpm_place_t;

typedef struct sfpm_program {
    const uint8_t *code;
    uint32_t code_size;
    bool original; /* only the seven original instructions are allowed */
    sfpm_function_t *functions;
    uint32_t num_functions;
    uint32_t start;
    uint32_t num_globals;
    const char **global_names; /* NULL where there is none */
    sfpm_place_t *places;      /* by offset, functions before labels */
    sfpm_place_t *by_name;     /* the same by name */
    size_t num_places;
    const uint8_t *lines; /* SFPM_LINE_SIZE each */
    uint32_t num_lines;
    const char *file; /* of the source, NULL: not recorded */
} sfpm_program_t;

/* Takes the tables apart and checks their shape: counts, order, ranges, names. */
bool sfpm_program_decode(sfpm_program_t *program, const sfpm_regions_t *regions);
void sfpm_program_free(sfpm_program_t *program);

/* The symbols region's part of it; functions and counts are known before. */
bool sfpm_symbols_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size);

/* Puts the tables of functions and symbols together. */
bool sfpm_functions_encode(sfpm_buffer_t *buffer, const sfpm_function_t *functions,
                           uint32_t count, uint32_t start);

typedef struct sfpm_symbol {
    sfpm_symbol_kind_t kind;
    uint32_t value;
    const char *name;
} sfpm_symbol_t;

typedef struct sfpm_line {
    uint32_t offset;
    uint32_t line;
} sfpm_line_t;

/* `symbols` are put in order by kind and value first; `lines` are in order. `file`
 * may be NULL. */
bool sfpm_symbols_encode(sfpm_buffer_t *buffer, sfpm_symbol_t *symbols, size_t count,
                         const sfpm_line_t *lines, size_t num_lines, const char *file);

/* The function that holds a code offset, offset < code_size. */
uint32_t sfpm_function_at(const sfpm_program_t *program, uint32_t offset);

/* The place of that name, NULL when there is none. */
const sfpm_place_t *sfpm_place_named(const sfpm_program_t *program, const char *name,
                                     size_t length);

/* Index of the first place at or after the offset, num_places when there is none. */
size_t sfpm_first_place(const sfpm_program_t *program, uint64_t offset);

/* The last place at or before the offset, functions before labels; NULL: none. */
const sfpm_place_t *sfpm_place_before(const sfpm_program_t *program, uint64_t offset);

/* The line that the instruction at the offset came from; 0: not recorded. */
uint32_t sfpm_line_at(const sfpm_program_t *program, uint64_t offset);

/* `main+3`; see sfpm_vm_describe(). */
void sfpm_place_text(const sfpm_program_t *program, uint64_t offset, char *text,
                     size_t size);

/* The name of a function, or "function N", in a buffer of SFPM_PLACE_TEXT bytes. */
enum { SFPM_PLACE_TEXT = 128 };
const char *sfpm_function_name(const sfpm_program_t *program, uint32_t index, char *text);

/* Whether the text can be the name of a function, label or global. */
bool sfpm_is_name(const char *text, size_t length);

/* Records SFPM_ERR_BYTECODE: `code[7] (main+7): …`. Always false. */
bool sfpm_fail_code(const sfpm_program_t *program, uint64_t offset, const char *format,
                    ...) SFPM_PRINTF(3, 4);

#endif
