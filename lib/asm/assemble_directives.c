/* SPDX-License-Identifier: MIT */
/* The assembler: the directives, each of which fills a table of the program. */
#include <string.h>

#include "asm/assemble_parts.h"

void sfpm_asm_fault(sfpm_assembler_t *a, const sfpm_token_t *token, const char *text)
{
    sfpm_faults_add(a->faults, token->line, token->column, "%s", text);
}

/* The same, about the place just reached; the rest of the line is of no interest. */
bool sfpm_asm_refuse_line(sfpm_assembler_t *a, const char *text)
{
    sfpm_asm_fault(a, &a->token, text);
    sfpm_asm_skip_line(a);
    return true;
}

/* A name to be defined, or `_` for none. False when there is neither. */
bool sfpm_asm_take_name(sfpm_assembler_t *a, sfpm_token_t *name)
{
    *name = a->token;
    if (name->kind != SFPM_TOKEN_NAME ||
        (!sfpm_token_is_none(name) && !sfpm_is_name(name->text, name->length))) {
        if (sfpm_asm_is_long_name(a, name))
            sfpm_asm_skip_line(a);
        else
            sfpm_asm_expected(a, "a name");
        return false;
    }
    sfpm_asm_next(a);
    return true;
}

bool sfpm_asm_define(sfpm_assembler_t *a, sfpm_symbol_kind_t kind, uint32_t value,
                     const sfpm_token_t *name)
{
    return sfpm_token_is_none(name) || sfpm_names_define(&a->names, kind, value, name);
}

/* ---- Functions -------------------------------------------------------------- */

bool sfpm_asm_end_function(sfpm_assembler_t *a)
{
    sfpm_program_t *program = &a->program;
    if (program->num_functions == program->num_imports)
        return true;
    sfpm_function_t *function = &program->functions[program->num_functions - 1];
    function->locals = (uint16_t)a->locals.size;
    function->local_types = sfpm_asm_keep(a, a->locals.data, a->locals.size);
    if (function->entry == a->code->size)
        sfpm_asm_fault(a, &a->function, "the function has no instructions");
    if ((size_t)function->params + a->locals.size > SFPM_MAX_HEIGHT)
        sfpm_faults_add(a->faults, a->function.line, a->function.column,
                        "more than %u values", SFPM_MAX_HEIGHT);
    return function->local_types != NULL;
}

static bool add_function(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    sfpm_program_t *program = &a->program;
    void *list = program->functions;
    if (!sfpm_grow_array(&list, &a->function_capacity, (size_t)program->num_functions + 1,
                         sizeof *program->functions))
        return false;
    program->functions = list;
    uint32_t number = program->num_functions++;
    program->functions[number] = (sfpm_function_t){.entry = (uint32_t)a->code->size};
    return sfpm_asm_define(a, SFPM_SYMBOL_FUNCTION, number, name);
}

/* What its type is, from the tokens. */
static bool take_function_type(sfpm_assembler_t *a)
{
    sfpm_function_t *function = &a->program.functions[a->program.num_functions - 1];
    if (!sfpm_asm_take_signature(a, true, &function->type))
        return false;
    if (function->type == SFPM_NO_TYPE)
        return true;
    const sfpm_function_type_t *type = &a->types.list[function->type];
    function->params = type->params;
    function->results = type->results;
    return true;
}

static bool begin_function(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    if (!sfpm_asm_end_function(a) || !add_function(a, name))
        return false;
    a->function = *name;
    a->locals.size = 0;
    a->locals_allowed = true;
    return true;
}

bool sfpm_asm_need_function(sfpm_assembler_t *a, const sfpm_token_t *at)
{
    static const uint8_t none[1] = {0};
    const sfpm_function_type_t type = {.types = none};
    sfpm_token_t name = {.kind = SFPM_TOKEN_NAME,
                         .text = "main",
                         .length = 4,
                         .line = at->line,
                         .column = at->column};
    if (a->known || a->program.num_functions > a->program.num_imports)
        return true;
    return begin_function(a, &name) &&
           sfpm_types_add(a, &type, false,
                          &a->program.functions[a->program.num_imports].type);
}

static bool take_func(sfpm_assembler_t *a)
{
    sfpm_token_t name;
    return !sfpm_asm_take_name(a, &name) ||
           (begin_function(a, &name) && take_function_type(a));
}

static bool take_local(sfpm_assembler_t *a)
{
    if (!a->locals_allowed)
        return sfpm_asm_refuse_line(
            a, ".local must precede the function's first instruction");
    if (!sfpm_asm_take_types(a, &a->locals))
        return false;
    if (a->locals.size > SFPM_MAX_HEIGHT) {
        sfpm_faults_add(a->faults, a->token.line, a->token.column, "more than %u values",
                        SFPM_MAX_HEIGHT);
        a->locals.size = 0;
    }
    return true;
}

static bool take_type(sfpm_assembler_t *a)
{
    uint32_t number;
    return sfpm_asm_take_signature(a, false, &number);
}

static bool take_start(sfpm_assembler_t *a)
{
    if (a->start.length)
        sfpm_faults_add(a->faults, a->token.line, a->token.column,
                        "duplicate .start: already given on line %u", a->start.line);
    if (a->token.kind != SFPM_TOKEN_NAME && a->token.kind != SFPM_TOKEN_NUMBER) {
        sfpm_asm_expected(a, "a function");
        return true;
    }
    a->start = a->token;
    sfpm_asm_next(a);
    return true;
}

/* ---- Imports and exports ---------------------------------------------------- */

static void fail_length(sfpm_assembler_t *a, const sfpm_token_t *name, size_t length,
                        unsigned most)
{
    sfpm_faults_add(a->faults, name->line, name->column,
                    "the name is too long: %zu bytes, at most %u are allowed", length,
                    most);
}

bool sfpm_asm_is_long_name(sfpm_assembler_t *a, const sfpm_token_t *token)
{
    if (token->kind != SFPM_TOKEN_NAME || token->length <= SFPM_MAX_NAME ||
        !sfpm_is_name(token->text, SFPM_MAX_NAME))
        return false;
    fail_length(a, token, token->length, SFPM_MAX_NAME);
    return true;
}

/* The name of an import or export, in quotes or not; NULL with a fault, or, when
 * `*ok` is false, with the error set. */
static const char *take_outer_name(sfpm_assembler_t *a, bool *ok)
{
    const sfpm_token_t token = a->token;
    sfpm_buffer_t *bytes = &a->scratch;
    *ok = true;
    if (token.kind != SFPM_TOKEN_STRING && token.kind != SFPM_TOKEN_NAME) {
        sfpm_asm_expected(a, "a name in quotes");
        return NULL;
    }
    bytes->size = 0;
    *ok = (token.kind == SFPM_TOKEN_STRING
               ? sfpm_string_bytes(&token, bytes)
               : sfpm_buffer_add(bytes, token.text, token.length)) &&
          sfpm_buffer_add(bytes, "", 1);
    if (!*ok)
        return NULL;
    bool printable = true;
    for (size_t i = 0; i + 1 < bytes->size; i++)
        printable = printable && bytes->data[i] >= ' ' && bytes->data[i] != 0x7F;
    if (!printable)
        sfpm_asm_fault(a, &token, "the name contains control characters");
    else if (bytes->size - 1 > SFPM_MAX_EXPORT_NAME)
        fail_length(a, &token, bytes->size - 1, SFPM_MAX_EXPORT_NAME);
    sfpm_asm_next(a);
    const char *kept = (const char *)sfpm_asm_keep(a, bytes->data, bytes->size);
    *ok = kept != NULL;
    return kept;
}

static bool take_import(sfpm_assembler_t *a)
{
    sfpm_program_t *program = &a->program;
    sfpm_token_t name;
    bool ok;
    if (program->num_functions > program->num_imports)
        return sfpm_asm_refuse_line(a, ".import must precede the first function");
    const char *module = take_outer_name(a, &ok);
    const char *field = module ? take_outer_name(a, &ok) : NULL;
    if (!field || !sfpm_asm_take_name(a, &name))
        return ok;
    if (!add_function(a, &name))
        return false;
    sfpm_function_t *function = &program->functions[program->num_imports++];
    function->module = module;
    function->field = field;
    return take_function_type(a);
}

static bool add_export(sfpm_assembler_t *a, const char *name, sfpm_export_kind_t kind,
                       uint32_t index)
{
    sfpm_program_t *program = &a->program;
    void *list = program->exports;
    if (!sfpm_grow_array(&list, &a->export_capacity, (size_t)program->num_exports + 1,
                         sizeof *program->exports))
        return false;
    program->exports = list;
    program->exports[program->num_exports++] =
        (sfpm_export_t){.kind = kind, .name = name};
    return sfpm_buffer_add_u32(&a->export_numbers, index);
}

/* The first table unless another one is named by its number. */
static bool take_exported_table(sfpm_assembler_t *a, const char *name)
{
    const sfpm_token_t at = a->token;
    uint64_t number = 0;
    if (at.kind == SFPM_TOKEN_NUMBER) {
        sfpm_asm_take_number(a, SFPM_MAX_TABLES - 1, &number);
        if (number > 0 && number >= a->program.num_tables)
            sfpm_asm_fault(a, &at, "no such .table precedes this");
    }
    return add_export(a, name, SFPM_EXPORT_TABLE, (uint32_t)number);
}

/* A function or global to be exported. */
static bool take_exported(sfpm_assembler_t *a, const char *name, sfpm_export_kind_t kind)
{
    const sfpm_token_t token = a->token;
    sfpm_operand_t operand =
        kind == SFPM_EXPORT_GLOBAL ? SFPM_OPERAND_GLOBAL : SFPM_OPERAND_FUNCTION;
    if (token.kind != SFPM_TOKEN_NAME && token.kind != SFPM_TOKEN_NUMBER) {
        sfpm_asm_expected(a, "a name or a number");
        return true;
    }
    sfpm_asm_next(a);
    return sfpm_names_refer(&a->names, operand, &a->export_numbers, &token) &&
           add_export(a, name, kind, 0);
}

/* Remembers where a sound name was given, to find those given twice. */
static bool define_exported(sfpm_assembler_t *a, const sfpm_token_t *at, const char *name)
{
    sfpm_token_t token = *at;
    token.text = name;
    token.length = (uint32_t)strlen(name);
    return sfpm_names_define(&a->exported, SFPM_SYMBOL_GLOBAL, 0, &token);
}

static bool take_export(sfpm_assembler_t *a)
{
    bool ok;
    size_t faults = a->faults->count;
    const sfpm_token_t at = a->token;
    const char *name = take_outer_name(a, &ok);
    const sfpm_token_t kind = a->token;
    if (!name)
        return ok;
    if (a->faults->count == faults && !define_exported(a, &at, name))
        return false;
    if (sfpm_token_is(&kind, "memory") || sfpm_token_is(&kind, "table")) {
        bool memory = kind.text[0] == 'm';
        if (memory && a->program.max_pages == SFPM_NO_MEMORY)
            sfpm_asm_fault(a, &kind, "no .memory precedes this");
        if (!memory && a->table.length == 0)
            a->table = kind;
        sfpm_asm_next(a);
        return memory ? add_export(a, name, SFPM_EXPORT_MEMORY, 0)
                      : take_exported_table(a, name);
    }
    if (!sfpm_token_is(&kind, "func") && !sfpm_token_is(&kind, "global")) {
        sfpm_asm_expected(a, "func, global, memory or table");
        return true;
    }
    sfpm_asm_next(a);
    return take_exported(a, name,
                         kind.text[0] == 'f' ? SFPM_EXPORT_FUNCTION : SFPM_EXPORT_GLOBAL);
}

/* ---- All of them ------------------------------------------------------------ */

static bool take_version(sfpm_assembler_t *a)
{
    uint64_t version = 0;
    const sfpm_token_t at = a->token;
    if (!sfpm_asm_take_number(a, UINT32_MAX, &version))
        return true;
    if (version < 1 || version > SFPM_BYTECODE_VERSION)
        sfpm_faults_add(
            a->faults, at.line, at.column,
            "unsupported bytecode version %llu (this release supports 1 to %d)",
            (unsigned long long)version, SFPM_BYTECODE_VERSION);
    if (a->version != 0 && a->version != version)
        sfpm_asm_fault(a, &at, "a different .version was given before");
    a->version = (uint32_t)version;
    return true;
}

bool sfpm_asm_take_directive(sfpm_assembler_t *a, const sfpm_token_t *name)
{
    static const struct {
        const char *name;
        bool (*take)(sfpm_assembler_t *a);
        bool version1;
    } directives[] = {{".func", take_func, true},
                      {".local", take_local, true},
                      {".global", sfpm_asm_take_global, true},
                      {".start", take_start, true},
                      {".byte", sfpm_asm_take_bytes, true},
                      {".version", take_version, true},
                      {".type", take_type, false},
                      {".import", take_import, false},
                      {".export", take_export, false},
                      {".memory", sfpm_asm_take_memory, false},
                      {".table", sfpm_asm_take_table, false},
                      {".elem", sfpm_asm_take_elem, false},
                      {".data", sfpm_asm_take_data, false}};
    char quote[SFPM_QUOTE];
    for (size_t i = 0; !a->known && i < sizeof directives / sizeof directives[0];
         i++) {
        if (!sfpm_token_is(name, directives[i].name))
            continue;
        if (!directives[i].version1)
            sfpm_asm_need_version2(a, name);
        return directives[i].take(a);
    }
    sfpm_faults_add(a->faults, name->line, name->column, "unknown directive '%s'",
                    sfpm_quote(name, quote));
    sfpm_asm_skip_line(a);
    return true;
}
