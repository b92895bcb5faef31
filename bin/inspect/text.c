/* SPDX-License-Identifier: MIT */
/*
 * --text: one fact on each line, without times and without what depends on the file's
 * name or storage. Images of equal state give equal text, and a line changes only if its
 * fact does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/escape.h"
#include "common/facts.h"
#include "common/machine.h"
#include "common/tool.h"
#include "inspect/view.h"

static void print_fact(const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    printf("%s ", name);
    escape_print(stdout, text);
    putchar('\n');
}

static bool text_commit(const view_t *view)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(view->file.image);
    printf("format %" PRIu32 "\n", sfpm_image_info(view->file.image)->format);
    print_fact("description", commit->description);
    print_fact("creator", commit->creator);
    print_fact("architecture", commit->architecture);
    print_fact("build-id", commit->build_id);
    if (commit->schema != 0)
        printf("schema %" PRIu64 "\n", commit->schema);
    for (uint32_t i = 0; i < commit->num_attributes; i++) {
        const char *key, *value;
        if (!sfpm_image_attribute(view->file.image, i, &key, &value))
            return false;
        fputs("attribute ", stdout);
        escape_print(stdout, key);
        putchar('=');
        escape_print(stdout, value);
        putchar('\n');
    }
    return true;
}

/* Version 1 has no digests: FNV-1a of the contents, so that a change shows. */
static bool text_sum(const sfpm_image_t *image, size_t index, uint64_t size)
{
    uint8_t bytes[4096];
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (uint64_t at = 0; at < size; at += sizeof bytes) {
        size_t count = size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;
        if (!sfpm_image_read(image, index, at, bytes, count))
            return false;
        for (size_t i = 0; i < count; i++)
            sum = (sum ^ bytes[i]) * UINT64_C(0x100000001B3);
    }
    printf(" sum %016" PRIx64, sum);
    return true;
}

static bool text_regions(const view_t *view)
{
    char digest[FACT_DIGEST];
    bool digests = sfpm_image_info(view->file.image)->format != 1;
    const sfpm_region_info_t *region;
    for (size_t i = 0; (region = sfpm_image_region(view->file.image, i)) != NULL; i++) {
        fputs("region ", stdout);
        escape_print(stdout, region->name);
        printf(" size %" PRIu64, region->size);
        const char *flag;
        for (unsigned n = 0; (flag = fact_flag(region->flags, n)) != NULL; n++)
            printf(" %s", flag);
        bool ok = digests || text_sum(view->file.image, i, region->size);
        if (digests)
            printf(" digest %s", fact_digest(region->digest, digest));
        putchar('\n');
        if (!ok)
            return false;
    }
    return true;
}

static void text_value(void *context, uint64_t index, const char *value)
{
    (void)context;
    printf("stack %" PRIu64 " %s\n", index, value);
}

static void text_frames(const sfpm_vm_t *vm, uint32_t frames)
{
    char place[MACHINE_PLACE];
    sfpm_vm_frame_t frame;
    for (uint32_t level = frames; level-- > 0;) {
        if (!sfpm_vm_frame(vm, level, &frame, sizeof frame))
            continue;
        machine_place(vm, frame.offset, place, sizeof place);
        printf("frame %" PRIu32 " ", frames - 1 - level);
        escape_print(stdout, frame.function);
        putchar(' ');
        escape_print(stdout, place);
        putchar('\n');
        char value[MACHINE_VALUE];
        for (uint32_t i = 0; i < frame.locals; i++)
            if (sfpm_vm_local_text(vm, level, i, value, sizeof value))
                printf("local %" PRIu32 " %" PRIu32 " %s\n", frames - 1 - level, i,
                       value);
    }
}

static void text_globals(const sfpm_vm_t *vm, uint32_t count)
{
    int64_t bits;
    char value[MACHINE_VALUE];
    const char *name;
    for (uint32_t i = 0; i < count && sfpm_vm_global(vm, i, &bits, &name) &&
                         sfpm_vm_global_text(vm, i, value, sizeof value);
         i++) {
        printf("global %" PRIu32 " ", i);
        if (name) {
            escape_print(stdout, name);
            putchar(' ');
        }
        puts(value);
    }
}

static void text_memory(const sfpm_vm_info_t *info)
{
    if (info->max_memory > 0)
        printf("memory %" PRIu64 " max %" PRIu64 "\n", info->memory, info->max_memory);
    if (info->elements > 0)
        printf("table %" PRIu32 "\n", info->elements);
}

static void text_links(const sfpm_vm_t *vm, const sfpm_vm_info_t *info)
{
    for (uint32_t i = 0; i < info->imports; i++) {
        printf("import %" PRIu32 " ", i);
        view_import(vm, i);
    }
    for (uint32_t i = 0; i < info->exports; i++) {
        printf("export %" PRIu32 " ", i);
        view_export(vm, i);
    }
}

static void text_code(const sfpm_vm_t *vm, uint64_t size)
{
    char instruction[160];
    size_t length;
    for (uint64_t at = 0; at < size; at += length) {
        length = sfpm_vm_instruction(vm, at, instruction, sizeof instruction);
        if (length == 0)
            return;
        printf("code %" PRIu64 " ", at);
        escape_print(stdout, instruction);
        putchar('\n');
    }
}

int view_text(view_t *view)
{
    if (!text_commit(view) || !text_regions(view))
        return tool_fail_last(view->file.label);
    heap_text(view);
    print_fact("machine refused", view->refusal);
    if (!view->vm)
        return EXIT_SUCCESS;
    sfpm_vm_info_t info = machine_info(view->vm);
    printf("machine %s\npc %" PRIu64 "\n", machine_status(info.status), info.pc);
    if (info.status == SFPM_VM_TRAPPED)
        printf("trap %s\n", machine_trap(info.trap));
    if (!info.original)
        printf("instructions %" PRIu64 "\n", info.instructions);
    printf("starts %" PRIu64 "\n", info.starts);
    text_frames(view->vm, info.frames);
    machine_stack(view->vm, text_value, NULL);
    text_globals(view->vm, info.globals);
    text_memory(&info);
    text_links(view->vm, &info);
    text_code(view->vm, info.code_size);
    return EXIT_SUCCESS;
}
