/* SPDX-License-Identifier: MIT */
/* The region `files` to and from its bytes: little-endian, in one order, so that the same
 * state gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "wasi/reader.h"
#include "wasi/wasi.h"

enum {
    LAYOUT = 1,
    HEADER = 40,
    MOUNT_HEADER = 8,
    ENTRY_HEADER = 48,
    FACTS = 56,
    WAITS = 1,
    EXITED = 2,
    READ_ONLY = 1,
    IN_IMAGE = 2,
    PREOPENED = 1,
    OVERWRITTEN = 2
};

/* ---- To bytes -------------------------------------------------------------------- */

static uint8_t *extend(sfpm_buffer_t *to, size_t size)
{
    uint8_t *at = sfpm_buffer_extend(to, size);
    if (at)
        memset(at, 0, size);
    return at;
}

static bool encode_header(const sfpm_wasi_record_t *record, sfpm_buffer_t *to)
{
    uint8_t *at = extend(to, HEADER);
    if (!at)
        return false;
    sfpm_put_u32(at, LAYOUT);
    sfpm_put_u32(at + 4, (record->waits ? WAITS : 0) | (record->exited ? EXITED : 0));
    sfpm_put_u32(at + 8, record->exited ? record->status : 0);
    sfpm_put_u32(at + 12, record->num_mounts);
    sfpm_put_u32(at + 16, record->count);
    sfpm_put_u64(at + 24, record->passed);
    sfpm_put_u64(at + 32, record->waits ? record->waits_at : 0);
    return true;
}

static bool encode_mount(const sfpm_wasi_mount_t *mount, sfpm_buffer_t *to)
{
    uint8_t *at = extend(to, MOUNT_HEADER);
    if (!at)
        return false;
    sfpm_put_u32(at,
                 (mount->read_only ? READ_ONLY : 0) | (mount->in_image ? IN_IMAGE : 0));
    sfpm_put_u32(at + 4, (uint32_t)strlen(mount->guest));
    return sfpm_buffer_add(to, mount->guest, strlen(mount->guest));
}

static bool encode_facts(const sfpm_facts_t *facts, sfpm_buffer_t *to)
{
    uint8_t *at = extend(to, FACTS);
    if (!at)
        return false;
    sfpm_put_u64(at, facts->size);
    sfpm_put_u64(at + 8, facts->device);
    sfpm_put_u64(at + 16, facts->inode);
    sfpm_put_u64(at + 24, (uint64_t)facts->seconds);
    sfpm_put_u32(at + 32, facts->nanoseconds);
    sfpm_put_u32(at + 36, facts->has_head ? 1 : 0);
    if (facts->has_head)
        memcpy(at + 40, facts->head, SFPM_DIGEST_SIZE);
    return true;
}

static bool encode_descriptor(const sfpm_wasi_recorded_t *one, sfpm_buffer_t *to)
{
    const sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    size_t length = descriptor->path ? strlen(descriptor->path) : 0;
    uint8_t *at = extend(to, ENTRY_HEADER);
    if (!at)
        return false;
    sfpm_put_u32(at, one->number);
    at[4] = (uint8_t)descriptor->kind;
    at[5] = (uint8_t)((descriptor->preopened ? PREOPENED : 0) |
                      (descriptor->overwritten ? OVERWRITTEN : 0));
    sfpm_put_u16(at + 6, descriptor->flags);
    sfpm_put_u32(at + 8, descriptor->source);
    sfpm_put_u32(at + 12, (uint32_t)length);
    sfpm_put_u64(at + 16, descriptor->rights);
    sfpm_put_u64(at + 24, descriptor->inheriting);
    sfpm_put_u64(at + 32, descriptor->position);
    sfpm_put_u32(at + 40, (uint32_t)descriptor->listing.size);
    bool in_image = one->facts.kind == SFPM_FACTS_OTHER;
    sfpm_put_u32(at + 44, in_image ? (uint32_t)one->facts.inode : 0);
    return (descriptor->kind != SFPM_WASI_FILE || in_image ||
            encode_facts(&one->facts, to)) &&
           sfpm_buffer_add(to, descriptor->path, length) &&
           sfpm_buffer_add(to, descriptor->listing.data, descriptor->listing.size);
}

bool sfpm_wasi_encode(const sfpm_wasi_record_t *record, sfpm_buffer_t *to)
{
    bool ok = encode_header(record, to), fits = true;
    for (uint32_t i = 0; ok && i < record->num_mounts; i++)
        ok = encode_mount(&record->mounts[i], to);
    for (uint32_t i = 0; ok && fits && i < record->count; i++) {
        fits = record->list[i].descriptor.listing.size <= SFPM_WASI_REGION_MAX_SIZE;
        ok = !fits || encode_descriptor(&record->list[i], to);
        fits = fits && to->size <= SFPM_WASI_REGION_MAX_SIZE;
    }
    if (!ok || fits)
        return ok;
    return sfpm_fail(SFPM_ERR_LIMIT,
                     "region '%s' exceeds the limit of 64 MiB: the "
                     "program reads too long directories",
                     SFPM_WASI_REGION);
}

/* ---- From bytes ------------------------------------------------------------------ */

static bool decode_header(sfpm_wasi_record_t *record, sfpm_wasi_reader_t *from,
                          uint32_t *mounts, uint32_t *count)
{
    const uint8_t *at = sfpm_reader_take(from, HEADER);
    if (!at)
        return false;
    uint32_t flags = sfpm_get_u32(at + 4);
    if (sfpm_get_u32(at) != LAYOUT)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "region '%s' has layout %u, which this version does not know",
                         SFPM_WASI_REGION, sfpm_get_u32(at));
    record->waits = (flags & WAITS) != 0;
    record->exited = (flags & EXITED) != 0;
    record->status = sfpm_get_u32(at + 8);
    record->passed = sfpm_get_u64(at + 24);
    record->waits_at = sfpm_get_u64(at + 32);
    *mounts = sfpm_get_u32(at + 12);
    *count = sfpm_get_u32(at + 16);
    if ((flags & ~(uint32_t)(WAITS | EXITED)) != 0 || sfpm_get_u32(at + 20) != 0 ||
        (!record->exited && record->status != 0) ||
        (!record->waits && record->waits_at != 0) || record->waits_at > record->passed)
        return sfpm_reader_fail(from, "its header contradicts itself");
    if (*count > SFPM_WASI_MAX_DESCRIPTORS || *mounts > SFPM_WASI_MAX_MOUNTS)
        return sfpm_reader_fail(from, "it has too many directories or descriptors");
    return true;
}

static bool is_known(const sfpm_wasi_record_t *record, const char *guest)
{
    for (uint32_t i = 0; i < record->num_mounts; i++)
        if (strcmp(record->mounts[i].guest, guest) == 0)
            return true;
    return false;
}

static bool decode_mount(sfpm_wasi_record_t *record, sfpm_wasi_reader_t *from)
{
    const uint8_t *at = sfpm_reader_take(from, MOUNT_HEADER);
    if (!at)
        return false;
    uint32_t flags = sfpm_get_u32(at);
    if ((flags & ~(uint32_t)(READ_ONLY | IN_IMAGE)) != 0)
        return sfpm_reader_fail(from, "a directory has unknown flags");
    sfpm_wasi_mount_t mount = {.read_only = (flags & READ_ONLY) != 0,
                               .in_image = (flags & IN_IMAGE) != 0};
    mount.guest = sfpm_reader_take_text(from, sfpm_get_u32(at + 4), SFPM_WASI_MAX_PATH);
    if (!mount.guest)
        return false;
    if (is_known(record, mount.guest)) {
        free(mount.guest);
        return sfpm_reader_fail(from, "a directory is there twice");
    }
    record->mounts[record->num_mounts++] = mount;
    return true;
}

/* A path that the library would have recorded: it stays in its mount. */
static bool is_path(const char *path)
{
    return *path != '/' && sfpm_wasi_is_plain(path);
}

static bool decode_facts(sfpm_facts_t *facts, sfpm_wasi_reader_t *from)
{
    const uint8_t *at = sfpm_reader_take(from, FACTS);
    if (!at)
        return false;
    *facts = (sfpm_facts_t){.kind = SFPM_FACTS_FILE,
                            .size = sfpm_get_u64(at),
                            .device = sfpm_get_u64(at + 8),
                            .inode = sfpm_get_u64(at + 16),
                            .seconds = sfpm_to_i64(sfpm_get_u64(at + 24)),
                            .nanoseconds = sfpm_get_u32(at + 32),
                            .has_head = sfpm_get_u32(at + 36) == 1};
    memcpy(facts->head, at + 40, SFPM_DIGEST_SIZE);
    if (facts->size > INT64_MAX || facts->nanoseconds > 999999999 ||
        sfpm_get_u32(at + 36) > 1 ||
        (!facts->has_head && !sfpm_is_zero(facts->head, SFPM_DIGEST_SIZE)))
        return sfpm_reader_fail(from, "the facts about a file contradict themselves");
    return true;
}

/* The rights that a descriptor of that kind can have. */
static uint64_t most_rights(const sfpm_wasi_descriptor_t *descriptor)
{
    switch (descriptor->kind) {
    case SFPM_WASI_STREAM:
        return WASI_STREAM_RIGHTS &
               ~(descriptor->source == 0 ? WASI_FD_WRITE : WASI_FD_READ);
    case SFPM_WASI_FILE:
        return WASI_FILE_RIGHTS;
    case SFPM_WASI_DIRECTORY:
        return WASI_DIRECTORY_RIGHTS;
    default:
        return WASI_ALL_RIGHTS;
    }
}

static bool check_rights(const sfpm_wasi_record_t *record,
                         const sfpm_wasi_descriptor_t *descriptor)
{
    uint64_t most = most_rights(descriptor), inheriting = 0;
    if (descriptor->kind == SFPM_WASI_DIRECTORY || descriptor->kind == SFPM_WASI_LOST)
        inheriting = WASI_ALL_RIGHTS;
    if (descriptor->kind != SFPM_WASI_STREAM) {
        const sfpm_wasi_mount_t *mount = &record->mounts[descriptor->source];
        most = sfpm_wasi_mount_rights(mount, most);
        inheriting = sfpm_wasi_mount_rights(mount, inheriting);
    }
    return (descriptor->rights & ~most) == 0 &&
           (descriptor->inheriting & ~inheriting) == 0;
}

/* What cannot be of any descriptor of its kind. */
static bool check_descriptor(const sfpm_wasi_record_t *record,
                             const sfpm_wasi_descriptor_t *descriptor, uint32_t path,
                             uint32_t listing)
{
    bool is_stream = descriptor->kind == SFPM_WASI_STREAM;
    bool is_directory = descriptor->kind == SFPM_WASI_DIRECTORY;
    if (descriptor->source >= (is_stream ? 3 : record->num_mounts))
        return false;
    return (descriptor->flags & ~WASI_FLAGS) == 0 && descriptor->position <= INT64_MAX &&
           is_stream == (path == 0) &&
           (is_directory || descriptor->kind == SFPM_WASI_LOST ||
            (listing == 0 && !descriptor->preopened)) &&
           (!descriptor->overwritten || descriptor->kind >= SFPM_WASI_FILE) &&
           check_rights(record, descriptor);
}

static bool decode_strings(sfpm_wasi_recorded_t *one, sfpm_wasi_reader_t *from,
                           uint32_t path, uint32_t listing)
{
    sfpm_wasi_descriptor_t *descriptor = &one->descriptor;
    if (descriptor->kind == SFPM_WASI_FILE && one->facts.kind != SFPM_FACTS_OTHER &&
        !decode_facts(&one->facts, from))
        return false;
    if (path > 0 &&
        !(descriptor->path = sfpm_reader_take_text(from, path, SFPM_WASI_MAX_PATH)))
        return false;
    if (path > 0 && !is_path(descriptor->path))
        return sfpm_reader_fail(from, "a path is not in its canonical form");
    if (descriptor->preopened && strcmp(descriptor->path, ".") != 0)
        return sfpm_reader_fail(from, "a directory that is found open has another path");
    const uint8_t *bytes = sfpm_reader_take(from, listing);
    if (!bytes || !sfpm_buffer_add(&descriptor->listing, bytes, listing))
        return false;
    return sfpm_listing_is_whole(&descriptor->listing) ||
           sfpm_reader_fail(from, "a list of entries is invalid");
}

/* Whether its file is found by its number in the image. */
static bool is_in_image(const sfpm_wasi_record_t *record,
                        const sfpm_wasi_descriptor_t *descriptor)
{
    return (descriptor->kind == SFPM_WASI_FILE ||
            descriptor->kind == SFPM_WASI_DIRECTORY) &&
           !descriptor->preopened && record->mounts[descriptor->source].in_image;
}

static bool decode_descriptor(sfpm_wasi_record_t *record, sfpm_wasi_reader_t *from)
{
    const uint8_t *at = sfpm_reader_take(from, ENTRY_HEADER);
    if (!at)
        return false;
    sfpm_wasi_recorded_t *one = &record->list[record->count];
    uint32_t path = sfpm_get_u32(at + 12), listing = sfpm_get_u32(at + 40);
    *one =
        (sfpm_wasi_recorded_t){.number = sfpm_get_u32(at),
                               .descriptor = {.kind = (sfpm_wasi_kind_t)at[4],
                                              .preopened = (at[5] & PREOPENED) != 0,
                                              .overwritten = (at[5] & OVERWRITTEN) != 0,
                                              .flags = sfpm_get_u16(at + 6),
                                              .source = sfpm_get_u32(at + 8),
                                              .rights = sfpm_get_u64(at + 16),
                                              .inheriting = sfpm_get_u64(at + 24),
                                              .position = sfpm_get_u64(at + 32),
                                              .handle = -1}};
    uint32_t least = record->count > 0 ? record->list[record->count - 1].number + 1 : 0;
    record->count++;
    if (at[4] < SFPM_WASI_STREAM || at[4] > SFPM_WASI_LOST ||
        (at[5] & ~(PREOPENED | OVERWRITTEN)) != 0)
        return sfpm_reader_fail(from, "a descriptor is of an unknown kind");
    if (one->number < least || one->number >= SFPM_WASI_MAX_DESCRIPTORS)
        return sfpm_reader_fail(from, "its descriptors are not in order");
    if (!check_descriptor(record, &one->descriptor, path, listing))
        return sfpm_reader_fail(from, "a descriptor contradicts itself");
    if (is_in_image(record, &one->descriptor) != (sfpm_get_u32(at + 44) != 0))
        return sfpm_reader_fail(
            from, "a file has no number in the image, or one that it cannot have");
    if (sfpm_get_u32(at + 44) != 0)
        one->facts =
            (sfpm_facts_t){.kind = SFPM_FACTS_OTHER, .inode = sfpm_get_u32(at + 44)};
    return decode_strings(one, from, path, listing);
}

bool sfpm_wasi_decode(sfpm_wasi_record_t *record, const uint8_t *bytes, size_t size)
{
    sfpm_wasi_reader_t from = {
        .region = SFPM_WASI_REGION, .bytes = bytes, .size = size};
    uint32_t mounts = 0, count = 0;
    *record = (sfpm_wasi_record_t){.count = 0};
    if (!decode_header(record, &from, &mounts, &count))
        return false;
    record->mounts = SFPM_NEW_N(sfpm_wasi_mount_t, mounts);
    record->list = SFPM_NEW_N(sfpm_wasi_recorded_t, count);
    if (!record->mounts || !record->list)
        return false;
    while (record->num_mounts < mounts)
        if (!decode_mount(record, &from))
            return false;
    while (record->count < count)
        if (!decode_descriptor(record, &from))
            return false;
    return from.at == size || sfpm_reader_fail(&from, "more follows its end");
}

void sfpm_wasi_record_free(sfpm_wasi_record_t *record)
{
    for (uint32_t i = 0; i < record->num_mounts; i++)
        free(record->mounts[i].guest);
    for (uint32_t i = 0; i < record->count; i++) {
        free(record->list[i].descriptor.path);
        sfpm_buffer_free(&record->list[i].descriptor.listing);
    }
    free(record->mounts);
    free(record->list);
    *record = (sfpm_wasi_record_t){.count = 0};
}
