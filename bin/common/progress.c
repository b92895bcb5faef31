/* SPDX-License-Identifier: MIT */
/*
 * Draws the progress line on standard error after a second of work, and erases it before
 * anything else is printed.
 */
#include "common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/tool.h"

enum { SECOND = 1000, AGAIN = 100 }; /* milliseconds: before it shows, between changes */

static struct {
    bool begun;
    uint64_t began, drawn; /* milliseconds */
    int width;             /* of what stands on the line */
} line;

static uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_hide(void)
{
    if (line.width > 0) {
        fprintf(stderr, "\r%*s\r", line.width, "");
        fflush(stderr);
    }
    line.width = 0;
}

/* Neither colours nor escape sequences: nothing that NO_COLOR would forbid. */
static void draw(uint64_t done, uint64_t total)
{
    unsigned percent = (unsigned)((double)done / (double)total * 100);
    int width = fprintf(stderr, "\r%s: %u %%", tool_name(), percent);
    line.width = width > 1 ? width - 1 : 0;
    fflush(stderr);
}

static void show(void *context, uint64_t done, uint64_t total)
{
    uint64_t now = milliseconds();
    (void)context;
    if (done >= total) {
        progress_hide();
        line.begun = false;
        return;
    }
    if (!line.begun) {
        line.begun = true;
        line.began = now;
    }
    if (now - line.began < SECOND || now - line.drawn < AGAIN)
        return;
    line.drawn = now;
    draw(done, total);
}

sfpm_progress_t progress_shown(void)
{
    const char *terminal = getenv("TERM");
    bool shown = isatty(STDERR_FILENO) && terminal && *terminal != '\0' &&
                 strcmp(terminal, "dumb") != 0;
    return (sfpm_progress_t){.callback = shown ? show : NULL};
}
