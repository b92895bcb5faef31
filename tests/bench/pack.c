/* SPDX-License-Identifier: MIT */
/* Compressed and encrypted saves, and images that pass through pipes. */
#include "bench.h"

#include <stdio.h>
#include <unistd.h>

#include <sfpm/image.h>

enum { SIZE = 64 << 20, PIPED = 256 << 20 };

/* Saves with the compression or the key that is given; seconds. */
static double save(const char *path, const uint8_t *memory, size_t size,
                   const char *method, const uint8_t *key)
{
    const sfpm_secret_t secret = {.struct_size = sizeof secret, .key = key};
    unlink(path);
    double began = bench_now();
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok =
        edit && (!method || sfpm_edit_set_compression(edit, method, 1)) &&
        (!key || sfpm_edit_set_secret(edit, &secret)) &&
        sfpm_edit_set_region(edit, "memory", 0, memory, size, SFPM_REGION_PORTABLE) &&
        sfpm_edit_save(edit, path, NULL);
    double took = bench_now() - began;
    if (!ok)
        bench_fail_sfpm("save");
    sfpm_edit_destroy(edit);
    return ok ? took : -1;
}

static double save_packed(const char *method)
{
    uint8_t *memory = bench_memory(SIZE, BENCH_RECORDS);
    return memory ? save(bench_path("packed.img"), memory, SIZE, method, NULL) : -1;
}

static double save_lz4(intptr_t unused)
{
    (void)unused;
    return save_packed("lz4");
}

static double save_zstd(intptr_t unused)
{
    (void)unused;
    return save_packed("zstd:3");
}

static double save_raw(intptr_t unused)
{
    (void)unused;
    return save_packed("none");
}

static double save_encrypted(intptr_t size)
{
    static const uint8_t key[32] = {1, 2, 3};
    const char *path = bench_fast_path("sealed.img");
    uint8_t *memory = bench_memory((size_t)size, BENCH_RANDOM);
    if (!path || !memory)
        return path ? -1 : bench_skip();
    double took = save(path, memory, (size_t)size, NULL, key);
    unlink(path);
    return took;
}

/* From a file through two tools, each of which changes a byte. */
static double pass_on(intptr_t size)
{
    static bool made;
    const char *path = bench_path("piped.img");
    const char *tool = bench_tool("sfpm-patch");
    char command[16384];
    if (!tool)
        return bench_skip();
    if (!made) {
        uint8_t *memory = bench_memory((size_t)size, BENCH_RANDOM);
        made = memory && bench_save_image(path, memory, (size_t)size);
    }
    if (!made)
        return -1;
    snprintf(command, sizeof command,
             "\"%s\" -q \"%s\" memory:1=2 | \"%s\" -q - memory:3=4 | cat", tool, path,
             tool);
    return bench_run((const char *const[]){"sh", "-c", command, NULL});
}

const bench_row_t bench_pack_rows[] = {
    {"durable save of 64 MiB of records, lz4", "the same, raw", 1.5, 15, save_lz4,
     save_raw, 0, NULL},
    {"durable save of 64 MiB of records, zstd:3", "the same, raw", 0, 15, save_zstd,
     save_raw, 0, NULL},
    {"256 MiB through two tools to cat", "memcpy", 3, 11, pass_on, bench_copy, PIPED,
     NULL},
    {"encrypted save of 1 GiB to tmpfs", "memcpy", 3, 5, save_encrypted, bench_copy,
     BENCH_GIB, NULL},
    {0},
};
