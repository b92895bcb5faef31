/* SPDX-License-Identifier: MIT */
/* A hash set of keys that are mixed already, so that shared leaves and chunks are checked
 * once. */
#include <stdlib.h>

#include "image/seen_set.h"

static bool insert(uint64_t *slots, size_t capacity, uint64_t key)
{
    size_t at = (size_t)key & (capacity - 1);
    while (slots[at] != 0 && slots[at] != key)
        at = (at + 1) & (capacity - 1);
    bool there = slots[at] == key;
    slots[at] = key;
    return there;
}

static bool grow(sfpm_seen_t *seen)
{
    size_t capacity = seen->capacity ? seen->capacity * 2 : 64;
    uint64_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < seen->capacity; i++)
        if (seen->slots[i] != 0)
            insert(slots, capacity, seen->slots[i]);
    free(seen->slots);
    seen->slots = slots;
    seen->capacity = capacity;
    return true;
}

bool sfpm_seen_add(sfpm_seen_t *seen, uint64_t key)
{
    key = key ? key : 1; /* 0 marks an empty slot */
    if (seen->count * 2 >= seen->capacity && !grow(seen))
        return false;
    bool there = insert(seen->slots, seen->capacity, key);
    seen->count += !there;
    return there;
}

void sfpm_seen_free(sfpm_seen_t *seen)
{
    free(seen->slots);
    *seen = (sfpm_seen_t){0};
}
