/* SPDX-License-Identifier: MIT */
/* Listings: of commits, of instructions, of bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/escape.h"
#include "common/tool.h"
#include "inspect/view.h"

static void log_usage(const view_t *view, uint64_t commit)
{
    const usage_t *usage = view_usage(view, commit);
    if (usage && usage->unused > 0)
        printf(", %" PRIu64 " unused", usage->unused);
    if (usage && usage->torn > 0)
        printf(", %" PRIu64 " torn", usage->torn);
}

static void log_commit(const view_t *view)
{
    char time[VIEW_TIME];
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(view->file.image);
    printf("%scommit %" PRIu64 "%s  %s  %" PRIu64 " bytes", view->bold, commit->number,
           view->plain, view_time(commit, " ", " UTC", time), commit->size);
    log_usage(view, commit->number);
    if (commit->creator[0] != '\0') {
        fputs("  ", stdout);
        escape_print(stdout, commit->creator);
    }
    putchar('\n');
    if (commit->message[0] != '\0') {
        fputs("    ", stdout);
        escape_print(stdout, commit->message);
        putchar('\n');
    }
}

int view_log(view_t *view)
{
    uint64_t last = sfpm_image_commit_info(view->file.image)->number;
    if (!view_load_usage(view))
        tool_warn(view->file.label, tool_last_error(view->file.label));
    for (uint64_t n = last; n >= sfpm_image_info(view->file.image)->first; n--) {
        if (!sfpm_image_select(view->file.image, (int64_t)n))
            return tool_fail_last(view->file.label);
        log_commit(view);
    }
    return EXIT_SUCCESS;
}

static bool print(void *context, const void *bytes, size_t size)
{
    (void)context;
    return fwrite(bytes, 1, size, stdout) == size;
}

int view_code(view_t *view)
{
    if (!view->vm)
        return tool_fail(view->file.label, "%s",
                         view->refusal[0] != '\0' ? view->refusal
                                                  : "the image holds no machine");
    if (!sfpm_vm_disassemble(view->vm, 0, UINT64_MAX, print, NULL))
        return tool_fail_last(view->file.label);
    return EXIT_SUCCESS;
}

static void hex_line(uint64_t offset, const uint8_t *bytes, size_t count)
{
    printf("%08" PRIx64 " ", offset);
    for (size_t i = 0; i < 16; i++) {
        if (i % 8 == 0)
            putchar(' ');
        if (i < count)
            printf("%02x ", bytes[i]);
        else
            fputs("   ", stdout);
    }
    fputs(" |", stdout);
    for (size_t i = 0; i < count; i++)
        putchar(bytes[i] >= 0x20 && bytes[i] < 0x7F ? bytes[i] : '.');
    puts("|");
}

int view_hex(view_t *view)
{
    uint8_t bytes[65536];
    size_t index;
    if (!sfpm_image_find_region(view->file.image, view->region, &index))
        return tool_mistake_last(view->file.label);
    uint64_t size = sfpm_image_region(view->file.image, index)->size;
    for (uint64_t at = 0; at < size; at += sizeof bytes) {
        size_t count = size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;
        if (!sfpm_image_read(view->file.image, index, at, bytes, count))
            return tool_fail_last(view->file.label);
        for (size_t i = 0; i < count; i += 16)
            hex_line(at + i, bytes + i, count - i < 16 ? count - i : 16);
    }
    return EXIT_SUCCESS;
}
