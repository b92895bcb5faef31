/* SPDX-License-Identifier: MIT */
/*
 * Checks the values of globals, table and memory against their declarations, and sets
 * their initial values.
 */
#include "engine/globals_table.h"

#include <string.h>

#include "base/bytes.h"
#include "engine/memory.h"
#include "engine/references.h"

bool sfpm_slot_fits(const sfpm_program_t *program, uint64_t slot, uint8_t type)
{
    switch (type) {
    case SFPM_TYPE_I32:
    case SFPM_TYPE_F32:
        return slot <= UINT32_MAX;
    case SFPM_TYPE_FUNCREF:
        return slot < program->num_functions || slot == SFPM_NULL_REFERENCE;
    default:
        return true;
    }
}

static bool check_globals(const sfpm_program_t *program, const sfpm_buffer_t *globals)
{
    for (uint32_t i = 0; i < program->num_globals; i++) {
        const uint8_t *at = globals->data + (size_t)i * SFPM_GLOBAL_SIZE;
        uint8_t type = program->globals[i].type;
        if (!sfpm_slot_fits(program, sfpm_get_u64(at), type) ||
            !sfpm_slot_fits(program, sfpm_get_u64(at + 8), type))
            return sfpm_fail(SFPM_ERR_BYTECODE, "globals[%u]: its value is not of type %s",
                             i, sfpm_type_name(type));
    }
    return true;
}

static bool check_table(const sfpm_program_t *program, const sfpm_buffer_t *table)
{
    if (table->size != (uint64_t)program->num_elements * SFPM_ELEMENT_SIZE)
        return sfpm_fail(SFPM_ERR_BYTECODE,
                         "region 'table' of %zu bytes does not hold %u elements",
                         table->size, program->num_elements);
    for (uint32_t i = 0; i < 2 * program->num_elements; i++) {
        uint32_t function = sfpm_get_u32(table->data + (size_t)i * 4);
        if (function >= program->num_functions && function != SFPM_NO_FUNCTION)
            return sfpm_fail(SFPM_ERR_BYTECODE, "table[%u]: there is no function %u",
                             i / 2, function);
    }
    return true;
}

/* Version 3: each table begins where the one before it ends. */
static bool check_directory(const sfpm_program_t *program, const sfpm_buffer_t *region)
{
    uint64_t all = 0;
    if (region->size < (uint64_t)program->num_tables * SFPM_ELEMENT_SIZE)
        return sfpm_fail(SFPM_ERR_BYTECODE, "region 'table' is truncated");
    for (uint32_t i = 0; i < program->num_tables; i++) {
        const sfpm_table_t *table = &program->tables[i];
        const uint8_t *entry = region->data + (size_t)i * SFPM_ELEMENT_SIZE;
        uint32_t first = sfpm_get_u32(entry), count = sfpm_get_u32(entry + 4);
        if (first != all)
            return sfpm_fail(SFPM_ERR_BYTECODE,
                             "table[%u]: it does not begin where the tables before it end",
                             i);
        if (count < table->least || count > table->most)
            return sfpm_fail(SFPM_ERR_BYTECODE,
                             "table[%u]: %u elements, but it has %u to %u", i, count,
                             table->least, table->most);
        all += count;
        if (all > SFPM_MAX_ELEMENTS)
            return sfpm_fail(SFPM_ERR_BYTECODE, "tables of more than %u elements",
                             SFPM_MAX_ELEMENTS);
    }
    return region->size == (program->num_tables + all) * SFPM_ELEMENT_SIZE ||
           sfpm_fail(SFPM_ERR_BYTECODE,
                     "region 'table' of %zu bytes does not hold %llu elements of tables",
                     region->size, (unsigned long long)all);
}

static bool check_tables(const sfpm_program_t *program, const sfpm_buffer_t *region)
{
    if (program->version < 3)
        return check_table(program, region);
    if (!check_directory(program, region))
        return false;
    for (uint32_t i = 0; i < program->num_tables; i++) {
        const sfpm_elements_t table = sfpm_table_elements(program, region, i);
        uint8_t type = program->tables[i].type;
        for (uint32_t j = 0; type == SFPM_TYPE_FUNCREF && j < table.count; j++) {
            uint64_t value = sfpm_get_u64(table.at + (size_t)j * SFPM_ELEMENT_SIZE);
            if (!sfpm_slot_fits(program, value, type))
                return sfpm_fail(SFPM_ERR_BYTECODE,
                                 "table[%u], element %u: there is no function %llu", i, j,
                                 (unsigned long long)value);
        }
    }
    return true;
}

static bool check_memory_size(const sfpm_program_t *program, const sfpm_buffer_t *memory)
{
    uint64_t most = program->max_pages == SFPM_NO_MEMORY ? 0 : program->max_pages;
    uint64_t pages = memory->size / SFPM_PAGE_SIZE;
    if (memory->size % SFPM_PAGE_SIZE == 0 && pages >= program->min_pages &&
        pages <= most)
        return true;
    return sfpm_fail(SFPM_ERR_BYTECODE,
                     "region 'memory' of %zu bytes: the program has %u to %llu pages of "
                     "64 KiB",
                     memory->size, program->min_pages, (unsigned long long)most);
}

bool sfpm_data_check(const sfpm_program_t *program, const sfpm_regions_t *regions)
{
    return check_globals(program, &regions->region[SFPM_GLOBALS]) &&
           check_tables(program, &regions->region[SFPM_TABLE]) &&
           check_memory_size(program, &regions->region[SFPM_MEMORY]);
}

/* Copies the later half of each entry over the earlier one. */
static void take_initial(sfpm_buffer_t *buffer, size_t size)
{
    for (size_t at = 0; at + size <= buffer->size; at += size)
        memcpy(buffer->data + at, buffer->data + at + size / 2, size / 2);
}

bool sfpm_data_begin(const sfpm_program_t *program, sfpm_regions_t *regions)
{
    sfpm_buffer_t *state = &regions->region[SFPM_STATE];
    sfpm_buffer_t *table = &regions->region[SFPM_TABLE];
    if (program->version >= 3 && !sfpm_tables_begin(program, table))
        return false;
    if (!sfpm_memory_begin(program, &regions->region[SFPM_MEMORY]))
        return false;
    take_initial(&regions->region[SFPM_GLOBALS], SFPM_GLOBAL_SIZE);
    if (program->version < 3)
        take_initial(table, SFPM_ELEMENT_SIZE);
    if (state->size > SFPM_STATE_SIZE)
        memset(state->data + SFPM_STATE_SIZE, 0, state->size - SFPM_STATE_SIZE);
    sfpm_drop_active(program, state->data + SFPM_STATE_SIZE);
    return true;
}
