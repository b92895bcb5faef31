/* SPDX-License-Identifier: MIT */
/* The assembler: lines, labels and instructions, and the regions that they become. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "asm/assemble_parts.h"

/* ---- Code ------------------------------------------------------------------- */

static bool remember_place(sfpm_assembler_t *a, uint32_t line, uint32_t column)
{
    sfpm_assembly_t *assembly = a->assembly;
    void *list = assembly->places;
    if (!sfpm_grow_array(&list, &assembly->place_capacity, assembly->num_places + 1,
                         sizeof *assembly->places))
        return false;
    assembly->places = list;
    assembly->places[assembly->num_places++] =
        (sfpm_source_place_t){(uint32_t)a->code->size, line, column};
    return true;
}

static void unknown_instruction(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    char quote[SFPM_QUOTE];
    const sfpm_opcode_info_t *near = sfpm_opcode_like(name->text, name->length);
    if (near)
        sfpm_faults_add(a->faults, name->line, name->column,
                        "unknown instruction '%s'; did you mean '%s'?",
                        sfpm_quote(name, quote), near->mnemonic);
    else
        sfpm_faults_add(a->faults, name->line, name->column, "unknown instruction '%s'",
                        sfpm_quote(name, quote));
    sfpm_asm_skip_line(a);
}

static bool take_instruction(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    const sfpm_opcode_info_t *info = sfpm_opcode_named(name->text, name->length);
    if (!info) {
        unknown_instruction(a, name);
        return true;
    }
    sfpm_asm_need_version(a, info->version, name);
    if (!sfpm_asm_need_function(a, name) ||
        !remember_place(a, name->line, name->column) ||
        !sfpm_buffer_add(a->code, &info->opcode, 1))
        return false;
    a->locals_allowed = false;
    return sfpm_asm_take_operand(a, info);
}

bool sfpm_asm_take_bytes(sfpm_assembler_t *a)
{
    if (!sfpm_asm_need_function(a, &a->token) ||
        !remember_place(a, a->token.line, a->token.column))
        return false;
    a->locals_allowed = false;
    while (a->token.kind == SFPM_TOKEN_NUMBER) {
        uint64_t value = 0;
        sfpm_asm_take_number(a, UINT8_MAX, &value);
        const uint8_t byte = (uint8_t)value;
        if (!sfpm_buffer_add(a->code, &byte, 1))
            return false;
        if (a->token.kind != SFPM_TOKEN_COMMA)
            return true;
        sfpm_asm_next(a);
    }
    sfpm_asm_expected(a, "a byte");
    return true;
}

static bool take_label(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    char quote[SFPM_QUOTE];
    if (sfpm_asm_is_long_name(a, name))
        return true;
    if (a->known || !sfpm_is_name(name->text, name->length)) {
        sfpm_faults_add(a->faults, name->line, name->column, "'%s' cannot be a label%s",
                        sfpm_quote(name, quote), a->known ? " here" : "");
        return true;
    }
    return sfpm_asm_need_function(a, name) &&
           sfpm_names_define(&a->names, SFPM_SYMBOL_LABEL, (uint32_t)a->code->size, name);
}

/* ---- Lines ------------------------------------------------------------------ */

static bool take_line(sfpm_assembler_t *a)
{
    while (a->token.kind == SFPM_TOKEN_NAME) {
        sfpm_token_t name = a->token;
        sfpm_asm_next(a);
        if (a->token.kind == SFPM_TOKEN_COLON) {
            sfpm_asm_next(a);
            if (!take_label(a, &name))
                return false;
            continue;
        }
        if (!(name.text[0] == '.' ? sfpm_asm_take_directive(a, &name)
                                  : take_instruction(a, &name)))
            return false;
        if (!sfpm_asm_at_end(a))
            sfpm_asm_expected(a, "the end of the line");
    }
    if (!sfpm_asm_at_end(a))
        sfpm_asm_expected(a, "an instruction");
    return true;
}

static bool take_text(sfpm_assembler_t *a)
{
    for (sfpm_asm_next(a); a->token.kind != SFPM_TOKEN_END; sfpm_asm_next(a)) {
        if (!take_line(a))
            return false;
        if (a->code->size > SFPM_VM_MAX_CODE)
            return sfpm_fail(SFPM_ERR_LIMIT, "the program exceeds %llu bytes",
                             (unsigned long long)SFPM_VM_MAX_CODE);
        if (a->token.kind == SFPM_TOKEN_END || a->faults->count == SFPM_MAX_FAULTS)
            break;
    }
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

/* Says why the program cannot start where .start says. `found` is what has that name. */
static void refuse_start(sfpm_assembler_t *a, const sfpm_definition_t *found,
                         bool function)
{
    const sfpm_token_t *token = &a->start;
    char quote[SFPM_QUOTE];
    bool number = token->kind == SFPM_TOKEN_NUMBER;
    const char *format = "function '%s' is not defined";
    if (function || (number && token->value < a->program.num_imports && !token->negative))
        format = "cannot start in '%s': it is imported";
    else if (number)
        format = "there is no function %s";
    else if (found)
        format = "'%s' is a label, not a function";
    sfpm_faults_add(a->faults, token->line, token->column, format,
                    sfpm_quote(token, quote));
}

/* The function to start with: the one of .start, else `main`, else the first. */
static uint32_t find_start(sfpm_assembler_t *a)
{
    const sfpm_program_t *program = &a->program;
    const sfpm_token_t *token = &a->start;
    if (token->kind == SFPM_TOKEN_NUMBER && token->value >= program->num_imports &&
        token->value < program->num_functions)
        return (uint32_t)token->value;
    const char *name = token->length ? token->text : "main";
    const sfpm_definition_t *found = sfpm_names_find(
        &a->names, SFPM_OPERAND_FUNCTION, name, token->length ? token->length : 4);
    bool function = found && found->kind == SFPM_SYMBOL_FUNCTION;
    if (function && !sfpm_is_import(program, found->value))
        return found->value;
    if (token->length)
        refuse_start(a, found, function);
    return program->num_imports;
}

static void check_whole(sfpm_assembler_t *a)
{
    char quote[SFPM_QUOTE];
    uint32_t needed = a->version2.length ? 2 : 1;
    if (a->version3.length)
        needed = 3;
    if (a->program.num_functions == a->program.num_imports && a->faults->count == 0)
        sfpm_faults_add(a->faults, a->token.line, a->token.column,
                        "the program has no instructions");
    if (a->table.length && a->program.num_tables == 0)
        sfpm_asm_fault(a, &a->table, "the program has no .table");
    a->program.version = a->version ? a->version : needed;
    const sfpm_token_t *token = a->program.version == 1 ? &a->version2 : &a->version3;
    if (a->program.version < needed)
        sfpm_faults_add(a->faults, token->line, token->column,
                        "bytecode version %u has no '%s'", a->program.version,
                        sfpm_quote(token, quote));
    if (a->program.version > 1 && a->many.length)
        sfpm_faults_add(a->faults, a->many.line, a->many.column, "more than %u values",
                        SFPM_MAX_VALUES);
}

static bool encode_symbols(sfpm_assembler_t *a, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t count = a->names.num_definitions;
    sfpm_symbol_t *symbols = SFPM_NEW_N(sfpm_symbol_t, count);
    size_t num_lines = a->assembly->num_places;
    sfpm_line_t *lines = SFPM_NEW_N(sfpm_line_t, num_lines);
    bool done = false;
    if (!symbols || !lines)
        goto out;
    for (size_t i = 0; i < count; i++) {
        const sfpm_definition_t *from = &a->names.definitions[i];
        symbols[i] = (sfpm_symbol_t){from->kind, from->value, from->name};
    }
    /* A line has one instruction at most. */
    for (size_t i = 0; i < num_lines; i++) {
        const sfpm_source_place_t *place = &a->assembly->places[i];
        lines[i] = (sfpm_line_t){place->offset, place->line};
    }
    done = sfpm_symbols_encode(&a->assembly->regions.region[SFPM_SYMBOLS], symbols, count,
                               lines, num_lines, slash ? slash + 1 : file);
out:
    free(symbols);
    free(lines);
    return done;
}

static bool encode(sfpm_assembler_t *a, const char *file)
{
    sfpm_program_t *program = &a->program;
    sfpm_buffer_t *functions = &a->assembly->regions.region[SFPM_FUNCTIONS];
    program->types = a->types.list;
    program->num_types = (uint32_t)a->types.count;
    for (uint32_t i = 0; i < program->num_exports; i++)
        program->exports[i].index = sfpm_get_u32(a->export_numbers.data + (size_t)i * 4);
    return sfpm_asm_encode_elements(a) &&
           (program->version == 1
                ? sfpm_functions_encode(functions, program->functions,
                                        program->num_functions, program->start)
                : sfpm_tables_encode(&a->assembly->regions, program)) &&
           encode_symbols(a, file);
}

static bool assemble(sfpm_assembler_t *a, const char *file)
{
    if (!take_text(a) || !sfpm_asm_end_function(a))
        return false;
    check_whole(a);
    sfpm_names_sort(&a->names, a->faults);
    sfpm_names_sort(&a->exported, a->faults);
    sfpm_names_resolve(&a->names, &a->program, a->faults);
    a->program.start = find_start(a);
    return a->faults->count > 0 || a->faults->out_of_memory || encode(a, file);
}

/* ---- Instructions alone ----------------------------------------------------- */

static bool assemble_code(sfpm_assembler_t *a)
{
    const sfpm_program_t *program = a->known;
    char quote[SFPM_QUOTE];
    if (!take_text(a))
        return false;
    const sfpm_token_t *lacking = program->version == 1 ? &a->version2 : &a->version3;
    if (program->version < 3 && lacking->length)
        sfpm_faults_add(a->faults, lacking->line, lacking->column,
                        "bytecode version %u has no '%s'", program->version,
                        sfpm_quote(lacking, quote));
    else if (a->unknown_type)
        sfpm_faults_add(a->faults, 1, 1, "the program has no such function type");
    sfpm_names_resolve(&a->names, program, a->faults);
    return true;
}

static void free_parts(sfpm_assembler_t *a)
{
    while (a->blocks) {
        sfpm_block_t *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    sfpm_names_free(&a->names);
    sfpm_names_free(&a->exported);
    free(a->types.list);
    free(a->types.buckets);
    free(a->program.functions);
    free(a->program.globals);
    free(a->program.exports);
    free(a->program.segments);
    free(a->program.tables);
    free(a->program.element_segments);
    sfpm_buffer_free(&a->elements);
    sfpm_buffer_free(&a->export_numbers);
    sfpm_buffer_free(&a->locals);
    sfpm_buffer_free(&a->scratch);
}

bool sfpm_assemble(sfpm_assembly_t *assembly, const char *text, size_t size,
                   const char *file, sfpm_faults_t *faults)
{
    *assembly = (sfpm_assembly_t){0};
    sfpm_assembler_t a = {.faults = faults,
                          .assembly = assembly,
                          .code = &assembly->regions.region[SFPM_CODE],
                          .program.max_pages = SFPM_NO_MEMORY};
    sfpm_lexer_start(&a.lexer, text, size);
    bool done = assemble(&a, file);
    free_parts(&a);
    return done;
}

bool sfpm_assemble_code(sfpm_assembly_t *assembly, const sfpm_program_t *program,
                        const char *text, size_t size, sfpm_faults_t *faults)
{
    *assembly = (sfpm_assembly_t){0};
    sfpm_assembler_t a = {.faults = faults,
                          .assembly = assembly,
                          .code = &assembly->regions.region[SFPM_CODE],
                          .known = program};
    sfpm_lexer_start(&a.lexer, text, size);
    bool done = assemble_code(&a);
    free_parts(&a);
    return done;
}

void sfpm_assembly_free(sfpm_assembly_t *assembly)
{
    sfpm_regions_free(&assembly->regions);
    free(assembly->places);
    *assembly = (sfpm_assembly_t){0};
}

const sfpm_source_place_t *sfpm_source_at(const sfpm_assembly_t *assembly,
                                          uint32_t offset)
{
    size_t low = 0;
    size_t high = assembly->num_places;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (assembly->places[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &assembly->places[low - 1] : NULL;
}
