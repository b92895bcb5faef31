/* SPDX-License-Identifier: MIT */
/* Durable saves of 64 MiB of several kinds, against cp and fdatasync. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 64 << 20, ROUNDS = 15 };

static double save(intptr_t kind)
{
    const char *path = bench_path("save.img");
    uint8_t *memory = bench_memory(SIZE, (bench_kind_t)kind);
    if (!memory)
        return -1;
    unlink(path);
    double began = bench_now();
    return bench_save_image(path, memory, SIZE) ? bench_now() - began : -1;
}

static bool sync_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = file >= 0 && fdatasync(file) == 0;
    if (!ok)
        bench_fail("%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return ok;
}

static double copy(intptr_t kind)
{
    static intptr_t written = -1;
    const char *from = bench_path("copied-from");
    const char *to = bench_path("copied-to");
    uint8_t *memory = bench_memory(SIZE, (bench_kind_t)kind);
    if (!memory || (written != kind && !bench_write_file(from, memory, SIZE)))
        return -1;
    written = kind;
    unlink(to);
    double began = bench_now();
    double took = bench_run((const char *const[]){"cp", from, to, NULL});
    return took >= 0 && sync_file(to) ? bench_now() - began : -1;
}

#define ROW(text, kind, target)                                                          \
    {                                                                                    \
        "durable save of 64 MiB, " text, "cp + fdatasync", target, ROUNDS, save, copy,   \
            kind, NULL                                                                   \
    }

const bench_row_t bench_save_rows[] = {
    ROW("random", BENCH_RANDOM, 0.75),
    ROW("half zero", BENCH_HALF_ZERO, 0.55),
    ROW("mostly zero", BENCH_MOSTLY_ZERO, 0.20),
    {0},
};
