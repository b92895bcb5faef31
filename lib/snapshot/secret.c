/* SPDX-License-Identifier: MIT */
/* How a snapshot's images are compressed and encrypted. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
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
    free(snapshot->compression);
    snapshot->compression = copy;
    snapshot->workers = workers;
    return true;
}

void sfpm_snapshot_forget_secret(sfpm_snapshot_t *snapshot)
{
    if (snapshot->passphrase)
        sfpm_wipe(snapshot->passphrase, snapshot->secret.passphrase_size);
    free(snapshot->passphrase);
    snapshot->passphrase = NULL;
    sfpm_wipe(snapshot->key, sizeof snapshot->key);
    snapshot->secret = (sfpm_secret_t){0};
}

bool sfpm_snapshot_set_secret(sfpm_snapshot_t *snapshot, const sfpm_secret_t *secret)
{
    if (!snapshot || (secret && !secret->key && !secret->passphrase))
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no %s was given",
                         snapshot ? "key or passphrase" : "snapshot");
    char *passphrase = NULL;
    if (secret && !secret->key &&
        !(passphrase = sfpm_copy_bytes(secret->passphrase, secret->passphrase_size)))
        return false;
    sfpm_snapshot_forget_secret(snapshot);
    if (!secret)
        return true;
    snapshot->secret.struct_size = sizeof snapshot->secret;
    if (secret->key) {
        memcpy(snapshot->key, secret->key, sizeof snapshot->key);
        snapshot->secret.key = snapshot->key;
    } else {
        snapshot->passphrase = passphrase;
        snapshot->secret.passphrase = passphrase;
        snapshot->secret.passphrase_size = secret->passphrase_size;
    }
    return true;
}
