/* SPDX-License-Identifier: MIT */
/*
 * Asks a question on the terminal without echo, and restores the terminal when a signal
 * interrupts the answer.
 */
#include "common/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "common/escape.h"
#include "common/tool.h"

/* Signals that would leave the terminal without echo. */
static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
enum { CAUGHT = sizeof caught / sizeof caught[0] };

static volatile sig_atomic_t arrived;

static void note(int number)
{
    arrived = number;
}

/* Without SA_RESTART: the signal ends the read. Ignored ones stay ignored. */
static void catch_signals(struct sigaction before[CAUGHT])
{
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&action.sa_mask);
    arrived = 0;
    for (size_t i = 0; i < CAUGHT; i++) {
        if (sigaction(caught[i], NULL, &before[i]) == 0 &&
            before[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
}

static void restore_signals(const struct sigaction before[CAUGHT])
{
    for (size_t i = 0; i < CAUGHT; i++)
        sigaction(caught[i], &before[i], NULL);
    if (arrived != 0)
        raise(arrived);
}

static ssize_t read_line(int fd, char *text, size_t room)
{
    size_t have = 0;
    while (arrived == 0) {
        char c;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || c == '\n')
            return got < 0 ? -1 : (ssize_t)have;
        if (have == room) {
            errno = EFBIG;
            return -1;
        }
        text[have++] = c;
    }
    errno = EINTR;
    return -1;
}

static void print_question(int fd, const char *question, const char *name)
{
    FILE *file = fdopen(dup(fd), "w");
    if (!file)
        return;
    fputs(question, file);
    escape_message(file, name);
    fputs(": ", file);
    fclose(file);
}

static ssize_t ask_quietly(int fd, const char *question, const char *name, char *text,
                           size_t room)
{
    struct termios before, quiet;
    if (tcgetattr(fd, &before) != 0)
        return -1;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    quiet.c_lflag |= ECHONL;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
        return -1;
    print_question(fd, question, name);
    ssize_t size = read_line(fd, text, room);
    int error = errno;
    tcsetattr(fd, TCSAFLUSH, &before);
    errno = error;
    return size;
}

ssize_t terminal_ask(const char *question, const char *name, char *text, size_t room)
{
    struct sigaction before[CAUGHT];
    int fd = tool_open("/dev/tty", O_RDWR | O_NOCTTY, 0);
    if (fd < 0)
        return -1;
    catch_signals(before);
    ssize_t size = ask_quietly(fd, question, name, text, room);
    int error = errno;
    restore_signals(before);
    close(fd);
    errno = error;
    return size;
}
