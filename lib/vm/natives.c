/* SPDX-License-Identifier: MIT */
/*
 * Registers native functions, binds them to the imports of a program by name and type,
 * and calls them.
 */
#include "vm/natives.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode/instruction.h"
#include "engine/references.h"
#include "vm/machine.h"
#include "vm/values.h"

static void free_entry(sfpm_native_entry_t *entry)
{
    free(entry->module);
    free(entry->field);
    free(entry->types);
    *entry = (sfpm_native_entry_t){0};
}

void sfpm_natives_free(sfpm_natives_t *natives)
{
    sfpm_natives_unbind(natives);
    for (size_t i = 0; i < natives->count; i++)
        free_entry(&natives->list[i]);
    free(natives->list);
    sfpm_name_map_free(&natives->names);
    *natives = (sfpm_natives_t){0};
}

void sfpm_natives_unbind(sfpm_natives_t *natives)
{
    free(natives->bound);
    natives->bound = NULL;
}

/* ---- Registering ----------------------------------------------------------- */

/* The next word of a signature; its length, 0 at the end. */
static size_t next_word(const char **text)
{
    *text += strspn(*text, " ");
    return strcspn(*text, " ");
}

static uint8_t type_named(const char *text, size_t length)
{
#define TYPE_NAMED(number, name, letter, word)                                           \
    if (length == sizeof word - 1 && memcmp(text, word, length) == 0)                    \
        return number;
    SFPM_TYPES(TYPE_NAMED)
#undef TYPE_NAMED
    return 0;
}

/* `i32 i64 -> f64`, as in assembly text. */
static bool parse_signature(sfpm_native_entry_t *entry, const char *text)
{
    const char *word = text;
    uint16_t *count = &entry->params;
    /* Each type takes four characters with what separates it. */
    entry->types = SFPM_NEW_N(uint8_t, strlen(text) / 4 + 1);
    if (!entry->types)
        return false;
    for (size_t length; (length = next_word(&word)) > 0; word += length) {
        uint8_t type = type_named(word, length);
        if (type != 0 && *count < SFPM_MAX_VALUES) {
            entry->types[entry->params + entry->results] = type;
            (*count)++;
        } else if (length == 2 && memcmp(word, "->", 2) == 0 && count == &entry->params) {
            count = &entry->results;
        } else {
            return sfpm_fail(SFPM_ERR_ARGUMENT,
                             "'%.100s' is not a signature such as 'i32 i64 -> f64'",
                             text);
        }
    }
    return true;
}

/* Both parts of a name as one, which no other two make; to be released with free(). */
static char *join(const char *module, const char *field)
{
    size_t length = strlen(module), room = length + strlen(field) + 24;
    char *name = SFPM_NEW_N(char, room);
    if (name)
        snprintf(name, room, "%zu %s%s", length, module, field);
    return name;
}

/* false: there is no memory. *found: NULL when there is no such entry */
static bool find_entry(const sfpm_natives_t *natives, const char *module,
                       const char *field, sfpm_native_entry_t **found)
{
    size_t index;
    char *name = join(module, field);
    bool there = name && sfpm_name_map_find(&natives->names, name, 0, &index);
    *found = there ? &natives->list[index] : NULL;
    free(name);
    return name != NULL;
}

/* Makes room for an entry behind the others. */
static sfpm_native_entry_t *add_entry(sfpm_natives_t *natives,
                                      const sfpm_native_entry_t *entry)
{
    void *list = natives->list;
    if (!sfpm_grow_array(&list, &natives->capacity, natives->count + 1, sizeof *entry))
        return NULL;
    natives->list = list;
    char *name = join(entry->module, entry->field);
    bool ok = name && sfpm_name_map_add(&natives->names, name, natives->count, NULL);
    free(name);
    if (!ok)
        return NULL;
    sfpm_native_entry_t *added = &natives->list[natives->count++];
    *added = (sfpm_native_entry_t){0};
    return added;
}

static bool put_entry(sfpm_natives_t *natives, const sfpm_native_entry_t *entry)
{
    sfpm_native_entry_t *old;
    if (!find_entry(natives, entry->module, entry->field, &old) ||
        (!old && !(old = add_entry(natives, entry))))
        return false;
    sfpm_natives_unbind(natives);
    free_entry(old);
    *old = *entry;
    return true;
}

bool sfpm_vm_import(sfpm_vm_t *vm, const char *module, const char *field,
                    const char *signature, sfpm_native_t native, void *context)
{
    if (!vm || !module || !field || !signature || !native)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no machine, name, signature or function was "
                                            "given");
    if (!sfpm_vm_is_idle(vm))
        return false;
    sfpm_native_entry_t entry = {.native = native, .context = context};
    entry.module = sfpm_copy_string(module);
    entry.field = entry.module ? sfpm_copy_string(field) : NULL;
    if (entry.field && parse_signature(&entry, signature) &&
        put_entry(&vm->natives, &entry))
        return true;
    free_entry(&entry);
    return false;
}

/* ---- Binding --------------------------------------------------------------- */

static bool same_types(const sfpm_native_entry_t *entry, const sfpm_function_t *function)
{
    return entry->params == function->params && entry->results == function->results &&
           memcmp(entry->types, function->param_types, entry->params) == 0 &&
           memcmp(entry->types + entry->params, function->result_types, entry->results) ==
               0;
}

/* Adds to a text that may be full already. */
static void add_text(char *text, size_t size, const char *more)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", more);
}

static bool is_full(const char *text, size_t size)
{
    return strlen(text) + 1 == size;
}

static void add_types(char *text, size_t size, const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count && !is_full(text, size); i++) {
        add_text(text, size, i > 0 ? " " : "");
        add_text(text, size, sfpm_type_name(types[i]));
    }
}

/* "env.sin (f64 -> f64)" */
static void add_import(char *text, size_t size, const sfpm_function_t *function)
{
    if (is_full(text, size))
        return;
    add_text(text, size, text[0] ? ", " : "");
    add_text(text, size, function->module);
    add_text(text, size, ".");
    add_text(text, size, function->field);
    add_text(text, size, " (");
    add_types(text, size, function->param_types, function->params);
    add_text(text, size, function->results ? " -> " : "");
    add_types(text, size, function->result_types, function->results);
    add_text(text, size, ")");
}

static bool bind_all(const sfpm_natives_t *natives, const sfpm_program_t *program,
                     const sfpm_native_entry_t **bound)
{
    char missing[500] = "", others[500] = "";
    for (uint32_t i = 0; i < program->num_imports; i++) {
        const sfpm_function_t *function = &program->functions[i];
        sfpm_native_entry_t *entry;
        if (!find_entry(natives, function->module, function->field, &entry))
            return false;
        bound[i] = entry;
        if (!entry)
            add_import(missing, sizeof missing, function);
        else if (!same_types(entry, function))
            add_import(others, sizeof others, function);
    }
    if (missing[0])
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "the program imports native functions that are missing: %s",
                         missing);
    return !others[0] ||
           sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "the program imports native functions with types other than theirs: "
                     "%s",
                     others);
}

bool sfpm_natives_bind(sfpm_natives_t *natives, const sfpm_program_t *program)
{
    if (natives->bound || program->num_imports == 0)
        return true;
    const sfpm_native_entry_t **bound =
        SFPM_NEW_N(const sfpm_native_entry_t *, program->num_imports);
    if (bound && bind_all(natives, program, bound)) {
        natives->bound = bound;
        return true;
    }
    free(bound);
    return false;
}

/* ---- Calling --------------------------------------------------------------- */

static void take_results(const sfpm_native_entry_t *entry, const sfpm_value_t *results,
                         uint64_t *slots)
{
    for (uint32_t i = 0; i < entry->results; i++) {
        sfpm_value_t result = results[i];
        result.type = (sfpm_type_t)entry->types[entry->params + i];
        slots[i] = sfpm_slot_of_value(&result);
    }
}

static sfpm_value_t first_value(uint8_t type)
{
    return sfpm_value_of_slot(sfpm_first_value(type), type);
}

bool sfpm_natives_global(void *context, const char *module, const char *field,
                         uint8_t type, uint64_t *value)
{
    sfpm_vm_t *vm = context;
    sfpm_native_entry_t *entry;
    sfpm_value_t result = first_value(type), none;
    if (!find_entry(&vm->natives, module, field, &entry))
        return false;
    if (!entry)
        return true;
    if (entry->params != 0 || entry->results != 1 || entry->types[0] != type)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "global %s.%s of type %s is offered with another signature",
                         module, field, sfpm_type_name(type));
    if (entry->native(entry->context, vm, &none, &result) != SFPM_NATIVE_DONE)
        return sfpm_fail(SFPM_ERR_SYSTEM, "native function %s.%s failed", module, field);
    result.type = (sfpm_type_t)type;
    *value = sfpm_slot_of_value(&result);
    return true;
}

sfpm_host_outcome_t sfpm_natives_call(void *context, sfpm_host_call_t *call)
{
    sfpm_vm_t *vm = context;
    const sfpm_native_entry_t *entry = vm->natives.bound[call->import];
    sfpm_value_t params[SFPM_MAX_VALUES], results[SFPM_MAX_VALUES];
    for (uint32_t i = 0; i < entry->params; i++)
        params[i] = sfpm_value_of_slot(call->values[i], entry->types[i]);
    for (uint32_t i = 0; i < entry->results; i++)
        results[i] = first_value(entry->types[entry->params + i]);
    errno = 0;
    switch (entry->native(entry->context, vm, params, results)) {
    case SFPM_NATIVE_DONE:
        take_results(entry, results, call->values);
        return SFPM_HOST_DONE;
    case SFPM_NATIVE_RETRY:
        return SFPM_HOST_RETRY;
    case SFPM_NATIVE_HALT:
        return SFPM_HOST_HALT;
    case SFPM_NATIVE_TRAP:
        return SFPM_HOST_TRAP;
    case SFPM_NATIVE_BOUNDS:
        call->trap = SFPM_TRAP_MEMORY_BOUNDS;
        return SFPM_HOST_TRAP;
    case SFPM_NATIVE_ERROR:
        break;
    }
    sfpm_fail_errno(errno != 0 ? errno : EIO, "native function %s.%s", entry->module,
                    entry->field);
    return SFPM_HOST_ERROR;
}
