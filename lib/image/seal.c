/* SPDX-License-Identifier: MIT */
/*
 * Keys of encrypted images and of their commits, and the boxes, encrypted pieces, that
 * each hold one part of a commit.
 */
#include "image/seal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"
#include "image/log.h"
#include "image/nonce.h"

enum { CHECK_SIZE = 16 };

/* 128 MiB and about half a second for each guess, but only once for the legitimate user.
 */
enum { SCRYPT_LOG_N = 17, SCRYPT_R = 8, SCRYPT_P = 1 };
#define DEFAULT_SCRYPT (UINT64_C(256) << 20) /* twice that is allowed unasked */

void sfpm_keys_wipe(sfpm_keys_t *keys)
{
    sfpm_wipe(keys, sizeof *keys);
}

void sfpm_kdf_encode(const sfpm_kdf_t *kdf, uint8_t bytes[SFPM_KEYS_SIZE])
{
    sfpm_put_u32(bytes, kdf->kind);
    sfpm_put_u32(bytes + 4, kdf->log_n);
    sfpm_put_u32(bytes + 8, kdf->r);
    sfpm_put_u32(bytes + 12, kdf->p);
    memcpy(bytes + 16, kdf->salt, SFPM_SALT_SIZE);
}

static void kdf_decode(const uint8_t bytes[SFPM_KEYS_SIZE], sfpm_kdf_t *kdf)
{
    kdf->kind = sfpm_get_u32(bytes);
    kdf->log_n = sfpm_get_u32(bytes + 4);
    kdf->r = sfpm_get_u32(bytes + 8);
    kdf->p = sfpm_get_u32(bytes + 12);
    memcpy(kdf->salt, bytes + 16, SFPM_SALT_SIZE);
}

/* An image must not take a reader's memory and time unasked. Overflow: what is too large
 * for scrypt is refused by it. */
static bool is_affordable(const sfpm_kdf_t *kdf, const sfpm_secret_t *secret)
{
    uint64_t most = secret->max_scrypt ? secret->max_scrypt : DEFAULT_SCRYPT;
    if (kdf->log_n > 32 || kdf->r > UINT16_MAX || kdf->p > UINT8_MAX ||
        (UINT64_C(128) * kdf->r * kdf->p <= most >> kdf->log_n))
        return true;
    sfpm_fail(
        SFPM_ERR_LIMIT,
        "the passphrase requires %llu bytes of memory %lu times (scrypt with log2 N "
        "= %lu, r = %lu, p = %lu), which exceeds the limit of %llu",
        (unsigned long long)(UINT64_C(128) * kdf->r << kdf->log_n), (unsigned long)kdf->p,
        (unsigned long)kdf->log_n, (unsigned long)kdf->r, (unsigned long)kdf->p,
        (unsigned long long)most);
    return sfpm_fail_remedy(SFPM_REMEDY_MORE_SCRYPT);
}

static bool master_key(sfpm_keys_t *keys, const sfpm_secret_t *given)
{
    const sfpm_kdf_t *kdf = &keys->kdf;
    sfpm_secret_t known, *secret = &known;
    if (!sfpm_take_options(secret, sizeof known, given))
        return false;
    if (kdf->kind == SFPM_KDF_NONE) {
        if (!secret->key)
            return sfpm_fail(SFPM_ERR_KEY,
                             "encrypted with a key file, but a passphrase was given");
        memcpy(keys->master, secret->key, SFPM_KEY_SIZE);
        return true;
    }
    if (!secret->passphrase)
        return sfpm_fail(SFPM_ERR_KEY,
                         "encrypted with a passphrase, but a key was given");
    return is_affordable(kdf, secret) &&
           sfpm_stretch_passphrase(secret->passphrase, secret->passphrase_size, kdf->salt,
                                   SFPM_SALT_SIZE, kdf->log_n, kdf->r, kdf->p,
                                   keys->master);
}

bool sfpm_keys_make(sfpm_keys_t *keys, const sfpm_secret_t *secret)
{
    *keys = (sfpm_keys_t){.sealed = true};
    if (!secret->key) {
        keys->kdf = (sfpm_kdf_t){SFPM_KDF_SCRYPT, SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, {0}};
        if (!sfpm_random(keys->kdf.salt, SFPM_SALT_SIZE))
            return false;
    }
    return sfpm_crypt_available() && master_key(keys, secret);
}

bool sfpm_keys_load(sfpm_keys_t *keys, const sfpm_input_t *input,
                    const uint8_t header[SFPM_HEADER_SIZE],
                    const sfpm_image_options_t *options)
{
    sfpm_record_t record;
    uint8_t *payload;
    *keys = (sfpm_keys_t){.sealed = true};
    memcpy(keys->header, header, SFPM_HEADER_SIZE);
    if (!sfpm_record_load(input, SFPM_HEADER_SIZE, SFPM_RECORD_KEYS, SFPM_KEYS_SIZE,
                          &record, &payload))
        return false;
    bool ok = record.length == SFPM_KEYS_SIZE;
    if (ok)
        kdf_decode(payload, &keys->kdf);
    free(payload);
    if (!ok || keys->kdf.kind > SFPM_KDF_SCRYPT)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, SFPM_HEADER_SIZE,
                            "the KEYS record is invalid");
    if (!sfpm_crypt_available())
        return false;
    const sfpm_secret_t *secret = options->secret;
    bool passphrase = keys->kdf.kind == SFPM_KDF_SCRYPT;
    if (!secret && options->ask)
        secret = options->ask(options->ask_context, sfpm_input_name(input), passphrase);
    if (!secret)
        return sfpm_fail(SFPM_ERR_KEY, "the image is encrypted, but no %s was given",
                         passphrase ? "passphrase" : "key");
    return master_key(keys, secret);
}

/* ---- keys of commits ---- */

/* A SALT record is 32 random bytes and 16 that tell a wrong key from damage. */
static bool commit_cipher(const sfpm_keys_t *keys, const uint8_t salt[SFPM_SALT_SIZE],
                          uint8_t check[CHECK_SIZE], sfpm_cipher_t **cipher)
{
    uint8_t derived[SFPM_KEY_SIZE];
    *cipher = NULL;
    if (sfpm_derive_key(keys->master, salt, SFPM_SALT_SIZE, "sfpm key check", derived)) {
        memcpy(check, derived, CHECK_SIZE);
        if (sfpm_derive_key(keys->master, salt, SFPM_SALT_SIZE, "sfpm commit key",
                            derived))
            *cipher = sfpm_cipher_create(derived);
    }
    sfpm_wipe(derived, sizeof derived);
    return *cipher != NULL;
}

void sfpm_opener_free(sfpm_opener_t *opener)
{
    sfpm_cipher_destroy(opener->cipher);
    opener->cipher = NULL;
    opener->salt_offset = 0;
}

static bool load_cipher(sfpm_opener_t *opener, uint64_t salt_offset)
{
    sfpm_record_t record;
    uint8_t *payload, check[CHECK_SIZE];
    if (opener->cipher && opener->salt_offset == salt_offset)
        return true;
    sfpm_opener_free(opener);
    if (!sfpm_record_load(opener->input, salt_offset, SFPM_RECORD_SALT, SFPM_SALT_RECORD,
                          &record, &payload))
        return false;
    bool ok = record.length == SFPM_SALT_RECORD ||
              sfpm_fail_at(SFPM_ERR_CORRUPT, salt_offset,
                           "the SALT record at offset %llu has an invalid size",
                           (unsigned long long)salt_offset);
    ok = ok && commit_cipher(opener->keys, payload, check, &opener->cipher);
    if (ok && memcmp(check, payload + SFPM_SALT_SIZE, CHECK_SIZE) != 0) {
        sfpm_opener_free(opener);
        ok = sfpm_fail(SFPM_ERR_KEY, "the key is wrong: the image was encrypted with "
                                     "another key or passphrase");
    }
    free(payload);
    opener->salt_offset = ok ? salt_offset : 0;
    return ok;
}

/* ---- boxes ---- */

bool sfpm_box_open(sfpm_opener_t *opener, uint32_t kind, uint64_t offset,
                   const uint8_t *box, size_t length, uint8_t *to, size_t *size)
{
    uint8_t bound[SFPM_BOUND_SIZE], nonce[SFPM_NONCE_SIZE];
    if (length < SFPM_BOX_EXTRA)
        return sfpm_fail_at(SFPM_ERR_CORRUPT, offset,
                            "the encrypted part at offset %llu is too short",
                            (unsigned long long)offset);
    if (!load_cipher(opener, sfpm_get_u64(box)))
        return false;
    sfpm_box_nonce(opener->keys, box, kind, offset, bound, nonce);
    *size = length - SFPM_BOX_EXTRA;
    return sfpm_unseal(opener->cipher, nonce, bound, sizeof bound, box + SFPM_BOX_PREFIX,
                       *size, to) ||
           sfpm_fail_at(SFPM_ERR_CHECKSUM, offset,
                        "the encrypted part at offset %llu is damaged or was changed",
                        (unsigned long long)offset);
}

bool sfpm_sealer_init(sfpm_sealer_t *sealer, const sfpm_keys_t *keys, uint64_t offset,
                      uint8_t record[SFPM_SALT_RECORD])
{
    *sealer = (sfpm_sealer_t){.keys = keys, .salt_offset = offset};
    return sfpm_random(record, SFPM_SALT_SIZE) &&
           commit_cipher(keys, record, record + SFPM_SALT_SIZE, &sealer->cipher);
}

void sfpm_sealer_free(sfpm_sealer_t *sealer)
{
    sfpm_cipher_destroy(sealer->cipher);
    sealer->cipher = NULL;
}

bool sfpm_box_seal(sfpm_sealer_t *sealer, uint32_t kind, uint64_t offset,
                   const void *from, size_t size, uint8_t *box)
{
    uint8_t bound[SFPM_BOUND_SIZE], nonce[SFPM_NONCE_SIZE];
    sfpm_put_u64(box, sealer->salt_offset);
    sfpm_put_u64(box + 8, sealer->counter++);
    sfpm_box_nonce(sealer->keys, box, kind, offset, bound, nonce);
    return sfpm_seal(sealer->cipher, nonce, bound, sizeof bound, from, size,
                     box + SFPM_BOX_PREFIX);
}
