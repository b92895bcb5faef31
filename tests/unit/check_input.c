/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/place.h"
#include "io_common.h"

START_TEST(empty_file_is_an_input_of_no_bytes)
{
    put_file("a.img", "", 0644);
    expect_file("a.img", "");
}
END_TEST

START_TEST(descriptor_counts_from_its_position)
{
    char got[4] = "";
    put_file("a.img", "0123456789", 0644);
    int fd = open("a.img", O_RDONLY);
    ck_assert_int_eq(lseek(fd, 4, SEEK_SET), 4);
    sfpm_input_t *input = sfpm_input_open_fd(fd, "standard input");
    ck_assert_ptr_nonnull(input);
    ck_assert_uint_eq(sfpm_input_size(input), 6);
    ck_assert(sfpm_input_read(input, 3, got, 3));
    ck_assert_str_eq(got, "789");
    ck_assert_str_eq(sfpm_input_name(input), "standard input");
    ck_assert(S_ISREG(sfpm_input_file(input)->st_mode));
    sfpm_input_close(input);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 4);
    close(fd);
}
END_TEST

/* Until all that was written to the pipe has been read, where the system tells. */
static void wait_until_empty(int pipe)
{
    for (int left = 1; ioctl(pipe, FIONREAD, &left) == 0 && left > 0;)
        sched_yield();
}

/* A child writes the pattern in tiny pieces of changing size, and waits for some. */
static pid_t write_slowly(int to, uint64_t size)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child != 0)
        return child;
    for (uint64_t at = 0; at < size;) {
        uint8_t piece[97];
        size_t n = 1 + at % sizeof piece;
        n = n < size - at ? n : (size_t)(size - at);
        for (size_t i = 0; i < n; i++)
            piece[i] = pattern(at + i);
        if (write(to, piece, n) != (ssize_t)n)
            _exit(1);
        at += n;
        if (at % 50 == 0)
            wait_until_empty(to);
    }
    _exit(0);
}

/* Takes in a pipe as an input that may hold `limit` bytes in memory. */
static void take_pipe(uint64_t size, uint64_t limit, int flags)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, flags), 0);
    pid_t child = write_slowly(ends[1], size);
    close(ends[1]);
    sfpm_input_t *input = sfpm_input_open_fd_within(ends[0], "pipe", limit);
    ck_assert_msg(input != NULL, "%s", sfpm_last_error());
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    expect_pattern(input, size);
    ck_assert(sfpm_input_refresh(input));
    ck_assert_uint_eq(sfpm_input_size(input), size);
    ck_assert(!sfpm_input_read(input, size, &(char){0}, 1));
    sfpm_input_close(input);
}

START_TEST(pipe_is_taken_in_whole)
{
    take_pipe(0, 0, 0);
    take_pipe(1, 0, 0);
    take_pipe(300000, 0, 0);
    take_pipe(20000, 0, O_NONBLOCK);
}
END_TEST

START_TEST(large_pipe_goes_into_a_temporary_file)
{
    setenv("TMPDIR", home, 1);
    take_pipe(200000, 70000, 0);
    take_pipe(200000, 1, 0);
    ck_assert_int_eq(count_files(), 0);

    setenv("TMPDIR", "/nonexistent/either", 1);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    put_bytes(ends[1], "0123456789");
    close(ends[1]);
    ck_assert_ptr_null(sfpm_input_open_fd_within(ends[0], "pipe", 5));
    expect_error(SFPM_ERR_NOT_FOUND, ENOENT, "/nonexistent/either (set TMPDIR)");
    close(ends[0]);
}
END_TEST

START_TEST(fifo_is_an_input)
{
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("fifo", O_WRONLY);
        _exit(write(fd, "hello", 5) == 5 ? 0 : 1);
    }
    expect_file("fifo", "hello");
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(memory_is_an_input)
{
    char got[3] = "";
    sfpm_input_t *input = sfpm_input_open_memory("hello", 5, "embedded");
    ck_assert_ptr_nonnull(input);
    ck_assert(sfpm_input_read(input, 3, got, 2));
    ck_assert_str_eq(got, "lo");
    ck_assert(sfpm_input_refresh(input));
    sfpm_input_close(input);
}
END_TEST

START_TEST(refresh_sees_appended_bytes)
{
    put_file("a.img", "old", 0644);
    sfpm_input_t *input = sfpm_input_open("a.img");
    sfpm_output_t *output = sfpm_output_append("a.img", NULL);
    ck_assert(input && output);
    ck_assert(sfpm_same_file(sfpm_input_file(input), sfpm_output_file(output)));
    ck_assert(sfpm_leads_to("./a.img", sfpm_input_file(input)));
    ck_assert(sfpm_output_write(output, "+new", 4) && sfpm_output_finish(output));
    ck_assert_uint_eq(sfpm_input_size(input), 3);
    ck_assert(sfpm_input_refresh(input));
    ck_assert_uint_eq(sfpm_input_size(input), 7);
    sfpm_input_close(input);
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

START_TEST(reading_beyond_the_end_is_truncated)
{
    char got[10];
    put_file("a.img", "0123456789", 0644);
    sfpm_input_t *input = sfpm_input_open("a.img");
    ck_assert(sfpm_input_read(input, 10, got, 0));
    ck_assert(!sfpm_input_read(input, 5, got, 6));
    expect_error(SFPM_ERR_TRUNCATED, 0, "a.img: ");
    ck_assert_uint_eq(sfpm_last_failure()->offset, 5);
    ck_assert(!sfpm_input_read(input, UINT64_MAX, got, 2));
    expect_error(SFPM_ERR_TRUNCATED, 0, "a.img: ");

    /* The file shrinks underneath. */
    ck_assert_int_eq(truncate("a.img", 4), 0);
    ck_assert(!sfpm_input_read(input, 0, got, 10));
    expect_error(SFPM_ERR_TRUNCATED, 0, "ends at offset 4");
    ck_assert_uint_eq(sfpm_last_failure()->offset, 4);
    sfpm_input_close(input);
}
END_TEST

int main(void)
{
    const test_t core[] = {
        empty_file_is_an_input_of_no_bytes,
        descriptor_counts_from_its_position,
        pipe_is_taken_in_whole,
        large_pipe_goes_into_a_temporary_file,
        fifo_is_an_input,
        memory_is_an_input,
        refresh_sees_appended_bytes,
        NULL,
    };
    const test_t limits[] = {
        missing_file_is_named_with_the_reason,
        reading_beyond_the_end_is_truncated,
        NULL,
    };
    return run_suite("input", core, limits);
}
