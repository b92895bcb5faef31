/* SPDX-License-Identifier: MIT */
/* Access control lists and user attributes: on Linux both are extended attributes. */
#include "io/access.h"

#if defined(__linux__)

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "base/memory.h"

/* The most that Linux allows for one attribute, and for all their names. */
#define ATTRIBUTE_MAX ((size_t)65536)

static const char list_name[] = "system.posix_acl_access";

/* What NFS 4 has in its place, for each file. */
static const char nfs4_name[] = "system.nfs4_acl";

/* Whether the file, or its file system, has no such attribute. */
static bool has_none(ssize_t result)
{
    return result < 0 && (errno == ENODATA || errno == ENOTSUP || errno == ENOSYS);
}

static bool copy_attribute(int from, int to, const char *name, char *value)
{
    ssize_t size = fgetxattr(from, name, value, ATTRIBUTE_MAX);
    return size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) == 0;
}

static bool remove_list(int fd)
{
    return fremovexattr(fd, list_name) == 0 || has_none(-1);
}

static bool copy_one(int from, int to, const char *name)
{
    char *value = SFPM_NEW_N(char, ATTRIBUTE_MAX);
    bool ok = value && copy_attribute(from, to, name, value);
    free(value);
    return ok;
}

bool sfpm_access_copy_list(int from, int to, bool same_group)
{
    bool ok = has_none(fgetxattr(from, nfs4_name, NULL, 0)) ||
              (same_group && copy_one(from, to, nfs4_name));
    if (has_none(fgetxattr(from, list_name, NULL, 0)))
        return remove_list(to) && ok;
    ok = same_group && copy_one(from, to, list_name) && ok;
    if (!ok)
        remove_list(to);
    return ok;
}

/* names: as the system lists them, each with its terminator */
static bool copy_all(int from, int to, const char *names, size_t size, char *value)
{
    bool ok = true;
    for (const char *name = names; name < names + size; name += strlen(name) + 1)
        if (strncmp(name, "user.", 5) == 0)
            ok = copy_attribute(from, to, name, value) && ok;
    return ok;
}

bool sfpm_access_copy_attributes(int from, int to)
{
    ssize_t size = flistxattr(from, NULL, 0);
    if (size == 0 || has_none(size))
        return true;
    char *buffer = SFPM_NEW_N(char, 2 * ATTRIBUTE_MAX);
    if (!buffer)
        return false;
    size = flistxattr(from, buffer, ATTRIBUTE_MAX);
    bool ok =
        size >= 0 && copy_all(from, to, buffer, (size_t)size, buffer + ATTRIBUTE_MAX);
    free(buffer);
    return ok;
}

#else

bool sfpm_access_copy_list(int from, int to, bool same_group)
{
    (void)from, (void)to, (void)same_group;
    return true;
}

bool sfpm_access_copy_attributes(int from, int to)
{
    (void)from, (void)to;
    return true;
}

#endif
