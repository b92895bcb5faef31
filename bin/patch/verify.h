/* SPDX-License-Identifier: MIT */
/* Proving a patched machine. */
#ifndef SFPM_BIN_PATCH_VERIFY_H
#define SFPM_BIN_PATCH_VERIFY_H

#include <sfpm/image.h>
#include <sfpm/vm.h>

#include "patch/edit.h"

/* Whether the machine of the edited image may run, and goes on from where it stood unless
 * the edits say where. Returns false with the library's error. */
bool patch_verify(const sfpm_image_t *image, const sfpm_vm_t *before,
                  const patch_edit_t *edits, size_t count, sfpm_edit_t *edit);

#endif
