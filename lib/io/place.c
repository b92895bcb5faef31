/* SPDX-License-Identifier: MIT */
/*
 * Opens the directory of a path and follows its symbolic links once, so that links which
 * change later do not redirect a write.
 */
#include "io/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "io/file.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif
#define LINKS_MAX 40 /* as many as Linux follows */

void sfpm_place_close(sfpm_place_t *place)
{
    if (place->directory >= 0)
        sfpm_file_close(place->directory);
    free(place->leaf);
    *place = SFPM_NO_PLACE;
}

/* Goes from the place's directory (or the current one) to that of `path`, which
 * is cut in two at its last slash. */
static int enter(sfpm_place_t *place, char *path, const char **leaf)
{
    char *slash = strrchr(path, '/');
    int from = place->directory >= 0 ? place->directory : AT_FDCWD;
    int next;
    *leaf = slash ? slash + 1 : path;
    if (**leaf == '\0')
        return *path ? EISDIR : ENOENT;
    const char *parent = slash ? path : ".";
    if (slash == path)
        parent = "/";
    if (slash)
        *slash = '\0';
    int error = sfpm_file_open(from, parent, O_RDONLY | O_DIRECTORY, &next);
    if (error)
        return error;
    if (place->directory >= 0)
        sfpm_file_close(place->directory);
    place->directory = next;
    return 0;
}

/* In a directory where everybody may put links, such as /tmp, only those of its owner and
 * our own are followed. Linux has the same rule for the links it follows. */
static bool trusted(const sfpm_place_t *place, const struct stat *link)
{
    struct stat directory;
    if (fstat(place->directory, &directory) != 0)
        return false;
    return (directory.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
           link->st_uid == geteuid() || link->st_uid == directory.st_uid;
}

/* The text of the link at `leaf`; empty when that is no link, or nothing. */
static int read_link(const sfpm_place_t *place, const char *leaf, char text[PATH_MAX])
{
    struct stat info;
    text[0] = '\0';
    if (fstatat(place->directory, leaf, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISLNK(info.st_mode))
        return 0;
    if (!trusted(place, &info))
        return EACCES;
    ssize_t length = readlinkat(place->directory, leaf, text, PATH_MAX - 1);
    if (length < 0)
        return errno;
    text[length] = '\0';
    return length < PATH_MAX - 1 ? 0 : ENAMETOOLONG;
}

bool sfpm_place_open(sfpm_place_t *place, const char *path)
{
    char here[PATH_MAX], next[PATH_MAX];
    const char *leaf = NULL;
    int error = strlen(path) < sizeof here ? 0 : ENAMETOOLONG;
    *place = SFPM_NO_PLACE;
    if (!error)
        strcpy(here, path);
    for (int links = 0; !error; links++) {
        error = links <= LINKS_MAX ? enter(place, here, &leaf) : ELOOP;
        if (!error)
            error = read_link(place, leaf, next);
        if (error || !*next)
            break;
        strcpy(here, next);
    }
    if (!error && (place->leaf = sfpm_copy_string(leaf)))
        return true;
    sfpm_place_close(place);
    return error ? sfpm_fail_errno(error, "%s", path) : false;
}

int sfpm_place_look(const sfpm_place_t *place, struct stat *info)
{
    return fstatat(place->directory, place->leaf, info, AT_SYMLINK_NOFOLLOW) == 0 ? 0
                                                                                  : errno;
}

bool sfpm_same_file(const struct stat *a, const struct stat *b)
{
    if ((S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode)) ||
        (S_ISCHR(a->st_mode) && S_ISCHR(b->st_mode)))
        return a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool sfpm_leads_to(const char *path, const struct stat *file)
{
    struct stat found;
    return stat(path, &found) == 0 && sfpm_same_file(&found, file);
}
