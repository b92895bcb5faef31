/* SPDX-License-Identifier: MIT */
/*
 * What other parts of the library set in a commit, in addition to <sfpm/image.h>, and how
 * they recognise a commit that they made or restored.
 */
#ifndef SFPM_COMMIT_COMMIT_H
#define SFPM_COMMIT_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/image.h>

/* Tells which pages of a region that was set may differ from what the starting image
 * holds, a bit each; the others do not. Borrowed as the region's memory is. With `most`,
 * most of them do, so that looking for them is not worthwhile. */
bool sfpm_edit_set_changed(sfpm_edit_t *edit, const char *name, size_t instance,
                           const uint64_t *changed, bool most);

/* Lets a save of the edit fail with SFPM_ERR_CHANGED when there is a file. */
void sfpm_edit_only_new(sfpm_edit_t *edit);

/* The image that an edit starts from; NULL for a new one. */
const sfpm_image_t *sfpm_edit_image(const sfpm_edit_t *edit);

/* Records where a region of the edit prefers to lie; 0: anywhere. SFPM_ERR_MISMATCH when
 * there is none of that name. */
bool sfpm_edit_set_address(sfpm_edit_t *edit, const char *name, size_t instance,
                           uint64_t address);

/* Removes a region. SFPM_ERR_MISMATCH when there is none of that name. */
bool sfpm_edit_remove_region(sfpm_edit_t *edit, const char *name, size_t instance);

/* Says where native regions come from: machine, word size, byte order and ABI as one
 * word, and the program's build id in hexadecimal. Both are copied; NULL keeps the old
 * one. */
bool sfpm_edit_set_origin(sfpm_edit_t *edit, const char *architecture,
                          const char *build_id);

/* Sets the application's schema version. */
bool sfpm_edit_set_schema(sfpm_edit_t *edit, uint64_t schema);

/* Sets the bytecode version of the machine that the regions hold. */
bool sfpm_edit_set_bytecode(sfpm_edit_t *edit, uint32_t version);

/* Writes a delta file: a new image of one commit that holds only what differs from the
 * starting image, which it names by file name and digest as its base. */
bool sfpm_edit_save_delta(sfpm_edit_t *edit, const char *filename,
                          const sfpm_write_options_t *options);

/* A commit, and whether there is one. */
typedef struct sfpm_known_commit {
    bool known;
    uint8_t id[SFPM_DIGEST_BYTES]; /* of its image */
    uint64_t number;
    uint8_t digest[SFPM_DIGEST_BYTES];
} sfpm_known_commit_t;

/* The commit that an edit became; false, and *commit is not known, before it was written
 * or when it became none, as in an image of version 1. */
bool sfpm_edit_written(const sfpm_edit_t *edit, sfpm_known_commit_t *commit);

/* Lets a function be called when the edit has become a commit. */
typedef void (*sfpm_written_callback_t)(void *context, const sfpm_known_commit_t *commit);
void sfpm_edit_when_written(sfpm_edit_t *edit, sfpm_written_callback_t callback,
                            void *context);

/* The commit that an image shows. */
sfpm_known_commit_t sfpm_image_shown(const sfpm_image_t *image);

/* Whether an image shows that commit. */
bool sfpm_image_shows(const sfpm_image_t *image, const sfpm_known_commit_t *commit);

#endif
