/* SPDX-License-Identifier: MIT */
/* Images of other schema versions. */
#ifndef SFPM_SNAPSHOT_MIGRATE_H
#define SFPM_SNAPSHOT_MIGRATE_H

#include "snapshot/restore.h"

/* Makes the state, which is that of the image, one of the program's schema version;
 * does nothing when it is that already. */
bool sfpm_restoring_migrate(sfpm_restoring_t *restoring);

#endif
