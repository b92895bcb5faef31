/* SPDX-License-Identifier: MIT */
/*
 * The changes that an edit lays over an inherited region: ranges that do not overlap, in
 * the tree of tsearch(3). As they are disjoint, those that overlap count as equal, and a
 * search for a range finds one that overlaps it.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commit/edit.h"

/* Bytes that replace those of the region. */
typedef struct change {
    uint64_t offset; /* in the region */
    uint64_t size;   /* never 0 */
    uint8_t *bytes;  /* among `held`, of which the front may be replaced by now */
    uint8_t held[];
} change_t;

static int compare(const void *left, const void *right)
{
    const change_t *a = left, *b = right;
    if (a->offset + a->size <= b->offset)
        return -1;
    return b->offset + b->size <= a->offset;
}

/* A change that has bytes from `begin` up to `end`, or NULL. */
static change_t *find(const sfpm_source_t *source, uint64_t begin, uint64_t end)
{
    const change_t wanted = {.offset = begin, .size = end - begin};
    change_t *const *found =
        begin < end ? tfind(&wanted, &source->changes, compare) : NULL;
    return found ? *found : NULL;
}

static void discard(sfpm_source_t *source, change_t *change)
{
    tdelete(change, &source->changes, compare);
    free(change);
}

void sfpm_source_forget(sfpm_source_t *source)
{
    while (source->changes)
        discard(source, *(change_t **)source->changes);
}

/* Takes the range from `begin` up to `end` out of the changes. None reaches beyond both
 * of its ends. */
static void clear(sfpm_source_t *source, uint64_t begin, uint64_t end)
{
    change_t *old;
    while ((old = find(source, begin, end)) != NULL) {
        uint64_t old_end = old->offset + old->size;
        if (old->offset < begin) {
            old->size = begin - old->offset;
        } else if (old_end > end) {
            old->bytes += end - old->offset;
            old->size = old_end - end;
            old->offset = end;
        } else {
            discard(source, old);
        }
    }
}

bool sfpm_source_change(sfpm_source_t *source, uint64_t offset, const void *bytes,
                        size_t size)
{
    change_t *around = find(source, offset, offset + size);
    if (around && around->offset <= offset &&
        around->offset + around->size >= offset + size) {
        memcpy(around->bytes + (offset - around->offset), bytes, size);
        return true;
    }
    change_t *made =
        size < SIZE_MAX - sizeof *made ? malloc(sizeof *made + size) : NULL;
    if (!made)
        return sfpm_fail_memory(size);
    *made = (change_t){.offset = offset, .size = size, .bytes = made->held};
    memcpy(made->held, bytes, size);
    clear(source, offset, offset + size);
    if (tsearch(made, &source->changes, compare))
        return true;
    free(made);
    return sfpm_fail_memory(sizeof *made);
}

bool sfpm_source_overlay(const sfpm_source_t *source, uint64_t offset, uint8_t *to,
                         size_t size)
{
    uint64_t end = offset + size;
    const change_t *change = find(source, offset, end);
    if (!change)
        return false;
    uint64_t from = change->offset > offset ? change->offset : offset;
    uint64_t until = change->offset + change->size;
    until = until < end ? until : end;
    if (!to)
        return true;
    memcpy(to + (from - offset), change->bytes + (from - change->offset),
           (size_t)(until - from));
    /* What lies before it and behind it; each call finds another change, or none. */
    sfpm_source_overlay(source, offset, to, (size_t)(from - offset));
    sfpm_source_overlay(source, until, to + (until - offset), (size_t)(end - until));
    return true;
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
