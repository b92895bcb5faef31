/* SPDX-License-Identifier: MIT */
/* What the suites of the machine have in common. */
#ifndef SFPM_TESTS_VM_COMMON_H
#define SFPM_TESTS_VM_COMMON_H

#include <sfpm/vm.h>

#include "base/memory.h"
#include "io_common.h"
#include "vm/machine.h"

/* A machine of that text, which must be in order. To be destroyed. */
sfpm_vm_t *assembled(const char *text);

/* A machine of a program in examples/. */
sfpm_vm_t *example(const char *name);

/* An sfpm_vm_output_callback_t that adds to an sfpm_buffer_t. */
bool collect(void *buffer, const void *bytes, size_t size);

/* Runs without limit; what was printed, until the next call. The machine must halt. */
const char *output_of(sfpm_vm_t *vm);

/* Runs `steps` instructions and adds what is printed to `output`; the machine's
 * status. A trap is none of the test's failures, everything else is. */
sfpm_vm_status_t run_steps(sfpm_vm_t *vm, uint64_t steps, sfpm_buffer_t *output);

/* The listing of the whole code, until the next call. */
const char *listing_of(const sfpm_vm_t *vm);

sfpm_vm_info_t info_of(const sfpm_vm_t *vm);

/* The machine's regions, copied; and a machine made of such. */
void copy_regions(sfpm_vm_t *vm, sfpm_regions_t *regions);
bool load_regions(sfpm_vm_t *vm, const sfpm_regions_t *regions);

#endif
