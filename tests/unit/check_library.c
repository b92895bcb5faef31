/* SPDX-License-Identifier: MIT */
/* Libraries that are opened on first use: when, by whom, and what if they are not there.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/compress.h"
#include "codec/crypt.h"
#include "codec/library.h"
#include "common.h"

/* Whether a library is in this build; check_codec_absent has those that are not. */
static bool lacks(uint32_t codec)
{
    return !sfpm_codec_available(codec) && strstr(sfpm_last_error(), "built without");
}

static bool lacks_encryption(void)
{
    return !sfpm_crypt_available() && strstr(sfpm_last_error(), "built without");
}

typedef struct job {
    const uint8_t *packed;
    size_t length;
    uint32_t codec;
    bool ok;
} job_t;

static void *unpack_often(void *argument)
{
    job_t *job = argument;
    static _Thread_local uint8_t back[8192];
    job->ok = true;
    for (int i = 0; i < 500; i++)
        job->ok =
            job->ok &&
            sfpm_decompress(job->codec, job->packed, job->length, back, sizeof back) &&
            back[4096] == 1;
    return NULL;
}

START_TEST(threads_unpack_together)
{
    uint32_t codec = _i ? SFPM_CODEC_LZ4 : SFPM_CODEC_ZSTD;
    if (lacks(codec))
        return;
    static uint8_t plain[8192];
    static uint8_t packed[8192];
    memset(plain + 4096, 1, 4096);
    sfpm_compressor_t *compressor = sfpm_compressor_create(codec, 1);
    job_t jobs[4];
    pthread_t threads[4];
    size_t length = sfpm_compress(compressor, plain, sizeof plain, packed, sizeof packed);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (job_t){packed, length, codec, false};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, unpack_often, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(jobs[i].ok);
    }
    sfpm_compressor_destroy(compressor);
}
END_TEST

/* Whether a file whose path holds `part` is mapped; -1 when that cannot be told. */
static int is_mapped(const char *part)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    int found = maps ? 0 : -1;
    while (maps && fgets(line, sizeof line, maps))
        found |= strstr(line, part) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

START_TEST(a_library_is_opened_when_needed)
{
    uint32_t codec = _i ? SFPM_CODEC_LZ4 : SFPM_CODEC_ZSTD;
    const char *file = _i ? "/liblz4" : "/libzstd";
    ck_assert_int_le(is_mapped(file), 0);
    if (lacks(codec))
        return;
    ck_assert_int_ne(is_mapped(file), 0);
    ck_assert_int_le(is_mapped("/libcrypto"), 0);
}
END_TEST

START_TEST(libcrypto_is_not_mapped_before_its_use)
{
    uint8_t key[SFPM_KEY_SIZE];
    ck_assert(sfpm_random(key, sizeof key));
    sfpm_wipe(key, sizeof key);
    ck_assert_int_le(is_mapped("/libcrypto"), 0);
    if (lacks_encryption())
        return;
    ck_assert_int_ne(is_mapped("/libcrypto"), 0);
}
END_TEST

START_TEST(a_missing_library_is_named)
{
    const char *symbols[] = {"sfpm_no_such_function"};
    struct {
        void (*function)(void);
    } functions = {NULL};
    sfpm_library_t missing = {.name = "zipping",
                              .soname = "libsfpm-no-such.so.7",
                              .package = "libzipping7",
                              .symbols = symbols,
                              .num_symbols = 1};
    ck_assert(!sfpm_library_load(&missing, &functions));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(
        strstr(sfpm_last_error(), "cannot load the library for zipping"));
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "libsfpm-no-such.so.7"));
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "package libzipping7"));
    /* It is not remembered that it was missing. */
    missing.soname = NULL; /* the program itself */
    ck_assert(!sfpm_library_load(&missing, &functions));
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "sfpm_no_such_function"));
    ck_assert(functions.function == NULL);
    symbols[0] = "malloc";
    ck_assert(sfpm_library_load(&missing, &functions));
    ck_assert(functions.function != NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library");
    /* First, when no test has opened a library yet, not even without forking. */
    TCase *core = add_case(suite, "Core", NULL, NULL);
    tcase_add_loop_test(core, a_library_is_opened_when_needed, 0, 2);
    tcase_add_test(core, libcrypto_is_not_mapped_before_its_use);
    tcase_add_loop_test(core, threads_unpack_together, 0, 2);
    TCase *limits = add_case(suite, "Limits", NULL, NULL);
    tcase_add_test(limits, a_missing_library_is_named);
    return run_all(suite);
}
