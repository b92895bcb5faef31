/* SPDX-License-Identifier: MIT */
/*
 * A place for a file: its directory, held open, and its name there. A symbolic link is
 * followed when the place is opened and never again, so that anyone who changes links or
 * directories later cannot redirect the writer.
 */
#ifndef SFPM_IO_PLACE_H
#define SFPM_IO_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

typedef struct sfpm_place {
    int directory; /* a descriptor, or -1 */
    char *leaf;
} sfpm_place_t;

#define SFPM_NO_PLACE ((sfpm_place_t){.directory = -1})

/* Opens the place that a path leads to; the file itself need not exist. */
bool sfpm_place_open(sfpm_place_t *place, const char *path);
void sfpm_place_close(sfpm_place_t *place);

/* What is there now, not following links; 0 or an errno value. */
int sfpm_place_look(const sfpm_place_t *place, struct stat *info);

/* Whether two descriptions are of the same file; devices have names and numbers. */
bool sfpm_same_file(const struct stat *a, const struct stat *b);

/* Whether a path leads to that file now, through whatever links. */
bool sfpm_leads_to(const char *path, const struct stat *file);

#endif
