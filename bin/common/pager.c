/* SPDX-License-Identifier: MIT */
/*
 * Runs the pager as a child process that reads standard output. A signal that ends the
 * tool first lets the user leave the pager, which would otherwise fight with the shell
 * for the keyboard.
 */
#include "common/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/progress.h"
#include "common/tool.h"

extern char **environ;

static struct {
    const char *command;
    volatile pid_t child; /* 0: none */
    int before[3];        /* copies of what the streams were; -1: not replaced */
} pager = {.before = {-1, -1, -1}};

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
enum { ENDING = sizeof ending / sizeof ending[0], NOT_FOUND = 127 };
static struct sigaction handled[ENDING];

/* Only what is safe in a handler. */
static void leave(int number)
{
    close(STDOUT_FILENO);
    if (pager.before[STDERR_FILENO] >= 0)
        close(STDERR_FILENO);
    while (waitpid(pager.child, NULL, 0) < 0 && errno == EINTR)
        continue;
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = leave};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING; i++)
        if (sigaction(ending[i], NULL, &handled[i]) == 0 &&
            handled[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
}

static const char *command(void)
{
    const char *text = getenv("SFPM_PAGER");
    if (!text)
        text = getenv("PAGER");
    if (!text)
        return "less";
    return text[0] == '\0' || strcmp(text, "cat") == 0 ? NULL : text;
}

/* A command of more than a name is one for the shell. SIGPIPE is what programs expect. */
static int spawn(int input, pid_t *child)
{
    char *arguments[] = {(char *)pager.command, NULL, NULL, NULL};
    if (strcspn(pager.command, "|&;<>()$`\\\"' \t\n*?[#~=%") != strlen(pager.command)) {
        arguments[0] = "sh";
        arguments[1] = "-c";
        arguments[2] = (char *)pager.command;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    if ((error = posix_spawnattr_init(&attributes)) == 0) {
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawnattr_setsigdefault(&attributes, &usual);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        error = posix_spawnp(child, arguments[0], &actions, &attributes, arguments,
                             environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void replace(int fd, int with)
{
    pager.before[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (pager.before[fd] >= 0)
        dup2(with, fd);
}

void pager_begin(void)
{
    int ends[2];
    pid_t child;
    if (pager.child != 0 || !tool_terminal() || tool_terminal_is_dumb() ||
        (pager.command = command()) == NULL)
        return;
    progress_hide();
    setenv("LESS", "FRX", 0);
    setenv("LV", "-c", 0);
    if (pipe(ends) != 0)
        return;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    int error = spawn(ends[0], &child);
    if (error == 0) {
        fflush(stdout);
        pager.child = child;
        if (isatty(STDERR_FILENO))
            replace(STDERR_FILENO, ends[1]);
        replace(STDOUT_FILENO, ends[1]);
        catch_signals();
    } else if (getenv("SFPM_PAGER") || getenv("PAGER")) {
        tool_fail(pager.command, "cannot run this pager: %s", strerror(error));
    }
    close(ends[0]);
    close(ends[1]);
}

static void restore(int fd)
{
    if (pager.before[fd] < 0)
        return;
    dup2(pager.before[fd], fd);
    close(pager.before[fd]);
    pager.before[fd] = -1;
}

bool pager_left(void)
{
    int status = 0;
    if (pager.child == 0)
        return true;
    restore(STDOUT_FILENO);
    restore(STDERR_FILENO);
    while (waitpid(pager.child, &status, 0) < 0 && errno == EINTR)
        continue;
    pager.child = 0;
    for (size_t i = 0; i < ENDING; i++)
        sigaction(ending[i], &handled[i], NULL);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != NOT_FOUND)
        return true;
    tool_fail(pager.command, "the shell finds no such pager: set SFPM_PAGER, for example "
                             "to cat");
    return false;
}

bool pager_end(void)
{
    if (pager.child == 0)
        return true;
    fflush(stdout);
    fflush(stderr);
    return pager_left();
}

bool pager_runs(void)
{
    return pager.child != 0;
}
