/* SPDX-License-Identifier: MIT */
/*
 * The memory of a program: reserved between guard pages, so that growing it does not
 * move it often, and never readable outside.
 */
#include "engine/memory.h"

#include <sys/mman.h>

#include "base/checked.h"

/* On both sides of the memory nothing can be read or written. */
enum { GUARD = SFPM_PAGE_SIZE };

/* Zeros that cost nothing before they are touched. They begin at a page of the system,
 * so that a page that is written to is one page of the region; NULL without memory. */
static uint8_t *map_zeros(uint64_t capacity)
{
    if (capacity > SIZE_MAX / 2)
        return NULL;
    uint8_t *all = mmap(NULL, (size_t)capacity + 2 * GUARD, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    if (mprotect(all + GUARD, (size_t)capacity, PROT_READ | PROT_WRITE) == 0)
        return all + GUARD;
    munmap(all, (size_t)capacity + 2 * GUARD);
    return NULL;
}

void sfpm_memory_free(sfpm_buffer_t *memory)
{
    if (memory->data)
        munmap(memory->data - GUARD, memory->capacity + 2 * GUARD);
    *memory = (sfpm_buffer_t){0};
}

bool sfpm_memory_make(sfpm_buffer_t *memory, uint64_t size)
{
    uint64_t capacity;
    sfpm_memory_free(memory);
    if (size == 0)
        return true;
    if (!sfpm_align_up(size, SFPM_PAGE_SIZE, &capacity) ||
        !(memory->data = map_zeros(capacity)))
        return sfpm_fail_memory(size);
    memory->size = (size_t)size;
    memory->capacity = (size_t)capacity;
    return true;
}

bool sfpm_memory_begin(const sfpm_program_t *program, sfpm_buffer_t *memory)
{
    sfpm_buffer_t made = {0};
    if (!sfpm_memory_make(&made, (uint64_t)program->min_pages * SFPM_PAGE_SIZE))
        return false;
    sfpm_memory_free(memory);
    *memory = made;
    if (memory->size > 0)
        sfpm_segments_copy(program, memory->data);
    return true;
}

/* Half as much again is taken, so that growing page by page copies each byte but a few
 * times. */
static bool reserve(sfpm_buffer_t *memory, uint64_t wanted, uint64_t most)
{
    uint64_t capacity = memory->size + memory->size / 2;
    capacity = capacity < wanted ? wanted : capacity > most ? most : capacity;
    capacity -= capacity % SFPM_PAGE_SIZE;
    if (wanted <= memory->capacity)
        return true;
    uint8_t *data = map_zeros(capacity);
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
    if (!reserve(memory, wanted, (uint64_t)max_pages * SFPM_PAGE_SIZE))
        return UINT32_MAX;
    memory->size = (size_t)wanted;
    return old;
}

sfpm_trap_t sfpm_memory_init(sfpm_buffer_t *memory, const sfpm_segment_t *segment,
                             bool dropped, uint64_t to, uint64_t from, uint64_t size)
{
    if (!sfpm_in_range(from, size, dropped ? 0 : segment->size) ||
        !sfpm_in_range(to, size, memory->size))
        return SFPM_TRAP_MEMORY_BOUNDS;
    if (size > 0)
        memcpy(memory->data + to, segment->bytes + from, (size_t)size);
    return SFPM_TRAP_NONE;
}

sfpm_trap_t sfpm_memory_copy(sfpm_buffer_t *memory, uint64_t to, uint64_t from,
                             uint64_t size)
{
    if (!sfpm_in_range(from, size, memory->size) ||
        !sfpm_in_range(to, size, memory->size))
        return SFPM_TRAP_MEMORY_BOUNDS;
    if (size > 0)
        memmove(memory->data + to, memory->data + from, (size_t)size);
    return SFPM_TRAP_NONE;
}

sfpm_trap_t sfpm_memory_fill(sfpm_buffer_t *memory, uint64_t to, uint64_t value,
                             uint64_t size)
{
    if (!sfpm_in_range(to, size, memory->size))
        return SFPM_TRAP_MEMORY_BOUNDS;
    if (size > 0)
        memset(memory->data + to, (uint8_t)value, (size_t)size);
    return SFPM_TRAP_NONE;
}
