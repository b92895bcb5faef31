/* SPDX-License-Identifier: MIT */
/*
 * Lets AddressSanitizer and valgrind, if the program runs under one of them, report the use
 * of a heap's free memory and, if the program wants that, of some bytes behind each block. While an operation of the snapshot reads or replaces whole regions, the heap is
 * exposed: all of it may be used.
 */
#ifndef SFPM_HEAP_GUARD_H
#define SFPM_HEAP_GUARD_H

#include "heap/heap.h"

/* For a heap that holds nothing yet. */
void sfpm_guard_start(sfpm_heap_t *heap);

/* Before its memory goes. */
void sfpm_guard_stop(sfpm_heap_t *heap);

/* For the hooks of the snapshot; `heap` is a sfpm_heap_t. */
void sfpm_guard_expose(void *heap, bool exposed);

/* Those below, for a heap that is guarded. */
void sfpm_guard_free(const sfpm_heap_t *heap, const void *at, size_t size);
void sfpm_guard_use(const sfpm_heap_t *heap, const void *at, size_t size,
                    bool initialised);

/* Memory that no block holds, or not any more. */
static inline void guard_free(const sfpm_heap_t *heap, const void *at, size_t size)
{
    if (heap->guarded)
        sfpm_guard_free(heap, at, size);
}

/* Memory that becomes a segment's tables. */
static inline void guard_tables(const sfpm_heap_t *heap, const void *at, size_t size)
{
    if (heap->guarded)
        sfpm_guard_use(heap, at, size, true);
}

/* Bytes to be allocated for a block of `size`, with those behind it. */
static inline size_t guard_room(const sfpm_heap_t *heap, size_t size)
{
    return size <= SIZE_MAX - heap->red_zone ? size + heap->red_zone : size;
}

/* A new block of `whole` bytes may be written to … */
static inline void guard_taken(const sfpm_heap_t *heap, const void *block, size_t whole)
{
    if (heap->guarded)
        sfpm_guard_use(heap, block, whole, false);
}

/* … and one that is there, by the library, up to its end … */
static inline void guard_open(const sfpm_heap_t *heap, const void *block, size_t whole)
{
    if (heap->red_zone)
        sfpm_guard_use(heap, block, whole, true);
}

/* … until the program has it, which asked for `size`. */
static inline void guard_close(const sfpm_heap_t *heap, const uint8_t *block,
                               size_t whole, size_t size)
{
    if (heap->red_zone)
        sfpm_guard_free(heap, block + size, whole - size);
}

#endif
