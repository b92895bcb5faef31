/* SPDX-License-Identifier: MIT */
/* New code for the machine of an image, from a module or assembly text: --code. */
#ifndef SFPM_BIN_PATCH_CODE_H
#define SFPM_BIN_PATCH_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <sfpm/image.h>
#include <sfpm/vm.h>

#include "patch/edit.h"

/* Edits that come with new code are made in an image of its own, which has that code. All
 * zero at first. */
typedef struct patch_code {
    char *changes; /* what differs, one a line */
    FILE *file;    /* of the image */
    sfpm_image_t *image;
    sfpm_edit_t *edit;
    void **regions; /* contents that the commit borrows */
    size_t num_regions;
} patch_code_t;

/* Gives the machine the code of a program. Returns the exit status, after printing why
 * not if that is not 0.
 * path: NULL for standard input */
int patch_code_replace(patch_code_t *code, sfpm_vm_t *vm, const char *path,
                       const char *label);

/* Makes the image, and an edit that starts from it. Returns false with the library's
 * error. */
bool patch_code_prepare(patch_code_t *code, sfpm_image_t *image, sfpm_vm_t *vm,
                        const char *label);

/* Puts the machine, and the regions that edits changed, into the commit. Returns false
 * with the library's error. */
bool patch_code_commit(patch_code_t *code, sfpm_vm_t *vm, const patch_edit_t *edits,
                       size_t count, sfpm_edit_t *commit);

/* After the commit was written. */
void patch_code_free(patch_code_t *code);

#endif
