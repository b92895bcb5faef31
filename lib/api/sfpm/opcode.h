/* SPDX-License-Identifier: MIT */
/**
 * @file opcode.h
 * The instructions of the machine, in one list. The enumeration below, the
 * assembler, the disassembler, the verifier, the interpreter and the test of
 * sfpm-bytecode(5) are all made from it.
 *
 * An instruction is one opcode byte and then its operand, little-endian and of
 * fixed width. Numbers 0 to 6 are frozen. The others are WebAssembly's where
 * WebAssembly has the instruction, and may still move until the complete
 * instruction set is declared frozen.
 */
#ifndef SFPM_OPCODE_H
#define SFPM_OPCODE_H

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the instruction set, recorded in the `functions` region. */
#define SFPM_BYTECODE_VERSION 1

/**
 * The operand kinds: X(NAME, width in bytes, meaning).
 */
#define SFPM_OPERANDS(X)                                                                 \
    X(NONE, 0, "no operand")                                                             \
    X(U8, 1, "an unsigned byte")                                                         \
    X(I64, 8, "a 64-bit integer")                                                        \
    X(LOCAL, 2, "the number of a local: parameters first, then locals")                  \
    X(GLOBAL, 4, "the number of a global")                                               \
    X(TARGET, 4, "a code offset in the same function, of an instruction")                \
    X(FUNCTION, 4, "the number of a function")

/**
 * The instructions: X(number, NAME, mnemonic, operand, signature, flow, meaning).
 *
 * Signature: the types popped, a colon, the types pushed, the top of the stack
 * last; `i` is i32, `I` is i64, `t` is any type (the same one throughout), `*`
 * stands for what the called or returning function declares. This version of
 * the verifier proves how many values there are, not yet their types.
 *
 * Flow: NEXT goes on with the next instruction, JUMP goes to the target, BRANCH
 * to either of them, STOP to neither.
 */
#define SFPM_OPCODES(X)                                                                  \
    X(0x00, PUSH, "push", U8, ":I", NEXT, "push the unsigned byte")                      \
    X(0x01, ADD, "add", NONE, "II:I", NEXT, "add, with wrap-around")                     \
    X(0x02, SUB, "sub", NONE, "II:I", NEXT, "subtract, with wrap-around")                \
    X(0x03, MUL, "mul", NONE, "II:I", NEXT, "multiply, with wrap-around")                \
    X(0x04, PRINT, "print", NONE, "I:I", NEXT,                                           \
      "write the top of the stack in decimal and a newline; leave it")                   \
    X(0x05, HALT, "halt", NONE, ":", STOP, "halt the machine")                           \
    X(0x06, NOP, "nop", NONE, ":", NEXT, "do nothing")                                   \
    X(0x07, UNREACHABLE, "unreachable", NONE, ":", STOP, "trap")                         \
    X(0x08, BR_UNLESS, "br_unless", TARGET, "i:", BRANCH, "pop; jump when it is zero")   \
    X(0x09, PRINT_CHAR, "print_char", NONE, "I:", NEXT,                                  \
      "pop; write its low byte as it is")                                                \
    X(0x0A, DUP, "dup", NONE, "t:tt", NEXT, "push the top of the stack once more")       \
    X(0x0C, BR, "br", TARGET, ":", JUMP, "jump")                                         \
    X(0x0D, BR_IF, "br_if", TARGET, "i:", BRANCH, "pop; jump when it is not zero")       \
    X(0x0F, RETURN, "return", NONE, "*:", STOP,                                          \
      "leave the function with its results; halt when it is the outermost one")          \
    X(0x10, CALL, "call", FUNCTION, "*:*", NEXT,                                         \
      "call the function: pop its parameters, push its results")                         \
    X(0x1A, DROP, "drop", NONE, "t:", NEXT, "pop and forget")                            \
    X(0x1B, SELECT, "select", NONE, "tti:t", NEXT,                                       \
      "pop three; push the lowest when the last is not zero, else the middle one")       \
    X(0x20, LOCAL_GET, "local.get", LOCAL, ":t", NEXT, "push the local")                 \
    X(0x21, LOCAL_SET, "local.set", LOCAL, "t:", NEXT, "pop into the local")             \
    X(0x22, LOCAL_TEE, "local.tee", LOCAL, "t:t", NEXT,                                  \
      "copy the top of the stack into the local; leave it")                              \
    X(0x23, GLOBAL_GET, "global.get", GLOBAL, ":t", NEXT, "push the global")             \
    X(0x24, GLOBAL_SET, "global.set", GLOBAL, "t:", NEXT, "pop into the global")         \
    X(0x42, I64_CONST, "i64.const", I64, ":I", NEXT, "push the integer")                 \
    X(0x50, I64_EQZ, "i64.eqz", NONE, "I:i", NEXT, "1 when zero, else 0")                \
    X(0x51, I64_EQ, "i64.eq", NONE, "II:i", NEXT, "1 when equal, else 0")                \
    X(0x52, I64_NE, "i64.ne", NONE, "II:i", NEXT, "1 when not equal, else 0")            \
    X(0x53, I64_LT_S, "i64.lt_s", NONE, "II:i", NEXT, "1 when less, signed, else 0")     \
    X(0x54, I64_LT_U, "i64.lt_u", NONE, "II:i", NEXT, "1 when less, unsigned, else 0")   \
    X(0x55, I64_GT_S, "i64.gt_s", NONE, "II:i", NEXT, "1 when greater, signed, else 0")  \
    X(0x56, I64_GT_U, "i64.gt_u", NONE, "II:i", NEXT,                                    \
      "1 when greater, unsigned, else 0")                                                \
    X(0x57, I64_LE_S, "i64.le_s", NONE, "II:i", NEXT,                                    \
      "1 when less or equal, signed, else 0")                                            \
    X(0x58, I64_LE_U, "i64.le_u", NONE, "II:i", NEXT,                                    \
      "1 when less or equal, unsigned, else 0")                                          \
    X(0x59, I64_GE_S, "i64.ge_s", NONE, "II:i", NEXT,                                    \
      "1 when greater or equal, signed, else 0")                                         \
    X(0x5A, I64_GE_U, "i64.ge_u", NONE, "II:i", NEXT,                                    \
      "1 when greater or equal, unsigned, else 0")                                       \
    X(0x79, I64_CLZ, "i64.clz", NONE, "I:I", NEXT,                                       \
      "count the zero bits above the highest one bit; 64 for zero")                      \
    X(0x7A, I64_CTZ, "i64.ctz", NONE, "I:I", NEXT,                                       \
      "count the zero bits below the lowest one bit; 64 for zero")                       \
    X(0x7B, I64_POPCNT, "i64.popcnt", NONE, "I:I", NEXT, "count the one bits")           \
    X(0x7C, I64_ADD, "i64.add", NONE, "II:I", NEXT, "the same as add")                   \
    X(0x7D, I64_SUB, "i64.sub", NONE, "II:I", NEXT, "the same as sub")                   \
    X(0x7E, I64_MUL, "i64.mul", NONE, "II:I", NEXT, "the same as mul")                   \
    X(0x7F, I64_DIV_S, "i64.div_s", NONE, "II:I", NEXT,                                  \
      "divide, signed, rounding towards zero")                                           \
    X(0x80, I64_DIV_U, "i64.div_u", NONE, "II:I", NEXT, "divide, unsigned")              \
    X(0x81, I64_REM_S, "i64.rem_s", NONE, "II:I", NEXT,                                  \
      "remainder, signed; it has the sign of the dividend")                              \
    X(0x82, I64_REM_U, "i64.rem_u", NONE, "II:I", NEXT, "remainder, unsigned")           \
    X(0x83, I64_AND, "i64.and", NONE, "II:I", NEXT, "bitwise and")                       \
    X(0x84, I64_OR, "i64.or", NONE, "II:I", NEXT, "bitwise or")                          \
    X(0x85, I64_XOR, "i64.xor", NONE, "II:I", NEXT, "bitwise exclusive or")              \
    X(0x86, I64_SHL, "i64.shl", NONE, "II:I", NEXT, "shift left, modulo 64 places")      \
    X(0x87, I64_SHR_S, "i64.shr_s", NONE, "II:I", NEXT,                                  \
      "shift right, modulo 64 places, filling with the sign")                            \
    X(0x88, I64_SHR_U, "i64.shr_u", NONE, "II:I", NEXT,                                  \
      "shift right, modulo 64 places, filling with zeros")                               \
    X(0x89, I64_ROTL, "i64.rotl", NONE, "II:I", NEXT, "rotate left, modulo 64 places")   \
    X(0x8A, I64_ROTR, "i64.rotr", NONE, "II:I", NEXT, "rotate right, modulo 64 places")

/**
 * Why a program trapped: X(number, NAME, text). Numbers are recorded in images.
 */
#define SFPM_TRAPS(X)                                                                    \
    X(1, UNREACHABLE, "unreachable code")                                                \
    X(2, DIVISION_BY_ZERO, "division by zero")                                           \
    X(3, INTEGER_OVERFLOW, "integer overflow")                                           \
    X(4, STACK_OVERFLOW, "stack overflow")

/** The opcode bytes: SFPM_OP_PUSH and so on. */
typedef enum sfpm_opcode {
#define SFPM_OPCODE_ENUM(number, name, mnemonic, operand, signature, flow, meaning)      \
    SFPM_OP_##name = number,
    SFPM_OPCODES(SFPM_OPCODE_ENUM)
#undef SFPM_OPCODE_ENUM
} sfpm_opcode_t;

/** The causes of traps: SFPM_TRAP_UNREACHABLE and so on. */
typedef enum sfpm_trap {
    SFPM_TRAP_NONE = 0,
#define SFPM_TRAP_ENUM(number, name, text) SFPM_TRAP_##name = number,
    SFPM_TRAPS(SFPM_TRAP_ENUM)
#undef SFPM_TRAP_ENUM
} sfpm_trap_t;

#ifdef __cplusplus
}
#endif

#endif
