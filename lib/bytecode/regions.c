/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a machine's regions. Linear memory begins at a page, so that a page that
 * is written to is one page of the region; larger memory has a mapping of its own, whose
 * zeros cost nothing.
 */
#include "bytecode/regions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/error.h"

const char *const sfpm_region_names[SFPM_NUM_REGIONS] = {
    [SFPM_CODE] = "code",       [SFPM_FUNCTIONS] = "functions",
    [SFPM_GLOBALS] = "globals", [SFPM_TABLE] = "table",
    [SFPM_INITIAL] = "initial", [SFPM_MEMORY] = "memory",
    [SFPM_STATE] = "state",     [SFPM_STACK] = "stack",
    [SFPM_SYMBOLS] = "symbols",
};

void sfpm_regions_free(sfpm_regions_t *regions)
{
    sfpm_memory_free(&regions->region[SFPM_MEMORY]);
    sfpm_memory_free(&regions->region[SFPM_INITIAL]);
    for (int i = 0; i < SFPM_NUM_REGIONS; i++)
        sfpm_buffer_free(&regions->region[i]);
}

bool sfpm_region_is_memory(const char *name)
{
    return strcmp(name, sfpm_region_names[SFPM_MEMORY]) == 0 ||
           strcmp(name, sfpm_region_names[SFPM_INITIAL]) == 0;
}

/* Room for a large region, which is all written at once: for that, pages are best large,
 * and chunks of an image begin with a page. */
static bool make_large(sfpm_buffer_t *region, size_t size)
{
    free(region->data);
    *region = (sfpm_buffer_t){.data = sfpm_new_block(size)};
    if (!region->data)
        return false;
#if SFPM_LINUX_PATHS && defined(MADV_HUGEPAGE)
    madvise(region->data, size, MADV_HUGEPAGE);
#endif
    region->size = region->capacity = size;
    return true;
}

bool sfpm_region_make(sfpm_buffer_t *region, const char *name, uint64_t size)
{
    enum { LARGE = 1 << 20 };
    if (sfpm_region_is_memory(name))
        return sfpm_memory_make(region, size);
    region->size = 0;
    if (size > SIZE_MAX)
        return sfpm_fail_memory(size);
    if (size >= LARGE)
        return make_large(region, (size_t)size);
    return sfpm_buffer_extend(region, (size_t)size) != NULL;
}

/* ---- Linear memory ---------------------------------------------------------- */

enum {
    /* Memory of up to so many bytes comes from the allocator: clearing it costs less than
     * mapping, protecting and unmapping. It is never watched for changes: see
     * WORTH_WATCHING. */
    SMALL = 4 * SFPM_PAGE_SIZE,
    /* On both sides of larger memory nothing can be read or written. */
    GUARD = SFPM_PAGE_SIZE
};

/* Zeros that take no memory before they are touched; NULL when there is no room. */
static uint8_t *map_zeros(size_t capacity)
{
    uint8_t *all =
        mmap(NULL, capacity + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    if (mprotect(all + GUARD, capacity, PROT_READ | PROT_WRITE) == 0)
        return all + GUARD;
    munmap(all, capacity + 2 * GUARD);
    return NULL;
}

/* Zeros that begin at a page of the system; NULL when there is no room. The capacity is
 * whole pages of a machine. */
static uint8_t *new_zeros(uint64_t capacity)
{
    if (capacity > SIZE_MAX / 2)
        return NULL;
    if (capacity > SMALL)
        return map_zeros((size_t)capacity);
    uint8_t *zeros = aligned_alloc(SFPM_PAGE_SIZE, (size_t)capacity);
    return zeros ? memset(zeros, 0, (size_t)capacity) : NULL;
}

void sfpm_memory_free(sfpm_buffer_t *memory)
{
    if (memory->capacity > SMALL)
        munmap(memory->data - GUARD, memory->capacity + 2 * GUARD);
    else
        free(memory->data);
    *memory = (sfpm_buffer_t){0};
}

bool sfpm_memory_make(sfpm_buffer_t *memory, uint64_t size)
{
    uint64_t capacity;
    sfpm_memory_free(memory);
    if (size == 0)
        return true;
    if (!sfpm_align_up(size, SFPM_PAGE_SIZE, &capacity) ||
        !(memory->data = new_zeros(capacity)))
        return sfpm_fail_memory(size);
    memory->size = (size_t)size;
    memory->capacity = (size_t)capacity;
    return true;
}

/* Takes half as much again, so that growing page by page copies each byte but a few
 * times. */
static bool reserve_memory(sfpm_buffer_t *memory, uint64_t wanted, uint64_t most)
{
    uint64_t capacity = memory->size + memory->size / 2;
    if (wanted <= memory->capacity)
        return true;
    if (capacity > most)
        capacity = most;
    if (capacity < wanted)
        capacity = wanted;
    capacity -= capacity % SFPM_PAGE_SIZE;
    uint8_t *data = new_zeros(capacity);
    if (!data)
        return false;
    size_t size = memory->size;
    if (size > 0)
        memcpy(data, memory->data, size);
    sfpm_memory_free(memory);
    *memory = (sfpm_buffer_t){data, size, (size_t)capacity};
    return true;
}

uint32_t sfpm_memory_grow(sfpm_buffer_t *memory, uint32_t pages, uint32_t max_pages)
{
    uint32_t old = (uint32_t)(memory->size / SFPM_PAGE_SIZE);
    if (old > max_pages || pages > max_pages - old)
        return UINT32_MAX;
    uint64_t wanted = ((uint64_t)old + pages) * SFPM_PAGE_SIZE;
    if (!reserve_memory(memory, wanted, (uint64_t)max_pages * SFPM_PAGE_SIZE))
        return UINT32_MAX;
    memory->size = (size_t)wanted;
    return old;
}
