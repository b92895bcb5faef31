/* SPDX-License-Identifier: MIT */
/*
 * Prints the messages of a tool, keeps its exit statuses, and checks at exit that
 * standard output was written: no output may be lost unnoticed.
 */
#include "common/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfpm/error.h>

#include "common/escape.h"
#include "common/pager.h"
#include "common/progress.h"
#include "common/stream.h"

/* In the order of the words that name them. */
typedef enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_t;

static struct {
    const char *name;
    int failure;
    int usage;
    color_t color;
    bool terminal; /* standard output is one */
    bool goes_on; /* without standard output */
    char creator[64];
} tool;

/* Runs whenever the program exits: no output may be lost unnoticed. */
static void check_stdout(void)
{
    progress_hide();
    bool arrived = tool_flush(EXIT_SUCCESS) == EXIT_SUCCESS;
    if (!pager_end() || !arrived)
        _exit(tool.failure);
}

/* The wrong direction on purpose: reading or writing such a stream fails. */
static void occupy_closed_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
            (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

static void tell_unwritten(int error)
{
    if (error != EPIPE)
        tool_fail("standard output", "%s", error != 0 ? strerror(error) : "write error");
}

/* A listing that nobody reads, or that has no room, ends at once. Who leaves the pager has
 * seen enough: that is no failure. */
static void end_listing(void)
{
    if (tool.goes_on)
        return;
    int error = errno;
    if (pager_runs() && error == EPIPE) {
        _exit(pager_left() ? EXIT_SUCCESS : tool.failure);
    }
    tell_unwritten(error);
    fflush(stderr);
    _exit(tool.failure);
}

void tool_goes_on(void)
{
    tool.goes_on = true;
}

/* Standard error takes a message at once, so that those of tools that run side by side
 * do not mix. */
void tool_start(const char *name, int failure, int usage)
{
    tool.name = name;
    tool.failure = failure;
    tool.usage = usage;
    snprintf(tool.creator, sizeof tool.creator, "%s %s", name, sfpm_version_string());
    occupy_closed_streams();
    tool.terminal = isatty(STDOUT_FILENO);
    escape_start();
    stream_start(end_listing);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    atexit(check_stdout);
}

static void message(const char *subject, const char *kind, const char *text)
{
    progress_hide();
    fprintf(stderr, "%s: ", tool.name);
    if (subject) {
        escape_message(stderr, subject);
        fputs(": ", stderr);
    }
    fputs(kind, stderr);
    escape_message(stderr, text);
    fputc('\n', stderr);
}

static void message_list(const char *subject, const char *format, va_list arguments)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    message(subject, "", text);
}

int tool_fail(const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_list(subject, format, arguments);
    va_end(arguments);
    return tool.failure;
}

int tool_mistake(const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_list(subject, format, arguments);
    va_end(arguments);
    return tool.usage;
}

int tool_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_list(NULL, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try '%s --help'.\n", tool.name);
    return tool.usage;
}

/* Whether a name in a failure means what the label names: FILE, or the FILE of FILE@N. */
static bool names(const char *label, const char *name)
{
    size_t length = strlen(name);
    const char *at = strrchr(label, '@');
    return strcmp(label, name) == 0 ||
           (at && length == (size_t)(at - label) && strncmp(label, name, length) == 0);
}

const char *tool_last_error(const char *subject)
{
    static char text[1024];
    const sfpm_failure_t *failure = sfpm_last_failure();
    if (failure->subject[0] == '\0' || names(subject, failure->subject))
        return failure->text;
    snprintf(text, sizeof text, "%s: %s", failure->subject, failure->text);
    return text;
}

const char *tool_last_remedy(void)
{
    switch (sfpm_last_failure()->remedy) {
    case SFPM_REMEDY_NONE:
        break;
    case SFPM_REMEDY_MORE_MEMORY:
        return ": raise it with --max-memory";
    case SFPM_REMEDY_MORE_SCRYPT:
        return ": raise it with --max-scrypt";
    case SFPM_REMEDY_SALVAGE:
        return ": sfpm-inspect --verify lists all damage, sfpm-convert --salvage recovers "
               "what is intact, and FILE@N is an earlier commit";
    case SFPM_REMEDY_ASSEMBLE:
        return ": sfpm-save makes one from a program";
    case SFPM_REMEDY_RESTART:
        return ": use sfpm-run --restart to run it from the beginning";
    case SFPM_REMEDY_RETURN:
        return ": run it until that call has returned, with sfpm-run --until PLACE, or "
               "begin again in the new code with --restart";
    case SFPM_REMEDY_LAYOUT:
        return ": sfpm-wasm(7) says how to keep the layout of data";
    case SFPM_REMEDY_DIRECTORY:
        return ": add --dir HOST::GUEST for it, or use --detach-files";
    case SFPM_REMEDY_DETACH_FILE:
        return ": put it back, or use --detach-files";
    case SFPM_REMEDY_CHANGED_FILE:
        return ": put it back, or use --accept-changed";
    case SFPM_REMEDY_MORE_FILES:
        return ": raise it with --max-files";
    }
    return "";
}

int tool_fail_last(const char *subject)
{
    if (sfpm_last_errno() == EPIPE)
        return tool.failure;
    return tool_fail(subject, "%s%s", tool_last_error(subject), tool_last_remedy());
}

int tool_open(const char *path, int flags, unsigned mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

bool tool_met_damage(void)
{
    sfpm_status_t status = sfpm_last_status();
    return status == SFPM_ERR_CHECKSUM || status == SFPM_ERR_CORRUPT ||
           status == SFPM_ERR_TRUNCATED;
}

bool tool_met_failure(void)
{
    return sfpm_last_status() == SFPM_ERR_SYSTEM || sfpm_last_status() == SFPM_ERR_MEMORY;
}

int tool_mistake_last(const char *subject)
{
    return tool_mistake(subject, "%s", tool_last_error(subject));
}

void tool_warn(const char *subject, const char *text)
{
    message(subject, "warning: ", text);
}

int tool_flush(int status)
{
    static bool failed; /* reported once */
    errno = 0;
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (!lost || pager_runs())
        return status;
    if (!failed)
        tell_unwritten(errno);
    failed = true;
    return tool.failure;
}

bool tool_terminal(void)
{
    return tool.terminal;
}

bool tool_terminal_is_dumb(void)
{
    const char *kind = getenv("TERM");
    return !kind || kind[0] == '\0' || strcmp(kind, "dumb") == 0;
}

bool tool_set_color(const char *when)
{
    static const char *const words[] = {"auto", "always", "never"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(when, words[i]) != 0)
            continue;
        tool.color = (color_t)i;
        return true;
    }
    return false;
}

bool tool_color(void)
{
    const char *unwanted = getenv("NO_COLOR");
    if (tool.color != COLOR_AUTO)
        return tool.color == COLOR_ALWAYS;
    return tool.terminal && !tool_terminal_is_dumb() &&
           (!unwanted || unwanted[0] == '\0');
}

const char *tool_name(void)
{
    return tool.name;
}

int tool_failure(void)
{
    return tool.failure;
}

const char *tool_creator(void)
{
    return tool.creator;
}
