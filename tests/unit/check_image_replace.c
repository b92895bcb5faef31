/* SPDX-License-Identifier: MIT */
/* Files that are replaced, by us and by others meanwhile; and secrets asked for. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/image.h>

#include "commit/commit.h"
#include "codec/crypt.h"
#include "commit/edit.h"
#include "common.h"

static const char path[] = "a.img", other[] = "b.img";
static const uint8_t key[32] = {1, 2, 3};
static sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};

static sfpm_image_t *open_image(const char *file)
{
    sfpm_image_t *image = sfpm_image_open(file, NULL);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    return image;
}

/* A new image of one region whose only byte is `byte`. */
static void make(const char *file, uint8_t byte, uint32_t format,
                 const sfpm_secret_t *sealed, uint32_t flags)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    ck_assert_ok(sfpm_edit_set_format(edit, format));
    if (sealed)
        ck_assert_ok(sfpm_edit_set_secret(edit, sealed));
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, &byte, 1, flags));
    ck_assert_ok(sfpm_edit_save(edit, file, NULL));
    sfpm_edit_destroy(edit);
}

static bool write_byte(sfpm_image_t *image, uint8_t byte, const char *to)
{
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_write(edit, 0, 0, &byte, 1));
    bool good = to ? sfpm_edit_save(edit, to, NULL) : sfpm_edit_append(edit, NULL);
    sfpm_edit_destroy(edit);
    return good;
}

static void expect_byte(const char *file, uint8_t byte)
{
    uint8_t found = (uint8_t)~byte;
    sfpm_image_t *image = open_image(file);
    ck_assert_ok(sfpm_image_read(image, 0, 0, &found, 1));
    ck_assert_uint_eq(found, byte);
    sfpm_image_close(image);
}

/* The image is open while another commits, or puts a file of his own in its place. */
START_TEST(what_another_did_meanwhile_is_not_overwritten)
{
    make(path, 1, 2, NULL, 0);
    sfpm_image_t *image = open_image(path);
    sfpm_image_t *his = open_image(path);
    if (_i == 0) {
        ck_assert_ok(write_byte(his, 2, NULL));
    } else {
        make(other, 2, 2, NULL, 0);
        ck_assert_int_eq(rename(other, path), 0);
    }
    sfpm_image_close(his);
    sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    ck_assert(!sfpm_image_rewrite(image, path, &flat));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    ck_assert(!write_byte(image, 3, path));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    expect_byte(path, 2);
    if (_i == 1) /* what is open can be saved elsewhere */
        ck_assert_ok(write_byte(image, 3, other));
    sfpm_image_close(image);
}
END_TEST

/* The same through another name of the file, which is the file all the same. */
START_TEST(another_name_hides_no_commit)
{
    static const char alias[] = "./a.img";
    make(path, 1, 2, NULL, 0);
    sfpm_image_t *image = open_image(path);
    sfpm_image_t *his = open_image(path);
    ck_assert_ok(write_byte(his, 2, NULL));
    sfpm_image_close(his);
    sfpm_rewrite_options_t flat = {.struct_size = sizeof flat, .flatten = true};
    ck_assert(!sfpm_image_rewrite(image, alias, &flat));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    ck_assert(!write_byte(image, 3, alias));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    expect_byte(path, 2);
    sfpm_image_close(image);
}
END_TEST

/* Appended to through a descriptor, it would be read and written at once. */
START_TEST(an_image_is_not_streamed_into_its_own_file)
{
    make(path, 1, 2, NULL, 0);
    int fd = open(path, O_WRONLY | O_APPEND);
    sfpm_image_t *image = open_image(path);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert(!sfpm_edit_save_fd(edit, fd, "standard output", NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(sfpm_last_error(), "the file that it is read from"));
    ck_assert(!sfpm_image_rewrite_fd(image, fd, "standard output", NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    close(fd);
    image = open_image(path);
    ck_assert_uint_eq(sfpm_image_info(image)->torn, 0);
    sfpm_image_close(image);
}
END_TEST

/* A header that could not be written is none, sealed or not. */
START_TEST(a_header_that_is_not_written_fails)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    sfpm_output_t *output = sfpm_output_stream(-1, "nowhere");
    ck_assert(edit && output);
    static const uint8_t much[1 << 20];
    ck_assert(!sfpm_output_write(output, much, sizeof much));
    ck_assert(!sfpm_write_header(edit, output));
    sfpm_output_discard(output);
    sfpm_edit_destroy(edit);
}
END_TEST

/* A lock that is kept: this image's commits go through, all else is refused. */
START_TEST(a_locked_image_has_one_writer)
{
    make(path, 1, _i == 0 ? 2 : 1, NULL, 0);
    sfpm_image_t *image = open_image(path);
    sfpm_image_t *his = open_image(path);
    ck_assert_ok(sfpm_image_lock(image, NULL));
    ck_assert_ok(sfpm_image_lock(image, NULL));
    ck_assert(!sfpm_image_lock(his, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LOCKED);
    for (uint8_t byte = 2; byte < (_i == 0 ? 5 : 3); byte++) {
        ck_assert(!write_byte(his, 9, NULL));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LOCKED);
        ck_assert_ok(write_byte(image, byte, NULL));
        expect_byte(path, byte);
    }
    sfpm_image_close(image);
    /* The lock is gone, and what he read is old. */
    ck_assert(!sfpm_image_lock(his, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    sfpm_image_close(his);
    his = open_image(path);
    ck_assert_ok(write_byte(his, 9, NULL));
    sfpm_image_close(his);
    expect_byte(path, 9);
    ck_assert(!sfpm_image_lock(NULL, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
}
END_TEST

/* Somebody who knows of no lock removes the file, or puts another there. */
START_TEST(a_lock_that_is_ignored_is_told)
{
    make(path, 1, 2, NULL, 0);
    make(other, 7, 2, NULL, 0);
    sfpm_image_t *image = open_image(path);
    ck_assert_ok(sfpm_image_lock(image, NULL));
    ck_assert_int_eq(_i == 0 ? unlink(path) : rename(other, path), 0);
    ck_assert(!write_byte(image, 2, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    ck_assert_ptr_nonnull(
        strstr(sfpm_last_error(), _i == 0 ? "was removed by" : "was replaced by"));
    sfpm_image_close(image);
    if (_i != 0)
        expect_byte(path, 7);
}
END_TEST

START_TEST(version_1_is_replaced_by_one_at_a_time)
{
    make(path, 1, 1, NULL, 0);
    sfpm_image_t *image = open_image(path);
    sfpm_image_t *his = open_image(path);
    ck_assert_ok(write_byte(his, 2, NULL));
    sfpm_image_close(his);
    ck_assert(!write_byte(image, 3, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
    sfpm_image_close(image);
    expect_byte(path, 2);
}
END_TEST

/* An image that was replaced shows the new file, and its lock is on that. */
START_TEST(version_1_is_replaced_again)
{
    make(path, 1, 1, NULL, 0);
    sfpm_image_t *image = open_image(path);
    if (_i == 1)
        ck_assert_ok(sfpm_image_lock(image, NULL));
    for (uint8_t byte = 2; byte < 5; byte++) {
        uint8_t shown = 0;
        ck_assert_ok(write_byte(image, byte, NULL));
        ck_assert_ok(sfpm_image_read(image, 0, 0, &shown, 1));
        ck_assert_uint_eq(shown, byte);
        expect_byte(path, byte);
        sfpm_image_t *his = open_image(path);
        ck_assert_int_eq(sfpm_image_lock(his, NULL), _i == 0);
        if (_i == 1)
            ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_LOCKED);
        sfpm_image_close(his);
    }
    sfpm_image_t *his = open_image(path);
    if (_i == 0) {
        ck_assert_ok(write_byte(his, 9, NULL));
        ck_assert(!write_byte(image, 5, NULL));
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_CHANGED);
        expect_byte(path, 9);
    }
    sfpm_image_close(his);
    sfpm_image_close(image);
    his = open_image(path);
    ck_assert_ok(sfpm_image_lock(his, NULL));
    sfpm_image_close(his);
}
END_TEST

START_TEST(a_delta_spares_its_base)
{
    make(path, 1, 2, NULL, 0);
    sfpm_image_t *base = open_image(path);
    uint8_t byte = 2;
    sfpm_edit_t *edit = sfpm_edit_create(base);
    ck_assert_ok(sfpm_edit_write(edit, 0, 0, &byte, 1));
    ck_assert(!sfpm_edit_save_delta(edit, path, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    ck_assert_ok(sfpm_edit_save_delta(edit, other, NULL));
    sfpm_edit_destroy(edit);
    sfpm_image_t *delta = open_image(other);
    ck_assert_ptr_null(sfpm_image_info(base)->base);
    ck_assert_str_eq(sfpm_image_info(sfpm_image_info(delta)->base)->name, path);
    ck_assert(!write_byte(delta, 3, path));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_rewrite_options_t how = {.struct_size = sizeof how, .base = delta};
    ck_assert(!sfpm_image_rewrite(base, path, &how));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_ARGUMENT);
    sfpm_image_close(delta);
    sfpm_image_close(base);
    expect_byte(path, 1);
    expect_byte(other, 2);
}
END_TEST

/* Secret in the first commit, no longer in the last: the first would be revealed. */
START_TEST(secrets_of_any_commit_are_kept)
{
    uint8_t byte = 2;
    sfpm_image_options_t options = {.struct_size = sizeof options, .secret = &secret};
    sfpm_rewrite_options_t plain = {.struct_size = sizeof plain, .decrypt = true};
    make(path, 1, 2, &secret, SFPM_REGION_SECRET);
    sfpm_image_t *image = sfpm_image_open(path, &options);
    sfpm_edit_t *edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_set_region(edit, "data", 0, &byte, 1, 0));
    ck_assert_ok(sfpm_edit_append(edit, NULL));
    sfpm_edit_destroy(edit);
    ck_assert(!sfpm_image_rewrite(image, other, &plain));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_SECRET);
    ck_assert_int_ne(access(other, F_OK), 0);
    plain.keep = 1;
    ck_assert_ok(sfpm_image_rewrite(image, other, &plain));
    ck_assert_ok(sfpm_image_select(image, 1));
    edit = sfpm_edit_create(image);
    ck_assert_ok(sfpm_edit_set_format(edit, 1));
    ck_assert(!sfpm_edit_save(edit, other, NULL));
    ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_SECRET);
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    expect_byte(other, 2);
}
END_TEST

typedef struct asked {
    unsigned times;
    bool passphrase;
    const sfpm_secret_t *answer;
} asked_t;

static const sfpm_secret_t *answer(void *context, const char *name, bool passphrase)
{
    asked_t *asked = context;
    ck_assert_ptr_nonnull(strstr(name, ".img"));
    asked->times++;
    asked->passphrase = passphrase;
    return asked->answer;
}

START_TEST(a_secret_is_asked_for_when_it_is_needed)
{
    sfpm_secret_t spoken = {.struct_size = sizeof spoken,
                            .passphrase = "correct horse",
                            .passphrase_size = 13};
    const sfpm_secret_t *sealed[] = {NULL, &secret, &spoken};
    asked_t asked = {.answer = sealed[_i]};
    sfpm_image_options_t options = {
        .struct_size = sizeof options, .ask = answer, .ask_context = &asked};
    make(path, 1, 2, sealed[_i], 0);
    sfpm_image_t *image = sfpm_image_open(path, &options);
    ck_assert_msg(image != NULL, "%s", sfpm_last_error());
    sfpm_image_close(image);
    ck_assert_uint_eq(asked.times, _i > 0);
    ck_assert(asked.passphrase == (_i == 2));
    asked.answer = NULL;
    image = sfpm_image_open(path, &options);
    ck_assert(_i == 0 ? image != NULL : image == NULL);
    sfpm_image_close(image);
    if (_i > 0)
        ck_assert_int_eq(sfpm_last_status(), SFPM_ERR_KEY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replace");
    TCase *core = add_case(suite, "Core", enter_directory, leave_directory);
    tcase_add_loop_test(core, what_another_did_meanwhile_is_not_overwritten, 0, 2);
    tcase_add_test(core, another_name_hides_no_commit);
    tcase_add_test(core, an_image_is_not_streamed_into_its_own_file);
    tcase_add_test(core, a_header_that_is_not_written_fails);
    tcase_add_loop_test(core, a_locked_image_has_one_writer, 0, 2);
    tcase_add_loop_test(core, a_lock_that_is_ignored_is_told, 0, 2);
    tcase_add_test(core, version_1_is_replaced_by_one_at_a_time);
    tcase_add_loop_test(core, version_1_is_replaced_again, 0, 2);
    tcase_add_test(core, a_delta_spares_its_base);
    bool crypt = sfpm_crypt_available();
    if (crypt)
        tcase_add_test(core, secrets_of_any_commit_are_kept);
    tcase_add_loop_test(core, a_secret_is_asked_for_when_it_is_needed, 0, crypt ? 3 : 1);
    return run_all(suite);
}
