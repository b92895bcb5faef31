/* SPDX-License-Identifier: MIT */
/* Emits the instructions that a WebAssembly function becomes. */
#include "wasm/body.h"

/* The next bytes of the code; NULL, with the error set, when there would be too many. */
static uint8_t *extend(sfpm_wasm_body_t *body, size_t size)
{
    if (size > body->max_code - body->code->size) {
        sfpm_wasm_fail(&body->reader, SFPM_ERR_LIMIT, body->offset,
                       "the module translates to more than the %zu bytes of code that sfpm "
                       "supports for it",
                       body->max_code);
        return NULL;
    }
    return sfpm_buffer_extend(body->code, size);
}

static uint8_t *begin(sfpm_wasm_body_t *body, uint8_t opcode, size_t width)
{
    uint8_t *to = extend(body, 1 + width);
    if (!to)
        return NULL;
    *to = opcode;
    return to + 1;
}

bool sfpm_wasm_emit(sfpm_wasm_body_t *body, uint8_t opcode)
{
    return !body->live || begin(body, opcode, 0) != NULL;
}

bool sfpm_wasm_emit_u8(sfpm_wasm_body_t *body, uint8_t opcode, uint8_t operand)
{
    uint8_t *to = body->live ? begin(body, opcode, 1) : NULL;
    if (to)
        *to = operand;
    return to || !body->live;
}

bool sfpm_wasm_emit_u16(sfpm_wasm_body_t *body, uint8_t opcode, uint32_t operand)
{
    uint8_t *to = body->live ? begin(body, opcode, 2) : NULL;
    if (to)
        sfpm_put_u16(to, (uint16_t)operand);
    return to || !body->live;
}

bool sfpm_wasm_emit_u32(sfpm_wasm_body_t *body, uint8_t opcode, uint32_t operand)
{
    uint8_t *to = body->live ? begin(body, opcode, 4) : NULL;
    if (to)
        sfpm_put_u32(to, operand);
    return to || !body->live;
}

bool sfpm_wasm_emit_u64(sfpm_wasm_body_t *body, uint8_t opcode, uint64_t operand)
{
    uint8_t *to = body->live ? begin(body, opcode, 8) : NULL;
    if (to)
        sfpm_put_u64(to, operand);
    return to || !body->live;
}

/* ---- Jumps ------------------------------------------------------------------ */

/* Makes the operand at that place of the code lead to the block. */
static void link_operand(sfpm_wasm_body_t *body, uint32_t operand,
                         sfpm_wasm_block_t *block)
{
    sfpm_put_u32(body->code->data + operand, block->label);
    if (block->kind == SFPM_WASM_BLOCK_LOOP)
        return;
    block->label = operand;
    block->is_target = true;
}

void sfpm_wasm_land(sfpm_wasm_body_t *body, uint32_t last)
{
    while (last != 0) {
        uint8_t *operand = body->code->data + last;
        last = sfpm_get_u32(operand);
        sfpm_put_u32(operand, (uint32_t)body->code->size);
    }
}

bool sfpm_wasm_emit_jump(sfpm_wasm_body_t *body, uint8_t opcode, sfpm_wasm_block_t *block)
{
    uint32_t operand = (uint32_t)body->code->size + 1;
    if (!body->live)
        return true;
    if (!begin(body, opcode, 4))
        return false;
    link_operand(body, operand, block);
    return true;
}

static uint32_t num_taken(const sfpm_wasm_block_t *block)
{
    return block->kind == SFPM_WASM_BLOCK_LOOP ? block->params : block->results;
}

/* An unwind removes a limited number of values. */
static bool emit_unwind(sfpm_wasm_body_t *body, uint32_t kept, uint32_t excess)
{
    while (excess > 0) {
        uint32_t removed = excess < SFPM_MAX_VALUES ? excess : SFPM_MAX_VALUES;
        if (!sfpm_wasm_emit_u32(body, SFPM_OP_UNWIND, kept | removed << 16))
            return false;
        excess -= removed;
    }
    return true;
}

bool sfpm_wasm_emit_branch(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block,
                           uint32_t excess)
{
    if (!body->live)
        return true;
    if (block->kind == SFPM_WASM_BLOCK_FUNCTION)
        return sfpm_wasm_emit(body, SFPM_OP_RETURN);
    return emit_unwind(body, num_taken(block), excess) &&
           sfpm_wasm_emit_jump(body, SFPM_OP_BR, block);
}

bool sfpm_wasm_emit_branch_if(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block,
                              uint32_t excess)
{
    uint32_t skip = (uint32_t)body->code->size + 1;
    if (!body->live)
        return true;
    if (excess == 0)
        return sfpm_wasm_emit_jump(body, SFPM_OP_BR_IF, block);
    if (!sfpm_wasm_emit_u32(body, SFPM_OP_BR_UNLESS, 0) ||
        !sfpm_wasm_emit_branch(body, block, excess))
        return false;
    sfpm_wasm_land(body, skip);
    return true;
}

bool sfpm_wasm_emit_table(sfpm_wasm_body_t *body, uint32_t count, uint32_t *targets)
{
    *targets = (uint32_t)body->code->size + SFPM_BR_TABLE_HEADER;
    return !body->live || (sfpm_wasm_emit_u32(body, SFPM_OP_BR_TABLE, count) &&
                           extend(body, ((size_t)count + 1) * 4) != NULL);
}

bool sfpm_wasm_fill_target(sfpm_wasm_body_t *body, uint32_t target,
                           sfpm_wasm_block_t *block, uint32_t excess, uint32_t table)
{
    if (!body->live)
        return true;
    if (excess == 0) {
        link_operand(body, target, block);
        return true;
    }
    if (block->table != table) {
        block->table = table;
        block->trampoline = (uint32_t)body->code->size;
        if (!sfpm_wasm_emit_branch(body, block, excess))
            return false;
    }
    sfpm_put_u32(body->code->data + target, block->trampoline);
    return true;
}
