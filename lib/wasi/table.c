/* SPDX-License-Identifier: MIT */
/* The table of a program's open descriptors. */
#include <stdlib.h>

#include "base/error.h"
#include "wasi/wasi.h"

sfpm_wasi_errno_t sfpm_wasi_find(const sfpm_wasi_call_t *call, unsigned index,
                                 uint64_t rights, sfpm_wasi_descriptor_t **found)
{
    const sfpm_wasi_t *wasi = call->wasi;
    uint32_t number = sfpm_wasi_u32(call, index);
    if (number >= wasi->num_descriptors)
        return WASI_EBADF;
    sfpm_wasi_descriptor_t *descriptor = &wasi->descriptors[number];
    if (descriptor->kind == SFPM_WASI_CLOSED || descriptor->kind == SFPM_WASI_LOST)
        return WASI_EBADF;
    if ((descriptor->rights & rights) != rights)
        return WASI_ENOTCAPABLE;
    *found = descriptor;
    return WASI_SUCCESS;
}

bool sfpm_wasi_reserve(sfpm_wasi_t *wasi, uint32_t count)
{
    uint32_t has = wasi->num_descriptors;
    if (count > SFPM_WASI_MAX_DESCRIPTORS - has)
        return sfpm_fail(SFPM_ERR_LIMIT, "a program can have %d files open at most",
                         SFPM_WASI_MAX_DESCRIPTORS);
    sfpm_wasi_descriptor_t *longer =
        realloc(wasi->descriptors, ((size_t)has + count) * sizeof *longer);
    if (!longer)
        return sfpm_fail_memory(sizeof *longer);
    wasi->descriptors = longer;
    return true;
}

sfpm_wasi_errno_t sfpm_wasi_put(sfpm_wasi_t *wasi, const sfpm_wasi_descriptor_t *open,
                                uint32_t *number)
{
    for (*number = 0; *number < wasi->num_descriptors; ++*number)
        if (wasi->descriptors[*number].kind == SFPM_WASI_CLOSED)
            break;
    if (*number >= SFPM_WASI_MAX_DESCRIPTORS)
        return WASI_EMFILE;
    if (*number == wasi->num_descriptors) {
        if (!sfpm_wasi_reserve(wasi, 1))
            return WASI_ENOMEM;
        wasi->num_descriptors++;
    }
    wasi->descriptors[*number] = *open;
    return WASI_SUCCESS;
}

sfpm_filesystem_t *sfpm_wasi_files(const sfpm_wasi_t *wasi,
                                   const sfpm_wasi_descriptor_t *descriptor)
{
    return wasi->mounts[descriptor->source].files;
}

/* The root of a mount stays open as long as that. */
void sfpm_wasi_close(sfpm_wasi_t *wasi, sfpm_wasi_descriptor_t *descriptor)
{
    if (descriptor->kind == SFPM_WASI_FILE || descriptor->kind == SFPM_WASI_DIRECTORY) {
        sfpm_filesystem_t *files = sfpm_wasi_files(wasi, descriptor);
        if (files && descriptor->handle >= 0 && descriptor->handle != files->root)
            files->operations->close(files, descriptor->handle);
    }
    free(descriptor->path);
    sfpm_buffer_free(&descriptor->listing);
    *descriptor = (sfpm_wasi_descriptor_t){.kind = SFPM_WASI_CLOSED, .handle = -1};
}

sfpm_wasi_errno_t sfpm_wasi_fd_close(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint32_t number = sfpm_wasi_u32(call, 0);
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &descriptor);
    if (error == WASI_EBADF && number < call->wasi->num_descriptors &&
        call->wasi->descriptors[number].kind == SFPM_WASI_LOST)
        sfpm_wasi_close(call->wasi, &call->wasi->descriptors[number]);
    else if (error == WASI_SUCCESS)
        sfpm_wasi_close(call->wasi, descriptor);
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_fd_renumber(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *from, *to;
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &from);
    if (error == WASI_SUCCESS)
        error = sfpm_wasi_find(call, 1, 0, &to);
    if (error != WASI_SUCCESS || from == to)
        return error;
    sfpm_wasi_close(call->wasi, to);
    *to = *from;
    *from = (sfpm_wasi_descriptor_t){.kind = SFPM_WASI_CLOSED, .handle = -1};
    return WASI_SUCCESS;
}
