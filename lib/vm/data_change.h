/* SPDX-License-Identifier: MIT */
/*
 * The data of a running program and those of new code for it: where the initial contents
 * of memory differ, and whether that can be brought into the memory of the machine.
 */
#ifndef SFPM_VM_DATA_CHANGE_H
#define SFPM_VM_DATA_CHANGE_H

#include "vm/machine.h"
#include "vm/match.h"

/* Bytes whose initial contents differ; with those between them that do not, if these are
 * few. */
typedef struct sfpm_data_run {
    uint64_t address;
    uint64_t size;
    bool is_new; /* all zero in the old program */
} sfpm_data_run_t;

typedef struct sfpm_data_change {
    sfpm_buffer_t old, new; /* initial memory */
    sfpm_data_run_t *runs;  /* by address */
    size_t num_runs;
    size_t capacity;
} sfpm_data_change_t;

/* Compares the initial memory of both programs. To be freed also after a failure. */
bool sfpm_data_compare(sfpm_data_change_t *change, const sfpm_program_t *old,
                       const sfpm_program_t *new);
void sfpm_data_free(sfpm_data_change_t *change);

/* Whether the new data can take the place of the old ones in the machine: it has not
 * changed them, holds no address of them that is seen as one, and no other variable has
 * moved as far as the code tells. Otherwise fails with SFPM_ERR_MISMATCH. */
bool sfpm_data_allowed(const sfpm_data_change_t *change, const sfpm_match_t *match,
                       const sfpm_vm_t *vm);

/* Puts the new data into memory, which has at least the initial size of both programs. */
void sfpm_data_apply(const sfpm_data_change_t *change, sfpm_buffer_t *memory);

#endif
