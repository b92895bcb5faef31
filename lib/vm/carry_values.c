/* SPDX-License-Identifier: MIT */
/* Carries globals, the elements of tables, and the marks of dropped segments over to a
 * new program. */
#include "vm/carry.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "engine/memory.h"
#include "engine/references.h"

uint64_t sfpm_first_of_global(const sfpm_vm_t *vm, uint32_t global)
{
    return sfpm_get_u64(sfpm_region_of(vm, SFPM_GLOBALS) +
                        (size_t)global * SFPM_GLOBAL_SIZE + SFPM_GLOBAL_SIZE / 2);
}

const char *sfpm_carry_value(const sfpm_match_t *match, uint8_t type, uint64_t value,
                             uint64_t *mapped)
{
    *mapped = value;
    if (type != SFPM_TYPE_FUNCREF || value == SFPM_NULL_REFERENCE)
        return NULL;
    uint32_t other = match->functions[value];
    *mapped = other;
    if (other == SFPM_NO_FUNCTION)
        return "which the new code does not have";
    if (!sfpm_match_signature(&match->old->functions[value],
                              &match->new->functions[other]))
        return "which has another type in the new code";
    return NULL;
}

/* ---- Globals ---------------------------------------------------------------- */

static bool check_global(const sfpm_match_t *match, uint32_t index)
{
    const sfpm_global_t *a = &match->old->globals[index];
    uint32_t other = match->globals[index];
    const char *name = match->old->global_names[index];
    if (other == SFPM_NO_GLOBAL && (name || !a->is_mutable))
        return true;
    if (other == SFPM_NO_GLOBAL) {
        sfpm_fail(SFPM_ERR_MISMATCH,
                  "global %u, which has no name, has another type or initial value in "
                  "the new code",
                  index);
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    const sfpm_global_t *b = &match->new->globals[other];
    return (a->type == b->type && a->is_mutable == b->is_mutable) ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "global %u (%s) is %s%s, but %s%s in the new code", index,
                     name ? name : "without a name", a->is_mutable ? "" : "constant ",
                     sfpm_type_name(a->type), b->is_mutable ? "" : "constant ",
                     sfpm_type_name(b->type));
}

/* A constant is part of the code; any other global keeps its value. */
static bool carry_global(sfpm_reload_t *reload, uint32_t index)
{
    const sfpm_match_t *match = &reload->match;
    const sfpm_global_t *global = &match->old->globals[index];
    uint32_t other = match->globals[index];
    if (other == SFPM_NO_GLOBAL || !global->is_mutable)
        return true;
    uint64_t mapped, value = sfpm_get_u64(sfpm_region_of(reload->vm, SFPM_GLOBALS) +
                                          (size_t)index * SFPM_GLOBAL_SIZE);
    const char *why = sfpm_carry_value(match, global->type, value, &mapped);
    char name[SFPM_PLACE_TEXT];
    if (why) {
        sfpm_fail(SFPM_ERR_MISMATCH, "global %u refers to function %s, %s", index,
                  sfpm_function_name(match->old, (uint32_t)value, name), why);
        return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
    }
    sfpm_put_u64(reload->made.regions.region[SFPM_GLOBALS].data +
                     (size_t)other * SFPM_GLOBAL_SIZE,
                 mapped);
    return true;
}

bool sfpm_carry_globals(sfpm_reload_t *reload)
{
    for (uint32_t i = 0; i < reload->match.old->num_globals; i++)
        if (!check_global(&reload->match, i) || !carry_global(reload, i))
            return false;
    return true;
}

/* ---- Tables ----------------------------------------------------------------- */

/* A table of the old program and its counterpart. */
typedef struct sfpm_carried_table {
    sfpm_reload_t *reload;
    const sfpm_buffer_t *first; /* region `table` as the old program begins */
    uint32_t old, new;
    uint8_t type;
} sfpm_carried_table_t;

static uint64_t slot_of_function(uint32_t function)
{
    return function == SFPM_NO_FUNCTION ? SFPM_NULL_REFERENCE : function;
}

/* An element of a table as it is; null behind the end. */
static uint64_t element_now(const sfpm_program_t *program, const sfpm_buffer_t *region,
                            uint32_t table, uint32_t index)
{
    const sfpm_elements_t elements = sfpm_table_elements(program, region, table);
    const uint8_t *at = elements.at + (size_t)index * SFPM_ELEMENT_SIZE;
    if (index >= elements.count)
        return SFPM_NULL_REFERENCE;
    return program->version < 3 ? slot_of_function(sfpm_get_u32(at)) : sfpm_get_u64(at);
}

/* The same at first: version 2 has that beside it, version 3 in a region of its own. */
static uint64_t element_first(const sfpm_program_t *program, const sfpm_buffer_t *region,
                              uint32_t table, uint32_t index)
{
    if (program->version >= 3 || index >= program->num_elements)
        return element_now(program, region, table, index);
    return slot_of_function(
        sfpm_get_u32(region->data + (size_t)index * SFPM_ELEMENT_SIZE + 4));
}

/* Puts a value into the new table. */
static bool put_element(const sfpm_carried_table_t *t, uint32_t index, uint64_t value)
{
    const sfpm_program_t *new = t->reload->match.new;
    const sfpm_elements_t table =
        sfpm_table_elements(new, &t->reload->made.regions.region[SFPM_TABLE], t->new);
    if (index >= table.count)
        return value == SFPM_NULL_REFERENCE;
    uint8_t *at = table.at + (size_t)index * SFPM_ELEMENT_SIZE;
    if (new->version < 3)
        sfpm_put_u32(at, (uint32_t)value);
    else
        sfpm_put_u64(at, value);
    return true;
}

static const char *element_text(const sfpm_program_t *program, uint8_t type,
                                uint64_t value, char *text)
{
    if (value == SFPM_NULL_REFERENCE)
        return "none";
    return type == SFPM_TYPE_FUNCREF ? sfpm_function_name(program, (uint32_t)value, text)
                                     : "a reference of the host";
}

/* Always false. */
static bool fail_element(const sfpm_carried_table_t *t, uint32_t index, uint64_t value,
                         const char *why)
{
    const sfpm_program_t *old = t->reload->match.old;
    char name[SFPM_PLACE_TEXT], table[32] = "the table";
    if (sfpm_match_num_tables(old) > 1)
        snprintf(table, sizeof table, "table %u", t->old);
    sfpm_fail(SFPM_ERR_MISMATCH, "element %u of %s is %s, %s", index, table,
              element_text(old, t->type, value, name), why);
    return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
}

/* Memory may hold the number of an element: what is there at first stays the same. */
static bool check_first(const sfpm_carried_table_t *t, uint32_t index, uint64_t now,
                        uint64_t first, uint64_t new_first)
{
    const sfpm_match_t *match = &t->reload->match;
    char name[SFPM_PLACE_TEXT], why[SFPM_PLACE_TEXT + 40];
    uint64_t mapped, kept = first;
    const char *lost = sfpm_carry_value(match, t->type, first, &mapped);
    bool grown = index >= sfpm_match_table(match->old, t->old).least;
    if (lost)
        return fail_element(t, index, first, lost);
    if (first != SFPM_NULL_REFERENCE
            ? mapped == new_first
            : new_first == SFPM_NULL_REFERENCE || (now == SFPM_NULL_REFERENCE && !grown))
        return true;
    if (first == SFPM_NULL_REFERENCE)
        kept = now;
    snprintf(why, sizeof why, "but %s in the new code",
             element_text(match->new, t->type, new_first, name));
    return fail_element(t, index, kept, why);
}

static bool carry_element(const sfpm_carried_table_t *t, uint32_t index)
{
    const sfpm_match_t *match = &t->reload->match;
    uint64_t now = element_now(match->old, &t->reload->vm->regions.region[SFPM_TABLE],
                               t->old, index);
    uint64_t first = element_first(match->old, t->first, t->old, index);
    uint64_t mapped,
        new_first = element_first(match->new, &t->reload->made.regions.region[SFPM_TABLE],
                                  t->new, index);
    const char *lost = sfpm_carry_value(match, t->type, now, &mapped);
    if (lost)
        return fail_element(t, index, now, lost);
    return check_first(t, index, now, first, new_first) &&
           (put_element(t, index, now == first ? new_first : mapped) ||
            fail_element(t, index, now, "but the new table is smaller"));
}

/* A table that the program made larger stays so. */
static bool grow_table(const sfpm_carried_table_t *t, uint32_t count)
{
    const sfpm_program_t *new = t->reload->match.new;
    sfpm_buffer_t *region = &t->reload->made.regions.region[SFPM_TABLE];
    uint32_t has = sfpm_table_elements(new, region, t->new).count;
    if (count <= sfpm_match_table(t->reload->match.old, t->old).least || count <= has)
        return true;
    return (new->version >= 3 && sfpm_table_grow(new, region, t->new, SFPM_NULL_REFERENCE,
                                                 count - has) != UINT32_MAX) ||
           sfpm_fail(SFPM_ERR_MISMATCH,
                     "table %u has %u elements, but the new code allows at most %u",
                     t->old, count, sfpm_match_table(new, t->new).most);
}

static bool carry_table(const sfpm_carried_table_t *t)
{
    const sfpm_match_t *match = &t->reload->match;
    uint32_t count = sfpm_table_elements(
                         match->old, &t->reload->vm->regions.region[SFPM_TABLE], t->old)
                         .count;
    if (!grow_table(t, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!carry_element(t, i))
            return false;
    return true;
}

/* A table that the new code does not have may go; one of another type may have moved. */
static bool carry_tables(sfpm_reload_t *reload, const sfpm_buffer_t *first)
{
    const sfpm_match_t *match = &reload->match;
    uint32_t news = sfpm_match_num_tables(match->new);
    for (uint32_t i = 0; i < sfpm_match_num_tables(match->old); i++) {
        const sfpm_carried_table_t table = {reload, first, i, match->tables[i],
                                            sfpm_match_table(match->old, i).type};
        if (table.new != SFPM_NO_TABLE) {
            if (!carry_table(&table))
                return false;
        } else if (i < news) {
            sfpm_fail(SFPM_ERR_MISMATCH, "table %u holds %s, but %s in the new code", i,
                      sfpm_type_name(table.type),
                      sfpm_type_name(sfpm_match_table(match->new, i).type));
            return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
        }
    }
    return true;
}

bool sfpm_carry_tables(sfpm_reload_t *reload)
{
    const sfpm_program_t *old = reload->match.old;
    sfpm_buffer_t first = {0};
    if (old->version < 3)
        return carry_tables(reload, &reload->vm->regions.region[SFPM_TABLE]);
    bool ok = sfpm_tables_begin(old, &first) && carry_tables(reload, &first);
    sfpm_buffer_free(&first);
    return ok;
}

/* ---- Dropped segments ------------------------------------------------------- */

static uint8_t *dropped_of(const sfpm_vm_t *vm)
{
    return vm->regions.region[SFPM_STATE].data + SFPM_STATE_SIZE;
}

/* Those that are put into memory at first are compared there. */
static bool same_data(const sfpm_segment_t *a, const sfpm_segment_t *b)
{
    return (a->is_active && b->is_active) ||
           (a->is_active == b->is_active && a->size == b->size &&
            memcmp(a->bytes, b->bytes, a->size) == 0);
}

static bool same_elements(const sfpm_match_t *match, uint32_t index)
{
    const sfpm_element_segment_t *a = &match->old->element_segments[index];
    const sfpm_element_segment_t *b = &match->new->element_segments[index];
    if (a->is_active && b->is_active)
        return true;
    if (a->is_active != b->is_active || a->type != b->type || a->size != b->size)
        return false;
    for (size_t at = 0; at < (size_t)a->size * SFPM_SLOT_SIZE; at += SFPM_SLOT_SIZE)
        if (!sfpm_match_value(match, a->type, sfpm_get_u64(a->values + at),
                              sfpm_get_u64(b->values + at)))
            return false;
    return true;
}

static bool fail_dropped(const char *kind, uint32_t index)
{
    sfpm_fail(SFPM_ERR_MISMATCH,
              "the program has dropped %s segment %u, which differs in the new code",
              kind, index);
    return sfpm_fail_remedy(SFPM_REMEDY_LAYOUT);
}

bool sfpm_carry_dropped(sfpm_reload_t *reload)
{
    const sfpm_program_t *old = reload->match.old, *new = reload->match.new;
    for (uint32_t i = 0; i < old->num_segments && i < new->num_segments; i++) {
        if (!sfpm_is_dropped(dropped_of(reload->vm), i))
            continue;
        if (!same_data(&old->segments[i], &new->segments[i]))
            return fail_dropped("data", i);
        sfpm_drop(dropped_of(&reload->made), i);
    }
    uint32_t count = old->num_element_segments < new->num_element_segments
                         ? old->num_element_segments
                         : new->num_element_segments;
    for (uint32_t i = 0; i < count; i++) {
        if (!sfpm_is_dropped(dropped_of(reload->vm), old->num_segments + i))
            continue;
        if (!same_elements(&reload->match, i))
            return fail_dropped("element", i);
        sfpm_drop(dropped_of(&reload->made), new->num_segments + i);
    }
    sfpm_drop_active(new, dropped_of(&reload->made));
    return true;
}
