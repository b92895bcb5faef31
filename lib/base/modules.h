/* SPDX-License-Identifier: MIT */
/* The running program: its name, its executable and its shared libraries. */
#ifndef SFPM_BASE_MODULES_H
#define SFPM_BASE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two hexadecimal digits for each of up to 64 bytes, and the terminator. */
#define SFPM_BUILD_ID_SIZE 129

typedef struct sfpm_module {
    const char *name; /* file name without directories; "": the program */
    char build_id[SFPM_BUILD_ID_SIZE]; /* in hexadecimal, "" when it has none */
    uintptr_t start;                   /* its addresses, without the end */
    uintptr_t end;
    uintptr_t base; /* what addresses in its file count from */
} sfpm_module_t;

/* Calls `visit` for each module except the kernel's (vdso), the program first, until it
 * returns false; for none if the system does not report them. */
void sfpm_modules_each(bool (*visit)(void *context, const sfpm_module_t *module),
                       void *context);

/* The name of the running program, "" if the system does not report it. */
const char *sfpm_program_name(void);

#endif
