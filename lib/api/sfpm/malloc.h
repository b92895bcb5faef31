/* SPDX-License-Identifier: MIT */
/**
 * @file malloc.h
 * Lets C code that knows nothing of sfpm allocate from a heap: malloc, calloc, realloc,
 * free and strdup become names of functions that use the heap of the program's choice,
 * also where their addresses are taken. Include it in each file of such code, or compile
 * the files with `-include sfpm/malloc.h`.
 *
 * One file of the program says which heap that is, and defines the functions:
 *
 *     static sfpm_heap_t *heap;
 *     #define SFPM_MALLOC_HEAP heap
 *     #include <sfpm/malloc.h>
 *
 * SFPM_MALLOC_HEAP is an expression of type sfpm_heap_t *, evaluated at each call; while
 * it is NULL, memory comes from the C library. Blocks of the C library, such as those of
 * getline() or asprintf(), may be passed to free and realloc as well.
 *
 * It is not part of <sfpm/sfpm.h>. C++ code is left alone: it has operator new.
 *
 * Threads: as the heap; create it with `thread_safe` when several allocate.
 */
#ifndef SFPM_MALLOC_H
#define SFPM_MALLOC_H

/* All that declares the names, before they change. */
#include <stdlib.h>
#include <string.h>
#if defined(__has_include)
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#endif

#include <sfpm/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/** As malloc(): a block of at least one byte; NULL with errno ENOMEM. */
void *sfpm_c_malloc(size_t size);

/** As calloc(). */
void *sfpm_c_calloc(size_t count, size_t size);

/** As realloc(); a size of 0 counts as 1. */
void *sfpm_c_realloc(void *block, size_t size);

/** As free(). */
void sfpm_c_free(void *block);

/** As strdup(). */
char *sfpm_c_strdup(const char *text);

#ifdef SFPM_MALLOC_HEAP
#include <errno.h>

/* Nothing in here hides a name in the expression. */
static sfpm_heap_t *sfpm_c_heap(void)
{
    return SFPM_MALLOC_HEAP;
}

void *sfpm_c_malloc(size_t size)
{
    sfpm_heap_t *heap = sfpm_c_heap();
    size_t wanted = size ? size : 1;
    void *block = heap ? sfpm_heap_alloc(heap, wanted) : malloc(wanted);
    if (!block)
        errno = ENOMEM;
    return block;
}

void *sfpm_c_calloc(size_t count, size_t size)
{
    sfpm_heap_t *heap = sfpm_c_heap();
    bool empty = count == 0 || size == 0;
    if (!heap)
        return calloc(count, size);
    void *block = sfpm_heap_calloc(heap, empty ? 1 : count, empty ? 1 : size);
    if (!block)
        errno = ENOMEM;
    return block;
}

void *sfpm_c_realloc(void *block, size_t size)
{
    sfpm_heap_t *heap = sfpm_c_heap();
    if (!block)
        return sfpm_c_malloc(size);
    if (!heap || !sfpm_heap_contains(heap, block))
        return realloc(block, size ? size : 1);
    void *moved = sfpm_heap_realloc(heap, block, size ? size : 1);
    if (!moved)
        errno = ENOMEM;
    return moved;
}

void sfpm_c_free(void *block)
{
    sfpm_heap_t *heap = sfpm_c_heap();
    if (heap && sfpm_heap_contains(heap, block))
        sfpm_heap_free(heap, block);
    else
        free(block); /* which reports a block that was freed already */
}

char *sfpm_c_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = (char *)sfpm_c_malloc(size);
    return copy ? (char *)memcpy(copy, text, size) : NULL;
}
#endif

#ifdef __cplusplus
}
#else
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef strdup
#define malloc  sfpm_c_malloc
#define calloc  sfpm_c_calloc
#define realloc sfpm_c_realloc
#define free    sfpm_c_free
#define strdup  sfpm_c_strdup
#endif

#endif
