/* SPDX-License-Identifier: MIT */
/* Random programs that the verifier must accept. */
#ifndef SFPM_TESTS_VM_RANDOM_H
#define SFPM_TESTS_VM_RANDOM_H

#include "vm_common.h"

/* Regions of a random program: functions that call each other, jumps in both
 * directions, unreachable code, globals, and names for some of it all. */
void random_program(sfpm_regions_t *regions);

#endif
