/* SPDX-License-Identifier: MIT */
/**
 * @file memfs.h
 * Files inside an image: looking at them, and putting files there. A program that uses
 * WASI has them as a directory that is part of its state; see sfpm_wasi_add_directory().
 *
 * They are the regions `inodes` and `blocks` of an image, which sfpm-bytecode(5)
 * describes. Times are nanoseconds since 1970.
 *
 * Paths are as the program sees them: they begin with the name of the directory, or
 * without `/` and are relative to it.
 *
 * Threads: distinct objects are independent; one is used by no two threads at once.
 */
#ifndef SFPM_MEMFS_H
#define SFPM_MEMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A tree of files. */
typedef struct sfpm_memfs sfpm_memfs_t;

/** Bytes that files inside an image may have by default: 1 GiB. */
#define SFPM_MEMFS_DEFAULT_SIZE ((uint64_t)1 << 30)
/** Bytes beyond which there are no files: 1 TiB. */
#define SFPM_MEMFS_MAX_SIZE ((uint64_t)1 << 40)

/** What a name leads to. */
typedef enum sfpm_memfs_type {
    SFPM_MEMFS_DIRECTORY = 3,
    SFPM_MEMFS_FILE = 4,
    SFPM_MEMFS_LINK = 7
} sfpm_memfs_type_t;

/** Facts about a file, a directory or a symbolic link. */
typedef struct sfpm_memfs_info {
    const char *path;       /**< relative to the directory; "." for that itself */
    sfpm_memfs_type_t type;
    uint64_t inode;         /**< names with the same number lead to one file */
    uint64_t links;         /**< names that lead to it */
    uint64_t size;          /**< bytes */
    uint64_t modified;
    uint64_t accessed;
    const char *target;     /**< of a link; or NULL */
} sfpm_memfs_info_t;

/**
 * Takes the files of the commit that an image shows, or begins without any.
 * @param image     or NULL: there are none. Not needed any more afterwards
 * @param guest     without an image, the name by which the program knows the directory
 * @param max_size  bytes that the files may take; 0: SFPM_MEMFS_DEFAULT_SIZE
 * @return the files, to be destroyed; NULL with SFPM_ERR_MISMATCH when the image has none,
 *         SFPM_ERR_CORRUPT when its regions are invalid, SFPM_ERR_LIMIT when they exceed
 *         the limit
 */
SFPM_API sfpm_memfs_t *sfpm_memfs_create(const sfpm_image_t *image, const char *guest,
                                         uint64_t max_size);

/** Releases them. Accepts NULL. */
SFPM_API void sfpm_memfs_destroy(sfpm_memfs_t *memfs);

/** @return the name by which the program knows the directory. */
SFPM_API const char *sfpm_memfs_guest(const sfpm_memfs_t *memfs);

/** Receives a file; what `info` points to lives until the callback returns. Returns false
 * to receive no more. */
typedef bool (*sfpm_memfs_callback_t)(void *context, const sfpm_memfs_info_t *info);

/**
 * Calls the callback for all files, each directory before what it holds, and by name.
 * @param path  of what to begin with, which may be a file; "." for all
 * @return false when there is no such file; true also when the callback wanted no more
 */
SFPM_API bool sfpm_memfs_walk_files(const sfpm_memfs_t *memfs, const char *path,
                                    sfpm_memfs_callback_t callback, void *context);

/**
 * Reads bytes of a file, following links.
 * @param size   how many at most
 * @param count  receives how many there were; 0 at its end
 */
SFPM_API bool sfpm_memfs_read(const sfpm_memfs_t *memfs, const char *path,
                              uint64_t offset, void *to, size_t size, size_t *count);

/**
 * Makes a directory, a link or an empty file, and the directories that lead there. What
 * is there already is kept if it is a directory or a file, which then becomes empty.
 * @param info  its path, type, time of modification and target count
 */
SFPM_API bool sfpm_memfs_add(sfpm_memfs_t *memfs, const sfpm_memfs_info_t *info);

/** Writes bytes of a file; its times stay. Fails with SFPM_ERR_LIMIT when there is no
 * room. */
SFPM_API bool sfpm_memfs_write(sfpm_memfs_t *memfs, const char *path, uint64_t offset,
                               const void *bytes, size_t size);

/** Puts the regions into an edit. The files must not change, and must outlive the edit,
 * until that is written. */
SFPM_API bool sfpm_memfs_fill_edit(sfpm_memfs_t *memfs, sfpm_edit_t *edit);

#ifdef __cplusplus
}
#endif

#endif
