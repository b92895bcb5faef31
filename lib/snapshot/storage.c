/* SPDX-License-Identifier: MIT */
/* The compression and encryption of a snapshot's images. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "codec/compress.h"
#include "codec/crypt.h"
#include "snapshot/snapshot.h"

bool sfpm_snapshot_set_compression(sfpm_snapshot_t *snapshot, const char *method,
                                   unsigned workers)
{
    uint32_t codec;
    int level;
    char *copy = NULL;
    if (!snapshot)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no snapshot was given");
    if (method && (!sfpm_codec_parse(method, &codec, &level) ||
                   !sfpm_codec_available(codec) || !(copy = sfpm_copy_string(method))))
        return false;
    free(snapshot->settings.compression);
    snapshot->settings.compression = copy;
    snapshot->settings.workers = workers;
    return true;
}

void sfpm_settings_forget_secret(sfpm_settings_t *settings)
{
    if (settings->passphrase)
        sfpm_wipe(settings->passphrase, settings->secret.passphrase_size);
    free(settings->passphrase);
    settings->passphrase = NULL;
    sfpm_wipe(settings->key, sizeof settings->key);
    settings->secret = (sfpm_secret_t){0};
}

bool sfpm_snapshot_set_secret(sfpm_snapshot_t *snapshot, const sfpm_secret_t *given)
{
    sfpm_secret_t known;
    const sfpm_secret_t *secret = given ? &known : NULL;
    if (!sfpm_take_options(&known, sizeof known, given))
        return false;
    if (!snapshot || (secret && !secret->key && !secret->passphrase))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "key or passphrase" : "snapshot");
    char *passphrase = NULL;
    if (secret && !secret->key &&
        !(passphrase = sfpm_copy_bytes(secret->passphrase, secret->passphrase_size)))
        return false;
    sfpm_settings_t *settings = &snapshot->settings;
    sfpm_settings_forget_secret(settings);
    if (!secret)
        return true;
    settings->secret.struct_size = sizeof settings->secret;
    settings->secret.max_scrypt = secret->max_scrypt;
    if (secret->key) {
        memcpy(settings->key, secret->key, sizeof settings->key);
        settings->secret.key = settings->key;
    } else {
        settings->passphrase = passphrase;
        settings->secret.passphrase = passphrase;
        settings->secret.passphrase_size = secret->passphrase_size;
    }
    return true;
}
