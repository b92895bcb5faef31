/* SPDX-License-Identifier: MIT */
/*
 * Creates and locks temporary files, and removes those whose writers are dead: a lock
 * ends with the process that holds it.
 */
#include "io/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "io/lock.h"
#include "io/place.h"

/* Names with a low number are known, so that dead files can be found without a look at
 * the whole directory. If so many writers are at work, or somebody occupies the names, any
 * others will do. */
enum { KNOWN_NAMES = 8, NAME_ATTEMPTS = 100 };

/* Names only have to differ: O_EXCL ensures that no existing file is used. A long leaf is
 * shortened, since NAME_MAX holds for the temporary name too. */
static void make_name(const char *leaf, unsigned attempt, char name[SFPM_TEMPORARY_MAX])
{
    struct timespec now = {0};
    uint64_t number = attempt;
    if (attempt >= KNOWN_NAMES) {
        clock_gettime(CLOCK_REALTIME, &now);
        number += ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) * 1000;
        number = (number ^ (uint64_t)getpid() << 40) * 0x9e3779b97f4a7c15U;
    }
    snprintf(name, SFPM_TEMPORARY_MAX, ".%.120s.sfpm-%llu", leaf,
             (unsigned long long)number);
}

static bool is_at(int directory, const char *name, const struct stat *file)
{
    struct stat now;
    return fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           sfpm_same_file(file, &now);
}

/* Whether the file of that name, open as fd, is one that this user wrote and that nobody
 * writes any more; then it is locked. A file that also has its final name is complete,
 * whoever has locked that. */
static bool is_dead(int directory, const char *name, const char *leaf, int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
           (sfpm_lock_whole(fd) == 0 || is_at(directory, leaf, &info)) &&
           is_at(directory, name, &info);
}

/* What cannot be removed stays: it is in nobody's way. */
static void remove_if_dead(int directory, const char *name, const char *leaf)
{
    int fd;
    if (sfpm_file_open(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, &fd) != 0)
        return;
    if (is_dead(directory, name, leaf, fd))
        (void)unlinkat(directory, name, 0);
    sfpm_file_close(fd);
}

/* Locks a file that was just created. Another writer may have taken it for a dead one
 * before: then it is, or will be, removed. Where there are no locks, nobody removes it. */
static bool claim(int fd)
{
    struct stat info;
    return sfpm_lock_whole(fd) != EWOULDBLOCK &&
           (fstat(fd, &info) != 0 || info.st_nlink > 0);
}

int sfpm_temporary_create(int directory, const char *leaf, mode_t mode,
                          char name[SFPM_TEMPORARY_MAX], int *fd)
{
    int error = EEXIST;
    for (unsigned i = 0; i < KNOWN_NAMES; i++) {
        make_name(leaf, i, name);
        remove_if_dead(directory, name, leaf);
    }
    for (unsigned i = 0; error == EEXIST && i < NAME_ATTEMPTS; i++) {
        make_name(leaf, i, name);
        error = sfpm_file_create(directory, name, mode, fd);
        if (error || claim(*fd))
            continue;
        /* Whoever took it removes it; by now the name may be that of another file. */
        sfpm_file_close(*fd);
        error = EEXIST;
    }
    return error;
}
