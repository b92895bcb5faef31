/* SPDX-License-Identifier: MIT */
/*
 * What a call gets from its program: parameters, buffers and paths, whose addresses are
 * checked against the memory before anything is done.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "wasi/wasi.h"

uint32_t sfpm_wasi_u32(const sfpm_wasi_call_t *call, unsigned index)
{
    return (uint32_t)call->in[index].i32;
}

uint64_t sfpm_wasi_u64(const sfpm_wasi_call_t *call, unsigned index)
{
    return (uint64_t)call->in[index].i64;
}

void *sfpm_wasi_room(const sfpm_wasi_call_t *call, unsigned index, uint64_t size)
{
    return sfpm_vm_memory(call->vm, sfpm_wasi_u32(call, index), size);
}

sfpm_wasi_errno_t sfpm_wasi_path(const sfpm_wasi_call_t *call, unsigned index,
                                 char **path)
{
    uint32_t size = sfpm_wasi_u32(call, index + 1);
    const char *text = sfpm_wasi_room(call, index, size);
    *path = NULL;
    if (!text)
        return WASI_EFAULT;
    if (size == 0)
        return WASI_ENOENT;
    if (size > SFPM_WASI_MAX_PATH)
        return WASI_ENAMETOOLONG;
    if (memchr(text, '\0', size))
        return WASI_EINVAL;
    *path = SFPM_NEW_N(char, (size_t)size + 1);
    if (!*path)
        return WASI_ENOMEM;
    memcpy(*path, text, size);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_buffers(const sfpm_wasi_call_t *call, unsigned index,
                                    sfpm_wasi_buffers_t *buffers)
{
    uint32_t count = sfpm_wasi_u32(call, index + 1), size;
    *buffers = (sfpm_wasi_buffers_t){.call = call, .count = count};
    buffers->list = sfpm_wasi_room(call, index, 8 * (uint64_t)count);
    if (!buffers->list)
        return WASI_EFAULT;
    for (uint32_t i = 0; i < count; i++)
        if (!sfpm_wasi_buffer(buffers, i, &size))
            return WASI_EFAULT;
    return WASI_SUCCESS;
}

uint8_t *sfpm_wasi_buffer(const sfpm_wasi_buffers_t *buffers, uint32_t index,
                          uint32_t *size)
{
    const uint8_t *entry = buffers->list + 8 * (size_t)index;
    *size = sfpm_get_u32(entry + 4);
    return sfpm_vm_memory(buffers->call->vm, sfpm_get_u32(entry), *size);
}

sfpm_wasi_errno_t sfpm_wasi_errno(int error)
{
    static const struct {
        int error;
        sfpm_wasi_errno_t number;
    } numbers[] = {{EACCES, WASI_EACCES},
                   {EAGAIN, WASI_EAGAIN},
                   {EBADF, WASI_EBADF},
                   {EBUSY, WASI_EBUSY},
                   {EDQUOT, WASI_EDQUOT},
                   {EEXIST, WASI_EEXIST},
                   {EFAULT, WASI_EFAULT},
                   {EFBIG, WASI_EFBIG},
                   {EILSEQ, WASI_EILSEQ},
                   {EINTR, WASI_EINTR},
                   {EINVAL, WASI_EINVAL},
                   {EIO, WASI_EIO},
                   {EISDIR, WASI_EISDIR},
                   {ELOOP, WASI_ELOOP},
                   {EMFILE, WASI_EMFILE},
                   {EMLINK, WASI_EMLINK},
                   {ENAMETOOLONG, WASI_ENAMETOOLONG},
                   {ENFILE, WASI_ENFILE},
                   {ENODEV, WASI_ENODEV},
                   {ENOENT, WASI_ENOENT},
                   {ENOMEM, WASI_ENOMEM},
                   {ENOSPC, WASI_ENOSPC},
                   {ENOSYS, WASI_ENOSYS},
                   {ENOTDIR, WASI_ENOTDIR},
                   {ENOTEMPTY, WASI_ENOTEMPTY},
                   {ENOTSUP, WASI_ENOTSUP},
                   {ENXIO, WASI_ENXIO},
                   {EOVERFLOW, WASI_EOVERFLOW},
                   {EPERM, WASI_EPERM},
                   {EROFS, WASI_EROFS},
                   {ESPIPE, WASI_ESPIPE},
                   {ESTALE, WASI_ESTALE},
                   {ETXTBSY, WASI_ETXTBSY},
                   {EXDEV, WASI_EXDEV}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].error == error)
            return numbers[i].number;
    return error == 0 ? WASI_SUCCESS : WASI_EIO;
}
