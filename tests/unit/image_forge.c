/* SPDX-License-Identifier: MIT */
#include "image_forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void forge_bytes(forge_t *forge, const void *bytes, size_t size)
{
    ck_assert(sfpm_buffer_add(&forge->bytes, bytes, size));
}

static void zeros(forge_t *forge, size_t size)
{
    uint8_t *to = sfpm_buffer_extend(&forge->bytes, size);
    ck_assert_ptr_nonnull(to);
    memset(to, 0, size);
}

void forge_start(forge_t *forge)
{
    forge_start_with(forge, 0);
}

void forge_start_with(forge_t *forge, uint64_t incompatible)
{
    uint8_t bytes[SFPM_HEADER_SIZE];
    sfpm_header_t header = {.incompatible = incompatible};
    *forge = (forge_t){.begin = SFPM_HEADER_SIZE, .start = SFPM_HEADER_SIZE};
    sfpm_header_encode(&header, bytes);
    forge_bytes(forge, bytes, sizeof bytes);
}

void forge_end(forge_t *forge)
{
    sfpm_buffer_free(&forge->bytes);
}

uint64_t forge_record(forge_t *forge, uint32_t type, const void *payload, size_t length)
{
    uint64_t offset = forge->bytes.size;
    uint8_t bytes[SFPM_RECORD_SIZE];
    bool data = type == SFPM_RECORD_DATA;
    sfpm_record_t record = {.type = type,
                            .length = length,
                            .sum = data ? 0 : sfpm_checksum(payload, length, 0)};
    sfpm_record_encode(&record, offset, bytes);
    forge_bytes(forge, bytes, sizeof bytes);
    forge_bytes(forge, payload, length);
    zeros(forge, (SFPM_RECORD_ALIGN - length % SFPM_RECORD_ALIGN) % SFPM_RECORD_ALIGN);
    return offset;
}

void forge_dead(forge_t *forge)
{
    uint8_t bytes[SFPM_DEAD_SIZE];
    zeros(forge, (SFPM_PAGE - forge->bytes.size % SFPM_PAGE) % SFPM_PAGE);
    forge->start = forge->bytes.size;
    sfpm_dead_t dead = {
        .begin = forge->begin,
        .length = forge->start - forge->begin,
        .sum = sfpm_checksum(forge->bytes.data + forge->begin,
                             (size_t)(forge->start - forge->begin), 0),
        .previous_sum = forge->last.sum,
    };
    sfpm_dead_encode(&dead, bytes);
    forge_record(forge, SFPM_RECORD_DEAD, bytes, sizeof bytes);
}

void forge_index(const forge_t *forge, sfpm_index_t *index)
{
    static char nothing[] = "";
    uint64_t number = forge->last.number + 1;
    *index = (sfpm_index_t){.number = number, .parent = number - 1, .state_of = number};
    for (size_t i = 0; i < SFPM_NUM_TEXTS; i++)
        index->texts[i] = nothing;
}

sfpm_trailer_t forge_trailer(const forge_t *forge)
{
    sfpm_trailer_t trailer = {.number = forge->last.number + 1,
                              .first = 1,
                              .begin = forge->begin,
                              .start = forge->start,
                              .previous_sum = forge->last.sum};
    memcpy(trailer.id, forge->last.id, SFPM_DIGEST_SIZE);
    return trailer;
}

void forge_finish(forge_t *forge, sfpm_index_t *index, sfpm_trailer_t *trailer)
{
    sfpm_buffer_t bytes = {0};
    uint8_t record[SFPM_TRAILER_RECORD];
    ck_assert(sfpm_index_encode(index, &bytes));
    sfpm_digest(bytes.data, bytes.size, trailer->index_digest);
    trailer->index_offset =
        forge_record(forge, SFPM_RECORD_INDEX, bytes.data, bytes.size);
    sfpm_buffer_free(&bytes);
    trailer->offset = forge->bytes.size;
    if (forge->last.offset == 0)
        memcpy(trailer->id, trailer->index_digest, SFPM_DIGEST_SIZE);
    sfpm_trailer_encode(trailer, record);
    forge_bytes(forge, record, sizeof record);
    forge->last = *trailer;
    forge->begin = forge->start = forge->bytes.size;
}

void forge_commit(forge_t *forge)
{
    sfpm_index_t index;
    sfpm_trailer_t trailer = forge_trailer(forge);
    forge_index(forge, &index);
    forge_finish(forge, &index, &trailer);
}

sfpm_image_t *forge_open(const forge_t *forge, char *path)
{
    strcpy(path, "/tmp/sfpm-forge-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (size_t at = 0; at < forge->bytes.size;) {
        ssize_t now = write(fd, forge->bytes.data + at, forge->bytes.size - at);
        ck_assert_int_gt(now, 0);
        at += (size_t)now;
    }
    close(fd);
    sfpm_image_t *image = sfpm_image_open(path, NULL);
    if (!image)
        unlink(path);
    return image;
}
