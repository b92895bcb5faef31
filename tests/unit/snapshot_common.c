/* SPDX-License-Identifier: MIT */
#include "snapshot_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"
#include "base/bytes.h"

bool file_contains(const char *path, const void *bytes, size_t size)
{
    size_t total;
    bool found = false;
    uint8_t *contents = read_file(path, &total);
    for (size_t i = 0; !found && size <= total && i <= total - size; i++)
        found = memcmp(contents + i, bytes, size) == 0;
    free(contents);
    return found;
}

void fill(void *memory, size_t size, unsigned seed)
{
    uint8_t *bytes = memory;
    uint32_t value = seed * 2654435761U + 1;
    for (size_t i = 0; i < size; i++) {
        value = value * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(value >> 24);
    }
}

void add_flags(sfpm_snapshot_t *snapshot, const char *name, void *base, size_t size,
               uint32_t flags)
{
    const sfpm_memory_region_t region = {base, size, name, false};
    ck_assert_works(sfpm_snapshot_add_region_flags(snapshot, &region, flags));
}

void add(sfpm_snapshot_t *snapshot, const char *name, void *base, size_t size)
{
    add_flags(snapshot, name, base, size, 0);
}

sfpm_snapshot_t *snapshot_of(const char *name, void *base, size_t size)
{
    sfpm_snapshot_t *snapshot = sfpm_snapshot_create();
    ck_assert_ptr_nonnull(snapshot);
    add(snapshot, name, base, size);
    return snapshot;
}

void write_version_1(const char *path, const char *description,
                     const sfpm_memory_region_t *regions, size_t count)
{
    uint8_t head[4 + 288] = {0};
    uint64_t total = 0;
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < count; i++)
        total += regions[i].size;
    sfpm_put_u32(head, 0x5346504D);
    sfpm_put_u32(head + 4, 1);
    sfpm_put_u64(head + 4 + 8, 1700000000);
    sfpm_put_u64(head + 4 + 16, total);
    sfpm_put_u32(head + 4 + 24, (uint32_t)count);
    snprintf((char *)head + 4 + 28, 256, "%s", description);
    ck_assert_uint_eq(fwrite(head, 1, sizeof head, file), sizeof head);
    for (size_t i = 0; i < count; i++) {
        uint8_t region[13];
        size_t length = strlen(regions[i].name);
        sfpm_put_u64(region, regions[i].size);
        region[8] = regions[i].is_dynamic;
        sfpm_put_u32(region + 9, (uint32_t)length);
        fwrite(region, 1, sizeof region, file);
        fwrite(regions[i].name, 1, length, file);
        fwrite(regions[i].base_address, 1, regions[i].size, file);
    }
    ck_assert_int_eq(fclose(file), 0);
}

void keep_log(void *context, sfpm_log_level_t level, const char *text)
{
    log_text_t *log = context;
    size_t used = strlen(log->text);
    snprintf(log->text + used, sizeof log->text - used, "%s\n", text);
    log->warnings += level == SFPM_LOG_WARNING;
}
