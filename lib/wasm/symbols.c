/* SPDX-License-Identifier: MIT */
/*
 * Makes the symbols of a module. Their names are of few characters and unique, so others
 * become `_`, long names are cut, what would be there twice gets a number, and a function
 * without a name is func.N. Lines are those of DWARF, at the places of the code that
 * became of theirs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name_map.h"
#include "wasm/module.h"

/* ---- Names that symbols can have --------------------------------------------- */

/* The symbols so far. */
typedef struct sfpm_wasm_symbols {
    sfpm_symbol_t *list; /* of functions and globals */
    size_t count;
    sfpm_local_name_t *locals;
    size_t num_locals;
    sfpm_row_t *rows;
    size_t num_rows;
    sfpm_name_map_t taken;    /* names of one kind */
    sfpm_name_map_t numbered; /* what numbers were put behind, once for each number */
    char *text;               /* where the names are … */
    size_t text_size;
} sfpm_wasm_symbols_t;

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_later(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == '$';
}

/* The name as symbols may be, where there is room for it; its length. */
static size_t clean(const sfpm_wasm_name_t *name, char *text)
{
    size_t length = 0;
    for (uint32_t i = 0; i < name->length && length < SFPM_MAX_NAME; i++) {
        uint8_t byte = name->bytes[i];
        if (i == 0 && is_later(byte))
            text[length++] = '_';
        text[length++] = is_letter(byte) || is_later(byte) ? (char)byte : '_';
    }
    if (length == 1 && text[0] == '_')
        text[length++] = '_';
    text[length] = '\0';
    return length;
}

enum { NUMBER = 24 };

static bool is_taken(const sfpm_wasm_symbols_t *symbols, const char *text)
{
    return sfpm_name_map_count(&symbols->taken, text) > 0;
}

/* Cuts a name for the next number that was not yet put behind what is left of it. */
static void next_number(const sfpm_wasm_symbols_t *symbols, const char *name, char *text,
                        char number[NUMBER])
{
    for (size_t digits = 1;; digits++) {
        size_t length = strnlen(name, SFPM_MAX_NAME - 1 - digits);
        memcpy(text, name, length);
        text[length] = '\0';
        snprintf(number, NUMBER, ".%zu",
                 sfpm_name_map_count(&symbols->numbered, text) + 1);
        if (strlen(number) <= 1 + digits)
            return;
    }
}

/* Puts a number behind a name that is there already, until it is not. No number is tried
 * twice behind the same text, so that no choice of names makes this slow. */
static bool make_unique(sfpm_wasm_symbols_t *symbols, char *text)
{
    char *name = sfpm_copy_string(text), number[NUMBER];
    bool ok = name != NULL;
    do {
        if (ok)
            next_number(symbols, name, text, number);
        ok = ok && sfpm_name_map_add(&symbols->numbered, text, 0, NULL);
        if (ok)
            strcat(text, number);
    } while (ok && is_taken(symbols, text));
    free(name);
    return ok;
}

/* Names of another kind follow. */
static void begin_kind(sfpm_wasm_symbols_t *symbols)
{
    sfpm_name_map_free(&symbols->taken);
    sfpm_name_map_free(&symbols->numbered);
    symbols->taken = symbols->numbered = (sfpm_name_map_t){NULL};
}

/* The name as a symbol can have it, or `other` for an empty one. */
static const char *make_name(sfpm_wasm_symbols_t *symbols, const sfpm_wasm_name_t *name,
                             const char *other)
{
    char *text = symbols->text + symbols->text_size;
    if (clean(name, text) == 0)
        strcpy(text, other);
    if ((is_taken(symbols, text) && !make_unique(symbols, text)) ||
        !sfpm_name_map_add(&symbols->taken, text, 0, NULL))
        return NULL;
    symbols->text_size += strlen(text) + 1;
    return text;
}

static bool add_symbol(sfpm_wasm_symbols_t *symbols, sfpm_symbol_kind_t kind,
                       uint32_t number, const sfpm_wasm_name_t *name)
{
    char other[NUMBER];
    snprintf(other, sizeof other, "func.%u", (unsigned)number);
    const char *made = make_name(symbols, name, other);
    symbols->list[symbols->count] = (sfpm_symbol_t){kind, number, made};
    symbols->count += made != NULL;
    return made != NULL;
}

/* ---- Functions and globals --------------------------------------------------- */

static sfpm_wasm_name_t name_of_text(const char *text)
{
    return (sfpm_wasm_name_t){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* The best name that each function has; the names are borrowed. */
static sfpm_wasm_name_t *choose_names(const sfpm_wasm_module_t *module)
{
    const sfpm_program_t *program = &module->program;
    sfpm_wasm_name_t *names = SFPM_NEW_N(sfpm_wasm_name_t, program->num_functions);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < module->num_named; i++)
        names[i] = module->function_names[i];
    for (uint32_t i = 0; i < program->num_imports; i++)
        if (names[i].length == 0)
            names[i] = name_of_text(program->functions[i].field);
    for (uint32_t i = 0; i < program->num_exports; i++) {
        const sfpm_export_t *export = &program->exports[i];
        if (export->kind == SFPM_EXPORT_FUNCTION && names[export->index].length == 0)
            names[export->index] = name_of_text(export->name);
    }
    if (names[program->start].length == 0)
        names[program->start] = name_of_text("start");
    return names;
}

/* The same of globals; those without one stay so. */
static sfpm_wasm_name_t *choose_global_names(const sfpm_wasm_module_t *module)
{
    const sfpm_program_t *program = &module->program;
    sfpm_wasm_name_t *names = SFPM_NEW_N(sfpm_wasm_name_t, program->num_globals);
    for (uint32_t i = 0; names && module->global_names && i < program->num_globals; i++)
        names[i] = module->global_names[i];
    for (uint32_t i = 0; names && i < program->num_exports; i++) {
        const sfpm_export_t *export = &program->exports[i];
        if (export->kind == SFPM_EXPORT_GLOBAL && names[export->index].length == 0)
            names[export->index] = name_of_text(export->name);
    }
    return names;
}

enum { NUMBERS = 32 /* "func.12.1" and the terminator */ };

static size_t room_for(const sfpm_wasm_name_t *name)
{
    return (name->length < SFPM_MAX_NAME ? name->length : SFPM_MAX_NAME) + NUMBERS;
}

static bool make_room(const sfpm_wasm_module_t *module, sfpm_wasm_symbols_t *symbols,
                      const sfpm_wasm_name_t *functions, const sfpm_wasm_name_t *globals)
{
    const sfpm_program_t *program = &module->program;
    sfpm_wasm_local_reader_t locals;
    size_t text = 0, num_locals = 0;
    for (uint32_t i = 0; i < program->num_functions; i++)
        text += room_for(&functions[i]);
    for (uint32_t i = 0; i < program->num_globals; i++)
        text += room_for(&globals[i]);
    if (sfpm_wasm_begin_locals(module, &locals))
        for (; sfpm_wasm_next_local(&locals); num_locals++)
            text += room_for(&locals.name);
    symbols->list =
        SFPM_NEW_N(sfpm_symbol_t, (size_t)program->num_functions + program->num_globals);
    symbols->locals = SFPM_NEW_N(sfpm_local_name_t, num_locals);
    symbols->rows = SFPM_NEW_N(sfpm_row_t, module->lines.num_rows + 1);
    symbols->text = SFPM_NEW_N(char, text);
    return symbols->list && symbols->locals && symbols->rows && symbols->text;
}

static bool add_names(const sfpm_program_t *program, sfpm_wasm_symbols_t *symbols,
                      const sfpm_wasm_name_t *functions, const sfpm_wasm_name_t *globals)
{
    for (uint32_t i = 0; i < program->num_functions; i++)
        if (!add_symbol(symbols, SFPM_SYMBOL_FUNCTION, i, &functions[i]))
            return false;
    begin_kind(symbols);
    for (uint32_t i = 0; i < program->num_globals; i++)
        if (globals[i].length > 0 &&
            !add_symbol(symbols, SFPM_SYMBOL_GLOBAL, i, &globals[i]))
            return false;
    return true;
}

static bool add_locals(const sfpm_wasm_module_t *module, sfpm_wasm_symbols_t *symbols)
{
    sfpm_wasm_local_reader_t locals;
    if (!sfpm_wasm_begin_locals(module, &locals))
        return true;
    uint32_t function = SFPM_NO_FUNCTION;
    while (sfpm_wasm_next_local(&locals)) {
        if (locals.function != function)
            begin_kind(symbols);
        function = locals.function;
        if (locals.name.length == 0)
            continue;
        const char *name = make_name(symbols, &locals.name, "");
        if (!name)
            return false;
        symbols->locals[symbols->num_locals++] =
            (sfpm_local_name_t){function, locals.local, name};
    }
    return true;
}

/* ---- Lines ------------------------------------------------------------------- */

void sfpm_wasm_map_lines(sfpm_wasm_module_t *module, uint64_t offset)
{
    sfpm_dwarf_lines_t *lines = &module->lines;
    uint32_t code_size = (uint32_t)module->regions->region[SFPM_CODE].size;
    while (module->num_mapped < lines->num_rows &&
           lines->rows[module->num_mapped].address + module->code_start <= offset)
        lines->rows[module->num_mapped++].address = code_size;
    module->lines_end = code_size;
    module->next_line = UINT64_MAX;
    if (module->num_mapped < lines->num_rows)
        module->next_line = lines->rows[module->num_mapped].address + module->code_start;
}

bool sfpm_wasm_take_lines(sfpm_wasm_module_t *module)
{
    const sfpm_wasm_reader_t *code = &module->sections[SFPM_WASM_CODE];
    module->next_line = UINT64_MAX;
    if (!code->at || !module->debug.lines.at)
        return true;
    module->code_start = sfpm_wasm_offset(code);
    if (!sfpm_dwarf_read(&module->debug, (uint32_t)(code->end - code->at),
                         &module->lines))
        return false;
    sfpm_wasm_map_lines(module, 0);
    return true;
}

/* Of several rows for one offset the last counts. A row with the same line as the row
 * before it is kept only after the end of a sequence, where another function starts. */
static void add_row(sfpm_wasm_symbols_t *symbols, const sfpm_dwarf_row_t *row)
{
    size_t count = symbols->num_rows;
    bool starts = false;
    if (count > 0 && symbols->rows[count - 1].offset == row->address)
        starts = symbols->rows[--count].line == 0;
    const sfpm_row_t *before = count > 0 ? &symbols->rows[count - 1] : NULL;
    bool same =
        before ? before->line == row->line && before->file == row->file : row->line == 0;
    if (!same || (starts && row->line > 0))
        symbols->rows[count++] = (sfpm_row_t){row->address, row->file, row->line};
    symbols->num_rows = count;
}

static void add_rows(const sfpm_wasm_module_t *module, sfpm_wasm_symbols_t *symbols)
{
    size_t code_size = module->regions->region[SFPM_CODE].size;
    for (size_t i = 0; i < module->num_mapped; i++)
        if (module->lines.rows[i].address < code_size)
            add_row(symbols, &module->lines.rows[i]);
    /* What the loader added is of no line. */
    const sfpm_dwarf_row_t end = {.address = module->lines_end};
    if (module->lines_end < code_size)
        add_row(symbols, &end);
}

/* ---- The region -------------------------------------------------------------- */

static bool encode(sfpm_wasm_module_t *module, const sfpm_wasm_symbols_t *symbols)
{
    const sfpm_symbols_t all = {.symbols = symbols->list,
                                .count = symbols->count,
                                .locals = symbols->locals,
                                .num_locals = symbols->num_locals,
                                .files = (const char *const *)module->lines.files,
                                .num_files = module->lines.num_files,
                                .rows = symbols->rows,
                                .num_rows = symbols->num_rows};
    return sfpm_symbols_encode_all(&module->regions->region[SFPM_SYMBOLS], &all);
}

bool sfpm_wasm_make_symbols(sfpm_wasm_module_t *module)
{
    sfpm_wasm_symbols_t symbols = {.list = NULL};
    sfpm_error_state_t error; /* malformed names of locals are none */
    sfpm_error_save(&error);
    sfpm_wasm_name_t *functions = choose_names(module);
    sfpm_wasm_name_t *globals = choose_global_names(module);
    bool ok = functions && globals && make_room(module, &symbols, functions, globals) &&
              add_names(&module->program, &symbols, functions, globals) &&
              add_locals(module, &symbols);
    if (ok) {
        add_rows(module, &symbols);
        ok = encode(module, &symbols);
    }
    if (ok)
        sfpm_error_restore(&error);
    begin_kind(&symbols);
    free(symbols.list);
    free(symbols.locals);
    free(symbols.rows);
    free(symbols.text);
    free(functions);
    free(globals);
    return ok;
}
