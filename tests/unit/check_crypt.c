/* SPDX-License-Identifier: MIT */
/* Encryption: the published vectors, and that nothing forged is accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "codec/crypt.h"
#include "common.h"

enum { MAX_BYTES = 256 };

/* Reads hex digits; returns how many bytes they are. */
static size_t from_hex(const char *hex, uint8_t bytes[MAX_BYTES])
{
    size_t count = 0;
    for (; hex[2 * count]; count++) {
        unsigned value = 0;
        ck_assert_uint_lt(count, MAX_BYTES);
        ck_assert_int_eq(sscanf(hex + 2 * count, "%2x", &value), 1);
        bytes[count] = (uint8_t)value;
    }
    return count;
}

/* Whether a build has encryption; unit tests of what is missing are elsewhere. */
static bool lacks(void)
{
    return !sfpm_crypt_available() && strstr(sfpm_last_error(), "built without");
}

/* RFC 5869, appendix A: input key, salt, info, the first 32 bytes of the output. */
static const char *const hkdf_vectors[][4] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
     "f0f1f2f3f4f5f6f7f8f9",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
     "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
     "404142434445464748494a4b4c4d4e4f",
     "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
     "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
     "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"},
};

START_TEST(hkdf_gives_the_published_keys)
{
    uint8_t key[MAX_BYTES], salt[MAX_BYTES], info[MAX_BYTES], wanted[MAX_BYTES];
    uint8_t derived[SFPM_KEY_SIZE];
    if (lacks())
        return;
    size_t key_size = from_hex(hkdf_vectors[_i][0], key);
    size_t salt_size = from_hex(hkdf_vectors[_i][1], salt);
    size_t info_size = from_hex(hkdf_vectors[_i][2], info);
    ck_assert_uint_eq(from_hex(hkdf_vectors[_i][3], wanted), SFPM_KEY_SIZE);
    ck_assert_msg(sfpm_hkdf(key, key_size, salt, salt_size, info, info_size, derived),
                  "%s", sfpm_last_error());
    ck_assert_mem_eq(derived, wanted, SFPM_KEY_SIZE);
}
END_TEST

START_TEST(derived_keys_depend_on_everything)
{
    uint8_t key[SFPM_KEY_SIZE] = {1};
    uint8_t other_key[SFPM_KEY_SIZE] = {2};
    uint8_t salt[SFPM_SALT_SIZE] = {3, [31] = 5};
    uint8_t keys[5][SFPM_KEY_SIZE];
    if (lacks())
        return;
    ck_assert(sfpm_derive_key(key, salt, sizeof salt, "chunks", keys[0]));
    ck_assert(sfpm_derive_key(other_key, salt, sizeof salt, "chunks", keys[1]));
    ck_assert(sfpm_derive_key(key, salt, sizeof salt - 1, "chunks", keys[2]));
    ck_assert(sfpm_derive_key(key, salt, sizeof salt, "index", keys[3]));
    salt[31] = 4;
    ck_assert(sfpm_derive_key(key, salt, sizeof salt, "chunks", keys[4]));
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            ck_assert_mem_ne(keys[i], keys[j], SFPM_KEY_SIZE);
}
END_TEST

/* RFC 7914, section 12, without the one that takes 1 GiB; the first 32 bytes. */
static const struct {
    const char *passphrase;
    const char *salt;
    uint32_t log_n, r, p;
    const char *key;
} scrypt_vectors[] = {
    {"", "", 4, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"},
    {"password", "NaCl", 10, 8, 16,
     "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"},
    {"pleaseletmein", "SodiumChloride", 14, 8, 1,
     "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"},
};

START_TEST(scrypt_gives_the_published_keys)
{
    uint8_t wanted[MAX_BYTES];
    uint8_t key[SFPM_KEY_SIZE];
    const char *passphrase = scrypt_vectors[_i].passphrase;
    const char *salt = scrypt_vectors[_i].salt;
    if (lacks())
        return;
    ck_assert_uint_eq(from_hex(scrypt_vectors[_i].key, wanted), SFPM_KEY_SIZE);
    ck_assert_msg(sfpm_stretch_passphrase(passphrase, strlen(passphrase),
                                          (const uint8_t *)salt, strlen(salt),
                                          scrypt_vectors[_i].log_n, scrypt_vectors[_i].r,
                                          scrypt_vectors[_i].p, key),
                  "%s", sfpm_last_error());
    ck_assert_mem_eq(key, wanted, SFPM_KEY_SIZE);
}
END_TEST

START_TEST(scrypt_is_bounded)
{
    static const uint32_t bad[][3] = {
        {0, 8, 1},           {21, 1, 1},         {15, 0, 1}, {15, 33, 1},
        {15, 8, 0},          {15, 8, 17},        {16, 1, 1}, {20, 9, 1},
        {19, 32, 1},         {UINT32_MAX, 8, 1}, {64, 8, 1}, {32, 8, 1},
        {15, UINT32_MAX, 1}, {15, 8, UINT32_MAX}};
    uint8_t key[SFPM_KEY_SIZE] = {7};
    uint8_t salt[8] = {0};
    if (lacks())
        return;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_input("case", i);
        ck_assert_msg(!sfpm_stretch_passphrase("x", 1, salt, sizeof salt, bad[i][0],
                                               bad[i][1], bad[i][2], key),
                      "parameters %zu", i);
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
        ck_assert_uint_eq(key[0], 7);
    }
    /* More than the library allows unasked (32 MiB). */
    ck_assert(sfpm_stretch_passphrase("x", 1, salt, sizeof salt, 5, 32, 16, key));
    ck_assert(sfpm_stretch_passphrase("x", 1, salt, sizeof salt, 15, 10, 1, key));
}
END_TEST

/* The vectors that the authors of GCM submitted to NIST, cases 13 to 16: key, nonce,
 * text, bound data, ciphertext with the tag. */
static const char *const gcm_vectors[][5] = {
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "00000000000000000000000000000000", "",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

START_TEST(gcm_gives_the_published_bytes)
{
    uint8_t key[MAX_BYTES], nonce[MAX_BYTES], text[MAX_BYTES], bound[MAX_BYTES];
    uint8_t wanted[MAX_BYTES], sealed[MAX_BYTES], back[MAX_BYTES];
    if (lacks())
        return;
    ck_assert_uint_eq(from_hex(gcm_vectors[_i][0], key), SFPM_KEY_SIZE);
    ck_assert_uint_eq(from_hex(gcm_vectors[_i][1], nonce), SFPM_NONCE_SIZE);
    size_t size = from_hex(gcm_vectors[_i][2], text);
    size_t bound_size = from_hex(gcm_vectors[_i][3], bound);
    ck_assert_uint_eq(from_hex(gcm_vectors[_i][4], wanted), size + SFPM_TAG_SIZE);
    sfpm_cipher_t *cipher = sfpm_cipher_create(key);
    ck_assert_msg(cipher != NULL, "%s", sfpm_last_error());
    /* Twice, for a context that is used again; and both directions in turn. */
    for (int round = 0; round < 2; round++) {
        ck_assert(sfpm_seal(cipher, nonce, bound, bound_size, text, size, sealed));
        ck_assert_mem_eq(sealed, wanted, size + SFPM_TAG_SIZE);
        ck_assert(sfpm_unseal(cipher, nonce, bound, bound_size, sealed, size, back));
        ck_assert_mem_eq(back, text, size);
    }
    memcpy(sealed, text, size);
    ck_assert(sfpm_seal(cipher, nonce, bound, bound_size, sealed, size, sealed));
    ck_assert_mem_eq(sealed, wanted, size + SFPM_TAG_SIZE);
    ck_assert(sfpm_unseal(cipher, nonce, bound, bound_size, sealed, size, sealed));
    ck_assert_mem_eq(sealed, text, size);
    sfpm_cipher_destroy(cipher);
}
END_TEST

/* A refused piece: the right error, and no plaintext left behind. */
static void check_refused(sfpm_cipher_t *cipher, const uint8_t *nonce,
                          const uint8_t *bound, size_t bound_size, const uint8_t *sealed,
                          size_t size)
{
    uint8_t back[MAX_BYTES];
    static const uint8_t zeros[MAX_BYTES];
    memset(back, 0xA5, sizeof back);
    ck_assert(!sfpm_unseal(cipher, nonce, bound, bound_size, sealed, size, back));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHECKSUM);
    ck_assert_mem_eq(back, zeros, size);
    ck_assert_uint_eq(back[size], 0xA5);
}

START_TEST(nothing_forged_is_accepted)
{
    uint8_t key[SFPM_KEY_SIZE] = {1}, nonce[SFPM_NONCE_SIZE] = {2};
    uint8_t bound[16] = {3}, text[40] = "forty bytes", sealed[MAX_BYTES], back[40];
    enum { SEALED = sizeof text + SFPM_TAG_SIZE };
    if (lacks())
        return;
    sfpm_cipher_t *cipher = sfpm_cipher_create(key);
    key[31] ^= 1;
    sfpm_cipher_t *other = sfpm_cipher_create(key);
    ck_assert(cipher && other);
    ck_assert(sfpm_seal(cipher, nonce, bound, sizeof bound, text, sizeof text, sealed));
    for (size_t bit = 0; bit < 8 * SEALED; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_refused(cipher, nonce, bound, sizeof bound, sealed, sizeof text);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < sizeof text; size++)
        check_refused(cipher, nonce, bound, sizeof bound, sealed, size);
    for (size_t size = 0; size < sizeof bound; size++)
        check_refused(cipher, nonce, bound, size, sealed, sizeof text);
    for (size_t i = 0; i < sizeof nonce; i++) {
        nonce[i] ^= 0x80;
        check_refused(cipher, nonce, bound, sizeof bound, sealed, sizeof text);
        nonce[i] ^= 0x80;
    }
    check_refused(other, nonce, bound, sizeof bound, sealed, sizeof text);
    /* And afterwards the context still works. */
    ck_assert(sfpm_unseal(cipher, nonce, bound, sizeof bound, sealed, sizeof text, back));
    ck_assert_mem_eq(back, text, sizeof text);
    sfpm_cipher_destroy(cipher);
    sfpm_cipher_destroy(other);
}
END_TEST

START_TEST(whole_chunks_are_sealed)
{
    enum { CHUNK = 65536 };
    uint8_t key[SFPM_KEY_SIZE] = {9}, nonce[SFPM_NONCE_SIZE] = {0};
    uint8_t *text = malloc(CHUNK);
    uint8_t *sealed = malloc(CHUNK + SFPM_TAG_SIZE);
    if (lacks() || !text || !sealed)
        return;
    sfpm_cipher_t *cipher = sfpm_cipher_create(key);
    for (size_t size = CHUNK; size > 0; size = size * 3 / 4) {
        nonce[0]++;
        memset(text, (int)(size % 251), size);
        ck_assert(sfpm_seal(cipher, nonce, NULL, 0, text, size, sealed));
        ck_assert_mem_ne(sealed, text, size);
        memset(text, 0, size);
        ck_assert(sfpm_unseal(cipher, nonce, NULL, 0, sealed, size, text));
        ck_assert_uint_eq(text[size - 1], size % 251);
    }
#if SIZE_MAX > UINT32_MAX
    ck_assert(!sfpm_seal(cipher, nonce, NULL, 0, text, (size_t)1 << 31, sealed));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
    ck_assert(!sfpm_unseal(cipher, nonce, text, (size_t)1 << 31, sealed, 1, text));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LIMIT);
#endif
    sfpm_cipher_destroy(cipher);
    sfpm_cipher_destroy(NULL);
    free(text);
    free(sealed);
}
END_TEST

START_TEST(random_bytes_differ)
{
    static uint8_t first[1 << 17];
    static uint8_t second[1 << 17];
    size_t counts[256] = {0};
    ck_assert(sfpm_random(first, sizeof first));
    ck_assert(sfpm_random(second, sizeof second));
    ck_assert_mem_ne(first, second, SFPM_SALT_SIZE);
    ck_assert_mem_ne(first + sizeof first - 32, second + sizeof second - 32, 32);
    for (size_t i = 0; i < sizeof first; i++)
        counts[first[i]]++;
    for (int i = 0; i < 256; i++) /* 512 on average; 12 deviations either way */
        ck_assert_msg(counts[i] > 240 && counts[i] < 784, "%d comes %zu times", i,
                      counts[i]);
    ck_assert(sfpm_random(first, 0));
}
END_TEST

START_TEST(secrets_are_wiped)
{
    uint8_t secret[64];
    memset(secret, 0xA5, sizeof secret);
    sfpm_wipe(secret + 1, sizeof secret - 2);
    ck_assert_uint_eq(secret[0], 0xA5);
    ck_assert_uint_eq(secret[63], 0xA5);
    for (size_t i = 1; i < 63; i++)
        ck_assert_uint_eq(secret[i], 0);
    sfpm_wipe(NULL, 0);
}
END_TEST

static Suite *crypt_suite(void)
{
    Suite *suite = suite_create("crypt");
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_loop_test(core, hkdf_gives_the_published_keys, 0, 3);
    tcase_add_test(core, derived_keys_depend_on_everything);
    tcase_add_loop_test(core, scrypt_gives_the_published_keys, 0, 3);
    tcase_add_loop_test(core, gcm_gives_the_published_bytes, 0, 4);
    tcase_add_test(core, whole_chunks_are_sealed);
    tcase_add_test(core, random_bytes_differ);
    tcase_add_test(core, secrets_are_wiped);
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_test(limits, scrypt_is_bounded);
    tcase_add_test(limits, nothing_forged_is_accepted);
    return suite;
}

int main(void)
{
    return run_all(crypt_suite());
}
