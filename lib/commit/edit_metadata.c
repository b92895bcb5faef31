/* SPDX-License-Identifier: MIT */
/* The texts, attributes and numbers of a commit in the making; going back. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "codec/compress.h"
#include "commit/edit.h"

static bool set_text(sfpm_edit_t *edit, size_t which, const char *text)
{
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    if (!text)
        return true;
    if (strlen(text) > SFPM_TEXT_MAX)
        return sfpm_fail(SFPM_ERR_LIMIT, "the text is too long (%zu bytes, at most %d)",
                         strlen(text), SFPM_TEXT_MAX);
    char *copy = sfpm_copy_string(text);
    if (!copy)
        return false;
    free(edit->index.texts[which]);
    edit->index.texts[which] = copy;
    return true;
}

bool sfpm_edit_set_description(sfpm_edit_t *edit, const char *text)
{
    return set_text(edit, SFPM_TEXT_DESCRIPTION, text);
}

bool sfpm_edit_set_message(sfpm_edit_t *edit, const char *text)
{
    return set_text(edit, SFPM_TEXT_MESSAGE, text);
}

bool sfpm_edit_set_creator(sfpm_edit_t *edit, const char *text)
{
    return set_text(edit, SFPM_TEXT_CREATOR, text);
}

bool sfpm_edit_set_origin(sfpm_edit_t *edit, const char *architecture,
                          const char *build_id)
{
    return set_text(edit, SFPM_TEXT_ARCHITECTURE, architecture) &&
           set_text(edit, SFPM_TEXT_BUILD_ID, build_id);
}

bool sfpm_edit_set_attribute(sfpm_edit_t *edit, const char *key, const char *value)
{
    if (!edit || !key || !*key)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no key of the attribute was given");
    if (strlen(key) > SFPM_TEXT_MAX || (value && strlen(value) > SFPM_TEXT_MAX))
        return sfpm_fail(SFPM_ERR_LIMIT,
                         "attribute '%.40s' is too long (at most %d bytes)", key,
                         SFPM_TEXT_MAX);
    return sfpm_attributes_set(&edit->index.attributes, key, value);
}

bool sfpm_edit_set_schema(sfpm_edit_t *edit, uint64_t schema)
{
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    edit->index.schema = schema;
    return true;
}

bool sfpm_edit_set_bytecode(sfpm_edit_t *edit, uint32_t version)
{
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    edit->index.bytecode = version;
    return true;
}

bool sfpm_edit_set_format(sfpm_edit_t *edit, uint32_t format)
{
    if (!edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit was given");
    if (format != 1 && format != SFPM_FORMAT_VERSION)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED, "format version %lu cannot be written",
                         (unsigned long)format);
    edit->format = format;
    edit->converts = edit->image && edit->image->info.format != format;
    return true;
}

bool sfpm_edit_stamp(sfpm_edit_t *edit)
{
    return edit->converts ||
           sfpm_commit_time(&edit->index.seconds, &edit->index.nanoseconds);
}

bool sfpm_edit_set_compression(sfpm_edit_t *edit, const char *method, unsigned workers)
{
    uint32_t codec;
    int level;
    if (!edit || !method)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit or no compression method was given");
    if (!sfpm_codec_parse(method, &codec, &level) || !sfpm_codec_available(codec))
        return false;
    edit->index.codec = codec;
    edit->index.level = level;
    edit->workers = workers;
    return true;
}

bool sfpm_edit_set_secret(sfpm_edit_t *edit, const sfpm_secret_t *secret)
{
    if (!edit || !secret || !(secret->key || secret->passphrase))
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "no edit, or no key or passphrase, was given");
    if (edit->image && edit->image->info.format != 1)
        return sfpm_fail(SFPM_ERR_ARGUMENT,
                         "a commit cannot change the encryption of an image: "
                         "rewrite the image");
    if (!sfpm_keys_make(&edit->own_keys, secret))
        return false;
    edit->keys = &edit->own_keys;
    return true;
}

/* The index of a commit by its number. */
static bool find_state(sfpm_image_t *image, uint64_t number, sfpm_index_t *state)
{
    sfpm_trailer_t trailer;
    return sfpm_image_find_trailer(image, number, &trailer) &&
           sfpm_image_index(image, &trailer, state);
}

/* The commit whose state an undo of the commit shown brings back. */
static bool parent_of_state(sfpm_image_t *image, sfpm_index_t *parent)
{
    sfpm_index_t state;
    uint64_t number = image->index.parent;
    if (image->index.state_of != image->index.number) {
        if (!find_state(image, image->index.state_of, &state))
            return false;
        number = state.parent;
        sfpm_index_free(&state);
    }
    if (number == 0)
        return sfpm_fail(
            SFPM_ERR_NO_COMMIT,
            "this is the first state: there is no earlier one to go back to");
    return find_state(image, number, parent);
}

bool sfpm_edit_undo(sfpm_edit_t *edit, uint64_t commit)
{
    sfpm_index_t state;
    if (!edit || !edit->image)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no edit of an image was given");
    if (edit->image->info.format == 1)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "a version 1 image has no history to go back in");
    if (edit->undo)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "the edit already goes back");
    if (!(commit ? find_state(edit->image, commit, &state)
                 : parent_of_state(edit->image, &state)))
        return false;
    sfpm_edit_t *fresh = SFPM_NEW(sfpm_edit_t);
    sfpm_source_t *sources = SFPM_NEW_N(sfpm_source_t, state.num_regions);
    if (!fresh || !sources) {
        free(fresh);
        free(sources);
        sfpm_index_free(&state);
        return false;
    }
    /* Exchange the contents, then let the usual end dispose of the old ones. */
    *fresh = *edit;
    edit->index = state;
    edit->sources = sources;
    edit->max_regions = state.num_regions;
    edit->num_removed = 0;
    edit->names = (sfpm_name_map_t){NULL};
    edit->undo = true;
    sfpm_edit_destroy(fresh);
    return sfpm_edit_set_message(edit, "undo");
}
