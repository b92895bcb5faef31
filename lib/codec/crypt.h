/* SPDX-License-Identifier: MIT */
/*
 * Encryption through libcrypto, which is loaded when first needed: AES-256-GCM,
 * HKDF-SHA-256, scrypt. If the library is missing, functions that need it fail with
 * SFPM_ERR_UNSUPPORTED and name it. The program's own use of libcrypto is not disturbed.
 */
#ifndef SFPM_CODEC_CRYPT_H
#define SFPM_CODEC_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SFPM_KEY_SIZE = 32,
    SFPM_SALT_SIZE = 32,
    SFPM_TAG_SIZE = 16,
    SFPM_NONCE_SIZE = 12
};

bool sfpm_crypt_available(void);

/* Random bytes from the system; needs no library. */
bool sfpm_random(void *to, size_t size);

/* HKDF-SHA-256 (RFC 5869): 32 bytes derived from a key, a salt and a label. */
bool sfpm_derive_key(const uint8_t key[SFPM_KEY_SIZE], const uint8_t *salt,
                     size_t salt_size, const char *label, uint8_t derived[SFPM_KEY_SIZE]);

/* The same from a key of any size with any label; the first 32 bytes of the RFC's
 * output, whatever its length. */
bool sfpm_hkdf(const void *key, size_t key_size, const void *salt, size_t salt_size,
               const void *info, size_t info_size, uint8_t derived[SFPM_KEY_SIZE]);

/* scrypt (RFC 7914) with N = 2^log_n. The parameters are bounded against images
 * that ask for endless work: SFPM_ERR_LIMIT. */
bool sfpm_stretch_passphrase(const char *passphrase, size_t length, const uint8_t *salt,
                             size_t salt_size, uint32_t log_n, uint32_t r, uint32_t p,
                             uint8_t key[SFPM_KEY_SIZE]);

/* AES-256-GCM under one key; used by one thread at a time. */
typedef struct sfpm_cipher sfpm_cipher_t;
sfpm_cipher_t *sfpm_cipher_create(const uint8_t key[SFPM_KEY_SIZE]);
void sfpm_cipher_destroy(sfpm_cipher_t *cipher); /* wipes the key */

/* Writes `size` bytes of ciphertext and then the tag; `to` may equal `from`. */
bool sfpm_seal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
               const void *bound, size_t bound_size, const void *from, size_t size,
               void *to);

/* The reverse: `size` counts the plaintext; ciphertext and tag are read at `from`.
 * SFPM_ERR_CHECKSUM when the tag does not match; `to` is then zeroed. */
bool sfpm_unseal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
                 const void *bound, size_t bound_size, const void *from, size_t size,
                 void *to);

/* Overwrites secrets in a way that compilers do not optimise away. */
void sfpm_wipe(void *secret, size_t size);

#endif
