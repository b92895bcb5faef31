/* SPDX-License-Identifier: MIT */
/*
 * Takes the `functions` region of bytecode versions 2 and 3 apart: types, imports,
 * functions, globals, exports and data segments, and in version 3 tables and element
 * segments, one after the other without gaps. tables_encode.c has the other direction.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "bytecode/instruction.h"
#include "bytecode/program.h"

/* Where the next bytes are taken from. After a failure, which is recorded, nothing is
 * left. */
typedef struct sfpm_cursor {
    const uint8_t *at;
    size_t left;
    bool references; /* types of references may come */
} sfpm_cursor_t;

static const uint8_t *take_bytes(sfpm_cursor_t *cursor, size_t size)
{
    const uint8_t *from = cursor->at;
    if (size > cursor->left) {
        sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' is truncated");
        return NULL;
    }
    cursor->at += size;
    cursor->left -= size;
    return from;
}

/* Makes room for a table whose entries take at least `least` bytes each, so that a count
 * which cannot be true costs no memory. */
static void *new_table(const sfpm_cursor_t *cursor, const char *what, uint32_t count,
                       size_t least, size_t size)
{
    if (count > cursor->left / least) {
        sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' is truncated");
        return NULL;
    }
    if (count > SFPM_MAX_ENTRIES) {
        sfpm_fail(SFPM_ERR_LIMIT, "functions: %u %s exceed the limit of %u", count, what,
                  SFPM_MAX_ENTRIES);
        return NULL;
    }
    return sfpm_new_array(count, size);
}

static bool is_type(const sfpm_cursor_t *cursor, uint8_t type)
{
    return sfpm_type_name(type) && (cursor->references || !sfpm_is_reference(type));
}

static const uint8_t *take_types(sfpm_cursor_t *cursor, size_t count, const char *table,
                                 uint32_t index)
{
    const uint8_t *types = take_bytes(cursor, count);
    for (size_t i = 0; types && i < count; i++)
        if (!is_type(cursor, types[i])) {
            sfpm_fail(SFPM_ERR_CORRUPT, "%s[%u]: 0x%02X is not a type", table, index,
                      types[i]);
            return NULL;
        }
    return types;
}

/* u16 length, the bytes, a zero byte. Nothing in it must hurt a terminal. */
static const char *take_name(sfpm_cursor_t *cursor, const char *table, uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 2);
    uint32_t length = from ? sfpm_get_u16(from) : 0;
    const uint8_t *name = from ? take_bytes(cursor, (size_t)length + 1) : NULL;
    bool ok = name && length <= SFPM_MAX_EXPORT_NAME && name[length] == 0;
    for (uint32_t i = 0; ok && i < length; i++)
        ok = name[i] >= ' ' && name[i] != 0x7F;
    if (name && !ok)
        sfpm_fail(SFPM_ERR_CORRUPT, "%s[%u]: invalid name", table, index);
    return ok ? (const char *)name : NULL;
}

/* ---- Decoding --------------------------------------------------------------- */

static bool decode_type(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 4);
    if (!from)
        return false;
    sfpm_function_type_t *type = &program->types[index];
    type->params = sfpm_get_u16(from);
    type->results = sfpm_get_u16(from + 2);
    if (type->params > SFPM_MAX_VALUES || type->results > SFPM_MAX_VALUES)
        return sfpm_fail(SFPM_ERR_LIMIT, "types[%u]: more than %u values", index,
                         SFPM_MAX_VALUES);
    type->types =
        take_types(cursor, (size_t)type->params + type->results, "types", index);
    return type->types != NULL;
}

static int compare_kinds(const void *left, const void *right)
{
    const sfpm_function_type_t *a = *(const sfpm_function_type_t *const *)left;
    const sfpm_function_type_t *b = *(const sfpm_function_type_t *const *)right;
    if (a->params != b->params)
        return a->params < b->params ? -1 : 1;
    if (a->results != b->results)
        return a->results < b->results ? -1 : 1;
    return memcmp(a->types, b->types, (size_t)a->params + a->results);
}

static int compare_types(const void *left, const void *right)
{
    const sfpm_function_type_t *a = *(const sfpm_function_type_t *const *)left;
    const sfpm_function_type_t *b = *(const sfpm_function_type_t *const *)right;
    int order = compare_kinds(left, right);
    return order != 0 ? order : (a > b) - (a < b);
}

/* Of equal types, the first one: comparing them later takes no time. */
static bool find_first_types(sfpm_program_t *program)
{
    uint32_t count = program->num_types;
    sfpm_function_type_t **types = SFPM_NEW_N(sfpm_function_type_t *, count);
    program->sorted_types = types;
    if (!types)
        return false;
    for (uint32_t i = 0; i < count; i++)
        types[i] = &program->types[i];
    qsort(types, count, sizeof(sfpm_function_type_t *), compare_types);
    for (uint32_t i = 0; i < count; i++)
        types[i]->like = i > 0 && sfpm_same_type(types[i - 1], types[i])
                             ? types[i - 1]->like
                             : (uint32_t)(types[i] - program->types);
    return true;
}

const sfpm_function_type_t *sfpm_type_like(const sfpm_program_t *program,
                                           const sfpm_function_type_t *type)
{
    sfpm_function_type_t *const *found =
        program->num_types > 0
            ? bsearch(&type, program->sorted_types, program->num_types, sizeof *found,
                      compare_kinds)
            : NULL;
    return found ? &program->types[(*found)->like] : NULL;
}

static bool set_type(sfpm_program_t *program, uint32_t index, uint32_t number)
{
    sfpm_function_t *function = &program->functions[index];
    if (number >= program->num_types)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions[%u]: there is no type %u", index,
                         number);
    const sfpm_function_type_t *type = &program->types[number];
    function->type = number;
    function->params = type->params;
    function->results = type->results;
    function->param_types = type->types;
    function->result_types = type->types + type->params;
    return true;
}

static bool decode_import(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 4);
    sfpm_function_t *function = &program->functions[index];
    if (!from || !set_type(program, index, sfpm_get_u32(from)))
        return false;
    function->module = take_name(cursor, "imports", index);
    function->field = function->module ? take_name(cursor, "imports", index) : NULL;
    return function->field != NULL;
}

static bool decode_function(sfpm_cursor_t *cursor, sfpm_program_t *program,
                            uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 10);
    sfpm_function_t *function = &program->functions[index];
    if (!from || !set_type(program, index, sfpm_get_u32(from + 4)))
        return false;
    function->locals = sfpm_get_u16(from + 8);
    function->local_types = take_types(cursor, function->locals, "functions", index);
    return function->local_types &&
           sfpm_function_place(program, index, sfpm_get_u32(from));
}

static bool decode_global(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    const uint8_t *type = take_types(cursor, 1, "globals", index);
    const uint8_t *mutability = type ? take_bytes(cursor, 1) : NULL;
    if (!mutability)
        return false;
    if (*mutability > 1)
        return sfpm_fail(SFPM_ERR_CORRUPT, "globals[%u]: mutable is %u, not 0 or 1",
                         index, *mutability);
    program->globals[index] = (sfpm_global_t){*type, *mutability == 1};
    return true;
}

static uint32_t num_exportable(const sfpm_program_t *program, uint8_t kind)
{
    switch (kind) {
    case SFPM_EXPORT_FUNCTION:
        return program->num_functions;
    case SFPM_EXPORT_TABLE:
        return program->version < 3 ? 1 : program->num_tables;
    case SFPM_EXPORT_MEMORY:
        return program->max_pages != SFPM_NO_MEMORY;
    case SFPM_EXPORT_GLOBAL:
        return program->num_globals;
    }
    return 0;
}

static bool decode_export(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 5);
    if (!from)
        return false;
    uint32_t number = sfpm_get_u32(from + 1);
    if (number >= num_exportable(program, from[0]))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "exports[%u]: item %u of kind %u does not exist", index, number,
                         from[0]);
    const char *name = take_name(cursor, "exports", index);
    program->exports[index] = (sfpm_export_t){(sfpm_export_kind_t)from[0], number, name};
    return name != NULL;
}

static int compare_exports(const void *left, const void *right)
{
    const sfpm_export_t *const *a = left;
    const sfpm_export_t *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* No two exports have one name. */
static bool sort_exports(sfpm_program_t *program)
{
    uint32_t count = program->num_exports;
    const sfpm_export_t **sorted = SFPM_NEW_N(const sfpm_export_t *, count);
    program->exports_by_name = sorted;
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &program->exports[i];
    qsort(sorted, count, sizeof *sorted, compare_exports);
    for (uint32_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return sfpm_fail(SFPM_ERR_CORRUPT, "exports: two exports are named '%.100s'",
                             sorted[i]->name);
    return true;
}

static bool decode_segment(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    const uint8_t *from = take_bytes(cursor, 9);
    if (!from)
        return false;
    sfpm_segment_t segment = {.is_active = from[0] == 1,
                              .address = sfpm_get_u32(from + 1),
                              .size = sfpm_get_u32(from + 5)};
    bool is_initial = segment.is_active && program->version >= 3;
    if (!is_initial && !(segment.bytes = take_bytes(cursor, segment.size)))
        return false;
    if (from[0] > 1 || (from[0] == 0 && segment.address != 0))
        return sfpm_fail(SFPM_ERR_CORRUPT, "segments[%u]: invalid kind or address",
                         index);
    if (segment.is_active &&
        (program->max_pages == SFPM_NO_MEMORY ||
         !sfpm_in_range(segment.address, segment.size,
                        (uint64_t)program->min_pages * SFPM_PAGE_SIZE)))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "segments[%u]: %u bytes at %u are outside the initial memory",
                         index, segment.size, segment.address);
    if (is_initial && segment.size > 0) {
        if (!sfpm_in_range(segment.address, segment.size, program->initial_size))
            return sfpm_fail(SFPM_ERR_CORRUPT,
                             "segments[%u]: %u bytes at %u are outside region 'initial'",
                             index, segment.size, segment.address);
        segment.bytes = program->initial + segment.address;
    }
    program->segments[index] = segment;
    return true;
}

/* ---- Tables and their segments, of version 3 --------------------------------- */

/* The type of a reference. */
static bool take_reference_type(sfpm_cursor_t *cursor, const char *table, uint32_t index,
                                uint8_t *type)
{
    const uint8_t *from = take_bytes(cursor, 1);
    if (!from)
        return false;
    *type = *from;
    return sfpm_is_reference(*type) ||
           sfpm_fail(SFPM_ERR_CORRUPT, "%s[%u]: 0x%02X is not a type of references",
                     table, index, *type);
}

static bool decode_table(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t index)
{
    sfpm_table_t *table = &program->tables[index];
    const uint8_t *from;
    if (!take_reference_type(cursor, "tables", index, &table->type) ||
        !(from = take_bytes(cursor, 8)))
        return false;
    table->least = sfpm_get_u32(from);
    table->most = sfpm_get_u32(from + 4);
    if (table->least > table->most)
        return sfpm_fail(SFPM_ERR_CORRUPT, "tables[%u]: invalid size (%u to %u elements)",
                         index, table->least, table->most);
    /* num_elements counts those of all tables so far. */
    if (table->least > SFPM_MAX_ELEMENTS - program->num_elements)
        return sfpm_fail(SFPM_ERR_LIMIT, "tables: more than %u elements",
                         SFPM_MAX_ELEMENTS);
    program->num_elements += table->least;
    return true;
}

static bool check_reference(const sfpm_program_t *program, uint32_t index, uint64_t value)
{
    return value < program->num_functions || value == SFPM_NULL_REFERENCE ||
           sfpm_fail(SFPM_ERR_CORRUPT, "elements[%u]: there is no function %llu", index,
                     (unsigned long long)value);
}

/* Where an active segment goes. */
static bool check_place(const sfpm_program_t *program, uint32_t index,
                        const sfpm_element_segment_t *segment)
{
    if (!segment->is_active)
        return (segment->table == 0 && segment->first == 0) ||
               sfpm_fail(SFPM_ERR_CORRUPT, "elements[%u]: invalid table or element",
                         index);
    if (segment->table >= program->num_tables)
        return sfpm_fail(SFPM_ERR_CORRUPT, "elements[%u]: there is no table %u", index,
                         segment->table);
    const sfpm_table_t *table = &program->tables[segment->table];
    if (table->type != segment->type)
        return sfpm_fail(SFPM_ERR_CORRUPT, "elements[%u]: table %u has another type",
                         index, segment->table);
    return sfpm_in_range(segment->first, segment->size, table->least) ||
           sfpm_fail(SFPM_ERR_CORRUPT,
                     "elements[%u]: %u elements at %u are outside the initial table",
                     index, segment->size, segment->first);
}

static bool decode_element_segment(sfpm_cursor_t *cursor, sfpm_program_t *program,
                                   uint32_t index)
{
    sfpm_element_segment_t *segment = &program->element_segments[index];
    const uint8_t *kind = take_bytes(cursor, 1);
    const uint8_t *from;
    if (!kind || !take_reference_type(cursor, "elements", index, &segment->type) ||
        !(from = take_bytes(cursor, 12)))
        return false;
    if (*kind > 1)
        return sfpm_fail(SFPM_ERR_CORRUPT, "elements[%u]: invalid kind %u", index, *kind);
    segment->is_active = *kind == 1;
    segment->table = sfpm_get_u32(from);
    segment->first = sfpm_get_u32(from + 4);
    segment->size = sfpm_get_u32(from + 8);
    if (segment->size > cursor->left / SFPM_SLOT_SIZE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' is truncated");
    segment->values = take_bytes(cursor, (size_t)segment->size * SFPM_SLOT_SIZE);
    for (uint32_t i = 0; segment->type == SFPM_TYPE_FUNCREF && i < segment->size; i++)
        if (!check_reference(program, index,
                             sfpm_get_u64(segment->values + (size_t)i * SFPM_SLOT_SIZE)))
            return false;
    return check_place(program, index, segment);
}

/* ---- The whole -------------------------------------------------------------- */

typedef bool (*sfpm_entry_decoder_t)(sfpm_cursor_t *, sfpm_program_t *, uint32_t);

static bool decode_entries(sfpm_cursor_t *cursor, sfpm_program_t *program, uint32_t from,
                           uint32_t to, sfpm_entry_decoder_t decode)
{
    for (uint32_t i = from; i < to; i++)
        if (!decode(cursor, program, i))
            return false;
    return true;
}

static bool compare_pages(const sfpm_program_t *program)
{
    if (program->max_pages == SFPM_NO_MEMORY)
        return program->min_pages == 0;
    return program->min_pages <= program->max_pages &&
           program->max_pages <= SFPM_MAX_PAGES;
}

static bool decode_header(sfpm_program_t *program, const uint8_t *from)
{
    program->num_types = sfpm_get_u32(from + 4);
    program->num_imports = sfpm_get_u32(from + 8);
    program->num_functions = sfpm_get_u32(from + 12);
    program->start = sfpm_get_u32(from + 16);
    program->min_pages = sfpm_get_u32(from + 28);
    program->max_pages = sfpm_get_u32(from + 32);
    program->num_exports = sfpm_get_u32(from + 36);
    program->num_segments = sfpm_get_u32(from + 40);
    if (program->version < 3) {
        program->num_elements = sfpm_get_u32(from + 24);
    } else {
        program->num_tables = sfpm_get_u32(from + 24);
        program->num_element_segments = sfpm_get_u32(from + 44);
    }
    if ((program->version < 3 && sfpm_get_u32(from + 44) != 0) ||
        sfpm_get_u64(from + 48) != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions: reserved bytes are not zero");
    if (sfpm_get_u32(from + 20) != program->num_globals)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "functions: %u globals, but region 'globals' has %u",
                         sfpm_get_u32(from + 20), program->num_globals);
    if (program->num_imports > program->num_functions)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "functions: %u imports, but only %u functions in all",
                         program->num_imports, program->num_functions);
    if (program->start < program->num_imports || program->start >= program->num_functions)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions: there is no start function %u",
                         program->start);
    if (program->num_elements > SFPM_MAX_ELEMENTS)
        return sfpm_fail(SFPM_ERR_LIMIT, "functions: a table of more than %u elements",
                         SFPM_MAX_ELEMENTS);
    if (program->num_tables > SFPM_MAX_TABLES)
        return sfpm_fail(SFPM_ERR_LIMIT, "functions: more than %u tables",
                         SFPM_MAX_TABLES);
    if (!compare_pages(program))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "functions: invalid memory size (%u to %u pages)",
                         program->min_pages, program->max_pages);
    return true;
}

/* Room for all tables, whose entries have at least so many bytes. */
static bool make_tables(sfpm_program_t *program, const sfpm_cursor_t *cursor)
{
    program->types =
        new_table(cursor, "types", program->num_types, 4, sizeof *program->types);
    program->functions = program->types
                             ? new_table(cursor, "functions", program->num_functions, 10,
                                         sizeof *program->functions)
                             : NULL;
    program->globals = program->functions
                           ? new_table(cursor, "globals", program->num_globals, 2,
                                       sizeof *program->globals)
                           : NULL;
    program->exports = program->globals
                           ? new_table(cursor, "exports", program->num_exports, 8,
                                       sizeof *program->exports)
                           : NULL;
    program->segments = program->exports
                            ? new_table(cursor, "data segments", program->num_segments,
                                        9, sizeof *program->segments)
                            : NULL;
    program->tables = program->segments
                          ? new_table(cursor, "tables", program->num_tables, 9,
                                      sizeof *program->tables)
                          : NULL;
    program->element_segments =
        program->tables
            ? new_table(cursor, "element segments", program->num_element_segments, 14,
                        sizeof *program->element_segments)
            : NULL;
    return program->element_segments != NULL;
}

bool sfpm_tables_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size)
{
    sfpm_cursor_t cursor = {bytes, size, program->version >= 3};
    const uint8_t *header = take_bytes(&cursor, SFPM_FUNCTIONS_HEADER);
    if (!header || !decode_header(program, header) || !make_tables(program, &cursor) ||
        !decode_entries(&cursor, program, 0, program->num_types, decode_type) ||
        !find_first_types(program) ||
        !decode_entries(&cursor, program, 0, program->num_imports, decode_import) ||
        !decode_entries(&cursor, program, program->num_imports, program->num_functions,
                        decode_function) ||
        !decode_entries(&cursor, program, 0, program->num_globals, decode_global) ||
        !decode_entries(&cursor, program, 0, program->num_exports, decode_export) ||
        !sort_exports(program) ||
        !decode_entries(&cursor, program, 0, program->num_segments, decode_segment) ||
        !decode_entries(&cursor, program, 0, program->num_tables, decode_table) ||
        !decode_entries(&cursor, program, 0, program->num_element_segments,
                        decode_element_segment))
        return false;
    return cursor.left == 0 ||
           sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' has %zu bytes too many",
                     cursor.left);
}
