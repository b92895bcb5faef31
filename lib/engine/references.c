/* SPDX-License-Identifier: MIT */
/* Tables of references, one after the other in region `table`: how they begin, grow and
 * are copied. */
#include "engine/references.h"

#include <string.h>

#include "base/checked.h"

static void put_elements(uint8_t *to, uint64_t value, size_t count)
{
    for (; count > 0; count--, to += SFPM_ELEMENT_SIZE)
        sfpm_put_u64(to, value);
}

/* The directory of the tables, then their elements, which are null. */
static void put_tables(const sfpm_program_t *program, uint8_t *to)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < program->num_tables; i++, to += SFPM_ELEMENT_SIZE) {
        sfpm_put_u32(to, first);
        sfpm_put_u32(to + 4, program->tables[i].least);
        first += program->tables[i].least;
    }
    put_elements(to, SFPM_NULL_REFERENCE, first);
}

bool sfpm_tables_begin(const sfpm_program_t *program, sfpm_buffer_t *region)
{
    sfpm_buffer_t made = {0};
    size_t count = (size_t)program->num_tables + program->num_elements;
    if (!sfpm_buffer_extend(&made, count * SFPM_ELEMENT_SIZE))
        return false;
    put_tables(program, made.data);
    for (uint32_t i = 0; i < program->num_element_segments; i++) {
        const sfpm_element_segment_t *segment = &program->element_segments[i];
        if (segment->is_active)
            sfpm_table_init(sfpm_table_elements(program, &made, segment->table),
                            segment->first, segment, false, 0, segment->size);
    }
    sfpm_buffer_free(region);
    *region = made;
    return true;
}

uint32_t sfpm_table_grow(const sfpm_program_t *program, sfpm_buffer_t *region,
                         uint32_t number, uint64_t value, uint64_t count)
{
    sfpm_elements_t table = sfpm_table_elements(program, region, number);
    size_t elements = region->size / SFPM_ELEMENT_SIZE - program->num_tables;
    uint32_t most = program->tables[number].most;
    void *data = region->data;
    sfpm_error_state_t error;
    if (count > SFPM_MAX_ELEMENTS - elements || count > most - table.count)
        return UINT32_MAX;
    size_t added = (size_t)count * SFPM_ELEMENT_SIZE;
    size_t end = (size_t)(table.at - region->data) +
                 (size_t)table.count * SFPM_ELEMENT_SIZE;
    sfpm_error_save(&error);
    if (!sfpm_grow_array(&data, &region->capacity, region->size + added, 1)) {
        sfpm_error_restore(&error);
        return UINT32_MAX;
    }
    region->data = data;
    memmove(region->data + end + added, region->data + end, region->size - end);
    region->size += added;
    put_elements(region->data + end, value, (size_t)count);
    uint8_t *entry = region->data + (size_t)number * SFPM_ELEMENT_SIZE;
    sfpm_put_u32(entry + 4, table.count + (uint32_t)count);
    for (uint32_t i = number + 1; i < program->num_tables; i++) {
        entry += SFPM_ELEMENT_SIZE;
        sfpm_put_u32(entry, sfpm_get_u32(entry) + (uint32_t)count);
    }
    return table.count;
}

sfpm_trap_t sfpm_table_fill(sfpm_elements_t table, uint64_t to, uint64_t value,
                            uint64_t count)
{
    if (!sfpm_in_range(to, count, table.count))
        return SFPM_TRAP_TABLE_BOUNDS;
    put_elements(table.at + (size_t)to * SFPM_ELEMENT_SIZE, value, (size_t)count);
    return SFPM_TRAP_NONE;
}

sfpm_trap_t sfpm_table_copy(sfpm_elements_t table, uint64_t to, sfpm_elements_t source,
                            uint64_t from, uint64_t count)
{
    if (!sfpm_in_range(from, count, source.count) ||
        !sfpm_in_range(to, count, table.count))
        return SFPM_TRAP_TABLE_BOUNDS;
    if (count > 0)
        memmove(table.at + (size_t)to * SFPM_ELEMENT_SIZE,
                source.at + (size_t)from * SFPM_ELEMENT_SIZE,
                (size_t)count * SFPM_ELEMENT_SIZE);
    return SFPM_TRAP_NONE;
}

sfpm_trap_t sfpm_table_init(sfpm_elements_t table, uint64_t to,
                            const sfpm_element_segment_t *segment, bool dropped,
                            uint64_t from, uint64_t count)
{
    if (!sfpm_in_range(from, count, dropped ? 0 : segment->size) ||
        !sfpm_in_range(to, count, table.count))
        return SFPM_TRAP_TABLE_BOUNDS;
    if (count > 0)
        memcpy(table.at + (size_t)to * SFPM_ELEMENT_SIZE,
               segment->values + (size_t)from * SFPM_SLOT_SIZE,
               (size_t)count * SFPM_SLOT_SIZE);
    return SFPM_TRAP_NONE;
}
