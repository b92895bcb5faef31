/* SPDX-License-Identifier: MIT */
/*
 * The memory of a program: a large one is reserved between guard pages, so that growing it
 * does not move it often. Each access is compared with its size.
 */
#include "engine/memory.h"

#include "base/checked.h"

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

void sfpm_drop_active(const sfpm_program_t *program, uint8_t *dropped)
{
    for (uint32_t i = 0; program->version >= 3 && i < program->num_segments; i++)
        if (program->segments[i].is_active)
            sfpm_drop(dropped, i);
    for (uint32_t i = 0; i < program->num_element_segments; i++)
        if (program->element_segments[i].is_active)
            sfpm_drop(dropped, program->num_segments + i);
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
