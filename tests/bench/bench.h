/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks: rows of one table. Each row measures two things in turn, what sfpm
 * does and what it is compared with, and reports the median of their ratios. Only
 * such ratios mean anything: absolute figures drift with the machine's mood.
 *
 * To add rows: write NAME.c in this directory with an array `bench_NAME_rows` that ends
 * with {0}, and add LIST(NAME) to BENCH_LISTS below and the file to Makemodule.am. A
 * row's functions measure once and take care of nothing else: rounds, medians and
 * the table are bench.c's. What a machine lacks is left out with bench_skip().
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_PAGE = 4096 };
#define BENCH_MIB ((size_t)1 << 20)
#define BENCH_GIB ((size_t)1 << 30)

/* Measures once: seconds, or whatever the row's unit says; negative on failure, see
 * bench_fail(). What is not to be measured is done outside of the interval. */
typedef double (*bench_measure_t)(intptr_t argument);

typedef struct bench_row {
    const char *name;
    const char *baseline; /* what the second function does */
    double target;        /* the ratio is to be at most this; 0: no target */
    int rounds;           /* how often to measure, after one round to warm up */
    bench_measure_t ours;
    bench_measure_t theirs;
    intptr_t argument; /* of both */
    const char *unit;  /* NULL: the functions return seconds */
} bench_row_t;

/* The lists of rows in the order of the table, one for each file. */
#define BENCH_LISTS(LIST)                                                                \
    LIST(save)                                                                           \
    LIST(pack)                                                                           \
    LIST(restore)                                                                        \
    LIST(start) LIST(commit) LIST(live) LIST(interpret) LIST(heap) LIST(lua) LIST(machine)

#define BENCH_DECLARE(name) extern const bench_row_t bench_##name##_rows[];
BENCH_LISTS(BENCH_DECLARE)

/* ---- for the rows: bench.c ---- */

/* Seconds since some moment. */
double bench_now(void);

/* Records why a measurement failed, for the table; returns -1. */
double bench_fail(const char *format, ...);

/* The same with the text of the library's last error. */
double bench_fail_sfpm(const char *what);

/* Leaves the row out of the table, as for a tool that there is none of yet; -1. */
double bench_skip(void);

/* The same, and says in its place that a program is not installed; -1. */
double bench_absent(const char *program);

/* ---- what rows are compared with: peers.c ---- */

/* Reads so many bytes of the big image into fresh memory; copies it as cp does. */
double bench_fread(intptr_t size);
double bench_cp(intptr_t unused);

/* Starts sbcl with 1 GiB in its image, of which it reads 1 %, and waits for its end. */
double bench_sbcl(intptr_t unused);

/* What a redis-server with 1 GiB of values stops for BGSAVE, in microseconds. */
double bench_redis(intptr_t unused);

/* ---- files and memory: data.c; all are released at the end ---- */

/* A path in the directory for files of this run; valid until the end. */
const char *bench_path(const char *name);

/* The same in a file system in memory; NULL when there is none. */
const char *bench_fast_path(const char *name);

typedef enum bench_kind {
    BENCH_RANDOM,
    BENCH_RECORDS,
    BENCH_HALF_ZERO,
    BENCH_MOSTLY_ZERO
} bench_kind_t;

/* Fills whole pages: random bytes; or records such as programs keep, in every page, or
 * in one of two or of twenty, and zeros elsewhere. */
void bench_fill(void *to, size_t size, bench_kind_t kind);

/* The next random number; the same ones in every run. */
uint64_t bench_random(void);

/* Resident memory of that size and kind; the same one when asked again, as long as
 * nobody asks for another. NULL after bench_fail(). */
uint8_t *bench_memory(size_t size, bench_kind_t kind);

/* Measures memcpy() of so many bytes between resident buffers: a baseline. */
double bench_copy(intptr_t size);

/* Saves memory as a new image with one portable region, "memory". */
bool bench_save_image(const char *path, const void *memory, size_t size);

/* The image that bench_memory(1 GiB, BENCH_RANDOM) was saved to; made when first
 * asked for. Rows may append to it. NULL after bench_fail(). */
const char *bench_big_image(void);

/* Writes a plain file and syncs it. */
bool bench_write_file(const char *path, const void *bytes, size_t size);

/* Runs a program with standard output discarded and waits for it; seconds. */
double bench_run(const char *const arguments[]);

/* The same with standard output in a file. */
double bench_run_to(const char *path, const char *const arguments[]);

/* The path of a tool of this build; NULL when there is none of that name. */
const char *bench_tool(const char *name);

void bench_clean_up(void);

#endif
