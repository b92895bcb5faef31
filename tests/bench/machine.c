/* SPDX-License-Identifier: MIT */
/* Commits of a machine with a large memory. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/vm.h>

#define MEMORY (64 * BENCH_MIB)
enum { CHANGED = MEMORY / BENCH_PAGE / 100 };

static const char text[] = ".memory 1024\n.func main\nhalt\n";
static sfpm_vm_t *vm;
static sfpm_image_t *image;

/* A machine whose memory is full, and its image, made once. */
static bool begin(void)
{
    const char *path = bench_path("machine.img");
    if (image)
        return true;
    vm = sfpm_vm_create();
    if (!vm || !sfpm_vm_assemble(vm, text, strlen(text), "bench", NULL, NULL))
        return false;
    bench_fill(sfpm_vm_memory(vm, 0, MEMORY), MEMORY, BENCH_RECORDS);
    return sfpm_vm_save(vm, path) && (image = sfpm_image_open(path, NULL)) &&
           sfpm_vm_commit(vm, image, NULL);
}

static void change_pages(void)
{
    uint8_t *memory = sfpm_vm_memory(vm, 0, MEMORY);
    for (int i = 0; i < CHANGED; i++)
        memory[bench_random() % (MEMORY / BENCH_PAGE) * BENCH_PAGE + 100]++;
}

static double commit_changes(bool ok)
{
    if (ok)
        change_pages();
    double began = bench_now();
    ok = ok && sfpm_vm_commit(vm, image, NULL);
    double took = bench_now() - began;
    return ok ? took : bench_fail_sfpm("commit");
}

static double commit(intptr_t unused)
{
    (void)unused;
    return begin() ? commit_changes(true) : bench_fail_sfpm("the machine");
}

/* Memory that is not watched: of another machine than made the last commit. */
static double commit_compared(intptr_t unused)
{
    (void)unused;
    if (!begin())
        return bench_fail_sfpm("the machine");
    sfpm_vm_t *other = sfpm_vm_create();
    bool ok = other && sfpm_vm_load_image(other, image);
    if (ok)
        memcpy(sfpm_vm_memory(other, 0, MEMORY), sfpm_vm_memory(vm, 0, MEMORY), MEMORY);
    sfpm_vm_destroy(vm);
    vm = other;
    return commit_changes(ok);
}

/* Memory that was just loaded, by a program that will commit. */
static double commit_loaded(intptr_t unused)
{
    (void)unused;
    if (!begin())
        return bench_fail_sfpm("the machine");
    sfpm_vm_t *other = sfpm_vm_create();
    bool ok =
        other && sfpm_vm_expect_commits(other, true) && sfpm_vm_load_image(other, image);
    sfpm_vm_destroy(vm);
    vm = other;
    return commit_changes(ok);
}

/* What the disk takes for the same bytes and, behind them, a trailer: five milliseconds
 * are for the rest. */
static double append_pages(intptr_t unused)
{
    (void)unused;
    static uint8_t pages[CHANGED * BENCH_PAGE];
    int file = open(bench_path("pages"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bench_fill(pages, sizeof pages, BENCH_RANDOM);
    double began = bench_now();
    bool ok = file >= 0 && write(file, pages, sizeof pages) == (ssize_t)sizeof pages &&
              fdatasync(file) == 0 && write(file, pages, 120) == 120 &&
              fdatasync(file) == 0;
    double took = bench_now() - began;
    if (!ok)
        bench_fail("append: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return ok ? took + 5e-3 : -1;
}

const bench_row_t bench_machine_rows[] = {
    {"checkpoint of a 64 MiB machine, 1 % changed", "5 ms + append, synced twice", 1, 31,
     commit, append_pages, 0, NULL},
    {"the same, first one after loading", "5 ms + append, synced twice", 0, 11,
     commit_loaded, append_pages, 0, NULL},
    {"the same, first one of a process", "5 ms + append, synced twice", 0, 11,
     commit_compared, append_pages, 0, NULL},
    {0},
};
