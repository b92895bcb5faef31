/* SPDX-License-Identifier: MIT */
/*
 * Names of a module's functions: read from the custom section `name`, and made into
 * symbols. These are of few characters and unique, so others become `_`, long names are
 * cut, what would be there twice gets a number, and what has no name is func.N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The symbols so far, and how to find one by its name. */
typedef struct sfpm_wasm_symbols {
    sfpm_symbol_t *list;
    uint32_t *repeated; /* for each, how often its name was wanted again */
    size_t count;
    uint32_t *buckets; /* numbers + 1; 0: free */
    size_t num_buckets;
    char *text; /* where the names are … */
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

/* FNV-1a. */
static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

/* The bucket of that name, or the free one where it belongs. */
static uint32_t *find_bucket(const sfpm_wasm_symbols_t *symbols, const char *text)
{
    size_t at = hash_of(text) % symbols->num_buckets;
    while (symbols->buckets[at] != 0 &&
           strcmp(symbols->list[symbols->buckets[at] - 1].name, text) != 0)
        at = (at + 1) % symbols->num_buckets;
    return &symbols->buckets[at];
}

/* Puts a number behind a name that is there already, until it is not. */
static uint32_t *make_unique(sfpm_wasm_symbols_t *symbols, char *text, size_t length,
                             uint32_t *bucket)
{
    uint32_t *repeated = &symbols->repeated[*bucket - 1];
    char number[16];
    do {
        int digits = snprintf(number, sizeof number, ".%u", ++*repeated);
        size_t room = SFPM_MAX_NAME - (size_t)digits;
        strcpy(text + (length < room ? length : room), number);
        bucket = find_bucket(symbols, text);
    } while (*bucket != 0);
    return bucket;
}

static void add_symbol(sfpm_wasm_symbols_t *symbols, uint32_t function,
                       const sfpm_wasm_name_t *name)
{
    char text[SFPM_MAX_NAME + 1];
    size_t length = clean(name, text);
    if (length == 0)
        length = (size_t)snprintf(text, sizeof text, "func.%u", (unsigned)function);
    uint32_t *bucket = find_bucket(symbols, text);
    if (*bucket != 0)
        bucket = make_unique(symbols, text, length, bucket);
    char *kept = symbols->text + symbols->text_size;
    symbols->text_size += strlen(text) + 1;
    strcpy(kept, text);
    symbols->list[symbols->count] = (sfpm_symbol_t){SFPM_SYMBOL_FUNCTION, function, kept};
    *bucket = (uint32_t)++symbols->count;
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
    symbols->num_buckets = 2 * (size_t)count + 1;
    symbols->list = SFPM_NEW_N(sfpm_symbol_t, count);
    symbols->repeated = SFPM_NEW_N(uint32_t, count);
    symbols->buckets = SFPM_NEW_N(uint32_t, symbols->num_buckets);
    symbols->text = SFPM_NEW_N(char, text);
    return symbols->list && symbols->repeated && symbols->buckets && symbols->text;
}

bool sfpm_wasm_make_symbols(sfpm_wasm_module_t *module)
{
    sfpm_buffer_t *region = &module->regions->region[SFPM_SYMBOLS];
    uint32_t count = module->program.num_functions;
    sfpm_wasm_symbols_t symbols = {.list = NULL};
    sfpm_wasm_name_t *names = choose_names(module);
    bool ok = names && make_room(&symbols, names, count);
    for (uint32_t i = 0; ok && i < count; i++)
        add_symbol(&symbols, i, &names[i]);
    ok = ok && sfpm_symbols_encode(region, symbols.list, symbols.count, NULL, 0, NULL);
    free(symbols.list);
    free(symbols.repeated);
    free(symbols.buckets);
    free(symbols.text);
    free(names);
    return ok;
}
