/* SPDX-License-Identifier: MIT */
/*
 * Dispatch of tier 1. Where the compiler turns calls in tail position into jumps,
 * each handler is a function that jumps to the next one; configure finds
 * out (SFPM_TAIL_CALLS). Elsewhere all are in one function with computed jumps.
 */
#include "engine/fast_cell.h"

#include "bytecode/real.h"
#include "bytecode/regions.h"

#define SFPM_INLINE static inline __attribute__((always_inline))

/* ---- What handlers are made of ----------------------------------------------- */

/* As in base/bytes.h, but inlined in any case: a call would cost the tail call. */
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ACCESS(type)                                                                     \
    SFPM_INLINE uint64_t load_##type(const uint8_t *from)                                \
    {                                                                                    \
        type value;                                                                      \
        memcpy(&value, from, sizeof value);                                              \
        return value;                                                                    \
    }                                                                                    \
    SFPM_INLINE void store_##type(uint8_t *to, type value)                               \
    {                                                                                    \
        memcpy(to, &value, sizeof value);                                                \
    }
ACCESS(uint16_t)
ACCESS(uint32_t)
ACCESS(uint64_t)
#else
#define load_uint16_t  sfpm_get_u16
#define load_uint32_t  sfpm_get_u32
#define load_uint64_t  sfpm_get_u64
#define store_uint16_t sfpm_put_u16
#define store_uint32_t sfpm_put_u32
#define store_uint64_t sfpm_put_u64
#endif

SFPM_INLINE uint64_t sfpm_fast_load(const uint8_t *from, int bytes)
{
    switch (bytes) {
    case 1:
        return *from;
    case 2:
        return load_uint16_t(from);
    case 4:
        return load_uint32_t(from);
    default:
        return load_uint64_t(from);
    }
}

SFPM_INLINE void sfpm_fast_store(uint8_t *to, uint64_t value, int bytes)
{
    if (bytes == 1)
        *to = (uint8_t)value;
    else if (bytes == 2)
        store_uint16_t(to, (uint16_t)value);
    else if (bytes == 4)
        store_uint32_t(to, (uint32_t)value);
    else
        store_uint64_t(to, value);
}

#define DO(name)         do_##name
#define TRAP_OF(name)    trap_of_##name
#define BYTES_OF(name)   bytes_of_##name
#define FLOAT_BITS(facc) sfpm_bits_of(facc)
#define BITS_FLOAT(bits) sfpm_to_f64(bits)

SFPM_INLINE uint64_t sfpm_bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* DO(NAME)(a, b): what operations.inc says. */
#define BINARY(name, result)                                                             \
    SFPM_INLINE uint64_t do_##name(uint64_t a, uint64_t b)                               \
    {                                                                                    \
        return (uint64_t)(result);                                                       \
    }
#define UNARY(name, result)                                                              \
    SFPM_INLINE uint64_t do_##name(uint64_t a)                                           \
    {                                                                                    \
        return (uint64_t)(result);                                                       \
    }
#define TRAPPING(name, trap, result)                                                     \
    BINARY(name, result)                                                                 \
    SFPM_INLINE sfpm_trap_t trap_of_##name(uint64_t a, uint64_t b)                       \
    {                                                                                    \
        (void)a;                                                                         \
        return trap;                                                                     \
    }
#define TRAPPING_UNARY(name, trap, result)                                               \
    UNARY(name, result)                                                                  \
    SFPM_INLINE sfpm_trap_t trap_of_##name(uint64_t a)                                   \
    {                                                                                    \
        return trap;                                                                     \
    }
#define LOAD(name, bytes, result)                                                        \
    UNARY(name, result)                                                                  \
    enum { bytes_of_##name = bytes };
#include "bytecode/operations.inc"

/* ---- Dispatch ----------------------------------------------------------------- */

/* Keeps the registers for whoever goes on. */
#define SAVE_REGISTERS                                                                   \
    engine->ip = ip;                                                                     \
    engine->fp = fp;                                                                     \
    engine->memory = memory;                                                             \
    engine->acc = acc;                                                                   \
    engine->fuel = fuel + engine->spent;                                                 \
    engine->facc = facc;

#if SFPM_TAIL_CALLS

#if defined __has_attribute
#if __has_attribute(musttail)
#define TAIL __attribute__((musttail)) return
#endif
#endif
#ifndef TAIL
#define TAIL return
#endif

#define REGISTERS ip, fp, memory, engine, acc, fuel, facc

#define STOP_FUNCTION(name, WHY)                                                         \
    static __attribute__((noinline)) int name(SFPM_HANDLER_PARAMETERS)                   \
    {                                                                                    \
        SAVE_REGISTERS                                                                   \
        return SFPM_STOP_##WHY;                                                          \
    }
STOP_FUNCTION(stop_POLL, POLL)
STOP_FUNCTION(stop_SLOW, SLOW)
STOP_FUNCTION(stop_STEP, STEP)
STOP_FUNCTION(stop_LINK, LINK)
STOP_FUNCTION(stop_STACK, STACK)
STOP_FUNCTION(stop_RETURNED, RETURNED)

#define GO        TAIL ip->handler(REGISTERS)
#define STOP(why) TAIL stop_##why(REGISTERS)
/* At the start of a cache line, which most of them do not leave. */
#define OP(name, ...)                                                                    \
    static __attribute__((aligned(64))) int fast_##name(SFPM_HANDLER_PARAMETERS)         \
    {                                                                                    \
        __VA_ARGS__                                                                      \
    }
#include "engine/fast_operations.inc"

static const sfpm_handler_t handlers[] = {
#define OP(name, ...) fast_##name,
#include "engine/fast_operations.inc"
};

sfpm_stop_t sfpm_fast_execute(sfpm_engine_t *engine)
{
    return (sfpm_stop_t)engine->ip->handler(engine->ip, engine->fp, engine->memory,
                                            engine, engine->acc, engine->fuel,
                                            engine->facc);
}

sfpm_handler_t sfpm_fast_handler(unsigned number)
{
    return handlers[number];
}

#else

#pragma GCC diagnostic ignored "-Wpedantic"
/* A function of two thousand labels, instrumented, takes compilers very long to optimise.
 */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#pragma GCC optimize("O0")
#endif

#define GO goto * ip->handler
#define STOP(why)                                                                        \
    do {                                                                                 \
        reason = SFPM_STOP_##why;                                                        \
        goto stop;                                                                       \
    } while (0)

/* Without an engine it only returns the table of handlers. */
static sfpm_stop_t execute(sfpm_engine_t *engine, const sfpm_handler_t **table)
{
    static const sfpm_handler_t handlers[] = {
#define OP(name, ...) &&fast_##name,
#include "engine/fast_operations.inc"
    };
    sfpm_stop_t reason;
    if (!engine) {
        *table = handlers;
        return SFPM_STOP_SLOW;
    }
    const sfpm_cell_t *ip = engine->ip;
    uint8_t *fp = engine->fp;
    uint8_t *memory = engine->memory;
    uint64_t acc = engine->acc;
    int32_t fuel = engine->fuel;
    double facc = engine->facc;
    GO;
#define OP(name, ...)                                                                    \
    fast_##name:                                                                         \
    {                                                                                    \
        __VA_ARGS__                                                                      \
    }
#include "engine/fast_operations.inc"
stop:
    SAVE_REGISTERS
    return reason;
}

sfpm_stop_t sfpm_fast_execute(sfpm_engine_t *engine)
{
    return execute(engine, NULL);
}

sfpm_handler_t sfpm_fast_handler(unsigned number)
{
    const sfpm_handler_t *table;
    execute(NULL, &table);
    return table[number];
}

#endif
