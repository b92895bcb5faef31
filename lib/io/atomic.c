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
#include "io/lock.h"

/* What the group may do is cut down to what all may when the group differs. */
static mode_t without_group(mode_t mode)
{
    return mode & ~(mode_t)(~(mode << 3) & 0070);
}

/* Gives the new file owner, group and mode of the one that it replaces. */
static bool take_after(const sfpm_atomic_t *file, const char *path,
                       const sfpm_output_options_t *options)
{
    struct stat new;
    mode_t mode = file->old.st_mode & 0777;
    if (fstat(file->fd, &new) != 0)
        return sfpm_fail_errno(errno, "%s", path);
    if (new.st_gid != file->old.st_gid &&
        fchown(file->fd, (uid_t)-1, file->old.st_gid) != 0) {
        mode = without_group(mode);
        sfpm_output_warn(options, path, "its group cannot be kept");
    }
    if (new.st_uid != file->old.st_uid &&
        fchown(file->fd, file->old.st_uid, (gid_t)-1) != 0)
        sfpm_output_warn(options, path, "its owner cannot be kept: it becomes yours");
    if (fchmod(file->fd, mode) != 0)
        return sfpm_fail_errno(errno, "%s: cannot set the mode of its new version", path);
    return true;
}

/* A file that replaces another is closed to all others until it has that one's
 * owner; any other has its final mode from the start, so that the system applies
 * the umask (which cannot be asked for without changing it) and default ACLs. */
static bool open_temporary(sfpm_atomic_t *file, const char *path, bool replaces,
                           const sfpm_output_options_t *options)
{
    mode_t mode = options && options->mode ? options->mode : 0666;
    int error = sfpm_file_temporary(file->place.directory, file->place.leaf,
                                    replaces ? 0600 : mode, file->temporary, &file->fd);
    if (error) {
        file->temporary[0] = '\0';
        return sfpm_fail_errno(error, "%s: cannot create a temporary file beside it",
                               path);
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

/* Somebody who does not know of our lock may have put another file there. One
 * that was removed is no loss: the new file then simply appears. */
static bool place_is_as_it_was(const sfpm_atomic_t *file, const char *path)
{
    struct stat now;
    int error = sfpm_place_look(&file->place, &now);
    if (error == ENOENT)
        return true;
    if (error)
        return sfpm_fail_errno(error, "%s", path);
    if (file->old_fd >= 0 && sfpm_same_file(&file->old, &now))
        return true;
    return sfpm_fail(SFPM_ERR_CHANGED,
                     "%s: another process put a file there meanwhile, which was kept",
                     path);
}

bool sfpm_atomic_commit(sfpm_atomic_t *file, const char *path)
{
    int directory = file->place.directory;
    int error = sfpm_file_sync(file->fd, true);
    int close_error = sfpm_file_close(file->fd);
    file->fd = -1;
    if (error || close_error)
        return sfpm_fail_errno(error ? error : close_error, "%s: cannot write", path);
    if (!place_is_as_it_was(file, path))
        return false;
    if (renameat(directory, file->temporary, directory, file->place.leaf) != 0)
        return sfpm_fail_errno(errno, "%s: cannot give the new file its name", path);
    file->temporary[0] = '\0';
    error = sfpm_file_sync_directory(directory);
    return error == 0 ||
           sfpm_fail_errno(error,
                           "%s: was written, but may not survive a power cut: its "
                           "directory cannot be synced",
                           path);
}

void sfpm_atomic_end(sfpm_atomic_t *file)
{
    if (file->fd >= 0)
        sfpm_file_close(file->fd);
    if (file->temporary[0])
        unlinkat(file->place.directory, file->temporary, 0);
    /* The lock goes last: until here the place is ours. */
    if (file->old_fd >= 0)
        sfpm_file_close(file->old_fd);
    sfpm_place_close(&file->place);
    *file = SFPM_NO_ATOMIC;
}
