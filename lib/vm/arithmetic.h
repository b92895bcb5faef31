/* SPDX-License-Identifier: MIT */
/* What operations.inc needs beyond C's operators. */
#ifndef SFPM_VM_ARITHMETIC_H
#define SFPM_VM_ARITHMETIC_H

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

/* C leaves open what a negative number shifted to the right is. */
static inline uint64_t sfpm_shift_right_signed(uint64_t value, uint64_t places)
{
    uint64_t sign = -(value >> 63);
    return (value ^ sign) >> places ^ sign;
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
