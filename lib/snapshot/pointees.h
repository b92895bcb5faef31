/* SPDX-License-Identifier: MIT */
/*
 * What addresses can point to that has a name in another process, too: the modules of
 * this process (the program, shared libraries), and registered regions outside them.
 */
#ifndef SFPM_SNAPSHOT_POINTEES_H
#define SFPM_SNAPSHOT_POINTEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/modules.h"
#include "snapshot/snapshot.h"

/* One of them; or, in a record of an image, what it was when that was saved. */
typedef struct sfpm_pointee {
    bool is_module;
    const char *name; /* of the region; of the module's file, "" for the program */
    uintptr_t start;  /* its addresses, without the end; not in a record */
    uintptr_t end;
    uint64_t base;   /* where it lies: a region's address, what a module's count from */
    size_t instance; /* of a region: how many before it have its name */
    char build_id[SFPM_BUILD_ID_SIZE]; /* of a module, "": it has none */
    bool used;                         /* an address leads into it */
    bool holds_region;                 /* of a module: a pointer region lies in it */
} sfpm_pointee_t;

typedef struct sfpm_pointees {
    sfpm_pointee_t *list; /* by address */
    size_t count;
    size_t capacity;
    sfpm_pointee_t **by_name;
    uintptr_t low;  /* all lie from here … */
    uintptr_t high; /* … up to, not including, this */
    bool failed;
} sfpm_pointees_t;

/* Finds all of them. The names of regions are borrowed from the snapshot. To be freed
 * also on failure. */
bool sfpm_pointees_collect(sfpm_pointees_t *pointees, const sfpm_snapshot_t *snapshot);
void sfpm_pointees_free(sfpm_pointees_t *pointees);

/* The one that holds an address; NULL: none does. */
sfpm_pointee_t *sfpm_pointees_find(const sfpm_pointees_t *pointees, uintptr_t address);

/* The one that a record means: the same name, and if possible where it was. NULL: there
 * is none of that name. */
sfpm_pointee_t *sfpm_pointees_match(const sfpm_pointees_t *pointees,
                                    const sfpm_pointee_t *record);

/* Whether a record is of this one, at the same place and of the same build. */
bool sfpm_pointee_is_same(const sfpm_pointee_t *here, const sfpm_pointee_t *record);

/* A record as text, to be freed; NULL when out of memory. And back: SFPM_ERR_CORRUPT;
 * the name then lies in the text. */
char *sfpm_pointee_encode(const sfpm_pointee_t *pointee);
bool sfpm_pointee_decode(sfpm_pointee_t *record, const char *text);

#endif
