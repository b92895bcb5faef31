/* SPDX-License-Identifier: MIT */
/*
 * What the functions of WASI need of a place that has files: directories of the host are
 * one kind. Paths are relative to an open directory, zero-terminated, and lead nowhere
 * outside it.
 */
#ifndef SFPM_WASI_FILESYSTEM_H
#define SFPM_WASI_FILESYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "files/file_record.h"
#include "wasi/abi.h"

/* An open file or directory: a descriptor of the host, for example. Negative: none. */
typedef int64_t sfpm_wasi_handle_t;

/* Facts about a file. Times are nanoseconds since 1970. */
typedef struct sfpm_wasi_stat {
    uint64_t device;
    uint64_t inode;
    uint64_t links;
    uint64_t size;
    uint64_t accessed;
    uint64_t modified;
    uint64_t changed;
    uint8_t type; /* WASI_TYPE_… */
} sfpm_wasi_stat_t;

/* Times to be set: WASI_SET_…, and nanoseconds since 1970. */
typedef struct sfpm_wasi_times {
    uint16_t which;
    uint64_t accessed;
    uint64_t modified;
} sfpm_wasi_times_t;

/* How a file is to be opened. */
typedef struct sfpm_wasi_how {
    uint16_t open;  /* WASI_CREATE, … */
    uint16_t flags; /* WASI_APPEND, … */
    bool follow;    /* a link at the end of the path */
    bool reads;
    bool writes;
} sfpm_wasi_how_t;

typedef struct sfpm_filesystem sfpm_filesystem_t;

typedef struct sfpm_filesystem_operations {
    /* Opens a regular file or a directory, nothing else. */
    sfpm_wasi_errno_t (*open)(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                              const char *path, const sfpm_wasi_how_t *how,
                              sfpm_wasi_handle_t *handle, sfpm_wasi_stat_t *stat);
    /* Opens what an image calls by its number. NULL: an image calls it by its path. */
    sfpm_wasi_errno_t (*open_inode)(sfpm_filesystem_t *files, uint64_t inode,
                                    sfpm_wasi_handle_t *handle, sfpm_wasi_stat_t *stat);
    void (*close)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle);
    sfpm_wasi_errno_t (*read)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                              void *bytes, size_t size, uint64_t at, size_t *count);
    sfpm_wasi_errno_t (*write)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                               const void *bytes, size_t size, uint64_t at,
                               size_t *count);
    /* Writes at the end of a file opened with WASI_APPEND; `end` receives where that is
     * then. */
    sfpm_wasi_errno_t (*append)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                const void *bytes, size_t size, size_t *count,
                                uint64_t *end);
    sfpm_wasi_errno_t (*stat)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                              sfpm_wasi_stat_t *stat);
    sfpm_wasi_errno_t (*set_size)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  uint64_t size);
    sfpm_wasi_errno_t (*set_times)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                   const sfpm_wasi_times_t *times);
    sfpm_wasi_errno_t (*set_flags)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                   uint16_t old, uint16_t flags);
    sfpm_wasi_errno_t (*sync)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                              bool data_only);
    sfpm_wasi_errno_t (*allocate)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  uint64_t offset, uint64_t length);
    /* Adds the entries of a directory, `.` and `..` first, by sfpm_listing_add(). */
    sfpm_wasi_errno_t (*list)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                              sfpm_buffer_t *listing);

    sfpm_wasi_errno_t (*stat_path)(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                                   const char *path, bool follow, sfpm_wasi_stat_t *stat);
    sfpm_wasi_errno_t (*set_path_times)(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t directory, const char *path,
                                        bool follow, const sfpm_wasi_times_t *times);
    sfpm_wasi_errno_t (*make_directory)(sfpm_filesystem_t *files,
                                        sfpm_wasi_handle_t directory, const char *path);
    sfpm_wasi_errno_t (*remove_directory)(sfpm_filesystem_t *files,
                                          sfpm_wasi_handle_t directory, const char *path);
    sfpm_wasi_errno_t (*unlink)(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                                const char *path);
    sfpm_wasi_errno_t (*rename)(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                                const char *old, sfpm_wasi_handle_t to, const char *path);
    sfpm_wasi_errno_t (*link)(sfpm_filesystem_t *files, sfpm_wasi_handle_t from,
                              const char *old, sfpm_wasi_handle_t to, const char *path);
    sfpm_wasi_errno_t (*symlink)(sfpm_filesystem_t *files, const char *target,
                                 sfpm_wasi_handle_t directory, const char *path);
    /* As much of the target as there is room for. */
    sfpm_wasi_errno_t (*read_link)(sfpm_filesystem_t *files, sfpm_wasi_handle_t directory,
                                   const char *path, void *target, size_t room,
                                   size_t *length);
    /* What an image records of an open file. WASI_ESTALE: the path leads to another one, or
     * nowhere. */
    sfpm_wasi_errno_t (*identify)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  const char *path, sfpm_facts_t *facts);
    /* Whether an open file is what was recorded, or with `grown` has more behind that. If
     * not, `why` receives how it differs. */
    bool (*confirm)(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle, const char *path,
                    const sfpm_facts_t *facts, bool grown, char *why, size_t room);
    void (*free)(sfpm_filesystem_t *files);
} sfpm_filesystem_operations_t;

/* The first member of what each kind has. */
struct sfpm_filesystem {
    const sfpm_filesystem_operations_t *operations;
    sfpm_wasi_handle_t root;
};

/* ---- Lists of entries ------------------------------------------------------------ */

/* An entry in a list: u64 inode, u8 type, u16 length of the name, the name. */
enum { SFPM_LISTING_HEADER = 11 };

bool sfpm_listing_add(sfpm_buffer_t *listing, uint64_t inode, uint8_t type,
                      const char *name, size_t length);

/* ---- Directories of the host: host_directory.c ------------------------------------- */

/* NULL, with the error set, when it cannot be opened. */
sfpm_filesystem_t *sfpm_host_directory_open(const char *path);

#endif
