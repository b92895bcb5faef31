/* SPDX-License-Identifier: MIT */
/*
 * Where image bytes come from. One read path for all: a regular file is read in
 * place, anything else (a pipe, a FIFO, a terminal) is first taken in whole,
 * into memory or, when it grows large, into an unlinked temporary file.
 */
#ifndef SFPM_IO_INPUT_H
#define SFPM_IO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct sfpm_input sfpm_input_t;

/* Opens a file for reading. A directory, an unreadable or missing file gives
 * NULL with the system's reason; the message starts with the path. */
sfpm_input_t *sfpm_input_open(const char *path);

/* The same for names that come out of an image: a regular file only, and not through
 * a symbolic link. */
sfpm_input_t *sfpm_input_open_plain(const char *path);

/* Reads from a descriptor that stays the caller's and must outlive the input.
 * A regular file counts from its current position; anything else is read to
 * its end now. `name` is for messages ("standard input") and is copied. */
sfpm_input_t *sfpm_input_open_fd(int fd, const char *name);

/* The same, with the number of bytes that may be held in memory before a
 * temporary file in TMPDIR is used instead; 0: half of the machine's memory. */
sfpm_input_t *sfpm_input_open_fd_within(int fd, const char *name, uint64_t memory_limit);

/* Bytes already in memory; they are borrowed and must outlive the input. */
sfpm_input_t *sfpm_input_open_memory(const void *bytes, size_t size, const char *name);

/* Accepts NULL. */
void sfpm_input_close(sfpm_input_t *input);

/* Size in bytes when the input was opened, and as refreshed below. */
uint64_t sfpm_input_size(const sfpm_input_t *input);
const char *sfpm_input_name(const sfpm_input_t *input);

/* Where the input's bytes are, for callers that pass pages on instead of copying: in
 * pages that are never changed, or in a file from `start` on. False if they are
 * elsewhere. */
typedef struct sfpm_pages {
    const uint8_t *bytes; /* NULL: in the file */
    int fd;
    uint64_t start;
} sfpm_pages_t;
bool sfpm_input_pages(const sfpm_input_t *input, sfpm_pages_t *pages);

/* The file, pipe or device that the input was opened on, as it was then; NULL: memory. */
const struct stat *sfpm_input_file(const sfpm_input_t *input);

/* Reads exactly `size` bytes at `offset`. Beyond the end: SFPM_ERR_TRUNCATED
 * with the offset, also when the file shrank since it was opened. Handles short
 * reads and EINTR. May be called by several threads at once. */
bool sfpm_input_read(const sfpm_input_t *input, uint64_t offset, void *to, size_t size);

/* Whether parts of the input at multiples of `unit` bytes can be mapped: it is a file,
 * and the system's pages are not larger. */
bool sfpm_input_is_mappable(const sfpm_input_t *input, size_t unit);

/* Maps bytes of the file over memory of the caller, whole pages, private and writable.
 * Touching them beyond the end of a file that was cut since is SIGBUS. */
bool sfpm_input_map(const sfpm_input_t *input, uint64_t offset, void *to, size_t size);

/* Looks at the file's size again, as an appender does after taking the lock. */
bool sfpm_input_refresh(sfpm_input_t *input);

#endif
