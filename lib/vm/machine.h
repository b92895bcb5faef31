/* SPDX-License-Identifier: MIT */
/* What an sfpm_vm_t is made of, for the files that make up its interface. */
#ifndef SFPM_VM_MACHINE_H
#define SFPM_VM_MACHINE_H

#include <stdatomic.h>

#include "asm/disassemble.h"
#include "engine/fast.h"
#include "commit/commit.h"
#include "engine/frames.h"
#include "vm/natives.h"
#include "vm/v1_machine.h"

struct sfpm_vm {
    sfpm_regions_t regions; /* empty: there is no program */
    sfpm_program_t program; /* borrows from the regions */
    sfpm_state_t state;     /* what region `state` says */
    sfpm_proof_t proof;     /* when ready */
    bool ready;             /* data, state and functions with frames are proved */
    bool verified;          /* … and all functions */
    sfpm_fast_t fast;             /* its functions translated, when ready */
    sfpm_backtrace_t backtrace;   /* empty unless ready and fitting the code */
    uint8_t *original;            /* region `vm_state`, NULL: not in that layout */
    uint32_t original_flags;      /* SFPM_REGION_… of it */
    bool original_changed;        /* registers and stack must be written back into it */
    sfpm_natives_t natives;       /* stay when the machine gets another program */
    uint64_t max_memory;          /* bytes; 0: the default */
    bool expects_commits;         /* memory is watched when it has been loaded */
    struct sfpm_tracker *tracker; /* of region `memory`, since a commit; NULL: none */
    sfpm_known_commit_t commit;   /* … this one */
    sfpm_buffer_t stops; /* code offsets at which the run stops, uint32_t each */
    bool reached;        /* the last run stopped at one */
    bool running;
    atomic_bool interrupt; /* see sfpm_vm_interrupt() */
};

/* False, with the error set, when the machine is NULL or has no program. */
bool sfpm_vm_has_program(const sfpm_vm_t *vm);

/* The same when the machine runs: a native function that it called must not take away
 * what it stands on. */
bool sfpm_vm_is_idle(const sfpm_vm_t *vm);

/* The bytes of code that the user has: none if the original layout holds no program. */
uint32_t sfpm_vm_code_size(const sfpm_vm_t *vm);

/* Where a machine's regions come from: fills the region of that name, which is empty, by
 * sfpm_region_make(), and says whether there is one. */
typedef bool (*sfpm_region_source_t)(void *context, const char *name,
                                     sfpm_buffer_t *region, bool *found);

/* sfpm_vm_load() from such a source. */
bool sfpm_vm_load_from(sfpm_vm_t *vm, sfpm_region_source_t source, void *context);

/* places.c: makes vm->stops of places, ascending. False, with the error set, when one is
 * none. */
bool sfpm_vm_find_stops(sfpm_vm_t *vm, const char *const *places, size_t count);

/* image.c: writes to memory are not noted any more; before it is released. */
void sfpm_vm_unwatch(sfpm_vm_t *vm);

/* The bytes of memory that a program may have. */
uint64_t sfpm_vm_max_memory(const sfpm_vm_t *vm);

/* Makes a machine what it was when it was created. */
void sfpm_vm_clear(sfpm_vm_t *vm);

/* Puts `made`, a machine without natives, in the place of `vm`, which keeps its own, and
 * its limit. */
void sfpm_vm_replace(sfpm_vm_t *vm, sfpm_vm_t *made);

/* Puts the machine before the first instruction of a function, with an empty stack and
 * parameters of zero. Globals and counters are kept. */
bool sfpm_vm_begin(sfpm_vm_t *vm, uint32_t function);

/* Proves what is needed to run, unless that was done: data, state and functions with
 * frames. Others are proved when they are called, or now if `all`. What was proved stays
 * so when another function does not hold. */
bool sfpm_vm_prove(sfpm_vm_t *vm, bool all);

/* The code was changed: it must be proved again before it runs. */
void sfpm_vm_forget_proof(sfpm_vm_t *vm);

/* Reads local number `index` of a frame. */
bool sfpm_vm_local(const sfpm_vm_t *vm, uint32_t level, uint32_t index, int64_t *value);

/* Reads a value of a frame's operand stack, 0 being its bottom. */
bool sfpm_vm_operand(const sfpm_vm_t *vm, uint32_t level, uint32_t index, int64_t *value);

/* Calls back for each value of a frame, given its slot and type: locals, then operands,
 * until a call returns false, which is then returned. */
typedef bool (*sfpm_frame_value_t)(void *context, size_t level, uint32_t slot,
                                   uint8_t type);
bool sfpm_vm_frame_values(const sfpm_vm_t *vm, size_t level, sfpm_frame_value_t callback,
                          void *context);

/* @return the size of the program's memory in bytes, 0 without any. */
uint64_t sfpm_vm_memory_size(const sfpm_vm_t *vm);

/* @return the number of regions that hold the machine now; 0 without a program. */
size_t sfpm_vm_num_regions(const sfpm_vm_t *vm);

#endif
