/* SPDX-License-Identifier: MIT */
/* The registered regions as memory whose changes are tracked. */
#ifndef SFPM_SNAPSHOT_TRACKING_H
#define SFPM_SNAPSHOT_TRACKING_H

#include "snapshot/restore.h"
#include "snapshot/snapshot.h"
#include "track/dirty.h"

sfpm_tracked_t sfpm_snapshot_tracked(const sfpm_snapshot_t *snapshot, size_t registered);

/* Memory is what a commit holds, by a restore: watches what can be watched for nothing
 * and what is to be watched always. */
void sfpm_tracking_restored(const sfpm_restoring_t *restoring);

/* What was collected is in a commit. `again`: there will be more commits. */
void sfpm_tracking_committed(const sfpm_snapshot_t *snapshot, bool again);

#endif
