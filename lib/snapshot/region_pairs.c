/* SPDX-License-Identifier: MIT */
/*
 * Pairs registered regions with those of a stored state, by name and instance or by
 * order, in the time that sorting takes.
 */
#include "snapshot/region_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Sorted by name, then index, so that two lists can be walked side by side:
 * many thousand regions must not take quadratic time. */
typedef struct entry {
    const char *name;
    size_t index;
    size_t instance;
} entry_t;

static int compare_entries(const void *left, const void *right)
{
    const entry_t *a = left;
    const entry_t *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void sort_and_number(entry_t *entries, size_t count)
{
    qsort(entries, count, sizeof *entries, compare_entries);
    for (size_t i = 1; i < count; i++)
        if (strcmp(entries[i].name, entries[i - 1].name) == 0)
            entries[i].instance = entries[i - 1].instance + 1;
}

static entry_t *registered_entries(const sfpm_snapshot_t *snapshot)
{
    entry_t *entries = SFPM_NEW_N(entry_t, snapshot->num_regions);
    if (!entries)
        return NULL;
    for (size_t i = 0; i < snapshot->num_regions; i++)
        entries[i] = (entry_t){.name = snapshot->regions[i].name, .index = i};
    sort_and_number(entries, snapshot->num_regions);
    return entries;
}

static entry_t *stored_entries(const sfpm_restore_state_t *state)
{
    entry_t *entries = SFPM_NEW_N(entry_t, state->count);
    if (!entries)
        return NULL;
    for (size_t i = 0; i < state->count; i++)
        entries[i] = (entry_t){.name = state->sources[i].name, .index = i};
    sort_and_number(entries, state->count);
    return entries;
}

static int compare_instances(const entry_t *a, const entry_t *b)
{
    int order = strcmp(a->name, b->name);
    return order ? order : (a->instance > b->instance) - (a->instance < b->instance);
}

static void join(sfpm_pairing_t *pairing, const entry_t *registered,
                 const entry_t *stored)
{
    size_t i = 0;
    size_t j = 0;
    while (i < pairing->num_registered && j < pairing->num_stored) {
        int order = compare_instances(&registered[i], &stored[j]);
        if (order == 0) {
            pairing->stored[registered[i].index] = stored[j].index;
            pairing->registered[stored[j].index] = registered[i].index;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static void clear_partners(sfpm_pairing_t *pairing)
{
    for (size_t i = 0; i < pairing->num_registered; i++)
        pairing->stored[i] = SFPM_NO_REGION;
    for (size_t i = 0; i < pairing->num_stored; i++)
        pairing->registered[i] = SFPM_NO_REGION;
}

bool sfpm_pairing_by_name(sfpm_pairing_t *pairing, const sfpm_snapshot_t *snapshot,
                          const sfpm_restore_state_t *state)
{
    bool ok = false;
    size_t num_stored = state->count;
    *pairing = (sfpm_pairing_t){.num_registered = snapshot->num_regions,
                                .num_stored = num_stored,
                                .stored = SFPM_NEW_N(size_t, snapshot->num_regions),
                                .registered = SFPM_NEW_N(size_t, num_stored),
                                .instance = SFPM_NEW_N(size_t, num_stored)};
    entry_t *registered = registered_entries(snapshot);
    entry_t *stored = stored_entries(state);
    if (!pairing->stored || !pairing->registered || !pairing->instance || !registered ||
        !stored)
        goto out;
    clear_partners(pairing);
    join(pairing, registered, stored);
    for (size_t i = 0; i < num_stored; i++)
        pairing->instance[stored[i].index] = stored[i].instance;
    ok = true;
out:
    free(registered);
    free(stored);
    return ok;
}

void sfpm_pairing_by_order(sfpm_pairing_t *pairing)
{
    clear_partners(pairing);
    for (size_t i = 0; i < pairing->num_registered && i < pairing->num_stored; i++) {
        pairing->stored[i] = i;
        pairing->registered[i] = i;
    }
}

bool sfpm_pairing_complete(const sfpm_pairing_t *pairing)
{
    for (size_t i = 0; i < pairing->num_registered; i++)
        if (pairing->stored[i] == SFPM_NO_REGION)
            return false;
    return pairing->num_registered == pairing->num_stored;
}

void sfpm_pairing_free(sfpm_pairing_t *pairing)
{
    free(pairing->stored);
    free(pairing->registered);
    free(pairing->instance);
    *pairing = (sfpm_pairing_t){0};
}

size_t *sfpm_pairing_instances(const sfpm_snapshot_t *snapshot)
{
    size_t *instances = SFPM_NEW_N(size_t, snapshot->num_regions);
    entry_t *entries = registered_entries(snapshot);
    if (!instances || !entries) {
        free(instances);
        instances = NULL;
        goto out;
    }
    for (size_t i = 0; i < snapshot->num_regions; i++)
        instances[entries[i].index] = entries[i].instance;
out:
    free(entries);
    return instances;
}
