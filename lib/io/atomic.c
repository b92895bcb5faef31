/* SPDX-License-Identifier: MIT */
/*
 * Creates or replaces a file in one step: a temporary file in the same directory takes
 * over owner and mode, is synced, and is renamed. A crash leaves the old file or the new
 * one.
 */
#include "io/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "io/access.h"
#include "io/file.h"
#include "io/lock.h"

/* Gives group and others only the rights that both had: members of the group that cannot
 * be kept are now among the others, and some of the others are now in the group. */
static mode_t without_group(mode_t mode)
{
    mode_t common = mode >> 3 & mode & 07;
    return (mode & 0700) | common << 3 | common;
}

/* Some file systems and users cannot change modes. That is not a failure unless it gives
 * someone rights that the old file did not give. */
static bool set_mode(const sfpm_atomic_t *file, mode_t mode, const char *path,
                     const sfpm_output_options_t *options)
{
    struct stat new;
    if (fstat(file->fd, &new) != 0)
        return sfpm_fail_errno(errno, "%s", path);
    mode_t now = new.st_mode & 0777;
    if (now == mode || fchmod(file->fd, mode) == 0)
        return true;
    if (now & ~mode)
        return sfpm_fail_errno(errno, "%s: cannot set the mode of its new version", path);
    sfpm_output_warn(options,
                     "cannot keep its mode: the new one grants fewer rights");
    return true;
}

/* Gives the new file, which is still empty, the access rights of the file that it
 * replaces. The owner is set last: only owners may set the rest. */
static bool take_after(const sfpm_atomic_t *file, const char *path,
                       const sfpm_output_options_t *options)
{
    struct stat new;
    const struct stat *old = &file->old;
    mode_t mode = old->st_mode & 0777;
    if (fstat(file->fd, &new) != 0)
        return sfpm_fail_errno(errno, "%s", path);
    bool same_group =
        new.st_gid == old->st_gid || fchown(file->fd, (uid_t)-1, old->st_gid) == 0;
    if (!same_group) {
        mode = without_group(mode);
        sfpm_output_warn(options, "cannot keep its group");
    }
    if (!sfpm_access_copy_attributes(file->old_fd, file->fd))
        sfpm_output_warn(options, "cannot keep its extended attributes");
    if (!sfpm_access_copy_list(file->old_fd, file->fd, same_group)) {
        mode &= 0700;
        sfpm_output_warn(
            options,
            "cannot keep its access control list: only its owner has access now");
    }
    if (!set_mode(file, mode, path, options))
        return false;
    if (new.st_uid != old->st_uid && fchown(file->fd, old->st_uid, (gid_t)-1) != 0)
        sfpm_output_warn(options, "cannot keep its owner: it now belongs to you");
    return true;
}

/* A file that replaces another is closed to all others until it has that one's
 * rights, whatever its directory's default list says; any other has its final mode from the start, so that the system applies
 * the umask (which cannot be asked for without changing it) and default ACLs. */
static bool open_temporary(sfpm_atomic_t *file, const char *path, bool replaces,
                           const sfpm_output_options_t *options)
{
    mode_t mode = options && options->mode ? options->mode : 0666;
    int error = sfpm_temporary_create(file->place.directory, file->place.leaf,
                                      replaces ? 0600 : mode, file->temporary, &file->fd);
    if (error) {
        file->temporary[0] = '\0';
        return sfpm_fail_errno(error, "%s: cannot create a temporary file beside it",
                               path);
    }
    if (options && options->temporary) {
        file->tell = options->temporary;
        file->context = options->temporary_context;
        file->tell(file->context, file->place.directory, file->temporary);
    }
    return !replaces || take_after(file, path, options);
}

bool sfpm_atomic_begin(sfpm_atomic_t *file, const char *path, bool replaces,
                       const sfpm_output_options_t *options)
{
    *file = SFPM_NO_ATOMIC;
    if (sfpm_place_open(&file->place, path) &&
        (!replaces || sfpm_lock_open(&file->place, O_WRONLY, path, options, &file->old_fd,
                                     &file->old)) &&
        open_temporary(file, path, replaces, options))
        return true;
    sfpm_atomic_end(file);
    return false;
}

/* The temporary name is gone. */
static void forget_temporary(sfpm_atomic_t *file)
{
    file->temporary[0] = '\0';
    if (file->tell)
        file->tell(file->context, -1, NULL);
}

static bool fail_changed(const char *path)
{
    return sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: was created by another process meanwhile, and was not replaced",
                     path);
}

/* Whether the file to be replaced is still there: *there. A process that ignores our lock
 * may have replaced it, or removed it, which is harmless. */
static bool look(const sfpm_atomic_t *file, const char *path, bool *there)
{
    struct stat now;
    *there = false;
    int error = file->old_fd >= 0 ? sfpm_place_look(&file->place, &now) : ENOENT;
    if (error == ENOENT)
        return true;
    if (error)
        return sfpm_fail_errno(error, "%s", path);
    *there = sfpm_same_file(&file->old, &now);
    return *there || fail_changed(path);
}

/* If there was no file to be replaced, none is: a file created since then is kept. */
static bool give_name(sfpm_atomic_t *file, const char *path)
{
    int directory = file->place.directory;
    const char *leaf = file->place.leaf;
    bool there;
    int error = 0;
    if (!look(file, path, &there))
        return false;
    if (!there)
        error = sfpm_file_name_new(directory, file->temporary, leaf);
    else if (renameat(directory, file->temporary, directory, leaf) != 0)
        error = errno;
    if (error == EEXIST && !there)
        return fail_changed(path);
    if (error)
        return sfpm_fail_errno(error, "%s: cannot rename the temporary file", path);
    forget_temporary(file);
    return true;
}

bool sfpm_atomic_commit(sfpm_atomic_t *file, const char *path)
{
    int error = sfpm_file_sync(file->fd, true);
    /* Without the lock, another writer would remove the file before it is renamed. */
    file->lock_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    int close_error = sfpm_file_close(file->fd);
    file->fd = -1;
    if (error || close_error)
        return sfpm_fail_errno(error ? error : close_error, "%s: cannot write", path);
    if (!give_name(file, path))
        return false;
    error = sfpm_file_sync_directory(file->place.directory);
    return error == 0 || sfpm_fail_errno(error,
                                         "%s: was written, but may not survive a power "
                                         "failure: cannot sync its directory",
                                         path);
}

void sfpm_atomic_end(sfpm_atomic_t *file)
{
    if (file->fd >= 0)
        sfpm_file_close(file->fd);
    if (file->temporary[0]) {
        unlinkat(file->place.directory, file->temporary, 0);
        forget_temporary(file);
    }
    if (file->lock_fd >= 0)
        sfpm_file_close(file->lock_fd);
    /* The lock goes last: until here the place is ours. */
    if (file->old_fd >= 0)
        sfpm_file_close(file->old_fd);
    sfpm_place_close(&file->place);
    *file = SFPM_NO_ATOMIC;
}
