/* SPDX-License-Identifier: MIT */
/* A map of names to lists of values, on the balanced tree of tsearch(3). */
#include "base/name_map.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct named {
    const char *name;
    size_t *values; /* `one`, or an array of its own */
    size_t begin;   /* in the array: of the instances */
    size_t count;
    size_t capacity; /* of the array */
    size_t one;
    char text[]; /* what `name` points to */
} named_t;

static int compare(const void *left, const void *right)
{
    const named_t *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static named_t *find(const sfpm_name_map_t *map, const char *name)
{
    const named_t wanted = {.name = name};
    named_t *const *found = tfind(&wanted, &map->root, compare);
    return found ? *found : NULL;
}

bool sfpm_name_map_find(const sfpm_name_map_t *map, const char *name, size_t instance,
                        size_t *value)
{
    const named_t *found = find(map, name);
    if (!found || instance >= found->count)
        return false;
    *value = found->values[found->begin + instance];
    return true;
}

size_t sfpm_name_map_count(const sfpm_name_map_t *map, const char *name)
{
    const named_t *found = find(map, name);
    return found ? found->count : 0;
}

/* A new name, which has one value. */
static bool insert(sfpm_name_map_t *map, const char *name, size_t value)
{
    size_t size = strlen(name) + 1;
    named_t *made = sfpm_new_array(1, sizeof *made + size);
    if (!made)
        return false;
    memcpy(made->text, name, size);
    made->name = made->text;
    made->one = value;
    made->values = &made->one;
    made->count = 1;
    if (tsearch(made, &map->root, compare))
        return true;
    free(made);
    return sfpm_fail_memory(sizeof *made + size);
}

static bool append(named_t *named, size_t value)
{
    void *values = named->capacity ? named->values : NULL;
    if (!sfpm_grow_array(&values, &named->capacity, named->begin + named->count + 1,
                         sizeof value))
        return false;
    if (named->values == &named->one)
        memcpy(values, &named->one, sizeof value);
    named->values = values;
    named->values[named->begin + named->count++] = value;
    return true;
}

bool sfpm_name_map_add(sfpm_name_map_t *map, const char *name, size_t value,
                       size_t *instance)
{
    named_t *found = find(map, name);
    if (instance)
        *instance = found ? found->count : 0;
    return found ? append(found, value) : insert(map, name, value);
}

static void discard(sfpm_name_map_t *map, named_t *named)
{
    tdelete(named, &map->root, compare);
    if (named->values != &named->one)
        free(named->values);
    free(named);
}

void sfpm_name_map_remove(sfpm_name_map_t *map, const char *name, size_t instance)
{
    named_t *named = find(map, name);
    size_t *first = named->values + named->begin;
    named->count--;
    /* The shorter side moves. */
    if (instance < named->count / 2) {
        memmove(first + 1, first, instance * sizeof *first);
        named->begin++;
    } else {
        memmove(first + instance, first + instance + 1,
                (named->count - instance) * sizeof *first);
    }
    if (named->count == 0)
        discard(map, named);
}

void sfpm_name_map_free(sfpm_name_map_t *map)
{
    while (map->root)
        discard(map, *(named_t **)map->root);
}
