/* SPDX-License-Identifier: MIT */
/* Self-relative pointers, which stay right when a block and its target move together. */
#include <sfpm/heap.h>

void sfpm_relptr_set(sfpm_relptr_t *pointer, const void *target)
{
    pointer->distance = target ? (intptr_t)((uintptr_t)target - (uintptr_t)pointer) : 0;
}

void *sfpm_relptr_get(const sfpm_relptr_t *pointer)
{
    uintptr_t at = (uintptr_t)pointer + (uintptr_t)pointer->distance;
    return pointer->distance ? (void *)at : (void *)0;
}
