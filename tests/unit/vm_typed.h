/* SPDX-License-Identifier: MIT */
/* Random programs of all instructions but calls of imports, which verify and end. */
#ifndef SFPM_TESTS_VM_TYPED_H
#define SFPM_TESTS_VM_TYPED_H

#include "vm_build.h"

/* To be followed by build_vm(). */
void random_typed_program(build_t *build);

#endif
