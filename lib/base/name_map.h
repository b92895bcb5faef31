/* SPDX-License-Identifier: MIT */
/*
 * Finds what has a name: the first, second, ... of those that have it. Names may come from
 * a hostile file, so the map is a balanced tree: no choice of names makes it slow.
 */
#ifndef SFPM_BASE_NAME_MAP_H
#define SFPM_BASE_NAME_MAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sfpm_name_map {
    void *root; /* NULL: empty */
} sfpm_name_map_t;

/* Adds one more thing of a name, which is copied.
 * value: what sfpm_name_map_find() gives for it
 * instance: receives how many of that name were there before; or NULL */
bool sfpm_name_map_add(sfpm_name_map_t *map, const char *name, size_t value,
                       size_t *instance);

/* Finds number `instance` of those with the name, from 0. */
bool sfpm_name_map_find(const sfpm_name_map_t *map, const char *name, size_t instance,
                        size_t *value);

/* How many have the name. */
size_t sfpm_name_map_count(const sfpm_name_map_t *map, const char *name);

/* Removes one that is there. Those of the same name after it count one less from now on. */
void sfpm_name_map_remove(sfpm_name_map_t *map, const char *name, size_t instance);

void sfpm_name_map_free(sfpm_name_map_t *map);

#endif
