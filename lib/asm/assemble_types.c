/* SPDX-License-Identifier: MIT */
/* The assembler: function types, found through a hash table. */
#include <stdlib.h>

#include "asm/assemble_parts.h"

static size_t size_of(const sfpm_function_type_t *type)
{
    return (size_t)type->params + type->results;
}

/* FNV-1a. */
static uint32_t hash_of(const sfpm_function_type_t *type)
{
    uint32_t hash = 2166136261u ^ type->params;
    for (size_t i = 0; i < size_of(type); i++)
        hash = (hash ^ type->types[i]) * 16777619u;
    return hash;
}

/* The bucket of the first type that is the same, or the free one where it belongs. */
static uint32_t *find_bucket(const sfpm_type_set_t *set, const sfpm_function_type_t *type)
{
    size_t at = hash_of(type) % set->num_buckets;
    while (set->buckets[at] != 0 &&
           !sfpm_same_type(&set->list[set->buckets[at] - 1], type))
        at = (at + 1) % set->num_buckets;
    return &set->buckets[at];
}

/* Half of the buckets stay free. */
static bool grow_buckets(sfpm_type_set_t *set)
{
    void *list = set->list;
    if (!sfpm_grow_array(&list, &set->capacity, set->count + 1, sizeof *set->list))
        return false;
    set->list = list;
    if (set->count < set->num_buckets / 2)
        return true;
    size_t wanted = set->num_buckets ? set->num_buckets * 2 : 64;
    uint32_t *buckets = SFPM_NEW_N(uint32_t, wanted);
    if (!buckets)
        return false;
    free(set->buckets);
    set->buckets = buckets;
    set->num_buckets = wanted;
    for (size_t i = 0; i < set->count; i++) {
        uint32_t *bucket = find_bucket(set, &set->list[i]);
        if (*bucket == 0)
            *bucket = (uint32_t)i + 1;
    }
    return true;
}

bool sfpm_types_add(sfpm_assembler_t *a, const sfpm_function_type_t *type, bool always,
                    uint32_t *number)
{
    sfpm_type_set_t *set = &a->types;
    if (!grow_buckets(set))
        return false;
    uint32_t *bucket = find_bucket(set, type);
    if (*bucket != 0 && !always) {
        *number = *bucket - 1;
        return true;
    }
    const uint8_t *types = sfpm_asm_keep(a, type->types, size_of(type));
    if (!types)
        return false;
    *number = (uint32_t)set->count;
    set->list[set->count++] = (sfpm_function_type_t){
        .types = types, .params = type->params, .results = type->results};
    if (*bucket == 0)
        *bucket = *number + 1;
    return true;
}
