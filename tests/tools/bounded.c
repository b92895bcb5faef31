/* SPDX-License-Identifier: MIT */
/*
 * Runs a command, and fails when it takes more than a second of processor time or more
 * than 64 MiB of memory:
 *
 *     bounded COMMAND ARGUMENT...
 *     bounded --each LIST COMMAND ARGUMENT...    once for each name in the file LIST,
 *                                                which becomes the last argument
 *
 * The exit status is that of the command (with --each, 0 whatever that is), 98 when it
 * was ended by a signal, as it is when the time is up, or 99 when it took too much. How
 * busy the machine is does not matter.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sanitized.h"

enum { SECONDS = SANITIZED ? 20 : 1, KIB = 64 << 10, BROKEN = 97, KILLED, EXCEEDED };

static void start(char **command)
{
    const struct rlimit time = {SECONDS + 1, SECONDS + 2};
    setrlimit(RLIMIT_CPU, &time);
    execvp(command[0], command);
    perror(command[0]);
    _exit(BROKEN);
}

static double seconds(const struct rusage *used)
{
    return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
           (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1e-6;
}

static int run(char **command, const char *last)
{
    struct rusage used;
    int status;
    pid_t child = fork();
    if (child == 0)
        start(command);
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return BROKEN;
    bool small = SANITIZED || used.ru_maxrss <= KIB;
    if (!WIFSIGNALED(status) && seconds(&used) <= SECONDS && small)
        return WEXITSTATUS(status);
    fprintf(stderr, "bounded: %s %s: %.2f s of processor time, %ld KiB, signal %d\n",
            command[0], last, seconds(&used), used.ru_maxrss,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return WIFSIGNALED(status) ? KILLED : EXCEEDED;
}

static int run_each(const char *list, int argc, char **argv)
{
    char name[4096], *command[64] = {NULL};
    int worst = 0, count = 0;
    FILE *file = fopen(list, "r");
    if (!file || argc > 62)
        return BROKEN;
    memcpy(command, argv, (size_t)argc * sizeof *argv);
    command[argc] = name;
    for (; fgets(name, sizeof name, file); count++) {
        name[strcspn(name, "\n")] = '\0';
        int status = run(command, name);
        worst = status >= BROKEN && status <= EXCEEDED && status > worst ? status : worst;
    }
    fclose(file);
    return count > 0 ? worst : BROKEN;
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "--each") == 0)
        return run_each(argv[2], argc - 3, argv + 3);
    return argc > 1 ? run(argv + 1, "") : BROKEN;
}
