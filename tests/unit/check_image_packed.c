/* SPDX-License-Identifier: MIT */
/* Compressed, encrypted and delta images, and images written anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "base/bytes.h"
#include "commit/commit.h"
#include "codec/crypt.h"
#include "common.h"
#include "format/format.h"

enum { SIZE = 700000, COMMITS = 6 };

static const char path[] = "a.img", other[] = "b.img", third[] = "c.img";
static uint8_t states[COMMITS][SIZE];
static const uint8_t key[32] = {1, 2, 3};
static const uint8_t wrong_key[32] = {1, 2, 4};

/* A third zero, a third repetitive, a third random: in runs of chunks and pages. */
static void make_states(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        size_t kind = i / 100000 % 3;
        states[0][i] = kind == 0   ? 0
                       : kind == 1 ? (uint8_t)(i / 7 % 50)
                                   : (uint8_t)next_number();
    }
    for (int c = 1; c < COMMITS; c++) {
        memcpy(states[c], states[c - 1], SIZE);
        for (int k = 0; k < 5; k++)
            states[c][next_number() % SIZE] = (uint8_t)next_number();
    }
}

static sfpm_secret_t secret_of(const uint8_t *bytes)
{
    return (sfpm_secret_t){.struct_size = sizeof(sfpm_secret_t), .key = bytes};
}

static sfpm_image_t *open_with(const char *file, const uint8_t *secret, const char *base)
{
    sfpm_secret_t given = secret_of(secret);
    sfpm_image_options_t options = {
        .struct_size = sizeof options, .secret = secret ? &given : NULL, .base = base};
    return sfpm_image_open(file, &options);
}

static void expect_state(sfpm_image_t *image, const uint8_t *state)
{
    static uint8_t read[SIZE];
    ck_assert_uint_eq(sfpm_image_region(image, 0)->size, SIZE);
    ck_assert_ok(sfpm_image_read(image, 0, 0, read, SIZE));
    ck_assert_int_eq(memcmp(read, state, SIZE), 0);
}

/* Six commits in one file: the first saved, then alternately set whole and edited. */
static void make_image(const char *method, const uint8_t *secret)
{
    sfpm_secret_t given = secret_of(secret);
    make_states();
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    if (secret)
        ck_assert_ok(sfpm_edit_set_secret(edit, &given));
    ck_assert_ok(sfpm_edit_set_compression(edit, method, 2));
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, states[0], SIZE, 0));
    ck_assert_ok(sfpm_edit_set_description(edit, "topsecret name"));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    for (int c = 1; c < COMMITS; c++) {
        sfpm_image_t *image = open_with(path, secret, NULL);
        ck_assert_msg(image != NULL, "%s", sfpm_last_error());
        edit = sfpm_edit_create(image);
        if (c % 2)
            ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, states[c], SIZE, 0));
        else
            for (size_t i = 0; i < SIZE; i++)
                if (states[c][i] != states[c - 1][i])
                    ck_assert_ok(sfpm_edit_write(edit, 0, i, &states[c][i], 1));
        ck_assert_ok(sfpm_edit_append(edit, NULL));
        sfpm_edit_destroy(edit);
        expect_state(image, states[c]);
        sfpm_image_close(image);
    }
}

static void expect_all_states(const char *file, const uint8_t *secret)
{
    sfpm_image_t *image = open_with(file, secret, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    for (int c = 0; c < COMMITS; c++) {
        ck_assert_ok(sfpm_image_select(image, c + 1));
        expect_state(image, states[c]);
    }
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

static long size_of(const char *file)
{
    struct stat status;
    ck_assert_int_eq(stat(file, &status), 0);
    return (long)status.st_size;
}

static bool contains(const char *file, const char *text)
{
    FILE *stream = fopen(file, "rb");
    long size = size_of(file);
    char *bytes = malloc((size_t)size);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, stream), (size_t)size);
    fclose(stream);
    bool found = false;
    for (long i = 0; !found && i + (long)strlen(text) <= size; i++)
        found = memcmp(bytes + i, text, strlen(text)) == 0;
    free(bytes);
    return found;
}

static const char *const methods[] = {"none", "zstd:3", "lz4"};

START_TEST(compressed_commits_keep_their_states)
{
    make_image(methods[_i], NULL);
    expect_all_states(path, NULL);
    ck_assert(contains(path, "topsecret"));
    /* 200,000 random bytes, 200,000 repetitive ones, the rest zero. */
    sfpm_image_t *image = open_with(path, NULL, NULL);
    ck_assert_ok(sfpm_image_select(image, 1));
    uint64_t size = sfpm_image_commit_info(image)->size;
    sfpm_image_close(image);
    ck_assert_uint_gt(size, _i == 0 ? 400000 : 200000);
    ck_assert_uint_lt(size, _i == 0 ? 460000 : 300000);
}
END_TEST

START_TEST(encrypted_commits_keep_and_hide_their_states)
{
    make_image(methods[_i], key);
    expect_all_states(path, key);
    ck_assert(!contains(path, "topsecret"));
    ck_assert(!contains(path, "data"));
    ck_assert_ptr_null(open_with(path, wrong_key, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_KEY);
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "wrong"));
    ck_assert_ptr_null(open_with(path, NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_KEY);
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "no key was given"));
}
END_TEST

START_TEST(a_plain_image_where_an_encrypted_one_is_expected_is_refused)
{
    make_image("none", NULL);
    ck_assert_ptr_null(open_with(path, key, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_KEY);
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "not encrypted"));
}
END_TEST

START_TEST(passphrases_open_what_they_sealed)
{
    uint8_t bytes[100] = {5}, read[100];
    sfpm_secret_t secret = {.struct_size = sizeof secret,
                            .passphrase = "correct horse",
                            .passphrase_size = 13};
    sfpm_image_options_t options = {.struct_size = sizeof options, .secret = &secret};
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_secret(edit, &secret));
    ck_assert_ok(
        sfpm_edit_set_region(edit, "s", 0, bytes, sizeof bytes, SFPM_REGION_SECRET));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_t *image = sfpm_image_open(path, &options);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_ok(sfpm_image_read(image, 0, 0, read, sizeof read));
    ck_assert_int_eq(memcmp(read, bytes, sizeof read), 0);
    sfpm_rewrite_options_t plain = {.struct_size = sizeof plain, .decrypt = true};
    ck_assert(!sfpm_image_rewrite(image, other, &plain));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_SECRET);
    sfpm_image_close(image);
    secret.passphrase = "correct hoarse";
    ck_assert_ptr_null(sfpm_image_open(path, &options));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_KEY);
}
END_TEST

/* Sets the parameters of scrypt in the KEYS record, checksums and all. */
static void set_scrypt(uint32_t log_n, uint32_t r, uint32_t p)
{
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    uint8_t *at = bytes + SFPM_HEADER_SIZE, *payload = at + SFPM_RECORD_SIZE;
    sfpm_record_t record;
    ck_assert_ok(sfpm_record_decode(at, SFPM_HEADER_SIZE, &record));
    ck_assert_uint_eq(record.type, SFPM_RECORD_KEYS);
    sfpm_put_u32(payload + 4, log_n);
    sfpm_put_u32(payload + 8, r);
    sfpm_put_u32(payload + 12, p);
    record.sum = sfpm_checksum(payload, (size_t)record.length, 0);
    sfpm_record_encode(&record, SFPM_HEADER_SIZE, at);
    write_file(path, bytes, size);
    free(bytes);
}

/* An image asks for as much as it likes; the reader's limit decides. Keys made with
 * other parameters are wrong, which is noticed once they were derived. */
START_TEST(a_passphrase_costs_no_more_than_is_allowed)
{
    static const struct {
        uint32_t log_n, r, p;
        uint64_t most;
        sfpm_status_t status;
    } cases[] = {{17, 8, 16, 0, SFPM_ERR_LIMIT},
                 {20, 8, 1, 0, SFPM_ERR_LIMIT},
                 {18, 8, 2, 0, SFPM_ERR_LIMIT},
                 {10, 8, 1, 0, SFPM_ERR_KEY},
                 {10, 8, 1, 1 << 20, SFPM_ERR_KEY},
                 {10, 8, 1, (1 << 20) - 1, SFPM_ERR_LIMIT},
                 {10, 8, 3, (3 << 20) - 1, SFPM_ERR_LIMIT},
                 {10, 8, 3, 3 << 20, SFPM_ERR_KEY},
                 {21, 8, 1, UINT64_MAX, SFPM_ERR_LIMIT},
                 {10, UINT32_MAX, 1, 1, SFPM_ERR_LIMIT},
                 {UINT32_MAX, 8, 1, 0, SFPM_ERR_LIMIT},
                 {10, 8, UINT32_MAX, 0, SFPM_ERR_LIMIT}};
    sfpm_secret_t secret = {.struct_size = sizeof secret,
                            .passphrase = "correct horse",
                            .passphrase_size = 13};
    if (!sfpm_crypt_available())
        return;
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_secret(edit, &secret));
    ck_assert_ok(sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_options_t options = {.struct_size = sizeof options, .secret = &secret};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_input("case", i);
        set_scrypt(cases[i].log_n, cases[i].r, cases[i].p);
        secret.max_scrypt = cases[i].most;
        ck_assert_ptr_null(sfpm_image_open(path, &options));
        ck_assert_msg(sfpm_last_status() == cases[i].status, "case %zu: %s", i,
                      sfpm_last_error());
    }
    ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_NONE);
    secret.max_scrypt = 1;
    set_scrypt(10, 8, 1);
    ck_assert_ptr_null(sfpm_image_open(path, &options));
    ck_assert_int_eq(sfpm_last_failure()->remedy, SFPM_REMEDY_MORE_SCRYPT);
}
END_TEST

START_TEST(a_delta_needs_its_base_and_only_that)
{
    make_image("none", NULL);
    sfpm_image_t *base = open_with(path, NULL, NULL);
    ck_assert_msg(base != NULL, "%s", sfpm_last_error());
    sfpm_edit_t *edit = sfpm_edit_create(base);
    uint8_t *changed = malloc(SIZE);
    memcpy(changed, states[COMMITS - 1], SIZE);
    changed[5000] ^= 1;
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, changed, SIZE, 0));
    ck_assert_ok(sfpm_edit_save_delta(edit, other, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(base);
    ck_assert_int_lt(size_of(other), 20000);
    sfpm_image_t *delta = open_with(other, NULL, NULL);
    ck_assert_msg(delta != NULL, "%s", sfpm_last_error());
    expect_state(delta, changed);
    ck_assert_ok(sfpm_image_check(delta, NULL, NULL));
    /* A commit on the delta, and the whole of it flattened. */
    edit = sfpm_edit_create(delta);
    uint8_t byte = 99;
    changed[600000] = byte;
    ck_assert_ok(sfpm_edit_write(edit, 0, 600000, &byte, 1));
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    expect_state(delta, changed);
    sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    ck_assert_ok(sfpm_image_rewrite(delta, third, &flat));
    sfpm_image_close(delta);
    /* Another base under the same name is refused; the flattened one needs none. */
    ck_assert_int_eq(rename(third, path), 0);
    ck_assert_ptr_null(open_with(other, NULL, NULL));
    sfpm_image_t *whole = open_with(path, NULL, NULL);
    expect_state(whole, changed);
    sfpm_image_close(whole);
    unlink(path);
    ck_assert_ptr_null(open_with(other, NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_NOT_FOUND);
    free(changed);
}
END_TEST

START_TEST(rewriting_keeps_every_commit)
{
    static const char *const from[] = {"none", "zstd:3", "lz4", "none"};
    static const char *const to[] = {"lz4", "none", "zstd:1", "none"};
    make_image(from[_i], _i == 2 ? key : NULL);
    sfpm_secret_t secret = secret_of(key);
    sfpm_image_t *image = open_with(path, _i == 2 ? key : NULL, NULL);
    sfpm_rewrite_options_t options = {.struct_size = sizeof options,
                                      .compression = to[_i],
                                      .workers = 2,
                                      .secret = _i == 0 ? &secret : NULL,
                                      .decrypt = _i == 2};
    ck_assert_ok(sfpm_image_rewrite(image, other, &options));
    expect_all_states(other, _i == 0 ? key : NULL);
    sfpm_image_close(image);
    image = open_with(other, _i == 0 ? key : NULL, NULL);
    options = (sfpm_rewrite_options_t){.struct_size = sizeof options, .keep = 2};
    ck_assert_ok(sfpm_image_rewrite(image, other, &options));
    sfpm_image_close(image);
    image = open_with(other, _i == 0 ? key : NULL, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_image_info(image)->commits, COMMITS);
    expect_state(image, states[COMMITS - 1]);
    ck_assert_ok(sfpm_image_select(image, -1));
    expect_state(image, states[COMMITS - 2]);
    ck_assert(!sfpm_image_select(image, -2));
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}
END_TEST

START_TEST(pages_shared_between_commits_stay_shared)
{
    make_image("none", NULL);
    long before = size_of(path);
    sfpm_image_t *image = open_with(path, NULL, NULL);
    ck_assert_ok(sfpm_image_rewrite(image, other, NULL));
    sfpm_image_close(image);
    ck_assert_int_le(size_of(other), before);
    ck_assert_int_lt(size_of(other), SIZE + COMMITS * 8 * SFPM_PAGE);
}
END_TEST

/* Two regions that begin alike: random chunks, a piece, and a chunk that differs. */
enum { TWINS = 4 * SFPM_CHUNK };
static uint8_t twins[2][TWINS];

static void expect_twins(const char *file, const uint8_t *secret)
{
    static uint8_t read[TWINS];
    sfpm_image_t *image = open_with(file, secret, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    for (size_t i = 0; i < 2; i++) {
        ck_assert_ok(sfpm_image_read(image, i, 0, read, TWINS));
        ck_assert_int_eq(memcmp(read, twins[i], TWINS), 0);
    }
    ck_assert_ok(sfpm_image_check(image, NULL, NULL));
    sfpm_image_close(image);
}

static void save_twins(const char *base, const char *method, const uint8_t *secret)
{
    sfpm_secret_t given = secret_of(secret);
    sfpm_image_t *image = base ? open_with(base, secret, NULL) : NULL;
    sfpm_edit_t *edit = sfpm_edit_create(image);
    if (secret && !base)
        ck_assert_ok(sfpm_edit_set_secret(edit, &given));
    ck_assert_ok(sfpm_edit_set_compression(edit, method, 2));
    ck_assert_ok(sfpm_edit_set_region(edit, "first", 0, twins[0], TWINS, 0));
    ck_assert_ok(sfpm_edit_set_region(edit, "second", 0, twins[1], TWINS, 0));
    ck_assert_ok(base ? sfpm_edit_append(edit, NULL) : sfpm_edit_save(edit, path, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
}

/* Also when the image is rewritten, and when a chunk becomes the same again. */
START_TEST(a_chunk_that_two_regions_have_is_stored_once)
{
    const uint8_t *secret = _i >= 3 ? key : NULL;
    memset(twins, 0, sizeof twins);
    for (size_t i = 0; i < TWINS - SFPM_CHUNK; i++)
        twins[0][i] = twins[1][i] = (uint8_t)next_number();
    twins[0][TWINS - SFPM_CHUNK + 5] = twins[1][TWINS - SFPM_CHUNK + 5] = 1;
    twins[1][SFPM_CHUNK + 7] ^= 1;
    save_twins(NULL, methods[_i % 3], secret);
    expect_twins(path, secret);
    long saved = size_of(path), most = (_i == 3 ? 5 : 4) * SFPM_CHUNK + 3 * 4096;
    ck_assert_int_lt(saved, most);
    twins[1][SFPM_CHUNK + 7] ^= 1;
    twins[1][3] ^= 1;
    save_twins(path, methods[_i % 3], secret);
    expect_twins(path, secret);
    ck_assert_int_lt(size_of(path), saved + SFPM_CHUNK + 8192);
    sfpm_image_t *image = open_with(path, secret, NULL);
    ck_assert_ok(sfpm_image_rewrite(image, other, NULL));
    const sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    ck_assert_ok(sfpm_image_rewrite(image, third, &flat));
    sfpm_image_close(image);
    expect_twins(other, secret);
    expect_twins(third, secret);
    ck_assert_int_lt(size_of(other), saved + SFPM_CHUNK + 8192);
    ck_assert_int_lt(size_of(third), most);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packed");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, compressed_commits_keep_their_states, 0, 3);
    tcase_add_loop_test(core, encrypted_commits_keep_and_hide_their_states, 0, 3);
    tcase_add_test(core, a_plain_image_where_an_encrypted_one_is_expected_is_refused);
    tcase_add_test(core, passphrases_open_what_they_sealed);
    tcase_add_test(core, a_delta_needs_its_base_and_only_that);
    tcase_add_test(core, a_passphrase_costs_no_more_than_is_allowed);
    tcase_add_loop_test(core, rewriting_keeps_every_commit, 0, 4);
    tcase_add_test(core, pages_shared_between_commits_stay_shared);
    tcase_add_loop_test(core, a_chunk_that_two_regions_have_is_stored_once, 0, 6);
    return run_all(suite);
}
