/* SPDX-License-Identifier: MIT */
/* The start of the tools, against a dynamic program that does nothing; and the size of
 * the smallest image. */
#include "bench.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char *const tools[] = {"sfpm-save",    "sfpm-run",  "sfpm-patch",
                                    "sfpm-inspect", "sfpm-diff", "sfpm-convert"};

static double start(intptr_t which)
{
    const char *tool = bench_tool(tools[which]);
    return tool ? bench_run((const char *const[]){tool, "--version", NULL})
                : bench_skip();
}

static double inspect(intptr_t unused)
{
    (void)unused;
    const char *path = bench_big_image();
    const char *tool = bench_tool("sfpm-inspect");
    if (!path || !tool)
        return path ? bench_skip() : -1;
    return bench_run((const char *const[]){tool, path, NULL});
}

static double trivial(intptr_t unused)
{
    (void)unused;
    const char *program = getenv("BENCH_TRIVIAL");
    if (!program)
        return bench_fail("BENCH_TRIVIAL names no program");
    return bench_run((const char *const[]){program, NULL});
}

/* push 10, push 5, add, print, halt: seven bytes. */
static double smallest_image(intptr_t unused)
{
    (void)unused;
    static const uint8_t program[] = {0, 10, 0, 5, 1, 4, 5};
    const char *from = bench_path("program");
    const char *to = bench_path("program.img");
    const char *tool = bench_tool("sfpm-save");
    struct stat facts;
    if (!tool)
        return bench_skip();
    if (!bench_write_file(from, program, sizeof program) ||
        bench_run((const char *const[]){tool, "--raw", "-o", to, from, NULL}) < 0)
        return -1;
    return stat(to, &facts) == 0 ? (double)facts.st_size : bench_fail("no image");
}

static double sixteen_kib(intptr_t unused)
{
    (void)unused;
    return 16384;
}

#define START(index, text)                                                               \
    {                                                                                    \
        text " --version", "trivial dynamic program", 1.4, 201, start, trivial, index,   \
            NULL                                                                         \
    }

const bench_row_t bench_start_rows[] = {
    START(0, "sfpm-save"),
    START(1, "sfpm-run"),
    START(2, "sfpm-patch"),
    START(3, "sfpm-inspect"),
    START(4, "sfpm-diff"),
    START(5, "sfpm-convert"),
    {"sfpm-inspect of a 1 GiB image", "trivial dynamic program", 2, 101, inspect, trivial,
     0, NULL},
    {"image of a 7-byte program", "16 KiB", 1, 1, smallest_image, sixteen_kib, 0, "B"},
    {0},
};
