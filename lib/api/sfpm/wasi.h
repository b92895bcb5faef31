/* SPDX-License-Identifier: MIT */
/**
 * @file wasi.h
 * WASI preview 1 for programs of the bytecode machine: arguments, environment, clocks,
 * random numbers, the standard streams and directories of the host, in such a way that a
 * program can be stopped, saved and resumed. sfpm-wasm(7) lists the functions.
 *
 * What lasts of it is the region `files` of an image, which sfpm-bytecode(5) describes.
 * It is not trusted: a resumed program gets only directories that were added again.
 *
 * Threads: distinct worlds are independent. One world belongs to one machine at a time,
 * and is used by no two threads at once.
 */
#ifndef SFPM_WASI_H
#define SFPM_WASI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/image.h>
#include <sfpm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a program sees of its host. */
typedef struct sfpm_wasi sfpm_wasi_t;

/** The clocks of a program. */
typedef enum sfpm_wasi_clock {
    SFPM_WASI_REALTIME = 0, /**< since 1970 */
    SFPM_WASI_MONOTONIC = 1 /**< since the program began; stands still while it does not
                                 run */
} sfpm_wasi_clock_t;

/** Bytes of the longest name of a directory, as the program sees it. */
#define SFPM_WASI_MAX_PATH 4095

/** What a program is given. Start with `= {.struct_size = sizeof(…)}`; all strings are
 * copied. */
typedef struct sfpm_wasi_options {
    size_t struct_size;
    const char *const *arguments; /**< NULL at the end; the first is the program's name;
                                       or NULL: there are none */
    const char *const *environment; /**< NAME=VALUE, NULL at the end; or NULL */
    int input;          /**< descriptor of standard input; negative: there is none, and the
                             program reads end of file */
    uint32_t terminals; /**< bit N: the program's descriptor N, of 0 to 2, looks like a
                             terminal */
    void *context;      /**< of the functions below, each of which may be NULL */
    /** Reads standard input, at least one byte unless it has ended; instead of `input`,
     * which then is only looked at for whether there is something to read. To be
     * interrupted, it returns SFPM_NATIVE_RETRY. */
    sfpm_native_result_t (*read)(void *context, void *bytes, size_t size, size_t *count);
    /** Writes all bytes to standard output or error, 1 or 2; or returns false, for the
     * reason in errno. No bytes at all: the program is about to wait, and what was kept
     * back is to be seen. NULL: the process's own. */
    bool (*write)(void *context, int stream, const void *bytes, size_t size);
    /** The time in nanoseconds, instead of the system's; a wait then only adds its
     * length in nanoseconds, `wait`, and is over. */
    uint64_t (*clock)(void *context, sfpm_wasi_clock_t clock, uint64_t wait);
    /** Random bytes, instead of the system's; false, for the reason in errno. */
    bool (*random)(void *context, void *bytes, size_t size);
    /** Receives a warning about an open file that a resumed program cannot have. */
    void (*warn)(void *context, const char *text);
    uint64_t max_files; /**< bytes that files inside the image may have; 0:
                             SFPM_MEMFS_DEFAULT_SIZE */
} sfpm_wasi_options_t;

/** @return a world for one program, to be destroyed; NULL with the error set.
 *  @param options  or NULL for the defaults: descriptor 0 is standard input */
SFPM_API sfpm_wasi_t *sfpm_wasi_create(const sfpm_wasi_options_t *options);

/** Releases it, after the machine that uses it or before that runs no more. Accepts NULL.
 */
SFPM_API void sfpm_wasi_destroy(sfpm_wasi_t *wasi);

/** How a directory is given to a program. */
enum {
    SFPM_WASI_READ_ONLY = 1u << 0, /**< nothing in it can be changed */
    SFPM_WASI_IN_IMAGE = 1u << 1   /**< it lies in the image, not on the host */
};

/**
 * Gives the program a directory of the host, in the order of the calls, before it begins
 * or sfpm_wasi_restore() resumes it. The program reaches nothing outside it, whatever
 * paths and links say. Or gives it one directory inside the image, which is empty before
 * sfpm_wasi_restore() finds files in an image: see <sfpm/memfs.h>.
 * @param host   its path, opened now; NULL for SFPM_WASI_IN_IMAGE
 * @param guest  the name by which the program knows it, of 1 to SFPM_WASI_MAX_PATH bytes
 * @param flags  SFPM_WASI_READ_ONLY, SFPM_WASI_IN_IMAGE or 0
 */
SFPM_API bool sfpm_wasi_add_directory(sfpm_wasi_t *wasi, const char *host,
                                      const char *guest, uint32_t flags);

/** Offers the functions of WASI to programs of the machine, as modules
 * `wasi_snapshot_preview1` and `wasi_unstable`. They must not run when the world is
 * destroyed. */
SFPM_API bool sfpm_wasi_offer(sfpm_wasi_t *wasi, sfpm_vm_t *vm);

/** What sfpm_wasi_restore() may do otherwise than refuse. */
enum {
    SFPM_WASI_DETACH_FILES = 1u << 0,  /**< what cannot be open again is EBADF for the
                                            program from now on */
    SFPM_WASI_ACCEPT_CHANGED = 1u << 1, /**< files are open again even if they changed */
    SFPM_WASI_BEGIN = 1u << 2 /**< the program begins: of the image, only the files inside
                                   it count */
};

/**
 * Goes on as the commit that an image shows says: its files are open again, in the
 * directories that were added, and its clock goes on. Without a region `files` the
 * program begins. Files that it only appended to are cut back to the length they had.
 * Files inside the image need not be added.
 * @param flags  SFPM_WASI_DETACH_FILES, SFPM_WASI_ACCEPT_CHANGED and SFPM_WASI_BEGIN, or 0
 * @return false with SFPM_ERR_MISMATCH and the name of the directory that was not added,
 *         or of the file that is another; SFPM_ERR_CORRUPT when the region is invalid.
 *         The world is then to be destroyed
 */
SFPM_API bool sfpm_wasi_restore(sfpm_wasi_t *wasi, const sfpm_image_t *image,
                                uint32_t flags);

/** Puts the region `files` into an edit, and those of the files inside it. The world must not change, and must outlive the
 * edit, until that is written. */
SFPM_API bool sfpm_wasi_fill_edit(sfpm_wasi_t *wasi, sfpm_edit_t *edit);

/** Whether the program has ended by `proc_exit`. @param status  receives its status */
SFPM_API bool sfpm_wasi_exited(const sfpm_wasi_t *wasi, uint32_t *status);

/** @return the types of a function of WASI, such as `i32 i32 -> i32`, as
 *          sfpm_vm_signature() writes them; NULL when sfpm_wasi_offer() offers no such
 *          function under these names */
SFPM_API const char *sfpm_wasi_signature(const char *module, const char *name);

#ifdef __cplusplus
}
#endif

#endif
