/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing. A call transfers less than was asked for rather than fail after
 * something was transferred.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wasi/wasi.h"

/* Between two looks at whether the machine is to stop. */
enum { POLL_MS = 200 };

/* ---- Standard streams ---------------------------------------------------------------- */

/* Waits until there is input; false when the machine is to stop before. */
static bool wait_for_input(const sfpm_wasi_call_t *call, int fd)
{
    struct pollfd input = {.fd = fd, .events = POLLIN};
    while (!sfpm_wasi_is_interrupted(call)) {
        int ready = poll(&input, 1, POLL_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR && errno != EAGAIN))
            return true;
    }
    return false;
}

static sfpm_native_result_t read_input(const sfpm_wasi_call_t *call, void *bytes,
                                       size_t size, size_t *count)
{
    const sfpm_wasi_options_t *options = &call->wasi->options;
    ssize_t got;
    *count = 0;
    if (options->read)
        return options->read(options->context, bytes, size, count);
    if (options->input < 0)
        return SFPM_NATIVE_DONE;
    do {
        if (!wait_for_input(call, options->input))
            return SFPM_NATIVE_RETRY;
        got = read(options->input, bytes, size < INT32_MAX ? size : INT32_MAX);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK));
    if (got < 0)
        return SFPM_NATIVE_ERROR;
    *count = (size_t)got;
    return SFPM_NATIVE_DONE;
}

/* Reads into the first buffer that has room. */
static sfpm_wasi_errno_t read_stream(sfpm_wasi_call_t *call,
                                     const sfpm_wasi_buffers_t *buffers, uint8_t *total)
{
    size_t count = 0;
    for (uint32_t i = 0, size; i < buffers->count; i++) {
        uint8_t *bytes = sfpm_wasi_buffer(buffers, i, &size);
        if (size == 0)
            continue;
        call->result = read_input(call, bytes, size, &count);
        break;
    }
    if (call->result == SFPM_NATIVE_DONE)
        sfpm_put_u32(total, (uint32_t)count);
    return WASI_SUCCESS;
}

static bool write_output(const sfpm_wasi_t *wasi, uint32_t stream, const uint8_t *bytes,
                         size_t size)
{
    if (wasi->options.write)
        return wasi->options.write(wasi->options.context, (int)stream, bytes, size);
    while (size > 0) {
        ssize_t done = write((int)stream, bytes, size);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return true;
}

/* What was written before a failure counts; the next call meets that again. */
static sfpm_wasi_errno_t write_stream(sfpm_wasi_call_t *call, uint32_t stream,
                                      const sfpm_wasi_buffers_t *buffers, uint8_t *total)
{
    uint64_t count = 0;
    for (uint32_t i = 0, size; i < buffers->count; i++) {
        const uint8_t *bytes = sfpm_wasi_buffer(buffers, i, &size);
        if (count + size > UINT32_MAX)
            break;
        if (size > 0 && !write_output(call->wasi, stream, bytes, size)) {
            if (count == 0)
                call->result = SFPM_NATIVE_ERROR;
            break;
        }
        count += size;
    }
    if (call->result == SFPM_NATIVE_DONE)
        sfpm_put_u32(total, (uint32_t)count);
    return WASI_SUCCESS;
}

/* ---- Files --------------------------------------------------------------------------- */

/* One transfer of a call: from or to a buffer, at a place in the file. */
typedef struct transfer {
    sfpm_wasi_call_t *call;
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_buffers_t buffers;
    bool writes;
    bool appends;
    uint64_t at;
    uint64_t count; /* bytes so far */
} transfer_t;

static sfpm_wasi_errno_t move_some(transfer_t *transfer, uint8_t *bytes, size_t size,
                                   size_t *count)
{
    sfpm_filesystem_t *files =
        sfpm_wasi_files(transfer->call->wasi, transfer->descriptor);
    sfpm_wasi_handle_t handle = transfer->descriptor->handle;
    sfpm_wasi_errno_t error;
    if (!transfer->writes)
        return files->operations->read(files, handle, bytes, size, transfer->at, count);
    if (transfer->appends) {
        error = files->operations->append(files, handle, bytes, size, count,
                                          &transfer->at);
        if (error == WASI_SUCCESS)
            transfer->at -= *count;
        return error;
    }
    return files->operations->write(files, handle, bytes, size, transfer->at, count);
}

static sfpm_wasi_errno_t move_all(transfer_t *transfer)
{
    for (uint32_t i = 0, size; i < transfer->buffers.count; i++) {
        uint8_t *bytes = sfpm_wasi_buffer(&transfer->buffers, i, &size);
        size_t count = 0;
        sfpm_wasi_errno_t error = WASI_SUCCESS;
        if (transfer->count + size > UINT32_MAX)
            break;
        if (size > 0)
            error = move_some(transfer, bytes, size, &count);
        if (error != WASI_SUCCESS)
            return transfer->count > 0 ? WASI_SUCCESS : error;
        transfer->at += count;
        transfer->count += count;
        if (count < size)
            break;
    }
    return WASI_SUCCESS;
}

/* Whether a write at this place leaves all that the file has. */
static void note_write(const transfer_t *transfer)
{
    sfpm_wasi_descriptor_t *descriptor = transfer->descriptor;
    sfpm_filesystem_t *files = sfpm_wasi_files(transfer->call->wasi, descriptor);
    sfpm_wasi_stat_t stat;
    if (transfer->appends || descriptor->overwritten)
        return;
    if (files->operations->stat(files, descriptor->handle, &stat) != WASI_SUCCESS ||
        transfer->at < stat.size)
        descriptor->overwritten = true;
}

static bool is_too_far(uint64_t at)
{
    return at > INT64_MAX;
}

static sfpm_wasi_errno_t transfer_file(transfer_t *transfer, uint8_t *total)
{
    if (is_too_far(transfer->at))
        return transfer->writes ? WASI_EFBIG : WASI_EINVAL;
    if (transfer->writes)
        note_write(transfer);
    sfpm_wasi_errno_t error = move_all(transfer);
    if (error == WASI_SUCCESS)
        sfpm_put_u32(total, (uint32_t)transfer->count);
    return error;
}

/* Finds the descriptor of a transfer and checks addresses. `last` is the number of the
 * parameter for the result. */
static sfpm_wasi_errno_t begin(transfer_t *transfer, uint64_t rights, unsigned last,
                               uint8_t **total)
{
    sfpm_wasi_errno_t error =
        sfpm_wasi_find(transfer->call, 0, rights, &transfer->descriptor);
    if (error != WASI_SUCCESS)
        return error;
    *total = sfpm_wasi_room(transfer->call, last, 4);
    return *total ? sfpm_wasi_buffers(transfer->call, 1, &transfer->buffers)
                  : WASI_EFAULT;
}

sfpm_wasi_errno_t sfpm_wasi_fd_read(sfpm_wasi_call_t *call)
{
    uint8_t *total;
    transfer_t transfer = {.call = call};
    sfpm_wasi_errno_t error = begin(&transfer, WASI_FD_READ, 3, &total);
    if (error != WASI_SUCCESS)
        return error;
    if (transfer.descriptor->kind == SFPM_WASI_STREAM)
        return read_stream(call, &transfer.buffers, total);
    transfer.at = transfer.descriptor->position;
    error = transfer_file(&transfer, total);
    transfer.descriptor->position += transfer.count;
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_fd_write(sfpm_wasi_call_t *call)
{
    uint8_t *total;
    transfer_t transfer = {.call = call, .writes = true};
    sfpm_wasi_errno_t error = begin(&transfer, WASI_FD_WRITE, 3, &total);
    if (error != WASI_SUCCESS)
        return error;
    if (transfer.descriptor->kind == SFPM_WASI_STREAM)
        return write_stream(call, transfer.descriptor->source, &transfer.buffers, total);
    transfer.appends = (transfer.descriptor->flags & WASI_APPEND) != 0;
    transfer.at = transfer.descriptor->position;
    error = transfer_file(&transfer, total);
    if (transfer.count > 0)
        transfer.descriptor->position = transfer.at;
    return error;
}

/* Streams have no places. */
static sfpm_wasi_errno_t transfer_at(transfer_t *transfer, uint64_t right)
{
    uint8_t *total;
    sfpm_wasi_errno_t error = begin(transfer, right, 4, &total);
    if (error != WASI_SUCCESS)
        return error;
    if (transfer->descriptor->kind == SFPM_WASI_STREAM)
        return WASI_ESPIPE;
    if ((transfer->descriptor->rights & WASI_FD_SEEK) == 0)
        return WASI_ENOTCAPABLE;
    transfer->at = sfpm_wasi_u64(transfer->call, 3);
    return transfer_file(transfer, total);
}

sfpm_wasi_errno_t sfpm_wasi_fd_pread(sfpm_wasi_call_t *call)
{
    transfer_t transfer = {.call = call};
    return transfer_at(&transfer, WASI_FD_READ);
}

sfpm_wasi_errno_t sfpm_wasi_fd_pwrite(sfpm_wasi_call_t *call)
{
    transfer_t transfer = {.call = call, .writes = true};
    return transfer_at(&transfer, WASI_FD_WRITE);
}

/* ---- Positions ------------------------------------------------------------------------ */

enum { FROM_START, FROM_HERE, FROM_END };

/* wasi_unstable has another order. */
static uint32_t whence(const sfpm_wasi_call_t *call)
{
    static const uint8_t unstable[] = {FROM_HERE, FROM_END, FROM_START};
    uint32_t given = sfpm_wasi_u32(call, 2) & 0xFF;
    return call->unstable && given < sizeof unstable ? unstable[given] : given;
}

static sfpm_wasi_errno_t find_base(const sfpm_wasi_call_t *call,
                                   const sfpm_wasi_descriptor_t *descriptor,
                                   uint64_t *base)
{
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
    sfpm_wasi_stat_t stat = {.size = 0};
    sfpm_wasi_errno_t error = WASI_SUCCESS;
    switch (whence(call)) {
    case FROM_START:
        *base = 0;
        return WASI_SUCCESS;
    case FROM_HERE:
        *base = descriptor->position;
        return WASI_SUCCESS;
    case FROM_END:
        error = files->operations->stat(files, descriptor->handle, &stat);
        *base = stat.size;
        return error;
    default:
        return WASI_EINVAL;
    }
}

static sfpm_wasi_errno_t find_file(const sfpm_wasi_call_t *call, uint64_t rights,
                                   sfpm_wasi_descriptor_t **descriptor)
{
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, descriptor);
    if (error != WASI_SUCCESS)
        return error;
    if ((*descriptor)->kind == SFPM_WASI_STREAM)
        return WASI_ESPIPE;
    if ((*descriptor)->kind == SFPM_WASI_DIRECTORY)
        return WASI_EISDIR;
    return sfpm_wasi_find(call, 0, rights, descriptor);
}

sfpm_wasi_errno_t sfpm_wasi_fd_seek(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint64_t base, offset = sfpm_wasi_u64(call, 1);
    uint8_t *to = sfpm_wasi_room(call, 3, 8);
    bool moves = offset != 0 || whence(call) != FROM_HERE;
    sfpm_wasi_errno_t error =
        find_file(call, moves ? WASI_FD_SEEK : WASI_FD_TELL, &descriptor);
    if (error == WASI_SUCCESS)
        error = to ? find_base(call, descriptor, &base) : WASI_EFAULT;
    if (error != WASI_SUCCESS)
        return error;
    bool back = offset > INT64_MAX;
    uint64_t length = back ? 0 - offset : offset;
    if (back ? length > base : length > INT64_MAX - base)
        return WASI_EINVAL;
    descriptor->position = base + offset;
    sfpm_put_u64(to, descriptor->position);
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_tell(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint8_t *to = sfpm_wasi_room(call, 1, 8);
    sfpm_wasi_errno_t error = find_file(call, WASI_FD_TELL, &descriptor);
    if (error == WASI_SUCCESS && !to)
        error = WASI_EFAULT;
    if (error == WASI_SUCCESS)
        sfpm_put_u64(to, descriptor->position);
    return error;
}

/* ---- Space ---------------------------------------------------------------------------- */

static sfpm_wasi_errno_t sync_file(const sfpm_wasi_call_t *call, uint64_t right)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, right, &descriptor);
    if (error != WASI_SUCCESS)
        return error;
    if (descriptor->kind == SFPM_WASI_STREAM)
        return WASI_EINVAL;
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
    return files->operations->sync(files, descriptor->handle, right == WASI_FD_DATASYNC);
}

sfpm_wasi_errno_t sfpm_wasi_fd_sync(sfpm_wasi_call_t *call)
{
    return sync_file(call, WASI_FD_SYNC);
}

sfpm_wasi_errno_t sfpm_wasi_fd_datasync(sfpm_wasi_call_t *call)
{
    return sync_file(call, WASI_FD_DATASYNC);
}

/* What a program expects of its files changes nothing here. */
sfpm_wasi_errno_t sfpm_wasi_fd_advise(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    enum { LAST_ADVICE = 5 };
    sfpm_wasi_errno_t error = find_file(call, WASI_FD_ADVISE, &descriptor);
    if (error == WASI_EISDIR)
        return WASI_EBADF;
    if (error == WASI_SUCCESS && (sfpm_wasi_u32(call, 3) > LAST_ADVICE ||
                                  is_too_far(sfpm_wasi_u64(call, 1))))
        return WASI_EINVAL;
    return error;
}

sfpm_wasi_errno_t sfpm_wasi_fd_allocate(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    uint64_t offset = sfpm_wasi_u64(call, 1), length = sfpm_wasi_u64(call, 2);
    sfpm_wasi_errno_t error = find_file(call, WASI_FD_ALLOCATE, &descriptor);
    if (error != WASI_SUCCESS)
        return error == WASI_EISDIR ? WASI_EBADF : error;
    if (length == 0 || is_too_far(offset))
        return WASI_EINVAL;
    if (length > INT64_MAX - offset)
        return WASI_EFBIG;
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
    return files->operations->allocate(files, descriptor->handle, offset, length);
}

sfpm_wasi_errno_t sfpm_wasi_fd_filestat_set_size(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_errno_t error = find_file(call, WASI_FD_FILESTAT_SET_SIZE, &descriptor);
    if (error != WASI_SUCCESS)
        return error == WASI_EISDIR ? WASI_EBADF : error;
    if (is_too_far(sfpm_wasi_u64(call, 1)))
        return WASI_EINVAL;
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, descriptor);
    descriptor->overwritten = true;
    return files->operations->set_size(files, descriptor->handle, sfpm_wasi_u64(call, 1));
}
