/* SPDX-License-Identifier: MIT */
/*
 * Handlers for the signals that people and systems end programs with: they remove the
 * temporary file of an unfinished image, and then end the tool by the same signal.
 */
#include "common/unfinished.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};

static char file_name[NAME_MAX + 1];
static volatile sig_atomic_t file_directory = -1; /* -1: there is no such file */

/* The signal is blocked until the handler returns, and acts as it does by default then. */
static void end(int number)
{
    if (file_directory >= 0)
        unlinkat(file_directory, file_name, 0);
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_endings(void)
{
    struct sigaction old, action = {.sa_handler = end};
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sigaction(endings[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(endings[i], &action, NULL);
}

void unfinished_note(void *context, int directory, const char *name)
{
    (void)context;
    file_directory = -1;
    atomic_signal_fence(memory_order_seq_cst);
    if (!name || strlen(name) > NAME_MAX)
        return;
    strcpy(file_name, name);
    atomic_signal_fence(memory_order_seq_cst);
    file_directory = directory;
    catch_endings();
}
