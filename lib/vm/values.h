/* SPDX-License-Identifier: MIT */
/* Values between slots of 64 bits and what callers see. */
#ifndef SFPM_VM_VALUES_H
#define SFPM_VM_VALUES_H

#include <sfpm/vm.h>

#include "bytecode/program.h"

sfpm_value_t sfpm_value_of_slot(uint64_t slot, uint8_t type);
uint64_t sfpm_slot_of_value(const sfpm_value_t *value);

/* Whether there are `wanted` values of these types, and functions among them exist;
 * `what` is for the message. */
bool sfpm_values_fit(const sfpm_program_t *program, const sfpm_value_t *values,
                     size_t count, const uint8_t *types, size_t wanted, const char *what);

#endif
