/* SPDX-License-Identifier: MIT */
/*
 * Where image bytes go. Three kinds behind one interface: a new file that appears whole
 * or not at all, an append to an existing file under its lock, and a stream. Bytes are
 * only ever written front to back.
 *
 * Messages start with the path. After a failure an output only fails, always for the
 * first reason. One thread at a time may use an output. Signal dispositions are not
 * changed: callers that write to pipes ignore SIGPIPE. The lock also belongs to children
 * forked meanwhile, until they end or run a program.
 */
#ifndef SFPM_IO_OUTPUT_H
#define SFPM_IO_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct sfpm_output sfpm_output_t;

/* Receives non-fatal remarks ("this file system has no locks"). */
typedef void (*sfpm_output_warn_t)(void *context, const char *text);

/* Receives the directory and the temporary name of a new file when that is created, and
 * NULL when it is renamed or removed. */
typedef void (*sfpm_output_temporary_t)(void *context, int directory, const char *name);

typedef struct sfpm_output_options {
    mode_t mode;            /* permissions of a new file before the umask; 0: 0666 */
    bool only_new;          /* fail with SFPM_ERR_CHANGED when there is a file already */
    bool ignore_hard_links; /* append although the file has several names */
    bool unsynced; /* appended bytes are handed to the system and not synced: they survive
                      the end of the process, and may be lost with the system's */
    const int *held; /* a descriptor, of sfpm_output_hold(), that holds the lock on an
                        existing file already and keeps it; NULL: the lock is taken. A file
                        that replaces that one is then locked, too */
    sfpm_output_warn_t warn; /* or NULL */
    void *warn_context;
    sfpm_output_temporary_t temporary; /* or NULL */
    void *temporary_context;
} sfpm_output_options_t;

/* A new file at `path`, which appears under that name at sfpm_output_finish():
 * temporary file beside the target (after following a final symlink once),
 * synced, owner and mode of a file it replaces kept, renamed, directory synced.
 * When the target exists and is not a regular file (a pipe, a terminal), or names a
 * descriptor (/dev/stdout, /dev/fd/3), it is written as a stream. An existing regular target must be writable and is locked
 * meanwhile: SFPM_ERR_LOCKED names the holder. Nothing is known to be on stable
 * storage before the finish. `options` may be NULL. */
sfpm_output_t *sfpm_output_create(const char *path, const sfpm_output_options_t *options);

/* Appends to an existing regular file: takes the lock, compares the inode with
 * the path then and when finishing (SFPM_ERR_CHANGED), refuses several hard links
 * unless told otherwise. Writing starts at the end of the file: sfpm_output_offset(). On
 * sfpm_output_discard() the file is cut back to that size. */
sfpm_output_t *sfpm_output_append(const char *path, const sfpm_output_options_t *options);

/* A descriptor that holds the lock of an append, or of a file that replaces a `held` one,
 * beyond its end, for `held`; the caller's. -1 on failure. */
int sfpm_output_hold(sfpm_output_t *output);

/* A stream on a descriptor, which stays the caller's. Block devices, and files that hold
 * bytes behind the descriptor's position, are refused: old bytes would follow. */
sfpm_output_t *sfpm_output_stream(int fd, const char *name);

/* The regular file whose own bytes are written, by an append or a stream, to be compared
 * with an input's; NULL: there is none. */
const struct stat *sfpm_output_file(const sfpm_output_t *output);

/* The position in bytes of the next byte written. */
uint64_t sfpm_output_offset(const sfpm_output_t *output);

/* Writes bytes; small pieces are gathered, large ones go out directly. Short
 * writes and EINTR are handled; EPIPE is SFPM_ERR_SYSTEM with errno EPIPE. */
bool sfpm_output_write(sfpm_output_t *output, const void *bytes, size_t size);
/* A new file may get a hole instead of many zeros. */
bool sfpm_output_zeros(sfpm_output_t *output, uint64_t count);

/* For io/relay.c, which hands over pages itself: the descriptor when this is a pipe and
 * still works, with all that was gathered in it, else -1; and what came of it, an errno
 * value or 0. */
int sfpm_output_pipe(sfpm_output_t *output);
bool sfpm_output_passed(sfpm_output_t *output, size_t size, int error);

/* Announces how many bytes are about to follow, so that space can be reserved; a hint,
 * but a full disk may be reported here already. */
bool sfpm_output_reserve(sfpm_output_t *output, uint64_t size);

/* All that was appended so far is on stable storage when this returns true. A
 * stream's bytes have been handed to the system; a new file's will be safe once
 * it appears, which is all that counts for it. A failed sync is final. */
bool sfpm_output_sync(sfpm_output_t *output);

/* Completes the output, as described with its kind, and frees it, whether or not this
 * succeeds. On failure a new file has not appeared (with one exception: its directory
 * cannot be synced, as the message then says) and an appended one has been cut back.
 * SFPM_ERR_CHANGED: another file has come to the path meanwhile. */
bool sfpm_output_finish(sfpm_output_t *output);

/* Gives up and frees the output; the thread's error is kept. NULL is allowed. */
void sfpm_output_discard(sfpm_output_t *output);

#endif
