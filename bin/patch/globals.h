/* SPDX-License-Identifier: MIT */
/* The globals of a machine by their names, sorted once for all edits. */
#ifndef SFPM_BIN_PATCH_GLOBALS_H
#define SFPM_BIN_PATCH_GLOBALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/vm.h>

typedef struct patch_global {
    const char *name; /* the machine's */
    uint32_t index;   /* of the global */
    uint32_t rank;    /* of several with one name, the lowest is meant */
} patch_global_t;

typedef struct patch_globals {
    patch_global_t *list;
    size_t count;
} patch_globals_t;

/* Collects the names of a machine that outlives them. False: out of memory. */
bool patch_globals_collect(patch_globals_t *globals, const sfpm_vm_t *vm);
void patch_globals_free(patch_globals_t *globals);

/* Finds a global as sfpm_vm_get_global() does: by the name that it is exported under, or
 * its own. */
bool patch_globals_find(const patch_globals_t *globals, const char *name, uint32_t *index);

#endif
