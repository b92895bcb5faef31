/* SPDX-License-Identifier: MIT */
/* What an image records of an open file, as the text of an attribute. */
#ifndef SFPM_FILES_FILE_RECORD_H
#define SFPM_FILES_FILE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "codec/checksum.h"

/* How many bytes at the start of a file tell what file it is, at most. */
#define SFPM_HEAD_SIZE 4096

typedef struct sfpm_facts {
    enum { SFPM_FACTS_CLOSED, SFPM_FACTS_OTHER, SFPM_FACTS_FILE } kind;
    /* Of files alone: */
    uint64_t offset; /* where the next byte is read or written */
    uint64_t size;
    uint64_t device;
    uint64_t inode;
    int64_t seconds; /* of the last modification */
    uint32_t nanoseconds;
    bool has_head;
    uint8_t head[SFPM_DIGEST_SIZE];
    const char *path;
} sfpm_facts_t;

/* Makes the facts of a regular file except `offset` and `path`. Its start is read
 * through the path when the descriptor cannot be read. */
void sfpm_facts_of_file(sfpm_facts_t *facts, int fd, const struct stat *status,
                        const char *path);

/* The text, to be freed; NULL when out of memory. */
char *sfpm_facts_encode(const sfpm_facts_t *facts);

/* Facts from a text, in which `path` then lies; SFPM_ERR_CORRUPT. */
bool sfpm_facts_decode(sfpm_facts_t *facts, const char *text);

/* Whether a file is the one that these facts describe, by SFPM_SAME_…; if not, `why`
 * receives how it differs. */
bool sfpm_facts_match(const sfpm_facts_t *facts, uint32_t identity, int fd,
                      const struct stat *status, const char *path, char *why,
                      size_t room);

#endif
