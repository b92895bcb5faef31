/* SPDX-License-Identifier: MIT */
/*
 * What the suites of io have in common. Each test runs in an empty directory of
 * its own, which is removed afterwards, and must leave no descriptor open.
 */
#ifndef SFPM_TESTS_IO_COMMON_H
#define SFPM_TESTS_IO_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/error.h"
#include "common.h"
#include "io/input.h"
#include "io/output.h"

int run_suite(const char *name, const test_t *core, const test_t *limits);

extern char home[64]; /* the directory of the running test */
int count_files(void);

/* What the last error must be: status, errno and a part of the message. */
void expect_error(sfpm_status_t status, int error, const char *part);

void put_bytes(int fd, const char *text);
void put_file(const char *path, const char *text, mode_t mode);
void expect_file(const char *path, const char *text);
mode_t mode_of(const char *path);

/* Writes a file through sfpm_output_create(), which must succeed. */
void create(const char *path, const char *text);

/* The same bytes everywhere, cheap to make and to compare. */
uint8_t pattern(uint64_t offset);
void expect_pattern(const sfpm_input_t *input, uint64_t size);
/* Writes `count` bytes of it from where the output is, in pieces. */
bool write_pattern(sfpm_output_t *output, uint64_t count, size_t piece);

/* A disk that is full at this size, as far as one file goes: EFBIG. */
void limit_file_size(rlim_t size);

#endif
