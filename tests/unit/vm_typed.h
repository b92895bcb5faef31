/* SPDX-License-Identifier: MIT */
/* Random programs of all instructions, which verify. They import the functions of
 * vm_natives.h. */
#ifndef SFPM_TESTS_VM_TYPED_H
#define SFPM_TESTS_VM_TYPED_H

#include "vm_build.h"

/* To be followed by build_vm(). */
void random_typed_program(build_t *build);

#endif
