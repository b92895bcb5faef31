/* SPDX-License-Identifier: MIT */
/* Files inside the image: what only the whole of it shows to be wrong. Each inode and each
 * block is looked at once. */
#include <stdlib.h>

#include "base/error.h"
#include "wasi/memfs.h"

#define BLOCK ((uint64_t)SFPM_MEMFS_BLOCK)

/* ---- Directories ----------------------------------------------------------------------- */

/* Marks a directory and those that it lies in, up to one that is marked: false when they
 * lie in a circle. */
static bool mark_path(const sfpm_memfs_t *memfs, uint32_t directory, uint32_t *marks)
{
    uint32_t start = directory;
    while (directory != 0 && marks[directory] == 0) {
        marks[directory] = start;
        directory = memfs->inodes[directory].parent;
    }
    return directory == 0 || marks[directory] != start;
}

static bool check_circles(const sfpm_memfs_t *memfs)
{
    uint32_t *marks = SFPM_NEW_N(uint32_t, (size_t)memfs->last_inode + 1);
    bool ok = marks != NULL;
    for (uint32_t i = 1; ok && i <= memfs->last_inode; i++)
        if (memfs->inodes[i].type == WASI_TYPE_DIRECTORY && marks[i] == 0 &&
            !mark_path(memfs, i, marks))
            ok = sfpm_fail(SFPM_ERR_CORRUPT,
                           "region '%s' is invalid: directory %u lies in itself",
                           SFPM_MEMFS_INODES, (unsigned)i);
    free(marks);
    return ok;
}

/* One that was removed while it was open holds nothing. */
static bool check_removed(const sfpm_memfs_t *memfs)
{
    for (uint32_t i = SFPM_MEMFS_ROOT + 1; i <= memfs->last_inode; i++) {
        const sfpm_memfs_inode_t *inode = &memfs->inodes[i];
        if (inode->type == WASI_TYPE_DIRECTORY && inode->links == 0 &&
            inode->entries != 0)
            return sfpm_fail(SFPM_ERR_CORRUPT,
                             "region '%s' is invalid: directory %u was removed, but "
                             "holds files",
                             SFPM_MEMFS_INODES, (unsigned)i);
    }
    return true;
}

/* ---- Blocks ----------------------------------------------------------------------------- */

static bool fail_block(uint64_t block, const char *what)
{
    return sfpm_fail_at(SFPM_ERR_CORRUPT, block * BLOCK, "region '%s' is invalid: %s",
                        SFPM_MEMFS_BLOCKS, what);
}

static bool check_free(const sfpm_memfs_t *memfs, uint64_t blocks)
{
    const uint8_t *data = memfs->blocks.data;
    for (uint32_t i = 0; i < blocks / BLOCK; i++)
        if (!sfpm_number_is_taken(&memfs->block_map, i) &&
            !sfpm_is_zero(data + i * BLOCK, SFPM_MEMFS_BLOCK))
            return fail_block(i, "a free block has contents");
    return true;
}

/* What the last block of a file has behind its end. */
static bool check_tail(const sfpm_memfs_t *memfs, const sfpm_memfs_inode_t *inode)
{
    size_t within = inode->size % BLOCK;
    if (within == 0 || inode->num_runs == 0)
        return true;
    const sfpm_memfs_run_t *run = &inode->runs[inode->num_runs - 1];
    uint64_t last = (uint64_t)run->block + run->count - 1;
    if ((uint64_t)run->first + run->count - 1 != inode->size / BLOCK ||
        sfpm_is_zero(memfs->blocks.data + last * BLOCK + within, (size_t)BLOCK - within))
        return true;
    return fail_block(last, "there are contents behind the end of a file");
}

bool sfpm_memfs_check(const sfpm_memfs_t *memfs, uint64_t blocks)
{
    if (blocks != sfpm_memfs_end_of_blocks(memfs) * BLOCK)
        return sfpm_fail(SFPM_ERR_CORRUPT,
                         "region '%s' is invalid: it does not end with a block that is "
                         "in use",
                         SFPM_MEMFS_BLOCKS);
    if (!check_circles(memfs) || !check_removed(memfs) || !check_free(memfs, blocks))
        return false;
    for (uint32_t i = 1; i <= memfs->last_inode; i++)
        if (!check_tail(memfs, &memfs->inodes[i]))
            return false;
    return true;
}
