/* SPDX-License-Identifier: MIT */
/*
 * The `functions` region of bytecode version 2 to and from its bytes: types, imports,
 * functions, globals, exports and data segments, one after the other without gaps.
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

static const uint8_t *take_types(sfpm_cursor_t *cursor, size_t count, const char *table,
                                 uint32_t index)
{
    const uint8_t *types = take_bytes(cursor, count);
    for (size_t i = 0; types && i < count; i++)
        if (!sfpm_type_name(types[i])) {
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
        return 1;
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
    segment.bytes = take_bytes(cursor, segment.size);
    if (!segment.bytes)
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
    program->segments[index] = segment;
    return true;
}

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
    program->num_elements = sfpm_get_u32(from + 24);
    program->min_pages = sfpm_get_u32(from + 28);
    program->max_pages = sfpm_get_u32(from + 32);
    program->num_exports = sfpm_get_u32(from + 36);
    program->num_segments = sfpm_get_u32(from + 40);
    if (sfpm_get_u32(from + 44) != 0 || sfpm_get_u64(from + 48) != 0)
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
    if (!compare_pages(program))
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "functions: invalid memory size (%u to %u pages)",
                         program->min_pages, program->max_pages);
    return true;
}

bool sfpm_tables_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size)
{
    sfpm_cursor_t cursor = {bytes, size};
    const uint8_t *header = take_bytes(&cursor, SFPM_FUNCTIONS_HEADER);
    if (!header || !decode_header(program, header))
        return false;
    program->types =
        new_table(&cursor, "types", program->num_types, 4, sizeof *program->types);
    program->functions = program->types
                             ? new_table(&cursor, "functions", program->num_functions, 10,
                                         sizeof *program->functions)
                             : NULL;
    program->globals = program->functions
                           ? new_table(&cursor, "globals", program->num_globals, 2,
                                       sizeof *program->globals)
                           : NULL;
    program->exports = program->globals
                           ? new_table(&cursor, "exports", program->num_exports, 8,
                                       sizeof *program->exports)
                           : NULL;
    program->segments = program->exports
                            ? new_table(&cursor, "data segments", program->num_segments,
                                        9, sizeof *program->segments)
                            : NULL;
    if (!program->segments ||
        !decode_entries(&cursor, program, 0, program->num_types, decode_type) ||
        !find_first_types(program) ||
        !decode_entries(&cursor, program, 0, program->num_imports, decode_import) ||
        !decode_entries(&cursor, program, program->num_imports, program->num_functions,
                        decode_function) ||
        !decode_entries(&cursor, program, 0, program->num_globals, decode_global) ||
        !decode_entries(&cursor, program, 0, program->num_exports, decode_export) ||
        !sort_exports(program) ||
        !decode_entries(&cursor, program, 0, program->num_segments, decode_segment))
        return false;
    return cursor.left == 0 ||
           sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' has %zu bytes too many",
                     cursor.left);
}

/* ---- Encoding --------------------------------------------------------------- */

static bool add_u16(sfpm_buffer_t *buffer, uint32_t value)
{
    uint8_t *to = sfpm_buffer_extend(buffer, 2);
    if (to)
        sfpm_put_u16(to, (uint16_t)value);
    return to != NULL;
}

static bool add_u8(sfpm_buffer_t *buffer, uint32_t value)
{
    const uint8_t byte = (uint8_t)value;
    return sfpm_buffer_add(buffer, &byte, 1);
}

static bool add_export_name(sfpm_buffer_t *buffer, const char *name)
{
    size_t length = strlen(name);
    if (length > SFPM_MAX_EXPORT_NAME)
        return sfpm_fail(SFPM_ERR_LIMIT, "a name of %zu bytes exceeds the limit of %u",
                         length, SFPM_MAX_EXPORT_NAME);
    return add_u16(buffer, (uint32_t)length) && sfpm_buffer_add(buffer, name, length + 1);
}

static bool add_function(sfpm_buffer_t *buffer, const sfpm_function_t *function)
{
    if (function->module)
        return sfpm_buffer_add_u32(buffer, function->type) &&
               add_export_name(buffer, function->module) &&
               add_export_name(buffer, function->field);
    return sfpm_buffer_add_u32(buffer, function->entry) &&
           sfpm_buffer_add_u32(buffer, function->type) &&
           add_u16(buffer, function->locals) &&
           sfpm_buffer_add(buffer, function->local_types, function->locals);
}

static bool add_header(sfpm_buffer_t *buffer, const sfpm_program_t *program)
{
    const uint32_t fields[] = {SFPM_BYTECODE_VERSION,
                               program->num_types,
                               program->num_imports,
                               program->num_functions,
                               program->start,
                               program->num_globals,
                               program->num_elements,
                               program->min_pages,
                               program->max_pages,
                               program->num_exports,
                               program->num_segments,
                               0,
                               0,
                               0};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (!sfpm_buffer_add_u32(buffer, fields[i]))
            return false;
    return true;
}

bool sfpm_tables_encode(sfpm_buffer_t *buffer, const sfpm_program_t *program)
{
    bool ok = add_header(buffer, program);
    for (uint32_t i = 0; ok && i < program->num_types; i++) {
        const sfpm_function_type_t *type = &program->types[i];
        ok = add_u16(buffer, type->params) && add_u16(buffer, type->results) &&
             sfpm_buffer_add(buffer, type->types, (size_t)type->params + type->results);
    }
    for (uint32_t i = 0; ok && i < program->num_functions; i++)
        ok = add_function(buffer, &program->functions[i]);
    for (uint32_t i = 0; ok && i < program->num_globals; i++)
        ok = add_u8(buffer, program->globals[i].type) &&
             add_u8(buffer, program->globals[i].is_mutable);
    for (uint32_t i = 0; ok && i < program->num_exports; i++)
        ok = add_u8(buffer, program->exports[i].kind) &&
             sfpm_buffer_add_u32(buffer, program->exports[i].index) &&
             add_export_name(buffer, program->exports[i].name);
    for (uint32_t i = 0; ok && i < program->num_segments; i++) {
        const sfpm_segment_t *segment = &program->segments[i];
        ok = add_u8(buffer, segment->is_active) &&
             sfpm_buffer_add_u32(buffer, segment->address) &&
             sfpm_buffer_add_u32(buffer, segment->size) &&
             sfpm_buffer_add(buffer, segment->bytes, segment->size);
    }
    return ok;
}

/* ---- Types, segments, exports ----------------------------------------------- */

bool sfpm_same_type(const sfpm_function_type_t *a, const sfpm_function_type_t *b)
{
    return a->params == b->params && a->results == b->results &&
           memcmp(a->types, b->types, (size_t)a->params + a->results) == 0;
}

void sfpm_segments_copy(const sfpm_program_t *program, uint8_t *memory)
{
    for (uint32_t i = 0; i < program->num_segments; i++) {
        const sfpm_segment_t *segment = &program->segments[i];
        if (segment->is_active && segment->size > 0)
            memcpy(memory + segment->address, segment->bytes, segment->size);
    }
}

const sfpm_export_t *sfpm_export_named(const sfpm_program_t *program,
                                       sfpm_export_kind_t kind, const char *name)
{
    uint32_t low = 0, high = program->exports_by_name ? program->num_exports : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const sfpm_export_t *export = program->exports_by_name[middle];
        int order = strcmp(export->name, name);
        if (order == 0)
            return export->kind == kind ? export : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = 0; !program->exports_by_name && i < program->num_exports; i++)
        if (program->exports[i].kind == kind &&
            strcmp(program->exports[i].name, name) == 0)
            return &program->exports[i];
    return NULL;
}
