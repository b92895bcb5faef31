/* SPDX-License-Identifier: MIT */
/* Grows the memory that takes in a pipe without copying what is already in it. */
#include "io/pipe_buffer.h"

#include <stdlib.h>
#include <string.h>
#if SFPM_LINUX_PATHS
#include <sys/mman.h>
#endif

#include "base/error.h"
#include "base/memory.h"

/* The least room offered to one read from a pipe, and the first that is taken. */
#define ROOM_MIN  ((size_t)64 << 10)
#define ROOM_MORE ((size_t)1 << 20)
/* From here on pages are large: one of them for little would cost more than it saves. */
#define HUGE_FROM ((size_t)2 << 20)

/* Reserves addresses for the largest size; memory is allocated when they are used. That
 * needs no copy; if the system refuses, there is the other way. */
static bool map_all(sfpm_space_t *space, uint64_t limit)
{
#if SFPM_LINUX_PATHS
    if (space->data || limit > SIZE_MAX / 2)
        return false;
    void *memory = mmap(NULL, (size_t)limit, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    space->data = memory;
    space->capacity = (size_t)limit;
    space->mapped = true;
    if (limit > HUGE_FROM)
        (void)madvise(space->data + HUGE_FROM, (size_t)limit - HUGE_FROM, MADV_HUGEPAGE);
    return true;
#else
    (void)space, (void)limit;
    return false;
#endif
}

static bool move_to_larger(sfpm_space_t *space)
{
    sfpm_error_state_t kept;
    size_t next = space->capacity ? space->capacity * 2 : ROOM_MORE;
    sfpm_error_save(&kept);
    uint8_t *larger = next > space->capacity ? sfpm_new_block(next) : NULL;
    if (!larger) {
        sfpm_error_restore(&kept);
        return false;
    }
    if (space->size > 0)
        memcpy(larger, space->data, space->size);
    free(space->data);
    space->data = larger;
    space->capacity = next;
    return true;
}

bool sfpm_space_grow(sfpm_space_t *space, uint64_t limit)
{
    if (space->mapped || space->capacity - space->size >= ROOM_MIN)
        return space->size < space->capacity;
    return map_all(space, limit) || move_to_larger(space);
}

void sfpm_space_free(sfpm_space_t *space)
{
#if SFPM_LINUX_PATHS
    if (space->mapped) {
        munmap(space->data, space->capacity);
        space->data = NULL;
    }
#endif
    free(space->data);
    *space = (sfpm_space_t){0};
}
