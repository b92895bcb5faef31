/* SPDX-License-Identifier: MIT */
/*
 * Which registered region is which region of a stored state: by name, equal names in
 * order.
 */
#ifndef SFPM_SNAPSHOT_REGION_PAIRS_H
#define SFPM_SNAPSHOT_REGION_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/snapshot.h"
#include "snapshot/state.h"

#define SFPM_NO_REGION SIZE_MAX

/* Both directions of the relation; all zero is an empty one. */
typedef struct sfpm_pairing {
    size_t num_registered;
    size_t num_stored;
    size_t *stored;     /* per registered region: index in the state, or NO_REGION */
    size_t *registered; /* per region of the state: index in the snapshot, or NO_REGION */
    size_t *instance;   /* per region of the state: how many before it have its name */
} sfpm_pairing_t;

/* Fails only when out of memory: a region without a partner is the caller's
 * business. To be freed also then. */
bool sfpm_pairing_by_name(sfpm_pairing_t *pairing, const sfpm_snapshot_t *snapshot,
                          const sfpm_restore_state_t *state);

/* Pairs again: the first registered with the first of the state, and so on. */
void sfpm_pairing_by_order(sfpm_pairing_t *pairing);

/* Whether every region has a partner. */
bool sfpm_pairing_complete(const sfpm_pairing_t *pairing);

void sfpm_pairing_free(sfpm_pairing_t *pairing);

/* Per registered region, how many before it have its name; NULL when out of
 * memory. Released with free(). */
size_t *sfpm_pairing_instances(const sfpm_snapshot_t *snapshot);

#endif
