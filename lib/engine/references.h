/* SPDX-License-Identifier: MIT */
/* What instructions do with tables of references. */
#ifndef SFPM_ENGINE_REFERENCES_H
#define SFPM_ENGINE_REFERENCES_H

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "bytecode/program.h"

/* A table as it is now. The first four bytes of an element are the number of its function
 * or SFPM_NO_FUNCTION, in version 2, too. */
typedef struct sfpm_elements {
    uint8_t *at; /* SFPM_ELEMENT_SIZE each */
    uint32_t count;
} sfpm_elements_t;

/* Table number `number` of a region that was checked. */
static inline sfpm_elements_t sfpm_table_elements(const sfpm_program_t *program,
                                                  const sfpm_buffer_t *region,
                                                  uint32_t number)
{
    if (program->version < 3)
        return (sfpm_elements_t){region->data, program->num_elements};
    if (number >= program->num_tables)
        return (sfpm_elements_t){0};
    const uint8_t *entry = region->data + (size_t)number * SFPM_ELEMENT_SIZE;
    size_t first = (size_t)program->num_tables + sfpm_get_u32(entry);
    return (sfpm_elements_t){region->data + first * SFPM_ELEMENT_SIZE,
                             sfpm_get_u32(entry + 4)};
}

/* What a variable or element of the type holds at first: zero or the null reference. */
static inline uint64_t sfpm_first_value(uint8_t type)
{
    return sfpm_is_reference(type) ? SFPM_NULL_REFERENCE : 0;
}

/* Makes the region as a program of version 3 begins. When there is no memory for it,
 * nothing is changed. */
bool sfpm_tables_begin(const sfpm_program_t *program, sfpm_buffer_t *region);

/* Adds elements of that value to table `number`. Returns its old size, or UINT32_MAX,
 * having changed nothing, when there would be too many or the host has no memory. */
uint32_t sfpm_table_grow(const sfpm_program_t *program, sfpm_buffer_t *region,
                         uint32_t number, uint64_t value, uint64_t count);

/* The other operations, on values as they are on the stack. Each does all or, where it
 * gives a trap, nothing. A dropped segment is one without elements. */
sfpm_trap_t sfpm_table_fill(sfpm_elements_t table, uint64_t to, uint64_t value,
                            uint64_t count);
sfpm_trap_t sfpm_table_copy(sfpm_elements_t table, uint64_t to, sfpm_elements_t source,
                            uint64_t from, uint64_t count);
sfpm_trap_t sfpm_table_init(sfpm_elements_t table, uint64_t to,
                            const sfpm_element_segment_t *segment, bool dropped,
                            uint64_t from, uint64_t count);

#endif
