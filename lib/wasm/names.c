/* SPDX-License-Identifier: MIT */
/*
 * Names of a module's functions: read from the custom section `name`, and made into
 * symbols. These are of few characters and unique, so others become `_`, long names are
 * cut, what would be there twice gets a number, and what has no name is func.N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name_map.h"
#include "wasm/module.h"

/* ---- Reading ---------------------------------------------------------------- */

static bool take_function_names(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_wasm_name_t name;
    uint32_t count, index;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!sfpm_wasm_u32(reader, &index) || !sfpm_wasm_take_name(reader, &name))
            return false;
        if (index < module->num_named && !module->function_names[index].bytes)
            module->function_names[index] = name;
    }
    return true;
}

static bool take_parts(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *section)
{
    enum { OF_FUNCTIONS = 1 };
    while (section->at < section->end) {
        sfpm_wasm_reader_t part = *section;
        uint8_t kind;
        uint32_t size;
        if (!sfpm_wasm_byte(section, &kind) || !sfpm_wasm_u32(section, &size) ||
            !sfpm_wasm_skip(section, size, &part.at))
            return false;
        part.end = section->at;
        if (kind == OF_FUNCTIONS && !take_function_names(module, &part))
            return false;
    }
    return true;
}

bool sfpm_wasm_take_names(sfpm_wasm_module_t *module)
{
    sfpm_error_state_t error;
    if (!module->names.at)
        return true;
    module->num_named = module->program.num_functions;
    module->function_names = SFPM_NEW_N(sfpm_wasm_name_t, module->num_named);
    if (!module->function_names)
        return false;
    sfpm_error_save(&error);
    if (!take_parts(module, &module->names))
        sfpm_error_restore(&error);
    return true;
}

/* ---- Symbols ---------------------------------------------------------------- */

/* The symbols so far. */
typedef struct sfpm_wasm_symbols {
    sfpm_symbol_t *list;
    size_t count;
    sfpm_name_map_t taken;    /* their names */
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

/* The name as symbols may be, in a buffer of SFPM_MAX_NAME + 1 bytes; its length. */
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
    char name[SFPM_MAX_NAME + 1], number[NUMBER];
    strcpy(name, text);
    do {
        next_number(symbols, name, text, number);
        if (!sfpm_name_map_add(&symbols->numbered, text, 0, NULL))
            return false;
        strcat(text, number);
    } while (is_taken(symbols, text));
    return true;
}

static bool add_symbol(sfpm_wasm_symbols_t *symbols, uint32_t function,
                       const sfpm_wasm_name_t *name)
{
    char text[SFPM_MAX_NAME + 1];
    if (clean(name, text) == 0)
        snprintf(text, sizeof text, "func.%u", (unsigned)function);
    if ((is_taken(symbols, text) && !make_unique(symbols, text)) ||
        !sfpm_name_map_add(&symbols->taken, text, 0, NULL))
        return false;
    char *kept = symbols->text + symbols->text_size;
    symbols->text_size += strlen(text) + 1;
    strcpy(kept, text);
    symbols->list[symbols->count++] =
        (sfpm_symbol_t){SFPM_SYMBOL_FUNCTION, function, kept};
    return true;
}

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

static bool make_room(sfpm_wasm_symbols_t *symbols, const sfpm_wasm_name_t *names,
                      uint32_t count)
{
    size_t text = 0;
    enum { NUMBERS = 32 }; /* "func.12.1" and the terminator */
    for (uint32_t i = 0; i < count; i++)
        text +=
            (names[i].length < SFPM_MAX_NAME ? names[i].length : SFPM_MAX_NAME) + NUMBERS;
    symbols->list = SFPM_NEW_N(sfpm_symbol_t, count);
    symbols->text = SFPM_NEW_N(char, text);
    return symbols->list && symbols->text;
}

bool sfpm_wasm_make_symbols(sfpm_wasm_module_t *module)
{
    sfpm_buffer_t *region = &module->regions->region[SFPM_SYMBOLS];
    uint32_t count = module->program.num_functions;
    sfpm_wasm_symbols_t symbols = {.list = NULL};
    sfpm_wasm_name_t *names = choose_names(module);
    bool ok = names && make_room(&symbols, names, count);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = add_symbol(&symbols, i, &names[i]);
    ok = ok && sfpm_symbols_encode(region, symbols.list, symbols.count, NULL, 0, NULL);
    free(symbols.list);
    sfpm_name_map_free(&symbols.taken);
    sfpm_name_map_free(&symbols.numbered);
    free(symbols.text);
    free(names);
    return ok;
}
