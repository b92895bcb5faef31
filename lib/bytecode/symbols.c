/* SPDX-License-Identifier: MIT */
/*
 * Names of functions, labels, globals and locals, and source lines: the `symbols` region
 * taken apart, and looking things up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
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
    uint64_t left; /* bytes of names that there may still be: see take_name() */
} sfpm_symbol_table_t;

/* The names are the end of the region. */
static bool take_names(sfpm_symbol_table_t *table, const uint8_t *names)
{
    table->names = (const char *)names;
    return table->names_size == 0 || table->names[table->names_size - 1] == '\0' ||
           sfpm_fail(SFPM_ERR_CORRUPT, "symbols: the last name is not terminated");
}

static bool fail_size(size_t size)
{
    return sfpm_fail(
        SFPM_ERR_CORRUPT,
        "region 'symbols' of %zu bytes is not of the size that its header gives", size);
}

static bool split_version_1(sfpm_lines_t *lines, const uint8_t *bytes, size_t size,
                            sfpm_symbol_table_t *table)
{
    *lines = (sfpm_lines_t){.version = 1, .num_blocks = sfpm_get_u32(bytes + 4)};
    table->count = sfpm_get_u32(bytes);
    table->names_size = sfpm_get_u32(bytes + 8);
    uint32_t file = sfpm_get_u32(bytes + 12);
    uint64_t symbols = (uint64_t)table->count * SFPM_SYMBOL_SIZE;
    uint64_t rows = (uint64_t)lines->num_blocks * SFPM_LINE_SIZE;
    if (SFPM_SYMBOLS_HEADER + symbols + rows + table->names_size != size)
        return fail_size(size);
    table->symbols = bytes + SFPM_SYMBOLS_HEADER;
    lines->rows = table->symbols + symbols;
    if (!take_names(table, lines->rows + rows))
        return false;
    if (file != SFPM_NO_NAME && file >= table->names_size)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "symbols: the offset of the source's name is out of range");
    lines->file = file == SFPM_NO_NAME ? NULL : table->names + file;
    return true;
}

static bool split_version_2(sfpm_program_t *program, const uint8_t *bytes, size_t size,
                            sfpm_symbol_table_t *table)
{
    sfpm_lines_t *lines = &program->lines;
    if (size < SFPM_SYMBOLS_HEADER_2)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'symbols' is truncated");
    table->count = sfpm_get_u32(bytes + 8);
    program->num_local_names = sfpm_get_u32(bytes + 12);
    *lines = (sfpm_lines_t){.version = sfpm_get_u32(bytes + 4),
                            .num_files = sfpm_get_u32(bytes + 16),
                            .num_blocks = sfpm_get_u32(bytes + 20),
                            .rows_size = sfpm_get_u32(bytes + 24)};
    if (lines->version != 2)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "unsupported version %u of region 'symbols' (this release "
                         "supports 1 and 2)",
                         lines->version);
    table->names_size = sfpm_get_u32(bytes + 28);
    uint64_t symbols = (uint64_t)table->count * SFPM_SYMBOL_SIZE;
    uint64_t locals = (uint64_t)program->num_local_names * SFPM_LOCAL_NAME_SIZE;
    uint64_t files = (uint64_t)lines->num_files * 4;
    uint64_t index = (uint64_t)lines->num_blocks * SFPM_LINE_SIZE;
    if (SFPM_SYMBOLS_HEADER_2 + symbols + locals + files + index + lines->rows_size +
            table->names_size !=
        size)
        return fail_size(size);
    table->symbols = bytes + SFPM_SYMBOLS_HEADER_2;
    program->local_names = table->symbols + symbols;
    lines->files = program->local_names + locals;
    lines->index = lines->files + files;
    lines->rows = lines->index + index;
    lines->names = (const char *)lines->rows + lines->rows_size;
    return take_names(table, lines->rows + lines->rows_size);
}

static bool split_region(sfpm_program_t *program, const uint8_t *bytes, size_t size,
                         sfpm_symbol_table_t *table)
{
    if (size < SFPM_SYMBOLS_HEADER)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region 'symbols' is truncated");
    if (sfpm_get_u32(bytes) == UINT32_MAX)
        return split_version_2(program, bytes, size, table);
    return split_version_1(&program->lines, bytes, size, table);
}

/* The name at an offset; NULL if it is none. Names may share bytes, but all of them have no
 * more than those of the region and 100 each: a small region has no work for hours. */
static const char *take_name(sfpm_symbol_table_t *table, uint32_t at)
{
    const char *name = at < table->names_size ? table->names + at : "";
    size_t length = strnlen(name, SFPM_MAX_NAME + 1);
    if (length > table->left || !sfpm_is_name(name, length))
        return NULL;
    table->left -= length;
    return name;
}

/* Records the name of function or global `value`, once. */
static bool name_numbered(const char **slot, uint32_t index, const char *name)
{
    if (*slot)
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols[%u]: its target already has a name",
                         index);
    *slot = name;
    return true;
}

static bool decode_symbol(sfpm_program_t *program, sfpm_symbol_table_t *table,
                          uint32_t index)
{
    const uint8_t *from = table->symbols + (size_t)index * SFPM_SYMBOL_SIZE;
    uint32_t kind = sfpm_get_u32(from);
    uint32_t value = sfpm_get_u32(from + 4);
    uint32_t name_at = sfpm_get_u32(from + 8);
    if (name_at >= table->names_size)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "symbols[%u]: the offset of its name is out of range", index);
    const char *name = take_name(table, name_at);
    if (!name)
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

/* What the assembler and the loader of modules write is in order already. */
static bool is_in_order(const sfpm_label_t *labels, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_labels(&labels[i - 1], &labels[i]) > 0)
            return false;
    return true;
}

static bool sort_labels(sfpm_program_t *program)
{
    size_t count = program->num_names;
    program->labels_by_name =
        sfpm_copy_bytes(program->labels, count * sizeof(sfpm_label_t));
    if (!program->labels_by_name)
        return false;
    if (!is_in_order(program->labels, count))
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

/* The local that an entry names, compared with another. */
static int compare_local(const uint8_t *entry, uint32_t function, uint32_t local)
{
    uint64_t left = (uint64_t)sfpm_get_u32(entry) << 32 | sfpm_get_u32(entry + 4);
    uint64_t right = (uint64_t)function << 32 | local;
    if (left == right)
        return 0;
    return left < right ? -1 : 1;
}

static bool check_local_name(const sfpm_program_t *program, sfpm_symbol_table_t *table,
                             uint32_t index)
{
    const uint8_t *from = program->local_names + (size_t)index * SFPM_LOCAL_NAME_SIZE;
    uint32_t function = sfpm_get_u32(from), local = sfpm_get_u32(from + 4);
    if (function >= program->num_functions || sfpm_is_import(program, function) ||
        local >= (uint32_t)program->functions[function].params +
                     program->functions[function].locals)
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: local name %u is of no local",
                         index);
    if (index > 0 && compare_local(from - SFPM_LOCAL_NAME_SIZE, function, local) >= 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: local name %u is out of order",
                         index);
    return take_name(table, sfpm_get_u32(from + 8)) ||
           sfpm_fail(SFPM_ERR_CORRUPT, "symbols: local name %u is invalid", index);
}

/* A path, without control characters. */
static bool check_file(const sfpm_lines_t *lines, const sfpm_symbol_table_t *table,
                       uint32_t index)
{
    uint32_t name = sfpm_get_u32(lines->files + (size_t)index * 4);
    const char *text = name < table->names_size ? table->names + name : "";
    size_t length = strnlen(text, SFPM_MAX_EXPORT_NAME + 1);
    bool valid = length > 0 && length <= SFPM_MAX_EXPORT_NAME && text[length - 1] != '/';
    for (size_t i = 0; valid && i < length; i++)
        valid = (unsigned char)text[i] >= ' ' && text[i] != 0x7F;
    return valid || sfpm_fail(SFPM_ERR_CORRUPT,
                              "symbols: the name of source file %u is invalid", index);
}

static bool check_rest(const sfpm_program_t *program, sfpm_symbol_table_t *table)
{
    for (uint32_t i = 0; i < program->num_local_names; i++)
        if (!check_local_name(program, table, i))
            return false;
    for (uint32_t i = 0; i < program->lines.num_files; i++)
        if (!check_file(&program->lines, table, i))
            return false;
    return sfpm_lines_check(&program->lines, program->code_size);
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
    table.left = table.names_size + (table.count + (uint64_t)program->num_local_names) * 100;
    program->labels = SFPM_NEW_N(sfpm_label_t, table.count);
    if (!program->labels)
        return false;
    for (uint32_t i = 0; i < table.count; i++)
        if (!decode_symbol(program, &table, i))
            return false;
    return sort_labels(program) && sort_globals(program) && check_rest(program, &table);
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

const char *sfpm_local_name(const sfpm_program_t *program, uint32_t function,
                            uint32_t local)
{
    uint32_t low = 0;
    uint32_t high = program->num_local_names;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *entry =
            program->local_names + (size_t)middle * SFPM_LOCAL_NAME_SIZE;
        int order = compare_local(entry, function, local);
        if (order == 0)
            return program->lines.names + sfpm_get_u32(entry + 8);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
