/* SPDX-License-Identifier: MIT */
/* Where a tool's image goes: standard output, -o FILE, or -i into its own file. */
#ifndef SFPM_BIN_OUTPUT_H
#define SFPM_BIN_OUTPUT_H

#include <stdbool.h>

#include <sfpm/image.h>

#include "common/operand.h"

typedef enum output_kind {
    OUTPUT_NONE, /* nowhere: sfpm-run without -o and -i */
    OUTPUT_STDOUT,
    OUTPUT_FILE,
    OUTPUT_IN_PLACE
} output_kind_t;

/* Chooses by -o and -i, otherwise `usual`. Refuses, before any work is done, a
 * terminal, a file that is read (files.h) as output, and -i for what has no file to
 * append to.
 * operand: the image that is changed; or a `path` without image, of any file that
 *          is read
 * Returns false with *status set. */
bool output_choose(const operand_t *operand, output_kind_t usual, output_kind_t *kind,
                   int *status);

/* Keeps all others from writing to an image that is changed in place, until it is closed.
 * Returns false after printing why not. */
bool output_lock(output_kind_t kind, const operand_t *operand);

/* How to write to a file `name`, which must stay: progress and warnings are shown, and a
 * new file that holds what was or is encrypted is its owner's. */
sfpm_write_options_t output_options(const operand_t *operand, const char *name);

/* Writes a new image beside the operand's file, which is no longer what was read.
 * Tells its name, or why there is none. */
void output_rescue(const operand_t *operand, sfpm_edit_t *edit);

/* Writes the edit there. Returns the exit status. */
int output_write(output_kind_t kind, const operand_t *operand, sfpm_edit_t *edit);

/* The same, but the image's own file is replaced. */
int output_replace(output_kind_t kind, const operand_t *operand, sfpm_edit_t *edit);

/* Rewrites the operand's image there. Returns the exit status. */
int output_rewrite(output_kind_t kind, const operand_t *operand,
                   sfpm_rewrite_options_t *rewrite);

#endif
