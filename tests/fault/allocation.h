/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out when a test says so: the linker puts these in place of
 * malloc(), calloc(), realloc() and free() (--wrap), so that every call of the
 * library and of the test goes through them.
 */
#ifndef SFPM_TESTS_ALLOCATION_H
#define SFPM_TESTS_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the `which`-th allocation fails (counted from 1; 0: none does), and
 * all later ones too when `for_ever`. */
void allocation_arm(size_t which, bool for_ever);

/* Back to normal; tells how many allocations there were and how many failed. */
void allocation_disarm(size_t *made, size_t *failed);

/* How many blocks are allocated and not freed. */
long allocation_live(void);

#endif
