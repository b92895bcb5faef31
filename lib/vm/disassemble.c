/* SPDX-License-Identifier: MIT */
#include "vm/disassemble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "vm/instruction.h"

/* ---- One instruction -------------------------------------------------------- */

/* A label rather than the function that begins at the same place. */
static const char *target_name(const sfpm_program_t *program, uint64_t offset)
{
    size_t index = sfpm_first_place(program, offset);
    size_t end = sfpm_first_place(program, offset + 1);
    if (end - index > 1 && program->places[index].is_function)
        index++;
    return index < end ? program->places[index].name : NULL;
}

/* The name that stands for an operand, NULL when only its number does. */
static const char *operand_name(const sfpm_listing_t *listing,
                                const sfpm_instruction_t *instruction)
{
    const sfpm_program_t *program = listing->program;
    uint64_t operand = instruction->operand;
    if (instruction->info->operand == SFPM_OPERAND_FUNCTION &&
        operand < program->num_functions)
        return program->functions[operand].name;
    if (instruction->info->operand == SFPM_OPERAND_GLOBAL &&
        operand < program->num_globals)
        return program->global_names[operand];
    if (instruction->info->operand == SFPM_OPERAND_TARGET && listing->labels)
        return target_name(program, operand);
    return NULL;
}

size_t sfpm_instruction_text(const sfpm_listing_t *listing, uint64_t offset, char *text,
                             size_t size)
{
    const sfpm_program_t *program = listing->program;
    sfpm_instruction_t instruction;
    if (offset >= program->code_size)
        return 0;
    uint32_t end = program->functions[sfpm_function_at(program, (uint32_t)offset)].end;
    if (!sfpm_instruction_read(program->code, end, (size_t)offset, &instruction)) {
        snprintf(text, size, ".byte 0x%02X", program->code[offset]);
        return 1;
    }
    const char *mnemonic = instruction.info->mnemonic;
    const char *name = operand_name(listing, &instruction);
    if (instruction.info->operand == SFPM_OPERAND_NONE)
        snprintf(text, size, "%s", mnemonic);
    else if (name)
        snprintf(text, size, "%s %s", mnemonic, name);
    else if (instruction.info->operand == SFPM_OPERAND_UNWIND)
        snprintf(text, size, "%s %" PRIu32 " %" PRIu32, mnemonic,
                 sfpm_unwind_keep(instruction.operand),
                 sfpm_unwind_drop(instruction.operand));
    else if (instruction.info->operand == SFPM_OPERAND_I64)
        snprintf(text, size, "%s %" PRId64, mnemonic, sfpm_to_i64(instruction.operand));
    else
        snprintf(text, size, "%s %" PRIu64, mnemonic, instruction.operand);
    return instruction.length;
}

/* ---- The listing ------------------------------------------------------------ */

typedef struct sfpm_writer {
    sfpm_vm_output_callback_t output;
    void *context;
} sfpm_writer_t;

static bool put(const sfpm_writer_t *writer, const char *text)
{
    return writer->output(writer->context, text, strlen(text)) ||
           sfpm_fail(SFPM_ERR_SYSTEM, "the listing cannot be written");
}

static bool put_name(const sfpm_writer_t *writer, const char *directive, const char *name)
{
    return put(writer, directive) && put(writer, name ? name : "_");
}

static bool put_types(const sfpm_writer_t *writer, uint32_t count)
{
    bool written = true;
    for (uint32_t i = 0; i < count && written; i++)
        written = put(writer, " i64");
    return written;
}

static bool put_function(const sfpm_writer_t *writer, const sfpm_function_t *function)
{
    return (function->entry == 0 || put(writer, "\n")) &&
           put_name(writer, ".func ", function->name) &&
           put_types(writer, function->params) &&
           (function->results == 0 ||
            (put(writer, " ->") && put_types(writer, function->results))) &&
           put(writer, "\n") &&
           (function->locals == 0 ||
            (put(writer, ".local") && put_types(writer, function->locals) &&
             put(writer, "\n")));
}

static bool put_globals(const sfpm_writer_t *writer, const sfpm_listing_t *listing)
{
    char text[96];
    for (uint32_t i = 0; i < listing->program->num_globals; i++) {
        const uint8_t *global = listing->globals + (size_t)i * SFPM_GLOBAL_SIZE;
        int64_t value = sfpm_to_i64(sfpm_get_u64(global));
        int64_t initial = sfpm_to_i64(sfpm_get_u64(global + 8));
        int used = snprintf(text, sizeof text, " %" PRId64, initial);
        if (value != initial)
            snprintf(text + used, sizeof text - (size_t)used, " ; now %" PRId64, value);
        if (!put_name(writer, ".global ", listing->program->global_names[i]) ||
            !put(writer, text) || !put(writer, "\n"))
            return false;
    }
    return true;
}

/* The directive is needed only where the assembler would choose another function. */
static bool put_start(const sfpm_writer_t *writer, const sfpm_program_t *program)
{
    const sfpm_place_t *main_place = sfpm_place_named(program, "main", 4);
    uint32_t entry = program->functions[program->start].entry;
    char text[32];
    if (main_place && main_place->is_function ? main_place->offset == entry : entry == 0)
        return true;
    snprintf(text, sizeof text, ".start %" PRIu32 "\n", program->start);
    return put(writer, text);
}

static bool put_labels(const sfpm_writer_t *writer, const sfpm_program_t *program,
                       uint32_t offset)
{
    size_t i = sfpm_first_place(program, offset);
    for (; i < program->num_places && program->places[i].offset == offset; i++)
        if (!program->places[i].is_function &&
            !(put(writer, program->places[i].name) && put(writer, ":\n")))
            return false;
    return true;
}

/* The instruction, and behind it where it lies and what its bytes are. */
static bool put_instruction(const sfpm_writer_t *writer, const sfpm_listing_t *listing,
                            uint32_t offset, size_t *length)
{
    enum { COLUMN = 24 };
    const uint8_t *code = listing->program->code;
    char text[2 * SFPM_PLACE_TEXT];
    char place[64];
    *length = sfpm_instruction_text(listing, offset, text, sizeof text);
    size_t width = strlen(text);
    int used = snprintf(place, sizeof place, "%*s ; %" PRIu32 ":",
                        width < COLUMN ? (int)(COLUMN - width) : 0, "", offset);
    for (size_t i = 0; i < *length; i++)
        used += snprintf(place + used, sizeof place - (size_t)used, " %02X",
                         code[offset + i]);
    return put(writer, "        ") && put(writer, text) && put(writer, place) &&
           put(writer, "\n");
}

static bool put_code(const sfpm_writer_t *writer, const sfpm_listing_t *listing,
                     const sfpm_function_t *function, uint64_t from, uint64_t to)
{
    size_t length = 0;
    if (from <= function->entry && !put_function(writer, function))
        return false;
    for (uint32_t at = function->entry; at < function->end && at < to;
         at += (uint32_t)length) {
        char unused[1];
        if (at < from)
            length = sfpm_instruction_text(listing, at, unused, sizeof unused);
        else if (!put_labels(writer, listing->program, at) ||
                 !put_instruction(writer, listing, at, &length))
            return false;
    }
    return true;
}

bool sfpm_disassemble(const sfpm_listing_t *listing, uint64_t from, uint64_t to,
                      sfpm_vm_output_callback_t output, void *context)
{
    const sfpm_program_t *program = listing->program;
    const sfpm_writer_t writer = {output, context};
    if (from == 0 && !(put_start(&writer, program) && put_globals(&writer, listing)))
        return false;
    if (from >= program->code_size)
        return true;
    for (uint32_t i = sfpm_function_at(program, (uint32_t)from);
         i < program->num_functions && program->functions[i].entry < to; i++)
        if (!put_code(&writer, listing, &program->functions[i], from, to))
            return false;
    return to < program->code_size || put_labels(&writer, program, program->code_size);
}
