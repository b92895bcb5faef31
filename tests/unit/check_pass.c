/* SPDX-License-Identifier: MIT */
/* Inputs that are passed on as they are. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_common.h"

#include "io/relay.h"

/* More than any pipe holds, and no multiple of a page. */
enum { LARGE = (3 << 20) + 1234, SMALL = 1234 };

static uint64_t told;

static void count(void *unused, uint64_t size)
{
    (void)unused;
    told += size;
}

/* All is told of, whichever way it goes. */
static bool pass(const sfpm_input_t *input, sfpm_output_t *output)
{
    told = 0;
    bool good = sfpm_pass(input, output, count, NULL);
    ck_assert(!good || told == sfpm_input_size(input));
    return good;
}

static void make_file(const char *path, uint64_t size)
{
    sfpm_output_t *output = sfpm_output_create(path, NULL);
    ck_assert_ptr_nonnull(output);
    ck_assert(write_pattern(output, size, 65536));
    ck_assert(sfpm_output_finish(output));
}

/* A child that takes in what comes, and finds "x" and the pattern or fails. It starts
 * when the parent waits because the pipe is full, or for the child. */
static pid_t expect_in_child(int from, int unused, uint64_t size)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child != 0)
        return child;
    close(unused);
    wait_until_asleep(getppid());
    sfpm_input_t *input = sfpm_input_open_fd(from, "pipe");
    bool good = input && sfpm_input_size(input) == size + 1;
    for (uint64_t at = 0; good && at < size; at++) {
        uint8_t byte = 0;
        good = sfpm_input_read(input, at + 1, &byte, 1) && byte == pattern(at);
    }
    sfpm_input_close(input);
    _exit(good ? 0 : 1);
}

/* Passes an input on to a child; `flags` are of this end. It is closed before the
 * child has read all: what was handed over must outlive it. */
static void pass_to_child(sfpm_input_t *input, uint64_t size, int flags)
{
    int ends[2], status;
    ck_assert_ptr_nonnull(input);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, flags), 0);
    pid_t child = expect_in_child(ends[0], ends[1], size);
    sfpm_output_t *output = sfpm_output_stream(ends[1], "pipe");
    ck_assert(sfpm_output_write(output, "x", 1));
    ck_assert(pass(input, output));
    ck_assert_uint_eq(sfpm_output_offset(output), size + 1);
    ck_assert(sfpm_output_finish(output));
    sfpm_input_close(input);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(file_goes_into_a_pipe)
{
    make_file("large", LARGE);
    pass_to_child(sfpm_input_open("large"), LARGE, 0);
    pass_to_child(sfpm_input_open("large"), LARGE, O_NONBLOCK);
    make_file("small", SMALL);
    pass_to_child(sfpm_input_open("small"), SMALL, 0);
}
END_TEST

/* An input that came through a pipe itself, held as `limit` allows. */
static sfpm_input_t *piped(const char *path, uint64_t limit)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        sfpm_output_t *output = sfpm_output_stream(ends[1], "pipe");
        sfpm_input_t *input = sfpm_input_open(path);
        _exit(pass(input, output) && sfpm_output_finish(output) ? 0 : 1);
    }
    close(ends[1]);
    sfpm_input_t *input = sfpm_input_open_fd_within(ends[0], "pipe", limit);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    return input;
}

START_TEST(what_came_through_a_pipe_goes_into_the_next)
{
    make_file("large", LARGE);
    pass_to_child(piped("large", 0), LARGE, 0);
    pass_to_child(piped("large", 0), LARGE, O_NONBLOCK);
    pass_to_child(piped("large", 100000), LARGE, 0); /* by way of a temporary file */
}
END_TEST

START_TEST(input_from_the_middle_of_a_file)
{
    make_file("large", LARGE);
    int fd = open("large", O_RDONLY);
    ck_assert_int_eq(lseek(fd, 4099, SEEK_SET), 4099);
    sfpm_input_t *input = sfpm_input_open_fd(fd, "rest");
    sfpm_output_t *output = sfpm_output_create("rest", NULL);
    ck_assert(pass(input, output));
    ck_assert(sfpm_output_finish(output));
    sfpm_input_close(input);
    input = sfpm_input_open("rest");
    ck_assert_uint_eq(sfpm_input_size(input), LARGE - 4099);
    for (uint64_t at = 0; at < LARGE - 4099; at += 997) {
        uint8_t byte;
        ck_assert(sfpm_input_read(input, at, &byte, 1));
        ck_assert_uint_eq(byte, pattern(at + 4099));
    }
    sfpm_input_close(input);
    close(fd);
}
END_TEST

START_TEST(file_that_became_shorter)
{
    int ends[2];
    make_file("large", LARGE);
    sfpm_input_t *input = sfpm_input_open("large");
    ck_assert_int_eq(truncate("large", 3000), 0);
    ck_assert_int_eq(pipe(ends), 0);
    sfpm_output_t *output = sfpm_output_stream(ends[1], "pipe");
    ck_assert(!pass(input, output));
    expect_error(SFPM_ERR_TRUNCATED, 0, "was truncated");
    sfpm_output_discard(output);
    sfpm_input_close(input);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(nobody_reads)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    make_file("large", LARGE);
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    sfpm_input_t *input = sfpm_input_open("large");
    sfpm_output_t *output = sfpm_output_stream(ends[1], "pipe");
    ck_assert(!pass(input, output));
    expect_error(SFPM_ERR_SYSTEM, EPIPE, "pipe: cannot write at offset 0");
    ck_assert(!sfpm_output_finish(output));
    sfpm_input_close(input);
    close(ends[1]);
}
END_TEST

/* Where there are no addresses for all that may come, memory is taken by and by. */
START_TEST(more_than_can_be_mapped)
{
    make_file("large", LARGE);
    pass_to_child(piped("large", UINT64_MAX), LARGE, 0);
}
END_TEST

int main(void)
{
    const test_t core[] = {file_goes_into_a_pipe,
                           what_came_through_a_pipe_goes_into_the_next,
                           input_from_the_middle_of_a_file, NULL};
    const test_t limits[] = {file_that_became_shorter, nobody_reads,
                             more_than_can_be_mapped, NULL};
    return run_suite("pass", core, limits);
}
