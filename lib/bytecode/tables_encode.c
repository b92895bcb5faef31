/* SPDX-License-Identifier: MIT */
/* Puts the `functions` region of bytecode versions 2 and 3 together; tables.c takes it
 * apart. */
#include <string.h>

#include "base/bytes.h"
#include "bytecode/program.h"

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
    bool references = program->version >= 3;
    const uint32_t fields[] = {references ? 3 : 2,
                               program->num_types,
                               program->num_imports,
                               program->num_functions,
                               program->start,
                               program->num_globals,
                               references ? program->num_tables
                                          : program->num_elements,
                               program->min_pages,
                               program->max_pages,
                               program->num_exports,
                               program->num_segments,
                               references ? program->num_element_segments : 0,
                               0,
                               0};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (!sfpm_buffer_add_u32(buffer, fields[i]))
            return false;
    return true;
}

static bool add_table(sfpm_buffer_t *buffer, const sfpm_table_t *table)
{
    return add_u8(buffer, table->type) && sfpm_buffer_add_u32(buffer, table->least) &&
           sfpm_buffer_add_u32(buffer, table->most);
}

static bool add_element_segment(sfpm_buffer_t *buffer,
                                const sfpm_element_segment_t *segment)
{
    return add_u8(buffer, segment->is_active) && add_u8(buffer, segment->type) &&
           sfpm_buffer_add_u32(buffer, segment->table) &&
           sfpm_buffer_add_u32(buffer, segment->first) &&
           sfpm_buffer_add_u32(buffer, segment->size) &&
           sfpm_buffer_add(buffer, segment->values,
                           (size_t)segment->size * SFPM_SLOT_SIZE);
}

/* Region `initial`: the first pages of memory, up to the last one with data. */
static bool make_initial(sfpm_buffer_t *initial, const sfpm_program_t *program)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < program->num_segments; i++) {
        const sfpm_segment_t *segment = &program->segments[i];
        uint64_t end = (uint64_t)segment->address + segment->size;
        if (segment->is_active && segment->size > 0 && end > size)
            size = end;
    }
    size = (size + SFPM_PAGE_SIZE - 1) / SFPM_PAGE_SIZE * SFPM_PAGE_SIZE;
    if (!sfpm_memory_make(initial, size))
        return false;
    sfpm_segments_copy(program, initial->data);
    return true;
}

static bool add_segment(sfpm_buffer_t *buffer, const sfpm_program_t *program,
                        const sfpm_segment_t *segment)
{
    bool is_initial = segment->is_active && program->version >= 3;
    return add_u8(buffer, segment->is_active) &&
           sfpm_buffer_add_u32(buffer, segment->address) &&
           sfpm_buffer_add_u32(buffer, segment->size) &&
           (is_initial || sfpm_buffer_add(buffer, segment->bytes, segment->size));
}

bool sfpm_tables_encode(sfpm_regions_t *regions, const sfpm_program_t *program)
{
    sfpm_buffer_t *buffer = &regions->region[SFPM_FUNCTIONS];
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
    for (uint32_t i = 0; ok && i < program->num_segments; i++)
        ok = add_segment(buffer, program, &program->segments[i]);
    if (program->version < 3)
        return ok;
    for (uint32_t i = 0; ok && i < program->num_tables; i++)
        ok = add_table(buffer, &program->tables[i]);
    for (uint32_t i = 0; ok && i < program->num_element_segments; i++)
        ok = add_element_segment(buffer, &program->element_segments[i]);
    return ok && make_initial(&regions->region[SFPM_INITIAL], program);
}
