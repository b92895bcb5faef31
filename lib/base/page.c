/* SPDX-License-Identifier: MIT */
/* Asks the system for the size of its pages, and which of them are mapped. */
#include "base/page.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

size_t sfpm_system_page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : SFPM_PAGE;
}

/* Asks for what the system does anyway, which takes no time but finds gaps. */
bool sfpm_is_mapped(const void *base, size_t size)
{
    uintptr_t from = (uintptr_t)base & ~(uintptr_t)(sfpm_system_page() - 1);
    return size == 0 ||
           msync((void *)from, (uintptr_t)base + size - from, MS_ASYNC) == 0 ||
           errno != ENOMEM;
}
