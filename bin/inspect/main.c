/* SPDX-License-Identifier: MIT */
/* sfpm-inspect: shows the contents of images. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/files.h"
#include "common/machine.h"
#include "common/options.h"
#include "common/pager.h"
#include "common/tool.h"
#include "inspect/graph.h"
#include "inspect/html.h"
#include "inspect/view.h"

enum {
    MODE_LOG = 1 << 0,
    MODE_CODE = 1 << 1,
    MODE_VERIFY = 1 << 2,
    MODE_JSON = 1 << 3,
    MODE_TEXT = 1 << 4,
    MODE_HEX = 1 << 5,
    MODE_USAGE = 1 << 6,
    MODE_HTML = 1 << 7,
    MODE_FILES = 1 << 8,
    MODE_CAT = 1 << 9
};

static int mode;
static char *hex_region;
static char *cat_file;
static int as_graph;
static char *html_file;
static char *max_count_text;
static uint64_t max_count;
static graph_t *graph; /* with --graph */

#define MODE_OPTION(name, value, help)                                                   \
    {                                                                                    \
        (name), '\0', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, (value), (help), NULL       \
    }

static const struct poptOption table[] = {
    MODE_OPTION("log", MODE_LOG, "list the commits, the last one first"),
    {"graph", '\0', POPT_ARG_NONE, &as_graph, 0,
     "with --log: draw which commit stands on which, also in base images", NULL},
    {"max-count", 'n', POPT_ARG_STRING, &max_count_text, 0,
     "with --log, --usage or --html: list at most N commits", "N"},
    MODE_OPTION("usage", MODE_USAGE,
                "list how many bytes of each commit no later state uses"),
    MODE_OPTION("disassemble", MODE_CODE, "print the program as assembly text"),
    {"hex", '\0', POPT_ARG_STRING, &hex_region, 0, "print the bytes of a region",
     "REGION"},
    MODE_OPTION("files", MODE_FILES, "list the files inside the image"),
    {"cat", '\0', POPT_ARG_STRING, &cat_file, 0, "print the file GUEST inside the image",
     "GUEST"},
    MODE_OPTION("verify", MODE_VERIFY,
                "check every byte; print nothing unless something is wrong"),
    MODE_OPTION("json", MODE_JSON, "print one JSON object for each image"),
    MODE_OPTION("text", MODE_TEXT, "print one fact per line, without times"),
    {"html", '\0', POPT_ARG_STRING, &html_file, 0,
     "write a page for a browser, without scripts, to FILE; - is standard output", "FILE"},
    OPTIONS_GROUP(options_color, "Output:"),
    OPTIONS_READING,
    OPTIONS_COMMON_WITH(options_only_help,
                        "  sfpm-inspect app.img\n"
                        "  sfpm-inspect --log -n 10 app.img\n"
                        "  sfpm-inspect --log --graph fork1.img fork2.img\n"
                        "  sfpm-inspect --html app.html app.img\n"
                        "  sfpm-inspect --disassemble app.img@1   the first commit's program\n"
                        "  sfpm-inspect --verify *.img && echo all good\n"
                        "  sfpm-inspect --json app.img | jq .machine.pc"),
    POPT_TABLEEND};

static int view_html(view_t *view)
{
    return html_write(view, html_file);
}

static int show_image(view_t *view)
{
    static const struct {
        int mode;
        view_function_t function;
    } ways[] = {{0, view_page},         {MODE_LOG, view_log},   {MODE_CODE, view_code},
                {MODE_JSON, view_json}, {MODE_TEXT, view_text}, {MODE_HEX, view_hex},
                {MODE_USAGE, view_list_usage},
                {MODE_HTML, view_html},
                {MODE_FILES, view_files},
                {MODE_CAT, view_cat}};
    static bool again;
    if ((mode & (MODE_JSON | MODE_HTML | MODE_CAT)) == 0)
        pager_begin();
    if (mode == 0 && again)
        putchar('\n');
    again = true;
    operand_warn(&view->file);
    if ((mode & (MODE_LOG | MODE_HEX | MODE_USAGE | MODE_FILES | MODE_CAT)) == 0)
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

static view_t new_view(void)
{
    bool color = tool_color();
    return (view_t){.bold = color ? "\033[1m" : "",
                    .yellow = color ? "\033[33m" : "",
                    .plain = color ? "\033[0m" : "",
                    .human = tool_terminal(),
                    .max_count = max_count,
                    .region = hex_region,
                    .guest = cat_file};
}

static int show(view_t *view)
{
    if (mode == MODE_VERIFY)
        return view_faults(view);
    if (!graph)
        return show_image(view);
    operand_warn(&view->file);
    return graph_add(graph, view);
}

static int inspect(const char *name)
{
    view_t view = new_view();
    int status = EXIT_SUCCESS;
    if (!operand_open(&view.file, name))
        status = tool_failure();
    else if (files_print(&status))
        status = show(&view);
    free(view.usage);
    sfpm_vm_destroy(view.vm);
    operand_close(&view.file);
    return status;
}

/* Whether the options go together; false after printing why not. */
static bool check_options(int *status)
{
    if (hex_region)
        mode |= MODE_HEX;
    if (html_file)
        mode |= MODE_HTML;
    if (cat_file)
        mode |= MODE_CAT;
    if ((mode & (mode - 1)) != 0)
        *status = tool_usage("--log, --usage, --disassemble, --hex, --files, --cat, "
                             "--verify, --json, --text and --html cannot be used "
                             "together");
    else if (as_graph && mode != MODE_LOG)
        *status = tool_usage("--graph is for --log");
    else if (max_count_text && (mode & (MODE_LOG | MODE_USAGE | MODE_HTML)) == 0)
        *status = tool_usage("-n is for --log, --usage and --html");
    else
        return options_number("-n", max_count_text, UINT64_MAX, &max_count, status);
    return false;
}

static int inspect_all(const char **names)
{
    int status = EXIT_SUCCESS;
    for (const char **name = names; *name; name++) {
        int one = inspect(*name);
        if (one != EXIT_SUCCESS)
            status = one;
    }
    return status;
}

static int inspect_graph(const char **names)
{
    view_t view = new_view();
    graph = graph_create();
    if (!graph)
        return tool_fail(NULL, "out of memory");
    int status = inspect_all(names);
    pager_begin();
    graph_show(graph, &view);
    graph_free(graph);
    return status;
}

static int inspect_operands(poptContext popt)
{
    int status;
    if (!check_options(&status))
        return status;
    const char **names = poptGetArgs(popt);
    if (!names)
        return tool_usage("no IMAGE was given; - is standard input");
    if (html_file && names[1])
        return tool_usage("--html takes one IMAGE: '%s' is one too many", names[1]);
    for (const char **name = names; *name; name++)
        if (!operand_print_beside(*name, &status))
            return status;
    return as_graph ? inspect_graph(names) : inspect_all(names);
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
    free(html_file);
    free(cat_file);
    free(max_count_text);
    return tool_flush(status);
}
