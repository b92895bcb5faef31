/* SPDX-License-Identifier: MIT */
/* Files inside the image: region `inodes` to and from its bytes, little-endian and in one
 * order. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "wasi/memfs.h"
#include "wasi/reader.h"

enum { LAYOUT = 1 };

/* ---- To bytes -------------------------------------------------------------------- */

static void put_inode(uint8_t *to, uint32_t number, const sfpm_memfs_inode_t *inode)
{
    sfpm_put_u32(to, number);
    sfpm_put_u32(to + 4, inode->type);
    sfpm_put_u64(to + 8, inode->size);
    sfpm_put_u64(to + 16, inode->accessed);
    sfpm_put_u64(to + 24, inode->modified);
    sfpm_put_u64(to + 32, inode->changed);
    sfpm_put_u32(to + 40, (uint32_t)inode->num_runs);
    sfpm_put_u32(to + 44, 0);
}

static uint8_t *put_runs(uint8_t *to, const sfpm_memfs_inode_t *inode)
{
    for (size_t i = 0; i < inode->num_runs; i++, to += SFPM_MEMFS_RUN) {
        sfpm_put_u32(to, inode->runs[i].first);
        sfpm_put_u32(to + 4, inode->runs[i].block);
        sfpm_put_u32(to + 8, inode->runs[i].count);
    }
    return to;
}

static uint8_t *put_text(uint8_t *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length);
    return to + length;
}

static bool put_entries(const sfpm_memfs_t *memfs, uint32_t directory, uint8_t **to)
{
    size_t count;
    uint32_t *sorted = sfpm_memfs_sorted(memfs, directory, &count);
    for (size_t i = 0; sorted && i < count; i++) {
        const sfpm_memfs_entry_t *entry = &memfs->entries[sorted[i]];
        sfpm_put_u32(*to, directory);
        sfpm_put_u32(*to + 4, entry->inode);
        sfpm_put_u32(*to + 8, (uint32_t)strlen(entry->name));
        *to = put_text(*to + SFPM_MEMFS_ENTRY, entry->name);
    }
    free(sorted);
    return sorted != NULL;
}

/* The inodes first: their places do not change when files grow. */
static bool put_tree(const sfpm_memfs_t *memfs, uint8_t *to)
{
    const sfpm_memfs_inode_t *inodes = memfs->inodes;
    sfpm_put_u32(to, LAYOUT);
    sfpm_put_u32(to + 4, (uint32_t)strlen(memfs->guest));
    sfpm_put_u32(to + 8, memfs->num_inodes);
    sfpm_put_u32(to + 12, memfs->num_entries);
    sfpm_put_u64(to + 16, memfs->record_size);
    to = put_text(to + SFPM_MEMFS_HEADER, memfs->guest);
    for (uint32_t i = 1; i <= memfs->last_inode; i++)
        if (inodes[i].type != WASI_TYPE_UNKNOWN) {
            put_inode(to, i, &inodes[i]);
            to += SFPM_MEMFS_INODE;
        }
    for (uint32_t i = 1; i <= memfs->last_inode; i++)
        to = put_runs(to, &inodes[i]);
    for (uint32_t i = 1; i <= memfs->last_inode; i++)
        if (inodes[i].entries != 0 && !put_entries(memfs, i, &to))
            return false;
    for (uint32_t i = 1; i <= memfs->last_inode; i++)
        if (inodes[i].target)
            to = put_text(to, inodes[i].target);
    return true;
}

bool sfpm_memfs_encode(sfpm_memfs_t *memfs)
{
    if (memfs->recorded)
        return true;
    sfpm_buffer_free(&memfs->record);
    uint8_t *to = sfpm_buffer_extend(&memfs->record, (size_t)memfs->record_size);
    memfs->recorded = to && put_tree(memfs, to);
    return memfs->recorded;
}

/* ---- From bytes ------------------------------------------------------------------ */

typedef struct input {
    sfpm_wasi_reader_t reader;
    sfpm_memfs_t *memfs;
    uint64_t blocks; /* bytes of region `blocks` */
} input_t;

static bool take_header(input_t *from, uint32_t *inodes, uint32_t *entries)
{
    const uint8_t *at = sfpm_reader_take(&from->reader, SFPM_MEMFS_HEADER);
    if (!at)
        return false;
    if (sfpm_get_u32(at) != LAYOUT)
        return sfpm_fail(SFPM_ERR_UNSUPPORTED,
                         "region '%s' has layout %u, which this version does not know",
                         SFPM_MEMFS_INODES, (unsigned)sfpm_get_u32(at));
    *inodes = sfpm_get_u32(at + 8);
    *entries = sfpm_get_u32(at + 12);
    if (sfpm_get_u64(at + 16) != from->reader.size)
        return sfpm_reader_fail(&from->reader, "its size is another than it says");
    char *guest =
        sfpm_reader_take_text(&from->reader, sfpm_get_u32(at + 4), SFPM_WASI_MAX_PATH);
    if (!guest)
        return false;
    free(from->memfs->guest);
    from->memfs->guest = guest;
    from->memfs->record_size = SFPM_MEMFS_HEADER + strlen(guest);
    if (*inodes == 0 || *inodes > SFPM_MEMFS_MAX_INODES ||
        *entries > from->reader.size / SFPM_MEMFS_ENTRY)
        return sfpm_reader_fail(&from->reader,
                                "it has no root, or too many files or names");
    return true;
}

static bool is_type(uint32_t type)
{
    return type == WASI_TYPE_DIRECTORY || type == WASI_TYPE_REGULAR ||
           type == WASI_TYPE_LINK;
}

/* Its runs are only counted yet, in `max_runs`. */
static bool take_inode(input_t *from)
{
    sfpm_memfs_t *memfs = from->memfs;
    const uint8_t *at = sfpm_reader_take(&from->reader, SFPM_MEMFS_INODE);
    if (!at)
        return false;
    uint32_t number = sfpm_get_u32(at), type = sfpm_get_u32(at + 4);
    uint64_t size = sfpm_get_u64(at + 8);
    uint32_t runs = sfpm_get_u32(at + 40);
    if (number <= memfs->last_inode || number > SFPM_MEMFS_MAX_INODES || !is_type(type) ||
        sfpm_get_u32(at + 44) != 0)
        return sfpm_reader_fail(&from->reader,
                                "a file is of an unknown kind, or they are not in order");
    if ((type == WASI_TYPE_DIRECTORY && size != 0) ||
        (type == WASI_TYPE_REGULAR && size > SFPM_MEMFS_MAX_SIZE) ||
        (type != WASI_TYPE_REGULAR && runs != 0) ||
        (type == WASI_TYPE_LINK && (size == 0 || size > SFPM_WASI_MAX_PATH)))
        return sfpm_reader_fail(&from->reader, "a file has a size that it cannot have");
    if (!sfpm_memfs_reserve_inode(memfs, number) ||
        !sfpm_number_claim(&memfs->inode_map, number - 1))
        return false;
    memfs->inodes[number] = (sfpm_memfs_inode_t){.type = (uint8_t)type,
                                                 .size = size,
                                                 .accessed = sfpm_get_u64(at + 16),
                                                 .modified = sfpm_get_u64(at + 24),
                                                 .changed = sfpm_get_u64(at + 32),
                                                 .max_runs = runs};
    memfs->last_inode = number;
    memfs->num_inodes++;
    memfs->record_size += SFPM_MEMFS_INODE;
    return true;
}

/* Whether a run can follow the one before it, and its blocks are nobody else's. */
static bool claim_run(input_t *from, const sfpm_memfs_inode_t *inode,
                      const sfpm_memfs_run_t *run)
{
    uint64_t needed = (inode->size + SFPM_MEMFS_BLOCK - 1) / SFPM_MEMFS_BLOCK;
    uint64_t there = from->blocks / SFPM_MEMFS_BLOCK;
    if (run->count == 0 || !sfpm_in_range(run->first, run->count, needed) ||
        !sfpm_in_range(run->block, run->count, there))
        return sfpm_reader_fail(&from->reader, "blocks of a file lie outside");
    if (inode->num_runs > 0) {
        const sfpm_memfs_run_t *before = &inode->runs[inode->num_runs - 1];
        uint32_t end = before->first + before->count;
        if (run->first < end ||
            (run->first == end && run->block == before->block + before->count))
            return sfpm_reader_fail(&from->reader, "blocks of a file are not in order");
    }
    for (uint32_t i = 0; i < run->count; i++)
        if (!sfpm_number_claim(&from->memfs->block_map, run->block + i))
            return sfpm_reader_fail(&from->reader, "two files have the same block");
    return true;
}

static bool take_runs(input_t *from, sfpm_memfs_inode_t *inode)
{
    size_t count = inode->max_runs;
    const uint8_t *at = sfpm_reader_take(&from->reader, (uint64_t)count * SFPM_MEMFS_RUN);
    inode->max_runs = 0;
    if (!at)
        return false;
    inode->runs = count > 0 ? SFPM_NEW_N(sfpm_memfs_run_t, count) : NULL;
    if (count > 0 && !inode->runs)
        return false;
    inode->max_runs = count;
    for (; count > 0; count--, at += SFPM_MEMFS_RUN) {
        const sfpm_memfs_run_t run = {.first = sfpm_get_u32(at),
                                      .block = sfpm_get_u32(at + 4),
                                      .count = sfpm_get_u32(at + 8)};
        if (!claim_run(from, inode, &run))
            return false;
        inode->runs[inode->num_runs++] = run;
        from->memfs->record_size += SFPM_MEMFS_RUN;
    }
    return true;
}

static bool is_inode(const sfpm_memfs_t *memfs, uint32_t number)
{
    return number <= memfs->last_inode && number > 0 &&
           memfs->inodes[number].type != WASI_TYPE_UNKNOWN;
}

/* Whether the name can stand behind the entry before it. */
static bool check_name(const input_t *from, uint32_t directory, const char *name)
{
    const sfpm_memfs_t *memfs = from->memfs;
    const sfpm_memfs_entry_t *before = &memfs->entries[memfs->last_entry];
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return sfpm_reader_fail(&from->reader, "a name is none of a file");
    if (memfs->last_entry > 0 &&
        (directory < before->directory ||
         (directory == before->directory && strcmp(name, before->name) <= 0)))
        return sfpm_reader_fail(&from->reader,
                                "names are not in order, or one is there twice");
    return true;
}

static bool take_entry(input_t *from)
{
    sfpm_memfs_t *memfs = from->memfs;
    const uint8_t *at = sfpm_reader_take(&from->reader, SFPM_MEMFS_ENTRY);
    if (!at)
        return false;
    uint32_t directory = sfpm_get_u32(at), inode = sfpm_get_u32(at + 4);
    char *name =
        sfpm_reader_take_text(&from->reader, sfpm_get_u32(at + 8), SFPM_MEMFS_MAX_NAME);
    if (!name)
        return false;
    bool ok = check_name(from, directory, name);
    if (ok && (!is_inode(memfs, directory) || !is_inode(memfs, inode) ||
               memfs->inodes[directory].type != WASI_TYPE_DIRECTORY ||
               inode == SFPM_MEMFS_ROOT))
        ok = sfpm_reader_fail(&from->reader,
                              "a name leads to nothing, or lies in no directory");
    if (ok && memfs->inodes[inode].type == WASI_TYPE_DIRECTORY &&
        memfs->inodes[inode].links > 0)
        ok = sfpm_reader_fail(&from->reader, "a directory has two names");
    ok = ok && sfpm_memfs_add_entry(memfs, directory, name, strlen(name), inode) ==
                   WASI_SUCCESS;
    free(name);
    return ok;
}

static bool take_target(input_t *from, sfpm_memfs_inode_t *inode)
{
    inode->target = sfpm_reader_take_text(&from->reader, inode->size, SFPM_WASI_MAX_PATH);
    from->memfs->record_size += inode->size;
    return inode->target != NULL;
}

bool sfpm_memfs_decode(sfpm_memfs_t *memfs, const uint8_t *bytes, size_t size,
                       uint64_t blocks)
{
    input_t from = {.reader = {.region = SFPM_MEMFS_INODES, .bytes = bytes, .size = size},
                    .memfs = memfs,
                    .blocks = blocks};
    uint32_t inodes = 0, entries = 0;
    bool ok = take_header(&from, &inodes, &entries);
    while (ok && memfs->num_inodes < inodes)
        ok = take_inode(&from);
    if (ok && (!is_inode(memfs, SFPM_MEMFS_ROOT) ||
               memfs->inodes[SFPM_MEMFS_ROOT].type != WASI_TYPE_DIRECTORY))
        ok = sfpm_reader_fail(&from.reader,
                              "its first file is not the directory that has all others");
    for (uint32_t i = 1; ok && i <= memfs->last_inode; i++)
        ok = take_runs(&from, &memfs->inodes[i]);
    while (ok && memfs->num_entries < entries)
        ok = take_entry(&from);
    for (uint32_t i = 1; ok && i <= memfs->last_inode; i++)
        if (memfs->inodes[i].type == WASI_TYPE_LINK)
            ok = take_target(&from, &memfs->inodes[i]);
    if (ok && from.reader.at != size)
        ok = sfpm_reader_fail(&from.reader, "more follows its end");
    return ok && sfpm_memfs_check(memfs, blocks);
}
