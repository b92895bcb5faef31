/* SPDX-License-Identifier: MIT */
/*
 * One writer at a time: an advisory lock on the whole file, which belongs to
 * the open descriptor and goes with it (and with copies that a fork made).
 */
#ifndef SFPM_IO_LOCK_H
#define SFPM_IO_LOCK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "io/output.h"
#include "io/place.h"

/* Opens the regular file at a place with the given access mode and locks it without
 * waiting. SFPM_ERR_LOCKED names the holder if the system reports it; without locks,
 * options->warn is called. SFPM_ERR_CHANGED: another file has come to the place
 * meanwhile. The caller closes *fd. */
bool sfpm_lock_open(const sfpm_place_t *place, int access, const char *path,
                    const sfpm_output_options_t *options, int *fd, struct stat *info);

/* Locks an open file without waiting: 0, EWOULDBLOCK if another open file has the lock,
 * or another errno value: not every system, and not every file system, has such locks. */
int sfpm_lock_whole(int fd);

/* Passes a remark about the file that is written to the callback, if there is one. */
void sfpm_output_warn(const sfpm_output_options_t *options, const char *text);

#endif
