/* SPDX-License-Identifier: MIT */
/* One unit of a line table while it is read: dwarf_header.c takes its header, dwarf.c
 * runs its line program. */
#ifndef SFPM_WASM_DWARF_UNIT_H
#define SFPM_WASM_DWARF_UNIT_H

#include "base/name_map.h"
#include "bytecode/regions.h"
#include "wasm/dwarf.h"

enum { SFPM_DWARF_TEXT = SFPM_MAX_EXPORT_NAME + 1 /* bytes of a path, with the zero */ };

/* What is left of a section or unit. Behind its end there are zeros. */
typedef struct sfpm_dwarf_bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool bad; /* more was taken than there is, or what cannot be understood */
} sfpm_dwarf_bytes_t;

/* Each takes what comes next. */
const uint8_t *sfpm_dwarf_take(sfpm_dwarf_bytes_t *from, uint64_t size);
uint64_t sfpm_dwarf_fixed(sfpm_dwarf_bytes_t *from, unsigned size);
uint64_t sfpm_dwarf_unsigned(sfpm_dwarf_bytes_t *from);
uint64_t sfpm_dwarf_signed(sfpm_dwarf_bytes_t *from);

/* A directory or file of the unit. */
typedef struct sfpm_dwarf_entry {
    const char *name; /* NULL: not known */
    uint64_t directory;
    uint32_t number;  /* of the file, among all … */
    bool is_numbered; /* … once it is known */
} sfpm_dwarf_entry_t;

typedef struct sfpm_dwarf_entries {
    sfpm_dwarf_entry_t *list;
    size_t count;
    size_t capacity;
} sfpm_dwarf_entries_t;

typedef struct sfpm_dwarf_unit {
    const sfpm_dwarf_sections_t *sections;
    uint32_t code_size;
    sfpm_dwarf_lines_t *lines;
    sfpm_name_map_t paths; /* of lines->files */
    bool no_memory;
    sfpm_dwarf_bytes_t bytes;
    unsigned version;
    unsigned offset_size;
    sfpm_dwarf_entries_t directories;
    sfpm_dwarf_entries_t files;
    unsigned min_length; /* of instructions */
    int line_base;
    unsigned line_range;
    unsigned opcode_base;
    const uint8_t *operands; /* how many each standard opcode has */
    /* The machine of the line program. */
    uint64_t address;
    uint64_t file;
    uint32_t line;
    bool has_begun;  /* the sequence: it has a row */
    uint64_t start;  /* … at that address first */
    size_t sequence; /* where in the rows it began */
} sfpm_dwarf_unit_t;

/* The bytes of the next unit; whether there is one. */
bool sfpm_dwarf_begin_unit(sfpm_dwarf_unit_t *unit, sfpm_dwarf_bytes_t *section);

/* Takes what comes before the line program, and leaves that in unit->bytes. Whether it
 * can be read. */
bool sfpm_dwarf_take_header(sfpm_dwarf_unit_t *unit);

#endif
