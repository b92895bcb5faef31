/* SPDX-License-Identifier: MIT */
/* What instructions do with linear memory. */
#ifndef SFPM_ENGINE_MEMORY_H
#define SFPM_ENGINE_MEMORY_H

#include <string.h>

#include "base/bytes.h"
#include "bytecode/program.h"

/* Makes memory as a program begins: its first pages, with the active segments. When there
 * is no memory for them, nothing is changed. */
bool sfpm_memory_begin(const sfpm_program_t *program, sfpm_buffer_t *memory);

/* The bulk operations, on values as they are on the stack. Each does all or, where it
 * gives a trap, nothing. A dropped segment is one of no bytes. */
sfpm_trap_t sfpm_memory_init(sfpm_buffer_t *memory, const sfpm_segment_t *segment,
                             bool dropped, uint64_t to, uint64_t from, uint64_t size);
sfpm_trap_t sfpm_memory_copy(sfpm_buffer_t *memory, uint64_t to, uint64_t from,
                             uint64_t size);
sfpm_trap_t sfpm_memory_fill(sfpm_buffer_t *memory, uint64_t to, uint64_t value,
                             uint64_t size);

/* The bits of the dropped segments in region `state`. */
static inline bool sfpm_is_dropped(const uint8_t *dropped, uint32_t segment)
{
    return dropped[segment / 8] >> segment % 8 & 1;
}

static inline void sfpm_drop(uint8_t *dropped, uint32_t segment)
{
    dropped[segment / 8] = (uint8_t)(dropped[segment / 8] | 1 << segment % 8);
}

/* Drops the active segments, which version 3 does once they were copied. */
void sfpm_drop_active(const sfpm_program_t *program, uint8_t *dropped);

/* Little-endian numbers of 1, 2, 4 or 8 bytes, zero-extended; `bytes` is a constant. */
static inline uint64_t sfpm_load_bytes(const uint8_t *from, int bytes)
{
    switch (bytes) {
    case 1:
        return *from;
    case 2:
        return sfpm_get_u16(from);
    case 4:
        return sfpm_get_u32(from);
    default:
        return sfpm_get_u64(from);
    }
}

static inline void sfpm_store_bytes(uint8_t *to, int bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        *to = (uint8_t)value;
        break;
    case 2:
        sfpm_put_u16(to, (uint16_t)value);
        break;
    case 4:
        sfpm_put_u32(to, (uint32_t)value);
        break;
    default:
        sfpm_put_u64(to, value);
        break;
    }
}

#endif
