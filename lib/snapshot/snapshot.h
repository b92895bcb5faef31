/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot is inside. The public face is <sfpm/snapshot.h>.
 */
#ifndef SFPM_SNAPSHOT_SNAPSHOT_H
#define SFPM_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/snapshot.h>

#include "base/error.h"
#include "base/name_map.h"
#include "commit/commit.h"
#include "base/attributes.h"
#include "snapshot/address_map.h"

typedef struct sfpm_registered {
    void *base;
    size_t size;
    char *name;
    uint32_t flags;   /* SFPM_REGION_… */
    bool remappable;  /* its pages may be exchanged for mappings of an image */
    uint64_t address; /* where it prefers to lie, for the image; 0: anywhere */
    sfpm_reservation_t *reservation; /* its addresses, and those it may grow into */
    size_t serial; /* ascends in the order of registration */
    bool placed; /* a restore leaves it alone: its contents are there already */
    uintptr_t copied; /* `base` is a copy of the region that lies here; 0: it is not */
    /* Whether contents of this size can be restored, as far as it costs next to nothing
     * to tell; otherwise the error is set. NULL: always. */
    bool (*check)(const void *contents, size_t size);
} sfpm_registered_t;

/* Where the program has the region. */
static inline uintptr_t sfpm_region_address(const sfpm_registered_t *region)
{
    return region->copied ? region->copied : (uintptr_t)region->base;
}

/* Old pages of a region that an image was mapped over, still to be freed. */
typedef struct sfpm_parked {
    void *base;
    size_t size;
} sfpm_parked_t;

/* What the program said about its images, apart from their regions. A background save
 * takes a copy of all of it (settings.c). */
typedef struct sfpm_settings {
    sfpm_attributes_t attributes; /* changes of the image that is committed to */
    char *description;     /* NULL: never set */
    bool description_lost; /* there was no memory to keep it: saving must fail */
    uint64_t schema;
    char *compression; /* NULL: as the image has it */
    unsigned workers;
    uint8_t key[32]; /* what `secret` points to … */
    char *passphrase;
    sfpm_secret_t secret; /* struct_size 0: none */
    sfpm_log_callback_t log;
    void *log_context;
    sfpm_progress_t progress;
} sfpm_settings_t;

/* The commit whose state the registered memory last was. */
typedef struct sfpm_last_commit {
    sfpm_known_commit_t commit;
    char *filename; /* of its image, NULL when that has none */
    char *base;     /* of the image's base, NULL when it lies beside */
} sfpm_last_commit_t;

struct sfpm_snapshot {
    sfpm_registered_t *regions;
    size_t num_regions;
    size_t num_removed; /* of the regions: without a name, until sfpm_snapshot_start() */
    size_t region_capacity;
    size_t last_serial;
    sfpm_name_map_t names;        /* of the regions: their serials */
    sfpm_address_map_t addresses; /* of the regions */
    sfpm_settings_t settings;
    sfpm_parked_t *parked;
    size_t num_parked;
    size_t parked_capacity;
    struct sfpm_job *job; /* saves in the background; NULL: none */
    bool partial;         /* memory holds only what changed since the last commit */
    /* Apart, because saving takes a const snapshot: */
    sfpm_last_commit_t *last;
    struct sfpm_callbacks *callbacks;
    struct sfpm_tracker *tracker;
};

/* As sfpm_snapshot_add_region_with() and sfpm_snapshot_move_region(), for a region that
 * grows in place: no other may lie in the `room` bytes from its base. */
bool sfpm_snapshot_add_growing(sfpm_snapshot_t *snapshot,
                               const sfpm_memory_region_t *region,
                               const sfpm_region_options_t *options, size_t room);
bool sfpm_snapshot_move_growing(sfpm_snapshot_t *snapshot, const char *name,
                                size_t instance, void *base, size_t size, size_t room);

/* Whether memory can be restored once it is saved, as far as the regions' `check` tells:
 * what another thread changes meanwhile, or what was overwritten, is not written. */
bool sfpm_snapshot_check_contents(const sfpm_snapshot_t *snapshot);

/* Before all regions are gone through: whether no callback of the snapshot runs. Takes out
 * of the list those that were removed. */
bool sfpm_snapshot_start(const sfpm_snapshot_t *snapshot);

/* The region of a name, or NULL. */
sfpm_registered_t *sfpm_snapshot_find_region(const sfpm_snapshot_t *snapshot,
                                             const char *name, size_t instance);

/* Whether the regions are mapped, all but those with one of the flags: a program may have
 * given memory back that it registered. */
bool sfpm_snapshot_check_mapped(const sfpm_snapshot_t *snapshot, uint32_t except);

/* Sets whether the first region of that name has its contents before a restore begins. */
void sfpm_snapshot_set_placed(sfpm_snapshot_t *snapshot, const char *name, bool placed);

/* Tells the snapshot's log callback, if any. */
void sfpm_snapshot_log(const sfpm_snapshot_t *snapshot, sfpm_log_level_t level,
                       const char *format, ...) SFPM_PRINTF(3, 4);

/* Opens an image, with the snapshot's secret, and passes its remarks on to the log.
 * `base` is the file name of a delta's base, or NULL. */
sfpm_image_t *sfpm_snapshot_open(const sfpm_snapshot_t *snapshot, const char *filename,
                                 int64_t commit, const char *base);

/* The same for the time of one operation, so that sfpm_snapshot_abandon() can close it;
 * and the end of that. */
sfpm_image_t *sfpm_snapshot_open_own(const sfpm_snapshot_t *snapshot,
                                     const char *filename, int64_t commit,
                                     const char *base);
void sfpm_snapshot_close_own(const sfpm_snapshot_t *snapshot, sfpm_image_t *image);

/* Keeps where the image of the last commit lies; NULL: nowhere. */
void sfpm_snapshot_name_last(const sfpm_snapshot_t *snapshot, const char *filename,
                             const char *base);

/* Makes room to park so many more; frees parked pages (mapping.c). */
bool sfpm_snapshot_can_park(sfpm_snapshot_t *snapshot, size_t more);
void sfpm_snapshot_free_parked(sfpm_snapshot_t *snapshot);

/* Makes `to`, which holds nothing yet, a copy of all that `from` holds. On failure, too,
 * it is to be freed. */
bool sfpm_settings_copy(sfpm_settings_t *to, const sfpm_settings_t *from);
void sfpm_settings_free(sfpm_settings_t *settings);

/* Wipes the key or passphrase. */
void sfpm_settings_forget_secret(sfpm_settings_t *settings);

/* Remembers the commit that the image shows as the state of the memory. */
void sfpm_snapshot_remember(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image);

/* ---- What other parts and tests use, beyond <sfpm/snapshot.h> ---- */

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
