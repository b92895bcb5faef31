/* SPDX-License-Identifier: MIT */
/*
 * Collects the names that an assembly text defines and uses, and resolves the uses after
 * the whole text was read, because names may be used before they are defined.
 */
#include "asm/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

void sfpm_names_free(sfpm_names_t *names)
{
    for (size_t i = 0; i < names->num_definitions; i++)
        free(names->definitions[i].name);
    free(names->definitions);
    free(names->references);
    *names = (sfpm_names_t){0};
}

bool sfpm_names_define(sfpm_names_t *names, sfpm_symbol_kind_t kind, uint32_t value,
                       const sfpm_token_t *token)
{
    void *list = names->definitions;
    if (!sfpm_grow_array(&list, &names->definition_capacity, names->num_definitions + 1,
                         sizeof *names->definitions))
        return false;
    names->definitions = list;
    char *name = sfpm_new_array(token->length + 1, 1);
    if (!name)
        return false;
    memcpy(name, token->text, token->length);
    names->definitions[names->num_definitions++] =
        (sfpm_definition_t){kind, value, token->line, token->column, name};
    return true;
}

bool sfpm_names_refer_at(sfpm_names_t *names, sfpm_operand_t operand,
                         sfpm_buffer_t *buffer, size_t offset, const sfpm_token_t *token)
{
    void *list = names->references;
    if (!sfpm_grow_array(&list, &names->reference_capacity, names->num_references + 1,
                         sizeof *names->references))
        return false;
    names->references = list;
    names->references[names->num_references++] =
        (sfpm_reference_t){operand, buffer, offset, *token};
    return true;
}

bool sfpm_names_refer(sfpm_names_t *names, sfpm_operand_t operand, sfpm_buffer_t *buffer,
                      const sfpm_token_t *token)
{
    return sfpm_names_refer_at(names, operand, buffer, buffer->size, token);
}

/* Functions and labels share their names; globals have names of their own. */
static bool is_global(sfpm_symbol_kind_t kind)
{
    return kind == SFPM_SYMBOL_GLOBAL;
}

static int compare_names(bool global, const char *name, size_t length,
                         const sfpm_definition_t *other)
{
    if (global != is_global(other->kind))
        return global ? 1 : -1;
    int order = strncmp(name, other->name, length);
    return order == 0 && other->name[length] != '\0' ? -1 : order;
}

static int compare_definitions(const void *left, const void *right)
{
    const sfpm_definition_t *a = left;
    const sfpm_definition_t *b = right;
    int order = compare_names(is_global(a->kind), a->name, strlen(a->name), b);
    if (order != 0)
        return order;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

void sfpm_names_sort(sfpm_names_t *names, sfpm_faults_t *faults)
{
    const sfpm_definition_t *first = names->definitions;
    if (names->num_definitions == 0)
        return;
    qsort(names->definitions, names->num_definitions, sizeof *names->definitions,
          compare_definitions);
    for (size_t i = 1; i < names->num_definitions; i++) {
        const sfpm_definition_t *next = &names->definitions[i];
        if (compare_names(is_global(first->kind), first->name, strlen(first->name),
                          next) == 0)
            sfpm_faults_add(faults, next->line, next->column,
                            "'%.40s' is already defined on line %u", next->name,
                            first->line);
        else
            first = next;
    }
}

const sfpm_definition_t *sfpm_names_find(const sfpm_names_t *names,
                                         sfpm_operand_t operand, const char *text,
                                         size_t length)
{
    size_t low = 0;
    size_t high = names->num_definitions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_definition_t *found = &names->definitions[middle];
        int order = compare_names(operand == SFPM_OPERAND_GLOBAL, text, length, found);
        if (order == 0)
            return found;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What a name means in the program as it was. */
static bool find_known(const sfpm_program_t *program, const sfpm_reference_t *reference,
                       sfpm_definition_t *known)
{
    const sfpm_token_t *token = &reference->token;
    if (reference->operand == SFPM_OPERAND_GLOBAL) {
        known->kind = SFPM_SYMBOL_GLOBAL;
        return sfpm_global_named(program, token->text, token->length, &known->value);
    }
    const sfpm_label_t *found = sfpm_symbol_named(program, token->text, token->length);
    if (!found)
        return false;
    known->kind = found->is_function ? SFPM_SYMBOL_FUNCTION : SFPM_SYMBOL_LABEL;
    known->value = found->is_function ? found->function : found->offset;
    return true;
}

static const char *kind_of(sfpm_operand_t operand)
{
    if (operand == SFPM_OPERAND_GLOBAL)
        return "global";
    return operand == SFPM_OPERAND_FUNCTION ? "function" : "label";
}

static void check_number(const sfpm_reference_t *reference, const sfpm_program_t *program,
                         sfpm_faults_t *faults)
{
    const sfpm_token_t *token = &reference->token;
    uint32_t count = reference->operand == SFPM_OPERAND_GLOBAL ? program->num_globals
                                                               : program->num_functions;
    char quote[SFPM_QUOTE];
    if (token->value >= count || token->negative)
        sfpm_faults_add(faults, token->line, token->column, "there is no %s %s",
                        kind_of(reference->operand), sfpm_quote(token, quote));
    else
        sfpm_put_u32(reference->buffer->data + reference->offset, (uint32_t)token->value);
}

/* Jumps go to functions, too, but only to those with code. */
static void resolve(const sfpm_reference_t *reference, const sfpm_definition_t *found,
                    const sfpm_program_t *program, sfpm_faults_t *faults)
{
    const sfpm_token_t *token = &reference->token;
    char quote[SFPM_QUOTE];
    uint32_t value = found->value;
    if (reference->operand == SFPM_OPERAND_FUNCTION &&
        found->kind != SFPM_SYMBOL_FUNCTION)
        sfpm_faults_add(faults, token->line, token->column,
                        "'%s' is a label, not a function", sfpm_quote(token, quote));
    if (reference->operand == SFPM_OPERAND_TARGET &&
        found->kind == SFPM_SYMBOL_FUNCTION) {
        if (sfpm_is_import(program, value))
            sfpm_faults_add(faults, token->line, token->column,
                            "cannot jump to '%s': it is imported",
                            sfpm_quote(token, quote));
        value = program->functions[value].entry;
    }
    sfpm_put_u32(reference->buffer->data + reference->offset, value);
}

void sfpm_names_resolve(const sfpm_names_t *names, const sfpm_program_t *program,
                        sfpm_faults_t *faults)
{
    for (size_t i = 0; i < names->num_references; i++) {
        const sfpm_reference_t *reference = &names->references[i];
        const sfpm_token_t *token = &reference->token;
        char quote[SFPM_QUOTE];
        sfpm_definition_t known;
        if (token->kind == SFPM_TOKEN_NUMBER) {
            check_number(reference, program, faults);
            continue;
        }
        const sfpm_definition_t *found =
            sfpm_names_find(names, reference->operand, token->text, token->length);
        if (!found && find_known(program, reference, &known))
            found = &known;
        if (found)
            resolve(reference, found, program, faults);
        else
            sfpm_faults_add(faults, token->line, token->column, "%s '%s' is not defined",
                            kind_of(reference->operand), sfpm_quote(token, quote));
    }
}

const char *sfpm_quote(const sfpm_token_t *token, char *buffer)
{
    size_t length = token->length < SFPM_QUOTE - 4 ? token->length : SFPM_QUOTE - 4;
    for (size_t i = 0; i < length; i++) {
        char c = token->text[i];
        buffer[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    buffer[length] = '\0';
    if (length < token->length)
        memcpy(buffer + length, "...", 4);
    return buffer;
}
