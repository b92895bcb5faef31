/* SPDX-License-Identifier: MIT */
/*
 * Tells AddressSanitizer, or memcheck of valgrind, which bytes the program must not use, if
 * it runs under one of them. The library itself need not be built with the sanitizer.
 */
#ifndef SFPM_BASE_POISON_H
#define SFPM_BASE_POISON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether somebody listens. If not, the others do nothing. */
bool sfpm_is_watched(void);

/* A use of these bytes is reported. */
void sfpm_poison(const void *at, size_t size);

/* It is not any more; `initialised`: nor is their value. */
void sfpm_unpoison(const void *at, size_t size, bool initialised);

#endif
