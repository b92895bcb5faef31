/* SPDX-License-Identifier: MIT */
/* The types on the operand stack while a function's code is validated. */
#include "wasm/body.h"

static const char *type_text(uint8_t type)
{
    return type == SFPM_WASM_UNKNOWN ? "a value" : sfpm_type_name(type);
}

bool sfpm_wasm_push(sfpm_wasm_body_t *body, uint8_t type)
{
    if (body->height == SFPM_MAX_HEIGHT)
        return sfpm_wasm_fail(&body->reader, SFPM_ERR_LIMIT, body->offset,
                              "more than the %u values on the stack that sfpm supports",
                              SFPM_MAX_HEIGHT);
    body->stack[body->height++] = type;
    return true;
}

/* The type of the value `depth` below the top. */
static bool peek(const sfpm_wasm_body_t *body, uint32_t depth, uint8_t wanted,
                 uint8_t *type)
{
    const sfpm_wasm_block_t *block = sfpm_wasm_innermost(body);
    *type = SFPM_WASM_UNKNOWN;
    if (body->height - block->height <= depth) {
        if (block->unreachable)
            return true;
        return SFPM_WASM_INVALID(body,
                                 "type mismatch: %s takes %s, but nothing is on the "
                                 "stack of its block",
                                 body->mnemonic, type_text(wanted));
    }
    *type = body->stack[body->height - 1 - depth];
    if (wanted == SFPM_WASM_UNKNOWN || *type == SFPM_WASM_UNKNOWN || *type == wanted)
        return true;
    return SFPM_WASM_INVALID(body, "type mismatch: %s takes %s, but %s is on the stack",
                             body->mnemonic, type_text(wanted), type_text(*type));
}

bool sfpm_wasm_pop(sfpm_wasm_body_t *body, uint8_t wanted, uint8_t *type)
{
    if (!peek(body, 0, wanted, type))
        return false;
    if (body->height > sfpm_wasm_innermost(body)->height)
        body->height--;
    return true;
}

/* Instructions of a few bytes may move many values. */
static bool count_moved(sfpm_wasm_body_t *body, uint32_t count)
{
    body->moved += count;
    return body->moved <= SFPM_MAX_MOVED ||
           sfpm_wasm_fail(&body->reader, SFPM_ERR_LIMIT, body->offset,
                          "the module's calls and branches move more than the %u values "
                          "that sfpm supports",
                          SFPM_MAX_MOVED);
}

bool sfpm_wasm_push_all(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count)
{
    if (!count_moved(body, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sfpm_wasm_push(body, types[i]))
            return false;
    return true;
}

bool sfpm_wasm_pop_all(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count)
{
    uint8_t type;
    if (!count_moved(body, count))
        return false;
    while (count > 0)
        if (!sfpm_wasm_pop(body, types[--count], &type))
            return false;
    return true;
}

bool sfpm_wasm_check_top(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count)
{
    uint8_t type;
    if (!count_moved(body, count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!peek(body, i, types[count - 1 - i], &type))
            return false;
    return true;
}

bool sfpm_wasm_apply(sfpm_wasm_body_t *body, uint8_t opcode)
{
    const char *signature = sfpm_opcodes[opcode].signature;
    const char *colon = signature;
    uint8_t type;
    while (*colon != ':')
        colon++;
    for (const char *c = colon; c > signature; c--)
        if (!sfpm_wasm_pop(body, sfpm_type_of_letter(c[-1]), &type))
            return false;
    for (const char *c = colon + 1; *c; c++)
        if (!sfpm_wasm_push(body, sfpm_type_of_letter(*c)))
            return false;
    return true;
}
