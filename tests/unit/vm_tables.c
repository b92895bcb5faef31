/* SPDX-License-Identifier: MIT */
#include "vm_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/globals_table.h"
#include "engine/frames.h"
#include "bytecode/instruction.h"

enum { MOST = 8, MOST_CODE = 40, MOST_NAMES = 200, TEXT = 24 };

/* All that the tables point to lives here. */
typedef struct maker {
    sfpm_program_t program;
    sfpm_regions_t *regions;
    sfpm_function_type_t types[MOST];
    sfpm_function_t functions[MOST];
    sfpm_global_t globals[MOST];
    sfpm_export_t exports[MOST];
    sfpm_segment_t segments[MOST];
    sfpm_table_t tables[MOST];
    sfpm_element_segment_t element_segments[MOST];
    uint8_t slots[MOST][8 * MOST];
    uint8_t bytes[64][TEXT]; /* of types, names and segments */
    size_t num_bytes;
    uint32_t starts[MOST_CODE]; /* of the instructions in the function being made */
    uint32_t num_starts;
    sfpm_symbol_t symbols[MOST_NAMES];
    char names[MOST_NAMES][16];
    size_t num_symbols;
} maker_t;

static uint32_t below(uint64_t limit)
{
    return (uint32_t)random_below(limit);
}

static void need(bool good)
{
    if (!good)
        ck_abort_msg("%s", sfpm_last_error());
}

static uint8_t random_type(const maker_t *m)
{
    static const uint8_t types[] = {SFPM_TYPE_I32,     SFPM_TYPE_I64,
                                    SFPM_TYPE_F32,     SFPM_TYPE_F64,
                                    SFPM_TYPE_FUNCREF, SFPM_TYPE_EXTERNREF};
    return types[below(m->program.version < 3 ? 4 : 6)];
}

static const uint8_t *random_types(maker_t *m, size_t count)
{
    uint8_t *types = m->bytes[m->num_bytes++];
    for (size_t i = 0; i < count; i++)
        types[i] = random_type(m);
    return types;
}

static const char *random_text(maker_t *m)
{
    uint8_t *text = m->bytes[m->num_bytes++];
    size_t length = below(TEXT);
    for (size_t i = 0; i < length; i++)
        do
            text[i] = (uint8_t)(below(4) ? below(256 - ' ') + ' '
                                         : (uint32_t) "\"\\ ;"[below(4)]);
        while (text[i] == 0x7F);
    text[length] = 0;
    return (const char *)text;
}

static void add_symbol(maker_t *m, sfpm_symbol_kind_t kind, uint32_t value)
{
    static const char *const stems[] = {"f", "x.y", "_z", "nan", "i64", "const", "a$"};
    char *name = m->names[m->num_symbols];
    bool main_too = kind == SFPM_SYMBOL_FUNCTION && m->num_symbols == 0 && below(2);
    if (!main_too && (below(3) == 0 || m->num_symbols == MOST_NAMES))
        return;
    snprintf(name, sizeof m->names[0], "%s%zu", stems[below(7)], m->num_symbols);
    m->symbols[m->num_symbols++] = (sfpm_symbol_t){kind, value, main_too ? "main" : name};
}

/* ---- Tables ----------------------------------------------------------------- */

/* The first one is of the start function; some are the same as one before. */
static void make_types(maker_t *m)
{
    m->program.types = m->types;
    m->program.num_types = 1 + below(MOST);
    for (uint32_t i = 0; i < m->program.num_types; i++) {
        sfpm_function_type_t *type = &m->types[i];
        type->params = (uint16_t)(i == 0 ? 0 : below(4));
        type->results = (uint16_t)below(4);
        type->types = random_types(m, 8);
        if (i > 1 && below(4) == 0)
            *type = m->types[1 + below(i - 1)];
    }
}

static void set_type(maker_t *m, uint32_t index, uint32_t number)
{
    sfpm_function_t *function = &m->functions[index];
    function->type = number;
    function->params = m->types[number].params;
    function->results = m->types[number].results;
    function->param_types = m->types[number].types;
    function->result_types = m->types[number].types + function->params;
}

static void make_functions(maker_t *m)
{
    sfpm_program_t *program = &m->program;
    program->functions = m->functions;
    program->num_functions = 1 + below(MOST);
    program->num_imports = below(program->num_functions);
    program->start =
        program->num_imports + below(program->num_functions - program->num_imports);
    for (uint32_t i = 0; i < program->num_functions; i++) {
        set_type(m, i, i == program->start ? 0 : below(program->num_types));
        if (i < program->num_imports) {
            m->functions[i].module = random_text(m);
            m->functions[i].field = random_text(m);
        } else {
            m->functions[i].locals = (uint16_t)below(TEXT);
            m->functions[i].local_types = random_types(m, TEXT);
        }
        add_symbol(m, SFPM_SYMBOL_FUNCTION, i);
    }
}

/* A function, or none. */
static uint64_t random_function(const maker_t *m)
{
    return below(3) ? below(m->program.num_functions) : SFPM_NULL_REFERENCE;
}

static void make_globals(maker_t *m)
{
    sfpm_buffer_t *values = &m->regions->region[SFPM_GLOBALS];
    m->program.globals = m->globals;
    m->program.num_globals = below(MOST);
    for (uint32_t i = 0; i < m->program.num_globals; i++) {
        m->globals[i] = (sfpm_global_t){random_type(m), below(2) == 0};
        uint64_t value = random_below(UINT64_MAX);
        if (!sfpm_slot_fits(&m->program, value, m->globals[i].type))
            value = m->globals[i].type == SFPM_TYPE_FUNCREF ? random_function(m)
                                                            : value & UINT32_MAX;
        need(sfpm_buffer_add_u64(values, value) && sfpm_buffer_add_u64(values, value));
        add_symbol(m, SFPM_SYMBOL_GLOBAL, i);
    }
}

static void make_memory(maker_t *m)
{
    sfpm_program_t *program = &m->program;
    program->max_pages =
        below(3) ? below(2) ? SFPM_MAX_PAGES : 2 + below(9) : SFPM_NO_MEMORY;
    program->min_pages = program->max_pages == SFPM_NO_MEMORY ? 0 : below(3);
    program->segments = m->segments;
    program->num_segments = below(4);
    for (uint32_t i = 0; i < program->num_segments; i++) {
        bool text = below(2) == 0;
        uint8_t *bytes = m->bytes[m->num_bytes++];
        sfpm_segment_t *segment = &m->segments[i];
        segment->size = below(TEXT);
        segment->bytes = bytes;
        for (uint32_t j = 0; j < segment->size; j++)
            bytes[j] = (uint8_t)(text && below(9) ? ' ' + below(95) : below(256));
        segment->is_active = program->min_pages > 0 && below(2);
        if (segment->is_active)
            segment->address =
                below(program->min_pages * SFPM_PAGE_SIZE - segment->size + 1);
    }
}

static void make_table(maker_t *m)
{
    sfpm_buffer_t *table = &m->regions->region[SFPM_TABLE];
    m->program.num_elements = below(2) * below(20);
    for (uint32_t i = 0; i < m->program.num_elements; i++) {
        uint32_t function = below(3) ? below(m->program.num_functions) : SFPM_NO_FUNCTION;
        need(sfpm_buffer_add_u32(table, function) &&
             sfpm_buffer_add_u32(table, function));
    }
}

/* Of version 3. */
static void make_tables(maker_t *m)
{
    sfpm_program_t *program = &m->program;
    program->tables = m->tables;
    program->num_tables = below(MOST);
    for (uint32_t i = 0; i < program->num_tables; i++) {
        sfpm_table_t *table = &m->tables[i];
        table->type = below(2) ? SFPM_TYPE_FUNCREF : SFPM_TYPE_EXTERNREF;
        table->least = below(20);
        table->most = below(2) ? SFPM_NO_MOST : table->least + below(9);
        program->num_elements += table->least;
    }
}

static void make_element_segments(maker_t *m)
{
    sfpm_program_t *program = &m->program;
    program->element_segments = m->element_segments;
    program->num_element_segments = below(MOST);
    for (uint32_t i = 0; i < program->num_element_segments; i++) {
        sfpm_element_segment_t *segment = &m->element_segments[i];
        uint32_t number = below(program->num_tables + 1);
        const sfpm_table_t *table = number < program->num_tables ? &m->tables[number] : NULL;
        segment->type = below(2) ? SFPM_TYPE_FUNCREF : SFPM_TYPE_EXTERNREF;
        segment->size = below(MOST);
        segment->is_active = table && segment->size <= table->least;
        if (segment->is_active) {
            segment->type = table->type;
            segment->table = number;
            segment->first = below(table->least - segment->size + 1);
            /* The assembler needs something in it. */
            segment->is_active = segment->size > 0;
        }
        if (!segment->is_active)
            segment->table = segment->first = 0;
        segment->values = m->slots[i];
        for (uint32_t j = 0; j < segment->size; j++)
            sfpm_put_u64(m->slots[i] + 8 * j, segment->type == SFPM_TYPE_FUNCREF
                                                  ? random_function(m)
                                                  : random_below(UINT64_MAX));
    }
}

/* Exports have names of their own. */
static bool is_exported(const sfpm_program_t *program, const char *name)
{
    bool found = false;
    for (uint32_t i = 0; i < program->num_exports; i++)
        found = found || strcmp(program->exports[i].name, name) == 0;
    return found;
}

static void make_exports(maker_t *m)
{
    sfpm_program_t *program = &m->program;
    program->exports = m->exports;
    for (uint32_t left = below(MOST); left > 0; left--) {
        sfpm_export_t export = {.kind = (sfpm_export_kind_t)below(4)};
        if (export.kind == SFPM_EXPORT_FUNCTION)
            export.index = below(program->num_functions);
        else if (export.kind == SFPM_EXPORT_GLOBAL && program->num_globals > 0)
            export.index = below(program->num_globals);
        else if (export.kind == SFPM_EXPORT_GLOBAL ||
                 (export.kind == SFPM_EXPORT_MEMORY &&
                  program->max_pages == SFPM_NO_MEMORY) ||
                 (export.kind == SFPM_EXPORT_TABLE && program->version == 3 &&
                  program->num_tables == 0))
            continue;
        if (export.kind == SFPM_EXPORT_TABLE && program->version == 3)
            export.index = below(program->num_tables);
        export.name = random_text(m);
        if (!is_exported(program, export.name))
            m->exports[program->num_exports++] = export;
    }
}

/* ---- Code ------------------------------------------------------------------- */

/* Whether an instruction can be in the program at all. */
static bool is_possible(const maker_t *m, const sfpm_opcode_info_t *info)
{
    const sfpm_program_t *program = &m->program;
    uint32_t tables = program->num_tables, elements = program->num_element_segments;
    if (info->version > program->version)
        return false;
    if (info->opcode == SFPM_OP_CALL_INDIRECT && program->version == 3)
        return tables > 0 && m->tables[0].type == SFPM_TYPE_FUNCREF;
    if (info->operand == SFPM_OPERAND_TABLE || info->operand == SFPM_OPERAND_TABLES ||
        info->operand == SFPM_OPERAND_INDIRECT || info->operand == SFPM_OPERAND_INIT)
        return tables > 0 && (info->operand != SFPM_OPERAND_INIT || elements > 0);
    if (info->operand == SFPM_OPERAND_ELEMENTS)
        return elements > 0;
    if (info->operand == SFPM_OPERAND_OFFSET ||
        strncmp(info->mnemonic, "memory.", 7) == 0)
        if (program->max_pages == SFPM_NO_MEMORY)
            return false;
    return (info->operand != SFPM_OPERAND_SEGMENT || program->num_segments > 0) &&
           (info->operand != SFPM_OPERAND_GLOBAL || program->num_globals > 0);
}

/* One in range; targets are filled in when all of the function is known. */
static uint64_t random_operand(const maker_t *m, const sfpm_function_t *function,
                               const sfpm_opcode_info_t *info, bool *possible)
{
    const sfpm_program_t *program = &m->program;
    uint32_t locals = (uint32_t)function->params + function->locals;
    uint64_t number = random_below(UINT64_MAX);
    switch ((sfpm_operand_t)info->operand) {
    case SFPM_OPERAND_LOCAL:
        *possible = locals > 0;
        return locals ? below(locals) : 0;
    case SFPM_OPERAND_GLOBAL:
        number = below(program->num_globals);
        *possible = info->opcode != SFPM_OP_GLOBAL_SET || m->globals[number].is_mutable;
        return number;
    case SFPM_OPERAND_TARGETS:
        return below(5);
    case SFPM_OPERAND_FUNCTION:
        return below(program->num_functions);
    case SFPM_OPERAND_TYPE:
        return below(program->num_types);
    case SFPM_OPERAND_SEGMENT:
        return below(program->num_segments);
    case SFPM_OPERAND_REFERENCE:
        return below(2) ? SFPM_TYPE_FUNCREF : SFPM_TYPE_EXTERNREF;
    case SFPM_OPERAND_TABLE:
        return below(program->num_tables);
    case SFPM_OPERAND_ELEMENTS:
        return below(program->num_element_segments);
    case SFPM_OPERAND_TABLES: {
        uint64_t to = below(program->num_tables), from = below(program->num_tables);
        *possible = m->tables[to].type == m->tables[from].type;
        return to | from << 32;
    }
    case SFPM_OPERAND_INIT: {
        uint64_t to = below(program->num_tables);
        uint64_t from = below(program->num_element_segments);
        *possible = m->tables[to].type == m->element_segments[from].type;
        return to | from << 32;
    }
    case SFPM_OPERAND_INDIRECT: {
        uint64_t table = below(program->num_tables);
        *possible = m->tables[table].type == SFPM_TYPE_FUNCREF;
        return table | (uint64_t)below(program->num_types) << 32;
    }
    case SFPM_OPERAND_UNWIND:
        return below(1001) | (uint64_t)below(1001) << 16;
    case SFPM_OPERAND_OFFSET:
        return below(2) * below(UINT32_MAX);
    default:
        return below(3) ? number : number & 0xFF;
    }
}

static void add_instruction(maker_t *m, const sfpm_function_t *function)
{
    sfpm_buffer_t *code = &m->regions->region[SFPM_CODE];
    const sfpm_opcode_info_t *info = sfpm_opcode_info((uint8_t)below(256));
    bool possible = true;
    uint8_t bytes[8];
    if (!info || !is_possible(m, info))
        return;
    uint64_t operand = random_operand(m, function, info, &possible);
    if (!possible)
        return;
    m->starts[m->num_starts++] = (uint32_t)code->size;
    if (below(8) == 0)
        add_symbol(m, SFPM_SYMBOL_LABEL, (uint32_t)code->size);
    sfpm_put_u64(bytes, operand);
    need(sfpm_buffer_add(code, &info->opcode, 1) &&
         sfpm_buffer_add(code, bytes, info->width));
    if (info->operand == SFPM_OPERAND_TARGETS)
        need(sfpm_buffer_extend(code, ((size_t)operand + 1) * 4) != NULL);
}

static void set_targets(const maker_t *m)
{
    sfpm_buffer_t *code = &m->regions->region[SFPM_CODE];
    for (uint32_t i = 0; i < m->num_starts; i++) {
        sfpm_instruction_t instruction;
        uint32_t at = m->starts[i];
        need(sfpm_instruction_read(code->data, code->size, at, &instruction));
        uint32_t count = sfpm_num_targets(&instruction);
        for (uint32_t j = 0; j < count; j++)
            sfpm_put_u32(code->data + at + instruction.length - 4 * (count - j),
                         m->starts[below(m->num_starts)]);
    }
}

static void make_code(maker_t *m)
{
    static const uint8_t first = SFPM_OP_UNREACHABLE;
    sfpm_buffer_t *code = &m->regions->region[SFPM_CODE];
    for (uint32_t i = m->program.num_imports; i < m->program.num_functions; i++) {
        m->functions[i].entry = (uint32_t)code->size;
        m->starts[0] = (uint32_t)code->size;
        m->num_starts = 1;
        need(sfpm_buffer_add(code, &first, 1));
        for (uint32_t left = below(MOST_CODE); left > 1; left--)
            add_instruction(m, &m->functions[i]);
        set_targets(m);
    }
}

void random_tables(sfpm_regions_t *regions)
{
    maker_t *m = calloc(1, sizeof *m);
    sfpm_buffer_t *region = regions->region;
    *regions = (sfpm_regions_t){0};
    ck_assert_ptr_nonnull(m);
    m->regions = regions;
    m->program.version = 2 + below(2);
    make_types(m);
    make_functions(m);
    make_globals(m);
    make_memory(m);
    if (m->program.version < 3) {
        make_table(m);
    } else {
        make_tables(m);
        make_element_segments(m);
    }
    make_exports(m);
    make_code(m);
    const sfpm_state_t state = {.pc = m->functions[m->program.start].entry};
    need(sfpm_tables_encode(regions, &m->program) &&
         sfpm_symbols_encode(&region[SFPM_SYMBOLS], m->symbols, m->num_symbols, NULL, 0,
                             NULL) &&
         sfpm_frames_start(&m->program, m->program.start, &region[SFPM_STACK]) &&
         sfpm_state_encode(&state, sfpm_num_droppable(&m->program), &region[SFPM_STATE]) &&
         sfpm_data_begin(&m->program, regions));
    free(m);
}
