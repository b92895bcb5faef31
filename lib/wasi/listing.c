/* SPDX-License-Identifier: MIT */
/*
 * Reading directories. The list is made when a program begins to read, and is part of its
 * state: it reads on in the same list in another process. A cookie is a place in it.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "wasi/wasi.h"

enum { ENTRY_SIZE = 24 }; /* as a program gets it, before the name */

bool sfpm_listing_add(sfpm_buffer_t *listing, uint64_t inode, uint8_t type,
                      const char *name, size_t length)
{
    uint8_t *to = sfpm_buffer_extend(listing, SFPM_LISTING_HEADER + length);
    if (!to)
        return false;
    sfpm_put_u64(to, inode);
    to[8] = type;
    sfpm_put_u16(to + 9, (uint16_t)length);
    memcpy(to + SFPM_LISTING_HEADER, name, length);
    return true;
}

/* The length of the entry's name at a place; false: there is no entry. */
static bool find_entry(const sfpm_buffer_t *listing, uint64_t at, size_t *length)
{
    if (!sfpm_in_range(at, SFPM_LISTING_HEADER, listing->size))
        return false;
    *length = sfpm_get_u16(listing->data + at + 9);
    return sfpm_in_range(at + SFPM_LISTING_HEADER, *length, listing->size);
}

bool sfpm_listing_is_whole(const sfpm_buffer_t *listing)
{
    size_t at = 0, length;
    while (at < listing->size && find_entry(listing, at, &length)) {
        const char *name = (const char *)listing->data + at + SFPM_LISTING_HEADER;
        if (length == 0 || memchr(name, '\0', length) || memchr(name, '/', length) ||
            listing->data[at + 8] > WASI_TYPE_LINK)
            return false;
        at += SFPM_LISTING_HEADER + length;
    }
    return at == listing->size;
}

/* Copies as much as there is room for; the rest of the room. */
static size_t put(uint8_t **to, size_t room, const void *bytes, size_t size)
{
    size_t some = size < room ? size : room;
    memcpy(*to, bytes, some);
    *to += some;
    return room - some;
}

/* The last entry may be cut off. */
static size_t put_entries(const sfpm_buffer_t *listing, uint64_t at, uint8_t *to,
                          size_t room)
{
    size_t left = room, length;
    while (left > 0 && find_entry(listing, at, &length)) {
        const uint8_t *entry = listing->data + at;
        uint8_t header[ENTRY_SIZE] = {0};
        at += SFPM_LISTING_HEADER + length;
        sfpm_put_u64(header, at);
        sfpm_put_u64(header + 8, sfpm_get_u64(entry));
        sfpm_put_u32(header + 16, (uint32_t)length);
        header[20] = entry[8];
        left = put(&to, left, header, sizeof header);
        left = put(&to, left, entry + SFPM_LISTING_HEADER, length);
    }
    return room - left;
}

static sfpm_wasi_errno_t make_listing(const sfpm_wasi_call_t *call,
                                      sfpm_wasi_descriptor_t *directory)
{
    sfpm_filesystem_t *files = sfpm_wasi_files(call->wasi, directory);
    sfpm_buffer_t made = {0};
    sfpm_wasi_errno_t error = files->operations->list(files, directory->handle, &made);
    if (error != WASI_SUCCESS) {
        sfpm_buffer_free(&made);
        return error;
    }
    sfpm_buffer_free(&directory->listing);
    directory->listing = made;
    return WASI_SUCCESS;
}

sfpm_wasi_errno_t sfpm_wasi_fd_readdir(sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *directory;
    uint32_t room = sfpm_wasi_u32(call, 2);
    uint64_t cookie = sfpm_wasi_u64(call, 3);
    uint8_t *to = sfpm_wasi_room(call, 1, room), *used = sfpm_wasi_room(call, 4, 4);
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &directory);
    if (error == WASI_SUCCESS && directory->kind != SFPM_WASI_DIRECTORY)
        error = WASI_ENOTDIR;
    if (error == WASI_SUCCESS)
        error = sfpm_wasi_find(call, 0, WASI_FD_READDIR, &directory);
    if (error == WASI_SUCCESS && (!to || !used))
        error = WASI_EFAULT;
    if (error == WASI_SUCCESS && (cookie == 0 || directory->listing.size == 0))
        error = make_listing(call, directory);
    if (error == WASI_SUCCESS)
        sfpm_put_u32(used, (uint32_t)put_entries(&directory->listing, cookie, to, room));
    return error;
}
