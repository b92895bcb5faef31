/* SPDX-License-Identifier: MIT */
/*
 * Pairs registered regions with those of a stored state, by name and instance or by
 * order, in the time that sorting takes.
 */
#include "snapshot/region_pairs.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/name_map.h"

static void clear_partners(sfpm_pairing_t *pairing)
{
    for (size_t i = 0; i < pairing->num_registered; i++)
        pairing->stored[i] = SFPM_NO_REGION;
    for (size_t i = 0; i < pairing->num_stored; i++)
        pairing->registered[i] = SFPM_NO_REGION;
}

/* Instance numbers of the state's regions, and their places by name. */
static bool name_stored(sfpm_pairing_t *pairing, const sfpm_restore_state_t *state,
                        sfpm_name_map_t *stored)
{
    for (size_t i = 0; i < state->count; i++)
        if (!sfpm_name_map_add(stored, state->sources[i].name, i, &pairing->instance[i]))
            return false;
    return true;
}

static bool pair(sfpm_pairing_t *pairing, const sfpm_snapshot_t *snapshot,
                 const sfpm_name_map_t *stored)
{
    size_t *instances = sfpm_pairing_instances(snapshot);
    size_t found;
    for (size_t i = 0; instances && i < snapshot->num_regions; i++)
        if (sfpm_name_map_find(stored, snapshot->regions[i].name, instances[i], &found)) {
            pairing->stored[i] = found;
            pairing->registered[found] = i;
        }
    free(instances);
    return instances != NULL;
}

bool sfpm_pairing_by_name(sfpm_pairing_t *pairing, const sfpm_snapshot_t *snapshot,
                          const sfpm_restore_state_t *state)
{
    sfpm_name_map_t stored = {NULL};
    size_t num_stored = state->count;
    *pairing = (sfpm_pairing_t){.num_registered = snapshot->num_regions,
                                .num_stored = num_stored,
                                .stored = SFPM_NEW_N(size_t, snapshot->num_regions),
                                .registered = SFPM_NEW_N(size_t, num_stored),
                                .instance = SFPM_NEW_N(size_t, num_stored)};
    if (!pairing->stored || !pairing->registered || !pairing->instance)
        return false;
    clear_partners(pairing);
    bool ok = name_stored(pairing, state, &stored) && pair(pairing, snapshot, &stored);
    sfpm_name_map_free(&stored);
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
    sfpm_name_map_t names = {NULL};
    size_t *instances = SFPM_NEW_N(size_t, snapshot->num_regions);
    bool ok = instances != NULL;
    for (size_t i = 0; ok && i < snapshot->num_regions; i++)
        ok = sfpm_name_map_add(&names, snapshot->regions[i].name, i, &instances[i]);
    sfpm_name_map_free(&names);
    if (ok)
        return instances;
    free(instances);
    return NULL;
}
