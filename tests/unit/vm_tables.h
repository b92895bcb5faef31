/* SPDX-License-Identifier: MIT */
/* Random programs of bytecode version 2 that use all of its tables. */
#ifndef SFPM_TESTS_VM_TABLES_H
#define SFPM_TESTS_VM_TABLES_H

#include "vm_common.h"

/* Regions of a program whose functions begin with unreachable, so that any instructions
 * with operands in range may follow: all types, imports, exports, segments, elements,
 * and names for some of it. */
void random_tables(sfpm_regions_t *regions);

#endif
