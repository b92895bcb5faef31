/* SPDX-License-Identifier: MIT */
/* Memory that an image can be mapped over. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sfpm/snapshot.h>

#include "base/checked.h"
#include "base/error.h"

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* The size in whole pages of the system; 0 when it does not fit. */
static size_t whole_pages(size_t size)
{
    uint64_t rounded;
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || !sfpm_align_up(size, (uint64_t)page, &rounded) || rounded > SIZE_MAX)
        return 0;
    return (size_t)rounded;
}

void *sfpm_alloc_region(size_t size)
{
    size_t room = whole_pages(size);
    if (size == 0 || room == 0) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "a region of %zu bytes cannot be allocated", size);
        return NULL;
    }
    void *base = mmap(NULL, room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        sfpm_fail_memory(room);
        return NULL;
    }
    return base;
}

void sfpm_free_region(void *base, size_t size)
{
    if (base && size)
        munmap(base, whole_pages(size));
}
