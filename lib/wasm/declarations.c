/* SPDX-License-Identifier: MIT */
/* The types, functions, imports and exports of a WebAssembly module. */
#include <string.h>

#include "bytecode/instruction.h"
#include "wasm/module.h"

/* ---- Types ------------------------------------------------------------------ */

/* Why what may stand for a type of values is not one here; NULL: it is malformed. */
static const char *type_lacking(uint8_t byte)
{
    switch (byte) {
    case 0x7B:
        return SFPM_WASM_NEVER("SIMD (v128)");
    case 0x63:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0x68:
    case 0x69:
    case 0x6A:
    case 0x6B:
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x71:
    case 0x72:
    case 0x73:
    case 0x74:
        return SFPM_WASM_NEVER("garbage collection or typed references");
    default:
        return NULL;
    }
}

bool sfpm_wasm_value_type(sfpm_wasm_reader_t *reader, uint8_t *type)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, type))
        return false;
    if (sfpm_type_name(*type))
        return true;
    const char *lacking = type_lacking(*type);
    if (lacking)
        return sfpm_wasm_lacks(reader, offset, lacking);
    return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset, "0x%02X is not a type",
                          *type);
}

/* Room for bytes of the program, no more in all than its sections have. */
static uint8_t *keep(sfpm_wasm_module_t *module, size_t size)
{
    uint8_t *bytes = module->kept + module->kept_size;
    module->kept_size += size;
    return bytes;
}

static bool take_type_list(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                           uint16_t *count)
{
    uint32_t number;
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_count(reader, &number))
        return false;
    if (number > SFPM_MAX_VALUES)
        return sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, offset,
                              "a type of %u parameters or results, more than the %u that "
                              "sfpm supports",
                              number, SFPM_MAX_VALUES);
    uint8_t *types = keep(module, number);
    for (uint32_t i = 0; i < number; i++)
        if (!sfpm_wasm_value_type(reader, &types[i]))
            return false;
    *count = (uint16_t)number;
    return true;
}

bool sfpm_wasm_entries(sfpm_wasm_reader_t *reader, uint32_t *count)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_count(reader, count))
        return false;
    return *count <= SFPM_MAX_ENTRIES ||
           sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, offset,
                          "%u entries, more than the %u that sfpm supports", *count,
                          SFPM_MAX_ENTRIES);
}

static bool take_type(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                      sfpm_function_type_t *type)
{
    enum { FUNCTION_TYPE = 0x60, FIRST_GC = 0x4D, LAST_GC = 0x5F };
    uint64_t offset = sfpm_wasm_offset(reader);
    uint8_t form;
    if (!sfpm_wasm_byte(reader, &form))
        return false;
    if (form >= FIRST_GC && form <= LAST_GC)
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("garbage collection"));
    if (form != FUNCTION_TYPE)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "0x%02X is not the form of a function type", form);
    type->types = keep(module, 0);
    return take_type_list(module, reader, &type->params) &&
           take_type_list(module, reader, &type->results);
}

bool sfpm_wasm_take_types(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    /* One more for the functions that the loader adds. */
    program->types = SFPM_NEW_N(sfpm_function_type_t, (size_t)count + 1);
    if (!program->types)
        return false;
    for (; program->num_types < count; program->num_types++)
        if (!take_type(module, reader, &program->types[program->num_types]))
            return false;
    return true;
}

/* ---- Functions -------------------------------------------------------------- */

bool sfpm_wasm_add_function(sfpm_wasm_module_t *module, uint32_t type)
{
    sfpm_program_t *program = &module->program;
    void *list = program->functions;
    if (!sfpm_grow_array(&list, &module->function_capacity,
                         (size_t)program->num_functions + 1, sizeof *program->functions))
        return false;
    program->functions = list;
    const sfpm_function_type_t *declared = &program->types[type];
    program->functions[program->num_functions++] =
        (sfpm_function_t){.type = type,
                          .params = declared->params,
                          .results = declared->results,
                          .param_types = declared->types,
                          .result_types = declared->types + declared->params};
    return true;
}

/* Takes the number of a type and adds a function that has it. */
static bool take_function(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint32_t type;
    if (!sfpm_wasm_u32(reader, &type))
        return false;
    if (type >= module->program.num_types)
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset, "there is no type %u",
                              type);
    return sfpm_wasm_add_function(module, type);
}

bool sfpm_wasm_take_functions(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    if (!sfpm_wasm_entries(reader, &module->num_bodies))
        return false;
    for (uint32_t i = 0; i < module->num_bodies; i++)
        if (!take_function(module, reader))
            return false;
    return true;
}

bool sfpm_wasm_function_number(const sfpm_wasm_module_t *module,
                               sfpm_wasm_reader_t *reader, uint32_t *function)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_u32(reader, function))
        return false;
    return *function < module->program.num_functions ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset, "there is no function %u",
                          *function);
}

bool sfpm_wasm_declare(sfpm_wasm_module_t *module, uint32_t function)
{
    sfpm_buffer_t *declared = &module->declared;
    size_t size = (size_t)module->program.num_functions / 8 + 1;
    if (declared->size == 0) {
        uint8_t *bits = sfpm_buffer_extend(declared, size);
        if (!bits)
            return false;
        memset(bits, 0, size);
    }
    declared->data[function / 8] |= (uint8_t)(1 << function % 8);
    return true;
}

bool sfpm_wasm_is_declared(const sfpm_wasm_module_t *module, uint32_t function)
{
    return module->declared.size > 0 &&
           (module->declared.data[function / 8] >> function % 8 & 1);
}

/* ---- Imports and exports ---------------------------------------------------- */

/* A name that images can hold, terminated. */
static bool take_kept_name(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                           const char **kept)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    sfpm_wasm_name_t name;
    if (!sfpm_wasm_take_name(reader, &name))
        return false;
    if (name.length > SFPM_MAX_EXPORT_NAME)
        return sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, offset,
                              "a name of %u bytes, more than the %u that sfpm supports",
                              name.length, SFPM_MAX_EXPORT_NAME);
    for (uint32_t i = 0; i < name.length; i++)
        if (name.bytes[i] < ' ' || name.bytes[i] == 0x7F)
            return sfpm_wasm_fail(reader, SFPM_ERR_UNSUPPORTED, offset,
                                  "a name has a control character, which sfpm does not "
                                  "support");
    uint8_t *to = keep(module, (size_t)name.length + 1);
    if (name.length > 0)
        memcpy(to, name.bytes, name.length);
    to[name.length] = 0;
    *kept = (const char *)to;
    return true;
}

static bool take_import(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    enum { EXCEPTION = 4 };
    sfpm_program_t *program = &module->program;
    const char *origin, *field;
    uint8_t kind;
    if (!take_kept_name(module, reader, &origin) ||
        !take_kept_name(module, reader, &field))
        return false;
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, &kind))
        return false;
    bool ok = true;
    switch (kind) {
    case SFPM_EXPORT_FUNCTION:
        break;
    case SFPM_EXPORT_TABLE:
        ok = sfpm_wasm_take_table(module, reader);
        break;
    case SFPM_EXPORT_MEMORY:
        ok = sfpm_wasm_take_memory(module, reader);
        break;
    case SFPM_EXPORT_GLOBAL:
        ok = sfpm_wasm_take_global_import(module, reader, origin, field);
        break;
    case EXCEPTION:
        ok = sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("an imported exception"));
        break;
    default:
        ok = sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                            "0x%02X is not a kind of import", kind);
    }
    if (!ok)
        return sfpm_fail_prefix("import %.60s.%.60s", origin, field);
    if (kind != SFPM_EXPORT_FUNCTION)
        return true;
    if (!take_function(module, reader))
        return false;
    sfpm_function_t *function = &program->functions[program->num_functions - 1];
    function->module = origin;
    function->field = field;
    program->num_imports++;
    return true;
}

bool sfpm_wasm_take_imports(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_import(module, reader))
            return false;
    return true;
}

static uint32_t num_exportable(const sfpm_wasm_module_t *module, uint8_t kind)
{
    switch (kind) {
    case SFPM_EXPORT_FUNCTION:
        return module->program.num_functions;
    case SFPM_EXPORT_TABLE:
        return module->program.num_tables;
    case SFPM_EXPORT_MEMORY:
        return module->program.max_pages != SFPM_NO_MEMORY;
    case SFPM_EXPORT_GLOBAL:
        return module->program.num_globals;
    default:
        return 0;
    }
}

static bool take_export(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                        sfpm_export_t *export)
{
    uint8_t kind;
    if (!take_kept_name(module, reader, &export->name))
        return false;
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, &kind) || !sfpm_wasm_u32(reader, &export->index))
        return false;
    if (kind > SFPM_EXPORT_GLOBAL)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "0x%02X is not a kind of export", kind);
    export->kind = (sfpm_export_kind_t)kind;
    if (export->index >= num_exportable(module, kind))
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "what '%.100s' exports does not exist", export->name);
    return kind != SFPM_EXPORT_FUNCTION || sfpm_wasm_declare(module, export->index);
}

bool sfpm_wasm_take_exports(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    program->exports = SFPM_NEW_N(sfpm_export_t, count);
    if (!program->exports)
        return false;
    for (; program->num_exports < count; program->num_exports++)
        if (!take_export(module, reader, &program->exports[program->num_exports]))
            return false;
    return true;
}
