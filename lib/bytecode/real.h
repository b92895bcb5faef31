/* SPDX-License-Identifier: MIT */
/*
 * What operations.inc needs for floating-point numbers, with WebAssembly's results bit
 * for bit. Values are slots: the bits of the number, those of an f32 zero-extended.
 *
 * Where a NaN results from arithmetic WebAssembly leaves open which: here it is always
 * the canonical one, positive and quiet, so that all machines agree.
 */
#ifndef SFPM_BYTECODE_REAL_H
#define SFPM_BYTECODE_REAL_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "bytecode/arithmetic.h"

#if FLT_EVAL_METHOD != 0
#error                                                                                   \
    "floating-point operations must round to their own types: on x86 add -msse2 -mfpmath=sse"
#endif

/* Keeps the compiler from computing both sides of a choice. */
#if defined __has_builtin
#if __has_builtin(__builtin_expect_with_probability)
#define SFPM_UNLIKELY(condition) __builtin_expect_with_probability((condition), 0, 1.0)
#endif
#endif
#ifndef SFPM_UNLIKELY
#define SFPM_UNLIKELY(condition) (condition)
#endif

#define SFPM_F32_SIGN UINT32_C(0x80000000)
#define SFPM_F64_SIGN UINT64_C(0x8000000000000000)
#define SFPM_F32_NAN  UINT32_C(0x7FC00000)
#define SFPM_F64_NAN  UINT64_C(0x7FF8000000000000)

static inline float sfpm_to_f32(uint64_t slot)
{
    uint32_t bits = (uint32_t)slot;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double sfpm_to_f64(uint64_t slot)
{
    double value;
    memcpy(&value, &slot, sizeof value);
    return value;
}

static inline uint64_t sfpm_of_f32(float value)
{
    uint32_t bits;
    if (SFPM_UNLIKELY(isnan(value)))
        return SFPM_F32_NAN;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t sfpm_of_f64(double value)
{
    uint64_t bits;
    if (SFPM_UNLIKELY(isnan(value)))
        return SFPM_F64_NAN;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Of two zeros the least has a sign when either has; the greatest, when both have. */
static inline uint64_t sfpm_min_f32(uint64_t a, uint64_t b)
{
    float x = sfpm_to_f32(a), y = sfpm_to_f32(b);
    if (isnan(x) || isnan(y))
        return SFPM_F32_NAN;
    if (x == y)
        return a | b;
    return x < y ? a : b;
}

static inline uint64_t sfpm_max_f32(uint64_t a, uint64_t b)
{
    float x = sfpm_to_f32(a), y = sfpm_to_f32(b);
    if (isnan(x) || isnan(y))
        return SFPM_F32_NAN;
    if (x == y)
        return a & b;
    return x > y ? a : b;
}

static inline uint64_t sfpm_min_f64(uint64_t a, uint64_t b)
{
    double x = sfpm_to_f64(a), y = sfpm_to_f64(b);
    if (isnan(x) || isnan(y))
        return SFPM_F64_NAN;
    if (x == y)
        return a | b;
    return x < y ? a : b;
}

static inline uint64_t sfpm_max_f64(uint64_t a, uint64_t b)
{
    double x = sfpm_to_f64(a), y = sfpm_to_f64(b);
    if (isnan(x) || isnan(y))
        return SFPM_F64_NAN;
    if (x == y)
        return a & b;
    return x > y ? a : b;
}

/* Adding and subtracting the number at which integers are all that there is rounds to an
 * integer, in the mode in which C programs start: to nearest, ties to even. */
static inline float sfpm_nearest_f32(float value)
{
    const float shift = 0x1p23f;
    if (!(fabsf(value) < shift))
        return value;
    float sum = fabsf(value) + shift;
    return copysignf(sum - shift, value);
}

static inline double sfpm_nearest_f64(double value)
{
    const double shift = 0x1p52;
    if (!(fabs(value) < shift))
        return value;
    double sum = fabs(value) + shift;
    return copysign(sum - shift, value);
}

/* The integers that a conversion may give lie between these, both exclusive. Numbers of
 * either type are exact in a double. */
#define SFPM_I32_BELOW (-2147483649.0)
#define SFPM_I32_ABOVE 2147483648.0
#define SFPM_U32_BELOW (-1.0)
#define SFPM_U32_ABOVE 4294967296.0
#define SFPM_I64_BELOW (-9223372036854777856.0) /* the next double below -2^63 */
#define SFPM_I64_ABOVE 9223372036854775808.0
#define SFPM_U64_BELOW (-1.0)
#define SFPM_U64_ABOVE 18446744073709551616.0

static inline sfpm_trap_t sfpm_conversion_trap(double value, double below, double above)
{
    if (value > below && value < above)
        return SFPM_TRAP_NONE;
    return isnan(value) ? SFPM_TRAP_INVALID_CONVERSION : SFPM_TRAP_INTEGER_OVERFLOW;
}

static inline uint64_t sfpm_saturate_i32(double value)
{
    if (isnan(value))
        return 0;
    if (value <= SFPM_I32_BELOW)
        return (uint32_t)INT32_MIN;
    return (uint32_t)(value >= SFPM_I32_ABOVE ? INT32_MAX : (int32_t)value);
}

static inline uint64_t sfpm_saturate_u32(double value)
{
    if (!(value > SFPM_U32_BELOW))
        return 0;
    return value >= SFPM_U32_ABOVE ? UINT32_MAX : (uint32_t)value;
}

static inline uint64_t sfpm_saturate_i64(double value)
{
    if (isnan(value))
        return 0;
    if (value <= SFPM_I64_BELOW)
        return (uint64_t)INT64_MIN;
    return (uint64_t)(value >= SFPM_I64_ABOVE ? INT64_MAX : (int64_t)value);
}

static inline uint64_t sfpm_saturate_u64(double value)
{
    if (!(value > SFPM_U64_BELOW))
        return 0;
    return value >= SFPM_U64_ABOVE ? UINT64_MAX : (uint64_t)value;
}

#endif
