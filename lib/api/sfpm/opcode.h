/* SPDX-License-Identifier: MIT */
/**
 * @file opcode.h
 * The instructions of the machine, in one list. The enumeration below, the
 * assembler, the disassembler, the verifier, the interpreter and the test of
 * sfpm-bytecode(5) are all made from it.
 *
 * An instruction is one opcode byte and then its operand, little-endian and of
 * fixed width; only br_table's is longer. Numbers, operands and meanings are frozen:
 * what is added gets other numbers and a higher version. The numbers are WebAssembly's
 * where WebAssembly has the instruction, and 0xE0 plus the second number where it has one
 * of two after 0xFC.
 */
#ifndef SFPM_OPCODE_H
#define SFPM_OPCODE_H

#ifdef __cplusplus
extern "C" {
#endif

/** The newest version of the instruction set, recorded in the `functions` region. Version
 * 1 had a part of the instructions and no type but i64, version 2 no references; their
 * programs still run, and programs that need no more than they have get them. */
#define SFPM_BYTECODE_VERSION 3

/**
 * The types of values: X(number, NAME, letter in signatures, name). The numbers are
 * WebAssembly's.
 */
#define SFPM_TYPES(X)                                                                    \
    X(0x7F, I32, 'i', "i32")                                                             \
    X(0x7E, I64, 'I', "i64")                                                             \
    X(0x7D, F32, 'f', "f32")                                                             \
    X(0x7C, F64, 'F', "f64")                                                             \
    X(0x70, FUNCREF, 'p', "funcref")                                                     \
    X(0x6F, EXTERNREF, 'x', "externref")

/**
 * The operand kinds: X(NAME, width in bytes, meaning).
 */
#define SFPM_OPERANDS(X)                                                                 \
    X(NONE, 0, "no operand")                                                             \
    X(U8, 1, "an unsigned byte")                                                         \
    X(I32, 4, "a 32-bit integer")                                                        \
    X(I64, 8, "a 64-bit integer")                                                        \
    X(F32, 4, "a floating-point number of IEEE 754, single precision")                   \
    X(F64, 8, "a floating-point number of IEEE 754, double precision")                   \
    X(LOCAL, 2, "the number of a local: parameters first, then locals")                  \
    X(GLOBAL, 4, "the number of a global")                                               \
    X(TARGET, 4, "a code offset in the same function, of an instruction")                \
    X(TARGETS, 4, "the number of targets but the last, then all targets")                \
    X(FUNCTION, 4, "the number of a function")                                           \
    X(TYPE, 4, "the number of a function type")                                          \
    X(OFFSET, 4, "an unsigned number to be added to the address")                        \
    X(SEGMENT, 4, "the number of a data segment")                                        \
    X(UNWIND, 4, "two bytes each: how many values stay, how many go")                    \
    X(REFERENCE, 1, "a type of references")                                              \
    X(TABLE, 4, "the number of a table")                                                 \
    X(TABLES, 8, "the numbers of two tables: to, from")                                  \
    X(ELEMENTS, 4, "the number of an element segment")                                   \
    X(INIT, 8, "the numbers of a table and of an element segment")                       \
    X(INDIRECT, 8, "the numbers of a table and of a function type")

/**
 * The instructions: X(number, NAME, mnemonic, operand, signature, flow, meaning).
 *
 * Signature: the types popped, a colon, the types pushed, the top of the stack
 * last; `i` is i32, `I` is i64, `f` is f32, `F` is f64, `p` is funcref, `c` is i32 or
 * i64, `r` is either type of references, `t` is any type (the same one throughout), `*`
 * stands for what a type, a function, a table or the operand declares.
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
    X(0x08, BR_UNLESS, "br_unless", TARGET, "c:", BRANCH, "pop; jump when it is zero")   \
    X(0x09, PRINT_CHAR, "print_char", NONE, "I:", NEXT,                                  \
      "pop; write its low byte as it is")                                                \
    X(0x0A, DUP, "dup", NONE, "t:tt", NEXT, "push the top of the stack again")           \
    X(0x0B, UNWIND, "unwind", UNWIND, "*:*", NEXT,                                       \
      "keep the topmost values, remove those below them")                                \
    X(0x0C, BR, "br", TARGET, ":", JUMP, "jump")                                         \
    X(0x0D, BR_IF, "br_if", TARGET, "c:", BRANCH, "pop; jump when it is not zero")       \
    X(0x0E, BR_TABLE, "br_table", TARGETS, "i:", JUMP,                                   \
      "pop; jump to the target of that number, else to the last one")                    \
    X(0x0F, RETURN, "return", NONE, "*:", STOP,                                          \
      "leave the function with its results; halt when it is the outermost one")          \
    X(0x10, CALL, "call", FUNCTION, "*:*", NEXT,                                         \
      "call the function: pop its parameters, push its results")                         \
    X(0x11, CALL_INDIRECT, "call_indirect", TYPE, "*i:*", NEXT,                          \
      "pop; call the function in that element of the table")                             \
    X(0x16, TABLE_CALL, "table.call", INDIRECT, "*i:*", NEXT,                            \
      "pop; call the function in that element of that table")                            \
    X(0x1A, DROP, "drop", NONE, "t:", NEXT, "pop and forget")                            \
    X(0x1B, SELECT, "select", NONE, "ttc:t", NEXT,                                       \
      "pop three; push the lowest when the last is not zero, else the middle one")       \
    X(0x20, LOCAL_GET, "local.get", LOCAL, ":t", NEXT, "push the local")                 \
    X(0x21, LOCAL_SET, "local.set", LOCAL, "t:", NEXT, "pop into the local")             \
    X(0x22, LOCAL_TEE, "local.tee", LOCAL, "t:t", NEXT,                                  \
      "copy the top of the stack into the local; leave it")                              \
    X(0x23, GLOBAL_GET, "global.get", GLOBAL, ":t", NEXT, "push the global")             \
    X(0x24, GLOBAL_SET, "global.set", GLOBAL, "t:", NEXT,                                \
      "pop into the global, which must be mutable")                                      \
    X(0x25, TABLE_GET, "table.get", TABLE, "i:*", NEXT,                                  \
      "pop; push that element of the table")                                             \
    X(0x26, TABLE_SET, "table.set", TABLE, "i*:", NEXT,                                  \
      "pop a number and a reference; make it that element of the table")                 \
    X(0x28, I32_LOAD, "i32.load", OFFSET, "i:i", NEXT, "push 4 bytes of memory")         \
    X(0x29, I64_LOAD, "i64.load", OFFSET, "i:I", NEXT, "push 8 bytes of memory")         \
    X(0x2A, F32_LOAD, "f32.load", OFFSET, "i:f", NEXT, "push 4 bytes of memory")         \
    X(0x2B, F64_LOAD, "f64.load", OFFSET, "i:F", NEXT, "push 8 bytes of memory")         \
    X(0x2C, I32_LOAD8_S, "i32.load8_s", OFFSET, "i:i", NEXT,                             \
      "push 1 byte of memory, extending the sign")                                       \
    X(0x2D, I32_LOAD8_U, "i32.load8_u", OFFSET, "i:i", NEXT,                             \
      "push 1 byte of memory, with zeros above")                                         \
    X(0x2E, I32_LOAD16_S, "i32.load16_s", OFFSET, "i:i", NEXT,                           \
      "push 2 bytes of memory, extending the sign")                                      \
    X(0x2F, I32_LOAD16_U, "i32.load16_u", OFFSET, "i:i", NEXT,                           \
      "push 2 bytes of memory, with zeros above")                                        \
    X(0x30, I64_LOAD8_S, "i64.load8_s", OFFSET, "i:I", NEXT,                             \
      "push 1 byte of memory, extending the sign")                                       \
    X(0x31, I64_LOAD8_U, "i64.load8_u", OFFSET, "i:I", NEXT,                             \
      "push 1 byte of memory, with zeros above")                                         \
    X(0x32, I64_LOAD16_S, "i64.load16_s", OFFSET, "i:I", NEXT,                           \
      "push 2 bytes of memory, extending the sign")                                      \
    X(0x33, I64_LOAD16_U, "i64.load16_u", OFFSET, "i:I", NEXT,                           \
      "push 2 bytes of memory, with zeros above")                                        \
    X(0x34, I64_LOAD32_S, "i64.load32_s", OFFSET, "i:I", NEXT,                           \
      "push 4 bytes of memory, extending the sign")                                      \
    X(0x35, I64_LOAD32_U, "i64.load32_u", OFFSET, "i:I", NEXT,                           \
      "push 4 bytes of memory, with zeros above")                                        \
    X(0x36, I32_STORE, "i32.store", OFFSET, "ii:", NEXT, "pop; write 4 bytes to memory") \
    X(0x37, I64_STORE, "i64.store", OFFSET, "iI:", NEXT, "pop; write 8 bytes to memory") \
    X(0x38, F32_STORE, "f32.store", OFFSET, "if:", NEXT, "pop; write 4 bytes to memory") \
    X(0x39, F64_STORE, "f64.store", OFFSET, "iF:", NEXT, "pop; write 8 bytes to memory") \
    X(0x3A, I32_STORE8, "i32.store8", OFFSET, "ii:", NEXT,                               \
      "pop; write the low byte to memory")                                               \
    X(0x3B, I32_STORE16, "i32.store16", OFFSET, "ii:", NEXT,                             \
      "pop; write the low 2 bytes to memory")                                            \
    X(0x3C, I64_STORE8, "i64.store8", OFFSET, "iI:", NEXT,                               \
      "pop; write the low byte to memory")                                               \
    X(0x3D, I64_STORE16, "i64.store16", OFFSET, "iI:", NEXT,                             \
      "pop; write the low 2 bytes to memory")                                            \
    X(0x3E, I64_STORE32, "i64.store32", OFFSET, "iI:", NEXT,                             \
      "pop; write the low 4 bytes to memory")                                            \
    X(0x3F, MEMORY_SIZE, "memory.size", NONE, ":i", NEXT,                                \
      "push the size of the memory in pages of 64 KiB")                                  \
    X(0x40, MEMORY_GROW, "memory.grow", NONE, "i:i", NEXT,                               \
      "grow the memory by that many pages; push the old size, or -1 when it cannot")     \
    X(0x41, I32_CONST, "i32.const", I32, ":i", NEXT, "push the integer")                 \
    X(0x42, I64_CONST, "i64.const", I64, ":I", NEXT, "push the integer")                 \
    X(0x43, F32_CONST, "f32.const", F32, ":f", NEXT, "push the number")                  \
    X(0x44, F64_CONST, "f64.const", F64, ":F", NEXT, "push the number")                  \
    X(0x45, I32_EQZ, "i32.eqz", NONE, "i:i", NEXT, "1 when zero, else 0")                \
    X(0x46, I32_EQ, "i32.eq", NONE, "ii:i", NEXT, "1 when equal, else 0")                \
    X(0x47, I32_NE, "i32.ne", NONE, "ii:i", NEXT, "1 when not equal, else 0")            \
    X(0x48, I32_LT_S, "i32.lt_s", NONE, "ii:i", NEXT, "1 when less, signed, else 0")     \
    X(0x49, I32_LT_U, "i32.lt_u", NONE, "ii:i", NEXT, "1 when less, unsigned, else 0")   \
    X(0x4A, I32_GT_S, "i32.gt_s", NONE, "ii:i", NEXT, "1 when greater, signed, else 0")  \
    X(0x4B, I32_GT_U, "i32.gt_u", NONE, "ii:i", NEXT,                                    \
      "1 when greater, unsigned, else 0")                                                \
    X(0x4C, I32_LE_S, "i32.le_s", NONE, "ii:i", NEXT,                                    \
      "1 when less or equal, signed, else 0")                                            \
    X(0x4D, I32_LE_U, "i32.le_u", NONE, "ii:i", NEXT,                                    \
      "1 when less or equal, unsigned, else 0")                                          \
    X(0x4E, I32_GE_S, "i32.ge_s", NONE, "ii:i", NEXT,                                    \
      "1 when greater or equal, signed, else 0")                                         \
    X(0x4F, I32_GE_U, "i32.ge_u", NONE, "ii:i", NEXT,                                    \
      "1 when greater or equal, unsigned, else 0")                                       \
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
    X(0x5B, F32_EQ, "f32.eq", NONE, "ff:i", NEXT, "1 when equal, else 0")                \
    X(0x5C, F32_NE, "f32.ne", NONE, "ff:i", NEXT,                                        \
      "1 when not equal or not numbers, else 0")                                         \
    X(0x5D, F32_LT, "f32.lt", NONE, "ff:i", NEXT, "1 when less, else 0")                 \
    X(0x5E, F32_GT, "f32.gt", NONE, "ff:i", NEXT, "1 when greater, else 0")              \
    X(0x5F, F32_LE, "f32.le", NONE, "ff:i", NEXT, "1 when less or equal, else 0")        \
    X(0x60, F32_GE, "f32.ge", NONE, "ff:i", NEXT, "1 when greater or equal, else 0")     \
    X(0x61, F64_EQ, "f64.eq", NONE, "FF:i", NEXT, "1 when equal, else 0")                \
    X(0x62, F64_NE, "f64.ne", NONE, "FF:i", NEXT,                                        \
      "1 when not equal or not numbers, else 0")                                         \
    X(0x63, F64_LT, "f64.lt", NONE, "FF:i", NEXT, "1 when less, else 0")                 \
    X(0x64, F64_GT, "f64.gt", NONE, "FF:i", NEXT, "1 when greater, else 0")              \
    X(0x65, F64_LE, "f64.le", NONE, "FF:i", NEXT, "1 when less or equal, else 0")        \
    X(0x66, F64_GE, "f64.ge", NONE, "FF:i", NEXT, "1 when greater or equal, else 0")     \
    X(0x67, I32_CLZ, "i32.clz", NONE, "i:i", NEXT,                                       \
      "count the zero bits above the highest one bit; 32 for zero")                      \
    X(0x68, I32_CTZ, "i32.ctz", NONE, "i:i", NEXT,                                       \
      "count the zero bits below the lowest one bit; 32 for zero")                       \
    X(0x69, I32_POPCNT, "i32.popcnt", NONE, "i:i", NEXT, "count the one bits")           \
    X(0x6A, I32_ADD, "i32.add", NONE, "ii:i", NEXT, "add, with wrap-around")             \
    X(0x6B, I32_SUB, "i32.sub", NONE, "ii:i", NEXT, "subtract, with wrap-around")        \
    X(0x6C, I32_MUL, "i32.mul", NONE, "ii:i", NEXT, "multiply, with wrap-around")        \
    X(0x6D, I32_DIV_S, "i32.div_s", NONE, "ii:i", NEXT,                                  \
      "divide, signed, rounding towards zero")                                           \
    X(0x6E, I32_DIV_U, "i32.div_u", NONE, "ii:i", NEXT, "divide, unsigned")              \
    X(0x6F, I32_REM_S, "i32.rem_s", NONE, "ii:i", NEXT,                                  \
      "remainder, signed; it has the sign of the dividend")                              \
    X(0x70, I32_REM_U, "i32.rem_u", NONE, "ii:i", NEXT, "remainder, unsigned")           \
    X(0x71, I32_AND, "i32.and", NONE, "ii:i", NEXT, "bitwise and")                       \
    X(0x72, I32_OR, "i32.or", NONE, "ii:i", NEXT, "bitwise or")                          \
    X(0x73, I32_XOR, "i32.xor", NONE, "ii:i", NEXT, "bitwise exclusive or")              \
    X(0x74, I32_SHL, "i32.shl", NONE, "ii:i", NEXT, "shift left, modulo 32 places")      \
    X(0x75, I32_SHR_S, "i32.shr_s", NONE, "ii:i", NEXT,                                  \
      "shift right, modulo 32 places, filling with the sign")                            \
    X(0x76, I32_SHR_U, "i32.shr_u", NONE, "ii:i", NEXT,                                  \
      "shift right, modulo 32 places, filling with zeros")                               \
    X(0x77, I32_ROTL, "i32.rotl", NONE, "ii:i", NEXT, "rotate left, modulo 32 places")   \
    X(0x78, I32_ROTR, "i32.rotr", NONE, "ii:i", NEXT, "rotate right, modulo 32 places")  \
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
    X(0x8A, I64_ROTR, "i64.rotr", NONE, "II:I", NEXT, "rotate right, modulo 64 places")  \
    X(0x8B, F32_ABS, "f32.abs", NONE, "f:f", NEXT, "clear the sign")                     \
    X(0x8C, F32_NEG, "f32.neg", NONE, "f:f", NEXT, "invert the sign")                    \
    X(0x8D, F32_CEIL, "f32.ceil", NONE, "f:f", NEXT, "round up to an integer")           \
    X(0x8E, F32_FLOOR, "f32.floor", NONE, "f:f", NEXT, "round down to an integer")       \
    X(0x8F, F32_TRUNC, "f32.trunc", NONE, "f:f", NEXT,                                   \
      "round towards zero to an integer")                                                \
    X(0x90, F32_NEAREST, "f32.nearest", NONE, "f:f", NEXT,                               \
      "round to the nearest integer, to the even one of two")                            \
    X(0x91, F32_SQRT, "f32.sqrt", NONE, "f:f", NEXT, "square root")                      \
    X(0x92, F32_ADD, "f32.add", NONE, "ff:f", NEXT, "add")                               \
    X(0x93, F32_SUB, "f32.sub", NONE, "ff:f", NEXT, "subtract")                          \
    X(0x94, F32_MUL, "f32.mul", NONE, "ff:f", NEXT, "multiply")                          \
    X(0x95, F32_DIV, "f32.div", NONE, "ff:f", NEXT, "divide")                            \
    X(0x96, F32_MIN, "f32.min", NONE, "ff:f", NEXT, "the lesser; a NaN when one is")     \
    X(0x97, F32_MAX, "f32.max", NONE, "ff:f", NEXT, "the greater; a NaN when one is")    \
    X(0x98, F32_COPYSIGN, "f32.copysign", NONE, "ff:f", NEXT,                            \
      "the lower value with the sign of the top")                                        \
    X(0x99, F64_ABS, "f64.abs", NONE, "F:F", NEXT, "clear the sign")                     \
    X(0x9A, F64_NEG, "f64.neg", NONE, "F:F", NEXT, "invert the sign")                    \
    X(0x9B, F64_CEIL, "f64.ceil", NONE, "F:F", NEXT, "round up to an integer")           \
    X(0x9C, F64_FLOOR, "f64.floor", NONE, "F:F", NEXT, "round down to an integer")       \
    X(0x9D, F64_TRUNC, "f64.trunc", NONE, "F:F", NEXT,                                   \
      "round towards zero to an integer")                                                \
    X(0x9E, F64_NEAREST, "f64.nearest", NONE, "F:F", NEXT,                               \
      "round to the nearest integer, to the even one of two")                            \
    X(0x9F, F64_SQRT, "f64.sqrt", NONE, "F:F", NEXT, "square root")                      \
    X(0xA0, F64_ADD, "f64.add", NONE, "FF:F", NEXT, "add")                               \
    X(0xA1, F64_SUB, "f64.sub", NONE, "FF:F", NEXT, "subtract")                          \
    X(0xA2, F64_MUL, "f64.mul", NONE, "FF:F", NEXT, "multiply")                          \
    X(0xA3, F64_DIV, "f64.div", NONE, "FF:F", NEXT, "divide")                            \
    X(0xA4, F64_MIN, "f64.min", NONE, "FF:F", NEXT, "the lesser; a NaN when one is")     \
    X(0xA5, F64_MAX, "f64.max", NONE, "FF:F", NEXT, "the greater; a NaN when one is")    \
    X(0xA6, F64_COPYSIGN, "f64.copysign", NONE, "FF:F", NEXT,                            \
      "the lower value with the sign of the top")                                        \
    X(0xA7, I32_WRAP_I64, "i32.wrap_i64", NONE, "I:i", NEXT, "the low 32 bits")          \
    X(0xA8, I32_TRUNC_F32_S, "i32.trunc_f32_s", NONE, "f:i", NEXT,                       \
      "to an integer, signed, rounding towards zero")                                    \
    X(0xA9, I32_TRUNC_F32_U, "i32.trunc_f32_u", NONE, "f:i", NEXT,                       \
      "to an integer, unsigned, rounding towards zero")                                  \
    X(0xAA, I32_TRUNC_F64_S, "i32.trunc_f64_s", NONE, "F:i", NEXT,                       \
      "to an integer, signed, rounding towards zero")                                    \
    X(0xAB, I32_TRUNC_F64_U, "i32.trunc_f64_u", NONE, "F:i", NEXT,                       \
      "to an integer, unsigned, rounding towards zero")                                  \
    X(0xAC, I64_EXTEND_I32_S, "i64.extend_i32_s", NONE, "i:I", NEXT, "extend the sign")  \
    X(0xAD, I64_EXTEND_I32_U, "i64.extend_i32_u", NONE, "i:I", NEXT, "put zeros above")  \
    X(0xAE, I64_TRUNC_F32_S, "i64.trunc_f32_s", NONE, "f:I", NEXT,                       \
      "to an integer, signed, rounding towards zero")                                    \
    X(0xAF, I64_TRUNC_F32_U, "i64.trunc_f32_u", NONE, "f:I", NEXT,                       \
      "to an integer, unsigned, rounding towards zero")                                  \
    X(0xB0, I64_TRUNC_F64_S, "i64.trunc_f64_s", NONE, "F:I", NEXT,                       \
      "to an integer, signed, rounding towards zero")                                    \
    X(0xB1, I64_TRUNC_F64_U, "i64.trunc_f64_u", NONE, "F:I", NEXT,                       \
      "to an integer, unsigned, rounding towards zero")                                  \
    X(0xB2, F32_CONVERT_I32_S, "f32.convert_i32_s", NONE, "i:f", NEXT,                   \
      "from an integer, signed, rounding to nearest")                                    \
    X(0xB3, F32_CONVERT_I32_U, "f32.convert_i32_u", NONE, "i:f", NEXT,                   \
      "from an integer, unsigned, rounding to nearest")                                  \
    X(0xB4, F32_CONVERT_I64_S, "f32.convert_i64_s", NONE, "I:f", NEXT,                   \
      "from an integer, signed, rounding to nearest")                                    \
    X(0xB5, F32_CONVERT_I64_U, "f32.convert_i64_u", NONE, "I:f", NEXT,                   \
      "from an integer, unsigned, rounding to nearest")                                  \
    X(0xB6, F32_DEMOTE_F64, "f32.demote_f64", NONE, "F:f", NEXT, "round to nearest")     \
    X(0xB7, F64_CONVERT_I32_S, "f64.convert_i32_s", NONE, "i:F", NEXT,                   \
      "from an integer, signed, rounding to nearest")                                    \
    X(0xB8, F64_CONVERT_I32_U, "f64.convert_i32_u", NONE, "i:F", NEXT,                   \
      "from an integer, unsigned, rounding to nearest")                                  \
    X(0xB9, F64_CONVERT_I64_S, "f64.convert_i64_s", NONE, "I:F", NEXT,                   \
      "from an integer, signed, rounding to nearest")                                    \
    X(0xBA, F64_CONVERT_I64_U, "f64.convert_i64_u", NONE, "I:F", NEXT,                   \
      "from an integer, unsigned, rounding to nearest")                                  \
    X(0xBB, F64_PROMOTE_F32, "f64.promote_f32", NONE, "f:F", NEXT, "the same number")    \
    X(0xBC, I32_REINTERPRET_F32, "i32.reinterpret_f32", NONE, "f:i", NEXT,               \
      "the same bits")                                                                   \
    X(0xBD, I64_REINTERPRET_F64, "i64.reinterpret_f64", NONE, "F:I", NEXT,               \
      "the same bits")                                                                   \
    X(0xBE, F32_REINTERPRET_I32, "f32.reinterpret_i32", NONE, "i:f", NEXT,               \
      "the same bits")                                                                   \
    X(0xBF, F64_REINTERPRET_I64, "f64.reinterpret_i64", NONE, "I:F", NEXT,               \
      "the same bits")                                                                   \
    X(0xC0, I32_EXTEND8_S, "i32.extend8_s", NONE, "i:i", NEXT,                           \
      "extend the sign of the low 8 bits")                                               \
    X(0xC1, I32_EXTEND16_S, "i32.extend16_s", NONE, "i:i", NEXT,                         \
      "extend the sign of the low 16 bits")                                              \
    X(0xC2, I64_EXTEND8_S, "i64.extend8_s", NONE, "I:I", NEXT,                           \
      "extend the sign of the low 8 bits")                                               \
    X(0xC3, I64_EXTEND16_S, "i64.extend16_s", NONE, "I:I", NEXT,                         \
      "extend the sign of the low 16 bits")                                              \
    X(0xC4, I64_EXTEND32_S, "i64.extend32_s", NONE, "I:I", NEXT,                         \
      "extend the sign of the low 32 bits")                                              \
    X(0xD0, REF_NULL, "ref.null", REFERENCE, ":*", NEXT, "push the null reference")      \
    X(0xD1, REF_IS_NULL, "ref.is_null", NONE, "r:i", NEXT, "1 when null, else 0")        \
    X(0xD2, REF_FUNC, "ref.func", FUNCTION, ":p", NEXT, "push the function's reference") \
    X(0xE0, I32_TRUNC_SAT_F32_S, "i32.trunc_sat_f32_s", NONE, "f:i", NEXT,               \
      "to the nearest integer, signed, towards zero; 0 for a NaN")                       \
    X(0xE1, I32_TRUNC_SAT_F32_U, "i32.trunc_sat_f32_u", NONE, "f:i", NEXT,               \
      "to the nearest integer, unsigned, towards zero; 0 for a NaN")                     \
    X(0xE2, I32_TRUNC_SAT_F64_S, "i32.trunc_sat_f64_s", NONE, "F:i", NEXT,               \
      "to the nearest integer, signed, towards zero; 0 for a NaN")                       \
    X(0xE3, I32_TRUNC_SAT_F64_U, "i32.trunc_sat_f64_u", NONE, "F:i", NEXT,               \
      "to the nearest integer, unsigned, towards zero; 0 for a NaN")                     \
    X(0xE4, I64_TRUNC_SAT_F32_S, "i64.trunc_sat_f32_s", NONE, "f:I", NEXT,               \
      "to the nearest integer, signed, towards zero; 0 for a NaN")                       \
    X(0xE5, I64_TRUNC_SAT_F32_U, "i64.trunc_sat_f32_u", NONE, "f:I", NEXT,               \
      "to the nearest integer, unsigned, towards zero; 0 for a NaN")                     \
    X(0xE6, I64_TRUNC_SAT_F64_S, "i64.trunc_sat_f64_s", NONE, "F:I", NEXT,               \
      "to the nearest integer, signed, towards zero; 0 for a NaN")                       \
    X(0xE7, I64_TRUNC_SAT_F64_U, "i64.trunc_sat_f64_u", NONE, "F:I", NEXT,               \
      "to the nearest integer, unsigned, towards zero; 0 for a NaN")                     \
    X(0xE8, MEMORY_INIT, "memory.init", SEGMENT, "iii:", NEXT,                           \
      "copy from a data segment: address, place in the segment, bytes")                  \
    X(0xE9, DATA_DROP, "data.drop", SEGMENT, ":", NEXT,                                  \
      "drop a data segment, which is empty from now on")                                 \
    X(0xEA, MEMORY_COPY, "memory.copy", NONE, "iii:", NEXT,                              \
      "copy within memory: to, from, bytes")                                             \
    X(0xEB, MEMORY_FILL, "memory.fill", NONE, "iii:", NEXT,                              \
      "fill memory: address, value of each byte, bytes")                                 \
    X(0xEC, TABLE_INIT, "table.init", INIT, "iii:", NEXT,                                \
      "copy from an element segment: element, place in the segment, elements")           \
    X(0xED, ELEM_DROP, "elem.drop", ELEMENTS, ":", NEXT,                                 \
      "drop an element segment, which is empty from now on")                             \
    X(0xEE, TABLE_COPY, "table.copy", TABLES, "iii:", NEXT,                              \
      "copy between tables: to, from, elements")                                         \
    X(0xEF, TABLE_GROW, "table.grow", TABLE, "*i:i", NEXT,                               \
      "grow the table by that many elements; push the old size, or -1 when it cannot")   \
    X(0xF0, TABLE_SIZE, "table.size", TABLE, ":i", NEXT,                                 \
      "push the number of elements of the table")                                        \
    X(0xF1, TABLE_FILL, "table.fill", TABLE, "i*i:", NEXT,                               \
      "fill the table: element, reference, elements")

/**
 * Why a program trapped: X(number, NAME, text). Numbers are recorded in images.
 */
#define SFPM_TRAPS(X)                                                                    \
    X(1, UNREACHABLE, "unreachable code")                                                \
    X(2, DIVISION_BY_ZERO, "division by zero")                                           \
    X(3, INTEGER_OVERFLOW, "integer overflow")                                           \
    X(4, STACK_OVERFLOW, "stack overflow")                                               \
    X(5, MEMORY_BOUNDS, "out of bounds memory access")                                   \
    X(6, INVALID_CONVERSION, "invalid conversion to integer")                            \
    X(7, UNDEFINED_ELEMENT, "undefined element")                                         \
    X(8, UNINITIALIZED_ELEMENT, "uninitialized element")                                 \
    X(9, INDIRECT_CALL_TYPE, "indirect call type mismatch")                              \
    X(10, NATIVE_FUNCTION, "native function failed")                                     \
    X(11, TABLE_BOUNDS, "out of bounds table access")

/** The types of values: SFPM_TYPE_I32 and so on. */
typedef enum sfpm_type {
#define SFPM_TYPE_ENUM(number, name, letter, text) SFPM_TYPE_##name = number,
    SFPM_TYPES(SFPM_TYPE_ENUM)
#undef SFPM_TYPE_ENUM
} sfpm_type_t;

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
