/* SPDX-License-Identifier: MIT */
#include "scarce.h"

#include <errno.h>
#include <stdlib.h>

/* Names given by the linker. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static bool armed;
static bool every;
static size_t remaining; /* allocations still to succeed */
static size_t failures;
static ptrdiff_t blocks; /* since scarce_begin() */
static ptrdiff_t live;   /* at all times */

static bool fails_now(void)
{
    if (!armed)
        return false;
    if (remaining > 0) {
        remaining--;
        return false;
    }
    if (failures > 0 && !every)
        return false;
    failures++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    live += memory != NULL;
    blocks += armed && memory;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails_now())
        return NULL;
    void *moved = __real_realloc(memory, size);
    if (!memory)
        counted(moved);
    return moved;
}

void __wrap_free(void *memory)
{
    live -= memory != NULL;
    blocks -= armed && memory;
    __real_free(memory);
}

void scarce_begin(size_t after, bool for_ever)
{
    armed = true;
    every = for_ever;
    remaining = after;
    failures = 0;
    blocks = 0;
}

size_t scarce_end(void)
{
    armed = false;
    return failures;
}

ptrdiff_t scarce_blocks(void)
{
    return blocks;
}

ptrdiff_t scarce_live(void)
{
    return live;
}
