/* SPDX-License-Identifier: MIT */
/* Places in the code: as users write them, and their names and lines of source. */
#include <sfpm/vm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "vm/machine.h"

/* Where the function ends that holds a code offset. */
static uint64_t function_end(const sfpm_program_t *program, uint32_t offset)
{
    return program->functions[sfpm_function_at(program, offset)].end;
}

/* ---- Lines of source ---------------------------------------------------------- */

/* `@FILE:LINE`, of which `length` characters are given. */
static bool parse_source(const char *text, size_t length, sfpm_line_place_t *source)
{
    size_t colon = length;
    uint64_t line = 0;
    while (colon > 0 && text[colon - 1] != ':')
        colon--;
    if (colon < 3 || sfpm_parse_digits(text + colon, length - colon, &line) ||
        line == 0 || line > UINT32_MAX)
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "'%.100s' is not a place: write @FILE:LINE, such as @main.c:12",
                         text);
    *source = (sfpm_line_place_t){text + 1, colon - 2, (uint32_t)line};
    return true;
}

static bool fail_no_line(const sfpm_program_t *program, const char *text,
                         sfpm_line_place_t source, uint32_t nearest)
{
    sfpm_row_reader_t reader = {.lines = &program->lines};
    int length = (int)(source.length < 100 ? source.length : 100);
    if (program->lines.num_blocks == 0)
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "'%.100s': the program has no lines of source (compilers record "
                         "them with -g)",
                         text);
    if (nearest != UINT32_MAX)
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "line %u of '%.*s' has no code; the next line that has is %u",
                         source.line, length, source.file, nearest);
    source.line = 1;
    if (sfpm_row_find(&reader, &source, &nearest) || nearest != UINT32_MAX)
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "'%.100s': no code is from this line or after it", text);
    return sfpm_fail(SFPM_ERR_SYNTAX, "no code is from a file '%.*s'", length,
                     source.file);
}

/* Every place where the line begins, or the first one only. */
static bool find_lines(const sfpm_program_t *program, const char *text, size_t length,
                       bool all, sfpm_buffer_t *offsets)
{
    sfpm_row_reader_t reader = {.lines = &program->lines};
    sfpm_line_place_t source;
    uint32_t nearest = UINT32_MAX;
    size_t before = offsets->size;
    if (!parse_source(text, length, &source))
        return false;
    while ((all || offsets->size == before) && sfpm_row_find(&reader, &source, &nearest))
        if (!sfpm_buffer_add(offsets, &reader.row.offset, sizeof reader.row.offset))
            return false;
    return offsets->size > before || fail_no_line(program, text, source, nearest);
}

static bool first_of_line(const sfpm_program_t *program, const char *text, size_t length,
                          uint64_t *offset)
{
    sfpm_buffer_t offsets = {0};
    uint32_t found = 0;
    bool ok = find_lines(program, text, length, false, &offsets);
    if (ok)
        memcpy(&found, offsets.data, sizeof found);
    sfpm_buffer_free(&offsets);
    *offset = found;
    return ok;
}

/* ---- Places ------------------------------------------------------------------- */

/* What comes before the + of a place. */
static size_t name_length(const char *text)
{
    const char *colon = text[0] == '@' ? strrchr(text, ':') : NULL;
    const char *plus = strchr(colon ? colon : text, '+');
    return plus ? (size_t)(plus - text) : strlen(text);
}

static bool find_name(const sfpm_program_t *program, const char *text, size_t length,
                      uint64_t *offset, bool *is_named)
{
    if (text[0] == '@') {
        *is_named = true;
        return first_of_line(program, text, length, offset);
    }
    const sfpm_label_t *place = sfpm_label_named(program, text, length);
    *is_named = place != NULL;
    if (place)
        *offset = place->offset;
    else if (sfpm_parse_digits(text, length, offset))
        return sfpm_fail(SFPM_ERR_SYNTAX, "there is no label '%.*s'",
                         (int)(length < 100 ? length : 100), text);
    return true;
}

static bool parse_place(const sfpm_program_t *program, const char *text, uint64_t *offset,
                        uint64_t *end)
{
    size_t length = name_length(text);
    const char *plus = text[length] == '+' ? text + length : NULL;
    uint64_t more = 0;
    bool is_named;
    if (plus && sfpm_parse_digits(plus + 1, strlen(plus + 1), &more))
        return sfpm_fail(SFPM_ERR_SYNTAX,
                         "'%.100s' is not a place: a number must follow the +", text);
    if (!find_name(program, text, length, offset, &is_named))
        return false;
    if (*offset >= program->code_size || more >= program->code_size - *offset)
        return sfpm_fail(SFPM_ERR_SYNTAX, "'%.100s' is outside the code of %u bytes",
                         text, program->code_size);
    *end = is_named ? function_end(program, (uint32_t)*offset) : program->code_size;
    *offset += more;
    return true;
}

bool sfpm_vm_resolve(const sfpm_vm_t *vm, const char *text, uint64_t *offset,
                     uint64_t *end)
{
    uint64_t found = 0, limit = 0;
    if (!sfpm_vm_has_program(vm))
        return false;
    if (!text || !offset)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no place was given");
    if (!parse_place(&vm->program, text, &found, &limit))
        return false;
    *offset = found;
    if (end)
        *end = limit;
    return true;
}

/* ---- Stops -------------------------------------------------------------------- */

static int compare_offsets(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (a == b)
        return 0;
    return a < b ? -1 : 1;
}

static bool add_stops(sfpm_vm_t *vm, const char *place)
{
    uint64_t offset;
    size_t length = place ? name_length(place) : 0;
    if (length > 0 && place[0] == '@' && place[length] == '\0')
        return find_lines(&vm->program, place, length, true, &vm->stops);
    if (!sfpm_vm_resolve(vm, place, &offset, NULL))
        return false;
    return sfpm_buffer_add(&vm->stops, &(uint32_t){(uint32_t)offset}, sizeof(uint32_t));
}

bool sfpm_vm_find_stops(sfpm_vm_t *vm, const char *const *places, size_t count)
{
    vm->stops.size = 0;
    for (size_t i = 0; i < count; i++)
        if (!add_stops(vm, places[i]))
            return false;
    if (count > 0)
        qsort(vm->stops.data, vm->stops.size / sizeof(uint32_t), sizeof(uint32_t),
              compare_offsets);
    return true;
}

/* ---- Names -------------------------------------------------------------------- */

void sfpm_vm_describe(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size)
{
    if (vm && vm->program.code)
        sfpm_place_text(&vm->program, offset, text, size);
    else
        snprintf(text, size, "%llu", (unsigned long long)offset);
}

const char *sfpm_vm_source(const sfpm_vm_t *vm, uint64_t offset, uint32_t *line)
{
    sfpm_row_t row;
    if (!vm || !sfpm_row_at(&vm->program.lines, offset, &row))
        return NULL;
    if (line)
        *line = row.line;
    return sfpm_row_base(&vm->program.lines, &row);
}
