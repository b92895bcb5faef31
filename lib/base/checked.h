/* SPDX-License-Identifier: MIT */
/* Arithmetic that reports overflow, and the one range test that every reader uses. */
#ifndef SFPM_BASE_CHECKED_H
#define SFPM_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a + b into *sum, a * b into *product; false when the result does not fit. */
static inline bool sfpm_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

static inline bool sfpm_add_size(size_t a, size_t b, size_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

static inline bool sfpm_mul_size(size_t a, size_t b, size_t *product)
{
    *product = a * b;
    return a == 0 || *product / a == b;
}

/* Whether [offset, offset + length) lies within [0, total). */
static inline bool sfpm_in_range(uint64_t offset, uint64_t length, uint64_t total)
{
    return offset <= total && length <= total - offset;
}

/* The next multiple of `unit`, a power of two; false when it does not fit. */
static inline bool sfpm_align_up(uint64_t value, uint64_t unit, uint64_t *aligned)
{
    uint64_t sum;
    if (!sfpm_add_u64(value, unit - 1, &sum))
        return false;
    *aligned = sum & ~(unit - 1);
    return true;
}

#endif
