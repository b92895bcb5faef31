/* SPDX-License-Identifier: MIT */
/* The default page of sfpm-inspect: overview, regions, machine and backtrace. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/facts.h"
#include "common/machine.h"
#include "inspect/view.h"

enum {
    FRAMES_MAX = 32 /* frames and values listed; more are counted */
};

static void heading(const view_t *view, const char *text)
{
    int length = (int)strcspn(text, "\n");
    printf("\n%s%.*s%s%s", view->bold, length, text, view->plain, text + length);
}

/* One line, left out when the text is empty. */
static void show_fact(const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    printf("  %-13s", name);
    escape_print(stdout, text);
    putchar('\n');
}

static void show_features(uint64_t features)
{
    bool encrypted = (features & SFPM_FEATURE_ENCRYPTED) != 0;
    bool delta = (features & SFPM_FEATURE_DELTA) != 0;
    if (encrypted && delta)
        show_fact("storage", "encrypted, a delta on a base image");
    else if (encrypted)
        show_fact("storage", "encrypted");
    else if (delta)
        show_fact("storage", "a delta on a base image");
}

static void show_commit(const view_t *view)
{
    char text[VIEW_TIME];
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(view->file.image);
    const sfpm_image_info_t *info = sfpm_image_info(view->file.image);
    printf("  %-13s%" PRIu64 " of %" PRIu64, "commit", commit->number, info->commits);
    if (commit->parent != 0)
        printf(", made on %" PRIu64, commit->parent);
    if (commit->state_of != commit->number)
        printf(", the state of %" PRIu64, commit->state_of);
    if (info->first > 1)
        printf(", of which %" PRIu64 " is the first kept", info->first);
    putchar('\n');
    show_features(info->incompatible);
    show_fact("message", commit->message);
    show_fact("time", view_time(commit, " ", " UTC", text));
    show_fact("description", commit->description);
    show_fact("creator", commit->creator);
    show_fact("architecture", commit->architecture);
    show_fact("build id", commit->build_id);
    if (commit->schema != 0)
        printf("  %-13s%" PRIu64 "\n", "schema", commit->schema);
}

static void show_attributes(const view_t *view)
{
    const char *key, *value;
    uint32_t count = sfpm_image_commit_info(view->file.image)->num_attributes;
    for (uint32_t i = 0; i < count; i++) {
        if (!sfpm_image_attribute(view->file.image, i, &key, &value))
            return;
        printf("  %-13s", i == 0 ? "attributes" : "");
        escape_print(stdout, key);
        putchar('=');
        escape_print(stdout, value);
        putchar('\n');
    }
}

static void show_regions(const view_t *view)
{
    char digest[FACT_DIGEST];
    bool digests = sfpm_image_info(view->file.image)->format != 1;
    const sfpm_region_info_t *region;
    heading(view, "Regions\n");
    for (size_t i = 0; (region = sfpm_image_region(view->file.image, i)) != NULL; i++) {
        printf("  %12" PRIu64 "  ", region->size);
        if (digests)
            printf("%.16s  ", fact_digest(region->digest, digest));
        escape_print(stdout, region->name);
        const char *flag;
        for (unsigned n = 0; (flag = fact_flag(region->flags, n)) != NULL; n++)
            printf("%s%s", n == 0 ? "  " : ", ", flag);
        putchar('\n');
    }
}

static void
show_values(const char *title, const sfpm_vm_t *vm, uint32_t level, uint32_t count,
            bool (*read)(const sfpm_vm_t *, uint32_t, uint32_t, char *, size_t))
{
    char value[MACHINE_VALUE];
    if (count == 0)
        return;
    printf("      %s", title);
    uint32_t first = count > FRAMES_MAX ? count - FRAMES_MAX : 0;
    if (first > 0)
        printf(" (%" PRIu32 " more)", first);
    for (uint32_t i = first; i < count; i++)
        if (read(vm, level, i, value, sizeof value))
            printf(" %s", value);
    putchar('\n');
}

static void show_frame(const sfpm_vm_t *vm, uint32_t level)
{
    char place[MACHINE_PLACE];
    uint32_t line;
    sfpm_vm_frame_t frame;
    if (!sfpm_vm_frame(vm, level, &frame, sizeof frame))
        return;
    printf("  %3" PRIu32 "  ", level);
    escape_print(stdout, frame.function);
    machine_place(vm, frame.offset, place, sizeof place);
    fputs(" at ", stdout);
    escape_print(stdout, place);
    /* A caller's offset is behind the call. */
    const char *file = sfpm_vm_source(vm, frame.offset - (level > 0), &line);
    if (file) {
        fputs(", ", stdout);
        escape_print(stdout, file);
        printf(":%" PRIu32, line);
    }
    putchar('\n');
    show_values("locals", vm, level, frame.locals, sfpm_vm_local_text);
    show_values("stack ", vm, level, frame.operands, sfpm_vm_operand_text);
}

static void show_backtrace(const view_t *view, uint32_t frames)
{
    if (frames == 0)
        return;
    heading(view, "Backtrace");
    puts(" (innermost call first; the top of each stack last)");
    uint32_t half = FRAMES_MAX / 2;
    for (uint32_t level = 0; level < frames; level++) {
        if (frames > FRAMES_MAX && level == half) {
            printf("  ... %" PRIu32 " more calls\n", frames - FRAMES_MAX);
            level = frames - half;
        }
        show_frame(view->vm, level);
    }
}

static void show_globals(const view_t *view, uint32_t count)
{
    if (count == 0)
        return;
    heading(view, "Globals\n");
    for (uint32_t i = 0; i < count; i++) {
        int64_t bits;
        char value[MACHINE_VALUE];
        const char *name;
        if (!sfpm_vm_global(view->vm, i, &bits, &name) ||
            !sfpm_vm_global_text(view->vm, i, value, sizeof value))
            return;
        printf("  %3" PRIu32 "  ", i);
        if (name) {
            escape_print(stdout, name);
            fputs(" = ", stdout);
        }
        puts(value);
    }
}

/* Calls back for the first of a list, and says how many more there are. */
static void show_list(const view_t *view, const char *title, uint32_t count,
                      void (*show)(const sfpm_vm_t *vm, uint32_t index))
{
    if (count == 0)
        return;
    heading(view, title);
    for (uint32_t i = 0; i < count && i < FRAMES_MAX; i++) {
        printf("  %3" PRIu32 "  ", i);
        show(view->vm, i);
    }
    if (count > FRAMES_MAX)
        printf("  ... %" PRIu32 " more\n", count - FRAMES_MAX);
}

/* What is imported and not offered by sfpm-run: it cannot run the program. */
static void show_missing(const view_t *view, uint32_t imports)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < imports; i++) {
        if (machine_is_offered(view->vm, i))
            continue;
        if (missing == 0)
            heading(view, "Missing\n");
        if (missing++ < FRAMES_MAX) {
            printf("  %3" PRIu32 "  ", i);
            view_import(view->vm, i);
        }
    }
    if (missing > FRAMES_MAX)
        printf("  ... %" PRIu32 " more\n", missing - FRAMES_MAX);
}

static void show_memory(const sfpm_vm_info_t *info)
{
    if (info->max_memory > 0)
        printf("  %-13s%" PRIu64 " bytes, at most %" PRIu64 "\n", "memory", info->memory,
               info->max_memory);
    if (info->elements > 0)
        printf("  %-13s%" PRIu32 " elements\n", "table", info->elements);
}

static void show_state(const view_t *view, const sfpm_vm_info_t *info)
{
    char place[MACHINE_PLACE], instruction[80];
    heading(view, "Machine\n");
    if (info->code_size == 0) {
        show_fact("state", "empty: there is no program");
        return;
    }
    machine_place(view->vm, info->pc, place, sizeof place);
    printf("  %-13s%s at ", "state", machine_status(info->status));
    escape_print(stdout, place);
    if (sfpm_vm_instruction(view->vm, info->pc, instruction, sizeof instruction) != 0) {
        fputs(": ", stdout);
        escape_print(stdout, instruction);
    }
    putchar('\n');
    if (info->status == SFPM_VM_TRAPPED)
        show_fact("trap", machine_trap(info->trap));
    show_fact("cannot run", view->refusal);
    if (!info->original)
        printf("  %-13s%" PRIu64 "\n", "instructions", info->instructions);
    printf("  %-13s%" PRIu64 "\n", "starts", info->starts);
}

static void show_machine(const view_t *view)
{
    if (!view->vm) {
        if (view->refusal[0] != '\0') {
            heading(view, "Machine\n");
            show_fact("unreadable", view->refusal);
        }
        return;
    }
    sfpm_vm_info_t info = machine_info(view->vm);
    show_state(view, &info);
    show_memory(&info);
    show_backtrace(view, info.frames);
    show_globals(view, info.globals);
    show_list(view, "Imports\n", info.imports, view_import);
    show_missing(view, info.imports);
    show_list(view, "Exports\n", info.exports, view_export);
}

/* A module has what the image that was made of it has, but for what is the image's. */
static int show_module(const view_t *view)
{
    struct stat file = {.st_size = 0};
    operand_identity(&view->file, &file);
    fputs(view->bold, stdout);
    escape_print(stdout, view->file.label);
    printf("%s: WebAssembly module, %jd bytes\n", view->plain, (intmax_t)file.st_size);
    show_regions(view);
    show_machine(view);
    return EXIT_SUCCESS;
}

int view_page(view_t *view)
{
    char id[FACT_DIGEST];
    const sfpm_image_info_t *info = sfpm_image_info(view->file.image);
    if (view->file.module)
        return show_module(view);
    fputs(view->bold, stdout);
    escape_print(stdout, view->file.label);
    printf("%s: sfpm image, format %" PRIu32 ", %" PRIu64 " bytes\n", view->plain,
           info->format, info->size);
    show_commit(view);
    show_attributes(view);
    if (info->format != 1)
        show_fact("id", fact_digest(info->id, id));
    show_regions(view);
    heap_page(view);
    show_machine(view);
    return EXIT_SUCCESS;
}
