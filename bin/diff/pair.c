/* SPDX-License-Identifier: MIT */
/* Which regions belong together, and how many of their bytes differ. */
#include <stdlib.h>
#include <string.h>

#include "common/tool.h"
#include "diff/diff.h"

typedef struct entry {
    const char *name;
    size_t index;
} entry_t;

static int by_name(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    return x->index < y->index ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const pair_t *x = a, *y = b;
    for (int side = LEFT; side < SIDES; side++)
        if (x->index[side] != y->index[side])
            return x->index[side] < y->index[side] ? -1 : 1;
    return 0;
}

static size_t list_entries(const side_t *side, entry_t *entries)
{
    size_t count = sfpm_image_num_regions(side->file.image);
    for (size_t i = 0; i < count; i++)
        entries[i] = (entry_t){sfpm_image_region(side->file.image, i)->name, i};
    qsort(entries, count, sizeof *entries, by_name);
    return count;
}

static void set_side(const diff_t *diff, pair_t *pair, int side, size_t index)
{
    pair->index[side] = index;
    pair->region[side] = sfpm_image_region(diff->side[side].file.image, index);
}

/* Both lists are sorted by name: what is equal at the heads of both is a pair. */
static void merge(diff_t *diff, const entry_t *a, size_t num_a, const entry_t *b,
                  size_t num_b)
{
    while (num_a > 0 || num_b > 0) {
        int order = num_a == 0 ? 1 : -1;
        if (num_a > 0 && num_b > 0)
            order = strcmp(a->name, b->name);
        pair_t *pair = &diff->pairs[diff->num_pairs++];
        *pair = (pair_t){.index = {PAIR_NONE, PAIR_NONE}};
        if (order <= 0) {
            set_side(diff, pair, LEFT, a++->index);
            num_a--;
        }
        if (order >= 0) {
            set_side(diff, pair, RIGHT, b++->index);
            num_b--;
        }
        if (pair != diff->pairs && strcmp(pair_name(pair - 1), pair_name(pair)) == 0)
            pair->instance = pair[-1].instance + 1;
    }
}

static bool is_reordered(const diff_t *diff)
{
    size_t next = 0;
    for (size_t i = 0; i < diff->num_pairs; i++) {
        if (!pair_is_common(&diff->pairs[i]))
            continue;
        if (diff->pairs[i].index[RIGHT] < next)
            return true;
        next = diff->pairs[i].index[RIGHT] + 1;
    }
    return false;
}

bool diff_pair(diff_t *diff)
{
    size_t most = sfpm_image_num_regions(diff->side[LEFT].file.image) +
                  sfpm_image_num_regions(diff->side[RIGHT].file.image);
    entry_t *entries = calloc(most + 1, sizeof *entries);
    diff->pairs = calloc(most + 1, sizeof *diff->pairs);
    bool ok = entries && diff->pairs;
    if (ok) {
        size_t num_a = list_entries(&diff->side[LEFT], entries);
        size_t num_b = list_entries(&diff->side[RIGHT], entries + num_a);
        merge(diff, entries, num_a, entries + num_a, num_b);
        qsort(diff->pairs, diff->num_pairs, sizeof *diff->pairs, by_place);
        diff->reordered = is_reordered(diff);
    } else {
        tool_fail(NULL, "out of memory");
    }
    free(entries);
    return ok;
}

const char *pair_name(const pair_t *pair)
{
    return pair->region[pair->region[LEFT] ? LEFT : RIGHT]->name;
}

bool pair_is_common(const pair_t *pair)
{
    return pair->region[LEFT] && pair->region[RIGHT];
}

bool pair_differs(const pair_t *pair)
{
    return !pair_is_common(pair) || pair->bytes > 0 ||
           pair->region[LEFT]->size != pair->region[RIGHT]->size ||
           pair->region[LEFT]->flags != pair->region[RIGHT]->flags;
}

uint64_t pair_size(const pair_t *pair)
{
    uint64_t a = pair->region[LEFT] ? pair->region[LEFT]->size : 0;
    uint64_t b = pair->region[RIGHT] ? pair->region[RIGHT]->size : 0;
    return a > b ? a : b;
}

/* One range is enough to know that there are some. */
static bool note_range(void *context, uint64_t offset, uint64_t length)
{
    uint64_t *bytes = context;
    (void)offset;
    *bytes = length;
    return false;
}

static bool count_pair(const diff_t *diff, pair_t *pair, bool brief)
{
    pair->bytes = 0;
    if (!pair_is_common(pair)) {
        pair->bytes = pair_size(pair);
        return true;
    }
    bool ok = sfpm_image_compare(diff->side[LEFT].file.image, pair->index[LEFT],
                                 diff->side[RIGHT].file.image, pair->index[RIGHT],
                                 brief ? note_range : NULL, &pair->bytes);
    if (!ok)
        tool_fail(NULL, "%s", sfpm_last_error());
    return ok;
}

static void count_fact(void *context, const char *name, const char *key, const char *a,
                       const char *b)
{
    size_t *count = context;
    (void)name, (void)key, (void)a, (void)b;
    ++*count;
}

bool diff_differs(const diff_t *diff)
{
    for (size_t i = 0; i < diff->num_pairs; i++)
        if (pair_differs(&diff->pairs[i]))
            return true;
    return diff->reordered || diff->metadata > 0;
}

bool diff_count(diff_t *diff, bool brief)
{
    diff_metadata(diff, count_fact, &diff->metadata);
    if (brief && diff_differs(diff))
        return true;
    for (size_t i = 0; i < diff->num_pairs; i++) {
        if (!count_pair(diff, &diff->pairs[i], brief))
            return false;
        if (brief && diff->pairs[i].bytes > 0)
            return true;
    }
    return true;
}

size_t window_read(window_t *window, uint64_t offset, size_t size, const uint8_t **bytes)
{
    const sfpm_image_t *image = window->side->file.image;
    uint64_t end = sfpm_image_region(image, window->index)->size;
    if (offset >= end)
        return 0;
    if (offset < window->start || offset - window->start >= window->count) {
        window->start = offset - offset % sizeof window->bytes;
        uint64_t rest = end - window->start;
        window->count = rest < sizeof window->bytes ? (size_t)rest : sizeof window->bytes;
        if (!sfpm_image_read(image, window->index, window->start, window->bytes,
                             window->count)) {
            window->count = 0;
            tool_fail_last(window->side->file.label);
            return 0;
        }
    }
    size_t at = (size_t)(offset - window->start);
    *bytes = window->bytes + at;
    return window->count - at < size ? window->count - at : size;
}
