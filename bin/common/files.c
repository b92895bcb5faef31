/* SPDX-License-Identifier: MIT */
/*
 * Remembers which files were opened for reading and compares each output with them
 * before it is opened: writing over an input would destroy what is still being read.
 */
#include "common/files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"

/* Two chains of 16 images each, and the other files. */
enum { FILES_MAX = 48, LINKS_MAX = 40 };

/* Which file it is. One that does not exist yet is known by its directory and name. */
typedef struct identity {
    dev_t device;
    ino_t inode;
    char missing[NAME_MAX + 1]; /* "": it exists */
} identity_t;

static struct {
    const char *what;
    identity_t identity;
} files[FILES_MAX];
static size_t count;

static bool describe(const struct stat *info, identity_t *identity)
{
    *identity = (identity_t){.device = info->st_dev, .inode = info->st_ino};
    return S_ISREG(info->st_mode);
}

/* Puts what a symbolic link says in place of its path. */
static bool follow(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size <= 0)
        return false;
    char *slash = strrchr(path, '/');
    char *to = slash && target[0] != '/' ? slash + 1 : path;
    if ((size_t)(to - path) + (size_t)size >= PATH_MAX)
        return false;
    memcpy(to, target, (size_t)size);
    to[size] = '\0';
    return true;
}

/* Splits off the name: what is left is the directory. */
static bool describe_missing(char path[PATH_MAX], identity_t *identity)
{
    struct stat directory;
    for (int links = 0; links < LINKS_MAX && follow(path); links++)
        continue;
    char *slash = strrchr(path, '/');
    const char *leaf = slash ? slash + 1 : path;
    if (*leaf == '\0' || strlen(leaf) > NAME_MAX)
        return false;
    *identity = (identity_t){.inode = 0};
    strcpy(identity->missing, leaf);
    if (slash)
        slash[1] = '\0';
    if (stat(slash ? path : ".", &directory) != 0)
        return false;
    identity->device = directory.st_dev;
    identity->inode = directory.st_ino;
    return true;
}

/* False for files that cannot be overwritten: pipes, devices, files in no directory. */
static bool identify(const char *path, identity_t *identity)
{
    struct stat info;
    char copy[PATH_MAX];
    if (stat(path, &info) == 0)
        return describe(&info, identity);
    if (errno != ENOENT || strlen(path) >= sizeof copy)
        return false;
    strcpy(copy, path);
    return describe_missing(copy, identity);
}

static bool identify_fd(int fd, identity_t *identity)
{
    struct stat info;
    return fstat(fd, &info) == 0 && describe(&info, identity);
}

static bool same(const identity_t *a, const identity_t *b)
{
    return a->device == b->device && a->inode == b->inode &&
           strcmp(a->missing, b->missing) == 0;
}

static void note(const char *what, const identity_t *identity)
{
    if (count == FILES_MAX)
        return;
    files[count].what = what;
    files[count++].identity = *identity;
}

void files_read(const char *what, const char *path)
{
    identity_t identity;
    if (identify(path, &identity))
        note(what, &identity);
}

void files_read_fd(const char *what, int fd)
{
    identity_t identity;
    if (identify_fd(fd, &identity))
        note(what, &identity);
}

void files_read_bases(const sfpm_image_t *image)
{
    while ((image = sfpm_image_info(image)->base) != NULL)
        files_read("a base image of the image that is read",
                   sfpm_image_info(image)->name);
}

static const char *find(const identity_t *identity)
{
    for (size_t i = 0; i < count; i++)
        if (same(&files[i].identity, identity))
            return files[i].what;
    return NULL;
}

bool files_write(const char *option, const char *path, const char *remedy, int *status)
{
    identity_t identity;
    if (path ? !identify(path, &identity) : !identify_fd(STDOUT_FILENO, &identity))
        return true;
    const char *what = find(&identity);
    if (!what)
        note(option, &identity);
    else if (!path)
        *status = tool_usage("standard output is %s: %s", what, remedy);
    else
        *status = tool_usage("%s: '%s' is %s: %s", option, path, what, remedy);
    return what == NULL;
}

bool files_print_beside(const char *path, int *status)
{
    identity_t output, read;
    if (!identify_fd(STDOUT_FILENO, &output) || !identify(path, &read) ||
        !same(&output, &read))
        return true;
    *status = tool_usage("standard output is the image that is read: print to another "
                         "file");
    return false;
}

bool files_print(int *status)
{
    identity_t identity;
    const char *what = identify_fd(STDOUT_FILENO, &identity) ? find(&identity) : NULL;
    if (what)
        *status = tool_usage("standard output is %s: print to another file", what);
    return what == NULL;
}
