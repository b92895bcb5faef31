/* SPDX-License-Identifier: MIT */
/*
 * The regions that a machine consists of, as bytes in their portable form, and
 * the fixed parts of their layouts. sfpm-bytecode(5) is the normative text.
 */
#ifndef SFPM_BYTECODE_REGIONS_H
#define SFPM_BYTECODE_REGIONS_H

#include <sfpm/vm.h>

#include "base/memory.h"

/* In the order in which they are saved. A region of no bytes is left out. */
typedef enum sfpm_region_id {
    SFPM_CODE,
    SFPM_FUNCTIONS,
    SFPM_GLOBALS,
    SFPM_TABLE,
    SFPM_INITIAL, /* before memory, which shares what is stored of it */
    SFPM_MEMORY,
    SFPM_STATE,
    SFPM_STACK,
    SFPM_SYMBOLS,
    SFPM_NUM_REGIONS
} sfpm_region_id_t;

typedef struct sfpm_regions {
    sfpm_buffer_t region[SFPM_NUM_REGIONS];
} sfpm_regions_t;

/* Of all of them. */
#define SFPM_MACHINE_FLAGS (SFPM_REGION_PORTABLE | SFPM_REGION_DYNAMIC)

extern const char *const sfpm_region_names[SFPM_NUM_REGIONS];

void sfpm_regions_free(sfpm_regions_t *regions);

/* Gives a region `size` bytes in place of what it had, for the caller to fill. */
bool sfpm_region_make(sfpm_buffer_t *region, const char *name, uint64_t size);

/* Whether that is region `memory`, or region `initial`, which is laid out as memory. */
bool sfpm_region_is_memory(const char *name);

/* Such a region: whole pages of zeros at first. Bytes between its size and its capacity
 * are zero, too, so that growing costs nothing. */
bool sfpm_memory_make(sfpm_buffer_t *memory, uint64_t size);
void sfpm_memory_free(sfpm_buffer_t *memory);

/* Adds pages of zeros. Returns the old number of pages, or UINT32_MAX, having changed
 * nothing, when there would be more than `max_pages` or the host has no memory. The bytes
 * may move. */
uint32_t sfpm_memory_grow(sfpm_buffer_t *memory, uint32_t pages, uint32_t max_pages);

enum {
    /* functions: u32 bytecode version, then the tables that program.c takes apart. In
     * version 1: u32 count, u32 start function, u32 zero; then per function u32 entry,
     * u16 parameters, u16 results, u16 locals, u16 zero. */
    SFPM_FUNCTIONS_HEADER = 56,
    SFPM_FUNCTIONS_HEADER_1 = 16,
    SFPM_FUNCTION_SIZE_1 = 12,
    /* globals: per global its value and its initial value, 8 bytes each. */
    SFPM_GLOBAL_SIZE = 16,
    /* table: per element its function and its initial one, 4 bytes each. In version 3: per
     * table u32 number of its first element, u32 elements; then per element a slot. */
    SFPM_ELEMENT_SIZE = 8,
    /* memory: its bytes, whole pages. initial: what its first pages hold at first. */
    SFPM_PAGE_SIZE = 65536,
    SFPM_MAX_PAGES = 65536,
    /* stack: slots of 8 bytes. Each frame is parameters and locals, then this record
     * of two slots (u32 return offset, u32 calling function; u32 first slot of the
     * calling frame, u32 zero), then operands. The outermost frame's record is
     * SFPM_OUTERMOST twice and zeros. */
    SFPM_SLOT_SIZE = 8,
    SFPM_RECORD_SLOTS = 2,
    /* symbols, version 1: u32 symbols, u32 lines, u32 bytes of names, u32 source file's
     * name; then per symbol u32 kind, u32 value, u32 name; per line u32 code offset, u32
     * line; then the names, each ended by a zero byte. Names are given as offsets among
     * them. Version 2: u32 all ones, u32 version, u32 symbols, u32 local names, u32 files,
     * u32 blocks, u32 bytes of rows, u32 bytes of names; then per symbol as above; per
     * local name u32 function, u32 local, u32 name; per file u32 name; per block u32 code
     * offset, u32 start among the rows; then the rows (lines.c) and the names. */
    SFPM_SYMBOLS_HEADER = 16,
    SFPM_SYMBOLS_HEADER_2 = 32,
    SFPM_SYMBOL_SIZE = 12,
    SFPM_LOCAL_NAME_SIZE = 12,
    SFPM_LINE_SIZE = 8,
    /* state: u32 status, u32 trap, u32 pc, u32 begun, u64 instructions, u64 starts; then
     * a bit per segment of data, then of elements, 1 when it was dropped, from the lowest of each byte. */
    SFPM_STATE_SIZE = 32
};

#define SFPM_OUTERMOST   UINT32_MAX
#define SFPM_NO_NAME     UINT32_MAX
#define SFPM_NO_FUNCTION UINT32_MAX /* an element of the table without one */
#define SFPM_NO_MEMORY   UINT32_MAX /* most pages of a program without memory */
#define SFPM_NO_MOST     UINT32_MAX /* most elements of a table with no other limit */

/* Longest name of a function, label, global or local, in bytes. */
#define SFPM_MAX_NAME 65535

/* Most parameters, results or locals of a function, and operands on its stack: so
 * heights fit 16 bits beside the two marks of verify.h. */
#define SFPM_MAX_HEIGHT 65533u

/* Most parameters of a function type, and most results; version 1 had no other limit
 * than SFPM_MAX_HEIGHT. */
#define SFPM_MAX_VALUES 1000u

/* Most values that the calls, returns and unwinds of a program take and give, each
 * counted once where it stands in the code: so that proving takes no time out of
 * proportion. */
#define SFPM_MAX_MOVED (1u << 28)

/* Most bytes of the names of an import or export. */
#define SFPM_MAX_EXPORT_NAME 1000u

/* Most types, functions with imports, globals, exports and data segments, of each:
 * entries of no more than zeros, which cost an image nothing, do not take much memory. */
#define SFPM_MAX_ENTRIES 1000000u

/* Most elements of all tables together. */
#define SFPM_MAX_ELEMENTS 1000000u

/* Most tables. */
#define SFPM_MAX_TABLES 1000u

#endif
