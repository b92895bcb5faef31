/* SPDX-License-Identifier: MIT */
/*
 * Opening files again when a snapshot is restored. Staging opens and checks them while
 * memory is the old one, and changes nothing; publishing cannot fail except for
 * truncating and seeking in what is open already.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "files/file_record.h"
#include "snapshot/hooks.h"
#include "files/files.h"

/* ---- Staging --------------------------------------------------------------- */

/* A missing file must not look like a missing image, which is no failure to many. */
static bool fail_open(const char *path)
{
    sfpm_error_state_t cause;
    sfpm_fail_errno(errno, "cannot open %s", path);
    sfpm_error_save(&cause);
    if (cause.status == SFPM_ERR_NOT_FOUND)
        cause.status = SFPM_ERR_MISMATCH;
    sfpm_error_restore(&cause);
    return false;
}

static const char *mode_of(int flags)
{
    bool append = flags & O_APPEND;
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return "r";
    case O_WRONLY:
        return append ? "a" : "w"; /* fdopen() does not truncate */
    default:
        return append ? "a+" : "r+";
    }
}

/* Not blocking, so that no pipe in the file's place can make it wait. */
static int open_file(const char *path, int flags)
{
    int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    int set = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (fd >= 0 && (set < 0 || fcntl(fd, F_SETFL, set & ~O_NONBLOCK) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Where to go in it, and whether to cut it. A file that is too short is taken as it is,
 * where that is allowed, and not made longer. */
static bool check_file(const sfpm_snapshot_t *snapshot, sfpm_open_file_t *file,
                       const sfpm_facts_t *facts, int fd, const char *path)
{
    const sfpm_resource_t *resource = &file->given;
    char why[128] = "it is not a regular file";
    struct stat status;
    if (fstat(fd, &status) != 0)
        return sfpm_fail_errno(errno, "%s", path);
    bool regular = S_ISREG(status.st_mode);
    bool ignored = resource->check == SFPM_CHECK_IGNORE;
    bool same = regular && (ignored || sfpm_facts_match(facts, resource->identity, fd,
                                                        &status, path, why, sizeof why));
    if (!same && (!regular || resource->check == SFPM_CHECK_STRICT))
        return sfpm_fail(SFPM_ERR_MISMATCH,
                         "%s is not the same file as when the image was saved: %s", path,
                         why);
    if (!same)
        sfpm_snapshot_log(
            snapshot, SFPM_LOG_WARNING,
            "Resource '%s': %s is not the same file as when the image was saved: %s",
            resource->name, path, why);
    uint64_t size = (uint64_t)status.st_size;
    file->staged.offset = facts->offset;
    if (size < facts->size && facts->offset > size)
        file->staged.offset = size;
    file->staged.cut = resource->cut && same;
    file->staged.size = facts->size;
    return true;
}

static bool make_stream(sfpm_open_file_t *file)
{
    if (!file->given.stream)
        return true;
    file->staged.stream = fdopen(file->staged.fd, mode_of(file->given.flags));
    return file->staged.stream || sfpm_fail_errno(errno, "cannot create a stream");
}

/* The path to open, a copy; the one in the image counts only if the program says so. */
static char *choose_path(const sfpm_snapshot_t *snapshot, const sfpm_resource_t *resource,
                         const char *recorded)
{
    sfpm_error_state_t before;
    if (!resource->locate)
        return sfpm_copy_string(resource->path);
    sfpm_callbacks_enter(snapshot->callbacks, &before);
    const char *chosen = resource->locate(resource->context, resource->name, recorded);
    char *path = chosen ? sfpm_copy_string(chosen) : NULL;
    sfpm_callbacks_leave(snapshot->callbacks, &before, path != NULL,
                         chosen ? SFPM_ERR_MEMORY : SFPM_ERR_REFUSED);
    return path;
}

static bool stage_reopened(const sfpm_snapshot_t *snapshot, sfpm_open_file_t *file,
                           const sfpm_facts_t *facts)
{
    sfpm_staged_t *staged = &file->staged;
    staged->path = choose_path(snapshot, &file->given, facts->path);
    if (!staged->path)
        return false;
    staged->action = SFPM_STAGED_OPENED;
    staged->fd = open_file(staged->path, file->given.flags);
    if (staged->fd < 0)
        return fail_open(staged->path);
    return check_file(snapshot, file, facts, staged->fd, staged->path) &&
           make_stream(file);
}

static bool stage_inherited(const sfpm_snapshot_t *snapshot, sfpm_open_file_t *file,
                            const sfpm_facts_t *facts)
{
    const char *path = file->given.path ? file->given.path : "the open file";
    if (file->staged.old_fd < 0)
        return sfpm_fail(
            SFPM_ERR_MISMATCH,
            "it was open when the image was saved: open it before restoring");
    file->staged.action = SFPM_STAGED_MOVE;
    return check_file(snapshot, file, facts, file->staged.old_fd, path);
}

static bool stage_known(const sfpm_snapshot_t *snapshot, sfpm_open_file_t *file,
                        const sfpm_facts_t *facts)
{
    sfpm_resource_policy_t policy = file->given.policy;
    bool was_open = facts->kind != SFPM_FACTS_CLOSED;
    bool reopened = policy == SFPM_RESOURCE_REOPEN;
    if (policy == SFPM_RESOURCE_CLOSE || (reopened && !was_open))
        file->staged.action = SFPM_STAGED_SHUT;
    else if (policy == SFPM_RESOURCE_FAIL && was_open)
        return sfpm_fail(SFPM_ERR_MISMATCH, "it was open when the image was saved");
    else if (reopened && facts->kind == SFPM_FACTS_OTHER)
        return sfpm_fail(SFPM_ERR_MISMATCH, "it was not a regular file when the image "
                                            "was saved, and cannot be reopened");
    else if (reopened)
        return stage_reopened(snapshot, file, facts);
    else if (policy == SFPM_RESOURCE_INHERIT && facts->kind == SFPM_FACTS_FILE)
        return stage_inherited(snapshot, file, facts);
    return true;
}

static bool stage(const sfpm_snapshot_t *snapshot, sfpm_open_file_t *file,
                  const sfpm_image_t *image)
{
    const sfpm_resource_t *resource = &file->given;
    const char *recorded = sfpm_resource_recorded(resource, image);
    sfpm_facts_t facts;
    file->staged =
        (sfpm_staged_t){.action = SFPM_STAGED_STAY,
                        .fd = -1,
                        .old_fd = sfpm_resource_descriptor(resource),
                        .old_stream = resource->stream ? *resource->stream : NULL};
    if (!recorded)
        sfpm_snapshot_log(snapshot, SFPM_LOG_WARNING,
                          "Resource '%s' is not in the image: left as it is",
                          resource->name);
    return !recorded ||
           (sfpm_facts_decode(&facts, recorded) && stage_known(snapshot, file, &facts)) ||
           sfpm_fail_prefix("%s: not restored: resource '%s'",
                            sfpm_image_info(image)->name, resource->name);
}

static void close_staged(sfpm_open_file_t *file)
{
    if (file->staged.stream)
        fclose(file->staged.stream);
    else if (file->staged.fd >= 0)
        close(file->staged.fd);
    free(file->staged.path);
    file->staged = (sfpm_staged_t){.fd = -1, .old_fd = -1};
}

void sfpm_resources_abandon(const sfpm_snapshot_t *snapshot)
{
    for (size_t i = 0; i < snapshot->callbacks->num_files; i++)
        close_staged(&snapshot->callbacks->files[i]);
}

bool sfpm_resources_stage(const sfpm_snapshot_t *snapshot, const sfpm_image_t *image)
{
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    for (size_t i = 0; i < callbacks->num_files; i++) {
        if (stage(snapshot, &callbacks->files[i], image))
            continue;
        for (i++; i-- > 0;)
            close_staged(&callbacks->files[i]);
        return false;
    }
    return true;
}

/* ---- Publishing ------------------------------------------------------------ */

/* The streams that every process has stay open. */
static void close_old(const sfpm_staged_t *staged)
{
    if (staged->old_fd <= STDERR_FILENO || staged->old_fd == staged->fd)
        return;
    if (staged->old_stream)
        fclose(staged->old_stream);
    else
        close(staged->old_fd);
}

static void set_variable(const sfpm_resource_t *resource, int fd, FILE *stream)
{
    if (resource->stream)
        *resource->stream = stream;
    else
        *resource->descriptor = fd;
}

/* What the stream still holds is written now, and cut like the rest. */
static bool cut(const sfpm_staged_t *staged, int fd, FILE *stream)
{
    struct stat status;
    return (!stream || fflush(stream) == 0) && fstat(fd, &status) == 0 &&
           ((uint64_t)status.st_size <= staged->size ||
            ftruncate(fd, (off_t)staged->size) == 0);
}

static bool move(const sfpm_staged_t *staged, int fd, FILE *stream)
{
    off_t offset = (off_t)staged->offset;
    if (staged->cut && !cut(staged, fd, stream))
        return sfpm_fail_errno(errno, "cannot truncate to %llu bytes",
                               (unsigned long long)staged->size);
    if (stream ? fseeko(stream, offset, SEEK_SET) != 0 : lseek(fd, offset, SEEK_SET) < 0)
        return sfpm_fail_errno(errno, "cannot seek to offset %llu",
                               (unsigned long long)staged->offset);
    return true;
}

static bool publish(sfpm_open_file_t *file)
{
    sfpm_resource_t *resource = &file->given;
    sfpm_staged_t staged = file->staged;
    file->staged = (sfpm_staged_t){.fd = -1, .old_fd = -1};
    switch (staged.action) {
    case SFPM_STAGED_SHUT:
        close_old(&staged);
        set_variable(resource, -1, NULL);
        return true;
    case SFPM_STAGED_OPENED:
        /* First, since what the old stream still holds is written now. */
        close_old(&staged);
        set_variable(resource, staged.fd, staged.stream);
        free((char *)resource->path);
        resource->path = staged.path;
        return move(&staged, staged.fd, staged.stream);
    case SFPM_STAGED_MOVE:
        set_variable(resource, staged.old_fd, staged.old_stream);
        return move(&staged, staged.old_fd, staged.old_stream);
    default:
        set_variable(resource, staged.old_fd, staged.old_stream);
        return true;
    }
}

bool sfpm_resources_publish(const sfpm_snapshot_t *snapshot)
{
    sfpm_callbacks_t *callbacks = snapshot->callbacks;
    sfpm_error_state_t cause;
    bool ok = true;
    for (size_t i = 0; i < callbacks->num_files; i++) {
        if (publish(&callbacks->files[i]) || !ok)
            continue;
        sfpm_fail_prefix("resource '%s'", callbacks->files[i].given.name);
        sfpm_error_save(&cause);
        ok = false;
    }
    if (ok)
        return true;
    cause.status = SFPM_ERR_UNFINISHED;
    sfpm_error_restore(&cause);
    return false;
}
