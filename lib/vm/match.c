/* SPDX-License-Identifier: MIT */
/* Finds the functions and globals of one program in another, and compares code with its
 * references resolved. */
#include "vm/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/name_map.h"
#include "bytecode/instruction.h"
#include "bytecode/regions.h"

/* ---- Code ------------------------------------------------------------------- */

bool sfpm_match_signature(const sfpm_function_t *a, const sfpm_function_t *b)
{
    return a->params == b->params && a->results == b->results &&
           memcmp(a->param_types, b->param_types, a->params) == 0 &&
           memcmp(a->result_types, b->result_types, a->results) == 0;
}

/* Two functions being compared, at the same distance from their entries. */
typedef struct sfpm_code_walk {
    const sfpm_match_t *match;
    const sfpm_function_t *a, *b;
    uint32_t at;
    uint32_t limit; /* compared up to here */
    bool constants; /* … may differ */
    sfpm_instruction_t x, y;
} sfpm_code_walk_t;

static bool same_targets(const sfpm_code_walk_t *w)
{
    uint32_t count = sfpm_num_targets(&w->x);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t a =
            sfpm_target(w->match->old->code, w->a->entry + w->at, &w->x, i) - w->a->entry;
        uint32_t b =
            sfpm_target(w->match->new->code, w->b->entry + w->at, &w->y, i) - w->b->entry;
        if (a != b && (a <= w->limit || b <= w->limit))
            return false;
    }
    return true;
}

/* The counterpart of the function, with the same type. */
static bool same_callee(const sfpm_match_t *match, uint64_t a, uint64_t b)
{
    return match->functions[a] == b &&
           sfpm_match_signature(&match->old->functions[a], &match->new->functions[b]);
}

static bool same_type(const sfpm_match_t *match, uint32_t a, uint32_t b)
{
    return sfpm_same_type(&match->old->types[a], &match->new->types[b]);
}

/* The halves of operands that name a table first. */
static bool same_tables(const sfpm_code_walk_t *w)
{
    const sfpm_match_t *match = w->match;
    uint64_t x = w->x.operand, y = w->y.operand;
    uint32_t a = sfpm_second_number(x), b = sfpm_second_number(y);
    if (match->tables[sfpm_first_number(x)] != sfpm_first_number(y))
        return false;
    switch (w->x.info->operand) {
    case SFPM_OPERAND_TABLES:
        return match->tables[a] == b;
    case SFPM_OPERAND_INDIRECT:
        return same_type(match, a, b);
    default:
        return a == b;
    }
}

static bool same_operand(const sfpm_code_walk_t *w)
{
    const sfpm_match_t *match = w->match;
    uint64_t a = w->x.operand, b = w->y.operand;
    switch (w->x.info->operand) {
    case SFPM_OPERAND_TARGET:
        return same_targets(w);
    case SFPM_OPERAND_TARGETS:
        return a == b && same_targets(w);
    case SFPM_OPERAND_FUNCTION:
        return same_callee(match, a, b);
    case SFPM_OPERAND_GLOBAL:
        return match->globals[a] == b;
    case SFPM_OPERAND_TYPE: /* of a call through the first table */
        return match->tables[0] == 0 && same_type(match, (uint32_t)a, (uint32_t)b);
    case SFPM_OPERAND_TABLE:
    case SFPM_OPERAND_TABLES:
    case SFPM_OPERAND_INIT:
    case SFPM_OPERAND_INDIRECT:
        return same_tables(w);
    case SFPM_OPERAND_I32:
    case SFPM_OPERAND_OFFSET:
        return a == b || w->constants;
    default:
        return a == b;
    }
}

/* Reads the instruction at the place in both functions and compares it. */
static bool same_instruction(sfpm_code_walk_t *w)
{
    uint32_t a = w->a->entry + w->at, b = w->b->entry + w->at;
    return b < w->b->end &&
           sfpm_instruction_read(w->match->old->code, w->a->end, a, &w->x) &&
           sfpm_instruction_read(w->match->new->code, w->b->end, b, &w->y) &&
           w->x.info == w->y.info && same_operand(w);
}

static bool same_instructions(sfpm_code_walk_t *w)
{
    for (w->at = 0; w->at < w->limit; w->at += w->x.length)
        if (!same_instruction(w))
            return false;
    return true;
}

/* A walk through a function and its counterpart; false: they cannot be the same. */
static bool begin_walk(const sfpm_match_t *match, uint32_t index, uint32_t limit,
                       sfpm_code_walk_t *w)
{
    uint32_t other = match->functions[index];
    if (other == SFPM_NO_FUNCTION)
        return false;
    *w = (sfpm_code_walk_t){.match = match,
                            .a = &match->old->functions[index],
                            .b = &match->new->functions[other],
                            .limit = limit};
    return sfpm_match_signature(w->a, w->b) && w->a->locals == w->b->locals &&
           memcmp(w->a->local_types, w->b->local_types, w->a->locals) == 0;
}

bool sfpm_match_prefix(const sfpm_match_t *match, uint32_t index, uint32_t length)
{
    sfpm_code_walk_t w;
    return begin_walk(match, index, length, &w) && same_instructions(&w);
}

static uint32_t code_length(const sfpm_function_t *function)
{
    return function->end - function->entry;
}

static bool same_function(const sfpm_match_t *match, uint32_t index)
{
    uint32_t other = match->functions[index];
    const sfpm_function_t *a = &match->old->functions[index];
    if (other == SFPM_NO_FUNCTION)
        return false;
    const sfpm_function_t *b = &match->new->functions[other];
    if (sfpm_is_import(match->old, index))
        return sfpm_match_signature(a, b);
    return code_length(a) == code_length(b) &&
           sfpm_match_prefix(match, index, code_length(a));
}

bool sfpm_match_offsets(const sfpm_match_t *match, uint32_t index,
                        sfpm_match_offset_t callback, void *context)
{
    sfpm_code_walk_t w;
    uint32_t length = code_length(&match->old->functions[index]);
    if (sfpm_is_import(match->old, index) || !begin_walk(match, index, length, &w) ||
        code_length(w.b) != length)
        return true;
    w.constants = true;
    if (!same_instructions(&w))
        return true;
    for (w.at = 0; w.at < w.limit; w.at += w.x.length)
        if (same_instruction(&w) && w.x.info->operand == SFPM_OPERAND_OFFSET &&
            w.x.operand != w.y.operand &&
            !callback(context, index, (uint32_t)w.x.operand, (uint32_t)w.y.operand))
            return false;
    return true;
}

/* ---- Functions -------------------------------------------------------------- */

/* Whether a function has no name, or the one that a loader makes of its number. */
static bool is_nameless(const sfpm_program_t *program, uint32_t index)
{
    char text[24];
    const char *name = program->functions[index].name;
    snprintf(text, sizeof text, "func.%u", (unsigned)index);
    return !name || strcmp(name, text) == 0;
}

static uint32_t find_function(const sfpm_match_t *match, uint32_t index)
{
    const sfpm_program_t *new = match->new;
    const char *name = match->old->functions[index].name;
    if (is_nameless(match->old, index))
        return index < new->num_functions && !sfpm_is_import(new, index) &&
                       is_nameless(new, index)
                   ? index
                   : SFPM_NO_FUNCTION;
    const sfpm_label_t *found = sfpm_label_named(new, name, strlen(name));
    return found && found->is_function ? found->function : SFPM_NO_FUNCTION;
}

/* No name has a control character. */
static bool add_import(sfpm_name_map_t *map, const sfpm_function_t *import,
                       uint32_t index, char *key, size_t *instance)
{
    snprintf(key, 2 * (SFPM_MAX_EXPORT_NAME + 1), "%s\n%s", import->module,
             import->field);
    return sfpm_name_map_add(map, key, index, instance);
}

static bool match_imports(sfpm_match_t *match)
{
    sfpm_name_map_t olds = {0}, news = {0};
    char key[2 * (SFPM_MAX_EXPORT_NAME + 1)];
    size_t instance, found;
    bool ok = true;
    for (uint32_t i = 0; ok && i < match->new->num_imports; i++)
        ok = add_import(&news, &match->new->functions[i], i, key, NULL);
    for (uint32_t i = 0; ok && i < match->old->num_imports; i++) {
        ok = add_import(&olds, &match->old->functions[i], i, key, &instance);
        if (ok && sfpm_name_map_find(&news, key, instance, &found))
            match->functions[i] = (uint32_t)found;
    }
    sfpm_name_map_free(&olds);
    sfpm_name_map_free(&news);
    return ok;
}

static bool find_functions(sfpm_match_t *match)
{
    const sfpm_program_t *old = match->old;
    if (!match_imports(match))
        return false;
    for (uint32_t i = old->num_imports; i < old->num_functions; i++)
        match->functions[i] = find_function(match, i);
    return true;
}

/* When it is known what all operands stand for. */
static void compare_functions(sfpm_match_t *match)
{
    const sfpm_program_t *old = match->old;
    for (uint32_t i = 0; i < old->num_functions; i++)
        match->same[i] = same_function(match, i);
    for (uint32_t i = old->num_imports; i < old->num_functions; i++)
        if (!match->same[i] && is_nameless(old, i))
            match->functions[i] = SFPM_NO_FUNCTION;
    for (uint32_t i = 0; i < old->num_functions; i++)
        if (match->functions[i] != SFPM_NO_FUNCTION)
            match->old_functions[match->functions[i]] = i;
}

/* ---- Globals ---------------------------------------------------------------- */

bool sfpm_match_value(const sfpm_match_t *match, uint8_t type, uint64_t a, uint64_t b)
{
    if (type == SFPM_TYPE_FUNCREF && a != SFPM_NULL_REFERENCE)
        return match->functions[a] == b;
    return a == b;
}

/* By number: of the same kind, and with the same initial value. */
static bool same_global(const sfpm_match_t *match, uint32_t index,
                        const uint8_t *old_values, const uint8_t *new_values)
{
    const sfpm_global_t *a = &match->old->globals[index];
    const sfpm_global_t *b = &match->new->globals[index];
    size_t at = (size_t)index * SFPM_GLOBAL_SIZE + SFPM_GLOBAL_SIZE / 2;
    return a->type == b->type && a->is_mutable == b->is_mutable &&
           sfpm_match_value(match, a->type, sfpm_get_u64(old_values + at),
                            sfpm_get_u64(new_values + at));
}

static void pair_globals(sfpm_match_t *match, uint32_t old, uint32_t new)
{
    if (match->globals[old] != SFPM_NO_GLOBAL ||
        match->old_globals[new] != SFPM_NO_GLOBAL)
        return;
    match->globals[old] = new;
    match->old_globals[new] = old;
}

/* The names of exports come after globals' own. */
static void match_globals(sfpm_match_t *match, const uint8_t *old_values,
                          const uint8_t *new_values)
{
    const sfpm_program_t *old = match->old, *new = match->new;
    uint32_t found;
    for (uint32_t i = 0; i < old->num_globals; i++) {
        const char *name = old->global_names[i];
        if (name && sfpm_global_named(new, name, strlen(name), &found))
            pair_globals(match, i, found);
    }
    for (uint32_t i = 0; i < old->num_exports; i++) {
        const sfpm_export_t *a = &old->exports[i];
        const sfpm_export_t *b = a->kind == SFPM_EXPORT_GLOBAL
                                     ? sfpm_export_named(new, a->kind, a->name)
                                     : NULL;
        if (b)
            pair_globals(match, a->index, b->index);
    }
    for (uint32_t i = 0; i < old->num_globals && i < new->num_globals; i++)
        if ((!old->global_names[i] || !new->global_names[i]) &&
            same_global(match, i, old_values, new_values))
            pair_globals(match, i, i);
}

/* ---- Tables ----------------------------------------------------------------- */

uint32_t sfpm_match_num_tables(const sfpm_program_t *program)
{
    return program->version < 3 ? 1 : program->num_tables;
}

sfpm_table_t sfpm_match_table(const sfpm_program_t *program, uint32_t index)
{
    uint32_t count = program->num_elements;
    return program->version < 3 ? (sfpm_table_t){count, count, SFPM_TYPE_FUNCREF}
                                : program->tables[index];
}

static void pair_tables(sfpm_match_t *match, uint32_t old, uint32_t new)
{
    if (match->tables[old] != SFPM_NO_TABLE || match->old_tables[new] != SFPM_NO_TABLE ||
        sfpm_match_table(match->old, old).type != sfpm_match_table(match->new, new).type)
        return;
    match->tables[old] = new;
    match->old_tables[new] = old;
}

static void match_tables(sfpm_match_t *match)
{
    const sfpm_program_t *old = match->old, *new = match->new;
    for (uint32_t i = 0; i < old->num_exports; i++) {
        const sfpm_export_t *a = &old->exports[i];
        const sfpm_export_t *b = a->kind == SFPM_EXPORT_TABLE
                                     ? sfpm_export_named(new, a->kind, a->name)
                                     : NULL;
        if (b)
            pair_tables(match, a->index, b->index);
    }
    uint32_t a = sfpm_match_num_tables(old), b = sfpm_match_num_tables(new);
    for (uint32_t i = 0; i < a && i < b; i++)
        pair_tables(match, i, i);
}

/* ---- The whole -------------------------------------------------------------- */

/* A map in which nothing has a counterpart. */
static uint32_t *new_map(uint32_t count)
{
    uint32_t *map = SFPM_NEW_N(uint32_t, count);
    for (uint32_t i = 0; map && i < count; i++)
        map[i] = UINT32_MAX;
    return map;
}

bool sfpm_match_make(sfpm_match_t *match, const sfpm_program_t *old,
                     const uint8_t *old_values, const sfpm_program_t *new,
                     const uint8_t *new_values)
{
    *match = (sfpm_match_t){.old = old,
                            .new = new,
                            .functions = new_map(old->num_functions),
                            .old_functions = new_map(new->num_functions),
                            .same = SFPM_NEW_N(bool, old->num_functions),
                            .globals = new_map(old->num_globals),
                            .old_globals = new_map(new->num_globals),
                            .tables = new_map(sfpm_match_num_tables(old)),
                            .old_tables = new_map(sfpm_match_num_tables(new))};
    if (!match->functions || !match->old_functions || !match->same || !match->globals ||
        !match->old_globals || !match->tables || !match->old_tables ||
        !find_functions(match))
        return false;
    match_globals(match, old_values, new_values);
    match_tables(match);
    compare_functions(match);
    return true;
}

void sfpm_match_free(sfpm_match_t *match)
{
    free(match->functions);
    free(match->old_functions);
    free(match->same);
    free(match->globals);
    free(match->old_globals);
    free(match->tables);
    free(match->old_tables);
    *match = (sfpm_match_t){0};
}
