/* SPDX-License-Identifier: MIT */
/*
 * A WebAssembly module on its way to a program. Types, imports, functions, globals,
 * exports and data keep their numbers; functions that the loader adds come last.
 */
#ifndef SFPM_WASM_MODULE_H
#define SFPM_WASM_MODULE_H

#include "bytecode/program.h"
#include "wasm/dwarf.h"
#include "wasm/load.h"
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
    sfpm_dwarf_sections_t debug;                         /* … and those of lines */
    sfpm_program_t program;
    sfpm_regions_t *regions;
    size_t function_capacity;
    sfpm_wasm_name_t *function_names; /* by number; of the name section … */
    uint32_t num_named;               /* … for so many functions */
    sfpm_wasm_name_t *global_names;   /* of all globals; NULL: no section */
    sfpm_wasm_reader_t local_names;   /* not read yet */
    uint32_t num_bodies;              /* functions with code in the module */
    size_t table_capacity;
    size_t global_capacity;
    size_t element_capacity;
    uint32_t num_imported_globals;
    sfpm_buffer_t elements;   /* slots of all element segments, one after the other */
    sfpm_buffer_t declared;   /* a bit per function: ref.func may name it in code */
    const sfpm_wasm_host_t *host;
    bool has_start;
    uint32_t start;       /* function of the start section */
    uint32_t data_count;  /* of its section, when there is one */
    uint8_t *kept;        /* types and names that the program borrows … */
    size_t kept_size;     /* … so far */
    sfpm_buffer_t locals; /* the types of all functions' locals, one after the other */
    sfpm_dwarf_lines_t lines; /* of source, by place in the code section … */
    size_t num_mapped;        /* … and so many by place in the code that becomes of it */
    uint64_t code_start;      /* offset in the file of the code section's contents */
    uint64_t next_line;       /* offset in the file of the next row to be mapped */
    uint32_t lines_end;       /* place in the code up to which they are mapped */
} sfpm_wasm_module_t;

static inline bool sfpm_wasm_has(const sfpm_wasm_module_t *module,
                                 sfpm_wasm_section_t section)
{
    return module->sections[section].at != NULL;
}

/* What the language has and bytecode does not: behind "needs ". */
#define SFPM_WASM_NEVER(what) what ", which sfpm does not have"

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

/* Code may take the reference of a function that stands elsewhere in the module. */
bool sfpm_wasm_declare(sfpm_wasm_module_t *module, uint32_t function);
bool sfpm_wasm_is_declared(const sfpm_wasm_module_t *module, uint32_t function);

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

/* Gives element segments their elements, when all are there. */
void sfpm_wasm_place_elements(sfpm_wasm_module_t *module);

bool sfpm_wasm_take_data_count(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_data(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);

/* A type of references: its byte, or that of what is referred to, which is the same. */
bool sfpm_wasm_reference_type(sfpm_wasm_reader_t *reader, uint8_t *type);

/* What is imported, or begins an entry of a section. */
bool sfpm_wasm_take_table(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_memory(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);
bool sfpm_wasm_take_global_import(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                                  const char *origin, const char *field);

/* A constant expression of that type, as a slot. */
bool sfpm_wasm_constant(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                        uint8_t type, uint64_t *value);

/* The immediate operand of a constant instruction, as a slot. */
bool sfpm_wasm_literal(sfpm_wasm_reader_t *reader, uint8_t type, uint64_t *value);

/* ---- code.c ----------------------------------------------------------------- */

/* Validates and translates the code of all functions. */
bool sfpm_wasm_take_code(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader);

/* ---- names.c ---------------------------------------------------------------- */

/* Reads the names of functions and globals, for messages and symbols. What is malformed in the
 * section ends it, as the specification demands. */
bool sfpm_wasm_take_names(sfpm_wasm_module_t *module);

/* Reads the names of locals one after the other, once the code is taken. What is malformed
 * or out of order ends that. */
typedef struct sfpm_wasm_local_reader {
    sfpm_wasm_reader_t reader;
    const sfpm_program_t *program;
    uint32_t functions; /* still to come */
    uint32_t left;      /* locals of this one */
    uint32_t next;      /* the lowest that may come */
    bool any;
    uint32_t function; /* the local that was read last */
    uint32_t local;
    sfpm_wasm_name_t name;
} sfpm_wasm_local_reader_t;

bool sfpm_wasm_begin_locals(const sfpm_wasm_module_t *module,
                            sfpm_wasm_local_reader_t *locals);
bool sfpm_wasm_next_local(sfpm_wasm_local_reader_t *locals);

/* ---- symbols.c -------------------------------------------------------------- */

/* Reads the lines of source that code came from. What is malformed ends them. */
bool sfpm_wasm_take_lines(sfpm_wasm_module_t *module);

/* The instruction at that offset in the file becomes the code that is added next: so do
 * the lines up to there. To be called at module->next_line and after it. */
void sfpm_wasm_map_lines(sfpm_wasm_module_t *module, uint64_t offset);

/* Makes region `symbols`: a name for each function, from the name section or else from
 * its import or export; names of globals and locals that have one; lines. */
bool sfpm_wasm_make_symbols(sfpm_wasm_module_t *module);

#endif
