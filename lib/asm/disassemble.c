/* SPDX-License-Identifier: MIT */
/* Writes instructions and functions as assembly text that assembles to the same bytes. */
#include "asm/disassemble.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/float_text.h"
#include "bytecode/instruction.h"

/* ---- Text ------------------------------------------------------------------- */

void sfpm_write(sfpm_writer_t *writer, const char *format, ...)
{
    char few[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t length = (size_t)vsnprintf(few, sizeof few, format, args);
    char *many = length < sizeof few ? NULL : sfpm_new_array(length + 1, 1);
    if (many)
        vsnprintf(many, length + 1, format, again);
    va_end(again);
    va_end(args);
    const char *text = many ? many : few;
    const char *line = strrchr(text, '\n');
    writer->column = line ? strlen(line + 1) : writer->column + length;
    if (!many && length >= sizeof few)
        writer->failed = true; /* out of memory */
    if (!writer->failed && !writer->output(writer->context, text, length)) {
        sfpm_fail(SFPM_ERR_SYSTEM, "cannot write the listing");
        writer->failed = true;
    }
    free(many);
}

void sfpm_write_signature(sfpm_writer_t *writer, const uint8_t *params,
                          uint32_t num_params, const uint8_t *results,
                          uint32_t num_results)
{
    for (uint32_t i = 0; i < num_params; i++)
        sfpm_write(writer, " %s", sfpm_type_name(params[i]));
    if (num_results > 0)
        sfpm_write(writer, " ->");
    for (uint32_t i = 0; i < num_results; i++)
        sfpm_write(writer, " %s", sfpm_type_name(results[i]));
}

void sfpm_write_value(sfpm_writer_t *writer, uint8_t type, uint64_t value)
{
    char text[SFPM_FLOAT_TEXT];
    switch (type) {
    case SFPM_TYPE_I32:
        sfpm_write(writer, "%" PRId32, sfpm_to_i32((uint32_t)value));
        break;
    case SFPM_TYPE_I64:
        sfpm_write(writer, "%" PRId64, sfpm_to_i64(value));
        break;
    case SFPM_TYPE_FUNCREF:
    case SFPM_TYPE_EXTERNREF:
        if (value == SFPM_NULL_REFERENCE)
            sfpm_write(writer, "_");
        else
            sfpm_write(writer, "%" PRIu64, value);
        break;
    default:
        sfpm_float_format(value, type == SFPM_TYPE_F32 ? 4 : 8, text);
        sfpm_write(writer, "%s", text);
        break;
    }
}

/* ---- One instruction -------------------------------------------------------- */

/* A label rather than the function that begins at the same place. */
static const char *target_name(const sfpm_listing_t *listing, uint64_t offset)
{
    const sfpm_program_t *program = listing->program;
    size_t index = sfpm_first_label(program, offset);
    size_t end = sfpm_first_label(program, offset + 1);
    if (!listing->labels)
        return NULL;
    if (end - index > 1 && program->labels[index].is_function)
        index++;
    return index < end ? program->labels[index].name : NULL;
}

/* A name, or the number where there is none. */
static void write_name(sfpm_writer_t *writer, const char *name, uint64_t number)
{
    if (name)
        sfpm_write(writer, " %s", name);
    else
        sfpm_write(writer, " %" PRIu64, number);
}

static const char *function_name(const sfpm_program_t *program, uint64_t index)
{
    return index < program->num_functions ? program->functions[index].name : NULL;
}

static const char *global_name(const sfpm_program_t *program, uint64_t index)
{
    return index < program->num_globals ? program->global_names[index] : NULL;
}

static void write_targets(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                          uint32_t offset, const sfpm_instruction_t *instruction)
{
    uint32_t count = sfpm_num_targets(instruction);
    for (uint32_t i = 0; i < count && !writer->failed; i++) {
        uint32_t target = sfpm_target(listing->program->code, offset, instruction, i);
        if (i > 0)
            sfpm_write(writer, ",");
        write_name(writer, target_name(listing, target), target);
    }
}

/* Long signatures and those of many types are numbers. */
static void write_type(sfpm_writer_t *writer, const sfpm_program_t *program,
                       uint32_t number)
{
    enum { SHORT = 16 };
    const bool is_first =
        number < program->num_types && sfpm_first_like(program, number) == number;
    const sfpm_function_type_t *type = is_first ? &program->types[number] : NULL;
    if (!type || type->params + type->results > SHORT)
        sfpm_write(writer, " %" PRIu32, number);
    else
        sfpm_write_signature(writer, type->types, type->params,
                             type->types + type->params, type->results);
}

static void write_constant(sfpm_writer_t *writer, uint8_t type, uint64_t value)
{
    sfpm_write(writer, " ");
    sfpm_write_value(writer, type, value);
}

/* Code that was not proved may name a type that does not exist. */
static void write_reference_type(sfpm_writer_t *writer, uint8_t type)
{
    if (sfpm_is_reference(type))
        sfpm_write(writer, " %s", sfpm_type_name(type));
    else
        sfpm_write(writer, " 0x%02X", type);
}

static void write_operand(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                          uint32_t offset, const sfpm_instruction_t *instruction)
{
    const sfpm_program_t *program = listing->program;
    uint64_t operand = instruction->operand;
    switch ((sfpm_operand_t)instruction->info->operand) {
    case SFPM_OPERAND_NONE:
        break;
    case SFPM_OPERAND_I32:
        write_constant(writer, SFPM_TYPE_I32, operand);
        break;
    case SFPM_OPERAND_I64:
        write_constant(writer, SFPM_TYPE_I64, operand);
        break;
    case SFPM_OPERAND_F32:
        write_constant(writer, SFPM_TYPE_F32, operand);
        break;
    case SFPM_OPERAND_F64:
        write_constant(writer, SFPM_TYPE_F64, operand);
        break;
    case SFPM_OPERAND_FUNCTION:
        write_name(writer, function_name(program, operand), operand);
        break;
    case SFPM_OPERAND_GLOBAL:
        write_name(writer, global_name(program, operand), operand);
        break;
    case SFPM_OPERAND_TARGET:
    case SFPM_OPERAND_TARGETS:
        write_targets(writer, listing, offset, instruction);
        break;
    case SFPM_OPERAND_TYPE:
        write_type(writer, program, (uint32_t)operand);
        break;
    case SFPM_OPERAND_REFERENCE:
        write_reference_type(writer, (uint8_t)operand);
        break;
    case SFPM_OPERAND_TABLES:
    case SFPM_OPERAND_INIT:
        sfpm_write(writer, " %" PRIu32 " %" PRIu32, sfpm_first_number(operand),
                   sfpm_second_number(operand));
        break;
    case SFPM_OPERAND_INDIRECT:
        sfpm_write(writer, " %" PRIu32, sfpm_first_number(operand));
        write_type(writer, program, sfpm_second_number(operand));
        break;
    case SFPM_OPERAND_UNWIND:
        sfpm_write(writer, " %" PRIu32 " %" PRIu32, sfpm_unwind_keep(operand),
                   sfpm_unwind_drop(operand));
        break;
    case SFPM_OPERAND_OFFSET:
        if (operand != 0)
            sfpm_write(writer, " %" PRIu64, operand);
        break;
    case SFPM_OPERAND_U8:
    case SFPM_OPERAND_LOCAL:
    case SFPM_OPERAND_SEGMENT:
    case SFPM_OPERAND_TABLE:
    case SFPM_OPERAND_ELEMENTS:
        sfpm_write(writer, " %" PRIu64, operand);
        break;
    }
}

/* Its length in bytes of code. */
static uint32_t write_instruction(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                                  uint32_t offset)
{
    const sfpm_program_t *program = listing->program;
    uint32_t end = program->functions[sfpm_function_at(program, offset)].end;
    sfpm_instruction_t instruction;
    if (!sfpm_instruction_read(program->code, end, offset, &instruction)) {
        sfpm_write(writer, ".byte 0x%02X", program->code[offset]);
        return 1;
    }
    sfpm_write(writer, "%s", instruction.info->mnemonic);
    write_operand(writer, listing, offset, &instruction);
    return instruction.length;
}

/* Text of limited length; longer text is cut. */
typedef struct sfpm_clip {
    char *text;
    size_t size;
    size_t used;
} sfpm_clip_t;

static bool clip(void *context, const void *bytes, size_t size)
{
    sfpm_clip_t *to = context;
    size_t room = to->size - 1 - to->used;
    size_t count = size < room ? size : room;
    memcpy(to->text + to->used, bytes, count);
    to->used += count;
    to->text[to->used] = '\0';
    return true;
}

size_t sfpm_instruction_text(const sfpm_listing_t *listing, uint64_t offset, char *text,
                             size_t size)
{
    char unused[1];
    sfpm_clip_t to = {.text = text, .size = size};
    if (size == 0)
        to = (sfpm_clip_t){.text = unused, .size = sizeof unused};
    sfpm_writer_t writer = {.output = clip, .context = &to};
    if (offset >= listing->program->code_size)
        return 0;
    return write_instruction(&writer, listing, (uint32_t)offset);
}

/* ---- The listing ------------------------------------------------------------ */

/* Types that stay, many to a line. */
static void write_locals(sfpm_writer_t *writer, const sfpm_function_t *function)
{
    enum { LINE = 70 };
    for (uint32_t i = 0; i < function->locals && !writer->failed; i++) {
        if (i == 0 || writer->column > LINE)
            sfpm_write(writer, i == 0 ? ".local" : "\n.local");
        sfpm_write(writer, " %s", sfpm_type_name(function->local_types[i]));
    }
    if (function->locals > 0)
        sfpm_write(writer, "\n");
}

static void write_function(sfpm_writer_t *writer, const sfpm_program_t *program,
                           const sfpm_function_t *function)
{
    if (function->entry != 0)
        sfpm_write(writer, "\n");
    sfpm_write(writer, ".func %s", function->name ? function->name : "_");
    if (program->version > 1 &&
        sfpm_first_like(program, function->type) != function->type)
        sfpm_write(writer, " %" PRIu32, function->type);
    else
        sfpm_write_signature(writer, function->param_types, function->params,
                             function->result_types, function->results);
    sfpm_write(writer, "\n");
    write_locals(writer, function);
}

static void write_labels(sfpm_writer_t *writer, const sfpm_program_t *program,
                         uint32_t offset)
{
    size_t i = sfpm_first_label(program, offset);
    for (; i < program->num_labels && program->labels[i].offset == offset; i++)
        if (!program->labels[i].is_function)
            sfpm_write(writer, "%s:\n", program->labels[i].name);
}

/* Where code of another line begins, in a program that was compiled. */
static void write_source(sfpm_writer_t *writer, const sfpm_program_t *program,
                         uint32_t offset)
{
    sfpm_row_t row;
    if (program->lines.version >= 2 && sfpm_row_at(&program->lines, offset, &row) &&
        row.offset == offset)
        sfpm_write(writer, "        ; %s:%" PRIu32 "\n",
                   sfpm_row_base(&program->lines, &row), row.line);
}

/* The instruction, and behind it where it lies and what its bytes are. */
static void write_line(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                       uint32_t offset)
{
    enum { COLUMN = 32, BYTES = 9 };
    const uint8_t *code = listing->program->code;
    char bytes[3 * BYTES + 1] = "";
    sfpm_write(writer, "        ");
    uint32_t length = write_instruction(writer, listing, offset);
    int blanks = writer->column < COLUMN ? (int)(COLUMN - writer->column) : 0;
    for (uint32_t i = 0; i < length && i < BYTES; i++)
        snprintf(bytes + (size_t)3 * i, 4, " %02X", code[offset + i]);
    sfpm_write(writer, "%*s ; %" PRIu32 ":%s%s\n", blanks, "", offset, bytes,
               length > BYTES ? " ..." : "");
}

static void write_code(sfpm_writer_t *writer, const sfpm_listing_t *listing,
                       const sfpm_function_t *function, uint64_t from, uint64_t to)
{
    const sfpm_program_t *program = listing->program;
    if (from <= function->entry)
        write_function(writer, program, function);
    for (uint32_t at = function->entry; at < function->end && at < to && !writer->failed;
         at += sfpm_length_at(program, function->end, at)) {
        if (at < from)
            continue;
        write_labels(writer, program, at);
        write_source(writer, program, at);
        write_line(writer, listing, at);
    }
}

bool sfpm_disassemble(const sfpm_listing_t *listing, uint64_t from, uint64_t to,
                      sfpm_vm_output_callback_t output, void *context)
{
    const sfpm_program_t *program = listing->program;
    sfpm_writer_t writer = {.output = output, .context = context};
    if (from == 0)
        sfpm_write_tables(&writer, listing);
    if (from >= program->code_size)
        return !writer.failed;
    for (uint32_t i = sfpm_function_at(program, (uint32_t)from);
         i < program->num_functions && program->functions[i].entry < to && !writer.failed;
         i++)
        write_code(&writer, listing, &program->functions[i], from, to);
    if (to >= program->code_size)
        write_labels(&writer, program, program->code_size);
    return !writer.failed;
}
