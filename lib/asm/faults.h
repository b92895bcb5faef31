/* SPDX-License-Identifier: MIT */
/* The faults found in one assembly text, collected to be reported in order. */
#ifndef SFPM_ASM_FAULTS_H
#define SFPM_ASM_FAULTS_H

#include <sfpm/vm.h>

#include "base/error.h"

enum { SFPM_MAX_FAULTS = 100 };

typedef struct sfpm_fault {
    uint32_t line;
    uint32_t column;
    uint32_t order; /* in which it was found */
    char text[240];
} sfpm_fault_t;

typedef struct sfpm_faults {
    sfpm_fault_t *list;
    size_t count;
    size_t capacity;
    bool out_of_memory;
} sfpm_faults_t;

void sfpm_faults_free(sfpm_faults_t *faults);

void sfpm_faults_add(sfpm_faults_t *faults, uint32_t line, uint32_t column,
                     const char *format, ...) SFPM_PRINTF(4, 5);

/* True when there are none. Otherwise hands all to the callback, if any, in order of
 * place and records the first as the thread's error with that status. */
bool sfpm_faults_report(sfpm_faults_t *faults, sfpm_status_t status, const char *file,
                        sfpm_vm_fault_callback_t callback, void *context);

#endif
