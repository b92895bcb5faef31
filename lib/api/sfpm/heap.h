/* SPDX-License-Identifier: MIT */
/**
 * @file heap.h
 * A heap that survives: saved with a snapshot, and restored with its pointers intact.
 *
 * A heap lies in one range of addresses, which it prefers at every start. Restored
 * there, nothing needs to be corrected. Restored elsewhere, every pointer is; which
 * words are pointers is known from the types that the program registers.
 *
 * Threads: functions on one heap need exclusion, unless it was created thread-safe:
 * then blocks may be allocated and freed by several threads. Nothing may use a heap
 * while it is saved or restored.
 */
#ifndef SFPM_HEAP_H
#define SFPM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/image.h>
#include <sfpm/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A heap. */
typedef struct sfpm_heap sfpm_heap_t;

/** How to make a heap. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_heap_options {
    size_t struct_size;
    uint64_t address;  /**< where to lie, a multiple of 4 MiB; 0: a place that follows
                            from the name */
    uint64_t max_size; /**< bytes of addresses to reserve, at most 1 TiB; memory is used
                            as the heap grows. 0: 64 GiB, or 256 MiB on 32-bit systems */
    bool thread_safe;  /**< several threads allocate and free */
    bool same_build;   /**< only the build of the program that saved may restore, as for
                            blocks that hold addresses of functions or static data */
    bool relative;     /**< blocks of sfpm_heap_alloc() hold no addresses, or only
                            self-relative ones: they may move */
} sfpm_heap_options_t;

/**
 * Makes an empty heap and reserves its range. When the place is taken the heap lies
 * elsewhere; it grows up to `max_size`, or less when addresses are scarce.
 * @param name  of the region in images, and for messages; copied, at most 255 bytes
 * @param options  or NULL for the defaults
 * @return the heap, to be destroyed; NULL on failure
 */
SFPM_API sfpm_heap_t *sfpm_heap_create(const char *name,
                                       const sfpm_heap_options_t *options);

/** Releases a heap and all its blocks. Accepts NULL. A snapshot that it was added to
 * must be destroyed before, or not be used any more. */
SFPM_API void sfpm_heap_destroy(sfpm_heap_t *heap);

/**
 * Allocates a block, aligned to 16 bytes and not initialised. It may hold anything; but
 * if it may hold addresses of the heap (see `relative`), the heap can be restored at
 * the same address only.
 * @return the block; NULL with SFPM_ERR_MEMORY when the system has no memory, or with
 *         SFPM_ERR_LIMIT when the range is full
 */
SFPM_API void *sfpm_heap_alloc(sfpm_heap_t *heap, size_t size);

/** The same, zeroed, for `count` elements of `size` bytes. */
SFPM_API void *sfpm_heap_calloc(sfpm_heap_t *heap, size_t count, size_t size);

/** The same as sfpm_heap_alloc(), aligned to a power of two up to 65536. */
SFPM_API void *sfpm_heap_alloc_aligned(sfpm_heap_t *heap, size_t alignment, size_t size);

/**
 * Makes a block larger or smaller; it may move. Its type stays, and what is added to a
 * block with a type is zeroed. Alignment over 16 bytes is not kept.
 * @param block  NULL allocates
 * @return the block; on failure NULL, and the old block is as it was: SFPM_ERR_ARGUMENT
 *         when it is none of this heap
 */
SFPM_API void *sfpm_heap_realloc(sfpm_heap_t *heap, void *block, size_t size);

/**
 * Frees a block. Accepts NULL.
 * @return false with SFPM_ERR_ARGUMENT when it is no block of this heap or was freed
 *         already; then nothing happened
 */
SFPM_API bool sfpm_heap_free(sfpm_heap_t *heap, void *block);

/** @return how many bytes of a block may be used; 0 when it is none of this heap. */
SFPM_API size_t sfpm_heap_usable_size(const sfpm_heap_t *heap, const void *block);

/** @return whether an address lies in a block that is allocated. */
SFPM_API bool sfpm_heap_contains(const sfpm_heap_t *heap, const void *address);

/**
 * Names a block, so that it is found after a restore.
 * @param name   at most 55 bytes; a root of that name is replaced
 * @param block  an address in a block; NULL removes the root
 * @return SFPM_ERR_LIMIT when there are 1024 already
 */
SFPM_API bool sfpm_heap_set_root(sfpm_heap_t *heap, const char *name, void *block);

/** @return what sfpm_heap_set_root() named; NULL when there is none. */
SFPM_API void *sfpm_heap_root(const sfpm_heap_t *heap, const char *name);

/** What a heap holds. */
typedef struct sfpm_heap_stats {
    size_t struct_size;    /**< set it before the call */
    uint64_t base;         /**< address of the heap */
    uint64_t reserved;     /**< bytes of addresses */
    uint64_t size;         /**< bytes saved with a snapshot, without what is zero */
    uint64_t blocks;       /**< allocated */
    uint64_t bytes;        /**< in them */
    uint64_t free_blocks;  /**< in slabs that hold allocated ones as well */
    uint64_t free_bytes;   /**< in those */
    uint64_t large_blocks; /**< of more than 32 KiB; in `blocks` as well */
    uint64_t largest;      /**< bytes of the largest block */
} sfpm_heap_stats_t;

/** Counts what the heap holds, in time proportional to its size. */
SFPM_API bool sfpm_heap_stats(const sfpm_heap_t *heap, sfpm_heap_stats_t *stats);

/** Gives pages without blocks back to the system. Saving does so itself. */
SFPM_API void sfpm_heap_trim(sfpm_heap_t *heap);

/**
 * Checks all of the heap's tables against each other.
 * @return false with SFPM_ERR_CORRUPT and what is wrong
 */
SFPM_API bool sfpm_heap_check(const sfpm_heap_t *heap);

/* ---- Saving and restoring ------------------------------------------------- */

/**
 * Registers the heap with a snapshot, as one region of its name. Saving, committing and
 * checkpoints are then the snapshot's; restoring is sfpm_heap_restore(). The heap must
 * live as long as the snapshot is used.
 * @return false with SFPM_ERR_ARGUMENT when it was added to a snapshot before
 */
SFPM_API bool sfpm_heap_add_to_snapshot(sfpm_heap_t *heap, sfpm_snapshot_t *snapshot);

/**
 * Restores the snapshot that the heap was added to: all of its regions, and the heap.
 * Blocks allocated before are gone, also those of other addresses.
 * @param filename  the image
 * @param options   or NULL, as for sfpm_snapshot_restore_with()
 * @return false with
 *         SFPM_ERR_NOT_FOUND: the file is missing;
 *         SFPM_ERR_MISMATCH: the image holds no such heap, or one that cannot be
 *         restored in this program;
 *         SFPM_ERR_CORRUPT: the heap's tables make no sense; or as
 *         sfpm_snapshot_restore() tells. The heap is as it was.
 */
SFPM_API bool sfpm_heap_restore(sfpm_heap_t *heap, const char *filename,
                                const sfpm_restore_options_t *options);

#ifdef __cplusplus
}
#endif

#endif
