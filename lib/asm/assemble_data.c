/* SPDX-License-Identifier: MIT */
/* The assembler: the directives for globals, memory and data. */
#include "base/bytes.h"
#include "base/checked.h"
#include "asm/assemble_parts.h"

/* ---- Globals, memory -------------------------------------------------------- */

/* The value of a global. Of references only what it is at first: the present value
 * follows from it. */
static bool take_global_value(sfpm_assembler_t *a, uint8_t type)
{
    sfpm_buffer_t *values = &a->assembly->regions.region[SFPM_GLOBALS];
    const size_t at = values->size + SFPM_GLOBAL_SIZE / 2;
    const bool is_reference = sfpm_is_reference(type);
    uint64_t value = is_reference ? SFPM_NULL_REFERENCE : 0;
    if (!is_reference && !sfpm_asm_at_end(a))
        sfpm_asm_take_value(a, type, &value);
    return sfpm_buffer_add_u64(values, value) && sfpm_buffer_add_u64(values, value) &&
           (!is_reference || sfpm_asm_at_end(a) ||
            sfpm_asm_take_reference(a, type, values, at));
}

static bool add_global(sfpm_assembler_t *a, const sfpm_global_t *global)
{
    sfpm_program_t *program = &a->program;
    void *list = program->globals;
    if (!sfpm_grow_array(&list, &a->global_capacity, (size_t)program->num_globals + 1,
                         sizeof *program->globals))
        return false;
    program->globals = list;
    program->globals[program->num_globals++] = *global;
    return true;
}

bool sfpm_asm_take_global(sfpm_assembler_t *a)
{
    sfpm_global_t global = {SFPM_TYPE_I64, true};
    sfpm_token_t name;
    if (!sfpm_asm_take_name(a, &name))
        return true;
    if (sfpm_token_is(&a->token, "const")) {
        sfpm_asm_need_version2(a, &a->token);
        global.is_mutable = false;
        sfpm_asm_next(a);
    }
    uint8_t type = sfpm_asm_type(&a->token);
    if (type) {
        global.type = type;
        if (type != SFPM_TYPE_I64)
            sfpm_asm_need_version(a, sfpm_is_reference(type) ? 3 : 2, &a->token);
        sfpm_asm_next(a);
    }
    return take_global_value(a, global.type) &&
           sfpm_asm_define(a, SFPM_SYMBOL_GLOBAL, a->program.num_globals, &name) &&
           add_global(a, &global);
}

bool sfpm_asm_take_memory(sfpm_assembler_t *a)
{
    uint64_t least = 0;
    uint64_t most = SFPM_MAX_PAGES;
    const sfpm_token_t at = a->token;
    if (a->program.max_pages != SFPM_NO_MEMORY)
        return sfpm_asm_refuse_line(a, "duplicate .memory");
    if (!sfpm_asm_take_number(a, SFPM_MAX_PAGES, &least))
        return true;
    if (!sfpm_asm_at_end(a) && !sfpm_asm_take_number(a, SFPM_MAX_PAGES, &most))
        return true;
    if (least > most)
        sfpm_asm_fault(a, &at, "the initial number of pages exceeds the maximum");
    a->program.min_pages = (uint32_t)least;
    a->program.max_pages = (uint32_t)most;
    return true;
}

/* ---- Data ------------------------------------------------------------------- */

/* What a number among data is: its width and, in floating point, its type. */
static uint8_t take_width(sfpm_assembler_t *a, uint8_t *type)
{
    static const struct {
        const char *name;
        uint8_t width;
        uint8_t type;
    } widths[] = {{"i8", 1, SFPM_TYPE_I64},  {"i16", 2, SFPM_TYPE_I64},
                  {"i32", 4, SFPM_TYPE_I32}, {"i64", 8, SFPM_TYPE_I64},
                  {"f32", 4, SFPM_TYPE_F32}, {"f64", 8, SFPM_TYPE_F64}};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        if (sfpm_token_is(&a->token, widths[i].name)) {
            *type = widths[i].type;
            sfpm_asm_next(a);
            return widths[i].width;
        }
    return 0;
}

/* i8 and i16 have no type of their own. */
static bool take_datum(sfpm_assembler_t *a, uint8_t width, uint8_t type, uint64_t *value)
{
    const sfpm_token_t token = a->token;
    if (width > 2)
        return sfpm_asm_take_value(a, type, value);
    uint64_t most = ((uint64_t)1 << 8 * width) - 1;
    if (token.kind != SFPM_TOKEN_NUMBER || !token.negative)
        return sfpm_asm_take_number(a, most, value);
    *value = token.value & most;
    if (0 - token.value > most / 2 + 1)
        sfpm_faults_add(a->faults, token.line, token.column,
                        "number out of range (-%llu to %llu)",
                        (unsigned long long)(most / 2 + 1), (unsigned long long)most);
    sfpm_asm_next(a);
    return true;
}

/* Strings and numbers; a number is a byte until a type is named. */
static bool take_data_list(sfpm_assembler_t *a, sfpm_buffer_t *bytes)
{
    uint8_t type = SFPM_TYPE_I64;
    uint8_t width = 1;
    do {
        uint8_t other = take_width(a, &type);
        uint8_t number[8];
        uint64_t value = 0;
        width = other ? other : width;
        if (a->token.kind == SFPM_TOKEN_STRING) {
            if (!sfpm_string_bytes(&a->token, bytes))
                return false;
            sfpm_asm_next(a);
        } else if (take_datum(a, width, type, &value)) {
            sfpm_put_u64(number, value);
            if (!sfpm_buffer_add(bytes, number, width))
                return false;
        } else {
            return true;
        }
    } while (sfpm_asm_take_comma(a));
    return true;
}

static bool add_segment(sfpm_assembler_t *a, const sfpm_segment_t *segment)
{
    sfpm_program_t *program = &a->program;
    void *list = program->segments;
    if (!sfpm_grow_array(&list, &a->segment_capacity, (size_t)program->num_segments + 1,
                         sizeof *program->segments))
        return false;
    program->segments = list;
    program->segments[program->num_segments++] = *segment;
    return true;
}

bool sfpm_asm_take_data(sfpm_assembler_t *a)
{
    const sfpm_token_t at = a->token;
    sfpm_segment_t segment = {.is_active = !sfpm_token_is(&at, "passive")};
    uint64_t address = 0;
    if (!segment.is_active)
        sfpm_asm_next(a);
    else if (!sfpm_asm_take_number(a, UINT32_MAX, &address))
        return true;
    a->scratch.size = 0;
    if (!sfpm_asm_at_end(a) && !take_data_list(a, &a->scratch))
        return false;
    segment.address = (uint32_t)address;
    segment.size = (uint32_t)a->scratch.size;
    segment.bytes = sfpm_asm_keep(a, a->scratch.data, a->scratch.size);
    if (segment.is_active &&
        (a->program.max_pages == SFPM_NO_MEMORY ||
         !sfpm_in_range(address, segment.size,
                        (uint64_t)a->program.min_pages * SFPM_PAGE_SIZE)))
        sfpm_faults_add(
            a->faults, at.line, at.column,
            "data of size %u at address %u is outside the initial .memory (pages: %u)",
            segment.size, segment.address, a->program.min_pages);
    return segment.bytes && add_segment(a, &segment);
}
