/* SPDX-License-Identifier: MIT */
/**
 * @file hooks.h
 * What else a program does when a snapshot is saved or restored: flush buffers,
 * close and open connections, set clocks, seed random generators again.
 *
 * Hooks run in the thread that saves or restores. They must not call functions on the
 * same snapshot, except those that set its description, attributes and schema,
 * and, in `before_save` and `after_save`, sfpm_snapshot_move_region(): the others fail
 * with SFPM_ERR_ARGUMENT, and sfpm_snapshot_destroy() does nothing.
 */
#ifndef SFPM_HOOKS_H
#define SFPM_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an `after_restore` hook receives. More members may follow. */
typedef struct sfpm_restore_event {
    size_t struct_size;
    bool restored; /**< false: the restore failed after the `before_restore` hooks */
    uint64_t generation; /**< random, never 0: differs between any two restores, also of
                            one image */
    uint8_t seed[32];    /**< random bytes of this restore alone, for generators */
    uint64_t commit;     /**< number of the image's commit */
    uint64_t schema;     /**< the image's schema version, before any migration */
} sfpm_restore_event_t;

/**
 * A set of callbacks. Start with `= {.struct_size = sizeof(…)}`; each may be NULL.
 * Each pair nests, so that what ran first is undone last.
 *
 * A hook that returns false should say why with sfpm_refuse(), or leave the error of a
 * function of this library.
 */
typedef struct sfpm_hooks {
    size_t struct_size;
    const char *name; /**< for messages; copied */
    /** Before memory is read, in order of registration. When it returns false nothing is
     * saved: SFPM_ERR_REFUSED. */
    bool (*before_save)(void *context);
    /** Once the save is over, in reverse order: of each set whose `before_save` did not
     * fail, also when a later one did.
     * @param saved  whether the image is on the disk */
    void (*after_save)(void *context, bool saved);
    /** After the whole image was verified, before memory is changed, in reverse order.
     * If it returns false, memory stays as it is: SFPM_ERR_REFUSED. */
    bool (*before_restore)(void *context);
    /** After memory was restored and its heaps are complete, in order of registration;
     * or, with `event->restored` false, if memory was not changed, of each set whose
     * `before_restore` did not fail. If it returns false after a restore, memory stays
     * restored and the hooks after it do not run: SFPM_ERR_UNFINISHED. */
    bool (*after_restore)(void *context, const sfpm_restore_event_t *event);
    void *context;
} sfpm_hooks_t;

/**
 * Adds hooks to a snapshot. They run at each save, commit, delta and restore.
 * @param hooks  copied
 */
SFPM_API bool sfpm_snapshot_add_hooks(sfpm_snapshot_t *snapshot,
                                      const sfpm_hooks_t *hooks);

/**
 * Makes a snapshot usable again after a hook, a migration or another callback that
 * answers was left by longjmp(3) or by a C++ exception: the function that called it never
 * returned, and until then the snapshot refuses to save, restore and be destroyed. Closes
 * the image that was open, staged files, and a background save that had not begun to
 * write; other memory of the operation is not released, and hooks that had run are not
 * notified. Memory and heaps are the old ones, or the restored ones when the hook was an
 * `after_restore`. Does nothing when no callback was left; must not be called by one that
 * returns.
 * @return false with SFPM_ERR_ARGUMENT while a background save is running
 */
SFPM_API bool sfpm_snapshot_abandon(sfpm_snapshot_t *snapshot);

#ifdef __cplusplus
}
#endif

#endif
