/* SPDX-License-Identifier: MIT */
/* Lists the commits of an image: for people on a terminal, and with exact figures else. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/escape.h"
#include "common/human.h"
#include "common/tool.h"
#include "inspect/view.h"

static void print_size(const view_t *view, uint64_t bytes)
{
    char text[HUMAN_TEXT];
    if (view->human)
        fputs(human_size(bytes, text), stdout);
    else
        printf("%" PRIu64 " bytes", bytes);
}

static void print_number(const view_t *view, const char *file, uint64_t number)
{
    printf("%scommit ", view->yellow);
    if (file) {
        escape_print(stdout, file);
        putchar('@');
    }
    printf("%" PRIu64 "%s  ", number, view->plain);
}

/* On a terminal each line of a message is one; in a list for programs it has only one. */
static void print_message(const view_t *view, const char *message,
                          void (*margin)(void *context, bool first), void *context)
{
    char *copy = view->human ? strdup(message) : NULL, *rest = NULL;
    const char *line = copy ? strtok_r(copy, "\n", &rest) : message;
    for (; line; line = copy ? strtok_r(NULL, "\n", &rest) : NULL) {
        margin(context, false);
        fputs("    ", stdout);
        escape_print(stdout, line);
        putchar('\n');
    }
    free(copy);
}

void log_commit(const view_t *view, const sfpm_commit_info_t *commit, const char *file,
                void (*margin)(void *context, bool first), void *context)
{
    char time_text[VIEW_TIME], age[HUMAN_TEXT];
    margin(context, true);
    print_number(view, file, commit->number);
    printf("%s  ", view->human ? human_age(commit->seconds, (int64_t)time(NULL), age)
                               : view_time(commit, " ", " UTC", time_text));
    print_size(view, commit->size);
    if (commit->creator[0] != '\0') {
        fputs("  ", stdout);
        escape_print(stdout, commit->creator);
    }
    putchar('\n');
    if (commit->message[0] != '\0')
        print_message(view, commit->message, margin, context);
}

/* Calls back while the image shows each of the commits that are wanted, the last one
 * first. */
static int for_each_commit(view_t *view, void (*show)(const view_t *view))
{
    sfpm_image_t *image = view->file.image;
    uint64_t last = sfpm_image_commit_info(image)->number;
    uint64_t first = sfpm_image_info(image)->first;
    if (view->max_count > 0 && last - first >= view->max_count)
        first = last - view->max_count + 1;
    for (uint64_t n = last; n >= first; n--) {
        if (!sfpm_image_select(image, (int64_t)n))
            return tool_fail_last(view->file.label);
        show(view);
    }
    return EXIT_SUCCESS;
}

static void no_margin(void *context, bool first)
{
    (void)context;
    (void)first;
}

static void show_commit(const view_t *view)
{
    log_commit(view, sfpm_image_commit_info(view->file.image), NULL, no_margin, NULL);
}

int view_log(view_t *view)
{
    return for_each_commit(view, show_commit);
}

static void print_part(const view_t *view, uint64_t bytes, const char *what)
{
    if (bytes == 0)
        return;
    fputs(", ", stdout);
    if (view->human)
        print_size(view, bytes);
    else
        printf("%" PRIu64, bytes);
    printf(" %s", what);
}

static void show_usage(const view_t *view)
{
    const sfpm_commit_info_t *commit = sfpm_image_commit_info(view->file.image);
    const usage_t *usage = view_usage(view, commit->number);
    print_number(view, NULL, commit->number);
    print_size(view, commit->size);
    print_part(view, usage ? usage->unused : 0, "unused");
    print_part(view, usage ? usage->torn : 0, "torn");
    putchar('\n');
}

int view_list_usage(view_t *view)
{
    uint64_t unused = 0, torn = 0;
    if (!view_load_usage(view))
        return view->failed ? tool_failure() : tool_fail_last(view->file.label);
    int status = for_each_commit(view, show_usage);
    for (size_t i = 0; i < view->num_usage; i++) {
        unused += view->usage[i].unused;
        torn += view->usage[i].torn;
    }
    printf("%stotal%s  ", view->yellow, view->plain);
    print_size(view, sfpm_image_info(view->file.image)->size);
    print_part(view, unused, "unused");
    print_part(view, torn, "torn");
    putchar('\n');
    return status;
}
