/* SPDX-License-Identifier: MIT */
/*
 * System calls with their interruptions and short results taken care of. Each
 * returns 0 or an errno value: the caller knows the name for the message.
 */
#ifndef SFPM_IO_FILE_H
#define SFPM_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most for one transfer: some systems refuse more than INT_MAX. */
#define SFPM_TRANSFER_MAX ((size_t)1 << 30)

/* openat() with O_CLOEXEC and O_NOCTTY added. */
int sfpm_file_open(int directory, const char *path, int flags, int *fd);

/* Creates and opens (reading and writing) a file that did not exist before. The system
 * applies the umask to `mode`. */
int sfpm_file_create(int directory, const char *path, mode_t mode, int *fd);

/* Gives a file its final name, unless something has that name already: EEXIST. That is
 * one step where the system can; elsewhere two, between which a name can be lost. */
int sfpm_file_name_new(int directory, const char *from, const char *to);

/* One read; *got is 0 at the end. A non-blocking descriptor is waited for. */
int sfpm_file_read(int fd, void *to, size_t size, size_t *got);

/* Writes all of it, front to back; *done receives the number of bytes written. */
int sfpm_file_write(int fd, const void *bytes, size_t size, size_t *done);

/* Lets a pipe hold more at a time, so that its ends take turns less often; a hint. */
void sfpm_file_widen_pipe(int fd);

/* Hands over pages instead of copies, from a file and from memory, which must not be
 * changed until they are read; *done is 0 where the system cannot. */
int sfpm_file_splice(int from, uint64_t offset, int pipe, size_t size, size_t *done);
int sfpm_file_lend(int pipe, const uint8_t *bytes, size_t size, size_t *done);

/* Puts data and size on stable storage, with `metadata` owner, mode and times too. */
int sfpm_file_sync(int fd, bool metadata);

/* Makes the names in a directory durable, where the file system can. */
int sfpm_file_sync_directory(int fd);

/* Cuts the file to `size` bytes. */
int sfpm_file_truncate(int fd, uint64_t size);

/* Closes once, and never again: after EINTR the descriptor is gone as well. */
int sfpm_file_close(int fd);

#endif
