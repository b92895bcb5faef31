/* SPDX-License-Identifier: MIT */
/* Memory that an image can be mapped over. */
#include <stdint.h>
#include <sys/mman.h>

#include <sfpm/snapshot.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/maps.h"
#include "base/page.h"

/* The size in whole pages of the system; 0 when it does not fit. */
static size_t whole_pages(size_t size)
{
    uint64_t rounded;
    if (!sfpm_align_up(size, sfpm_system_page(), &rounded) || rounded > SIZE_MAX)
        return 0;
    return (size_t)rounded;
}

static uint8_t *map(size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base != MAP_FAILED ? base : NULL;
}

/* The size of what one entry of the page tables stands for, on most processors: the
 * system moves such a part of a region as a whole, and no page of it. */
static size_t unit_of(size_t size)
{
    const size_t table = (size_t)2 << 20, directory = (size_t)1 << 30;
    if (size < table)
        return 0;
    return size < directory || sizeof size < 8 ? table : directory;
}

/* Takes more, and gives back what is too much. */
static uint8_t *map_aligned(size_t size, size_t unit)
{
    uint8_t *base = size < SIZE_MAX - unit ? map(size + unit) : NULL;
    if (!base)
        return NULL;
    size_t before = (unit - (uintptr_t)base % unit) % unit;
    if (before)
        munmap(base, before);
    munmap(base + before + size, unit - before);
    return base + before;
}

void *sfpm_alloc_region(size_t size)
{
    size_t room = whole_pages(size);
    if (size == 0 || room == 0) {
        sfpm_fail(SFPM_ERR_ARGUMENT, "cannot allocate a region of %zu bytes", size);
        return NULL;
    }
    size_t unit = unit_of(room);
    uint8_t *base = unit ? map_aligned(room, unit) : NULL;
    if (!base)
        base = map(room);
    if (!base)
        sfpm_fail_memory(room);
    return base;
}

void sfpm_free_region(void *base, size_t size)
{
    if (base && size)
        munmap(base, whole_pages(size));
}
