/* SPDX-License-Identifier: MIT */
/*
 * The tables of a program, taken apart from the bytes of its regions. The bytes
 * are borrowed and must outlive the program.
 */
#ifndef SFPM_BYTECODE_PROGRAM_H
#define SFPM_BYTECODE_PROGRAM_H

#include <stdarg.h>

#include "base/error.h"
#include "bytecode/lines.h"
#include "bytecode/regions.h"

/* What a function takes and gives; `types` are sfpm_type_t, parameters first. */
typedef struct sfpm_function_type {
    const uint8_t *types;
    uint16_t params;
    uint16_t results;
    uint32_t like; /* number of the first type of the program that is the same */
} sfpm_function_type_t;

typedef struct sfpm_function {
    uint32_t entry; /* code offset of its first instruction */
    uint32_t end;   /* where the next function begins, or the code ends */
    uint32_t type;  /* its number */
    uint16_t params;
    uint16_t results;
    uint16_t locals;            /* without the parameters */
    bool may_be_outermost;      /* called by the host, not by code alone */
    const uint8_t *param_types; /* sfpm_type_t each */
    const uint8_t *result_types;
    const uint8_t *local_types;
    const char *name;   /* NULL: none */
    const char *module; /* of an import, NULL for a function with code */
    const char *field;  /* likewise */
} sfpm_function_t;

typedef struct sfpm_global {
    uint8_t type; /* sfpm_type_t */
    bool is_mutable;
} sfpm_global_t;

/* The numbers are WebAssembly's. */
typedef enum sfpm_export_kind {
    SFPM_EXPORT_FUNCTION,
    SFPM_EXPORT_TABLE,
    SFPM_EXPORT_MEMORY,
    SFPM_EXPORT_GLOBAL
} sfpm_export_kind_t;

typedef struct sfpm_export {
    sfpm_export_kind_t kind;
    uint32_t index; /* 0 for table and memory */
    const char *name;
} sfpm_export_t;

/* Bytes that are in memory from the start, or that memory.init copies. */
typedef struct sfpm_segment {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t address; /* of an active one, else 0 */
    bool is_active;
} sfpm_segment_t;

/* References, by number from 0. */
typedef struct sfpm_table {
    uint32_t least; /* elements at first */
    uint32_t most;
    uint8_t type; /* of its elements */
} sfpm_table_t;

/* References that are in a table from the start, or that table.init copies. */
typedef struct sfpm_element_segment {
    const uint8_t *values; /* slots */
    uint32_t size;         /* number of them */
    uint32_t table;        /* of an active one, else 0 */
    uint32_t first;        /* likewise, the element */
    uint8_t type;
    bool is_active;
} sfpm_element_segment_t;

typedef enum sfpm_symbol_kind {
    SFPM_SYMBOL_FUNCTION, /* value: its number */
    SFPM_SYMBOL_LABEL,    /* value: a code offset */
    SFPM_SYMBOL_GLOBAL    /* value: its number */
} sfpm_symbol_kind_t;

/* A name for an offset in the code: of a function or a label. */
#define SFPM_NO_CODE UINT32_MAX /* of an import, which has no code */
typedef struct sfpm_label {
    const char *name;
    uint32_t offset; /* in the code, or SFPM_NO_CODE */
    bool is_function;
    uint32_t function; /* its number, of one */
} sfpm_label_t;

/* Functions are numbered with imports first. The numbers of those with code ascend with
 * their entries. */
typedef struct sfpm_named_global {
    const char *name;
    uint32_t index;
} sfpm_named_global_t;

typedef struct sfpm_program {
    uint32_t version; /* of the bytecode */
    const uint8_t *code;
    uint32_t code_size;
    bool original; /* only the seven original instructions are allowed */
    sfpm_function_type_t *types;
    sfpm_function_type_t **sorted_types; /* NULL while the program is being made */
    uint32_t num_types;
    sfpm_function_t *functions;
    uint32_t num_functions; /* with imports */
    uint32_t num_imports;
    uint32_t start;
    sfpm_global_t *globals;
    uint32_t num_globals;
    uint32_t num_elements; /* at first, of all tables */
    sfpm_table_t *tables;  /* of version 3; version 2 has one, of functions */
    uint32_t num_tables;
    sfpm_element_segment_t *element_segments; /* likewise */
    uint32_t num_element_segments;
    const uint8_t *initial; /* of version 3: memory at first, as far as it is not zero */
    size_t initial_size;
    uint32_t min_pages;    /* of memory, at first */
    uint32_t max_pages;    /* SFPM_NO_MEMORY: there is none */
    sfpm_export_t *exports;
    uint32_t num_exports;
    const sfpm_export_t **exports_by_name; /* NULL while the program is being made */
    sfpm_segment_t *segments;
    uint32_t num_segments;
    uint8_t *version1_types;      /* i64 again and again, for functions of version 1 */
    const char **global_names;    /* NULL where there is none */
    sfpm_named_global_t *globals_by_name; /* those that have one */
    uint32_t num_named_globals;
    sfpm_label_t *labels;         /* by offset, functions before labels */
    sfpm_label_t *labels_by_name; /* likewise, and imports */
    size_t num_labels;
    size_t num_names;     /* with imports */
    sfpm_lines_t lines;   /* of source */
    const uint8_t *local_names; /* SFPM_LOCAL_NAME_SIZE each, by function and number */
    uint32_t num_local_names;
} sfpm_program_t;

/* Takes the tables apart and checks their shape: counts, order, ranges, names. */
bool sfpm_program_decode(sfpm_program_t *program, const sfpm_regions_t *regions);
void sfpm_program_free(sfpm_program_t *program);

/* The symbols region's part of it; functions and counts are known before. */
bool sfpm_symbols_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size);

/* The functions region of version 2, from behind the version number; number of globals
 * and code size are known before. */
bool sfpm_tables_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size);

/* Puts the functions region together, in version 3 if the program has that, else in
 * version 2: from types, functions, imports, start, globals, elements or tables, pages,
 * exports and segments. In version 3 active segments make region `initial`. */
bool sfpm_tables_encode(sfpm_regions_t *regions, const sfpm_program_t *program);

/* The functions region of version 1: all values are i64. */
bool sfpm_functions_encode(sfpm_buffer_t *buffer, const sfpm_function_t *functions,
                           uint32_t count, uint32_t start);

/* Sets entry and end of a function whose counts are known, after all before it. */
bool sfpm_function_place(sfpm_program_t *program, uint32_t index, uint32_t entry);

/* Whether two types are the same. */
bool sfpm_same_type(const sfpm_function_type_t *a, const sfpm_function_type_t *b);

/* The first type of the program that is the same, NULL: none. */
const sfpm_function_type_t *sfpm_type_like(const sfpm_program_t *program,
                                           const sfpm_function_type_t *type);

/* Fills memory with the active segments, the way a program begins; `memory` has min_pages
 * and is zero. Segments are known to fit. */
void sfpm_segments_copy(const sfpm_program_t *program, uint8_t *memory);

/* Finds a global by its own name. */
bool sfpm_global_named(const sfpm_program_t *program, const char *name, size_t length,
                       uint32_t *index);

/* The export of that name and kind, NULL when there is none. */
const sfpm_export_t *sfpm_export_named(const sfpm_program_t *program,
                                       sfpm_export_kind_t kind, const char *name);

/* Segments of data and elements, which the program can drop. */
static inline uint32_t sfpm_num_droppable(const sfpm_program_t *program)
{
    return program->num_segments + program->num_element_segments;
}

static inline bool sfpm_is_import(const sfpm_program_t *program, uint32_t function)
{
    return function < program->num_imports;
}

/* The type of a local: parameters first, then locals. */
static inline uint8_t sfpm_local_type(const sfpm_function_t *function, uint32_t local)
{
    return local < function->params ? function->param_types[local]
                                    : function->local_types[local - function->params];
}

typedef struct sfpm_symbol {
    sfpm_symbol_kind_t kind;
    uint32_t value;
    const char *name;
} sfpm_symbol_t;

typedef struct sfpm_line {
    uint32_t offset;
    uint32_t line;
} sfpm_line_t;

/* Makes the symbols region of version 1. `symbols` are put in order by kind and value
 * first; `lines` are in order. `file` may be NULL. */
bool sfpm_symbols_encode(sfpm_buffer_t *buffer, sfpm_symbol_t *symbols, size_t count,
                         const sfpm_line_t *lines, size_t num_lines, const char *file);

typedef struct sfpm_local_name {
    uint32_t function;
    uint32_t local;
    const char *name;
} sfpm_local_name_t;

/* What version 2 of the region holds. */
typedef struct sfpm_symbols {
    sfpm_symbol_t *symbols; /* in any order */
    size_t count;
    const sfpm_local_name_t *locals; /* by function and number */
    size_t num_locals;
    const char *const *files;
    size_t num_files;
    const sfpm_row_t *rows; /* by offset */
    size_t num_rows;
} sfpm_symbols_t;

/* Makes the symbols region: of version 1 when it holds neither names of locals nor rows
 * of lines. */
bool sfpm_symbols_encode_all(sfpm_buffer_t *buffer, const sfpm_symbols_t *all);

/* The function that holds a code offset, offset < code_size. */
uint32_t sfpm_function_at(const sfpm_program_t *program, uint32_t offset);

/* Length of the instruction at the offset, in a function that ends at `end`; 1 for a byte
 * that is not one. */
uint32_t sfpm_length_at(const sfpm_program_t *program, uint32_t end, uint32_t offset);

/* The function or label of that name, imports included; NULL when there is none. */
const sfpm_label_t *sfpm_symbol_named(const sfpm_program_t *program, const char *name,
                                      size_t length);

/* The same of what has code. */
const sfpm_label_t *sfpm_label_named(const sfpm_program_t *program, const char *name,
                                     size_t length);

/* Index of the first label at or after the offset, num_labels when there is none. */
size_t sfpm_first_label(const sfpm_program_t *program, uint64_t offset);

/* The last label at or before the offset, functions before labels; NULL: none. */
const sfpm_label_t *sfpm_label_before(const sfpm_program_t *program, uint64_t offset);

/* The name of a function's local; NULL: none. */
const char *sfpm_local_name(const sfpm_program_t *program, uint32_t function,
                            uint32_t local);

/* `main+3`; see sfpm_vm_describe(). */
void sfpm_place_text(const sfpm_program_t *program, uint64_t offset, char *text,
                     size_t size);

/* The same for messages: of a program that was compiled, with its line of source,
 * `solve+7, solve.c:84`. */
enum { SFPM_PLACE_LINE = 256 };
void sfpm_place_line(const sfpm_program_t *program, uint64_t offset, char *text,
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
