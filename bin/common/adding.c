/* SPDX-License-Identifier: MIT */
/* Reads directories in the order of names, so that the same files give the same image. */
#include "common/adding.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"

enum { MAX_DEPTH = 100, PATH_SIZE = 4096, PIECE = 1 << 16 };

static bool fail_host(const char *host, int error)
{
    tool_fail(host, "cannot be read: %s", strerror(error));
    return false;
}

static uint64_t time_of(const struct stat *facts)
{
    return facts->st_mtime < 0 ? 0
                               : (uint64_t)facts->st_mtime * UINT64_C(1000000000);
}

static bool add_contents(sfpm_memfs_t *memfs, int fd, const char *host, const char *guest)
{
    static uint8_t bytes[PIECE];
    uint64_t at = 0;
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        if (!sfpm_memfs_write(memfs, guest, at, bytes, (size_t)got)) {
            tool_fail_last(host);
            return false;
        }
        at += (uint64_t)got;
    }
    return got == 0 || fail_host(host, errno);
}

static bool add(sfpm_memfs_t *memfs, const char *host, const char *guest,
                sfpm_memfs_type_t type, const struct stat *facts, const char *target)
{
    const sfpm_memfs_info_t info = {
        .path = guest, .type = type, .modified = time_of(facts), .target = target};
    if (sfpm_memfs_add(memfs, &info))
        return true;
    tool_fail_last(host);
    return false;
}

static bool add_link(sfpm_memfs_t *memfs, const char *host, const char *guest,
                     const struct stat *facts)
{
    char target[PATH_SIZE];
    ssize_t length = readlink(host, target, sizeof target - 1);
    if (length < 0)
        return fail_host(host, errno);
    target[length] = '\0';
    return add(memfs, host, guest, SFPM_MEMFS_LINK, facts, target);
}

static bool add_any(sfpm_memfs_t *memfs, const char *host, const char *guest, int depth);

static int is_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int compare(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static bool add_entry(sfpm_memfs_t *memfs, const char *host, const char *guest,
                      const char *name, int depth)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    int length = snprintf(from, sizeof from, "%s/%s", host, name);
    int other = snprintf(to, sizeof to, "%s/%s", guest, name);
    if (length >= PATH_SIZE || other >= PATH_SIZE)
        return fail_host(host, ENAMETOOLONG);
    return add_any(memfs, from, to, depth + 1);
}

static bool add_directory(sfpm_memfs_t *memfs, const char *host, const char *guest,
                          int depth)
{
    struct dirent **names;
    int count = scandir(host, &names, is_name, compare);
    bool ok = true;
    if (count < 0)
        return fail_host(host, errno);
    for (int i = 0; i < count; i++) {
        ok = ok && add_entry(memfs, host, guest, names[i]->d_name, depth);
        free(names[i]);
    }
    free(names);
    return ok;
}

/* What was named may be a link; below it, links stay links. */
static bool add_any(sfpm_memfs_t *memfs, const char *host, const char *guest, int depth)
{
    struct stat facts;
    int found = depth == 0 ? stat(host, &facts) : lstat(host, &facts);
    if (found != 0 || depth > MAX_DEPTH)
        return fail_host(host, found != 0 ? errno : ENAMETOOLONG);
    if (S_ISLNK(facts.st_mode))
        return add_link(memfs, host, guest, &facts);
    if (S_ISDIR(facts.st_mode))
        return add(memfs, host, guest, SFPM_MEMFS_DIRECTORY, &facts, NULL) &&
               add_directory(memfs, host, guest, depth);
    if (!S_ISREG(facts.st_mode)) {
        tool_fail(host, "is neither a file nor a directory: it cannot be in an image");
        return false;
    }
    int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_host(host, errno);
    bool ok = add(memfs, host, guest, SFPM_MEMFS_FILE, &facts, NULL) &&
              add_contents(memfs, fd, host, guest);
    close(fd);
    return ok;
}

bool adding_copy(sfpm_memfs_t *memfs, const char *text)
{
    char *host = strdup(text);
    if (!host) {
        tool_fail(NULL, "out of memory");
        return false;
    }
    char *guest = strstr(host, "::");
    if (guest) {
        *guest = '\0';
        guest += 2;
    }
    bool ok = add_any(memfs, host, guest ? guest : host, 0);
    free(host);
    return ok;
}
