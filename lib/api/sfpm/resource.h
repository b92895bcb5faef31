/* SPDX-License-Identifier: MIT */
/**
 * @file resource.h
 * Files that are open when a snapshot is saved, and are to be open again, at the same
 * place, when it is restored.
 *
 * What is recorded in an image is an attribute `sfpm.file.NAME`. It is not trusted: a
 * restore opens only the paths that the program registered, or agreed to.
 */
#ifndef SFPM_RESOURCE_H
#define SFPM_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sfpm/error.h>
#include <sfpm/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a restore does with an open file. */
typedef enum sfpm_resource_policy {
    SFPM_RESOURCE_REOPEN = 0,  /**< opens the path, and goes to the recorded place */
    SFPM_RESOURCE_CLOSE = 1,   /**< it is not open afterwards */
    SFPM_RESOURCE_INHERIT = 2, /**< what the program has open there stays open; in a file
                                    it goes to the recorded place */
    SFPM_RESOURCE_FAIL = 3     /**< it must be closed: saving fails while it is open */
} sfpm_resource_policy_t;

/** What happens when the file is not the one that it was. */
typedef enum sfpm_resource_check {
    SFPM_CHECK_STRICT = 0, /**< the restore fails, memory is untouched */
    SFPM_CHECK_WARN = 1,   /**< a warning to the log */
    SFPM_CHECK_IGNORE = 2  /**< nothing: it is not looked at */
} sfpm_resource_check_t;

/** What makes it the same file. */
enum {
    SFPM_SAME_CONTENT = 1u << 0, /**< it is not shorter, and its first 4 KiB, as far as
                                      they were written, are the same: the default */
    SFPM_SAME_FILE = 1u << 1,    /**< device and inode: no copy will do */
    SFPM_SAME_TIME = 1u << 2     /**< size and time of modification: not written since */
};

/**
 * Asked where a file lies now, before it is opened.
 * @param name      of the resource
 * @param recorded  the path in the image: it may have been forged. Lives as long as the
 *                  call
 * @return the path to open, copied; NULL: the restore fails
 */
typedef const char *(*sfpm_locate_callback_t)(void *context, const char *name,
                                              const char *recorded);

/** An open file of the program. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_resource {
    size_t struct_size;
    const char *name; /**< letters, digits, '.', '_' and '-'; one of its kind; copied */
    const char *path; /**< where it lies; copied. May be NULL unless it is reopened */
    int *descriptor;  /**< the program's variable, -1 when it is not open; or NULL */
    FILE **stream;    /**< the same, NULL when it is not open; one of the two is needed.
                           The variable may lie in a registered region */
    int flags; /**< for open(2): O_RDONLY, O_WRONLY or O_RDWR, and O_APPEND, O_SYNC,
                    O_DSYNC, O_NOFOLLOW. O_CLOEXEC and O_NOCTTY are added */
    sfpm_resource_policy_t policy;
    sfpm_resource_check_t check;
    uint32_t identity; /**< SFPM_SAME_…; 0: SFPM_SAME_CONTENT */
    bool cut; /**< cuts a longer file back to the recorded size, so that what was written
                   after the save is gone as it is from memory; only if the file is the
                   same, so not with SFPM_CHECK_IGNORE or SFPM_SAME_TIME */
    sfpm_locate_callback_t locate; /**< or NULL: `path` is opened */
    void *context;                 /**< of `locate` */
} sfpm_resource_t;

/**
 * Registers an open file. At a save, after the hooks, a stream is flushed, and place,
 * size and identity are recorded. At a restore, after the `before_restore` hooks, the
 * files are opened and checked, and the restore fails with memory untouched when one
 * cannot be had; when memory is replaced they take the place of what the program had
 * open, which is closed (descriptors 0 to 2 are not), before the `after_restore` hooks.
 * A file that is not recorded in the image stays as it is.
 *
 * A stream that is reopened is another FILE, without the buffer set for the old one.
 * @param resource  copied
 * @return false with SFPM_ERR_ARGUMENT for what makes no sense
 */
SFPM_API bool sfpm_snapshot_add_resource(sfpm_snapshot_t *snapshot,
                                         const sfpm_resource_t *resource);

#ifdef __cplusplus
}
#endif

#endif
