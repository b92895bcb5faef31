/* SPDX-License-Identifier: MIT */
/*
 * Writes each leaf once when an image is rewritten. A hostile or sparse index may name
 * one leaf, 16 MiB in 32 bytes, in many places: it is read once, and shared again.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "commit/plan.h"

/* A leaf of the old file, and the first place that it has. In the tree of tsearch(3). */
typedef struct stored {
    const sfpm_leaf_ref_t *ref;
    uint64_t size;
    size_t region;
    size_t which;
} stored_t;

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const stored_t *a = left, *b = right;
    int order = compare_numbers(a->ref->offset, b->ref->offset);
    if (order == 0)
        order = compare_numbers(a->ref->sum, b->ref->sum);
    if (order == 0)
        order = compare_numbers(a->size, b->size);
    return order ? order : memcmp(a->ref->digest, b->ref->digest, SFPM_DIGEST_SIZE);
}

/* The node of an equal leaf, or a new one. */
static const stored_t *find_or_add(sfpm_plan_t *plan, const stored_t *leaf)
{
    stored_t *made = SFPM_NEW(stored_t);
    if (!made)
        return NULL;
    *made = *leaf;
    stored_t *const *found = tsearch(made, &plan->stored, compare);
    if (!found)
        sfpm_fail_memory(sizeof *made);
    if (!found || *found != made)
        free(made);
    return found ? *found : NULL;
}

bool sfpm_plan_share(sfpm_plan_t *plan, size_t region, size_t which, bool *shared)
{
    const sfpm_source_t *source = &plan->edit->sources[region];
    void *list = plan->shared;
    *shared = false;
    /* In a delta, what is inherited lies at one place of the base. */
    if (source->kind != SFPM_SOURCE_IMAGE || plan->edit->delta)
        return true;
    const stored_t leaf = {&source->content->leaves[which],
                           sfpm_span(source->content->size,
                                     (uint64_t)which * SFPM_LEAF_BYTES, SFPM_LEAF_BYTES),
                           region, which};
    if (leaf.ref->offset == SFPM_LEAF_ZERO || leaf.ref->offset == SFPM_LEAF_BASE)
        return true;
    const stored_t *first = find_or_add(plan, &leaf);
    if (!first)
        return false;
    *shared = first->region != region || first->which != which;
    if (!*shared)
        return true;
    bool ok = sfpm_grow_array(&list, &plan->max_shared, plan->num_shared + 1,
                              sizeof *plan->shared);
    plan->shared = list;
    if (ok)
        plan->shared[plan->num_shared++] =
            (sfpm_shared_leaf_t){region, which, first->region, first->which};
    return ok;
}

void sfpm_plan_place_shared(sfpm_plan_t *plan)
{
    const sfpm_region_t *regions = plan->edit->index.regions;
    for (size_t i = 0; i < plan->num_shared; i++) {
        const sfpm_shared_leaf_t *leaf = &plan->shared[i];
        regions[leaf->region].leaves[leaf->which] =
            regions[leaf->first_region].leaves[leaf->first_which];
    }
}

void sfpm_plan_forget_shared(sfpm_plan_t *plan)
{
    while (plan->stored) {
        stored_t *leaf = *(stored_t **)plan->stored;
        tdelete(leaf, &plan->stored, compare);
        free(leaf);
    }
    free(plan->shared);
    plan->shared = NULL;
    plan->num_shared = plan->max_shared = 0;
}
