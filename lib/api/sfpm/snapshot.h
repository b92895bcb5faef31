/* SPDX-License-Identifier: MIT */
/**
 * @file snapshot.h
 * Freezing and thawing registered memory.
 *
 * A program registers its regions with a snapshot and saves them; the same
 * program, started again, registers them again and restores. Restore is all or
 * nothing: memory is untouched unless the whole image holds.
 *
 * Threads: distinct snapshots are independent; functions on one snapshot need
 * exclusion. Nothing may write to the registered memory during a save, or use
 * it during a restore. None of these functions is async-signal-safe: let a
 * signal handler set a flag, and save where the program looks at it.
 */
#ifndef SFPM_SNAPSHOT_H
#define SFPM_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of registered regions. */
typedef struct sfpm_snapshot sfpm_snapshot_t;

/** What sfpm_snapshot_read_metadata() tells of an image. */
typedef struct {
    uint32_t version;      /**< of the format */
    uint64_t timestamp;    /**< seconds since 1970-01-01 UTC */
    size_t total_size;     /**< bytes in all regions */
    uint32_t num_regions;
    char description[256]; /**< cut at a character boundary when longer */
} sfpm_snapshot_metadata_t;

/** A region to register. */
typedef struct {
    void *base_address;
    size_t size; /**< bytes */
    const char *name; /**< copied; NULL becomes "unnamed" */
    bool is_dynamic;  /**< may have another size at the next save */
} sfpm_memory_region_t;

/** @return an empty snapshot, to be destroyed; NULL when out of memory. */
SFPM_API sfpm_snapshot_t *sfpm_snapshot_create(void);

/** Forgets a snapshot; the registered memory is left alone. Accepts NULL. */
SFPM_API void sfpm_snapshot_destroy(sfpm_snapshot_t *snapshot);

/**
 * Registers a region. There is no fixed limit on their number.
 * @param region  copied, name included; its memory stays the caller's
 * @return false for NULL, a null base address or a size of 0
 */
SFPM_API bool sfpm_snapshot_add_region(sfpm_snapshot_t *snapshot,
                                       const sfpm_memory_region_t *region);

/**
 * Registers a region with flags, SFPM_REGION_…: *volatile* (not saved, zeroed on
 * restore), *secret* (saving it unencrypted fails), *portable* (restored on every
 * architecture), *pointers* (only the build that saved it may restore it).
 */
SFPM_API bool sfpm_snapshot_add_region_flags(sfpm_snapshot_t *snapshot,
                                             const sfpm_memory_region_t *region,
                                             uint32_t flags);

/** Sets the description of images saved from now on; NULL keeps the old one. */
SFPM_API void sfpm_snapshot_set_description(sfpm_snapshot_t *snapshot,
                                            const char *description);

/** Sets an attribute of images saved from now on; a NULL value removes it. */
SFPM_API bool sfpm_snapshot_set_attribute(sfpm_snapshot_t *snapshot, const char *key,
                                          const char *value);

/** Sets the application's schema version. */
SFPM_API void sfpm_snapshot_set_schema(sfpm_snapshot_t *snapshot, uint64_t schema);

/** Sets the bytecode version recorded in the image, for snapshots of a machine. */
SFPM_API void sfpm_snapshot_set_bytecode(sfpm_snapshot_t *snapshot, uint32_t version);

/** How much a log line matters. */
typedef enum sfpm_log_level {
    SFPM_LOG_INFO = 0,
    SFPM_LOG_WARNING = 1
} sfpm_log_level_t;

/** Receives what happened, one line without newline, as it happens. */
typedef void (*sfpm_log_callback_t)(void *context, sfpm_log_level_t level,
                                    const char *text);

/** Sets who is told of saves, restored regions and remarks; NULL for nobody. */
SFPM_API void sfpm_snapshot_set_log(sfpm_snapshot_t *snapshot,
                                    sfpm_log_callback_t callback, void *context);

/**
 * Replaces the file, atomically and durably, by a new image of one commit.
 * On failure the old file is as it was.
 */
SFPM_API bool sfpm_snapshot_save(const sfpm_snapshot_t *snapshot, const char *filename);

/** How to commit. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_commit_options {
    size_t struct_size;
    const char *message; /**< of the commit, or NULL */
    uint64_t keep;       /**< reserved; 0 keeps the whole history */
} sfpm_commit_options_t;

/**
 * Appends a commit that holds only what changed since the file's last one. The
 * file is created when missing. Durable when it returns true.
 * @param options  or NULL
 * @return false with SFPM_ERR_CHANGED unless the last commit is the one that this
 *         snapshot restored, saved or committed
 */
SFPM_API bool sfpm_snapshot_commit(sfpm_snapshot_t *snapshot, const char *filename,
                                   const sfpm_commit_options_t *options);

/**
 * Reads what an image says of itself, without its regions' contents.
 * @param metadata  receives it; untouched on failure
 */
SFPM_API bool sfpm_snapshot_read_metadata(const char *filename,
                                          sfpm_snapshot_metadata_t *metadata);

/**
 * Restores all registered regions from an image of version 1 or 2. Regions are
 * matched by name in any order, equal names in order of registration; those of
 * version 1 by order when the names do not match. Volatile regions are zeroed.
 * @return false with SFPM_ERR_MISMATCH, naming the region and both sizes, when the
 *         image does not fit; memory is untouched after every failure
 */
SFPM_API bool sfpm_snapshot_restore(const char *filename, sfpm_snapshot_t *snapshot);

/** How to restore. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_restore_options {
    size_t struct_size;
    int64_t commit;  /**< as in sfpm_image_options_t */
    bool same_build; /**< refuse an image of another build of this program */
} sfpm_restore_options_t;

/** The same with options; NULL for the defaults. */
SFPM_API bool sfpm_snapshot_restore_with(sfpm_snapshot_t *snapshot, const char *filename,
                                         const sfpm_restore_options_t *options);

/** The same from an image that is already open, at the commit that it shows. */
SFPM_API bool sfpm_snapshot_restore_image(sfpm_snapshot_t *snapshot, sfpm_image_t *image,
                                          const sfpm_restore_options_t *options);

/**
 * Registers the snapshot's regions and texts with an edit, for a caller that
 * chooses itself where the commit is written. The snapshot must outlive the edit.
 */
SFPM_API bool sfpm_snapshot_fill_edit(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit);

/**
 * Writes an image that holds `previous` and, appended to it, a commit with only
 * what changed since its last one.
 * @param previous  an existing image
 * @param output    the file to write, atomically; may be the same path, then the
 *                  commit is appended in place
 */
SFPM_API bool sfpm_snapshot_save_delta(const sfpm_snapshot_t *snapshot,
                                       const char *previous, const char *output);

/**
 * Registers `stack` and `heap`, skipping what is NULL or of size 0.
 * @return a new snapshot, to be destroyed; NULL when out of memory
 */
SFPM_API sfpm_snapshot_t *sfpm_snapshot_create_for_interpreter(void *stack_base,
                                                               size_t stack_size,
                                                               void *heap_base,
                                                               size_t heap_size);

/** A word in a registered region that looks like an address in mapped memory. */
typedef struct sfpm_address_hint {
    const char *region; /**< name of the region that holds the word */
    size_t offset;      /**< of the word in that region, bytes */
    uintptr_t value;    /**< the word */
    const char *target; /**< name of the registered region it points into, or of the
                             mapping ("[heap]", "[stack]", a file name) */
} sfpm_address_hint_t;

/** Receives one finding; returns false to stop. */
typedef bool (*sfpm_address_callback_t)(void *context, const sfpm_address_hint_t *hint);

/**
 * A debugging aid: lists aligned words in the registered regions that look like
 * addresses in mapped memory, which would mean nothing after a restore elsewhere.
 * Where the system does not tell its mappings, only addresses inside registered
 * regions are found. Chance hits are possible.
 * @return false when the memory map cannot be read
 */
SFPM_API bool sfpm_snapshot_find_addresses(const sfpm_snapshot_t *snapshot,
                                           sfpm_address_callback_t callback,
                                           void *context);

#ifdef __cplusplus
}
#endif

#endif
