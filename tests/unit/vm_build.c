/* SPDX-License-Identifier: MIT */
#include "vm_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/globals_table.h"
#include "engine/frames.h"
#include "bytecode/instruction.h"
#include "vm_common.h"

static void need(bool done)
{
    if (!done)
        ck_abort_msg("%s", sfpm_last_error());
}

void build_start(build_t *build)
{
    *build = (build_t){
        .program = {.version = 2, .max_pages = SFPM_NO_MEMORY}};
}

/* Type bytes that live as long as the process: of these there are few. */
static const uint8_t *types_of(const char *letters, size_t count)
{
    static uint8_t pool[1 << 16];
    static size_t used;
    uint8_t *types = pool + used;
    need(used + count < sizeof pool);
    for (size_t i = 0; i < count; i++)
        types[i] = sfpm_type_of_letter(letters[i]);
    used += count;
    if (used > sizeof pool / 2)
        used = 0;
    return types;
}

uint32_t build_type(build_t *build, const char *signature)
{
    char letters[64];
    size_t params = strcspn(signature, ":");
    size_t results = strlen(signature + params + 1);
    memcpy(letters, signature, params);
    memcpy(letters + params, signature + params + 1, results);
    const sfpm_function_type_t type = {.types = types_of(letters, params + results),
                                       .params = (uint16_t)params,
                                       .results = (uint16_t)results};
    for (uint32_t i = 0; i < build->program.num_types; i++)
        if (sfpm_same_type(&build->types[i], &type))
            return i;
    build->types[build->program.num_types] = type;
    return build->program.num_types++;
}

static uint32_t add_function(build_t *build, const char *signature)
{
    uint32_t number = build->program.num_functions++;
    uint32_t type = build_type(build, signature);
    build->functions[number] = (sfpm_function_t){.type = type,
                                                 .params = build->types[type].params,
                                                 .results = build->types[type].results,
                                                 .entry = (uint32_t)build->code.size};
    return number;
}

uint32_t build_import(build_t *build, const char *signature, const char *module,
                      const char *field)
{
    uint32_t number = add_function(build, signature);
    build->functions[number].module = module;
    build->functions[number].field = field;
    build->program.start = ++build->program.num_imports;
    return number;
}

uint32_t build_function(build_t *build, const char *signature, const char *locals)
{
    uint32_t number = add_function(build, signature);
    build->functions[number].locals = (uint16_t)strlen(locals);
    build->functions[number].local_types = types_of(locals, strlen(locals));
    return number;
}

uint32_t build_global(build_t *build, char type, bool is_mutable, uint64_t value)
{
    uint32_t number = build->program.num_globals++;
    build->globals[number] = (sfpm_global_t){sfpm_type_of_letter(type), is_mutable};
    build->global_values[number] = value;
    return number;
}

void build_table(build_t *build, char type, uint32_t least, uint32_t most)
{
    build->program.version = 3;
    build->tables[build->program.num_tables++] =
        (sfpm_table_t){least, most, sfpm_type_of_letter(type)};
    build->program.num_elements += least;
}

void build_elements(build_t *build, const sfpm_element_segment_t *segment)
{
    build->element_segments[build->program.num_element_segments++] = *segment;
}

const uint8_t *build_slots(const uint64_t *values, size_t count)
{
    enum { MOST = 1 << 10 };
    static uint8_t pool[MOST * SFPM_SLOT_SIZE];
    static size_t used;
    used = used + count > MOST ? 0 : used;
    uint8_t *slots = pool + used * SFPM_SLOT_SIZE;
    for (size_t i = 0; i < count; i++)
        sfpm_put_u64(slots + i * SFPM_SLOT_SIZE, values[i]);
    used += count;
    return slots;
}

void build_code(build_t *build, sfpm_opcode_t opcode, uint64_t operand)
{
    uint8_t bytes[9] = {(uint8_t)opcode};
    sfpm_put_u64(bytes + 1, operand);
    need(sfpm_buffer_add(&build->code, bytes,
                         1u + sfpm_opcode_info((uint8_t)opcode)->width));
}

void build_u32(build_t *build, uint32_t value)
{
    need(sfpm_buffer_add_u32(&build->code, value));
}

void build_const(build_t *build, char type, uint64_t value)
{
    build_code(build,
               type == 'i'   ? SFPM_OP_I32_CONST
               : type == 'I' ? SFPM_OP_I64_CONST
               : type == 'f' ? SFPM_OP_F32_CONST
                             : SFPM_OP_F64_CONST,
               value);
}

void build_regions(build_t *build, sfpm_regions_t *regions)
{
    sfpm_program_t *program = &build->program;
    sfpm_state_t state = {0};
    *regions = (sfpm_regions_t){0};
    program->types = build->types;
    program->functions = build->functions;
    program->globals = build->globals;
    program->exports = build->exports;
    program->segments = build->segments;
    program->tables = build->tables;
    program->element_segments = build->element_segments;
    regions->region[SFPM_CODE] = build->code;
    need(sfpm_tables_encode(regions, program));
    for (uint32_t i = 0; i < 2 * program->num_globals; i++)
        need(sfpm_buffer_add_u64(&regions->region[SFPM_GLOBALS],
                                 build->global_values[i / 2]));
    for (uint32_t i = 0; program->version < 3 && i < 2 * program->num_elements; i++)
        need(sfpm_buffer_add_u32(&regions->region[SFPM_TABLE], build->elements[i / 2]));
    state.pc = build->functions[program->start].entry;
    need(sfpm_state_encode(&state, sfpm_num_droppable(program),
                           &regions->region[SFPM_STATE]) &&
         sfpm_frames_start(program, program->start, &regions->region[SFPM_STACK]) &&
         sfpm_data_begin(program, regions));
}

sfpm_vm_t *build_vm(build_t *build)
{
    sfpm_regions_t regions;
    sfpm_vm_t *vm = sfpm_vm_create();
    build_regions(build, &regions);
    need(vm && load_regions(vm, &regions));
    sfpm_regions_free(&regions);
    return vm;
}
