/* SPDX-License-Identifier: MIT */
/*
 * Little-endian integers at any address, on any machine. Compilers turn each
 * of these into one load or store where the machine allows it.
 */
#ifndef SFPM_BASE_BYTES_H
#define SFPM_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t sfpm_get_u16(const void *from)
{
    const uint8_t *p = from;
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t sfpm_get_u32(const void *from)
{
    const uint8_t *p = from;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline uint64_t sfpm_get_u64(const void *from)
{
    const uint8_t *p = from;
    return (uint64_t)sfpm_get_u32(p) | (uint64_t)sfpm_get_u32(p + 4) << 32;
}

static inline void sfpm_put_u16(void *to, uint16_t value)
{
    uint8_t *p = to;
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void sfpm_put_u32(void *to, uint32_t value)
{
    uint8_t *p = to;
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static inline void sfpm_put_u64(void *to, uint64_t value)
{
    uint8_t *p = to;
    sfpm_put_u32(p, (uint32_t)value);
    sfpm_put_u32(p + 4, (uint32_t)(value >> 32));
}

/* Two's complement without relying on implementation-defined conversions. */
static inline int64_t sfpm_to_i64(uint64_t value)
{
    return value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1;
}

static inline int32_t sfpm_to_i32(uint32_t value)
{
    return value <= INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

#endif
