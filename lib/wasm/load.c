/* SPDX-License-Identifier: MIT */
/* From a WebAssembly module to the regions of a program, and the functions that this
 * needs: one to start with, and one for each import that is exported. */
#include "wasm/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "wasm/module.h"

bool sfpm_wasm_is_module(const void *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "\0asm", 4) == 0;
}

/* ---- Functions that are added ------------------------------------------------ */

static bool emit(sfpm_wasm_module_t *module, uint8_t opcode, uint32_t operand)
{
    uint8_t bytes[5] = {opcode};
    sfpm_put_u32(bytes + 1, operand);
    return sfpm_buffer_add(&module->regions->region[SFPM_CODE], bytes,
                           1u + sfpm_opcodes[opcode].width);
}

static bool add_function(sfpm_wasm_module_t *module, uint32_t type)
{
    uint32_t index = module->program.num_functions;
    size_t entry = module->regions->region[SFPM_CODE].size;
    if (entry > SFPM_VM_MAX_CODE)
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "the module translates to more than the %llu bytes of code that sfpm "
                         "supports",
                         (unsigned long long)SFPM_VM_MAX_CODE);
    if (!sfpm_wasm_add_function(module, type))
        return false;
    module->program.functions[index].entry = (uint32_t)entry;
    return true;
}

/* An exported import: only functions with code can be called by the host. */
static bool add_caller(sfpm_wasm_module_t *module, sfpm_export_t *export)
{
    const uint32_t import = export->index;
    const sfpm_function_t function = module->program.functions[import];
    export->index = module->program.num_functions;
    if (!add_function(module, function.type))
        return false;
    for (uint32_t i = 0; i < function.params; i++)
        if (!emit(module, SFPM_OP_LOCAL_GET, i))
            return false;
    return emit(module, SFPM_OP_CALL, import) && emit(module, SFPM_OP_RETURN, 0);
}

static bool add_callers(sfpm_wasm_module_t *module)
{
    sfpm_program_t *program = &module->program;
    for (uint32_t i = 0; i < program->num_exports; i++) {
        sfpm_export_t *export = &program->exports[i];
        if (export->kind == SFPM_EXPORT_FUNCTION &&
            sfpm_is_import(program, export->index) && !add_caller(module, export))
            return false;
    }
    return true;
}

/* The function that a command or a reactor begins with, by the names that compilers give
 * it; SFPM_NO_FUNCTION: none, or it needs parameters. */
static uint32_t find_entry(const sfpm_program_t *program)
{
    const sfpm_export_t *export =
        sfpm_export_named(program, SFPM_EXPORT_FUNCTION, "_start");
    if (!export)
        export = sfpm_export_named(program, SFPM_EXPORT_FUNCTION, "_initialize");
    if (!export || program->functions[export->index].params > 0)
        return SFPM_NO_FUNCTION;
    return export->index;
}

/* A function that calls these two, as far as there are. */
static bool add_start(sfpm_wasm_module_t *module, uint32_t first, uint32_t second)
{
    sfpm_program_t *program = &module->program;
    if (!program->types) {
        program->types = SFPM_NEW(sfpm_function_type_t);
        if (!program->types)
            return false;
    }
    program->types[program->num_types] = (sfpm_function_type_t){.types = module->kept};
    program->start = program->num_functions;
    return add_function(module, program->num_types++) &&
           (first == SFPM_NO_FUNCTION || emit(module, SFPM_OP_CALL, first)) &&
           (second == SFPM_NO_FUNCTION || emit(module, SFPM_OP_CALL, second)) &&
           emit(module, SFPM_OP_RETURN, 0);
}

static bool make_start(sfpm_wasm_module_t *module)
{
    uint32_t entry = find_entry(&module->program);
    if (module->has_start)
        return add_start(module, module->start, entry);
    if (entry == SFPM_NO_FUNCTION)
        return add_start(module, SFPM_NO_FUNCTION, SFPM_NO_FUNCTION);
    module->program.start = entry;
    return true;
}

/* ---- The whole -------------------------------------------------------------- */

static bool make_kept(sfpm_wasm_module_t *module)
{
    static const sfpm_wasm_section_t sections[] = {SFPM_WASM_TYPES, SFPM_WASM_IMPORTS,
                                                   SFPM_WASM_EXPORTS};
    size_t size = 0;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const sfpm_wasm_reader_t *section = &module->sections[sections[i]];
        if (section->at)
            size += (size_t)(section->end - section->at);
    }
    module->kept = sfpm_new_array(size, 1);
    return module->kept != NULL;
}

static bool load(sfpm_wasm_module_t *module, const uint8_t *bytes, size_t size)
{
    if (!sfpm_wasm_split(module, bytes, size) || !make_kept(module) ||
        !sfpm_wasm_take_sections(module))
        return false;
    sfpm_wasm_place_elements(module);
    return add_callers(module) && make_start(module) && sfpm_wasm_make_symbols(module) &&
           sfpm_tables_encode(module->regions, &module->program);
}

bool sfpm_wasm_load(sfpm_regions_t *regions, const uint8_t *bytes, size_t size,
                    const sfpm_wasm_host_t *host)
{
    sfpm_wasm_module_t module = {.regions = regions, .host = host, .program.version = 3, .program.max_pages = SFPM_NO_MEMORY};
    bool ok = load(&module, bytes, size);
    free(module.program.types);
    free(module.program.functions);
    free(module.program.globals);
    free(module.program.exports);
    free(module.program.segments);
    free(module.program.tables);
    free(module.program.element_segments);
    sfpm_buffer_free(&module.elements);
    sfpm_buffer_free(&module.declared);
    free(module.function_names);
    free(module.global_names);
    sfpm_dwarf_free(&module.lines);
    free(module.kept);
    sfpm_buffer_free(&module.locals);
    return ok;
}
