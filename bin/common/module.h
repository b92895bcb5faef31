/* SPDX-License-Identifier: MIT */
/* WebAssembly modules, which tools take where they take programs and images. */
#ifndef SFPM_BIN_MODULE_H
#define SFPM_BIN_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <sfpm/vm.h>

/* Bytes of a program, module or text, that are read at most. */
#define MODULE_MAX (SFPM_VM_MAX_CODE * 4)

/* Whether bytes begin as a module does; it may still be refused. */
bool module_is(const void *bytes, size_t size);

/* Whether text is WebAssembly's own: it begins with a parenthesis, after comments. */
bool module_is_text(const char *text, size_t size);

/* The same of a file, or of standard input (NULL) if that is a file. Nothing is read
 * away. */
bool module_is_file(const char *path);

/* Makes a machine that has not started yet, of a module, of assembly text or, if `raw`, of
 * bare code. Returns false after printing why not.
 * name: of the program in messages */
bool module_load(sfpm_vm_t *vm, const char *name, const char *text, size_t size, bool raw);

/* The same of a file, a module or assembly text; NULL for standard input. Returns NULL
 * after printing why not. */
sfpm_vm_t *module_program(const char *path);

/* Makes an image of one commit, the fresh machine of a module, in a temporary file that
 * has no name. Returns it, at its beginning; NULL after printing why not.
 * path:  NULL for standard input
 * label: names the module in messages */
FILE *module_image(const char *path, const char *label);

#endif
