/* SPDX-License-Identifier: MIT */
/* A restore under way, as the files that take part in it share it. */
#ifndef SFPM_SNAPSHOT_RESTORE_H
#define SFPM_SNAPSHOT_RESTORE_H

#include "snapshot/mapping.h"
#include "snapshot/region_pairs.h"
#include "snapshot/snapshot.h"
#include "snapshot/state.h"

typedef struct sfpm_restoring {
    sfpm_snapshot_t *snapshot;
    const sfpm_image_t *image;
    sfpm_restore_options_t options;
    sfpm_restore_state_t state; /* what goes into memory */
    sfpm_pairing_t pairing;
    sfpm_mapping_t *mappings; /* of registered regions; NULL: none is mapped */
    bool reverting;  /* to the commit that memory was: only what changed is replaced */
    uint8_t **fresh; /* reverting: of registered regions, contents of what changed */
} sfpm_restoring_t;

/* Whether a registered region gets contents from the state: it is not volatile, and
 * not one that was added since. */
bool sfpm_restoring_has_source(const sfpm_restoring_t *restoring, size_t registered);

/* The state's counterpart of a registered region that has one. */
const sfpm_restore_source_t *sfpm_restoring_source(const sfpm_restoring_t *restoring,
                                           size_t registered);

/* How many bytes of it the registered region gets. */
size_t sfpm_restoring_size(const sfpm_restoring_t *restoring, size_t registered);

/* Migrates to the program's schema version, pairs the regions and checks that sizes,
 * flags and origin fit; touches no memory. What was registered must stay as it is from
 * then on. */
bool sfpm_restoring_match(sfpm_restoring_t *restoring);

/* ---- Reverting (revert.c) ---- */

/* Reads, when reverting, what changed in regions of which that is known. */
bool sfpm_revert_prepare(sfpm_restoring_t *restoring);

/* Whether only changed pages of a registered region are replaced, and doing it. */
bool sfpm_revert_is_partial(const sfpm_restoring_t *restoring, size_t registered);
void sfpm_revert_replace(sfpm_restoring_t *restoring, size_t registered);
void sfpm_revert_free(sfpm_restoring_t *restoring);

/* ---- Lazy restore (lazy.c) ---- */

/* Finds what can be mapped; makes it aside and verifies it if that is asked for. */
bool sfpm_lazy_prepare(sfpm_restoring_t *restoring);

/* Whether a registered region is to be mapped. */
bool sfpm_lazy_is_mapped(const sfpm_restoring_t *restoring, size_t registered);

/* Exchanges the pages of all regions that are to be mapped, or of none. Those that the
 * system cannot exchange are mapped no more: then their contents are verified. */
bool sfpm_lazy_replace(sfpm_restoring_t *restoring);

/* Frees what was made but is not in place. */
void sfpm_lazy_free(sfpm_restoring_t *restoring);

#endif
