/* SPDX-License-Identifier: MIT */
#include "allocation.h"

#include <errno.h>

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

static struct {
    bool armed, for_ever;
    size_t which, made, failed;
    long live;
} state;

void allocation_arm(size_t which, bool for_ever)
{
    state.armed = true;
    state.for_ever = for_ever;
    state.which = which;
    state.made = state.failed = 0;
}

void allocation_disarm(size_t *made, size_t *failed)
{
    state.armed = false;
    *made = state.made;
    *failed = state.failed;
}

long allocation_live(void)
{
    return state.live;
}

/* Whether this allocation has to fail. */
static bool fails(void)
{
    if (!state.armed)
        return false;
    state.made++;
    bool now = state.which != 0 &&
               (state.for_ever ? state.made >= state.which : state.made == state.which);
    state.failed += now;
    if (now)
        errno = ENOMEM;
    return now;
}

static void *counted(void *memory)
{
    state.live += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_realloc(memory, size);
    return memory ? moved : counted(moved);
}

void __wrap_free(void *memory)
{
    state.live -= memory != NULL;
    __real_free(memory);
}
