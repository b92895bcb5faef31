/* SPDX-License-Identifier: MIT */
/*
 * Who may use a file that replaces another, and who may give a new file its name.
 * Access control lists are written as the bytes that Linux keeps.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include "io/file.h"
#include "io_common.h"

static char remarks[400];

static void keep_remark(void *context, const char *text)
{
    (void)context;
    snprintf(remarks + strlen(remarks), sizeof remarks - strlen(remarks), "%s\n", text);
}

static const sfpm_output_options_t heard = {.warn = keep_remark};

static void replace(const char *path)
{
    remarks[0] = '\0';
    sfpm_output_t *output = sfpm_output_create(path, &heard);
    ck_assert_msg(output != NULL, "%s", sfpm_last_error());
    ck_assert(sfpm_output_write(output, "new", 3));
    ck_assert_msg(sfpm_output_finish(output), "%s", sfpm_last_error());
}

/* A test of root, who can give files away. */
static bool is_root(void)
{
    if (getuid() == 0)
        return true;
    puts("skipped: only root can give files away");
    return false;
}

static void become(uid_t user)
{
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(home, 0777), 0);
    ck_assert_int_eq(seteuid(user), 0);
}

#if defined(__linux__)

/* Version 2, then tag, rights and id: the owner rw-, user 65534 rw-, the owning group
 * ---, the mask rw-, others ---. ls shows rw-rw----. */
static const uint8_t list[] = {2,    0, 0, 0,                         /**/
                               1,    0, 6, 0, 255, 255, 255, 255,     /**/
                               2,    0, 6, 0, 254, 255, 0,   0,       /**/
                               4,    0, 0, 0, 255, 255, 255, 255,     /**/
                               0x10, 0, 6, 0, 255, 255, 255, 255,     /**/
                               0x20, 0, 0, 0, 255, 255, 255, 255};
static const char access_list[] = "system.posix_acl_access";
static const char default_list[] = "system.posix_acl_default";

/* False where the file system has none. */
static bool set(const char *path, const char *name, const void *value, size_t size)
{
    if (setxattr(path, name, value, size, 0) == 0)
        return true;
    ck_assert_msg(errno == ENOTSUP, "%s: %s", name, strerror(errno));
    printf("skipped: no %s here\n", name);
    return false;
}

static void expect_attribute(const char *path, const char *name, const void *value,
                             size_t size)
{
    char got[200];
    ck_assert_int_eq(getxattr(path, name, got, sizeof got), (ssize_t)size);
    ck_assert_mem_eq(got, value, size);
}

static void expect_no_list(const char *path)
{
    ck_assert_int_eq(getxattr(path, access_list, NULL, 0), -1);
    ck_assert_int_eq(errno, ENODATA);
}

START_TEST(list_is_kept)
{
    put_file("a.img", "old", 0600);
    if (!set("a.img", access_list, list, sizeof list))
        return;
    replace("a.img");
    expect_file("a.img", "new");
    expect_attribute("a.img", access_list, list, sizeof list);
    ck_assert_uint_eq(mode_of("a.img"), 0660);
    ck_assert_str_eq(remarks, "");
}
END_TEST

/* Every new file of the directory gets its list, which a mode of 0660 would put in
 * force; the temporary file has none either. */
START_TEST(default_list_opens_nothing)
{
    put_file("a.img", "old", 0660);
    put_file("b.img", "old", 0600);
    if (!set("b.img", access_list, list, sizeof list) ||
        !set(".", default_list, list, sizeof list))
        return;
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert_ptr_nonnull(output);
    DIR *all = opendir(".");
    ck_assert_ptr_nonnull(all);
    for (struct dirent *entry; (entry = readdir(all));)
        if (strncmp(entry->d_name, ".a.img.sfpm-", 12) == 0)
            expect_no_list(entry->d_name);
    closedir(all);
    ck_assert(sfpm_output_finish(output));
    expect_no_list("a.img");
    ck_assert_uint_eq(mode_of("a.img"), 0660);
    replace("b.img");
    expect_attribute("b.img", access_list, list, sizeof list);
    ck_assert_str_eq(remarks, "");
}
END_TEST

START_TEST(user_attributes_are_kept)
{
    put_file("a.img", "old", 0640);
    if (!set("a.img", "user.note", "keep", 4) || !set("a.img", "user.empty", "", 0))
        return;
    replace("a.img");
    expect_attribute("a.img", "user.note", "keep", 4);
    expect_attribute("a.img", "user.empty", "", 0);
    ck_assert_str_eq(remarks, "");
}
END_TEST

/* The list says what the owning group may, and it would be another group. */
START_TEST(list_of_another_group_is_not_copied)
{
    if (!is_root())
        return;
    put_file("a.img", "old", 0600);
    ck_assert_int_eq(chown("a.img", 12345, 12345), 0);
    if (!set("a.img", access_list, list, sizeof list))
        return;
    become(65534);
    replace("a.img");
    become(0);
    expect_no_list("a.img");
    ck_assert_uint_eq(mode_of("a.img"), 0600);
    ck_assert_ptr_nonnull(strstr(remarks, "cannot keep its group\n"));
    ck_assert_ptr_nonnull(strstr(remarks, "only its owner has access now\n"));
}
END_TEST

#endif

/* Whoever was in the group is one of the others now, who may do more here. */
START_TEST(lost_group_gives_nobody_more)
{
    if (!is_root())
        return;
    put_file("a.img", "old", 0606);
    ck_assert_int_eq(chown("a.img", 12345, 12345), 0);
    become(65534);
    replace("a.img");
    become(0);
    ck_assert_uint_eq(mode_of("a.img"), 0600);
}
END_TEST

START_TEST(new_name_is_not_taken_over)
{
    put_file("first", "first", 0644);
    put_file("second", "second", 0644);
    ck_assert_int_eq(sfpm_file_name_new(AT_FDCWD, "second", "first"), EEXIST);
    expect_file("first", "first");
    expect_file("second", "second");
    ck_assert_int_eq(sfpm_file_name_new(AT_FDCWD, "second", "third"), 0);
    expect_file("third", "second");
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

/* One writer of a new file: waits until all have begun, and tells whether it was the
 * one who made it. */
static int write_new(int begun, int start)
{
    char byte = 0;
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    if (!output || !sfpm_output_write(output, "x", 1) || write(begun, "", 1) != 1 ||
        read(start, &byte, 1) != 0)
        return 2;
    if (sfpm_output_finish(output))
        return 0;
    return sfpm_last_status() == SFPM_ERR_CHANGED ? 1 : 2;
}

static void storm(void)
{
    enum { WRITERS = 4 };
    int begun[2], start[2], winners = 0, status;
    char byte;
    pid_t writers[WRITERS];
    ck_assert(pipe(begun) == 0 && pipe(start) == 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        ck_assert_int_ge(writers[i], 0);
        if (writers[i] == 0) {
            close(start[1]);
            _exit(write_new(begun[1], start[0]));
        }
    }
    close(begun[1]);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(read(begun[0], &byte, 1), 1);
    close(start[1]);
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(waitpid(writers[i], &status, 0), writers[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        winners += WEXITSTATUS(status) == 0;
    }
    close(begun[0]);
    close(start[0]);
    ck_assert_int_eq(winners, 1);
    ck_assert_int_eq(count_files(), 1);
    ck_assert_int_eq(unlink("a.img"), 0);
}

START_TEST(one_of_many_makes_the_new_file)
{
    for (int i = 0; i < 50; i++)
        storm();
}
END_TEST

/* The same when the file that was to be replaced has gone meanwhile. */
START_TEST(name_that_became_free_is_not_taken_over)
{
    put_file("a.img", "old", 0644);
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && unlink("a.img") == 0);
    create("a.img", "theirs");
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_CHANGED, 0, "a.img: was created by another process");
    expect_file("a.img", "theirs");
}
END_TEST

#ifdef SYS_flock

/* What another writer does when it finds a file that is not locked yet: it takes the file
 * for a dead one, and its own gets the name. */
static const char *taken;

int flock(int fd, int operation)
{
    const char *name = taken;
    taken = NULL;
    if (name) {
        ck_assert_int_eq(unlink(name), 0);
        put_file(name, "theirs", 0600);
    }
    return (int)syscall(SYS_flock, fd, operation);
}

START_TEST(file_of_a_faster_writer_stays)
{
    taken = ".a.img.sfpm-0";
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && !taken);
    expect_file(".a.img.sfpm-0", "theirs");
    ck_assert(sfpm_output_write(output, "ours", 4) && sfpm_output_finish(output));
    expect_file("a.img", "ours");
    ck_assert_int_eq(unlink(".a.img.sfpm-0"), 0);
}
END_TEST

#endif

int main(void)
{
    const test_t core[] = {
#if defined(__linux__)
        list_is_kept,
        default_list_opens_nothing,
        user_attributes_are_kept,
        list_of_another_group_is_not_copied,
#endif
        lost_group_gives_nobody_more,
        NULL,
    };
    const test_t limits[] = {
        new_name_is_not_taken_over,
        one_of_many_makes_the_new_file,
        name_that_became_free_is_not_taken_over,
#ifdef SYS_flock
        file_of_a_faster_writer_stays,
#endif
        NULL,
    };
    return run_suite("replace", core, limits);
}
