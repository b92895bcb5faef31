/* SPDX-License-Identifier: MIT */
/**
 * @file reload.h
 * New code for a machine that has run.
 *
 * Threads: both machines need exclusion, as by other functions that change a machine.
 */
#ifndef SFPM_RELOAD_H
#define SFPM_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <sfpm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What new code does to a part of the program. */
typedef enum sfpm_vm_change_kind {
    SFPM_VM_UNCHANGED, /**< only functions and imports are reported as unchanged */
    SFPM_VM_REPLACED,  /**< of a global: its initial value differs */
    SFPM_VM_ADDED,
    SFPM_VM_REMOVED
} sfpm_vm_change_kind_t;

/** A part of a program beside that of new code for it. */
typedef struct sfpm_vm_change {
    const char *kind; /**< `func`, `import`, `global` or `data` */
    sfpm_vm_change_kind_t change;
    const char *name; /**< of the function or global; NULL: it has none */
    uint32_t index;   /**< its number in the new program, if it was removed, in the old one */
    uint64_t address; /**< of data in memory */
    uint64_t size;    /**< of data in bytes */
} sfpm_vm_change_t;

/** Receives one of them. It lives during the call. */
typedef void (*sfpm_vm_change_callback_t)(void *context, const sfpm_vm_change_t *change);

/**
 * Gives a machine new code and keeps its state: memory, globals, table, counters and the
 * calls in progress. Functions and globals are the same if their names are; without a
 * name, if number and contents are. Initial data that differ are put into memory where
 * the program has not changed it. References refer to the same functions as before;
 * those that the host keeps are numbers in the old program. Then program and state are
 * proved.
 *
 * Fails with SFPM_ERR_MISMATCH, and changes nothing, if the state does not fit: a call in
 * progress is in a function whose type, locals or code before the call's place differ;
 * an import, a global or an element of a table has another type or is another function;
 * there is a reference to a function that is missing or has another type; or data have
 * moved, which sfpm-wasm(7) explains.
 * @param code      a machine that holds the new program; only its program counts, and it
 *                  stays as it is
 * @param callback  receives what differs, and which functions do not, also if the code
 *                  is then refused; or NULL
 */
SFPM_API bool sfpm_vm_replace_code(sfpm_vm_t *vm, sfpm_vm_t *code,
                                   sfpm_vm_change_callback_t callback, void *context);

#ifdef __cplusplus
}
#endif

#endif
