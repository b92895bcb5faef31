/* SPDX-License-Identifier: MIT */
/*
 * A WebAssembly module on its way to a program. Types, imports, functions, globals,
 * exports and data keep their numbers; functions that the loader adds come last.
 */
#ifndef SFPM_WASM_MODULE_H
#define SFPM_WASM_MODULE_H

#include "bytecode/program.h"
#include "wasm/reader.h"

/* The numbers of sections. */
typedef enum sfpm_wasm_section {
    SFPM_WASM_CUSTOM,
    SFPM_WASM_TYPES,
    SFPM_WASM_IMPORTS,
    SFPM_WASM_FUNCTIONS,
    SFPM_WASM_TABLES,
    SFPM_WASM_MEMORIES,
    SFPM_WASM_GLOBALS,
    SFPM_WASM_EXPORTS,
    SFPM_WASM_START,
    SFPM_WASM_ELEMENTS,
    SFPM_WASM_CODE,
    SFPM_WASM_DATA,
    SFPM_WASM_DATA_COUNT,
    SFPM_WASM_NUM_SECTIONS
} sfpm_wasm_section_t;

typedef struct sfpm_wasm_module {
    sfpm_wasm_reader_t sections[SFPM_WASM_NUM_SECTIONS]; /* `at` is NULL: absent */
    sfpm_wasm_reader_t names;                            /* custom section `name` */
    sfpm_program_t program;
    sfpm_regions_t *regions;
    size_t function_capacity;
    sfpm_wasm_name_t *function_names; /* by number; of the name section … */
    uint32_t num_named;               /* … for so many functions */
    uint32_t num_bodies;              /* functions with code in the module */
    bool has_table;
    bool has_start;
    uint32_t start;       /* function of the start section */
    uint32_t data_count;  /* of its section, when there is one */
    bool needs_no_data;   /* an instruction names an active data segment */
    uint8_t *kept;        /* types and names that the program borrows … */
    size_t kept_size;     /* … so far */
    sfpm_buffer_t locals; /* the types of all functions' locals, one after the other */
} sfpm_wasm_module_t;

static inline bool sfpm_wasm_has(const sfpm_wasm_module_t *module,
                                 sfpm_wasm_section_t section)
{
    return module->sections[section].at != NULL;
}

/* What the language has and bytecode does not yet: behind "needs ". */
#define SFPM_WASM_NOT_YET(what) what ", which sfpm does not support yet"
#define SFPM_WASM_NEVER(what)   what ", which sfpm does not have"

/* ---- sections.c ------------------------------------------------------------- */

/* Finds the sections. */
bool sfpm_wasm_split(sfpm_wasm_module_t *module, const uint8_t *bytes, size_t size);

/* Takes all apart. */
bool sfpm_wasm_take_sections(sfpm_wasm_module_t *module);

/* ---- declarations.c: each takes a section apart ----------------------------- */

bool sfpm_wasm_take_types(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_imports(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_functions(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_exports(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);

/* A type of values; what is none or not supported is refused. */
bool sfpm_wasm_value_type(sfpm_wasm_reader_t *reader, uint8_t *type);

/* The number of entries of a section, each of at least one byte, for a table of ours. */
bool sfpm_wasm_entries(sfpm_wasm_reader_t *reader, uint32_t *count);

/* The number of a function that exists. */
bool sfpm_wasm_function_number(const sfpm_wasm_module_t *module,
                               sfpm_wasm_reader_t *reader, uint32_t *function);

/* Adds a function without code and locals so far. */
bool sfpm_wasm_add_function(sfpm_wasm_module_t *module, uint32_t type);

/* ---- storage.c, segments.c: the same ---------------------------------------- */

bool sfpm_wasm_take_tables(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_memories(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_globals(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_start(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_elements(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_data_count(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_data(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);

/* A constant expression of that type, as a slot. */
bool sfpm_wasm_constant(sfpm_wasm_reader_t *reader, uint8_t type, uint64_t *value);

/* The immediate operand of a constant instruction, as a slot. */
bool sfpm_wasm_literal(sfpm_wasm_reader_t *reader, uint8_t type, uint64_t *value);

/* ---- code.c ----------------------------------------------------------------- */

/* Validates and translates the code of all functions. */
bool sfpm_wasm_take_code(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);

/* ---- names.c ---------------------------------------------------------------- */

/* Reads the names of functions, for messages and symbols. What is malformed in the
 * section ends it, as the specification demands. */
bool sfpm_wasm_take_names(sfpm_wasm_module_t *module);

/* Makes region `symbols`: a name for each function, from the name section or else from
 * its import or export. */
bool sfpm_wasm_make_symbols(sfpm_wasm_module_t *module);

#endif
