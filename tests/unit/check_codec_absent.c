/* SPDX-License-Identifier: MIT */
/* A build without the compression and encryption libraries: the sources as they are
 * then compiled. These definitions come before those of the library. */
#undef SFPM_ZSTD_SONAME
#undef SFPM_LZ4_SONAME
#undef SFPM_CRYPTO_SONAME
#include "codec/compress.c"
#include "codec/crypt.c"
#include "codec/crypt_absent.c"
#include "codec/lz4.c"
#include "codec/zstd.c"
#include "common.h"

/* The last failure says what is missing from the build and what to install. */
static void check_named(const char *what, const char *package)
{
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(sfpm_last_error(), "built without") &&
                      strstr(sfpm_last_error(), what) &&
                      strstr(sfpm_last_error(), package),
                  "%s", sfpm_last_error());
    ck_assert(!sfpm_fail(SFPM_ERR_INTERNAL, "nothing"));
}

START_TEST(compression_is_refused_by_name)
{
    uint32_t number = _i ? SFPM_CODEC_LZ4 : SFPM_CODEC_ZSTD;
    const char *name = _i ? "lz4" : "zstd";
    const char *package = _i ? "liblz4-dev" : "libzstd-dev";
    uint32_t codec = 77;
    int level = 77;
    uint8_t byte = 1;
    ck_assert(!sfpm_codec_available(number));
    check_named(name, package);
    ck_assert(!sfpm_codec_parse(name, &codec, &level));
    check_named(name, package);
    ck_assert_uint_eq(codec, 77);
    ck_assert_ptr_null(sfpm_compressor_create(number, 1));
    check_named(name, package);
    ck_assert(!sfpm_decompress(number, "x", 1, &byte, 1));
    check_named(name, package);
    ck_assert_uint_eq(byte, 1);
    /* What is wrong in any build is still called wrong. */
    ck_assert(!sfpm_codec_parse("zstd:99", &codec, &level));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert(sfpm_codec_parse("none", &codec, &level));
}
END_TEST

START_TEST(encryption_is_refused_by_name)
{
    uint8_t key[SFPM_KEY_SIZE] = {0};
    uint8_t bytes[64] = {0};
    ck_assert(!sfpm_crypt_available());
    check_named("OpenSSL", "libssl-dev");
    ck_assert(!sfpm_derive_key(key, bytes, 8, "label", key));
    check_named("OpenSSL", "libssl-dev");
    ck_assert(!sfpm_hkdf(key, 8, bytes, 8, "label", 5, key));
    check_named("OpenSSL", "libssl-dev");
    ck_assert(!sfpm_stretch_passphrase("x", 1, bytes, 8, 10, 8, 1, key));
    check_named("OpenSSL", "libssl-dev");
    ck_assert_ptr_null(sfpm_cipher_create(key));
    check_named("OpenSSL", "libssl-dev");
    ck_assert(!sfpm_seal(NULL, bytes, NULL, 0, bytes, 16, bytes + 16));
    check_named("OpenSSL", "libssl-dev");
    ck_assert(!sfpm_unseal(NULL, bytes, NULL, 0, bytes, 16, bytes));
    check_named("OpenSSL", "libssl-dev");
    sfpm_cipher_destroy(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec-absent");
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_loop_test(limits, compression_is_refused_by_name, 0, 2);
    tcase_add_test(limits, encryption_is_refused_by_name);
    return run_all(suite);
}
