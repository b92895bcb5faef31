/* SPDX-License-Identifier: MIT */
/*
 * Encryption with libcrypto: key derivation, scrypt and AES-256-GCM. The library is
 * loaded when the first encrypted image is opened, because loading it takes longer than
 * most commands.
 */
#include "codec/crypt.h"

#include "base/error.h"
#include "codec/library.h"

#ifdef SFPM_CRYPTO_SONAME

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/memory.h"

#define FUNCTIONS(FUNCTION)                                                              \
    FUNCTION(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void))                               \
    FUNCTION(void, EVP_CIPHER_CTX_free, (EVP_CIPHER_CTX *))                              \
    FUNCTION(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *, int, int, void *))             \
    FUNCTION(const EVP_CIPHER *, EVP_aes_256_gcm, (void))                                \
    FUNCTION(int, EVP_CipherInit_ex,                                                     \
             (EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *,     \
              const unsigned char *, int))                                               \
    FUNCTION(int, EVP_CipherUpdate,                                                      \
             (EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int))     \
    FUNCTION(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX *, unsigned char *, int *))        \
    FUNCTION(EVP_KDF *, EVP_KDF_fetch, (OSSL_LIB_CTX *, const char *, const char *))     \
    FUNCTION(void, EVP_KDF_free, (EVP_KDF *))                                            \
    FUNCTION(EVP_KDF_CTX *, EVP_KDF_CTX_new, (EVP_KDF *))                                \
    FUNCTION(void, EVP_KDF_CTX_free, (EVP_KDF_CTX *))                                    \
    FUNCTION(int, EVP_KDF_derive,                                                        \
             (EVP_KDF_CTX *, unsigned char *, size_t, const OSSL_PARAM *))               \
    FUNCTION(int, EVP_PBE_scrypt,                                                        \
             (const char *, size_t, const unsigned char *, size_t, uint64_t, uint64_t,   \
              uint64_t, uint64_t, unsigned char *, size_t))                              \
    FUNCTION(int, ERR_set_mark, (void))                                                  \
    FUNCTION(int, ERR_pop_to_mark, (void))
FUNCTIONS(SFPM_LIBRARY_CHECK)

static const char *const names[] = {FUNCTIONS(SFPM_LIBRARY_NAME)};

enum { NUM_NAMES = sizeof names / sizeof names[0] };

SFPM_LIBRARY_NOTE("openssl", "encrypted images", SFPM_CRYPTO_SONAME)

static struct {
    sfpm_library_t library;
    struct {
        FUNCTIONS(SFPM_LIBRARY_MEMBER)
    } call;
} crypto = {.library = {.name = "encryption (OpenSSL)",
                        .soname = SFPM_CRYPTO_SONAME,
                        .package = "libssl3",
                        .symbols = names,
                        .num_symbols = NUM_NAMES}};
_Static_assert(sizeof crypto.call == NUM_NAMES * sizeof(void *), "one address per name");

/* One context for each direction: both keep the expanded key, and only the nonce
 * changes from chunk to chunk. */
struct sfpm_cipher {
    EVP_CIPHER_CTX *sealing;
    EVP_CIPHER_CTX *unsealing;
};

enum { MAX_LOG_N = 20, MAX_R = 32, MAX_P = 16, MAX_MEMORY = 1 << 30 };

bool sfpm_crypt_available(void)
{
    return sfpm_library_load(&crypto.library, &crypto.call);
}

static bool refused(const char *what)
{
    return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                     "%s (OpenSSL) refuses %s: check its configuration",
                     crypto.library.soname, what);
}

/* libcrypto keeps a queue of errors for each thread, and the program may use libcrypto
 * too: our failures must not show up in its queue. Therefore each function works between
 * begin() and finish(). */
static bool begin(void)
{
    if (!sfpm_crypt_available())
        return false;
    crypto.call.ERR_set_mark();
    sfpm_library_enter();
    return true;
}

static bool finish(bool result)
{
    sfpm_library_leave();
    crypto.call.ERR_pop_to_mark();
    return result;
}

/* ---- keys ---- */

/* The library takes parameters as pointers to non-const, but does not write. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t size)
{
    void *pointer;
    memcpy(&pointer, &bytes, sizeof pointer);
    OSSL_PARAM parameter = {name, OSSL_PARAM_OCTET_STRING, pointer, size,
                            OSSL_PARAM_UNMODIFIED};
    return parameter;
}

static bool run_hkdf(const OSSL_PARAM *parameters, uint8_t *derived)
{
    EVP_KDF *kdf = crypto.call.EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? crypto.call.EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = context && crypto.call.EVP_KDF_derive(context, derived, SFPM_KEY_SIZE,
                                                    parameters) == 1;
    crypto.call.EVP_KDF_CTX_free(context);
    crypto.call.EVP_KDF_free(kdf);
    sfpm_library_wrote(derived, SFPM_KEY_SIZE);
    return ok || refused("HKDF");
}

bool sfpm_hkdf(const void *key, size_t key_size, const void *salt, size_t salt_size,
               const void *info, size_t info_size, uint8_t derived[SFPM_KEY_SIZE])
{
    char hash[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        {OSSL_KDF_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING, hash, sizeof hash - 1,
         OSSL_PARAM_UNMODIFIED},
        octets(OSSL_KDF_PARAM_KEY, key, key_size),
        octets(OSSL_KDF_PARAM_SALT, salt, salt_size),
        octets(OSSL_KDF_PARAM_INFO, info, info_size),
        {NULL, 0, NULL, 0, 0},
    };
    return begin() && finish(run_hkdf(parameters, derived));
}

bool sfpm_derive_key(const uint8_t key[SFPM_KEY_SIZE], const uint8_t *salt,
                     size_t salt_size, const char *label, uint8_t derived[SFPM_KEY_SIZE])
{
    return sfpm_hkdf(key, SFPM_KEY_SIZE, salt, salt_size, label, strlen(label), derived);
}

/* RFC 7914 itself requires N < 2^(16 r). The memory used is 128 N r bytes. */
static bool scrypt_in_bounds(uint32_t log_n, uint32_t r, uint32_t p)
{
    if (log_n >= 1 && log_n <= MAX_LOG_N && r >= 1 && r <= MAX_R && p >= 1 &&
        p <= MAX_P && log_n < 16 * r && (UINT64_C(128) * r << log_n) <= MAX_MEMORY)
        return true;
    return sfpm_fail(SFPM_ERR_LIMIT,
                     "scrypt parameters out of range: log2 N = %lu, r = %lu, p = %lu (at "
                     "most %d, %d and %d, and 1 GiB of memory)",
                     (unsigned long)log_n, (unsigned long)r, (unsigned long)p, MAX_LOG_N,
                     MAX_R, MAX_P);
}

bool sfpm_stretch_passphrase(const char *passphrase, size_t length, const uint8_t *salt,
                             size_t salt_size, uint32_t log_n, uint32_t r, uint32_t p,
                             uint8_t key[SFPM_KEY_SIZE])
{
    if (!scrypt_in_bounds(log_n, r, p) || !begin())
        return false;
    uint64_t n = UINT64_C(1) << log_n;
    /* The memory that the algorithm uses, and a little for the library. */
    uint64_t memory = 128 * r * (n + p + 2) + 65536;
    bool ok = crypto.call.EVP_PBE_scrypt(passphrase, length, salt, salt_size, n, r, p,
                                         memory, key, SFPM_KEY_SIZE) == 1;
    sfpm_library_wrote(key, SFPM_KEY_SIZE);
    return finish(ok || sfpm_fail_memory(memory));
}

/* ---- AES-256-GCM ---- */

static EVP_CIPHER_CTX *new_context(const uint8_t *key, int sealing)
{
    EVP_CIPHER_CTX *context = crypto.call.EVP_CIPHER_CTX_new();
    if (!context) {
        sfpm_fail_memory(sizeof(sfpm_cipher_t));
        return NULL;
    }
    if (crypto.call.EVP_CipherInit_ex(context, crypto.call.EVP_aes_256_gcm(), NULL, key,
                                      NULL, sealing) == 1)
        return context;
    crypto.call.EVP_CIPHER_CTX_free(context);
    refused("AES-256-GCM");
    return NULL;
}

sfpm_cipher_t *sfpm_cipher_create(const uint8_t key[SFPM_KEY_SIZE])
{
    if (!begin())
        return NULL;
    sfpm_cipher_t *cipher = SFPM_NEW(sfpm_cipher_t);
    bool ok = cipher && (cipher->sealing = new_context(key, 1)) &&
              (cipher->unsealing = new_context(key, 0));
    if (finish(ok))
        return cipher;
    sfpm_cipher_destroy(cipher);
    return NULL;
}

void sfpm_cipher_destroy(sfpm_cipher_t *cipher)
{
    if (!cipher)
        return;
    /* The library wipes the keys in its contexts. */
    crypto.call.EVP_CIPHER_CTX_free(cipher->sealing);
    crypto.call.EVP_CIPHER_CTX_free(cipher->unsealing);
    free(cipher);
}

/* The library counts in int. */
static bool sizes_fit(size_t bound_size, size_t size)
{
    return (bound_size <= INT_MAX && size <= INT_MAX) ||
           sfpm_fail(SFPM_ERR_LIMIT, "an encrypted piece of %zu bytes is too large",
                     size > bound_size ? size : bound_size);
}

/* Everything but the tag. */
static bool transform(EVP_CIPHER_CTX *context, const uint8_t *nonce, const void *bound,
                      size_t bound_size, const void *from, size_t size, void *to)
{
    int done = 0;
    bool ok = crypto.call.EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) == 1 &&
              (bound_size == 0 || crypto.call.EVP_CipherUpdate(
                                      context, NULL, &done, bound, (int)bound_size) == 1);
    if (!ok || size == 0)
        return ok;
    ok = crypto.call.EVP_CipherUpdate(context, to, &done, from, (int)size) == 1;
    sfpm_library_wrote(to, size);
    return ok && done == (int)size;
}

static bool seal(EVP_CIPHER_CTX *context, const uint8_t *nonce, const void *bound,
                 size_t bound_size, const void *from, size_t size, uint8_t *to)
{
    int done = 0;
    bool ok =
        transform(context, nonce, bound, bound_size, from, size, to) &&
        crypto.call.EVP_CipherFinal_ex(context, to + size, &done) == 1 && done == 0 &&
        crypto.call.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SFPM_TAG_SIZE,
                                        to + size) == 1;
    sfpm_library_wrote(to + size, SFPM_TAG_SIZE);
    return ok || refused("to encrypt");
}

bool sfpm_seal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
               const void *bound, size_t bound_size, const void *from, size_t size,
               void *to)
{
    return sizes_fit(bound_size, size) && begin() &&
           finish(seal(cipher->sealing, nonce, bound, bound_size, from, size, to));
}

/* Data decrypted before the tag turned out to be wrong must not be used: it is wiped. */
static bool unseal(EVP_CIPHER_CTX *context, const uint8_t *nonce, const void *bound,
                   size_t bound_size, const uint8_t *from, size_t size, void *to)
{
    uint8_t tag[SFPM_TAG_SIZE];
    uint8_t rest[SFPM_TAG_SIZE];
    int done = 0;
    memcpy(tag, from + size, sizeof tag);
    if (!transform(context, nonce, bound, bound_size, from, size, to) ||
        crypto.call.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SFPM_TAG_SIZE,
                                        tag) != 1)
        return refused("to decrypt");
    if (crypto.call.EVP_CipherFinal_ex(context, rest, &done) == 1)
        return true;
    sfpm_wipe(to, size);
    return sfpm_fail(SFPM_ERR_CHECKSUM,
                     "the encrypted data is damaged, or was encrypted with another key");
}

bool sfpm_unseal(sfpm_cipher_t *cipher, const uint8_t nonce[SFPM_NONCE_SIZE],
                 const void *bound, size_t bound_size, const void *from, size_t size,
                 void *to)
{
    return sizes_fit(bound_size, size) && begin() &&
           finish(unseal(cipher->unsealing, nonce, bound, bound_size, from, size, to));
}

#endif
