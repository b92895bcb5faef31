/* SPDX-License-Identifier: MIT */
/* The program's open files, across saving and restoring. */
#ifndef SFPM_FILES_FILES_H
#define SFPM_FILES_FILES_H

#include <sfpm/resource.h>

#include "snapshot/snapshot.h"

/* Attributes that record them; the key of the longest name and its end. */
#define SFPM_RESOURCE_PREFIX   "sfpm.file."
#define SFPM_RESOURCE_KEY_SIZE 80

/* What a restore is about to do with one. */
typedef struct sfpm_staged {
    enum {
        SFPM_STAGED_STAY,
        SFPM_STAGED_SHUT,
        SFPM_STAGED_OPENED,
        SFPM_STAGED_MOVE
    } action;
    int fd;           /* the one opened; owned by `stream` if there is one */
    FILE *stream;     /* the same */
    int old_fd;       /* what the program had open, as its variable told … */
    FILE *old_stream; /* … before memory was replaced */
    char *path;       /* under which it was opened */
    uint64_t offset;
    bool cut;
    uint64_t size; /* to which it is cut, when it is longer */
} sfpm_staged_t;

typedef struct sfpm_open_file {
    sfpm_resource_t given; /* name and path are copies */
    sfpm_staged_t staged;
} sfpm_open_file_t;

/* What the program has open: -1 for nothing. */
int sfpm_resource_descriptor(const sfpm_resource_t *resource);

/* What the image records of it; NULL for nothing. */
const char *sfpm_resource_recorded(const sfpm_resource_t *resource,
                                   const sfpm_image_t *image);

/* Sets the attributes of an edit that tell where the files stand now. */
bool sfpm_resources_record(const sfpm_snapshot_t *snapshot, sfpm_edit_t *edit);

/* Sets attributes of another snapshot, which is saved instead, that tell the same. */
bool sfpm_resources_freeze(const sfpm_snapshot_t *snapshot, sfpm_snapshot_t *frozen);

/* Removes from an edit of an image what it tells of files that are not registered. */
bool sfpm_resources_forget(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image,
                           sfpm_edit_t *edit);

/* Opens and checks the files that an image tells of; changes nothing. When it returns
 * true, one of the other two must follow. */
bool sfpm_resources_stage(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image);
void sfpm_resources_abandon(const sfpm_snapshot_t *snapshot);

/* Puts them into the program's variables, all of them even when one fails:
 * SFPM_ERR_UNFINISHED. */
bool sfpm_resources_publish(const sfpm_snapshot_t *snapshot);

#endif
