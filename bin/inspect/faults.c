/* SPDX-License-Identifier: MIT */
/*
 * The faults that a check finds, each reported once: a damaged record is met by itself
 * and in each region and commit that needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/tool.h"
#include "inspect/view.h"

enum { FAULTS_MAX = 1000 }; /* that are remembered as reported */

typedef struct faults {
    char *texts[FAULTS_MAX];
    size_t count;
} faults_t;

/* Whether `text` says what `other` says, perhaps with the region before it. */
static bool says(const char *text, const char *other)
{
    size_t length = strlen(text), part = strlen(other);
    return length >= part && strcmp(text + length - part, other) == 0;
}

static bool remember(faults_t *faults, const char *text)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (says(faults->texts[i], text))
            return true;
        char *copy = says(text, faults->texts[i]) ? strdup(text) : NULL;
        if (copy) {
            free(faults->texts[i]);
            faults->texts[i] = copy;
            return true;
        }
    }
    char *copy = faults->count < FAULTS_MAX ? strdup(text) : NULL;
    if (copy)
        faults->texts[faults->count++] = copy;
    return copy != NULL;
}

static void print_faults(const view_t *view, faults_t *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        tool_fail(view->file.label, "%s", faults->texts[i]);
        free(faults->texts[i]);
    }
    faults->count = 0;
}

typedef struct check {
    const view_t *view;
    faults_t faults;
} check_t;

static void meet(void *context, sfpm_status_t status, uint64_t offset, const char *text)
{
    check_t *check = context;
    (void)status;
    (void)offset;
    if (remember(&check->faults, text))
        return;
    print_faults(check->view, &check->faults);
    tool_fail(check->view->file.label, "%s", text);
}

int view_faults(view_t *view)
{
    check_t check = {.view = view};
    bool ok = sfpm_image_check(view->file.image, meet, &check);
    print_faults(view, &check.faults);
    return ok ? EXIT_SUCCESS : tool_failure();
}
