/* SPDX-License-Identifier: MIT */
/* One instruction, executed on given values. */
#ifndef SFPM_TESTS_VM_OPERATION_H
#define SFPM_TESTS_VM_OPERATION_H

#include "bytecode/instruction.h"

/* Whether it takes one or two values and gives one, and has no operand: those whose
 * result depends on their values only. */
bool is_pure(const sfpm_opcode_info_t *info);

/* Executes it; `b` is the top of the stack when it takes two. The trap, or
 * SFPM_TRAP_NONE and the result. */
sfpm_trap_t operate(const sfpm_opcode_info_t *info, uint64_t a, uint64_t b,
                    uint64_t *result);

#endif
