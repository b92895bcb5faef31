/* SPDX-License-Identifier: MIT */
/*
 * Names of functions, labels and globals, and source lines: the `symbols` region
 * to and from its bytes, and looking things up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "bytecode/program.h"

bool sfpm_is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool later = (c >= '0' && c <= '9') || c == '.' || c == '$';
        if (!letter && !(later && i > 0))
            return false;
    }
    return length <= SFPM_MAX_NAME && (length > 1 || (length == 1 && text[0] != '_'));
}

/* ---- Decoding ------------------------------------------------------------- */

typedef struct sfpm_symbol_table {
    const uint8_t *symbols;
    uint32_t count;
    const char *names;
    uint32_t names_size;
} sfpm_symbol_table_t;

static bool split_region(sfpm_program_t *program, const uint8_t *bytes, size_t size,
                         sfpm_symbol_table_t *table)
{
    if (size < SFPM_SYMBOLS_HEADER)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'symbols' is truncated");
    table->count = sfpm_get_u32(bytes);
    program->num_lines = sfpm_get_u32(bytes + 4);
    table->names_size = sfpm_get_u32(bytes + 8);
    uint32_t file = sfpm_get_u32(bytes + 12);
    uint64_t symbols = (uint64_t)table->count * SFPM_SYMBOL_SIZE;
    uint64_t lines = (uint64_t)program->num_lines * SFPM_LINE_SIZE;
    if (SFPM_SYMBOLS_HEADER + symbols + lines + table->names_size != size)
        return sfpm_fail(
            SFPM_ERR_CORRUPT,
            "region 'symbols' of %zu bytes is not of the size that its header gives",
            size);
    table->symbols = bytes + SFPM_SYMBOLS_HEADER;
    program->lines = table->symbols + symbols;
    table->names = (const char *)program->lines + lines;
    if (table->names_size > 0 && table->names[table->names_size - 1] != '\0')
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: the last name is not terminated");
    if (file != SFPM_NO_NAME && file >= table->names_size)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "symbols: the offset of the source's name is out of range");
    program->file = file == SFPM_NO_NAME ? NULL : table->names + file;
    return true;
}

/* Records the name of function or global `value`, once. */
static bool name_numbered(const char **slot, uint32_t index, const char *name)
{
    if (*slot)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "symbols[%u]: its target already has a name", index);
    *slot = name;
    return true;
}

static bool decode_symbol(sfpm_program_t *program, const sfpm_symbol_table_t *table,
                          uint32_t index)
{
    const uint8_t *from = table->symbols + (size_t)index * SFPM_SYMBOL_SIZE;
    uint32_t kind = sfpm_get_u32(from);
    uint32_t value = sfpm_get_u32(from + 4);
    uint32_t name_at = sfpm_get_u32(from + 8);
    if (name_at >= table->names_size)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "symbols[%u]: the offset of its name is out of range", index);
    const char *name = table->names + name_at;
    if (!sfpm_is_name(name, strlen(name)))
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols[%u]: invalid name", index);
    sfpm_label_t label = {.name = name, .offset = value};
    if (kind == SFPM_SYMBOL_GLOBAL && value < program->num_globals)
        return name_numbered(&program->global_names[value], index, name);
    if (kind == SFPM_SYMBOL_FUNCTION && value < program->num_functions) {
        label.is_function = true;
        label.function = value;
        label.offset = program->functions[value].entry;
        if (!name_numbered(&program->functions[value].name, index, name))
            return false;
        if (sfpm_is_import(program, value))
            label.offset = SFPM_NO_CODE;
    } else if (kind != SFPM_SYMBOL_LABEL || value > program->code_size) {
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols[%u]: its target does not exist",
                         index);
    }
    program->labels[program->num_names++] = label;
    return true;
}

static int compare_labels(const void *left, const void *right)
{
    const sfpm_label_t *a = left;
    const sfpm_label_t *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->is_function != b->is_function)
        return a->is_function ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right)
{
    const sfpm_label_t *a = left;
    const sfpm_label_t *b = right;
    return strcmp(a->name, b->name);
}

static int compare_globals(const void *left, const void *right)
{
    const sfpm_named_global_t *a = left;
    const sfpm_named_global_t *b = right;
    return strcmp(a->name, b->name);
}

static bool sort_labels(sfpm_program_t *program)
{
    size_t count = program->num_names;
    program->labels_by_name =
        sfpm_copy_bytes(program->labels, count * sizeof(sfpm_label_t));
    if (!program->labels_by_name)
        return false;
    qsort(program->labels, count, sizeof(sfpm_label_t), compare_labels);
    for (program->num_labels = count; program->num_labels > 0; program->num_labels--)
        if (program->labels[program->num_labels - 1].offset != SFPM_NO_CODE)
            break;
    qsort(program->labels_by_name, count, sizeof(sfpm_label_t), compare_names);
    for (size_t i = 1; i < count; i++)
        if (compare_names(&program->labels_by_name[i - 1], &program->labels_by_name[i]) ==
            0)
            return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: two labels are named '%s'",
                             program->labels_by_name[i].name);
    return true;
}

static bool sort_globals(sfpm_program_t *program)
{
    uint32_t count = 0;
    sfpm_named_global_t *list = SFPM_NEW_N(sfpm_named_global_t, program->num_globals);
    program->globals_by_name = list;
    if (!list)
        return false;
    for (uint32_t i = 0; i < program->num_globals; i++)
        if (program->global_names[i])
            list[count++] = (sfpm_named_global_t){program->global_names[i], i};
    program->num_named_globals = count;
    qsort(list, count, sizeof *list, compare_globals);
    for (uint32_t i = 1; i < count; i++)
        if (compare_globals(&list[i - 1], &list[i]) == 0)
            return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: two globals are named '%s'",
                             list[i].name);
    return true;
}

static bool check_lines(const sfpm_program_t *program)
{
    for (uint32_t i = 0; i < program->num_lines; i++) {
        const uint8_t *line = program->lines + (size_t)i * SFPM_LINE_SIZE;
        if (sfpm_get_u32(line) >= program->code_size || sfpm_get_u32(line + 4) == 0 ||
            (i > 0 && sfpm_get_u32(line - SFPM_LINE_SIZE) >= sfpm_get_u32(line)))
            return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: line entry %u is out of order",
                             i);
    }
    return true;
}

bool sfpm_symbols_decode(sfpm_program_t *program, const uint8_t *bytes, size_t size)
{
    sfpm_symbol_table_t table = {0};
    program->global_names = SFPM_NEW_N(const char *, program->num_globals);
    if (!program->global_names)
        return false;
    if (size == 0)
        return true;
    if (!split_region(program, bytes, size, &table))
        return false;
    program->labels = SFPM_NEW_N(sfpm_label_t, table.count);
    if (!program->labels)
        return false;
    for (uint32_t i = 0; i < table.count; i++)
        if (!decode_symbol(program, &table, i))
            return false;
    return sort_labels(program) && sort_globals(program) && check_lines(program);
}

/* ---- Looking up ----------------------------------------------------------- */

/* `other` ends with a zero byte. */
static int compare_text(const char *other, const char *name, size_t length)
{
    int order = strncmp(other, name, length);
    return order == 0 && other[length] != '\0' ? 1 : order;
}

const sfpm_label_t *sfpm_symbol_named(const sfpm_program_t *program, const char *name,
                                      size_t length)
{
    size_t low = 0;
    size_t high = program->num_names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_label_t *found = &program->labels_by_name[middle];
        int order = compare_text(found->name, name, length);
        if (order == 0)
            return found;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const sfpm_label_t *sfpm_label_named(const sfpm_program_t *program, const char *name,
                                     size_t length)
{
    const sfpm_label_t *found = sfpm_symbol_named(program, name, length);
    return found && found->offset != SFPM_NO_CODE ? found : NULL;
}

bool sfpm_global_named(const sfpm_program_t *program, const char *name, size_t length,
                       uint32_t *index)
{
    uint32_t low = 0;
    uint32_t high = program->num_named_globals;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const sfpm_named_global_t *found = &program->globals_by_name[middle];
        int order = compare_text(found->name, name, length);
        *index = found->index;
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

size_t sfpm_first_label(const sfpm_program_t *program, uint64_t offset)
{
    size_t low = 0;
    size_t high = program->num_labels;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (program->labels[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const sfpm_label_t *sfpm_label_before(const sfpm_program_t *program, uint64_t offset)
{
    size_t after = sfpm_first_label(program, offset + 1);
    if (after == 0)
        return NULL;
    return &program->labels[sfpm_first_label(program, program->labels[after - 1].offset)];
}

uint32_t sfpm_line_at(const sfpm_program_t *program, uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = program->num_lines;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sfpm_get_u32(program->lines + (size_t)middle * SFPM_LINE_SIZE) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    return sfpm_get_u32(program->lines + (size_t)(low - 1) * SFPM_LINE_SIZE + 4);
}

/* ---- Encoding ------------------------------------------------------------- */

static int compare_symbols(const void *left, const void *right)
{
    const sfpm_symbol_t *a = left;
    const sfpm_symbol_t *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool add_symbol_name(sfpm_buffer_t *names, const char *name, uint32_t *at)
{
    size_t size = strlen(name) + 1;
    if (!sfpm_in_range(names->size, size, SFPM_NO_NAME))
        return sfpm_fail(SFPM_ERR_LIMIT, "the names of the program are too long");
    *at = (uint32_t)names->size;
    return sfpm_buffer_add(names, name, size);
}

static bool add_symbol(sfpm_buffer_t *buffer, sfpm_buffer_t *names,
                       const sfpm_symbol_t *symbol)
{
    uint32_t name;
    return add_symbol_name(names, symbol->name, &name) &&
           sfpm_buffer_add_u32(buffer, (uint32_t)symbol->kind) &&
           sfpm_buffer_add_u32(buffer, symbol->value) &&
           sfpm_buffer_add_u32(buffer, name);
}

bool sfpm_symbols_encode(sfpm_buffer_t *buffer, sfpm_symbol_t *symbols, size_t count,
                         const sfpm_line_t *lines, size_t num_lines, const char *file)
{
    sfpm_buffer_t names = {0};
    uint32_t file_name = SFPM_NO_NAME;
    size_t start = buffer->size;
    bool done = false;
    if (count)
        qsort(symbols, count, sizeof *symbols, compare_symbols);
    if (!sfpm_buffer_extend(buffer, SFPM_SYMBOLS_HEADER))
        goto out;
    for (size_t i = 0; i < count; i++)
        if (!add_symbol(buffer, &names, &symbols[i]))
            goto out;
    for (size_t i = 0; i < num_lines; i++)
        if (!sfpm_buffer_add_u32(buffer, lines[i].offset) ||
            !sfpm_buffer_add_u32(buffer, lines[i].line))
            goto out;
    if ((file && !add_symbol_name(&names, file, &file_name)) ||
        !sfpm_buffer_add(buffer, names.data, names.size))
        goto out;
    sfpm_put_u32(buffer->data + start, (uint32_t)count);
    sfpm_put_u32(buffer->data + start + 4, (uint32_t)num_lines);
    sfpm_put_u32(buffer->data + start + 8, (uint32_t)names.size);
    sfpm_put_u32(buffer->data + start + 12, file_name);
    done = true;
out:
    sfpm_buffer_free(&names);
    return done;
}
