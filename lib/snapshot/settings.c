/* SPDX-License-Identifier: MIT */
/* What a program states about a snapshot's images, apart from their regions. */
#include <stdlib.h>

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

bool sfpm_snapshot_set_attribute(sfpm_snapshot_t *snapshot, const char *key,
                                 const char *value)
{
    if (!snapshot || !key || !*key)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "attribute" : "snapshot");
    return sfpm_attributes_set(&snapshot->settings.attributes, key, value);
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
    to->description = to->compression = to->passphrase = NULL;
    return sfpm_attributes_copy(&to->attributes, &from->attributes) &&
           copy_text(&to->description, from->description) &&
           copy_text(&to->compression, from->compression) && copy_passphrase(to, from);
}

void sfpm_settings_free(sfpm_settings_t *settings)
{
    sfpm_attributes_free(&settings->attributes);
    free(settings->description);
    free(settings->compression);
    sfpm_settings_forget_secret(settings);
    *settings = (sfpm_settings_t){0};
}
