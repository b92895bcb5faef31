/* SPDX-License-Identifier: MIT */
/*
 * The table of rules: which handlers tier 1 has for each opcode, and which opcode means
 * the same with exchanged operands or the opposite condition.
 */
#include "engine/fast_rules.h"

static const sfpm_rule_t rules[256] = {
#define RULE(name, kind, from, to, form)                                                 \
    [SFPM_OP_##                                                                          \
        name] = {SFPM_RULE_##kind, SFPM_IN_##from, SFPM_IN_##to, FAST_##name##form},
#define BINARY(name, result)               RULE(name, BINARY, ACC, ACC, _SS)
#define COMPARE(name, result)              RULE(name, COMPARE, ACC, ACC, _SS)
#define TRAPPING(name, trap, result)       RULE(name, BINARY, ACC, ACC, _SS)
#define UNARY(name, result)                RULE(name, UNARY, ACC, ACC, _S)
#define TRAPPING_UNARY(name, trap, result) RULE(name, UNARY, ACC, ACC, _S)
#define LOAD(name, bytes, result)          RULE(name, LOAD, ACC, ACC, _S)
#define STORE(name, bytes)                 RULE(name, STORE, ACC, ACC, _SS)
#define REAL_BINARY(name, result)          RULE(name, BINARY, FACC, FACC, _SS)
#define REAL_COMPARE(name, result)         RULE(name, COMPARE, FACC, ACC, _SS)
#define REAL_UNARY(name, result)           RULE(name, UNARY, FACC, FACC, _S)
#define FROM_REAL(name, result)            RULE(name, UNARY, FACC, ACC, _S)
#define TO_REAL(name, result)              RULE(name, UNARY, ACC, FACC, _S)
#define REAL_LOAD(name, bytes, result)     RULE(name, LOAD, ACC, FACC, _S)
#define REAL_STORE(name, bytes)            RULE(name, STORE, FACC, ACC, _SS)
#include "bytecode/operations.inc"
};

const sfpm_rule_t *sfpm_fast_rule(uint8_t opcode)
{
    return &rules[opcode];
}

/* The pairs that differ in the order of operands only, of a type. */
#define EXCHANGED_INTEGERS(type)                                                         \
    case SFPM_OP_##type##_ADD:                                                           \
    case SFPM_OP_##type##_MUL:                                                           \
    case SFPM_OP_##type##_AND:                                                           \
    case SFPM_OP_##type##_OR:                                                            \
    case SFPM_OP_##type##_XOR:                                                           \
    case SFPM_OP_##type##_EQ:                                                            \
    case SFPM_OP_##type##_NE:                                                            \
        return opcode;                                                                   \
    case SFPM_OP_##type##_LT_S:                                                          \
        return SFPM_OP_##type##_GT_S;                                                    \
    case SFPM_OP_##type##_LT_U:                                                          \
        return SFPM_OP_##type##_GT_U;                                                    \
    case SFPM_OP_##type##_GT_S:                                                          \
        return SFPM_OP_##type##_LT_S;                                                    \
    case SFPM_OP_##type##_GT_U:                                                          \
        return SFPM_OP_##type##_LT_U;                                                    \
    case SFPM_OP_##type##_LE_S:                                                          \
        return SFPM_OP_##type##_GE_S;                                                    \
    case SFPM_OP_##type##_LE_U:                                                          \
        return SFPM_OP_##type##_GE_U;                                                    \
    case SFPM_OP_##type##_GE_S:                                                          \
        return SFPM_OP_##type##_LE_S;                                                    \
    case SFPM_OP_##type##_GE_U:                                                          \
        return SFPM_OP_##type##_LE_U;

/* Results that are NaNs are always the same one, so these commute too. */
#define EXCHANGED_REALS(type)                                                            \
    case SFPM_OP_##type##_ADD:                                                           \
    case SFPM_OP_##type##_MUL:                                                           \
    case SFPM_OP_##type##_EQ:                                                            \
    case SFPM_OP_##type##_NE:                                                            \
        return opcode;                                                                   \
    case SFPM_OP_##type##_LT:                                                            \
        return SFPM_OP_##type##_GT;                                                      \
    case SFPM_OP_##type##_GT:                                                            \
        return SFPM_OP_##type##_LT;                                                      \
    case SFPM_OP_##type##_LE:                                                            \
        return SFPM_OP_##type##_GE;                                                      \
    case SFPM_OP_##type##_GE:                                                            \
        return SFPM_OP_##type##_LE;

uint8_t sfpm_fast_exchanged(uint8_t opcode)
{
    switch (opcode) {
    case SFPM_OP_ADD:
    case SFPM_OP_MUL:
        return opcode;
        EXCHANGED_INTEGERS(I32)
        EXCHANGED_INTEGERS(I64)
        EXCHANGED_REALS(F32)
        EXCHANGED_REALS(F64)
    default:
        return SFPM_FAST_NO_OPCODE;
    }
}

#define OPPOSITES(type, one, other)                                                      \
    case SFPM_OP_##type##_##one:                                                         \
        return SFPM_OP_##type##_##other;                                                 \
    case SFPM_OP_##type##_##other:                                                       \
        return SFPM_OP_##type##_##one;
#define OPPOSITE(type)                                                                   \
    OPPOSITES(type, EQ, NE)                                                              \
    OPPOSITES(type, LT_S, GE_S)                                                          \
    OPPOSITES(type, LT_U, GE_U)                                                          \
    OPPOSITES(type, GT_S, LE_S)                                                          \
    OPPOSITES(type, GT_U, LE_U)

uint8_t sfpm_fast_opposite(uint8_t opcode)
{
    switch (opcode) {
        OPPOSITE(I32)
        OPPOSITE(I64)
    default:
        return SFPM_FAST_NO_OPCODE;
    }
}
