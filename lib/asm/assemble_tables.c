/* SPDX-License-Identifier: MIT */
/* The assembler: the directives for tables and their elements. */
#include <string.h>

#include "asm/assemble_parts.h"

/* ---- Tables ----------------------------------------------------------------- */

static bool add_table(sfpm_assembler_t *a, const sfpm_table_t *table)
{
    sfpm_program_t *program = &a->program;
    void *list = program->tables;
    if (!sfpm_grow_array(&list, &a->table_capacity, (size_t)program->num_tables + 1,
                         sizeof *program->tables))
        return false;
    program->tables = list;
    program->tables[program->num_tables++] = *table;
    return true;
}

/* Version 2 has one table, of functions, that does not grow. */
bool sfpm_asm_take_table(sfpm_assembler_t *a)
{
    const sfpm_token_t at = a->token;
    sfpm_token_t what = at;
    sfpm_program_t *program = &a->program;
    what.text = program->num_tables > 0 ? "second .table" : "maximum or type of a .table";
    what.length = strlen(what.text);
    uint64_t least = 0, most = SFPM_NO_MOST;
    if (program->num_tables == SFPM_MAX_TABLES)
        return sfpm_asm_refuse_line(a, "too many tables");
    if (!sfpm_asm_take_number(a, SFPM_MAX_ELEMENTS - program->num_elements, &least))
        return true;
    if (program->num_tables > 0 || !sfpm_asm_at_end(a))
        sfpm_asm_need_version(a, 3, &what);
    if (a->token.kind == SFPM_TOKEN_NUMBER)
        sfpm_asm_take_number(a, UINT32_MAX, &most);
    uint8_t type = sfpm_asm_type(&a->token);
    if (sfpm_is_reference(type))
        sfpm_asm_next(a);
    if (least > most)
        sfpm_asm_fault(a, &at, "the initial number of elements exceeds the maximum");
    program->num_elements += (uint32_t)least;
    return add_table(a, &(sfpm_table_t){(uint32_t)least, (uint32_t)most,
                                        type ? type : SFPM_TYPE_FUNCREF});
}

/* ---- Elements --------------------------------------------------------------- */

static bool add_segment(sfpm_assembler_t *a, const sfpm_element_segment_t *segment)
{
    sfpm_program_t *program = &a->program;
    void *list = program->element_segments;
    if (!sfpm_grow_array(&list, &a->element_capacity,
                         (size_t)program->num_element_segments + 1,
                         sizeof *program->element_segments))
        return false;
    program->element_segments = list;
    program->element_segments[program->num_element_segments++] = *segment;
    return true;
}

/* One that is outside of its table is read, too. */
static bool take_element(sfpm_assembler_t *a, sfpm_element_segment_t *segment)
{
    const sfpm_token_t token = a->token;
    const sfpm_table_t *table =
        segment->is_active && segment->table < a->program.num_tables
            ? &a->program.tables[segment->table]
            : NULL;
    uint64_t index = (uint64_t)segment->first + segment->size;
    size_t at = a->elements.size;
    if (!sfpm_buffer_add_u64(&a->elements, SFPM_NULL_REFERENCE) ||
        !sfpm_asm_take_reference(a, segment->type, &a->elements, at))
        return false;
    segment->size++;
    if (segment->is_active && index >= (table ? table->least : 0))
        sfpm_faults_add(a->faults, token.line, token.column,
                        "no element %llu: the .table has %u", (unsigned long long)index,
                        table ? table->least : 0);
    return true;
}

/* `passive funcref`, `table 1 5`, or only the number of the first element. */
static bool take_place(sfpm_assembler_t *a, sfpm_element_segment_t *segment)
{
    uint64_t table = 0, first = 0;
    const sfpm_token_t at = a->token;
    segment->is_active = !sfpm_token_is(&at, "passive");
    segment->type = SFPM_TYPE_FUNCREF;
    if (!segment->is_active) {
        sfpm_asm_need_version(a, 3, &at);
        sfpm_asm_next(a);
        uint8_t type = sfpm_asm_type(&a->token);
        if (sfpm_is_reference(type)) {
            segment->type = type;
            sfpm_asm_next(a);
        }
        return true;
    }
    if (sfpm_token_is(&at, "table")) {
        sfpm_asm_need_version(a, 3, &at);
        sfpm_asm_next(a);
        if (!sfpm_asm_take_number(a, SFPM_MAX_TABLES - 1, &table))
            return false;
    }
    if (!sfpm_asm_take_number(a, SFPM_MAX_ELEMENTS, &first))
        return false;
    segment->table = (uint32_t)table;
    segment->first = (uint32_t)first;
    if (table < a->program.num_tables)
        segment->type = a->program.tables[table].type;
    return true;
}

/* The segment knows how many elements it has; where they are is known at the end. */
bool sfpm_asm_take_elem(sfpm_assembler_t *a)
{
    sfpm_element_segment_t segment = {0};
    if (!take_place(a, &segment))
        return true;
    if (!sfpm_asm_at_end(a) || segment.is_active)
        do {
            if (!take_element(a, &segment))
                return false;
        } while (sfpm_asm_take_comma(a));
    return add_segment(a, &segment);
}

/* ---- The end ---------------------------------------------------------------- */

/* Version 2: the second half of an element is what it is at first; the first one follows
 * from it. */
static bool encode_elements_2(sfpm_assembler_t *a)
{
    const sfpm_program_t *program = &a->program;
    sfpm_buffer_t *region = &a->assembly->regions.region[SFPM_TABLE];
    size_t size = (size_t)program->num_elements * SFPM_ELEMENT_SIZE;
    if (!sfpm_buffer_extend(region, size))
        return false;
    memset(region->data, 0xFF, size);
    for (uint32_t i = 0; i < program->num_element_segments; i++) {
        const sfpm_element_segment_t *segment = &program->element_segments[i];
        uint8_t *to = region->data + (size_t)segment->first * SFPM_ELEMENT_SIZE;
        for (uint32_t j = 0; j < segment->size; j++, to += SFPM_ELEMENT_SIZE)
            memcpy(to + SFPM_ELEMENT_SIZE / 2,
                   segment->values + (size_t)j * SFPM_SLOT_SIZE, 4);
    }
    return true;
}

bool sfpm_asm_encode_elements(sfpm_assembler_t *a)
{
    const sfpm_program_t *program = &a->program;
    const uint8_t *values = a->elements.data;
    for (uint32_t i = 0; i < program->num_element_segments; i++) {
        sfpm_element_segment_t *segment = &program->element_segments[i];
        segment->values = values;
        if (segment->size > 0)
            values += (size_t)segment->size * SFPM_SLOT_SIZE;
    }
    return program->version != 2 || encode_elements_2(a);
}
