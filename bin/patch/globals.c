/* SPDX-License-Identifier: MIT */
/* The globals of a machine: collects their names and finds them by bisection. */
#include "patch/globals.h"

#include <stdlib.h>
#include <string.h>

#include "common/machine.h"

static int compare(const void *left, const void *right)
{
    const patch_global_t *a = left;
    const patch_global_t *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static void add(patch_globals_t *globals, const char *name, uint32_t index)
{
    globals->list[globals->count] =
        (patch_global_t){name, index, (uint32_t)globals->count};
    globals->count++;
}

bool patch_globals_collect(patch_globals_t *globals, const sfpm_vm_t *vm)
{
    const sfpm_vm_info_t info = machine_info(vm);
    sfpm_vm_link_t link;
    int64_t bits;
    const char *own;
    *globals = (patch_globals_t){
        .list = calloc((size_t)info.exports + info.globals + 1, sizeof *globals->list)};
    if (!globals->list)
        return false;
    for (uint32_t i = 0; i < info.exports; i++)
        if (sfpm_vm_exported(vm, i, &link, sizeof link) &&
            strcmp(link.kind, "global") == 0)
            add(globals, link.name, link.index);
    for (uint32_t i = 0; i < info.globals; i++)
        if (sfpm_vm_global(vm, i, &bits, &own) && own)
            add(globals, own, i);
    qsort(globals->list, globals->count, sizeof *globals->list, compare);
    return true;
}

void patch_globals_free(patch_globals_t *globals)
{
    free(globals->list);
    *globals = (patch_globals_t){.count = 0};
}

bool patch_globals_find(const patch_globals_t *globals, const char *name, uint32_t *index)
{
    size_t low = 0;
    size_t high = globals->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(globals->list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == globals->count || strcmp(globals->list[low].name, name) != 0)
        return false;
    *index = globals->list[low].index;
    return true;
}
