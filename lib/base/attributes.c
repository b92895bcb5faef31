/* SPDX-License-Identifier: MIT */
/*
 * Sets, finds and sorts attributes. Many may be set one by one, so they are sorted when
 * their number has doubled, and before they are used.
 */
#include "base/attributes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void free_entry(const sfpm_attribute_t *attribute)
{
    free(attribute->key);
    free(attribute->value);
}

bool sfpm_attributes_set(sfpm_attributes_t *attributes, const char *key,
                         const char *value)
{
    enum { FEW = 16 };
    sfpm_attribute_t new = {.key = sfpm_copy_string(key),
                            .value = value ? sfpm_copy_string(value) : NULL};
    void *list = attributes->list;
    bool ok = new.key && !new.value == !value &&
              sfpm_grow_array(&list, &attributes->capacity, attributes->count + 1,
                              sizeof new);
    attributes->list = list;
    if (!ok) {
        free_entry(&new);
        return false;
    }
    attributes->list[attributes->count++] = new;
    if (attributes->count > 2 * attributes->settled + FEW)
        sfpm_attributes_settle(attributes);
    return true;
}

static int compare(const void *left, const void *right)
{
    const sfpm_attribute_t *a = left, *b = right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

void sfpm_attributes_settle(sfpm_attributes_t *attributes)
{
    sfpm_attribute_t *list = attributes->list;
    size_t count = attributes->count, kept = 0;
    if (attributes->settled == count)
        return;
    for (size_t i = 0; i < count; i++)
        list[i].order = i;
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && strcmp(list[i].key, list[i + 1].key) == 0)
            free_entry(&list[i]);
        else
            list[kept++] = list[i];
    }
    attributes->count = attributes->settled = kept;
}

void sfpm_attributes_drop_removed(sfpm_attributes_t *attributes)
{
    size_t kept = 0;
    sfpm_attributes_settle(attributes);
    for (size_t i = 0; i < attributes->count; i++) {
        if (attributes->list[i].value)
            attributes->list[kept++] = attributes->list[i];
        else
            free_entry(&attributes->list[i]);
    }
    attributes->count = attributes->settled = kept;
}

const sfpm_attribute_t *sfpm_attributes_find(const sfpm_attributes_t *attributes,
                                             const char *key)
{
    size_t low = 0, high = attributes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(attributes->list[middle].key, key);
        if (order == 0)
            return &attributes->list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool sfpm_attributes_copy(sfpm_attributes_t *to, const sfpm_attributes_t *from)
{
    *to = (sfpm_attributes_t){.list = SFPM_NEW_N(sfpm_attribute_t, from->count),
                              .capacity = from->count};
    for (size_t i = 0; to->list && i < from->count; i++) {
        const sfpm_attribute_t *now = &from->list[i];
        sfpm_attribute_t *copy = &to->list[to->count++];
        copy->key = sfpm_copy_string(now->key);
        copy->value = now->value ? sfpm_copy_string(now->value) : NULL;
        if (!copy->key || !copy->value != !now->value)
            return false;
    }
    to->settled = from->settled;
    return to->list != NULL;
}

void sfpm_attributes_free(sfpm_attributes_t *attributes)
{
    for (size_t i = 0; i < attributes->count; i++)
        free_entry(&attributes->list[i]);
    free(attributes->list);
    *attributes = (sfpm_attributes_t){0};
}
