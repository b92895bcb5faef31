/* SPDX-License-Identifier: MIT */
/* Texts about the machine in an image, the same in all tools. */
#ifndef SFPM_BIN_MACHINE_H
#define SFPM_BIN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/reload.h>
#include <sfpm/vm.h>

enum {
    MACHINE_PLACE = 160,     /* room for a place as text */
    MACHINE_VALUE = 40,      /* room for a value as text */
    MACHINE_SIGNATURE = 8192 /* room for the types of any function */
};

/* A machine that may have the memory that --max-memory allows. */
sfpm_vm_t *machine_create(void);

enum { MACHINE_REFUSAL = 512 }; /* room for why a machine is refused */

/* Loads the machine of an image. NULL when there is none or it cannot be read. `refusal`,
 * of MACHINE_REFUSAL bytes, receives why it cannot be read or run; "" when it can, or
 * when there is none. */
sfpm_vm_t *machine_load(const sfpm_image_t *image, char *refusal);

/* Writes the name of a place in the code, "main+3"; false when it has none. */
bool machine_name(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size);

/* Writes a place in the code: "code[3] (main+3)", or "code[3]" without names. */
void machine_place(const sfpm_vm_t *vm, uint64_t offset, char *text, size_t size);

/* Whether sfpm-run offers what a program imports. */
bool machine_is_offered(const sfpm_vm_t *vm, uint32_t import);

/* "suspended", "halted" or "trapped". */
const char *machine_status(sfpm_vm_status_t status);

/* "replaced". */
const char *machine_change_word(const sfpm_vm_change_t *change);

/* Writes what new code does to a part of the program: "step: replaced". */
enum { MACHINE_CHANGE = 200 };
void machine_change(const sfpm_vm_change_t *change, char *text, size_t size);

/* Why a machine trapped: "division by zero". */
const char *machine_trap(sfpm_trap_t trap);

/* Facts about a machine that is known to hold a program. */
sfpm_vm_info_t machine_info(const sfpm_vm_t *vm);

/* Calls back for each value on the operand stacks, the outermost frame's bottom first:
 * its number from 0 on, and its text. */
typedef void (*machine_value_t)(void *context, uint64_t index, const char *value);
void machine_stack(const sfpm_vm_t *vm, machine_value_t callback, void *context);

#endif
