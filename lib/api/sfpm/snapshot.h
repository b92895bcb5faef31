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

/** The metadata of an image, from sfpm_snapshot_read_metadata(). */
typedef struct {
    uint32_t version;   /**< of the format */
    uint64_t timestamp; /**< seconds since 1970-01-01 UTC */
    size_t total_size;  /**< bytes in all regions */
    uint32_t num_regions;
    char description[256]; /**< cut at a character boundary when longer */
} sfpm_snapshot_metadata_t;

/** A region to register. */
typedef struct {
    void *base_address;
    size_t size;      /**< bytes */
    const char *name; /**< copied; NULL becomes "unnamed" */
    bool is_dynamic;  /**< may have another size at the next save */
} sfpm_memory_region_t;

/** @return an empty snapshot, to be destroyed; NULL when out of memory. */
SFPM_API sfpm_snapshot_t *sfpm_snapshot_create(void);

/** Forgets a snapshot; the registered memory is left alone. Accepts NULL. */
SFPM_API void sfpm_snapshot_destroy(sfpm_snapshot_t *snapshot);

/**
 * Registers a region. There is no fixed limit on their number. A byte belongs to one
 * region only; two may lie side by side.
 * @param region  copied, name included; its memory stays the caller's
 * @return false with SFPM_ERR_ARGUMENT for NULL, a null base address, a size of 0 or
 *         one that reaches beyond the address space, or when it overlaps a region that
 *         is registered: the message names both; or SFPM_ERR_MEMORY
 */
SFPM_API bool sfpm_snapshot_add_region(sfpm_snapshot_t *snapshot,
                                       const sfpm_memory_region_t *region);

/** How to register a region. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_region_options {
    size_t struct_size;
    uint32_t flags;   /**< SFPM_REGION_…: *volatile* (not saved, zeroed on restore),
                           *secret* (saving it unencrypted fails), *portable*
                           (restored on every architecture), *pointers* (restored only
                           by the build that saved it, and only if the modules and
                           regions that its pointers lead into have the same addresses;
                           see sfpm_snapshot(3)). SFPM_REGION_DYNAMIC is the same as
                           `is_dynamic` */
    bool remappable;  /**< a restore may exchange the region's pages for a mapping of the
                           image. Only for memory that is the region's alone, private and
                           not locked, such as sfpm_alloc_region() gives: whole pages that
                           no other thread, device or mapping uses meanwhile. What was
                           set for them by mprotect() or madvise() is lost. */
    uint64_t address; /**< recorded in the image as where the region prefers to lie, for
                           the program to read before it reserves memory; 0: anywhere */
} sfpm_region_options_t;

/** Registers a region with flags, SFPM_REGION_…, alone. Otherwise as
 * sfpm_snapshot_add_region(). */
SFPM_API bool sfpm_snapshot_add_region_flags(sfpm_snapshot_t *snapshot,
                                             const sfpm_memory_region_t *region,
                                             uint32_t flags);

/** Registers a region with options; NULL for the defaults. Otherwise as
 * sfpm_snapshot_add_region(). */
SFPM_API bool sfpm_snapshot_add_region_with(sfpm_snapshot_t *snapshot,
                                            const sfpm_memory_region_t *region,
                                            const sfpm_region_options_t *options);

/** How to register a module. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_module_options {
    size_t struct_size;
    uint32_t flags; /**< SFPM_REGION_SECRET or 0; SFPM_REGION_POINTERS is always set */
    const sfpm_memory_region_t *except; /**< variables that belong to the process and are
                                             left alone, by address and size */
    size_t num_except;
} sfpm_module_options_t;

/**
 * Registers the static data of a module, the program or a shared library: its .data and
 * .bss, as regions called "data of NAME". What the dynamic linker keeps there and copies
 * of other libraries' variables are left out. Variables that hold handles of libsfpm,
 * streams or memory of malloc() must be named in `except`, since they mean nothing in
 * another process; thread-local variables are not registered.
 * @param address  of any function or variable of the module, as the module itself sees it
 * @param options  or NULL for the defaults
 * @return false with SFPM_ERR_UNSUPPORTED for libsfpm, the C library, the dynamic linker,
 *         what holds their data (a static program), a module linked without RELRO, and on
 *         systems other than Linux; with SFPM_ERR_ARGUMENT for an address in no module
 *         and an exception that is not in its data; otherwise as
 *         sfpm_snapshot_add_region(). Then nothing was registered.
 */
SFPM_API bool sfpm_snapshot_add_module(sfpm_snapshot_t *snapshot, const void *address,
                                       const sfpm_module_options_t *options);

/**
 * Allocates zeroed memory of whole pages, which takes space only where it is written to
 * and may be registered as remappable.
 * @return the memory, to be released with sfpm_free_region(); NULL with SFPM_ERR_MEMORY
 */
SFPM_API void *sfpm_alloc_region(size_t size);

/** Releases memory of sfpm_alloc_region(); `size` as given there. Accepts NULL. No
 * snapshot may use it any more. */
SFPM_API void sfpm_free_region(void *base, size_t size);

/**
 * Reports that a region has moved, as after realloc(). It must not overlap the registered
 * ranges of the other regions: if two regions change places, remove one of them and add
 * it again.
 * @param name      of the region
 * @param instance  0 for the first region registered by that name, 1 for the second …
 * @param base      its new address
 * @param size      its new size in bytes; another one only when it is dynamic
 * @return false with SFPM_ERR_MISMATCH when no such region is registered, otherwise as
 *         sfpm_snapshot_add_region()
 */
SFPM_API bool sfpm_snapshot_move_region(sfpm_snapshot_t *snapshot, const char *name,
                                        size_t instance, void *base, size_t size);

/**
 * Forgets a region; its memory is left alone. Later commits do not hold it.
 * @param instance  as above; those after it move up
 * @return false with SFPM_ERR_MISMATCH when no such region is registered
 */
SFPM_API bool sfpm_snapshot_remove_region(sfpm_snapshot_t *snapshot, const char *name,
                                          size_t instance);

/**
 * Sets the description of images saved from now on; it is copied, NULL keeps the
 * old one. Should there be no memory for the copy, saving fails until it is set
 * again.
 */
SFPM_API void sfpm_snapshot_set_description(sfpm_snapshot_t *snapshot,
                                            const char *description);

/**
 * Sets an attribute of images saved from now on; a NULL value removes it, also from
 * an image that is committed to. Both texts are copied.
 */
SFPM_API bool sfpm_snapshot_set_attribute(sfpm_snapshot_t *snapshot, const char *key,
                                          const char *value);

/**
 * Sets the application's schema version, 0 at first: raise it when the meaning of
 * the regions changes. Images of another one are restored only when migrations lead
 * from it to this one: <sfpm/migrate.h>.
 */
SFPM_API void sfpm_snapshot_set_schema(sfpm_snapshot_t *snapshot, uint64_t schema);

/**
 * Sets how images saved and commits made from now on are compressed.
 * @param method   "none", "lz4", "zstd", or one of the two with ":LEVEL"; NULL for
 *                 "none" in new images and the image's own in commits
 * @param workers  threads that compress; 0 and 1: only the caller
 */
SFPM_API bool sfpm_snapshot_set_compression(sfpm_snapshot_t *snapshot, const char *method,
                                            unsigned workers);

/**
 * Encrypts images saved from now on, and opens those that are restored or committed
 * to: SFPM_ERR_KEY when the secret is wrong, or the image not encrypted. Then regions
 * flagged *secret* can be saved.
 * @param secret  copied, and wiped with the snapshot; NULL: no encryption
 */
SFPM_API bool sfpm_snapshot_set_secret(sfpm_snapshot_t *snapshot,
                                       const sfpm_secret_t *secret);

/** How much a log line matters. */
typedef enum sfpm_log_level { SFPM_LOG_INFO = 0, SFPM_LOG_WARNING = 1 } sfpm_log_level_t;

/** Receives what happened, one line without newline, as it happens. The text lives
 * as long as the call. Calling functions on the same snapshot is not allowed, nor is
 * leaving by longjmp(3) or an exception. During a background save it is called in the
 * job's thread. */
typedef void (*sfpm_log_callback_t)(void *context, sfpm_log_level_t level,
                                    const char *text);

/** Sets the callback for the log of saves, restored regions and warnings; or NULL. */
SFPM_API void sfpm_snapshot_set_log(sfpm_snapshot_t *snapshot,
                                    sfpm_log_callback_t callback, void *context);

/** Sets the callback for the progress of saves, commits and restores; copied, NULL for
 * none. Calling functions on the same snapshot is not allowed, nor is leaving by
 * longjmp(3) or an exception: files are locked then, and threads at work. During a
 * background save it is called in the job's thread. */
SFPM_API void sfpm_snapshot_set_progress(sfpm_snapshot_t *snapshot,
                                         const sfpm_progress_t *progress);

/**
 * Replaces the file, atomically and durably, by a new image of one commit.
 * @param filename  the file; a final symbolic link is followed once; a pipe, a
 *                  terminal or an open descriptor (/dev/fd/3) is written as a stream,
 *                  and a block device is refused
 * @return false on failure, and the old file is as it was: SFPM_ERR_SECRET names a
 *         secret region, SFPM_ERR_LOCKED the process that is writing the file;
 *         SFPM_ERR_CHANGED when another process made the file meanwhile
 */
SFPM_API bool sfpm_snapshot_save(const sfpm_snapshot_t *snapshot, const char *filename);

/** How a snapshot finds the pages that changed since its last commit. */
typedef enum sfpm_tracking {
    SFPM_TRACKING_AUTO = 0,    /**< the cheapest that works for a region, once a commit
                                    was made or the image was mapped */
    SFPM_TRACKING_NONE = 1,    /**< the whole region is compared with the image */
    SFPM_TRACKING_PROTECT = 2, /**< pages are write-protected, the kernel notes the first
                                    write to each (Linux 6.7) */
    SFPM_TRACKING_PAGEMAP = 3, /**< of a mapped image: from its page tables */
    SFPM_TRACKING_HASH = 4     /**< a checksum of each page is kept */
} sfpm_tracking_t;

/** Sets how changes are found from the next save, commit or restore on. All give the same
 * commits; a region that cannot be watched so is compared. */
SFPM_API bool sfpm_snapshot_set_tracking(sfpm_snapshot_t *snapshot,
                                         sfpm_tracking_t method);

/** How to commit. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_commit_options {
    size_t struct_size;
    const char *message; /**< of the commit, or NULL */
    uint64_t keep;       /**< the least number of commits to keep, 0 for all: when the file
                              holds twice as many, it is rewritten without the oldest */
    bool on_top;         /**< commit also when the file has later commits than the one
                              that memory came from: they stay in the history, and this
                              state becomes the newest, made on the one it came from */
    uint32_t format;     /**< 1: replace the file by an image in the original layout, which
                              has no history, checksums, attributes or encryption; 0 or 2:
                              commit */
    uint64_t sync_every; /**< which commits are synced, as in sfpm_write_options_t; 0: each.
                              The one that creates the file always is */
} sfpm_commit_options_t;

/**
 * Appends a commit that holds only what changed since the file's last one. The
 * file is created when missing. Durable when it returns true, unless `sync_every` says
 * otherwise; on failure the file is as it was. Regions no longer registered are not part
 * of the new state.
 * @param options  or NULL
 * @return false with SFPM_ERR_CHANGED unless the last commit is the one that this
 *         snapshot last restored, saved or committed, or, with `on_top`, one of the file
 *         is; with SFPM_ERR_UNSUPPORTED for a file of version 1, which holds no history
 */
SFPM_API bool sfpm_snapshot_commit(sfpm_snapshot_t *snapshot, const char *filename,
                                   const sfpm_commit_options_t *options);

/**
 * Reads the metadata of an image's last commit, without the contents of its regions.
 * @param metadata  receives it; untouched on failure
 * @return false with SFPM_ERR_NOT_FOUND for a missing file, which is not damage
 */
SFPM_API bool sfpm_snapshot_read_metadata(const char *filename,
                                          sfpm_snapshot_metadata_t *metadata);

/**
 * Restores all registered regions from an image of version 1 or 2. Regions are
 * matched by name in any order, equal names in order of registration; those of
 * version 1 by order when the names do not match. Volatile regions are zeroed and
 * may be missing in the image.
 *
 * Native regions (not portable on both sides) of another architecture are refused.
 * Those of another build of the program are accepted with a warning to the log,
 * unless a region is flagged *pointers* or the caller asks for the same build. An
 * image of version 1 does not record its origin.
 *
 * Everything is checked before the first byte of memory is touched. Contents of up
 * to 4 MiB in all are read once; larger ones are read again, into place, so that
 * they need not be in memory twice.
 * @return false with
 *         SFPM_ERR_NOT_FOUND: the file is missing;
 *         SFPM_ERR_MISMATCH: the image does not fit, the message names the region
 *         and both sizes, or both schemas, architectures or builds;
 *         SFPM_ERR_CHANGED: during the second reading the file was overwritten in
 *         place or could no longer be read. After this failure alone memory is no
 *         longer what it was, and the program must not continue with it. sfpm itself
 *         never overwrites an image in place;
 *         SFPM_ERR_REFUSED: a hook or a migration refused, and memory is untouched;
 *         SFPM_ERR_UNFINISHED: memory is restored, but a hook failed afterwards.
 */
SFPM_API bool sfpm_snapshot_restore(const char *filename, sfpm_snapshot_t *snapshot);

/** What a restore accepts where the regions in the program and in the image differ,
 * instead of failing with SFPM_ERR_MISMATCH. */
enum {
    SFPM_ACCEPT_ADDED = 1u << 0,   /**< a region that the image does not hold stays as the
                                        program made it */
    SFPM_ACCEPT_REMOVED = 1u << 1, /**< a region that is not registered is ignored */
    SFPM_ACCEPT_GROWN = 1u << 2,   /**< a region that is smaller in the image fills the
                                        front; the rest stays as the program made it */
    SFPM_ACCEPT_SHRUNK = 1u << 3,  /**< of a region that is larger in the image, the excess
                                        is ignored, with a warning to the log */
    SFPM_ACCEPT_ZEROED = 1u << 4   /**< zeroes what would stay as the program made it */
};

/** How contents get into memory. Lazy restore maps the image, and pages are read when
 * they are first touched; it needs a region registered as remappable and an image in a
 * file that is neither compressed, encrypted nor a delta. Elsewhere, and where the system
 * cannot, memory is filled at once, as with SFPM_RESTORE_EAGER. */
typedef enum sfpm_restore_mode {
    SFPM_RESTORE_AUTO = 0,  /**< lazy for regions of 1 MiB and more, verified */
    SFPM_RESTORE_EAGER = 1, /**< all contents are copied: nothing depends on the file
                                 afterwards */
    SFPM_RESTORE_LAZY = 2,  /**< all contents are verified through the mapping first */
    SFPM_RESTORE_LAZY_UNVERIFIED =
        3 /**< index and tables are verified, contents are
               not: usable in microseconds, whatever the size */
} sfpm_restore_mode_t;

/** How to restore. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_restore_options {
    size_t struct_size;
    int64_t commit;      /**< as in sfpm_image_options_t */
    bool same_build;     /**< refuse an image of another build of this program */
    const char *base;    /**< file name of a delta's base image; NULL: it lies beside */
    uint32_t accept;     /**< SFPM_ACCEPT_…; 0: regions must be the same. With ADDED or
                              REMOVED those of version 1 are matched by name only */
    uint64_t max_memory; /**< limit in bytes of region contents that migrations may hold
                              at once; 0: 1 GiB */
    sfpm_restore_mode_t mode;
} sfpm_restore_options_t;

/**
 * The same with options; NULL for the defaults. After restoring an earlier commit
 * sfpm_snapshot_commit() needs the option `on_top`: without it later ones would be
 * hidden by mistake, and it fails with SFPM_ERR_CHANGED.
 */
SFPM_API bool sfpm_snapshot_restore_with(sfpm_snapshot_t *snapshot, const char *filename,
                                         const sfpm_restore_options_t *options);

/**
 * Goes back to the state that was last restored, saved or committed, as a restore of that
 * commit would, hooks included; of regions that are watched
 * (sfpm_snapshot_set_tracking()) only what changed since is replaced.
 * @return false with SFPM_ERR_ARGUMENT when there is no such state, or it did not come
 *         from a named file; with SFPM_ERR_CHANGED when another image has its name now;
 *         otherwise as sfpm_snapshot_restore()
 */
SFPM_API bool sfpm_snapshot_revert(sfpm_snapshot_t *snapshot);

/**
 * Saves only what changed since the last commit of `previous`.
 * @param previous  an existing image of version 2
 * @param output    where to: another file becomes a delta, which needs `previous` in the
 *                  same directory to be restored; the same file gets a commit appended
 */
SFPM_API bool sfpm_snapshot_save_delta(const sfpm_snapshot_t *snapshot,
                                       const char *previous, const char *output);

/**
 * Registers `stack` and `heap`, skipping what is NULL or of size 0.
 * @return a new snapshot, to be destroyed; NULL when out of memory, or when one cannot be
 *         registered, as with sfpm_snapshot_add_region()
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
 * Where the system does not list its mappings (other than Linux), only addresses
 * inside registered regions are found. Chance hits are possible.
 * @return false when the memory map cannot be read; true when the callback stopped
 */
SFPM_API bool sfpm_snapshot_find_addresses(const sfpm_snapshot_t *snapshot,
                                           sfpm_address_callback_t callback,
                                           void *context);

#ifdef __cplusplus
}
#endif

#endif
