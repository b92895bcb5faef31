/* SPDX-License-Identifier: MIT */
/* Facts as text, for all the ways to show them. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/escape.h"
#include "common/machine.h"
#include "common/tool.h"
#include "inspect/view.h"

const char *view_time(const sfpm_commit_info_t *commit, const char *t, const char *z,
                      char *text)
{
    struct tm utc;
    time_t seconds = (time_t)commit->seconds;
    if (seconds != commit->seconds || !gmtime_r(&seconds, &utc)) {
        snprintf(text, VIEW_TIME, "@%lld", (long long)commit->seconds);
        return text;
    }
    snprintf(text, VIEW_TIME, "%04d-%02d-%02d%s%02d:%02d:%02d%s", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, t, utc.tm_hour, utc.tm_min, utc.tm_sec, z);
    return text;
}

void view_note_damage(view_t *view)
{
    bool failed = tool_met_failure();
    if (view->damage[0] != '\0' || (!failed && !tool_met_damage()))
        return;
    view->failed = failed;
    snprintf(view->damage, sizeof view->damage, "%s", tool_last_error(view->file.label));
}

static void print_name(const char *name)
{
    putchar('"');
    escape_print(stdout, name);
    putchar('"');
}

void view_import(const sfpm_vm_t *vm, uint32_t index)
{
    char signature[MACHINE_SIGNATURE] = "";
    sfpm_vm_link_t link = {.module = "", .name = ""};
    sfpm_vm_imported(vm, index, &link, sizeof link);
    sfpm_vm_signature(vm, link.index, signature, sizeof signature);
    print_name(link.module);
    putchar(' ');
    print_name(link.name);
    printf("%s%s\n", signature[0] != '\0' ? " " : "", signature);
}

void view_export(const sfpm_vm_t *vm, uint32_t index)
{
    sfpm_vm_link_t link = {.name = "", .kind = ""};
    sfpm_vm_exported(vm, index, &link, sizeof link);
    print_name(link.name);
    printf(" %s", link.kind);
    if (link.kind[0] == 'f' || link.kind[0] == 'g')
        printf(" %" PRIu32, link.index);
    putchar('\n');
}
