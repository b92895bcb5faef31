/* SPDX-License-Identifier: MIT */
/* Numbers as users write them. */
#ifndef SFPM_BIN_NUMBER_H
#define SFPM_BIN_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the whole of the first `length` characters as a decimal number, or as a
 * hexadecimal one after 0x. No sign, no blanks; false when it does not fit. */
bool number_parse(const char *text, size_t length, uint64_t *value);

/* The same for a zero-terminated text that may end in K, M, G or T for powers of
 * 1024. */
bool number_parse_size(const char *text, uint64_t *value);

#endif
