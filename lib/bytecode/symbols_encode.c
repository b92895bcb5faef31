/* SPDX-License-Identifier: MIT */
/* Makes the `symbols` region of names and lines. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "bytecode/program.h"

/* ---- Version 1 -------------------------------------------------------------- */

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

/* ---- Version 2 -------------------------------------------------------------- */

static bool add_entries(sfpm_buffer_t *buffer, sfpm_buffer_t *names,
                        const sfpm_symbols_t *all)
{
    uint32_t name;
    for (size_t i = 0; i < all->count; i++)
        if (!add_symbol(buffer, names, &all->symbols[i]))
            return false;
    for (size_t i = 0; i < all->num_locals; i++)
        if (!add_symbol_name(names, all->locals[i].name, &name) ||
            !sfpm_buffer_add_u32(buffer, all->locals[i].function) ||
            !sfpm_buffer_add_u32(buffer, all->locals[i].local) ||
            !sfpm_buffer_add_u32(buffer, name))
            return false;
    for (size_t i = 0; i < all->num_files; i++)
        if (!add_symbol_name(names, all->files[i], &name) ||
            !sfpm_buffer_add_u32(buffer, name))
            return false;
    return true;
}

static bool encode_version_2(sfpm_buffer_t *buffer, const sfpm_symbols_t *all)
{
    sfpm_buffer_t names = {0}, index = {0}, rows = {0};
    size_t start = buffer->size;
    if (all->count)
        qsort(all->symbols, all->count, sizeof *all->symbols, compare_symbols);
    bool done = sfpm_rows_encode(&index, &rows, all->rows, all->num_rows) &&
                sfpm_buffer_extend(buffer, SFPM_SYMBOLS_HEADER_2) &&
                add_entries(buffer, &names, all) &&
                sfpm_buffer_add(buffer, index.data, index.size) &&
                sfpm_buffer_add(buffer, rows.data, rows.size) &&
                sfpm_buffer_add(buffer, names.data, names.size);
    if (done) {
        uint8_t *header = buffer->data + start;
        sfpm_put_u32(header, UINT32_MAX);
        sfpm_put_u32(header + 4, 2);
        sfpm_put_u32(header + 8, (uint32_t)all->count);
        sfpm_put_u32(header + 12, (uint32_t)all->num_locals);
        sfpm_put_u32(header + 16, (uint32_t)all->num_files);
        sfpm_put_u32(header + 20, (uint32_t)(index.size / SFPM_LINE_SIZE));
        sfpm_put_u32(header + 24, (uint32_t)rows.size);
        sfpm_put_u32(header + 28, (uint32_t)names.size);
    }
    sfpm_buffer_free(&names);
    sfpm_buffer_free(&index);
    sfpm_buffer_free(&rows);
    return done;
}

bool sfpm_symbols_encode_all(sfpm_buffer_t *buffer, const sfpm_symbols_t *all)
{
    if (all->num_locals == 0 && all->num_rows == 0)
        return sfpm_symbols_encode(buffer, all->symbols, all->count, NULL, 0, NULL);
    return encode_version_2(buffer, all);
}
