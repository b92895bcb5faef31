/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of other programs, which may be slow, non-blocking or closed: a transfer
 * that is refused at the moment waits.
 */
#ifndef SFPM_BIN_STREAM_H
#define SFPM_BIN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Puts streams that wait in the place of stdout and stderr, where the C library can.
 * failed: called when standard output cannot be written, with errno; may end the tool */
void stream_start(void (*failed)(void));

/* read() that waits: the number of bytes, 0 at the end, -1 and errno on failure. */
ssize_t stream_read(int fd, void *to, size_t size);

/* From now on `stop` is asked while a write waits. Once it returns true, what was not
 * written to this descriptor, and what follows, is kept instead. */
void stream_keep(int fd, bool (*stop)(void));

/* What was kept, of *size bytes; valid until more is kept. */
const void *stream_kept(size_t *size);

#endif
