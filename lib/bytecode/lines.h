/* SPDX-License-Identifier: MIT */
/*
 * Lines of source in region `symbols`: which file and line an instruction came from, and
 * which instructions came from a line. Version 1 has fixed rows of one file, version 2
 * delta-coded rows of several; sfpm-bytecode(5) has the layouts. The bytes are borrowed.
 */
#ifndef SFPM_BYTECODE_LINES_H
#define SFPM_BYTECODE_LINES_H

#include "base/error.h"
#include "base/memory.h"

/* From the offset up to the next row's, code came from that line. */
typedef struct sfpm_row {
    uint32_t offset; /* in the code */
    uint32_t file;   /* its number */
    uint32_t line;   /* from 1; 0: from none */
} sfpm_row_t;

typedef struct sfpm_lines {
    uint32_t version;     /* of the region */
    const uint8_t *index; /* version 2: of the blocks of rows */
    uint32_t num_blocks;  /* version 1: number of rows */
    const uint8_t *rows;
    uint32_t rows_size;   /* bytes, of version 2 */
    const uint8_t *files; /* version 2: offsets among the names */
    uint32_t num_files;
    const char *names;
    const char *file; /* of version 1, NULL: not recorded */
} sfpm_lines_t;

/* Reads rows one after the other, from the beginning of a block on. */
typedef struct sfpm_row_reader {
    const sfpm_lines_t *lines;
    uint32_t block; /* the next one to begin */
    uint32_t at;    /* bytes of rows that were taken */
    uint32_t end;   /* of the block */
    uint32_t taken; /* rows of it */
    sfpm_row_t row; /* the last one */
    bool malformed; /* bytes are no row */
} sfpm_row_reader_t;

/* Takes the next row. False at the end, and when it is malformed. */
bool sfpm_row_next(sfpm_row_reader_t *reader);

/* Checks everything that the functions below rely on. */
bool sfpm_lines_check(const sfpm_lines_t *lines, uint32_t code_size);

/* The row that an instruction belongs to. False when it came from no line. */
bool sfpm_row_at(const sfpm_lines_t *lines, uint64_t offset, sfpm_row_t *row);

/* The name of a row's file, with directories if they are known. NULL: not recorded. */
const char *sfpm_row_file(const sfpm_lines_t *lines, const sfpm_row_t *row);

/* The same without directories. */
const char *sfpm_row_base(const sfpm_lines_t *lines, const sfpm_row_t *row);

/* A place `@FILE:LINE`: `length` bytes name a file, or the last parts of its path. */
typedef struct sfpm_line_place {
    const char *file;
    size_t length;
    uint32_t line;
} sfpm_line_place_t;

/* Takes the next row of that line. `nearest`, which begins as UINT32_MAX, receives the
 * lowest line after it that has code, once it has returned false. */
bool sfpm_row_find(sfpm_row_reader_t *reader, const sfpm_line_place_t *source,
                   uint32_t *nearest);

/* Appends index and rows of version 2; the rows ascend by offset. */
bool sfpm_rows_encode(sfpm_buffer_t *index, sfpm_buffer_t *bytes, const sfpm_row_t *rows,
                      size_t count);

#endif
