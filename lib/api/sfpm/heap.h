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
                            blocks that hold addresses of functions or static data; and
                            only if these have the same addresses: link -static -no-pie */
    bool relative;     /**< blocks of sfpm_heap_alloc() hold no addresses, or only
                            self-relative ones: they may move */
    bool red_zones;    /**< under AddressSanitizer or memcheck of valgrind, 16 bytes behind
                            each block stay unused, and what uses them is reported */
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
 * @return false with SFPM_ERR_ARGUMENT when it is not a block of this heap or was
 *         freed already; then nothing happened
 */
SFPM_API bool sfpm_heap_free(sfpm_heap_t *heap, void *block);

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

/**
 * Checks all of the heap's tables against each other.
 * @return false with SFPM_ERR_CORRUPT and what is wrong
 */
SFPM_API bool sfpm_heap_check(const sfpm_heap_t *heap);

/* ---- Types: where the pointers are ------------------------------------------- */

/** Shows pointers to the library, in a `visit` callback. */
typedef struct sfpm_heap_visitor sfpm_heap_visitor_t;

/** A type of blocks. Start with `= {.struct_size = sizeof(…)}`. A type without pointers
 * and without a callback holds no addresses, or only self-relative ones. */
typedef struct sfpm_heap_type {
    size_t struct_size;
    const char *name;       /**< 1 to 55 bytes, copied: identifies the type in images */
    size_t size;            /**< bytes of one element */
    const size_t *pointers; /**< offsets of pointers into the heap, or NULL; copied */
    size_t num_pointers;
    /**
     * For pointers that a table cannot describe: calls sfpm_heap_visit() for each of
     * them. During a restore other blocks may not be right yet: it must look at this one
     * only.
     * @param block  with `size` usable bytes; what was not written to is zero
     * @return false, as from sfpm_heap_visit() or sfpm_refuse(), to fail
     */
    bool (*visit)(void *context, void *block, size_t size, sfpm_heap_visitor_t *visitor);
    void *context;
    const size_t *hosts; /**< offsets of addresses of functions and data of the program
                              and its libraries, or NULL; copied. Not with `visit` */
    size_t num_hosts;
} sfpm_heap_type_t;

/** Number of the type, known to every heap, of blocks without addresses: their elements
 * are bytes. */
#define SFPM_HEAP_DATA 1u

/**
 * Registers a type, in every run before the heap is restored.
 * @return its number in this run; 0 on failure: SFPM_ERR_ARGUMENT when it is registered
 *         already, SFPM_ERR_MISMATCH when the heap knows another type of that name
 */
SFPM_API uint32_t sfpm_heap_register_type(sfpm_heap_t *heap,
                                          const sfpm_heap_type_t *type);

/**
 * Names a function or data of the program, for the `hosts` of types: in every run, before
 * the heap is restored. A restore then puts its address of this run in place of that of
 * the run that saved. Host addresses without a name are found again when they lie in a
 * module, the program or a library, that has the same build-id still.
 * @param name     1 to 55 bytes; copied
 * @param address  a function's is converted by a cast through uintptr_t
 * @return false with SFPM_ERR_ARGUMENT when the name is registered already, or with
 *         SFPM_ERR_LIMIT when 4096 are
 */
SFPM_API bool sfpm_heap_register_symbol(sfpm_heap_t *heap, const char *name,
                                        const void *address);

/** Allocates `count` elements of a type, zeroed; otherwise as sfpm_heap_alloc(). */
SFPM_API void *sfpm_heap_alloc_type(sfpm_heap_t *heap, uint32_t type, size_t count);

/**
 * For `visit` callbacks: shows one pointer into the heap, NULL included.
 * @param pointer  where it lies, at any alignment
 * @return false when it leads to no block: the callback must return that
 */
SFPM_API bool sfpm_heap_visit(sfpm_heap_visitor_t *visitor, void *pointer);

/** A pointer that counts from where it lies. It means the same wherever the heap lies,
 * but must be set and read by the functions, and not copied as bytes. */
typedef struct sfpm_relptr {
    intptr_t distance; /**< 0: NULL */
} sfpm_relptr_t;

/** Lets a pointer lead to `target`, in the same heap, or to NULL. */
static inline void sfpm_relptr_set(sfpm_relptr_t *pointer, const void *target)
{
    pointer->distance = target ? (intptr_t)((uintptr_t)target - (uintptr_t)pointer) : 0;
}

/** @return where it leads to. */
static inline void *sfpm_relptr_get(const sfpm_relptr_t *pointer)
{
    uintptr_t at = (uintptr_t)pointer + (uintptr_t)pointer->distance;
    return pointer->distance ? (void *)at : (void *)0;
}

/** Receives a word that looks like a pointer.
 * @param word    where it lies, aligned as pointers are
 * @param target  where it leads to, if it is one
 * @return false to end the search */
typedef bool (*sfpm_heap_suspect_t)(void *context, const void *word, const void *target);

/**
 * A debugging aid: finds words in blocks that look like pointers into the heap although
 * no type describes them. Blocks of sfpm_heap_alloc(), of SFPM_HEAP_DATA and of types are
 * searched, except types with a callback. A number may look like a pointer, and so may
 * what an earlier block left in memory that was not written to since: what is found in
 * two runs whose heaps lie at different addresses is one, most likely.
 * @return false with SFPM_ERR_ARGUMENT when an argument is missing
 */
SFPM_API bool sfpm_heap_check_pointers(const sfpm_heap_t *heap, sfpm_heap_suspect_t found,
                                       void *context);

/* ---- Saving and restoring ------------------------------------------------- */

/**
 * Registers the heap with a snapshot, as one region of its name. Saving, committing and
 * checkpoints are then the snapshot's; restoring is sfpm_heap_restore(). The heap must
 * live as long as the snapshot is used. Other regions must not overlap its range nor have
 * its name: they are refused.
 * @return false with SFPM_ERR_ARGUMENT when it was added to a snapshot before, or when a
 *         region that is registered lies in its range: the message names it
 */
SFPM_API bool sfpm_heap_add_to_snapshot(sfpm_heap_t *heap, sfpm_snapshot_t *snapshot);

/**
 * Restores the snapshot that the heap was added to: all of its regions, and all of its
 * heaps. Blocks allocated before are gone, also those of other addresses. A heap lies
 * where it was saved; if that place is taken, elsewhere, with every pointer corrected.
 * Several move together. Pointers of types from one heap into another are corrected, too,
 * whichever of the two moves; that they lead to a block is not checked.
 * @param filename  the image
 * @param options   or NULL, as for sfpm_snapshot_restore_with()
 * @return false with
 *         SFPM_ERR_NOT_FOUND: the file is missing;
 *         SFPM_ERR_MISMATCH: the image holds no such heap, or a type is another one in
 * this program, or the heap must move and holds blocks whose pointers are not known;
 *         SFPM_ERR_CORRUPT: the heap's tables are not consistent, or a pointer does not
 *         point to a block; or as sfpm_snapshot_restore() fails. All heaps are as they
 *         were, except after SFPM_ERR_UNFINISHED.
 */
SFPM_API bool sfpm_heap_restore(sfpm_heap_t *heap, const char *filename,
                                const sfpm_restore_options_t *options);

/* ---- Heaps in images ------------------------------------------------------ */

/** What a heap in an image holds. */
typedef struct sfpm_heap_survey sfpm_heap_survey_t;

/** Sums of a survey. */
typedef struct sfpm_heap_survey_info {
    size_t struct_size;
    size_t num_types;
    size_t num_roots;
    bool traced;                 /**< it is known what can be reached: the rest counts */
    uint64_t unreachable_blocks; /**< no pointer leads to them from a root */
    uint64_t unreachable_bytes;
    sfpm_heap_stats_t stats; /**< `base` is where the heap lay */
} sfpm_heap_survey_info_t;

/** The blocks of one type. */
typedef struct sfpm_heap_survey_type {
    const char *name;
    uint64_t blocks;
    uint64_t bytes;
    uint64_t largest; /**< bytes of the largest block */
    uint64_t unreachable_blocks;
    uint64_t unreachable_bytes;
} sfpm_heap_survey_type_t;

/** A root. */
typedef struct sfpm_heap_survey_root {
    const char *name;
    const char *type; /**< of the block */
    uint64_t address; /**< where the heap lay */
    uint64_t size;    /**< bytes of the block that may be used */
} sfpm_heap_survey_root_t;

/** A block that is allocated. */
typedef struct sfpm_heap_survey_block {
    size_t struct_size; /**< set it before the call */
    uint64_t offset;    /**< of the block in the region */
    uint64_t size;      /**< bytes that may be used */
    const char *type;
    const char *root; /**< one that leads to it; NULL: none does, or the survey is not
                           `traced` */
} sfpm_heap_survey_block_t;

/** What a survey looks at. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_heap_survey_options {
    size_t struct_size;
    uint64_t max_memory; /**< bytes that may be used; 0: 16 MiB, and 32 for each byte of
                              the image and its bases, but at most 1 GiB. If that is too
                              little to follow pointers, the survey is not `traced` */
    sfpm_edit_t *edit;   /**< NULL, or an edit of the image: the heap as it will be */
    bool tables_only;    /**< pointers are not followed: only the tables are read */
} sfpm_heap_survey_options_t;

/**
 * Looks at a heap in an image without restoring it: any image, its types need not be
 * registered. Blocks are marked from the roots through pointers of types; untyped
 * blocks, and those of types with a visitor, may point anywhere with any aligned word.
 * Self-relative pointers are not followed.
 * @param region   index of the region
 * @param options  or NULL
 * @return the survey, valid without the image and the edit, to be released; NULL with
 *         SFPM_ERR_NOT_FOUND when the region does not begin as a heap does,
 *         SFPM_ERR_CORRUPT when the heap's tables are not consistent, SFPM_ERR_LIMIT
 *         when they are too large, or as sfpm_image_read() fails
 */
SFPM_API sfpm_heap_survey_t *sfpm_heap_survey(const sfpm_image_t *image, size_t region,
                                              const sfpm_heap_survey_options_t *options);

/** Releases a survey and everything it returned. Accepts NULL. */
SFPM_API void sfpm_heap_survey_free(sfpm_heap_survey_t *survey);

/** @return the sums. */
SFPM_API const sfpm_heap_survey_info_t *
sfpm_heap_survey_info(const sfpm_heap_survey_t *survey);

/** @return a type, in the heap's order; NULL when there are not so many. */
SFPM_API const sfpm_heap_survey_type_t *
sfpm_heap_survey_type(const sfpm_heap_survey_t *survey, size_t index);

/** @return a root, in the heap's order; NULL when there are not so many. */
SFPM_API const sfpm_heap_survey_root_t *
sfpm_heap_survey_root(const sfpm_heap_survey_t *survey, size_t index);

/**
 * Finds the block that holds a byte. Texts live as long as the survey.
 * @param offset  of the byte in the region
 * @param block   receives it, with struct_size set
 * @return false with SFPM_ERR_NOT_FOUND when the byte is in no allocated block; `size` is
 *         then how many bytes from `offset` on are in none
 */
SFPM_API bool sfpm_heap_survey_block(const sfpm_heap_survey_t *survey, uint64_t offset,
                                     sfpm_heap_survey_block_t *block);

#ifdef __cplusplus
}

/** For C++: a self-relative pointer to a T. */
template <typename T> struct sfpm_relative {
    sfpm_relptr_t pointer;
    sfpm_relative(T *target = nullptr)
    {
        sfpm_relptr_set(&pointer, target);
    }
    sfpm_relative(const sfpm_relative &other) : sfpm_relative(other.get())
    {
    }
    sfpm_relative &operator=(const sfpm_relative &other)
    {
        sfpm_relptr_set(&pointer, other.get());
        return *this;
    }
    T *get() const
    {
        return static_cast<T *>(sfpm_relptr_get(&pointer));
    }
    T &operator*() const
    {
        return *get();
    }
    T *operator->() const
    {
        return get();
    }
    explicit operator bool() const
    {
        return get() != nullptr;
    }
};
#endif

#endif
