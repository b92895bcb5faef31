/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dirent.h>

#include "base/error.h"
#include "io/input.h"
#include "io/output.h"

/* Each test works in a directory of its own. */
static char home[64];

static void enter_home(void)
{
    strcpy(home, "/tmp/check_io.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
    ck_assert_int_eq(chdir(home), 0);
    umask(022);
}

static int count_files(void)
{
    int n = 0;
    DIR *all = opendir(home);
    ck_assert_ptr_nonnull(all);
    for (struct dirent *entry; (entry = readdir(all));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(all);
    return n;
}

static void leave_home(void)
{
    DIR *all = opendir(home);
    ck_assert_ptr_nonnull(all);
    for (struct dirent *entry; (entry = readdir(all));)
        if (unlinkat(dirfd(all), entry->d_name, 0) != 0)
            unlinkat(dirfd(all), entry->d_name, AT_REMOVEDIR);
    closedir(all);
    ck_assert_int_eq(rmdir(home), 0);
}

static void put_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void expect_file(const char *path, const char *text)
{
    char got[256];
    sfpm_input_t *input = sfpm_input_open(path);
    ck_assert_msg(input != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_input_size(input), strlen(text));
    ck_assert(sfpm_input_read(input, 0, got, strlen(text)));
    ck_assert_mem_eq(got, text, strlen(text));
    sfpm_input_close(input);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void expect_error(sfpm_status_t status, int error, const char *part)
{
    ck_assert_msg(sfpm_last_status() == status, "%s: %s",
                  sfpm_status_name(sfpm_last_status()), sfpm_last_error());
    ck_assert_int_eq(sfpm_last_errno(), error);
    ck_assert_msg(strstr(sfpm_last_error(), part) != NULL, "%s", sfpm_last_error());
}

static void create(const char *path, const char *text)
{
    sfpm_output_t *output = sfpm_output_create(path, NULL);
    ck_assert_msg(output != NULL, "%s", sfpm_last_error());
    ck_assert(sfpm_output_write(output, text, strlen(text)));
    ck_assert_msg(sfpm_output_finish(output), "%s", sfpm_last_error());
}

START_TEST(new_file_obeys_the_umask)
{
    umask(027);
    create("a.img", "hello");
    expect_file("a.img", "hello");
    ck_assert_uint_eq(mode_of("a.img"), 0640);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(replacing_keeps_the_mode)
{
    put_file("a.img", "old", 0604);
    create("a.img", "new one");
    expect_file("a.img", "new one");
    ck_assert_uint_eq(mode_of("a.img"), 0604);
}
END_TEST

START_TEST(appended_bytes_follow_and_are_cut_back)
{
    put_file("a.img", "old", 0644);
    sfpm_output_t *output = sfpm_output_append("a.img", NULL);
    ck_assert_msg(output != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_output_offset(output), 3);
    ck_assert(sfpm_output_write(output, "+new", 4));
    ck_assert(sfpm_output_sync(output));
    ck_assert(sfpm_output_zeros(output, 1000));
    sfpm_output_discard(output);
    expect_file("a.img", "old");

    output = sfpm_output_append("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "+new", 4));
    ck_assert(sfpm_output_finish(output));
    expect_file("a.img", "old+new");
}
END_TEST

START_TEST(missing_file_is_named_with_the_reason)
{
    ck_assert_ptr_null(sfpm_input_open("a.img"));
    expect_error(SFPM_ERR_NOT_FOUND, ENOENT, "a.img: No such file");
    ck_assert_ptr_null(sfpm_output_append("a.img", NULL));
    expect_error(SFPM_ERR_NOT_FOUND, ENOENT, "a.img: No such file");
    ck_assert_ptr_null(sfpm_output_create("none/a.img", NULL));
    expect_error(SFPM_ERR_NOT_FOUND, ENOENT, "none/a.img: No such file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io");
    TCase *core = tcase_create("Core");
    tcase_add_checked_fixture(core, enter_home, leave_home);
    tcase_add_test(core, new_file_obeys_the_umask);
    tcase_add_test(core, replacing_keeps_the_mode);
    tcase_add_test(core, appended_bytes_follow_and_are_cut_back);
    tcase_add_test(core, missing_file_is_named_with_the_reason);
    suite_add_tcase(suite, core);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
