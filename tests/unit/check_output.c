/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_common.h"

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

START_TEST(mode_asked_for_is_had_before_the_first_byte)
{
    struct stat info = {0};
    DIR *all;
    sfpm_output_options_t options = {.mode = 0600};
    umask(0);
    sfpm_output_t *output = sfpm_output_create("a.img", &options);
    ck_assert_ptr_nonnull(output);
    ck_assert_ptr_nonnull(all = opendir("."));
    for (struct dirent *entry; (entry = readdir(all));)
        if (strncmp(entry->d_name, ".a.img.sfpm-", 12) == 0)
            ck_assert_int_eq(stat(entry->d_name, &info), 0);
    closedir(all);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    ck_assert(sfpm_output_finish(output));
    ck_assert_uint_eq(mode_of("a.img"), 0600);
}
END_TEST

START_TEST(all_sizes_of_pieces_arrive_in_order)
{
    static const size_t pieces[] = {1, 1000, 65536, 262143, 262144, 1000000, 2000000};
    struct stat info;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        note_input("case", i);
        uint64_t size = pieces[i] * 3 + 12345;
        sfpm_output_t *output = sfpm_output_create("a.img", NULL);
        ck_assert(output && write_pattern(output, 100, 7));
        ck_assert(sfpm_output_reserve(output, 5000000) &&
                  sfpm_output_reserve(output, 2000000));
        ck_assert(write_pattern(output, size - 100, pieces[i]));
        ck_assert_uint_eq(sfpm_output_offset(output), size);
        ck_assert_msg(sfpm_output_finish(output), "%s", sfpm_last_error());
        /* What was reserved beyond is given back. */
        ck_assert_int_eq(stat("a.img", &info), 0);
        ck_assert_int_lt(info.st_blocks, (intmax_t)(size + 100000) / 512);
        sfpm_input_t *input = sfpm_input_open("a.img");
        expect_pattern(input, size);
        sfpm_input_close(input);
    }
}
END_TEST

START_TEST(zeros_are_written)
{
    char got[4];
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "a", 1));
    ck_assert(sfpm_output_zeros(output, 1000000) && sfpm_output_write(output, "b", 1));
    ck_assert(sfpm_output_finish(output));
    sfpm_input_t *input = sfpm_input_open("a.img");
    ck_assert_uint_eq(sfpm_input_size(input), 1000002);
    ck_assert(sfpm_input_read(input, 999998, got, 4));
    ck_assert_mem_eq(got, "\0\0\0b", 4);
    sfpm_input_close(input);
}
END_TEST

/* Zeros in a new file take no space, also at its end; in a stream they are written. */
START_TEST(many_zeros_become_a_hole)
{
    enum { MIB = 1 << 20, MANY = 600 * MIB };
    char got[3];
    struct stat info;
    for (int last = 0; last < 2; last++) {
        sfpm_output_t *output = sfpm_output_create("a.img", NULL);
        ck_assert(output && sfpm_output_write(output, "abc", 3));
        ck_assert(sfpm_output_zeros(output, MANY));
        ck_assert_uint_eq(sfpm_output_offset(output), 3 + MANY);
        ck_assert(last || sfpm_output_write(output, "def", 3));
        ck_assert(sfpm_output_finish(output));
        ck_assert_int_eq(stat("a.img", &info), 0);
        ck_assert_uint_eq((uint64_t)info.st_size, last ? 3 + MANY : 6 + MANY);
        ck_assert_int_lt(info.st_blocks, 16 * MIB / 512);
        sfpm_input_t *input = sfpm_input_open("a.img");
        ck_assert(sfpm_input_read(input, 3 + MANY - 1, got, last ? 1 : 3));
        ck_assert_mem_eq(got, "\0de", last ? 1 : 3);
        sfpm_input_close(input);
    }
    int fd = open("b.img", O_RDWR | O_CREAT, 0600);
    sfpm_output_t *stream = sfpm_output_stream(fd, "b.img");
    ck_assert(stream && sfpm_output_zeros(stream, 2 * MIB + 5));
    ck_assert(sfpm_output_finish(stream));
    ck_assert_int_eq(fstat(fd, &info), 0);
    ck_assert_int_eq(info.st_size, 2 * MIB + 5);
    close(fd);
}
END_TEST

START_TEST(nothing_appears_before_the_finish)
{
    put_file("a.img", "old", 0644);
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "new", 3) && sfpm_output_sync(output));
    expect_file("a.img", "old");
    sfpm_output_discard(output);
    expect_file("a.img", "old");
    ck_assert_int_eq(count_files(), 1);

    output = sfpm_output_create("b.img", NULL);
    ck_assert(output && sfpm_output_write(output, "new", 3) && sfpm_output_sync(output));
    ck_assert_int_ne(access("b.img", F_OK), 0);
    sfpm_output_discard(output);
    ck_assert_int_eq(count_files(), 1);
    sfpm_output_discard(NULL);
}
END_TEST

START_TEST(links_are_followed_once_and_kept)
{
    struct stat info;
    ck_assert_int_eq(mkdir("data", 0755), 0);
    ck_assert_int_eq(symlink("data/first", "link"), 0);
    ck_assert_int_eq(symlink("../second", "data/first"), 0);
    create("link", "dangling");
    expect_file("second", "dangling");
    create("link", "existing");
    expect_file("second", "existing");

    sfpm_output_t *output = sfpm_output_create("link", NULL);
    ck_assert(output && sfpm_output_write(output, "late", 4));
    put_file("third", "untouched", 0644);
    ck_assert_int_eq(unlink("link"), 0);
    ck_assert_int_eq(symlink("third", "link"), 0);
    ck_assert(sfpm_output_finish(output));
    expect_file("second", "late");
    expect_file("third", "untouched");

    output = sfpm_output_append("data/first", NULL);
    ck_assert(output && sfpm_output_write(output, "+", 1) && sfpm_output_finish(output));
    expect_file("second", "late+");
    ck_assert_int_eq(lstat("data/first", &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    ck_assert_int_eq(unlink("data/first"), 0);
}
END_TEST

START_TEST(longest_name_can_be_written)
{
    char name[256] = "";
    memset(name, 'x', 255);
    create(name, "1");
    create(name, "22");
    expect_file(name, "22");
}
END_TEST

START_TEST(impossible_targets_are_refused)
{
    ck_assert_int_eq(mkdir("data", 0755), 0);
    ck_assert_int_eq(symlink("loop", "loop"), 0);
    ck_assert_ptr_null(sfpm_output_create("data", NULL));
    expect_error(SFPM_ERR_SYSTEM, EISDIR, "data: Is a directory");
    ck_assert_ptr_null(sfpm_input_open("data"));
    expect_error(SFPM_ERR_SYSTEM, EISDIR, "data: Is a directory");
    ck_assert_ptr_null(sfpm_output_append("data", NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "data: is not a regular file");
    ck_assert_ptr_null(sfpm_output_create("new/", NULL));
    ck_assert_ptr_null(sfpm_output_create("", NULL));
    expect_error(SFPM_ERR_NOT_FOUND, ENOENT, "No such file or directory");
    ck_assert_ptr_null(sfpm_output_create("loop", NULL));
    expect_error(SFPM_ERR_SYSTEM, ELOOP, "loop: ");
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

/* Lets an unprivileged user work in the test's directory, when we are root. */
static void become(uid_t user)
{
    if (user != 0 && getuid() == 0)
        ck_assert_int_eq(chmod(home, 0777), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(user), 0);
}

START_TEST(read_only_target_is_refused)
{
    put_file("a.img", "old", 0444);
    become(65534);
    ck_assert_ptr_null(sfpm_output_create("a.img", NULL));
    expect_error(SFPM_ERR_SYSTEM, EACCES, "a.img: ");
    ck_assert_ptr_null(sfpm_output_append("a.img", NULL));
    expect_error(SFPM_ERR_SYSTEM, EACCES, "a.img: ");
    become(0);
    expect_file("a.img", "old");
}
END_TEST

static void keep_remark(void *context, const char *text)
{
    snprintf(context, 200, "%s", text);
}

/* Only root can make files and links of others. */
START_TEST(foreign_link_in_a_shared_directory_is_not_followed)
{
    put_file("precious", "old", 0644);
    ck_assert_int_eq(symlink("precious", "link"), 0);
    ck_assert_int_eq(chmod(home, 01777), 0);
    create("link", "ours");
    expect_file("precious", "ours");
    ck_assert_int_eq(lchown("link", 12345, 12345), 0);
    ck_assert_ptr_null(sfpm_output_create("link", NULL));
    expect_error(SFPM_ERR_SYSTEM, EACCES, "link: ");
    ck_assert_int_eq(chmod(home, 0755), 0);
    create("link", "not shared");
    expect_file("precious", "not shared");
}
END_TEST

START_TEST(foreign_file_is_replaced_by_an_own_one_with_no_more_rights)
{
    char remark[200] = "";
    struct stat info;
    sfpm_output_options_t options = {.warn = keep_remark, .warn_context = remark};
    put_file("a.img", "old", 0662);
    ck_assert_int_eq(chown("a.img", 12345, 12345), 0);
    become(65534);
    sfpm_output_t *output = sfpm_output_create("a.img", &options);
    ck_assert_msg(output != NULL, "%s", sfpm_last_error());
    ck_assert(sfpm_output_finish(output));
    ck_assert_str_eq(remark, "cannot keep its owner: it now belongs to you");
    become(0);
    ck_assert_int_eq(stat("a.img", &info), 0);
    ck_assert_uint_eq(info.st_uid, 65534);
    ck_assert_uint_eq(info.st_mode & 07777, 0622);

    ck_assert_int_eq(chown("a.img", 12345, 12345), 0);
    create("a.img", "by root");
    ck_assert_int_eq(stat("a.img", &info), 0);
    ck_assert(info.st_uid == 12345 && info.st_gid == 12345);
    ck_assert_uint_eq(info.st_mode & 07777, 0622);
}
END_TEST

START_TEST(full_disk_leaves_the_old_file)
{
    put_file("a.img", "old", 0644);
    limit_file_size(2000000);
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert_ptr_nonnull(output);
    ck_assert(!write_pattern(output, 5000000, 100000));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "a.img: cannot write at offset 2000000");
    /* From then on it fails for the same reason. */
    sfpm_fail(SFPM_ERR_INTERNAL, "something else");
    ck_assert(!sfpm_output_write(output, "x", 1));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "offset 2000000");
    ck_assert(!sfpm_output_sync(output));
    sfpm_fail(SFPM_ERR_INTERNAL, "something else");
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "offset 2000000");
    limit_file_size(RLIM_INFINITY);
    expect_file("a.img", "old");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(failure_in_the_last_flush_leaves_the_old_file)
{
    put_file("a.img", "old", 0644);
    limit_file_size(10);
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && write_pattern(output, 100, 100));
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "a.img: ");
    limit_file_size(RLIM_INFINITY);
    expect_file("a.img", "old");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(file_put_there_meanwhile_is_kept)
{
    sfpm_output_t *output = sfpm_output_create("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "mine", 4));
    put_file("a.img", "theirs", 0644);
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_CHANGED, 0, "a.img: ");

    ck_assert(output = sfpm_output_create("a.img", NULL));
    put_file("b.img", "newer", 0644);
    ck_assert_int_eq(rename("b.img", "a.img"), 0);
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_CHANGED, 0, "a.img: ");
    expect_file("a.img", "newer");
    ck_assert_int_eq(count_files(), 1);

    /* A target that was removed is no loss. */
    ck_assert((output = sfpm_output_create("a.img", NULL)));
    ck_assert(sfpm_output_write(output, "mine", 4));
    ck_assert_int_eq(unlink("a.img"), 0);
    ck_assert(sfpm_output_finish(output));
    expect_file("a.img", "mine");
}
END_TEST

START_TEST(stream_carries_the_bytes)
{
    int ends[2];
    char got[6] = "";
    ck_assert_int_eq(pipe(ends), 0);
    sfpm_output_t *output = sfpm_output_stream(ends[1], "standard output");
    ck_assert(output && sfpm_output_write(output, "he", 2) && sfpm_output_sync(output));
    ck_assert_int_eq(read(ends[0], got, 5), 2);
    ck_assert(sfpm_output_reserve(output, 10000000) &&
              sfpm_output_write(output, "llo", 3));
    ck_assert_ptr_null(sfpm_output_file(output));
    ck_assert(sfpm_output_finish(output));
    ck_assert_int_eq(read(ends[0], got + 2, 3), 3);
    ck_assert_str_eq(got, "hello");
    close(ends[0]);
    ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

START_TEST(full_pipe_is_waited_for)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        wait_until_asleep(getppid());
        sfpm_input_t *input = sfpm_input_open_fd(ends[0], "pipe");
        expect_pattern(input, 1000000);
        sfpm_input_close(input);
        _exit(0);
    }
    close(ends[0]);
    sfpm_output_t *output = sfpm_output_stream(ends[1], "pipe");
    ck_assert(output && write_pattern(output, 1000000, 5000) &&
              sfpm_output_finish(output));
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(fifo_and_null_device_are_streamed_to)
{
    struct stat info;
    char got[6] = "";
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    int fd = open("fifo", O_RDONLY | O_NONBLOCK);
    create("fifo", "hello");
    ck_assert_int_eq(read(fd, got, 5), 5);
    ck_assert_str_eq(got, "hello");
    close(fd);
    ck_assert_int_eq(stat("fifo", &info), 0);
    ck_assert(S_ISFIFO(info.st_mode));
    create("/dev/null", "hello");
    ck_assert_int_eq(stat("/dev/null", &info), 0);
    ck_assert(S_ISCHR(info.st_mode));
}
END_TEST

/* The bytes behind would be taken for the end of what was written. */
START_TEST(stream_over_a_longer_file_is_refused)
{
    put_file("a.img", "old and longer", 0644);
    int fd = open("a.img", O_RDWR);
    ck_assert_ptr_null(sfpm_output_stream(fd, "standard output"));
    expect_error(SFPM_ERR_ARGUMENT, 0,
                 "standard output: holds old data (14 B) that would follow the image");
    ck_assert_int_eq(lseek(fd, 4, SEEK_SET), 4);
    ck_assert_ptr_null(sfpm_output_stream(fd, "standard output"));
    expect_error(SFPM_ERR_ARGUMENT, 0, "holds old data (10 B)");
    expect_file("a.img", "old and longer");
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 14);
    sfpm_output_t *output = sfpm_output_stream(fd, "standard output");
    ck_assert(output && sfpm_output_write(output, "!", 1) && sfpm_output_finish(output));
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
    output = sfpm_output_stream(fd, "standard output");
    ck_assert(output && sfpm_output_write(output, "?", 1) && sfpm_output_finish(output));
    expect_file("a.img", "old and longer!?");
    close(fd);
}
END_TEST

/* To replace the file that it leads to would leave the descriptor with the old one. */
START_TEST(name_of_a_descriptor_is_that_descriptor)
{
    char name[40];
    struct stat before, after;
    int fd = open("a.img", O_RDWR | O_CREAT, 0644);
    put_bytes(fd, "head ");
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    ck_assert_int_eq(fstat(fd, &before), 0);
    create(name, "and image");
    expect_file("a.img", "head and image");
    ck_assert_int_eq(stat("a.img", &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    close(fd);
    ck_assert_ptr_null(sfpm_output_create(name, NULL));
    expect_error(SFPM_ERR_SYSTEM, EBADF, name);
}
END_TEST

START_TEST(closed_pipe_fails_without_killing)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    sfpm_output_t *output = sfpm_output_stream(ends[1], "standard output");
    ck_assert(output && sfpm_output_write(output, "hello", 5));
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_SYSTEM, EPIPE, "standard output: ");
    close(ends[1]);
}
END_TEST

START_TEST(full_device_fails)
{
    sfpm_output_t *output = sfpm_output_create("/dev/full", NULL);
    ck_assert(output && sfpm_output_write(output, "hello", 5));
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_SYSTEM, ENOSPC, "/dev/full: cannot write");
}
END_TEST

int main(void)
{
    const test_t core[] = {
        new_file_obeys_the_umask,
        replacing_keeps_the_mode,
        mode_asked_for_is_had_before_the_first_byte,
        all_sizes_of_pieces_arrive_in_order,
        zeros_are_written,
        many_zeros_become_a_hole,
        nothing_appears_before_the_finish,
        links_are_followed_once_and_kept,
        stream_carries_the_bytes,
        full_pipe_is_waited_for,
        fifo_and_null_device_are_streamed_to,
        NULL,
    };
    test_t limits[] = {
        longest_name_can_be_written,
        impossible_targets_are_refused,
        read_only_target_is_refused,
        full_disk_leaves_the_old_file,
        failure_in_the_last_flush_leaves_the_old_file,
        file_put_there_meanwhile_is_kept,
        stream_over_a_longer_file_is_refused,
        name_of_a_descriptor_is_that_descriptor,
        closed_pipe_fails_without_killing,
        NULL,
        NULL,
        NULL,
        NULL,
    };
    /* Not every system has this, nor may every user do that. */
    size_t n = sizeof limits / sizeof limits[0] - 4;
    if (access("/dev/full", W_OK) == 0)
        limits[n++] = full_device_fails;
    if (geteuid() == 0) {
        limits[n++] = foreign_link_in_a_shared_directory_is_not_followed;
        limits[n] = foreign_file_is_replaced_by_an_own_one_with_no_more_rights;
    }
    return run_suite("output", core, limits);
}
