/* SPDX-License-Identifier: MIT */
/* Native functions for random programs: they answer in each way, and depend on all calls
 * that came before. */
#ifndef SFPM_TESTS_VM_NATIVES_H
#define SFPM_TESTS_VM_NATIVES_H

#include "vm_build.h"

/* What one host has seen; all zero at first. */
typedef struct host {
    uint64_t seen; /* of all calls, in order */
    bool retried;
} host_t;

/* Their signatures, in the order of imports. */
#define NATIVE_SIGNATURES "iI:I", "F:fF", "ii:"
enum { NUM_NATIVES = 3 };

void import_natives(build_t *build);
void offer_natives(sfpm_vm_t *vm, host_t *host);

#endif
