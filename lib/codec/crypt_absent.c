/* SPDX-License-Identifier: MIT */
/* Replaces crypt.c in a build without OpenSSL. */
#include "codec/crypt.h"

#include "codec/library.h"

#ifndef SFPM_CRYPTO_SONAME

bool sfpm_crypt_available(void)
{
    return sfpm_library_left_out("encryption (OpenSSL 3)", "libssl-dev");
}

bool sfpm_hkdf(const void *key, size_t key_size, const void *salt, size_t salt_size,
               const void *info, size_t info_size, uint8_t derived[SFPM_KEY_SIZE])
{
    (void)key, (void)key_size, (void)salt, (void)salt_size, (void)info, (void)info_size;
    (void)derived;
    return sfpm_crypt_available();
}

bool sfpm_derive_key(const uint8_t key[SFPM_KEY_SIZE], const uint8_t *salt,
                     size_t salt_size, const char *label, uint8_t derived[SFPM_KEY_SIZE])
{
    (void)key, (void)salt, (void)salt_size, (void)label, (void)derived;
    return sfpm_crypt_available();
}

bool sfpm_stretch_passphrase(const char *passphrase, size_t length, const uint8_t *salt,
                             size_t salt_size, uint32_t log_n, uint32_t r, uint32_t p,
                             uint8_t key[SFPM_KEY_SIZE])
{
    (void)passphrase, (void)length, (void)salt, (void)salt_size, (void)log_n, (void)r;
    (void)p, (void)key;
    return sfpm_crypt_available();
}

sfpm_cipher_t *sfpm_cipher_create(const uint8_t key[SFPM_KEY_SIZE])
{
    (void)key;
    sfpm_crypt_available();
    return NULL;
}

void sfpm_cipher_destroy(sfpm_cipher_t *cipher)
{
    (void)cipher;
}

bool sfpm_seal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
               const void *bound, size_t bound_size, const void *from, size_t size,
               void *to)
{
    (void)cipher, (void)nonce, (void)bound, (void)bound_size, (void)from, (void)size;
    (void)to;
    return sfpm_crypt_available();
}

bool sfpm_unseal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
                 const void *bound, size_t bound_size, const void *from, size_t size,
                 void *to)
{
    (void)cipher, (void)nonce, (void)bound, (void)bound_size, (void)from, (void)size;
    (void)to;
    return sfpm_crypt_available();
}

#endif
