/* SPDX-License-Identifier: MIT */
/*
 * The files that a tool reads and writes in one run: nothing that is read may be
 * written over, and no two outputs may be one file. Files are told apart by device and
 * inode, whatever links lead to them.
 */
#ifndef SFPM_BIN_FILES_H
#define SFPM_BIN_FILES_H

#include <stdbool.h>

#include <sfpm/image.h>

/* Notes a file that is read. Whatever is not a regular file does not count.
 * what: which one it is, for messages: "the key file"; it must stay */
void files_read(const char *what, const char *path);
void files_read_fd(const char *what, int fd);

/* Notes the base images of a delta. */
void files_read_bases(const sfpm_image_t *image);

/* Notes a file that is about to be written, unless it is one that was noted before.
 * option: the one that names the file; it must stay
 * path:   NULL for standard output
 * remedy: what to do instead, for the message
 * Returns false with *status set after telling which. */
bool files_write(const char *option, const char *path, const char *remedy, int *status);

/* Whether standard output, to which text is printed, is none of the files noted.
 * Returns false with *status set after telling which. */
bool files_print(int *status);

/* The same for a file that will be read later. */
bool files_print_beside(const char *path, int *status);

#endif
