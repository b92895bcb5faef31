/* SPDX-License-Identifier: MIT */
/*
 * The header of a unit of a line table: numbers, and tables of directories and files.
 * Each of their entries takes bytes of the section, so that time and memory are in
 * proportion to it.
 */
#include "wasm/dwarf_unit.h"

#include <string.h>

#include "base/bytes.h"

/* ---- Numbers ---------------------------------------------------------------- */

const uint8_t *sfpm_dwarf_take(sfpm_dwarf_bytes_t *from, uint64_t size)
{
    const uint8_t *at = from->at;
    if (from->bad || size > (uint64_t)(from->end - at)) {
        from->bad = true;
        return NULL;
    }
    from->at += size;
    return at;
}

uint64_t sfpm_dwarf_fixed(sfpm_dwarf_bytes_t *from, unsigned size)
{
    uint8_t bytes[8] = {0};
    const uint8_t *at = sfpm_dwarf_take(from, size);
    if (at)
        memcpy(bytes, at, size);
    return sfpm_get_u64(bytes);
}

/* LEB128; bits beyond 64 are lost. */
static uint64_t take_leb(sfpm_dwarf_bytes_t *from, bool is_signed)
{
    uint64_t sum = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)sfpm_dwarf_fixed(from, 1);
        sum |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        shift += 7;
    } while (byte > 0x7F);
    if (is_signed && (byte & 0x40) && shift < 64)
        sum |= UINT64_MAX << shift;
    return sum;
}

uint64_t sfpm_dwarf_unsigned(sfpm_dwarf_bytes_t *from)
{
    return take_leb(from, false);
}

uint64_t sfpm_dwarf_signed(sfpm_dwarf_bytes_t *from)
{
    return take_leb(from, true);
}

/* Text up to a zero byte; NULL when it is longer than names may be. */
static const char *take_text(sfpm_dwarf_bytes_t *from)
{
    size_t left = from->bad ? 0 : (size_t)(from->end - from->at);
    const uint8_t *zero = left > 0 ? memchr(from->at, 0, left) : NULL;
    const uint8_t *text =
        sfpm_dwarf_take(from, zero ? (uint64_t)(zero - from->at) + 1 : left + 1);
    return text && zero - text < SFPM_DWARF_TEXT ? (const char *)text : NULL;
}

/* ---- Tables ------------------------------------------------------------------ */

static sfpm_dwarf_entry_t *add_entry(sfpm_dwarf_unit_t *unit, sfpm_dwarf_entries_t *to)
{
    void *list = to->list;
    if (!sfpm_grow_array(&list, &to->capacity, to->count + 1, sizeof *to->list)) {
        unit->no_memory = unit->bytes.bad = true;
        return NULL;
    }
    to->list = list;
    to->list[to->count] = (sfpm_dwarf_entry_t){.name = NULL};
    return &to->list[to->count++];
}

/* Up to version 4: lists of names that end with an empty one. */
static void take_old_tables(sfpm_dwarf_unit_t *unit)
{
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    sfpm_dwarf_entry_t *entry;
    add_entry(unit, &unit->directories);
    while (!bytes->bad && bytes->at < bytes->end && *bytes->at != 0 &&
           (entry = add_entry(unit, &unit->directories)))
        entry->name = take_text(bytes);
    sfpm_dwarf_take(bytes, 1);
    add_entry(unit, &unit->files);
    while (!bytes->bad && bytes->at < bytes->end && *bytes->at != 0 &&
           (entry = add_entry(unit, &unit->files))) {
        entry->name = take_text(bytes);
        entry->directory = sfpm_dwarf_unsigned(bytes);
        sfpm_dwarf_unsigned(bytes); /* time */
        sfpm_dwarf_unsigned(bytes); /* size */
    }
    sfpm_dwarf_take(bytes, 1);
}

/* Looks no further than names may go: other entries may be of the same text. */
static const char *text_at(const sfpm_wasm_reader_t *section, uint64_t offset)
{
    size_t size = section->at ? (size_t)(section->end - section->at) : 0;
    if (offset >= size)
        return NULL;
    const uint8_t *text = section->at + offset;
    size_t left = size - (size_t)offset;
    bool ends = memchr(text, 0, left < SFPM_DWARF_TEXT ? left : SFPM_DWARF_TEXT);
    return ends ? (const char *)text : NULL;
}

/* What version 5 has in an entry. */
enum {
    CONTENT_PATH = 1,
    CONTENT_DIRECTORY = 2,
    FORM_BLOCK2 = 0x03,
    FORM_BLOCK4 = 0x04,
    FORM_DATA2 = 0x05,
    FORM_DATA4 = 0x06,
    FORM_DATA8 = 0x07,
    FORM_STRING = 0x08,
    FORM_BLOCK = 0x09,
    FORM_BLOCK1 = 0x0A,
    FORM_DATA1 = 0x0B,
    FORM_STRP = 0x0E,
    FORM_UDATA = 0x0F,
    FORM_STRX = 0x1A,
    FORM_DATA16 = 0x1E,
    FORM_LINE_STRP = 0x1F,
    FORM_STRX1 = 0x25,
    FORM_STRX4 = 0x28
};

/* A value that takes at least one byte: a number, or text. */
static uint64_t take_form(sfpm_dwarf_unit_t *unit, uint64_t form, const char **text)
{
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    *text = NULL;
    switch (form) {
    case FORM_STRING:
        *text = take_text(bytes);
        return 0;
    case FORM_LINE_STRP:
        *text = text_at(&unit->sections->line_strings,
                        sfpm_dwarf_fixed(bytes, unit->offset_size));
        return 0;
    case FORM_STRP:
        *text =
            text_at(&unit->sections->strings, sfpm_dwarf_fixed(bytes, unit->offset_size));
        return 0;
    case FORM_UDATA:
    case FORM_STRX:
        return sfpm_dwarf_unsigned(bytes);
    case FORM_DATA1:
        return sfpm_dwarf_fixed(bytes, 1);
    case FORM_DATA2:
        return sfpm_dwarf_fixed(bytes, 2);
    case FORM_DATA4:
        return sfpm_dwarf_fixed(bytes, 4);
    case FORM_DATA8:
        return sfpm_dwarf_fixed(bytes, 8);
    case FORM_DATA16:
        sfpm_dwarf_take(bytes, 16);
        return 0;
    case FORM_BLOCK:
        sfpm_dwarf_take(bytes, sfpm_dwarf_unsigned(bytes));
        return 0;
    case FORM_BLOCK1:
        sfpm_dwarf_take(bytes, sfpm_dwarf_fixed(bytes, 1));
        return 0;
    case FORM_BLOCK2:
        sfpm_dwarf_take(bytes, sfpm_dwarf_fixed(bytes, 2));
        return 0;
    case FORM_BLOCK4:
        sfpm_dwarf_take(bytes, sfpm_dwarf_fixed(bytes, 4));
        return 0;
    default:
        if (form >= FORM_STRX1 && form <= FORM_STRX4)
            return sfpm_dwarf_fixed(bytes, (unsigned)(form - FORM_STRX1 + 1));
        bytes->bad = true;
        return 0;
    }
}

/* Version 5: what an entry consists of, then the entries. */
static void take_table(sfpm_dwarf_unit_t *unit, sfpm_dwarf_entries_t *to)
{
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    struct {
        uint64_t content, form;
    } formats[UINT8_MAX];
    unsigned num_formats = (unsigned)sfpm_dwarf_fixed(bytes, 1);
    for (unsigned i = 0; i < num_formats; i++) {
        formats[i].content = sfpm_dwarf_unsigned(bytes);
        formats[i].form = sfpm_dwarf_unsigned(bytes);
    }
    uint64_t count = sfpm_dwarf_unsigned(bytes);
    bytes->bad |= num_formats == 0 && count > 0;
    for (uint64_t i = 0; i < count && !bytes->bad; i++) {
        sfpm_dwarf_entry_t *entry = add_entry(unit, to);
        for (unsigned k = 0; entry && k < num_formats; k++) {
            const char *text;
            uint64_t number = take_form(unit, formats[k].form, &text);
            if (formats[k].content == CONTENT_PATH)
                entry->name = text;
            else if (formats[k].content == CONTENT_DIRECTORY)
                entry->directory = number;
        }
    }
}

/* The bytes of the next unit; whether there is one. */
bool sfpm_dwarf_begin_unit(sfpm_dwarf_unit_t *unit, sfpm_dwarf_bytes_t *section)
{
    uint64_t size = sfpm_dwarf_fixed(section, 4);
    unit->offset_size = 4;
    if (size == UINT32_MAX) { /* sizes and offsets of 64 bits */
        unit->offset_size = 8;
        size = sfpm_dwarf_fixed(section, 8);
    }
    const uint8_t *at = sfpm_dwarf_take(section, size);
    if (!at)
        return false;
    unit->bytes = (sfpm_dwarf_bytes_t){at, at + size, false};
    unit->directories.count = unit->files.count = 0;
    return true;
}

/* Up to the line program. Whether it can be read. */
bool sfpm_dwarf_take_header(sfpm_dwarf_unit_t *unit)
{
    sfpm_dwarf_bytes_t *bytes = &unit->bytes;
    unit->version = (unsigned)sfpm_dwarf_fixed(bytes, 2);
    if (unit->version < 2 || unit->version > 5)
        return false;
    if (unit->version == 5)
        sfpm_dwarf_take(bytes, 2); /* sizes of addresses and segment selectors */
    uint64_t size = sfpm_dwarf_fixed(bytes, unit->offset_size);
    sfpm_dwarf_bytes_t program = *bytes;
    sfpm_dwarf_take(&program, size);
    unit->min_length = (unsigned)sfpm_dwarf_fixed(bytes, 1);
    if (unit->version > 3)
        sfpm_dwarf_take(bytes, 1); /* operations in an instruction */
    sfpm_dwarf_take(bytes, 1);     /* whether rows begin statements at first */
    unsigned base = (unsigned)sfpm_dwarf_fixed(bytes, 1);
    unit->line_base = base > INT8_MAX ? (int)base - 256 : (int)base;
    unit->line_range = (unsigned)sfpm_dwarf_fixed(bytes, 1);
    unit->opcode_base = (unsigned)sfpm_dwarf_fixed(bytes, 1);
    unit->operands = sfpm_dwarf_take(bytes, unit->opcode_base > 0 ? unit->opcode_base - 1
                                                                  : UINT64_MAX);
    if (unit->version == 5) {
        take_table(unit, &unit->directories);
        take_table(unit, &unit->files);
    } else {
        take_old_tables(unit);
    }
    bool ok = !bytes->bad && !program.bad && unit->line_range > 0;
    *bytes = program;
    return ok;
}
