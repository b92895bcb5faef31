/* SPDX-License-Identifier: MIT */
/*
 * Sealed (encrypted) images. Every commit has a key of its own, derived from the
 * image's master key and 32 random bytes in its SALT record; everything that says
 * something about contents is stored in boxes under such a key.
 *
 * A box is: u64 offset of the SALT record, u64 counter, ciphertext, tag. The nonce
 * is the counter and the kind of box; bound to the ciphertext are the header, the
 * two numbers and the place of the box in the file, so that no box can be moved,
 * exchanged or taken from another copy of the image.
 */
#ifndef SFPM_IMAGE_SEAL_H
#define SFPM_IMAGE_SEAL_H

#include "codec/crypt.h"
#include "format/format.h"
#include "io/input.h"
#include "io/output.h"

enum {
    SFPM_BOX_PREFIX = 16,
    SFPM_KEYS_SIZE = 48,
    SFPM_SALT_RECORD = 48,
    SFPM_KDF_NONE = 0,  /* the key file holds the master key itself */
    SFPM_KDF_SCRYPT = 1 /* a passphrase, stretched */
};

/* Kinds of boxes. The index is the last box of its commit. */
enum { SFPM_BOX_CHUNK = 1, SFPM_BOX_LEAF = 2, SFPM_BOX_INDEX = 3 };

/* The KEYS record: how a passphrase becomes the master key. */
typedef struct sfpm_kdf {
    uint32_t kind;
    uint32_t log_n, r, p;
    uint8_t salt[SFPM_SALT_SIZE];
} sfpm_kdf_t;

/* What an image needs to open and make boxes. */
typedef struct sfpm_keys {
    bool sealed;
    sfpm_kdf_t kdf;
    uint8_t header[SFPM_HEADER_SIZE];
    uint8_t master[SFPM_KEY_SIZE];
} sfpm_keys_t;

void sfpm_keys_wipe(sfpm_keys_t *keys);

/* New keys for a new image from what the user gave. */
bool sfpm_keys_make(sfpm_keys_t *keys, const sfpm_secret_t *secret);
/* The keys of an image whose header is `header`: reads its KEYS record, and takes the
 * secret from the options, or asks for it. */
bool sfpm_keys_load(sfpm_keys_t *keys, const sfpm_input_t *input,
                    const uint8_t header[SFPM_HEADER_SIZE],
                    const sfpm_image_options_t *options);
void sfpm_kdf_encode(const sfpm_kdf_t *kdf, uint8_t bytes[SFPM_KEYS_SIZE]);

/* Opens boxes; keeps the cipher of the commit last met. For one thread. */
typedef struct sfpm_opener {
    const sfpm_keys_t *keys;
    const sfpm_input_t *input;
    uint64_t salt_offset;
    sfpm_cipher_t *cipher;
} sfpm_opener_t;

void sfpm_opener_free(sfpm_opener_t *opener);
/* Opens the box of `length` bytes that lies at `offset` in the file; *size receives
 * the plaintext's length, which is `length` - SFPM_BOX_EXTRA. */
bool sfpm_box_open(sfpm_opener_t *opener, uint32_t kind, uint64_t offset,
                   const uint8_t *box, size_t length, uint8_t *to, size_t *size);

/* Makes the boxes of one commit. */
typedef struct sfpm_sealer {
    const sfpm_keys_t *keys;
    uint64_t salt_offset;
    uint64_t counter;
    sfpm_cipher_t *cipher;
} sfpm_sealer_t;

/* Draws a salt; `record` receives the payload of the SALT record, which the caller
 * writes at `offset`. */
bool sfpm_sealer_init(sfpm_sealer_t *sealer, const sfpm_keys_t *keys, uint64_t offset,
                      uint8_t record[SFPM_SALT_RECORD]);
void sfpm_sealer_free(sfpm_sealer_t *sealer);
/* Makes the box of `size` bytes for `offset`: writes size + SFPM_BOX_EXTRA bytes. */
bool sfpm_box_seal(sfpm_sealer_t *sealer, uint32_t kind, uint64_t offset,
                   const void *from, size_t size, uint8_t *box);

#endif
