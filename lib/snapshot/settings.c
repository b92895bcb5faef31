/* SPDX-License-Identifier: MIT */
/* What a program says about a snapshot's images, apart from their regions. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/snapshot.h"

void sfpm_snapshot_set_description(sfpm_snapshot_t *snapshot, const char *description)
{
    if (!snapshot || !description)
        return;
    char *copy = sfpm_copy_string(description);
    snapshot->settings.description_lost = !copy;
    if (!copy)
        return;
    free(snapshot->settings.description);
    snapshot->settings.description = copy;
}

static sfpm_attribute_change_t *find_attribute(const sfpm_snapshot_t *snapshot, const char *key)
{
    for (size_t i = 0; i < snapshot->settings.num_attributes; i++)
        if (strcmp(snapshot->settings.attributes[i].key, key) == 0)
            return &snapshot->settings.attributes[i];
    return NULL;
}

static sfpm_attribute_change_t *add_attribute(sfpm_snapshot_t *snapshot, const char *key)
{
    void *array = snapshot->settings.attributes;
    if (!sfpm_grow_array(&array, &snapshot->settings.attribute_capacity,
                         snapshot->settings.num_attributes + 1,
                         sizeof *snapshot->settings.attributes))
        return NULL;
    snapshot->settings.attributes = array;
    sfpm_attribute_change_t *added =
        &snapshot->settings.attributes[snapshot->settings.num_attributes];
    *added = (sfpm_attribute_change_t){.key = sfpm_copy_string(key)};
    if (!added->key)
        return NULL;
    snapshot->settings.num_attributes++;
    return added;
}

bool sfpm_snapshot_set_attribute(sfpm_snapshot_t *snapshot, const char *key,
                                 const char *value)
{
    if (!snapshot || !key || !*key)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "attribute" : "snapshot");
    char *copy = value ? sfpm_copy_string(value) : NULL;
    if (value && !copy)
        return false;
    sfpm_attribute_change_t *attribute = find_attribute(snapshot, key);
    if (!attribute)
        attribute = add_attribute(snapshot, key);
    if (!attribute) {
        free(copy);
        return false;
    }
    free(attribute->value);
    attribute->value = copy;
    return true;
}

void sfpm_snapshot_set_schema(sfpm_snapshot_t *snapshot, uint64_t schema)
{
    if (snapshot)
        snapshot->settings.schema = schema;
}

void sfpm_snapshot_set_log(sfpm_snapshot_t *snapshot, sfpm_log_callback_t callback,
                           void *context)
{
    if (!snapshot)
        return;
    snapshot->settings.log = callback;
    snapshot->settings.log_context = context;
}

void sfpm_snapshot_set_progress(sfpm_snapshot_t *snapshot,
                                const sfpm_progress_t *progress)
{
    if (snapshot)
        snapshot->settings.progress = progress ? *progress : (sfpm_progress_t){0};
}

/* ---- Copies ---------------------------------------------------------------- */

/* A copy of a text, or NULL for none; false without memory. */
static bool copy_text(char **to, const char *from)
{
    *to = from ? sfpm_copy_string(from) : NULL;
    return *to || !from;
}

static bool copy_attributes(sfpm_settings_t *to, const sfpm_settings_t *from)
{
    to->attributes = SFPM_NEW_N(sfpm_attribute_change_t, from->num_attributes);
    if (!to->attributes)
        return false;
    to->attribute_capacity = from->num_attributes;
    for (size_t i = 0; i < from->num_attributes; i++) {
        sfpm_attribute_change_t *copy = &to->attributes[to->num_attributes++];
        if (!copy_text(&copy->key, from->attributes[i].key) ||
            !copy_text(&copy->value, from->attributes[i].value))
            return false;
    }
    return true;
}

static bool copy_passphrase(sfpm_settings_t *to, const sfpm_settings_t *from)
{
    if (from->secret.key)
        to->secret.key = to->key;
    if (!from->passphrase)
        return true;
    to->passphrase = sfpm_copy_bytes(from->passphrase, from->secret.passphrase_size);
    to->secret.passphrase = to->passphrase;
    return to->passphrase != NULL;
}

/* All fields are copied at once, so that none is forgotten; then those that are owned. */
bool sfpm_settings_copy(sfpm_settings_t *to, const sfpm_settings_t *from)
{
    *to = *from;
    to->attributes = NULL;
    to->num_attributes = to->attribute_capacity = 0;
    to->description = to->compression = to->passphrase = NULL;
    return copy_attributes(to, from) && copy_text(&to->description, from->description) &&
           copy_text(&to->compression, from->compression) && copy_passphrase(to, from);
}

void sfpm_settings_free(sfpm_settings_t *settings)
{
    for (size_t i = 0; i < settings->num_attributes; i++) {
        free(settings->attributes[i].key);
        free(settings->attributes[i].value);
    }
    free(settings->attributes);
    free(settings->description);
    free(settings->compression);
    sfpm_settings_forget_secret(settings);
    *settings = (sfpm_settings_t){0};
}
