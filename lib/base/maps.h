/* SPDX-License-Identifier: MIT */
/* The address space of this process: what mappings the system lists, and their pages. */
#ifndef SFPM_BASE_MAPS_H
#define SFPM_BASE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

/* Memory that is not reserved until it is used, where the system can do that. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* A list that is being read. `error` is the errno value of what stopped it early, else
 * 0: the thread's last error is not set here. */
typedef struct sfpm_maps {
    FILE *file;
    char *line;
    char *flags;
    size_t line_size;
    size_t flags_size;
    bool with_flags;
    int error;
} sfpm_maps_t;

/* Addresses from `start` up to, not including, `end`. Texts are valid until the next
 * entry is read. */
typedef struct sfpm_maps_entry {
    uintptr_t start;
    uintptr_t end;
    char permissions[5]; /* "rwxp"; '-' for what is not allowed, 's' when shared */
    uint64_t inode;      /* of the file that is mapped; 0: none */
    const char *name;    /* the file, or what the system calls it; "": anonymous */
    const char *flags;   /* as VmFlags of proc(5), each after a space; NULL: not read */
} sfpm_maps_entry_t;

/* Begins with the mapping of the lowest addresses; with_flags reads `flags` as well, which
 * is slower. A system that has no such list has no mappings. */
void sfpm_maps_open(sfpm_maps_t *maps, bool with_flags);

/* The next mapping; false after the last, or when the list cannot be read. */
bool sfpm_maps_next(sfpm_maps_t *maps, sfpm_maps_entry_t *entry);

void sfpm_maps_close(sfpm_maps_t *maps);

/* Whether a mapping is private: what is written there, other processes do not see. */
bool sfpm_maps_is_private(const sfpm_maps_entry_t *entry);

/* Whether some of the memory is known to be a shared mapping. */
bool sfpm_memory_is_shared(const void *base, size_t size);

/* Opens the list of pages unless *pagemap is open, that is not -1; the caller closes it.
 * False if the system has none, or a portable build does not ask. */
bool sfpm_pagemap_open(int *pagemap);

/* Reads what the system knows of the pages from an address on, as pagemap of proc(5): bit
 * 63 when one is present, 62 when it is swapped out, 61 when it is of a file. Returns the
 * number of entries read, 0 if it does not tell. */
size_t sfpm_pagemap_read(int *pagemap, uintptr_t from, uint64_t *entries, size_t count);

#endif
