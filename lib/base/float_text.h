/* SPDX-License-Identifier: MIT */
/* Floating-point numbers of IEEE 754 to and from text, bit by bit and in any locale. */
#ifndef SFPM_ASM_FLOAT_TEXT_H
#define SFPM_ASM_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the text is a number: decimal (`-1.5e-3`), hexadecimal (`0x1.8p3`), `inf`,
 * `nan` or `nan:0x…` with the fraction's bits, each with an optional sign. */
bool sfpm_is_float(const char *text, size_t length);

/* The bits of the nearest number of 4 or 8 bytes. NULL, or what is wrong with the text.
 */
const char *sfpm_float_parse(const char *text, size_t length, int bytes, uint64_t *bits);

/* The shortest decimal number, or else name, that gives these bits again. */
enum { SFPM_FLOAT_TEXT = 40 };
void sfpm_float_format(uint64_t bits, int bytes, char *text);

#endif
