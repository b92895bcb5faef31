/* SPDX-License-Identifier: MIT */
/* Proving what was patched: the machine, and heaps. */
#ifndef SFPM_BIN_PATCH_VERIFY_H
#define SFPM_BIN_PATCH_VERIFY_H

#include <sfpm/image.h>
#include <sfpm/vm.h>

#include "patch/edit.h"

/* Whether the machine of the edited image may run, and goes on from where it stood unless
 * the edits say where. Returns false with the library's error. */
bool patch_verify(const sfpm_image_t *image, const sfpm_vm_t *before,
                  const patch_edit_t *edits, size_t count, sfpm_edit_t *edit);

/* Whether the heap in a region of the edited image could be restored. True if the region
 * held none, or one that this build cannot check, which is reported with `label`. Returns
 * false with the library's error. */
bool patch_verify_heap(const sfpm_image_t *image, size_t region, sfpm_edit_t *edit,
                       const char *label);

#endif
