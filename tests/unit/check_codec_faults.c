/* SPDX-License-Identifier: MIT */
/*
 * Libraries that lack a function, whose functions fail, and a system without random
 * bytes: the linker puts ours in the place of dlopen(), dlsym() and what gives random
 * bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#ifdef SFPM_CRYPTO_SONAME
#include <openssl/evp.h>
#include <openssl/kdf.h>
#endif
#ifdef SFPM_ZSTD_SONAME
#include <zstd.h>
#endif
#ifdef SFPM_LZ4_SONAME
#include <lz4.h>
#endif

#include "codec/compress.h"
#include "codec/crypt.h"
#include "common.h"

/* ---- what fails ---- */

static const char *missing, *failing; /* symbols; NULL: none */
static int calls_left;                /* of the failing one */
static int calls_failed;
static bool library_is_missing;

static bool fails(const char *name)
{
    if (!failing || strcmp(name, failing) != 0 || calls_left-- > 0)
        return false;
    calls_failed++;
    return true;
}

/* FUNCTION(result, name, parameters, arguments, what a failing call returns) */
#ifdef SFPM_CRYPTO_SONAME
#define CRYPTO_FUNCTIONS(FUNCTION)                                                       \
    FUNCTION(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)                     \
    FUNCTION(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int t, int n, void *p),      \
             (c, t, n, p), 0)                                                            \
    FUNCTION(int, EVP_CipherInit_ex,                                                     \
             (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, ENGINE *e,                        \
              const unsigned char *k, const unsigned char *n, int s),                    \
             (c, t, e, k, n, s), 0)                                                      \
    FUNCTION(int, EVP_CipherUpdate,                                                      \
             (EVP_CIPHER_CTX * c, unsigned char *to, int *done,                          \
              const unsigned char *from, int n),                                         \
             (c, to, done, from, n), 0)                                                  \
    FUNCTION(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *to, int *n),   \
             (c, to, n), 0)                                                              \
    FUNCTION(EVP_KDF *, EVP_KDF_fetch,                                                   \
             (OSSL_LIB_CTX * l, const char *name, const char *p), (l, name, p), NULL)    \
    FUNCTION(EVP_KDF_CTX *, EVP_KDF_CTX_new, (EVP_KDF * k), (k), NULL)                   \
    FUNCTION(int, EVP_KDF_derive,                                                        \
             (EVP_KDF_CTX * c, unsigned char *to, size_t n, const OSSL_PARAM *p),        \
             (c, to, n, p), 0)                                                           \
    FUNCTION(int, EVP_PBE_scrypt,                                                        \
             (const char *w, size_t length, const unsigned char *salt, size_t size,      \
              uint64_t n, uint64_t r, uint64_t p, uint64_t most, unsigned char *to,      \
              size_t wanted),                                                            \
             (w, length, salt, size, n, r, p, most, to, wanted), 0)
#else
#define CRYPTO_FUNCTIONS(FUNCTION)
#endif
#ifdef SFPM_ZSTD_SONAME
/* The first is kept once it was made. */
#define ZSTD_FUNCTIONS(FUNCTION)                                                         \
    FUNCTION(ZSTD_DCtx *, ZSTD_createDCtx, (void), (), NULL)                             \
    FUNCTION(ZSTD_CCtx *, ZSTD_createCCtx, (void), (), NULL)                             \
    FUNCTION(size_t, ZSTD_CCtx_setParameter,                                             \
             (ZSTD_CCtx * c, ZSTD_cParameter p, int value), (c, p, value), (size_t)-1)
#else
#define ZSTD_FUNCTIONS(FUNCTION)
#endif
#define FUNCTIONS(FUNCTION) CRYPTO_FUNCTIONS(FUNCTION) ZSTD_FUNCTIONS(FUNCTION)

#define STAND_IN(result, name, parameters, arguments, failure)                           \
    static result(*real_##name) parameters;                                              \
    static result my_##name parameters                                                   \
    {                                                                                    \
        return fails(#name) ? failure : real_##name arguments;                           \
    }
FUNCTIONS(STAND_IN)

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags)
{
    return __real_dlopen(library_is_missing ? "libnothing-of-sfpm.so.0" : name, flags);
}

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name)
{
    if (missing && strcmp(name, missing) == 0)
        return NULL;
    void *found = __real_dlsym(handle, name);
#define REPLACE(result, function, parameters, arguments, failure)                        \
    if (strcmp(name, #function) == 0) {                                                  \
        result(*mine) parameters = my_##function;                                        \
        memcpy(&real_##function, &found, sizeof found);                                  \
        memcpy(&found, &mine, sizeof found);                                             \
    }
    FUNCTIONS(REPLACE)
    return found;
}

/* ---- libraries ---- */

static bool load_zstd(void)
{
    return sfpm_codec_available(SFPM_CODEC_ZSTD);
}

static bool load_lz4(void)
{
    return sfpm_codec_available(SFPM_CODEC_LZ4);
}

static const struct {
    const char *symbol; /* that the library must have */
    const char *library;
    bool (*load)(void);
} libraries[] = {
#ifdef SFPM_CRYPTO_SONAME
    {"EVP_KDF_fetch", SFPM_CRYPTO_SONAME, sfpm_crypt_available},
#endif
#ifdef SFPM_ZSTD_SONAME
    {"ZSTD_compress2", SFPM_ZSTD_SONAME, load_zstd},
#endif
#ifdef SFPM_LZ4_SONAME
    {"LZ4_decompress_safe", SFPM_LZ4_SONAME, load_lz4},
#endif
    {NULL, NULL, load_lz4}};

/* What is not there now may be there the next time. */
START_TEST(libraries_that_are_missing_or_old_are_named)
{
    char old[100];
    for (size_t i = 0; libraries[i].symbol; i++) {
        library_is_missing = true;
        ck_assert(!libraries[i].load());
        expect_fault(SFPM_ERR_UNSUPPORTED, "cannot load the library for ");
        library_is_missing = false;
        missing = libraries[i].symbol;
        ck_assert(!libraries[i].load());
        snprintf(old, sizeof old, "%s is too old: it has no %s", libraries[i].library,
                 missing);
        expect_fault(SFPM_ERR_UNSUPPORTED, old);
        missing = NULL;
        ck_assert_works(libraries[i].load());
    }
}
END_TEST

static uint8_t plain[5000], sealed[sizeof plain + SFPM_TAG_SIZE], opened[sizeof plain];

static bool encrypt(void)
{
    static const uint8_t salt[SFPM_SALT_SIZE] = "salt", nonce[SFPM_NONCE_SIZE] = "nonce";
    uint8_t key[SFPM_KEY_SIZE];
    bool ok = sfpm_stretch_passphrase("word", 4, salt, sizeof salt, 4, 1, 1, key) &&
              sfpm_derive_key(key, salt, sizeof salt, "label", key);
    sfpm_cipher_t *cipher = ok ? sfpm_cipher_create(key) : NULL;
    ok = cipher && sfpm_seal(cipher, nonce, "bound", 5, plain, sizeof plain, sealed) &&
         sfpm_unseal(cipher, nonce, "bound", 5, sealed, sizeof plain, opened);
    sfpm_cipher_destroy(cipher);
    return ok;
}

static bool compress(void)
{
    sfpm_compressor_t *compressor = sfpm_compressor_create(SFPM_CODEC_ZSTD, 5);
    size_t size =
        compressor ? sfpm_compress(compressor, plain, sizeof plain, sealed, sizeof sealed)
                   : 0;
    sfpm_compressor_destroy(compressor);
    /* Without a smaller form, the chunk is stored as it is. */
    return compressor && (size == 0 || sfpm_decompress(SFPM_CODEC_ZSTD, sealed, size,
                                                       opened, sizeof opened));
}

/* Each call of a function fails, the first alone, the second and so on. */
static void fail_calls(const char *name, bool (*work)(void))
{
    for (int call = 0;; call++) {
        note_input(name, (uint64_t)call);
        failing = name;
        calls_left = call;
        calls_failed = 0;
        sfpm_status_t status = SFPM_OK;
        bool ok = work();
        if (!ok)
            status = sfpm_last_status();
        failing = NULL;
        ck_assert(calls_failed > 0 || call > 0);
        if (calls_failed == 0) {
            ck_assert_works(ok);
            return;
        }
        /* All but a wrong tag is not the fault of the data. */
        ck_assert_msg(
            ok || status == SFPM_ERR_UNSUPPORTED || status == SFPM_ERR_MEMORY ||
                (status == SFPM_ERR_CHECKSUM && strcmp(name, "EVP_CipherFinal_ex") == 0),
            "%s, call %d: %s", name, call, sfpm_last_error());
        ck_assert(!ok || strcmp(name, "ZSTD_CCtx_setParameter") == 0);
    }
}

#define FAIL_CALLS(result, name, parameters, arguments, failure) fail_calls(#name, WORK);

START_TEST(functions_that_fail_are_no_damage)
{
    memset(plain, 'x', sizeof plain);
#define WORK encrypt
    CRYPTO_FUNCTIONS(FAIL_CALLS)
#undef WORK
#define WORK compress
    ZSTD_FUNCTIONS(FAIL_CALLS)
#undef WORK
}
END_TEST

/* ---- random bytes ---- */

static int random_error, open_error, read_error; /* 0: works, EOF: nothing more */
static int interrupted;

ssize_t __real_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
    if (interrupted > 0 && interrupted-- > 0)
        errno = EINTR;
    else if (random_error)
        errno = random_error;
    else
        return __real_getrandom(to, size < 5 ? size : 5, flags);
    return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    if (!open_error)
        return __real_open(path, flags, mode);
    errno = open_error;
    return -1;
}

ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size)
{
    if (read_error == EOF)
        return 0;
    if (!read_error)
        return __real_read(fd, to, size);
    errno = read_error;
    return -1;
}

static void expect_random(bool works, const char *text)
{
    uint8_t bytes[64] = {0};
    ck_assert_int_eq(sfpm_random(bytes, sizeof bytes), works);
    if (!works) {
        expect_fault(SFPM_ERR_SYSTEM, text);
        return;
    }
    for (size_t i = 0; i < sizeof bytes / 2; i += 16)
        ck_assert_int_ne(memcmp(bytes + i, bytes + i + 32, 16), 0);
}

START_TEST(random_bytes_come_from_the_system_or_a_device)
{
    interrupted = 2;
    expect_random(true, NULL);
    random_error = EIO;
    expect_random(false, "cannot get random bytes from the system: ");
    random_error = ENOSYS;
    expect_random(true, NULL);
    read_error = EOF;
    expect_random(false, "cannot read /dev/urandom: ");
    read_error = EIO;
    expect_random(false, "cannot read /dev/urandom: ");
    read_error = 0;
    open_error = EMFILE;
    expect_random(false, "cannot open /dev/urandom: ");
    open_error = 0;
    expect_random(true, NULL);
}
END_TEST

int main(void)
{
    const test_t core[] = {libraries_that_are_missing_or_old_are_named,
                           functions_that_fail_are_no_damage,
                           random_bytes_come_from_the_system_or_a_device, NULL};
    const test_t limits[] = {NULL};
    return run_cases("codec-faults", core, limits, NULL, NULL);
}
