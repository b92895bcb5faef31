/* SPDX-License-Identifier: MIT */
/* Structured control of WebAssembly, which becomes jumps. */
#include "wasm/body.h"

#include <string.h>

#include "bytecode/stack_types.h"

enum {
    /* Opcodes that bytecode does not have, or has under another number. */
    WASM_UNREACHABLE = 0x00,
    WASM_NOP = 0x01,
    WASM_BLOCK = 0x02,
    WASM_LOOP = 0x03,
    WASM_IF = 0x04,
    WASM_ELSE = 0x05,
    WASM_END = 0x0B,
    NO_TYPE = 0x40
};

/* Behind an instruction that never goes on. */
static void end_reach(sfpm_wasm_body_t *body)
{
    sfpm_wasm_block_t *block = sfpm_wasm_innermost(body);
    body->height = block->height;
    block->unreachable = true;
    body->live = false;
}

/* ---- Blocks ----------------------------------------------------------------- */

static bool open_block(sfpm_wasm_body_t *body, const sfpm_wasm_block_t *block)
{
    void *blocks = body->blocks;
    if (body->num_blocks == SFPM_MAX_ENTRIES)
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_LIMIT, body->offset,
                              "blocks nested deeper than the %u levels that sfpm "
                              "supports",
                              SFPM_MAX_ENTRIES);
    if (!sfpm_grow_array(&blocks, &body->block_capacity, body->num_blocks + 1,
                         sizeof *body->blocks))
        return false;
    body->blocks = blocks;
    body->blocks[body->num_blocks++] = *block;
    sfpm_wasm_block_t *inner = sfpm_wasm_innermost(body);
    inner->height = body->height;
    inner->was_live = body->live;
    inner->table = UINT32_MAX;
    return sfpm_wasm_push_all(body, block->types, block->params);
}

bool sfpm_wasm_open_function(sfpm_wasm_body_t *body)
{
    const sfpm_wasm_block_t block = {.types = body->function->result_types,
                                     .results = body->function->results,
                                     .kind = SFPM_WASM_BLOCK_FUNCTION};
    body->live = true;
    body->height = 0;
    body->num_blocks = 0;
    return open_block(body, &block);
}

/* The type of a block: nothing, one result, or that of a function. */
static bool take_block_type(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block)
{
    static const uint8_t single[] = {SFPM_TYPE_I32,     SFPM_TYPE_I64,
                                     SFPM_TYPE_F32,     SFPM_TYPE_F64,
                                     SFPM_TYPE_FUNCREF, SFPM_TYPE_EXTERNREF};
    const sfpm_program_t *program = &body->module->program;
    sfpm_wasm_reader_t *reader = &body->reader;
    uint64_t number;
    uint8_t type;
    if (reader->at < reader->end && *reader->at == NO_TYPE) {
        reader->at++;
        return true;
    }
    if (reader->at < reader->end && (*reader->at & 0xC0) == NO_TYPE) {
        if (!sfpm_wasm_value_type(reader, &type))
            return false;
        block->types = &single[sfpm_type_index(type)];
        block->results = 1;
        return true;
    }
    if (!sfpm_wasm_signed(reader, 33, &number))
        return false;
    if (number >= program->num_types)
        return SFPM_WASM_INVALID(body, "there is no type %lld", (long long)number);
    block->types = program->types[number].types;
    block->params = program->types[number].params;
    block->results = program->types[number].results;
    return true;
}

static bool begin_block(sfpm_wasm_body_t *body, sfpm_wasm_block_kind_t kind)
{
    sfpm_wasm_block_t block = {.types = body->module->kept, .kind = kind}; /* none */
    uint8_t type;
    if (!take_block_type(body, &block) ||
        (kind == SFPM_WASM_BLOCK_IF && !sfpm_wasm_pop(body, SFPM_TYPE_I32, &type)) ||
        !sfpm_wasm_pop_all(body, block.types, block.params))
        return false;
    if (kind == SFPM_WASM_BLOCK_LOOP)
        block.label = (uint32_t)body->code->size;
    if (kind == SFPM_WASM_BLOCK_IF && body->live) {
        block.otherwise = (uint32_t)body->code->size + 1;
        if (!sfpm_wasm_emit_u32(body, SFPM_OP_BR_UNLESS, 0))
            return false;
    }
    return open_block(body, &block);
}

/* The stack at the end of a block, or before its else: exactly the results. */
static bool check_end(sfpm_wasm_body_t *body)
{
    const sfpm_wasm_block_t *block = sfpm_wasm_innermost(body);
    if (!sfpm_wasm_pop_all(body, block->types + block->params, block->results))
        return false;
    return body->height == block->height ||
           SFPM_WASM_INVALID(body,
                             "type mismatch: the block ends with more values than its %u "
                             "results",
                             block->results);
}

static bool begin_else(sfpm_wasm_body_t *body)
{
    sfpm_wasm_block_t *block = sfpm_wasm_innermost(body);
    if (block->kind != SFPM_WASM_BLOCK_IF)
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_CORRUPT, body->offset,
                              "an else without if");
    if (!check_end(body) || !sfpm_wasm_emit_jump(body, SFPM_OP_BR, block))
        return false;
    sfpm_wasm_land(body, block->otherwise);
    block->otherwise = 0;
    block->kind = SFPM_WASM_BLOCK_ELSE;
    block->unreachable = false;
    body->live = block->was_live;
    return sfpm_wasm_push_all(body, block->types, block->params);
}

/* Without else, the parameters become the results. */
static bool end_if(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block)
{
    if (block->params != block->results ||
        (block->params > 0 &&
         memcmp(block->types, block->types + block->params, block->params) != 0))
        return SFPM_WASM_INVALID(body, "type mismatch: an if without else has results "
                                       "other than its parameters");
    sfpm_wasm_land(body, block->otherwise);
    block->is_target |= block->was_live;
    return true;
}

static bool end_block(sfpm_wasm_body_t *body)
{
    sfpm_wasm_block_t *block = sfpm_wasm_innermost(body);
    if (!check_end(body) || (block->kind == SFPM_WASM_BLOCK_IF && !end_if(body, block)))
        return false;
    if (block->kind != SFPM_WASM_BLOCK_LOOP)
        sfpm_wasm_land(body, block->label);
    body->live |= block->is_target;
    body->num_blocks--;
    if (block->kind == SFPM_WASM_BLOCK_FUNCTION)
        return sfpm_wasm_emit(body, SFPM_OP_RETURN);
    return sfpm_wasm_push_all(body, block->types + block->params, block->results);
}

/* ---- Branches --------------------------------------------------------------- */

/* The block that a branch names: 0 is the innermost. */
static bool take_label(sfpm_wasm_body_t *body, sfpm_wasm_block_t **block)
{
    uint32_t depth;
    if (!sfpm_wasm_u32(&body->reader, &depth))
        return false;
    if (depth >= body->num_blocks)
        return SFPM_WASM_INVALID(body, "there is no label %u", depth);
    *block = &body->blocks[body->num_blocks - 1 - depth];
    return true;
}

/* What a branch to a block takes along. */
static const uint8_t *label_types(const sfpm_wasm_block_t *block, uint32_t *count)
{
    bool loop = block->kind == SFPM_WASM_BLOCK_LOOP;
    *count = loop ? block->params : block->results;
    return loop ? block->types : block->types + block->params;
}

static bool branch(sfpm_wasm_body_t *body)
{
    sfpm_wasm_block_t *block;
    uint32_t count;
    if (!take_label(body, &block))
        return false;
    const uint8_t *types = label_types(block, &count);
    if (!sfpm_wasm_pop_all(body, types, count) ||
        !sfpm_wasm_emit_branch(body, block, body->height - block->height))
        return false;
    end_reach(body);
    return true;
}

static bool branch_if(sfpm_wasm_body_t *body)
{
    sfpm_wasm_block_t *block;
    uint32_t count;
    uint8_t type;
    if (!take_label(body, &block) || !sfpm_wasm_pop(body, SFPM_TYPE_I32, &type))
        return false;
    const uint8_t *types = label_types(block, &count);
    return sfpm_wasm_pop_all(body, types, count) &&
           sfpm_wasm_emit_branch_if(body, block, body->height - block->height) &&
           sfpm_wasm_push_all(body, types, count);
}

/* Checks all labels of a table, which take the same number of values. */
static bool check_labels(sfpm_wasm_body_t *body, uint32_t count, uint32_t *taken)
{
    sfpm_wasm_block_t *block;
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t number;
        if (!take_label(body, &block))
            return false;
        const uint8_t *types = label_types(block, &number);
        if (i > 0 && number != *taken)
            return SFPM_WASM_INVALID(body,
                                     "type mismatch: labels of br_table take %u and "
                                     "%u values",
                                     *taken, number);
        if (!sfpm_wasm_check_top(body, types, number))
            return false;
        *taken = number;
    }
    return true;
}

static bool branch_table(sfpm_wasm_body_t *body)
{
    sfpm_wasm_reader_t *reader = &body->reader;
    sfpm_wasm_block_t *block;
    uint32_t count, targets, taken = 0, table = (uint32_t)body->code->size;
    uint8_t type;
    if (!sfpm_wasm_pop(body, SFPM_TYPE_I32, &type) || !sfpm_wasm_count(reader, &count))
        return false;
    const uint8_t *labels = reader->at;
    if (!check_labels(body, count, &taken) ||
        !sfpm_wasm_emit_table(body, count, &targets))
        return false;
    reader->at = labels;
    for (uint32_t i = 0; i <= count; i++)
        if (!take_label(body, &block) ||
            !sfpm_wasm_fill_target(body, targets + i * 4, block,
                                   body->height - block->height - taken, table))
            return false;
    end_reach(body);
    return true;
}

static bool leave_function(sfpm_wasm_body_t *body)
{
    if (!sfpm_wasm_pop_all(body, body->function->result_types, body->function->results) ||
        !sfpm_wasm_emit(body, SFPM_OP_RETURN))
        return false;
    end_reach(body);
    return true;
}

static bool trap(sfpm_wasm_body_t *body)
{
    if (!sfpm_wasm_emit(body, SFPM_OP_UNREACHABLE))
        return false;
    end_reach(body);
    return true;
}

bool sfpm_wasm_control(sfpm_wasm_body_t *body, uint8_t opcode)
{
    switch (opcode) {
    case WASM_UNREACHABLE:
        return trap(body);
    case WASM_NOP:
        return true;
    case WASM_BLOCK:
        body->mnemonic = "block";
        return begin_block(body, SFPM_WASM_BLOCK);
    case WASM_LOOP:
        body->mnemonic = "loop";
        return begin_block(body, SFPM_WASM_BLOCK_LOOP);
    case WASM_IF:
        body->mnemonic = "if";
        return begin_block(body, SFPM_WASM_BLOCK_IF);
    case WASM_ELSE:
        body->mnemonic = "else";
        return begin_else(body);
    case WASM_END:
        body->mnemonic = "end";
        return end_block(body);
    case SFPM_OP_BR:
        return branch(body);
    case SFPM_OP_BR_IF:
        return branch_if(body);
    case SFPM_OP_BR_TABLE:
        return branch_table(body);
    default:
        return leave_function(body);
    }
}
