/* SPDX-License-Identifier: MIT */
/*
 * Recording what a program has open, and opening it again: only in directories that were
 * added, and only files that are what they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wasi/wasi.h"

/* A path as the program sees it, for messages. */
enum { SHOWN = 300 };

static void show(const sfpm_wasi_mount_t *mount, const char *path, char text[SHOWN])
{
    size_t length = strlen(mount->guest);
    bool slash = length > 0 && mount->guest[length - 1] == '/';
    snprintf(text, SHOWN, "%s%s%s", mount->guest, slash ? "" : "/", path);
}

/* ---- Recording ------------------------------------------------------------------------ */

static void warn(const sfpm_wasi_t *wasi, uint32_t number,
                 sfpm_wasi_descriptor_t *descriptor)
{
    char path[SHOWN], text[SHOWN + 200];
    if (descriptor->warned || !wasi->options.warn)
        return;
    descriptor->warned = true;
    show(&wasi->mounts[descriptor->source], descriptor->path, path);
    snprintf(text, sizeof text,
             "file '%s' (descriptor %u) was removed or replaced: a resumed program will "
             "not have it open",
             path, (unsigned)number);
    wasi->options.warn(wasi->options.context, text);
}

static bool has_file(const sfpm_wasi_descriptor_t *descriptor)
{
    return descriptor->kind == SFPM_WASI_FILE ||
           (descriptor->kind == SFPM_WASI_DIRECTORY && !descriptor->preopened);
}

/* What was written to a file is on the disk before the state that knows of it. */
static bool record(sfpm_wasi_t *wasi, uint32_t number, sfpm_wasi_recorded_t *one)
{
    sfpm_wasi_descriptor_t *descriptor = &wasi->descriptors[number];
    *one = (sfpm_wasi_recorded_t){.number = number, .descriptor = *descriptor};
    if (!has_file(descriptor))
        return true;
    sfpm_filesystem_t *files = sfpm_wasi_files(wasi, descriptor);
    sfpm_wasi_errno_t error = WASI_SUCCESS;
    if (descriptor->kind == SFPM_WASI_FILE && (descriptor->rights & WASI_NEEDS_WRITING))
        error = files->operations->sync(files, descriptor->handle, false);
    if (error != WASI_SUCCESS && error != WASI_EINVAL)
        return sfpm_fail(SFPM_ERR_SYSTEM,
                         "file '%.200s' (descriptor %u) cannot be synced: WASI error %u",
                         descriptor->path, (unsigned)number, error);
    error = files->operations->identify(files, descriptor->handle, descriptor->path,
                                        &one->facts);
    if (error != WASI_SUCCESS) {
        one->descriptor.kind = SFPM_WASI_LOST;
        warn(wasi, number, descriptor);
    }
    return true;
}

static bool record_all(sfpm_wasi_t *wasi, sfpm_wasi_record_t *made)
{
    *made = (sfpm_wasi_record_t){.mounts = wasi->mounts,
                                 .num_mounts = wasi->num_mounts,
                                 .passed = wasi->options.clock
                                               ? wasi->latest
                                               : sfpm_wasi_now(wasi, SFPM_WASI_MONOTONIC),
                                 .waits = wasi->waits,
                                 .waits_at = wasi->waits_at,
                                 .exited = wasi->exited,
                                 .status = wasi->status};
    made->list = SFPM_NEW_N(sfpm_wasi_recorded_t, wasi->num_descriptors);
    for (uint32_t i = 0; made->list && i < wasi->num_descriptors; i++)
        if (wasi->descriptors[i].kind != SFPM_WASI_CLOSED &&
            !record(wasi, i, &made->list[made->count++]))
            return false;
    return made->list != NULL;
}

bool sfpm_wasi_fill_edit(sfpm_wasi_t *wasi, sfpm_edit_t *edit)
{
    sfpm_wasi_record_t made;
    sfpm_buffer_t bytes = {0};
    if (!wasi || !edit)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no world or no edit was given");
    bool ok = record_all(wasi, &made) && sfpm_wasi_encode(&made, &bytes);
    free(made.list); /* the rest belongs to the program's descriptors */
    if (!ok) {
        sfpm_buffer_free(&bytes);
        return false;
    }
    sfpm_buffer_free(&wasi->record);
    wasi->record = bytes;
    sfpm_memfs_t *memfs = sfpm_wasi_memfs(wasi);
    return sfpm_edit_set_region(edit, SFPM_WASI_REGION, 0, bytes.data, bytes.size,
                                SFPM_REGION_PORTABLE) &&
           (!memfs || sfpm_memfs_fill_edit(memfs, edit));
}

/* ---- Directories ------------------------------------------------------------------------ */

/* One restore: where from, where to and how. */
typedef struct restoring {
    sfpm_wasi_t *wasi;
    const sfpm_image_t *image;
    sfpm_wasi_record_t record;
    uint32_t flags;
} restoring_t;

static sfpm_wasi_mount_t *added(const sfpm_wasi_t *wasi, const char *guest)
{
    for (uint32_t i = 0; i < wasi->num_mounts; i++)
        if (strcmp(wasi->mounts[i].guest, guest) == 0)
            return &wasi->mounts[i];
    return NULL;
}

/* Moves what was added into the record's list. */
static bool take_mount(const restoring_t *restoring, sfpm_wasi_mount_t *mount)
{
    sfpm_wasi_mount_t *given = added(restoring->wasi, mount->guest);
    if (given && given->in_image == mount->in_image) {
        mount->files = given->files;
        mount->read_only = mount->read_only || given->read_only;
        given->files = NULL;
        return true;
    }
    if (mount->in_image)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "directory '%.200s' lies in the image, which has no files",
                         mount->guest);
    if (restoring->flags & SFPM_WASI_DETACH_FILES)
        return true;
    sfpm_fail(SFPM_ERR_MISMATCH, "the program has directory '%.200s', which was not given",
              mount->guest);
    return sfpm_fail_remedy(SFPM_REMEDY_DIRECTORY);
}

static void free_mounts(sfpm_wasi_mount_t *mounts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(mounts[i].guest);
        if (mounts[i].files)
            mounts[i].files->operations->free(mounts[i].files);
    }
    free(mounts);
}

/* The directories become those of the record, in its order. */
static bool take_mounts(restoring_t *restoring)
{
    sfpm_wasi_t *wasi = restoring->wasi;
    sfpm_wasi_record_t *record = &restoring->record;
    bool ok = true;
    for (uint32_t i = 0; i < wasi->num_descriptors; i++)
        sfpm_wasi_close(wasi, &wasi->descriptors[i]);
    wasi->num_descriptors = 0;
    for (uint32_t i = 0; ok && i < record->num_mounts; i++)
        ok = take_mount(restoring, &record->mounts[i]);
    for (uint32_t i = 0; ok && i < wasi->num_mounts; i++)
        if (wasi->mounts[i].files)
            ok = sfpm_fail(SFPM_ERR_MISMATCH,
                           "the program began without directory '%.200s': it cannot get "
                           "it now",
                           wasi->mounts[i].guest);
    free_mounts(wasi->mounts, wasi->num_mounts);
    wasi->mounts = record->mounts;
    wasi->num_mounts = record->num_mounts;
    record->mounts = NULL;
    record->num_mounts = 0;
    return ok;
}

/* ---- Files ------------------------------------------------------------------------------ */

static sfpm_wasi_errno_t open_again(const sfpm_wasi_t *wasi, sfpm_wasi_recorded_t *one)
{
    sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    sfpm_filesystem_t *files = sfpm_wasi_files(wasi, descriptor);
    bool is_directory = descriptor->kind == SFPM_WASI_DIRECTORY;
    sfpm_wasi_stat_t stat;
    const sfpm_wasi_how_t how = {.open = is_directory ? WASI_IS_DIRECTORY : 0,
                                 .flags = descriptor->flags,
                                 .follow = true,
                                 .reads = (descriptor->rights & WASI_FD_READ) != 0,
                                 .writes = (descriptor->rights & WASI_NEEDS_WRITING) != 0};
    sfpm_wasi_errno_t error;
    if (files->operations->open_inode)
        error = files->operations->open_inode(files, one->facts.inode,
                                              &descriptor->handle, &stat);
    else
        error = files->operations->open(files, files->root, descriptor->path, &how,
                                        &descriptor->handle, &stat);
    if (error == WASI_SUCCESS && (stat.type == WASI_TYPE_DIRECTORY) != is_directory)
        error = is_directory ? WASI_ENOTDIR : WASI_EISDIR;
    return error;
}

/* Whether a descriptor only adds to the end of its file. */
static bool appends(const sfpm_wasi_recorded_t *one)
{
    const sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    return descriptor->kind == SFPM_WASI_FILE && (descriptor->rights & WASI_FD_WRITE) &&
           !descriptor->overwritten &&
           ((descriptor->flags & WASI_APPEND) ||
            descriptor->position == one->facts.size);
}

static bool is_same_file(const sfpm_wasi_recorded_t *one,
                         const sfpm_wasi_recorded_t *other)
{
    return other->descriptor.kind == SFPM_WASI_FILE &&
           one->facts.device == other->facts.device &&
           one->facts.inode == other->facts.inode;
}

/* Whether what changed in the file since can only be that it was appended to. */
static bool may_have_grown(const restoring_t *restoring, const sfpm_wasi_recorded_t *one)
{
    const sfpm_wasi_record_t *record = &restoring->record;
    bool grows = false;
    for (uint32_t i = 0; i < record->count; i++) {
        const sfpm_wasi_recorded_t *other = &record->list[i];
        if (!is_same_file(one, other) || !(other->descriptor.rights & WASI_NEEDS_WRITING))
            continue;
        if (!appends(other))
            return false;
        grows = true;
    }
    return grows;
}

static bool is_longer(const sfpm_wasi_t *wasi, const sfpm_wasi_recorded_t *one)
{
    sfpm_filesystem_t *files = sfpm_wasi_files(wasi, &one->descriptor);
    sfpm_wasi_stat_t stat;
    return files->operations->stat(files, one->descriptor.handle, &stat) == WASI_SUCCESS &&
           stat.size > one->facts.size;
}

static bool confirm(const restoring_t *restoring, const sfpm_wasi_recorded_t *one)
{
    const sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    sfpm_filesystem_t *files = sfpm_wasi_files(restoring->wasi, descriptor);
    char why[200], path[SHOWN];
    if (descriptor->kind != SFPM_WASI_FILE ||
        (restoring->flags & SFPM_WASI_ACCEPT_CHANGED) ||
        files->operations->confirm(files, descriptor->handle, descriptor->path,
                                   &one->facts, false, why, sizeof why))
        return true;
    if (may_have_grown(restoring, one) && is_longer(restoring->wasi, one) &&
        files->operations->confirm(files, descriptor->handle, descriptor->path,
                                   &one->facts, true, why, sizeof why))
        return true;
    show(&restoring->wasi->mounts[descriptor->source], descriptor->path, path);
    sfpm_fail(SFPM_ERR_MISMATCH, "file '%s' (descriptor %u) is not as it was: %s", path,
              (unsigned)one->number, why);
    return sfpm_fail_remedy(SFPM_REMEDY_CHANGED_FILE);
}

static bool lose(const restoring_t *restoring, sfpm_wasi_recorded_t *one, const char *why)
{
    sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    const sfpm_wasi_mount_t *mount = &restoring->wasi->mounts[descriptor->source];
    char path[SHOWN];
    if (restoring->flags & SFPM_WASI_DETACH_FILES) {
        if (descriptor->handle >= 0)
            mount->files->operations->close(mount->files, descriptor->handle);
        descriptor->handle = -1;
        descriptor->kind = SFPM_WASI_LOST;
        return true;
    }
    show(mount, descriptor->path, path);
    sfpm_fail(SFPM_ERR_MISMATCH, "file '%s' (descriptor %u) cannot be open again: %s",
              path, (unsigned)one->number, why);
    return sfpm_fail_remedy(SFPM_REMEDY_DETACH_FILE);
}

/* Opens and checks a descriptor; changes nothing. */
static bool stage(const restoring_t *restoring, sfpm_wasi_recorded_t *one)
{
    sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    char why[100];
    if (descriptor->kind == SFPM_WASI_STREAM)
        return true;
    const sfpm_wasi_mount_t *mount = &restoring->wasi->mounts[descriptor->source];
    descriptor->rights = sfpm_wasi_mount_rights(mount, descriptor->rights);
    descriptor->inheriting = sfpm_wasi_mount_rights(mount, descriptor->inheriting);
    if (descriptor->kind == SFPM_WASI_LOST)
        return lose(restoring, one, "it was removed or replaced before the image was saved");
    if (!mount->files)
        return lose(restoring, one, "its directory was not given");
    if (descriptor->preopened) {
        descriptor->handle = mount->files->root;
        return true;
    }
    sfpm_wasi_errno_t error = open_again(restoring->wasi, one);
    if (error == WASI_SUCCESS)
        return confirm(restoring, one);
    snprintf(why, sizeof why, "%s (WASI error %u)",
             error == WASI_ENOENT ? "it does not exist" : "opening it failed",
             (unsigned)error);
    return lose(restoring, one, why);
}

/* What was appended after the state was saved is written again. */
static bool cut_back(const restoring_t *restoring, const sfpm_wasi_recorded_t *one)
{
    const sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    char path[SHOWN];
    if (one->facts.kind == SFPM_FACTS_OTHER || !appends(one) || (restoring->flags & SFPM_WASI_ACCEPT_CHANGED) ||
        !is_longer(restoring->wasi, one))
        return true;
    sfpm_filesystem_t *files = sfpm_wasi_files(restoring->wasi, descriptor);
    if (files->operations->set_size(files, descriptor->handle, one->facts.size) ==
        WASI_SUCCESS)
        return true;
    show(&restoring->wasi->mounts[descriptor->source], descriptor->path, path);
    return sfpm_fail(SFPM_ERR_SYSTEM, "file '%s' cannot be cut back to %llu bytes", path,
                     (unsigned long long)one->facts.size);
}

/* Gives the descriptors to the program. */
static bool publish(const restoring_t *restoring)
{
    sfpm_wasi_t *wasi = restoring->wasi;
    const sfpm_wasi_record_t *record = &restoring->record;
    uint32_t count = record->count > 0 ? record->list[record->count - 1].number + 1 : 0;
    if (!sfpm_wasi_reserve(wasi, count))
        return false;
    for (wasi->num_descriptors = 0; wasi->num_descriptors < count;)
        wasi->descriptors[wasi->num_descriptors++] =
            (sfpm_wasi_descriptor_t){.kind = SFPM_WASI_CLOSED, .handle = -1};
    for (uint32_t i = 0; i < record->count; i++) {
        sfpm_wasi_recorded_t *one = &record->list[i];
        wasi->descriptors[one->number] = one->descriptor;
        one->descriptor = (sfpm_wasi_descriptor_t){.kind = SFPM_WASI_CLOSED};
    }
    wasi->waits = record->waits;
    wasi->waits_at = record->waits_at;
    wasi->exited = record->exited;
    wasi->status = record->status;
    sfpm_wasi_go_on(wasi, record->passed);
    return true;
}

static void close_staged(const restoring_t *restoring)
{
    for (uint32_t i = 0; i < restoring->record.count; i++) {
        sfpm_wasi_descriptor_t *descriptor = &restoring->record.list[i].descriptor;
        if (has_file(descriptor) && descriptor->handle >= 0) {
            sfpm_filesystem_t *files = sfpm_wasi_files(restoring->wasi, descriptor);
            files->operations->close(files, descriptor->handle);
        }
    }
}

/* Files inside the image, if the program has them. */
static bool take_memfs(const restoring_t *restoring)
{
    const sfpm_wasi_record_t *record = &restoring->record;
    for (uint32_t i = 0; i < record->num_mounts; i++)
        if (record->mounts[i].in_image)
            return sfpm_wasi_take_memfs(restoring->wasi, restoring->image);
    return true;
}

static void drop_orphans(const sfpm_wasi_t *wasi)
{
    if (sfpm_wasi_memfs(wasi))
        sfpm_memfs_drop_orphans(sfpm_wasi_memfs(wasi));
}

static bool restore(restoring_t *restoring)
{
    sfpm_wasi_record_t *record = &restoring->record;
    bool ok = take_memfs(restoring) && take_mounts(restoring);
    for (uint32_t i = 0; ok && i < record->count; i++)
        ok = stage(restoring, &record->list[i]);
    for (uint32_t i = 0; ok && i < record->count; i++)
        ok = cut_back(restoring, &record->list[i]);
    ok = ok && publish(restoring);
    if (ok)
        drop_orphans(restoring->wasi);
    else
        close_staged(restoring);
    return ok;
}

bool sfpm_wasi_restore(sfpm_wasi_t *wasi, const sfpm_image_t *image, uint32_t flags)
{
    size_t index;
    sfpm_buffer_t bytes = {0};
    if (!wasi || !image ||
        (flags & ~(uint32_t)(SFPM_WASI_DETACH_FILES | SFPM_WASI_ACCEPT_CHANGED |
                             SFPM_WASI_BEGIN)) != 0)
        return sfpm_fail(SFPM_ERR_ARGUMENT, "no world or image was given, or unknown "
                                            "flags");
    if ((flags & SFPM_WASI_BEGIN) ||
        !sfpm_image_find_region(image, SFPM_WASI_REGION, &index)) {
        bool taken = sfpm_wasi_take_memfs(wasi, image);
        if (taken)
            drop_orphans(wasi);
        return taken;
    }
    uint64_t size = sfpm_image_region(image, index)->size;
    if (size > SFPM_WASI_REGION_MAX_SIZE)
        return sfpm_fail(SFPM_ERR_CORRUPT, "region '%s' exceeds the limit of 64 MiB",
                         SFPM_WASI_REGION);
    uint8_t *to = sfpm_buffer_extend(&bytes, (size_t)size);
    restoring_t restoring = {.wasi = wasi, .image = image, .flags = flags};
    bool ok = to && sfpm_image_read(image, index, 0, to, (size_t)size) &&
              sfpm_wasi_decode(&restoring.record, to, (size_t)size) && restore(&restoring);
    sfpm_wasi_record_free(&restoring.record);
    sfpm_buffer_free(&bytes);
    return ok;
}
