/* SPDX-License-Identifier: MIT */
/* Native functions: what the host offers under the names that programs import. */
#ifndef SFPM_VM_NATIVES_H
#define SFPM_VM_NATIVES_H

#include "base/name_map.h"
#include "engine/interpret.h"

/* One that was registered. */
typedef struct sfpm_native_entry {
    char *module;
    char *field;
    uint8_t *types; /* sfpm_type_t, parameters first */
    uint16_t params;
    uint16_t results;
    sfpm_native_t native;
    void *context;
} sfpm_native_entry_t;

typedef struct sfpm_natives {
    sfpm_native_entry_t *list;
    size_t count;
    size_t capacity;
    sfpm_name_map_t names; /* module and field of each: its place in the list */
    /* Per import of the program the entry that it means; NULL: not bound yet. */
    const sfpm_native_entry_t **bound;
} sfpm_natives_t;

void sfpm_natives_free(sfpm_natives_t *natives);

/* Forgets what imports mean: the program or the entries change. */
void sfpm_natives_unbind(sfpm_natives_t *natives);

/* Finds the entry for each import; the error names all that are missing, and those of
 * another type. Costs nothing when that was done already. */
bool sfpm_natives_bind(sfpm_natives_t *natives, const sfpm_program_t *program);

/* The first value of an imported global, from a native function of its name without
 * parameters; `*value` stays where there is none. The context is the sfpm_vm_t. */
bool sfpm_natives_global(void *vm, const char *module, const char *field, uint8_t type,
                         uint64_t *value);

/* The sfpm_host_callback_t; its context is the sfpm_vm_t. */
sfpm_host_outcome_t sfpm_natives_call(void *vm, sfpm_host_call_t *call);

#endif
