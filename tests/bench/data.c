/* SPDX-License-Identifier: MIT */
/* Files, memory and programs for the rows. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sfpm/image.h>

extern char **environ;

enum { MAX_PATHS = 64, MAX_PATH = 4096 };

static char directory[MAX_PATH - 256];
static char paths[MAX_PATHS][MAX_PATH];

static struct {
    uint8_t *bytes;
    size_t size;
    bench_kind_t kind;
} memory;

static bool make_directory(void)
{
    const char *parent = getenv("BENCH_DIR");
    if (*directory)
        return true;
    snprintf(directory, sizeof directory, "%s/bench-files-XXXXXX", parent ? parent : ".");
    if (mkdtemp(directory))
        return true;
    fprintf(stderr, "bench: %s: %s\n", directory, strerror(errno));
    exit(EXIT_FAILURE);
}

const char *bench_path(const char *name)
{
    make_directory();
    int i = 0;
    while (i < MAX_PATHS - 1 && *paths[i] &&
           strcmp(strrchr(paths[i], '/') + 1, name) != 0)
        i++;
    snprintf(paths[i], sizeof paths[i], "%s/%.200s", directory, name);
    return paths[i];
}

const char *bench_fast_path(const char *name)
{
    static const char fast[] = "/dev/shm";
    int i = 0;
    if (access(fast, W_OK) != 0)
        return NULL;
    while (i < MAX_PATHS - 1 && *paths[i] && strncmp(paths[i], fast, strlen(fast)) != 0)
        i++;
    snprintf(paths[i], sizeof paths[i], "%s/bench-%ld-%.200s", fast, (long)getpid(),
             name);
    return paths[i];
}

void bench_clean_up(void)
{
    if (memory.bytes)
        munmap(memory.bytes, memory.size);
    for (int i = 0; i < MAX_PATHS && *paths[i]; i++)
        unlink(paths[i]);
    if (*directory && rmdir(directory))
        fprintf(stderr, "bench: files are left in %s\n", directory);
}

uint64_t bench_random(void)
{
    static uint64_t state = UINT64_C(0x2545F4914F6CDD1D);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Records of 64 bytes, as an interpreter's objects may be: class, a neighbour's
 * address, a small number, a text in a fixed field, a sum that grows, unused space. */
static void fill_page(uint8_t *page)
{
    static const char texts[8][9] = {"order",    "customer", "invoice",  "price",
                                     "quantity", "method",   "selector", "class"};
    static uint64_t sum;
    static uint64_t here = UINT64_C(0x7F0000000000);
    memset(page, 0, BENCH_PAGE);
    for (size_t i = 0; i < BENCH_PAGE; i += 64, here += 64) {
        uint64_t random = bench_random();
        uint64_t fields[3] = {UINT64_C(0x560000000000) + (random & 15) * 128,
                              here - (random >> 8 & 0xFFF) * 64, random >> 20 & 0x3FF};
        sum += fields[2];
        memcpy(page + i, fields, sizeof fields);
        memcpy(page + i + 24, texts[random >> 40 & 7], 8);
        memcpy(page + i + 40, &sum, sizeof sum);
    }
}

void bench_fill(void *to, size_t size, bench_kind_t kind)
{
    uint8_t *bytes = to;
    unsigned every = kind == BENCH_RECORDS ? 1 : kind == BENCH_HALF_ZERO ? 2 : 20;
    for (size_t i = 0; i < size; i += kind == BENCH_RANDOM ? 8 : BENCH_PAGE) {
        uint64_t random = bench_random();
        if (kind == BENCH_RANDOM)
            memcpy(bytes + i, &random, 8);
        else if (random % every == 0)
            fill_page(bytes + i);
        else
            memset(bytes + i, 0, BENCH_PAGE);
    }
}

static uint8_t *map_memory(size_t size)
{
    void *bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes != MAP_FAILED)
        return bytes;
    bench_fail("no memory for %zu bytes", size);
    return NULL;
}

uint8_t *bench_memory(size_t size, bench_kind_t kind)
{
    if (memory.bytes && memory.size == size && memory.kind == kind)
        return memory.bytes;
    if (memory.bytes)
        munmap(memory.bytes, memory.size);
    memory.bytes = map_memory(size);
    if (!memory.bytes)
        return NULL;
    memory.size = size;
    memory.kind = kind;
    bench_fill(memory.bytes, size, kind);
    return memory.bytes;
}

double bench_copy(intptr_t size)
{
    size_t count = (size_t)size;
    uint8_t *from = bench_memory(count, BENCH_RANDOM);
    uint8_t *to = from ? map_memory(count) : NULL;
    if (!to)
        return -1;
    memset(to, 1, count);
    double began = bench_now();
    memcpy(to, from, count);
    double took = bench_now() - began;
    bool same = to[count - 1] == from[count - 1];
    munmap(to, count);
    return same ? took : bench_fail("memcpy has not copied");
}

bool bench_save_image(const char *path, const void *bytes, size_t size)
{
    sfpm_edit_t *edit = sfpm_edit_create(NULL);
    bool ok =
        edit &&
        sfpm_edit_set_region(edit, "memory", 0, bytes, size, SFPM_REGION_PORTABLE) &&
        sfpm_edit_save(edit, path, NULL);
    if (!ok)
        bench_fail_sfpm("save");
    sfpm_edit_destroy(edit);
    return ok;
}

const char *bench_big_image(void)
{
    static bool made;
    const char *path = bench_path("big.img");
    uint8_t *bytes = made ? NULL : bench_memory(BENCH_GIB, BENCH_RANDOM);
    made = made || (bytes && bench_save_image(path, bytes, BENCH_GIB));
    return made ? path : NULL;
}

bool bench_write_file(const char *path, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = file >= 0;
    while (ok && size > 0) {
        ssize_t written = write(file, from, size);
        ok = written > 0;
        from += ok ? written : 0;
        size -= ok ? (size_t)written : 0;
    }
    ok = ok && fdatasync(file) == 0;
    if (!ok)
        bench_fail("%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return ok;
}

double bench_run_to(const char *path, const char *const arguments[])
{
    posix_spawn_file_actions_t actions;
    char *copies[16] = {NULL};
    pid_t child;
    int status = -1;
    for (int i = 0; i < 15 && arguments[i]; i++)
        memcpy(&copies[i], &arguments[i], sizeof copies[i]); /* not written to */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    double began = bench_now();
    int error = posix_spawnp(&child, arguments[0], &actions, NULL, copies, environ);
    if (!error && waitpid(child, &status, 0) != child)
        error = errno;
    double took = bench_now() - began;
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return bench_fail("%s: %s", arguments[0], strerror(error));
    return status == 0 ? took
                       : bench_fail("%s ended with status %d", arguments[0], status);
}

double bench_run(const char *const arguments[])
{
    return bench_run_to("/dev/null", arguments);
}

/* Libtool leaves scripts in the place of programs; what they start is in .libs. */
const char *bench_tool(const char *name)
{
    static char path[MAX_PATH];
    const char *build = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/bin/.libs/%s", build ? build : ".", name);
    if (access(path, X_OK) != 0)
        snprintf(path, sizeof path, "%s/bin/%s", build ? build : ".", name);
    return access(path, X_OK) == 0 ? path : NULL;
}
