/* SPDX-License-Identifier: MIT */
/* What other programs do with 1 GiB, for rows to be compared with. */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static bool is_installed(const char *program)
{
    char command[64];
    snprintf(command, sizeof command, "command -v %s", program);
    const char *const arguments[] = {"sh", "-c", command, NULL};
    return bench_run(arguments) >= 0;
}

/* ---- Files ---- */

double bench_fread(intptr_t size)
{
    const char *path = bench_big_image();
    FILE *file = path ? fopen(path, "rbe") : NULL;
    void *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double began = bench_now();
    bool ok = file && memory != MAP_FAILED &&
              fread(memory, 1, (size_t)size, file) == (size_t)size;
    double took = bench_now() - began;
    if (memory != MAP_FAILED)
        munmap(memory, (size_t)size);
    if (file)
        fclose(file);
    return ok ? took : bench_fail("fread");
}

double bench_cp(intptr_t unused)
{
    const char *path = bench_big_image();
    const char *copy = bench_path("copy.img");
    const char *const arguments[] = {"cp", path, copy, NULL};
    (void)unused;
    unlink(copy);
    double took = path ? bench_run(arguments) : -1;
    unlink(copy);
    return took;
}

/* ---- sbcl: an image of 1 GiB, of which one page in a hundred is read ---- */

static const char *make_core(void)
{
    static bool made;
    static char program[4096];
    const char *core = bench_path("sbcl.core");
    if (made)
        return core;
    snprintf(program, sizeof program,
             "(progn (defvar *x* (make-array %zu :element-type '(unsigned-byte 8) "
             ":initial-element 1)) (save-lisp-and-die \"%s\" :toplevel (lambda () "
             "(let ((sum 0) (page 1)) (declare (fixnum sum page)) (dotimes (i 2621) "
             "(setf page (mod (+ (* page 1103515245) 12345) 262144)) (incf sum (aref "
             "(the (simple-array (unsigned-byte 8) (*)) *x*) (* page 4096)))) "
             "(exit :code (if (= sum 2621) 0 1) :abort t)))))",
             BENCH_GIB, core);
    const char *const arguments[] = {"sbcl",
                                     "--dynamic-space-size",
                                     "4GB",
                                     "--noinform",
                                     "--non-interactive",
                                     "--no-sysinit",
                                     "--no-userinit",
                                     "--eval",
                                     program,
                                     NULL};
    made = bench_run(arguments) >= 0 && access(core, R_OK) == 0;
    return made ? core : NULL;
}

double bench_sbcl(intptr_t unused)
{
    (void)unused;
    if (!is_installed("sbcl"))
        return bench_absent("sbcl");
    const char *core = make_core();
    const char *const arguments[] = {"sbcl", "--dynamic-space-size", "4GB", "--core",
                                     core,   "--noinform",           NULL};
    return core ? bench_run(arguments) : bench_fail("sbcl saved no core");
}

/* ---- redis-server: what BGSAVE stops it for ---- */

static pid_t start_redis(const char *socket)
{
    char *const arguments[] = {"redis-server", "--port", "0", "--unixsocket",
                               (char *)socket, "--save", "",  "--enable-debug-command",
                               "yes",          NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -1 : child;
}

/* Sends a command; the number behind `key` in the answer, 0 without one, or -1. */
static double tell_redis(const char *socket, const char *command, const char *key)
{
    char line[4400];
    double value = *key ? -1 : 0;
    snprintf(line, sizeof line, "redis-cli -s '%s' %s 2>/dev/null", socket, command);
    FILE *answer = popen(line, "r");
    while (answer && fgets(line, sizeof line, answer))
        if (*key && !strncmp(line, key, strlen(key)))
            value = strtod(line + strlen(key), NULL);
    return answer && pclose(answer) == 0 ? value : -1;
}

double bench_redis(intptr_t unused)
{
    const char *socket = bench_path("redis.socket");
    (void)unused;
    if (!is_installed("redis-server") || !is_installed("redis-cli"))
        return bench_absent("redis-server");
    pid_t server = start_redis(socket);
    if (server < 0)
        return bench_fail("redis-server does not start");
    for (int i = 0; i < 100 && tell_redis(socket, "ping", "") < 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    double took = -1;
    if (tell_redis(socket, "debug populate 1048576 key 1000", "") >= 0 &&
        tell_redis(socket, "bgsave", "") >= 0)
        took = tell_redis(socket, "info stats", "latest_fork_usec:");
    tell_redis(socket, "shutdown nosave", "");
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    return took > 0 ? took : bench_fail("redis-server has not saved");
}
