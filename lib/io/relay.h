/* SPDX-License-Identifier: MIT */
/* Copies bytes unchanged from an input to an output. */
#ifndef SFPM_IO_RELAY_H
#define SFPM_IO_RELAY_H

#include "io/input.h"
#include "io/output.h"

/* Writes all of an input to an output. Into a pipe, pages are handed over instead of
 * copied where the system can: what a pipe has not delivered yet shows what the file
 * holds then, as a reader of the file would. `tell` is called with the number of bytes
 * done since its last call. */
typedef void (*sfpm_tell_t)(void *context, uint64_t size);
bool sfpm_pass(const sfpm_input_t *input, sfpm_output_t *output, sfpm_tell_t tell,
               void *context);

#endif
