/* SPDX-License-Identifier: MIT */
/* The globals, tables and memory that a program works on. */
#ifndef SFPM_ENGINE_GLOBALS_TABLE_H
#define SFPM_ENGINE_GLOBALS_TABLE_H

#include "bytecode/program.h"

/* Whether a slot can hold a value of the type: nothing may stand above 32 bits, and a
 * function must exist. */
bool sfpm_slot_fits(const sfpm_program_t *program, uint64_t slot, uint8_t type);

/* Proves that the regions hold what the program says: sizes, functions in the tables, and
 * globals of their types. */
bool sfpm_data_check(const sfpm_program_t *program, const sfpm_regions_t *regions);

/* Makes globals, table, memory and segments what they are at first. */
bool sfpm_data_begin(const sfpm_program_t *program, sfpm_regions_t *regions);

#endif
