/* SPDX-License-Identifier: MIT */
/* Tables, memory, globals, start function and constant expressions of a module. */

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "wasm/module.h"

/* ---- Table and memory ------------------------------------------------------- */

typedef struct sfpm_wasm_limits {
    uint32_t least;
    uint32_t most; /* when has_most */
    bool has_most;
} sfpm_wasm_limits_t;

static bool take_limits(sfpm_wasm_reader_t *reader, sfpm_wasm_limits_t *limits)
{
    enum { HAS_MOST = 1, SHARED = 2, WIDE = 4, PAGE_SIZE = 8 };
    uint64_t offset = sfpm_wasm_offset(reader);
    uint8_t flags;
    if (!sfpm_wasm_byte(reader, &flags))
        return false;
    if (flags < 2 * PAGE_SIZE && flags > HAS_MOST) {
        if (flags & PAGE_SIZE)
            return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("other page sizes"));
        return sfpm_wasm_lacks(reader, offset,
                               flags & WIDE
                                   ? SFPM_WASM_NEVER("64-bit addresses (memory64)")
                                   : SFPM_WASM_NEVER("threads (shared memory)"));
    }
    if (flags > HAS_MOST)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "invalid flags 0x%02X of limits", flags);
    limits->has_most = flags == HAS_MOST;
    if (!sfpm_wasm_u32(reader, &limits->least) ||
        (limits->has_most && !sfpm_wasm_u32(reader, &limits->most)))
        return false;
    return !limits->has_most || limits->least <= limits->most ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                          "the minimum of %u exceeds the maximum of %u", limits->least,
                          limits->most);
}

bool sfpm_wasm_reference_type(sfpm_wasm_reader_t *reader, uint8_t *type)
{
    enum { WITH_FIRST = 0x40 };
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, type))
        return false;
    if (*type == WITH_FIRST || *type == 0x63 || *type == 0x64)
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("typed references"));
    return sfpm_is_reference(*type) ||
           sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                          "0x%02X is not a type of references", *type);
}

bool sfpm_wasm_take_table(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint64_t offset = sfpm_wasm_offset(reader);
    sfpm_wasm_limits_t limits;
    void *list = program->tables;
    uint8_t type;
    if (!sfpm_wasm_reference_type(reader, &type) || !take_limits(reader, &limits))
        return false;
    if (program->num_tables == SFPM_MAX_TABLES ||
        limits.least > SFPM_MAX_ELEMENTS - program->num_elements)
        return sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, offset,
                              "a table of %u elements: more than the %u tables and %u "
                              "elements that sfpm supports",
                              limits.least, SFPM_MAX_TABLES, SFPM_MAX_ELEMENTS);
    if (!sfpm_grow_array(&list, &module->table_capacity, (size_t)program->num_tables + 1,
                         sizeof *program->tables))
        return false;
    program->tables = list;
    program->num_elements += limits.least;
    program->tables[program->num_tables++] = (sfpm_table_t){
        .least = limits.least,
        .most = limits.has_most ? limits.most : SFPM_NO_MOST,
        .type = type};
    return true;
}

bool sfpm_wasm_take_tables(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sfpm_wasm_take_table(module, reader))
            return false;
    return true;
}

bool sfpm_wasm_take_memory(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint64_t offset = sfpm_wasm_offset(reader);
    sfpm_wasm_limits_t limits;
    if (!take_limits(reader, &limits))
        return false;
    if (!limits.has_most)
        limits.most = SFPM_MAX_PAGES;
    if (limits.least > SFPM_MAX_PAGES || limits.most > SFPM_MAX_PAGES)
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "a memory of more than 65,536 pages (4 GiB)");
    if (program->max_pages != SFPM_NO_MEMORY)
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("several memories"));
    program->min_pages = limits.least;
    program->max_pages = limits.most;
    return true;
}

bool sfpm_wasm_take_memories(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sfpm_wasm_take_memory(module, reader))
            return false;
    return true;
}

/* ---- Constants -------------------------------------------------------------- */

bool sfpm_wasm_literal(sfpm_wasm_reader_t *reader, uint8_t type, uint64_t *value)
{
    const uint8_t *bytes;
    switch (type) {
    case SFPM_TYPE_I32:
        if (!sfpm_wasm_signed(reader, 32, value))
            return false;
        *value = (uint32_t)*value;
        return true;
    case SFPM_TYPE_I64:
        return sfpm_wasm_signed(reader, 64, value);
    case SFPM_TYPE_F32:
        if (!sfpm_wasm_skip(reader, 4, &bytes))
            return false;
        *value = sfpm_get_u32(bytes);
        return true;
    default:
        if (!sfpm_wasm_skip(reader, 8, &bytes))
            return false;
        *value = sfpm_get_u64(bytes);
        return true;
    }
}

/* Refuses what is not an instruction that a constant expression may have here. */
static bool refuse_constant(const sfpm_wasm_reader_t *reader, uint64_t offset,
                            uint8_t opcode)
{
    enum { GC = 0xFB, SIMD = 0xFD };
    switch (opcode) {
    case GC:
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("garbage collection"));
    case SIMD:
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("SIMD"));
    case SFPM_OP_I32_ADD:
    case SFPM_OP_I32_SUB:
    case SFPM_OP_I32_MUL:
    case SFPM_OP_I64_ADD:
    case SFPM_OP_I64_SUB:
    case SFPM_OP_I64_MUL:
        return sfpm_wasm_lacks(reader, offset,
                               SFPM_WASM_NEVER("extended constant expressions"));
    default:
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "0x%02X is not an instruction of a constant expression",
                              opcode);
    }
}

/* The value of an imported global, which is known. */
static bool constant_global(const sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                            uint64_t offset, uint8_t *type, uint64_t *value)
{
    const sfpm_program_t *program = &module->program;
    uint32_t number;
    if (!sfpm_wasm_u32(reader, &number))
        return false;
    if (number >= module->num_imported_globals || program->globals[number].is_mutable)
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "a constant can only be that of an imported, immutable "
                              "global");
    *type = program->globals[number].type;
    *value = sfpm_get_u64(module->regions->region[SFPM_GLOBALS].data +
                          (size_t)number * SFPM_GLOBAL_SIZE);
    return true;
}

/* One instruction of a constant expression. */
static bool take_constant(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                          uint8_t opcode, uint8_t *type, uint64_t *value)
{
    static const uint8_t types[] = {SFPM_TYPE_I32, SFPM_TYPE_I64, SFPM_TYPE_F32,
                                    SFPM_TYPE_F64};
    uint64_t offset = sfpm_wasm_offset(reader) - 1;
    uint32_t function;
    switch (opcode) {
    case SFPM_OP_I32_CONST:
    case SFPM_OP_I64_CONST:
    case SFPM_OP_F32_CONST:
    case SFPM_OP_F64_CONST:
        *type = types[opcode - SFPM_OP_I32_CONST];
        return sfpm_wasm_literal(reader, *type, value);
    case SFPM_OP_GLOBAL_GET:
        return constant_global(module, reader, offset, type, value);
    case SFPM_OP_REF_NULL:
        *value = SFPM_NULL_REFERENCE;
        return sfpm_wasm_reference_type(reader, type);
    case SFPM_OP_REF_FUNC:
        *type = SFPM_TYPE_FUNCREF;
        if (!sfpm_wasm_function_number(module, reader, &function))
            return false;
        *value = function;
        return sfpm_wasm_declare(module, function);
    default:
        return refuse_constant(reader, offset, opcode);
    }
}

bool sfpm_wasm_constant(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                        uint8_t type, uint64_t *value)
{
    enum { END = 0x0B };
    uint64_t start = sfpm_wasm_offset(reader);
    uint8_t found = 0, opcode;
    size_t values = 0;
    for (;; values++) {
        if (!sfpm_wasm_byte(reader, &opcode))
            return false;
        if (opcode == END)
            break;
        if (!take_constant(module, reader, opcode, &found, value))
            return false;
    }
    if (values == 1 && found == type)
        return true;
    return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, start,
                          "type mismatch: the constant expression gives %zu value%s%s%s, "
                          "not one %s",
                          values, values == 1 ? "" : "s", values == 1 ? ", " : "",
                          values == 1 ? sfpm_type_name(found) : "", sfpm_type_name(type));
}

/* ---- Globals, start --------------------------------------------------------- */

static bool take_global_type(sfpm_wasm_reader_t *reader, sfpm_global_t *global)
{
    uint8_t mutability;
    if (!sfpm_wasm_value_type(reader, &global->type))
        return false;
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, &mutability))
        return false;
    global->is_mutable = mutability == 1;
    return mutability <= 1 ||
           sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                          "0x%02X does not say whether a global is mutable", mutability);
}

static bool add_global(sfpm_wasm_module_t *module, const sfpm_global_t *global,
                       uint64_t value)
{
    sfpm_buffer_t *values = &module->regions->region[SFPM_GLOBALS];
    sfpm_program_t *program = &module->program;
    void *list = program->globals;
    if (!sfpm_grow_array(&list, &module->global_capacity,
                         (size_t)program->num_globals + 1, sizeof *program->globals))
        return false;
    program->globals = list;
    program->globals[program->num_globals++] = *global;
    return sfpm_buffer_add_u64(values, value) && sfpm_buffer_add_u64(values, value);
}

/* It becomes the program's own. The host says what it is at first, or nothing. */
bool sfpm_wasm_take_global_import(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                                  const char *origin, const char *field)
{
    const sfpm_wasm_host_t *host = module->host;
    sfpm_global_t global;
    if (!take_global_type(reader, &global))
        return false;
    uint64_t value = sfpm_is_reference(global.type) ? SFPM_NULL_REFERENCE : 0;
    if (host && !host->global(host->context, origin, field, global.type, &value))
        return false;
    module->num_imported_globals++;
    return add_global(module, &global, value);
}

bool sfpm_wasm_take_globals(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        sfpm_global_t global;
        uint64_t value;
        if (!take_global_type(reader, &global) ||
            !sfpm_wasm_constant(module, reader, global.type, &value) ||
            !add_global(module, &global, value))
            return false;
    }
    return true;
}

bool sfpm_wasm_take_start(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_function_number(module, reader, &module->start))
        return false;
    const sfpm_function_t *function = &module->program.functions[module->start];
    module->has_start = true;
    return (function->params == 0 && function->results == 0) ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                          "function %u has parameters or results, so that the module "
                          "cannot start with it",
                          module->start);
}
