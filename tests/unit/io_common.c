/* SPDX-License-Identifier: MIT */
#include "io_common.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

char home[64];
static int descriptors;

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void enter_home(void)
{
    strcpy(home, "/tmp/check_io.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
    ck_assert_int_eq(chdir(home), 0);
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    descriptors = count_descriptors();
}

int count_files(void)
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
        if (entry->d_name[0] != '.' && unlinkat(dirfd(all), entry->d_name, 0) != 0)
            ck_assert_int_eq(unlinkat(dirfd(all), entry->d_name, AT_REMOVEDIR), 0);
    closedir(all);
    ck_assert_int_eq(rmdir(home), 0);
    ck_assert_int_eq(count_descriptors(), descriptors);
}

void put_bytes(int fd, const char *text)
{
    size_t size = strlen(text);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
}

void put_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_ge(fd, 0);
    put_bytes(fd, text);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

void expect_file(const char *path, const char *text)
{
    char got[256];
    sfpm_input_t *input = sfpm_input_open(path);
    ck_assert_msg(input != NULL, "%s", sfpm_last_error());
    ck_assert_uint_eq(sfpm_input_size(input), strlen(text));
    ck_assert(sfpm_input_read(input, 0, got, strlen(text)));
    ck_assert_mem_eq(got, text, strlen(text));
    sfpm_input_close(input);
}

mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

void expect_error(sfpm_status_t status, int error, const char *part)
{
    ck_assert_msg(sfpm_last_status() == status, "status %d: %s", sfpm_last_status(),
                  sfpm_last_error());
    ck_assert_int_eq(sfpm_last_errno(), error);
    ck_assert_msg(strstr(sfpm_last_error(), part) != NULL, "%s", sfpm_last_error());
}

void create(const char *path, const char *text)
{
    sfpm_output_t *output = sfpm_output_create(path, NULL);
    ck_assert_msg(output != NULL, "%s", sfpm_last_error());
    ck_assert(sfpm_output_write(output, text, strlen(text)));
    ck_assert_msg(sfpm_output_finish(output), "%s", sfpm_last_error());
}

uint8_t pattern(uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8));
}

void expect_pattern(const sfpm_input_t *input, uint64_t size)
{
    static uint8_t got[65536], wanted[65536];
    ck_assert_uint_eq(sfpm_input_size(input), size);
    for (uint64_t at = 0; at < size; at += sizeof got) {
        size_t n = size - at < sizeof got ? (size_t)(size - at) : sizeof got;
        ck_assert_msg(sfpm_input_read(input, at, got, n), "%s", sfpm_last_error());
        for (size_t i = 0; i < n; i++)
            wanted[i] = pattern(at + i);
        ck_assert_msg(memcmp(got, wanted, n) == 0, "differs after offset %llu",
                      (unsigned long long)at);
    }
}

bool write_pattern(sfpm_output_t *output, uint64_t count, size_t piece)
{
    uint8_t *bytes = malloc(piece);
    bool ok = bytes != NULL;
    ck_assert_ptr_nonnull(bytes);
    while (ok && count > 0) {
        size_t n = count < piece ? (size_t)count : piece;
        for (size_t i = 0; i < n; i++)
            bytes[i] = pattern(sfpm_output_offset(output) + i);
        ok = sfpm_output_write(output, bytes, n);
        count -= n;
    }
    free(bytes);
    return ok;
}

void limit_file_size(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

int run_suite(const char *name, const test_t *core, const test_t *limits)
{
    return run_cases(name, core, limits, enter_home, leave_home);
}
