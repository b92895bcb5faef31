/* SPDX-License-Identifier: MIT */
/* Digits: what the readers of numbers have in common, and bytes as text. */
#ifndef SFPM_BASE_NUMBER_H
#define SFPM_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include <sfpm/number.h>

/* The value of a digit up to F; 16 and more for other characters. */
unsigned sfpm_digit_value(char c);

/* Reads the whole text as decimal digits, or as hexadecimal ones after 0x. Returns NULL,
 * or what is wrong with it: sfpm_not_a_number when another character is among them. */
extern const char sfpm_not_a_number[];
const char *sfpm_parse_digits(const char *text, size_t length, uint64_t *value);

/* Writes the bytes as two hexadecimal digits each, in lower case, and a null character:
 * 2 * count + 1 characters. */
void sfpm_hex(char *text, const uint8_t *bytes, size_t count);

#endif
