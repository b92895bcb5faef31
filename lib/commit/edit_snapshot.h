/* SPDX-License-Identifier: MIT */
/* What snapshots and machines say of an edit, beyond what <sfpm/image.h> lets everyone
 * say. */
#ifndef SFPM_COMMIT_EDIT_SNAPSHOT_H
#define SFPM_COMMIT_EDIT_SNAPSHOT_H

#include <sfpm/image.h>

/* Records where a region of the edit prefers to lie; 0: anywhere. SFPM_ERR_MISMATCH
 * when there is none of that name. */
bool sfpm_edit_set_address(sfpm_edit_t *edit, const char *name, size_t instance,
                           uint64_t address);

/* Removes a region. SFPM_ERR_MISMATCH when there is none of that name. */
bool sfpm_edit_remove_region(sfpm_edit_t *edit, const char *name, size_t instance);

/*
 * Says where native regions come from; both are copied, NULL keeps the old one.
 * @param architecture  machine, word size, byte order and ABI, as one word
 * @param build_id      of the program, in hexadecimal
 */
bool sfpm_edit_set_origin(sfpm_edit_t *edit, const char *architecture,
                          const char *build_id);

/* Sets the application's schema version. */
bool sfpm_edit_set_schema(sfpm_edit_t *edit, uint64_t schema);

/* Sets the bytecode version of the machine that the regions hold. */
bool sfpm_edit_set_bytecode(sfpm_edit_t *edit, uint32_t version);

/*
 * Writes a delta file: a new image of one commit that holds only what differs from
 * the starting image, which it names by file name and digest as its base.
 */
bool sfpm_edit_save_delta(sfpm_edit_t *edit, const char *filename,
                          const sfpm_write_options_t *options);

/*
 * Tells which commit the edit became, once one of the functions above returned
 * true; false before that.
 * @param id      receives SFPM_DIGEST_BYTES: the image's id
 * @param number  receives the commit's number
 * @param digest  receives SFPM_DIGEST_BYTES: the state's digest
 */
bool sfpm_edit_written(const sfpm_edit_t *edit, uint8_t *id, uint64_t *number,
                       uint8_t *digest);

#endif
