/* SPDX-License-Identifier: MIT */
/* Attributes: those of an image, sorted by key, or changes to be made to them. */
#ifndef SFPM_BASE_ATTRIBUTES_H
#define SFPM_BASE_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sfpm_attribute {
    char *key;
    char *value;  /* NULL: removed */
    size_t order; /* while they are sorted */
} sfpm_attribute_t;

/* All zero is an empty list. Settled, it is sorted and has each key once; what was set
 * since stands behind, and later entries win. */
typedef struct sfpm_attributes {
    sfpm_attribute_t *list;
    size_t count;
    size_t capacity;
    size_t settled; /* so many of them are */
} sfpm_attributes_t;

/* Sets an attribute, or with `value` NULL removes it. Both are copied. */
bool sfpm_attributes_set(sfpm_attributes_t *attributes, const char *key,
                         const char *value);

/* Settles the list; and forgets what is removed. */
void sfpm_attributes_settle(sfpm_attributes_t *attributes);
void sfpm_attributes_drop_removed(sfpm_attributes_t *attributes);

/* The entry of a key in a settled list, or NULL. */
const sfpm_attribute_t *sfpm_attributes_find(const sfpm_attributes_t *attributes,
                                             const char *key);

/* Makes `to`, which holds nothing yet, a copy. On failure, too, it is to be freed. */
bool sfpm_attributes_copy(sfpm_attributes_t *to, const sfpm_attributes_t *from);
void sfpm_attributes_free(sfpm_attributes_t *attributes);

#endif
