/* SPDX-License-Identifier: MIT */
/* Reads the names of functions, globals and locals from the custom section `name`. */
#include "wasm/module.h"

/* ---- Reading ---------------------------------------------------------------- */

/* Names of what is numbered up to `count`. */
static bool take_list(sfpm_wasm_reader_t *reader, sfpm_wasm_name_t *names, uint32_t count)
{
    sfpm_wasm_name_t name;
    uint32_t entries, index;
    if (!sfpm_wasm_count(reader, &entries))
        return false;
    for (uint32_t i = 0; i < entries; i++) {
        if (!sfpm_wasm_u32(reader, &index) || !sfpm_wasm_take_name(reader, &name))
            return false;
        if (index < count && !names[index].bytes)
            names[index] = name;
    }
    return true;
}

static bool take_part(sfpm_wasm_module_t *module, uint8_t kind, sfpm_wasm_reader_t *part)
{
    enum { OF_FUNCTIONS = 1, OF_LOCALS = 2, OF_GLOBALS = 7 };
    switch (kind) {
    case OF_FUNCTIONS:
        return take_list(part, module->function_names, module->num_named);
    case OF_GLOBALS:
        return take_list(part, module->global_names, module->program.num_globals);
    case OF_LOCALS:
        module->local_names = *part;
        return true;
    default:
        return true;
    }
}

static bool take_parts(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *section)
{
    while (section->at < section->end) {
        sfpm_wasm_reader_t part = *section;
        uint8_t kind;
        uint32_t size;
        if (!sfpm_wasm_byte(section, &kind) || !sfpm_wasm_u32(section, &size) ||
            !sfpm_wasm_skip(section, size, &part.at))
            return false;
        part.end = section->at;
        if (!take_part(module, kind, &part))
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
    module->global_names = SFPM_NEW_N(sfpm_wasm_name_t, module->program.num_globals);
    if (!module->function_names || !module->global_names)
        return false;
    sfpm_error_save(&error);
    if (!take_parts(module, &module->names))
        sfpm_error_restore(&error);
    return true;
}

/* ---- Locals ----------------------------------------------------------------- */

bool sfpm_wasm_begin_locals(const sfpm_wasm_module_t *module,
                            sfpm_wasm_local_reader_t *locals)
{
    *locals = (sfpm_wasm_local_reader_t){.reader = module->local_names,
                                         .program = &module->program};
    return locals->reader.at && sfpm_wasm_count(&locals->reader, &locals->functions);
}

/* The entry of the next function. */
static bool next_function(sfpm_wasm_local_reader_t *locals)
{
    uint32_t function;
    if (locals->functions == 0 || !sfpm_wasm_u32(&locals->reader, &function) ||
        !sfpm_wasm_count(&locals->reader, &locals->left))
        return false;
    locals->functions--;
    locals->next = locals->any && function <= locals->function ? UINT32_MAX : 0;
    locals->function = function;
    locals->any = true;
    return locals->next == 0;
}

/* Whether there is such a local, behind those before. */
static bool is_local(const sfpm_wasm_local_reader_t *locals)
{
    const sfpm_program_t *program = locals->program;
    const sfpm_function_t *function = &program->functions[locals->function];
    return locals->local >= locals->next &&
           locals->local < (uint32_t)function->params + function->locals;
}

bool sfpm_wasm_next_local(sfpm_wasm_local_reader_t *locals)
{
    for (;;) {
        while (locals->left == 0)
            if (!next_function(locals))
                return false;
        locals->left--;
        if (!sfpm_wasm_u32(&locals->reader, &locals->local) ||
            !sfpm_wasm_take_name(&locals->reader, &locals->name))
            return false;
        if (locals->function >= locals->program->num_imports &&
            locals->function < locals->program->num_functions && is_local(locals)) {
            locals->next = locals->local + 1;
            return true;
        }
    }
}
