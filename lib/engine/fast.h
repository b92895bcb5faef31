/* SPDX-License-Identifier: MIT */
/*
 * Tier 1: executes verified code after translating each function, on its first call,
 * to cells (fast_cell.h). It does what tier 0 does, to the bit: the same state after
 * the same number of instructions, wherever it stops.
 *
 * How it keeps to that:
 *
 * - Frames lie in the machine's stack as in the canonical form, and the C stack holds
 *   none. Locals and operands have their canonical slots; operands may be missing from
 *   them while they are constants, locals or in one of two accumulators, and records of
 *   called frames hold the address of the cell to return to.
 * - A cell stands for one or more instructions. One that cannot go on (a trap, no
 *   fuel, a rare case) has done nothing yet, so that the state before it is still
 *   there: fast_translate.h says where its operands are, the frames are put into
 *   canonical form, and tier 0 executes the instruction.
 * - Instructions are counted where control does not go on with the next one, and no
 *   path between two such checks is longer than what was checked (fast_cell.h). So the
 *   last few, less than a function has, are left to tier 0.
 * - Execution begins at labels: entries of functions, targets of jumps, and behind
 *   calls. Tier 0 gets there from anywhere else. A frame that was there before is not
 *   touched until it is returned to.
 *
 * fast_operations.inc has the handlers, made from operations.inc; fast_execute.c how
 * they follow each other; fast_select.c which of them an instruction becomes,
 * fast_fuse.c and fast_fuse_memory.c a sequence of instructions; fast_run.c what is
 * around it.
 */
#ifndef SFPM_ENGINE_FAST_H
#define SFPM_ENGINE_FAST_H

#include "engine/fast_translate.h"
#include "engine/interpret.h"

/* As sfpm_interpret(). `fast` has the translations of this very program, or none. */
bool sfpm_fast_interpret(sfpm_fast_t *fast, sfpm_machine_t *machine,
                         const sfpm_limits_t *limits);

#endif
