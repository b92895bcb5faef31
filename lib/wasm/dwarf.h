/* SPDX-License-Identifier: MIT */
/*
 * Reads line tables of DWARF, versions 2 to 5, from the custom sections of a module.
 * These come from strangers: nothing in them is an error, and where they make no sense,
 * reading ends with what was read before.
 */
#ifndef SFPM_WASM_DWARF_H
#define SFPM_WASM_DWARF_H

#include "base/memory.h"
#include "wasm/reader.h"

/* From the address up to the next row's, code came from that line. */
typedef struct sfpm_dwarf_row {
    uint32_t address; /* in the code section */
    uint32_t order;   /* of equal addresses: the later one counts */
    uint32_t file;    /* its number */
    uint32_t line;    /* 0: the end of a sequence of rows, from none */
} sfpm_dwarf_row_t;

typedef struct sfpm_dwarf_lines {
    sfpm_dwarf_row_t *rows; /* by address */
    size_t num_rows;
    size_t row_capacity;
    char **files; /* paths: without the directory of the compilation, if relative to it */
    size_t num_files;
    size_t file_capacity;
} sfpm_dwarf_lines_t;

/* The sections: `at` is NULL where there is none. */
typedef struct sfpm_dwarf_sections {
    sfpm_wasm_reader_t lines;        /* .debug_line */
    sfpm_wasm_reader_t line_strings; /* .debug_line_str */
    sfpm_wasm_reader_t strings;      /* .debug_str */
} sfpm_dwarf_sections_t;

/* Reads what is there, for code of that many bytes: to be released by
 * sfpm_dwarf_free(). False, with the error set, only when memory ran out. */
bool sfpm_dwarf_read(const sfpm_dwarf_sections_t *sections, uint32_t code_size,
                     sfpm_dwarf_lines_t *lines);
void sfpm_dwarf_free(sfpm_dwarf_lines_t *lines);

#endif
