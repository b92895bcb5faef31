/* SPDX-License-Identifier: MIT */
/* The program's callbacks around saving and restoring. */
#ifndef SFPM_SNAPSHOT_HOOKS_H
#define SFPM_SNAPSHOT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include <sfpm/hooks.h>
#include <sfpm/migrate.h>

#include "base/error.h"
#include "files/files.h"
#include "snapshot/snapshot.h"

/* A migration from one schema version to another. */
typedef struct sfpm_step {
    uint64_t from;
    uint64_t to;
    sfpm_migrate_callback_t callback;
    void *context;
} sfpm_step_t;

/* Called before the library reads or replaces all bytes of registered regions, and after
 * it: whoever forbids the use of some of them, by a sanitizer, allows it meanwhile. */
typedef void sfpm_expose_t(void *context, bool exposed);

/* A set of hooks. Those of the library itself run after all others before a save, so that
 * what these change is counted, and before all others after a restore, so that these find
 * memory complete. */
typedef struct sfpm_hook_set {
    sfpm_hooks_t given; /* the name is a copy */
    bool ours;
    sfpm_expose_t *expose; /* or NULL */
} sfpm_hook_set_t;

typedef struct sfpm_callbacks {
    bool running;              /* one of them is */
    bool preparing;            /* and it is one before or after a save */
    const sfpm_image_t *image; /* that is to be restored, while hooks look at it */
    sfpm_hook_set_t *hooks;
    size_t num_hooks;
    size_t hook_capacity;
    sfpm_name_map_t own_names; /* of the library's own sets */
    unsigned exposed;          /* operations for which regions are exposed */
    sfpm_step_t *steps;
    size_t num_steps;
    size_t step_capacity;
    sfpm_open_file_t *files;
    size_t num_files;
    sfpm_name_map_t file_names; /* their places */
    size_t file_capacity;
    sfpm_image_t *opened; /* by the operation in progress; NULL: none, or the caller's */
    void (*abandon)(void *context); /* ends the operation in progress if a callback leaves
                                       it for ever; NULL: nothing to do */
    void *abandon_context;
} sfpm_callbacks_t;

void sfpm_callbacks_free(sfpm_callbacks_t *callbacks);
void sfpm_resources_free(sfpm_callbacks_t *callbacks);

/* As sfpm_snapshot_add_hooks(), for a part of the library that looks after the one region
 * that has the name of the hooks: it may change in any hook of the program. */
bool sfpm_hooks_add_ours(sfpm_snapshot_t *snapshot, const sfpm_hooks_t *hooks,
                         sfpm_expose_t *expose);

/* Around each operation that goes through the bytes of regions; they may be nested. */
void sfpm_regions_expose(const sfpm_snapshot_t *snapshot);
void sfpm_regions_cover(const sfpm_snapshot_t *snapshot);

/* Whether hooks of the library look after a region with this name. */
bool sfpm_hooks_own(const sfpm_snapshot_t *snapshot, const char *name);

/* SFPM_ERR_ARGUMENT while one of the snapshot's callbacks runs: what the function
 * would do cannot be done in the middle of something. */
bool sfpm_callbacks_are_idle(const sfpm_snapshot_t *snapshot);

/* Around a call to the program: sfpm_callbacks_leave() passes the callback's answer on.
 * If that is false, the thread's error becomes what the callback recorded, or that it
 * recorded nothing, with the given status; otherwise it is what it was. */
void sfpm_callbacks_enter(sfpm_callbacks_t *callbacks, sfpm_error_state_t *before);
bool sfpm_callbacks_leave(sfpm_callbacks_t *callbacks, const sfpm_error_state_t *before,
                          bool answer, sfpm_status_t status);

/* Before memory is read for a save; when it returns true, sfpm_hooks_after_save() must
 * follow, which leaves the thread's error alone. */
bool sfpm_hooks_before_save(const sfpm_snapshot_t *snapshot);
void sfpm_hooks_after_save(const sfpm_snapshot_t *snapshot, bool saved);

/* Before verified contents replace memory; files are opened here, and put into place
 * there; when it returns true,
 * sfpm_hooks_after_restore() must follow, with the same event. That returns false only
 * when memory was restored and a hook failed. */
bool sfpm_hooks_before_restore(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                               sfpm_restore_event_t *event);
bool sfpm_hooks_after_restore(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                              sfpm_restore_event_t *event, bool restored);

#endif
