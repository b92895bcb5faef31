/* SPDX-License-Identifier: MIT */
/* Instructions of WebAssembly on references and tables. */
#include "wasm/body.h"

/* The number of a table, and the type of its elements. */
static bool take_table(sfpm_wasm_body_t *body, uint32_t *table, uint8_t *type)
{
    const sfpm_program_t *program = &body->module->program;
    if (!sfpm_wasm_u32(&body->reader, table))
        return false;
    if (*table >= program->num_tables)
        return SFPM_WASM_INVALID(body, "there is no table %u", *table);
    *type = program->tables[*table].type;
    return true;
}

static bool take_segment(sfpm_wasm_body_t *body, uint32_t *segment, uint8_t *type)
{
    const sfpm_program_t *program = &body->module->program;
    if (!sfpm_wasm_u32(&body->reader, segment))
        return false;
    if (*segment >= program->num_element_segments)
        return SFPM_WASM_INVALID(body, "there is no element segment %u", *segment);
    *type = program->element_segments[*segment].type;
    return true;
}

static bool pop_types(sfpm_wasm_body_t *body, uint8_t first, uint8_t second,
                      uint8_t third)
{
    const uint8_t types[] = {first, second, third};
    return sfpm_wasm_pop_all(body, types, 3);
}

static bool check_types(sfpm_wasm_body_t *body, uint8_t to, uint8_t from)
{
    return to == from || SFPM_WASM_INVALID(body, "type mismatch: %s of %s from %s",
                                           body->mnemonic, sfpm_type_name(to),
                                           sfpm_type_name(from));
}

static uint64_t both(uint32_t first, uint32_t second)
{
    return first | (uint64_t)second << 32;
}

/* Between tables, or from a segment to a table. */
static bool copy_elements(sfpm_wasm_body_t *body, uint8_t opcode)
{
    uint32_t table, source;
    uint8_t to, from;
    bool ok = opcode == SFPM_OP_TABLE_COPY
                  ? take_table(body, &table, &to) && take_table(body, &source, &from)
                  : take_segment(body, &source, &from) && take_table(body, &table, &to);
    return ok && check_types(body, to, from) &&
           pop_types(body, SFPM_TYPE_I32, SFPM_TYPE_I32, SFPM_TYPE_I32) &&
           sfpm_wasm_emit_u64(body, opcode, both(table, source));
}

bool sfpm_wasm_table(sfpm_wasm_body_t *body, uint8_t opcode)
{
    const uint8_t i32[] = {SFPM_TYPE_I32};
    uint32_t number;
    uint8_t type, popped;
    if (opcode == SFPM_OP_TABLE_COPY || opcode == SFPM_OP_TABLE_INIT)
        return copy_elements(body, opcode);
    if (!(opcode == SFPM_OP_ELEM_DROP ? take_segment(body, &number, &type)
                                      : take_table(body, &number, &type)))
        return false;
    bool ok = true;
    switch (opcode) {
    case SFPM_OP_TABLE_GET:
        ok = sfpm_wasm_pop_all(body, i32, 1) && sfpm_wasm_push(body, type);
        break;
    case SFPM_OP_TABLE_SET:
        ok = sfpm_wasm_pop(body, type, &popped) && sfpm_wasm_pop_all(body, i32, 1);
        break;
    case SFPM_OP_TABLE_SIZE:
        ok = sfpm_wasm_push(body, SFPM_TYPE_I32);
        break;
    case SFPM_OP_TABLE_GROW:
        ok = sfpm_wasm_pop_all(body, i32, 1) && sfpm_wasm_pop(body, type, &popped) &&
             sfpm_wasm_push(body, SFPM_TYPE_I32);
        break;
    case SFPM_OP_TABLE_FILL:
        ok = pop_types(body, SFPM_TYPE_I32, type, SFPM_TYPE_I32);
        break;
    }
    return ok && sfpm_wasm_emit_u32(body, opcode, number);
}

static bool take_function_reference(sfpm_wasm_body_t *body)
{
    const sfpm_wasm_module_t *module = body->module;
    uint32_t function;
    if (!sfpm_wasm_u32(&body->reader, &function))
        return false;
    if (function >= module->program.num_functions)
        return SFPM_WASM_INVALID(body, "there is no function %u", function);
    if (!sfpm_wasm_is_declared(module, function))
        return SFPM_WASM_INVALID(body,
                                 "undeclared function reference: function %u is in no "
                                 "export, global or element segment",
                                 function);
    return sfpm_wasm_push(body, SFPM_TYPE_FUNCREF) &&
           sfpm_wasm_emit_u32(body, SFPM_OP_REF_FUNC, function);
}

bool sfpm_wasm_reference(sfpm_wasm_body_t *body, uint8_t opcode)
{
    uint8_t type;
    switch (opcode) {
    case SFPM_OP_REF_NULL:
        return sfpm_wasm_reference_type(&body->reader, &type) &&
               sfpm_wasm_push(body, type) && sfpm_wasm_emit_u8(body, opcode, type);
    case SFPM_OP_REF_IS_NULL:
        if (!sfpm_wasm_pop(body, SFPM_WASM_UNKNOWN, &type))
            return false;
        if (type != SFPM_WASM_UNKNOWN && !sfpm_is_reference(type))
            return SFPM_WASM_INVALID(body,
                                     "type mismatch: %s takes a reference, but %s is on "
                                     "the stack",
                                     body->mnemonic, sfpm_type_name(type));
        return sfpm_wasm_push(body, SFPM_TYPE_I32) && sfpm_wasm_emit(body, opcode);
    default:
        return take_function_reference(body);
    }
}
