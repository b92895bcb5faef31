/* SPDX-License-Identifier: MIT */
/* Listings: of instructions, of bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tool.h"
#include "inspect/view.h"

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

/* A dump in the making. */
typedef struct dump {
    const sfpm_image_t *image;
    size_t index;
    uint64_t size;       /* of the region */
    uint64_t next;       /* the next line to print, by offset */
    uint8_t before[16];  /* the line before it */
    bool repeats;        /* lines like that were left out already */
    uint64_t start;      /* of what was read last */
    uint8_t read[65536]; /* what was read last, from a multiple of its size on */
    bool any;            /* anything was */
    bool failed;
} dump_t;

/* Prints the next line, or a * for all that repeat the line before. The last line of a
 * region always appears, so that its end shows. */
static void dump_line(dump_t *dump, const uint8_t *bytes)
{
    uint64_t rest = dump->size - dump->next;
    size_t count = rest < 16 ? (size_t)rest : 16;
    bool again = dump->next > 0 && rest > 16 && memcmp(dump->before, bytes, 16) == 0;
    if (!again)
        hex_line(dump->next, bytes, count);
    else if (!dump->repeats)
        puts("*");
    dump->repeats = again;
    memcpy(dump->before, bytes, count);
    dump->next += count;
}

/* Prints lines of zeros up to an offset that is a multiple of 16, or the end. */
static void dump_zeros(dump_t *dump, uint64_t end)
{
    static const uint8_t zeros[16];
    for (int i = 0; i < 2 && dump->next < end; i++)
        dump_line(dump, zeros);
    if (dump->next >= end)
        return;
    /* The third is like the second, and so on. */
    uint64_t last = end == dump->size ? (end - 1) & ~(uint64_t)15 : end;
    dump->next = last > dump->next ? last : dump->next;
    if (dump->next < end)
        dump_line(dump, zeros);
}

static bool dump_read(dump_t *dump, uint64_t offset)
{
    uint64_t start = offset & ~(uint64_t)(sizeof dump->read - 1);
    uint64_t rest = dump->size - start;
    if (dump->any && dump->start == start)
        return true;
    dump->start = start;
    dump->any =
        sfpm_image_read(dump->image, dump->index, start, dump->read,
                        rest < sizeof dump->read ? (size_t)rest : sizeof dump->read);
    return dump->any;
}

/* Receives bytes that are not zero. */
static bool dump_range(void *context, uint64_t offset, uint64_t length)
{
    dump_t *dump = context;
    dump_zeros(dump, offset & ~(uint64_t)15);
    while (dump->next < offset + length && !ferror(stdout)) {
        if (!dump_read(dump, dump->next)) {
            dump->failed = true;
            return false;
        }
        dump_line(dump, dump->read + (dump->next - dump->start));
    }
    return !ferror(stdout);
}

int view_hex(view_t *view)
{
    size_t index;
    const sfpm_image_t *image = view->file.image;
    if (!sfpm_image_find_region(image, view->region, &index))
        return tool_mistake_last(view->file.label);
    dump_t dump = {
        .image = image, .index = index, .size = sfpm_image_region(image, index)->size};
    if (!sfpm_image_compare(image, index, NULL, 0, dump_range, &dump) || dump.failed)
        return tool_fail_last(view->file.label);
    dump_zeros(&dump, dump.size);
    return EXIT_SUCCESS;
}
