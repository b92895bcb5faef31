/* SPDX-License-Identifier: MIT */
/*
 * Collects the mistakes of an assembly text, so that one run of the assembler reports
 * all of them in the order of lines.
 */
#include "asm/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

void sfpm_faults_free(sfpm_faults_t *faults)
{
    free(faults->list);
    *faults = (sfpm_faults_t){0};
}

void sfpm_faults_add(sfpm_faults_t *faults, uint32_t line, uint32_t column,
                     const char *format, ...)
{
    void *list = faults->list;
    va_list args;
    if (faults->count == SFPM_MAX_FAULTS || faults->out_of_memory)
        return;
    if (!sfpm_grow_array(&list, &faults->capacity, faults->count + 1,
                         sizeof *faults->list)) {
        faults->out_of_memory = true;
        return;
    }
    faults->list = list;
    sfpm_fault_t *fault = &faults->list[faults->count];
    *fault =
        (sfpm_fault_t){.line = line, .column = column, .order = (uint32_t)faults->count};
    faults->count++;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
}

static int compare_faults(const void *left, const void *right)
{
    const sfpm_fault_t *a = left;
    const sfpm_fault_t *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

bool sfpm_faults_report(sfpm_faults_t *faults, sfpm_status_t status, const char *file,
                        sfpm_vm_fault_callback_t callback, void *context)
{
    if (faults->out_of_memory)
        return sfpm_fail_memory(sizeof(sfpm_fault_t));
    if (faults->count == 0)
        return true;
    qsort(faults->list, faults->count, sizeof *faults->list, compare_faults);
    for (size_t i = 0; callback && i < faults->count; i++)
        callback(context, file, faults->list[i].line, faults->list[i].column,
                 faults->list[i].text);
    return sfpm_fail(status, "%s:%u:%u: %s", file, faults->list[0].line,
                     faults->list[0].column, faults->list[0].text);
}
