/* SPDX-License-Identifier: MIT */
/* sfpm-inspect --files and --cat: the files inside an image. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sfpm/memfs.h>

#include "common/escape.h"
#include "common/options.h"
#include "common/tool.h"
#include "inspect/view.h"

static char letter(sfpm_memfs_type_t type)
{
    switch (type) {
    case SFPM_MEMFS_DIRECTORY:
        return 'd';
    case SFPM_MEMFS_LINK:
        return 'l';
    default:
        return '-';
    }
}

static bool print_file(void *context, const sfpm_memfs_info_t *info)
{
    (void)context;
    printf("%c %12" PRIu64 " ", letter(info->type), info->size);
    escape_print(stdout, info->path);
    if (info->target) {
        fputs(" -> ", stdout);
        escape_print(stdout, info->target);
    }
    putchar('\n');
    return true;
}

int view_files(view_t *view)
{
    sfpm_memfs_t *memfs = sfpm_memfs_create(view->file.image, NULL, options.max_files);
    if (!memfs)
        return tool_fail_last(view->file.label);
    fputs("directory ", stdout);
    escape_print(stdout, sfpm_memfs_guest(memfs));
    putchar('\n');
    bool ok = sfpm_memfs_walk_files(memfs, ".", print_file, NULL);
    int status = ok ? EXIT_SUCCESS : tool_fail_last(view->file.label);
    sfpm_memfs_destroy(memfs);
    return status;
}

int view_cat(view_t *view)
{
    enum { SIZE = 1 << 16 };
    static uint8_t bytes[SIZE];
    uint64_t at = 0;
    size_t count = 0;
    sfpm_memfs_t *memfs = sfpm_memfs_create(view->file.image, NULL, options.max_files);
    if (!memfs)
        return tool_fail_last(view->file.label);
    bool ok;
    do {
        ok = sfpm_memfs_read(memfs, view->guest, at, bytes, sizeof bytes, &count);
        at += count;
    } while (ok && count > 0 && fwrite(bytes, 1, count, stdout) == count);
    int status = ok ? EXIT_SUCCESS : tool_fail_last(view->file.label);
    sfpm_memfs_destroy(memfs);
    return status;
}
