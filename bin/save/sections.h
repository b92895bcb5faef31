/* SPDX-License-Identifier: MIT */
/* Custom sections of a WebAssembly module, kept in its image. */
#ifndef SFPM_SAVE_SECTIONS_H
#define SFPM_SAVE_SECTIONS_H

#include <sfpm/image.h>

/* Adds each custom section of a module that was loaded as a region `section.NAME` with its
 * contents, which must outlive the edit. Reports a failure. */
bool sections_keep(sfpm_edit_t *edit, const char *label, const void *module, size_t size);

#endif
