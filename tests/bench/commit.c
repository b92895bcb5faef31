/* SPDX-License-Identifier: MIT */
/* Commits appended to an image of 1 GiB. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/image.h>

enum { NUM_PAGES = 1 << 18, CHANGED_PAGES = NUM_PAGES / 100 };

/* Makes the changes of one commit; false with the library's error set. */
typedef bool (*change_t)(sfpm_edit_t *edit);

static double append(change_t change)
{
    const char *path = bench_big_image();
    if (!path)
        return -1;
    double began = bench_now();
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    sfpm_edit_t *edit = image ? sfpm_edit_create(image) : NULL;
    bool ok = edit && change(edit) && sfpm_edit_append(edit, NULL);
    double took = bench_now() - began;
    if (!ok)
        bench_fail_sfpm("append");
    sfpm_edit_destroy(edit);
    sfpm_image_close(image);
    return ok ? took : -1;
}

/* ---- one byte ---- */

static bool change_byte(sfpm_edit_t *edit)
{
    uint8_t value = (uint8_t)bench_random();
    return sfpm_edit_write(edit, 0, bench_random() % BENCH_GIB, &value, 1);
}

static double commit_byte(intptr_t unused)
{
    (void)unused;
    return append(change_byte);
}

static double patch_byte(intptr_t unused)
{
    (void)unused;
    const char *path = bench_big_image();
    const char *tool = bench_tool("sfpm-patch");
    char edit[64];
    if (!path || !tool)
        return path ? bench_skip() : -1;
    snprintf(edit, sizeof edit, "memory:%llu=%u",
             (unsigned long long)(bench_random() % BENCH_GIB),
             (unsigned)(bench_random() % 256));
    return bench_run((const char *const[]){tool, "-q", "-i", path, edit, NULL});
}

static double append_page(intptr_t unused)
{
    (void)unused;
    static const uint8_t page[BENCH_PAGE] = {1};
    int file =
        open(bench_path("appended"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    double began = bench_now();
    bool ok = file >= 0 && write(file, page, sizeof page) == (ssize_t)sizeof page &&
              fdatasync(file) == 0;
    double took = bench_now() - began;
    if (!ok)
        bench_fail("append: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return ok ? took : -1;
}

/* ---- one page in a hundred ---- */

static bool change_pages(sfpm_edit_t *edit)
{
    uint8_t page[BENCH_PAGE];
    bool ok = true;
    bench_fill(page, sizeof page, BENCH_RANDOM);
    for (int i = 0; ok && i < CHANGED_PAGES; i++) {
        memcpy(page, &i, sizeof i);
        ok = sfpm_edit_write(edit, 0, bench_random() % NUM_PAGES * BENCH_PAGE, page,
                             sizeof page);
    }
    return ok;
}

static double commit_known(intptr_t unused)
{
    (void)unused;
    return append(change_pages);
}

static bool change_region(sfpm_edit_t *edit)
{
    const uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    return sfpm_edit_set_region(edit, "memory", 0, memory, BENCH_GIB,
                                SFPM_REGION_PORTABLE);
}

/* The first time the image is brought to what the memory holds: to warm up. */
static double commit_compared(intptr_t unused)
{
    (void)unused;
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    if (!memory)
        return -1;
    for (int i = 0; i < CHANGED_PAGES; i++)
        memory[bench_random() % NUM_PAGES * BENCH_PAGE + 100]++;
    return append(change_region);
}

static double save_all(intptr_t unused)
{
    (void)unused;
    const char *path = bench_path("full.img");
    uint8_t *memory = bench_memory(BENCH_GIB, BENCH_RANDOM);
    if (!memory)
        return -1;
    unlink(path);
    double began = bench_now();
    bool ok = bench_save_image(path, memory, BENCH_GIB);
    double took = bench_now() - began;
    unlink(path);
    return ok ? took : -1;
}

const bench_row_t bench_commit_rows[] = {
    {"durable one-byte commit to 1 GiB, library", "4 KiB append + fdatasync", 3, 51,
     commit_byte, append_page, 0, NULL},
    {"durable one-byte sfpm-patch -i of 1 GiB", "4 KiB append + fdatasync", 3, 51,
     patch_byte, append_page, 0, NULL},
    {"commit of 1 % random pages of 1 GiB, known", "full save of 1 GiB", 0.06, 5,
     commit_known, save_all, 0, NULL},
    {"commit of 1 % random pages of 1 GiB, compared", "full save of 1 GiB", 0, 5,
     commit_compared, save_all, 0, NULL},
    {0},
};
