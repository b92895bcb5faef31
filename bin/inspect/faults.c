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

typedef struct fault {
    char *text;
    char *detail; /* its end, without the region where the fault was met */
} fault_t;

typedef struct faults {
    fault_t list[FAULTS_MAX];
    size_t count;
} faults_t;

/* Keeps a copy of the failure's text. False, with nothing changed, without memory. */
static bool keep(fault_t *fault, const sfpm_failure_t *failure)
{
    char *text = strdup(failure->text);
    if (!text)
        return false;
    free(fault->text);
    *fault = (fault_t){text, text + (failure->detail - failure->text)};
    return true;
}

/* Whether they are the same, perhaps without the region in one of them. */
static bool same(const fault_t *fault, const sfpm_failure_t *failure)
{
    if (fault->text == fault->detail || failure->text == failure->detail)
        return strcmp(fault->detail, failure->detail) == 0;
    return strcmp(fault->text, failure->text) == 0;
}

/* One that names the region says more than one that does not. */
static bool remember(faults_t *faults, const sfpm_failure_t *failure)
{
    for (size_t i = 0; i < faults->count; i++)
        if (same(&faults->list[i], failure))
            return failure->text == failure->detail || keep(&faults->list[i], failure);
    if (faults->count == FAULTS_MAX)
        return false;
    faults->list[faults->count] = (fault_t){NULL, NULL};
    return keep(&faults->list[faults->count], failure) && ++faults->count > 0;
}

static void print_faults(const view_t *view, faults_t *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        tool_fail(view->file.label, "%s", faults->list[i].text);
        free(faults->list[i].text);
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
    (void)text; /* the same in parts: */
    const sfpm_failure_t *failure = sfpm_last_failure();
    if (remember(&check->faults, failure))
        return;
    print_faults(check->view, &check->faults);
    tool_fail(check->view->file.label, "%s", failure->text);
}

int view_faults(view_t *view)
{
    check_t check = {.view = view};
    bool ok = sfpm_image_check(view->file.image, meet, &check);
    print_faults(view, &check.faults);
    if (!ok && sfpm_last_status() != SFPM_ERR_TRUNCATED && tool_met_damage())
        tool_fail(view->file.label, "sfpm-convert --salvage recovers what is intact, and "
                                    "FILE@N is an earlier commit");
    return ok ? EXIT_SUCCESS : tool_failure();
}
