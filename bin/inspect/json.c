/* SPDX-License-Identifier: MIT */
/* One JSON object on one line: schema 1, which sfpm-inspect(1) describes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/escape.h"
#include "common/json.h"
#include "common/machine.h"
#include "common/tool.h"
#include "inspect/view.h"

static bool json_attributes(const sfpm_image_t *image)
{
    const char *key, *value;
    uint32_t count = sfpm_image_commit_info(image)->num_attributes;
    fputs(",\"attributes\":{", stdout);
    for (uint32_t i = 0; i < count; i++) {
        if (!sfpm_image_attribute(image, i, &key, &value))
            return false;
        if (i > 0)
            putchar(',');
        escape_json(stdout, key);
        putchar(':');
        escape_json(stdout, value);
    }
    putchar('}');
    return true;
}

static void json_known(const char *name, bool known, uint64_t value)
{
    printf(",\"%s\":", name);
    if (known)
        json_u64(value);
    else
        fputs("null", stdout);
}

static bool json_commit(const view_t *view)
{
    const sfpm_image_t *image = view->file.image;
    char time[VIEW_TIME];
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(image);
    fputs("{\"number\":", stdout);
    json_u64(commit->number);
    fputs(",\"parent\":", stdout);
    json_u64(commit->parent);
    fputs(",\"state_of\":", stdout);
    json_u64(commit->state_of);
    json_member("time", view_time(commit, "T", "Z", time));
    json_member("message", commit->message);
    json_member("description", commit->description);
    json_member("creator", commit->creator);
    json_member("architecture", commit->architecture);
    json_member("build_id", commit->build_id);
    fputs(",\"schema\":", stdout);
    json_u64(commit->schema);
    fputs(",\"digest\":", stdout);
    json_digest(commit->digest, sfpm_image_info(image)->format != 1);
    fputs(",\"offset\":", stdout);
    json_u64(commit->offset);
    fputs(",\"size\":", stdout);
    json_u64(commit->size);
    const usage_t *usage = view_usage(view, commit->number);
    json_known("unused", usage != NULL, usage ? usage->unused : 0);
    json_known("torn", usage != NULL, usage ? usage->torn : 0);
    bool ok = json_attributes(image);
    putchar('}');
    return ok;
}

/* Shows one commit after the other, then again the one that was shown. */
static bool json_commits(const view_t *view)
{
    sfpm_image_t *image = view->file.image;
    uint64_t shown = sfpm_image_commit_info(image)->number;
    uint64_t first = sfpm_image_info(image)->first;
    uint64_t last = sfpm_image_info(image)->commits;
    bool ok = true;
    fputs(",\"commits\":[", stdout);
    for (uint64_t n = first; ok && n <= last; n++) {
        if (n > first)
            putchar(',');
        ok = sfpm_image_select(image, (int64_t)n) && json_commit(view);
    }
    putchar(']');
    return ok && sfpm_image_select(image, (int64_t)shown);
}

static void json_regions(const sfpm_image_t *image)
{
    bool digests = sfpm_image_info(image)->format != 1;
    const sfpm_region_info_t *region;
    fputs(",\"regions\":[", stdout);
    for (size_t i = 0; (region = sfpm_image_region(image, i)) != NULL; i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", stdout);
        escape_json(stdout, region->name);
        fputs(",\"size\":", stdout);
        json_u64(region->size);
        fputs(",\"flags\":", stdout);
        json_flags(region->flags);
        fputs(",\"digest\":", stdout);
        json_digest(region->digest, digests);
        putchar('}');
    }
    putchar(']');
}

static void json_stack(void *context, uint64_t index, const char *value)
{
    (void)context;
    if (index > 0)
        putchar(',');
    json_value(value);
}

static void json_globals(const sfpm_vm_t *vm, uint32_t count)
{
    int64_t bits;
    char value[MACHINE_VALUE];
    const char *name;
    fputs("],\"globals\":[", stdout);
    for (uint32_t i = 0; i < count && sfpm_vm_global(vm, i, &bits, &name) &&
                         sfpm_vm_global_text(vm, i, value, sizeof value);
         i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", stdout);
        if (name)
            escape_json(stdout, name);
        else
            fputs("null", stdout);
        fputs(",\"value\":", stdout);
        json_value(value);
        putchar('}');
    }
}

/* The calls in progress, innermost first. Their places may be lines of source. */
static void json_backtrace(const sfpm_vm_t *vm, uint32_t frames)
{
    sfpm_vm_frame_t frame;
    uint32_t line;
    fputs(",\"backtrace\":[", stdout);
    for (uint32_t i = 0; i < frames && sfpm_vm_frame(vm, i, &frame, sizeof frame); i++) {
        fputs(i > 0 ? ",{\"function\":" : "{\"function\":", stdout);
        escape_json(stdout, frame.function);
        fputs(",\"offset\":", stdout);
        json_u64(frame.offset);
        /* A caller's offset is behind the call. */
        const char *file = sfpm_vm_source(vm, frame.offset - (i > 0), &line);
        if (file) {
            json_member("file", file);
            printf(",\"line\":%" PRIu32, line);
        }
        putchar('}');
    }
    putchar(']');
}

static void json_memory(const sfpm_vm_info_t *info)
{
    fputs("],\"memory\":", stdout);
    if (info->max_memory > 0) {
        fputs("{\"size\":", stdout);
        json_u64(info->memory);
        fputs(",\"max\":", stdout);
        json_u64(info->max_memory);
        putchar('}');
    } else {
        fputs("null", stdout);
    }
    printf(",\"table\":%" PRIu32, info->elements);
}

static void json_imports(const sfpm_vm_t *vm, uint32_t count)
{
    char signature[MACHINE_SIGNATURE];
    sfpm_vm_link_t link;
    fputs(",\"imports\":[", stdout);
    for (uint32_t i = 0; i < count && sfpm_vm_imported(vm, i, &link, sizeof link) &&
                         sfpm_vm_signature(vm, link.index, signature, sizeof signature);
         i++) {
        fputs(i > 0 ? ",{\"module\":" : "{\"module\":", stdout);
        escape_json(stdout, link.module);
        json_member("field", link.name);
        json_member("signature", signature);
        putchar('}');
    }
}

static void json_exports(const sfpm_vm_t *vm, uint32_t count)
{
    sfpm_vm_link_t link;
    fputs("],\"exports\":[", stdout);
    for (uint32_t i = 0; i < count && sfpm_vm_exported(vm, i, &link, sizeof link); i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", stdout);
        escape_json(stdout, link.name);
        json_member("kind", link.kind);
        printf(",\"index\":%" PRIu32 "}", link.index);
    }
}

static void json_machine(const sfpm_vm_t *vm)
{
    if (!vm) {
        fputs(",\"machine\":null", stdout);
        return;
    }
    sfpm_vm_info_t info = machine_info(vm);
    printf(",\"machine\":{\"state\":\"%s\",\"pc\":", machine_status(info.status));
    json_u64(info.pc);
    fputs(",\"instructions\":", stdout);
    if (info.original)
        fputs("null", stdout);
    else
        json_u64(info.instructions);
    fputs(",\"starts\":", stdout);
    json_u64(info.starts);
    fputs(",\"stack\":[", stdout);
    machine_stack(vm, json_stack, NULL);
    json_globals(vm, info.globals);
    json_memory(&info);
    json_imports(vm, info.imports);
    json_exports(vm, info.exports);
    putchar(']');
    json_backtrace(vm, info.frames);
    putchar('}');
}

static void json_warnings(const view_t *view)
{
    const char *warning = sfpm_image_info(view->file.image)->warning;
    bool first = !warning;
    fputs(",\"warnings\":[", stdout);
    if (warning)
        escape_json(stdout, warning);
    if (view->refusal[0] != '\0') {
        if (!first)
            putchar(',');
        escape_json(stdout, view->refusal);
    }
    putchar(']');
}

int view_json(view_t *view)
{
    sfpm_image_t *image = view->file.image;
    const sfpm_image_info_t *info = sfpm_image_info(image);
    fputs("{\"schema\":1", stdout);
    json_member("image", view->file.label);
    printf(",\"format\":%" PRIu32 ",\"id\":", info->format);
    json_digest(info->id, info->format != 1);
    fputs(",\"commit\":", stdout);
    json_u64(sfpm_image_commit_info(image)->number);
    view_load_usage(view);
    if (!json_commits(view))
        return tool_fail_last(view->file.label);
    json_regions(image);
    heap_json(view);
    json_machine(view->vm);
    json_warnings(view);
    puts("}");
    return EXIT_SUCCESS;
}
