/* SPDX-License-Identifier: MIT */
#include "vm/memory.h"

#include <stdlib.h>

#include "base/checked.h"

bool sfpm_memory_begin(const sfpm_program_t *program, sfpm_buffer_t *memory)
{
    uint64_t size = (uint64_t)program->min_pages * SFPM_PAGE_SIZE;
    sfpm_buffer_free(memory);
    if (size == 0)
        return true;
    if (size > SIZE_MAX)
        return sfpm_fail_memory(SIZE_MAX);
    memory->data = sfpm_new_array((size_t)size, 1);
    if (!memory->data)
        return false;
    memory->size = memory->capacity = (size_t)size;
    sfpm_segments_copy(program, memory->data);
    return true;
}

/* Half as much again is taken, so that growing page by page copies each byte but a few
 * times; calloc() has zeros ready for sizes such as these. */
static bool reserve(sfpm_buffer_t *memory, uint64_t wanted, uint64_t most)
{
    uint64_t capacity = memory->size + memory->size / 2;
    capacity = capacity < wanted ? wanted : capacity > most ? most : capacity;
    if (wanted <= memory->capacity)
        return true;
    if (capacity > SIZE_MAX)
        return false;
    uint8_t *data = calloc(1, (size_t)capacity);
    if (!data)
        return false;
    if (memory->size > 0)
        memcpy(data, memory->data, memory->size);
    free(memory->data);
    memory->data = data;
    memory->capacity = (size_t)capacity;
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
