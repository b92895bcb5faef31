/* SPDX-License-Identifier: MIT */
/*
 * Where the addresses in regions flagged SFPM_REGION_POINTERS lead: into modules (the
 * program, shared libraries) and into registered regions. A commit records these places
 * in attributes; a restore is refused when one of them lies elsewhere.
 */
#ifndef SFPM_SNAPSHOT_POINTERS_H
#define SFPM_SNAPSHOT_POINTERS_H

#include <sfpm/image.h>

#include "snapshot/snapshot.h"

/* Attributes: the number of records, and with a dot and a number each record. */
#define SFPM_POINTERS_KEY "sfpm.pointers"

/* Searches the pointer regions and sets the attributes of an edit. `last` is the image
 * of the last commit when pages that did not change since are known: those are not
 * searched, what `last` recorded stays. NULL: all pages are searched. */
bool sfpm_pointers_record(const sfpm_snapshot_t *snapshot, const sfpm_image_t *last,
                          sfpm_edit_t *edit);

/* Whether all that the image recorded lies where it lay and is the same build. */
bool sfpm_pointers_check(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image);

#endif
