/* SPDX-License-Identifier: MIT */
/* What an image records of open files of the host, and whether a file is still that. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sfpm/resource.h>

#include "wasi/host_directory.h"
#include "wasi/wasi.h"

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Opens the path once more, to read what the program may not; a directory and a file that
 * cannot be read are only looked for. Returns -1 for those. */
static sfpm_wasi_errno_t open_again(sfpm_filesystem_t *files, const char *path,
                                    const struct stat *status, int *fd)
{
    sfpm_host_directory_t *host = (sfpm_host_directory_t *)files;
    struct stat found;
    sfpm_wasi_errno_t error = sfpm_beneath_open((int)files->root, path, true, O_RDONLY, 0,
                                                &host->by_hand, fd);
    if (error == WASI_EACCES)
        return sfpm_host_is_at(files, path, status) ? WASI_SUCCESS : WASI_ESTALE;
    if (error != WASI_SUCCESS)
        return WASI_ESTALE;
    if (fstat(*fd, &found) == 0 && is_same(&found, status))
        return WASI_SUCCESS;
    close(*fd);
    *fd = -1;
    return WASI_ESTALE;
}

sfpm_wasi_errno_t sfpm_host_identify(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                                     const char *path, sfpm_facts_t *facts)
{
    struct stat status;
    int fd = -1;
    *facts = (sfpm_facts_t){.kind = SFPM_FACTS_FILE};
    if (fstat((int)handle, &status) != 0)
        return sfpm_wasi_errno(errno);
    sfpm_wasi_errno_t error = open_again(files, path, &status, &fd);
    if (error == WASI_SUCCESS && S_ISREG(status.st_mode))
        sfpm_facts_of_file(facts, fd >= 0 ? fd : (int)handle, &status, NULL);
    if (fd >= 0)
        close(fd);
    return error;
}

bool sfpm_host_confirm(sfpm_filesystem_t *files, sfpm_wasi_handle_t handle,
                       const char *path, const sfpm_facts_t *facts, bool grown, char *why,
                       size_t room)
{
    struct stat status;
    int fd = -1;
    uint32_t identity = SFPM_SAME_FILE | SFPM_SAME_TIME;
    snprintf(why, room, "it cannot be examined");
    if (fstat((int)handle, &status) != 0 ||
        open_again(files, path, &status, &fd) != WASI_SUCCESS)
        return false;
    if (grown)
        identity = SFPM_SAME_FILE | SFPM_SAME_CONTENT;
    bool same = sfpm_facts_match(facts, identity, fd >= 0 ? fd : (int)handle, &status,
                                 NULL, why, room);
    if (fd >= 0)
        close(fd);
    return same;
}
