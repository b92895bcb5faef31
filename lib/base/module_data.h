/* SPDX-License-Identifier: MIT */
/* The static data of one module: what its own code wrote there, and nothing else. */
#ifndef SFPM_BASE_MODULE_DATA_H
#define SFPM_BASE_MODULE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses from `start` up to, not including, `end`. */
typedef struct sfpm_part {
    uintptr_t start;
    uintptr_t end;
} sfpm_part_t;

typedef struct sfpm_module_data {
    char *name;         /* of the module's file without directories, "" for the program */
    sfpm_part_t *parts; /* by address */
    size_t count;
    size_t capacity;
    sfpm_part_t *cuts; /* to be taken out of them */
    size_t num_cuts;
    size_t cut_capacity;
} sfpm_module_data_t;

/* Finds the writable data (.data, .bss) of the module that contains an address, without
 * what the dynamic linker or the compiler's startup files keep there. SFPM_ERR_ARGUMENT:
 * the address is in no module; SFPM_ERR_UNSUPPORTED: its own data cannot be identified.
 * Must be freed even on failure. */
bool sfpm_module_data_find(sfpm_module_data_t *data, uintptr_t address);

/* Takes a range out of the parts, once sfpm_module_data_settle() is called: all at once,
 * so that many take no quadratic time. */
bool sfpm_module_data_cut(sfpm_module_data_t *data, uintptr_t start, uintptr_t end);
bool sfpm_module_data_settle(sfpm_module_data_t *data);

/* Whether a range lies in one of the parts. */
bool sfpm_module_data_holds(const sfpm_module_data_t *data, uintptr_t start,
                            uintptr_t end);

void sfpm_module_data_free(sfpm_module_data_t *data);

#endif
