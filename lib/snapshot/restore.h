/* SPDX-License-Identifier: MIT */
/* A restore under way, as the files that take part in it share it. */
#ifndef SFPM_SNAPSHOT_RESTORE_H
#define SFPM_SNAPSHOT_RESTORE_H

#include "snapshot/pairing.h"
#include "snapshot/snapshot.h"
#include "snapshot/state.h"

typedef struct sfpm_restoring {
    sfpm_snapshot_t *snapshot;
    const sfpm_image_t *image;
    sfpm_restore_options_t options;
    sfpm_state_t state; /* what goes into memory */
    sfpm_pairing_t pairing;
} sfpm_restoring_t;

/* Whether a registered region gets contents from the state: it is not volatile, and
 * not one that was added since. */
bool sfpm_restoring_has_source(const sfpm_restoring_t *restoring, size_t registered);

/* The state's counterpart of a registered region that has one. */
const sfpm_source_t *sfpm_restoring_source(const sfpm_restoring_t *restoring,
                                           size_t registered);

/* How many bytes of it the registered region gets. */
size_t sfpm_restoring_size(const sfpm_restoring_t *restoring, size_t registered);

/* Migrates to the program's schema version, pairs the regions and checks that sizes,
 * flags and origin fit; touches no memory. What was registered must stay as it is from
 * then on. */
bool sfpm_restoring_match(sfpm_restoring_t *restoring);

#endif
