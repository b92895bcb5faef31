/* SPDX-License-Identifier: MIT */
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
    if (slash)
        *slash = '\0';
    const char *parent = !slash ? "." : slash == path ? "/" : path;
    int error = sfpm_file_open(from, parent, O_RDONLY | O_DIRECTORY, &next);
    if (error)
        return error;
    if (place->directory >= 0)
        sfpm_file_close(place->directory);
    place->directory = next;
    return 0;
}

bool sfpm_place_open(sfpm_place_t *place, const char *path)
{
    char here[PATH_MAX], link[PATH_MAX];
    const char *leaf = NULL;
    int error = strlen(path) < sizeof here ? 0 : ENAMETOOLONG;
    *place = SFPM_NO_PLACE;
    if (!error)
        strcpy(here, path);
    for (int links = 0; !error; links++) {
        error = enter(place, here, &leaf);
        if (error)
            break;
        ssize_t length = readlinkat(place->directory, leaf, link, sizeof link);
        if (length < 0)
            break; /* not a link: arrived */
        if (links == LINKS_MAX || (size_t)length == sizeof link) {
            error = links == LINKS_MAX ? ELOOP : ENAMETOOLONG;
            break;
        }
        memcpy(here, link, (size_t)length);
        here[length] = '\0';
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
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
