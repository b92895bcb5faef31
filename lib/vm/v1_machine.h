/* SPDX-License-Identifier: MIT */
/*
 * The state of the original program, one region `vm_state` of 2080 bytes, to and
 * from the regions of a machine. sfpm-bytecode(5) gives the layout.
 */
#ifndef SFPM_VM_V1_MACHINE_H
#define SFPM_VM_V1_MACHINE_H

#include "engine/frames.h"

enum {
    SFPM_ORIGINAL_SIZE = 2080,
    SFPM_ORIGINAL_SLOTS = 256,
    SFPM_ORIGINAL_PROGRAM = 1028, /* where the code lies */
    SFPM_ORIGINAL_PROGRAM_SIZE = 1024
};

#define SFPM_ORIGINAL_NAME "vm_state"

/* Whether there is no program, as after the original's Reset. The machine made of it is
 * halted, and has a `halt` that is not in the image. */
bool sfpm_original_is_empty(const uint8_t *bytes);

/* Makes the regions of a machine; its program has one function, `main`. */
bool sfpm_original_load(const uint8_t *bytes, size_t size, sfpm_regions_t *regions);

/* Writes the registers and the stack back into `bytes`. SFPM_ERR_LIMIT when a value
 * does not fit; `bytes` is untouched then. */
bool sfpm_original_store(const sfpm_state_t *state, const sfpm_buffer_t *stack,
                         uint8_t *bytes);

#endif
