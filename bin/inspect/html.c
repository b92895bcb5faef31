/* SPDX-License-Identifier: MIT */
/*
 * A page for a browser: one self-contained file without scripts. Its Content Security
 * Policy forbids everything but its own style sheet, known by its hash, so that a name in
 * an image could do nothing even if it were not escaped.
 */
#include "inspect/html.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/heap.h>

#include "common/escape.h"
#include "common/facts.h"
#include "common/files.h"
#include "common/human.h"
#include "common/options.h"
#include "common/tool.h"

enum { TEXT_MAX = 240, FRAMES_MAX = 64, TYPES_MAX = 100 };

/* The hash is base64 of the SHA-256 of the text: tests/tools/html.sh computes it. */
#define STYLE_HASH "sha256-RAJ3zl84fitdMGJMdAHK5SMdF6yorGgrYQW+/cS7M1c="
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2733;--soft:#65717f;--line:#d8dee5;--back:#fff;"
    "--box:#f5f7f9;--a:#2b6cb0;--h1:#cfe1f3;--h2:#86b6e2;--h3:#3d84c6;--h4:#124a85;"
    "--bad:#b3261e}"
    "@media(prefers-color-scheme:dark){:root{--ink:#dde4eb;--soft:#93a0ad;--line:#37414b;"
    "--back:#14191e;--box:#1d242b;--a:#7db5ea;--h1:#1d3a57;--h2:#28598b;--h3:#4489cd;"
    "--h4:#a9d2fa;--bad:#f2857d}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1.5rem;max-width:68rem;background:var(--back);"
    "color:var(--ink);font:15px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}"
    "h2{font-size:1.05rem;margin:2rem 0 .5rem;padding-bottom:.25rem;"
    "border-bottom:1px solid var(--line)}"
    ".note,figcaption,thead,header p{color:var(--soft);font-size:.87rem;margin:.3rem 0}"
    "figcaption b{color:var(--ink)}.bad{color:var(--bad)}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1.2rem;margin:.5rem 0}"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th{text-align:left;font-weight:600}"
    "th,td{padding:.2rem .7rem .2rem 0;vertical-align:top;border-bottom:1px solid "
    "var(--line);overflow-wrap:anywhere}"
    "td{font-variant-numeric:tabular-nums}.n{text-align:right;white-space:nowrap}"
    ".scroll{max-height:22rem;overflow:auto}.scroll thead{position:sticky;top:0;"
    "background:var(--back)}"
    "tr:target{background:var(--h1)}"
    "code{font:.87rem ui-monospace,monospace}"
    "svg{display:block;width:100%}figure{margin:.8rem 0}"
    ".line text{font-size:13px;fill:var(--soft)}.line .axis{stroke:var(--line)}"
    ".line a path{stroke:var(--a);opacity:.5}.line a circle{fill:var(--a)}"
    ".line a:hover path,.line a:focus path{opacity:1;stroke-width:3}"
    ".heat{background:var(--box);border:1px solid var(--line)}"
    ".h1{stroke:var(--h1)}.h2{stroke:var(--h2)}.h3{stroke:var(--h3)}.h4{stroke:var(--h4)}"
    ".key{display:inline-block;width:4.5rem;height:.8rem;vertical-align:-.1rem}"
    ".bar{width:12rem;height:.8rem;margin-top:.3rem}.bar rect{fill:var(--h3)}";

void html_text(FILE *out, const char *text)
{
    char start[TEXT_MAX + 1];
    if (strlen(text) <= TEXT_MAX) {
        escape_html(out, text);
        return;
    }
    size_t length = TEXT_MAX;
    while (length > TEXT_MAX - 4 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    memcpy(start, text, length);
    start[length] = '\0';
    escape_html(out, start);
    fputs(" …", out);
}

static void fact(FILE *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    fprintf(out, "<dt>%s<dd>", name);
    html_text(out, text);
    putc('\n', out);
}

static void number(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, "<dt>%s<dd>%" PRIu64 "\n", name, value);
}

static void head(FILE *out, const view_t *view)
{
    char size[HUMAN_TEXT];
    const sfpm_image_info_t *info = sfpm_image_info(view->file.image);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src '" STYLE_HASH "'; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
          out);
    html_text(out, view->file.label);
    fprintf(out, "</title>\n<style>%s</style>\n<header><h1>", style);
    html_text(out, view->file.label);
    fprintf(out, "</h1><p>sfpm image, format %" PRIu32 ", %s, by %s</p></header>\n",
            info->format, human_size(info->size, size), tool_creator());
}

static void overview(FILE *out, const view_t *view)
{
    char time[VIEW_TIME], id[FACT_DIGEST];
    const sfpm_image_info_t *info = sfpm_image_info(view->file.image);
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(view->file.image);
    const char *key, *value;
    fputs("<section><dl>\n", out);
    fprintf(out, "<dt>commit<dd>%" PRIu64 " of %" PRIu64 "\n", commit->number,
            info->commits);
    fact(out, "message", commit->message);
    fact(out, "time", view_time(commit, " ", " UTC", time));
    fact(out, "description", commit->description);
    fact(out, "made by", commit->creator);
    fact(out, "architecture", commit->architecture);
    fact(out, "build id", commit->build_id);
    if ((info->incompatible & SFPM_FEATURE_DELTA) != 0 && info->base)
        fact(out, "base image", sfpm_image_info(info->base)->name);
    if (info->format != 1)
        fact(out, "id", fact_digest(info->id, id));
    fact(out, "warning", info->warning ? info->warning : "");
    for (uint32_t i = 0; i < commit->num_attributes; i++) {
        if (!sfpm_image_attribute(view->file.image, i, &key, &value))
            break;
        fputs("<dt>", out);
        html_text(out, key);
        fputs("<dd>", out);
        html_text(out, value);
        putc('\n', out);
    }
    fputs("</dl></section>\n", out);
}

static void regions(FILE *out, const view_t *view)
{
    char size[HUMAN_TEXT], digest[FACT_DIGEST];
    const sfpm_region_info_t *region;
    const char *flag;
    fputs("<section><h2>Regions</h2>\n<div class=\"scroll\"><table><thead><tr><th>name<th "
          "class=\"n\">size<th>flags<th>digest</thead>\n<tbody>\n",
          out);
    for (size_t i = 0; (region = sfpm_image_region(view->file.image, i)) != NULL; i++) {
        fputs("<tr><td>", out);
        html_text(out, region->name);
        fprintf(out, "<td class=\"n\">%s<td>", human_size(region->size, size));
        for (unsigned n = 0; (flag = fact_flag(region->flags, n)) != NULL; n++)
            fprintf(out, "%s%s", n == 0 ? "" : ", ", flag);
        fprintf(out, "<td><code>%.16s</code>\n", fact_digest(region->digest, digest));
    }
    fputs("</tbody></table></div></section>\n", out);
}

/* ---- Heaps ---- */

static void heap_types(FILE *out, const sfpm_heap_survey_t *survey)
{
    char size[HUMAN_TEXT];
    const sfpm_heap_survey_type_t *type;
    uint64_t all = sfpm_heap_survey_info(survey)->stats.bytes;
    fputs("<table><thead><tr><th>type<th class=\"n\">blocks<th class=\"n\">size<th>part of "
          "the heap<th class=\"n\">unreachable</thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < TYPES_MAX; i++) {
        if ((type = sfpm_heap_survey_type(survey, i)) == NULL)
            break;
        if (type->blocks == 0)
            continue;
        fputs("<tr><td>", out);
        html_text(out, type->name);
        fprintf(out, "<td class=\"n\">%" PRIu64 "<td class=\"n\">%s<td><svg class=\"bar\" "
                     "viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\"><rect "
                     "width=\"%.1f\" height=\"1\"/></svg><td class=\"n\">",
                type->blocks, human_size(type->bytes, size),
                all == 0 ? 0 : (double)type->bytes / (double)all * 100);
        fputs(sfpm_heap_survey_info(survey)->traced
                  ? human_size(type->unreachable_bytes, size)
                  : "not known",
              out);
        putc('\n', out);
    }
    fputs("</tbody></table>\n", out);
}

static void heap_facts(FILE *out, const sfpm_heap_survey_t *survey)
{
    char size[HUMAN_TEXT];
    const sfpm_heap_stats_t *stats = &sfpm_heap_survey_info(survey)->stats;
    const sfpm_heap_survey_root_t *root;
    fputs("<dl>\n", out);
    number(out, "blocks", stats->blocks);
    fact(out, "in use", human_size(stats->bytes, size));
    fact(out, "free between", human_size(stats->free_bytes, size));
    for (size_t i = 0; i < TYPES_MAX; i++) {
        if ((root = sfpm_heap_survey_root(survey, i)) == NULL)
            break;
        fputs(i == 0 ? "<dt>roots<dd>" : ", ", out);
        html_text(out, root->name);
    }
    fputs("\n</dl>\n", out);
}

static void heaps(FILE *out, view_t *view)
{
    const sfpm_heap_survey_options_t how = {.struct_size = sizeof how,
                                            .max_memory = options.max_memory};
    const sfpm_region_info_t *region;
    for (size_t i = 0; (region = sfpm_image_region(view->file.image, i)) != NULL; i++) {
        sfpm_heap_survey_t *survey = sfpm_heap_survey(view->file.image, i, &how);
        if (!survey && sfpm_last_status() == SFPM_ERR_NOT_FOUND)
            continue;
        fputs("<section><h2>Heap ", out);
        html_text(out, region->name);
        fputs("</h2>\n", out);
        if (survey) {
            heap_facts(out, survey);
            heap_types(out, survey);
        } else {
            fputs("<p class=\"bad\">", out);
            html_text(out, sfpm_last_error());
            fputs("</p>\n", out);
            view_note_damage(view);
        }
        fputs("</section>\n", out);
        sfpm_heap_survey_free(survey);
    }
}

/* ---- Machine ---- */

static void frame(FILE *out, const sfpm_vm_t *vm, uint32_t level)
{
    char place[MACHINE_PLACE], value[MACHINE_VALUE];
    sfpm_vm_frame_t call;
    uint32_t line;
    if (!sfpm_vm_frame(vm, level, &call, sizeof call))
        return;
    fprintf(out, "<tr><td class=\"n\">%" PRIu32 "<td>", level);
    html_text(out, call.function);
    machine_place(vm, call.offset, place, sizeof place);
    fputs("<td><code>", out);
    html_text(out, place);
    fputs("</code><td>", out);
    /* A caller's offset is behind the call. */
    const char *file = sfpm_vm_source(vm, call.offset - (level > 0), &line);
    if (file) {
        html_text(out, file);
        fprintf(out, ":%" PRIu32, line);
    }
    fputs("<td><code>", out);
    for (uint32_t i = 0; i < call.locals && i < 8; i++)
        if (sfpm_vm_local_text(vm, level, i, value, sizeof value))
            fprintf(out, "%s ", value);
    fputs(call.locals > 8 ? "…</code>\n" : "</code>\n", out);
}

static void backtrace(FILE *out, const sfpm_vm_t *vm, uint32_t frames)
{
    if (frames == 0)
        return;
    fputs("<div class=\"scroll\"><table><thead><tr><th class=\"n\">call<th>function<th>"
          "place<th>source<th>locals</thead>\n<tbody>\n",
          out);
    for (uint32_t level = 0; level < frames && level < FRAMES_MAX; level++)
        frame(out, vm, level);
    fputs("</tbody></table></div>\n", out);
    if (frames > FRAMES_MAX)
        fprintf(out, "<p class=\"note\">%" PRIu32 " more calls are not shown.</p>\n",
                frames - FRAMES_MAX);
}

static void machine(FILE *out, const view_t *view)
{
    char place[MACHINE_PLACE];
    if (!view->vm && view->refusal[0] == '\0')
        return;
    fputs("<section><h2>Machine</h2>\n<dl>\n", out);
    fact(out, view->vm ? "cannot run" : "unreadable", view->refusal);
    if (view->vm) {
        sfpm_vm_info_t info = machine_info(view->vm);
        fact(out, "state", machine_status(info.status));
        machine_place(view->vm, info.pc, place, sizeof place);
        fact(out, "at", place);
        if (info.status == SFPM_VM_TRAPPED)
            fact(out, "trap", machine_trap(info.trap));
        if (!info.original)
            number(out, "instructions", info.instructions);
        fputs("</dl>\n", out);
        backtrace(out, view->vm, info.frames);
    } else {
        fputs("</dl>\n", out);
    }
    fputs("</section>\n", out);
}

static void page(FILE *out, view_t *view)
{
    head(out, view);
    overview(out, view);
    html_history(out, view);
    machine(out, view);
    heaps(out, view);
    regions(out, view);
    fputs("</html>\n", out);
}

int html_write(view_t *view, const char *file)
{
    int status, fd = -1;
    if (strcmp(file, "-") == 0) {
        page(stdout, view);
        return EXIT_SUCCESS;
    }
    if (!files_write("--html", file, "choose another file", &status))
        return status;
    fd = tool_open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out)
        return tool_fail(file, "%s", strerror(errno));
    page(out, view);
    bool ok = !ferror(out);
    ok = fclose(out) == 0 && ok;
    if (ok)
        return EXIT_SUCCESS;
    status = tool_fail(file, "%s", strerror(errno));
    unlink(file);
    return status;
}
