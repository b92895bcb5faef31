/* SPDX-License-Identifier: MIT */
#include "vm/assemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vm/names.h"

typedef struct sfpm_assembler {
    sfpm_lexer_t lexer;
    sfpm_token_t token; /* the one to be looked at next */
    sfpm_faults_t *faults;
    sfpm_names_t names;
    sfpm_assembly_t *assembly;
    sfpm_buffer_t *code;
    sfpm_buffer_t *globals;
    sfpm_function_t *functions;
    size_t num_functions;
    size_t function_capacity;
    sfpm_token_t function; /* where the last function was named */
    sfpm_token_t start;    /* of .start; its length is 0 when there was none */
    bool locals_allowed;   /* no instruction since .func */
} sfpm_assembler_t;

/* Parsing functions return false only when they cannot go on: the error is set. */

static void next(sfpm_assembler_t *a)
{
    sfpm_lexer_next(&a->lexer, &a->token);
}

static bool at_end(const sfpm_assembler_t *a)
{
    return a->token.kind == SFPM_TOKEN_LINE || a->token.kind == SFPM_TOKEN_END;
}

static void skip_line(sfpm_assembler_t *a)
{
    while (!at_end(a))
        next(a);
}

/* Records that something else than `wanted` was found, and leaves the line. */
static void expected(sfpm_assembler_t *a, const char *wanted)
{
    char quote[SFPM_QUOTE];
    const sfpm_token_t *token = &a->token;
    if (token->kind == SFPM_TOKEN_BAD)
        sfpm_faults_add(a->faults, token->line, token->column, "'%s': %s",
                        sfpm_quote(token, quote), token->problem);
    else if (at_end(a))
        sfpm_faults_add(a->faults, token->line, token->column, "%s expected", wanted);
    else
        sfpm_faults_add(a->faults, token->line, token->column, "%s expected, not '%s'",
                        wanted, sfpm_quote(token, quote));
    skip_line(a);
}

/* ---- Functions and globals -------------------------------------------------- */

static bool is_no_name(const sfpm_token_t *name)
{
    return name->length == 1 && name->text[0] == '_';
}

static void check_last_function(const sfpm_assembler_t *a)
{
    if (a->num_functions > 0 && a->functions[a->num_functions - 1].entry == a->code->size)
        sfpm_faults_add(a->faults, a->function.line, a->function.column,
                        "the function has no instruction");
}

/* `_` as a name is none. */
static bool begin_function(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    void *list = a->functions;
    check_last_function(a);
    if (!sfpm_grow_array(&list, &a->function_capacity, a->num_functions + 1,
                         sizeof *a->functions))
        return false;
    a->functions = list;
    uint32_t number = (uint32_t)a->num_functions++;
    a->functions[number] = (sfpm_function_t){.entry = (uint32_t)a->code->size};
    a->function = *name;
    a->locals_allowed = true;
    return is_no_name(name) ||
           sfpm_names_define(&a->names, SFPM_SYMBOL_FUNCTION, number, name);
}

/* Code before any .func belongs to a function `main`. */
static bool need_function(sfpm_assembler_t *a, const sfpm_token_t *at)
{
    sfpm_token_t name = {
        .text = "main", .length = 4, .line = at->line, .column = at->column};
    return a->num_functions > 0 || begin_function(a, &name);
}

static void take_types(sfpm_assembler_t *a, uint16_t *count)
{
    for (; a->token.kind == SFPM_TOKEN_NAME; next(a)) {
        char quote[SFPM_QUOTE];
        if (a->token.length != 3 || memcmp(a->token.text, "i64", 3) != 0)
            sfpm_faults_add(a->faults, a->token.line, a->token.column,
                            "unknown type '%s'", sfpm_quote(&a->token, quote));
        else if (*count == SFPM_MAX_HEIGHT)
            sfpm_faults_add(a->faults, a->token.line, a->token.column,
                            "more than %u values", SFPM_MAX_HEIGHT);
        else
            ++*count;
    }
}

/* A name to be defined, or `_` for none. False when there is neither. */
static bool take_name(sfpm_assembler_t *a, sfpm_token_t *name)
{
    *name = a->token;
    if (name->kind != SFPM_TOKEN_NAME ||
        (!is_no_name(name) && !sfpm_is_name(name->text, name->length))) {
        expected(a, "a name");
        return false;
    }
    next(a);
    return true;
}

static bool take_func(sfpm_assembler_t *a)
{
    sfpm_token_t name;
    if (!take_name(a, &name))
        return true;
    if (!begin_function(a, &name))
        return false;
    sfpm_function_t *function = &a->functions[a->num_functions - 1];
    take_types(a, &function->params);
    if (a->token.kind == SFPM_TOKEN_ARROW) {
        next(a);
        take_types(a, &function->results);
    }
    return true;
}

static bool take_local(sfpm_assembler_t *a)
{
    if (a->num_functions == 0 || !a->locals_allowed) {
        sfpm_faults_add(a->faults, a->token.line, a->token.column,
                        ".local belongs between .func and its first instruction");
        skip_line(a);
        return true;
    }
    take_types(a, &a->functions[a->num_functions - 1].locals);
    return true;
}

static bool take_global(sfpm_assembler_t *a)
{
    sfpm_token_t name;
    uint64_t value = 0;
    uint32_t number = (uint32_t)(a->globals->size / SFPM_GLOBAL_SIZE);
    if (!take_name(a, &name))
        return true;
    if (a->token.kind == SFPM_TOKEN_NUMBER) {
        value = a->token.value;
        next(a);
    }
    return (is_no_name(&name) ||
            sfpm_names_define(&a->names, SFPM_SYMBOL_GLOBAL, number, &name)) &&
           sfpm_buffer_add_u64(a->globals, value) &&
           sfpm_buffer_add_u64(a->globals, value);
}

static bool take_start(sfpm_assembler_t *a)
{
    if (a->start.length)
        sfpm_faults_add(a->faults, a->token.line, a->token.column,
                        ".start was already given in line %u", a->start.line);
    if (a->token.kind != SFPM_TOKEN_NAME && a->token.kind != SFPM_TOKEN_NUMBER) {
        expected(a, "a function");
        return true;
    }
    a->start = a->token;
    next(a);
    return true;
}

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

/* Only numbers of eight bytes may be negative. */
static bool in_width(const sfpm_token_t *number, uint8_t width)
{
    uint64_t limit = width == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * width) - 1;
    return number->value <= limit && (width == 8 || !number->negative);
}

static bool add_number(sfpm_assembler_t *a, const sfpm_token_t *number, uint8_t width)
{
    uint8_t bytes[8];
    if (!in_width(number, width))
        sfpm_faults_add(a->faults, number->line, number->column,
                        "the number does not fit: 0 to %llu is possible",
                        ((unsigned long long)1 << 8 * width) - 1);
    sfpm_put_u64(bytes, number->value);
    return sfpm_buffer_add(a->code, bytes, width);
}

static bool take_operand(sfpm_assembler_t *a, const sfpm_opcode_info_t *info)
{
    static const uint8_t zeros[8];
    bool by_name = info->operand == SFPM_OPERAND_TARGET ||
                   info->operand == SFPM_OPERAND_FUNCTION ||
                   info->operand == SFPM_OPERAND_GLOBAL;
    sfpm_token_t operand = a->token;
    if (operand.kind == SFPM_TOKEN_NUMBER) {
        next(a);
        return add_number(a, &operand, info->width);
    }
    if (!by_name || operand.kind != SFPM_TOKEN_NAME) {
        expected(a, by_name ? "a name or a number" : "a number");
        return true;
    }
    next(a);
    return sfpm_names_refer(&a->names, (sfpm_operand_t)info->operand, a->code->size,
                            &operand) &&
           sfpm_buffer_add(a->code, zeros, info->width);
}

static bool take_instruction(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    const sfpm_opcode_info_t *info = sfpm_opcode_named(name->text, name->length);
    char quote[SFPM_QUOTE];
    if (!info) {
        sfpm_faults_add(a->faults, name->line, name->column, "unknown instruction '%s'",
                        sfpm_quote(name, quote));
        skip_line(a);
        return true;
    }
    if (!need_function(a, name) || !remember_place(a, name->line, name->column) ||
        !sfpm_buffer_add(a->code, &info->opcode, 1))
        return false;
    a->locals_allowed = false;
    return info->operand == SFPM_OPERAND_NONE || take_operand(a, info);
}

static bool take_bytes(sfpm_assembler_t *a)
{
    if (!need_function(a, &a->token) ||
        !remember_place(a, a->token.line, a->token.column))
        return false;
    a->locals_allowed = false;
    while (a->token.kind == SFPM_TOKEN_NUMBER) {
        if (!add_number(a, &a->token, 1))
            return false;
        next(a);
        if (a->token.kind != SFPM_TOKEN_COMMA)
            return true;
        next(a);
    }
    expected(a, "a byte");
    return true;
}

static bool take_label(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    char quote[SFPM_QUOTE];
    if (!sfpm_is_name(name->text, name->length)) {
        sfpm_faults_add(a->faults, name->line, name->column, "'%s' cannot be a label",
                        sfpm_quote(name, quote));
        return true;
    }
    return need_function(a, name) &&
           sfpm_names_define(&a->names, SFPM_SYMBOL_LABEL, (uint32_t)a->code->size, name);
}

/* ---- Lines ------------------------------------------------------------------ */

static bool take_directive(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    static const struct {
        const char *name;
        bool (*take)(sfpm_assembler_t *a);
    } directives[] = {{".func", take_func},
                      {".local", take_local},
                      {".global", take_global},
                      {".start", take_start},
                      {".byte", take_bytes}};
    char quote[SFPM_QUOTE];
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++)
        if (name->length == strlen(directives[i].name) &&
            memcmp(name->text, directives[i].name, name->length) == 0)
            return directives[i].take(a);
    sfpm_faults_add(a->faults, name->line, name->column, "unknown directive '%s'",
                    sfpm_quote(name, quote));
    skip_line(a);
    return true;
}

static bool take_line(sfpm_assembler_t *a)
{
    while (a->token.kind == SFPM_TOKEN_NAME) {
        sfpm_token_t name = a->token;
        next(a);
        if (a->token.kind == SFPM_TOKEN_COLON) {
            next(a);
            if (!take_label(a, &name))
                return false;
            continue;
        }
        if (!(name.text[0] == '.' ? take_directive(a, &name)
                                  : take_instruction(a, &name)))
            return false;
        if (!at_end(a))
            expected(a, "the end of the line");
    }
    if (!at_end(a))
        expected(a, "an instruction");
    return true;
}

static bool take_text(sfpm_assembler_t *a)
{
    for (next(a); a->token.kind != SFPM_TOKEN_END; next(a)) {
        if (!take_line(a))
            return false;
        if (a->code->size > SFPM_VM_MAX_CODE)
            return sfpm_fail(SFPM_ERR_LIMIT, "the program is over %llu bytes",
                             (unsigned long long)SFPM_VM_MAX_CODE);
        if (a->token.kind == SFPM_TOKEN_END)
            break;
    }
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

/* The function to start with: the one of .start, else `main`, else the first. */
static uint32_t find_start(sfpm_assembler_t *a)
{
    const sfpm_token_t *token = &a->start;
    char quote[SFPM_QUOTE];
    if (token->kind == SFPM_TOKEN_NUMBER && token->value < a->num_functions)
        return (uint32_t)token->value;
    const sfpm_definition_t *found =
        token->length ? sfpm_names_find(&a->names, SFPM_OPERAND_FUNCTION, token->text,
                                        token->length)
                      : sfpm_names_find(&a->names, SFPM_OPERAND_FUNCTION, "main", 4);
    if (found && found->kind == SFPM_SYMBOL_FUNCTION)
        return found->value;
    if (token->length)
        sfpm_faults_add(a->faults, token->line, token->column,
                        "function '%s' is not defined", sfpm_quote(token, quote));
    return 0;
}

static void check_functions(sfpm_assembler_t *a)
{
    if (a->num_functions == 0 && a->faults->count == 0)
        sfpm_faults_add(a->faults, a->token.line, a->token.column,
                        "there is no instruction");
    check_last_function(a);
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

static bool assemble(sfpm_assembler_t *a, const char *file)
{
    if (!take_text(a))
        return false;
    check_functions(a);
    sfpm_names_sort(&a->names, a->faults);
    sfpm_names_resolve(&a->names, a->functions, a->code->data, a->faults);
    uint32_t start = find_start(a);
    if (a->faults->count > 0 || a->faults->out_of_memory)
        return true;
    return sfpm_functions_encode(&a->assembly->regions.region[SFPM_FUNCTIONS],
                                 a->functions, (uint32_t)a->num_functions, start) &&
           encode_symbols(a, file);
}

bool sfpm_assemble(sfpm_assembly_t *assembly, const char *text, size_t size,
                   const char *file, sfpm_faults_t *faults)
{
    *assembly = (sfpm_assembly_t){0};
    sfpm_assembler_t a = {.faults = faults,
                          .assembly = assembly,
                          .code = &assembly->regions.region[SFPM_CODE],
                          .globals = &assembly->regions.region[SFPM_GLOBALS]};
    sfpm_lexer_start(&a.lexer, text, size);
    bool done = assemble(&a, file);
    sfpm_names_free(&a.names);
    free(a.functions);
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
