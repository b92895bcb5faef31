/* SPDX-License-Identifier: MIT */
/*
 * Rows of lines: read, looked up, checked and written.
 *
 * A row of version 2 is a number in LEB128, twice the bytes of code since the row before,
 * plus 1 if the file changes; the difference of the lines, zigzag-coded; and the number
 * of the file if it changes. Each block starts again from the offset in its index entry,
 * file 0 and line 0, so that a lookup reads one block of at most BLOCK rows.
 */
#include "bytecode/lines.h"

#include <string.h>

#include "base/bytes.h"
#include "bytecode/regions.h"

enum { BLOCK = 64 };

/* ---- Reading ---------------------------------------------------------------- */

static bool next_fixed(sfpm_row_reader_t *reader)
{
    const sfpm_lines_t *lines = reader->lines;
    if (reader->block >= lines->num_blocks)
        return false;
    const uint8_t *from = lines->rows + (size_t)reader->block++ * SFPM_LINE_SIZE;
    reader->row = (sfpm_row_t){sfpm_get_u32(from), 0, sfpm_get_u32(from + 4)};
    return true;
}

static const uint8_t *entry_of(const sfpm_lines_t *lines, uint32_t block)
{
    return lines->index + (size_t)block * SFPM_LINE_SIZE;
}

/* Where the block's rows begin. */
static uint32_t start_of(const sfpm_lines_t *lines, uint32_t block)
{
    if (block >= lines->num_blocks)
        return lines->rows_size;
    return sfpm_get_u32(entry_of(lines, block) + 4);
}

static bool begin_block(sfpm_row_reader_t *reader)
{
    const sfpm_lines_t *lines = reader->lines;
    if (reader->block >= lines->num_blocks)
        return false;
    uint32_t block = reader->block++;
    reader->row = (sfpm_row_t){.offset = sfpm_get_u32(entry_of(lines, block))};
    reader->at = start_of(lines, block);
    reader->end = start_of(lines, reader->block);
    reader->taken = 0;
    reader->malformed |= reader->at >= reader->end || reader->end > lines->rows_size;
    return !reader->malformed;
}

static uint32_t take_number(sfpm_row_reader_t *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (reader->at >= reader->end)
            break;
        uint8_t byte = reader->lines->rows[reader->at++];
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80 && value <= UINT32_MAX)
            return (uint32_t)value;
    }
    reader->malformed = true;
    return 0;
}

bool sfpm_row_next(sfpm_row_reader_t *reader)
{
    if (reader->lines->version == 1)
        return next_fixed(reader);
    if (reader->malformed || (reader->at == reader->end && !begin_block(reader)))
        return false;
    uint32_t first = take_number(reader);
    bool begins = reader->taken++ == 0;
    if (reader->taken > BLOCK || (begins && first > 1))
        reader->malformed = true;
    uint32_t difference = take_number(reader);
    reader->row.offset += first >> 1;
    reader->row.line += difference & 1 ? ~(difference >> 1) : difference >> 1;
    if (first & 1)
        reader->row.file = take_number(reader);
    return !reader->malformed;
}

/* ---- Checking --------------------------------------------------------------- */

static bool check_block(const sfpm_lines_t *lines, uint32_t block)
{
    uint32_t start = start_of(lines, block), end = start_of(lines, block + 1);
    return (block > 0 || start == 0) && start < end && end <= lines->rows_size;
}

static bool check_row(const sfpm_lines_t *lines, const sfpm_row_t *row,
                      uint32_t code_size)
{
    if (lines->version == 1)
        return row->offset < code_size && row->line > 0;
    return row->offset < code_size && (row->line == 0 || row->file < lines->num_files);
}

bool sfpm_lines_check(const sfpm_lines_t *lines, uint32_t code_size)
{
    sfpm_row_reader_t reader = {.lines = lines};
    uint64_t next = 0;
    uint32_t count = 0;
    bool is_delta = lines->version == 2;
    if (is_delta && lines->num_blocks == 0 && lines->rows_size > 0)
        return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: rows of lines are in no block");
    for (uint32_t i = 0; is_delta && i < lines->num_blocks; i++)
        if (!check_block(lines, i))
            return sfpm_fail(SFPM_ERR_CORRUPT,
                             "symbols: block %u of lines is out of order", i);
    for (; sfpm_row_next(&reader); count++) {
        if (reader.row.offset < next || !check_row(lines, &reader.row, code_size))
            return sfpm_fail(SFPM_ERR_CORRUPT, "symbols: line entry %u is out of order",
                             count);
        next = (uint64_t)reader.row.offset + 1;
    }
    return !reader.malformed ||
           sfpm_fail(SFPM_ERR_CORRUPT, "symbols: line entry %u is malformed", count);
}

/* ---- Looking up ------------------------------------------------------------- */

/* The last entry at or before the offset: of version 1 a row. */
static bool find_block(const sfpm_lines_t *lines, uint64_t offset, uint32_t *block)
{
    const uint8_t *entries = lines->version == 1 ? lines->rows : lines->index;
    uint32_t low = 0, high = lines->num_blocks;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sfpm_get_u32(entries + (size_t)middle * SFPM_LINE_SIZE) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    *block = low - 1;
    return low > 0;
}

bool sfpm_row_at(const sfpm_lines_t *lines, uint64_t offset, sfpm_row_t *row)
{
    sfpm_row_reader_t reader = {.lines = lines};
    if (!find_block(lines, offset, &reader.block))
        return false;
    *row = (sfpm_row_t){0};
    while (sfpm_row_next(&reader) && reader.row.offset <= offset)
        *row = reader.row;
    return row->line > 0;
}

const char *sfpm_row_file(const sfpm_lines_t *lines, const sfpm_row_t *row)
{
    if (lines->version == 1)
        return lines->file;
    return lines->names + sfpm_get_u32(lines->files + (size_t)row->file * 4);
}

const char *sfpm_row_base(const sfpm_lines_t *lines, const sfpm_row_t *row)
{
    const char *path = sfpm_row_file(lines, row);
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

/* Whether the row's file is that one, or ends with these parts of a path. */
static bool is_file(const sfpm_lines_t *lines, const sfpm_row_t *row,
                    const sfpm_line_place_t *source)
{
    const char *name = sfpm_row_file(lines, row);
    size_t length = name ? strlen(name) : 0;
    if (length < source->length || row->line == 0)
        return false;
    const char *last = name + (length - source->length);
    return memcmp(last, source->file, source->length) == 0 &&
           (last == name || last[-1] == '/');
}

bool sfpm_row_find(sfpm_row_reader_t *reader, const sfpm_line_place_t *source,
                   uint32_t *nearest)
{
    const sfpm_lines_t *lines = reader->lines;
    for (;;) {
        const sfpm_row_t *row = &reader->row;
        if (!sfpm_row_next(reader))
            return false;
        if (row->line < source->line || !is_file(lines, row, source))
            continue;
        if (row->line == source->line)
            return true;
        if (row->line < *nearest)
            *nearest = row->line;
    }
}

/* ---- Writing ---------------------------------------------------------------- */

static bool put_number(sfpm_buffer_t *bytes, uint32_t value)
{
    uint8_t text[5];
    size_t size = 0;
    for (; value > 0x7F; value >>= 7)
        text[size++] = (uint8_t)(value | 0x80);
    text[size++] = (uint8_t)value;
    return sfpm_buffer_add(bytes, text, size);
}

static bool put_row(sfpm_buffer_t *bytes, const sfpm_row_t *before, const sfpm_row_t *row)
{
    uint32_t difference = row->line - before->line;
    bool is_less = difference > INT32_MAX;
    bool changes = row->file != before->file;
    return put_number(bytes, (row->offset - before->offset) << 1 | changes) &&
           put_number(bytes, (is_less ? ~difference : difference) << 1 | is_less) &&
           (!changes || put_number(bytes, row->file));
}

bool sfpm_rows_encode(sfpm_buffer_t *index, sfpm_buffer_t *bytes, const sfpm_row_t *rows,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool begins = i % BLOCK == 0;
        const sfpm_row_t fresh = {.offset = rows[i].offset};
        if (begins && (!sfpm_buffer_add_u32(index, rows[i].offset) ||
                       !sfpm_buffer_add_u32(index, (uint32_t)bytes->size)))
            return false;
        if (!put_row(bytes, begins ? &fresh : &rows[i - 1], &rows[i]))
            return false;
    }
    return true;
}
