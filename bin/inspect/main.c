/* SPDX-License-Identifier: MIT */
/* sfpm-inspect: shows the contents of images. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/files.h"
#include "common/machine.h"
#include "common/options.h"
#include "common/tool.h"
#include "inspect/view.h"

enum {
    MODE_LOG = 1 << 0,
    MODE_CODE = 1 << 1,
    MODE_VERIFY = 1 << 2,
    MODE_JSON = 1 << 3,
    MODE_TEXT = 1 << 4,
    MODE_HEX = 1 << 5
};

static int mode;
static char *hex_region;

#define MODE_OPTION(name, value, help)                                                   \
    {                                                                                    \
        (name), '\0', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, (value), (help), NULL       \
    }

static const struct poptOption table[] = {
    MODE_OPTION("log", MODE_LOG, "list the commits, the last one first"),
    MODE_OPTION("disassemble", MODE_CODE, "print the program as assembly text"),
    {"hex", '\0', POPT_ARG_STRING, &hex_region, 0, "print the bytes of a region",
     "REGION"},
    MODE_OPTION("verify", MODE_VERIFY,
                "check every byte; print nothing unless something is wrong"),
    MODE_OPTION("json", MODE_JSON, "print one JSON object for each image"),
    MODE_OPTION("text", MODE_TEXT, "print one fact per line, without times"),
    OPTIONS_READING,
    OPTIONS_COMMON("  sfpm-inspect app.img\n"
                   "  sfpm-inspect --log app.img\n"
                   "  sfpm-inspect --disassemble app.img@1   the first commit's program\n"
                   "  sfpm-inspect --verify *.img && echo all good\n"
                   "  sfpm-inspect --json app.img | jq .machine.pc"),
    POPT_TABLEEND};

static int show_image(view_t *view)
{
    static const struct {
        int mode;
        view_function_t function;
    } ways[] = {{0, view_page},         {MODE_LOG, view_log},   {MODE_CODE, view_code},
                {MODE_JSON, view_json}, {MODE_TEXT, view_text}, {MODE_HEX, view_hex}};
    static bool again;
    if (mode == 0 && again)
        putchar('\n');
    again = true;
    operand_warn(&view->file);
    if (mode != MODE_LOG && mode != MODE_HEX)
        view->vm = machine_load(view->file.image, view->refusal);
    if (view->refusal[0] != '\0' && (!view->vm || tool_met_failure()))
        view_note_damage(view);
    int status = tool_failure();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (ways[i].mode == mode)
            status = ways[i].function(view);
    /* --text shows damage as a fact among others: git is to go on comparing. */
    if (status == EXIT_SUCCESS && view->damage[0] != '\0' &&
        (mode != MODE_TEXT || view->failed))
        status = tool_fail(view->file.label, "%s", view->damage);
    return status;
}

static int inspect(const char *name)
{
    bool color = tool_color();
    view_t view = {.bold = color ? "\033[1m" : "",
                   .plain = color ? "\033[0m" : "",
                   .region = hex_region};
    int status = EXIT_SUCCESS;
    if (!operand_open(&view.file, name))
        status = tool_failure();
    else if (files_print(&status))
        status = mode == MODE_VERIFY ? view_faults(&view) : show_image(&view);
    free(view.usage);
    sfpm_vm_destroy(view.vm);
    operand_close(&view.file);
    return status;
}

static int inspect_operands(poptContext popt)
{
    if (hex_region)
        mode |= MODE_HEX;
    if ((mode & (mode - 1)) != 0)
        return tool_usage("--log, --disassemble, --hex, --verify, --json and --text "
                          "cannot be used together");
    const char **names = poptGetArgs(popt);
    if (!names)
        return tool_usage("no IMAGE was given; - is standard input");
    int status;
    for (const char **name = names; *name; name++)
        if (!operand_print_beside(*name, &status))
            return status;
    status = EXIT_SUCCESS;
    for (const char **name = names; *name; name++) {
        int one = inspect(*name);
        if (one != EXIT_SUCCESS)
            status = one;
    }
    return status;
}

int main(int argc, char **argv)
{
    tool_start("sfpm-inspect", 1, 2);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table, "IMAGE...\nShows the contents of images.", 0, &popt,
                      &status))
        status = inspect_operands(popt);
    options_free(popt);
    free(hex_region);
    return tool_flush(status);
}
