/* SPDX-License-Identifier: MIT */
/* Bare code as a program. */
#ifndef SFPM_BYTECODE_RAW_CODE_H
#define SFPM_BYTECODE_RAW_CODE_H

#include "bytecode/regions.h"

/* Code, functions, symbols and the state before the first instruction of a program
 * of one function, `main`. */
bool sfpm_regions_of_code(sfpm_regions_t *regions, const uint8_t *code, size_t size);

#endif
