/* SPDX-License-Identifier: MIT */
/*
 * A child process is a copy of memory at one moment, made by the kernel as pages change.
 * It fills memory that it shares with its parent, from a list made before, and ends:
 * between fork and end it calls nothing that is not async-signal-safe, so other threads
 * may have held any lock. On Linux its end raises no SIGCHLD, and a program that waits
 * for all its children does not see it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/maps.h"
#include "job/job.h"

#if SFPM_LINUX_PATHS && (defined(__x86_64__) || defined(__aarch64__))
#include <sys/syscall.h>
#define QUIET_FORK() ((pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, 0UL))
#define WAIT_FLAGS   __WALL
#else
#define QUIET_FORK() fork()
#define WAIT_FLAGS   0
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

/* No descriptor tells the end: another thread could fork while it is open, and that child
 * would keep it open for as long as it lives. */
bool sfpm_child_start(sfpm_child_t *child, const sfpm_stretch_t *stretches, size_t count)
{
    pthread_mutex_lock(&child->lock);
    child->pid = QUIET_FORK();
    if (child->pid == 0) {
        copy_all(stretches, count);
        _exit(0);
    }
    int error = errno;
    pthread_mutex_unlock(&child->lock);
    return child->pid > 0 ||
           sfpm_fail_errno(error, "cannot fork a process to copy the memory");
}

void sfpm_child_kill(sfpm_child_t *child)
{
    pthread_mutex_lock(&child->lock);
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
    pthread_mutex_unlock(&child->lock);
}

/* Waits for the end, then takes the answer: until then nobody else has the number. */
static pid_t collect(sfpm_child_t *child, int *status)
{
    siginfo_t unused;
    pid_t got;
    while (waitid(P_PID, (id_t)child->pid, &unused, WEXITED | WNOWAIT | WAIT_FLAGS) != 0 &&
           errno == EINTR)
        continue;
    pthread_mutex_lock(&child->lock);
    do
        got = waitpid(child->pid, status, WAIT_FLAGS);
    while (got < 0 && errno == EINTR);
    child->pid = 0;
    pthread_mutex_unlock(&child->lock);
    return got;
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
    if (job->child.pid <= 0)
        return true;
    if (!sfpm_job_goes_on(job)) /* it was cancelled before there was a child */
        sfpm_child_kill(&job->child);
    pid_t got = collect(&job->child, &status);
    return sfpm_job_goes_on(job) && tell_end(got, status);
}
