/* SPDX-License-Identifier: MIT */
/*
 * What operations.inc needs beyond C's operators, for integers. Values are slots: an i32
 * is zero-extended.
 */
#ifndef SFPM_BYTECODE_ARITHMETIC_H
#define SFPM_BYTECODE_ARITHMETIC_H

#include <stdint.h>

#include <sfpm/opcode.h>

#include "base/bytes.h"

static inline sfpm_trap_t sfpm_zero_trap(uint64_t divisor)
{
    return divisor == 0 ? SFPM_TRAP_DIVISION_BY_ZERO : SFPM_TRAP_NONE;
}

/* The least number divided by -1 does not fit. */
static inline sfpm_trap_t sfpm_division_trap(uint64_t dividend, uint64_t divisor)
{
    if (dividend == (uint64_t)1 << 63 && divisor == UINT64_MAX)
        return SFPM_TRAP_INTEGER_OVERFLOW;
    return sfpm_zero_trap(divisor);
}

static inline sfpm_trap_t sfpm_division_trap32(uint64_t dividend, uint64_t divisor)
{
    if (dividend == (uint32_t)1 << 31 && divisor == UINT32_MAX)
        return SFPM_TRAP_INTEGER_OVERFLOW;
    return sfpm_zero_trap(divisor);
}

/* The number that the low `bits` are in two's complement, as 64 bits of it. */
static inline uint64_t sfpm_extend_sign(uint64_t value, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);
    return ((value & (sign + sign - 1)) ^ sign) - sign;
}

/* C leaves open what a negative number shifted to the right is. */
static inline uint64_t sfpm_shift_right_signed(uint64_t value, uint64_t places)
{
    uint64_t sign = -(value >> 63);
    return (value ^ sign) >> places ^ sign;
}

static inline uint32_t sfpm_rotate_left32(uint64_t value, uint64_t places)
{
    return (uint32_t)value << (places & 31) | (uint32_t)value >> (-places & 31);
}

static inline uint64_t sfpm_rotate_left(uint64_t value, uint64_t places)
{
    return value << (places & 63) | value >> (-places & 63);
}

static inline uint64_t sfpm_count_ones(uint64_t value)
{
    value -= value >> 1 & 0x5555555555555555u;
    value = (value & 0x3333333333333333u) + (value >> 2 & 0x3333333333333333u);
    value = (value + (value >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return value * 0x0101010101010101u >> 56;
}

/* Both count the ones in a mask of exactly the zeros in question. */
static inline uint64_t sfpm_count_trailing_zeros(uint64_t value)
{
    return sfpm_count_ones(~value & (value - 1));
}

static inline uint64_t sfpm_count_leading_zeros(uint64_t value)
{
    for (unsigned places = 1; places < 64; places *= 2)
        value |= value >> places;
    return sfpm_count_ones(~value);
}

#endif
