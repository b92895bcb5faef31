/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_common.h"

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

START_TEST(failed_append_is_cut_back)
{
    put_file("a.img", "old", 0644);
    limit_file_size(1000000);
    sfpm_output_t *output = sfpm_output_append("a.img", NULL);
    ck_assert(output && write_pattern(output, 500000, 1000) && sfpm_output_sync(output));
    ck_assert(!write_pattern(output, 3000000, 300000));
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "a.img: ");
    limit_file_size(RLIM_INFINITY);
    expect_file("a.img", "old");
}
END_TEST

START_TEST(reserved_space_is_no_part_of_the_file)
{
    struct stat info;
    put_file("a.img", "old", 0644);
    sfpm_output_t *output = sfpm_output_append("a.img", NULL);
    ck_assert(output && sfpm_output_reserve(output, 8 << 20));
    expect_file("a.img", "old");
    ck_assert(sfpm_output_write(output, "+", 1) && sfpm_output_finish(output));
    expect_file("a.img", "old+");
    ck_assert_int_eq(stat("a.img", &info), 0);
    ck_assert_int_lt(info.st_blocks, (1 << 20) / 512);

    output = sfpm_output_append("a.img", NULL);
    ck_assert(output && !sfpm_output_reserve(output, UINT64_MAX));
    expect_error(SFPM_ERR_SYSTEM, EFBIG, "a.img: no space");
    ck_assert(!sfpm_output_finish(output));
    expect_file("a.img", "old+");
}
END_TEST

START_TEST(several_names_are_refused_unless_ignored)
{
    sfpm_output_options_t options = {.ignore_hard_links = true};
    put_file("a.img", "old", 0644);
    ck_assert_int_eq(link("a.img", "b.img"), 0);
    ck_assert_ptr_null(sfpm_output_append("a.img", NULL));
    expect_error(SFPM_ERR_ARGUMENT, 0, "a.img: has 2 names");
    sfpm_output_t *output = sfpm_output_append("a.img", &options);
    ck_assert(output && sfpm_output_write(output, "+", 1) && sfpm_output_finish(output));
    expect_file("b.img", "old+");
}
END_TEST

START_TEST(append_to_a_removed_or_replaced_file_fails)
{
    put_file("a.img", "old", 0644);
    sfpm_output_t *output = sfpm_output_append("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "+", 1));
    put_file("b.img", "theirs", 0644);
    ck_assert_int_eq(rename("b.img", "a.img"), 0);
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_CHANGED, 0, "a.img: was removed or replaced");
    expect_file("a.img", "theirs");

    output = sfpm_output_append("a.img", NULL);
    ck_assert(output && sfpm_output_write(output, "+", 1));
    ck_assert_int_eq(unlink("a.img"), 0);
    ck_assert(!sfpm_output_finish(output));
    expect_error(SFPM_ERR_CHANGED, 0, "a.img: was removed or replaced");
}
END_TEST

/* A child locks a.img until the returned descriptor is closed. */
static pid_t lock_elsewhere(int *release)
{
    int ready[2], done[2];
    char byte;
    ck_assert(pipe(ready) == 0 && pipe(done) == 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int fd = open("a.img", O_RDONLY);
        close(done[1]);
        if (flock(fd, LOCK_EX) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(done[0], &byte, 1) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    close(done[0]);
    *release = done[1];
    return child;
}

START_TEST(locked_file_names_its_holder)
{
    char part[64] = "a.img: is being written by ";
    int release, status;
    put_file("a.img", "old", 0644);
    pid_t child = lock_elsewhere(&release);
    if (access("/proc/locks", R_OK) == 0)
        sprintf(part, "a.img: is being written by process %ld (", (long)child);
    ck_assert_ptr_null(sfpm_output_append("a.img", NULL));
    expect_error(SFPM_ERR_LOCKED, 0, part);
    ck_assert_ptr_null(sfpm_output_create("a.img", NULL));
    expect_error(SFPM_ERR_LOCKED, 0, part);
    expect_file("a.img", "old"); /* reading needs no lock */
    close(release);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    create("a.img", "new");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(one_writer_at_a_time_in_one_process)
{
    put_file("a.img", "old", 0644);
    sfpm_output_t *first = sfpm_output_append("a.img", NULL);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(sfpm_output_create("a.img", NULL));
    expect_error(SFPM_ERR_LOCKED, 0, "a.img: is ");
    sfpm_output_discard(first);
    first = sfpm_output_create("a.img", NULL);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(sfpm_output_append("a.img", NULL));
    expect_error(SFPM_ERR_LOCKED, 0, "a.img: is ");
    ck_assert(sfpm_output_finish(first));
}
END_TEST

int main(void)
{
    const test_t core[] = {
        appended_bytes_follow_and_are_cut_back,
        NULL,
    };
    const test_t limits[] = {
        failed_append_is_cut_back,
        reserved_space_is_no_part_of_the_file,
        several_names_are_refused_unless_ignored,
        append_to_a_removed_or_replaced_file_fails,
        locked_file_names_its_holder,
        one_writer_at_a_time_in_one_process,
        NULL,
    };
    return run_suite("append", core, limits);
}
