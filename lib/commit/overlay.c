/* SPDX-License-Identifier: MIT */
/*
 * The changes that an edit lays over an inherited region. They are collected in the order
 * given; once they are sorted and joined, what touches a chunk is found by bisection, so
 * that many changes of a large region are cheap.
 */
#include <stdlib.h>
#include <string.h>

#include "commit/edit.h"

void sfpm_source_add(sfpm_source_t *source, sfpm_change_t change)
{
    const sfpm_change_t *last =
        source->num_changes ? &source->changes[source->num_changes - 1] : NULL;
    if (last && change.offset < last->offset + last->size)
        source->unsettled = true;
    source->changes[source->num_changes++] = change;
}

static int by_offset(const void *a, const void *b)
{
    const sfpm_change_t *left = a, *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

static int by_order(const void *a, const void *b)
{
    const sfpm_change_t *left = a, *right = b;
    return (left->order > right->order) - (left->order < right->order);
}

/* Makes one change of `count` that overlap in a chain and together reach from the
 * first one's offset to `end`. */
static bool join(sfpm_change_t *changes, size_t count, uint64_t end,
                 sfpm_change_t *joined)
{
    sfpm_change_t whole = {changes->offset, (size_t)(end - changes->offset), NULL, 0};
    if (count == 1) {
        *joined = *changes;
        return true;
    }
    whole.bytes = SFPM_NEW_N(uint8_t, whole.size);
    if (!whole.bytes)
        return false;
    qsort(changes, count, sizeof *changes, by_order);
    for (size_t i = 0; i < count; i++) {
        memcpy(whole.bytes + (changes[i].offset - whole.offset), changes[i].bytes,
               changes[i].size);
        free(changes[i].bytes);
        changes[i].bytes = NULL;
    }
    *joined = whole;
    return true;
}

bool sfpm_source_settle(sfpm_source_t *source)
{
    size_t kept = 0, n = source->num_changes;
    bool ok = true;
    if (!source->unsettled)
        return true;
    qsort(source->changes, n, sizeof *source->changes, by_offset);
    for (size_t i = 0, next; i < n; i = next) {
        uint64_t end = source->changes[i].offset + source->changes[i].size;
        for (next = i + 1; next < n && source->changes[next].offset < end; next++) {
            const sfpm_change_t *now = &source->changes[next];
            end = now->offset + now->size > end ? now->offset + now->size : end;
        }
        /* Without memory the rest stays as it is, still to be settled. */
        if (ok)
            ok = join(&source->changes[i], next - i, end, &source->changes[kept]);
        if (ok)
            kept++;
        else
            while (i < next)
                source->changes[kept++] = source->changes[i++];
    }
    source->num_changes = kept;
    source->unsettled = !ok;
    return ok;
}

/* Index of the first change that ends behind `offset`. */
static size_t first_behind(const sfpm_source_t *source, uint64_t offset)
{
    size_t low = 0, high = source->num_changes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sfpm_change_t *change = &source->changes[middle];
        if (change->offset + change->size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sfpm_source_overlay(const sfpm_source_t *source, uint64_t offset, uint8_t *to,
                         size_t size)
{
    bool touched = false;
    for (size_t i = first_behind(source, offset); i < source->num_changes; i++) {
        const sfpm_change_t *change = &source->changes[i];
        if (change->offset >= offset + size)
            break;
        uint64_t start = change->offset > offset ? change->offset : offset;
        uint64_t end = change->offset + change->size;
        end = end < offset + size ? end : offset + size;
        touched = touched || start < end;
        if (to && start < end)
            memcpy(to + (start - offset), change->bytes + (start - change->offset),
                   (size_t)(end - start));
    }
    return touched;
}

bool sfpm_source_may_differ(const sfpm_source_t *source, uint64_t offset, size_t size)
{
    uint64_t end = (offset + size + SFPM_PAGE - 1) / SFPM_PAGE;
    uint64_t pages = (source->old->size + SFPM_PAGE - 1) / SFPM_PAGE;
    if (end > pages)
        end = pages;
    for (uint64_t page = offset / SFPM_PAGE; page < end; page++) {
        uint64_t rest = source->changed[page / 64] >> page % 64;
        if (rest & 1)
            return true;
        if (rest == 0)
            page |= 63; /* none in this word */
    }
    return false;
}
