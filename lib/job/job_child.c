/* SPDX-License-Identifier: MIT */
/*
 * A child process is a copy of memory at one moment, made by the kernel as pages change.
 * It fills memory that it shares with its parent, from a list made before, and ends:
 * between fork and end it calls nothing that is not async-signal-safe, so other threads
 * may have held any lock. On Linux its end raises no SIGCHLD, and a program that waits
 * for all its children does not see it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "job/job.h"

#if SFPM_LINUX_PATHS && (defined(__x86_64__) || defined(__aarch64__))
#include <sys/syscall.h>
#define QUIET_FORK() ((pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, 0UL))
#define WAIT_FLAGS   __WALL
#else
#define QUIET_FORK() fork()
#define WAIT_FLAGS   0
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

uint8_t *sfpm_shadow_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    sfpm_fail_memory(size);
    return NULL;
}

void sfpm_shadow_free(uint8_t *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

static void copy_all(const sfpm_stretch_t *stretches, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memcpy(stretches[i].to, stretches[i].from, stretches[i].size);
}

bool sfpm_child_start(sfpm_child_t *child, const sfpm_stretch_t *stretches, size_t count)
{
    int ends[2];
    if (pipe(ends) != 0)
        return sfpm_fail_errno(errno, "cannot create a pipe to the copying process");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    child->pid = QUIET_FORK();
    if (child->pid == 0) {
        copy_all(stretches, count);
        _exit(0);
    }
    int error = errno;
    close(ends[1]);
    child->pipe = ends[0];
    if (child->pid > 0)
        return true;
    close(ends[0]);
    return sfpm_fail_errno(error, "cannot fork a process to copy the memory");
}

/* Until the child's end of the pipe is closed. */
static void wait_for_end(const sfpm_child_t *child, sfpm_job_t *job)
{
    enum { LOOK_MS = 20 };
    struct pollfd end = {.fd = child->pipe, .events = POLLIN};
    while (poll(&end, 1, LOOK_MS) == 0)
        if (atomic_load(&job->cancelled))
            kill(child->pid, SIGKILL);
}

static bool tell_end(pid_t got, int status)
{
    /* If SIGCHLD is ignored the status is lost; the program may also have taken the
     * answer. */
    if (got < 0)
        return sfpm_fail(SFPM_ERR_SYSTEM, "cannot tell how the copying process ended: "
                                          "the program must not wait() for it");
    if (WIFSIGNALED(status))
        return sfpm_fail(SFPM_ERR_SYSTEM, "the copying process was killed by signal %d",
                         WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ||
           sfpm_fail(SFPM_ERR_SYSTEM, "the copying process failed");
}

bool sfpm_child_wait(sfpm_job_t *job)
{
    int status = 0;
    pid_t got;
    if (job->child.pid <= 0)
        return true;
    wait_for_end(&job->child, job);
    close(job->child.pipe);
    do
        got = waitpid(job->child.pid, &status, WAIT_FLAGS);
    while (got < 0 && errno == EINTR);
    job->child.pid = 0;
    return sfpm_job_goes_on(job) && tell_end(got, status);
}
