/* SPDX-License-Identifier: MIT */
/*
 * Files under temporary names. Each is locked by the process that writes it, so that the
 * next writer can tell those that a killed process left behind, and removes them.
 */
#ifndef SFPM_IO_TEMPORARY_H
#define SFPM_IO_TEMPORARY_H

#include <sys/types.h>

/* Room for a temporary file's name, with its terminator. */
#define SFPM_TEMPORARY_MAX 160

/* Creates, locks and opens (reading and writing) a file ".LEAF.sfpm-N" that did not exist
 * before. The system applies the umask to `mode`. Files of that kind that belong to this
 * user and that nobody has locked are removed first. The lock belongs to the open file:
 * copies of the descriptor keep it. Returns 0 or an errno value. */
int sfpm_temporary_create(int directory, const char *leaf, mode_t mode,
                          char name[SFPM_TEMPORARY_MAX], int *fd);

#endif
