/* SPDX-License-Identifier: MIT */
/*
 * Draws the progress line on standard error after a second of work, and erases it before
 * anything else is printed.
 */
#include "common/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/human.h"
#include "common/pager.h"
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
static void draw(uint64_t done, uint64_t total, uint64_t time)
{
    char rate[HUMAN_TEXT], left[HUMAN_TEXT], text[200];
    double speed = (double)done / (double)time * 1000; /* bytes a second */
    human_size((uint64_t)speed, rate);
    int width = snprintf(text, sizeof text, "%s: %u %%, %s/s", tool_name(),
                         (unsigned)((double)done / (double)total * 100), rate);
    if (speed >= 1 && width > 0 && (size_t)width < sizeof text) {
        double seconds = (double)(total - done) / speed + 0.5;
        uint64_t whole = seconds < 1e9 ? (uint64_t)seconds : 1000000000;
        width += snprintf(text + width, sizeof text - (size_t)width, ", %s left",
                          human_duration(whole, left));
    }
    fprintf(stderr, "\r%-*s", line.width, text);
    line.width = width > line.width ? width : line.width;
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
    /* A pager that has begun since then has the terminal for itself. */
    if (now - line.began < SECOND || now - line.drawn < AGAIN || pager_runs())
        return;
    line.drawn = now;
    draw(done, total, now - line.began);
}

sfpm_progress_t progress_shown(void)
{
    bool shown = isatty(STDERR_FILENO) && !tool_terminal_is_dumb();
    return (sfpm_progress_t){.callback = shown ? show : NULL};
}
