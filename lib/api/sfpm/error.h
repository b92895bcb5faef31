/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * The cause of a failure.
 *
 * Functions of libsfpm return `true` (or a pointer) on success and `false` (or
 * NULL) on failure. The failing function records the cause for the calling
 * thread; the functions below read it. It stays until the thread's next
 * failing call; successful calls leave it alone.
 */
#ifndef SFPM_ERROR_H
#define SFPM_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include <sfpm/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What went wrong. The numbers are frozen; new ones are appended.
 */
typedef enum sfpm_status {
    SFPM_OK = 0,              /**< no failure so far in this thread */
    SFPM_ERR_ARGUMENT = 1,    /**< the caller passed something impossible */
    SFPM_ERR_MEMORY = 2,      /**< out of memory */
    SFPM_ERR_SYSTEM = 3,      /**< a system call failed: see sfpm_last_errno() */
    SFPM_ERR_NOT_FOUND = 4,   /**< the file does not exist */
    SFPM_ERR_NOT_IMAGE = 5,   /**< the file is not an sfpm image */
    SFPM_ERR_UNSUPPORTED = 6, /**< a newer format, or a feature this build lacks */
    SFPM_ERR_TRUNCATED = 7,   /**< the image ends too early */
    SFPM_ERR_CHECKSUM = 8,    /**< stored bytes do not match their checksum */
    SFPM_ERR_CORRUPT = 9,     /**< checksums hold, but the contents make no sense */
    SFPM_ERR_LIMIT = 10,      /**< a size or count is over its limit */
    SFPM_ERR_MISMATCH = 11,   /**< image and program disagree about the regions */
    SFPM_ERR_BYTECODE = 12,   /**< the verifier refused the program or its state */
    SFPM_ERR_TRAP = 13,       /**< the running program trapped */
    SFPM_ERR_KEY = 14,        /**< a key is wrong, missing or needed */
    SFPM_ERR_LOCKED = 15,     /**< another process is writing the image */
    SFPM_ERR_CHANGED = 16,    /**< the image was changed by another since it was read */
    SFPM_ERR_INTERNAL = 17,   /**< a mistake in sfpm itself */
    SFPM_ERR_NO_COMMIT = 18,  /**< the image has no such commit */
    SFPM_ERR_SYNTAX = 19,     /**< assembly text or an edit cannot be understood */
    SFPM_ERR_SECRET = 20,     /**< a secret region would be written unencrypted */
    SFPM_ERR_REFUSED = 21,    /**< a callback of the program refused; nothing was done */
    SFPM_ERR_UNFINISHED = 22  /**< memory is restored, but what follows failed */
} sfpm_status_t;

/** Offset of a failure that has no place in a file. */
#define SFPM_NO_OFFSET UINT64_MAX

/**
 * What the caller can do about a failure, where that is known. sfpm_last_error() says it
 * in words of the library; a program that has other names for it, such as an option, says
 * it in its own. The numbers are frozen; new ones are appended.
 */
typedef enum sfpm_remedy {
    SFPM_REMEDY_NONE = 0,
    SFPM_REMEDY_MORE_MEMORY = 1, /**< raise `max_memory` or sfpm_vm_set_max_memory() */
    SFPM_REMEDY_RESTART = 2,     /**< sfpm_vm_restart(): the program itself is valid */
    SFPM_REMEDY_SALVAGE = 3,     /**< an earlier commit, or sfpm_image_salvage() */
    SFPM_REMEDY_ASSEMBLE = 4,    /**< sfpm_vm_assemble(), if the file is a program */
    SFPM_REMEDY_MORE_SCRYPT = 5, /**< raise `max_scrypt` of the secret */
    SFPM_REMEDY_RETURN = 6,      /**< run the machine until that call has returned, or
                                      sfpm_vm_restart() */
    SFPM_REMEDY_LAYOUT = 7,      /**< keep variables at their addresses: sfpm-wasm(7) */
    SFPM_REMEDY_DIRECTORY = 8,   /**< sfpm_wasi_add_directory(), or
                                      SFPM_WASI_DETACH_FILES */
    SFPM_REMEDY_DETACH_FILE = 9, /**< SFPM_WASI_DETACH_FILES */
    SFPM_REMEDY_CHANGED_FILE = 10, /**< put the file back, or SFPM_WASI_ACCEPT_CHANGED */
    SFPM_REMEDY_MORE_FILES = 11    /**< raise `max_files`, or `max_size` of the files */
} sfpm_remedy_t;

/** A failure in parts. New members are added at the end. */
typedef struct sfpm_failure {
    sfpm_status_t status;
    sfpm_remedy_t remedy;
    uint64_t offset;     /**< of the fault in the file, in bytes, or SFPM_NO_OFFSET */
    const char *subject; /**< the file at fault as the caller named it; "" if none is */
    const char *text;    /**< what is wrong, without subject and remedy */
    const char *detail;  /**< the end of `text`, without the region where it was met */
} sfpm_failure_t;

/** @return the status of the calling thread's last failure, SFPM_OK before any. */
SFPM_API sfpm_status_t sfpm_last_status(void);

/** @return the errno value saved with the last failure, 0 when none applies. */
SFPM_API int sfpm_last_errno(void);

/**
 * @return the last failure in parts, never NULL. It and its texts belong to the thread and
 * are overwritten by its next failing call.
 */
SFPM_API const sfpm_failure_t *sfpm_last_failure(void);

/**
 * @return the complete message of the last failure, without prefix or newline: subject,
 * text and remedy, separated by ": "; empty before any. The text belongs to the
 * thread and is overwritten by its next failing call.
 */
SFPM_API const char *sfpm_last_error(void);

/**
 * For callbacks of the program, such as hooks: records SFPM_ERR_REFUSED and a message,
 * which the library passes on with the callback's name.
 * @param format  as for printf(); the text needs no newline
 * @return false, so that callbacks write `return sfpm_refuse(…)`
 */
SFPM_API bool sfpm_refuse(const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
