/* SPDX-License-Identifier: MIT */
/* Assembly text from a grammar, so that the fuzzer reaches what lies behind the parser.
 */
#ifndef SFPM_TESTS_GRAMMAR_H
#define SFPM_TESTS_GRAMMAR_H

#include <stddef.h>

/* Inserts, replaces, repeats or removes a line of `text`, which has `size` of `room`
 * bytes. Returns the new size, at most `room`. */
size_t grammar_mutate(char *text, size_t size, size_t room, unsigned seed);

#endif
