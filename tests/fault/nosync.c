/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded, for controls: syncs that do nothing. SFPM_NO_SYNC says which: `all`,
 * those of `files`, or those of `directories`.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int fsync(int fd);
EXPORTED int fdatasync(int fd);

static bool left_out(int fd)
{
    const char *which = getenv("SFPM_NO_SYNC");
    struct stat info;
    if (!which || fstat(fd, &info) != 0)
        return false;
    return strcmp(which, "all") == 0 ||
           strcmp(which, S_ISDIR(info.st_mode) ? "directories" : "files") == 0;
}

int fsync(int fd)
{
    return left_out(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return left_out(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

#ifdef __linux__
EXPORTED int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags);

/* It only begins what a sync completes. */
int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags)
{
    (void)fd, (void)from, (void)size, (void)flags;
    return 0;
}
#endif
