/* SPDX-License-Identifier: MIT */
/* Table, memory, globals, start function and constant expressions of a module. */

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

static bool make_table(sfpm_wasm_module_t *module, uint32_t count)
{
    sfpm_buffer_t *table = &module->regions->region[SFPM_TABLE];
    size_t size = (size_t)count * SFPM_ELEMENT_SIZE;
    module->has_table = true;
    module->program.num_elements = count;
    if (!sfpm_region_make(table, sfpm_region_names[SFPM_TABLE], size))
        return false;
    for (size_t at = 0; at < size; at += 4)
        sfpm_put_u32(table->data + at, SFPM_NO_FUNCTION);
    return true;
}

static bool take_table(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    enum { FUNCREF = 0x70, EXTERNREF = 0x6F, WITH_FIRST = 0x40 };
    uint64_t offset = sfpm_wasm_offset(reader);
    sfpm_wasm_limits_t limits;
    uint8_t type;
    if (!sfpm_wasm_byte(reader, &type))
        return false;
    if (type == WITH_FIRST)
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NEVER("typed references"));
    if (type != FUNCREF && type != EXTERNREF)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "0x%02X is not the type of a table", type);
    if (!take_limits(reader, &limits))
        return false;
    if (type == EXTERNREF)
        return sfpm_wasm_lacks(reader, offset,
                               SFPM_WASM_NOT_YET("a table of references"));
    if (module->has_table)
        return sfpm_wasm_lacks(reader, offset, SFPM_WASM_NOT_YET("several tables"));
    if (limits.least > SFPM_MAX_ELEMENTS)
        return sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, offset,
                              "a table of %u elements, more than the %u that sfpm "
                              "supports",
                              limits.least, SFPM_MAX_ELEMENTS);
    return make_table(module, limits.least);
}

bool sfpm_wasm_take_tables(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_table(module, reader))
            return false;
    return true;
}

static bool take_memory(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
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
        if (!take_memory(module, reader))
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
    enum { GLOBAL_GET = 0x23, REF_NULL = 0xD0, REF_FUNC = 0xD2, GC = 0xFB, SIMD = 0xFD };
    switch (opcode) {
    case GLOBAL_GET:
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "a constant can only be that of an imported global");
    case REF_NULL:
    case REF_FUNC:
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "type mismatch: a reference where a number is expected");
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

bool sfpm_wasm_constant(sfpm_wasm_reader_t *reader, uint8_t type, uint64_t *value)
{
    enum { END = 0x0B };
    static const uint8_t types[] = {SFPM_TYPE_I32, SFPM_TYPE_I64, SFPM_TYPE_F32,
                                    SFPM_TYPE_F64};
    uint64_t start = sfpm_wasm_offset(reader);
    uint8_t found = 0, opcode;
    size_t values = 0;
    for (;;) {
        uint64_t offset = sfpm_wasm_offset(reader);
        if (!sfpm_wasm_byte(reader, &opcode))
            return false;
        if (opcode == END)
            break;
        if (opcode < SFPM_OP_I32_CONST || opcode > SFPM_OP_F64_CONST)
            return refuse_constant(reader, offset, opcode);
        found = types[opcode - SFPM_OP_I32_CONST];
        values++;
        if (!sfpm_wasm_literal(reader, found, value))
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

static bool take_global(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                        sfpm_global_t *global)
{
    sfpm_buffer_t *values = &module->regions->region[SFPM_GLOBALS];
    uint64_t value;
    uint8_t mutability;
    if (!sfpm_wasm_value_type(reader, &global->type))
        return false;
    uint64_t offset = sfpm_wasm_offset(reader);
    if (!sfpm_wasm_byte(reader, &mutability))
        return false;
    if (mutability > 1)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "0x%02X does not say whether a global is mutable",
                              mutability);
    global->is_mutable = mutability == 1;
    return sfpm_wasm_constant(reader, global->type, &value) &&
           sfpm_buffer_add_u64(values, value) && sfpm_buffer_add_u64(values, value);
}

bool sfpm_wasm_take_globals(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    program->globals = SFPM_NEW_N(sfpm_global_t, count);
    if (!program->globals)
        return false;
    for (; program->num_globals < count; program->num_globals++)
        if (!take_global(module, reader, &program->globals[program->num_globals]))
            return false;
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
