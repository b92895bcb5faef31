/* SPDX-License-Identifier: MIT */
/* Directories of the host, and what is done with open files of theirs. */
#ifndef SFPM_WASI_HOST_DIRECTORY_H
#define SFPM_WASI_HOST_DIRECTORY_H

#include <sys/stat.h>
#include <time.h>

#include "wasi/beneath.h"
#include "wasi/filesystem.h"

typedef struct sfpm_host_directory {
    sfpm_filesystem_t base;
    bool by_hand; /* the kernel lacks openat2() */
} sfpm_host_directory_t;

void sfpm_host_stat(const struct stat *status, sfpm_wasi_stat_t *stat);

/* Whether the path leads to that file. */
bool sfpm_host_is_at(sfpm_filesystem_t *files, const char *path,
                     const struct stat *status);

/* For utimensat(). */
void sfpm_host_times(const sfpm_wasi_times_t *times, struct timespec both[2]);

/* ---- host_files.c: the operations on handles -------------------------------------- */

void sfpm_host_close(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle);
sfpm_wasi_errno_t sfpm_host_read(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 void *bytes, size_t size, uint64_t at, size_t *count);
sfpm_wasi_errno_t sfpm_host_write(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  const void *bytes, size_t size, uint64_t at,
                                  size_t *count);
sfpm_wasi_errno_t sfpm_host_append(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                   const void *bytes, size_t size, size_t *count,
                                   uint64_t *end);
sfpm_wasi_errno_t sfpm_host_fstat(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                  sfpm_wasi_stat_t *stat);
sfpm_wasi_errno_t sfpm_host_set_size(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     uint64_t size);
sfpm_wasi_errno_t sfpm_host_set_times(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                      const sfpm_wasi_times_t *times);
sfpm_wasi_errno_t sfpm_host_set_flags(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                      uint16_t old, uint16_t flags);
sfpm_wasi_errno_t sfpm_host_sync(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 bool data_only);
sfpm_wasi_errno_t sfpm_host_allocate(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     uint64_t offset, uint64_t length);
sfpm_wasi_errno_t sfpm_host_list(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                 sfpm_buffer_t *listing);

/* ---- host_facts.c: files that are to be open again --------------------------------- */

sfpm_wasi_errno_t sfpm_host_identify(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     const char *path, sfpm_facts_t *facts);
bool sfpm_host_confirm(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                       const char *path, const sfpm_facts_t *facts, bool grown, char *why,
                       size_t room);

#endif
