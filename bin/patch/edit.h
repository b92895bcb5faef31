/* SPDX-License-Identifier: MIT */
/*
 * One change to an image: [REGION:]OFFSET|LABEL[+N][/TYPE]=VALUE[,VALUE...], and
 * perhaps " was OLD[,OLD...]" after it, or PLACE: INSTRUCTION[; INSTRUCTION...],
 * likewise; from the text to a region, an offset in it and bytes.
 */
#ifndef SFPM_BIN_PATCH_EDIT_H
#define SFPM_BIN_PATCH_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sfpm/image.h>
#include <sfpm/vm.h>

#include "patch/globals.h"
#include "patch/value.h"

/* What edits speak of. */
typedef struct patch_target {
    const sfpm_image_t *image;
    const sfpm_vm_t *vm;     /* its machine; NULL when it holds none that can be read */
    patch_globals_t globals; /* of the machine; owned by who made the target */
} patch_target_t;

typedef struct patch_edit {
    const value_type_t *type;
    size_t region;    /* its index in the image */
    const char *name; /* of the region; "code" for what is addressed as code */
    bool is_code;
    bool big_endian;
    uint64_t start;    /* where offset 0 lies in the region, bytes */
    uint64_t offset;   /* as the user counts */
    uint8_t *bytes;    /* the new ones; owned */
    uint8_t *expected; /* what `old` must be; NULL: anything; owned */
    uint8_t *old; /* the old ones, of equal number, after patch_edit_apply(); owned */
    size_t size;
    char *old_text; /* instructions before and after; NULL: the edit is of bytes; owned */
    char *new_text; /* likewise */
    char *was_text; /* the instructions that must be there; NULL: any; owned */
} patch_edit_t;

/* Understands and checks one edit.
 * reason: receives what is wrong, PATCH_REASON characters
 * Returns false then. The edit must be freed in both cases. */
enum { PATCH_REASON = 640 };
bool patch_edit_parse(patch_edit_t *edit, const patch_target_t *target, const char *text,
                      char *reason);

/* Makes the change in `commit`. Returns false with the library's error. */
bool patch_edit_apply(patch_edit_t *edit, sfpm_edit_t *commit);

/* Whether the old bytes, after patch_edit_apply(), are those that the edit expects.
 * reason: receives where they are not, PATCH_REASON characters */
bool patch_edit_matches(const patch_edit_t *edit, const patch_target_t *target,
                        char *reason);

/* Tells each changed value, such as "code[3]: 5 -> 20 (main+3)", with `end` after
 * it. */
void patch_edit_describe(const patch_edit_t *edit, const patch_target_t *target,
                         FILE *file, const char *end);

void patch_edit_free(patch_edit_t *edit);

#endif
