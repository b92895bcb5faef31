/* SPDX-License-Identifier: MIT */
/*
 * Line tables of DWARF: section 6.2 of the standard, and 7.22 for the numbers. Time and
 * memory are in proportion to the sections, whatever they say: each path is made once per
 * unit, and there are no more rows than code can have.
 */
#include "wasm/dwarf_unit.h"

#include <stdlib.h>
#include <string.h>

#define NO_FILE UINT32_MAX

/* ---- Files ------------------------------------------------------------------- */

/* Without `./` in front. */
static const char *plain(const char *path)
{
    while (path[0] == '.' && path[1] == '/')
        path += 1 + strspn(path + 1, "/");
    return path;
}

/* The path of a file, in a buffer of SFPM_DWARF_TEXT bytes. False when it is too
 * long or not known. Directory 0 is that of the compilation. */
static bool make_path(const sfpm_dwarf_unit_t *unit, const sfpm_dwarf_entry_t *file,
                      char *path)
{
    const char *name = file->name ? plain(file->name) : "";
    const char *directory = "";
    if (name[0] != '/' && file->directory > 0) {
        if (file->directory >= unit->directories.count ||
            !unit->directories.list[file->directory].name)
            return false;
        directory = plain(unit->directories.list[file->directory].name);
    }
    size_t used = strlen(directory), length = strlen(name);
    if (used == 1 && directory[0] == '.')
        used = 0;
    if (length == 0 || name[length - 1] == '/' ||
        used + 1 + length > SFPM_MAX_EXPORT_NAME)
        return false;
    memcpy(path, directory, used);
    if (used > 0 && path[used - 1] != '/')
        path[used++] = '/';
    memcpy(path + used, name, length + 1);
    for (char *at = path; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '_';
    return true;
}

/* The number of the path among all files. */
static uint32_t number_path(sfpm_dwarf_unit_t *unit, const char *path)
{
    sfpm_dwarf_lines_t *lines = unit->lines;
    size_t number;
    if (sfpm_name_map_find(&unit->paths, path, 0, &number))
        return (uint32_t)number;
    void *files = lines->files;
    char *copy = sfpm_copy_string(path);
    if (!copy ||
        !sfpm_grow_array(&files, &lines->file_capacity, lines->num_files + 1,
                         sizeof *lines->files) ||
        !sfpm_name_map_add(&unit->paths, path, lines->num_files, NULL)) {
        unit->no_memory = unit->bytes.bad = true;
        lines->files = files;
        free(copy);
        return NO_FILE;
    }
    lines->files = files;
    lines->files[lines->num_files] = copy;
    return (uint32_t)lines->num_files++;
}

static uint32_t file_number(sfpm_dwarf_unit_t *unit)
{
    char path[SFPM_DWARF_TEXT];
    if (unit->file >= unit->files.count)
        return NO_FILE;
    sfpm_dwarf_entry_t *file = &unit->files.list[unit->file];
    if (!file->is_numbered) {
        file->number = make_path(unit, file, path) ? number_path(unit, path) : NO_FILE;
        file->is_numbered = true;
    }
    return file->number;
}

/* ---- Rows -------------------------------------------------------------------- */

static void begin_sequence(sfpm_dwarf_unit_t *unit)
{
    unit->address = 0;
    unit->file = 1;
    unit->line = 1;
    unit->has_begun = false;
    unit->sequence = unit->lines->num_rows;
}

static void append_row(sfpm_dwarf_unit_t *unit, uint32_t file, uint32_t line)
{
    sfpm_dwarf_lines_t *lines = unit->lines;
    void *rows = lines->rows;
    if (lines->num_rows >= 2 * (size_t)unit->code_size) {
        unit->bytes.bad = true; /* more than one for each byte of code, and the ends */
        return;
    }
    if (!sfpm_grow_array(&rows, &lines->row_capacity, lines->num_rows + 1,
                         sizeof *lines->rows)) {
        unit->no_memory = unit->bytes.bad = true;
        return;
    }
    lines->rows = rows;
    lines->rows[lines->num_rows] = (sfpm_dwarf_row_t){
        (uint32_t)unit->address, (uint32_t)lines->num_rows, file, line};
    lines->num_rows++;
}

/* Code that is from no line of its own is shown as from the line before. */
static void add_row(sfpm_dwarf_unit_t *unit)
{
    sfpm_dwarf_lines_t *lines = unit->lines;
    if (!unit->has_begun)
        unit->start = unit->address;
    unit->has_begun = true;
    if (unit->line == 0 || unit->address >= unit->code_size)
        return;
    uint32_t file = file_number(unit);
    sfpm_dwarf_row_t *last =
        lines->num_rows > unit->sequence ? &lines->rows[lines->num_rows - 1] : NULL;
    if (file == NO_FILE || (last && last->file == file && last->line == unit->line))
        return;
    if (last && last->address == unit->address) {
        last->file = file;
        last->line = unit->line;
        return;
    }
    append_row(unit, file, unit->line);
}

/* What the linker has removed is at 0, where no code can be, or beyond it. */
static void end_sequence(sfpm_dwarf_unit_t *unit)
{
    sfpm_dwarf_lines_t *lines = unit->lines;
    size_t first = unit->sequence;
    if (unit->start == 0 || unit->address > unit->code_size)
        lines->num_rows = first;
    else if (lines->num_rows > first)
        append_row(unit, 0, 0);
    begin_sequence(unit);
}

static void extended(sfpm_dwarf_unit_t *unit)
{
    enum { END_SEQUENCE = 1, SET_ADDRESS = 2 };
    uint64_t size = sfpm_dwarf_unsigned(&unit->bytes);
    const uint8_t *at = sfpm_dwarf_take(&unit->bytes, size);
    if (!at)
        return;
    sfpm_dwarf_bytes_t operand = {at, at + size, false};
    switch (sfpm_dwarf_fixed(&operand, 1)) {
    case END_SEQUENCE:
        end_sequence(unit);
        break;
    case SET_ADDRESS:
        if (size == 5 || size == 9)
            unit->address = sfpm_dwarf_fixed(&operand, (unsigned)size - 1);
        break;
    default:
        break;
    }
}

static void advance(sfpm_dwarf_unit_t *unit, uint64_t operations)
{
    unit->address += operations * unit->min_length;
}

static void special(sfpm_dwarf_unit_t *unit, unsigned opcode)
{
    unsigned number = opcode - unit->opcode_base;
    advance(unit, number / unit->line_range);
    unit->line += (uint32_t)(unit->line_base + (int)(number % unit->line_range));
    add_row(unit);
}

static void standard(sfpm_dwarf_unit_t *unit, unsigned opcode)
{
    enum {
        COPY = 1,
        ADVANCE_PC,
        ADVANCE_LINE,
        SET_FILE,
        CONST_ADD_PC = 8,
        FIXED_ADVANCE_PC = 9
    };
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    switch (opcode) {
    case COPY:
        add_row(unit);
        break;
    case ADVANCE_PC:
        advance(unit, sfpm_dwarf_unsigned(bytes));
        break;
    case ADVANCE_LINE:
        unit->line += (uint32_t)sfpm_dwarf_signed(bytes);
        break;
    case SET_FILE:
        unit->file = sfpm_dwarf_unsigned(bytes);
        break;
    case CONST_ADD_PC:
        advance(unit, (UINT8_MAX - unit->opcode_base) / unit->line_range);
        break;
    case FIXED_ADVANCE_PC:
        unit->address += sfpm_dwarf_fixed(bytes, 2);
        break;
    default:
        for (unsigned i = 0; i < unit->operands[opcode - 1]; i++)
            sfpm_dwarf_unsigned(bytes);
    }
}

/* A sequence without an end is dropped. */
static void run_program(sfpm_dwarf_unit_t *unit)
{
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    begin_sequence(unit);
    while (!bytes->bad && bytes->at < bytes->end) {
        unsigned opcode = (unsigned)sfpm_dwarf_fixed(bytes, 1);
        if (opcode >= unit->opcode_base)
            special(unit, opcode);
        else if (opcode > 0)
            standard(unit, opcode);
        else
            extended(unit);
    }
    unit->lines->num_rows = unit->sequence;
}

/* ---- All of it --------------------------------------------------------------- */

/* The end of one sequence comes before the beginning of another. */
static int compare_rows(const void *left, const void *right)
{
    const sfpm_dwarf_row_t *a = left;
    const sfpm_dwarf_row_t *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if ((a->line == 0) != (b->line == 0))
        return a->line == 0 ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

bool sfpm_dwarf_read(const sfpm_dwarf_sections_t *sections, uint32_t code_size,
                     sfpm_dwarf_lines_t *lines)
{
    sfpm_dwarf_bytes_t section = {sections->lines.at, sections->lines.end, false};
    sfpm_dwarf_unit_t unit = {
        .sections = sections, .code_size = code_size, .lines = lines};
    while (section.at < section.end && !unit.no_memory &&
           sfpm_dwarf_begin_unit(&unit, &section))
        if (sfpm_dwarf_take_header(&unit))
            run_program(&unit);
    if (lines->num_rows > 0)
        qsort(lines->rows, lines->num_rows, sizeof *lines->rows, compare_rows);
    sfpm_name_map_free(&unit.paths);
    free(unit.directories.list);
    free(unit.files.list);
    return !unit.no_memory;
}

void sfpm_dwarf_free(sfpm_dwarf_lines_t *lines)
{
    for (size_t i = 0; i < lines->num_files; i++)
        free(lines->files[i]);
    free(lines->files);
    free(lines->rows);
    *lines = (sfpm_dwarf_lines_t){0};
}
