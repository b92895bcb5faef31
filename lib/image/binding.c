/* SPDX-License-Identifier: MIT */
/* Binds the commits of a sealed image to each other, each to the one before. */
#include "image/binding.h"

#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "image/log.h"

void sfpm_binding_text(const sfpm_trailer_t *previous, char text[SFPM_BINDING_TEXT])
{
    if (!previous) {
        memcpy(text, "none", sizeof "none");
        return;
    }
    sfpm_hex(text, previous->index_digest, SFPM_DIGEST_SIZE);
}

static bool check(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                  const char *value)
{
    char expected[SFPM_BINDING_TEXT];
    sfpm_trailer_t previous;
    bool oldest = sfpm_log_is_oldest(trailer);
    if (!oldest && !sfpm_log_previous(input, trailer, &previous))
        return false;
    sfpm_binding_text(oldest ? NULL : &previous, expected);
    if (strcmp(value, expected) == 0)
        return true;
    return sfpm_fail_at(SFPM_ERR_CORRUPT, trailer->index_offset,
                        oldest ? "commits before commit %llu were removed from the file"
                               : "commit %llu was not made on the commit before it in the "
                                 "file, which belongs to another copy of the image",
                        (unsigned long long)trailer->number);
}

bool sfpm_binding_take(const sfpm_input_t *input, const sfpm_trailer_t *trailer,
                       sfpm_index_t *index)
{
    const sfpm_attribute_t *found =
        sfpm_attributes_find(&index->attributes, SFPM_BINDING_KEY);
    if (!found)
        return true; /* written before there were bindings */
    index->bound = true;
    bool ok = check(input, trailer, found->value);
    ok = sfpm_attributes_set(&index->attributes, SFPM_BINDING_KEY, NULL) && ok;
    sfpm_attributes_drop_removed(&index->attributes);
    return ok;
}
