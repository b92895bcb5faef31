/* SPDX-License-Identifier: MIT */
/*
 * Locks an image for one writer, and names the process that holds the lock when it is
 * taken.
 */
#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

#include "base/error.h"
#include "io/file.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* The process in a line of /proc/locks, if that is about the file; else 0.
 * "1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF" */
static long holder_in_line(const char *line, const struct stat *info)
{
#if defined(__linux__)
    long pid;
    unsigned major_number, minor_number;
    unsigned long long inode;
    if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &pid, &major_number,
               &minor_number, &inode) == 4 &&
        inode == info->st_ino && major_number == major(info->st_dev) &&
        minor_number == minor(info->st_dev))
        return pid;
#else
    (void)line, (void)info;
#endif
    return 0;
}

/* Who holds the lock on a file; 0 or less if the system does not report it. */
static long find_holder(int fd)
{
    struct stat info;
    char line[256];
    long pid = 0;
    if (fstat(fd, &info) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return 0;
    while (pid == 0 && fgets(line, sizeof line, locks))
        pid = holder_in_line(line, &info);
    fclose(locks);
    return pid;
}

/* The name of a process in parentheses after a space, or nothing. A process
 * chooses its name itself: what a terminal might act on is replaced. */
static void describe(long pid, char text[64])
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(name, sizeof name, file)) {
        name[strcspn(name, "\n")] = '\0';
        for (char *p = name; *p; p++)
            if (*p < 0x20 || *p > 0x7e)
                *p = '?';
        snprintf(text, 64, " (%s)", name);
    }
    fclose(file);
}

static bool fail_locked(int fd, const char *path)
{
    char name[64];
    long pid = find_holder(fd);
    if (pid <= 0)
        return sfpm_fail(
            SFPM_ERR_LOCKED,
            "%s: is being written by another process: try again when it is done", path);
    if (pid == (long)getpid())
        return sfpm_fail(SFPM_ERR_LOCKED, "%s: is already being written by this process",
                         path);
    describe(pid, name);
    return sfpm_fail(SFPM_ERR_LOCKED,
                     "%s: is being written by process %ld%s: try again when it is done",
                     path, pid, name);
}

int sfpm_lock_whole(int fd)
{
#ifdef LOCK_EX
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result != 0 ? errno : 0;
#else
    (void)fd;
    return ENOLCK;
#endif
}

void sfpm_output_warn(const sfpm_output_options_t *options, const char *text)
{
    if (options && options->warn)
        options->warn(options->warn_context, text);
}

static bool lock(int fd, const char *path, const sfpm_output_options_t *options)
{
    switch (sfpm_lock_whole(fd)) {
    case 0:
        return true;
    case EWOULDBLOCK:
        return fail_locked(fd, path);
    default:
        sfpm_output_warn(
            options,
            "cannot be locked here: make sure that nobody else writes to it");
        return true;
    }
}

/* A copy of a descriptor has its lock, and leaves it when it is closed. */
static bool open_locked(const sfpm_place_t *place, int access, const char *path,
                        const sfpm_output_options_t *options, int *fd)
{
    if (options && options->held) {
        *fd = fcntl(*options->held, F_DUPFD_CLOEXEC, 0);
        return *fd >= 0 || sfpm_fail_errno(errno, "%s", path);
    }
    /* O_NONBLOCK: do not block if there is a FIFO now. */
    int error = sfpm_file_open(place->directory, place->leaf,
                               access | O_NOFOLLOW | O_NONBLOCK, fd);
    if (error)
        return sfpm_fail_errno(error, "%s: cannot open for writing", path);
    if (lock(*fd, path, options))
        return true;
    sfpm_file_close(*fd);
    *fd = -1;
    return false;
}

/* The name that an open file has now, if the system says so; else "". */
static void find_name(int fd, char name[PATH_MAX])
{
    char link[64];
    struct stat info, found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, name, PATH_MAX - 1);
    name[size > 0 ? size : 0] = '\0';
    if (fstat(fd, &info) != 0 || stat(name, &found) != 0 || !sfpm_same_file(&info, &found))
        name[0] = '\0';
}

/* how: what another process did to the path, unless the file has another name now */
static void fail_gone(const char *path, int fd, const char *how, const char *when)
{
    char name[PATH_MAX];
    find_name(fd, name);
    if (name[0])
        sfpm_fail(SFPM_ERR_CHANGED, "%s: was renamed to %s by another process%s", path,
                  name, when);
    else
        sfpm_fail(SFPM_ERR_CHANGED, "%s: was %s by another process%s", path, how, when);
}

bool sfpm_lock_open(const sfpm_place_t *place, int access, const char *path,
                    const sfpm_output_options_t *options, int *fd, struct stat *info)
{
    struct stat now;
    if (!open_locked(place, access, path, options, fd))
        return false;
    int error = fstat(*fd, info) != 0 ? errno : sfpm_place_look(place, &now);
    if (error && error != ENOENT) {
        sfpm_fail_errno(error, "%s", path);
        goto fail;
    }
    if (!error && S_ISREG(info->st_mode) && sfpm_same_file(info, &now))
        return true;
    fail_gone(path, *fd, error ? "removed" : "replaced",
              options && options->held ? " although it is locked"
                                       : " just now: try again");
fail:
    sfpm_file_close(*fd);
    *fd = -1;
    return false;
}
