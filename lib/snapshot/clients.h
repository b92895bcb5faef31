/* SPDX-License-Identifier: MIT */
/* What other parts and tests use of a snapshot, beyond <sfpm/snapshot.h>. */
#ifndef SFPM_SNAPSHOT_CLIENTS_H
#define SFPM_SNAPSHOT_CLIENTS_H

#include <sfpm/snapshot.h>

/* Tells how changes of a region are found at present; never AUTO.
 * @param region  which one, in order of registration from 0 */
sfpm_tracking_t sfpm_snapshot_tracking(const sfpm_snapshot_t *snapshot, size_t region);

/*
 * Opens an image as a restore would, with the snapshot's secret: to look into it first
 * and then call sfpm_snapshot_restore_image().
 * @param options  `commit` and `base` are used; or NULL
 * @return the image, to be closed; NULL on failure
 */
sfpm_image_t *sfpm_snapshot_open_image(const sfpm_snapshot_t *snapshot,
                                       const char *filename,
                                       const sfpm_restore_options_t *options);

/* The same from an image that is already open, at the commit that it shows; the
 * option `commit` must be 0. */
bool sfpm_snapshot_restore_image(sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                                 const sfpm_restore_options_t *options);

/*
 * Registers the snapshot's regions and texts with an edit, for a caller that
 * chooses itself where the commit is written. Other regions of the edit's image stay.
 * The snapshot and its memory must outlive the edit.
 */
bool sfpm_snapshot_fill_edit(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit);

/*
 * For `before_restore` hooks.
 * @return the image that is to be restored, which belongs to the library; NULL outside of
 *         such a hook
 */
const sfpm_image_t *sfpm_snapshot_restoring(const sfpm_snapshot_t *snapshot);

#endif
