/* SPDX-License-Identifier: MIT */
/**
 * @file image.h
 * Looking into image files, and appending commits to them.
 *
 * An image is a log of commits; each commit describes a set of named regions
 * completely. An sfpm_image_t shows one commit at a time, the last one unless
 * another is chosen. Images of version 1 appear as images of one commit.
 *
 * Threads: distinct objects are independent. Functions that take a `const`
 * object may run concurrently on one object; others need exclusion.
 *
 * Pointers returned belong to the object and live until it is closed or shows
 * another commit.
 */
#ifndef SFPM_IMAGE_H
#define SFPM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size in bytes of image ids and digests. */
#define SFPM_DIGEST_BYTES 16

/** Region flags. They are stored in images; the numbers are frozen. */
enum {
    SFPM_REGION_DYNAMIC = 1u << 0,  /**< may have another size at the next save */
    SFPM_REGION_PORTABLE = 1u << 1, /**< means the same on every architecture */
    SFPM_REGION_POINTERS = 1u << 2, /**< holds raw addresses */
    SFPM_REGION_VOLATILE = 1u << 3, /**< contents are not saved; zeroed on restore */
    SFPM_REGION_SECRET = 1u << 4    /**< must never be saved unencrypted */
};

/** An image opened for reading. */
typedef struct sfpm_image sfpm_image_t;

/** What opens an encrypted image: one of the two. It is copied where it is kept. */
typedef struct sfpm_secret {
    size_t struct_size;
    const uint8_t *key;     /**< 32 bytes, or NULL */
    const char *passphrase; /**< or NULL */
    size_t passphrase_size; /**< bytes of it */
    uint64_t max_scrypt;    /**< what an image may ask for to make a key of the
                                 passphrase: the memory that scrypt uses, 128 N r bytes,
                                 times p. 0: 256 MiB, which takes about a second */
} sfpm_secret_t;

/** Feature bits in sfpm_image_info_t.incompatible. The numbers are frozen. */
enum {
    SFPM_FEATURE_ENCRYPTED = 1u << 1, /**< a key or a passphrase opens the image */
    SFPM_FEATURE_DELTA = 1u << 2      /**< the image needs its base image */
};

/**
 * Asked for what opens an encrypted image, or its base, when no secret was given.
 * @param name        of the image, for a prompt
 * @param passphrase  whether it is a passphrase, not a key, that opens it
 * @return the secret, which must live until the image is open; NULL when there is none
 */
typedef const sfpm_secret_t *(*sfpm_ask_callback_t)(void *context, const char *name,
                                                    bool passphrase);

/**
 * Reports the progress of a long operation: when it begins, at intervals, and
 * when it has succeeded. Both are bytes of work, not of the file; `done` is at most
 * `total`. The callback runs on the caller's thread.
 */
typedef struct sfpm_progress {
    void (*callback)(void *context, uint64_t done, uint64_t total); /**< or NULL */
    void *context;
} sfpm_progress_t;

/**
 * How to open an image. Start with `= {.struct_size = sizeof(…)}`: what is not
 * mentioned is the default.
 */
typedef struct sfpm_image_options {
    size_t struct_size;
    int64_t commit;      /**< the commit shown: 0 the last, N > 0 that number,
                              N < 0 that many before the last */
    uint64_t max_memory; /**< limit in bytes for tables read from the image; 0: 1 GiB */
    const sfpm_secret_t *secret; /**< NULL: the image is not encrypted. SFPM_ERR_KEY when
                                    it is, or when a secret is given and it is not */
    const char *base;            /**< file name of the base image of a delta, or NULL to
                                      look for it beside the delta */
    const uint8_t *digest;       /**< NULL, or the SFPM_DIGEST_BYTES that the state shown
                                      must have; otherwise SFPM_ERR_MISMATCH */
    sfpm_ask_callback_t ask; /**< or NULL; called for encrypted images when `secret` is
                                  NULL. Images that are not encrypted are opened then */
    void *ask_context;
    sfpm_progress_t progress; /**< of checking the image or a region of it, and of reading
                                   at one time much of one */
} sfpm_image_options_t;

/** Facts about the file. */
typedef struct sfpm_image_info {
    uint32_t format;               /**< 1 or 2 */
    uint8_t id[SFPM_DIGEST_BYTES]; /**< stays the same through the image's life */
    uint64_t commits;              /**< the number of the last commit */
    uint64_t first;                /**< the number of the oldest commit in the file; 1
                                        unless older ones were dropped */
    uint64_t size;                 /**< bytes in the file */
    uint64_t torn;                 /**< bytes of an unfinished commit at the end */
    uint64_t compatible;           /**< feature bits of the header */
    uint64_t incompatible;         /**< feature bits of the header */
    const char *name;              /**< by which the image was opened, for messages */
    const char *warning;           /**< a problem that is not an error, such as a torn end
                                        that was ignored; NULL: none */
    const struct sfpm_image *base; /**< the base image of a delta, or NULL */
} sfpm_image_info_t;

/** Facts about one commit. Strings are never NULL; "" when absent. */
typedef struct sfpm_commit_info {
    uint64_t number;                   /**< counts from 1 */
    uint64_t parent;                   /**< the commit it was made on; 0: none */
    uint64_t state_of;                 /**< the commit whose state this is: itself,
                                            or an earlier one after an undo */
    uint8_t digest[SFPM_DIGEST_BYTES]; /**< of the whole state, whatever its storage */
    int64_t seconds;                   /**< time since 1970-01-01 UTC */
    uint32_t nanoseconds;
    const char *description;  /**< of the image; inherited from commit to commit */
    const char *message;      /**< of this commit */
    const char *creator;      /**< the program that saved it */
    const char *architecture; /**< of native regions; "" when all are portable */
    const char *build_id;     /**< of the creator, in hexadecimal; may be "" */
    uint64_t schema;          /**< the application's schema version */
    uint32_t bytecode;        /**< bytecode version of a machine; 0: none */
    uint32_t num_attributes;
    uint64_t offset; /**< where the commit begins in the file, in bytes */
    uint64_t size;   /**< its length in the file, in bytes */
} sfpm_commit_info_t;

/** Facts about one region. */
typedef struct sfpm_region_info {
    const char *name;
    uint64_t size;                     /**< bytes */
    uint32_t flags;                    /**< SFPM_REGION_… */
    uint8_t digest[SFPM_DIGEST_BYTES]; /**< of the contents; zero in version 1 */
    uint64_t address; /**< where the region prefers to lie; 0: anywhere */
} sfpm_region_info_t;

/**
 * Opens an image file. Header, last trailer and index are verified.
 * @param filename  the path; no `@N` suffix is understood here
 * @param options   or NULL for the defaults
 * @return the image, to be closed; NULL on failure
 */
SFPM_API sfpm_image_t *sfpm_image_open(const char *filename,
                                       const sfpm_image_options_t *options);

/**
 * Opens an image from a descriptor. A regular file is read in place from its
 * current position; a pipe is read to its end first.
 * @param fd       stays the caller's and must stay open as long as the image
 * @param name     for messages, such as "standard input"
 * @param options  or NULL
 */
SFPM_API sfpm_image_t *sfpm_image_open_fd(int fd, const char *name,
                                          const sfpm_image_options_t *options);

/** Closes an image. Accepts NULL. */
SFPM_API void sfpm_image_close(sfpm_image_t *image);

/** @return facts about the file; they live as long as the image. */
SFPM_API const sfpm_image_info_t *sfpm_image_info(const sfpm_image_t *image);

/**
 * Shows another commit. On failure the image still shows the previous one.
 * @param commit  as in sfpm_image_options_t; SFPM_ERR_NO_COMMIT when there is none
 */
SFPM_API bool sfpm_image_select(sfpm_image_t *image, int64_t commit);

/** @return facts about the commit shown. */
SFPM_API const sfpm_commit_info_t *sfpm_image_commit_info(const sfpm_image_t *image);

/**
 * @param index  from 0 to num_attributes - 1; attributes are sorted by key
 * @param key    receives the key
 * @param value  receives the value
 */
SFPM_API bool sfpm_image_attribute(const sfpm_image_t *image, size_t index,
                                   const char **key, const char **value);

/** @return the number of regions of the commit shown. */
SFPM_API size_t sfpm_image_num_regions(const sfpm_image_t *image);

/** @return facts about the region with that index (from 0), NULL beyond the last. */
SFPM_API const sfpm_region_info_t *sfpm_image_region(const sfpm_image_t *image,
                                                     size_t index);

/**
 * Finds a region by name.
 * @param index  receives the index of the first region of that name
 * @return false with SFPM_ERR_MISMATCH, naming the region, when there is none
 */
SFPM_API bool sfpm_image_find_region(const sfpm_image_t *image, const char *name,
                                     size_t *index);

/**
 * Reads bytes of a region of the commit shown. They are verified against their
 * checksums (version 1 has none) before the function returns true; after a
 * failure the buffer's contents mean nothing.
 * @param index   of the region
 * @param offset  in the region, bytes
 * @param to      receives `size` bytes
 */
SFPM_API bool sfpm_image_read(const sfpm_image_t *image, size_t index, uint64_t offset,
                              void *to, size_t size);

/**
 * Receives a range of bytes that differ.
 * @param offset  in both regions
 * @param length  bytes, never 0
 * @return false to receive no more
 */
typedef bool (*sfpm_range_callback_t)(void *context, uint64_t offset, uint64_t length);

/**
 * Compares two regions, of one image or of two. What digests and checksums show to be
 * equal is not read; what is read is verified.
 * @param a         the image that holds the first region, showing the commit meant
 * @param region_a  its index there
 * @param b         the image that holds the second one; may be `a`. NULL: zeros, as many
 *                  as the first region has bytes
 * @param region_b  its index there
 * @param callback  receives the ranges that differ, in order; between two of them lies
 *                  a byte that is equal. When the sizes differ, what only the larger
 *                  region has differs as well. NULL: none, and `context` is a uint64_t that
 *                  receives how many bytes differ.
 * @return false when a region cannot be read; the ranges reported until then do differ.
 *         True also when the callback wanted no more.
 */
SFPM_API bool sfpm_image_compare(const sfpm_image_t *a, size_t region_a,
                                 const sfpm_image_t *b, size_t region_b,
                                 sfpm_range_callback_t callback, void *context);

/** Called by sfpm_image_check() for each fault found, which sfpm_last_failure() has in
 * parts. */
typedef void (*sfpm_fault_callback_t)(void *context, sfpm_status_t status,
                                      uint64_t offset, const char *text);

/**
 * Reads and checks every byte of the file: all commits, padding and dead bytes.
 * A torn tail counts as a fault.
 * @param callback  receives each fault; NULL to learn only of the first
 * @return true when there is no fault; otherwise the last error is the first fault
 */
SFPM_API bool sfpm_image_check(sfpm_image_t *image, sfpm_fault_callback_t callback,
                               void *context);

/** Called with the bytes of a commit that no later state uses (0 for the last one), and of those
 * of an interrupted commit before it. */
typedef void (*sfpm_usage_callback_t)(void *context, uint64_t commit, uint64_t unused,
                                      uint64_t torn);

/** Reports how much of each commit, the last one first, is in use. On failure, since an
 * index cannot be read, the callback was not called. */
SFPM_API bool sfpm_image_usage(const sfpm_image_t *image, sfpm_usage_callback_t callback,
                               void *context);

/* ---- Making the next commit ---------------------------------------------- */

/**
 * A commit in the making: an image's shown state, or nothing, plus changes.
 * Nothing touches a file before one of the three functions at the end.
 */
typedef struct sfpm_edit sfpm_edit_t;

/**
 * Begins an edit.
 * @param image  the state to start from; it must stay open, and show the same
 *               commit, as long as the edit lives. NULL starts a new image.
 */
SFPM_API sfpm_edit_t *sfpm_edit_create(sfpm_image_t *image);

/** Forgets an edit. Accepts NULL. */
SFPM_API void sfpm_edit_destroy(sfpm_edit_t *edit);

/**
 * Gives a region new contents, size and flags, or adds one at the end. Equal
 * names are distinguished by `instance`. Unchanged pages are found by comparison
 * and not stored again.
 * @param name      of the region; copied
 * @param instance  0 for the first region of that name, 1 for the second …
 * @param base      borrowed until the edit is written or destroyed; the memory
 *                  must not change while the edit is written
 * @param size      bytes
 * @param flags     SFPM_REGION_…; DYNAMIC, PORTABLE, POINTERS are stored,
 *                  VOLATILE stores no contents, SECRET fails with SFPM_ERR_SECRET
 */
SFPM_API bool sfpm_edit_set_region(sfpm_edit_t *edit, const char *name, size_t instance,
                                   const void *base, size_t size, uint32_t flags);

/**
 * Changes bytes of a region that the starting image holds.
 * @param index   of the region in the starting image
 * @param offset  in the region; the range must lie inside it
 * @param bytes   copied
 */
SFPM_API bool sfpm_edit_write(sfpm_edit_t *edit, size_t index, uint64_t offset,
                              const void *bytes, size_t size);

/** Reads a region as it will be: the starting image with the changes so far. */
SFPM_API bool sfpm_edit_read(sfpm_edit_t *edit, size_t index, uint64_t offset, void *to,
                             size_t size);

/** Sets a text of the next commit; it is copied, NULL keeps the old one. Text
 * over 65,535 bytes is SFPM_ERR_LIMIT. @{ */
SFPM_API bool sfpm_edit_set_description(sfpm_edit_t *edit, const char *text);
SFPM_API bool sfpm_edit_set_message(sfpm_edit_t *edit, const char *text);
SFPM_API bool sfpm_edit_set_creator(sfpm_edit_t *edit, const char *text);
/** @} */

/** Sets an attribute, or removes it when `value` is NULL. */
SFPM_API bool sfpm_edit_set_attribute(sfpm_edit_t *edit, const char *key,
                                      const char *value);

/** Sets the format of the image written by sfpm_edit_save() and its sibling: 2, or 1 for
 * the original layout, which holds one commit, no attributes and at most 255 bytes of
 * description. The default is that of the starting image. Written in another format than
 * that has, the commit keeps its time. */
SFPM_API bool sfpm_edit_set_format(sfpm_edit_t *edit, uint32_t format);

/**
 * Sets how the contents of this and, until set again, all later commits are
 * compressed. Chunks that do not become smaller are stored as they are.
 * @param method   "none", "lz4", "zstd", or one of the two with ":LEVEL"
 * @param workers  threads that compress; 0 and 1: only the caller. The bytes
 *                 written do not depend on it.
 * @return SFPM_ERR_ARGUMENT for an unknown method, SFPM_ERR_UNSUPPORTED for one whose
 *         library is missing
 */
SFPM_API bool sfpm_edit_set_compression(sfpm_edit_t *edit, const char *method,
                                        unsigned workers);

/**
 * Encrypts the new image that the edit makes; then *secret* regions can be saved.
 * To be called before they are set. Commits of an encrypted image need no call: they
 * are encrypted as the image is, under keys of their own.
 * @param secret  a key or a passphrase
 */
SFPM_API bool sfpm_edit_set_secret(sfpm_edit_t *edit, const sfpm_secret_t *secret);

/**
 * Makes the edit repeat the state of another commit. Excludes other changes.
 * @param commit  its number; 0: the parent of the state shown
 * @return SFPM_ERR_NO_COMMIT without such a commit; SFPM_ERR_UNSUPPORTED for version 1
 */
SFPM_API bool sfpm_edit_undo(sfpm_edit_t *edit, uint64_t commit);

/** No append is synced. */
#define SFPM_SYNC_NEVER UINT64_MAX

/** How an edit is written. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_write_options {
    size_t struct_size;
    uint32_t mode;          /**< permissions of a new file before the umask; 0: 0666 */
    bool ignore_hard_links; /**< append although the file has several names */
    /** receives remarks about the file that is written, without its name; or NULL */
    void (*warn)(void *context, const char *text);
    void *warn_context;
    sfpm_progress_t progress; /**< of writing, and of what has to be found out before */
    /** For a signal handler that is to remove, with unlinkat(), what a save has written
     * so far; or NULL. Called in the saving thread with the name of the temporary file,
     * when there is one, in the open directory; then with NULL when it has been renamed
     * or removed. */
    void (*temporary)(void *context, int directory, const char *name);
    void *temporary_context;
    uint64_t keep;       /**< of an append: the least number of commits to keep, 0 for all.
                              When the file holds twice as many, it is rewritten without
                              the oldest ones. If that fails, the commit succeeds
                              nevertheless, and `warn` is called */
    uint64_t sync_every; /**< of an append: 0 or 1 syncs each commit, so that it is durable;
                              N syncs those whose number is a multiple of N,
                              SFPM_SYNC_NEVER none. A commit that is not synced survives
                              a kill of the process, but may be lost in a power failure */
} sfpm_write_options_t;

/**
 * Appends the edit as one commit to the file that the image was opened from, and makes
 * the image show it, if there is memory for that. Durable when it returns true, unless
 * `sync_every` says otherwise; on failure the file is as it was. SFPM_ERR_CHANGED when
 * the image does not know its last commit; SFPM_ERR_LOCKED while another writes. Version
 * 1 is replaced atomically.
 */
SFPM_API bool sfpm_edit_append(sfpm_edit_t *edit, const sfpm_write_options_t *options);

/**
 * Locks that file already and until the image is closed: others can read it, not write.
 * Fails as the append does; of the options `warn` and `ignore_hard_links` count.
 */
SFPM_API bool sfpm_image_lock(sfpm_image_t *image, const sfpm_write_options_t *options);

/**
 * Writes an image file, atomically: the starting image's bytes, if any, followed
 * by the new commit; so it equals what sfpm_edit_append() would have left.
 */
SFPM_API bool sfpm_edit_save(sfpm_edit_t *edit, const char *filename,
                             const sfpm_write_options_t *options);

/** The same onto a descriptor, front to back; it is not closed. */
SFPM_API bool sfpm_edit_save_fd(sfpm_edit_t *edit, int fd, const char *name,
                                const sfpm_write_options_t *options);

/* ---- Rewriting an image --------------------------------------------------- */

/** How an image is rewritten. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_rewrite_options {
    size_t struct_size;
    const char *compression;     /**< as in sfpm_edit_set_compression(); NULL: as each
                                      commit was */
    unsigned workers;            /**< threads that compress */
    const sfpm_secret_t *secret; /**< encrypts, or encrypts again; NULL: as it was */
    bool decrypt;                /**< writes an encrypted image unencrypted */
    bool flatten;                /**< only the state shown, as one commit, without base */
    uint64_t keep;               /**< only the last so many commits; 0: all of them */
    sfpm_image_t *base; /**< makes a delta of the state shown against this image's; NULL:
                             what a base holds is copied in */
    const sfpm_write_options_t *write; /**< or NULL */
} sfpm_rewrite_options_t;

/**
 * Writes all commits, or those asked for, into a new file, atomically: numbers, times
 * and texts stay, dead bytes go. The file may be the image's own; then the image must
 * be opened again. Fails with SFPM_ERR_CHANGED when the image got another commit
 * meanwhile.
 */
SFPM_API bool sfpm_image_rewrite(sfpm_image_t *image, const char *filename,
                                 const sfpm_rewrite_options_t *options);

/**
 * Called for what a salvage finds.
 * @param commit     number of the commit in the damaged image
 * @param region     its region, or NULL for the commit as a whole
 * @param recovered  false when it is lost
 * @param text       what is wrong with it; "" when nothing is
 */
typedef void (*sfpm_salvage_callback_t)(void *context, uint64_t commit,
                                        const char *region, bool recovered,
                                        const char *text);

/**
 * Recovers what is intact in a damaged image of version 2: searches the whole file for
 * trailers, and writes a new image, atomically, of all commits whose index can be read,
 * each with the regions that can be read whole. They are renumbered; the attribute
 * `salvaged.commit` holds the old number.
 * @param filename  the damaged image; it is only read
 * @param output    the new image; must be another file, not another name of this one
 * @param options   what opens the image, or NULL
 * @param callback  or NULL
 * @return false when nothing could be recovered, or the output cannot be written
 */
SFPM_API bool sfpm_image_salvage(const char *filename, const char *output,
                                 const sfpm_image_options_t *options,
                                 const sfpm_write_options_t *write,
                                 sfpm_salvage_callback_t callback, void *context);

/** The same as sfpm_image_rewrite() onto a descriptor, front to back; it is not
 * closed. */
SFPM_API bool sfpm_image_rewrite_fd(sfpm_image_t *image, int fd, const char *name,
                                    const sfpm_rewrite_options_t *options);

#ifdef __cplusplus
}
#endif

#endif
