/* SPDX-License-Identifier: MIT */
/*
 * Finds the first segment, or the first segments in a row, with enough free room, in the
 * time of a tree's depth. The tree belongs to the process, not to the image: it is made
 * when it is first needed, from the table of segments.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "heap/heap.h"

/* What is free in the segments of a node. Node 1 is the root, 2 n and 2 n + 1 are the
 * halves of node n, and the leaves are the segments. */
struct fit {
    uint32_t first;   /* free segments in a row: from the first on … */
    uint32_t last;    /* … up to the last … */
    uint32_t best;    /* … and anywhere */
    uint32_t longest; /* free units in a row in one segment */
};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static fit_t fit_of_segment(const sfpm_heap_t *heap, uint32_t number)
{
    if (number >= heap->header->num_segments)
        return (fit_t){0};
    const segment_entry_t *entry = &heap->segments[number];
    if (entry->kind == SEGMENT_FREE)
        return (fit_t){1, 1, 1, UNITS - 1};
    return (fit_t){.longest = entry->kind == SEGMENT_UNITS ? entry->longest : 0};
}

/* Of two halves of `size` segments each. */
static fit_t join(const fit_t *left, const fit_t *right, uint32_t size)
{
    uint32_t best = larger(left->best, right->best);
    return (fit_t){.first = left->first == size ? size + right->first : left->first,
                   .last = right->last == size ? size + left->last : right->last,
                   .best = larger(best, left->last + right->first),
                   .longest = larger(left->longest, right->longest)};
}

void sfpm_fits_forget(sfpm_heap_t *heap)
{
    free(heap->fits);
    heap->fits = NULL;
    heap->num_fits = 0;
}

void sfpm_fits_update(sfpm_heap_t *heap, uint32_t first, uint32_t count)
{
    fit_t *fits = heap->fits;
    if (!fits || first + count > heap->num_fits) {
        sfpm_fits_forget(heap);
        return;
    }
    for (uint32_t s = first; s < first + count; s++)
        fits[heap->num_fits + s] = fit_of_segment(heap, s);
    uint32_t low = heap->num_fits + first, high = low + count - 1;
    for (uint32_t size = 1; low > 1; size *= 2) {
        low /= 2;
        high /= 2;
        for (uint32_t n = low; n <= high; n++)
            fits[n] = join(&fits[2 * n], &fits[2 * n + 1], size);
    }
}

/* The tree has twice the leaves that are needed, so that a heap that grows seldom needs
 * another one. */
static bool prepare(sfpm_heap_t *heap)
{
    if (heap->fits)
        return true;
    uint32_t count = 1;
    while (count < 2 * heap->header->num_segments)
        count *= 2;
    heap->fits = SFPM_NEW_N(fit_t, 2 * (size_t)count);
    heap->num_fits = heap->fits ? count : 0;
    if (heap->fits)
        sfpm_fits_update(heap, 0, count);
    return heap->fits != NULL;
}

bool sfpm_fits_units(sfpm_heap_t *heap, uint32_t count, uint32_t *segment)
{
    if (!prepare(heap))
        return false;
    const fit_t *fits = heap->fits;
    uint32_t n = 1;
    *segment = heap->header->num_segments;
    if (fits[n].longest < count)
        return true;
    while (n < heap->num_fits)
        n = fits[2 * n].longest >= count ? 2 * n : 2 * n + 1;
    *segment = n - heap->num_fits;
    return true;
}

/* The free segments at the end. */
static uint32_t first_of_last(const sfpm_heap_t *heap, uint32_t count)
{
    uint32_t first = heap->header->num_segments;
    uint32_t end = first > count ? first - count : 0;
    while (first > end && heap->segments[first - 1].kind == SEGMENT_FREE)
        first--;
    return first;
}

bool sfpm_fits_segments(sfpm_heap_t *heap, uint32_t count, uint32_t *segment)
{
    if (!prepare(heap))
        return false;
    const fit_t *fits = heap->fits;
    uint32_t n = 1, at = 0;
    if (fits[n].best < count) {
        *segment = first_of_last(heap, count);
        return true;
    }
    for (uint32_t size = heap->num_fits / 2; size > 0; size /= 2) {
        const fit_t *left = &fits[2 * n], *right = left + 1;
        if (left->best < count && left->last + right->first >= count) {
            *segment = at + size - left->last;
            return true;
        }
        n = left->best >= count ? 2 * n : 2 * n + 1;
        at += n % 2 ? size : 0;
    }
    *segment = at;
    return true;
}
