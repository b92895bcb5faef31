/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out where a test wants it to. The library's allocations are
 * caught by the linker: a suite that uses this is linked with $(scarce_ldflags).
 */
#ifndef SFPM_TESTS_SCARCE_H
#define SFPM_TESTS_SCARCE_H

#include <stdbool.h>
#include <stddef.h>

/* Lets `after` allocations succeed and the next one fail, or all from there on. */
void scarce_begin(size_t after, bool for_ever);

/* Allocations succeed again; returns how many failed. */
size_t scarce_end(void);

/* Blocks allocated and not freed between the two. What the C library allocates
 * (getline) is not seen before it is freed, so this may be below 0. */
ptrdiff_t scarce_blocks(void);

/* Blocks allocated and not freed since the program began. */
ptrdiff_t scarce_live(void);

#endif
