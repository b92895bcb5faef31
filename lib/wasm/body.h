/* SPDX-License-Identifier: MIT */
/*
 * The code of one function while it is validated and translated in one pass. Validation
 * is the algorithm in the appendix of the WebAssembly specification: a stack of types,
 * and a stack of the blocks around an instruction. Code is emitted only where control can
 * arrive (`live`): there the stack of types is the operand stack of the machine.
 */
#ifndef SFPM_WASM_BODY_H
#define SFPM_WASM_BODY_H

#include "base/bytes.h"
#include "bytecode/instruction.h"
#include "wasm/module.h"

typedef enum sfpm_wasm_block_kind {
    SFPM_WASM_BLOCK_FUNCTION,
    SFPM_WASM_BLOCK,
    SFPM_WASM_BLOCK_LOOP,
    SFPM_WASM_BLOCK_IF, /* before its else, if it has one */
    SFPM_WASM_BLOCK_ELSE
} sfpm_wasm_block_kind_t;

typedef struct sfpm_wasm_block {
    const uint8_t *types; /* parameters, then results */
    uint16_t params;
    uint16_t results;
    sfpm_wasm_block_kind_t kind;
    bool unreachable;    /* behind an instruction that never goes on: any types fit */
    bool was_live;       /* control arrives at its beginning */
    bool is_target;      /* … at its end by a jump */
    uint32_t height;     /* of the stack, without the parameters */
    uint32_t label;      /* of a loop: where it begins in the code; else the last operand
                            that waits for its end, which holds the one before; 0: none */
    uint32_t otherwise;  /* the operand that waits for else; 0: none */
    uint32_t table;      /* the last br_table that leads here with values to remove … */
    uint32_t trampoline; /* … by way of the code here */
} sfpm_wasm_block_t;

enum { SFPM_WASM_UNKNOWN = 0 /* a type, in code that control never reaches */ };

typedef struct sfpm_wasm_body {
    sfpm_wasm_module_t *module;
    sfpm_wasm_reader_t reader;
    const sfpm_function_t *function;
    sfpm_buffer_t *code;
    size_t max_code; /* bytes */
    uint8_t *stack; /* room for SFPM_MAX_HEIGHT types */
    uint32_t height;
    sfpm_wasm_block_t *blocks; /* the innermost last */
    size_t num_blocks;
    size_t block_capacity;
    uint64_t moved; /* values taken and given by all functions so far */
    bool live;
    uint64_t offset;      /* of the instruction in the file */
    const char *mnemonic; /* its name */
} sfpm_wasm_body_t;

static inline sfpm_wasm_block_t *sfpm_wasm_innermost(const sfpm_wasm_body_t *body)
{
    return &body->blocks[body->num_blocks - 1];
}

/* Records a fault at the present instruction. Always false. */
#define SFPM_WASM_INVALID(body, ...)                                                     \
    sfpm_wasm_fail(&(body)->reader, SFPM_ERR_BYTECODE, (body)->offset, __VA_ARGS__)

/* ---- stack.c ---------------------------------------------------------------- */

bool sfpm_wasm_push(sfpm_wasm_body_t *body, uint8_t type);

/* Takes a value of that type, or of any for SFPM_WASM_UNKNOWN. */
bool sfpm_wasm_pop(sfpm_wasm_body_t *body, uint8_t wanted, uint8_t *type);
bool sfpm_wasm_push_all(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count);
bool sfpm_wasm_pop_all(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count);

/* Whether the topmost values have these types; they stay. */
bool sfpm_wasm_check_top(sfpm_wasm_body_t *body, const uint8_t *types, uint32_t count);

/* Applies what the list in sfpm/opcode.h says of an instruction. */
bool sfpm_wasm_apply(sfpm_wasm_body_t *body, uint8_t opcode);

/* ---- references.c ----------------------------------------------------------- */

/* An instruction on tables or element segments, and one on references, by the number
 * that bytecode has. */
bool sfpm_wasm_table(sfpm_wasm_body_t *body, uint8_t opcode);
bool sfpm_wasm_reference(sfpm_wasm_body_t *body, uint8_t opcode);

/* ---- emit.c: each does nothing unless control can arrive --------------------- */

bool sfpm_wasm_emit(sfpm_wasm_body_t *body, uint8_t opcode);
bool sfpm_wasm_emit_u8(sfpm_wasm_body_t *body, uint8_t opcode, uint8_t operand);
bool sfpm_wasm_emit_u16(sfpm_wasm_body_t *body, uint8_t opcode, uint32_t operand);
bool sfpm_wasm_emit_u32(sfpm_wasm_body_t *body, uint8_t opcode, uint32_t operand);
bool sfpm_wasm_emit_u64(sfpm_wasm_body_t *body, uint8_t opcode, uint64_t operand);

/* A jump, by that instruction, to where a branch to the block leads. */
bool sfpm_wasm_emit_jump(sfpm_wasm_body_t *body, uint8_t opcode,
                         sfpm_wasm_block_t *block);

/* Leaves for a block: removes `excess` values below those that it takes, and jumps. */
bool sfpm_wasm_emit_branch(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block,
                           uint32_t excess);

/* The same if the condition on the stack holds. */
bool sfpm_wasm_emit_branch_if(sfpm_wasm_body_t *body, sfpm_wasm_block_t *block,
                              uint32_t excess);

/* A br_table to targets that are filled in later; the place of the first one. */
bool sfpm_wasm_emit_table(sfpm_wasm_body_t *body, uint32_t count, uint32_t *targets);

/* Fills in one: the block itself, or where values are removed on the way. */
bool sfpm_wasm_fill_target(sfpm_wasm_body_t *body, uint32_t target,
                           sfpm_wasm_block_t *block, uint32_t excess, uint32_t table);

/* Makes all operands that wait, from `last` on, lead to here. */
void sfpm_wasm_land(sfpm_wasm_body_t *body, uint32_t last);

/* ---- control.c -------------------------------------------------------------- */

/* Structured control, from `unreachable` to `return` by opcode. */
bool sfpm_wasm_control(sfpm_wasm_body_t *body, uint8_t opcode);

/* Around all code of a function. */
bool sfpm_wasm_open_function(sfpm_wasm_body_t *body);

#endif
