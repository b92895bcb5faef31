/* SPDX-License-Identifier: MIT */
/*
 * Walks along a path one name after the other. Directories on the way stay open, so that
 * `..` goes back to where the walk came from, not to where that was moved.
 */
#include "wasi/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if SFPM_LINUX_PATHS
#include <sys/syscall.h>
#endif

#include "base/memory.h"
#include "wasi/rest.h"
#include "wasi/wasi.h"

#ifndef O_PATH
#define O_PATH 0
#endif

enum { MAX_DEPTH = 1024 };

/* What is left of a path, and the directories that it went through. */
typedef struct walk {
    int root;
    int stack[MAX_DEPTH]; /* below the root */
    size_t depth;
    sfpm_wasi_rest_t rest;
    bool creates; /* what the path leads to */
} walk_t;

static int here(const walk_t *walk)
{
    return walk->depth > 0 ? walk->stack[walk->depth - 1] : walk->root;
}

static void close_walk(walk_t *walk)
{
    while (walk->depth > 0)
        close(walk->stack[--walk->depth]);
    free(walk->rest.text);
}

/* ---- Links -------------------------------------------------------------------------- */

bool sfpm_beneath_stays(const char *target, size_t length, size_t depth)
{
    if (length > 0 && *target == '/')
        return false;
    for (size_t i = 0, size; i < length; i += size + 1) {
        const char *end = memchr(target + i, '/', length - i);
        size = end ? (size_t)(end - (target + i)) : length - i;
        /* A name may itself be a link to here: it leads no deeper. */
        if (size == 2 && memcmp(target + i, "..", 2) == 0 && depth-- == 0)
            return false;
    }
    return true;
}

/* Puts the target of a link in the place of its name. */
static sfpm_wasi_errno_t expand(walk_t *walk, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(here(walk), name, target, sizeof target);
    if (length < 0)
        return errno == EINVAL ? WASI_ENOTDIR : sfpm_wasi_errno(errno);
    if (length == 0)
        return WASI_ENOENT;
    if (length == (ssize_t)sizeof target)
        return WASI_ENAMETOOLONG;
    return sfpm_rest_expand(&walk->rest, target, (size_t)length);
}

/* ---- Steps -------------------------------------------------------------------------- */

static sfpm_wasi_errno_t step_back(walk_t *walk)
{
    if (walk->depth == 0)
        return WASI_ENOTCAPABLE;
    close(walk->stack[--walk->depth]);
    return WASI_SUCCESS;
}

/* Goes into a directory, or along a link. */
static sfpm_wasi_errno_t step_into(walk_t *walk, const char *name)
{
    if (walk->depth == MAX_DEPTH)
        return WASI_ENAMETOOLONG;
    int fd = openat(here(walk), name,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOTDIR || errno == ELOOP || errno == EMLINK
                   ? expand(walk, name)
                   : sfpm_wasi_errno(errno);
    walk->stack[walk->depth++] = fd;
    return WASI_SUCCESS;
}

static bool is_link(int directory, const char *name)
{
    char target[1];
    return readlinkat(directory, name, target, sizeof target) >= 0;
}

/* Walks to the directory of the last name, which `name` receives: "." when that is the
 * directory itself. A link with a slash behind it is followed, but not to create what it
 * leads to: that is refused whatever it is. */
static sfpm_wasi_errno_t go(walk_t *walk, bool follow, char name[NAME_MAX + 1],
                            bool *slash)
{
    sfpm_wasi_errno_t error = WASI_SUCCESS;
    bool ended = false; /* a directory was meant, whatever else follows */
    while (error == WASI_SUCCESS) {
        size_t length = sfpm_rest_next(&walk->rest, name, NAME_MAX, slash);
        if (length > NAME_MAX)
            return WASI_ENAMETOOLONG;
        *slash = *slash || ended;
        if (length == 0) {
            strcpy(name, ".");
            return WASI_SUCCESS;
        }
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            error = step_back(walk);
            continue;
        }
        if (sfpm_rest_is_last(&walk->rest)) {
            bool through = *slash ? !walk->creates : follow;
            if (!through || !is_link(here(walk), name))
                return WASI_SUCCESS;
            ended = *slash;
            error = expand(walk, name);
            continue;
        }
        error = step_into(walk, name);
    }
    return error;
}

static sfpm_wasi_errno_t find(int root, const char *path, bool follow, bool creates,
                              sfpm_beneath_t *place)
{
    walk_t walk = {.root = root, .creates = creates};
    char name[NAME_MAX + 1];
    *place = (sfpm_beneath_t){.directory = -1};
    sfpm_wasi_errno_t error = sfpm_rest_begin(&walk.rest, path);
    if (error == WASI_SUCCESS)
        error = go(&walk, follow, name, &place->slash);
    if (error == WASI_SUCCESS && !(place->name = sfpm_copy_string(name)))
        error = WASI_ENOMEM;
    if (error == WASI_SUCCESS) {
        place->depth = walk.depth;
        place->directory = here(&walk);
        place->owned = walk.depth > 0;
        if (place->owned)
            walk.depth--; /* that one stays open */
    }
    close_walk(&walk);
    return error;
}

sfpm_wasi_errno_t sfpm_beneath_find(int root, const char *path, bool follow,
                                    sfpm_beneath_t *place)
{
    return find(root, path, follow, false, place);
}

void sfpm_beneath_free(sfpm_beneath_t *place)
{
    if (place->owned)
        close(place->directory);
    free(place->name);
    *place = (sfpm_beneath_t){.directory = -1};
}

/* ---- Opening ------------------------------------------------------------------------- */

static sfpm_wasi_errno_t open_by_hand(int root, const char *path, bool follow, int flags,
                                      mode_t mode, int *fd)
{
    sfpm_beneath_t place;
    bool creates = flags & O_CREAT;
    bool through = follow && !(creates && (flags & O_EXCL)); /* a link is there already */
    sfpm_wasi_errno_t error = find(root, path, through, creates, &place);
    if (error == WASI_SUCCESS) {
        if (place.slash && creates)
            error = WASI_EISDIR;
        else
            *fd = openat(place.directory, place.name,
                         flags | O_NOFOLLOW | (place.slash ? O_DIRECTORY : 0), mode);
    }
    if (error == WASI_SUCCESS && *fd < 0)
        error = errno == EMLINK ? WASI_ELOOP : sfpm_wasi_errno(errno);
    sfpm_beneath_free(&place);
    return error;
}

#if SFPM_LINUX_PATHS && defined(SYS_openat2)
/* As <linux/openat2.h>, which older systems lack, has it. */
typedef struct open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
} open_how_t;

enum { NO_MAGICLINKS = 0x02, BENEATH = 0x08 };

/* Whether the kernel has answered; if not, the walk is made by hand. */
static bool open_in_kernel(int root, const char *path, bool follow, int flags,
                           mode_t mode, bool *by_hand, int *fd, sfpm_wasi_errno_t *error)
{
    open_how_t how = {.flags = (uint64_t)(unsigned)flags,
                      .mode = flags & O_CREAT ? mode : 0,
                      .resolve = NO_MAGICLINKS | BENEATH};
    if (!follow)
        how.flags |= O_NOFOLLOW;
    *fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    *error = WASI_SUCCESS;
    if (*fd >= 0)
        return true;
    if (errno == ENOSYS || errno == EPERM || errno == E2BIG)
        *by_hand = true; /* EPERM: what a filter of system calls says */
    if (*by_hand || errno == EAGAIN) /* somebody renames */
        return false;
    *error = errno == EXDEV ? WASI_ENOTCAPABLE : sfpm_wasi_errno(errno);
    return true;
}
#else
static bool open_in_kernel(int root, const char *path, bool follow, int flags,
                           mode_t mode, bool *by_hand, int *fd, sfpm_wasi_errno_t *error)
{
    (void)root, (void)path, (void)follow, (void)flags, (void)mode, (void)fd, (void)error;
    *by_hand = true;
    return false;
}
#endif

sfpm_wasi_errno_t sfpm_beneath_open(int root, const char *path, bool follow, int flags,
                                    mode_t mode, bool *by_hand, int *fd)
{
    sfpm_wasi_errno_t error;
    *fd = -1;
    if (*path == '/')
        return WASI_ENOTCAPABLE;
    flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if (!*by_hand &&
        open_in_kernel(root, path, follow, flags, mode, by_hand, fd, &error))
        return error;
    return open_by_hand(root, path, follow, flags, mode, fd);
}
