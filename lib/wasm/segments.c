/* SPDX-License-Identifier: MIT */
/* Element and data segments of a WebAssembly module. */
#include "base/bytes.h"
#include "base/checked.h"
#include "wasm/module.h"

enum { FUNCREF = 0x70, EXTERNREF = 0x6F };

/* The bits of the number that a segment begins with. */
enum {
    PASSIVE = 1,    /* … or declared, without a table */
    NUMBERED = 2,   /* names its table; with PASSIVE: declared */
    EXPRESSIONS = 4 /* the elements are expressions, not numbers of functions */
};

/* ---- Elements --------------------------------------------------------------- */

typedef struct sfpm_wasm_elements {
    uint32_t flags;
    uint32_t first; /* element of the table */
    bool is_active;
} sfpm_wasm_elements_t;

static bool check_table(const sfpm_wasm_module_t *module,
                        const sfpm_wasm_reader_t *reader, uint64_t offset, uint32_t table)
{
    return (table == 0 && module->has_table) ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset, "there is no table %u",
                          table);
}

/* The byte that says what the elements are. */
static bool take_kind(sfpm_wasm_reader_t *reader, uint32_t flags)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint8_t kind, wanted = flags & EXPRESSIONS ? FUNCREF : 0;
    if (!sfpm_wasm_byte(reader, &kind))
        return false;
    if (kind == EXTERNREF && (flags & EXPRESSIONS))
        return sfpm_wasm_lacks(reader, offset,
                               SFPM_WASM_NOT_YET("elements that are references"));
    return kind == wanted || sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                                            "0x%02X is not a kind of elements", kind);
}

/* `ref.func N end` or `ref.null func end`. */
static bool take_reference(const sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                           uint32_t *function)
{
    enum { REF_NULL = 0xD0, REF_FUNC = 0xD2, END = 0x0B };
    uint64_t offset = sfpm_wasm_offset(reader);
    uint8_t opcode, byte;
    *function = SFPM_NO_FUNCTION;
    if (!sfpm_wasm_byte(reader, &opcode))
        return false;
    if (opcode == REF_FUNC) {
        if (!sfpm_wasm_function_number(module, reader, function))
            return false;
    } else if (opcode == REF_NULL) {
        if (!sfpm_wasm_byte(reader, &byte))
            return false;
        if (byte != FUNCREF)
            return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                                  "type mismatch: an element that is not a function");
    } else {
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "0x%02X is not an instruction of an element's expression",
                              opcode);
    }
    return sfpm_wasm_byte(reader, &byte) &&
           (byte == END ||
            sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                           "type mismatch: an element's expression gives more than one "
                           "value"));
}

static bool take_elements_header(const sfpm_wasm_module_t *module,
                                 sfpm_wasm_reader_t *reader,
                                 sfpm_wasm_elements_t *elements)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint64_t first = 0;
    uint32_t table = 0;
    if (!sfpm_wasm_u32(reader, &elements->flags))
        return false;
    uint32_t flags = elements->flags;
    if (flags > (PASSIVE | NUMBERED | EXPRESSIONS))
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "%u is not a kind of element segment", flags);
    elements->is_active = !(flags & PASSIVE);
    if (elements->is_active && ((flags & NUMBERED && !sfpm_wasm_u32(reader, &table)) ||
                                !check_table(module, reader, offset, table) ||
                                !sfpm_wasm_constant(reader, SFPM_TYPE_I32, &first)))
        return false;
    elements->first = (uint32_t)first;
    return !(flags & (PASSIVE | NUMBERED)) || take_kind(reader, flags);
}

static bool take_element_segment(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint8_t *table = module->regions->region[SFPM_TABLE].data;
    uint64_t offset = sfpm_wasm_offset(reader);
    sfpm_wasm_elements_t elements;
    uint32_t count, function;
    if (!take_elements_header(module, reader, &elements) ||
        !sfpm_wasm_count(reader, &count))
        return false;
    if (elements.is_active &&
        !sfpm_in_range(elements.first, count, module->program.num_elements))
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "out of bounds table access: %u elements at %u, but the "
                              "table has %u",
                              count, elements.first, module->program.num_elements);
    for (uint32_t i = 0; i < count; i++) {
        if (elements.flags & EXPRESSIONS
                ? !take_reference(module, reader, &function)
                : !sfpm_wasm_function_number(module, reader, &function))
            return false;
        if (elements.is_active)
            sfpm_put_u32(table + ((size_t)elements.first + i) * SFPM_ELEMENT_SIZE +
                             SFPM_ELEMENT_SIZE / 2,
                         function);
    }
    return true;
}

bool sfpm_wasm_take_elements(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint32_t count;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_element_segment(module, reader))
            return false;
    return true;
}

/* ---- Data ------------------------------------------------------------------- */

bool sfpm_wasm_take_data_count(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    return sfpm_wasm_u32(reader, &module->data_count);
}

static bool take_data_segment(const sfpm_wasm_module_t *module,
                              sfpm_wasm_reader_t *reader, sfpm_segment_t *segment)
{
    const sfpm_program_t *program = &module->program;
    uint64_t offset = sfpm_wasm_offset(reader);
    uint64_t address = 0;
    uint32_t flags, memory = 0;
    if (!sfpm_wasm_u32(reader, &flags))
        return false;
    if (flags > NUMBERED)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "%u is not a kind of data segment", flags);
    if (flags == NUMBERED && !sfpm_wasm_u32(reader, &memory))
        return false;
    segment->is_active = flags != PASSIVE;
    if (segment->is_active && (memory > 0 || program->max_pages == SFPM_NO_MEMORY))
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset, "there is no memory %u",
                              memory);
    if ((segment->is_active && !sfpm_wasm_constant(reader, SFPM_TYPE_I32, &address)) ||
        !sfpm_wasm_u32(reader, &segment->size) ||
        !sfpm_wasm_skip(reader, segment->size, &segment->bytes))
        return false;
    segment->address = (uint32_t)address;
    uint64_t room = (uint64_t)program->min_pages * SFPM_PAGE_SIZE;
    return !segment->is_active || sfpm_in_range(address, segment->size, room) ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                          "out of bounds memory access: %u bytes at %u, but the memory "
                          "initially has %llu",
                          segment->size, segment->address, (unsigned long long)room);
}

bool sfpm_wasm_take_data(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    sfpm_program_t *program = &module->program;
    uint32_t count;
    if (!sfpm_wasm_entries(reader, &count))
        return false;
    /* One more, without bytes, for code that names an active one. */
    program->segments = SFPM_NEW_N(sfpm_segment_t, (size_t)count + 1);
    if (!program->segments)
        return false;
    for (; program->num_segments < count; program->num_segments++)
        if (!take_data_segment(module, reader, &program->segments[program->num_segments]))
            return false;
    return true;
}
