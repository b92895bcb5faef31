/* SPDX-License-Identifier: MIT */
/* The disassembler: the directives that stand before the code. */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "asm/disassemble.h"
#include "bytecode/instruction.h"

enum { LINE = 70 /* characters, after which a list goes on in the next line */ };

uint32_t sfpm_first_like(const sfpm_program_t *program, uint32_t type)
{
    enum { MANY = 256 }; /* more than that are not searched for by the assembler */
    if (program->num_types > MANY || type >= program->num_types)
        return SFPM_NO_LIKE;
    return program->types[type].like;
}

static const char *name_or_none(const char *name)
{
    return name ? name : "_";
}

/* One byte of a string in quotes, as the assembler reads it. */
static void write_char(sfpm_writer_t *writer, uint8_t byte)
{
    if (byte == '"' || byte == '\\')
        sfpm_write(writer, "\\%c", byte);
    else if (byte >= ' ' && byte <= '~')
        sfpm_write(writer, "%c", byte);
    else if (byte == '\n')
        sfpm_write(writer, "\\n");
    else
        sfpm_write(writer, "\\x%02x", byte);
}

static void write_string(sfpm_writer_t *writer, const uint8_t *bytes, size_t size)
{
    sfpm_write(writer, "\"");
    for (size_t i = 0; i < size && !writer->failed; i++)
        write_char(writer, bytes[i]);
    sfpm_write(writer, "\"");
}

static void write_outer_name(sfpm_writer_t *writer, const char *name)
{
    sfpm_write(writer, " ");
    write_string(writer, (const uint8_t *)name, strlen(name));
}

/* ---- Types and imports ------------------------------------------------------ */

static void write_types(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_types && !writer->failed; i++) {
        const sfpm_function_type_t *type = &program->types[i];
        sfpm_write(writer, ".type");
        sfpm_write_signature(writer, type->types, type->params,
                             type->types + type->params, type->results);
        sfpm_write(writer, " ; %" PRIu32 "\n", i);
    }
}

static void write_imports(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_imports && !writer->failed; i++) {
        const sfpm_function_t *function = &program->functions[i];
        sfpm_write(writer, ".import");
        write_outer_name(writer, function->module);
        write_outer_name(writer, function->field);
        sfpm_write(writer, " %s", name_or_none(function->name));
        if (sfpm_first_like(program, function->type) == function->type)
            sfpm_write_signature(writer, function->param_types, function->params,
                                 function->result_types, function->results);
        else
            sfpm_write(writer, " %" PRIu32, function->type);
        sfpm_write(writer, "\n");
    }
}

/* The directive is needed only where the assembler would choose another function. */
static void write_start(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    const sfpm_label_t *named = sfpm_label_named(program, "main", 4);
    uint32_t entry = program->functions[program->start].entry;
    if (named && named->is_function ? named->offset != entry : entry != 0)
        sfpm_write(writer, ".start %" PRIu32 "\n", program->start);
}

/* ---- Memory, globals, exports ----------------------------------------------- */

static void write_memory(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    if (program->max_pages == SFPM_NO_MEMORY)
        return;
    sfpm_write(writer, ".memory %" PRIu32, program->min_pages);
    if (program->max_pages != SFPM_MAX_PAGES)
        sfpm_write(writer, " %" PRIu32, program->max_pages);
    sfpm_write(writer, "\n");
}

static void write_global(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                         uint32_t index)
{
    const sfpm_global_t *global = &listing->program->globals[index];
    const uint8_t *values = listing->globals + (size_t)index * SFPM_GLOBAL_SIZE;
    uint64_t value = sfpm_get_u64(values);
    uint64_t initial = sfpm_get_u64(values + 8);
    sfpm_write(writer, ".global %s ",
               name_or_none(listing->program->global_names[index]));
    if (!global->is_mutable)
        sfpm_write(writer, "const ");
    if (global->type != SFPM_TYPE_I64)
        sfpm_write(writer, "%s ", sfpm_type_name(global->type));
    sfpm_write_value(writer, global->type, initial);
    if (value != initial) {
        sfpm_write(writer, " ; now ");
        sfpm_write_value(writer, global->type, value);
    }
    sfpm_write(writer, "\n");
}

static void write_exports(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_exports && !writer->failed; i++) {
        const sfpm_export_t *export = &program->exports[i];
        bool function = export->kind == SFPM_EXPORT_FUNCTION;
        sfpm_write(writer, ".export");
        write_outer_name(writer, export->name);
        if (export->kind == SFPM_EXPORT_MEMORY || export->kind == SFPM_EXPORT_TABLE) {
            sfpm_write(writer,
                       export->kind == SFPM_EXPORT_MEMORY ? " memory" : " table");
            if (export->index > 0)
                sfpm_write(writer, " %" PRIu32, export->index);
            sfpm_write(writer, "\n");
            continue;
        }
        const char *name = function ? program->functions[export->index].name
                                    : program->global_names[export->index];
        sfpm_write(writer, function ? " func " : " global ");
        if (name)
            sfpm_write(writer, "%s\n", name);
        else
            sfpm_write(writer, "%" PRIu32 "\n", export->index);
    }
}

/* ---- Table and data --------------------------------------------------------- */

/* A comma, and the next line when this one is full. */
static void write_comma(sfpm_writer_t *writer)
{
    sfpm_write(writer, writer->column > LINE ? ",\n        " : ", ");
}

static uint32_t initial_element(const sfpm_listing_t *listing, uint32_t index)
{
    return sfpm_get_u32(listing->table + (size_t)index * SFPM_ELEMENT_SIZE + 4);
}

static void write_element(sfpm_writer_t *writer, const sfpm_program_t *program,
                          uint32_t function)
{
    if (function < program->num_functions && program->functions[function].name)
        sfpm_write(writer, "%s", program->functions[function].name);
    else
        sfpm_write(writer, "%" PRIu32, function);
}

/* The assembler wants to see a table that is exported, even an empty one. */
static bool exports_table(const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_exports; i++)
        if (program->exports[i].kind == SFPM_EXPORT_TABLE)
            return true;
    return false;
}

/* Each run of elements with functions is one directive. */
static void write_table(sfpm_writer_t *writer, const sfpm_listing_t *listing)
{
    uint32_t count = listing->program->num_elements;
    bool open = false;
    if (count > 0 || exports_table(listing->program))
        sfpm_write(writer, ".table %" PRIu32 "\n", count);
    for (uint32_t i = 0; listing->table && i < count && !writer->failed; i++) {
        uint32_t function = initial_element(listing, i);
        if (function != SFPM_NO_FUNCTION) {
            if (open)
                write_comma(writer);
            else
                sfpm_write(writer, ".elem %" PRIu32 " ", i);
            write_element(writer, listing->program, function);
        } else if (open) {
            sfpm_write(writer, "\n");
        }
        open = function != SFPM_NO_FUNCTION;
    }
    if (open)
        sfpm_write(writer, "\n");
}

static void write_tables(sfpm_writer_t *writer, const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_tables && !writer->failed; i++) {
        const sfpm_table_t *table = &program->tables[i];
        sfpm_write(writer, ".table %" PRIu32, table->least);
        if (table->most != SFPM_NO_MOST)
            sfpm_write(writer, " %" PRIu32, table->most);
        sfpm_write(writer, " %s\n", sfpm_type_name(table->type));
    }
}

/* Of version 3. */
static void write_element_segment(sfpm_writer_t *writer, const sfpm_program_t *program,
                                  const sfpm_element_segment_t *segment)
{
    sfpm_write(writer, ".elem ");
    if (!segment->is_active)
        sfpm_write(writer, "passive %s", sfpm_type_name(segment->type));
    else if (segment->table > 0)
        sfpm_write(writer, "table %" PRIu32 " %" PRIu32, segment->table, segment->first);
    else
        sfpm_write(writer, "%" PRIu32, segment->first);
    for (uint32_t i = 0; i < segment->size && !writer->failed; i++) {
        uint64_t value = sfpm_get_u64(segment->values + (size_t)i * SFPM_SLOT_SIZE);
        if (i > 0)
            write_comma(writer);
        else
            sfpm_write(writer, " ");
        if (segment->type == SFPM_TYPE_FUNCREF && value != SFPM_NULL_REFERENCE)
            write_element(writer, program, (uint32_t)value);
        else
            sfpm_write_value(writer, segment->type, value);
    }
    sfpm_write(writer, "\n");
}

static bool is_text(uint8_t byte)
{
    return (byte >= ' ' && byte <= '~') || byte == '\n';
}

/* How many of the first bytes are worth to be written as a string; 0: none. */
static size_t text_length(const uint8_t *bytes, size_t size)
{
    enum { LEAST = 4, MOST = 60 };
    size_t length = 0;
    while (length < size && length < MOST && is_text(bytes[length]))
        length++;
    return length >= LEAST || length == size ? length : 0;
}

static void write_segment(sfpm_writer_t *writer, const sfpm_segment_t *segment)
{
    size_t text = 0;
    if (segment->is_active)
        sfpm_write(writer, ".data %" PRIu32, segment->address);
    else
        sfpm_write(writer, ".data passive");
    for (size_t at = 0; at < segment->size && !writer->failed; at += text ? text : 1) {
        if (at > 0)
            write_comma(writer);
        else
            sfpm_write(writer, " ");
        text = text_length(segment->bytes + at, segment->size - at);
        if (text > 0)
            write_string(writer, segment->bytes + at, text);
        else
            sfpm_write(writer, "%u", segment->bytes[at]);
    }
    sfpm_write(writer, "\n");
}

/* ---- The whole -------------------------------------------------------------- */

void sfpm_write_tables(sfpm_writer_t *writer, const sfpm_listing_t *listing)
{
    const sfpm_program_t *program = listing->program;
    if (program->version > 1) {
        sfpm_write(writer, ".version %" PRIu32 "\n", program->version);
        write_types(writer, program);
        write_imports(writer, program);
    }
    write_start(writer, program);
    write_memory(writer, program);
    for (uint32_t i = 0; i < program->num_globals && !writer->failed; i++)
        write_global(writer, listing, i);
    if (program->version < 3)
        write_table(writer, listing);
    else
        write_tables(writer, program);
    for (uint32_t i = 0; i < program->num_element_segments && !writer->failed; i++)
        write_element_segment(writer, program, &program->element_segments[i]);
    for (uint32_t i = 0; i < program->num_segments && !writer->failed; i++)
        write_segment(writer, &program->segments[i]);
    write_exports(writer, program);
}
