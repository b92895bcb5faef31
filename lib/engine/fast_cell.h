/* SPDX-License-Identifier: MIT */
/*
 * What functions are translated to. A function becomes an array of cells of one
 * size; each names the handler that executes it. Operands are byte offsets from
 * the frame's first slot: locals and operands are addressed alike, in the slots that
 * sfpm-bytecode(5) gives them.
 */
#ifndef SFPM_ENGINE_FAST_CELL_H
#define SFPM_ENGINE_FAST_CELL_H

#include <stddef.h>
#include <stdint.h>

typedef struct sfpm_cell sfpm_cell_t;
typedef struct sfpm_engine sfpm_engine_t;

/* Why execution came back. Unless said otherwise the cell has done nothing yet and
 * can be executed again. */
typedef enum sfpm_stop {
    SFPM_STOP_POLL,    /* the fuel is used up */
    SFPM_STOP_SLOW,    /* tier 0 must execute this: a trap or a rare case */
    SFPM_STOP_STEP,    /* tier 0 executes one instruction; then the next cell */
    SFPM_STOP_LINK,    /* the called function must be translated first */
    SFPM_STOP_STACK,   /* the called function needs a larger stack */
    SFPM_STOP_RETURNED /* left the frame that was entered; its results are in place */
} sfpm_stop_t;

/* The registers of the machine are the arguments: on common machines all of them are
 * passed in the processor's. */
#define SFPM_HANDLER_PARAMETERS                                                          \
    const sfpm_cell_t *ip, uint8_t *fp, uint8_t *memory, sfpm_engine_t *engine,          \
        uint64_t acc, int32_t fuel, double facc

#if SFPM_TAIL_CALLS
typedef int (*sfpm_handler_t)(SFPM_HANDLER_PARAMETERS);
#else
typedef const void *sfpm_handler_t;
#endif

/*
 * `fuel` is what may be executed until something must be looked after, less the
 * instructions from here to the end of the function, counted in order of code
 * offset. So it changes only where control does not go on with the next instruction,
 * and while it is not negative no path to the next check can execute too much. It is
 * never more than a quantum and twice the instructions of a function.
 */
struct sfpm_cell {
    sfpm_handler_t handler;
    int32_t to; /* slot of the result; of calls, the called frame */
    int32_t x;  /* slot of the first operand */
    union {
        uint64_t value;
        struct {
            int32_t y; /* slot of the second operand */
            int32_t z;
        };
    };
    int32_t jump; /* to the target, in bytes; of memory accesses, their offset */
    int32_t cost; /* in fuel, when control goes elsewhere than to the next cell */
};

/* The cell before a function's first describes it. */
#define HEADER_NEED(header)         ((uint32_t)(header)->to) /* bytes of stack */
#define HEADER_LOCALS(header)       ((uint32_t)(header)->y)  /* first to be zeroed */
#define HEADER_LOCALS_END(header)   ((uint32_t)(header)->z)
#define HEADER_RECORD(header)       ((header)->x)
#define HEADER_INSTRUCTIONS(header) ((header)->cost)
#define HEADER_TYPE(header)         ((header)->jump)

/*
 * While a function that is executed here calls another one, the called frame's record
 * holds the address of the cell to return to, behind a calling cell:
 *   to    from the calling frame to the called one, in bytes
 *   x     the code offset to return to
 *   value the first cell of the called function; before it is linked, its number in
 *         the low half, and in the high half the handler that calls it
 *   jump  the calling function's instructions behind the call
 * One that calls through the table has in `y` the number of the first type like its own,
 * as the header of what it calls must have, and the slot of the element in `cost`. `z` is
 * the number of the table, where it is not the first one.
 */
#define CALL_TARGET(cell) ((const sfpm_cell_t *)(uintptr_t)(cell)->value)

struct sfpm_engine {
    uintptr_t limit; /* end of the stack */
    uint64_t memory_size;
    uint8_t *globals;
    int32_t spent; /* taken by the cell that stopped for want of fuel */
    const uint8_t *table; /* the first one's elements … */
    uint64_t num_elements;
    const uint8_t *directory; /* … and where those of all lie, in version 3 … */
    uint64_t num_tables;      /* … behind so many entries */
    const sfpm_cell_t *const *entries; /* first cells of functions; NULL: none yet */
    uint8_t *bottom;                   /* first slot of the outermost frame */
    /* The registers as they were when execution came back. */
    const sfpm_cell_t *ip;
    uint8_t *fp;
    uint8_t *memory;
    uint64_t acc;
    int32_t fuel;
    double facc;
};

/* The number of every handler; a binary operation's forms follow each other in the
 * order of sfpm_form_t. */
enum {
#define OP(name, ...) FAST_##name,
#include "engine/fast_operations.inc"
    FAST_NUM_HANDLERS
};

/* Executes from engine->ip on until something stops it. */
sfpm_stop_t sfpm_fast_execute(sfpm_engine_t *engine);

/* The handler of that number. */
sfpm_handler_t sfpm_fast_handler(unsigned number);

#endif
