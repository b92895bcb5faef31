/* SPDX-License-Identifier: MIT */
/**
 * @file migrate.h
 * Restoring images of an earlier schema version.
 *
 * A program that raises its schema version registers a step from the version before:
 * a function that makes the new regions out of the old ones. A restore runs the
 * shortest chain of steps from the image's version to the program's. They work on
 * copies; memory is touched when all of them have succeeded and what they made fits
 * the registered regions.
 */
#ifndef SFPM_MIGRATE_H
#define SFPM_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many steps a snapshot takes. */
#define SFPM_MIGRATIONS_MAX 256

/** A step at work; it lives as long as the call. */
typedef struct sfpm_migration sfpm_migration_t;

/**
 * A step. Regions that it does not mention go on unchanged.
 * @return false to give up, with the reason by sfpm_refuse(); nothing is restored then.
 *         A failure of the functions below ends the restore whatever the answer, except
 *         SFPM_ERR_MISMATCH and SFPM_ERR_ARGUMENT.
 */
typedef bool (*sfpm_migrate_callback_t)(void *context, sfpm_migration_t *migration);

/**
 * Adds a step from one schema version to another.
 * @return false with SFPM_ERR_ARGUMENT for a step that is registered already, leads to
 *         its own version or closes a cycle; SFPM_ERR_LIMIT for more than
 * SFPM_MIGRATIONS_MAX
 */
SFPM_API bool sfpm_snapshot_add_migration(sfpm_snapshot_t *snapshot, uint64_t from,
                                          uint64_t to, sfpm_migrate_callback_t callback,
                                          void *context);

/**
 * The contents of a region before the step, verified.
 * @param instance  0 for the first of that name, 1 for the second …
 * @param size      receives the bytes it has; or NULL
 * @return the bytes, aligned as by malloc(), until the step ends; NULL with
 *         SFPM_ERR_MISMATCH when there is no such region or it is volatile, and with
 *         SFPM_ERR_LIMIT when the restore's option `max_memory` is too small
 */
SFPM_API const void *sfpm_migration_old(sfpm_migration_t *migration, const char *name,
                                        size_t instance, size_t *size);

/**
 * Makes a new version of a region, for what comes after the step: the front is copied
 * from the old one, if there is one, the rest zeroed. A second call with the same size
 * returns the same bytes.
 * @param instance  as above; for another region of a name, the number of those so far
 * @param size      bytes; not 0
 * @return the bytes, aligned as by malloc(), to be filled until the step ends; NULL on
 *         failure
 */
SFPM_API void *sfpm_migration_new(sfpm_migration_t *migration, const char *name,
                                  size_t instance, size_t size);

/** Leaves a region out from then on. Until the step ends the others of its name keep
 * their numbers. SFPM_ERR_MISMATCH when there is none. */
SFPM_API bool sfpm_migration_remove(sfpm_migration_t *migration, const char *name,
                                    size_t instance);

#ifdef __cplusplus
}
#endif

#endif
