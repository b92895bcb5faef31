/* SPDX-License-Identifier: MIT */
/*
 * Decodes and checks the tables of a program, and answers the questions that every part
 * asks of them: which function holds an offset, and what a place is called.
 */
#include "bytecode/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "bytecode/instruction.h"

static bool decode_code(sfpm_program_t *program, const sfpm_buffer_t *code)
{
    if (code->size == 0)
        return sfpm_fail(SFPM_ERR_BYTECODE, "region 'code' is empty");
    if (code->size > SFPM_VM_MAX_CODE)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "region 'code' of %zu bytes exceeds the limit of %llu",
                         code->size, (unsigned long long)SFPM_VM_MAX_CODE);
    program->code = code->data;
    program->code_size = (uint32_t)code->size;
    return true;
}

/* Entries ascend strictly from 0, so that functions neither overlap nor leave bytes
 * between them, and none is empty. */
bool sfpm_function_place(sfpm_program_t *program, uint32_t index, uint32_t entry)
{
    sfpm_function_t *function = &program->functions[index];
    bool first = index == program->num_imports;
    if (first ? entry != 0 : entry <= function[-1].entry)
        return sfpm_fail(
            SFPM_ERR_CORRUPT,
            "functions[%u]: entry %u does not follow the previous function's", index,
            entry);
    if (entry >= program->code_size)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions[%u]: entry %u is beyond the code",
                         index, entry);
    if ((uint32_t)function->params + function->locals > SFPM_MAX_HEIGHT)
        return sfpm_fail(SFPM_ERR_LIMIT, "functions[%u]: more than %u values", index,
                         SFPM_MAX_HEIGHT);
    if (!first)
        function[-1].end = entry;
    function->entry = entry;
    function->end = program->code_size;
    return true;
}

static bool decode_function_1(sfpm_program_t *program, uint32_t index,
                              const uint8_t *from)
{
    const uint8_t *types = program->version1_types;
    sfpm_function_t *function = &program->functions[index];
    *function = (sfpm_function_t){.params = sfpm_get_u16(from + 4),
                                  .results = sfpm_get_u16(from + 6),
                                  .locals = sfpm_get_u16(from + 8),
                                  .param_types = types,
                                  .result_types = types,
                                  .local_types = types};
    if (sfpm_get_u16(from + 10) != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions[%u]: reserved bytes are not zero",
                         index);
    if (function->results > SFPM_MAX_HEIGHT)
        return sfpm_fail(SFPM_ERR_LIMIT, "functions[%u]: more than %u values", index,
                         SFPM_MAX_HEIGHT);
    return sfpm_function_place(program, index, sfpm_get_u32(from));
}

/* The types of all parameters, results and locals: as many as there are of one kind. */
static uint8_t *types_1(const uint8_t *from, uint32_t count)
{
    size_t most = 1;
    for (const uint8_t *end = from + (size_t)count * SFPM_FUNCTION_SIZE_1; from < end;
         from += SFPM_FUNCTION_SIZE_1)
        for (int at = 4; at < 10; at += 2)
            if (sfpm_get_u16(from + at) > most)
                most = sfpm_get_u16(from + at);
    uint8_t *types = SFPM_NEW_N(uint8_t, most);
    if (types)
        memset(types, SFPM_TYPE_I64, most);
    return types;
}

static bool decode_functions_1(sfpm_program_t *program, const sfpm_buffer_t *table)
{
    if (table->size < SFPM_FUNCTIONS_HEADER_1)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' is truncated");
    uint32_t count = sfpm_get_u32(table->data + 4);
    program->start = sfpm_get_u32(table->data + 8);
    program->max_pages = SFPM_NO_MEMORY;
    if (sfpm_get_u32(table->data + 12) != 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions: reserved bytes are not zero");
    if (table->size - SFPM_FUNCTIONS_HEADER_1 != (uint64_t)count * SFPM_FUNCTION_SIZE_1)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region 'functions' of %zu bytes does not hold %u functions",
                         table->size, count);
    if (count > SFPM_MAX_ENTRIES || program->num_globals > SFPM_MAX_ENTRIES)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "%u functions and %u globals: at most %u of each are supported",
                         count, program->num_globals, SFPM_MAX_ENTRIES);
    if (program->start >= count)
        return sfpm_fail(SFPM_ERR_CORRUPT, "functions: there is no start function %u",
                         program->start);
    const uint8_t *from = table->data + SFPM_FUNCTIONS_HEADER_1;
    program->functions = SFPM_NEW_N(sfpm_function_t, count);
    program->globals = SFPM_NEW_N(sfpm_global_t, program->num_globals);
    program->version1_types = types_1(from, count);
    if (!program->functions || !program->globals || !program->version1_types)
        return false;
    for (uint32_t i = 0; i < program->num_globals; i++)
        program->globals[i] = (sfpm_global_t){SFPM_TYPE_I64, true};
    program->num_functions = count;
    for (uint32_t i = 0; i < count; i++, from += SFPM_FUNCTION_SIZE_1)
        if (!decode_function_1(program, i, from))
            return false;
    return true;
}

static bool decode_functions(sfpm_program_t *program, const sfpm_buffer_t *table)
{
    if (table->size < 4)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'functions' is truncated");
    program->version = sfpm_get_u32(table->data);
    if (program->version == 1)
        return decode_functions_1(program, table);
    if (program->version > 1 && program->version <= SFPM_BYTECODE_VERSION)
        return sfpm_tables_decode(program, table->data, table->size);
    return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "unsupported bytecode version %u (this release supports 1 to %d)",
                     program->version, SFPM_BYTECODE_VERSION);
}

static bool decode_globals(sfpm_program_t *program, const sfpm_buffer_t *globals)
{
    if (globals->size % SFPM_GLOBAL_SIZE != 0 ||
        globals->size / SFPM_GLOBAL_SIZE > UINT32_MAX)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region 'globals' of %zu bytes ends within an entry",
                         globals->size);
    program->num_globals = (uint32_t)(globals->size / SFPM_GLOBAL_SIZE);
    return true;
}

/* The start function, and what is exported. */
static void mark_entries(sfpm_program_t *program)
{
    program->functions[program->start].may_be_outermost = true;
    for (uint32_t i = 0; i < program->num_exports; i++)
        if (program->exports[i].kind == SFPM_EXPORT_FUNCTION)
            program->functions[program->exports[i].index].may_be_outermost = true;
}

bool sfpm_program_decode(sfpm_program_t *program, const sfpm_regions_t *regions)
{
    const sfpm_buffer_t *symbols = &regions->region[SFPM_SYMBOLS];
    const sfpm_buffer_t *initial = &regions->region[SFPM_INITIAL];
    *program =
        (sfpm_program_t){.initial = initial->data, .initial_size = initial->size};
    if (decode_code(program, &regions->region[SFPM_CODE]) &&
        decode_globals(program, &regions->region[SFPM_GLOBALS]) &&
        decode_functions(program, &regions->region[SFPM_FUNCTIONS]) &&
        sfpm_symbols_decode(program, symbols->data, symbols->size)) {
        mark_entries(program);
        return true;
    }
    sfpm_program_free(program);
    return false;
}

void sfpm_program_free(sfpm_program_t *program)
{
    free(program->types);
    free(program->sorted_types);
    free(program->functions);
    free(program->globals);
    free(program->exports);
    free(program->segments);
    free(program->tables);
    free(program->element_segments);
    free(program->version1_types);
    free(program->exports_by_name);
    free(program->global_names);
    free(program->globals_by_name);
    free(program->labels);
    free(program->labels_by_name);
    *program = (sfpm_program_t){0};
}

bool sfpm_functions_encode(sfpm_buffer_t *buffer, const sfpm_function_t *functions,
                           uint32_t count, uint32_t start)
{
    size_t size;
    if (!sfpm_mul_size(count, SFPM_FUNCTION_SIZE_1, &size))
        return sfpm_fail_memory(SIZE_MAX);
    uint8_t *to = sfpm_buffer_extend(buffer, SFPM_FUNCTIONS_HEADER_1 + size);
    if (!to)
        return false;
    sfpm_put_u32(to, 1);
    sfpm_put_u32(to + 4, count);
    sfpm_put_u32(to + 8, start);
    sfpm_put_u32(to + 12, 0);
    to += SFPM_FUNCTIONS_HEADER_1;
    for (uint32_t i = 0; i < count; i++, to += SFPM_FUNCTION_SIZE_1) {
        sfpm_put_u32(to, functions[i].entry);
        sfpm_put_u16(to + 4, functions[i].params);
        sfpm_put_u16(to + 6, functions[i].results);
        sfpm_put_u16(to + 8, functions[i].locals);
        sfpm_put_u16(to + 10, 0);
    }
    return true;
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

/* ---- Functions and places ---------------------------------------------------- */

uint32_t sfpm_function_at(const sfpm_program_t *program, uint32_t offset)
{
    uint32_t low = program->num_imports;
    uint32_t high = program->num_functions;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (program->functions[middle].entry <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t sfpm_length_at(const sfpm_program_t *program, uint32_t end, uint32_t offset)
{
    sfpm_instruction_t instruction;
    if (!sfpm_instruction_read(program->code, end, offset, &instruction))
        return 1;
    return instruction.length;
}

void sfpm_place_text(const sfpm_program_t *program, uint64_t offset, char *text,
                     size_t size)
{
    const sfpm_label_t *label = sfpm_label_before(program, offset);
    unsigned long long number = offset;
    if (!label)
        snprintf(text, size, "%llu", number);
    else if (label->offset == offset)
        snprintf(text, size, "%s", label->name);
    else
        snprintf(text, size, "%s+%llu", label->name, number - label->offset);
}

void sfpm_place_line(const sfpm_program_t *program, uint64_t offset, char *text,
                     size_t size)
{
    sfpm_row_t row;
    sfpm_place_text(program, offset, text, size);
    if (program->lines.version < 2 || !sfpm_row_at(&program->lines, offset, &row))
        return;
    size_t used = strlen(text);
    snprintf(text + used, size - used, ", %s:%u", sfpm_row_base(&program->lines, &row),
             row.line);
}

const char *sfpm_function_name(const sfpm_program_t *program, uint32_t index, char *text)
{
    if (program->functions[index].name)
        return program->functions[index].name;
    snprintf(text, SFPM_PLACE_TEXT, "function %u", index);
    return text;
}

bool (sfpm_fail_code)(const sfpm_program_t *program, uint64_t offset, const char *format,
                    ...)
{
    char place[SFPM_PLACE_LINE];
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sfpm_place_line(program, offset, place, sizeof place);
    return sfpm_fail(SFPM_ERR_BYTECODE, "code[%llu] (%s): %s", (unsigned long long)offset,
                     place, text);
}
