/* SPDX-License-Identifier: MIT */
/* Element and data segments of a WebAssembly module. */
#include "base/bytes.h"
#include "base/checked.h"
#include "bytecode/instruction.h"
#include "wasm/module.h"

/* The bits of the number that a segment begins with. */
enum {
    PASSIVE = 1,    /* … or declared, without a table */
    NUMBERED = 2,   /* names its table; with PASSIVE: declared */
    EXPRESSIONS = 4 /* the elements are expressions, not numbers of functions */
};

/* ---- Elements --------------------------------------------------------------- */

/* The byte that says what the elements are. */
static bool take_kind(sfpm_wasm_reader_t *reader, uint32_t flags, uint8_t *type)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint8_t kind;
    if (flags & EXPRESSIONS)
        return sfpm_wasm_reference_type(reader, type);
    return sfpm_wasm_byte(reader, &kind) &&
           (kind == 0 || sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                                        "0x%02X is not a kind of elements", kind));
}

/* The type of elements must be that of the table. */
static bool check_table(const sfpm_wasm_module_t *module,
                        const sfpm_wasm_reader_t *reader, uint64_t offset,
                        const sfpm_element_segment_t *segment)
{
    const sfpm_program_t *program = &module->program;
    if (segment->table >= program->num_tables)
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset, "there is no table %u",
                              segment->table);
    uint8_t type = program->tables[segment->table].type;
    return type == segment->type ||
           sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                          "type mismatch: elements of type %s for table %u of %s",
                          sfpm_type_name(segment->type), segment->table,
                          sfpm_type_name(type));
}

static bool take_elements_header(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                                 uint32_t *flags, sfpm_element_segment_t *segment)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint64_t first = 0;
    if (!sfpm_wasm_u32(reader, flags))
        return false;
    if (*flags > (PASSIVE | NUMBERED | EXPRESSIONS))
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "%u is not a kind of element segment", *flags);
    segment->is_active = !(*flags & PASSIVE);
    segment->type = SFPM_TYPE_FUNCREF;
    if (segment->is_active &&
        ((*flags & NUMBERED && !sfpm_wasm_u32(reader, &segment->table)) ||
         !sfpm_wasm_constant(module, reader, SFPM_TYPE_I32, &first)))
        return false;
    segment->first = (uint32_t)first;
    if (*flags & (PASSIVE | NUMBERED) && !take_kind(reader, *flags, &segment->type))
        return false;
    return !segment->is_active || check_table(module, reader, offset, segment);
}

static bool take_element(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                         uint32_t flags, uint8_t type, uint64_t *value)
{
    uint32_t function;
    if (flags & EXPRESSIONS)
        return sfpm_wasm_constant(module, reader, type, value);
    if (!sfpm_wasm_function_number(module, reader, &function))
        return false;
    *value = function;
    return sfpm_wasm_declare(module, function);
}

static bool add_element_segment(sfpm_wasm_module_t *module,
                                const sfpm_element_segment_t *segment)
{
    sfpm_program_t *program = &module->program;
    void *list = program->element_segments;
    if (!sfpm_grow_array(&list, &module->element_capacity,
                         (size_t)program->num_element_segments + 1, sizeof *segment))
        return false;
    program->element_segments = list;
    program->element_segments[program->num_element_segments++] = *segment;
    return true;
}

/* One that only declares functions is dropped: it is a passive one without elements. */
static bool take_element_segment(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    const sfpm_program_t *program = &module->program;
    uint64_t offset = sfpm_wasm_offset(reader), value;
    sfpm_element_segment_t segment = {0};
    uint32_t flags, count;
    if (!take_elements_header(module, reader, &flags, &segment) ||
        !sfpm_wasm_count(reader, &count))
        return false;
    bool is_declared = (flags & PASSIVE) && (flags & NUMBERED);
    for (uint32_t i = 0; i < count; i++)
        if (!take_element(module, reader, flags, segment.type, &value) ||
            (!is_declared && !sfpm_buffer_add_u64(&module->elements, value)))
            return false;
    segment.size = is_declared ? 0 : count;
    uint32_t room = segment.is_active ? program->tables[segment.table].least : 0;
    if (segment.is_active && !sfpm_in_range(segment.first, count, room))
        return sfpm_wasm_fail(reader, SFPM_ERR_BYTECODE, offset,
                              "out of bounds table access: %u elements at %u, but the "
                              "table has %u",
                              count, segment.first, room);
    return add_element_segment(module, &segment);
}

void sfpm_wasm_place_elements(sfpm_wasm_module_t *module)
{
    const uint8_t *values = module->elements.data;
    for (uint32_t i = 0; i < module->program.num_element_segments; i++) {
        sfpm_element_segment_t *segment = &module->program.element_segments[i];
        segment->values = values;
        if (segment->size > 0)
            values += (size_t)segment->size * SFPM_SLOT_SIZE;
    }
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

static bool take_data_segment(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader,
                              sfpm_segment_t *segment)
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
    if ((segment->is_active &&
         !sfpm_wasm_constant(module, reader, SFPM_TYPE_I32, &address)) ||
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
    program->segments = SFPM_NEW_N(sfpm_segment_t, count);
    if (!program->segments)
        return false;
    for (; program->num_segments < count; program->num_segments++)
        if (!take_data_segment(module, reader, &program->segments[program->num_segments]))
            return false;
    return true;
}
