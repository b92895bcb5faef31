/* SPDX-License-Identifier: MIT */
/* sfpm-diff: shows the differences between two images or commits. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/files.h"
#include "common/machine.h"
#include "common/options.h"
#include "common/tool.h"
#include "diff/diff.h"

enum { EQUAL = 0, DIFFERENT = 1, TROUBLE = 2 };

enum { MODE_STAT = 1 << 0, MODE_JSON = 1 << 1, MODE_PATCH = 1 << 2, MODE_BRIEF = 1 << 3 };

static int mode, show_all;

static const struct poptOption table[] = {
    {"stat", '\0', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, MODE_STAT,
     "one line for each region that differs", NULL},
    {"json", '\0', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, MODE_JSON,
     "print one JSON object", NULL},
    {"patch", '\0', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, MODE_PATCH,
     "print edits for sfpm-patch -f that turn A's state into B's", NULL},
    {"brief", 'q', POPT_ARG_VAL | POPT_ARGFLAG_OR, &mode, MODE_BRIEF,
     "only report whether the two differ", NULL},
    {"all", '\0', POPT_ARG_NONE, &show_all, 0, "show long lists in full", NULL},
    OPTIONS_READING,
    OPTIONS_COMMON("  sfpm-diff a.img@1 a.img        the first commit and the last\n"
                   "  sfpm-diff --stat a.img b.img   how much of each region\n"
                   "  sfpm-diff --patch a.img b.img | sfpm-patch -f - -o c.img a.img\n"
                   "  sfpm-patch a.img 3=20 | sfpm-diff a.img -"),
    POPT_TABLEEND};

static bool show_brief(diff_t *diff)
{
    if (!diff_differs(diff))
        return true;
    escape_print(stdout, diff->side[LEFT].file.label);
    fputs(" and ", stdout);
    escape_print(stdout, diff->side[RIGHT].file.label);
    puts(" differ");
    return true;
}

static bool open_side(side_t *side, const char *name)
{
    if (!operand_open(&side->file, name))
        return false;
    operand_warn(&side->file);
    /* A machine that is damaged or cannot run is compared as bytes. */
    if (mode != MODE_BRIEF && mode != MODE_STAT)
        side->vm = machine_load(side->file.image, side->refusal);
    if (side->refusal[0] != '\0' && tool_met_failure()) {
        tool_fail_last(side->file.label);
        return false;
    }
    return true;
}

/* --digest is for A. A key is for what is encrypted of the two: a state may be compared
 * with what it was before it was encrypted, but two images that both are not, although
 * a key was given, are not those that were meant. */
static bool open_sides(diff_t *diff, const char *a, const char *b)
{
    bool expected = options.secret.known && !options.asked;
    options.asked = options.secret.known;
    if (!open_side(&diff->side[LEFT], a))
        return false;
    free(options.digest_text);
    options.digest_text = NULL;
    if (!open_side(&diff->side[RIGHT], b))
        return false;
    if (!expected || operand_is_encrypted(&diff->side[LEFT].file) ||
        operand_is_encrypted(&diff->side[RIGHT].file))
        return true;
    tool_fail(a, "neither image is encrypted, but a key was given");
    return false;
}

static show_function_t way(void)
{
    switch (mode) {
    case MODE_STAT:
        return show_stat;
    case MODE_JSON:
        return show_json;
    case MODE_PATCH:
        return show_patch;
    case MODE_BRIEF:
        return show_brief;
    default:
        return show_page;
    }
}

static int compare_images(diff_t *diff, const char *a, const char *b)
{
    int status = TROUBLE;
    if (!open_sides(diff, a, b) || !files_print(&status) || !diff_pair(diff) ||
        !diff_count(diff, mode == MODE_BRIEF) || !way()(diff))
        return status;
    return diff_differs(diff) ? DIFFERENT : EQUAL;
}

static int compare_operands(poptContext popt)
{
    diff_t diff = {.all = show_all != 0};
    const char *a = poptGetArg(popt);
    const char *b = poptGetArg(popt);
    if (!b || poptPeekArg(popt))
        return tool_usage("two images must be given; - is standard input");
    if (strcmp(a, "-") == 0 && strcmp(b, "-") == 0)
        return tool_usage("only one of the images can come from standard input");
    if ((mode & (mode - 1)) != 0)
        return tool_usage("--stat, --json, --patch and --brief cannot be used together");
    int status = compare_images(&diff, a, b);
    for (int s = LEFT; s < SIDES; s++) {
        sfpm_vm_destroy(diff.side[s].vm);
        operand_close(&diff.side[s].file);
    }
    free(diff.pairs);
    return status;
}

int main(int argc, char **argv)
{
    tool_start("sfpm-diff", TROUBLE, TROUBLE);
    int status;
    poptContext popt;
    if (options_parse(argc, argv, table,
                      "A B\nShows the differences between two images or commits.\n"
                      "Exit status: 0 if there are none, 1 if there are some, 2 on errors.",
                      0, &popt, &status))
        status = compare_operands(popt);
    options_free(popt);
    return tool_flush(status);
}
