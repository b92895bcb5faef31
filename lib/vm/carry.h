/* SPDX-License-Identifier: MIT */
/*
 * Carries the state of a machine over to one that has a new program: globals, tables,
 * dropped segments and calls in progress. Functions, to which references and frames
 * refer by number, get the numbers of their counterparts.
 */
#ifndef SFPM_VM_CARRY_H
#define SFPM_VM_CARRY_H

#include "vm/data_change.h"

typedef struct sfpm_reload {
    sfpm_vm_t *vm;
    const sfpm_vm_t *code;
    sfpm_vm_t made; /* the new program, and what was carried over */
    sfpm_match_t match;
    sfpm_data_change_t data;
} sfpm_reload_t;

/* Each fails with SFPM_ERR_MISMATCH if the new program has no place for what the state
 * holds; `made` is then dropped. */
bool sfpm_carry_globals(sfpm_reload_t *reload);
bool sfpm_carry_tables(sfpm_reload_t *reload);

/* Segments are numbered alike. The new machine has a state already. */
bool sfpm_carry_dropped(sfpm_reload_t *reload);

/* The stack and region `state`, with dropped segments. */
bool sfpm_carry_state(sfpm_reload_t *reload);

/* After the new machine was proved: whether each frame has the types of values on its
 * stack that the new code expects. */
bool sfpm_carry_fits(const sfpm_reload_t *reload);

/* Gives the counterpart of a value of the type. Returns NULL, or why the function to
 * which it refers has none, as a relative clause. */
const char *sfpm_carry_value(const sfpm_match_t *match, uint8_t type, uint64_t value,
                             uint64_t *mapped);

static inline const uint8_t *sfpm_region_of(const sfpm_vm_t *vm, sfpm_region_id_t id)
{
    return vm->regions.region[id].data;
}

/* The value that a global has at first. */
uint64_t sfpm_first_of_global(const sfpm_vm_t *vm, uint32_t global);

#endif
