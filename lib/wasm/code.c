/* SPDX-License-Identifier: MIT */
/* The code of a WebAssembly module: functions, and instructions apart from control. */
#include <stdlib.h>
#include <string.h>

#include "wasm/body.h"

/* Opcodes that bytecode does not have, or has under another number; see control.c. */
enum {
    WASM_LAST_BLOCK = 0x05, /* from unreachable on */
    WASM_END = 0x0B,
    WASM_SELECT_TYPED = 0x1C,
    WASM_PREFIX = 0xFC,
    PREFIXED = 0xE0 /* what has a second number has this and the number in bytecode */
};

/* Most locals of all functions, and most bytes of code: a small module becomes no large
 * program. */
enum { MAX_LOCALS = 1 << 24, CODE_AT_LEAST = 1 << 24, CODE_PER_BYTE = 16 };

static size_t max_code(size_t section)
{
    size_t most = SFPM_VM_MAX_CODE;
    return section < (most - CODE_AT_LEAST) / CODE_PER_BYTE
               ? CODE_AT_LEAST + section * CODE_PER_BYTE
               : most;
}

/* ---- What there is not ------------------------------------------------------- */

/* What an instruction needs that there is not; NULL: there is no such instruction. */
static const char *lacking(uint8_t opcode)
{
    switch (opcode) {
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F:
        return SFPM_WASM_NEVER(
            "exceptions") "; compile without them (-fno-exceptions, no "
                          "setjmp)";
    case 0x12:
    case 0x13:
        return SFPM_WASM_NEVER("tail calls") "; compile without them (-mno-tail-call)";
    case 0x14:
    case 0x15:
    case 0xD3:
    case 0xD4:
    case 0xD5:
    case 0xD6:
        return SFPM_WASM_NEVER("typed references");
    case 0xFB:
        return SFPM_WASM_NEVER("garbage collection");
    case 0xFD:
        return SFPM_WASM_NEVER("SIMD");
    case 0xFE:
        return SFPM_WASM_NEVER("threads (atomic instructions)");
    default:
        return NULL;
    }
}

static bool refuse(const sfpm_wasm_body_t *body, uint8_t opcode)
{
    const char *feature = lacking(opcode);
    if (feature)
        return sfpm_wasm_lacks(&body->reader, body->offset, feature);
    return sfpm_wasm_fail(&body->reader, SFPM_ERR_CORRUPT, body->offset,
                          "unknown instruction 0x%02X", opcode);
}

/* ---- Memory ----------------------------------------------------------------- */

static bool need_memory(const sfpm_wasm_body_t *body)
{
    return body->module->program.max_pages != SFPM_NO_MEMORY ||
           SFPM_WASM_INVALID(body, "there is no memory 0");
}

/* The number of the memory, which is a byte. */
static bool take_memory_number(sfpm_wasm_body_t *body)
{
    uint8_t number;
    if (!sfpm_wasm_byte(&body->reader, &number))
        return false;
    if (number != 0)
        return sfpm_wasm_lacks(&body->reader, body->offset,
                               SFPM_WASM_NEVER("several memories"));
    return need_memory(body);
}

/* Loads and stores, from i32.load on. */
static bool access_memory(sfpm_wasm_body_t *body, uint8_t opcode)
{
    enum { HAS_MEMORY = 64, MAX_ALIGNMENT = 32 };
    static const uint8_t natural[] = {2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1,
                                      2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2};
    uint32_t alignment, offset;
    if (!sfpm_wasm_u32(&body->reader, &alignment))
        return false;
    if (alignment >= HAS_MEMORY && alignment < 2 * HAS_MEMORY)
        return sfpm_wasm_lacks(&body->reader, body->offset,
                               SFPM_WASM_NEVER("several memories"));
    if (alignment >= MAX_ALIGNMENT)
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_CORRUPT, body->offset,
                              "invalid flags %u of a memory access", alignment);
    if (!sfpm_wasm_u32(&body->reader, &offset) || !need_memory(body))
        return false;
    if (alignment > natural[opcode - SFPM_OP_I32_LOAD])
        return SFPM_WASM_INVALID(body, "the alignment of %s exceeds its size",
                                 body->mnemonic);
    return sfpm_wasm_apply(body, opcode) && sfpm_wasm_emit_u32(body, opcode, offset);
}

static bool take_segment(sfpm_wasm_body_t *body, uint32_t *segment)
{
    const sfpm_wasm_module_t *module = body->module;
    if (!sfpm_wasm_u32(&body->reader, segment))
        return false;
    if (!sfpm_wasm_has(module, SFPM_WASM_DATA_COUNT))
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_CORRUPT, body->offset,
                              "%s without a data count section", body->mnemonic);
    if (*segment >= module->data_count)
        return SFPM_WASM_INVALID(body, "there is no data segment %u", *segment);
    return true;
}

/* memory.init, data.drop, memory.copy, memory.fill. */
static bool bulk_memory(sfpm_wasm_body_t *body, uint8_t opcode)
{
    uint32_t segment = 0;
    bool names_segment = opcode == SFPM_OP_MEMORY_INIT || opcode == SFPM_OP_DATA_DROP;
    if ((names_segment && !take_segment(body, &segment)) ||
        (opcode != SFPM_OP_DATA_DROP && !take_memory_number(body)) ||
        (opcode == SFPM_OP_MEMORY_COPY && !take_memory_number(body)) ||
        !sfpm_wasm_apply(body, opcode))
        return false;
    return names_segment ? sfpm_wasm_emit_u32(body, opcode, segment)
                         : sfpm_wasm_emit(body, opcode);
}

/* What has a second number. */
static bool prefixed(sfpm_wasm_body_t *body)
{
    enum { FIRST_BULK = 8, FIRST_TABLE = 12, LAST_TABLE = 17, LAST_WIDE = 22 };
    uint32_t number;
    if (!sfpm_wasm_u32(&body->reader, &number))
        return false;
    if (number > LAST_TABLE && number <= LAST_WIDE && number != LAST_TABLE + 1)
        return sfpm_wasm_lacks(&body->reader, body->offset,
                               SFPM_WASM_NEVER("128-bit arithmetic"));
    if (number > LAST_TABLE)
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_CORRUPT, body->offset,
                              "unknown instruction 0xFC %u", number);
    uint8_t opcode = (uint8_t)(PREFIXED + number);
    body->mnemonic = sfpm_opcodes[opcode].mnemonic;
    if (number >= FIRST_TABLE)
        return sfpm_wasm_table(body, opcode);
    if (number >= FIRST_BULK)
        return bulk_memory(body, opcode);
    return sfpm_wasm_apply(body, opcode) && sfpm_wasm_emit(body, opcode);
}

/* ---- Variables, constants, calls --------------------------------------------- */

static bool local(sfpm_wasm_body_t *body, uint8_t opcode)
{
    const sfpm_function_t *function = body->function;
    uint32_t number;
    uint8_t popped;
    if (!sfpm_wasm_u32(&body->reader, &number))
        return false;
    if (number >= (uint32_t)function->params + function->locals)
        return SFPM_WASM_INVALID(body, "there is no local %u", number);
    uint8_t type = sfpm_local_type(function, number);
    return (opcode == SFPM_OP_LOCAL_GET || sfpm_wasm_pop(body, type, &popped)) &&
           (opcode == SFPM_OP_LOCAL_SET || sfpm_wasm_push(body, type)) &&
           sfpm_wasm_emit_u16(body, opcode, number);
}

static bool global(sfpm_wasm_body_t *body, uint8_t opcode)
{
    const sfpm_program_t *program = &body->module->program;
    uint32_t number;
    uint8_t popped;
    if (!sfpm_wasm_u32(&body->reader, &number))
        return false;
    if (number >= program->num_globals)
        return SFPM_WASM_INVALID(body, "there is no global %u", number);
    const sfpm_global_t *found = &program->globals[number];
    bool sets = opcode == SFPM_OP_GLOBAL_SET;
    if (sets && !found->is_mutable)
        return SFPM_WASM_INVALID(body, "global %u is immutable", number);
    return (sets ? sfpm_wasm_pop(body, found->type, &popped)
                 : sfpm_wasm_push(body, found->type)) &&
           sfpm_wasm_emit_u32(body, opcode, number);
}

static bool constant(sfpm_wasm_body_t *body, uint8_t opcode)
{
    static const uint8_t types[] = {SFPM_TYPE_I32, SFPM_TYPE_I64, SFPM_TYPE_F32,
                                    SFPM_TYPE_F64};
    uint8_t type = types[opcode - SFPM_OP_I32_CONST];
    uint64_t value;
    if (!sfpm_wasm_literal(&body->reader, type, &value) || !sfpm_wasm_push(body, type))
        return false;
    return sfpm_opcodes[opcode].width == 8
               ? sfpm_wasm_emit_u64(body, opcode, value)
               : sfpm_wasm_emit_u32(body, opcode, (uint32_t)value);
}

static bool call(sfpm_wasm_body_t *body)
{
    const sfpm_program_t *program = &body->module->program;
    uint32_t number;
    if (!sfpm_wasm_u32(&body->reader, &number))
        return false;
    if (number >= program->num_functions)
        return SFPM_WASM_INVALID(body, "there is no function %u", number);
    const sfpm_function_t *callee = &program->functions[number];
    return sfpm_wasm_pop_all(body, callee->param_types, callee->params) &&
           sfpm_wasm_push_all(body, callee->result_types, callee->results) &&
           sfpm_wasm_emit_u32(body, SFPM_OP_CALL, number);
}

static bool call_indirect(sfpm_wasm_body_t *body)
{
    const sfpm_program_t *program = &body->module->program;
    uint32_t number, table;
    uint8_t popped;
    if (!sfpm_wasm_u32(&body->reader, &number) || !sfpm_wasm_u32(&body->reader, &table))
        return false;
    if (table >= program->num_tables)
        return SFPM_WASM_INVALID(body, "there is no table %u", table);
    if (program->tables[table].type != SFPM_TYPE_FUNCREF)
        return SFPM_WASM_INVALID(body, "type mismatch: table %u has no functions", table);
    if (number >= program->num_types)
        return SFPM_WASM_INVALID(body, "there is no type %u", number);
    const sfpm_function_type_t *type = &program->types[number];
    return sfpm_wasm_pop(body, SFPM_TYPE_I32, &popped) &&
           sfpm_wasm_pop_all(body, type->types, type->params) &&
           sfpm_wasm_push_all(body, type->types + type->params, type->results) &&
           (table == 0 ? sfpm_wasm_emit_u32(body, SFPM_OP_CALL_INDIRECT, number)
                       : sfpm_wasm_emit_u64(body, SFPM_OP_TABLE_CALL,
                                            table | (uint64_t)number << 32));
}

static bool drop(sfpm_wasm_body_t *body)
{
    uint8_t type;
    return sfpm_wasm_pop(body, SFPM_WASM_UNKNOWN, &type) &&
           sfpm_wasm_emit(body, SFPM_OP_DROP);
}

/* Of values whose type is named, or else is known from the stack. */
static bool choose(sfpm_wasm_body_t *body, bool typed)
{
    uint32_t count;
    uint8_t type = SFPM_WASM_UNKNOWN, other, condition;
    if (typed) {
        if (!sfpm_wasm_count(&body->reader, &count))
            return false;
        if (count != 1)
            return SFPM_WASM_INVALID(body, "select names %u types, not one", count);
        if (!sfpm_wasm_value_type(&body->reader, &type))
            return false;
    }
    if (!sfpm_wasm_pop(body, SFPM_TYPE_I32, &condition) ||
        !sfpm_wasm_pop(body, type, &other) ||
        !sfpm_wasm_pop(body, typed ? type : other, &condition))
        return false;
    if (!typed)
        type = other == SFPM_WASM_UNKNOWN ? condition : other;
    if (!typed && sfpm_is_reference(type))
        return SFPM_WASM_INVALID(body,
                                 "type mismatch: a select of references names their type");
    return sfpm_wasm_push(body, type) && sfpm_wasm_emit(body, SFPM_OP_SELECT);
}

/* ---- Instructions ----------------------------------------------------------- */

static bool is_control(uint8_t opcode)
{
    return opcode <= WASM_LAST_BLOCK || opcode == WASM_END ||
           (opcode >= SFPM_OP_BR && opcode <= SFPM_OP_RETURN);
}

static bool plain(sfpm_wasm_body_t *body, uint8_t opcode)
{
    switch (opcode) {
    case SFPM_OP_CALL:
        return call(body);
    case SFPM_OP_CALL_INDIRECT:
        return call_indirect(body);
    case SFPM_OP_DROP:
        return drop(body);
    case SFPM_OP_SELECT:
        return choose(body, false);
    case SFPM_OP_LOCAL_GET:
    case SFPM_OP_LOCAL_SET:
    case SFPM_OP_LOCAL_TEE:
        return local(body, opcode);
    case SFPM_OP_GLOBAL_GET:
    case SFPM_OP_GLOBAL_SET:
        return global(body, opcode);
    case SFPM_OP_TABLE_GET:
    case SFPM_OP_TABLE_SET:
        return sfpm_wasm_table(body, opcode);
    case SFPM_OP_REF_NULL:
    case SFPM_OP_REF_IS_NULL:
    case SFPM_OP_REF_FUNC:
        return sfpm_wasm_reference(body, opcode);
    case SFPM_OP_MEMORY_SIZE:
    case SFPM_OP_MEMORY_GROW:
        if (!take_memory_number(body))
            return false;
        break;
    default:
        if (opcode >= SFPM_OP_I32_LOAD && opcode <= SFPM_OP_I64_STORE32)
            return access_memory(body, opcode);
        if (opcode >= SFPM_OP_I32_CONST && opcode <= SFPM_OP_F64_CONST)
            return constant(body, opcode);
        if (opcode < SFPM_OP_I32_EQZ || opcode > SFPM_OP_I64_EXTEND32_S)
            return refuse(body, opcode);
    }
    return sfpm_wasm_apply(body, opcode) && sfpm_wasm_emit(body, opcode);
}

static bool take_instruction(sfpm_wasm_body_t *body)
{
    uint8_t opcode;
    body->offset = sfpm_wasm_offset(&body->reader);
    if (body->offset >= body->module->next_line)
        sfpm_wasm_map_lines(body->module, body->offset);
    if (!sfpm_wasm_byte(&body->reader, &opcode))
        return false;
    body->mnemonic = sfpm_opcodes[opcode].mnemonic;
    if (is_control(opcode))
        return sfpm_wasm_control(body, opcode);
    if (opcode == WASM_PREFIX)
        return prefixed(body);
    if (opcode == WASM_SELECT_TYPED) {
        body->mnemonic = "select";
        return choose(body, true);
    }
    return plain(body, opcode);
}

/* ---- Functions -------------------------------------------------------------- */

/* The types of a function's locals, which go to the end of module->locals. */
static bool take_locals(sfpm_wasm_body_t *body, sfpm_function_t *function)
{
    sfpm_wasm_reader_t *reader = &body->reader;
    sfpm_buffer_t *all = &body->module->locals;
    size_t start = all->size;
    uint64_t total = 0;
    uint32_t groups, count;
    uint8_t type;
    if (!sfpm_wasm_count(reader, &groups))
        return false;
    for (uint32_t i = 0; i < groups; i++) {
        uint64_t offset = sfpm_wasm_offset(reader);
        if (!sfpm_wasm_u32(reader, &count) || !sfpm_wasm_value_type(reader, &type))
            return false;
        total += count;
        if (total > UINT32_MAX)
            return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset, "too many locals");
        if (total + function->params > SFPM_MAX_HEIGHT ||
            all->size + count > MAX_LOCALS)
            continue;
        uint8_t *to = sfpm_buffer_extend(all, count);
        if (!to)
            return false;
        memset(to, type, count);
    }
    if (all->size - start != total)
        return sfpm_wasm_fail(reader, SFPM_ERR_LIMIT, body->offset,
                              "%llu locals, more than sfpm supports (%u and the "
                              "parameters in a function, %llu in all)",
                              (unsigned long long)total, SFPM_MAX_HEIGHT,
                              (unsigned long long)MAX_LOCALS);
    function->locals = (uint16_t)total;
    function->local_types = all->data + start;
    return true;
}

static bool take_body(sfpm_wasm_body_t *body, uint32_t index)
{
    sfpm_wasm_module_t *module = body->module;
    sfpm_function_t *function = &module->program.functions[index];
    body->function = function;
    body->reader.function = index;
    if (module->function_names)
        body->reader.name = module->function_names[index];
    body->offset = sfpm_wasm_offset(&body->reader);
    function->entry = (uint32_t)body->code->size;
    if (!take_locals(body, function) || !sfpm_wasm_open_function(body))
        return false;
    while (body->num_blocks > 0)
        if (!take_instruction(body))
            return false;
    return sfpm_wasm_at_end(&body->reader);
}

/* Once no more are added. */
static void place_locals(sfpm_wasm_module_t *module)
{
    sfpm_program_t *program = &module->program;
    const uint8_t *types = module->locals.data;
    for (uint32_t i = program->num_imports; i < program->num_functions; i++) {
        program->functions[i].local_types = types;
        types += program->functions[i].locals;
    }
}

static bool take_bodies(sfpm_wasm_body_t *body, sfpm_wasm_reader_t *section)
{
    const sfpm_program_t *program = &body->module->program;
    for (uint32_t i = program->num_imports; i < program->num_functions; i++) {
        uint32_t size;
        body->reader = *section;
        if (!sfpm_wasm_u32(section, &size) ||
            !sfpm_wasm_skip(section, size, &body->reader.at))
            return false;
        body->reader.end = section->at;
        if (!take_body(body, i))
            return false;
    }
    return true;
}

bool sfpm_wasm_take_code(sfpm_wasm_module_t *module, sfpm_wasm_reader_t *reader)
{
    uint64_t offset = sfpm_wasm_offset(reader);
    uint32_t count;
    if (!sfpm_wasm_count(reader, &count))
        return false;
    if (count != module->num_bodies)
        return sfpm_wasm_fail(reader, SFPM_ERR_CORRUPT, offset,
                              "%u functions have code, but %u are declared", count,
                              module->num_bodies);
    sfpm_wasm_body_t body = {.module = module,
                             .code = &module->regions->region[SFPM_CODE],
                             .max_code = max_code((size_t)(reader->end - reader->at)),
                             .stack = sfpm_new_array(SFPM_MAX_HEIGHT, 1)};
    /* An empty list of locals is not NULL either. */
    bool ok = body.stack && sfpm_buffer_extend(&module->locals, 0) &&
              take_bodies(&body, reader);
    if (ok) {
        place_locals(module);
        sfpm_wasm_map_lines(module, UINT64_MAX);
    }
    free(body.stack);
    free(body.blocks);
    return ok;
}
