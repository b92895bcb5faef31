/* SPDX-License-Identifier: MIT */
/*
 * What every tool does alike: its messages, its exit statuses, and the care for
 * the three standard streams. Exit: 0 success, 1 failure, 2 usage; sfpm-run has
 * one number of its own for both.
 */
#ifndef SFPM_BIN_TOOL_H
#define SFPM_BIN_TOOL_H

#include <stdbool.h>

#if defined(__GNUC__)
#define TOOL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TOOL_PRINTF(fmt, args)
#endif

/* Called first in main(). A closed pipe becomes an error of the write (EPIPE), and so
 * does the limit of a file's size (EFBIG); a standard stream that is closed becomes one
 * on which use fails, so that no file opened later gets its number. Standard output is
 * checked at exit, also when popt exits after --help. Standard error is written line by
 * line.
 * name:    of the tool, for messages; failure, usage: its exit statuses */
void tool_start(const char *name, int failure, int usage);

/* From now on standard output that cannot be written does not end the tool at once. */
void tool_goes_on(void);

/* Prints "name: subject: text" on standard error and returns the exit status for
 * failures. A NULL subject is left out. The text may hold strings from images: it is
 * escaped. */
int tool_fail(const char *subject, const char *format, ...) TOOL_PRINTF(2, 3);

/* The same for a mistake of the user, with the exit status for usage; tool_usage() points
 * to --help as well. */
int tool_mistake(const char *subject, const char *format, ...) TOOL_PRINTF(2, 3);
int tool_usage(const char *format, ...) TOOL_PRINTF(1, 2);

/* The library's last error without its remedy, and without the file's name before it if
 * that is the subject or the FILE of a FILE@N. */
const char *tool_last_error(const char *subject);

/* What to do about it, in words of the tools, with ": " before it; "" if not known. */
const char *tool_last_remedy(void);

/* The same with the library's last error as text, in which the subject is not repeated.
 * Silent if the cause is a closed pipe. */
int tool_fail_last(const char *subject);

/* open(2) with O_CLOEXEC, again when a signal interrupts it. `mode` is for O_CREAT. */
int tool_open(const char *path, int flags, unsigned mode);

/* Whether the last error reported damage in an image. */
bool tool_met_damage(void);

/* Whether the system failed, or had no memory: that says nothing about the image. */
bool tool_met_failure(void);

int tool_mistake_last(const char *subject);

/* Prints "name: subject: warning: text". */
void tool_warn(const char *subject, const char *text);

/* Writes standard output out and checks that it arrived.
 * Returns `status`, or the tool's failure status after telling why not. */
int tool_flush(int status);

/* Whether standard output is a terminal, or was one before a pager came between. */
bool tool_terminal(void);

/* Whether the terminal says that it can only print: TERM is unset, empty or "dumb". */
bool tool_terminal_is_dumb(void);

/* Sets when colours are used: "always", "never" or "auto". False for other words. */
bool tool_set_color(const char *when);

/* Whether standard output shows colours and bold text. If that was not set: a terminal that
 * is not dumb, without NO_COLOR. */
bool tool_color(void);

/* "sfpm-patch". */
const char *tool_name(void);

/* The tool's exit status for failures. */
int tool_failure(void);

/* "sfpm-patch 0.1.0": as in images and --version. */
const char *tool_creator(void);

#endif
